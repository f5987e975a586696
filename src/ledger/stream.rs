//! A ledger as one text file: what an audit without a database reads.
//!
//! JSON lines that end in LF. The first names the chain and the founding roster. Then each block: one line with its header, its seals and
//! how many entries it has, and as many lines, each exactly an entry's text, so that keccak256(0x00 || line) is its leaf. The first line
//! and those of blocks are canonical text; a ledger has one stream, byte for byte.
//!
//! Promise: whatever does not have that form is refused with its line. What the lines say is the audit's business.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use crate::base::Fault;
use crate::base::ids::ChainId;
use crate::base::limits::{ROSTER_MEMBERS_MAX, STREAM_LINE_BYTES_MAX};
use crate::chain::canonical::{Object, objects, parse_canonical, to_canonical};
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;

/// The version of the format.
pub const STREAM_VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamHead {
    /// The chain.
    pub chain: ChainId,
    /// The canonical text of the founding roster.
    pub roster: String,
    /// [`STREAM_VERSION`].
    pub stream: u32,
}

impl StreamHead {
    /// The first line of a ledger that this roster founded.
    pub fn of(founding: &Roster) -> Self {
        Self { chain: founding.chain().clone(), roster: founding.text().to_owned(), stream: STREAM_VERSION }
    }

    /// The line, without its end.
    ///
    /// # Errors
    /// Those of [`to_canonical`].
    pub fn to_line(&self) -> Result<String, Fault> {
        to_canonical(self)
    }
}

/// The line of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamBlock {
    /// How many lines behind this one are its entries.
    pub entries: u64,
    /// The canonical text of its header.
    pub header: String,
    /// Its seals.
    #[serde(deserialize_with = "objects")]
    pub seals: Vec<Seal>,
}

impl StreamBlock {
    /// The line, without its end.
    ///
    /// # Errors
    /// Those of [`to_canonical`].
    pub fn to_line(&self) -> Result<String, Fault> {
        to_canonical(self)
    }
}

/// Why a stream can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The bytes could not be had.
    #[error("the stream can't be read: {0}")]
    Read(#[from] io::Error),
    /// A line is not what must stand there.
    #[error("line {line}: {message}")]
    Line {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// A block. As many entries follow as it says.
    Block(StreamBlock),
    /// The bytes of an entry, and where they begin in the stream.
    Entry(Vec<u8>, u64),
}

/// Reads a stream line by line, never more than one line at a time.
#[derive(Debug)]
pub struct StreamReader<R> {
    input: R,
    /// Lines read so far.
    line: u64,
    /// Bytes read so far.
    offset: u64,
    /// Entries of the present block that are still to come.
    left: u64,
}

impl<R: BufRead> StreamReader<R> {
    /// Reads the first line: the chain, and who founded it.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn open(input: R) -> Result<(Self, Roster), StreamError> {
        let mut reader = Self { input, line: 0, offset: 0, left: 0 };
        let Some(line) = reader.line()? else {
            return Err(StreamError::Line { line: 1, message: "the stream is empty".to_owned() });
        };
        let head: StreamHead = reader.canonical(&line)?;
        if head.stream != STREAM_VERSION {
            return Err(reader.bad(format!("version {} of the format is not known, only 1", head.stream)));
        }
        let roster = Roster::from_text(&head.roster).map_err(|fault| reader.bad(format!("roster: {fault}")))?;
        if *roster.chain() != head.chain {
            return Err(reader.bad(format!("the roster is of the chain {}", roster.chain())));
        }
        Ok((reader, roster))
    }

    /// The number of the last line that was read, from 1.
    pub fn line_number(&self) -> u64 {
        self.line
    }

    /// The next line; `None` behind the last.
    ///
    /// # Errors
    /// [`StreamError`]; after one, what is read means nothing.
    pub fn next_item(&mut self) -> Result<Option<StreamItem>, StreamError> {
        let begins = self.offset;
        let Some(line) = self.line()? else {
            if self.left > 0 {
                let message = format!("the stream ends; {} entries of its last block are missing", self.left);
                return Err(StreamError::Line { line: self.line.saturating_add(1), message });
            }
            return Ok(None);
        };
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return Ok(Some(StreamItem::Entry(line, begins)));
        }
        let block: StreamBlock = self.canonical(&line)?;
        if block.seals.len() > ROSTER_MEMBERS_MAX {
            return Err(self.bad(format!("a block has at most {ROSTER_MEMBERS_MAX} seals")));
        }
        self.left = block.entries;
        Ok(Some(StreamItem::Block(block)))
    }

    /// A line without its end; `None` at the end of the stream.
    fn line(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        let mut bytes = Vec::new();
        // One byte more, for the end of the line.
        let limit = STREAM_LINE_BYTES_MAX.saturating_add(1);
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        self.line = self.line.saturating_add(1);
        self.offset = self.offset.saturating_add(read);
        if bytes.pop_if(|last| *last == b'\n').is_some() {
            return Ok(Some(bytes));
        }
        Err(self.bad(match read < limit {
            true => "the line is cut off: it does not end in a line feed".to_owned(),
            false => format!("a line has at most {STREAM_LINE_BYTES_MAX} bytes"),
        }))
    }

    fn canonical<T: for<'de> Deserialize<'de>>(&self, line: &[u8]) -> Result<T, StreamError> {
        let text = std::str::from_utf8(line).map_err(|e| self.bad(e.to_string()))?;
        let value = parse_canonical(text).map_err(|fault| self.bad(fault.message))?;
        let Object(document) =
            serde_json::from_value(value).map_err(|e| self.bad(format!("not the line that must stand here: {e}")))?;
        Ok(document)
    }

    fn bad(&self, message: String) -> StreamError {
        StreamError::Line { line: self.line, message }
    }
}

/// Keeps what an audit has read, so that a red letter finds the draft of its blue invoice.
pub trait Shelf {
    /// Puts down an entry, in order of their indexes, with where its bytes begin in the stream.
    fn keep(&mut self, text: &[u8], offset: u64);

    /// Looks an entry up again.
    ///
    /// # Errors
    /// When it can't be read.
    fn text(&mut self, entry: u64) -> io::Result<Option<Vec<u8>>>;
}

/// Keeps blue invoices in memory, for streams that can't be read twice.
#[derive(Debug, Default)]
pub struct InMemory {
    entries: u64,
    texts: BTreeMap<u64, Box<[u8]>>,
}

impl Shelf for InMemory {
    fn keep(&mut self, text: &[u8], _offset: u64) {
        // In canonical text nothing else can look like this member: quotation marks inside strings are escaped.
        if std::str::from_utf8(text).is_ok_and(|text| text.contains(r#""kind":"issue""#)) {
            self.texts.insert(self.entries, text.into());
        }
        self.entries = self.entries.saturating_add(1);
    }

    fn text(&mut self, entry: u64) -> io::Result<Option<Vec<u8>>> {
        Ok(self.texts.get(&entry).map(|text| text.to_vec()))
    }
}

/// Reads entries again from a second handle to the stream's file; keeps eight bytes for each.
#[derive(Debug)]
pub struct InFile<R> {
    file: R,
    offsets: Vec<u64>,
}

impl<R: BufRead + Seek> InFile<R> {
    /// Over a file that is being audited.
    pub fn of(file: R) -> Self {
        Self { file, offsets: Vec::new() }
    }
}

impl<R: BufRead + Seek> Shelf for InFile<R> {
    fn keep(&mut self, _text: &[u8], offset: u64) {
        self.offsets.push(offset);
    }

    fn text(&mut self, entry: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(offset) = usize::try_from(entry).ok().and_then(|entry| self.offsets.get(entry)) else {
            return Ok(None);
        };
        self.file.seek(SeekFrom::Start(*offset))?;
        let mut bytes = Vec::new();
        self.file.by_ref().take(STREAM_LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        bytes.pop_if(|last| *last == b'\n');
        Ok(Some(bytes))
    }
}
