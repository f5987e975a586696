// The golden files of fixtures/chain that hold no whole documents, by the JavaScript verifier's parts. Argument: the folder. Throws at
// the first value that differs; prints how many of each there were.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

import { EMPTY_STATE, isNeighbour, readStateValue, stateKey, verifyAbsence, verifyPresence } from "../../templates/verifier/present.mjs";
import { fromHex, sameBytes, toHex, utf8 } from "../../templates/verifier/bytes.mjs";
import { headerHash, keccak256, leafHash } from "../../templates/verifier/keccak.mjs";
import { isSignedBy, personalMessageHash, printedAddress, recoverAddress } from "../../templates/verifier/issuer.mjs";
import { NotCanonical, readCanonical } from "../../templates/verifier/canonical.mjs";
import { readHeader, readRoster } from "../../templates/verifier/header.mjs";
import { readPublicKey, verifySignature } from "../../templates/verifier/secp256k1.mjs";
import { verifyConsistency, verifyInclusion } from "../../templates/verifier/tree.mjs";

const folder = process.argv[2];
const file = (name) => JSON.parse(readFileSync(path.join(folder, name), "utf8"));
const counts = {};
const counted = (kind) => { counts[kind] = (counts[kind] ?? 0) + 1; };
const hash = (text) => fromHex(text, 32);
const hashes = (texts) => texts.map(hash);

function canonical() {
  const { accepted, refused } = file("canonical.json");
  for (const { text, leaf_hash: leaf } of accepted) {
    readCanonical(text);
    assert.equal(toHex(leafHash(text)), leaf, text);
    counted("canonical text accepted");
  }
  for (const { text, path: place } of refused) {
    assert.throws(() => readCanonical(text), (fault) => fault instanceof NotCanonical && fault.path === place, text);
    counted("canonical text refused");
  }
}

/** That a proof which holds does not hold any more when it is changed. */
function onlySo(proof, holds) {
  assert.ok(holds(proof));
  assert.ok(!holds([...proof, new Uint8Array(32)]));
  if (proof.length === 0) return;
  assert.ok(!holds(proof.slice(1)));
  assert.ok(!holds(proof.slice(0, -1)));
  const changed = proof.map((one) => one.slice());
  changed[changed.length - 1][31] ^= 1;
  assert.ok(!holds(changed));
}

function tree() {
  const golden = file("tree.json");
  const roots = hashes(golden.roots);
  const leaf = (index) => leafHash(`${index}`);
  const included = (index, size, proof) => {
    onlySo(proof, (one) => verifyInclusion(leaf(index), BigInt(index), BigInt(size), one, roots[size]));
    assert.ok(size === 1 || !verifyInclusion(leaf(index), BigInt((index + 1) % size), BigInt(size), proof, roots[size]));
    assert.ok(!verifyInclusion(leaf(index), BigInt(size), BigInt(size), proof, roots[size]));
    counted("inclusion proof");
  };
  const consistent = (old, fresh, proof) => {
    onlySo(proof, (one) => verifyConsistency(BigInt(old), BigInt(fresh), one, roots[old], roots[fresh]));
    assert.ok(old === fresh || !verifyConsistency(BigInt(fresh), BigInt(old), proof, roots[fresh], roots[old]));
    counted("consistency proof");
  };
  for (const { index, size, proof } of golden.inclusion) included(index, size, hashes(proof));
  for (const { old, new: fresh, proof } of golden.consistency) consistent(old, fresh, hashes(proof));
  const numbered = (text) => (text === "" ? [] : text.split(" ").map((number) => hash(golden.nodes[Number(number)])));
  for (const [at, proofs] of golden.every_inclusion.entries()) proofs.forEach((proof, index) => included(index, at + 1, numbered(proof)));
  for (const [at, proofs] of golden.every_consistency.entries()) proofs.forEach((proof, from) => consistent(from + 1, at + 1, numbered(proof)));
}

function issuer() {
  const { signed, refused } = file("issuer.json");
  for (const { text, address, eip55, eip191_hash: message, signature } of signed) {
    assert.equal(toHex(personalMessageHash(text)), message);
    assert.equal(toHex(recoverAddress(text, fromHex(signature, 65))), address);
    assert.equal(printedAddress(fromHex(address, 20)), eip55);
    assert.ok(!isSignedBy(fromHex(address, 20), `${text} `, fromHex(signature, 65)));
    counted("issuer signature");
  }
  for (const { text, signature, why } of refused) {
    assert.equal(recoverAddress(text, fromHex(signature, 65)), null, why);
    counted("issuer signature refused");
  }
}

function seals() {
  for (const { key, seal, vote, vote_hash: message } of file("seal.json").seals) {
    const point = readPublicKey(fromHex(key, 33)), signature = fromHex(seal.signature, 64);
    assert.equal(toHex(keccak256(utf8(vote))), message);
    assert.ok(verifySignature(hash(message), signature, point));
    assert.ok(!verifySignature(keccak256(utf8(`${vote} `)), signature, point));
    counted("seal");
  }
}

function headers() {
  const golden = file("header.json");
  for (const { text, hash: expected } of golden.headers) {
    assert.equal(readHeader(text).malformed, undefined);
    assert.equal(toHex(headerHash(text)), expected);
    counted("header");
  }
  for (const { text, hash: expected } of golden.rosters) {
    assert.equal(toHex(readRoster(text).hash), expected);
    for (const other of [`${text} `, text.replace('"power":', '"power":0,"power":'), text.replace(/"v":1\}$/, '"v":2}'), text.replace(/"key":"0[23]/, '"key":"05')]) {
      assert.throws(() => readRoster(other));
    }
    counted("roster");
  }
}

function states() {
  for (const { invoices, root, proofs } of file("states.json").maps) {
    for (const { invoice, key, value } of invoices) {
      assert.equal(toHex(stateKey(...invoice.split("-"))), key);
      assert.equal(readStateValue(value).malformed, undefined);
      counted("state");
    }
    for (const { invoice, siblings, value, other } of proofs) {
      const key = stateKey(...invoice.split("-"));
      const path = siblings.map((one) => (one === "" ? EMPTY_STATE : hash(one)));
      const neighbour = other && { key: hash(other.key), value: hash(other.value) };
      const leads = (to) => (value === undefined ? verifyAbsence(to, key, path, neighbour) : verifyPresence(to, key, value, path));
      assert.ok(leads(hash(root)));
      assert.ok(!leads(new Uint8Array(32)));
      assert.ok(neighbour === undefined || (isNeighbour(neighbour, key, path.length) && !sameBytes(neighbour.key, key)));
      counted(value === undefined ? "absence" : "presence");
    }
  }
}

canonical();
tree();
issuer();
seals();
headers();
states();
console.log(JSON.stringify(counts));
