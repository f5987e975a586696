//! The confirmation sheet: opened by the seller or the buyer's side, agreed to or refused by the other, used once.

use std::sync::Arc;

use super::hold::{Hold, is_of};
use super::reverse::{Takeable, event_of};
use super::wallet::in_wallet_of;
use super::{Books, Executed, Failure, Position, Ready, blue_invoice, refuse};
use crate::base::{Code, Fault, UnixMs};
use crate::chain::hash::Hash;
use crate::ledger::command::{AnswerConfirmationBody, Answering, Keyed, OpenConfirmationBody, Side};
use crate::ledger::confirmation::{ANSWER_MS_MAX, Confirmation, SheetState};
use crate::ledger::entry::Kind;
use crate::ledger::life::{Life, Step, step};
use crate::ledger::record::Invoice;
use crate::ledger::state::{Reader, State};

pub(super) fn open<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<OpenConfirmationBody>,
    at: Position<'_>,
) -> Executed<R> {
    let OpenConfirmationBody { invoice: id, by, asked } = &command.body;
    let invoice = blue_invoice(state, id, "invoice")?;
    let life = state.life(invoice.entry).map_err(Failure::Unreadable)?.at(at.time);
    let opener = Opener::of(&life, &invoice, by)?;
    let before = match life.confirmation {
        None => None,
        Some(live) => state.confirmation(live).map_err(Failure::Unreadable)?.filter(|sheet| sheet.is_live_at(at.time)),
    };
    let takeable = Takeable::of(state, &invoice)?;
    let after = takeable.after(&takeable.red(*id, asked)?)?;
    let step = step(life.state, event_of(&after));
    if let Some(live) = before.as_ref().filter(|sheet| is_of_use(sheet, &life, step)) {
        let message = format!("sheet {} is open for this invoice", live.entry);
        return refuse(Code::LedgerConfirmationOpen, "invoice", message);
    }
    let sheet_state = match (step, &opener.buyer) {
        (Step::Refused, _) => {
            return refuse(Code::LedgerLifeState, "invoice", format!("the invoice is {}", life.state.as_str()));
        }
        (Step::To(_), None) => SheetState::NotNeeded,
        (Step::Agreed(_) | Step::ByHolder(_), None) => SheetState::BuyerToConfirm,
        (Step::To(_) | Step::Agreed(_) | Step::ByHolder(_), Some(_)) => SheetState::SellerToConfirm,
    };
    let until = at.time.0.checked_add(ANSWER_MS_MAX).map(UnixMs);
    let Some(until) = until else { return refuse(Code::ClockOutOfRange, "", "there is no time left to answer") };
    let books = Books::of(state, &invoice.merchant)?;
    let ready = Ready::keyed(at, Kind::OpenConfirmation, Some(books), command)?;
    if let Some(before) = before {
        let state_after = match before.state {
            SheetState::Confirmed => SheetState::WithdrawnAfterwards,
            SheetState::NotNeeded
            | SheetState::BuyerToConfirm
            | SheetState::SellerToConfirm
            | SheetState::BuyerRefused
            | SheetState::SellerRefused
            | SheetState::TimedOut
            | SheetState::Withdrawn
            | SheetState::WithdrawnAfterwards => SheetState::Withdrawn,
        };
        state.put_confirmation(Confirmation { state: state_after, ..(*before).clone() });
    }
    state.put_confirmation(Confirmation {
        entry: at.index,
        invoice: invoice.entry,
        merchant: invoice.merchant.clone(),
        by_seller: opener.buyer.is_none(),
        buyer: opener.buyer,
        asked: asked.clone(),
        state: sheet_state,
        fence: opener.fence,
        opened_at: at.time,
        until,
        red: None,
    });
    state.put_life(Life { confirmation: Some(at.index), ..life });
    Ok(ready.record(state))
}

/// Whether a red letter may still come of a live sheet as the invoice stands now. One of which none can come, since the hold that it was
/// agreed or opened under has ended, or since who asked holds nothing, gives way to the next: it must not block the invoice.
fn is_of_use(sheet: &Confirmation, life: &Life, step: Step) -> bool {
    let free = matches!(step, Step::To(_));
    match sheet.state {
        SheetState::NotNeeded => free,
        // Whoever holds the invoice when it answers agrees for its own hold.
        SheetState::BuyerToConfirm => !free,
        SheetState::SellerToConfirm | SheetState::Confirmed => free || sheet.fence == life.fence,
        SheetState::BuyerRefused
        | SheetState::SellerRefused
        | SheetState::TimedOut
        | SheetState::Withdrawn
        | SheetState::WithdrawnAfterwards => false,
    }
}

/// Who opens a sheet, and under which hold.
struct Opener {
    buyer: Option<Hash>,
    fence: u64,
}

impl Opener {
    fn of(life: &Life, invoice: &Invoice, by: &Side) -> Result<Self, Fault> {
        match by {
            Side::Seller { merchant } if *merchant == invoice.merchant => Ok(Self { buyer: None, fence: life.fence }),
            Side::Seller { .. } => {
                Err(Fault::new(Code::LedgerInvoiceUnknown, "invoice", "no such invoice of this merchant was issued"))
            }
            Side::Buyer { holder, fence: Some(fence) } => {
                is_of(life, Hold { holder, fence: *fence }, "by")?;
                Ok(Self { buyer: Some(*holder), fence: *fence })
            }
            // A wallet's holder can ask, but not agree on behalf of who holds the invoice: no fence is ever 0.
            Side::Buyer { holder, fence: None } => {
                in_wallet_of(life, holder)?;
                Ok(Self { buyer: Some(*holder), fence: 0 })
            }
        }
    }
}

/// Where an answer leads from a state, by who opened the sheet and who answers; `None` where it is not theirs to give.
fn answered(state: SheetState, action: Answering, opened_by_seller: bool, seller_answers: bool) -> Option<SheetState> {
    use SheetState::{
        BuyerRefused, BuyerToConfirm, Confirmed, NotNeeded, SellerRefused, SellerToConfirm, TimedOut, Withdrawn,
        WithdrawnAfterwards,
    };
    let own = opened_by_seller == seller_answers;
    match (state, action) {
        (BuyerToConfirm, Answering::Agree) if !seller_answers => Some(Confirmed),
        (BuyerToConfirm, Answering::Refuse) if !seller_answers => Some(BuyerRefused),
        (SellerToConfirm, Answering::Agree) if seller_answers => Some(Confirmed),
        (SellerToConfirm, Answering::Refuse) if seller_answers => Some(SellerRefused),
        (NotNeeded | BuyerToConfirm | SellerToConfirm, Answering::Withdraw) if own => Some(Withdrawn),
        (Confirmed, Answering::Withdraw) if own => Some(WithdrawnAfterwards),
        (
            NotNeeded | BuyerToConfirm | SellerToConfirm | Confirmed | BuyerRefused | SellerRefused | TimedOut
            | Withdrawn | WithdrawnAfterwards,
            Answering::Agree | Answering::Refuse | Answering::Withdraw,
        ) => None,
    }
}

pub(super) fn answer<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<AnswerConfirmationBody>,
    at: Position<'_>,
) -> Executed<R> {
    let AnswerConfirmationBody { confirmation, action, by } = &command.body;
    let Some(sheet) = state.confirmation(*confirmation).map_err(Failure::Unreadable)? else {
        return refuse(Code::LedgerConfirmationUnknown, "confirmation", "there is no such sheet");
    };
    let life = state.life(sheet.invoice).map_err(Failure::Unreadable)?.at(at.time);
    let (buyer, fence) = answering_side(&sheet, &life, *action, by)?;
    let stands = sheet.state_at(at.time);
    let seller_answers = matches!(by, Side::Seller { .. });
    let next = answered(stands, *action, sheet.by_seller, seller_answers).filter(|_| sheet.red.is_none());
    let Some(next) = next else {
        let message =
            format!("the sheet is in state {}{}", stands.as_str(), if sheet.red.is_some() { ", used" } else { "" });
        return refuse(Code::LedgerConfirmationState, "action", message);
    };
    let books = Books::of(state, &sheet.merchant)?;
    let ready = Ready::keyed(at, Kind::AnswerConfirmation, Some(books), command)?;
    state.put_confirmation(Confirmation { state: next, buyer, fence, ..(*sheet).clone() });
    if !next.is_live() && life.confirmation == Some(sheet.entry) {
        state.put_life(Life { confirmation: None, ..life });
    }
    Ok(ready.record(state))
}

/// Checks that the answer comes from a side of this sheet; gives the buyer and the fence that the sheet stands under from now on.
fn answering_side<E>(
    sheet: &Arc<Confirmation>,
    life: &Life,
    action: Answering,
    by: &Side,
) -> Result<(Option<Hash>, u64), Failure<E>> {
    match by {
        Side::Seller { merchant } if *merchant == sheet.merchant => Ok((sheet.buyer, sheet.fence)),
        // Whose sheet it is is nobody else's business.
        Side::Seller { .. } => refuse(Code::LedgerConfirmationUnknown, "confirmation", "there is no such sheet"),
        Side::Buyer { holder, .. } if action == Answering::Withdraw => {
            if sheet.buyer == Some(*holder) && !sheet.by_seller {
                return Ok((sheet.buyer, sheet.fence));
            }
            refuse(Code::LedgerHolderOther, "by", "only who opened the sheet can take it back")
        }
        Side::Buyer { holder, fence: Some(fence) } => {
            is_of(life, Hold { holder, fence: *fence }, "by")?;
            Ok((Some(*holder), *fence))
        }
        Side::Buyer { fence: None, .. } => {
            refuse(Code::LedgerFenceStale, "by.fence", "who holds the invoice answers with the fence of the hold")
        }
    }
}
