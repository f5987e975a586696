//! The close of a day: nothing more can be issued on it, so its figures are final.

use super::{Books, Executed, Failure, Position, Ready, known_merchant, refuse};
use crate::base::{Code, LegalDate};
use crate::ledger::command::{CloseDayBody, Keyed};
use crate::ledger::day::{Day, DayClosed};
use crate::ledger::entry::Kind;
use crate::ledger::state::{Reader, State};

pub(super) fn close<R: Reader>(state: &mut State<R>, command: &Keyed<CloseDayBody>, at: Position<'_>) -> Executed<R> {
    let CloseDayBody { merchant, date } = &command.body;
    known_merchant(state, merchant, "merchant")?;
    let today = LegalDate::of(at.time)?;
    if *date >= today {
        let message = format!("{date} is not over: the block's legal date is {today}");
        return refuse(Code::LedgerDayNotOver, "date", message);
    }
    let known = state.day(merchant, *date).map_err(Failure::Unreadable)?;
    let day = known.map_or_else(|| Day::new(merchant.clone(), *date), |day| (*day).clone());
    if let Some(closed) = day.closed {
        return refuse(Code::LedgerDayClosed, "date", format!("entry {closed} has closed this day already"));
    }
    let books = Books::of(state, merchant)?;
    let body = DayClosed {
        merchant: merchant.clone(),
        date: *date,
        figures: day.figures.clone(),
        entries: books.0.seq,
        running: books.0.running,
    };
    let ready = Ready::framed(at, Kind::CloseDay, Some(books), Some(command.asked()), &body)?;
    state.put_day(Day { closed: Some(at.index), ..day });
    Ok(ready.record(state))
}
