// The issuer's signature over a draft (specification, section 4): an Ethereum key over the EIP-191 hash of the text.

import { joined, sameBytes, toHex, utf8 } from "./bytes.mjs";
import { keccak256 } from "./keccak.mjs";
import { recoverPublicKey } from "./secp256k1.mjs";

/** The hash that is signed: the text's length in bytes, in decimal, stands before it. */
export function personalMessageHash(text) {
  const bytes = utf8(text);
  return keccak256(joined(Uint8Array.of(0x19), utf8(`Ethereum Signed Message:\n${bytes.length}`), bytes));
}

/** The address (20 bytes) of the key that made a signature of 65 bytes over a text; null when none did. */
export function recoverAddress(text, signature) {
  const key = recoverPublicKey(personalMessageHash(text), signature);
  return key && keccak256(key).subarray(12);
}

/** Whether a text was signed by the key of this address. */
export function isSignedBy(address, text, signature) {
  const signer = recoverAddress(text, signature);
  return signer !== null && sameBytes(signer, address);
}

/** An address as it is printed (EIP-55): 0x, and a digit is a capital where the hash of the digits has 8 or more. */
export function printedAddress(address) {
  const digits = toHex(address);
  const hash = toHex(keccak256(utf8(digits)));
  return `0x${[...digits].map((digit, at) => (parseInt(hash[at], 16) >= 8 ? digit.toUpperCase() : digit)).join("")}`;
}
