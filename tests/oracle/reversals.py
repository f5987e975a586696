"""Independent oracle for red letters: standard library only, decimal arithmetic.

Written from fixtures/chain/README.md 8.7, not from the Rust code.
One JSON question a line on stdin, one JSON answer a line on stdout:
  {"blue": {a checked blue draft}, "of": "<code>-<number>", "asked": [{"reason", "lines": [{"line", "quantity"?, "total"?}]?}, ...]}
     -> {"answers": [{"red": {the red draft}, "rates": [[rate, amount, tax, total], ...]} | {"faults": ["CODE@path", ...]}, ...],
         "left": [[line, quantity or null, amount, tax, total], ...], "clamped": n}
What is asked is asked in turn; a refused one takes nothing. `clamped` counts the parts whose tax is not what the rate alone gives.
"""

import json
import sys
from decimal import ROUND_HALF_UP, Decimal, getcontext

# A quotient is either exact well within this or so far from a half that rounding it once more does no harm.
getcontext().prec = 80


def fen(value):
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def decimal_text(value):
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Refused(Exception):
    def __init__(self, code, field):
        super().__init__(code)
        self.code, self.field = code, field


class Line:
    """A reversible line: as it was with its discount taken off, and what is left of it."""

    def __init__(self, sold):
        self.sold = sold
        self.amount, self.tax = sold["amount"], sold["tax"]
        self.quantity = Decimal(sold["quantity"]) if "quantity" in sold else None

    def settle(self):
        self.first_total, self.first_quantity = self.amount + self.tax, self.quantity

    def left(self):
        return self.amount + self.tax

    def want(self, asked):
        """(quantity or None, total) that is asked for."""
        if "quantity" in asked and "total" in asked:
            raise Refused("INV-RED-QUANTITY-AND-TOTAL", "")
        if "quantity" in asked:
            quantity = Decimal(asked["quantity"])
            if quantity <= 0:
                raise Refused("INV-RED-NOT-POSITIVE", ".quantity")
            if self.quantity is None:
                raise Refused("INV-RED-QUANTITY-NONE", ".quantity")
            if not self.left():
                raise Refused("INV-RED-NOTHING-LEFT", ".line")
            if quantity > self.quantity:
                raise Refused("INV-RED-QUANTITY-TOO-LARGE", ".quantity")
            if quantity == self.quantity:
                return quantity, self.left()
            worth = fen(Decimal(self.first_total) * quantity / self.first_quantity)
            if worth > self.left():
                raise Refused("INV-RED-TOTAL-TOO-LARGE", ".quantity")
            if worth == 0:
                raise Refused("INV-RED-TOO-LITTLE", ".quantity")
            return quantity, worth
        if "total" in asked:
            if asked["total"] <= 0:
                raise Refused("INV-RED-NOT-POSITIVE", ".total")
            if not self.left():
                raise Refused("INV-RED-NOTHING-LEFT", ".line")
            if asked["total"] > self.left():
                raise Refused("INV-RED-TOTAL-TOO-LARGE", ".total")
            return None, asked["total"]
        if not self.left():
            raise Refused("INV-RED-NOTHING-LEFT", ".line")
        return (self.quantity or None), self.left()

    def split(self, total):
        """(ex tax, tax, whether what is left decided)."""
        if total == self.left():
            return self.amount, self.tax, False
        by_rate = fen(Decimal(total) / (1 + Decimal(self.sold["rate"]) / 10000))
        # Of the splits that what is left allows, the one nearest to the rate's.
        allowed = [amount for amount in (by_rate, self.amount, total - self.tax)
                   if 0 <= amount <= self.amount and 0 <= total - amount <= self.tax]
        amount = min(allowed, key=lambda amount: abs(amount - by_rate))
        return amount, total - amount, amount != by_rate


class Invoice:
    def __init__(self, blue, of):
        self.blue, self.of = blue, of
        self.lines, self.clamped = {}, 0
        last = None
        for n, line in enumerate(blue["lines"]):
            if line.get("kind") == "discount":
                last.amount += line["amount"]
                last.tax += line["tax"]
            else:
                last = self.lines[n] = Line(line)
        for line in self.lines.values():
            line.settle()

    def takes(self, asked):
        """What is taken: {line: (quantity, total)}; or the faults."""
        wanted, faults = {}, []
        if not asked.get("lines"):
            wanted = {n: line.want({}) for n, line in self.lines.items() if line.left()}
            return wanted, [] if wanted else ["INV-RED-NOTHING-LEFT@"]
        seen = set()
        for i, one in enumerate(asked["lines"]):
            n = one["line"]
            try:
                if n in seen:
                    raise Refused("INV-RED-LINE-TWICE", ".line")
                seen.add(n)
                if n not in self.lines:
                    raise Refused("INV-RED-LINE-UNKNOWN", ".line")
                wanted[n] = self.lines[n].want(one)
            except Refused as refused:
                faults.append(f"{refused.code}@lines[{i}]{refused.field}")
        return wanted, sorted(faults)

    def reverse(self, asked):
        wanted, faults = self.takes(asked)
        if faults:
            return {"faults": faults}
        rows, rates = [], {}
        for n, (quantity, total) in sorted(wanted.items()):
            line = self.lines[n]
            amount, tax, clamped = line.split(total)
            self.clamped += clamped
            line.amount -= amount
            line.tax -= tax
            row = {k: v for k, v in line.sold.items() if k not in ("price", "quantity")}
            row.update(amount=-amount, tax=-tax, total=-total, blue_line=n)
            if quantity is not None:
                line.quantity -= quantity
                row["quantity"] = "-" + decimal_text(quantity)
            rows.append(row)
            sums = rates.setdefault(row["rate"], [0, 0, 0])
            for place, figure in enumerate((-amount, -tax, -total)):
                sums[place] += figure
        code, number = self.of.split("-")
        reason = asked["reason"].replace("SUSPENSION", "SUSPENTION")
        red = dict(self.blue, v=2, lines=rows, red={"code": code, "number": number, "reason": reason},
                   remark=remark(code, number))
        for figure in ("amount", "tax", "total"):
            red[figure] = sum(row[figure] for row in rows)
        return {"red": red, "rates": [[rate, *sums] for rate, sums in sorted(rates.items())]}

    def rest(self):
        for n, line in self.lines.items():
            quantity = None if line.quantity is None else decimal_text(line.quantity)
            yield [n, quantity, line.amount, line.tax, line.left()]


def remark(code, number):
    # Of a fully digital invoice, whose code is 2x 95 2..., the whole number of 20 digits is named.
    if code.startswith("14403"):
        return f"对应正数发票代码:{code}号码:{number}"
    return f"被红冲蓝字数电票号码:{code}{number}"


def answer(question):
    invoice = Invoice(question["blue"], question["of"])
    answers = [invoice.reverse(asked) for asked in question["asked"]]
    return {"answers": answers, "left": list(invoice.rest()), "clamped": invoice.clamped}


if __name__ == "__main__":
    for asked in sys.stdin.buffer:
        out = json.dumps(answer(json.loads(asked)), ensure_ascii=True)
        sys.stdout.write(out + "\n")
        sys.stdout.flush()
