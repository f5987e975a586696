//! `states`: the table of an invoice's states, printed from the code that decides.

use super::Done;
use crate::base::Faults;
use crate::ledger::life::table;

const LEGEND: &str = "\
A row is a state, a column what is to happen; a cell says where it leads.
stays    the state stays as it is
holder:  only if the holder asks, with the fence of its hold and the salt of its commitment
agreed:  only once both sides have agreed on a confirmation sheet
-        can't happen
A lock whose lease has ended by block time counts as not there: locked is open, settled_locked is settled.
Only an invoice that draws on no payment can be pledged. It can be claimed into a wallet once.";

/// Runs it.
#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub fn states() -> Result<Done, Faults> {
    println!("{}\n{LEGEND}", table());
    Ok(Done::Well)
}
