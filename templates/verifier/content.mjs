// What the pages of a PDF paint, as far as invoices go: texts by what they copy as, and areas. Anything else makes a file unreadable.
// Shapes of characters are not looked at: what a font says that a character is, is what counts here.

import { byteText, faceDiffers, isStream, PdfLexer, PdfName, PdfText, PdfWord, spokenText, unreadable, utf16Text } from "./objects.mjs";

/** Words of the content of all pages. */
const WORDS_MAX = 2000000;
/** Glyphs and areas of one page. */
const ITEMS_MAX = 500000;
const FORMS_DEEP_MAX = 12;
/** Lines that are wider than this cover like areas, in points. */
const LINE_WIDTH_MAX = 2;

const matrixProduct = ([a, b, c, d, e, f], [g, h, i, j, k, l]) =>
  [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l];
const placed = ([a, b, c, d, e, f], x, y) => [x * a + y * c + e, x * b + y * d + f];
const UNCHANGED = [1, 0, 0, 1, 0, 0];

const codeOf = (text) => (text instanceof PdfText && text.bytes.length === 2
  ? text.bytes.charCodeAt(0) * 256 + text.bytes.charCodeAt(1) : unreadable("font", "a font's map to text can't be read"));

/** A map from codes to texts (9.10.3). */
function readCodeMap(text) {
  const texts = new Map(), lexer = new PdfLexer(text);
  let given = [], entries = 0;
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
    if (!(token instanceof PdfWord)) {
      given.push(token);
      continue;
    }
    if (token.word === "usecmap") unreadable("font", "a font's map to text can't be read");
    if (token.word === "endbfchar") {
      for (let at = 0; at + 1 < given.length; at += 2) texts.set(codeOf(given[at]), utf16Text(given[at + 1].bytes));
    }
    if (token.word === "endbfrange") {
      for (let at = 0; at + 2 < given.length; at += 3) {
        const first = codeOf(given[at]), last = codeOf(given[at + 1]), to = given[at + 2];
        if ((entries += last - first) > WORDS_MAX) unreadable("font", "a font's map to text is too large");
        for (let code = first; code <= last; code += 1) {
          if (Array.isArray(to)) texts.set(code, utf16Text(to[code - first].bytes));
          else {
            const units = utf16Text(to.bytes);
            texts.set(code, units.slice(0, -1) + String.fromCharCode(units.charCodeAt(units.length - 1) + code - first));
          }
        }
      }
    }
    given = [];
  }
  return texts;
}

/** A font: widths in ems by code, and texts by code. */
async function readFont(file, font) {
  const descendants = file.of(font, "DescendantFonts");
  const cid = file.plain(Array.isArray(descendants) ? descendants[0] : undefined);
  const embedded = cid instanceof Map ? file.of(file.mapOf(cid, "FontDescriptor"), "FontFile2") : undefined;
  const map = cid instanceof Map ? file.of(cid, "CIDToGIDMap") : undefined;
  if (file.nameOf(font, "Subtype") !== "Type0" || file.nameOf(font, "Encoding") !== "Identity-H" || !isStream(embedded)
    || file.nameOf(cid, "Subtype") !== "CIDFontType2" || (map !== undefined && map.name !== "Identity")) {
    unreadable("font", "a font is not of the kind that invoices are written with");
  }
  const toUnicode = file.of(font, "ToUnicode");
  if (!isStream(toUnicode)) unreadable("font", "a font has no map to text");
  const widths = new Map(), given = (file.of(cid, "W") ?? []).map((one) => file.plain(one));
  for (let at = 0, entries = 0; at < given.length; ) {
    if (Array.isArray(given[at + 1])) {
      given[at + 1].forEach((width, nth) => widths.set(given[at] + nth, file.plain(width) / 1000));
      at += 2;
    } else {
      if ((entries += given[at + 1] - given[at]) > WORDS_MAX) unreadable("font", "a font's widths are too many");
      for (let code = given[at]; code <= Math.min(given[at + 1], 65535); code += 1) widths.set(code, given[at + 2] / 1000);
      at += 3;
    }
  }
  return { widths, width: (file.of(cid, "DW") ?? 1000) / 1000, texts: readCodeMap(byteText(await file.unpacked(toUnicode))) };
}

/** A page while it is painted. */
class Painting {
  constructor(reader, size) {
    this.reader = reader;
    this.size = size;
    this.items = [];
    this.state = { matrix: UNCHANGED, fill: [0, 0, 0], space: "DeviceGray", width: 1, font: undefined, size: 0, character: 0, stretch: 1, leading: 0, rise: 0, mode: 0 };
    this.saved = [];
    this.spans = [];
    this.path = [];
    this.clips = false;
    this.text = undefined;
    this.line = undefined;
  }

  /** Does what an operator says. */
  operate(operator, given) {
    if (this.items.length > ITEMS_MAX) unreadable("content", "a page has too much on it");
    const numbers = (count) => (given.length === count && given.every((one) => typeof one === "number") ? given
      : unreadable("content", `the operator ${operator} has not ${count} numbers`));
    const { state } = this;
    switch (operator) {
      case "q": this.saved.push({ ...state }); break;
      case "cm": state.matrix = matrixProduct(numbers(6), state.matrix); break;
      case "w": [state.width] = numbers(1); break;
      case "J": case "j": case "M": case "i": numbers(1); break;
      case "d": case "ri": case "MP": case "DP": case "RG": case "G": case "K": case "CS": case "SC": case "SCN": break;
      case "g": case "rg": case "k": state.fill = this.colour(given); state.space = { g: "DeviceGray", rg: "DeviceRGB", k: "DeviceCMYK" }[operator]; break;
      case "cs": this.colourSpace(given); break;
      case "sc": case "scn": state.fill = this.colour(given); break;
      case "m": this.path.push([placed(state.matrix, ...numbers(2))]); break;
      case "l": this.point(...numbers(2)); break;
      case "c": { const [a, b, c, d, e, f] = numbers(6); this.point(a, b); this.point(c, d); this.point(e, f); break; }
      case "v": case "y": { const [a, b, c, d] = numbers(4); this.point(a, b); this.point(c, d); break; }
      case "h": break;
      case "re": this.rectangle(...numbers(4)); break;
      case "f": case "F": case "f*": this.paint(true, false); break;
      case "S": case "s": this.paint(false, true); break;
      case "B": case "B*": case "b": case "b*": this.paint(true, true); break;
      case "n": this.paint(false, false); break;
      case "W": case "W*": this.clips = true; break;
      case "EMC": this.endSpan(); break;
      default: this.textOperator(operator, given, numbers);
    }
  }

  textOperator(operator, given, numbers) {
    const { state } = this;
    switch (operator) {
      case "BT": this.text = this.line = UNCHANGED; break;
      case "ET": this.text = this.line = undefined; break;
      case "Tc": [state.character] = numbers(1); break;
      case "Tw": numbers(1); break;
      case "Tz": state.stretch = numbers(1)[0] / 100; break;
      case "TL": [state.leading] = numbers(1); break;
      case "Ts": [state.rise] = numbers(1); break;
      case "Tr": [state.mode] = numbers(1); break;
      case "Td": this.newLine(...numbers(2)); break;
      case "TD": state.leading = -numbers(2)[1]; this.newLine(...given); break;
      case "T*": this.newLine(0, -state.leading); break;
      case "Tm": this.text = this.line = numbers(6); break;
      case "Tj": this.show(given); break;
      case "TJ": this.show(Array.isArray(given[0]) ? given[0] : unreadable("content", "TJ has no array")); break;
      case "'": this.newLine(0, -state.leading); this.show(given); break;
      case "\"": [, state.character] = given; this.newLine(0, -state.leading); this.show(given.slice(2)); break;
      case "BI": unreadable("image", "a page has a picture on it"); break;
      case "sh": unreadable("shading", "a page has a shading on it"); break;
      default: unreadable("content", `a page is drawn with an operator that invoices do not use: ${operator.slice(0, 20)}`);
    }
  }

  /** Red, green and blue of a colour in a device's parts. */
  colour(given) {
    if (given.some((one) => typeof one !== "number")) unreadable("colour", "a page has a pattern on it");
    if (given.length === 1) return [given[0], given[0], given[0]];
    if (given.length === 4) return given.slice(0, 3).map((part) => Math.max(0, 1 - part - given[3]));
    return given.length === 3 ? given : unreadable("colour", "a colour can't be read");
  }

  colourSpace([space]) {
    if (!["DeviceGray", "DeviceRGB", "DeviceCMYK"].includes(space?.name)) unreadable("colour", "a page has colours that are not those of a device");
    this.state.space = space.name;
    this.state.fill = [0, 0, 0];
  }

  point(x, y) {
    const part = this.path[this.path.length - 1] ?? unreadable("content", "a path has no beginning");
    part.push(placed(this.state.matrix, x, y));
  }

  rectangle(x, y, width, height) {
    const { matrix } = this.state;
    this.path.push([[x, y], [x + width, y], [x + width, y + height], [x, y + height]].map(([a, b]) => placed(matrix, a, b)));
  }

  paint(fill, stroke) {
    const path = this.path;
    this.path = [];
    if (this.clips) this.clip(path);
    this.clips = false;
    const points = path.flat();
    if (points.length === 0) return;
    const [a, b, c, d] = this.state.matrix;
    const wide = stroke && this.state.width * Math.sqrt(Math.abs(a * d - b * c)) > LINE_WIDTH_MAX;
    if (fill || wide) this.items.push({ path, colour: this.state.fill, fill });
  }

  /** A clip that holds the whole page clips nothing; any other would hide a part of it. */
  clip(path) {
    const [left, bottom, right, top] = this.size, points = path.flat();
    const upright = path.length === 1 && points.length === 4 && new Set(points.map(([x]) => x)).size === 2 && new Set(points.map(([, y]) => y)).size === 2;
    const holds = Math.min(...points.map(([x]) => x)) <= left + 0.5 && Math.max(...points.map(([x]) => x)) >= right - 0.5
      && Math.min(...points.map(([, y]) => y)) <= bottom + 0.5 && Math.max(...points.map(([, y]) => y)) >= top - 0.5;
    if (!upright || !holds) unreadable("clip", "a part of a page is cut off");
  }

  endSpan() {
    if (this.spans.length === 0) unreadable("content", "marked content ends that did not begin");
    const span = this.spans.pop();
    if (span.says === undefined) return;
    this.items.push({ says: span.says, glyphs: this.items.splice(span.from) });
  }

  newLine(x, y) {
    if (this.line === undefined) unreadable("content", "text stands outside a text");
    this.text = this.line = matrixProduct([1, 0, 0, 1, x, y], this.line);
  }

  show(parts) {
    const { state } = this;
    if (this.text === undefined || state.font === undefined) unreadable("content", "text stands outside a text");
    if (state.mode > 3) unreadable("clip", "a text cuts off a part of a page");
    const step = (way) => { this.text = matrixProduct([1, 0, 0, 1, way * state.stretch, 0], this.text); };
    for (const part of parts) {
      if (typeof part === "number") step((-part / 1000) * state.size);
      else if (!(part instanceof PdfText) || part.bytes.length % 2 === 1 || part.bytes.length > ITEMS_MAX) unreadable("content", "a text has something else in it");
      else {
        for (let at = 0; at < part.bytes.length; at += 2) {
          const code = part.bytes.charCodeAt(at) * 256 + part.bytes.charCodeAt(at + 1);
          const [x, y] = placed(matrixProduct(this.text, state.matrix), 0, state.rise);
          this.items.push({ text: state.font.texts.get(code) ?? "", x, y, colour: state.fill, seen: state.mode === 0 && state.size !== 0 });
          step((state.font.widths.get(code) ?? state.font.width) * state.size + state.character);
        }
      }
    }
  }
}

/** Reads the pages of a file. */
export class PageReader {
  constructor(file) {
    this.file = file;
    this.fonts = new Map();
    this.words = WORDS_MAX;
  }

  /** What each page paints, in order. Throws FaceFault. */
  async pages() {
    const { file } = this;
    const catalog = file.mapOf(file.trailer, "Root") ?? unreadable("file", "the PDF has no catalog");
    this.checkCatalog(catalog);
    const pages = [];
    for (const page of this.leaves(file.mapOf(catalog, "Pages"), {}, 0)) pages.push(await this.page(page));
    return pages;
  }

  checkCatalog(catalog) {
    const { file } = this;
    for (const [key, field] of [["OpenAction", "action"], ["AA", "action"], ["OCProperties", "layer"], ["Collection", "file"],
      ["NeedsRendering", "form"], ["StructTreeRoot", "structure"]]) {
      if (file.of(catalog, key) !== undefined) unreadable(field, `this PDF has a part that can show other things than its pages: ${key}`);
    }
    if (file.mapOf(catalog, "Names")?.has("JavaScript")) unreadable("action", "this PDF carries programs");
    const form = file.mapOf(catalog, "AcroForm");
    if (form === undefined) return;
    const fields = file.of(form, "Fields") ?? [];
    if (form.has("XFA") || !fields.every((one) => this.isSignature(file.plain(one)))) unreadable("form", "this PDF is a form to be filled in");
  }

  /** Whether a field is an invisible one for a signature. */
  isSignature(field) {
    const { file } = this;
    const [left, bottom, right, top] = (file.of(field, "Rect") ?? []).map((one) => file.plain(one));
    return file.nameOf(field, "FT") === "Sig" && (left === right || bottom === top) && top !== undefined
      && !["A", "AA", "Kids"].some((key) => field.has(key));
  }

  /** The pages below a node, with what they inherit. */
  leaves(node, inherited, depth) {
    const { file } = this;
    if (!(node instanceof Map) || depth > FORMS_DEEP_MAX) unreadable("page", "a page can't be read");
    const own = { ...inherited };
    for (const key of ["Resources", "MediaBox", "CropBox", "Rotate"]) if (node.has(key)) own[key] = file.of(node, key);
    const kids = file.of(node, "Kids");
    if (!Array.isArray(kids)) return [{ dictionary: node, ...own }];
    return kids.flatMap((kid) => this.leaves(file.plain(kid), own, depth + 1));
  }

  async page({ dictionary, Resources, MediaBox, CropBox, Rotate }) {
    const { file } = this;
    if (dictionary.has("AA")) unreadable("action", "a page does something by itself");
    if (dictionary.has("Group")) unreadable("transparency", "a page is transparent");
    if (!(file.of(dictionary, "Annots") ?? []).every((one) => this.isSignature(file.plain(one)))) {
      faceDiffers("annotation", "something was put upon a page: a note, a stamp, a link or a field");
    }
    const box = (given) => given?.map((one) => file.plain(one)).join(" ");
    const turned = (Rotate ?? 0) !== 0 || (file.of(dictionary, "UserUnit") ?? 1) !== 1 || (CropBox !== undefined && box(CropBox) !== box(MediaBox));
    if (turned) faceDiffers("page", "a page was turned, cut or scaled");
    const contents = file.of(dictionary, "Contents") ?? [];
    let text = "";
    for (const part of Array.isArray(contents) ? contents : [contents]) text += `${byteText(await file.unpacked(file.plain(part)))}\n`;
    const size = (MediaBox ?? unreadable("page", "a page has no size")).map((one) => file.plain(one));
    const painting = new Painting(this, size);
    await this.run(text, Resources, painting, 0);
    if (painting.spans.length > 0) unreadable("content", "marked content does not end");
    return painting.items;
  }

  async run(text, resources, painting, depth) {
    const { file } = this;
    const lexer = new PdfLexer(text), before = painting.saved.length;
    const resource = (kind, name) => file.plain(file.mapOf(resources, kind)?.get(name?.name));
    if ([...(file.mapOf(resources, "ColorSpace") ?? new Map()).keys()].some((name) => name.startsWith("Default"))) {
      unreadable("colour", "a page gives other meanings to the colours of a device");
    }
    let given = [];
    for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
      if ((this.words -= 1) < 0) unreadable("content", "the pages have too much on them");
      if (!(token instanceof PdfWord)) {
        given.push(token);
        continue;
      }
      const operator = token.word;
      if (operator === "Do") await this.form(resource("XObject", given[0]), resources, painting, depth);
      else if (operator === "Tf") await this.font(file.mapOf(resources, "Font")?.get(given[0]?.name), given[1], painting);
      else if (operator === "gs") this.harmless(resource("ExtGState", given[0]));
      else if (operator === "BDC" || operator === "BMC") this.beginSpan(given, resource, painting);
      else if (operator === "Q") {
        if (painting.saved.length <= before) unreadable("content", "a state is restored that was not saved");
        painting.state = painting.saved.pop();
      } else painting.operate(operator, given);
      given = [];
    }
    if (painting.saved.length !== before || painting.text !== undefined || painting.path.length > 0) unreadable("content", "content does not end as it should");
  }

  async form(form, resources, painting, depth) {
    const { file } = this;
    if (!isStream(form) || file.nameOf(form.dictionary, "Subtype") !== "Form") unreadable("image", "a page has a picture on it");
    const { dictionary } = form;
    if (dictionary.has("OC")) unreadable("layer", "a part of a page stands in a layer");
    if (dictionary.has("Group")) unreadable("transparency", "a part of a page is transparent");
    if (depth >= FORMS_DEEP_MAX) unreadable("content", "forms stand too deep in one another");
    const outer = painting.state;
    const numbers = (key) => file.of(dictionary, key)?.map((one) => file.plain(one));
    painting.state = { ...outer, matrix: matrixProduct(numbers("Matrix") ?? UNCHANGED, outer.matrix) };
    const [left, bottom, right, top] = numbers("BBox") ?? unreadable("content", "a form has no bounds");
    painting.rectangle(left, bottom, right - left, top - bottom);
    painting.clip(painting.path);
    painting.path = [];
    await this.run(byteText(await file.unpacked(form)), file.mapOf(dictionary, "Resources") ?? resources, painting, depth + 1);
    painting.state = outer;
  }

  async font(given, size, painting) {
    const font = this.file.plain(given);
    if (!(font instanceof Map) || typeof size !== "number") unreadable("font", "a font is missing");
    if (!this.fonts.has(font)) this.fonts.set(font, await readFont(this.file, font));
    painting.state.font = this.fonts.get(font);
    painting.state.size = size;
  }

  harmless(state) {
    const { file } = this;
    const all = [...(state ?? unreadable("content", "a graphics state is missing"))].every(([key, given]) => {
      const value = file.plain(given);
      if (key === "Type" || key === "SA") return true;
      if (key === "CA" || key === "ca") return value === 1;
      if (key === "BM") return value?.name === "Normal";
      if (key === "SMask") return value?.name === "None";
      return ["AIS", "OP", "op"].includes(key) && value?.word === "false";
    });
    if (!all) unreadable("transparency", "a page is transparent, or drawn by other rules");
  }

  beginSpan([tag, properties], resource, painting) {
    if (!(tag instanceof PdfName)) unreadable("content", "marked content has no tag");
    if (tag.name === "OC") unreadable("layer", "a part of a page stands in a layer");
    const list = properties instanceof PdfName ? resource("Properties", properties) : properties;
    const said = list instanceof Map ? ["ActualText", "Alt", "E"].filter((key) => list.has(key)) : [];
    const texts = said.map((key) => this.file.plain(list.get(key))).map(spokenText);
    painting.spans.push({ says: texts.length > 0 ? texts.join("") : undefined, from: painting.items.length });
  }
}
