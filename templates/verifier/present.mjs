// The map of present states (specification, section 12): a sparse binary Merkle tree over keys of 256 bits, hashed as crate `jmt` does.

import { fromHex, joined, sameBytes, utf8 } from "./bytes.mjs";
import { keccak256 } from "./keccak.mjs";
import { NotCanonical, readCanonical } from "./canonical.mjs";
import { asHash, asInteger, asObject, asText } from "./forms.mjs";

/** The hash of an empty subtree, and the root of the empty map. */
export const EMPTY_STATE = utf8("SPARSE_MERKLE_PLACEHOLDER_HASH__");
/** Siblings of the longest path. */
export const SIBLINGS_MAX = 256;

const LEAF_NODE = utf8("JMT::LeafNode");
const INNER_NODE = utf8("JMT::IntrnalNode");
const WORDS = ["open", "locked", "closed", "pledged", "settled", "settled_locked", "reversed", "red"];

/** The key of an invoice: code and number, a digit a nibble, then zeros. */
export const stateKey = (code, number) => joined(fromHex(`${code}${number}`, 10), new Uint8Array(22));

const leafNode = (key, valueHash) => keccak256(joined(LEAF_NODE, key, valueHash));
const innerNode = (left, right) => keccak256(joined(INNER_NODE, left, right));
const bitOf = (key, depth) => (key[depth >> 3] >> (7 - (depth & 7))) & 1;

/** The root that a path of siblings, from the bottom up, gives from the hash at its lower end. */
function fold(key, siblings, start) {
  return siblings.reduce((hash, sibling, at) => {
    const depth = siblings.length - 1 - at;
    return bitOf(key, depth) ? innerNode(sibling, hash) : innerNode(hash, sibling);
  }, start);
}

/** Whether the map of this root holds the value's text under the key. */
export function verifyPresence(root, key, value, siblings) {
  return sameBytes(fold(key, siblings, leafNode(key, keccak256(utf8(value)))), root);
}

/** Whether another leaf may stand where the key would: it is not the key's own, and shares the path down to that place. */
export function isNeighbour(other, key, depth) {
  if (sameBytes(other.key, key)) return false;
  for (let at = 0; at < depth; at += 1) if (bitOf(other.key, at) !== bitOf(key, at)) return false;
  return true;
}

/** Whether the map of this root holds nothing under the key. `other`: the leaf that stands in its place, if one does (a neighbour). */
export function verifyAbsence(root, key, siblings, other) {
  const start = other === undefined ? EMPTY_STATE : leafNode(other.key, other.value);
  return sameBytes(fold(key, siblings, start), root);
}

/** What a value says: `{ leaf, word, left?, until? }`, or `{ malformed, field }` with the field below the value. */
export function readStateValue(text) {
  let value;
  try {
    value = asObject(readCanonical(text));
  } catch (fault) {
    if (!(fault instanceof NotCanonical)) throw fault;
    return { malformed: fault.message, field: "" };
  }
  if (value === undefined) return { malformed: "the value is not an object", field: "" };
  const wrong = (field, malformed) => ({ malformed, field });
  if (asInteger(value.get("v")) !== 1n) return wrong("v", "the value is not of format version 1");
  const leaf = asHash(value.get("leaf"));
  if (leaf === undefined) return wrong("leaf", "the value names no entry");
  const word = asText(value.get("state"));
  if (!WORDS.includes(word)) return wrong("state", "the value has none of the eight states");
  const until = asInteger(value.get("until"));
  if (value.has("until") && until === undefined) return wrong("until", "the end of the lease is not an integer");
  const left = asInteger(value.get("left"));
  return { leaf, word, ...(left === undefined ? {} : { left }), ...(until === undefined ? {} : { until }) };
}
