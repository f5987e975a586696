#!/usr/bin/env bash
# Holds piaolian's PDFs against other programs that draw the same page of ten lines (page.json: the same texts at the same places in the
# same fonts, the same lines and QR code): krilla (crates.io, its own package here), typst, WeasyPrint and ReportLab (PyPI), each alone on
# one thread, by processor time. Then `piaolian bench documents`; one table, ratios to ours. Not part of the tests.
#
#   tests/peers/document/run.sh [SECONDS]       seconds of processor time for each program, 10 unless told
#
# Needs cargo, python3 with venv, and on Debian libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 (WeasyPrint). The first run builds
# krilla (two minutes of processor time) and piaolian in release. A build of piaolian elsewhere: CARGO_TARGET_DIR.
set -euo pipefail
cd "$(dirname "$0")/../../.."
seconds=${1:-10}

for tool in cargo python3; do
  command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 1; }
done
peers=target/peers/document
here=tests/peers/document
if ! cmp -s "$here/requirements.txt" "$peers/installed.txt"; then
  mkdir -p target/peers
  "$peers/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$peers"
  "$peers/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$peers/installed.txt"
fi
CARGO_TARGET_DIR=target/peers/build cargo build --locked --release --quiet --manifest-path "$here/Cargo.toml"
cargo build --locked --release --quiet

results=$(mktemp)
trap 'rm -f "$results"' EXIT
target/peers/build/release/peer-document "$seconds" >>"$results"
for peer in typst weasyprint reportlab; do
  "$peers/bin/python" "$here/peers.py" "$peer" "$seconds" >>"$results"
done
cargo run --locked --release --quiet -- bench documents --seconds "$seconds" --json | "$peers/bin/python" "$here/table.py" "$results"
