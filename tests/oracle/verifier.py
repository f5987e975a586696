"""A second verifier, written from sections 1 to 10 and 12 of fixtures/chain/README.md and from nothing else."""

import json
import re
import unicodedata

from canonical import canonical
from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils import keccak

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SAFE = 2**53 - 1
EMPTY = keccak(b"")
PLACEHOLDER = b"SPARSE_MERKLE_PLACEHOLDER_HASH__"
WORDS = "open locked closed pledged settled settled_locked reversed red".split()


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

    def integer(digits):
        need(digits != "-0", "number -0")
        return int(digits)

    hooks = {"parse_int": integer, "parse_float": refuse, "parse_constant": refuse}
    try:
        return json.loads(text, object_pairs_hook=no_key_twice, **hooks)
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


def whole_characters(value):
    """Whether no string or key of a JSON value has half of a surrogate pair."""
    if isinstance(value, str):
        return not any(0xD800 <= ord(c) <= 0xDFFF for c in value)
    if isinstance(value, dict):
        return all(whole_characters(key) and whole_characters(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(whole_characters, value))


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


# --- 12. map of present states


def map_key(code, number):
    need(isinstance(code, str) and re.fullmatch("[0-9]{12}", code), "code")
    need(isinstance(number, str) and re.fullmatch("[0-9]{8}", number), "number")
    return bytes.fromhex(code + number) + bytes(22)


def map_leaf(key, value_hash):
    return keccak(b"JMT::LeafNode" + key + value_hash)


def map_inner(left, right):
    return keccak(b"JMT::IntrnalNode" + left + right)


def bit(key, depth):
    return key[depth // 8] >> (7 - depth % 8) & 1


def map_root(leaves, depth=0):
    """The root of the subtree of these pairs of key and value text."""
    if not leaves:
        return PLACEHOLDER
    if len(leaves) == 1:
        ((key, value),) = leaves
        return map_leaf(key, keccak(value.encode()))
    halves = [[leaf for leaf in leaves if bit(leaf[0], depth) == side] for side in (0, 1)]
    return map_inner(map_root(halves[0], depth + 1), map_root(halves[1], depth + 1))


def map_path(leaves, asked, depth=0):
    """What stands at the end of a key's way (a list of one leaf or none), and the siblings from the bottom up."""
    if len(leaves) < 2:
        return leaves, []
    own = [leaf for leaf in leaves if bit(leaf[0], depth) == bit(asked, depth)]
    beside = [leaf for leaf in leaves if bit(leaf[0], depth) != bit(asked, depth)]
    end, siblings = map_path(own, asked, depth + 1)
    return end, siblings + [map_root(beside, depth + 1)]


def climb(start, siblings, key):
    h = start
    for i, text in enumerate(siblings):
        s = bytes.fromhex(text) if text else PLACEHOLDER
        h = map_inner(s, h) if bit(key, len(siblings) - 1 - i) else map_inner(h, s)
    return h


def read_value(text):
    value = parse_canonical(text)
    need(isinstance(value, dict), "object")
    need(is_int(value.get("v"), 1, 1) and is_hex(value.get("leaf"), 32), "v, leaf")
    need(value.get("state") in WORDS, "state")
    need("until" not in value or is_int(value["until"], -SAFE), "until")
    return value


def stands_for_absence(other, key, length):
    theirs = bytes.fromhex(other["key"])
    return theirs != key and all(bit(theirs, depth) == bit(key, depth) for depth in range(length))


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
    need(isinstance(header, dict) and is_int(header.get("v"), 1, 2), "version")
    members(header, *fields, *(["state"] if header["v"] == 2 else []))
    need(is_name(header["chain"]) and is_name(header["proposer"]), "names")
    need(all(is_int(header[key]) for key in ("height", "size", "time")), "numbers")
    hashes = [key for key in ("members", "next_members", "prev", "root", "state") if key in header]
    need(all(is_hex(header[key], 32) for key in hashes), "hashes")
    genesis = header["height"] == 0
    need(not genesis or (header["size"] == 0 and header["members"] == header["next_members"]), "genesis")
    need(genesis == (header["prev"] == "0" * 64), "prev")
    need(header["size"] > 0 or header["root"] == EMPTY.hex(), "root")
    need(header["size"] > 0 or header.get("state") in (None, PLACEHOLDER.hex()), "state")


# --- 9. and 10. receipt and verdict


def read_json(text):
    need(len(text.encode()) <= 8 * 1024 * 1024, "size")
    document = load(text)
    need(isinstance(document, dict) and whole_characters(document), "object")
    return document


def check_seal_forms(seals):
    need(isinstance(seals, list) and len(seals) <= 64, "seals")
    for seal in seals:
        members(seal, "member", "round", "signature")
        need(is_name(seal["member"]) and is_int(seal["round"], 0, 2**32 - 1) and is_hex(seal["signature"], 64), "seal")


def check_siblings(siblings):
    need(isinstance(siblings, list) and len(siblings) <= 256, "siblings")
    need(all(item == "" or is_hex(item, 32) for item in siblings), "siblings")


def check_receipt_form(receipt):
    need(is_int(receipt.get("v"), 1, 2), "version")
    stated = ["state"] if receipt["v"] == 2 else []
    members(receipt, "v", "chain", "entry", "index", "proof", "header", "seals", *stated)
    need(is_name(receipt["chain"]) and is_int(receipt["index"], 0, 2**64 - 1), "head")
    need(isinstance(receipt["entry"], str) and isinstance(receipt["header"], str), "texts")
    proof = receipt["proof"]
    need(isinstance(proof, list) and len(proof) <= 65 and all(is_hex(item, 32) for item in proof), "proof")
    check_seal_forms(receipt["seals"])
    if stated:
        members(receipt["state"], "siblings", "value")
        need(isinstance(receipt["state"]["value"], str), "value")
        check_siblings(receipt["state"]["siblings"])


def check_state_proof_form(proof):
    members(proof, "v", "chain", "invoice", "header", "seals", "state")
    need(is_int(proof["v"], 1, 1) and is_name(proof["chain"]) and isinstance(proof["header"], str), "head")
    invoice, state = proof["invoice"], proof["state"]
    need(isinstance(invoice, str) and re.fullmatch("[0-9]{12}-[0-9]{8}", invoice), "invoice")
    check_seal_forms(proof["seals"])
    need(isinstance(state, dict) and set(state) in ({"siblings"}, {"siblings", "value"}, {"siblings", "other"}), "state")
    check_siblings(state["siblings"])
    need(isinstance(state.get("value", ""), str), "value")
    if "other" in state:
        members(state["other"], "key", "value")
        need(is_hex(state["other"]["key"], 32) and is_hex(state["other"]["value"], 32), "other")


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


def check_seals(document, header, rosters, said):
    def counts(text, roster):
        known = roster_hash(text).hex() == header["members"] and roster["chain"] == header["chain"]
        return known and roster["from"] <= header["height"]

    roster = next((roster for text, roster in rosters if counts(text, roster)), None)
    need(roster is not None, "ROSTER_UNKNOWN")
    later = (r["from"] for _, r in rosters if r["chain"] == header["chain"] and r["from"] <= header["height"])
    need(max(later) == roster["from"], "ROSTER_SUPERSEDED")
    known = {member["name"]: member for member in roster["members"]}
    seen = set()
    for seal in document["seals"]:
        need(seal["member"] in known, "SEAL_STRANGER")
        need(seal["member"] not in seen, "SEAL_DUPLICATE")
        need(seal["round"] == document["seals"][0]["round"], "SEAL_ROUND_MISMATCH")
        vote = vote_text(header["chain"], header["height"], seal["round"], header_hash(document["header"]))
        need(sealed(known[seal["member"]]["key"], vote, bytes.fromhex(seal["signature"])), "SEAL_BAD")
        seen.add(seal["member"])
    power = sum(known[name]["power"] for name in seen)
    total = sum(member["power"] for member in known.values())
    need(3 * power > 2 * total, "SEALS_BELOW_QUORUM")
    said["sealed"] |= {"power": power, "total": total}


def read_header(text, said):
    header = attempt("HEADER_NOT_CANONICAL", parse_canonical, text)
    attempt("HEADER_MALFORMED", check_header, header)
    said["sealed"] = {key: header[key] for key in ("height", "time", "size")}
    return header


def tell(invoice, value):
    read = {key: value[key] for key in ("left", "until") if is_int(value.get(key), -SAFE)}
    return {"invoice": invoice, "word": value["state"]} | read


def check_receipt(receipt, rosters, expected, said):
    attempt("RECEIPT_MALFORMED", check_receipt_form, receipt)
    entry = attempt("ENTRY_NOT_CANONICAL", parse_canonical, receipt["entry"])
    attempt("ENTRY_MALFORMED", check_entry, entry)
    header = read_header(receipt["header"], said)
    need(receipt["chain"] == entry["chain"] == header["chain"], "CHAIN_MISMATCH")
    need(receipt["index"] == entry["index"] < header["size"], "INDEX_MISMATCH")
    own = leaf(receipt["entry"])
    need(expected in (None, "01" + own.hex()), "LEAF_HASH_MISMATCH")
    need(entry["time"] <= header["time"], "TIME_MISMATCH")
    check_draft(entry, receipt["chain"])
    proof, top = [bytes.fromhex(item) for item in receipt["proof"]], bytes.fromhex(header["root"])
    need(includes(own, receipt["index"], header["size"], proof, top), "PROOF_BAD")
    if "state" in receipt:
        need("state" in header, "STATE_UNCOMMITTED")
        state = receipt["state"]
        value = attempt("STATE_MALFORMED", read_value, state["value"])
        key = attempt("STATE_MALFORMED", map_key, entry.get("code"), entry.get("number"))
        need(value["leaf"] == own.hex(), "STATE_LEAF_MISMATCH")
        start = map_leaf(key, keccak(state["value"].encode()))
        need(climb(start, state["siblings"], key).hex() == header["state"], "STATE_PROOF_BAD")
        said["state"] = tell(f"{entry['code']}-{entry['number']}", value)
    check_seals(receipt, header, rosters, said)


def check_state_proof(proof, rosters, expected, said):
    attempt("RECEIPT_MALFORMED", check_state_proof_form, proof)
    header = read_header(proof["header"], said)
    need(header["chain"] == proof["chain"], "CHAIN_MISMATCH")
    need("state" in header, "STATE_UNCOMMITTED")
    state, key = proof["state"], map_key(*proof["invoice"].split("-"))
    if "value" in state:
        value = attempt("STATE_MALFORMED", read_value, state["value"])
        need(expected in (None, "01" + value["leaf"]), "LEAF_HASH_MISMATCH")
        start = map_leaf(key, keccak(state["value"].encode()))
        found = tell(proof["invoice"], value)
    else:
        need(expected is None, "LEAF_HASH_MISMATCH")
        start, other = PLACEHOLDER, state.get("other")
        if other:
            need(stands_for_absence(other, key, len(state["siblings"])), "STATE_PROOF_BAD")
            start = map_leaf(bytes.fromhex(other["key"]), bytes.fromhex(other["value"]))
        found = {"invoice": proof["invoice"], "word": "absent"}
    need(climb(start, state["siblings"], key).hex() == header["state"], "STATE_PROOF_BAD")
    said["state"] = found
    check_seals(proof, header, rosters, said)


def verdict(text, rosters, expected=None):
    """The verdict, and what it says of header and state."""
    said = {}
    try:
        document = attempt("RECEIPT_MALFORMED", read_json, text)
        state_proof = "invoice" in document and "entry" not in document
        check = check_state_proof if state_proof else check_receipt
        check(document, rosters, expected, said)
    except Bad as found:
        return found.args[0], said
    return "VALID", said
