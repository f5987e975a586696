//! Issuing, and what every invoice, blue or red, goes through: number, legal date, the merchant's day and month.

use std::sync::Arc;

use super::{Books, Executed, Failure, Position, Ready, known_merchant, next_number, refuse};
use crate::base::ids::MerchantId;
use crate::base::{Code, Fault, LegalDate};
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceId, NumberSequence};
use crate::invoice::{Document, IssuingRules};
use crate::ledger::command::Issue;
use crate::ledger::day::Day;
use crate::ledger::entry::{Kind, Numbered, invoice_text};
use crate::ledger::record::{Invoice, Merchant, Payment, Quota};
use crate::ledger::state::{Reader, State};

pub(super) fn issue<R: Reader>(state: &mut State<R>, issue: &Issue, at: Position<'_>) -> Executed<R> {
    let draft = issue.draft();
    if draft.red().is_some() {
        return refuse(Code::LedgerNotBlue, "red", "a red draft reverses an invoice: it is not issued by itself");
    }
    let merchant = signing_merchant(state, issue, at)?;
    if merchant.suspended.is_some() {
        return refuse(Code::LedgerMerchantSuspended, "merchant", "the bureau has suspended this merchant");
    }
    let date = LegalDate::of(at.time)?;
    draft.recheck_rates(date)?;
    let rules = state.rules_for(&merchant.id, at.height).map_err(Failure::Unreadable)?;
    let rules = rules.as_deref().map(|record| &record.rules);
    if let Some(rules) = rules {
        rules.check(draft)?;
    }
    let quota = used_quota(state, &merchant.id, date, draft.total(), rules)?;
    let payment = drawn_payment(state, issue)?;
    // Writes only once its text is made: nothing below can refuse.
    let ready = Next::of(state, &merchant.id, issue, date)?.write(state, issue, at, None)?;
    state.put_quota(quota);
    if let Some(payment) = payment {
        state.put_payment(payment);
    }
    Ok(ready.record(state))
}

/// The merchant of a signed draft, if it is for this chain and signed with the merchant's present key.
pub(super) fn signing_merchant<R: Reader>(
    state: &mut State<R>,
    issue: &Issue,
    at: Position<'_>,
) -> Result<Arc<Merchant>, Failure<R::Error>> {
    let draft = issue.draft();
    if draft.chain() != at.chain {
        return refuse(Code::LedgerChainMismatch, "chain", format!("the draft is for {}", draft.chain()));
    }
    let merchant = known_merchant(state, draft.merchant(), "merchant")?;
    if merchant.issuer != *issue.issuer() || merchant.seller != *draft.seller() {
        return refuse(Code::LedgerSellerChanged, "seller", "the draft's seller or issuer is not the registered one");
    }
    if merchant.issuer_revoked.is_some() {
        return refuse(Code::LedgerIssuerRevoked, "issuer", "the merchant's issuer key is revoked");
    }
    Ok(merchant)
}

/// The number that an invoice gets and the day that it is counted in.
pub(super) struct Next {
    series: String,
    issued: i64,
    id: InvoiceId,
    date: LegalDate,
    day: Day,
    books: Books,
}

impl Next {
    pub(super) fn of<R: Reader>(
        state: &mut State<R>,
        merchant: &MerchantId,
        issue: &Issue,
        date: LegalDate,
    ) -> Result<Self, Failure<R::Error>> {
        let document = issue.draft().document();
        let series = series(document, date);
        let issued = next_number(state.issued(&series).map_err(Failure::Unreadable)?)?;
        let id = NumberSequence::of(document, date).nth(u64::try_from(issued).unwrap_or_default())?;
        let known = state.day(merchant, date).map_err(Failure::Unreadable)?;
        let mut day = known.map_or_else(|| Day::new(merchant.clone(), date), |day| (*day).clone());
        let draft = issue.draft();
        day.figures.add(id, draft.red().is_some(), &draft.sums_by_rate())?;
        let books = Books::of(state, merchant)?;
        Ok(Self { series, issued, id, date, day, books })
    }

    /// Writes number, day and invoice; gives the entry to be recorded. To be called once nothing else can refuse.
    pub(super) fn write<'a, R: Reader>(
        self,
        state: &mut State<R>,
        issue: &'a Issue,
        at: Position<'a>,
        red: Option<RedOf>,
    ) -> Result<Ready<'a>, Fault> {
        let Self { series, issued, id: InvoiceId { code, number }, date, day, books } = self;
        let kind = if red.is_some() { Kind::Reverse } else { Kind::Issue };
        let confirmation = red.and_then(|red| red.confirmation);
        let numbered = Numbered { kind, code: &code, number: &number, date, seq: books.seq(), confirmation };
        let text = invoice_text(at, issue, numbered)?;
        let draft = issue.draft();
        state.put_issued(&series, issued);
        state.put_day(day);
        state.put_invoice(Invoice {
            entry: at.index,
            code,
            number,
            merchant: draft.merchant().clone(),
            date: date.to_string(),
            buyer: draft.buyer().name.clone(),
            amount: draft.amount(),
            tax: draft.tax(),
            total: draft.total(),
            payment: draft.payment().map(|p| (p.provider.clone(), p.transaction.clone())),
            blue: red.map(|red| red.blue),
        });
        Ok(Ready { at, kind, text, books: Some(books), asked: Some(issue.asked()) })
    }
}

/// The name under which the numbers of a kind are counted in a year.
fn series(document: Document, date: LegalDate) -> String {
    match document {
        Document::BlockchainOrdinary => format!("invoice-{}", date.year()),
        Document::FullyDigital => format!("digital-{}", date.year()),
    }
}

/// What a red invoice reverses.
#[derive(Debug, Clone, Copy)]
pub(super) struct RedOf {
    /// Entry of the blue invoice.
    pub blue: u64,
    /// The confirmation sheet that it comes of.
    pub confirmation: Option<u64>,
}

/// The merchant's month with this invoice in it, if the monthly caps leave room.
fn used_quota<R: Reader>(
    state: &mut State<R>,
    merchant: &MerchantId,
    date: LegalDate,
    total: Fen,
    rules: Option<&IssuingRules>,
) -> Result<Quota, Failure<R::Error>> {
    let month = date.month();
    let before = state.quota(merchant, &month).map_err(Failure::Unreadable)?;
    let (count, used) = before.map_or((0, Fen::ZERO), |quota| (quota.count, quota.total));
    let (count, total) = (next_number(count)?, used.checked_add(total)?);
    if let Some(cap) = rules.and_then(|rules| rules.monthly_cap)
        && total > cap
    {
        let message = format!(
            "the monthly cap of {} yuan leaves {} yuan in {month}",
            cap.to_yuan(),
            cap.checked_sub(used).unwrap_or(Fen::ZERO).to_yuan()
        );
        return refuse(Code::LedgerMonthlyCap, "total", message);
    }
    if let Some(cap) = rules.and_then(|rules| rules.monthly_count)
        && u64::try_from(count).unwrap_or_default() > cap
    {
        let message = format!("the {cap} invoices of {month} are used up");
        return refuse(Code::LedgerMonthlyCount, "", message);
    }
    Ok(Quota { merchant: merchant.clone(), month, count, total })
}

/// The payment with this invoice drawn from it, if the draft names one.
fn drawn_payment<R: Reader>(state: &mut State<R>, issue: &Issue) -> Result<Option<Payment>, Failure<R::Error>> {
    let draft = issue.draft();
    let Some(named) = draft.payment() else {
        return Ok(None);
    };
    let found = state.payment(&named.provider, &named.transaction).map_err(Failure::Unreadable)?;
    // Another merchant's payment is "unknown" too: who was paid what is nobody else's business.
    let Some(payment) = found.filter(|payment| payment.merchant == *draft.merchant()) else {
        return refuse(
            Code::LedgerPaymentUnknown,
            "payment.transaction",
            "no such payment of this merchant is recorded",
        );
    };
    let left = payment.remaining().unwrap_or(Fen::ZERO);
    if draft.total() > left {
        let message = format!("{} yuan of this payment are left to invoice", left.to_yuan());
        return refuse(Code::LedgerPaymentOverdrawn, "total", message);
    }
    let invoiced = payment.invoiced.checked_add(draft.total())?;
    Ok(Some(Payment { invoiced, ..(*payment).clone() }))
}
