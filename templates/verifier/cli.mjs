#!/usr/bin/env node
// Verifies receipts and state proofs with Node, offline:
//
//   node cli.mjs FILE... --roster FILE [--roster FILE] [--hash HASH] [--json]
//
// FILE: JSON, or a PDF that carries a receipt, whose pages are compared with it. Exit code 0: all valid. 1: at least one is not. 2: a file or argument can't be used.

import { open, readFile } from "node:fs/promises";

import { isPdf, NoReceipt, receiptInPdf } from "./pdf.mjs";
import { withFace } from "./face.mjs";
import { readPrintedHash, verdictLine, verifyDocument } from "./verdict.mjs";
import { decodeUtf8 } from "./json.mjs";
import { readRosters } from "./header.mjs";

const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** That what was given can't be used. */
class Unusable extends Error {}

function readArguments(given) {
  const read = { files: [], rosters: [], hash: undefined, json: false };
  for (let at = 0; at < given.length; at += 1) {
    const next = () => given[(at += 1)] ?? unusable(`${given[at - 1]} needs a value`);
    if (given[at] === "--json") read.json = true;
    else if (given[at] === "--roster") read.rosters.push(next());
    else if (given[at] === "--hash") read.hash = readPrintedHash(next()) ?? unusable("--hash is 01 and 64 lower-case hex digits");
    else if (given[at].startsWith("--")) unusable(`${given[at]} is not known`);
    else read.files.push(given[at]);
  }
  if (read.files.length === 0 || read.rosters.length === 0) unusable("FILE... --roster FILE [--hash HASH] [--json]");
  if (read.hash !== undefined && read.files.length > 1) unusable("a hash goes with one receipt");
  return read;
}

function unusable(why) {
  throw new Unusable(why);
}

/** A file's bytes, one more than the limit at most. */
async function readLimited(name) {
  const file = await open(name).catch((fault) => unusable(fault.message));
  try {
    const { size } = await file.stat();
    if (size > FILE_BYTES_MAX) unusable(`${name}: more than ${FILE_BYTES_MAX} bytes`);
    return new Uint8Array(await file.readFile());
  } catch (fault) {
    return unusable(`${name}: ${fault.message}`);
  } finally {
    await file.close();
  }
}

async function readRosterFile(name) {
  try {
    return readRosters(decodeUtf8(await readFile(name)));
  } catch (fault) {
    return unusable(`${name}: ${fault.message}`);
  }
}

async function verdictOf(bytes, rosters, hash) {
  if (!isPdf(bytes)) return verifyDocument(bytes, rosters, hash);
  try {
    return await withFace(verifyDocument(await receiptInPdf(bytes), rosters, hash), bytes);
  } catch (fault) {
    if (!(fault instanceof NoReceipt)) throw fault;
    return { code: "RECEIPT_MISSING", field: "", message: fault.message, covered: [], not_covered: [] };
  }
}

function print(name, verdict, alone) {
  const { code, field, message, covered, not_covered } = verdict;
  console.log(`${name}: ${code}${field ? ` at ${field}` : ""}  ${message}`);
  if (!alone || code !== "VALID") return;
  for (const sentence of covered) console.log(`  ✓ ${sentence}`);
  for (const sentence of not_covered) console.log(`  – not covered: ${sentence}`);
}

async function main() {
  const { files, rosters: rosterFiles, hash, json } = readArguments(process.argv.slice(2));
  const rosters = (await Promise.all(rosterFiles.map(readRosterFile))).flat();
  let exit = 0;
  for (const name of files) {
    let bytes;
    try {
      bytes = await readLimited(name);
    } catch (fault) {
      if (!(fault instanceof Unusable)) throw fault;
      // The others are verified all the same.
      if (json) console.log(verdictLine({ code: "CLI-FILE", field: "", message: fault.message, covered: [], not_covered: [] }, { file: name }));
      console.error(fault.message);
      exit = 2;
      continue;
    }
    const verdict = await verdictOf(bytes, rosters, hash);
    if (verdict.code !== "VALID" && exit === 0) exit = 1;
    if (json) console.log(verdictLine(verdict, { file: name }));
    else print(name, verdict, files.length === 1);
  }
  return exit;
}

try {
  process.exitCode = await main();
} catch (fault) {
  if (!(fault instanceof Unusable)) throw fault;
  console.error(fault.message);
  process.exitCode = 2;
}
