// The page: takes rosters and documents from the one who opens it, shows verdicts. All text goes in as text, never as HTML.

import { chinaTime, factsOf, yuan } from "./facts.mjs";
import { decodeUtf8, itemTexts } from "./json.mjs";
import { isPdf, NoReceipt, receiptInPdf } from "./pdf.mjs";
import { withFace } from "./face.mjs";
import { coveredInChinese, NOT_COVERED_CHINESE, STATES, VERDICTS } from "./words.mjs";
import { readPrintedHash, verifyDocument } from "./verdict.mjs";
import { readRoster, readRosters } from "./header.mjs";
import { sameBytes, toHex, utf8 } from "./bytes.mjs";

const STORED = "piaolian-rosters";
const FILE_BYTES_MAX = 64 * 1024 * 1024;

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; texts become text. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.flat().filter((child) => child !== undefined));
  return made;
}

const english = (text) => element("span", { class: "en" }, text);

/** Pairs of Chinese name, English name and value; those without value are left out. */
function facts(rows) {
  const shown = rows.filter(([, , value]) => value !== undefined && value !== "");
  return element("dl", {}, shown.flatMap(([name, also, value, mono]) =>
    [element("dt", {}, name, english(also)), element("dd", mono ? { class: "mono" } : {}, value)]));
}

// --- rosters

let rosters = [];

/** Rosters that were kept by an earlier visit, where the browser lets a page keep anything. */
function storedRosters() {
  try {
    return itemTexts(localStorage.getItem(STORED) ?? "[]").map(readRoster);
  } catch {
    return [];
  }
}

function keepRosters() {
  try {
    localStorage.setItem(STORED, `[${rosters.filter(({ preset }) => !preset).map(({ text }) => text).join(",")}]`);
  } catch {
    // A page from a file may not be allowed to: then they last as long as the page.
  }
}

/** Adds the rosters of a text. Those of a prepared copy (`preset`) are not kept: nobody has chosen them. */
function addRosters(text, preset) {
  for (const roster of readRosters(text)) {
    rosters = [...rosters.filter(({ hash }) => !sameBytes(hash, roster.hash)), { ...roster, preset }];
  }
  keepRosters();
  showRosters();
}

function showRosters() {
  byId("rosters").replaceChildren(...rosters.map((roster) => {
    const remove = element("button", { type: "button", class: "small" }, "移除 Remove");
    remove.addEventListener("click", () => {
      rosters = rosters.filter((other) => other !== roster);
      keepRosters();
      showRosters();
    });
    return element("div", { class: "roster" },
      facts([
        ["链", "Chain", roster.chain, true],
        ["起始高度", "From height", `${roster.from}`],
        ["成员", "Members", roster.members.map(({ name, power }) => `${name} (${power})`).join(", ")],
        ["指纹", "Fingerprint", toHex(roster.hash), true],
      ]), roster.preset ? element("p", { class: "warn" }, "此名册随页面而来，请核对指纹。", english("This roster came with the page: compare its fingerprint.")) : undefined,
      remove);
  }));
}

// --- documents

const unusable = (message) => ({ code: "FILE_UNUSABLE", field: "", message, covered: [], not_covered: [] });

async function verdictOf(bytes, expected) {
  if (!isPdf(bytes)) return verifyDocument(bytes, rosters, expected);
  try {
    return await withFace(verifyDocument(await receiptInPdf(bytes), rosters, expected), bytes);
  } catch (fault) {
    if (!(fault instanceof NoReceipt)) throw fault;
    return { code: "RECEIPT_MISSING", field: "", message: fault.message, covered: [], not_covered: [] };
  }
}

/** The hash that was typed: undefined when none was, null when it is no hash. */
function expectedHash() {
  const typed = byId("hash").value.replace(/\s/g, "").toLowerCase();
  return typed === "" ? undefined : readPrintedHash(typed);
}

async function verifyOne(name, bytes) {
  const expected = expectedHash();
  const verdict = expected === null ? unusable("哈希应为 01 开头的 66 位。 The hash is 01 and 64 hex digits.") : await verdictOf(bytes, expected);
  byId("results").prepend(card(name, verdict));
}

async function verifyFiles(files) {
  for (const file of files) {
    if (file.size > FILE_BYTES_MAX) byId("results").prepend(card(file.name, unusable("文件过大。 The file is too large.")));
    else await verifyOne(file.name, new Uint8Array(await file.arrayBuffer()));
  }
}

// --- what is shown of a verdict

function card(name, verdict) {
  const { code, field, message } = verdict;
  const good = code === "VALID";
  const [chinese, also] = VERDICTS[code];
  const badge = element("div", { class: `verdict ${good ? "good" : "bad"}`, "data-code": code, "data-field": field },
    element("b", {}, `${good ? "✓" : "✗"} ${chinese}`), " ", english(also),
    good ? undefined : element("p", { class: "mono" }, `${code}${field ? ` · ${field}` : ""}`),
    good ? undefined : element("p", { class: "en" }, message));
  const warning = good ? undefined : element("p", { class: "warn" }, "以下内容未经证实，请勿采信。", english("What follows is not proven: do not rely on it."));
  const shown = invoicePart(verdict);
  return element("section", { class: "card result" }, element("h2", {}, name), badge, sandboxPart(verdict),
    good ? statePart(verdict) : undefined, shown && warning, shown, sealedPart(verdict), coveredPart(verdict));
}

function sandboxPart({ document: read }) {
  if (read === undefined || read.chain.endsWith("-production")) return undefined;
  return element("p", { class: "warn" }, `链 ${read.chain} 是测试链：此为样票，不具法律效力。`, english("A test chain: a sample without legal effect."));
}

function statePart({ state, sealed }) {
  if (state === undefined) {
    return element("p", {}, "未证明现状：此收据只证明发票已开具。", english("Present state not proven: the receipt shows that it was issued."));
  }
  const [chinese, also] = STATES[state.word];
  const over = state.until !== undefined && BigInt(Date.now()) >= state.until;
  const lease = state.until === undefined ? undefined
    : over ? `${chinaTime(state.until)}（已过期，锁定已解除 over, the lock has ended）` : chinaTime(state.until);
  return element("div", { class: "state", "data-state": state.word },
    element("p", {}, "截至区块 ", element("b", {}, `${sealed.height}`), `（${chinaTime(sealed.time)}）：`, element("b", {}, chinese), " ",
      english(`as of block ${sealed.height}: ${also}`)),
    facts([
      ["发票", "Invoice", state.invoice, true],
      ["未红冲余额", "Not taken back", state.left === undefined ? undefined : `¥${yuan(state.left)}`],
      ["锁定至", "Locked until", lease],
    ]));
}

/** What the entry says, whatever the verdict: a reader wants to see which invoice it is. */
function invoicePart({ code, document: read }) {
  if (["RECEIPT_MALFORMED", "RECEIPT_MISSING", "FILE_UNUSABLE", "ENTRY_NOT_CANONICAL", "ENTRY_MALFORMED"].includes(code)) return undefined;
  const fact = factsOf(read);
  if (fact === undefined) return undefined;
  const money = (fen) => (fen === undefined ? undefined : `¥${yuan(fen)}`);
  const named = (name, taxpayer) => [name, taxpayer].filter(Boolean).join("　");
  return facts([
    ["发票代码", "Code", fact.code, true],
    ["发票号码", "Number", fact.number, true],
    ["开票日期", "Date", fact.date],
    ["销售方", "Seller", named(fact.seller, fact.sellerTaxpayer)],
    ["购买方", "Buyer", named(fact.buyer, fact.buyerTaxpayer)],
    ["金额", "Amount without tax", money(fact.amount)],
    ["税额", "Tax", money(fact.tax)],
    ["价税合计", "Total", money(fact.total)],
    ["对应正数发票", "Reverses", fact.blue, true],
    ["条目类型", "Kind of entry", fact.kind, true],
    ["哈希", "Hash", fact.hash, true],
  ]);
}

function sealedPart({ sealed, index }) {
  if (sealed === undefined) return undefined;
  const share = sealed.power === undefined ? "未核实 not verified" : `${sealed.power} / ${sealed.total}`;
  return facts([
    ["区块高度", "Block", `${sealed.height}`], ["区块时间", "Time of the block", `${chinaTime(sealed.time)}`],
    ["条目序号", "Entry", index === undefined ? undefined : `${index} / ${sealed.size}`], ["签章表决权", "Voting power sealed", share],
  ]);
}

function coveredPart({ covered, not_covered: not }) {
  const list = (title, also, sentences) => (sentences.length === 0 ? [] : [
    element("h3", {}, title, english(also)), element("ul", {}, sentences.map((sentence) => element("li", {}, sentence)))]);
  const both = (chinese) => (sentence) => [chinese(sentence), english(sentence)];
  return element("div", {}, list("已核实", "Covered", covered.map(both(coveredInChinese))),
    list("未核实", "Not covered", not.map(both((sentence) => NOT_COVERED_CHINESE[sentence] ?? ""))));
}

// --- what the one who opens it does

function problem(place, text) {
  byId(place).textContent = text;
}

function takeRosters(text, preset = false) {
  try {
    addRosters(text, preset);
    problem("roster-problem", "");
  } catch (fault) {
    problem("roster-problem", `不是成员名册 Not a roster: ${fault.message}`);
  }
}

async function textOf(file) {
  try {
    return decodeUtf8(new Uint8Array(await file.arrayBuffer()));
  } catch {
    return "";
  }
}

/** Files for the input with this id, chosen or dropped on the area around it. */
function onFiles(id, take) {
  const input = byId(id), area = input.closest(".drop");
  input.addEventListener("change", () => take([...input.files]).finally(() => { input.value = ""; }));
  for (const type of ["dragenter", "dragover"]) {
    area.addEventListener(type, (event) => { event.preventDefault(); area.classList.add("over"); });
  }
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}

/** A copy of this page can be prepared with rosters and documents in it, as JSON: `{"rosters":[text],"documents":[{"name","text"}]}`; in place
 * of the text, `base64` holds any bytes, such as a PDF's. */
async function takePreset() {
  const preset = JSON.parse(byId("preset").textContent);
  for (const text of preset.rosters ?? []) takeRosters(text, true);
  for (const { name, text, base64 } of preset.documents ?? []) {
    await verifyOne(name, base64 === undefined ? utf8(text) : Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  }
}

async function begin() {
  rosters = storedRosters();
  showRosters();
  onFiles("roster-files", async (files) => { for (const file of files) takeRosters(await textOf(file)); });
  onFiles("files", verifyFiles);
  byId("roster-add").addEventListener("click", () => takeRosters(byId("roster-text").value));
  byId("text-verify").addEventListener("click", () => verifyOne("粘贴的文本 Pasted text", utf8(byId("text").value)));
  byId("clear").addEventListener("click", () => byId("results").replaceChildren());
  // A file that is dropped beside the areas MUST NOT replace the page.
  for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
  await takePreset();
  document.documentElement.setAttribute("data-ready", "yes");
}

await begin();
