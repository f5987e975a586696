// The Merkle tree of RFC 9162 with the hashes of section 2: inclusion and consistency proofs (specification, section 3).
// Sizes and indexes are BigInt: they go to 2^64 - 1.

import { nodeHash, keccak256 } from "./keccak.mjs";
import { sameBytes } from "./bytes.mjs";

/** The root of a tree without leaves. */
export const EMPTY_ROOT = keccak256(new Uint8Array(0));

const odd = (number) => (number & 1n) === 1n;

/** Whether the proof leads from the leaf at `index` to the root of a tree of `size` leaves. */
export function verifyInclusion(leaf, index, size, proof, root) {
  if (index >= size) return false;
  let f = index, s = size - 1n, r = leaf;
  for (const sibling of proof) {
    if (s === 0n) return false;
    if (odd(f) || f === s) {
      r = nodeHash(sibling, r);
      while (!odd(f) && f !== 0n) [f, s] = [f >> 1n, s >> 1n];
    } else {
      r = nodeHash(r, sibling);
    }
    [f, s] = [f >> 1n, s >> 1n];
  }
  return s === 0n && sameBytes(r, root);
}

/** Whether the proof shows that the tree of `n` leaves with `rootN` begins with the `m` leaves whose root is `rootM`. */
export function verifyConsistency(m, n, proof, rootM, rootN) {
  if (m === n) return proof.length === 0 && sameBytes(rootM, rootN) && (m !== 0n || sameBytes(rootM, EMPTY_ROOT));
  if (m === 0n) return proof.length === 0 && sameBytes(rootM, EMPTY_ROOT);
  if (m > n || proof.length === 0) return false;
  const path = (m & (m - 1n)) === 0n ? [rootM, ...proof] : proof;
  let f = m - 1n, s = n - 1n;
  while (odd(f)) [f, s] = [f >> 1n, s >> 1n];
  let a = path[0], b = path[0];
  for (const c of path.slice(1)) {
    if (s === 0n) return false;
    if (odd(f) || f === s) {
      [a, b] = [nodeHash(c, a), nodeHash(c, b)];
      while (!odd(f) && f !== 0n) [f, s] = [f >> 1n, s >> 1n];
    } else {
      b = nodeHash(b, c);
    }
    [f, s] = [f >> 1n, s >> 1n];
  }
  return s === 0n && sameBytes(a, rootM) && sameBytes(b, rootN);
}
