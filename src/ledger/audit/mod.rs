//! The audit: re-derives every hash, signature, number, balance and projection from the entries, and says where the stored
//! ledger differs.
//!
//! Promise: a finding names table, row and, where it can be told, the column. An audit never stops at the first finding,
//! but what depends on a broken entry is reported as not compared rather than guessed.

mod ahead;
mod blocks;
mod entries;
mod feed;
mod lookups;
mod pool;
mod prepare;
mod present;
mod rows;
mod streamed;

pub use streamed::audit_stream;

use std::collections::{BTreeMap, BTreeSet};

use ahead::Ahead;
use feed::Feed;
use pool::Pool;

use super::projection::{LedgerTable, Row};
use super::state::{Nothing, State};
use crate::base::{Code, Fault};
use crate::chain::hash::{Hash, header_hash};
use crate::chain::header::Header;
use crate::chain::merkle::Edge;
use crate::chain::roster::Roster;

/// Findings kept; more would only repeat the first.
const FINDINGS_MAX: usize = 200;

/// What an auditor brings along: what the ledger says of itself is held against it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust<'a> {
    /// Rosters known from outside; when given, the ledger's own must be among them or follow from them, each named by a header that
    /// is sealed under one before.
    pub rosters: &'a [Roster],
    /// A block that somebody remembers: the ledger must hold it. Without one nobody can tell whether the newest blocks were cut off,
    /// or everything sealed anew by whoever has the members' keys.
    pub checkpoint: Option<&'a Checkpoint>,
}

/// A remembered header. It is believed: whoever remembers it has verified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    header: Header,
    hash: Hash,
}

impl Checkpoint {
    /// The checkpoint of a header's canonical text.
    ///
    /// # Errors
    /// Those of [`Header::from_text`].
    pub fn of(header: &str) -> Result<Self, Fault> {
        Ok(Self { header: Header::from_text(header)?, hash: header_hash(header) })
    }

    /// Its height.
    pub fn height(&self) -> u64 {
        self.header.height
    }
}

/// How far an audit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Findings kept.
    pub findings: usize,
    /// Whether it ends once it has that many, instead of counting the others.
    pub stop: bool,
    /// Threads that work beside the caller's. The findings and their order do not depend on it.
    pub threads: usize,
}

impl Default for Limits {
    /// Everything, on the caller's thread alone.
    fn default() -> Self {
        Self { findings: FINDINGS_MAX, stop: false, threads: 0 }
    }
}

impl Limits {
    /// To the first finding and no further, cheap checks first: says whether something is wrong, and names one place.
    pub fn first() -> Self {
        Self { findings: 1, stop: true, threads: 0 }
    }

    /// Everything, on every core that there is.
    pub fn on_all_cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self { threads: cores.saturating_sub(1), ..Self::default() }
    }
}

/// Rows read at a time.
const PAGE_ROWS: usize = 512;

/// Where an audit reads a ledger from.
pub trait Source {
    /// Why the source could not be read at all (not: why it is wrong).
    type Error;

    /// How many entries there are, for the progress bar.
    fn entry_count(&mut self) -> Result<u64, Self::Error>;

    /// Rows of a table whose first column is an integer, from that value on, ascending by key, at most `limit`.
    fn page(&mut self, table: &LedgerTable, from: u64, limit: usize) -> Result<Vec<Row>, Self::Error>;

    /// Rows of such a table whose first column is negative, at most `limit`.
    fn below_zero(&mut self, table: &LedgerTable, limit: usize) -> Result<Vec<Row>, Self::Error>;

    /// All rows of a table.
    fn all(&mut self, table: &LedgerTable) -> Result<Vec<Row>, Self::Error>;
}

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: Code,
    /// Table it was found in.
    pub table: String,
    /// Key of the row, columns joined by `/`.
    pub row: String,
    /// Column, where it can be told.
    pub column: String,
    /// The line, counted from 1, where it was found in a ledger stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// A sentence for people.
    pub message: String,
}

/// What an audit found, and how much it looked at.
#[derive(Debug, Default, serde::Serialize)]
pub struct Report {
    /// What does not hold. Empty means that everything does.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub more_findings: u64,
    /// Blocks looked at, the genesis block included.
    pub blocks: u64,
    /// Seals verified.
    pub seals: u64,
    /// Entries hashed, and executed again.
    pub entries: u64,
    /// Issuer signatures verified.
    pub signatures: u64,
    /// Invoices numbered again.
    pub invoices: u64,
    /// Rows of projections compared.
    pub rows: u64,
    /// Whether the projections were compared; not possible behind a broken entry.
    pub projections_compared: bool,
    /// Whether it was a stream alone, which has no projections to compare.
    pub stream: bool,
    /// Hash of the roster that seals the genesis block, lower-case hex: all trust begins there.
    pub founding_roster: String,
    /// Root of the last block, lower-case hex.
    pub root: String,
    #[serde(skip)]
    limits: Limits,
    /// The line of the stream that is being looked at.
    #[serde(skip)]
    line: Option<u64>,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && (self.projections_compared || self.stream)
    }

    /// Whether the audit is to go no further.
    fn ends(&self) -> bool {
        self.limits.stop && self.findings.len() >= self.limits.findings
    }

    fn add(&mut self, code: Code, table: &LedgerTable, row: impl ToString, column: &str, message: impl Into<String>) {
        if self.findings.len() >= self.limits.findings {
            self.more_findings = self.more_findings.saturating_add(1);
            return;
        }
        self.findings.push(Finding {
            code,
            table: table.name.to_owned(),
            row: row.to_string(),
            column: column.to_owned(),
            line: self.line,
            message: message.into(),
        });
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What hashing alone tells: links, leaves, roots, tiles. A thousandth of the work.
    Hashes,
    /// Everything that a stream has: the chain and what comes of executing it.
    Chain,
    /// That, and the tables of a database.
    All,
}

/// An audit under way: what has been re-derived so far.
struct Audit<'a> {
    report: Report,
    trust: Trust<'a>,
    depth: Depth,
    rosters: Vec<Roster>,
    /// Hashes of rosters that headers name.
    named_rosters: BTreeSet<Hash>,
    /// Hashes of rosters that are named by a header under a trusted roster.
    vouched_rosters: BTreeSet<Hash>,
    /// Hashes of rosters that are neither trusted nor vouched for.
    distrusted_rosters: BTreeSet<Hash>,
    state: State<Nothing>,
    /// The map of present states.
    present: present::Present,
    /// The version of the last entry: it never goes back.
    version: u32,
    edge: Edge,
    /// Entries that the last block has in all.
    size: u64,
    /// Tiles as they must be, with the leaves under each still to be compared.
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    /// What the entries will be found by.
    keys: lookups::KeysByBlock,
    /// Whether every entry so far could be executed again.
    replayable: bool,
    /// Whether an entry is missing: the tree can't be rebuilt behind it.
    gap: bool,
    /// Whether it is given up before the end of a stream: how far that was read ahead by then is nobody's business.
    given_up: bool,
}

/// Audits a ledger. `progress` is told entries done and entries in all.
///
/// # Errors
/// Only when the source can't be read; what is wrong in it is in the report.
pub fn audit<S: Source>(
    source: &mut S,
    trust: &Trust<'_>,
    limits: Limits,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, S::Error> {
    if limits.stop {
        let cheap = Audit::of(trust, limits, Depth::Hashes).tables(source, &mut |_, _| {})?;
        if !cheap.findings.is_empty() {
            return Ok(cheap);
        }
    }
    Audit::of(trust, limits, Depth::All).tables(source, progress)
}

/// A step of an audit behind the walk.
type Step<'a, S> = fn(&mut Audit<'a>, &mut S) -> Result<(), <S as Source>::Error>;

impl<'a> Audit<'a> {
    fn of(trust: &Trust<'a>, limits: Limits, depth: Depth) -> Self {
        Self {
            report: Report { limits, ..Report::default() },
            trust: *trust,
            depth,
            rosters: Vec::new(),
            named_rosters: BTreeSet::new(),
            vouched_rosters: BTreeSet::new(),
            distrusted_rosters: BTreeSet::new(),
            state: State::default(),
            present: present::Present::default(),
            version: 1,
            edge: Edge::empty(),
            size: 0,
            tiles: BTreeMap::new(),
            keys: lookups::KeysByBlock::new(),
            replayable: true,
            gap: false,
            given_up: false,
        }
    }

    /// Whether there is a stream only, and no tables.
    fn is_streamed(&self) -> bool {
        self.depth == Depth::Chain
    }

    /// Walks through the tables of a source and compares those that the entries give.
    fn tables<S: Source>(mut self, source: &mut S, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, S::Error> {
        let total = source.entry_count()?;
        self.walk(&mut feed::Tables::of(source), &mut |done| progress(done, total))?;
        let steps: &[Step<'a, S>] = match self.depth {
            Depth::Hashes => &[Self::compare_tiles],
            Depth::Chain => &[],
            Depth::All => &[
                Self::stray_entries,
                Self::stray_rosters,
                Self::stray_seals,
                Self::below_zero,
                Self::compare_tiles,
                Self::compare_state_pages,
                Self::compare_lookups,
                Self::compare_projections,
            ],
        };
        for step in steps {
            if self.report.ends() {
                break;
            }
            step(&mut self, source)?;
        }
        self.report.root = self.edge.root().to_string();
        Ok(self.report)
    }

    /// Goes through all blocks and entries, with as many threads as the limits allow.
    fn walk<F: Feed>(&mut self, feed: &mut F, progress: &mut dyn FnMut(u64)) -> Result<(), F::Error> {
        let threads = match self.depth {
            Depth::Hashes => 0,
            Depth::Chain | Depth::All => self.report.limits.threads,
        };
        let pool = Pool::default();
        std::thread::scope(|scope| {
            let _closing = pool.closing();
            for _ in 0..threads {
                scope.spawn(|| pool.work());
            }
            let mut ahead = Ahead::of(feed, &pool, threads, self.depth);
            self.rosters(&mut ahead)?;
            self.blocks(&mut ahead, progress)
        })
    }
}
