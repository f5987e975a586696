//! Red letters: an invoice with its own number and negative money takes back all or a part of a blue one.

use std::sync::Arc;

use super::invoice::{Next, RedOf, signing_merchant};
use super::payment::settled;
use super::{Executed, Failure, Position, blue_invoice, refuse};
use crate::base::{Code, Fault, LegalDate};
use crate::invoice::money::Fen;
use crate::invoice::reversal::{LineShare, ReversalAsked};
use crate::invoice::{Checked, InvoiceId};
use crate::ledger::command::Reverse;
use crate::ledger::confirmation::{Confirmation, SheetState};
use crate::ledger::life::{Event, Life, LifeState, Step, WalletState, step};
use crate::ledger::record::{Invoice, Payment, Quota};
use crate::ledger::reversal::Reversal;
use crate::ledger::state::{Reader, State};

pub(super) fn reverse<R: Reader>(state: &mut State<R>, command: &Reverse, at: Position<'_>) -> Executed<R> {
    let (issue, draft) = (command.red(), command.red().draft());
    let merchant = signing_merchant(state, issue, at)?;
    let Some(red) = draft.red() else {
        return refuse(Code::LedgerNotRed, "draft", "a blue draft reverses nothing");
    };
    let id = InvoiceId { code: red.code, number: red.number };
    let invoice = blue_invoice(state, &id, "invoice")?;
    if invoice.merchant != merchant.id {
        return refuse(Code::LedgerInvoiceUnknown, "invoice", format!("no invoice {id} of this merchant was issued"));
    }
    let takeable = Takeable::of(state, &invoice)?;
    if takeable.red(id, &draft.asked()?)? != *draft {
        let message = "the red draft is not what the rule gives for what is left of the invoice now";
        return refuse(Code::LedgerRedDiffers, "draft", message);
    }
    let after = takeable.after(draft)?;
    let life = state.life(invoice.entry).map_err(Failure::Unreadable)?.at(at.time);
    let sheet = match command.confirmation() {
        None => None,
        Some(entry) => Some(usable_sheet(state, entry, &invoice, &takeable, (id, draft), at)?),
    };
    let next = allowed(&life, event_of(&after), sheet.as_deref())?;
    let date = LegalDate::of(at.time)?;
    let quota = given_back(state, &invoice, date, draft.total())?;
    let payment = freed_payment(state, &invoice, draft.total())?;
    let red_of = RedOf { blue: invoice.entry, confirmation: command.confirmation() };
    let ready = Next::of(state, &merchant.id, issue, date)?.write(state, issue, at, Some(red_of))?;
    state.put_reversal(after);
    put_life(state, life, next, sheet.is_some());
    if let Some(sheet) = sheet {
        state.put_confirmation(Confirmation { red: Some(at.index), ..(*sheet).clone() });
    }
    if let Some(quota) = quota {
        state.put_quota(quota);
    }
    if let Some(payment) = payment {
        state.put_payment(payment);
    }
    Ok(ready.record(state))
}

/// A blue invoice with what is left of it to take back.
pub(super) struct Takeable {
    blue: Arc<Checked>,
    before: Reversal,
    left: Vec<LineShare>,
}

impl Takeable {
    pub(super) fn of<R: Reader>(state: &mut State<R>, invoice: &Invoice) -> Result<Self, Failure<R::Error>> {
        let Some(blue) = state.draft(invoice.entry).map_err(Failure::Unreadable)? else {
            // Nobody can know its number yet: it is being issued in this very block.
            return refuse(Code::LedgerInvoiceUnknown, "invoice", "the invoice is not sealed yet");
        };
        let before = match state.reversal(invoice.entry).map_err(Failure::Unreadable)? {
            Some(reversal) => (*reversal).clone(),
            None => Reversal::new(invoice.entry, &blue.shares()?)?,
        };
        let left = before.left()?;
        Ok(Self { blue, before, left })
    }

    /// The red draft that the rule gives for what is asked.
    pub(super) fn red(&self, id: InvoiceId, asked: &ReversalAsked) -> Result<Checked, crate::base::Faults> {
        self.blue.reverse(id, &self.left, asked)
    }

    /// What has been taken back once a red draft has taken its part.
    pub(super) fn after(&self, red: &Checked) -> Result<Reversal, crate::base::Faults> {
        let mut after = self.before.clone();
        after.take(&red.taken()?)?;
        if after.is_overdrawn() {
            return Err(
                Fault::new(Code::LedgerReversedTooMuch, "lines", "more would be taken back than there was").into()
            );
        }
        Ok(after)
    }
}

/// Whether a red letter that leads there takes all that is left.
pub(super) fn event_of(after: &Reversal) -> Event {
    if after.is_full() { Event::ReverseAll } else { Event::ReversePart }
}

/// A sheet that this very red draft may come of.
fn usable_sheet<R: Reader>(
    state: &mut State<R>,
    entry: u64,
    invoice: &Invoice,
    takeable: &Takeable,
    (id, draft): (InvoiceId, &Checked),
    at: Position<'_>,
) -> Result<Arc<Confirmation>, Failure<R::Error>> {
    let sheet = state.confirmation(entry).map_err(Failure::Unreadable)?;
    let Some(sheet) = sheet.filter(|sheet| sheet.invoice == invoice.entry) else {
        return refuse(Code::LedgerConfirmationUnknown, "confirmation", "there is no such sheet for this invoice");
    };
    let stands = sheet.state_at(at.time);
    if sheet.red.is_some() || !matches!(stands, SheetState::NotNeeded | SheetState::Confirmed) {
        let message = format!("the sheet is in state {}, used or not agreed to", stands.as_str());
        return refuse(Code::LedgerConfirmationState, "confirmation", message);
    }
    if takeable.red(id, &sheet.asked)? != *draft {
        let message = "the sheet is about something else than the red draft takes back";
        return refuse(Code::LedgerRedDiffers, "confirmation", message);
    }
    Ok(sheet)
}

/// The state that the table leads to, if it lets this red letter through.
fn allowed<E>(life: &Life, event: Event, sheet: Option<&Confirmation>) -> Result<LifeState, Failure<E>> {
    match step(life.state, event) {
        Step::To(next) => Ok(next),
        Step::Agreed(next) | Step::ByHolder(next) => match sheet {
            Some(sheet) if sheet.state == SheetState::Confirmed && sheet.fence == life.fence => Ok(next),
            Some(_) => {
                let message = format!("the invoice is {}, and its present holder has not agreed", life.state.as_str());
                refuse(Code::LedgerAgreementNeeded, "confirmation", message)
            }
            None => {
                let message = format!(
                    "the invoice is {}: its holder must agree on a confirmation sheet first",
                    life.state.as_str()
                );
                refuse(Code::LedgerAgreementNeeded, "confirmation", message)
            }
        },
        Step::Refused => refuse(Code::LedgerLifeState, "invoice", format!("the invoice is {}", life.state.as_str())),
    }
}

fn put_life<R: Reader>(state: &mut State<R>, life: Life, next: LifeState, sheet_used: bool) {
    let confirmation = if sheet_used { None } else { life.confirmation };
    let after = match next {
        // Nobody holds what is not there any more; WeChat takes the blue invoice out of the wallet (domain.md 1.13).
        LifeState::Reversed => Life {
            state: next,
            holder: None,
            lease_until: None,
            wallet: if life.wallet == WalletState::Claimed { WalletState::Discarded } else { life.wallet },
            wallet_holder: None,
            confirmation: None,
            ..life
        },
        LifeState::Open
        | LifeState::Locked
        | LifeState::Closed
        | LifeState::Pledged
        | LifeState::Settled
        | LifeState::SettledLocked => Life { state: next, confirmation, ..life },
    };
    state.put_life(after);
}

/// The month's money with this red letter in it. Only what was issued in the same month is given back to it; numbers are not.
fn given_back<R: Reader>(
    state: &mut State<R>,
    invoice: &Invoice,
    date: LegalDate,
    total: Fen,
) -> Result<Option<Quota>, Failure<R::Error>> {
    let month = date.month();
    if !invoice.date.starts_with(&month) {
        return Ok(None);
    }
    let Some(before) = state.quota(&invoice.merchant, &month).map_err(Failure::Unreadable)? else {
        return Ok(None);
    };
    Ok(Some(Quota { total: before.total.checked_add(total)?, ..(*before).clone() }))
}

/// The payment with this money free again; refunds that have awaited it are counted at once.
fn freed_payment<R: Reader>(
    state: &mut State<R>,
    invoice: &Invoice,
    total: Fen,
) -> Result<Option<Payment>, Failure<R::Error>> {
    let Some((provider, transaction)) = &invoice.payment else { return Ok(None) };
    let Some(payment) = state.payment(provider, transaction).map_err(Failure::Unreadable)? else {
        return refuse(Code::LedgerPaymentUnknown, "payment", "the payment of the invoice is not recorded");
    };
    let invoiced = payment.invoiced.checked_add(total)?;
    Ok(Some(settled(Payment { invoiced, ..(*payment).clone() })?))
}
