// A PDF's objects as its own table of them leads to them (ISO 32000-1, 7.3 and 7.5): what a reader of PDFs shows is found this way and no
// other. Nothing is repaired: a file whose table can't be read is unreadable.

import { joined } from "./bytes.mjs";

/** Bytes that one PDF may unpack to. */
const UNPACKED_MAX = 64 * 1024 * 1024;
/** Arrays and dictionaries within one another, and tables behind one another. */
const NESTED_MAX = 64;

/** Why a face is not that of its receipt: `code` is FACE_DIFFERS or FACE_UNREADABLE, `field` what differs or can't be read. */
export class FaceFault extends Error {
  constructor(code, field, message) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

/** Throws that a file can't be compared. */
export function unreadable(field, why) {
  throw new FaceFault("FACE_UNREADABLE", field, why);
}

/** Throws that a face differs. */
export function faceDiffers(field, why) {
  throw new FaceFault("FACE_DIFFERS", field, why);
}

/** A name. */
export class PdfName {
  constructor(name) {
    this.name = name;
  }
}

/** A reference to an object. */
class PdfRef {
  constructor(number) {
    this.number = number;
  }
}

/** A string: its bytes as characters up to U+00FF. */
export class PdfText {
  constructor(bytes) {
    this.bytes = bytes;
  }
}

/** Anything else that is a word: an operator, `true`, `null`. */
export class PdfWord {
  constructor(word) {
    this.word = word;
  }
}

/** A stream: its dictionary (a Map) and its bytes as they stand. */
class PdfStream {
  constructor(dictionary, body) {
    this.dictionary = dictionary;
    this.body = body;
  }
}

/** Bytes as characters up to U+00FF, one each. */
export function byteText(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += 32768) parts.push(String.fromCharCode(...bytes.subarray(at, at + 32768)));
  return parts.join("");
}

/** UTF-16 with or without a byte order mark as text. */
export function utf16Text(bytes) {
  let text = "";
  for (let at = bytes.startsWith("\xfe\xff") ? 2 : 0; at + 1 < bytes.length; at += 2) {
    text += String.fromCharCode(bytes.charCodeAt(at) * 256 + bytes.charCodeAt(at + 1));
  }
  return text;
}

/** A text string: UTF-16 where it begins with a byte order mark, else one byte a character. */
export const spokenText = ({ bytes }) => (bytes.startsWith("\xfe\xff") ? utf16Text(bytes) : bytes);

const PDF_SPACE = /(?:[\0\t\n\f\r ]|%[^\r\n]*)*/y;
const PDF_WORD = /[^\0\t\n\f\r ()<>[\]{}/%]+/y;
const PDF_NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
const PDF_REFERENCE = /[\0\t\n\f\r ]+\d+[\0\t\n\f\r ]+R(?![^\0\t\n\f\r ()<>[\]{}/%])/y;
const PDF_ESCAPES = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

/** Reads objects, or the words of a page's content, one after the other. */
export class PdfLexer {
  constructor(text, at = 0) {
    this.text = text;
    this.at = at;
  }

  matched(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found?.[0];
  }

  /** The next value; undefined at the end. */
  next(depth = 0) {
    this.matched(PDF_SPACE);
    if (depth > NESTED_MAX) unreadable("content", "arrays and dictionaries stand too deep in one another");
    switch (this.text[this.at]) {
      case undefined: return undefined;
      case "/":
        this.at += 1;
        return new PdfName((this.matched(PDF_WORD) ?? "").replace(/#([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))));
      case "(": return this.literal();
      case "[": return this.list(depth);
      case "<": return this.text[this.at + 1] === "<" ? this.dictionary(depth) : this.hexadecimal();
      default: return this.plain();
    }
  }

  plain() {
    const word = this.matched(PDF_WORD) ?? unreadable("content", "a bracket stands alone");
    if (!PDF_NUMBER.test(word)) return new PdfWord(word);
    if (/^\d+$/.test(word) && this.matched(PDF_REFERENCE) !== undefined) return new PdfRef(Number(word));
    return Number(word);
  }

  list(depth) {
    this.at += 1;
    const items = [];
    for (;;) {
      this.matched(PDF_SPACE);
      if (this.text[this.at] === "]") break;
      items.push(this.next(depth + 1) ?? unreadable("content", "an array does not end"));
    }
    this.at += 1;
    return items;
  }

  dictionary(depth) {
    this.at += 2;
    const members = new Map();
    for (;;) {
      this.matched(PDF_SPACE);
      if (this.text.startsWith(">>", this.at)) break;
      const key = this.next(depth + 1);
      if (!(key instanceof PdfName)) unreadable("content", "a dictionary has no key");
      members.set(key.name, this.next(depth + 1) ?? unreadable("content", "a dictionary does not end"));
    }
    this.at += 2;
    return members;
  }

  hexadecimal() {
    const end = this.text.indexOf(">", this.at);
    const digits = this.text.slice(this.at + 1, end).replace(/[\0\t\n\f\r ]/g, "");
    if (end === -1 || !/^[0-9a-fA-F]*$/.test(digits)) unreadable("content", "a string does not end");
    this.at = end + 1;
    return new PdfText((digits.match(/..?/g) ?? []).map((pair) => String.fromCharCode(parseInt(pair.padEnd(2, "0"), 16))).join(""));
  }

  literal() {
    let bytes = "", open = 1;
    for (this.at += 1; ; this.at += 1) {
      const one = this.text[this.at] ?? unreadable("content", "a string does not end");
      if (one === "(") open += 1;
      if (one === ")" && (open -= 1) === 0) break;
      if (one === "\r") {
        if (this.text[this.at + 1] === "\n") this.at += 1;
        bytes += "\n";
      } else bytes += one === "\\" ? this.escaped() : one;
    }
    this.at += 1;
    return new PdfText(bytes);
  }

  escaped() {
    const octal = /[0-7]{1,3}/y;
    octal.lastIndex = this.at + 1;
    const digits = octal.exec(this.text)?.[0];
    if (digits !== undefined) {
      this.at += digits.length;
      return String.fromCharCode(parseInt(digits, 8) & 255);
    }
    this.at += 1;
    const one = this.text[this.at] ?? "";
    if (one === "\r" && this.text[this.at + 1] === "\n") this.at += 1;
    return one === "\r" || one === "\n" ? "" : PDF_ESCAPES[one] ?? one;
  }
}

/** What a zlib stream unpacks to, at most so many bytes. */
async function inflated(body, most) {
  const parts = [];
  let length = 0;
  const pipe = new DecompressionStream("deflate");
  const writer = pipe.writable.getWriter();
  // What goes wrong is told on the reading side.
  Promise.all([writer.write(body), writer.close()]).catch(() => {});
  try {
    const reader = pipe.readable.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      length += part.value.length;
      if (length > most) break;
    }
    await reader.cancel();
  } catch (fault) {
    unreadable("filter", `a part of the PDF can't be unpacked: ${fault.message}`);
  }
  if (length > most) unreadable("filter", "the PDF unpacks to too much");
  return joined(...parts);
}

/** Rows of a table without the predictor of PNG (7.4.4.4). */
function unpredicted(bytes, columns) {
  const rows = Math.floor(bytes.length / (columns + 1));
  const out = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const kind = bytes[row * (columns + 1)];
    for (let at = 0; at < columns; at += 1) {
      const up = row > 0 ? out[(row - 1) * columns + at] : 0;
      const left = at > 0 ? out[row * columns + at - 1] : 0;
      if (kind > 2) unreadable("filter", "a table of objects is packed in a way that this reader does not know");
      out[row * columns + at] = bytes[row * (columns + 1) + 1 + at] + (kind === 2 ? up : kind === 1 ? left : 0);
    }
  }
  return out;
}

/** An opened PDF. */
export class PdfFile {
  constructor(bytes) {
    this.bytes = bytes;
    this.text = byteText(bytes);
    this.places = new Map();
    this.objects = new Map();
    this.left = UNPACKED_MAX;
  }

  /** Opens a PDF; throws FaceFault. */
  static async open(bytes) {
    const file = new PdfFile(bytes);
    const place = /startxref\s+(\d+)\s+%%EOF\s*$/.exec(file.text.slice(-2048).replace(/\0+$/, ""));
    if (place === null) unreadable("file", "the PDF does not end as PDFs do");
    const tables = [Number(place[1])];
    for (const seen = new Set(); tables.length > 0; ) {
      const at = tables.shift();
      if (seen.has(at) || seen.size > NESTED_MAX) unreadable("file", "the PDF's tables go round in a circle");
      seen.add(at);
      const trailer = await file.table(at);
      file.trailer ??= trailer;
      for (const key of ["XRefStm", "Prev"]) if (trailer.has(key)) tables.push(trailer.get(key));
    }
    if (file.trailer.has("Encrypt")) unreadable("encryption", "this PDF is encrypted");
    for (const { stream } of [...file.places.values()]) if (stream !== undefined) await file.unpack(stream);
    return file;
  }

  /** Reads one table of objects, classic or a stream; of an object in several tables the first counts. Gives its trailer. */
  async table(at) {
    const lexer = new PdfLexer(this.text, at);
    lexer.matched(PDF_SPACE);
    if (!this.text.startsWith("xref", lexer.at)) return this.tableStream(at);
    lexer.at += 4;
    const section = /[\0\t\n\f\r ]*(\d+)[ ]+(\d+)[ ]*[\r\n]+/y, entry = /[\r\n ]*(\d{10}) (\d{5}) ([nf])/y;
    for (section.lastIndex = lexer.at; ; section.lastIndex = entry.lastIndex) {
      const begun = section.exec(this.text);
      if (begun === null) break;
      lexer.at = entry.lastIndex = section.lastIndex;
      for (let nth = 0; nth < Number(begun[2]); nth += 1) {
        const found = entry.exec(this.text) ?? unreadable("file", "the PDF's table of objects can't be read");
        const number = Number(begun[1]) + nth;
        if (!this.places.has(number)) this.places.set(number, found[3] === "n" ? { at: Number(found[1]) } : {});
        lexer.at = entry.lastIndex;
      }
    }
    const word = lexer.next(), trailer = lexer.next();
    if (word?.word !== "trailer" || !(trailer instanceof Map)) unreadable("file", "the PDF has no trailer");
    return trailer;
  }

  async tableStream(at) {
    const stream = this.read(at);
    const { dictionary } = stream instanceof PdfStream ? stream : unreadable("file", "the PDF's table of objects can't be read");
    const widths = dictionary.get("W"), bytes = await this.unpacked(stream);
    const [kindWidth, placeWidth, lastWidth] = widths;
    const sections = dictionary.get("Index") ?? [0, dictionary.get("Size")];
    let from = 0;
    const number = (width) => {
      let value = 0;
      for (let end = from + width; from < end; from += 1) value = value * 256 + (bytes[from] ?? 0);
      return value;
    };
    for (let nth = 0; nth + 1 < sections.length; nth += 2) {
      for (let one = sections[nth]; one < sections[nth] + sections[nth + 1] && from < bytes.length; one += 1) {
        const kind = kindWidth === 0 ? 1 : number(kindWidth), place = number(placeWidth), last = number(lastWidth);
        const found = kind === 1 ? { at: place } : kind === 2 ? { stream: place, nth: last } : {};
        if (!this.places.has(one)) this.places.set(one, found);
      }
    }
    return dictionary;
  }

  /** The object that stands at a place of the file. */
  read(at, wanted) {
    const lexer = new PdfLexer(this.text, at);
    const number = lexer.next(), generation = lexer.next(), word = lexer.next();
    if (word?.word !== "obj" || typeof generation !== "number" || (wanted !== undefined && number !== wanted)) {
      unreadable("file", "an object is not where the PDF's table says");
    }
    const value = lexer.next();
    if (!(value instanceof Map)) return value;
    lexer.matched(PDF_SPACE);
    const begun = /stream(?:\r\n|\n)/y;
    begun.lastIndex = lexer.at;
    if (begun.exec(this.text) === null) return value;
    const length = this.plain(value.get("Length")), start = begun.lastIndex;
    if (!Number.isInteger(length) || !/^\s*endstream/.test(this.text.slice(start + length, start + length + 20))) {
      unreadable("file", "a stream does not end where it says");
    }
    return new PdfStream(value, this.bytes.subarray(start, start + length));
  }

  /** Reads the objects in an object stream. */
  async unpack(number) {
    if (this.objects.has(`in ${number}`)) return;
    this.objects.set(`in ${number}`, undefined);
    const stream = this.plain(new PdfRef(number));
    const text = byteText(await this.unpacked(stream)), first = this.plain(stream.dictionary.get("First"));
    const heads = new PdfLexer(text.slice(0, first));
    for (let nth = 0; ; nth += 1) {
      const one = heads.next(), offset = heads.next();
      if (offset === undefined) break;
      const place = this.places.get(one);
      if (place?.stream === number && place.nth === nth) this.objects.set(one, new PdfLexer(text, first + offset).next());
    }
  }

  /** A value, and in place of a reference what it refers to. */
  plain(value) {
    for (let step = 0; value instanceof PdfRef; step += 1) {
      if (step > NESTED_MAX) unreadable("file", "references go round in a circle");
      const { number } = value;
      const { at } = this.places.get(number) ?? {};
      if (!this.objects.has(number)) this.objects.set(number, at === undefined ? undefined : this.read(at, number));
      value = this.objects.get(number);
    }
    return value instanceof PdfWord && value.word === "null" ? undefined : value;
  }

  /** What a dictionary has under a key. */
  of(dictionary, key) {
    return this.plain(dictionary?.get(key));
  }

  /** A dictionary of a dictionary; undefined when it is none. */
  mapOf(dictionary, key) {
    const found = this.of(dictionary, key);
    return found instanceof Map ? found : undefined;
  }

  /** A name of a dictionary as text. */
  nameOf(dictionary, key) {
    return this.of(dictionary, key)?.name;
  }

  /** A stream's bytes without its filter. */
  async unpacked(stream) {
    if (!(stream instanceof PdfStream)) unreadable("file", "a stream is missing");
    const filter = this.of(stream.dictionary, "Filter");
    const names = (Array.isArray(filter) ? filter.map((one) => this.plain(one)) : filter === undefined ? [] : [filter]).map(({ name }) => name);
    const settings = this.of(stream.dictionary, "DecodeParms");
    const predictor = settings instanceof Map ? this.of(settings, "Predictor") ?? 1 : 1;
    if (names.length > 1 || (names.length === 1 && names[0] !== "FlateDecode") || stream.dictionary.has("F")) {
      unreadable("filter", "a part of the PDF is packed in a way that invoices are not");
    }
    let bytes = names.length === 0 ? stream.body : await inflated(stream.body, this.left);
    if (predictor >= 10) bytes = unpredicted(bytes, this.of(settings, "Columns") ?? 1);
    else if (predictor !== 1 || Array.isArray(settings)) unreadable("filter", "a part of the PDF is packed in a way that invoices are not");
    this.left -= bytes.length;
    if (this.left < 0) unreadable("filter", "the PDF unpacks to too much");
    return bytes;
  }
}

/** Whether a value is a stream. */
export const isStream = (value) => value instanceof PdfStream;
