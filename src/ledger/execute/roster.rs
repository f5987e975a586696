//! The consortium's own entries: its roster changes, and its ledger goes on from an older copy.

use super::{Executed, Failure, Position, Ready, reason_in_range, refuse};
use crate::base::Code;
use crate::chain::roster::Roster;
use crate::chain::roster_change::{change_text, check_change, next_roster};
use crate::ledger::command::{ChangeRosterBody, Keyed, RestoredBody};
use crate::ledger::entry::Kind;
use crate::ledger::record::RosterRecord;
use crate::ledger::state::{Reader, State};

/// A roster follows the last one that is scheduled, and seals from a later height on.
pub(super) fn change<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<ChangeRosterBody>,
    at: Position<'_>,
) -> Executed<R> {
    let ChangeRosterBody { change, from, roster, signatures } = &command.body;
    let Some(last) = state.roster_at(u64::MAX).map_err(Failure::Unreadable)? else {
        return refuse(Code::LedgerRosterUnknown, "", "the chain has no roster yet");
    };
    if *from <= at.height || *from <= last.from_height {
        let earliest = at.height.max(last.from_height).saturating_add(1);
        let message = format!("a roster seals from block {earliest} on at the earliest");
        return refuse(Code::LedgerHeightPast, "from", message);
    }
    let new = Roster::from_text(roster)?;
    if next_roster(&last.roster, change, *from)? != new {
        return refuse(Code::LedgerRosterOther, "roster", "the roster is not what this change makes of the last one");
    }
    check_change(&last.roster, &new, &change_text(&last.roster, &new, change)?, signatures)?;
    let ready = Ready::keyed(at, Kind::ChangeRoster, None, command)?;
    state.put_roster(RosterRecord { from_height: *from, roster: new });
    Ok(ready.record(state))
}

/// Says openly that blocks above the tip are lost: what was signed of them can be shown by whoever kept it.
pub(super) fn restored<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<RestoredBody>,
    at: Position<'_>,
) -> Executed<R> {
    let RestoredBody { reason, remembered, tip } = &command.body;
    reason_in_range(reason)?;
    if tip.height.checked_add(1) != Some(at.height) {
        return refuse(
            Code::LedgerHeightPast,
            "tip",
            format!("the ledger goes on from block {}", at.height.saturating_sub(1)),
        );
    }
    // Another history may be longer than the one that is remembered: only the very same end is no loss.
    if remembered == tip {
        return refuse(Code::LedgerNotRestored, "remembered", "the ledger ends with the very block that is remembered");
    }
    let ready = Ready::keyed(at, Kind::Restored, None, command)?;
    Ok(ready.record(state))
}
