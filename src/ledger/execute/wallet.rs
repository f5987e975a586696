//! The wallet: a payer claims an invoice once, hands it on, or throws it away. Who it is stands on the ledger as a commitment only.

use super::hold::free_step;
use super::{Books, Executed, Failure, Position, Ready, blue_invoice, refuse};
use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::ledger::command::{ClaimBody, DiscardBody, HandOverBody, Keyed};
use crate::ledger::entry::Kind;
use crate::ledger::life::{Event, Life, WalletState};
use crate::ledger::state::{Reader, State};

pub(super) fn claim<R: Reader>(state: &mut State<R>, command: &Keyed<ClaimBody>, at: Position<'_>) -> Executed<R> {
    let ClaimBody { invoice, holder } = &command.body;
    let invoice = blue_invoice(state, invoice, "invoice")?;
    let life = state.life(invoice.entry).map_err(Failure::Unreadable)?.at(at.time);
    free_step(&life, Event::Claim, "invoice")?;
    if life.wallet != WalletState::Unclaimed {
        return refuse(Code::LedgerClaimed, "invoice", "the invoice has been claimed already");
    }
    let books = Books::of(state, &invoice.merchant)?;
    let ready = Ready::keyed(at, Kind::Claim, Some(books), command)?;
    state.put_life(Life { wallet: WalletState::Claimed, wallet_holder: Some(*holder), ..life });
    Ok(ready.record(state))
}

pub(super) fn hand_over<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<HandOverBody>,
    at: Position<'_>,
) -> Executed<R> {
    let HandOverBody { invoice, holder, to } = &command.body;
    let invoice = blue_invoice(state, invoice, "invoice")?;
    let life = state.life(invoice.entry).map_err(Failure::Unreadable)?.at(at.time);
    free_step(&life, Event::HandOver, "invoice")?;
    in_wallet_of(&life, holder)?;
    if to == holder {
        return refuse(
            Code::LedgerHolderSame,
            "to",
            "this is who has it already; a new holder needs a salt of its own",
        );
    }
    let books = Books::of(state, &invoice.merchant)?;
    let ready = Ready::keyed(at, Kind::HandOver, Some(books), command)?;
    state.put_life(Life { wallet_holder: Some(*to), ..life });
    Ok(ready.record(state))
}

pub(super) fn discard<R: Reader>(state: &mut State<R>, command: &Keyed<DiscardBody>, at: Position<'_>) -> Executed<R> {
    let DiscardBody { invoice, holder } = &command.body;
    let invoice = blue_invoice(state, invoice, "invoice")?;
    let life = state.life(invoice.entry).map_err(Failure::Unreadable)?.at(at.time);
    free_step(&life, Event::Discard, "invoice")?;
    in_wallet_of(&life, holder)?;
    let books = Books::of(state, &invoice.merchant)?;
    let ready = Ready::keyed(at, Kind::Discard, Some(books), command)?;
    state.put_life(Life { wallet: WalletState::Discarded, wallet_holder: None, ..life });
    Ok(ready.record(state))
}

/// Whether the invoice is in this holder's wallet.
pub(super) fn in_wallet_of(life: &Life, holder: &Hash) -> Result<(), Fault> {
    if life.wallet == WalletState::Claimed && life.wallet_holder.as_ref() == Some(holder) {
        return Ok(());
    }
    Err(Fault::new(
        Code::LedgerHolderOther,
        "holder",
        "the invoice is not in this holder's wallet, or the salt is another",
    ))
}
