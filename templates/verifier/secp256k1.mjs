// ECDSA over secp256k1 (SEC 1, SEC 2): verification, and recovery of the public key. Only public values: nothing here is constant time.

import { toBigInt, toBytes32 } from "./bytes.mjs";

/** The field's prime: 2^256 - 2^32 - 977. */
const P = 2n ** 256n - 2n ** 32n - 977n;
/** The order of the group. */
export const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HALF_ORDER = CURVE_ORDER >> 1n;
const BASE_X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n;
const BASE_Y = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n;

const mod = (value, modulus) => {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
};

/** The inverse modulo a prime, of a value that is not 0, by Euclid's algorithm. */
function inverse(value, modulus) {
  let [a, b, u, v] = [mod(value, modulus), modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [u, v] = [v - quotient * u, u];
  }
  return mod(u, modulus);
}

/** A square root modulo P if there is one, else anything: (P + 1) / 4 as exponent, since P is 3 modulo 4. */
function root(square) {
  let result = 1n;
  for (const bit of ((P + 1n) >> 2n).toString(2)) {
    result = (result * result) % P;
    if (bit === "1") result = (result * square) % P;
  }
  return result;
}

// Points are [X, Y, Z] in Jacobian coordinates (x = X / Z^2, y = Y / Z^3), infinity is Z = 0; affine ones have Z = 1.
const INFINITY = [0n, 1n, 0n];

function doubled([x, y, z]) {
  if (z === 0n) return INFINITY;
  const yy = (y * y) % P;
  const s = (4n * x * yy) % P;
  const m = (3n * x * x) % P;
  const newX = mod(m * m - 2n * s, P);
  return [newX, mod(m * (s - newX) - 8n * yy * yy, P), (2n * y * z) % P];
}

/** The sum of two points of which the second is affine; [x, y] with sign. */
function plusAffine(point, x2, y2) {
  const [x1, y1, z1] = point;
  if (z1 === 0n) return [x2, y2, 1n];
  const zz = (z1 * z1) % P;
  const h = (x2 * zz - x1) % P;
  const r = (y2 * ((zz * z1) % P) - y1) % P;
  if (h === 0n) return r === 0n ? doubled(point) : INFINITY;
  const hh = (h * h) % P;
  const hhh = (hh * h) % P;
  const v = (x1 * hh) % P;
  const x3 = mod(r * r - hhh - 2n * v, P);
  return [x3, mod(r * (v - x3) - y1 * hhh, P), mod(z1 * h, P)];
}

/** The odd multiples 1, 3, 5, ... of an affine point, `count` of them, affine: one inversion for all. */
function oddMultiples(x, y, count) {
  const [twiceX, twiceY] = affine(doubled([x, y, 1n]));
  const points = [[x, y, 1n]];
  for (let at = 1; at < count; at += 1) points.push(plusAffine(points[at - 1], twiceX, twiceY));
  // Products of all z up to each place; then back, taking one factor off the inverse at a time.
  const products = [1n];
  for (const [, , z] of points) products.push((products[products.length - 1] * z) % P);
  let inverted = inverse(products[points.length], P);
  const result = new Array(count);
  for (let at = count - 1; at >= 0; at -= 1) {
    const [px, py, pz] = points[at];
    const zInverse = (inverted * products[at]) % P;
    const zz = (zInverse * zInverse) % P;
    result[at] = [(px * zz) % P, (py * ((zz * zInverse) % P)) % P];
    inverted = (inverted * pz) % P;
  }
  return result;
}

/** A point other than infinity as [x, y]. */
function affine([x, y, z]) {
  const zInverse = inverse(z, P);
  const zz = (zInverse * zInverse) % P;
  return [(x * zz) % P, (y * ((zz * zInverse) % P)) % P];
}

/** The digits of a scalar in width-w non-adjacent form, lowest first: each 0 or odd and below 2^(w - 1) in size. */
function nonAdjacent(scalar, width) {
  const digits = new Array(258).fill(0);
  const bits = scalar.toString(2);
  // Bits, lowest first; a digit is taken where a bit (with what was carried) is odd, from the `width` bits there.
  const bit = (at) => (at < bits.length && bits[bits.length - 1 - at] === "1" ? 1 : 0);
  let carry = 0, at = 0;
  while (at < 258) {
    if (bit(at) === carry) {
      at += 1;
      continue;
    }
    let digit = carry;
    for (let k = 0; k < width; k += 1) digit += bit(at + k) << k;
    carry = digit >= 1 << (width - 1) ? 1 : 0;
    digits[at] = digit - (carry << width);
    at += width;
  }
  return digits;
}

const BASE_WIDTH = 8, POINT_WIDTH = 5;
let baseMultiples;

/** a * G + b * Q, both sums in one pass of doublings (Shamir's trick). */
function sumOfMultiples(a, b, x, y) {
  baseMultiples ??= oddMultiples(BASE_X, BASE_Y, 1 << (BASE_WIDTH - 2));
  const multiples = oddMultiples(x, y, 1 << (POINT_WIDTH - 2));
  const left = nonAdjacent(a, BASE_WIDTH), right = nonAdjacent(b, POINT_WIDTH);
  let sum = INFINITY;
  const add = (table, digit) => {
    if (digit === 0) return;
    const [px, py] = table[(Math.abs(digit) - 1) >> 1];
    sum = plusAffine(sum, px, digit < 0 ? P - py : py);
  };
  for (let at = 257; at >= 0; at -= 1) {
    sum = doubled(sum);
    add(baseMultiples, left[at]);
    add(multiples, right[at]);
  }
  return sum;
}

/** The point with this x and, as `odd` says, an odd or even y; null if the curve has none. */
function pointAt(x, odd) {
  if (x >= P) return null;
  const square = (x * x * x + 7n) % P;
  const y = root(square);
  if ((y * y) % P !== square) return null;
  return [x, (y & 1n) === (odd ? 1n : 0n) ? y : P - y];
}

/** A public key from its compressed point (33 bytes, SEC 1); null when it is none. */
export function readPublicKey(bytes) {
  if (bytes.length !== 33 || (bytes[0] !== 2 && bytes[0] !== 3)) return null;
  return pointAt(toBigInt(bytes.subarray(1)), bytes[0] === 3);
}

/** r and s of a signature's first 64 bytes; null unless both are from 1 to n - 1 and s is at most n / 2. */
function readSignature(bytes) {
  const r = toBigInt(bytes.subarray(0, 32)), s = toBigInt(bytes.subarray(32, 64));
  return r > 0n && r < CURVE_ORDER && s > 0n && s <= HALF_ORDER ? [r, s] : null;
}

/** Whether 64 bytes r || s are a signature with low s over a hash of 32 bytes by this key ([x, y] of readPublicKey). */
export function verifySignature(hash, signature, [x, y]) {
  const numbers = readSignature(signature);
  if (numbers === null) return false;
  const [r, s] = numbers;
  const w = inverse(s, CURVE_ORDER);
  const [px, , pz] = sumOfMultiples((toBigInt(hash) * w) % CURVE_ORDER, (r * w) % CURVE_ORDER, x, y);
  if (pz === 0n) return false;
  // x = X / Z^2 modulo P must be r modulo n: r, or r + n where that is still below P. Compared without an inversion.
  const zz = (pz * pz) % P;
  return (r * zz) % P === px || (r + CURVE_ORDER < P && ((r + CURVE_ORDER) * zz) % P === px);
}

/**
 * The public key, 64 bytes x || y, that made 65 bytes r || s || v over a hash; null when there is none: v other than 27 and 28, r or s
 * out of range, s high, no point with x = r, or the key would be infinity. (x = r only: no v stands for the few x above n.)
 */
export function recoverPublicKey(hash, signature) {
  const v = signature[64];
  const numbers = readSignature(signature);
  if (numbers === null || (v !== 27 && v !== 28)) return null;
  const [r, s] = numbers;
  const nonce = pointAt(r, v === 28);
  if (nonce === null) return null;
  const w = inverse(r, CURVE_ORDER);
  const key = sumOfMultiples(mod(-toBigInt(hash) * w, CURVE_ORDER), (s * w) % CURVE_ORDER, nonce[0], nonce[1]);
  if (key[2] === 0n) return null;
  const [keyX, keyY] = affine(key);
  const bytes = new Uint8Array(64);
  bytes.set(toBytes32(keyX));
  bytes.set(toBytes32(keyY), 32);
  return bytes;
}
