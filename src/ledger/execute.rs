//! Execution: one command against the state, at a position of the chain. All checks come first, all writes after, so a refused
//! command changes nothing.

use super::command::{BUREAU_SCOPE, Command, Issue, Keyed, MerchantBody, PaymentBody, RefundBody, RulesBody};
use super::entry::{self, Kind};
use super::record::{Answer, Invoice, Merchant, Payment, Quota, Refund, RulesRecord, RulesScope};
use super::state::{Reader, State};
use crate::base::ids::{ChainId, MerchantId};
use crate::base::{Code, Fault, Faults, LegalDate, UnixMs};
use crate::chain::hash::Hash;
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceId, NumberSequence};
use crate::invoice::{CheckPolicy, Severity};

/// Where on the chain a command is executed: time and index are inputs.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    /// The chain.
    pub chain: &'a ChainId,
    /// The index its entry will have.
    pub index: u64,
    /// The time of its block.
    pub time: UnixMs,
}

/// What came of a command that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new entry.
    Accepted {
        /// What it records.
        kind: Kind,
        /// Its canonical text.
        text: String,
    },
    /// Said before in the same words: that entry is the answer.
    Replayed {
        /// The entry of the first time.
        entry: u64,
    },
}

/// Why there is no outcome.
#[derive(Debug)]
pub enum Failure<E> {
    /// The command is refused; nothing was changed.
    Refused(Faults),
    /// A record could not be read; the batch must be given up.
    Unreadable(E),
}

impl<E> From<Fault> for Failure<E> {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault.into())
    }
}

impl<E> From<Faults> for Failure<E> {
    fn from(faults: Faults) -> Self {
        Self::Refused(faults)
    }
}

type Executed<R> = Result<Outcome, Failure<<R as Reader>::Error>>;

/// Executes one command.
///
/// # Errors
/// [`Failure::Refused`] with the codes of the `ledger` and `invoice` sections of [`Code`]; [`Failure::Unreadable`].
pub fn execute<R: Reader>(state: &mut State<R>, command: &Command, at: Position<'_>) -> Executed<R> {
    match command {
        Command::RegisterMerchant(command) => register_merchant(state, command, at),
        Command::SetRules(command) => set_rules(state, command, at),
        Command::RecordPayment(body) => record_payment(state, body, at),
        Command::RecordRefund(body) => record_refund(state, body, at),
        Command::Issue(issue) => self::issue(state, issue, at),
    }
}

fn refuse<T, E>(code: Code, path: &str, message: impl Into<String>) -> Result<T, Failure<E>> {
    Err(Fault::new(code, path, message).into())
}

/// Looks a key up: the first answer if the request is the same, a refusal if it is another.
fn replay<R: Reader>(
    state: &mut State<R>,
    scope: &str,
    key: &str,
    request: &Hash,
) -> Result<Option<Outcome>, Failure<R::Error>> {
    match state.answer(scope, key).map_err(Failure::Unreadable)? {
        None => Ok(None),
        Some(answer) if answer.request == *request => Ok(Some(Outcome::Replayed { entry: answer.entry })),
        Some(_) => refuse(
            Code::LedgerKeyReused,
            "",
            "this idempotency key was used before with another request; use a new key for a new request",
        ),
    }
}

fn register_merchant<R: Reader>(state: &mut State<R>, command: &Keyed<MerchantBody>, at: Position<'_>) -> Executed<R> {
    if let Some(outcome) = replay(state, BUREAU_SCOPE, command.key.as_str(), &command.request)? {
        return Ok(outcome);
    }
    let body = &command.body;
    let default_policy = CheckPolicy { uscc_check_digit: Severity::Warn };
    let rules = state.rules_of(&RulesScope::All).map_err(Failure::Unreadable)?;
    body.seller.check(&rules.map_or(default_policy, |rules| rules.rules.policy(default_policy)))?;
    let taxpayer = state.merchant_by_taxpayer(&body.seller.taxpayer_id).map_err(Failure::Unreadable)?;
    if let Some(other) = taxpayer {
        let message = format!("this taxpayer is registered already, as {other}");
        return refuse(Code::LedgerMerchantExists, "taxpayer_id", message);
    }
    if let Some(mchid) = &body.mchid {
        if mchid.is_empty() || mchid.len() > 32 || !mchid.bytes().all(|b| b.is_ascii_digit()) {
            return refuse(Code::LedgerMchidMalformed, "mchid", "a WeChat Pay merchant number is 1 to 32 digits");
        }
        if let Some(other) = state.merchant_by_mchid(mchid).map_err(Failure::Unreadable)? {
            return refuse(Code::LedgerMerchantExists, "mchid", format!("this number belongs to {other}"));
        }
    }
    let registered = state.issued("merchant").map_err(Failure::Unreadable)?;
    let next = next_number(registered)?;
    let Some(id) = u64::try_from(next).ok().and_then(MerchantId::nth) else {
        return refuse(Code::LedgerNumbersUsedUp, "", "all merchant ids are given out");
    };
    let text = entry::keyed_text(at, Kind::RegisterMerchant, Some(&id), command)?;
    state.put_issued("merchant", next);
    state.put_merchant(Merchant {
        id,
        seller: body.seller.clone(),
        mchid: body.mchid.clone(),
        issuer: body.issuer,
        issue_on_payment: body.issue_on_payment,
        entry: at.index,
    });
    state.put_answer(answer(BUREAU_SCOPE, command.key.as_str(), command.request, at));
    Ok(Outcome::Accepted { kind: Kind::RegisterMerchant, text })
}

fn set_rules<R: Reader>(state: &mut State<R>, command: &Keyed<RulesBody>, at: Position<'_>) -> Executed<R> {
    if let Some(outcome) = replay(state, BUREAU_SCOPE, command.key.as_str(), &command.request)? {
        return Ok(outcome);
    }
    command.body.rules.validate()?;
    let merchant = match &command.body.scope {
        RulesScope::All => None,
        RulesScope::Merchant(id) => {
            known_merchant(state, id, "scope")?;
            Some(id)
        }
    };
    // Read before writing, so that the change is known as insert or update.
    state.rules_of(&command.body.scope).map_err(Failure::Unreadable)?;
    let text = entry::keyed_text(at, Kind::SetRules, merchant, command)?;
    let RulesBody { scope, rules } = command.body.clone();
    state.put_rules(RulesRecord { scope, rules, entry: at.index });
    state.put_answer(answer(BUREAU_SCOPE, command.key.as_str(), command.request, at));
    Ok(Outcome::Accepted { kind: Kind::SetRules, text })
}

fn record_payment<R: Reader>(state: &mut State<R>, body: &PaymentBody, at: Position<'_>) -> Executed<R> {
    if let Some(known) = state.payment(&body.provider, &body.transaction).map_err(Failure::Unreadable)? {
        let same = known.merchant == body.merchant
            && known.order == body.order
            && known.paid == body.paid
            && known.paid_at == body.paid_at;
        if same {
            return Ok(Outcome::Replayed { entry: known.entry });
        }
        return refuse(Code::LedgerPaymentDiffers, "", "this transaction is recorded already, with other contents");
    }
    known_merchant(state, &body.merchant, "merchant")?;
    amount_in_range(body.paid, "paid")?;
    let text = entry::notice_text(at, Kind::RecordPayment, &body.merchant, body)?;
    state.put_payment(Payment {
        provider: body.provider.clone(),
        transaction: body.transaction.clone(),
        merchant: body.merchant.clone(),
        order: body.order.clone(),
        paid_at: body.paid_at,
        paid: body.paid,
        refunded: Fen::ZERO,
        invoiced: Fen::ZERO,
        entry: at.index,
    });
    Ok(Outcome::Accepted { kind: Kind::RecordPayment, text })
}

fn record_refund<R: Reader>(state: &mut State<R>, body: &RefundBody, at: Position<'_>) -> Executed<R> {
    if let Some(known) = state.refund(&body.provider, &body.refund).map_err(Failure::Unreadable)? {
        if known.transaction == body.transaction && known.amount == body.amount {
            return Ok(Outcome::Replayed { entry: known.entry });
        }
        return refuse(Code::LedgerRefundDiffers, "", "this refund is recorded already, with other contents");
    }
    let Some(payment) = state.payment(&body.provider, &body.transaction).map_err(Failure::Unreadable)? else {
        return refuse(Code::LedgerPaymentUnknown, "transaction", "the refunded payment is not recorded");
    };
    amount_in_range(body.amount, "amount")?;
    let refunded = payment.refunded.checked_add(body.amount)?;
    if refunded > payment.paid {
        return refuse(Code::LedgerRefundTooLarge, "amount", "refunds would exceed what was paid");
    }
    if payment.paid.checked_sub(refunded)? < payment.invoiced {
        return refuse(
            Code::LedgerRefundInvoiced,
            "amount",
            "this money is invoiced already: the invoice must be reversed before the refund can be recorded",
        );
    }
    let text = entry::notice_text(at, Kind::RecordRefund, &payment.merchant, body)?;
    state.put_payment(Payment { refunded, ..(*payment).clone() });
    state.put_refund(Refund {
        provider: body.provider.clone(),
        refund: body.refund.clone(),
        transaction: body.transaction.clone(),
        amount: body.amount,
        entry: at.index,
    });
    Ok(Outcome::Accepted { kind: Kind::RecordRefund, text })
}

fn issue<R: Reader>(state: &mut State<R>, issue: &Issue, at: Position<'_>) -> Executed<R> {
    let draft = issue.draft();
    let scope = draft.merchant().as_str();
    if let Some(outcome) = replay(state, scope, issue.key().as_str(), issue.request())? {
        return Ok(outcome);
    }
    if draft.chain() != at.chain {
        return refuse(Code::LedgerChainMismatch, "chain", format!("the draft is for {}", draft.chain()));
    }
    let merchant = known_merchant(state, draft.merchant(), "merchant")?;
    if merchant.issuer != *issue.issuer() || merchant.seller != *draft.seller() {
        return refuse(Code::LedgerSellerChanged, "seller", "the draft's seller or issuer is not the registered one");
    }
    let date = LegalDate::of(at.time)?;
    draft.recheck_rates(date)?;
    if let Some(rules) = state.rules_for(&merchant.id).map_err(Failure::Unreadable)? {
        rules.rules.check(draft)?;
    }
    let quota = used_quota(state, &merchant.id, date, draft.total())?;
    let payment = drawn_payment(state, issue)?;
    let series = format!("invoice-{}", date.year());
    let next = next_number(state.issued(&series).map_err(Failure::Unreadable)?)?;
    let nth = u64::try_from(next).unwrap_or_default();
    let InvoiceId { code, number } = NumberSequence::of(date).nth(nth)?;
    let text = entry::issue_text(at, issue, &code, &number, date)?;

    state.put_issued(&series, next);
    state.put_quota(quota);
    if let Some(payment) = payment {
        state.put_payment(payment);
    }
    state.put_answer(answer(scope, issue.key().as_str(), *issue.request(), at));
    state.put_invoice(Invoice {
        entry: at.index,
        code,
        number,
        merchant: merchant.id.clone(),
        date: date.to_string(),
        buyer: draft.buyer().name.clone(),
        amount: draft.amount(),
        tax: draft.tax(),
        total: draft.total(),
        payment: draft.payment().map(|p| (p.provider.clone(), p.transaction.clone())),
    });
    Ok(Outcome::Accepted { kind: Kind::Issue, text })
}

/// The merchant's month with this invoice in it, if the monthly cap leaves room.
fn used_quota<R: Reader>(
    state: &mut State<R>,
    merchant: &MerchantId,
    date: LegalDate,
    total: Fen,
) -> Result<Quota, Failure<R::Error>> {
    let month = date.month();
    let before = state.quota(merchant, &month).map_err(Failure::Unreadable)?;
    let (count, used) = before.map_or((0, Fen::ZERO), |quota| (quota.count, quota.total));
    let total = used.checked_add(total)?;
    let rules = state.rules_for(merchant).map_err(Failure::Unreadable)?;
    if let Some(cap) = rules.and_then(|rules| rules.rules.monthly_cap)
        && total > cap
    {
        let message = format!(
            "the monthly cap of {} yuan leaves {} yuan in {month}",
            cap.to_yuan(),
            cap.checked_sub(used).unwrap_or(Fen::ZERO).to_yuan()
        );
        return refuse(Code::LedgerMonthlyCap, "total", message);
    }
    Ok(Quota { merchant: merchant.clone(), month, count: next_number(count)?, total })
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

fn known_merchant<R: Reader>(
    state: &mut State<R>,
    id: &MerchantId,
    path: &str,
) -> Result<std::sync::Arc<Merchant>, Failure<R::Error>> {
    match state.merchant(id).map_err(Failure::Unreadable)? {
        Some(merchant) => Ok(merchant),
        None => refuse(Code::LedgerMerchantUnknown, path, format!("no merchant {id} is registered")),
    }
}

fn amount_in_range(amount: Fen, path: &str) -> Result<(), Fault> {
    if amount > Fen::ZERO && amount.get() <= crate::base::limits::AMOUNT_FEN_MAX {
        return Ok(());
    }
    Err(Fault::new(Code::LedgerAmountRange, path, "an amount is 1 fen to 10^13 fen"))
}

fn next_number(given: i64) -> Result<i64, Fault> {
    given.checked_add(1).ok_or_else(|| Fault::new(Code::LedgerNumbersUsedUp, "", "a counter is used up"))
}

fn answer(scope: &str, key: &str, request: Hash, at: Position<'_>) -> Answer {
    Answer { scope: scope.to_owned(), key: key.to_owned(), request, entry: at.index }
}
