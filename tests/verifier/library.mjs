// keccak256 and secp256k1 of the verifier against @noble/hashes and @noble/curves. Arguments: the folder of npm's packages, a seed.
// Prints how many comparisons of each kind there were; throws at the first that differs.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

import { CURVE_ORDER as N, readPublicKey, recoverPublicKey, verifySignature } from "../../templates/verifier/secp256k1.mjs";
import { joined, toBigInt, toBytes32, toHex } from "../../templates/verifier/bytes.mjs";
import { keccak256 } from "../../templates/verifier/keccak.mjs";

const [, , modules, seed] = process.argv;
const require = createRequire(path.join(modules, "x.js"));
const { keccak_256: nobleKeccak } = require("@noble/hashes/sha3");
const { secp256k1: noble } = require("@noble/curves/secp256k1");

const P = 2n ** 256n - 2n ** 32n - 977n;
const counts = {};
const counted = (kind) => { counts[kind] = (counts[kind] ?? 0) + 1; };

// Random bytes from the seed: a hash chain of @noble's, so that nothing of ours decides what is asked.
let state = nobleKeccak(new TextEncoder().encode(seed));
function random(length) {
  const parts = [];
  for (let have = 0; have < length; have += 32) {
    state = nobleKeccak(state);
    parts.push(state);
  }
  return joined(...parts).slice(0, length);
}
const scalar = () => (toBigInt(random(40)) % (N - 1n)) + 1n;

// --- keccak256: every length up to two blocks and more, and some long ones
for (let length = 0; length <= 300; length += 1) {
  for (let time = 0; time < 3; time += 1) {
    const message = random(length);
    assert.equal(toHex(keccak256(message)), toHex(nobleKeccak(message)), `keccak256 of ${length} bytes`);
    counted("keccak256");
  }
}
for (const length of [1_000, 10_000, 136 * 100, 136 * 100 - 1, 100_000]) {
  const message = random(length);
  assert.equal(toHex(keccak256(message)), toHex(nobleKeccak(message)));
  counted("keccak256");
}

/** What @noble says of 64 bytes over a hash by a key, low s demanded; an error is a no. */
function nobleVerifies(signature, hash, key) {
  try {
    return noble.verify(signature, hash, key, { prehash: false, lowS: true });
  } catch {
    return false;
  }
}

/** The 64 bytes of the key that @noble recovers, or null; v as we have it, low s demanded, x = r alone. */
function nobleRecovers(signature, hash) {
  const v = signature[64];
  if (v !== 27 && v !== 28) return null;
  try {
    const read = noble.Signature.fromCompact(signature.slice(0, 64)).addRecoveryBit(v - 27);
    if (read.hasHighS()) return null;
    return read.recoverPublicKey(hash).toRawBytes(false).slice(1);
  } catch {
    return null;
  }
}

function compareVerify(signature, hash, key, kind) {
  const point = readPublicKey(key);
  assert.notEqual(point, null);
  const ours = verifySignature(hash, signature, point);
  assert.equal(ours, nobleVerifies(signature, hash, key), `${kind}: ${toHex(signature)} over ${toHex(hash)} by ${toHex(key)}`);
  counted(`${kind}, ${ours ? "good" : "bad"}`);
  return ours;
}

function compareRecover(signature, hash, kind) {
  const ours = recoverPublicKey(hash, signature), theirs = nobleRecovers(signature, hash);
  assert.equal(ours && toHex(ours), theirs && toHex(theirs), `${kind}: ${toHex(signature)} over ${toHex(hash)}`);
  counted(`${kind}, ${ours ? "a key" : "none"}`);
  return ours;
}

/** The inverse modulo n by Fermat. */
function invert(value) {
  let [result, base] = [1n, value % N];
  for (let exponent = N - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % N;
    base = (base * base) % N;
  }
  return result;
}

const edges = [0n, 1n, 2n, (N - 1n) / 2n, (N + 1n) / 2n, N - 1n, N, N + 1n, P - N, P - 1n, P, 2n ** 256n - 1n];
const with64 = (r, s) => joined(toBytes32(r), toBytes32(s));

// --- signatures: good ones, then each with something else
for (let time = 0; time < 150; time += 1) {
  const secret = toBytes32(scalar()), hash = time % 10 === 0 ? toBytes32(edges[(time / 10) % edges.length]) : random(32);
  const key = noble.getPublicKey(secret, true);
  const signed = noble.sign(hash, secret, { lowS: true, prehash: false });
  const good = signed.toCompactRawBytes(), v = 27 + signed.recovery;
  assert.equal(compareVerify(good, hash, key, "signature"), true);
  const [r, s] = [signed.r, signed.s];
  const edge = edges[time % edges.length];
  compareVerify(with64(r, N - s), hash, key, "high s");
  compareVerify(with64(edge, s), hash, key, "r at an edge");
  compareVerify(with64(r, edge), hash, key, "s at an edge");
  compareVerify(good, random(32), key, "another hash");
  compareVerify(good, hash, noble.getPublicKey(toBytes32(scalar()), true), "another key");
  const flipped = good.slice();
  flipped[time % 64] ^= 1 << (time % 8);
  compareVerify(flipped, hash, key, "a bit flipped");

  const whole = (bytes, last) => joined(bytes, Uint8Array.of(last));
  const own = compareRecover(whole(good, v), hash, "recovered");
  assert.equal(toHex(own), toHex(noble.ProjectivePoint.fromHex(key).toRawBytes(false).slice(1)));
  for (const last of [27, 28, 0, 1, 26, 29, 30, 255]) compareRecover(whole(good, last), hash, `v ${last === v ? "right" : "other"}`);
  compareRecover(whole(with64(r, N - s), 55 - v), hash, "recovered from high s");
  compareRecover(whole(with64(edge, s), v), hash, "recovered from r at an edge");
  compareRecover(whole(with64(r, edge), v), hash, "recovered from s at an edge");
  compareRecover(whole(random(64), 27 + (time % 2)), hash, "recovered from anything");
}

// --- sums that are infinity: r = x of k G and hash = -r d, so that u1 G + u2 Q = 0; and hash = s k, so that the recovered key is 0
for (let time = 0; time < 20; time += 1) {
  const d = scalar(), k = scalar();
  const nonce = noble.ProjectivePoint.BASE.multiply(k).toAffine();
  const r = nonce.x % N, s = (scalar() % ((N - 1n) / 2n)) + 1n;
  const key = noble.getPublicKey(toBytes32(d), true);
  compareVerify(with64(r, s), toBytes32((N - ((r * d) % N)) % N), key, "infinity");
  compareRecover(joined(with64(r, s), Uint8Array.of(nonce.y & 1n ? 28 : 27)), toBytes32((s * k) % N), "recovered to infinity");
}

// --- a nonce whose x is n or more: r is x - n, and the signature is good; recovery, which takes x = r, finds another key or none
let above = 0;
for (let t = 1n; above < 5; t += 1n) {
  let nonce;
  try {
    nonce = noble.ProjectivePoint.fromHex(joined(Uint8Array.of(2), toBytes32(N + t)));
  } catch {
    continue;
  }
  above += 1;
  const s = (scalar() % ((N - 1n) / 2n)) + 1n, e = scalar();
  const inverse = invert(t);
  const key = nonce.multiply((s * inverse) % N).add(noble.ProjectivePoint.BASE.multiply((N - ((e * inverse) % N)) % N));
  assert.equal(compareVerify(with64(t, s), toBytes32(e), key.toRawBytes(true), "x above n"), true);
  compareRecover(joined(with64(t, s), Uint8Array.of(27)), toBytes32(e), "recovered where x was above n");
}

// --- u1 G = u2 Q: the addition that is a doubling. Q = d G, u2 = u1 / d
for (let time = 0; time < 20; time += 1) {
  const d = scalar(), r = scalar();
  const s = (scalar() % ((N - 1n) / 2n)) + 1n;
  compareVerify(with64(r, s), toBytes32((r * d) % N), noble.getPublicKey(toBytes32(d), true), "a doubling");
}

// --- keys: points, and numbers that are no point
for (const x of [...edges, ...Array.from({ length: 200 }, () => toBigInt(random(32)))]) {
  for (const head of [0, 2, 3, 4]) {
    const bytes = joined(Uint8Array.of(head), toBytes32(x));
    let theirs = null;
    try {
      const { x: px, y: py } = noble.ProjectivePoint.fromHex(bytes).toAffine();
      theirs = [px, py];
    } catch {
      // No point.
    }
    assert.deepEqual(readPublicKey(bytes), theirs, toHex(bytes));
    counted(`key, ${theirs ? "a point" : "none"}`);
  }
}

// --- small keys: G itself and its neighbours, where tables meet their own points
for (let d = 1n; d <= 40n; d += 1n) {
  for (const secret of [d, N - d]) {
    const hash = random(32);
    const signed = noble.sign(hash, toBytes32(secret), { lowS: true, prehash: false });
    assert.equal(compareVerify(signed.toCompactRawBytes(), hash, noble.getPublicKey(toBytes32(secret), true), "small key"), true);
  }
}

console.log(JSON.stringify(counts));
