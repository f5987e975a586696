//! Reading and preparing ahead of execution: a bounded number of pieces, handed back in the order in which they were read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

use super::Depth;
use super::feed::{Feed, RawBlock, RawEntry};
use super::pool::{Pool, Slot};
use super::prepare::{self, PreparedBlock, PreparedEntry};
use crate::chain::roster::Roster;
use crate::invoice::Checked;

/// Entries of a piece of work: some milliseconds of a core.
const ENTRIES_A_PIECE: usize = 32;

/// Blocks of a piece of work: with three seals each as long.
const BLOCKS_A_PIECE: usize = 16;

/// Pieces that wait for each thread, so that none runs dry while the caller executes.
const PIECES_A_THREAD: usize = 8;

/// Pieces of one sort, in order.
struct Pieces<T> {
    pending: VecDeque<Slot<Vec<T>>>,
    at_hand: vec::IntoIter<T>,
    /// Whether there is nothing more to read.
    ended: bool,
}

impl<T> Pieces<T> {
    fn new() -> Self {
        Self { pending: VecDeque::new(), at_hand: Vec::new().into_iter(), ended: false }
    }

    /// The next one of what has been read.
    fn next(&mut self, pool: &Pool) -> Option<T> {
        loop {
            if let Some(next) = self.at_hand.next() {
                return Some(next);
            }
            self.at_hand = pool.take(&self.pending.pop_front()?)?.into_iter();
        }
    }
}

/// What has been read and is being prepared.
pub(super) struct Ahead<'p, 'f, F> {
    feed: &'f mut F,
    pool: &'p Pool,
    depth: Depth,
    /// Pieces that are read before the first of them is waited for.
    pieces: usize,
    /// The rosters by which seals are checked.
    rosters: Arc<Vec<Roster>>,
    blocks: Pieces<PreparedBlock>,
    entries: Pieces<PreparedEntry>,
}

impl<'p, 'f, F: Feed> Ahead<'p, 'f, F> {
    /// Reads from a feed, with so many threads at work.
    pub fn of(feed: &'f mut F, pool: &'p Pool, threads: usize, depth: Depth) -> Self {
        let pieces = threads.saturating_mul(PIECES_A_THREAD).max(1);
        let rosters = Arc::default();
        Self { feed, pool, depth, pieces, rosters, blocks: Pieces::new(), entries: Pieces::new() }
    }

    /// The feed, for what is read only once.
    pub fn feed(&mut self) -> &mut F {
        self.feed
    }

    /// Has the seals of blocks that are read from now on checked by these rosters. What was not known in time is checked when
    /// it is needed.
    pub fn know(&mut self, rosters: &[Roster]) {
        self.rosters = Arc::new(rosters.to_vec());
    }

    /// The next block.
    ///
    /// # Errors
    /// Those of the feed.
    pub fn block(&mut self) -> Result<Option<PreparedBlock>, F::Error> {
        self.read_entries(false)?;
        loop {
            if let Some(block) = self.blocks.next(self.pool) {
                return Ok(Some(block));
            }
            if self.blocks.ended {
                return Ok(None);
            }
            self.read_blocks(true)?;
        }
    }

    /// The next entry.
    ///
    /// # Errors
    /// Those of the feed.
    pub fn entry(&mut self) -> Result<Option<PreparedEntry>, F::Error> {
        if self.entries.at_hand.len() == 0 {
            self.read_entries(true)?;
        }
        Ok(self.entries.next(self.pool))
    }

    /// The draft of an entry that was read before.
    ///
    /// # Errors
    /// Those of the feed.
    pub fn draft(&mut self, entry: u64) -> Result<Option<Checked>, F::Error> {
        self.feed.draft(entry)
    }

    /// Keeps the threads busy: reads until enough is waiting, and at least something if it `must`.
    fn read_entries(&mut self, must: bool) -> Result<(), F::Error> {
        let wanted = if must || self.pieces > 1 { self.pieces } else { 0 };
        while !self.entries.ended && self.entries.pending.len() < wanted {
            let read = self.feed.entries()?;
            self.entries.ended = read.is_none();
            let mut raw = read.unwrap_or_default();
            // Nothing but blocks came: they are to be taken first.
            let none = raw.is_empty();
            while !raw.is_empty() {
                let rest = raw.split_off(raw.len().min(ENTRIES_A_PIECE));
                self.prepare_entries(std::mem::replace(&mut raw, rest));
            }
            self.read_blocks(false)?;
            if none {
                break;
            }
        }
        Ok(())
    }

    fn prepare_entries(&mut self, raw: Vec<RawEntry>) {
        let depth = self.depth;
        let work = move || prepare::entries(raw, depth);
        self.entries.pending.push_back(self.pool.submit(work));
    }

    fn read_blocks(&mut self, must: bool) -> Result<(), F::Error> {
        if self.blocks.ended || (!must && self.blocks.pending.len() >= self.pieces) {
            return Ok(());
        }
        let mut raw = self.feed.blocks(must)?;
        self.blocks.ended = must && raw.is_empty();
        while !raw.is_empty() {
            let rest = raw.split_off(raw.len().min(BLOCKS_A_PIECE));
            self.prepare_blocks(std::mem::replace(&mut raw, rest));
        }
        Ok(())
    }

    fn prepare_blocks(&mut self, raw: Vec<RawBlock>) {
        let (rosters, depth) = (Arc::clone(&self.rosters), self.depth);
        let work = move || raw.into_iter().map(|raw| prepare::block(raw, &rosters, depth)).collect();
        self.blocks.pending.push_back(self.pool.submit(work));
    }
}
