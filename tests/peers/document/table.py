"""One table of `piaolian bench documents --json` (standard input) and the lines of the peers: python table.py RESULTS"""

import json
import sys

ours = json.load(sys.stdin)
with open(sys.argv[1]) as lines:
    peers = [json.loads(line) for line in lines]
ten = max(ours["sizes"], key=lambda size: size["lines"])
own = {"peer": "piaolian", "version": "", "cpu_ms": ours["pdf_ns"]["median"] / 1e6, "bytes": ten["average_bytes"], "archive": True}
print(f"{'':22} {'CPU ms/PDF':>10} {'PDFs/s/core':>11} {'ours is':>9} {'bytes':>7} {'PDF/A-3 with the receipt':>24}")
for row in [own, *sorted(peers, key=lambda row: row["cpu_ms"])]:
    times = row["cpu_ms"] / own["cpu_ms"]
    print(f"{row['peer'] + ' ' + row['version']:22} {row['cpu_ms']:10.3f} {1000 / row['cpu_ms']:11.0f} {times:8.1f}x {row['bytes']:7} "
          f"{'yes' if row['archive'] else 'no':>24}")
print(f"{ours['cores']} cores; PDFs/s on all of them: {ours['pdfs_a_second_all']}; largest of ten lines: {ten['max_bytes']} bytes"
      + ("; a debug build, so worth nothing" if ours["debug_build"] else ""))
