// A receipt that a PDF carries as an attachment named receipt.json, found as readers of PDFs find it: in the tree of embedded files
// (ISO 32000-1, 7.11.4). Nothing depends on its trusting the file: what it finds is verified.

import { FaceFault, isStream, PdfFile, PdfText, spokenText } from "./objects.mjs";
import { RECEIPT_BYTES_MAX } from "./receipt.mjs";

/** The attachment's name. */
export const ATTACHMENT = "receipt.json";
/** Nodes of the tree of names that are looked at. */
const NAME_NODES_MAX = 1000;

/** Why a PDF gives no receipt. */
export class NoReceipt extends Error {}

/** Whether bytes are those of a PDF. */
export function isPdf(bytes) {
  return [..."%PDF-"].every((letter, at) => bytes[at] === letter.charCodeAt(0));
}

/** The attached receipt's bytes. Throws NoReceipt. */
export async function receiptInPdf(bytes) {
  try {
    return await attachedReceipt(await PdfFile.open(bytes));
  } catch (fault) {
    // The file is an outsider's: a shape that this reader did not think of is one that can't be read.
    if (fault instanceof FaceFault || fault instanceof TypeError || fault instanceof RangeError) throw new NoReceipt(`this PDF can't be read: ${fault.message}`);
    throw fault;
  }
}

async function attachedReceipt(file) {
  const named = new Set(specifications(file).filter((one) => nameOfAttachment(file, one) === ATTACHMENT));
  if (named.size === 0) throw new NoReceipt(`this PDF carries no receipt: no attachment is named ${ATTACHMENT}`);
  if (named.size > 1) throw new NoReceipt(`this PDF carries more than one ${ATTACHMENT}: take out the right one by hand`);
  const stream = file.of(file.mapOf([...named][0], "EF"), "F");
  if (!isStream(stream)) throw new NoReceipt(`the ${ATTACHMENT} of this PDF is missing in it`);
  const content = await file.unpacked(stream);
  // One byte more is enough to see that it is too large.
  return content.subarray(0, RECEIPT_BYTES_MAX + 1);
}

function nameOfAttachment(file, specification) {
  const name = file.of(specification, "UF") ?? file.of(specification, "F");
  return name instanceof PdfText ? spokenText(name) : undefined;
}

/** The specifications in the tree of embedded files. */
function specifications(file) {
  const found = [], waiting = [file.mapOf(file.mapOf(file.mapOf(file.trailer, "Root"), "Names"), "EmbeddedFiles")];
  for (let nodes = 0; waiting.length > 0 && nodes < NAME_NODES_MAX; nodes += 1) {
    const node = waiting.pop();
    const list = (key) => (Array.isArray(file.of(node, key)) ? file.of(node, key) : []).map((one) => file.plain(one));
    // A leaf lists key, specification, key, specification, ...
    found.push(...list("Names").filter((one, at) => at % 2 === 1 && one instanceof Map));
    waiting.push(...list("Kids").filter((one) => one instanceof Map));
  }
  return found;
}
