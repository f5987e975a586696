// Invoices a second on a local EVM node (anvil, in memory, blocks of one second, no limit of gas): one signed value transfer an
// invoice, with the invoice's hash as data. Transactions are signed before the clock starts, with 16 accounts of 2,500 each, and
// sent raw over HTTP in JSON-RPC batches of 50, in nonce order, by one sender an account. The clock stops when all are in blocks.
// Prints one whole number.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";

const modules = process.argv[2];
const require = createRequire(path.join(modules, "x.js"));
const { mnemonicToAccount } = require("viem/accounts");
const ACCOUNTS = 16, EACH = 2_500, BATCH = 50;

const port = await new Promise((resolve, reject) => {
  const probe = createServer().once("error", reject);
  probe.listen(0, "127.0.0.1", () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
});
const url = `http://127.0.0.1:${port}`;

async function call(requests) {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(requests) });
  const body = await answer.json();
  for (const one of Array.isArray(body) ? body : [body]) {
    if (one.error) throw new Error(`anvil: ${one.error.message}`);
  }
  return body;
}
const ask = async (method, params = []) => (await call({ jsonrpc: "2.0", id: 1, method, params })).result;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const accounts = Array.from({ length: ACCOUNTS }, (_, addressIndex) =>
  mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex }));
console.error(`anvil: signing ${ACCOUNTS * EACH} transactions`);
const signed = [];
for (const [at, account] of accounts.entries()) {
  const own = [];
  for (let nonce = 0; nonce < EACH; nonce += 1) {
    own.push(await account.signTransaction({
      chainId: 31337, type: "eip1559", nonce, to: accounts[(at + 1) % ACCOUNTS].address, value: 1n, gas: 40_000n,
      maxFeePerGas: 1_000_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n,
      data: `0x${createHash("sha256").update(`${at}/${nonce}`).digest("hex")}`,
    }));
  }
  signed.push(own);
}

const binary = path.join(modules, "@foundry-rs/anvil-linux-amd64/bin/anvil");
const node = spawn(binary, ["--port", `${port}`, "--block-time", "1", "--accounts", `${ACCOUNTS}`, "--disable-block-gas-limit", "--silent"],
  { stdio: ["ignore", "ignore", "inherit"] });
try {
  for (let tries = 0; ; tries += 1) {
    try { await ask("eth_chainId"); break; } catch (error) { if (tries > 100) throw error; await sleep(100); }
  }
  const begun = process.hrtime.bigint();
  await Promise.all(signed.map(async (own) => {
    for (let from = 0; from < own.length; from += BATCH) {
      await call(own.slice(from, from + BATCH).map((raw, id) => ({ jsonrpc: "2.0", id, method: "eth_sendRawTransaction", params: [raw] })));
    }
  }));
  for (;;) {
    const counts = await Promise.all(accounts.map(({ address }) => ask("eth_getTransactionCount", [address, "latest"])));
    if (counts.every((count) => Number(count) === EACH)) break;
    await sleep(50);
  }
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(Math.round((ACCOUNTS * EACH) / seconds));
} finally {
  node.kill();
}
