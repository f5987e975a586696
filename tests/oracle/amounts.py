"""Independent oracle for invoice drafts: standard library only, integers and fractions only.

Written from the rules (domain.md 1.1, 1.8 to 1.11 and the wire shape of a draft), not from the Rust code.
One JSON question a line on stdin, one JSON answer a line on stdout:
  {"draft": "<JSON text>", "seller": {...}, "date": "YYYY-MM-DD", "strict": bool}
     -> {"malformed": true}
      | {"faults": ["CODE@path", ...]}
      | {"lines": [[kind, amount, tax, total], ...], "amount", "tax", "total", "capital", "warnings": ["CODE@path", ...]}
  {"capital": fen} -> {"capital": "words"}
"""

import json
import re
import sys
import unicodedata
from fractions import Fraction

LIMIT_TOTAL = 10**13
LIMIT_INTEGER = 2**53 - 1
LIMIT_LINES = 2000
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


class Malformed(Exception):
    pass


def half_up(value):
    """Rounds half away from zero."""
    sign = -1 if value < 0 else 1
    return sign * int((abs(value) * 2 + 1) // 2)


# ---- wire shape

def text(v):
    if not isinstance(v, str):
        raise Malformed
    return v


def integer(low, high):
    def read(v):
        if not isinstance(v, int) or isinstance(v, bool) or not low <= v <= high:
            raise Malformed
        return v
    return read


def matching(pattern):
    def read(v):
        if not re.fullmatch(pattern, text(v)):
            raise Malformed
        return v
    return read


def decimal(v):
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]{0,7}[1-9])?", text(v)) or v == "-0":
        raise Malformed
    value = Fraction(v)
    if not -(2**63) <= value * 10**8 < 2**63:
        raise Malformed
    return value


def shape(required, optional):
    def read(v):
        if not isinstance(v, dict) or set(v) - set(required) - set(optional) or set(required) - set(v):
            raise Malformed
        return {name: {**required, **optional}[name](value) for name, value in v.items()}
    return read


def many(item):
    def read(v):
        if not isinstance(v, list):
            raise Malformed
        return [item(x) for x in v]
    return read


FEN = integer(-LIMIT_INTEGER, LIMIT_INTEGER)
PAYMENT = shape({"provider": matching(r"[a-z0-9][a-z0-9-]{0,31}"), "transaction": matching(r"[!-~]{1,64}")}, {})
BUYER = shape({"kind": matching("individual|organisation"), "name": text},
              {"taxpayer_id": text, "address_phone": text, "bank_account": text})
LINE = shape({"category": text, "name": text, "classification": text, "rate": integer(0, 10000)},
             {"specification": text, "unit": text, "quantity": decimal, "price": decimal, "amount": FEN,
              "mark": matching("exempt|not_taxed|zero_rated|export_zero_rated"), "discount": FEN})
DRAFT = shape({"buyer": BUYER, "pricing": matching("inclusive|exclusive"), "lines": many(LINE)},
              {"payment": PAYMENT, "total": FEN, "remark": text, "payee": text, "reviewer": text, "drawer": text})


# ---- texts and ids

def text_faults(value, longest, feeds=False):
    if value is None:
        return
    if all(c in WHITE for c in value):
        yield "INV-TEXT-EMPTY"
    if len(value) > longest:
        yield "INV-TEXT-TOO-LONG"
    if unicodedata.normalize("NFC", value) != value:
        yield "INV-TEXT-NOT-NFC"
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    seen = value.replace("\n", "") if feeds else value
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(c) in turning
           or c in "\u061c\u200e\u200f\ufeff" for c in seen):
        yield "INV-TEXT-CONTROL"
    if any(unicodedata.category(c) == "Co" or ord(c) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF for c in value):
        yield "INV-TEXT-PRIVATE-USE"


def resident(i):
    if not re.fullmatch(r"[0-9]{17}[0-9X]", i):
        return False
    year, month, day = int(i[6:10]), int(i[10:12]), int(i[12:14])
    if not (1900 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 31):
        return False
    # ISO 7064 MOD 11-2: the weighted sum with the check character is 1 modulo 11.
    digits = [10 if c == "X" else int(c) for c in i]
    return sum(d * pow(2, 17 - n, 11) for n, d in enumerate(digits)) % 11 == 1


def id_faults(i):
    if len(i) != 18 or resident(i):
        return
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    if any(c not in alphabet for c in i):
        yield "INV-USCC-CHARACTER"
    else:
        rest = sum(alphabet.index(c) * pow(3, n, 31) for n, c in enumerate(i[:17])) % 31
        if alphabet.index(i[17]) != (31 - rest) % 31:
            yield "INV-USCC-CHECK-DIGIT"
    body = sum(int(c, 36) * w for c, w in zip(i[8:16], (3, 7, 9, 10, 5, 8, 4, 2)))
    check = {10: "X", 11: "0"}.get(11 - body % 11, str(11 - body % 11))
    if i[16] != check:
        yield "INV-USCC-ORGANISATION-CODE"


def party_faults(who, party, strict):
    faults, warnings = [], []
    for field, longest in (("name", 256), ("address_phone", 128 + 1 + 32), ("bank_account", 128 + 1 + 32)):
        faults += [f"{c}@{who}.{field}" for c in text_faults(party.get(field), longest)]
    i = party.get("taxpayer_id")
    if i is None:
        if party.get("kind") == "organisation":
            faults.append(f"INV-BUYER-TAXPAYER-ID-MISSING@{who}.taxpayer_id")
    elif not re.fullmatch("[0-9A-Z]{15,20}", i):
        faults.append(f"INV-TAXPAYER-ID-SHAPE@{who}.taxpayer_id")
    else:
        (faults if strict else warnings).extend(f"{c}@{who}.taxpayer_id" for c in id_faults(i))
    return faults, warnings


# ---- rates and lines

ALWAYS, NEVER = "0000", "9999"
IN_FORCE = {0: (ALWAYS, NEVER), 100: ("2020-03-01", NEVER), 150: (ALWAYS, NEVER), 300: (ALWAYS, NEVER), 500: (ALWAYS, NEVER),
            600: (ALWAYS, NEVER), 900: ("2019-04-01", NEVER), 1300: ("2019-04-01", NEVER),
            1000: ("2018-05-01", "2019-03-31"), 1600: ("2018-05-01", "2019-03-31"),
            1100: (ALWAYS, "2018-04-30"), 1700: (ALWAYS, "2018-04-30")}


def rate_faults(rate, date):
    if rate not in IN_FORCE:
        yield "INV-RATE-UNKNOWN"
    elif date < IN_FORCE[rate][0]:
        yield "INV-RATE-NOT-YET"
    elif date[:10] > IN_FORCE[rate][1]:
        yield "INV-RATE-EXPIRED"


def amount_of(line):
    """(amount, None) or (None, faults)."""
    quantity, price, given = line.get("quantity"), line.get("price"), line.get("amount")
    if (quantity is None) != (price is None):
        return None, ["INV-QUANTITY-WITHOUT-PRICE@quantity" if price is None else "INV-PRICE-WITHOUT-QUANTITY@price"]
    if quantity is None:
        amount = given
        if amount is None:
            return None, ["INV-AMOUNT-MISSING@amount"]
    else:
        faults = ["INV-QUANTITY-NOT-POSITIVE@quantity"] * (quantity <= 0) + ["INV-PRICE-NOT-POSITIVE@price"] * (price <= 0)
        if faults:
            return None, faults
        amount = half_up(quantity * price * 100)
        if amount > LIMIT_INTEGER:
            return None, ["INV-AMOUNT-TOO-LARGE@amount"]
        if given is not None and given != amount:
            return None, ["INV-AMOUNT-DISAGREES@amount"]
    if amount <= 0:
        return None, ["INV-AMOUNT-NOT-POSITIVE@amount"]
    if amount > LIMIT_TOTAL:
        return None, ["INV-AMOUNT-TOO-LARGE@amount"]
    return amount, []


def split(base, rate, pricing):
    part = Fraction(rate, 10000)
    if pricing == "inclusive":
        ex_tax = half_up(base / (1 + part))
        return ex_tax, base - ex_tax, base
    tax = half_up(base * part)
    return base, tax, base + tax


def line_of(line, pricing, date):
    faults = []
    for field, longest in (("category", 64), ("name", 128), ("specification", 64), ("unit", 32)):
        faults += [f"{c}@{field}" for c in text_faults(line.get(field), longest)]
    if "*" in line["category"]:
        faults.append("INV-CATEGORY-ASTERISK@category")
    if not re.fullmatch("[1-6](?:[0-9]{2}){9}", line["classification"]) or \
            not re.fullmatch("(?:[0-9][1-9]|[1-9]0)*(?:00)*", line["classification"][1:]):
        faults.append("INV-CLASSIFICATION-SHAPE@classification")
    amount, wrong = amount_of(line)
    faults += wrong
    faults += [f"{c}@rate" for c in rate_faults(line["rate"], date)]
    if "mark" in line and line["rate"] != 0:
        faults.append("INV-MARK-NEEDS-ZERO-RATE@mark")
    discount = line.get("discount")
    if discount is not None and discount <= 0:
        faults.append("INV-DISCOUNT-NOT-POSITIVE@discount")
    if discount is not None and amount is not None and discount > amount:
        faults.append("INV-DISCOUNT-TOO-LARGE@discount")
    if faults:
        return [], faults
    rows = [["sold", *split(amount, line["rate"], pricing)]]
    if discount is not None:
        rows.append(["discount", *split(-discount, line["rate"], pricing)])
    return rows, []


# ---- amount in words

def group_words(n):
    """A number below 10000 with every zero written, then each run of zeros made one and the last run dropped."""
    padded = f"{n:04d}"
    words = "".join("零壹贰叁肆伍陆柒捌玖"[int(d)] + ("" if d == "0" else u) for d, u in zip(padded, ("仟", "佰", "拾", "")))
    return re.sub("零+", "零", words).rstrip("零")


def capital(fen):
    sign = "（负数）" if fen < 0 else ""
    yuan, cents = divmod(abs(fen), 100)
    words = ""
    for n, unit in ((yuan // 10**8, "亿"), (yuan // 10**4 % 10**4, "万"), (yuan % 10**4, "")):
        if n >= 10**4:
            raise ValueError("more than the oracle was written for")
        if n:
            words += group_words(n) + unit
        elif words:
            words += "零"
    words = re.sub("零+", "零", words).strip("零")
    whole = words + "圆" if words else ""
    jiao, rest = divmod(cents, 10)
    digits = "零壹贰叁肆伍陆柒捌玖"
    if not cents:
        return sign + (whole or "零圆") + "整"
    zero = "零" if whole and (yuan % 10 == 0 or jiao == 0) else ""
    return sign + whole + zero + (digits[jiao] + "角" if jiao else "") + (digits[rest] + "分" if rest else "整")


# ---- a whole draft

def answer(question):
    if "capital" in question:
        return {"capital": capital(question["capital"])}
    try:
        draft = DRAFT(json.loads(question["draft"]))
    except Malformed:
        return {"malformed": True}
    faults, warnings = party_faults("seller", question["seller"], question["strict"])
    more, warned = party_faults("buyer", draft["buyer"], question["strict"])
    faults, warnings = faults + more, warnings + warned
    faults += [f"{c}@remark" for c in text_faults(draft.get("remark"), 256, feeds=True)]
    for person in ("payee", "reviewer", "drawer"):
        faults += [f"{c}@{person}" for c in text_faults(draft.get(person), 32)]
    if not draft["lines"]:
        faults.append("INV-LINES-EMPTY@lines")
    if len(draft["lines"]) + sum("discount" in line for line in draft["lines"]) > LIMIT_LINES:
        faults.append("INV-LINES-TOO-MANY@lines")
    rows = []
    for n, line in enumerate(draft["lines"][:LIMIT_LINES]):
        made, wrong = line_of(line, draft["pricing"], question["date"])
        rows += made
        for fault in wrong:
            code, path = fault.split("@")
            faults.append(f"{code}@lines[{n}].{path}")
    if faults:
        return {"faults": sorted(faults)}
    amount, tax, total = (sum(row[n] for row in rows) for n in (1, 2, 3))
    if total > LIMIT_TOTAL:
        return {"faults": ["INV-TOTAL-TOO-LARGE@total"]}
    if total <= 0:
        faults.append("INV-TOTAL-NOT-POSITIVE@total")
    if draft.get("total", total) != total:
        faults.append("INV-TOTAL-DISAGREES@total")
    if faults:
        return {"faults": sorted(faults)}
    return {"lines": rows, "amount": amount, "tax": tax, "total": total, "capital": capital(total), "warnings": sorted(warnings)}


if __name__ == "__main__":
    for asked in sys.stdin.buffer:
        out = json.dumps(answer(json.loads(asked)), ensure_ascii=True)
        sys.stdout.write(out + "\n")
        sys.stdout.flush()
