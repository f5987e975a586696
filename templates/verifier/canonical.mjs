// Canonical text (specification, section 1): the text is read, written again by the rules, and compared.

import { JsonNumber, parseJson } from "./json.mjs";

const DEPTH_MAX = 32;
const INTEGER_MAX = 2n ** 53n - 1n;

/** Why a text is not canonical, and where: `path` is empty when the whole is meant. */
export class NotCanonical extends Error {
  constructor(path, message) {
    super(message);
    this.path = path;
  }
}

/** The path one level further out: `a` and `b` give `a.b`, `a` and `[1]` give `a[1]`. */
export function joinPath(parent, path) {
  if (parent === "" || path === "") return parent === "" ? path : parent;
  return path.startsWith("[") ? `${parent}${path}` : `${parent}.${path}`;
}

function under(parent, write) {
  try {
    return write();
  } catch (fault) {
    if (fault instanceof NotCanonical) fault.path = joinPath(parent, fault.path);
    throw fault;
  }
}

function string(text) {
  if (text.normalize("NFC") !== text) throw new NotCanonical("", "the string is not in Unicode normalisation form C");
  return JSON.stringify(text);
}

function number({ text, integer }) {
  if (integer === null || integer > INTEGER_MAX || integer < -INTEGER_MAX) {
    throw new NotCanonical("", `${text.slice(0, 40)} is not an integer between -(2^53 - 1) and 2^53 - 1, in its plain form`);
  }
  return integer.toString();
}

/** Keys by their UTF-16 code units, which is how JavaScript compares strings. */
const sortedKeys = (members) => [...members.keys()].sort((a, b) => (a < b ? -1 : 1));

function write(value, depth) {
  if (value === null) throw new NotCanonical("", "null is not allowed: leave the field out");
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return string(value);
  if (value instanceof JsonNumber) return number(value);
  if (depth === DEPTH_MAX) throw new NotCanonical("", `more than ${DEPTH_MAX} arrays and objects within one another`);
  if (Array.isArray(value)) {
    return `[${value.map((item, at) => under(`[${at}]`, () => write(item, depth + 1))).join(",")}]`;
  }
  const members = sortedKeys(value).map((key) => under(key, () => `${string(key)}:${write(value.get(key), depth + 1)}`));
  return `{${members.join(",")}}`;
}

/** The canonical text of a value as `parseJson` gives it. Throws NotCanonical. */
export function canonicalText(value) {
  return write(value, 0);
}

/** The value of a canonical text. Throws NotCanonical. Its numbers are integers that a Number holds exactly. */
export function readCanonical(text) {
  let value;
  try {
    value = parseJson(text).value;
  } catch (fault) {
    throw new NotCanonical("", `the text is not JSON: ${fault.message}`);
  }
  if (canonicalText(value) !== text) throw new NotCanonical("", "the text differs from its canonical form");
  return value;
}
