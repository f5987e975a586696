//! Payments and refunds, as partners' notices tell them.

use super::{Books, Executed, Failure, Position, Ready, known_merchant, refuse};
use crate::base::{Code, Fault};
use crate::invoice::money::Fen;
use crate::ledger::command::{PaymentBody, RefundBody};
use crate::ledger::entry::Kind;
use crate::ledger::execute::Outcome;
use crate::ledger::record::{Payment, Refund};
use crate::ledger::state::{Reader, State};

pub(super) fn record<R: Reader>(state: &mut State<R>, body: &PaymentBody, at: Position<'_>) -> Executed<R> {
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
    let books = Books::of(state, &body.merchant)?;
    let ready = Ready::framed(at, Kind::RecordPayment, Some(books), None, body)?;
    state.put_payment(Payment {
        provider: body.provider.clone(),
        transaction: body.transaction.clone(),
        merchant: body.merchant.clone(),
        order: body.order.clone(),
        paid_at: body.paid_at,
        paid: body.paid,
        refunded: Fen::ZERO,
        awaiting: Fen::ZERO,
        invoiced: Fen::ZERO,
        entry: at.index,
    });
    Ok(ready.record(state))
}

/// Money that was given back is a fact, invoiced or not: what is invoiced of it awaits a red letter and can't be invoiced again.
pub(super) fn refund<R: Reader>(state: &mut State<R>, body: &RefundBody, at: Position<'_>) -> Executed<R> {
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
    let awaiting = payment.awaiting.checked_add(body.amount)?;
    if payment.refunded.checked_add(awaiting)? > payment.paid {
        return refuse(Code::LedgerRefundTooLarge, "amount", "refunds would exceed what was paid");
    }
    let books = Books::of(state, &payment.merchant)?;
    let ready = Ready::framed(at, Kind::RecordRefund, Some(books), None, body)?;
    let after = settled(Payment { awaiting, ..(*payment).clone() })?;
    state.put_payment(after);
    state.put_refund(Refund {
        provider: body.provider.clone(),
        refund: body.refund.clone(),
        transaction: body.transaction.clone(),
        amount: body.amount,
        entry: at.index,
    });
    Ok(ready.record(state))
}

/// Counts as refunded whatever of the awaiting money is not invoiced.
pub(super) fn settled(payment: Payment) -> Result<Payment, Fault> {
    let free = payment.paid.checked_sub(payment.refunded)?.checked_sub(payment.invoiced)?;
    let moved = payment.awaiting.min(free.max(Fen::ZERO));
    let (refunded, awaiting) = (payment.refunded.checked_add(moved)?, payment.awaiting.checked_sub(moved)?);
    Ok(Payment { refunded, awaiting, ..payment })
}

fn amount_in_range(amount: Fen, path: &str) -> Result<(), Fault> {
    if amount > Fen::ZERO && amount.get() <= crate::base::limits::AMOUNT_FEN_MAX {
        return Ok(());
    }
    Err(Fault::new(Code::LedgerAmountRange, path, "an amount is 1 fen to 10^13 fen"))
}
