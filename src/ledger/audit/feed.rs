//! Where the blocks and entries of a ledger come from, whether from tables or from a stream: in their order, unchecked.

use std::collections::BTreeMap;

use super::rows::{as_number, as_text};
use super::{PAGE_ROWS, Source};
use crate::chain::seal::Seal;
use crate::invoice::Checked;
use crate::ledger::entry::Entry;
use crate::ledger::projection::{BLOCKS, Cell, ENTRIES, ROSTERS, Row, SEALS};

/// A seal as it was found.
pub(super) enum RawSeal {
    /// A row of `seals`.
    Row(Row),
    /// A member of a block's line.
    Line(Seal),
}

/// A block as it was found.
#[derive(Default)]
pub(super) struct RawBlock {
    /// The row of `blocks`; none in a stream.
    pub row: Option<Row>,
    /// What stands as its header's text.
    pub header: Cell,
    /// Its seals.
    pub seals: Vec<RawSeal>,
    /// Whether it has more seals than are looked at.
    pub crowded: bool,
    /// How many entries a stream says that it has.
    pub entries: Option<u64>,
    /// Its line in a stream.
    pub line: Option<u64>,
}

/// An entry as it was found.
#[derive(Default)]
pub(super) struct RawEntry {
    /// The row of `entries`, without the text; none in a stream.
    pub row: Option<Row>,
    /// What stands as its text.
    pub text: Cell,
    /// Its line in a stream.
    pub line: Option<u64>,
}

/// Gives a ledger's blocks and entries, each in order.
pub(super) trait Feed {
    /// Why it could not be read at all.
    type Error;

    /// The rows of `rosters`: height and text.
    fn rosters(&mut self) -> Result<Vec<Row>, Self::Error>;

    /// The next blocks, at least one until there are no more; without `must` only those that are at hand.
    fn blocks(&mut self, must: bool) -> Result<Vec<RawBlock>, Self::Error>;

    /// The next entries; none at the end. An empty list says that blocks are to be taken first.
    fn entries(&mut self) -> Result<Option<Vec<RawEntry>>, Self::Error>;

    /// The draft of an entry that was given before.
    fn draft(&mut self, entry: u64) -> Result<Option<Checked>, Self::Error>;
}

/// The seals of a height, and whether there are more of them than are looked at.
type Seals = (Vec<Row>, bool);

/// The tables of a database.
pub(super) struct Tables<'s, S> {
    source: &'s mut S,
    height: Option<u64>,
    index: Option<u64>,
}

impl<'s, S: Source> Tables<'s, S> {
    pub fn of(source: &'s mut S) -> Self {
        Self { source, height: Some(0), index: Some(0) }
    }

    /// The seals of some heights, by height, and the heights that have too many of them.
    fn seals_between(&mut self, from: u64, to: u64) -> Result<BTreeMap<u64, Seals>, S::Error> {
        let mut by_height: BTreeMap<u64, Seals> = BTreeMap::new();
        let mut next = from;
        while next <= to {
            let page = self.source.page(&SEALS, next, PAGE_ROWS)?;
            let full = page.len() >= PAGE_ROWS;
            let Some(last) = page.last().and_then(|row| as_number(row.first())) else { break };
            // The last height of a full page may be cut: leave it for the next page.
            let complete = if full { last.saturating_sub(1) } else { last };
            if complete < next {
                // One height fills a page by itself: no roster has that many members. What is there is looked at, the rest is not.
                by_height.insert(next, (page, true));
                next = next.saturating_add(1);
                continue;
            }
            for row in page {
                match as_number(row.first()) {
                    Some(height) if height <= complete && height <= to => {
                        by_height.entry(height).or_default().0.push(row)
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
}

/// The value behind the last row of a page: where the next page begins. None when the page was the last.
fn behind(page: &[Row]) -> Option<u64> {
    as_number(page.last()?.first())?.checked_add(1)
}

impl<S: Source> Feed for Tables<'_, S> {
    type Error = S::Error;

    fn rosters(&mut self) -> Result<Vec<Row>, S::Error> {
        self.source.all(&ROSTERS)
    }

    fn blocks(&mut self, _must: bool) -> Result<Vec<RawBlock>, S::Error> {
        let Some(from) = self.height else { return Ok(Vec::new()) };
        let page = self.source.page(&BLOCKS, from, PAGE_ROWS)?;
        self.height = behind(&page);
        let Some(next) = self.height else { return Ok(Vec::new()) };
        // The seals of the whole page at once: one query a block would dominate.
        let mut seals = self.seals_between(from, next.saturating_sub(1))?;
        let blocks = page.into_iter().map(|row| {
            let own = as_number(row.first()).and_then(|height| seals.remove(&height));
            let (rows, crowded) = own.unwrap_or_default();
            let header = row.get(4).cloned().flatten();
            let seals = rows.into_iter().map(RawSeal::Row).collect();
            RawBlock { row: Some(row), header, seals, crowded, ..RawBlock::default() }
        });
        Ok(blocks.collect())
    }

    fn entries(&mut self) -> Result<Option<Vec<RawEntry>>, S::Error> {
        let Some(from) = self.index else { return Ok(None) };
        let page = self.source.page(&ENTRIES, from, PAGE_ROWS)?;
        self.index = behind(&page);
        let entries = page.into_iter().map(|mut row| {
            let text = row.get_mut(4).and_then(Option::take);
            RawEntry { row: Some(row), text, line: None }
        });
        Ok(Some(entries.collect()))
    }

    fn draft(&mut self, entry: u64) -> Result<Option<Checked>, S::Error> {
        let page = self.source.page(&ENTRIES, entry, 1)?;
        let row = page.first().filter(|row| as_number(row.first()) == Some(entry));
        let text = row.and_then(|row| as_text(row.get(4)));
        Ok(text.and_then(|text| Entry::parse(text).ok()).and_then(|entry| entry.draft))
    }
}
