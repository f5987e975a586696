//! Rosters, headers and seals.

use super::ahead::Ahead;
use super::feed::Feed;
use super::prepare::{CheckedSeal, PreparedBlock, check_seals, in_force};
use super::rows::{as_hash, as_number, as_text, show_key};
use super::{Audit, Depth, PAGE_ROWS, Source};
use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::chain::roster::Roster;
use crate::ledger::projection::{BLOCKS, ENTRIES, ROSTERS, Row, SEALS, show};

impl Audit<'_> {
    /// The rosters that the ledger comes with.
    pub(super) fn rosters<F: Feed>(&mut self, ahead: &mut Ahead<'_, '_, F>) -> Result<(), F::Error> {
        for row in ahead.feed().rosters()? {
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
        ahead.know(&self.rosters);
        Ok(())
    }

    /// Every block with its entries, in order.
    pub(super) fn blocks<F: Feed>(
        &mut self,
        ahead: &mut Ahead<'_, '_, F>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), F::Error> {
        let mut previous: Option<Header> = None;
        let mut height = 0u64;
        while !self.report.ends()
            && let Some(mut block) = ahead.block()?
        {
            self.report.line = block.line;
            let found = block.row.as_ref().and_then(|row| as_number(row.first())).unwrap_or(height);
            if found != height {
                let message = format!("block {height} is missing; the next one is {found}");
                self.report.add(Code::AuditBlockBad, &BLOCKS, height, "height", message);
                height = found;
            }
            let framed = self.is_framed(&block, height, previous.as_ref());
            if let Some(header) = self.block(&mut block, height, previous.as_ref()) {
                self.entries(ahead, &header)?;
                previous = Some(header);
            }
            if !framed {
                self.given_up = true;
                self.report.line = None;
                return Ok(());
            }
            self.report.blocks = self.report.blocks.saturating_add(1);
            height = height.saturating_add(1);
            progress(self.report.entries);
        }
        self.report.line = None;
        if self.report.ends() {
            return Ok(());
        }
        if self.report.blocks == 0 {
            self.report.add(Code::AuditBlockBad, &BLOCKS, "0", "", "the ledger has no genesis block");
        }
        self.remembered_end(height);
        if self.is_streamed()
            && !self.gap
            && let Some(stray) = ahead.entry()?
        {
            self.report.line = stray.line;
            self.report.add(Code::AuditEntryBad, &ENTRIES, self.edge.size(), "idx", "the entry is in no block");
            self.report.line = None;
        }
        self.size = previous.map_or(0, |header| header.size);
        Ok(())
    }

    /// Whether a block in a stream has as many entries as its header makes of it: without that nobody can tell what the lines
    /// behind it are. True where there are tables.
    fn is_framed(&mut self, block: &PreparedBlock, height: u64, previous: Option<&Header>) -> bool {
        let Some(entries) = block.entries else { return true };
        let size = block.header.as_ref().map(|header| header.size);
        let framed = size.is_some() && size == previous.map_or(0, |previous| previous.size).checked_add(entries);
        if !framed {
            let message =
                format!("the header does not account for the {entries} entries; nothing behind it was compared");
            self.report.add(Code::AuditStreamBad, &BLOCKS, height, "entries", message);
        }
        framed
    }

    /// A block against the one before, its row and its seals. `None` when the header can't be used.
    fn block(&mut self, block: &mut PreparedBlock, height: u64, previous: Option<&Header>) -> Option<Header> {
        if block.crowded {
            let message = format!("{PAGE_ROWS} seals or more on one block");
            self.report.add(Code::AuditSealBad, &SEALS, height, "", message);
        }
        let Some(header) = block.header.clone() else {
            self.report.add(Code::AuditBlockBad, &BLOCKS, height, "header", "not a header in canonical form");
            return None;
        };
        let hash = block.hash;
        if let Some(row) = &block.row {
            self.columns(row, &header, &hash, height);
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
        match self.depth {
            Depth::Chain | Depth::All => {
                self.roster_in_force(&header, previous);
                self.seals(&header, block);
            }
            Depth::Hashes => {}
        }
        Some(header)
    }

    /// The columns of a row of `blocks` against the header in it.
    fn columns(&mut self, row: &Row, header: &Header, hash: &Hash, height: u64) {
        let columns = [
            ("height", as_number(row.first()) == Some(header.height), header.height.to_string()),
            ("hash", as_hash(row.get(1)) == Some(*hash), hash.to_string()),
            ("prev", as_hash(row.get(2)) == Some(header.prev), header.prev.to_string()),
            ("size", as_number(row.get(3)) == Some(header.size), header.size.to_string()),
        ];
        for (column, holds, right) in columns {
            if !holds {
                let message = format!("the header gives {right}");
                self.report.add(Code::AuditBlockBad, &BLOCKS, height, column, message);
            }
        }
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

    fn seals(&mut self, header: &Header, block: &mut PreparedBlock) {
        let height = header.height;
        let Some(roster) = in_force(&self.rosters, header).cloned() else {
            self.report.add(Code::AuditRosterBad, &ROSTERS, height, "roster", "the header's roster is not stored");
            return;
        };
        if block.under != Some(roster.hash()) {
            check_seals(block, &roster);
        }
        self.named_rosters.extend([header.members, header.next_members]);
        let mut power = 0u128;
        let mut rounds = std::collections::BTreeSet::new();
        for CheckedSeal { key, seal, verdict } in &block.seals {
            let Some(seal) = seal else {
                self.report.add(Code::AuditSealBad, &SEALS, key, "signature", "not a seal");
                continue;
            };
            let (Some(member), Some(verdict)) = (roster.member(&seal.member), verdict) else {
                self.report.add(Code::AuditSealBad, &SEALS, key, "member", "the roster has no such member");
                continue;
            };
            rounds.insert(seal.round);
            match verdict {
                Ok(()) => power = power.saturating_add(u128::from(member.power)),
                Err(why) => {
                    let message = format!("does not verify for this height and round: {why}");
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
    pub(super) fn stray_rosters<S: Source>(&mut self, _source: &mut S) -> Result<(), S::Error> {
        for roster in std::mem::take(&mut self.rosters) {
            let recorded = self.state.rosters.records().any(|record| record.roster.hash() == roster.hash());
            if !recorded && !self.named_rosters.contains(&roster.hash()) {
                let from = roster.from_height();
                self.report.add(Code::AuditRosterBad, &ROSTERS, from, "roster", "no header names this roster");
            }
        }
        Ok(())
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
