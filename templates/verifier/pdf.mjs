// A receipt that a PDF carries as an attachment named receipt.json. Not a reader of PDFs: it finds objects by their marks, as repair
// tools do, and reads streams that are not compressed or by FlateDecode. Nothing depends on its trusting the file: what it finds is verified.

import { RECEIPT_BYTES_MAX } from "./receipt.mjs";
import { joined } from "./bytes.mjs";

/** The attachment's name. */
export const ATTACHMENT = "receipt.json";
/** Why a PDF gives no receipt. */
export class NoReceipt extends Error {}

// The name as a PDF writes it: in parentheses, or in hex with ASCII or UTF-16 digits, capitals or not.
const NAME_IN_HEX = [...ATTACHMENT].map((letter) => letter.charCodeAt(0).toString(16));
const NAMED = new RegExp(
  `/U?F\\s*(?:\\(${ATTACHMENT.replace(".", "\\.")}\\)|\\(\\xfe\\xff${[...ATTACHMENT].map((letter) => `\\x00[${letter}]`).join("")}\\)` +
  `|<\\s*${NAME_IN_HEX.join("")}\\s*>|<\\s*feff${NAME_IN_HEX.map((digits) => `00${digits}`).join("")}\\s*>)`, "i");

/** Whether bytes are those of a PDF. */
export function isPdf(bytes) {
  return latin1(bytes.subarray(0, 5)) === "%PDF-";
}

const latin1 = (bytes) => new TextDecoder("latin1").decode(bytes).replace(/[\u0100-\uffff]/g, "?");

/** The attached receipt's bytes. Throws NoReceipt. */
export async function receiptInPdf(bytes) {
  const text = latin1(bytes);
  const objects = await readObjects(bytes, text);
  const streams = new Set();
  for (const { head } of objects.values()) {
    const file = NAMED.test(head) ? /\/EF\s*<<[^>]*?\/U?F\s+(\d+)\s+\d+\s+R/.exec(head) : null;
    if (file !== null) streams.add(file[1]);
  }
  if (streams.size === 0 && /\/Encrypt\s+\d+\s+\d+\s+R/.test(text)) throw new NoReceipt("this PDF is encrypted: its attachments can't be read");
  if (streams.size === 0) throw new NoReceipt(`this PDF carries no receipt: no attachment is named ${ATTACHMENT}`);
  if (streams.size > 1) throw new NoReceipt(`this PDF carries more than one ${ATTACHMENT}: take out the right one by hand`);
  const object = objects.get([...streams][0]);
  if (object?.body === undefined) throw new NoReceipt(`the ${ATTACHMENT} of this PDF is missing in it`);
  return decoded(object);
}

/** Objects by number: `head` is the text before a stream's bytes, `body` those bytes. Of an object written twice the later counts. */
async function readObjects(bytes, text) {
  const objects = new Map();
  const mark = /(?:^|[\r\n\s])(\d{1,10})\s+\d{1,5}\s+obj\b/g;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    const from = mark.lastIndex;
    const end = text.indexOf("endobj", from);
    const stream = /\bstream\r?\n/g;
    stream.lastIndex = from;
    const begun = stream.exec(text.slice(0, end === -1 ? text.length : end));
    if (begun === null) {
      objects.set(found[1], { head: text.slice(from, end === -1 ? text.length : end) });
      continue;
    }
    const head = text.slice(from, begun.index), start = stream.lastIndex;
    const length = /\/Length\s+(\d+)(?!\s+\d+\s+R)/.exec(head);
    const stated = length === null ? -1 : start + Number(length[1]);
    const holds = stated >= start && /^\s*endstream/.test(text.slice(stated, stated + 20));
    const stop = holds ? stated : text.indexOf("endstream", start);
    if (stop === -1) break;
    objects.set(found[1], { head, body: bytes.subarray(start, stop) });
    mark.lastIndex = stop;
  }
  for (const object of [...objects.values()].filter(({ head, body }) => body && /\/Type\s*\/ObjStm\b/.test(head))) await unpack(object, objects);
  return objects;
}

/** Adds the objects of an object stream: pairs of number and offset first, then the objects. */
async function unpack(object, objects) {
  const first = Number(/\/First\s+(\d+)/.exec(object.head)?.[1]);
  const text = latin1(await decoded(object));
  const numbers = text.slice(0, first).trim().split(/\s+/);
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const from = first + Number(numbers[at + 1]);
    const to = at + 3 < numbers.length ? first + Number(numbers[at + 3]) : text.length;
    if (!objects.has(numbers[at])) objects.set(numbers[at], { head: text.slice(from, to) });
  }
}

/** A stream's bytes without their filter; at most as many as a receipt may have, and one more. */
async function decoded({ head, body }) {
  const filter = /\/Filter\s*(?:\[\s*)?(\/\w+)?(?:\s*(\/\w+))?/.exec(head);
  if (filter === null) return body;
  if (filter[1] !== "/FlateDecode" || (filter[2] !== undefined && /^\s*\[/.test(head.slice(filter.index + 7)))) {
    throw new NoReceipt("the attachment is compressed in a way that this reader does not know");
  }
  const parts = [];
  let length = 0;
  const pipe = new DecompressionStream("deflate");
  const writer = pipe.writable.getWriter();
  // What goes wrong is told on the reading side.
  Promise.all([writer.write(body), writer.close()]).catch(() => {});
  try {
    const reader = pipe.readable.getReader();
    for (let part = await reader.read(); !part.done && length <= RECEIPT_BYTES_MAX; part = await reader.read()) {
      parts.push(part.value);
      length += part.value.length;
    }
    await reader.cancel();
  } catch (fault) {
    throw new NoReceipt(`the attachment can't be decompressed: ${fault.message}`);
  }
  return joined(...parts);
}
