#!/usr/bin/env bash
# Holds piaolian's throughput against peers on this machine, one after the other: anvil (an EVM node) and zatca-xml-js (Saudi
# e-invoicing), both from npm, installed into target/peers; then `piaolian bench` with their rates, so that the ratios stand in its
# table. What each peer does for an invoice is said at the head of its script. Neither writes to a disk. Arguments go to
# `piaolian bench`:
#
#   tests/peers/run.sh                                                       SQLite
#   tests/peers/run.sh --clients 256 --database sqlite --database postgres://postgres@127.0.0.1:5432/postgres
#
# Needs node 18 or later with npm, openssl, cargo; x86-64 Linux (anvil's package). About a minute before the bench begins.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in node npm openssl cargo; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; on Debian: apt-get install nodejs npm openssl" >&2; exit 1; }
done
peers=target/peers
mkdir -p "$peers"
if ! cmp -s tests/peers/package.json "$peers/installed.json"; then
  cp tests/peers/package.json "$peers/package.json"
  # No package's own script is run: anvil's binary lies in its package as it is.
  npm install --prefix "$peers" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp tests/peers/package.json "$peers/installed.json"
fi
modules="$PWD/$peers/node_modules"

cargo build --locked --release --quiet
zatca=$(node tests/peers/zatca.mjs "$modules")
echo "zatca-xml-js: $zatca invoices/s" >&2
anvil=$(node tests/peers/anvil.mjs "$modules")
echo "anvil: $anvil transactions/s" >&2
cargo run --locked --release --quiet -- bench --peer "anvil=$anvil" --peer "zatca-xml-js=$zatca" "$@"
