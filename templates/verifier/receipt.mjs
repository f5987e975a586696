// The outer form of what is verified: receipts (specification, section 9) and state proofs (section 12). Any JSON, but strict: no member
// twice, none unknown.

import { asArray, asBytes, asHash, asIndex, asInteger, asName, asRecord, asRound, asText } from "./forms.mjs";
import { decodeUtf8, JsonError, parseJson } from "./json.mjs";
import { fromHex } from "./bytes.mjs";
import { EMPTY_STATE, SIBLINGS_MAX } from "./present.mjs";

/** Largest receipt, in bytes. */
export const RECEIPT_BYTES_MAX = 8 * 1024 * 1024;
const PROOF_HASHES_MAX = 65;
const SEALS_MAX = 64;

/** That a document is malformed: `field` names a limit that is broken, and is empty otherwise. */
export class Malformed extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** A sibling of a path: a hash, or nothing for the empty subtree. */
const asSibling = (value) => (value === "" ? EMPTY_STATE : fromHex(value, 32) ?? undefined);

/** Whether a document is a state proof: an object with a member `invoice` and no member `entry`. */
function isStateProof(value) {
  return value instanceof Map && value.has("invoice") && !value.has("entry");
}

function limit(items, most, field) {
  if (items.length > most) throw new Malformed(field, `at most ${most}`);
}

function read(bytes) {
  if (bytes.length > RECEIPT_BYTES_MAX) throw new Malformed("", `a receipt has at most ${RECEIPT_BYTES_MAX} bytes`);
  try {
    return parseJson(decodeUtf8(bytes));
  } catch (fault) {
    if (fault instanceof JsonError || fault instanceof TypeError) throw new Malformed("", `not JSON: ${fault.message}`);
    throw fault;
  }
}

/**
 * A document from its bytes: a receipt (`entry` is there) or a state proof (`invoice` is there). Throws Malformed.
 * `v` is BigInt, hashes and signatures are bytes.
 */
export function readDocument(bytes) {
  const { value, repeated } = read(bytes);
  const record = (needed, optional) => asRecord(needed, optional, repeated);
  const seals = asArray(record({ member: asName, round: asRound, signature: asBytes(64) }));
  const siblings = asArray(asSibling);
  const shared = { chain: asName, header: asText, seals, v: asInteger };
  let document;
  if (isStateProof(value)) {
    const other = record({ key: asHash, value: asHash });
    document = record({ ...shared, invoice: asText, state: record({ siblings }, { value: asText, other }) })(value);
  } else {
    const state = record({ siblings, value: asText });
    document = record({ ...shared, entry: asText, index: asIndex, proof: asArray(asHash) }, { state })(value);
  }
  if (document === undefined) throw new Malformed("", "neither a receipt nor a state proof");
  checkForm(document);
  return document;
}

function checkForm({ entry, invoice, proof, seals, state, v }) {
  if (entry !== undefined) {
    if (v !== 1n && v !== 2n) throw new Malformed("", `format version ${v} is not known, only 1 and 2`);
    limit(proof, PROOF_HASHES_MAX, "proof");
    limit(seals, SEALS_MAX, "seals");
    if ((v === 2n) !== (state !== undefined)) throw new Malformed("state", "a present state stands in version 2, and only there");
    limit(state?.siblings ?? [], SIBLINGS_MAX, "state.siblings");
    return;
  }
  if (v !== 1n) throw new Malformed("", `format version ${v} is not known, only 1`);
  limit(seals, SEALS_MAX, "seals");
  limit(state.siblings, SIBLINGS_MAX, "state.siblings");
  if (state.value !== undefined && state.other !== undefined) {
    throw new Malformed("state.other", "a state that is there needs no other leaf");
  }
  if (!/^[0-9]{12}-[0-9]{8}$/.test(invoice)) {
    throw new Malformed("invoice", "an invoice is named by 12 digits, a hyphen and 8 digits");
  }
}
