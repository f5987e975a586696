//! Entries: leaf hash, place in the tree, and the same entry again by executing its command again.

use super::ahead::Ahead;
use super::feed::Feed;
use super::prepare::{Parsed, PreparedEntry};
use super::rows::{as_hash, as_number, as_text};
use super::{Audit, Depth, Source};
use crate::base::Code;
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::ledger::entry::ENTRY_VERSION;
use crate::ledger::execute::{Failure, Outcome, Position, execute};
use crate::ledger::projection::{BLOCKS, ENTRIES};
use crate::ledger::record::RosterRecord;

impl Audit<'_> {
    /// The entries of one block, and the root over all entries up to it.
    pub(super) fn entries<F: Feed>(&mut self, ahead: &mut Ahead<'_, '_, F>, header: &Header) -> Result<(), F::Error> {
        if self.gap {
            return Ok(());
        }
        let mut index = self.edge.size();
        let mut leaves = Vec::new();
        while index < header.size {
            if self.report.ends() {
                return Ok(());
            }
            let Some(entry) = ahead.entry()? else {
                self.missing(index, &format!("entries {index} to {}", header.size.saturating_sub(1)));
                break;
            };
            if entry.row.as_ref().is_some_and(|row| as_number(row.first()) != Some(index)) {
                self.missing(index, "the entry");
                break;
            }
            leaves.push(entry.leaf);
            self.entry(ahead, entry, index, header)?;
            index = index.saturating_add(1);
        }
        self.append(header, &leaves);
        match self.depth {
            Depth::Chain | Depth::All => {
                self.next_roster(ahead, header);
                self.present_states(header);
            }
            Depth::Hashes => {}
        }
        Ok(())
    }

    /// The roster that a header names for the next one must be what the entries so far have made of the founding roster.
    fn next_roster<F: Feed>(&mut self, ahead: &mut Ahead<'_, '_, F>, header: &Header) {
        if header.height == 0
            && let Some(founding) = self.rosters.iter().find(|roster| roster.hash() == header.members)
        {
            self.report.founding_roster = founding.hash().to_string();
            self.state.put_roster(RosterRecord { from_height: 0, roster: founding.clone() });
        }
        let due = match self.state.roster_at(header.height.saturating_add(1)) {
            Ok(due) => due,
            Err(never) => match never {},
        };
        if self.replayable && due.is_none_or(|due| due.roster.hash() != header.next_members) {
            let message = "the entries do not give the roster that the header names for the next one";
            self.report.add(Code::AuditBlockBad, &BLOCKS, header.height, "header", message);
        }
        if self.is_streamed() {
            self.learn_rosters(ahead);
        }
    }

    /// A stream has the founding roster only: the others come of its entries.
    fn learn_rosters<F: Feed>(&mut self, ahead: &mut Ahead<'_, '_, F>) {
        let known = self.rosters.len();
        for record in self.state.tables.rosters.records() {
            if self.rosters.iter().all(|roster| roster.hash() != record.roster.hash()) {
                self.rosters.push(record.roster.clone());
            }
        }
        if self.rosters.len() > known {
            ahead.know(&self.rosters);
        }
    }

    /// Without this entry no root behind it can be rebuilt, so nothing behind it is looked at.
    fn missing(&mut self, index: u64, what: &str) {
        let message = format!("missing: {what}; nothing behind it was compared");
        self.report.add(Code::AuditEntryBad, &ENTRIES, index, "idx", message);
        self.gap = true;
        self.replayable = false;
    }

    fn append(&mut self, header: &Header, leaves: &[Hash]) {
        let tables = !self.is_streamed();
        if !leaves.is_empty() {
            let appended = self.edge.append(leaves);
            for tile in appended.tiles.into_iter().filter(|_| tables) {
                let bytes = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
                self.tiles.insert((tile.id.level, tile.id.index), bytes);
            }
        }
        if self.edge.size() == header.size && self.edge.root() != header.root {
            let message = "the entries give another root: one of them is not what was sealed";
            self.report.add(Code::AuditRootDiffers, &BLOCKS, header.height, "header", message);
        }
    }

    /// Checks one entry.
    fn entry<F: Feed>(
        &mut self,
        ahead: &mut Ahead<'_, '_, F>,
        entry: PreparedEntry,
        index: u64,
        header: &Header,
    ) -> Result<(), F::Error> {
        self.report.entries = self.report.entries.saturating_add(1);
        self.report.line = entry.line;
        let PreparedEntry { row, text: Some(text), leaf, parsed, .. } = entry else {
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", "not UTF-8 text");
            self.replayable = false;
            return Ok(());
        };
        if let Some(row) = &row {
            if as_number(row.get(1)) != Some(header.height) {
                let message = format!("the entry is in block {}", header.height);
                self.report.add(Code::AuditEntryBad, &ENTRIES, index, "height", message);
            }
            if as_hash(row.get(3)) != Some(leaf) {
                let message = format!("LEAF_HASH_MISMATCH: the entry's text hashes to {leaf}");
                self.report.add(Code::AuditLeafDiffers, &ENTRIES, index, "leaf", message);
            }
        }
        match parsed {
            None => {}
            Some(Ok(entry)) => {
                if row.is_some_and(|row| as_text(row.get(2)) != Some(entry.kind.as_str())) {
                    let message = format!("the entry says {}", entry.kind.as_str());
                    self.report.add(Code::AuditEntryBad, &ENTRIES, index, "kind", message);
                }
                self.know_blue_draft(ahead, &entry)?;
                self.replay(entry, text, leaf, index, header);
            }
            Some(Err(why)) => {
                self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", why);
                self.replayable = false;
            }
        }
        Ok(())
    }

    /// A red letter is executed against the blue draft, which stands in an entry further back: too many to keep them all.
    fn know_blue_draft<F: Feed>(&mut self, ahead: &mut Ahead<'_, '_, F>, entry: &Parsed) -> Result<(), F::Error> {
        let Some(id) = &entry.blue else { return Ok(()) };
        let blue = match self.state.invoice(id) {
            Ok(invoice) => invoice,
            Err(never) => match never {},
        };
        if let Some(blue) = blue
            && let Some(draft) = ahead.draft(blue.entry)?
        {
            self.state.know_draft(blue.entry, draft);
        }
        Ok(())
    }

    /// Executes the entry's command again: number, date, balances and text must come out the same.
    fn replay(&mut self, entry: Parsed, text: String, leaf: Hash, index: u64, header: &Header) {
        let command = match entry.command {
            Ok(command) => command,
            Err(faults) => {
                self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", faults.to_string());
                self.replayable = false;
                return;
            }
        };
        if !self.is_streamed() {
            self.note_keys(header.height, index, entry.keys);
        }
        if entry.v < self.version || entry.v > ENTRY_VERSION {
            let message = format!("version {} does not follow version {}", entry.v, self.version);
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", message);
            self.replayable = false;
            return;
        }
        self.version = entry.v;
        let at = Position { chain: &header.chain, height: header.height, index, time: header.time, version: entry.v };
        // Its leaf hash is known, where it is this very text that comes out.
        self.state.expect_entry(text, leaf);
        let outcome = execute(&mut self.state, &command, at);
        let expected = self.state.take_expected();
        let wrong = match outcome {
            Ok(Outcome::Accepted { text: again, .. }) if expected.is_some_and(|(text, _)| text == again) => None,
            Ok(Outcome::Accepted { .. }) => Some("executing it again gives another entry".to_owned()),
            Ok(Outcome::Replayed { entry }) => Some(format!("it repeats entry {entry}")),
            Err(Failure::Refused(faults)) => Some(format!("executing it again is refused: {faults}")),
            Err(Failure::Unreadable(never)) => match never {},
        };
        if let Some(message) = wrong {
            self.report.add(Code::AuditReplayDiffers, &ENTRIES, index, "entry", message);
            self.replayable = false;
        }
        if let Some(id) = entry.issued {
            self.present.note(index, id, leaf);
            self.report.signatures = self.report.signatures.saturating_add(1);
            self.report.invoices = self.report.invoices.saturating_add(1);
        }
    }

    /// Entries beyond the last block.
    pub(super) fn stray_entries<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        for row in source.page(&ENTRIES, self.size, 1)? {
            let index = as_number(row.first()).unwrap_or_default();
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "idx", "the entry is in no block");
        }
        Ok(())
    }
}
