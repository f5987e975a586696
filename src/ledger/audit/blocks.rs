//! Rosters, headers and seals.

use super::rows::show_key;
use super::{Audit, PAGE_ROWS, Source};
use crate::base::{Code, Fault};
use crate::chain::hash::{Hash, header_hash};
use crate::chain::header::Header;
use crate::chain::roster::{MemberName, Roster};
use crate::chain::seal::{Seal, SealSignature};
use crate::ledger::projection::{BLOCKS, Cell, ENTRIES, ROSTERS, Row, SEALS, show};

/// A cell as text; `None` when it is NULL or not UTF-8.
pub(super) fn as_text(cell: Option<&Cell>) -> Option<&str> {
    std::str::from_utf8(cell?.as_deref()?).ok()
}

/// A cell as a number; `None` when it is not one.
pub(super) fn as_number(cell: Option<&Cell>) -> Option<u64> {
    as_text(cell)?.parse().ok()
}

/// A cell as a hash; `None` when it has not 32 bytes.
pub(super) fn as_hash(cell: Option<&Cell>) -> Option<Hash> {
    Some(Hash(cell?.as_deref()?.try_into().ok()?))
}

impl Audit<'_> {
    pub(super) fn rosters<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        for row in source.all(&ROSTERS)? {
            let from = show(row.first().unwrap_or(&None));
            let Some(roster) = as_text(row.get(1)).and_then(|text| Roster::from_text(text).ok()) else {
                self.report.add(Code::AuditRosterBad, &ROSTERS, from, "roster", "not a roster in canonical form");
                continue;
            };
            if as_number(row.first()) != Some(roster.from_height()) {
                let message = format!("the roster counts from height {}", roster.from_height());
                self.report.add(Code::AuditRosterBad, &ROSTERS, from, "from_height", message);
                continue;
            }
            self.rosters.push(roster);
        }
        if self.rosters.is_empty() {
            self.report.add(Code::AuditRosterBad, &ROSTERS, "", "", "the ledger has no usable roster");
        }
        Ok(())
    }

    pub(super) fn blocks<S: Source>(
        &mut self,
        source: &mut S,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), S::Error> {
        let total = source.entry_count()?;
        let mut previous: Option<Header> = None;
        let mut height = 0u64;
        loop {
            let page = source.page(&BLOCKS, height, PAGE_ROWS)?;
            let Some(last) = page.last().and_then(|row| as_number(row.first())) else { break };
            // Read the seals of the whole page at once: one query a block would dominate.
            let mut seals = self.seals_between(source, height, last)?;
            for row in page {
                if self.report.ends() {
                    return Ok(());
                }
                let found = as_number(row.first()).unwrap_or(height);
                if found != height {
                    let message = format!("block {height} is missing; the next one is {found}");
                    self.report.add(Code::AuditBlockBad, &BLOCKS, height, "height", message);
                    height = found;
                }
                let own = seals.remove(&height).unwrap_or_default();
                if let Some(header) = self.block(&row, height, previous.as_ref(), own) {
                    self.entries(source, &header)?;
                    previous = Some(header);
                }
                self.report.blocks = self.report.blocks.saturating_add(1);
                height = height.saturating_add(1);
                progress(self.report.entries, total);
            }
        }
        if self.report.blocks == 0 {
            self.report.add(Code::AuditBlockBad, &BLOCKS, "0", "", "the ledger has no genesis block");
        }
        self.remembered_end(height);
        self.stray_entries(source, previous.map_or(0, |header| header.size))
    }

    /// One row of `blocks` against its header text, the block before and the seals. `None` when the header can't be used.
    fn block(&mut self, row: &Row, height: u64, previous: Option<&Header>, seals: Vec<Row>) -> Option<Header> {
        let text = as_text(row.get(4));
        let Some((text, header)) = text.and_then(|text| Some((text, Header::from_text(text).ok()?))) else {
            self.report.add(Code::AuditBlockBad, &BLOCKS, height, "header", "not a header in canonical form");
            return None;
        };
        let hash = header_hash(text);
        let columns = [
            ("height", as_number(row.first()) == Some(header.height), header.height.to_string()),
            ("hash", as_hash(row.get(1)) == Some(hash), hash.to_string()),
            ("prev", as_hash(row.get(2)) == Some(header.prev), header.prev.to_string()),
            ("size", as_number(row.get(3)) == Some(header.size), header.size.to_string()),
        ];
        for (column, holds, right) in columns {
            if !holds {
                let message = format!("the header gives {right}");
                self.report.add(Code::AuditBlockBad, &BLOCKS, height, column, message);
            }
        }
        let linked = match previous {
            Some(previous) => header.follows(previous),
            None if height == 0 => Ok(()),
            None => Err(Fault::new(Code::AuditBlockBad, "", "there is no usable header before it")),
        };
        if let Err(fault) = linked {
            self.report.add(Code::AuditBlockBad, &BLOCKS, height, "header", fault.message);
        }
        self.remembered(&header, &hash);
        self.roster_in_force(&header, previous);
        self.seals(&header, &hash, seals);
        Some(header)
    }

    /// A header against the one of its height that is remembered.
    fn remembered(&mut self, header: &Header, hash: &Hash) {
        if let Some(checkpoint) = self.trust.checkpoint
            && checkpoint.height() == header.height
            && checkpoint.hash != *hash
        {
            let message = format!("another block of this height is remembered, {}", checkpoint.hash);
            self.report.add(Code::AuditCheckpointDiffers, &BLOCKS, header.height, "header", message);
        }
    }

    /// The end of the ledger against the block that is remembered.
    fn remembered_end(&mut self, end: u64) {
        if let Some(checkpoint) = self.trust.checkpoint
            && checkpoint.height() >= end
        {
            let message = format!(
                "the ledger ends before this block, which is remembered: header {}, {} entries",
                checkpoint.hash, checkpoint.header.size
            );
            self.report.add(Code::AuditCheckpointDiffers, &BLOCKS, checkpoint.height(), "height", message);
        }
    }

    /// The table of rosters against a header: a roster is named by exactly the headers from its height to the next roster's. That the
    /// header before had announced it is what [`Header::follows`] looks at.
    fn roster_in_force(&mut self, header: &Header, previous: Option<&Header>) {
        let height = header.height;
        if let Some(due) = self.rosters.iter().find(|roster| roster.from_height() == height)
            && due.hash() != header.members
        {
            let message = format!("header {height} is sealed under another roster, {}", header.members);
            self.report.add(Code::AuditRosterBad, &ROSTERS, height, "roster", message);
        }
        let begins = previous.map_or(height == 0, |previous| previous.members != header.members);
        // Where headers are missing in between, it may have begun with any of them.
        let earliest = previous.and_then(|previous| previous.height.checked_add(1)).unwrap_or(height);
        let named = self.rosters.iter().find(|roster| roster.hash() == header.members).map(Roster::from_height);
        if let Some(from) = named.filter(|from| begins && !(earliest..=height).contains(from)) {
            let message = format!("the headers name this roster from height {height} on");
            self.report.add(Code::AuditRosterBad, &ROSTERS, from, "from_height", message);
        }
    }

    /// Whether a roster is trusted: one that was given as such, or one that a header sealed under a trusted one has named. Said
    /// once of each that is not.
    fn trust(&mut self, roster: &Roster, header: &Header) {
        let trusted = self.trust.rosters.is_empty()
            || self.vouched_rosters.contains(&roster.hash())
            || self.trust.rosters.iter().any(|known| known.hash() == roster.hash());
        if trusted {
            self.vouched_rosters.insert(header.next_members);
        } else if self.distrusted_rosters.insert(roster.hash()) {
            let message = "this roster is neither among the trusted ones nor named under one of them";
            self.report.add(Code::AuditRosterBad, &ROSTERS, roster.from_height(), "roster", message);
        }
    }

    fn seals_between<S: Source>(
        &mut self,
        source: &mut S,
        from: u64,
        to: u64,
    ) -> Result<std::collections::BTreeMap<u64, Vec<Row>>, S::Error> {
        let mut by_height: std::collections::BTreeMap<u64, Vec<Row>> = std::collections::BTreeMap::new();
        let mut next = from;
        while next <= to {
            let page = source.page(&SEALS, next, PAGE_ROWS)?;
            let full = page.len() >= PAGE_ROWS;
            let Some(last) = page.last().and_then(|row| as_number(row.first())) else { break };
            // The last height of a full page may be cut: leave it for the next page.
            let complete = if full { last.saturating_sub(1) } else { last };
            if complete < next {
                // One height fills a page by itself: no roster has that many members. What is there is looked at, the rest is not.
                let message = format!("{PAGE_ROWS} seals or more on one block");
                self.report.add(Code::AuditSealBad, &SEALS, next, "", message);
                by_height.insert(next, page);
                next = next.saturating_add(1);
                continue;
            }
            for row in page {
                match as_number(row.first()) {
                    Some(height) if height <= complete && height <= to => {
                        by_height.entry(height).or_default().push(row)
                    }
                    Some(_) | None => {}
                }
            }
            if !full {
                break;
            }
            next = complete.saturating_add(1);
        }
        Ok(by_height)
    }

    fn seals(&mut self, header: &Header, hash: &Hash, rows: Vec<Row>) {
        let height = header.height;
        let in_force = |roster: &&Roster| {
            roster.hash() == header.members && *roster.chain() == header.chain && roster.from_height() <= height
        };
        let Some(roster) = self.rosters.iter().find(in_force).cloned() else {
            self.report.add(Code::AuditRosterBad, &ROSTERS, height, "roster", "the header's roster is not stored");
            return;
        };
        self.named_rosters.extend([header.members, header.next_members]);
        let mut power = 0u128;
        let mut rounds = std::collections::BTreeSet::new();
        for row in &rows {
            let key = show_key(row.get(..2).unwrap_or(&[]));
            let Some(seal) = read_seal(row) else {
                self.report.add(Code::AuditSealBad, &SEALS, key, "signature", "not a seal");
                continue;
            };
            let Some(member) = roster.member(&seal.member) else {
                self.report.add(Code::AuditSealBad, &SEALS, key, "member", "the roster has no such member");
                continue;
            };
            rounds.insert(seal.round);
            match seal.verify(&header.chain, height, hash, &member.key) {
                Ok(()) => power = power.saturating_add(u128::from(member.power)),
                Err(fault) => {
                    let message = format!("does not verify for this height and round: {}", fault.message);
                    self.report.add(Code::AuditSealBad, &SEALS, key, "signature", message);
                }
            }
            self.report.seals = self.report.seals.saturating_add(1);
        }
        if rounds.len() > 1 {
            let message = "votes of different rounds do not add up";
            self.report.add(Code::AuditSealBad, &SEALS, height, "round", message);
        }
        if roster.quorum_reached(power) {
            self.trust(&roster, header);
        } else {
            let message = "the seals do not hold more than two thirds of the voting power";
            self.report.add(Code::AuditSealBad, &SEALS, height, "", message);
        }
    }

    /// Rows with a negative number: reading from 0 on would never see them.
    pub(super) fn below_zero<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        for (table, code) in
            [(&BLOCKS, Code::AuditBlockBad), (&SEALS, Code::AuditSealBad), (&ENTRIES, Code::AuditEntryBad)]
        {
            for row in source.below_zero(table, PAGE_ROWS)? {
                let key = show_key(row.get(..table.key).unwrap_or(&[]));
                let column = table.columns.first().map_or("", |(name, _)| *name);
                self.report.add(code, table, key, column, "no height and no index is negative");
            }
        }
        Ok(())
    }

    /// Rosters that no header names: whoever added one wants it to be believed.
    pub(super) fn stray_rosters(&mut self) {
        for roster in std::mem::take(&mut self.rosters) {
            let recorded = self.state.rosters.records().any(|record| record.roster.hash() == roster.hash());
            if !recorded && !self.named_rosters.contains(&roster.hash()) {
                let from = roster.from_height();
                self.report.add(Code::AuditRosterBad, &ROSTERS, from, "roster", "no header names this roster");
            }
        }
    }

    /// Seals of heights that have no block.
    pub(super) fn stray_seals<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        for row in source.page(&SEALS, self.report.blocks, 1)? {
            let key = show_key(row.get(..2).unwrap_or(&[]));
            self.report.add(Code::AuditSealBad, &SEALS, key, "height", "there is no block of this height");
            let height = show(row.first().unwrap_or(&None));
            self.report.add(
                Code::AuditBlockBad,
                &BLOCKS,
                height,
                "height",
                "there are seals of a block that is missing",
            );
        }
        Ok(())
    }
}

fn read_seal(row: &Row) -> Option<Seal> {
    let member = MemberName::try_from(as_text(row.get(1))?.to_owned()).ok()?;
    let round = u32::try_from(as_number(row.get(2))?).ok()?;
    let signature = row.get(3)?.as_deref()?.try_into().ok()?;
    Some(Seal { member, round, signature: SealSignature(signature) })
}
