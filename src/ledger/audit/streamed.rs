//! The audit of a ledger stream alone: everything but the tables that a database keeps beside its entries.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::feed::{Feed, RawBlock, RawEntry, RawSeal};
use super::{Audit, Depth, Limits, PAGE_ROWS, Report, Trust};
use crate::base::Code;
use crate::chain::roster::Roster;
use crate::invoice::Checked;
use crate::ledger::entry::Entry;
use crate::ledger::projection::{ColumnKind, LedgerTable, Row};
use crate::ledger::stream::{Shelf, StreamError, StreamItem, StreamReader};

/// The stream as findings name it.
const STREAM: LedgerTable = LedgerTable { name: "stream", key: 1, columns: &[("line", ColumnKind::Int)] };

/// The blocks and entries of a stream.
struct Lines<R, H> {
    reader: StreamReader<R>,
    founding: Roster,
    shelf: H,
    /// Blocks that were met on the way to entries.
    met: VecDeque<RawBlock>,
    ended: bool,
    /// The line that could not be read, and why.
    fault: Option<(u64, String)>,
}

impl<R: BufRead, H: Shelf> Lines<R, H> {
    /// The next line as an entry; a block is put aside.
    fn step(&mut self) -> io::Result<Option<RawEntry>> {
        let item = self.reader.next_item();
        let line = Some(self.reader.line_number());
        match item {
            Ok(Some(StreamItem::Entry(text, offset))) => {
                self.shelf.keep(&text, offset);
                return Ok(Some(RawEntry { row: None, text: Some(text), line }));
            }
            Ok(Some(StreamItem::Block(block))) => {
                let seals = block.seals.into_iter().map(RawSeal::Line).collect();
                let header = Some(block.header.into_bytes());
                let entries = Some(block.entries);
                self.met.push_back(RawBlock { header, seals, entries, line, ..RawBlock::default() });
            }
            Ok(None) => self.ended = true,
            Err(StreamError::Read(error)) => return Err(error),
            Err(StreamError::Line { line, message }) => {
                self.ended = true;
                self.fault = Some((line, message));
            }
        }
        Ok(None)
    }
}

impl<R: BufRead, H: Shelf> Feed for Lines<R, H> {
    type Error = io::Error;

    fn rosters(&mut self) -> io::Result<Vec<Row>> {
        Ok(vec![vec![Some(b"0".to_vec()), Some(self.founding.text().as_bytes().to_vec())]])
    }

    /// A block is asked for when the entries of the one before have been given: it is on the next line.
    fn blocks(&mut self, must: bool) -> io::Result<Vec<RawBlock>> {
        if must && self.met.is_empty() && !self.ended && self.step()?.is_some() {
            // Its entries were not taken: the audit has given up on them, and so on what follows.
            self.ended = true;
        }
        Ok(self.met.drain(..).collect())
    }

    fn entries(&mut self) -> io::Result<Option<Vec<RawEntry>>> {
        if self.ended {
            return Ok(None);
        }
        let mut entries = Vec::with_capacity(PAGE_ROWS);
        while entries.len() < PAGE_ROWS && self.met.len() < PAGE_ROWS && !self.ended {
            entries.extend(self.step()?);
        }
        Ok(Some(entries))
    }

    fn draft(&mut self, entry: u64) -> io::Result<Option<Checked>> {
        let text = self.shelf.text(entry)?.and_then(|text| String::from_utf8(text).ok());
        Ok(text.and_then(|text| Entry::parse(&text).ok()).and_then(|entry| entry.draft))
    }
}

/// Audits a stream by itself: chain, seals, leaves, roots, signatures, execution. `progress` is told entries done. What the state takes
/// stays in memory, the entries do not.
///
/// # Errors
/// When the stream can't be read; what is wrong in it is in the report.
pub fn audit_stream<R: BufRead, H: Shelf>(
    input: R,
    shelf: H,
    trust: &Trust<'_>,
    limits: Limits,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Report> {
    let mut audit = Audit::of(trust, limits, Depth::Chain);
    audit.report.stream = true;
    let (reader, founding) = match StreamReader::open(input) {
        Ok(opened) => opened,
        Err(StreamError::Read(error)) => return Err(error),
        Err(StreamError::Line { line, message }) => {
            audit.report.line = Some(line);
            audit.report.add(Code::AuditStreamBad, &STREAM, line, "", message);
            return Ok(audit.report);
        }
    };
    let mut lines = Lines { reader, founding, shelf, met: VecDeque::new(), ended: false, fault: None };
    audit.walk(&mut lines, progress)?;
    if let Some((line, message)) = lines.fault
        && !audit.given_up
        && !audit.report.ends()
    {
        audit.report.line = Some(line);
        audit.report.add(Code::AuditStreamBad, &STREAM, line, "", message);
        audit.report.line = None;
    }
    audit.report.root = audit.edge.root().to_string();
    Ok(audit.report)
}
