#!/usr/bin/env python3
"""Writes what fuzzing begins from: one folder a target, one file an input, out of the golden files. Usage: seed.py FOLDER"""

import hashlib
import json
import pathlib
import struct
import sys

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"


def golden(name):
    return json.loads((FIXTURES / name).read_text())


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def proof(flags, first, second, hashes):
    """The form that targets/proof.rs takes apart: arbitrary takes numbers from the front, the rest are the hashes."""
    return struct.pack("<BBBQQ", flags, 0, 0, first, second) + bytes(range(1, hashes + 1))


def seeds():
    canonical = golden("chain/canonical.json")
    header = golden("chain/header.json")
    receipts = golden("chain/receipts.json")
    rotation = golden("chain/rotation.json")
    tree = golden("chain/tree.json")
    entries = [entry["text"] for name in ("entries-v1", "entries") for entry in golden(f"chain/{name}.json")["entries"]]
    drafts = [golden("demo/draft.json")]
    notices = golden("parties/wechat/notices.json")["notices"]

    yield from (("canonical", case["text"]) for case in canonical["accepted"] + canonical["refused"])
    yield from (("header", case["text"]) for case in header["headers"])
    yield from (("roster", case["text"]) for case in header["rosters"])
    yield from (("roster", change["prev"]) for change in rotation["changes"])
    yield from (("receipt", case["receipt"]) for case in receipts["cases"] if len(case["receipt"]) < 20_000)
    for case in golden("chain/valid.json")["cases"]:
        document = json.loads(case["document"])
        yield "state_proof" if "invoice" in document else "receipt", case["document"]
        yield "header", document["header"]
    for asked, others in ((0, (0, 1, 2)), (7, (1, 2, 3, 200)), (9, range(40))):
        keys = b"".join(struct.pack(">BBH", number % 4, 0, number) for number in others)
        for altered in range(8):
            yield "present", struct.pack(">BBHBBB", asked % 4, 0, asked, altered, 1, 1) + keys
    golden_stream = golden("chain/stream.json")["stream"].splitlines(keepends=True)
    places = [at for at, line in enumerate(golden_stream) if '"header"' in line] + [len(golden_stream)]
    for place in places[1:4]:
        yield "stream", "".join(golden_stream[:place])
    yield from (("evidence", case["file"]) for case in golden("chain/evidence.json")["cases"])
    head = compact({"chain": "shenzhen-sandbox", "roster": header["rosters"][0]["text"], "stream": 1})
    headers = [case["text"] for case in header["headers"]]
    seals = json.loads(receipts["cases"][0]["receipt"])["seals"]
    seals = [{name: seal[name] for name in sorted(seal)} for seal in seals]
    for count in (1, 3, 7):
        blocks = [{"entries": 0, "header": headers[0], "seals": seals}, {"entries": count, "header": headers[1], "seals": seals}]
        lines = [head, compact(blocks[0])]
        yield "stream", "\n".join(lines) + "\n"
        yield "stream", "\n".join(lines + [compact(blocks[1])] + entries[-38:][:count]) + "\n"
    for change in rotation["changes"]:
        yield "change", change["statement"] + "\n" + compact(change["signatures"])
    for case in tree["inclusion"]:
        yield "proof", proof(1, case["index"], case["size"], len(case["proof"]))
        yield "proof", proof(3, case["index"], case["size"], len(case["proof"]))
    for case in tree["consistency"]:
        for wrong in (0, 2, 4):
            yield "proof", proof(wrong, case["old"], case["new"], len(case["proof"]))
    for text in entries + [compact(draft) for draft in drafts]:
        yield "entry", text
    for text in entries:
        entry = json.loads(text)
        if "draft" in entry:
            leaf = hashlib.sha256(text.encode()).hexdigest()
            total = entry["draft"]["total"]
            yield "scan", f"https://verify.example/verify/scan?hash=01{leaf}&bill_num={entry['number']}&total_amount={total}"
            yield "scan", f"{total // 100}.{total % 100:02}"
    yield from (("scan", text) for text in ("¥-498.10", "-￥0.5", "12", "1234567890123.45"))
    for notice in notices:
        yield "notice", "h" + compact(notice["headers"]) + "\n" + notice["body"]
        yield "notice", "b" + notice["body"]
    paid = {"mchid": "1900000109", "transaction_id": "4200000001", "out_trade_no": "A-1", "success_time": "2026-11-22T12:00:00.25+08:00"}
    for total in (1, 100, 10_000_000_000_000):
        amount, payer = {"total": total, "currency": "CNY"}, {"openid": "oSampleOpenid"}
        yield "notice", "p" + compact(paid | {"trade_state": "SUCCESS", "amount": amount, "payer": payer})
        refund = {"refund_id": "5000000001", "out_refund_no": "R-1", "refund_status": "SUCCESS"}
        yield "notice", "r" + compact(paid | refund | {"amount": {"total": total, "refund": total}})


def main():
    folder = pathlib.Path(sys.argv[1])
    for target, content in seeds():
        content = content if isinstance(content, bytes) else content.encode()
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        (place / hashlib.sha1(content).hexdigest()).write_bytes(content)


main()
