//! From [`Draft`] to [`Checked`]: finds everything that is wrong at once, splits the tax and adds up.

use super::checked::{Checked, CheckedLine, LineKind, VERSION};
use super::classification;
use super::draft::{Buyer, BuyerKind, CheckPolicy, Draft, DraftLine, Seller, Severity};
use super::findings::Findings;
use super::money::{Fen, Quantity, TaxRate, UnitPrice};
use super::rates;
use super::tax::{Mark, Pricing, Split};
use super::taxpayer;
use super::text::{self, Feeds, limits};
use crate::base::ids::{ChainId, MerchantId};
use crate::base::limits::{AMOUNT_FEN_MAX, LINES_PER_INVOICE_MAX};
use crate::base::{Code, Fault, Faults, LegalDate};

impl Draft {
    /// Checks everything that can be known without history. Paths of faults point into this draft; those of the seller begin with
    /// `seller`.
    ///
    /// # Errors
    /// All faults at once, in the order of the fields.
    pub fn check(
        &self,
        seller: &Seller,
        chain: &ChainId,
        merchant: &MerchantId,
        date: LegalDate,
        policy: &CheckPolicy,
    ) -> Result<(Checked, Vec<Fault>), Faults> {
        let mut found = Findings::default();
        seller_into(seller, policy, &mut found);
        buyer_into(&self.buyer, policy, &mut found);
        people_into([&self.remark, &self.payee, &self.reviewer, &self.drawer], &mut found);
        line_count_into(self.line_count(), self.lines.is_empty(), &mut found);

        let day = date.to_string();
        let mut lines = Vec::with_capacity(self.line_count().min(LINES_PER_INVOICE_MAX));
        for (index, line) in self.lines.iter().take(LINES_PER_INVOICE_MAX).enumerate() {
            let mut inner = Findings::default();
            line_into(line, self.pricing, &day, &mut inner, &mut lines);
            found.nest(inner, || format!("lines[{index}]"));
        }
        // Sums of a part of the lines would be a fault that follows from another one: nobody can do anything about it.
        let warnings_so_far = found.into_result()?;

        let mut found = Findings::default();
        let sums = sums_into(lines.iter().map(CheckedLine::split), self.total, &mut found);
        found.into_result()?;
        let sums = sums?;
        let checked = Checked {
            v: VERSION,
            chain: chain.clone(),
            document: self.document.unwrap_or_default(),
            merchant: merchant.clone(),
            seller: seller.clone(),
            buyer: self.buyer.clone(),
            payment: self.payment.clone(),
            pricing: self.pricing,
            lines,
            amount: sums.amount,
            tax: sums.tax,
            total: sums.total,
            remark: self.remark.clone(),
            payee: self.payee.clone(),
            reviewer: self.reviewer.clone(),
            drawer: self.drawer.clone(),
            red: None,
        };
        Ok((checked, warnings_so_far))
    }

    /// Lines as asked for and the discount lines that they will bring.
    fn line_count(&self) -> usize {
        let discounts = self.lines.iter().filter(|line| line.discount.is_some()).count();
        self.lines.len().saturating_add(discounts)
    }
}

impl Seller {
    /// Checks the seller's own fields, as at registration; the warnings when nothing refuses. Paths are relative to the seller.
    ///
    /// # Errors
    /// All faults at once.
    pub fn check(&self, policy: &CheckPolicy) -> Result<Vec<Fault>, Faults> {
        let mut found = Findings::default();
        party_into(self.party(), policy, &mut found);
        found.into_result()
    }

    fn party(&self) -> Party<'_> {
        Party {
            name: &self.name,
            taxpayer_id: Some(&self.taxpayer_id),
            address_phone: self.address_phone.as_deref(),
            bank_account: self.bank_account.as_deref(),
        }
    }
}

/// What buyer and seller have in common.
struct Party<'a> {
    name: &'a str,
    taxpayer_id: Option<&'a str>,
    address_phone: Option<&'a str>,
    bank_account: Option<&'a str>,
}

pub(super) fn seller_into(seller: &Seller, policy: &CheckPolicy, found: &mut Findings) {
    let mut inner = Findings::default();
    party_into(seller.party(), policy, &mut inner);
    found.nest(inner, || "seller".to_owned());
}

pub(super) fn buyer_into(buyer: &Buyer, policy: &CheckPolicy, found: &mut Findings) {
    let mut inner = Findings::default();
    let party = Party {
        name: &buyer.name,
        taxpayer_id: buyer.taxpayer_id.as_deref(),
        address_phone: buyer.address_phone.as_deref(),
        bank_account: buyer.bank_account.as_deref(),
    };
    party_into(party, policy, &mut inner);
    match buyer.kind {
        BuyerKind::Organisation if buyer.taxpayer_id.is_none() => {
            inner.refuse(Code::InvBuyerTaxpayerIdMissing, "taxpayer_id", "an organisation needs its taxpayer id");
        }
        BuyerKind::Organisation | BuyerKind::Individual => (),
    }
    found.nest(inner, || "buyer".to_owned());
}

fn party_into(party: Party<'_>, policy: &CheckPolicy, found: &mut Findings) {
    text::check(party.name, "name", limits::PARTY_NAME_MAX, Feeds::Refused, found);
    if let Some(id) = party.taxpayer_id {
        taxpayer_id_into(id, policy, found);
    }
    text::check_optional(party.address_phone, "address_phone", limits::ADDRESS_PHONE_MAX, Feeds::Refused, found);
    text::check_optional(party.bank_account, "bank_account", limits::BANK_ACCOUNT_MAX, Feeds::Refused, found);
}

fn taxpayer_id_into(id: &str, policy: &CheckPolicy, found: &mut Findings) {
    if !taxpayer::has_shape(id) {
        found.refuse(Code::InvTaxpayerIdShape, "taxpayer_id", "a taxpayer id is 15 to 20 of 0-9 and A-Z");
        return;
    }
    for fault in taxpayer::check_characters(id) {
        let fault = fault.under("taxpayer_id");
        match policy.uscc_check_digit {
            Severity::Refuse => found.fault(fault),
            Severity::Warn => found.warn(fault),
        }
    }
}

/// Remark, payee, reviewer, drawer.
pub(super) fn people_into([remark, payee, reviewer, drawer]: [&Option<String>; 4], found: &mut Findings) {
    text::check_optional(remark.as_deref(), "remark", limits::REMARK_MAX, Feeds::Allowed, found);
    for (person, path) in [(payee, "payee"), (reviewer, "reviewer"), (drawer, "drawer")] {
        text::check_optional(person.as_deref(), path, limits::PERSON_MAX, Feeds::Refused, found);
    }
}

pub(super) fn line_count_into(count: usize, none: bool, found: &mut Findings) {
    if none {
        found.refuse(Code::InvLinesEmpty, "lines", "an invoice has at least one line");
    }
    if count > LINES_PER_INVOICE_MAX {
        let message = format!("{count} lines with their discounts, at most {LINES_PER_INVOICE_MAX} fit");
        found.refuse(Code::InvLinesTooMany, "lines", message);
    }
}

/// Checks one line and appends what it becomes: the line, and its discount as a line of its own. What is appended
/// after a fault goes no further: the draft is refused.
fn line_into(line: &DraftLine, pricing: Pricing, day: &str, found: &mut Findings, lines: &mut Vec<CheckedLine>) {
    what_into(line.what(), found);
    let base = amount_into(line.quantity, line.price, line.amount, found);
    rate_into(line.rate, line.mark, rates::check_on(line.rate, day), found);
    let discount = line.discount.filter(|discount| discount_fits(*discount, base, found));
    let Some(base) = base else { return };

    let sold = CheckedLine::of(line, None, Split::of(base, line.rate, pricing));
    let taken_off = discount
        .map(Fen::negated)
        .map(|discount| CheckedLine::of(line, Some(LineKind::Discount), Split::of(discount, line.rate, pricing)));
    for made in [Some(sold), taken_off].into_iter().flatten() {
        match made {
            Ok(made) => lines.push(made),
            Err(fault) => found.fault(fault.under("amount")),
        }
    }
}

impl CheckedLine {
    fn of(line: &DraftLine, kind: Option<LineKind>, split: Result<Split, Fault>) -> Result<Self, Fault> {
        let Split { amount, tax, total } = split?;
        let ordinary = kind.is_none();
        Ok(Self {
            category: line.category.clone(),
            name: line.name.clone(),
            classification: line.classification.clone(),
            specification: line.specification.as_ref().filter(|_| ordinary).cloned(),
            unit: line.unit.as_ref().filter(|_| ordinary).cloned(),
            quantity: line.quantity.filter(|_| ordinary),
            price: line.price.filter(|_| ordinary),
            rate: line.rate,
            mark: line.mark,
            kind,
            amount,
            tax,
            total,
            blue_line: None,
        })
    }

    pub(super) fn what(&self) -> What<'_> {
        What {
            category: &self.category,
            name: &self.name,
            classification: &self.classification,
            specification: self.specification.as_deref(),
            unit: self.unit.as_deref(),
        }
    }
}

impl DraftLine {
    fn what(&self) -> What<'_> {
        What {
            category: &self.category,
            name: &self.name,
            classification: &self.classification,
            specification: self.specification.as_deref(),
            unit: self.unit.as_deref(),
        }
    }
}

/// What was sold, in words.
pub(super) struct What<'a> {
    category: &'a str,
    name: &'a str,
    classification: &'a str,
    specification: Option<&'a str>,
    unit: Option<&'a str>,
}

pub(super) fn what_into(what: What<'_>, found: &mut Findings) {
    text::check(what.category, "category", limits::CATEGORY_MAX, Feeds::Refused, found);
    if what.category.contains('*') {
        found.refuse(
            Code::InvCategoryAsterisk,
            "category",
            "names are printed *category*name: no asterisk in the category",
        );
    }
    text::check(what.name, "name", limits::LINE_NAME_MAX, Feeds::Refused, found);
    if !classification::has_shape(what.classification) {
        let message = "a classification is 19 digits: a class 1 to 6 and nine pairs, right-padded with zeros";
        found.refuse(Code::InvClassificationShape, "classification", message);
    }
    text::check_optional(what.specification, "specification", limits::SPECIFICATION_MAX, Feeds::Refused, found);
    text::check_optional(what.unit, "unit", limits::UNIT_MAX, Feeds::Refused, found);
}

/// The amount of a line in its draft's pricing, before any discount (domain.md 1.8: no price, no quantity); none after a fault.
pub(super) fn amount_into(
    quantity: Option<Quantity>,
    price: Option<UnitPrice>,
    given: Option<Fen>,
    found: &mut Findings,
) -> Option<Fen> {
    let product = match (quantity, price) {
        (Some(quantity), Some(price)) => {
            if !quantity.is_positive() {
                found.refuse(Code::InvQuantityNotPositive, "quantity", "a quantity is above zero");
            }
            if !price.is_positive() {
                found.refuse(Code::InvPriceNotPositive, "price", "a price is above zero");
            }
            if !(quantity.is_positive() && price.is_positive()) {
                return None;
            }
            Some(quantity.times(price))
        }
        (Some(_), None) => {
            found.refuse(Code::InvQuantityWithoutPrice, "quantity", "without a price there is no quantity");
            return None;
        }
        (None, Some(_)) => {
            found.refuse(Code::InvPriceWithoutQuantity, "price", "without a quantity there is no price");
            return None;
        }
        (None, None) => None,
    };
    let amount = match (product.transpose(), given) {
        (Err(fault), _) => {
            found.fault(fault.under("amount"));
            return None;
        }
        (Ok(Some(product)), Some(given)) if product != given => {
            let message = format!("{} fen is not quantity times price, which is {} fen", given.get(), product.get());
            found.refuse(Code::InvAmountDisagrees, "amount", message);
            return None;
        }
        (Ok(Some(amount)), _) | (Ok(None), Some(amount)) => amount,
        (Ok(None), None) => {
            found.refuse(Code::InvAmountMissing, "amount", "give an amount, or a quantity and a price");
            return None;
        }
    };
    if !amount.is_positive() {
        found.refuse(Code::InvAmountNotPositive, "amount", "the amount of a line is above zero");
        return None;
    }
    if amount.get() > AMOUNT_FEN_MAX {
        found.refuse(Code::InvAmountTooLarge, "amount", format!("an amount is at most {AMOUNT_FEN_MAX} fen"));
        return None;
    }
    Some(amount)
}

pub(super) fn rate_into(rate: TaxRate, mark: Option<Mark>, in_force: Result<(), Fault>, found: &mut Findings) {
    if let Err(fault) = in_force {
        found.fault(fault.under("rate"));
    }
    if mark.is_some() && rate != TaxRate::ZERO {
        found.refuse(Code::InvMarkNeedsZeroRate, "mark", "only a line with rate 0 has a mark");
    }
}

/// `base` is none where the line's own amount is at fault.
fn discount_fits(discount: Fen, base: Option<Fen>, found: &mut Findings) -> bool {
    let (positive, fits) = (discount.is_positive(), base.is_none_or(|base| discount <= base));
    if !positive {
        found.refuse(Code::InvDiscountNotPositive, "discount", "a discount is given as a number above zero");
    }
    if !fits {
        found.refuse(Code::InvDiscountTooLarge, "discount", "a discount is at most the amount of its line");
    }
    positive && fits
}

/// Adds up, and compares with what the caller expects.
pub(super) fn sums_into(
    lines: impl Iterator<Item = Split> + Clone,
    expected: Option<Fen>,
    found: &mut Findings,
) -> Result<Split, Faults> {
    let sum = |part: fn(Split) -> Fen| Fen::sum(lines.clone().map(part));
    let sums =
        sum(|s| s.amount).and_then(|amount| Ok(Split { amount, tax: sum(|s| s.tax)?, total: sum(|s| s.total)? }));
    // A sum that is no Fen at all is too large in the same way as one above the limit.
    let too_large = || Fault::new(Code::InvTotalTooLarge, "total", format!("a total is at most {AMOUNT_FEN_MAX} fen"));
    let Some(sums) = sums.ok().filter(|sums| sums.total.get() <= AMOUNT_FEN_MAX) else {
        return Err(too_large().into());
    };
    if !sums.total.is_positive() {
        found.refuse(Code::InvTotalNotPositive, "total", "the discounts leave nothing to invoice");
    }
    if expected.is_some_and(|expected| expected != sums.total) {
        found.refuse(
            Code::InvTotalDisagrees,
            "total",
            format!("the lines add up to {} fen with tax", sums.total.get()),
        );
    }
    Ok(sums)
}
