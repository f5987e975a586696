//! The projections made anew by executing every entry again: after a migration that made new ones, and whenever they are in doubt.

use diesel::connection::SimpleConnection as _;
use diesel::dsl::exists;
use diesel::prelude::*;

use super::connection::Conn;
use super::error::StoreError;
use super::reader::StoredEntry;
use super::schema::{entries, issuers, merchants, rules};
use super::state::parsed;
use super::tx::Tx;
use crate::chain::header::Header;
use crate::ledger::entry::{Entry, Kind};
use crate::ledger::execute::{Failure, Outcome, Position, execute};
use crate::ledger::projection::PROJECTIONS;
use crate::ledger::record::RosterRecord;
use crate::ledger::state::{Nothing, State, Tables};

/// Entries read at a time.
const REBUILD_ENTRIES: usize = 2_000;

/// Whether the ledger is older than its projections, or filling them was cut short: what belongs into them no SQL can compute. Each
/// merchant has had an issuer key from its registration on; where there is no merchant, only rules can have a row.
pub(super) fn projections_missing(conn: &mut Conn) -> Result<bool, StoreError> {
    let any_issuer: bool = diesel::select(exists(issuers::table.select(issuers::address))).get_result(conn)?;
    let any_merchant: bool = diesel::select(exists(merchants::table.select(merchants::id))).get_result(conn)?;
    if any_issuer || any_merchant {
        return Ok(!any_issuer);
    }
    let any_rules: bool = diesel::select(exists(rules::table.select(rules::scope))).get_result(conn)?;
    let set = entries::table.filter(entries::kind.eq(Kind::SetRules.as_str()));
    Ok(!any_rules && diesel::select(exists(set.select(entries::idx))).get_result(conn)?)
}

fn corrupt(index: u64, what: impl ToString) -> StoreError {
    StoreError::Corrupt { table: "entries", key: index.to_string(), what: what.to_string() }
}

fn known<T>(read: Result<T, std::convert::Infallible>) -> T {
    match read {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Tx<'_> {
    /// Makes every projection anew from the entries; holds all of it in memory meanwhile, as an audit does. MUST NOT be called while a
    /// sequencer is at work on the ledger.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for an entry that executing does not give again: then nothing may be written.
    pub fn rebuild_projections(&mut self) -> Result<(), StoreError> {
        self.take_your_time()?;
        let tables = self.execute_all()?;
        for table in PROJECTIONS {
            self.conn.batch_execute(&format!("DELETE FROM {}", table.name))?;
        }
        self.put_projections(&tables)
    }

    /// Everything that the entries give.
    fn execute_all(&mut self) -> Result<Tables, StoreError> {
        let mut state = State::<Nothing>::default();
        if let Some(founding) = self.rosters()?.into_iter().next() {
            state.put_roster(RosterRecord { from_height: founding.from_height(), roster: founding });
        }
        let mut header: Option<Header> = None;
        let mut next = 0;
        loop {
            let page = self.entries_from(next, REBUILD_ENTRIES)?;
            let Some(last) = page.last() else { break };
            next = last.index.saturating_add(1);
            for stored in &page {
                if header.as_ref().is_none_or(|header| header.height != stored.height) {
                    header = Some(self.header(stored.height)?);
                }
                if let Some(header) = &header {
                    self.execute_again(&mut state, stored, header)?;
                }
            }
        }
        Ok(state.into_tables())
    }

    fn header(&mut self, height: u64) -> Result<Header, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt { table: "blocks", key: height.to_string(), what };
        let block = self.block(height)?.ok_or_else(|| corrupt("missing, though it has entries".to_owned()))?;
        Header::from_text(&block.header).map_err(|fault| corrupt(fault.to_string()))
    }

    fn execute_again(
        &mut self,
        state: &mut State<Nothing>,
        stored: &StoredEntry,
        header: &Header,
    ) -> Result<(), StoreError> {
        let index = stored.index;
        let entry = parsed(stored)?;
        self.know_blue_draft(state, &entry)?;
        let command = entry.command().map_err(|faults| corrupt(index, faults))?;
        let at = Position { chain: &header.chain, height: header.height, index, time: header.time, version: entry.v };
        match execute(state, &command, at) {
            Ok(Outcome::Accepted { text, .. }) if text == stored.text => Ok(()),
            Ok(Outcome::Accepted { .. }) => Err(corrupt(index, "executing it again gives another entry")),
            Ok(Outcome::Replayed { entry }) => Err(corrupt(index, format!("it repeats entry {entry}"))),
            Err(Failure::Refused(faults)) => Err(corrupt(index, format!("executing it again is refused: {faults}"))),
            Err(Failure::Unreadable(never)) => match never {},
        }
    }

    /// A red letter is executed against the blue draft, which stands in an entry further back.
    fn know_blue_draft(&mut self, state: &mut State<Nothing>, entry: &Entry) -> Result<(), StoreError> {
        let Some(id) = entry.blue_invoice() else { return Ok(()) };
        let Some(blue) = known(state.invoice(&id)) else { return Ok(()) };
        if let Some(stored) = self.entry(blue.entry)?
            && let Some(draft) = parsed(&stored)?.draft
        {
            state.know_draft(blue.entry, draft);
        }
        Ok(())
    }
}
