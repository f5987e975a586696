// The verifier: a receipt or a state proof, the rosters that one trusts, a verdict (specification, section 10). The checks come in one
// fixed order; the first that fails is the verdict.

import { asBytes, asIndex, asInteger, asName, asObject, asText } from "./forms.mjs";
import { canonicalText, joinPath, NotCanonical, readCanonical } from "./canonical.mjs";
import { checkSeals, readHeader } from "./header.mjs";
import { isNeighbour, readStateValue, stateKey, verifyAbsence, verifyPresence } from "./present.mjs";
import { isSignedBy, printedAddress } from "./issuer.mjs";
import { Malformed, readDocument } from "./receipt.mjs";
import { fromHex, sameBytes, toHex } from "./bytes.mjs";
import { leafHash } from "./keccak.mjs";
import { verifyInclusion } from "./tree.mjs";

const OTHERS_NOT_COVERED = [
  "whether the goods or services were delivered and the stated facts are true",
  "whether the rosters that were given are those of the consortium: the caller vouches for them",
];
/** What no receipt can show, however valid. */
const NOT_COVERED = ["whether the entry was reversed, locked or booked later: ask the chain", ...OTHERS_NOT_COVERED];
/** The same where the present state was shown. */
const NOT_COVERED_WITH_STATE = [
  "whether the invoice was reversed, locked or booked after the header's block", ...OTHERS_NOT_COVERED,
];

/** A check that failed. */
class Failure extends Error {
  constructor(code, field, message) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

function require(holds, code, field, message) {
  if (!holds) throw new Failure(code, field, message);
}

/** The leaf hash in a printed one (`01` and 64 hex digits); null when it is none. */
export const readPrintedHash = (text) => (text.startsWith("01") ? fromHex(text.slice(2), 32) : null);

/** A leaf hash as it is printed. */
export const printedHash = (hash) => `01${toHex(hash)}`;

/**
 * The verdict on a document: its bytes, the rosters that the caller trusts (of `readRosters`), and the leaf hash that is expected or
 * undefined. Of the result, `index`, heights, times, powers and amounts are BigInt; `verdictLine` writes it as JSON.
 */
export function verifyDocument(bytes, rosters, expected) {
  const found = { covered: [] };
  const result = (code, field, message) => {
    const { index, covered, sealed, document } = found;
    // A state that nobody has sealed is nobody's word.
    const state = code === "VALID" ? found.state : undefined;
    const not_covered = state ? NOT_COVERED_WITH_STATE : NOT_COVERED;
    return { code, index, field, message, covered, sealed, state, not_covered, document };
  };
  try {
    const document = readDocument(bytes);
    found.document = document;
    if (document.entry === undefined) checkStateProof(document, rosters, expected, found);
    else checkReceipt(document, rosters, expected, found);
    return result("VALID", "", document.entry === undefined ? "the state proof is valid" : "the receipt is valid");
  } catch (fault) {
    if (fault instanceof Malformed) return result("RECEIPT_MALFORMED", fault.field, fault.message);
    if (fault instanceof Failure) return result(fault.code, fault.field, fault.message);
    throw fault;
  }
}

function checkReceipt(receipt, rosters, expected, found) {
  found.index = receipt.index;
  const entry = readEntry(receipt.entry);
  found.covered.push("the entry's text is canonical");
  const header = takeHeader(receipt.header, found);
  checkAgreement(receipt, entry, header);
  found.covered.push(`receipt, entry and header name the chain ${receipt.chain} and the index ${receipt.index}`);
  const leaf = leafHash(receipt.entry);
  if (expected !== undefined) {
    const message = `the entry's hash is ${printedHash(leaf)}, expected was ${printedHash(expected)}`;
    require(sameBytes(leaf, expected), "LEAF_HASH_MISMATCH", "entry", message);
    found.covered.push("the entry is the one whose hash was expected");
  }
  require(entry.time <= header.time, "TIME_MISMATCH", "entry.time", "the entry is later than the header");
  found.covered.push("the entry is not later than the header");
  found.covered.push(checkDraft(receipt, entry.members));
  const leads = verifyInclusion(leaf, receipt.index, header.size, receipt.proof, header.root);
  require(leads, "PROOF_BAD", "proof", "the proof does not lead from the entry to the header's root");
  found.covered.push(`the entry is number ${receipt.index} of the ${header.size} entries under the header's root`);
  if (receipt.state !== undefined) checkReceiptState(receipt.state, entry.members, leaf, header, found);
  takeSeals(header, receipt.seals, rosters, found);
}

function checkStateProof(proof, rosters, expected, found) {
  const header = takeHeader(proof.header, found);
  const chain = `the chain is ${header.chain}, the state proof's is ${proof.chain}`;
  require(header.chain === proof.chain, "CHAIN_MISMATCH", "header.chain", chain);
  requireCommitted(header);
  const key = stateKey(...proof.invoice.split("-"));
  found.state = { invoice: proof.invoice, ...(proof.state.value === undefined ? checkAbsence : checkPresence)(proof, key, header, expected) };
  found.covered.push(`as of block ${header.height} the invoice ${proof.invoice} was ${found.state.word}`);
  takeSeals(header, proof.seals, rosters, found);
}

/** Reads a text with `read`; that it is not canonical is `code` at the place in `name`. */
function canonical(code, name, read) {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof NotCanonical) throw new Failure(code, joinPath(name, fault.path), fault.message);
    throw fault;
  }
}

/** What the verifier reads of an entry; the rest of it is the ledger's. */
function readEntry(text) {
  const members = asObject(canonical("ENTRY_NOT_CANONICAL", "entry", () => readCanonical(text)));
  const wrong = "ENTRY_MALFORMED";
  require(members !== undefined, wrong, "entry", "the entry is not an object");
  require([1n, 2n].includes(asInteger(members.get("v"))), wrong, "entry.v", "the entry is not of format version 1 or 2");
  require(asText(members.get("kind")) !== undefined, wrong, "entry.kind", "the entry has no kind");
  const chain = asName(members.get("chain")), index = asIndex(members.get("index")), time = asInteger(members.get("time"));
  require(chain !== undefined, wrong, "entry.chain", "the entry names no chain");
  require(index !== undefined, wrong, "entry.index", "the entry has no index");
  require(time !== undefined, wrong, "entry.time", "the entry has no time");
  return { members, chain, index, time };
}

function takeHeader(text, found) {
  const header = canonical("HEADER_NOT_CANONICAL", "header", () => readHeader(text));
  require(header.malformed === undefined, "HEADER_MALFORMED", joinPath("header", header.field ?? ""), header.malformed);
  found.sealed = { height: header.height, time: header.time, size: header.size };
  found.covered.push("the header's text is canonical and a header of this format");
  return header;
}

function checkAgreement(receipt, entry, header) {
  for (const [chain, field] of [[entry.chain, "entry.chain"], [header.chain, "header.chain"]]) {
    require(chain === receipt.chain, "CHAIN_MISMATCH", field, `the chain is ${chain}, the receipt's is ${receipt.chain}`);
  }
  const index = `the entry's index is ${entry.index}, the receipt's ${receipt.index}`;
  require(entry.index === receipt.index, "INDEX_MISMATCH", "entry.index", index);
  const size = `the header's tree has ${header.size} entries and does not reach index ${receipt.index}`;
  require(receipt.index < header.size, "INDEX_MISMATCH", "header.size", size);
}

/** Draft, issuer and signature: all three or none. */
function checkDraft(receipt, members) {
  if (!["draft", "issuer", "signature"].some((key) => members.has(key))) {
    return "the entry carries no draft: there is no issuer signature to check";
  }
  const wrong = "DRAFT_MALFORMED";
  const draft = asObject(members.get("draft"));
  require(draft !== undefined, wrong, "entry.draft", "the draft is missing or not an object");
  require([1n, 2n].includes(asInteger(draft.get("v"))), wrong, "entry.draft.v", "the draft is not of format version 1 or 2");
  const chain = asName(draft.get("chain"));
  require(chain !== undefined, wrong, "entry.draft.chain", "the draft names no chain");
  const issuer = asBytes(20)(members.get("issuer"));
  require(issuer !== undefined, wrong, "entry.issuer", "the issuer is not 40 lower-case hex digits");
  const signature = asBytes(65)(members.get("signature"));
  require(signature !== undefined, wrong, "entry.signature", "the signature is not 130 lower-case hex digits");
  const otherChain = `the draft is for the chain ${chain}, the receipt's is ${receipt.chain}`;
  require(chain === receipt.chain, "CHAIN_MISMATCH", "entry.draft.chain", otherChain);
  // The entry is canonical, so what is written here is the substring that the issuer signed.
  const signed = isSignedBy(issuer, canonicalText(draft), signature);
  const address = printedAddress(issuer);
  require(signed, "ISSUER_SIGNATURE_BAD", "entry.signature", `the draft was not signed by ${address}`);
  return `the draft was signed by the issuer ${address} (that the key is the seller's is attested by the seals)`;
}

function requireCommitted(header) {
  const message = "the header is of version 1 and commits to no states";
  require(header.state !== undefined, "STATE_UNCOMMITTED", "header.state", message);
}

function takeStateValue(text) {
  const value = readStateValue(text);
  require(value.malformed === undefined, "STATE_MALFORMED", joinPath("state.value", value.field ?? ""), value.malformed);
  return value;
}

/** What is said of a state: all but the hash of the entry. */
const said = ({ leaf, ...rest }) => rest;

/** The state in a receipt: that of the receipt's own invoice, under the receipt's own header. */
function checkReceiptState(state, members, leaf, header, found) {
  requireCommitted(header);
  const value = takeStateValue(state.value);
  const code = asText(members.get("code")), number = asText(members.get("number"));
  const isInvoice = /^[0-9]{12}$/.test(code ?? "") && /^[0-9]{8}$/.test(number ?? "");
  const message = "the entry has no code of 12 digits and number of 8 digits: it is no invoice";
  require(isInvoice, "STATE_MALFORMED", "entry.number", message);
  const other = `the state is that of the entry with the hash ${printedHash(value.leaf)}`;
  require(sameBytes(value.leaf, leaf), "STATE_LEAF_MISMATCH", "state.value.leaf", other);
  requirePath(verifyPresence(header.state, stateKey(code, number), state.value, state.siblings));
  const invoice = `${code}-${number}`;
  found.covered.push(`as of block ${header.height} the invoice ${invoice} was ${value.word}`);
  found.state = { invoice, ...said(value) };
}

function requirePath(leads) {
  require(leads, "STATE_PROOF_BAD", "state.siblings", "the path does not lead from the state to the header's root of states");
}

function checkPresence({ state }, key, header, expected) {
  const value = takeStateValue(state.value);
  if (expected !== undefined) {
    const message = `the entry's hash is ${printedHash(value.leaf)}, expected was ${printedHash(expected)}`;
    require(sameBytes(value.leaf, expected), "LEAF_HASH_MISMATCH", "state.value.leaf", message);
  }
  requirePath(verifyPresence(header.state, key, state.value, state.siblings));
  return said(value);
}

function checkAbsence({ state }, key, header, expected) {
  const absent = "an invoice with this hash was expected, and the proof says that there is none";
  require(expected === undefined, "LEAF_HASH_MISMATCH", "state", absent);
  const meets = state.other === undefined || isNeighbour(state.other, key, state.siblings.length);
  require(meets, "STATE_PROOF_BAD", "state.other", "the other leaf is at another place, or is the invoice's own");
  requirePath(verifyAbsence(header.state, key, state.siblings, state.other));
  return { word: "absent" };
}

function takeSeals(header, seals, rosters, found) {
  const { failure, power, total } = checkSeals(header, seals, rosters);
  if (failure) throw new Failure(...failure);
  Object.assign(found.sealed, { power, total });
  const names = seals.map(({ member }) => member).join(", ");
  found.covered.push(`the header is sealed by ${names} with ${power} of ${total} of the voting power`);
}

/** A verdict as one line of JSON, with `first` members before its own. Integers are written exactly, however large. */
export function verdictLine(verdict, first = {}) {
  const { code, index, field, message, covered, sealed, state, not_covered } = verdict;
  return json({ ...first, code, index, field, message, covered, sealed, state, not_covered });
}

function json(value) {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${members.map(([key, one]) => `${JSON.stringify(key)}:${json(one)}`).join(",")}}`;
}
