//! Blocks with their entries, in order: what a ledger stream is made of.

use diesel::prelude::*;

use super::error::StoreError;
use super::reader::{Block, Reader, StoredEntry};
use super::rows::{BlockRow, column, corrupt, unsigned};
use super::schema::blocks;

/// Entries from which on a run of blocks is long enough: some hundred KiB.
const RUN_ENTRIES: usize = 512;

/// Blocks of a run at most, since some have few entries.
const RUN_BLOCKS: i64 = 128;

/// A block with all its entries.
#[derive(Debug)]
pub struct FilledBlock {
    /// The block.
    pub block: Block,
    /// Its entries, by index.
    pub entries: Vec<StoredEntry>,
}

impl Reader<'_> {
    /// Blocks from one height on up to and with another, with their entries: as many as fit a piece of some hundred KiB, at least
    /// one if there is one.
    ///
    /// # Errors
    /// [`StoreError`], also where an entry of a sealed block is missing.
    pub fn filled_blocks(&mut self, from: u64, upto: u64) -> Result<Vec<FilledBlock>, StoreError> {
        let between = blocks::height.between(column(from), column(upto));
        let rows: Vec<BlockRow> =
            blocks::table.filter(between).order(blocks::height).limit(RUN_BLOCKS).load(self.conn)?;
        let mut first = match from.checked_sub(1) {
            Some(before) => self.block(before)?.map_or(0, |block| block.size),
            None => 0,
        };
        let (mut filled, mut taken) = (Vec::new(), 0usize);
        for row in rows {
            let (height, size) = (row.height, unsigned("blocks", row.height, row.size)?);
            let count = usize::try_from(size.saturating_sub(first)).unwrap_or(usize::MAX);
            if taken > 0 && taken.saturating_add(count) > RUN_ENTRIES {
                break;
            }
            let entries = if count == 0 { Vec::new() } else { self.entries_from(first, count)? };
            if entries.len() != count {
                return Err(corrupt("blocks", height, "an entry below its size is missing; run `piaolian audit`"));
            }
            taken = taken.saturating_add(count);
            first = size;
            filled.push(FilledBlock { block: self.with_seals(row)?, entries });
        }
        Ok(filled)
    }
}
