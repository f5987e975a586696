//! Holding a stored red draft to everything that can be told without its blue one; the rest is [`Checked::recheck_against`]'s.

use super::check::{rate_into, sums_into, what_into};
use super::checked::{Checked, CheckedLine};
use super::findings::Findings;
use super::money::{Fen, TaxRate};
use super::recheck::is_known;
use super::reversal::Red;
use super::tax::Split;
use crate::base::Code;
use crate::base::limits::{AMOUNT_FEN_MAX, LINES_PER_INVOICE_MAX};

impl Checked {
    /// Finds what is wrong with the lines, sums and remark of a red draft.
    pub(super) fn recheck_red_into(&self, red: &Red, found: &mut Findings) {
        if self.remark.as_deref() != Some(red.remark().as_str()) {
            found.refuse(
                Code::InvStoredRed,
                "remark",
                "a red letter's remark names its blue invoice, and nothing else",
            );
        }
        if red.code.document() != self.document {
            found.refuse(Code::InvStoredRed, "red.code", "a red letter is of the kind of its blue invoice");
        }
        let mut before = None;
        for (index, line) in self.lines.iter().enumerate() {
            let mut inner = Findings::default();
            line.recheck_red_into(before, &mut inner);
            found.nest(inner, || format!("lines[{index}]"));
            before = line.blue_line;
        }
        // Sums are held to the rules of a blue draft, seen in the mirror.
        let stored = Split { amount: self.amount, tax: self.tax, total: self.total };
        match sums_into(self.lines.iter().map(|line| mirrored(line.split())), None, found) {
            Ok(sums) if sums == mirrored(stored) => (),
            Ok(_) => found.refuse(Code::InvStoredTotals, "", "amount, tax and total are not the sums of the lines"),
            Err(faults) => faults.0.into_iter().for_each(|fault| found.fault(fault)),
        }
    }
}

impl CheckedLine {
    fn recheck_red_into(&self, before: Option<u32>, found: &mut Findings) {
        what_into(self.what(), found);
        rate_into(self.rate, self.mark, is_known(self.rate), found);
        let mut wrong = |is: bool, path: &str, message: &str| {
            if is {
                found.refuse(Code::InvStoredRed, path, message);
            }
        };
        wrong(self.is_discount(), "kind", "a red letter has no discount lines");
        wrong(self.price.is_some(), "price", "a line of a red letter has no price");
        wrong(self.quantity.is_some_and(|q| !q.negated().is_positive()), "quantity", "below zero in a red letter");
        // Each names one line of the blue invoice, so none is taken from twice; there are no more lines than an invoice holds.
        let last = u32::try_from(LINES_PER_INVOICE_MAX).unwrap_or(u32::MAX);
        let ordered = self.blue_line.is_some_and(|line| line < last && before.is_none_or(|before| before < line));
        wrong(!ordered, "blue_line", "each line names one of the blue invoice's lines, in ascending order");
        // Parts of a line may come to tax alone, or to none: the whole is what must be below zero.
        let Split { amount, tax, total } = mirrored(self.split());
        wrong(amount < Fen::ZERO, "amount", "not above zero in a red letter");
        wrong(tax < Fen::ZERO, "tax", "not above zero in a red letter");
        wrong(!total.is_positive(), "total", "below zero in a red letter");
        if total.get() > AMOUNT_FEN_MAX {
            found.refuse(Code::InvAmountTooLarge, "total", format!("an amount is at most {AMOUNT_FEN_MAX} fen"));
        }
        if self.amount.checked_add(self.tax).ok() != Some(self.total) {
            found.refuse(Code::InvStoredLineSum, "total", "total is not amount plus tax");
        }
        if self.rate == TaxRate::ZERO && self.tax != Fen::ZERO {
            found.refuse(Code::InvStoredLineSplit, "tax", "there is no tax at rate 0");
        }
    }
}

fn mirrored(split: Split) -> Split {
    Split { amount: split.amount.negated(), tax: split.tax.negated(), total: split.total.negated() }
}
