// Invoices a second of zatca-xml-js (Saudi e-invoicing, phase 2) in one process: build the XML of a simplified invoice with five
// lines, hash it, sign it (secp256k1, by OpenSSL) and make its QR text. No storage, no numbering, no HTTP. Prints one whole number.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const modules = process.argv[2];
const seconds = Number(process.argv[3] ?? 5);
const require = createRequire(path.join(modules, "x.js"));
const { EGS, ZATCASimplifiedTaxInvoice } = require("zatca-xml-js");

const folder = mkdtempSync(path.join(tmpdir(), "zatca-"));
const [key, certificate] = ["key.pem", "certificate.pem"].map((name) => path.join(folder, name));
let pems;
try {
  execFileSync("openssl", ["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", key]);
  execFileSync("openssl", ["req", "-x509", "-new", "-key", key, "-subj", "/CN=bench", "-days", "2", "-out", certificate]);
  pems = [key, certificate].map((file) => readFileSync(file, "utf8"));
} finally {
  rmSync(folder, { recursive: true });
}

const egs_info = {
  uuid: "6f4d20e0-6bfe-4a80-9389-7dabe6620f12", custom_id: "BENCH-1", model: "bench", CRN_number: "454634645645654",
  VAT_name: "Bench", VAT_number: "301121971500003", branch_name: "Bench", branch_industry: "Food",
  location: { city: "Khobar", city_subdivision: "West", street: "King Fahd St", plot_identification: "0000", building: "0000", postal_zone: "31952" },
};
const egs = new EGS(egs_info);
egs.set({ private_key: pems[0], compliance_certificate: pems[1] });
const line_items = Array.from({ length: 5 }, (_, at) => ({
  id: `${at + 1}`, name: `Item ${at + 1}`, quantity: at + 1, tax_exclusive_price: 38.5, VAT_percent: 0.15, other_taxes: [], discounts: [],
}));

let previous_invoice_hash = "NWZlY2ViNjZmZmM4NmYzOGQ5NTI3ODZjNmQ2OTZjNzljMmRiYzIzOWRkNGU5MWI0NjcyOWQ3M2EyN2ZiNTdlOQ==";
let counter = 0;
function issue() {
  counter += 1;
  const props = {
    egs_info, invoice_counter_number: counter, invoice_serial_number: `BENCH-1-${counter}`, issue_date: "2026-11-22", issue_time: "12:00:00",
    previous_invoice_hash, line_items,
  };
  const { signed_invoice_string, invoice_hash } = egs.signInvoice(new ZATCASimplifiedTaxInvoice({ props }), false);
  if (!signed_invoice_string.includes("SignatureValue")) throw new Error("zatca-xml-js signed nothing");
  previous_invoice_hash = invoice_hash;
}
const run = (lasting) => {
  const begun = process.hrtime.bigint(), before = counter;
  let took;
  do { issue(); took = Number(process.hrtime.bigint() - begun) / 1e9; } while (took < lasting);
  return (counter - before) / took;
};
run(1);
console.log(Math.round(run(seconds)));
