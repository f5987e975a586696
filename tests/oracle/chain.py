"""A second implementation of fixtures/chain/README.md, written from that text: checks every golden file of a folder.

Usage: chain.py <folder>. Prints "<n> vectors, all agree", or fails with the first that does not.
"""

import json
import pathlib
import sys

from canonical import canonical
from eth_keys import keys
from eth_utils import keccak, to_checksum_address
from verifier import (
    PLACEHOLDER,
    Bad,
    check_header,
    check_seals,
    climb,
    continues,
    eip191,
    header_hash,
    includes,
    is_int,
    leaf,
    low_s,
    map_key,
    map_leaf,
    map_path,
    map_root,
    members,
    need,
    parse_canonical,
    path,
    read_header,
    read_roster,
    read_value,
    recover,
    root,
    roster_hash,
    sealed,
    stands_for_absence,
    subproof,
    verdict,
)


# --- 11. rotation


def statement_hash(text):
    return keccak(b"\x06" + text.encode())


def next_roster(prev, change, start):
    """The roster that a change makes; Bad with the last part of the code."""
    need(start > prev["from"], "FROM")
    ((kind, what),) = change.items()
    known = {member["name"]: dict(member) for member in prev["members"]}
    held = {member["key"] for member in prev["members"]}
    if kind == "rotate":
        members(what, "member", "key")
        need(what["key"] not in held, "KEY-KNOWN")
        need(what["member"] in known, "MEMBER-UNKNOWN")
        known[what["member"]]["key"] = what["key"]
    elif kind == "add":
        members(what, "member", "key", "power")
        need(what["member"] not in known, "MEMBER-KNOWN")
        need(what["key"] not in held, "KEY-KNOWN")
        need(is_int(what["power"], 1), "POWER")
        known[what["member"]] = {"name": what["member"], "key": what["key"], "power": what["power"]}
    else:
        need(kind == "remove", "kind")
        members(what, "member")
        need(known.pop(what["member"], None), "MEMBER-UNKNOWN")
    need(1 <= len(known) <= 64, "COUNT")
    return {"v": 1, "chain": prev["chain"], "from": start, "members": [known[name] for name in sorted(known)]}


def check_change(prev_text, new_text, text, signatures):
    prev, new, said = read_roster(prev_text), read_roster(new_text), parse_canonical(text)
    members(said, "v", "chain", "statement", "change", "from", "prev", "roster")
    need((said["v"], said["statement"], said["chain"]) == (1, "change_roster", prev["chain"]), "STATEMENT")
    named = (said["prev"], said["roster"]) == (roster_hash(prev_text).hex(), roster_hash(new_text).hex())
    need(named and next_roster(prev, said["change"], said["from"]) == new, "STATEMENT")
    old_power, new_power = ({m["key"]: m["power"] for m in roster["members"]} for roster in (prev, new))
    seen = set()
    for one in signatures:
        members(one, "key", "signature")
        need(one["key"] in old_power or one["key"] in new_power, "SIGNATURE-STRANGER")
        need(one["key"] not in seen, "SIGNATURE-TWICE")
        rs = bytes.fromhex(one["signature"])
        need(low_s(rs), "SIGNATURE-BAD")
        public = keys.PublicKey.from_compressed_bytes(bytes.fromhex(one["key"]))
        need(public.verify_msg_hash(statement_hash(text), keys.NonRecoverableSignature(rs)), "SIGNATURE-BAD")
        seen.add(one["key"])
    need(set(new_power) - set(old_power) <= seen, "NEW-KEY-UNSIGNED")
    for power, why in ((old_power, "OLD-QUORUM"), (new_power, "NEW-QUORUM")):
        need(3 * sum(power[key] for key in seen & set(power)) > 2 * sum(power.values()), why)


# --- the golden files


def check_canonical_file(golden):
    for case in golden["accepted"]:
        parse_canonical(case["text"])
        yield leaf(case["text"]).hex(), case["leaf_hash"], case["text"]
    for case in golden["refused"]:
        try:
            parse_canonical(case["text"])
            yield "accepted", case["code"], case["text"]
        except Bad:
            yield True, True, case["text"]


def check_tree_file(golden):
    leaves = [leaf(str(i)) for i in range(len(golden["roots"]))]
    for size, expected in enumerate(golden["roots"]):
        yield root(leaves[:size]).hex(), expected, f"root of {size}"
    for case in golden["inclusion"]:
        m, n, proof = case["index"], case["size"], [bytes.fromhex(item) for item in case["proof"]]
        yield path(m, leaves[:n]), proof, f"leaf {m} of {n}"
        yield includes(leaves[m], m, n, proof, root(leaves[:n])), True, f"leaf {m} of {n}"
    for case in golden["consistency"]:
        m, n, proof = case["old"], case["new"], [bytes.fromhex(item) for item in case["proof"]]
        yield subproof(m, leaves[:n], True), proof, f"{m} to {n}"
        yield continues(m, n, root(leaves[:m]), root(leaves[:n]), proof), True, f"{m} to {n}"
    roots, nodes = ([bytes.fromhex(item) for item in golden[key]] for key in ("roots", "nodes"))
    for n in range(1, len(roots)):
        rows = golden["every_inclusion"][n - 1], golden["every_consistency"][n - 1]
        yield (len(rows[0]), len(rows[1])), (n, n), f"proofs of {n}"
        for m in range(n):
            inclusion, consistency = ([nodes[int(number)] for number in row[m].split()] for row in rows)
            yield path(m, leaves[:n]), inclusion, f"leaf {m} of {n}"
            yield includes(leaves[m], m, n, inclusion, roots[n]), True, f"leaf {m} of {n}"
            yield subproof(m + 1, leaves[:n], True), consistency, f"{m + 1} to {n}"
            yield continues(m + 1, n, roots[m + 1], roots[n], consistency), True, f"{m + 1} to {n}"


def check_issuer_file(golden):
    for case in golden["signed"]:
        signature = bytes.fromhex(case["signature"])
        yield eip191(case["text"]).hex(), case["eip191_hash"], case["eip55"]
        yield recover(case["text"], signature).hex(), case["address"], case["eip55"]
        yield to_checksum_address("0x" + case["address"]), case["eip55"], case["eip55"]
        made = keys.PrivateKey(bytes.fromhex(case["secret"])).sign_msg_hash(eip191(case["text"])).to_bytes()
        yield made[:64] + bytes([made[64] + 27]), signature, case["eip55"]
    for case in golden["refused"]:
        try:
            yield recover(case["text"], bytes.fromhex(case["signature"])), "refused", case["why"]
        except Bad:
            yield True, True, case["why"]


def follows(second, first):
    one, two = parse_canonical(first), parse_canonical(second)
    need(two["chain"] == one["chain"] and two["height"] == one["height"] + 1, "chain, height")
    need(two["prev"] == header_hash(first).hex() and two["members"] == one["next_members"], "prev, members")
    need(two["time"] >= one["time"] and two["size"] >= one["size"], "time, size")
    need(two["size"] > one["size"] or two["root"] == one["root"], "root")
    need("state" in two or "state" not in one, "version")
    need(two["size"] > one["size"] or "state" not in one or two["state"] == one["state"], "state")
    return True


def check_header_file(golden):
    for case in golden["rosters"]:
        read_roster(case["text"])
        yield roster_hash(case["text"]).hex(), case["hash"], case["text"]
    for headers in (golden["headers"], golden["changed"]):
        for case in headers:
            check_header(parse_canonical(case["text"]))
            yield header_hash(case["text"]).hex(), case["hash"], case["text"]
        for first, second in zip(headers, headers[1:]):
            yield follows(second["text"], first["text"]), True, second["text"]
    yield {parse_canonical(case["text"])["v"] for case in golden["changed"]}, {1, 2}, "versions"
    for case in golden["pairs"]:
        for text in (case["first"], case["second"]):
            check_header(parse_canonical(text))
        try:
            yield follows(case["second"], case["first"]), "refused", case["name"]
        except Bad:
            yield True, True, case["name"]


def check_stream_file(golden):
    """Section 13: the lines, the tree, the headers and the seals of a ledger stream."""
    lines = golden["stream"].split("\n")
    yield lines.pop(), "", "the end"
    first = parse_canonical(lines.pop(0))
    members(first, "stream", "chain", "roster")
    rosters = [(text, read_roster(text)) for text in golden["rosters"]]
    yield (first["stream"], first["chain"], first["roster"]), (1, rosters[0][1]["chain"], rosters[0][0]), "first line"
    leaves, before = [], None
    while lines:
        block = parse_canonical(lines.pop(0))
        members(block, "entries", "header", "seals")
        header, said = read_header(block["header"], {}), {"sealed": {}}
        if before is None:
            yield (header["height"], header["members"], block["entries"]), (0, roster_hash(first["roster"]).hex(), 0), "genesis"
        else:
            yield follows(block["header"], before), True, block["header"]
        for text in lines[: block["entries"]]:
            entry = parse_canonical(text)
            told = entry["chain"], entry["index"], entry["time"]
            yield told, (header["chain"], len(leaves), header["time"]), text
            leaves.append(leaf(text))
        lines = lines[block["entries"] :]
        yield (header["size"], header["root"]), (len(leaves), root(leaves).hex()), block["header"]
        check_seals(block, header, rosters, said)
        yield said["sealed"]["power"], said["sealed"]["total"], block["header"]
        before = block["header"]
    yield (len(leaves), header_hash(before).hex()), (golden["size"], golden["hash"]), "the last header"


def check_seal_file(golden):
    for case in golden["seals"]:
        vote, seal = case["vote"], case["seal"]
        private = keys.PrivateKey(bytes.fromhex(case["secret"]))
        yield private.public_key.to_compressed_bytes().hex(), case["key"], seal["member"]
        yield canonical(parse_canonical(vote)), vote, seal["member"]
        yield keccak(vote.encode()).hex(), case["vote_hash"], seal["member"]
        yield sealed(case["key"], vote, bytes.fromhex(seal["signature"])), True, seal["member"]
        yield private.sign_msg_hash_non_recoverable(keccak(vote.encode())).to_bytes().hex(), seal["signature"], vote


def check_rotation_file(golden):
    running = bytes(32)
    for text, expected in zip(golden["running"]["leaf_texts"], golden["running"]["hashes"], strict=True):
        running = keccak(b"\x04" + running + leaf(text))
        yield running.hex(), expected, text
    holder = golden["holder"]
    made = keccak(b"\x05" + bytes.fromhex(holder["salt"]) + holder["identity"].encode())
    yield made.hex(), holder["hash"], "holder"
    for case in golden["changes"]:
        text = case["statement"]
        yield statement_hash(text).hex(), case["statement_hash"], case["what"]
        for secret, one in zip(case["secrets"], case["signatures"], strict=True):
            private = keys.PrivateKey(bytes.fromhex(secret))
            yield private.public_key.to_compressed_bytes().hex(), one["key"], case["what"]
            signature = private.sign_msg_hash_non_recoverable(statement_hash(text)).to_bytes().hex()
            yield signature == one["signature"] or case["what"] == "a high s", True, case["what"]
        yield decision(check_change, case["prev"], case["roster"], text, case["signatures"]), case.get("code"), case["what"]
    for case in golden["impossible"]:
        yield decision(next_roster, read_roster(case["prev"]), case["change"], case["from"]), case["code"], case["what"]
    issuer = golden["issuer"]
    said = {"v": 1, "statement": "rotate_issuer", "merchant": "M00000001", "chain": parse_canonical(issuer["text"])["chain"]}
    yield canonical(said | {"old": issuer["old"], "new": issuer["new"]}), issuer["text"], "issuer"
    for which in ("old", "new"):
        yield recover(issuer["text"], bytes.fromhex(issuer[f"{which}_signature"])).hex(), issuer[which], which


def decision(function, *arguments):
    """None, or the code of the refusal."""
    try:
        function(*arguments)
    except Bad as found:
        return f"CHAIN-CHANGE-{found.args[0]}"
    return None


def check_receipt_file(golden):
    rosters = [(text, read_roster(text)) for text in golden["rosters"]]
    for case in golden["cases"]:
        yield verdict(case["receipt"], rosters, case.get("expected"))[0], case["verdict"], case["name"]


def check_document_file(golden):
    rosters = {name: [(text, read_roster(text)) for text in texts] for name, texts in golden["rosters"].items()}
    for case in golden["cases"]:
        text = " " * case.get("spaces", 0) + case["document"]
        found, said = verdict(text, rosters[case["rosters"]], case.get("expected"))
        yield found, case["verdict"], case["name"]
        if found == "VALID":
            told = {key: case[key] for key in ("sealed", "state") if key in case}
            yield said, told, case["name"]


def check_state_file(golden):
    for states in golden["maps"]:
        leaves = [(bytes.fromhex(one["key"]), one["value"]) for one in states["invoices"]]
        top, size = map_root(leaves), len(leaves)
        yield top.hex(), states["root"], f"map of {size}"
        for one in states["invoices"] + states["proofs"]:
            yield map_key(*one["invoice"].split("-")).hex(), one["key"], one["invoice"]
        for one in states["invoices"]:
            yield read_value(one["value"])["v"], 1, one["invoice"]
        shown = [one["invoice"] for one in states["proofs"] if "value" in one]
        yield not states["every"] or shown == [one["invoice"] for one in states["invoices"]], True, f"map of {size}"
        for one in states["proofs"]:
            where, key = f"{one['invoice']} in a map of {size}", bytes.fromhex(one["key"])
            end, siblings = map_path(leaves, key)
            yield ["" if item == PLACEHOLDER else item.hex() for item in siblings], one["siblings"], where
            start, expected = PLACEHOLDER, {}
            if end:
                ((found, value),) = end
                start = map_leaf(found, keccak(value.encode()))
                other = {"key": found.hex(), "value": keccak(value.encode()).hex()}
                expected = {"value": value} if found == key else {"other": other}
            yield {name: one[name] for name in ("value", "other") if name in one}, expected, where
            yield "other" not in one or stands_for_absence(one["other"], key, len(siblings)), True, where
            yield climb(start, one["siblings"], key), top, where


def check_entries_file(golden):
    yield from check_entries(golden, 2)
    journals = {}
    for case in golden["entries"]:
        entry = json.loads(case["text"])
        seq, running = journals.get(entry.get("merchant"), (0, bytes(32)))
        if entry["kind"] == "close_day":
            yield (entry["body"]["entries"], entry["body"]["running"]), (seq, running.hex()), case["text"]
        if "merchant" in entry:
            journals[entry["merchant"]] = seq + 1, keccak(b"\x04" + running + leaf(case["text"]))
            yield entry["seq"], seq + 1, case["text"]
        else:
            yield "seq" in entry, False, case["text"]
    kept = {merchant: {"seq": seq, "running": running.hex()} for merchant, (seq, running) in journals.items()}
    yield golden["journals"], kept, "journals"


def check_old_entries_file(golden):
    yield from check_entries(golden, 1)


def check_entries(golden, version):
    for index, case in enumerate(golden["entries"]):
        text, entry = case["text"], parse_canonical(case["text"])
        yield canonical(entry), text, case["kind"]
        yield (entry["v"], entry["index"], entry["kind"]), (version, index, case["kind"]), text
        yield (leaf(text).hex(), "01" + leaf(text).hex()), (case["leaf"], case["printed"]), text
        yield ("request" in entry, "key" in entry), ("fingerprint" in case, "fingerprint" in case), text
        if "fingerprint" in case:
            asked = parse_canonical(case["fingerprint"])
            yield (asked["chain"], asked["kind"], set(asked)), (entry["chain"], entry["kind"], {"chain", "kind", "request"}), text
            yield keccak(case["fingerprint"].encode()).hex(), entry["request"], text
        if "draft" in entry:
            draft = canonical(entry["draft"])
            yield draft in text, True, text
            yield recover(draft, bytes.fromhex(entry["signature"])).hex(), entry["issuer"], text


FILES = {
    "canonical.json": check_canonical_file,
    "tree.json": check_tree_file,
    "issuer.json": check_issuer_file,
    "header.json": check_header_file,
    "seal.json": check_seal_file,
    "receipts.json": check_receipt_file,
    "valid.json": check_document_file,
    "forgeries.json": check_document_file,
    "states.json": check_state_file,
    "stream.json": check_stream_file,
    "rotation.json": check_rotation_file,
    "entries.json": check_entries_file,
    "entries-v1.json": check_old_entries_file,
}


# Evidence (section 14) is read by the Rust verifier alone.
UNREAD = {"evidence.json"}


def main(folder):
    found = {path.name for path in folder.glob("*.json")} - UNREAD
    assert found == set(FILES), f"golden files are {sorted(found)}, known are {sorted(FILES)}"
    count = 0
    for name, check in FILES.items():
        for got, expected, where in check(json.loads((folder / name).read_text(encoding="utf-8"))):
            assert got == expected, f"{name}: {where}: here {got!r}, there {expected!r}"
            count += 1
    assert count > 10_000, f"only {count} vectors"
    print(f"{count} vectors, all agree")


main(pathlib.Path(sys.argv[1]))
