// Bytes: hex, UTF-8, and joining. Hex is lower case; one value has one text.

const DIGITS = "0123456789abcdef";

/** The bytes that `text` writes in lower-case hex, or null unless it is exactly `length` bytes of it. */
export function fromHex(text, length) {
  if (typeof text !== "string" || text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) return null;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** Bytes in lower-case hex. */
export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte >> 4] + DIGITS[byte & 15];
  return text;
}

/** A text in UTF-8. The text MUST have no lone surrogates. */
export function utf8(text) {
  return new TextEncoder().encode(text);
}

/** Some byte arrays, one behind the other. */
export function joined(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Whether two byte arrays are equal. Nothing here is secret: no constant time. */
export function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Bytes, big-endian, as a BigInt. */
export function toBigInt(bytes) {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** A BigInt from 0 to 2^256 - 1 as 32 bytes, big-endian. */
export function toBytes32(value) {
  return fromHex(value.toString(16).padStart(64, "0"), 32);
}
