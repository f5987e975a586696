// Asks the JavaScript verifier about documents and compares with what another said. From standard input, a JSON object a line:
// `{"name","hex","rosters":[text,...],"expected"?,"compared":[...],"says"}`: the document's bytes, which members of the verdict to compare
// (`covered` is compared by its length), and these in JSON, members sorted, what is absent left out. Prints one object: how many cases, by
// verdict, milliseconds of verifying, how many differ and the first of them.

import { createInterface } from "node:readline";

import { readPrintedHash, verifyDocument } from "../../templates/verifier/verdict.mjs";
import { readRoster } from "../../templates/verifier/header.mjs";

const counts = {}, first = [], read = new Map();
let cases = 0, milliseconds = 0, differ = 0;

/** Each roster's text is read once: every member's key takes a square root. */
function roster(text) {
  if (!read.has(text)) read.set(text, readRoster(text));
  return read.get(text);
}

/** JSON with members sorted and BigInt in full. */
function text(value) {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).filter((key) => value[key] !== undefined).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${text(value[key])}`).join(",")}}`;
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { name, hex, rosters, expected, compared, says } = JSON.parse(line);
  const trusted = rosters.map(roster);
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  const before = performance.now();
  const verdict = verifyDocument(bytes, trusted, expected === undefined ? undefined : readPrintedHash(expected));
  milliseconds += performance.now() - before;
  cases += 1;
  counts[verdict.code] = (counts[verdict.code] ?? 0) + 1;
  const ours = text(Object.fromEntries(compared.map((key) => [key, key === "covered" ? verdict.covered.length : verdict[key]])));
  if (ours === says) continue;
  differ += 1;
  if (first.length < 10) first.push({ name, ours, says, message: verdict.message, hex: hex.slice(0, 20_000) });
}
console.log(JSON.stringify({ cases, counts, milliseconds: Math.round(milliseconds), differ, first }));
