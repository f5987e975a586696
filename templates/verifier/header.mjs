// Rosters and headers (specification, sections 5 and 6), and the seals under a header (section 7).

import { readPublicKey, verifySignature } from "./secp256k1.mjs";
import { sameBytes, toHex, utf8 } from "./bytes.mjs";
import { EMPTY_ROOT } from "./tree.mjs";
import { EMPTY_STATE } from "./present.mjs";
import { headerHash, keccak256, rosterHash } from "./keccak.mjs";
import { itemTexts } from "./json.mjs";
import { readCanonical } from "./canonical.mjs";
import { asArray, asBytes, asHash, asIndex, asInteger, asName, asRecord } from "./forms.mjs";

const MEMBERS_MAX = 64;
const ZERO_HASH = new Uint8Array(32);

const isVersion = (...versions) => (value) => {
  const version = asInteger(value);
  return version !== undefined && versions.includes(version) ? version : undefined;
};

const asKey = (value) => {
  const bytes = asBytes(33)(value);
  return (bytes && readPublicKey(bytes)) ?? undefined;
};

const asPower = (value) => {
  const power = asIndex(value);
  return power !== undefined && power >= 1n ? power : undefined;
};

/** A roster from its canonical text. Throws an Error that says what is wrong. */
export function readRoster(text) {
  const value = readCanonical(text);
  const member = asRecord({ key: asKey, name: asName, power: asPower });
  const roster = asRecord({ chain: asName, from: asIndex, members: asArray(member), v: isVersion(1n) })(value);
  if (roster === undefined) throw new Error("not a roster");
  const { members } = roster;
  if (members.length < 1 || members.length > MEMBERS_MAX) throw new Error(`a roster has 1 to ${MEMBERS_MAX} members`);
  if (members.some((one, at) => at > 0 && members[at - 1].name >= one.name)) throw new Error("members are sorted by name, none twice");
  if (new Set(value.get("members").map((one) => one.get("key"))).size < members.length) throw new Error("a key stands twice");
  return { ...roster, text, hash: rosterHash(text), total: members.reduce((sum, one) => sum + one.power, 0n) };
}

/** The rosters of a file: one, or a JSON array of them. */
export function readRosters(file) {
  const text = file.trim();
  return (text.startsWith("[") ? itemTexts(text) : [text]).map(readRoster);
}

const HEADER = {
  chain: asName, height: asIndex, members: asHash, next_members: asHash, prev: asHash, proposer: asName, root: asHash, size: asIndex,
  time: asInteger, v: isVersion(1n, 2n),
};

/**
 * A header from its canonical text. Throws NotCanonical; where the header itself is malformed, gives `{ malformed, field }`, with the
 * field below `header`. `state` is there from version 2 on.
 */
export function readHeader(text) {
  const value = readCanonical(text);
  const header = asRecord(HEADER, { state: asHash })(value);
  if (header === undefined) return { malformed: "not a header", field: "" };
  const genesis = header.height === 0n;
  const rules = [
    [header.time >= 0n, "time", "the time is before 1970"],
    [!genesis || header.size === 0n, "size", "genesis has entries"],
    [!genesis || sameBytes(header.members, header.next_members), "next_members", "genesis changes the roster"],
    [genesis === sameBytes(header.prev, ZERO_HASH), "prev", "zeros stand for the header before in genesis, and only there"],
    [header.size > 0n || sameBytes(header.root, EMPTY_ROOT), "root", "an empty tree has another root"],
    [(header.v === 2n) === (header.state !== undefined), "state", "the root of the present states stands in version 2, and only there"],
    [header.size > 0n || sameBytes(header.state ?? EMPTY_STATE, EMPTY_STATE), "state", "without entries there are no states"],
  ];
  const broken = rules.find(([holds]) => !holds);
  return broken ? { malformed: broken[2], field: broken[1] } : { ...header, hash: headerHash(text) };
}

/** What a seal signs. */
function voteText({ chain, hash, height }, round) {
  return `{"chain":"${chain}","header":"${toHex(hash)}","height":${height},"round":${round},"v":1}`;
}

/** The roster whose seals count for a header, or the failure: code, field and message. */
function rosterInForce(header, rosters) {
  const counting = rosters.filter(({ chain, from }) => chain === header.chain && from <= header.height);
  const roster = counting.find(({ hash }) => sameBytes(hash, header.members));
  if (roster === undefined) {
    const message = `no trusted roster has the hash ${toHex(header.members)} and counts at height ${header.height}`;
    return { failure: ["ROSTER_UNKNOWN", "header.members", message] };
  }
  const later = counting.find(({ from }) => from > roster.from);
  if (later === undefined) return { roster };
  const message = `at height ${header.height} the roster is one from height ${later.from} on, ${toHex(later.hash)}`;
  return { failure: ["ROSTER_SUPERSEDED", "header.members", message] };
}

/** Checks the seals of a header: `{ power, total }` behind it, or `{ failure }` with code, field and message. */
export function checkSeals(header, seals, rosters) {
  const { roster, failure } = rosterInForce(header, rosters);
  if (failure) return { failure };
  const sealed = new Set();
  let power = 0n;
  for (const [at, { member: name, round, signature }] of seals.entries()) {
    const bad = (code, field, message) => ({ failure: [code, `seals[${at}].${field}`, message] });
    const member = roster.members.find((one) => one.name === name);
    if (member === undefined) return bad("SEAL_STRANGER", "member", `${name} is not in the roster`);
    if (sealed.has(name)) return bad("SEAL_DUPLICATE", "member", `${name} has sealed already`);
    if (round !== seals[0].round) {
      return bad("SEAL_ROUND_MISMATCH", "round", `${name} sealed in round ${round}, the first seal is of another round`);
    }
    if (!verifySignature(keccak256(utf8(voteText(header, round))), signature, member.key)) {
      return bad("SEAL_BAD", "signature", `the seal of ${name} is not by the member's key over this vote, with r and s in range and s low`);
    }
    sealed.add(name);
    power += member.power;
  }
  if (3n * power > 2n * roster.total) return { power, total: roster.total };
  const below = `the seals hold ${power} of ${roster.total}: a quorum is more than two thirds`;
  return { failure: ["SEALS_BELOW_QUORUM", "seals", below] };
}
