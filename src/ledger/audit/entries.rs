//! Entries: leaf hash, place in the tree, and the same entry again by executing its command again.

use super::blocks::{as_hash, as_number, as_text};
use super::{Audit, PAGE_ROWS, Source};
use crate::base::Code;
use crate::chain::hash::{self, Hash};
use crate::chain::header::Header;
use crate::ledger::entry::{ENTRY_VERSION, Entry};
use crate::ledger::execute::{Failure, Outcome, Position, execute};
use crate::ledger::lookup::keys_of;
use crate::ledger::projection::{BLOCKS, ENTRIES, Row};
use crate::ledger::record::RosterRecord;

impl Audit<'_> {
    /// The entries of one block, and the root over all entries up to it.
    pub(super) fn entries<S: Source>(&mut self, source: &mut S, header: &Header) -> Result<(), S::Error> {
        if self.gap {
            return Ok(());
        }
        let mut index = self.edge.size();
        let mut leaves = Vec::new();
        'block: while index < header.size {
            let wanted = usize::try_from(header.size.saturating_sub(index)).unwrap_or(PAGE_ROWS).min(PAGE_ROWS);
            let page = source.page(&ENTRIES, index, wanted)?;
            if page.is_empty() {
                self.missing(index, &format!("entries {index} to {}", header.size.saturating_sub(1)));
                break;
            }
            for row in page {
                if as_number(row.first()) != Some(index) {
                    self.missing(index, "the entry");
                    break 'block;
                }
                leaves.push(self.entry(source, &row, index, header)?);
                index = index.saturating_add(1);
                if index >= header.size {
                    break;
                }
            }
        }
        self.append(header, &leaves);
        self.next_roster(header);
        Ok(())
    }

    /// The roster that a header names for the next one must be what the entries so far have made of the founding roster.
    fn next_roster(&mut self, header: &Header) {
        if header.height == 0
            && let Some(founding) = self.rosters.iter().find(|roster| roster.hash() == header.members)
        {
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
    }

    /// Without this entry no root behind it can be rebuilt, so nothing behind it is looked at.
    fn missing(&mut self, index: u64, what: &str) {
        let message = format!("missing: {what}; nothing behind it was compared");
        self.report.add(Code::AuditEntryBad, &ENTRIES, index, "idx", message);
        self.gap = true;
        self.replayable = false;
    }

    fn append(&mut self, header: &Header, leaves: &[Hash]) {
        if !leaves.is_empty() {
            let appended = self.edge.append(leaves);
            for tile in appended.tiles {
                let bytes = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
                self.tiles.insert((tile.id.level, tile.id.index), bytes);
            }
        }
        if self.edge.size() == header.size && self.edge.root() != header.root {
            let message = "the entries give another root: one of them is not what was sealed";
            self.report.add(Code::AuditRootDiffers, &BLOCKS, header.height, "header", message);
        }
    }

    /// Checks one row and gives the leaf hash of its text.
    fn entry<S: Source>(&mut self, source: &mut S, row: &Row, index: u64, header: &Header) -> Result<Hash, S::Error> {
        self.report.entries = self.report.entries.saturating_add(1);
        let Some(text) = as_text(row.get(4)) else {
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", "not UTF-8 text");
            self.replayable = false;
            return Ok(Hash::ZERO);
        };
        let leaf = hash::leaf_hash(text);
        if as_number(row.get(1)) != Some(header.height) {
            let message = format!("the entry is in block {}", header.height);
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "height", message);
        }
        if as_hash(row.get(3)) != Some(leaf) {
            let message = format!("LEAF_HASH_MISMATCH: the entry's text hashes to {leaf}");
            self.report.add(Code::AuditLeafDiffers, &ENTRIES, index, "leaf", message);
        }
        match Entry::parse(text) {
            Ok(entry) => {
                if as_text(row.get(2)) != Some(entry.kind.as_str()) {
                    let message = format!("the entry says {}", entry.kind.as_str());
                    self.report.add(Code::AuditEntryBad, &ENTRIES, index, "kind", message);
                }
                self.know_blue_draft(source, &entry)?;
                self.replay(&entry, text, index, header);
            }
            Err(fault) => {
                self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", fault.message);
                self.replayable = false;
            }
        }
        Ok(leaf)
    }

    /// A red letter is executed against the blue draft, which stands in an entry further back: too many to keep them all.
    fn know_blue_draft<S: Source>(&mut self, source: &mut S, entry: &Entry) -> Result<(), S::Error> {
        let Some(id) = entry.blue_invoice() else { return Ok(()) };
        let blue = match self.state.invoice(&id) {
            Ok(invoice) => invoice,
            Err(never) => match never {},
        };
        let Some(blue) = blue else { return Ok(()) };
        let page = source.page(&ENTRIES, blue.entry, 1)?;
        let text =
            page.first().filter(|row| as_number(row.first()) == Some(blue.entry)).and_then(|row| as_text(row.get(4)));
        if let Some(draft) = text.and_then(|text| Entry::parse(text).ok()).and_then(|entry| entry.draft) {
            self.state.know_draft(blue.entry, draft);
        }
        Ok(())
    }

    /// Executes the entry's command again: number, date, balances and text must come out the same.
    fn replay(&mut self, entry: &Entry, text: &str, index: u64, header: &Header) {
        let command = match entry.command() {
            Ok(command) => command,
            Err(faults) => {
                self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", faults.to_string());
                self.replayable = false;
                return;
            }
        };
        self.note_keys(header.height, index, keys_of(&command));
        if entry.v < self.version || entry.v > ENTRY_VERSION {
            let message = format!("version {} does not follow version {}", entry.v, self.version);
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "entry", message);
            self.replayable = false;
            return;
        }
        self.version = entry.v;
        let at = Position { chain: &header.chain, height: header.height, index, time: header.time, version: entry.v };
        let wrong = match execute(&mut self.state, &command, at) {
            Ok(Outcome::Accepted { text: again, .. }) if again == text => None,
            Ok(Outcome::Accepted { .. }) => Some("executing it again gives another entry".to_owned()),
            Ok(Outcome::Replayed { entry }) => Some(format!("it repeats entry {entry}")),
            Err(Failure::Refused(faults)) => Some(format!("executing it again is refused: {faults}")),
            Err(Failure::Unreadable(never)) => match never {},
        };
        if let Some(message) = wrong {
            self.report.add(Code::AuditReplayDiffers, &ENTRIES, index, "entry", message);
            self.replayable = false;
        }
        if entry.draft.is_some() {
            self.report.signatures = self.report.signatures.saturating_add(1);
            self.report.invoices = self.report.invoices.saturating_add(1);
        }
    }

    /// Entries beyond the last block.
    pub(super) fn stray_entries<S: Source>(&mut self, source: &mut S, size: u64) -> Result<(), S::Error> {
        for row in source.page(&ENTRIES, size, 1)? {
            let index = as_number(row.first()).unwrap_or_default();
            self.report.add(Code::AuditEntryBad, &ENTRIES, index, "idx", "the entry is in no block");
        }
        Ok(())
    }
}
