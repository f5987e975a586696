// What a verified document says, for people to read. Nothing here decides anything.

import { asInteger, asObject, asText } from "./forms.mjs";
import { leafHash } from "./keccak.mjs";
import { parseJson } from "./json.mjs";
import { printedHash } from "./verdict.mjs";

/** Fen (BigInt) as yuan: `-498.10`. */
export function yuan(fen) {
  const digits = (fen < 0n ? -fen : fen).toString().padStart(3, "0");
  return `${fen < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Unix milliseconds (BigInt) as a time in China: `2018-08-10 10:00:00`. */
export function chinaTime(time) {
  const date = new Date(Number(time) + 8 * 3600 * 1000);
  return Number.isNaN(date.getTime()) ? `${time}` : date.toISOString().slice(0, 19).replace("T", " ");
}

/** The facts of a receipt's entry, as far as it has them; undefined for a state proof. The entry's text MUST have been read already. */
export function factsOf(document) {
  if (document?.entry === undefined) return undefined;
  const entry = asObject(parseJson(document.entry).value) ?? new Map();
  const draft = asObject(entry.get("draft")) ?? new Map();
  const text = (members, key) => asText(members.get(key));
  const party = (key, member) => asText((asObject(draft.get(key)) ?? new Map()).get(member));
  const blue = asObject(draft.get("red"));
  return {
    kind: text(entry, "kind"), code: text(entry, "code"), number: text(entry, "number"), date: text(entry, "date"),
    seller: party("seller", "name"), sellerTaxpayer: party("seller", "taxpayer_id"),
    buyer: party("buyer", "name"), buyerTaxpayer: party("buyer", "taxpayer_id"),
    amount: asInteger(draft.get("amount")), tax: asInteger(draft.get("tax")), total: asInteger(draft.get("total")),
    blue: blue && [text(blue, "code"), text(blue, "number")].filter(Boolean).join("-"),
    hash: printedHash(leafHash(document.entry)),
  };
}
