// A strict reader of JSON (RFC 8259) for documents that are hashed and signed. JSON.parse would lose what has to be seen: the form
// and exact value of a number, members that stand twice, lone surrogates.
//
// Values: null, true, false, strings, JsonNumber, arrays, and for objects a Map. Of a member that stands twice the last counts, and the
// Map is in `repeated`: who reads documents refuses it, who reads canonical text sees it when it compares the texts.

/** Arrays and objects within one another that are read at all; whoever needs fewer counts them himself. */
const READ_DEPTH_MAX = 127;

/** A number as it is written. `integer` is its value as BigInt where it is written as an integer (not `-0`), else null. */
export class JsonNumber {
  constructor(text) {
    this.text = text;
    this.integer = /^-?[0-9]+$/.test(text) && text !== "-0" ? BigInt(text) : null;
  }
}

/** Why a text is no JSON. */
export class JsonError extends Error {}

const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Whatever may stand in a string as it is: no quotation mark, no backslash, no control.
const PLAIN = /[^"\\\u0000-\u001f]*/y;

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.repeated = new Set();
  }

  fail(what) {
    throw new JsonError(`${what} at character ${this.at}`);
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  take(expected) {
    if (!this.text.startsWith(expected, this.at)) this.fail(`no ${expected}`);
    this.at += expected.length;
  }

  value(depth) {
    switch (this.text[this.at]) {
      case "{": return this.object(depth + 1);
      case "[": return this.array(depth + 1);
      case '"': return this.string();
      case "n": this.take("null"); return null;
      case "t": this.take("true"); return true;
      case "f": this.take("false"); return false;
      default: return this.number();
    }
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (found === null) this.fail("no value");
    // What no reader with binary64 numbers can hold is refused as a whole.
    if (!Number.isFinite(Number(found[0]))) this.fail("a number out of range");
    this.at += found[0].length;
    return new JsonNumber(found[0]);
  }

  string() {
    this.at += 1;
    let value = "";
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)[0];
      value += plain;
      this.at += plain.length;
      const next = this.text[this.at];
      if (next === '"') break;
      if (next !== "\\") this.fail("no end of the string");
      value += this.escape();
    }
    this.at += 1;
    return value;
  }

  escape() {
    const letter = this.text[this.at + 1];
    if (letter !== "u") {
      const character = Object.hasOwn(ESCAPES, letter ?? "") ? ESCAPES[letter] : this.fail("no escape");
      this.at += 2;
      return character;
    }
    const unit = this.unit();
    if (unit >= 0xdc00 && unit <= 0xdfff) this.fail("a lone surrogate");
    if (unit < 0xd800 || unit > 0xdbff) return String.fromCharCode(unit);
    const low = this.text.startsWith("\\u", this.at) ? this.unit() : 0;
    if (low < 0xdc00 || low > 0xdfff) this.fail("a lone surrogate");
    return String.fromCharCode(unit, low);
  }

  unit() {
    const digits = this.text.slice(this.at + 2, this.at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("no four hex digits");
    this.at += 6;
    return parseInt(digits, 16);
  }

  array(depth) {
    if (depth > READ_DEPTH_MAX) this.fail("too many arrays and objects within one another");
    const items = [];
    this.each("[", "]", () => items.push(this.value(depth)));
    return items;
  }

  object(depth) {
    if (depth > READ_DEPTH_MAX) this.fail("too many arrays and objects within one another");
    const members = new Map();
    this.each("{", "}", () => {
      if (this.text[this.at] !== '"') this.fail("no key");
      const key = this.string();
      this.space();
      this.take(":");
      this.space();
      if (members.has(key)) this.repeated.add(members);
      members.set(key, this.value(depth));
    });
    return members;
  }

  /** What stands between brackets, with commas between. */
  each(open, close, one) {
    this.take(open);
    this.space();
    if (this.text[this.at] !== close) {
      for (;;) {
        one();
        this.space();
        if (this.text[this.at] !== ",") break;
        this.at += 1;
        this.space();
      }
    }
    this.take(close);
  }

  end() {
    this.space();
    if (this.at !== this.text.length) this.fail("something after the value");
  }
}

/** Reads a text: its value, and which objects have a member twice. */
export function parseJson(text) {
  const reader = new Reader(text);
  reader.space();
  const value = reader.value(0);
  reader.end();
  return { value, repeated: reader.repeated };
}

/** The texts of the items of an array, as they stand. */
export function itemTexts(text) {
  const reader = new Reader(text);
  const items = [];
  reader.space();
  reader.each("[", "]", () => {
    const from = reader.at;
    reader.value(1);
    items.push(text.slice(from, reader.at));
  });
  reader.end();
  return items;
}

/** UTF-8 as text, a byte order mark kept; throws where it is not UTF-8. */
export function decodeUtf8(bytes) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}
