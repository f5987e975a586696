//! The registry: companies lock, book and release; financiers hold pledges. A hold has one holder, known by a commitment, and a fencing
//! token, the entry that took it, so that a holder whose lease has ended can't act on what is another's now.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Books, Executed, Failure, Position, Ready, blue_invoice, known_merchant, refuse};
use crate::base::{Code, Fault, UnixMs};
use crate::chain::hash::Hash;
use crate::invoice::InvoiceId;
use crate::ledger::command::{HeldBody, Keyed, LockBody, PledgeBody, RenewBody};
use crate::ledger::entry::Kind;
use crate::ledger::life::{BATCH_INVOICES_MAX, Event, LEASE_MS_MAX, LEASE_MS_MIN, Life, LifeState, Step, step};
use crate::ledger::state::{Reader, State};

/// All the invoices or none: the first that can't be locked refuses the command.
pub(super) fn lock<R: Reader>(state: &mut State<R>, command: &Keyed<LockBody>, at: Position<'_>) -> Executed<R> {
    let LockBody { invoices, holder, lease_ms } = &command.body;
    each_once(invoices)?;
    let until = lease_end(at.time, *lease_ms)?;
    let mut lives = Vec::with_capacity(invoices.len());
    for (place, id) in invoices.iter().enumerate() {
        let path = format!("invoices[{place}]");
        let life = life_of(state, id, &path)?.at(at.time);
        let next = free_step(&life, Event::Lock, &path)?;
        lives.push(Life { state: next, fence: at.index, holder: Some(*holder), lease_until: Some(until), ..life });
    }
    let ready = Ready::keyed(at, Kind::Lock, None, command)?;
    lives.into_iter().for_each(|life| state.put_life(life));
    Ok(ready.record(state))
}

pub(super) fn renew<R: Reader>(state: &mut State<R>, command: &Keyed<RenewBody>, at: Position<'_>) -> Executed<R> {
    let RenewBody { invoices, holder, fence, lease_ms } = &command.body;
    let until = lease_end(at.time, *lease_ms)?;
    let held = held_step(state, invoices, Hold { holder, fence: *fence }, Event::Renew, at.time)?;
    let ready = Ready::keyed(at, Kind::Renew, None, command)?;
    held.into_iter().for_each(|(life, state_after)| {
        state.put_life(Life { state: state_after, lease_until: Some(until), ..life });
    });
    Ok(ready.record(state))
}

pub(super) fn unlock<R: Reader>(state: &mut State<R>, command: &Keyed<HeldBody>, at: Position<'_>) -> Executed<R> {
    end_hold(state, command, at, Kind::Unlock, Event::Unlock)
}

/// Books: the holder stays known, so that it can agree to a red letter later.
pub(super) fn close<R: Reader>(state: &mut State<R>, command: &Keyed<HeldBody>, at: Position<'_>) -> Executed<R> {
    end_hold(state, command, at, Kind::Close, Event::Close)
}

pub(super) fn release<R: Reader>(state: &mut State<R>, command: &Keyed<HeldBody>, at: Position<'_>) -> Executed<R> {
    end_hold(state, command, at, Kind::Release, Event::Release)
}

pub(super) fn settle<R: Reader>(state: &mut State<R>, command: &Keyed<HeldBody>, at: Position<'_>) -> Executed<R> {
    end_hold(state, command, at, Kind::Settle, Event::Settle)
}

/// A pledge has no lease: a financier's security does not end by itself.
pub(super) fn pledge<R: Reader>(state: &mut State<R>, command: &Keyed<PledgeBody>, at: Position<'_>) -> Executed<R> {
    let PledgeBody { merchant, invoice: id, holder } = &command.body;
    let seller = known_merchant(state, merchant, "merchant")?;
    if seller.suspended.is_some() {
        return refuse(Code::LedgerMerchantSuspended, "merchant", "the bureau has suspended this merchant");
    }
    let invoice = blue_invoice(state, id, "invoice")?;
    if invoice.merchant != *merchant {
        return refuse(Code::LedgerInvoiceUnknown, "invoice", format!("no invoice {id} of this merchant was issued"));
    }
    if invoice.payment.is_some() {
        return refuse(Code::LedgerPledgePaid, "invoice", "the invoice draws on a payment: nothing is owed on it");
    }
    let life = state.life(invoice.entry).map_err(Failure::Unreadable)?.at(at.time);
    let next = free_step(&life, Event::Pledge, "invoice")?;
    let books = Books::of(state, merchant)?;
    let ready = Ready::keyed(at, Kind::Pledge, Some(books), command)?;
    state.put_life(Life { state: next, fence: at.index, holder: Some(*holder), lease_until: None, ..life });
    Ok(ready.record(state))
}

fn end_hold<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<HeldBody>,
    at: Position<'_>,
    kind: Kind,
    event: Event,
) -> Executed<R> {
    let HeldBody { invoices, holder, fence } = &command.body;
    let held = held_step(state, invoices, Hold { holder, fence: *fence }, event, at.time)?;
    let ready = Ready::keyed(at, kind, None, command)?;
    for (life, next) in held {
        let holder = life.holder.filter(|_| next == LifeState::Closed);
        state.put_life(Life { state: next, holder, lease_until: None, ..life });
    }
    Ok(ready.record(state))
}

/// A hold as its holder names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold<'a> {
    pub holder: &'a Hash,
    pub fence: u64,
}

/// The lives of all the invoices with the states that they go to, if all of them are this holder's.
fn held_step<R: Reader>(
    state: &mut State<R>,
    invoices: &[InvoiceId],
    hold: Hold<'_>,
    event: Event,
    time: UnixMs,
) -> Result<Vec<(Life, LifeState)>, Failure<R::Error>> {
    each_once(invoices)?;
    let mut held = Vec::with_capacity(invoices.len());
    for (place, id) in invoices.iter().enumerate() {
        let path = format!("invoices[{place}]");
        let stored = life_of(state, id, &path)?;
        let life = stored.at(time);
        match step(life.state, event) {
            Step::ByHolder(next) => {
                is_of(&life, hold, &path)?;
                held.push((life, next));
            }
            Step::To(_) | Step::Agreed(_) | Step::Refused => {
                // Its own lock, but too late: that is worth another word than "it is open".
                if stored.state != life.state && is_of(&stored, hold, &path).is_ok() {
                    let message = "the lease of this lock has ended; lock the invoice again";
                    return refuse(Code::LedgerLeaseEnded, &path, message);
                }
                return Err(in_state(&life, event, &path).into());
            }
        }
    }
    Ok(held)
}

/// Whether this is the holder, with the fence of the present hold. Tells nobody who else it is.
pub(super) fn is_of(life: &Life, hold: Hold<'_>, path: &str) -> Result<(), Fault> {
    if life.fence != hold.fence {
        let message = format!("the fence {} is not that of the present hold", hold.fence);
        return Err(Fault::new(Code::LedgerFenceStale, path, message));
    }
    if life.holder.as_ref() != Some(hold.holder) {
        return Err(Fault::new(Code::LedgerHolderOther, path, "it is held by somebody else, or the salt is another"));
    }
    Ok(())
}

/// The state that an event leads to which needs no holder.
pub(super) fn free_step(life: &Life, event: Event, path: &str) -> Result<LifeState, Fault> {
    match step(life.state, event) {
        Step::To(next) => Ok(next),
        Step::ByHolder(_) | Step::Agreed(_) | Step::Refused => Err(in_state(life, event, path)),
    }
}

fn in_state(life: &Life, event: Event, path: &str) -> Fault {
    let message = format!("the invoice is {}: it can't go through '{}'", life.state.as_str(), event.as_str());
    Fault::new(Code::LedgerLifeState, path, message)
}

fn life_of<R: Reader>(state: &mut State<R>, id: &InvoiceId, path: &str) -> Result<Arc<Life>, Failure<R::Error>> {
    let invoice = blue_invoice(state, id, path)?;
    state.life(invoice.entry).map_err(Failure::Unreadable)
}

fn each_once(invoices: &[InvoiceId]) -> Result<(), Fault> {
    let distinct: BTreeSet<&InvoiceId> = invoices.iter().collect();
    if invoices.is_empty() || invoices.len() > BATCH_INVOICES_MAX || distinct.len() < invoices.len() {
        let message = format!("1 to {BATCH_INVOICES_MAX} invoices, each once");
        return Err(Fault::new(Code::LedgerBatch, "invoices", message));
    }
    Ok(())
}

fn lease_end(from: UnixMs, lease_ms: i64) -> Result<UnixMs, Fault> {
    let wrong = || {
        let message = format!("a lease is {LEASE_MS_MIN} to {LEASE_MS_MAX} ms");
        Fault::new(Code::LedgerLeaseRange, "lease_ms", message)
    };
    if !(LEASE_MS_MIN..=LEASE_MS_MAX).contains(&lease_ms) {
        return Err(wrong());
    }
    from.0.checked_add(lease_ms).map(UnixMs).ok_or_else(wrong)
}
