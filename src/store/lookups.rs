//! Look-ups by random keys: from a fingerprint to entries, and how keys get from a block into the table (see [`super::young`]).

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::bulk;
use super::connection::Conn;
use super::error::StoreError;
use super::reader::Reader;
use super::rows::{PaymentRow, column, unsigned};
use super::schema::{entries, lookups, payments, watermarks, young_keys};
use super::tx::Tx;
use super::young::{Key, Known, Piece, Written};
use crate::ledger::Entry;
use crate::ledger::lookup::{self, Fingerprint, LookUp, WATERMARK, keys_from_bytes, keys_of_entry, keys_to_bytes};
use crate::ledger::record::Payment;

/// Keys sorted and written at a time when the table is made anew.
const REBUILD_KEYS: usize = 262_144;

/// Entries read at a time when the table is made anew.
const REBUILD_ENTRIES: i64 = 2_000;

/// Entries by the fingerprints that lead to them.
pub type Found = HashMap<Fingerprint, Vec<u64>>;

/// Keys as both databases order them.
fn columns(keys: &[lookup::Key]) -> Vec<Key> {
    keys.iter().map(|(print, entry)| (print.0, column(*entry))).collect()
}

fn block_of(height: i64, bytes: &[u8]) -> Result<(i64, Vec<Key>), StoreError> {
    let keys = keys_from_bytes(bytes).ok_or_else(|| StoreError::Corrupt {
        table: "young_keys",
        key: height.to_string(),
        what: "not a whole number of keys".to_owned(),
    })?;
    Ok((height, columns(&keys)))
}

impl Reader<'_> {
    /// Brings the keys in memory up to what this transaction sees; gives what is known then.
    fn refresh_young(&mut self) -> Result<Known, StoreError> {
        loop {
            if self.young.is_overfull() {
                self.young.forget();
            }
            let known = self.young.known();
            let rows: Vec<(i64, Vec<u8>)> = young_keys::table
                .filter(young_keys::height.gt(known.upto))
                .order(young_keys::height)
                .load(self.conn)?;
            let blocks = rows.iter().map(|(height, bytes)| block_of(*height, bytes)).collect::<Result<Vec<_>, _>>()?;
            if self.young.extend(known, blocks) {
                return Ok(known);
            }
        }
    }

    /// The entries under fingerprints as far as they are in memory. All of it from one memory: forgotten in between, it is read again.
    fn young_entries(&mut self, wanted: &[Fingerprint]) -> Result<Vec<(Fingerprint, i64)>, StoreError> {
        loop {
            let known = self.refresh_young()?;
            let found =
                wanted.iter().flat_map(|print| self.young.find(*print).into_iter().map(|entry| (*print, entry)));
            let found = found.collect();
            if self.young.known().is_same_memory(known) {
                return Ok(found);
            }
        }
    }

    /// The entries that fingerprints lead to, ascending; nothing for those that lead nowhere. One query on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries_by(&mut self, wanted: &[Fingerprint]) -> Result<Found, StoreError> {
        let young = self.young_entries(wanted)?;
        let mut found = Found::new();
        let mut add = |print: Fingerprint, entry: i64| {
            let entry = unsigned("lookups", print.0, entry)?;
            let entries = found.entry(print).or_default();
            // A key on its way is both in memory and in the table.
            if !entries.contains(&entry) {
                entries.push(entry);
            }
            Ok::<_, StoreError>(())
        };
        for (print, entry) in young {
            add(print, entry)?;
        }
        match &mut *self.conn {
            Conn::Sqlite(sqlite) => {
                for print in wanted {
                    let query = lookups::table.filter(lookups::fingerprint.eq(print.0)).select(lookups::entry);
                    for entry in query.load::<i64>(sqlite)? {
                        add(*print, entry)?;
                    }
                }
            }
            Conn::Postgres(postgres) => {
                let prints: Vec<i64> = wanted.iter().map(|print| print.0).collect();
                let rows = lookups::table.filter(lookups::fingerprint.eq_any(prints)).load::<(i64, i64)>(postgres)?;
                for (print, entry) in rows {
                    add(Fingerprint(print), entry)?;
                }
            }
        }
        found.values_mut().for_each(|entries| entries.sort_unstable());
        Ok(found)
    }

    /// The entries that one key may lead to, ascending.
    pub(super) fn entries_of(&mut self, key: LookUp<'_>) -> Result<Vec<u64>, StoreError> {
        let print = key.fingerprint();
        Ok(self.entries_by(&[print])?.remove(&print).unwrap_or_default())
    }

    /// The payments that entries recorded; entries that recorded none are left out. One query on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn payments_by(&mut self, entries: &[u64]) -> Result<Vec<Payment>, StoreError> {
        let keys: Vec<i64> = entries.iter().map(|entry| column(*entry)).collect();
        let rows: Vec<PaymentRow> = match &mut *self.conn {
            Conn::Sqlite(sqlite) => {
                let mut rows = Vec::with_capacity(keys.len());
                for key in keys {
                    rows.extend(payments::table.find(key).get_result(sqlite).optional()?);
                }
                rows
            }
            Conn::Postgres(postgres) => {
                payments::table.filter(payments::entry.eq_any(keys)).order(payments::entry).load(postgres)?
            }
        };
        rows.into_iter().map(Payment::try_from).collect()
    }
}

impl Tx<'_> {
    /// Writes the keys of a block, and a piece of those that wait for the table: twice as many as came in, so that a run is
    /// through before the next has gathered. With a `run` of 0 the keys go into the table at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_keys(&mut self, height: u64, keys: &[lookup::Key], run: usize) -> Result<(), StoreError> {
        let height = column(height);
        if run == 0 {
            self.insert_sorted(&mut columns(keys))?;
            return self.put_watermark(height);
        }
        // Under the write lock and before our own row: all that there is below this block.
        let known = self.refresh_young()?;
        let row = (young_keys::height.eq(height), young_keys::keys.eq(keys_to_bytes(keys)));
        diesel::insert_into(young_keys::table).values(row).execute(self.conn)?;
        let piece = self.young.next_piece(keys.len().saturating_mul(2).saturating_add(16), run);
        if let Some(piece) = &piece {
            bulk::insert_lookups(self.conn, piece.keys())?;
            if let Some(upto) = piece.completes {
                self.complete_run(piece, upto)?;
            }
        }
        self.written = Some(Written { known, height, keys: columns(keys), piece });
        Ok(())
    }

    /// A run is through: moves the watermark and drops the rows of its blocks. Not if they hold a key more than the run had: it would be
    /// found by nobody any more.
    fn complete_run(&mut self, run: &Piece, upto: i64) -> Result<(), StoreError> {
        let blocks = young_keys::table.filter(young_keys::height.le(upto));
        let bytes = sql::<BigInt>("COALESCE(CAST(SUM(length(keys)) AS BIGINT), 0)");
        let bytes: i64 = blocks.select(bytes).get_result(self.conn)?;
        let had = unsigned("young_keys", upto, bytes)?;
        if had > run.bytes() {
            let what = format!("{had} bytes of keys, but {} were brought into the table", run.bytes());
            return Err(StoreError::Corrupt { table: "young_keys", key: upto.to_string(), what });
        }
        self.put_watermark(upto)?;
        diesel::delete(blocks).execute(self.conn)?;
        Ok(())
    }

    /// Moves the watermark, forward only.
    fn put_watermark(&mut self, height: i64) -> Result<(), StoreError> {
        let row = watermarks::table.find(WATERMARK);
        let stands: Option<i64> = row.select(watermarks::height).get_result(self.conn).optional()?;
        match stands {
            Some(stands) if stands >= height => {}
            Some(_) => {
                diesel::update(row).set(watermarks::height.eq(height)).execute(self.conn)?;
            }
            None => {
                let new = (watermarks::name.eq(WATERMARK), watermarks::height.eq(height));
                diesel::insert_into(watermarks::table).values(new).execute(self.conn)?;
            }
        }
        Ok(())
    }

    /// Makes the table of look-ups anew from the entries.
    pub(super) fn rebuild_lookups(&mut self) -> Result<(), StoreError> {
        diesel::delete(lookups::table).execute(self.conn)?;
        diesel::delete(young_keys::table).execute(self.conn)?;
        let mut keys: Vec<Key> = Vec::new();
        let (mut next, mut height) = (0i64, 0i64);
        loop {
            let rows: Vec<(i64, i64, String)> = entries::table
                .filter(entries::idx.ge(next))
                .order(entries::idx)
                .limit(REBUILD_ENTRIES)
                .select((entries::idx, entries::height, entries::entry))
                .load(self.conn)?;
            let Some((last, block, _)) = rows.last() else { break };
            (next, height) = (last.saturating_add(1), *block);
            for (index, _, text) in &rows {
                let entry = Entry::parse(text).map_err(|fault| StoreError::Corrupt {
                    table: "entries",
                    key: index.to_string(),
                    what: fault.to_string(),
                })?;
                keys.extend(keys_of_entry(&entry).into_iter().map(|print| (print.0, *index)));
            }
            if keys.len() >= REBUILD_KEYS {
                self.insert_sorted(&mut keys)?;
            }
        }
        self.insert_sorted(&mut keys)?;
        self.put_watermark(height)
    }

    fn insert_sorted(&mut self, keys: &mut Vec<Key>) -> Result<(), StoreError> {
        keys.sort_unstable();
        for piece in keys.chunks(10_000) {
            bulk::insert_lookups(self.conn, piece)?;
        }
        keys.clear();
        Ok(())
    }
}
