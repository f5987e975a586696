// keccak256: the original Keccak padding (0x01 ... 0x80), as Ethereum uses it, not SHA3-256. A lane of 64 bits is two words of 32.

import { joined, utf8 } from "./bytes.mjs";

const RATE = 136;

// Round constants by the shift register of the Keccak reference, low and high words; rotations and places of the pi step.
const ROUND_LOW = new Uint32Array(24);
const ROUND_HIGH = new Uint32Array(24);
const ROTATIONS = new Uint8Array(25);
const PLACES = new Uint8Array(25);
{
  let register = 1;
  for (let round = 0; round < 24; round += 1) {
    for (let j = 0; j < 7; j += 1) {
      const bit = 2 ** j - 1;
      if (register & 1) {
        if (bit < 32) ROUND_LOW[round] ^= 1 << bit;
        else ROUND_HIGH[round] ^= 1 << (bit - 32);
      }
      register = register & 0x80 ? ((register << 1) ^ 0x71) & 0xff : register << 1;
    }
  }
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t += 1) {
    ROTATIONS[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  for (x = 0; x < 5; x += 1) for (y = 0; y < 5; y += 1) PLACES[x + 5 * y] = y + 5 * ((2 * x + 3 * y) % 5);
}

/** The permutation Keccak-f[1600] on 25 lanes: word 2i is the low half of lane i, 2i + 1 the high one. */
function permute(state, moved, columns) {
  for (let round = 0; round < 24; round += 1) {
    for (let x = 0; x < 10; x += 1) {
      columns[x] = state[x] ^ state[x + 10] ^ state[x + 20] ^ state[x + 30] ^ state[x + 40];
    }
    for (let x = 0; x < 5; x += 1) {
      const before = 2 * ((x + 4) % 5), after = 2 * ((x + 1) % 5);
      const low = columns[before] ^ ((columns[after] << 1) | (columns[after + 1] >>> 31));
      const high = columns[before + 1] ^ ((columns[after + 1] << 1) | (columns[after] >>> 31));
      for (let at = 2 * x; at < 50; at += 10) {
        state[at] ^= low;
        state[at + 1] ^= high;
      }
    }
    for (let lane = 0; lane < 25; lane += 1) {
      const by = ROTATIONS[lane], to = 2 * PLACES[lane];
      let low = state[2 * lane], high = state[2 * lane + 1];
      if (by >= 32) [low, high] = [high, low];
      const bits = by & 31;
      moved[to] = bits ? (low << bits) | (high >>> (32 - bits)) : low;
      moved[to + 1] = bits ? (high << bits) | (low >>> (32 - bits)) : high;
    }
    for (let row = 0; row < 50; row += 10) {
      for (let x = 0; x < 10; x += 1) {
        state[row + x] = moved[row + x] ^ (~moved[row + ((x + 2) % 10)] & moved[row + ((x + 4) % 10)]);
      }
    }
    state[0] ^= ROUND_LOW[round];
    state[1] ^= ROUND_HIGH[round];
  }
}

/** keccak256 of bytes: 32 bytes. */
export function keccak256(bytes) {
  const state = new Int32Array(50), moved = new Int32Array(50), columns = new Int32Array(10);
  const padded = new Uint8Array((Math.floor(bytes.length / RATE) + 1) * RATE);
  padded.set(bytes);
  padded[bytes.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const words = new DataView(padded.buffer);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let word = 0; word < RATE / 4; word += 1) state[word] ^= words.getInt32(block + 4 * word, true);
    permute(state, moved, columns);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (let word = 0; word < 8; word += 1) digest.setInt32(4 * word, state[word], true);
  return new Uint8Array(digest.buffer);
}

const tagged = (tag, ...parts) => keccak256(joined(Uint8Array.of(tag), ...parts));

/** The hash of an entry's text: a leaf of the tree (specification, section 2). */
export const leafHash = (text) => tagged(0x00, utf8(text));
/** The hash of an inner node of the tree. */
export const nodeHash = (left, right) => tagged(0x01, left, right);
/** The hash of a header's text. */
export const headerHash = (text) => tagged(0x02, utf8(text));
/** The hash of a roster's text. */
export const rosterHash = (text) => tagged(0x03, utf8(text));
