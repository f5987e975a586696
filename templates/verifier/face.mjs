// The face of a PDF beside its receipt (specification, section 15): every text that a page shows must be what the receipt makes, in
// painting order, and its QR code must say the receipt's hash, number and total. What is not looked at here: shapes of characters, places,
// thin lines, and other attachments.

import { asInteger, asObject, asText } from "./forms.mjs";
import { FaceFault, faceDiffers, PdfFile } from "./objects.mjs";
import { PageReader } from "./content.mjs";
import { FRAME_TEXTS } from "./labels.mjs";
import { leafHash } from "./keccak.mjs";
import { parseJson } from "./json.mjs";
import { printedHash } from "./verdict.mjs";
import { qrRectangles, qrText } from "./qr.mjs";
import { yuan } from "./facts.mjs";

/** What a face that holds adds to what is covered and what is not. */
export const FACE_NOT_COVERED = [
  "whether the address that the QR code leads to is the issuer's own site",
  "the shapes and places of what the pages show, and the attached invoice.xml: piaolian verify compares them",
];

const SEE_NOTE = "（详见附注）";
const SEE_LIST = "（详见销货清单）";
/** The box that stands for a character in no font. */
const BOX = "□";
const DIGITS_IN_WORDS = "零壹贰叁肆伍陆柒捌玖";
const UNITS_IN_WORDS = [[100000000n, "亿"], [10000n, "万"], [1000n, "仟"], [100n, "佰"], [10n, "拾"]];

/** A text without blanks: lines are broken at them. U+0085 is one to whoever breaks them. */
const packed = (text) => text.replace(/[\s\u0085]/gu, "");

function numberInWords(number) {
  const unit = UNITS_IN_WORDS.find(([value]) => number >= value);
  if (unit === undefined) return DIGITS_IN_WORDS[Number(number)];
  const [value, name] = unit, rest = number % value;
  const after = rest === 0n ? "" : (rest < value / 10n ? "零" : "") + numberInWords(rest);
  return numberInWords(number / value) + name + after;
}

/** An amount in words (价税合计大写). */
function amountInWords(fen) {
  const size = fen < 0n ? -fen : fen, whole = size / 100n, part = size % 100n, jiao = part / 10n, rest = part % 10n;
  let words = fen < 0n ? "（负数）" : "";
  if (whole > 0n || part === 0n) words += `${numberInWords(whole)}圆`;
  if (part > 0n && whole > 0n && (jiao === 0n || whole % 10n === 0n)) words += "零";
  if (jiao > 0n) words += `${DIGITS_IN_WORDS[Number(jiao)]}角`;
  return words + (rest > 0n ? `${DIGITS_IN_WORDS[Number(rest)]}分` : "整");
}

/** A decimal text as an integer of hundred-millionths. */
function scaledDecimal(text) {
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole + fraction.padEnd(8, "0"));
  return text.startsWith("-") ? -value : value;
}

function shortestDecimal(value) {
  const digits = (value < 0n ? -value : value).toString().padStart(9, "0");
  const fraction = digits.slice(-8).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -8)}${fraction && `.${fraction}`}`;
}

/** The price of one as it is printed beside an ex-tax amount: the amount divided by the quantity, rounded half away from zero. */
function printedPrice(line, exclusive) {
  const quantity = asText(line.get("quantity"));
  if (quantity === undefined) return "";
  const red = line.has("blue_line");
  if (exclusive && !red) return asText(line.get("price")) ?? "";
  const by = scaledDecimal(quantity) * (red ? -1n : 1n), amount = asInteger(line.get("amount")) * (red ? -1n : 1n) * 10n ** 14n;
  if (by === 0n) return "";
  const size = amount < 0n ? -amount : amount, divisor = by < 0n ? -by : by;
  const price = (size * 2n + divisor) / (divisor * 2n);
  return shortestDecimal((amount < 0n) === (by < 0n) ? price : -price);
}

const UNTAXED = { exempt: "免税", not_taxed: "不征税" };
const withSign = (text) => (/[0-9]/.test(text) ? `¥${text}` : text);

function faceLine(line, exclusive) {
  const text = (key) => asText(line.get(key)) ?? "";
  const untaxed = UNTAXED[text("mark")];
  return {
    name: `*${text("category")}*${text("name")}`, specification: text("specification"), unit: text("unit"), quantity: text("quantity"),
    price: printedPrice(line, exclusive), amount: yuan(asInteger(line.get("amount"))),
    rate: untaxed ?? `${shortestDecimal(asInteger(line.get("rate")) * 1000000n)}%`, tax: untaxed ? "***" : yuan(asInteger(line.get("tax"))),
    amountFen: asInteger(line.get("amount")), taxFen: asInteger(line.get("tax")),
  };
}

/** What an invoice's face says, field by field. The receipt MUST have been verified; undefined when its entry issued no invoice. */
function faceOf({ entry: entryText, header: headerText }) {
  const entry = asObject(parseJson(entryText).value), header = asObject(parseJson(headerText).value);
  const draft = asObject(entry.get("draft"));
  if (draft === undefined || !entry.has("code") || !entry.has("number")) return undefined;
  const text = (members, key) => asText(members?.get(key)) ?? "";
  const party = (key) => {
    const members = asObject(draft.get(key));
    return Object.fromEntries(["name", "taxpayer_id", "address_phone", "bank_account"].map((field) => [field, text(members, field)]));
  };
  const hash = printedHash(leafHash(entryText)), digital = text(draft, "document") === "fully-digital";
  const kind = digital ? "digital" : "ordinary", number = (digital ? text(entry, "code") : "") + text(entry, "number");
  const lines = draft.get("lines").map((line) => faceLine(asObject(line), text(draft, "pricing") === "exclusive"));
  const [year, month, day] = text(entry, "date").split("-");
  const total = asInteger(draft.get("total")), tax = lines.every((line) => line.tax === "***") ? "***" : yuan(asInteger(draft.get("tax")));
  const chain = text(entry, "chain"), place = `${asInteger(header.get("height"))}  条目序号 ${asInteger(entry.get("index"))}`;
  return {
    kind, hash, lines, chain, sample: !chain.endsWith("-production"), title_note: draft.has("red") ? "红字（负数）" : "",
    code: digital ? "" : text(entry, "code"), number, date: `${year}年${month}月${day}日`, check_code: hash.slice(-5),
    buyer: party("buyer"), seller: party("seller"), payment_id: text(asObject(draft.get("payment")), "transaction"),
    amount: withSign(yuan(asInteger(draft.get("amount")))), tax: withSign(tax), total: withSign(yuan(total)), capital: amountInWords(total),
    remark: text(draft, "remark"), payee: text(draft, "payee"), reviewer: text(draft, "reviewer"), drawer: text(draft, "drawer"),
    place: `区块链 ${chain}  区块高度 ${place}`,
    // What the code says: behind the address of the service, or of a fully digital invoice all of it.
    says: digital ? `01,32,,${number},${yuan(total)},${year}${month}${day},,${hash.slice(-4).toUpperCase()}` : `hash=${hash}&bill_num=${number}&total_amount=${total}`,
  };
}

/** The characters of a page in painting order, blanks left out; a text that stands for others must be what they are. */
function charactersOf(items) {
  const characters = [];
  for (const item of items) {
    if (item.text !== undefined) {
      for (const character of packed(item.text)) characters.push({ character, item });
      // What copies as nothing is shown all the same.
      if (item.text === "") characters.push({ character: "\ufffd", item });
    } else if (item.glyphs !== undefined) {
      const shown = charactersOf(item.glyphs), text = shown.map(({ character }) => character).join("");
      if (text === BOX && [...item.says].length === 1) characters.push({ character: item.says, item: shown[0].item });
      else if (text === packed(item.says)) characters.push(...shown);
      else characters.push({ character: "\ufffd", item: shown[0]?.item ?? { x: 0, y: 0 } });
    }
  }
  return characters;
}

/** Areas of a page, those under what stands for other texts too. */
const areasOf = (items) => items.flatMap((item) => (item.glyphs ? areasOf(item.glyphs) : item.path ? [item] : []));

const isDark = ([red, green, blue]) => red * 0.3 + green * 0.6 + blue * 0.1 < 0.55;

/** What the pages of a kind of document have, in painting order. */
const FACES = {
  ordinary: {
    head: [["code", "发票代码："], ["number", "发票号码："], ["date", "开票日期："], ["check_code", "校验码："]],
    optional: ["buyer.bank_account"], proof: true, foot: [["payee", "收款人："], ["reviewer", "复核："], ["drawer", "开票人："]],
    further: ["date", "code", "number", "check_code"],
  },
  digital: {
    head: [["number", "发票号码："], ["date", "开票日期："]],
    optional: ["buyer.address_phone", "buyer.bank_account", "seller.address_phone", "seller.bank_account"], proof: false,
    foot: [["drawer", "开票人："]], further: ["date", "number"],
  },
};

/** Reads what a page says, field after field. */
class PageText {
  constructor(items, number) {
    this.characters = charactersOf(items);
    this.number = number;
    this.at = 0;
    this.before = "page";
  }

  rest(length) {
    return this.characters.slice(this.at, this.at + length).map(({ character }) => character).join("");
  }

  begins(text) {
    const wanted = packed(text);
    return this.rest([...wanted].length) === wanted;
  }

  /** How many characters of a text come next. */
  common(text) {
    const wanted = [...packed(text)];
    let count = 0;
    while (count < wanted.length && this.characters[this.at + count]?.character === wanted[count]) count += 1;
    return count;
  }

  /** So many characters are a field's; they must be seen, and dark where they are a value. */
  mark(field, count) {
    for (const one of this.characters.slice(this.at, this.at + count)) {
      one.field = field;
      if (one.item.seen === false || (field !== "page" && !isDark(one.item.colour))) {
        faceDiffers(field, `page ${this.number}: ${one.character} is there but can't be seen`);
      }
    }
    this.at += count;
  }

  /** The next text must be this. */
  take(field, text) {
    const wanted = packed(text), count = this.common(text);
    if (count < [...wanted].length) {
      const shown = this.rest(count + 20), found = shown === "" ? "nothing" : shown;
      // A label that does not come: the value before it goes on.
      const named = field === "page" && count === 0 && this.before !== "page" ? this.before : field;
      faceDiffers(named, `page ${this.number}: the receipt makes ${wanted}, the page shows ${found}`);
    }
    this.mark(field, [...wanted].length);
    if (field !== "page" || wanted !== "") this.before = field;
  }

  /** The field whose characters stand nearest to a place. */
  near(x, y) {
    const distance = ({ item }) => Math.abs(item.y - y) * 4 + Math.abs(item.x - x);
    const known = this.characters.filter(({ field, item }) => field !== undefined && field !== "page" && Math.abs(item.y - y) < 6 && Math.abs(item.x - x) < 40);
    return known.sort((a, b) => distance(a) - distance(b))[0]?.field ?? "page";
  }

  /** Nothing more may come. */
  end() {
    const more = this.characters[this.at];
    if (more !== undefined) faceDiffers(this.near(more.item.x, more.item.y), `page ${this.number}: ${this.rest(20)} was added to what the receipt says`);
  }

  /** The field that an area covers most of. */
  covered(points) {
    const xs = points.map(([x]) => x), ys = points.map(([, y]) => y), counts = new Map();
    for (const { field, item } of this.characters) {
      const within = item.x >= Math.min(...xs) && item.x <= Math.max(...xs) && item.y >= Math.min(...ys) && item.y <= Math.max(...ys);
      if (within && field !== undefined && field !== "page") counts.set(field, (counts.get(field) ?? 0) + 1);
    }
    return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "page";
  }
}

/** A face while it is read page by page. */
class FaceReading {
  constructor(face, count) {
    this.face = face;
    this.count = count;
    this.notes = [];
    this.lines = 0;
    this.listed = false;
  }

  /** A value, or the pointer to the note that has it. */
  value(page, field, text, called) {
    if (packed(text) !== "" && !page.begins(text) && page.begins(SEE_NOTE)) {
      page.take(field, SEE_NOTE);
      this.notes.push(called + text);
    } else page.take(field, text);
  }

  first(page) {
    const { face } = this, { head, proof, foot } = FACES[face.kind];
    page.take("page", FRAME_TEXTS[face.kind].first[face.sample ? 1 : 0]);
    this.value(page, "title_note", face.title_note, "红字：");
    for (const [field, called] of head) this.value(page, field, face[field], called);
    this.party(page, "buyer", "购买方");
    if (proof) {
      page.take("page", "电子支付标识：");
      this.value(page, "payment_id", face.payment_id, "购买方电子支付标识：");
      page.take("hash", face.hash);
    }
    this.listed = page.begins(SEE_LIST);
    if (this.listed) {
      const [{ rate }] = face.lines, same = face.lines.every((line) => line.rate === rate);
      page.take("lines.name", SEE_LIST);
      page.take("lines.amount", face.amount.replace("¥", ""));
      page.take("lines.rate", same ? rate : "");
      page.take("lines.tax", face.tax.replace("¥", ""));
    } else face.lines.forEach((_, nth) => this.row(page, nth, false));
    page.take("amount", face.amount);
    page.take("tax", face.tax);
    this.value(page, "capital", face.capital, "价税合计（大写）：");
    this.value(page, "total", face.total, "（小写）：");
    this.party(page, "seller", "销售方");
    this.remark(page);
    for (const [field, called] of foot) this.value(page, field, face[field], called);
    this.value(page, "place", face.place, "区块链：");
  }

  party(page, of, called) {
    const party = this.face[of];
    for (const [field, label] of [["name", "名称："], ["taxpayer_id", "纳税人识别号："], ["address_phone", "地址、电话："], ["bank_account", "开户行及账号："]]) {
      if (FACES[this.face.kind].optional.includes(`${of}.${field}`) && party[field] === "") continue;
      page.take("page", label);
      this.value(page, `${of}.${field}`, party[field], called + label);
    }
  }

  remark(page) {
    const { remark } = this.face, wanted = [...packed(remark)];
    if (page.begins(remark)) return page.take("remark", remark);
    // Its beginning, and where the whole stands.
    const count = page.common(remark);
    const begun = count > 0 && count < wanted.length && page.characters.slice(page.at + count, page.at + count + 6).map(({ character }) => character).join("") === SEE_NOTE;
    if (!begun) return page.take("remark", remark);
    page.mark("remark", count);
    page.take("remark", SEE_NOTE);
    this.notes.push(`备注：${remark}`);
    return undefined;
  }

  row(page, nth, inList) {
    const line = this.face.lines[nth], of = (column) => `lines[${nth}].${column}`;
    if (inList) page.take(of("ordinal"), `${nth + 1}`);
    for (const [column, label] of [["name", "名称"], ["specification", "规格型号"], ["unit", "单位"], ["quantity", "数量"], ["price", "单价"], ["amount", ""], ["rate", "税率"], ["tax", "税额"]]) {
      if (inList && label !== "") this.value(page, of(column), line[column], `清单第 ${nth + 1} 行 ${label}：`);
      else page.take(of(column), line[column]);
    }
  }

  /** A page after the first: lines with their sums, notes, or both. */
  further(page) {
    const { face } = this, texts = FRAME_TEXTS[face.kind], sample = face.sample ? 1 : 0;
    const isList = page.begins(texts.list[sample]);
    page.take("page", (isList ? texts.list : texts.notes)[sample]);
    for (const of of ["buyer", "seller"]) page.mark(`${of}.name`, page.common(face[of].name));
    for (const field of FACES[face.kind].further) page.take(field, face[field]);
    if (isList) this.list(page);
    const number = `第${page.number}页共${this.count}页`;
    while (this.notes.length > 0 && !page.begins(number)) {
      const count = page.common(this.notes[0]), whole = [...packed(this.notes[0])];
      if (count === 0) page.take("notes", this.notes[0]);
      page.mark("notes", count);
      if (count === whole.length) this.notes.shift();
      else this.notes[0] = whole.slice(count).join("");
    }
  }

  list(page) {
    const { face } = this, from = this.lines;
    while (this.lines < face.lines.length && !page.begins("小计")) {
      this.row(page, this.lines, true);
      this.lines += 1;
    }
    const lines = face.lines.slice(from, this.lines), sum = (key) => lines.reduce((all, line) => all + line[key], 0n);
    page.take("page", "小计");
    page.take("page.amount", withSign(yuan(sum("amountFen"))));
    page.take("page.tax", lines.every((line) => line.tax === "***") ? "***" : withSign(yuan(sum("taxFen"))));
    if (this.lines < face.lines.length) return;
    page.take("page", "总计");
    page.take("amount", face.amount);
    page.take("tax", face.tax);
  }

  /** All that was pointed to must have come. */
  end() {
    if (this.notes.length > 0 || (this.listed && this.lines < this.face.lines.length)) faceDiffers("page", "a page is missing");
  }
}

/** What the first page's one QR code says, and where it leads. */
function checkQr(areas, face) {
  const codes = areas.map(qrRectangles).filter((rectangles) => rectangles !== undefined);
  const says = codes.length === 1 ? qrText(codes[0]) : undefined;
  if (says === undefined) faceDiffers("qr", "the first page has not exactly one QR code that can be read");
  if (face === undefined) faceDiffers("page", "the receipt is of an entry that issued no invoice");
  const parts = face.kind === "digital" ? ["", "", says] : /^(.*)\/verify\/scan\?(.*)$/.exec(says);
  if (parts === null || parts[2] !== face.says) faceDiffers("qr", `the QR code says ${says.slice(0, 300)}, the receipt makes ${face.says}`);
  return /^[a-z]+:\/\/[^/?#]*/.exec(parts[1])?.[0] ?? "";
}

/** The ground of a code is white and the code black, and the one stands on the other; every other area covers something. */
function checkAreas(areas, page) {
  const code = areas.findIndex((area) => qrRectangles(area) !== undefined);
  areas.forEach((area, nth) => {
    const isGround = nth === code - 1 && area.path.length === 1 && area.colour.every((part) => part > 0.99);
    const isCode = nth === code && area.colour.every((part) => part < 0.3);
    if (!isGround && !isCode) faceDiffers(page.covered(area.path.flat()), `page ${page.number}: an area covers a part of the page`);
  });
}

/** Compares a PDF with a receipt that was verified. Gives pages and where the code leads; throws FaceFault. */
async function compareFace(bytes, document) {
  const file = await PdfFile.open(bytes), pages = await new PageReader(file).pages();
  const face = faceOf(document), leadsTo = checkQr(areasOf(pages[0] ?? []), face), reading = new FaceReading(face, pages.length);
  pages.forEach((items, nth) => {
    const page = new PageText(items, nth + 1);
    if (nth === 0) reading.first(page);
    else reading.further(page);
    const number = `第${nth + 1}页共${pages.length}页`;
    if (pages.length > 1 && !page.begins(number)) faceDiffers("page", `page ${nth + 1}: the receipt makes ${number}, the page shows ${page.rest(20)}`);
    if (pages.length > 1) page.take("page", number);
    page.end();
    checkAreas(areasOf(items), page);
  });
  reading.end();
  return { pages: pages.length, leadsTo };
}

/** A verdict on the receipt that a PDF carries, with what is to be said of the PDF's face. */
export async function withFace(verdict, bytes) {
  if (verdict.code !== "VALID" || verdict.document?.entry === undefined) return verdict;
  try {
    const { pages, leadsTo } = await compareFace(bytes, verdict.document);
    const where = leadsTo === "" ? "leads nowhere" : `leads to ${leadsTo}`;
    const covered = `every text on the ${pages} pages and their QR code say what the receipt says; the code ${where}`;
    const message = `${verdict.message}, the face says what it says; the QR code leads to ${leadsTo}`;
    return { ...verdict, message, covered: [...verdict.covered, covered], not_covered: [...verdict.not_covered, ...FACE_NOT_COVERED] };
  } catch (fault) {
    if (fault instanceof FaceFault) return { ...verdict, code: fault.code, field: fault.field, message: fault.message, state: undefined };
    // The file is an outsider's: a shape that this reader did not think of is one that can't be compared.
    if (fault instanceof TypeError || fault instanceof RangeError) return { ...verdict, code: "FACE_UNREADABLE", field: "file", message: `${fault.message}`, state: undefined };
    throw fault;
  }
}
