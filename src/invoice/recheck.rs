//! Holding a stored draft to the rules again, without trusting who stored it.

use super::check::{
    amount_into, buyer_into, line_count_into, people_into, rate_into, seller_into, sums_into, what_into,
};
use super::checked::{Checked, CheckedLine, RED_VERSION, VERSION};
use super::draft::{CheckPolicy, Severity};
use super::findings::Findings;
use super::money::TaxRate;
use super::rates;
use super::tax::{Pricing, Split};
use crate::base::{Code, Fault, Faults};

impl Checked {
    /// Verifies a draft that was read from storage: everything that [`super::Draft::check`] promises, or of a red draft everything
    /// that can be told without its blue one ([`Checked::recheck_against`] tells the rest). Paths point into this document. That each
    /// rate was in force needs the entry's legal date: ask [`Checked::recheck_rates`].
    ///
    /// # Errors
    /// All faults at once.
    pub fn recheck(&self) -> Result<(), Faults> {
        let mut found = Findings::default();
        let version = if self.red.is_some() { RED_VERSION } else { VERSION };
        if self.v != version {
            found.refuse(Code::InvStoredVersion, "v", format!("version {} is not known here for such a draft", self.v));
        }
        // Check characters of ids were the policy of the day of issue, and say nothing about the entry's integrity.
        let policy = CheckPolicy { uscc_check_digit: Severity::Warn };
        seller_into(&self.seller, &policy, &mut found);
        buyer_into(&self.buyer, &policy, &mut found);
        people_into([&self.remark, &self.payee, &self.reviewer, &self.drawer], &mut found);
        line_count_into(self.lines.len(), self.lines.is_empty(), &mut found);
        match &self.red {
            Some(red) => self.recheck_red_into(red, &mut found),
            None => self.recheck_blue_into(&mut found),
        }
        found.into_result().map(|_warnings| ())
    }

    fn recheck_blue_into(&self, found: &mut Findings) {
        let mut before: Option<&CheckedLine> = None;
        for (index, line) in self.lines.iter().enumerate() {
            let mut inner = Findings::default();
            line.recheck_into(before, self.pricing, &mut inner);
            found.nest(inner, || format!("lines[{index}]"));
            before = Some(line);
        }

        let stored = Split { amount: self.amount, tax: self.tax, total: self.total };
        match sums_into(self.lines.iter().map(CheckedLine::split), None, found) {
            Ok(sums) if sums == stored => (),
            Ok(_) => found.refuse(Code::InvStoredTotals, "", "amount, tax and total are not the sums of the lines"),
            Err(faults) => faults.0.into_iter().for_each(|fault| found.fault(fault)),
        }
    }

    /// Verifies that every rate was in force on the legal date of the entry. A red letter has the rates of its blue invoice, whatever
    /// is in force by then.
    ///
    /// # Errors
    /// All faults at once.
    pub fn recheck_rates(&self, date: crate::base::LegalDate) -> Result<(), Faults> {
        if self.red.is_some() {
            return Ok(());
        }
        let faults: Vec<Fault> = (self.lines.iter().enumerate())
            .filter_map(|(index, line)| rates::check(line.rate, date).err().map(|f| (index, f)))
            .map(|(index, fault)| fault.under(&format!("lines[{index}].rate")))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

/// Whether the law has ever known a rate.
pub(super) fn is_known(rate: TaxRate) -> Result<(), Fault> {
    if rates::is_known(rate) {
        return Ok(());
    }
    Err(Fault::new(Code::InvRateUnknown, "", "the law has known no such rate"))
}

impl CheckedLine {
    /// The amount that was asked for: what quantity and price give, and what was split.
    fn base(&self, pricing: Pricing) -> super::Fen {
        match pricing {
            Pricing::Inclusive => self.total,
            Pricing::Exclusive => self.amount,
        }
    }

    fn recheck_into(&self, before: Option<&CheckedLine>, pricing: Pricing, found: &mut Findings) {
        what_into(self.what(), found);
        rate_into(self.rate, self.mark, is_known(self.rate), found);
        if self.blue_line.is_some() {
            found.refuse(Code::InvStoredRed, "blue_line", "only the lines of a red letter name another line");
        }
        if self.is_discount() {
            self.recheck_discount_into(before, pricing, found);
        } else {
            amount_into(self.quantity, self.price, Some(self.base(pricing)), found);
        }

        if self.amount.checked_add(self.tax).ok() != Some(self.total) {
            found.refuse(Code::InvStoredLineSum, "total", "total is not amount plus tax");
        }
        match Split::of(self.base(pricing), self.rate, pricing) {
            Ok(split) if split == self.split() => (),
            Ok(_) => found.refuse(Code::InvStoredLineSplit, "tax", "the line is not split by the rounding rule"),
            Err(fault) => found.fault(fault.under("amount")),
        }
    }

    fn recheck_discount_into(&self, before: Option<&CheckedLine>, pricing: Pricing, found: &mut Findings) {
        let Some(sold) = before.filter(|before| !before.is_discount()) else {
            found.refuse(Code::InvStoredDiscount, "kind", "a discount directly follows the line that it belongs to");
            return;
        };
        let same = self.category == sold.category
            && self.name == sold.name
            && self.classification == sold.classification
            && self.rate == sold.rate
            && self.mark == sold.mark;
        let bare =
            self.quantity.is_none() && self.price.is_none() && self.specification.is_none() && self.unit.is_none();
        let off = self.base(pricing).negated();
        let fits = off.is_positive() && off <= sold.base(pricing);
        if !(same && bare && fits) {
            found.refuse(
                Code::InvStoredDiscount,
                "",
                "a discount repeats its line's names and rate and takes off at most its amount",
            );
        }
    }
}
