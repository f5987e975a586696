"""A second implementation of fixtures/chain/README.md, written from that text: checks every golden file of a folder.

Usage: chain.py <folder>. Prints "<n> vectors, all agree", or fails with the first that does not.
"""

import json
import pathlib
import re
import sys
import unicodedata

from canonical import canonical
from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils import keccak, to_checksum_address

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SAFE = 2**53 - 1
EMPTY = keccak(b"")


class Bad(Exception):
    """A document that breaks a rule; the argument is the verdict or the rule."""


def need(holds, why):
    if not holds:
        raise Bad(why)


# --- 1. canonical text


def no_key_twice(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key twice")
    return dict(pairs)


def load(text):
    def refuse(what):
        raise Bad(f"number {what}")

    try:
        return json.loads(text, object_pairs_hook=no_key_twice, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Bad("not JSON") from error


def check_value(value, depth):
    need(value is not None, "null")
    if isinstance(value, str):
        need(unicodedata.is_normalized("NFC", value), "not NFC")
    elif isinstance(value, bool):
        pass
    elif isinstance(value, int):
        need(abs(value) <= SAFE, "number range")
    else:
        need(depth > 0, "too deep")
        for item in value:
            check_value(item, depth - 1)
            if isinstance(value, dict):
                check_value(value[item], depth - 1)


def parse_canonical(text):
    value = load(text)
    check_value(value, 32)
    try:
        need(canonical(value).encode() == text.encode(), "another form")
    except UnicodeEncodeError as error:
        raise Bad("lone surrogate") from error
    return value


# --- forms of values


def is_int(value, low=0, high=SAFE):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_hex(value, size):
    return isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value) is not None


def is_name(value):
    return isinstance(value, str) and re.fullmatch("[a-z0-9][a-z0-9-]{0,39}", value) is not None


def members(value, *names):
    need(isinstance(value, dict) and set(value) == set(names), "members")


# --- 2. and 3. hashes and proofs


def leaf(text):
    return keccak(b"\x00" + text.encode())


def node(left, right):
    return keccak(b"\x01" + left + right)


def header_hash(text):
    return keccak(b"\x02" + text.encode())


def roster_hash(text):
    return keccak(b"\x03" + text.encode())


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node(root(leaves[:k]), root(leaves[k:]))


def path(m, leaves):
    if len(leaves) < 2:
        return []
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if m < k:
        return path(m, leaves[:k]) + [root(leaves[k:])]
    return path(m - k, leaves[k:]) + [root(leaves[:k])]


def subproof(m, leaves, whole):
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if m <= k:
        return subproof(m, leaves[:k], whole) + [root(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [root(leaves[:k])]


def includes(h, m, n, proof, expected):
    if m >= n:
        return False
    f, s, r = m, n - 1, h
    for p in proof:
        if s == 0:
            return False
        if f % 2 == 1 or f == s:
            r = node(p, r)
            while f % 2 == 0 and f != 0:
                f, s = f >> 1, s >> 1
        else:
            r = node(r, p)
        f, s = f >> 1, s >> 1
    return s == 0 and r == expected


def continues(m, n, root_m, root_n, proof):
    if m == n:
        return not proof and root_m == root_n and (n > 0 or root_n == EMPTY)
    if m == 0:
        return not proof and root_m == EMPTY
    if m > n or not proof:
        return False
    if m & (m - 1) == 0:
        proof = [root_m] + proof
    f, s = m - 1, n - 1
    while f % 2 == 1:
        f, s = f >> 1, s >> 1
    a = b = proof[0]
    for c in proof[1:]:
        if s == 0:
            return False
        if f % 2 == 1 or f == s:
            a, b = node(c, a), node(c, b)
            while f % 2 == 0 and f != 0:
                f, s = f >> 1, s >> 1
        else:
            b = node(b, c)
        f, s = f >> 1, s >> 1
    return s == 0 and a == root_m and b == root_n


# --- 4. and 7. signatures


def low_s(rs):
    r, s = int.from_bytes(rs[:32], "big"), int.from_bytes(rs[32:64], "big")
    return 0 < r < N and 0 < s <= N // 2


def eip191(text):
    message = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)


def recover(text, signature):
    need(signature[64] in (27, 28) and low_s(signature), "signature range")
    try:
        whole = keys.Signature(signature[:64] + bytes([signature[64] - 27]))
        return keys.ecdsa_recover(eip191(text), whole).to_canonical_address()
    except (BadSignature, ValidationError) as error:
        raise Bad("no such point") from error


def sealed(key, vote, signature):
    if not low_s(signature):
        return False
    public = keys.PublicKey.from_compressed_bytes(bytes.fromhex(key))
    return public.verify_msg_hash(keccak(vote.encode()), keys.NonRecoverableSignature(signature))


def vote_text(chain, height, number, header):
    return canonical({"v": 1, "chain": chain, "height": height, "round": number, "header": header.hex()})


# --- 5. and 6. roster and header


def read_roster(text):
    roster = parse_canonical(text)
    members(roster, "chain", "from", "members", "v")
    need(roster["v"] == 1 and is_name(roster["chain"]) and is_int(roster["from"]), "roster")
    need(1 <= len(roster["members"]) <= 64, "number of members")
    for member in roster["members"]:
        members(member, "key", "name", "power")
        need(is_name(member["name"]) and is_int(member["power"], 1) and is_hex(member["key"], 33), "member")
    names = [member["name"] for member in roster["members"]]
    need(names == sorted(set(names)), "names")
    need(len({member["key"] for member in roster["members"]}) == len(names), "keys")
    return roster


def check_header(header):
    fields = "chain height members next_members prev proposer root size time v".split()
    members(header, *fields)
    need(is_int(header["v"], 1, 1) and is_name(header["chain"]) and is_name(header["proposer"]), "names")
    need(all(is_int(header[key]) for key in ("height", "size", "time")), "numbers")
    need(all(is_hex(header[key], 32) for key in ("members", "next_members", "prev", "root")), "hashes")
    genesis = header["height"] == 0
    need(not genesis or (header["size"] == 0 and header["members"] == header["next_members"]), "genesis")
    need(genesis == (header["prev"] == "0" * 64), "prev")
    need(header["size"] > 0 or header["root"] == EMPTY.hex(), "root")


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


# --- 9. and 10. receipt and verdict


def read_receipt(text):
    need(len(text.encode()) <= 8 * 1024 * 1024, "size")
    receipt = load(text)
    members(receipt, "v", "chain", "entry", "index", "proof", "header", "seals")
    need(is_int(receipt["v"], 1, 1) and is_name(receipt["chain"]) and is_int(receipt["index"], 0, 2**64 - 1), "head")
    need(isinstance(receipt["entry"], str) and isinstance(receipt["header"], str), "texts")
    proof, seals = receipt["proof"], receipt["seals"]
    need(isinstance(proof, list) and len(proof) <= 65 and all(is_hex(item, 32) for item in proof), "proof")
    need(isinstance(seals, list) and len(seals) <= 64, "seals")
    for seal in seals:
        members(seal, "member", "round", "signature")
        need(is_name(seal["member"]) and is_int(seal["round"], 0, 2**32 - 1) and is_hex(seal["signature"], 64), "seal")
    return receipt


def attempt(verdict, function, *arguments):
    try:
        return function(*arguments)
    except Bad as error:
        raise Bad(verdict) from error


def check_entry(entry):
    need(isinstance(entry, dict), "object")
    need(is_int(entry.get("v"), 1, 2) and isinstance(entry.get("kind"), str) and is_name(entry.get("chain")), "head")
    need(is_int(entry.get("index")) and is_int(entry.get("time"), -SAFE), "numbers")


def check_draft(entry, chain):
    if not {"draft", "issuer", "signature"} & set(entry):
        return
    draft = entry.get("draft")
    form = isinstance(draft, dict) and is_int(draft.get("v"), 1, 2) and is_name(draft.get("chain"))
    form = form and is_hex(entry.get("issuer"), 20) and is_hex(entry.get("signature"), 65)
    need(form, "DRAFT_MALFORMED")
    need(draft["chain"] == chain, "CHAIN_MISMATCH")
    signer = attempt("ISSUER_SIGNATURE_BAD", recover, canonical(draft), bytes.fromhex(entry["signature"]))
    need(signer.hex() == entry["issuer"], "ISSUER_SIGNATURE_BAD")


def check_seals(receipt, header, rosters):
    def counts(text, roster):
        known = roster_hash(text).hex() == header["members"] and roster["chain"] == header["chain"]
        return known and roster["from"] <= header["height"]

    roster = next((roster for text, roster in rosters if counts(text, roster)), None)
    need(roster is not None, "ROSTER_UNKNOWN")
    later = (r["from"] for _, r in rosters if r["chain"] == header["chain"] and r["from"] <= header["height"])
    need(max(later) == roster["from"], "ROSTER_SUPERSEDED")
    known = {member["name"]: member for member in roster["members"]}
    seen = set()
    for seal in receipt["seals"]:
        need(seal["member"] in known, "SEAL_STRANGER")
        need(seal["member"] not in seen, "SEAL_DUPLICATE")
        need(seal["round"] == receipt["seals"][0]["round"], "SEAL_ROUND_MISMATCH")
        vote = vote_text(header["chain"], header["height"], seal["round"], header_hash(receipt["header"]))
        need(sealed(known[seal["member"]]["key"], vote, bytes.fromhex(seal["signature"])), "SEAL_BAD")
        seen.add(seal["member"])
    power = sum(known[name]["power"] for name in seen)
    need(3 * power > 2 * sum(member["power"] for member in known.values()), "SEALS_BELOW_QUORUM")


def check_receipt(text, rosters, expected):
    receipt = attempt("RECEIPT_MALFORMED", read_receipt, text)
    entry = attempt("ENTRY_NOT_CANONICAL", parse_canonical, receipt["entry"])
    attempt("ENTRY_MALFORMED", check_entry, entry)
    header = attempt("HEADER_NOT_CANONICAL", parse_canonical, receipt["header"])
    attempt("HEADER_MALFORMED", check_header, header)
    need(receipt["chain"] == entry["chain"] == header["chain"], "CHAIN_MISMATCH")
    need(receipt["index"] == entry["index"] < header["size"], "INDEX_MISMATCH")
    need(expected in (None, "01" + leaf(receipt["entry"]).hex()), "LEAF_HASH_MISMATCH")
    need(entry["time"] <= header["time"], "TIME_MISMATCH")
    check_draft(entry, receipt["chain"])
    proof, top = [bytes.fromhex(item) for item in receipt["proof"]], bytes.fromhex(header["root"])
    need(includes(leaf(receipt["entry"]), receipt["index"], header["size"], proof, top), "PROOF_BAD")
    check_seals(receipt, header, rosters)


def verdict(text, rosters, expected=None):
    try:
        check_receipt(text, rosters, expected)
    except Bad as found:
        return found.args[0]
    return "VALID"


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


def check_header_file(golden):
    for case in golden["rosters"]:
        read_roster(case["text"])
        yield roster_hash(case["text"]).hex(), case["hash"], case["text"]
    before = None
    for case in golden["headers"]:
        header = parse_canonical(case["text"])
        check_header(header)
        yield header_hash(case["text"]).hex(), case["hash"], case["text"]
        if before:
            yield (header["prev"], header["members"], header["height"]), before, case["text"]
        before = (case["hash"], header["next_members"], header["height"] + 1)


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
        yield verdict(case["receipt"], rosters, case.get("expected")), case["verdict"], case["name"]


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
    "rotation.json": check_rotation_file,
    "entries.json": check_entries_file,
    "entries-v1.json": check_old_entries_file,
}


def main(folder):
    found = {path.name for path in folder.glob("*.json")}
    assert found == set(FILES), f"golden files are {sorted(found)}, known are {sorted(FILES)}"
    count = 0
    for name, check in FILES.items():
        for got, expected, where in check(json.loads((folder / name).read_text(encoding="utf-8"))):
            assert got == expected, f"{name}: {where}: here {got!r}, there {expected!r}"
            count += 1
    assert count > 300, f"only {count} vectors"
    print(f"{count} vectors, all agree")


main(pathlib.Path(sys.argv[1]))
