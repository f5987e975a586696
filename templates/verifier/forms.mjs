// The forms that members of documents have. Each reader takes a value of `parseJson` and gives undefined where it is of another form.

import { fromHex } from "./bytes.mjs";
import { JsonNumber } from "./json.mjs";

const U64_MAX = 2n ** 64n - 1n;
const U32_MAX = 2n ** 32n - 1n;

/** A string. */
export const asText = (value) => (typeof value === "string" ? value : undefined);

/** An object, as Map. */
export const asObject = (value) => (value instanceof Map ? value : undefined);

/** An integer, as BigInt. */
export const asInteger = (value) => (value instanceof JsonNumber && value.integer !== null ? value.integer : undefined);

/** An integer from 0 to 2^64 - 1, as BigInt. */
export function asIndex(value) {
  const integer = asInteger(value);
  return integer !== undefined && integer >= 0n && integer <= U64_MAX ? integer : undefined;
}

/** An integer from 0 to 2^32 - 1, as BigInt. */
export function asRound(value) {
  const index = asIndex(value);
  return index !== undefined && index <= U32_MAX ? index : undefined;
}

/** A chain's id or a member's name: 1 to 40 of a-z, 0-9 and '-', not beginning with '-'. */
export function asName(value) {
  return typeof value === "string" && /^[a-z0-9][a-z0-9-]{0,39}$/.test(value) ? value : undefined;
}

/** `length` bytes in lower-case hex. */
export const asBytes = (length) => (value) => fromHex(value, length) ?? undefined;

/** A hash: 32 bytes. */
export const asHash = asBytes(32);

/** An array of at most as many items as memory holds, each read by `one`. */
export const asArray = (one) => (value) => {
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item) => one(item));
  return items.includes(undefined) ? undefined : items;
};

/**
 * An object with these members and no others. `needed` and `optional` name a reader for each; optional ones are left out of the result
 * when they are absent. In `repeated` are the objects with a member twice.
 */
export const asRecord = (needed, optional = {}, repeated = new Set()) => (value) => {
  if (!(value instanceof Map) || repeated.has(value)) return undefined;
  const record = {};
  for (const key of value.keys()) {
    const read = Object.hasOwn(needed, key) ? needed[key] : Object.hasOwn(optional, key) ? optional[key] : undefined;
    record[key] = read?.(value.get(key));
    if (record[key] === undefined) return undefined;
  }
  return Object.keys(needed).every((key) => Object.hasOwn(record, key)) ? record : undefined;
};
