//! Queries about the chain itself: blocks, seals, entries, tiles, rosters.

use std::cell::RefCell;

use diesel::connection::SimpleConnection as _;
use diesel::dsl::max;
use diesel::prelude::*;

use super::connection::Conn;
use super::error::StoreError;
use super::rows::{BlockRow, EntryRow, SealRow, column, hash, unsigned};
use super::schema::{blocks, entries, rosters, seals, tiles};
use super::young::Young;
use crate::chain::canonical::Edition;
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::chain::merkle::Edge;
use crate::chain::proof::Prover;
use crate::chain::receipt::Receipt;
use crate::chain::roster::{MemberName, Roster};
use crate::chain::seal::{Seal, SealSignature};
use crate::chain::tiles::{TileId, Tiles, TreeError};

/// A read of one moment.
pub struct Reader<'a> {
    pub(super) conn: &'a mut Conn,
    pub(super) young: &'a Young,
}

/// A sealed block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Hash of its header.
    pub hash: Hash,
    /// Entries up to and including this block.
    pub size: u64,
    /// Canonical text of its header.
    pub header: String,
    /// The seals on it.
    pub seals: Vec<Seal>,
}

/// An entry as stored.
#[derive(Debug, Clone)]
pub struct StoredEntry {
    /// Its index.
    pub index: u64,
    /// The block it is in.
    pub height: u64,
    /// Hash of its text.
    pub leaf: Hash,
    /// Its canonical text.
    pub text: String,
}

impl TryFrom<EntryRow> for StoredEntry {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        Ok(Self {
            index: unsigned("entries", row.idx, row.idx)?,
            height: unsigned("entries", row.idx, row.height)?,
            leaf: hash("entries", row.idx, &row.leaf)?,
            text: row.entry,
        })
    }
}

/// The columns of an [`EntryRow`].
const ENTRY_ROW: (entries::idx, entries::height, entries::leaf, entries::entry) =
    (entries::idx, entries::height, entries::leaf, entries::entry);

fn corrupt(table: &'static str, key: impl ToString, what: impl ToString) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), what: what.to_string() }
}

impl<'a> Reader<'a> {
    pub(super) fn new(conn: &'a mut Conn, young: &'a Young) -> Self {
        Self { conn, young }
    }

    /// Lets this transaction take as long as it needs: for audits and copies, which read everything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_your_time(&mut self) -> Result<(), StoreError> {
        match self.conn {
            Conn::Sqlite(_) => Ok(()),
            Conn::Postgres(postgres) => Ok(postgres.batch_execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;",
            )?),
        }
    }

    /// The newest block; `None` before the genesis block is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoint(&mut self) -> Result<Option<Block>, StoreError> {
        let top: Option<i64> = blocks::table.select(max(blocks::height)).get_result(self.conn)?;
        match top {
            Some(height) => self.block(unsigned("blocks", height, height)?),
            None => Ok(None),
        }
    }

    /// The block of a height.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&mut self, height: u64) -> Result<Option<Block>, StoreError> {
        let row: Option<BlockRow> = blocks::table.find(column(height)).get_result(self.conn).optional()?;
        row.map(|row| self.with_seals(row)).transpose()
    }

    /// Blocks below a height, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blocks_below(&mut self, below: u64, limit: usize) -> Result<Vec<Block>, StoreError> {
        let rows: Vec<BlockRow> = blocks::table
            .filter(blocks::height.lt(column(below)))
            .order(blocks::height.desc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(self.conn)?;
        rows.into_iter().map(|row| self.with_seals(row)).collect()
    }

    pub(super) fn with_seals(&mut self, row: BlockRow) -> Result<Block, StoreError> {
        let rows: Vec<SealRow> =
            seals::table.filter(seals::height.eq(row.height)).order(seals::member).load(self.conn)?;
        let seals = rows.into_iter().map(|seal| {
            let key = format!("{}/{}", seal.height, seal.member);
            let signature = seal.signature.as_slice().try_into().map_err(|e| corrupt("seals", &key, e))?;
            Ok(Seal {
                round: u32::try_from(seal.round).map_err(|e| corrupt("seals", &key, e))?,
                member: MemberName::try_from(seal.member).map_err(|e| corrupt("seals", &key, e))?,
                signature: SealSignature(signature),
            })
        });
        let mut seals = seals.collect::<Result<Vec<_>, StoreError>>()?;
        // By bytes, whatever the database's collation says: a receipt must be the same on every database.
        seals.sort_by(|a: &Seal, b: &Seal| a.member.cmp(&b.member));
        Ok(Block {
            height: unsigned("blocks", row.height, row.height)?,
            hash: hash("blocks", row.height, &row.hash)?,
            size: unsigned("blocks", row.height, row.size)?,
            seals,
            header: row.header,
        })
    }

    /// The rosters, in order of the height they count from.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rosters(&mut self) -> Result<Vec<Roster>, StoreError> {
        let rows: Vec<(i64, String)> = rosters::table.order(rosters::from_height).load(self.conn)?;
        rows.into_iter().map(|(from, text)| Roster::from_text(&text).map_err(|e| corrupt("rosters", from, e))).collect()
    }

    /// An entry by index.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entry(&mut self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        let row: Option<EntryRow> =
            entries::table.find(column(index)).select(ENTRY_ROW).get_result(self.conn).optional()?;
        row.map(StoredEntry::try_from).transpose()
    }

    /// Entries from an index on, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries_from(&mut self, index: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let rows: Vec<EntryRow> = entries::table
            .filter(entries::idx.ge(column(index)))
            .select(ENTRY_ROW)
            .order(entries::idx)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(self.conn)?;
        rows.into_iter().map(StoredEntry::try_from).collect()
    }

    /// The receipt of an entry against the header of its own block: the same bytes for ever.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipt(&mut self, index: u64) -> Result<Option<(Receipt, StoredEntry)>, StoreError> {
        let Some(entry) = self.entry(index)? else { return Ok(None) };
        let block = self.block(entry.height)?;
        let block = block.ok_or_else(|| corrupt("blocks", entry.height, "missing, though it has entries"))?;
        Ok(Some((self.receipt_at(&entry, &block)?, entry)))
    }

    /// The receipt of an entry against the header of any later block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipt_at(&mut self, entry: &StoredEntry, block: &Block) -> Result<Receipt, StoreError> {
        let header = Header::from_text(&block.header).map_err(|e| corrupt("blocks", block.height, e))?;
        Ok(Receipt {
            v: Edition::First,
            state: None,
            chain: header.chain,
            proof: self.inclusion(entry.index, block.size)?,
            entry: entry.text.clone(),
            index: entry.index,
            header: block.header.clone(),
            seals: block.seals.clone(),
        })
    }

    /// The inclusion proof of an index in the tree of a size.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        let tiles = StoredTiles(RefCell::new(&mut *self.conn));
        Prover::new(&tiles, size).inclusion(index).map_err(tree_error)
    }

    /// The consistency proof between two sizes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consistency(&mut self, from: u64, to: u64) -> Result<Vec<Hash>, StoreError> {
        let tiles = StoredTiles(RefCell::new(&mut *self.conn));
        Prover::new(&tiles, to).consistency(from).map_err(tree_error)
    }

    /// The root of the tree of a size.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn root(&mut self, size: u64) -> Result<Hash, StoreError> {
        let tiles = StoredTiles(RefCell::new(&mut *self.conn));
        Prover::new(&tiles, size).root().map_err(tree_error)
    }

    /// The right edge of the tree of a size: what appending needs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn edge(&mut self, size: u64) -> Result<Edge, StoreError> {
        let tiles = StoredTiles(RefCell::new(&mut *self.conn));
        Edge::load(size, &tiles).map_err(tree_error)
    }
}

fn tree_error(error: TreeError<StoreError>) -> StoreError {
    match error {
        TreeError::Store { cause, .. } => cause,
        other @ (TreeError::Missing { .. } | TreeError::Length { .. } | TreeError::Outside { .. }) => {
            corrupt("tiles", "", other)
        }
    }
}

/// The tiles table as the tree wants it.
struct StoredTiles<'a>(RefCell<&'a mut Conn>);

impl Tiles for StoredTiles<'_> {
    type Error = StoreError;

    fn tile(&self, id: TileId) -> Result<Option<Vec<Hash>>, StoreError> {
        let mut conn = self.0.borrow_mut();
        let key = (i64::from(id.level), column(id.index));
        let bytes: Option<Vec<u8>> = tiles::table.find(key).select(tiles::hashes).get_result(&mut **conn).optional()?;
        let Some(bytes) = bytes else { return Ok(None) };
        let chunks = bytes.chunks(32).map(|chunk| hash("tiles", id, chunk));
        chunks.collect::<Result<Vec<_>, _>>().map(Some)
    }
}
