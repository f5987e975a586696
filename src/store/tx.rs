//! The write transaction: the only type that can insert, update or delete.

use std::ops::{Deref, DerefMut};

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::bulk;
use super::connection::Conn;
use super::error::StoreError;
use super::reader::Reader;
use super::rows::{ApiKey, ApiKeyRow, BlockRow, MerchantRow, OutboxItem, RefundRow, RulesRow, SequenceRow, column};
use super::schema::{
    api_keys, blocks, custody_keys, merchants, orders, outbox, payers, refunds, rosters, rules, sequences,
};
use super::young::{Written, Young};
use crate::base::ids::{MerchantId, TransactionId};
use crate::base::{Secret, UnixMs};
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;
use crate::chain::tiles::Tile;
use crate::ledger::entry::Kind;
use crate::ledger::present::{Page, PagePath};
use crate::ledger::state::Tables;

/// A write transaction. Reads through it see its own writes.
pub struct Tx<'a> {
    reader: Reader<'a>,
    /// Keys to be noted in memory once this is committed.
    pub(super) written: Option<Written>,
}

impl<'a> Deref for Tx<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.reader
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.reader
    }
}

/// A block, ready to be written; its seals follow in the same transaction.
#[derive(Debug)]
pub struct NewBlock<'a> {
    /// Its height.
    pub height: u64,
    /// Hash of its header.
    pub hash: Hash,
    /// Hash of the header before.
    pub prev: Hash,
    /// Entries up to and including it.
    pub size: u64,
    /// Canonical text of its header.
    pub header: &'a str,
    /// Its entries: index, kind, leaf hash, canonical text.
    pub entries: &'a [(u64, Kind, Hash, String)],
    /// The tiles that appending them changed, in full.
    pub tiles: &'a [Tile],
}

/// Guards a statement: so many rows and no other number, else the transaction must not stand.
pub(super) fn exactly(table: &'static str, key: impl ToString, wanted: usize, rows: usize) -> Result<(), StoreError> {
    if rows == wanted {
        return Ok(());
    }
    let what = format!("{rows} rows were written where {wanted} must be");
    Err(StoreError::Corrupt { table, key: key.to_string(), what })
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a mut Conn, young: &'a Young) -> Self {
        Self { reader: Reader::new(conn, young), written: None }
    }

    /// Forgets what memory holds of the database: MUST come first where another process may have written blocks meanwhile.
    pub fn forget(&self) {
        self.young.forget();
    }

    /// Writes a roster.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_roster(&mut self, roster: &Roster) -> Result<(), StoreError> {
        let row = (rosters::from_height.eq(column(roster.from_height())), rosters::roster.eq(roster.text()));
        diesel::insert_into(rosters::table).values(row).execute(self.conn)?;
        Ok(())
    }

    /// Writes a block with its entries and tiles.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when the block does not follow the last one (UNIQUE height and prev).
    pub fn insert_block(&mut self, block: &NewBlock<'_>) -> Result<(), StoreError> {
        let row = BlockRow {
            height: column(block.height),
            hash: block.hash.as_bytes().to_vec(),
            prev: block.prev.as_bytes().to_vec(),
            size: column(block.size),
            header: block.header.to_owned(),
        };
        diesel::insert_into(blocks::table).values(row).execute(self.conn)?;
        bulk::insert_entries(self.conn, block.height, block.entries)?;
        bulk::put_tiles(self.conn, block.tiles)
    }

    /// Writes the seals of a block.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] for a second seal of one member.
    pub fn insert_seals(&mut self, height: u64, seals: &[Seal]) -> Result<(), StoreError> {
        bulk::insert_seals(self.conn, height, seals)
    }

    /// Writes what executing a batch changed.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when a guarantee of design.md 5 would be broken.
    pub fn put_changes(&mut self, tables: &Tables) -> Result<(), StoreError> {
        for record in tables.rosters.inserted() {
            self.insert_roster(&record.roster)?;
        }
        self.put_projections(tables)
    }

    /// Writes changed pages of the map of present states, whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_state_pages(&mut self, pages: &[(PagePath, Page)]) -> Result<(), StoreError> {
        bulk::put_state_pages(self.conn, pages)
    }

    /// Writes the changed rows of the tables that entries give: all changes but those of rosters, which are append-only.
    pub(super) fn put_projections(&mut self, tables: &Tables) -> Result<(), StoreError> {
        self.put_merchants(tables)?;
        self.put_rules(tables)?;
        bulk::put_issuers(self.conn, &tables.issuers)?;
        bulk::put_quotas(self.conn, &tables.quotas)?;
        bulk::put_journals(self.conn, &tables.journals)?;
        bulk::put_days(self.conn, &tables.days)?;
        self.put_sequences(tables)?;
        bulk::insert_payments(self.conn, tables.payments.inserted())?;
        bulk::update_payments(self.conn, tables.payments.updated())?;
        for refund in tables.refunds.inserted().chain(tables.refunds.updated()) {
            diesel::insert_into(refunds::table).values(RefundRow::from(refund)).execute(self.conn)?;
        }
        bulk::insert_invoices(self.conn, tables.invoices.inserted().chain(tables.invoices.updated()))?;
        bulk::put_reversals(self.conn, &tables.reversals)?;
        bulk::put_lives(self.conn, &tables.lives)?;
        bulk::put_confirmations(self.conn, &tables.confirmations)
    }

    fn put_merchants(&mut self, tables: &Tables) -> Result<(), StoreError> {
        for merchant in tables.merchants.inserted() {
            diesel::insert_into(merchants::table).values(MerchantRow::from(merchant)).execute(self.conn)?;
        }
        for merchant in tables.merchants.updated() {
            let row = MerchantRow::from(merchant);
            let id = row.id.clone();
            let done = diesel::update(merchants::table.find(&id)).set(row).execute(self.conn)?;
            exactly("merchants", id, 1, done)?;
        }
        Ok(())
    }

    fn put_rules(&mut self, tables: &Tables) -> Result<(), StoreError> {
        for rules in tables.rules.inserted() {
            diesel::insert_into(rules::table).values(RulesRow::try_from(rules)?).execute(self.conn)?;
        }
        for rules in tables.rules.updated() {
            let row = RulesRow::try_from(rules)?;
            let key = (row.scope.clone(), row.from_height);
            let done = diesel::update(rules::table.find((&key.0, key.1))).set(row).execute(self.conn)?;
            exactly("rules", key.0, 1, done)?;
        }
        Ok(())
    }

    fn put_sequences(&mut self, tables: &Tables) -> Result<(), StoreError> {
        for sequence in tables.sequences.inserted() {
            diesel::insert_into(sequences::table).values(SequenceRow::from(sequence)).execute(self.conn)?;
        }
        for sequence in tables.sequences.updated() {
            // Guarded: a series only ever moves forward.
            let target = sequences::table.find(&sequence.name).filter(sequences::issued.lt(sequence.issued));
            let done = diesel::update(target).set(sequences::issued.eq(sequence.issued)).execute(self.conn)?;
            exactly("sequences", &sequence.name, 1, done)?;
        }
        Ok(())
    }

    /// Puts what a block's entries are to be told to into the outbox, due at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_outbox_of_block(&mut self, items: &[(u64, &'static str)], now: UnixMs) -> Result<(), StoreError> {
        bulk::insert_outbox(self.conn, items, now)
    }

    /// Puts something into the outbox, due at once. What waits there already is left as it is; says whether it was new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_outbox(&mut self, entry: u64, topic: &str, now: UnixMs) -> Result<bool, StoreError> {
        let row = OutboxItem {
            entry: column(entry),
            topic: topic.to_owned(),
            state: "pending".to_owned(),
            attempts: 0,
            next_at_ms: now.0,
            last_error: None,
        };
        self.insert_if_new(|conn| diesel::insert_into(outbox::table).values(row).execute(conn))
    }

    /// Takes a delivered item out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_outbox(&mut self, entry: i64, topic: &str) -> Result<(), StoreError> {
        diesel::delete(outbox::table.find((entry, topic))).execute(self.conn)?;
        Ok(())
    }

    /// Notes a failed try: when to try again, or `None` to give it up. Says whether the item was still there as it was read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn postpone_outbox(
        &mut self,
        item: &OutboxItem,
        next_at: Option<UnixMs>,
        why: &str,
    ) -> Result<bool, StoreError> {
        let state = if next_at.is_some() { "pending" } else { "dead" };
        let target = outbox::table
            .find((item.entry, item.topic.as_str()))
            .filter(outbox::attempts.eq(item.attempts))
            .filter(outbox::state.eq("pending"));
        let done = diesel::update(target)
            .set((
                outbox::state.eq(state),
                outbox::attempts.eq(item.attempts.saturating_add(1)),
                outbox::next_at_ms.eq(next_at.map_or(item.next_at_ms, |at| at.0)),
                outbox::last_error.eq(why.chars().take(500).collect::<String>()),
            ))
            .execute(self.conn)?;
        // Somebody else may have noted it meanwhile: that must not undo what is noted of others in this transaction.
        Ok(done == 1)
    }

    /// Takes up again what was given up, all of it or what is about one entry, due at once and with all its tries before it; says how
    /// many items that were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revive_outbox(&mut self, entry: Option<u64>, now: UnixMs) -> Result<usize, StoreError> {
        let again = (outbox::state.eq("pending"), outbox::attempts.eq(0), outbox::next_at_ms.eq(now.0));
        let dead = outbox::state.eq("dead");
        Ok(match entry {
            None => diesel::update(outbox::table.filter(dead)).set(again).execute(self.conn)?,
            Some(entry) => {
                let of_entry = outbox::table.filter(dead).filter(outbox::entry.eq(column(entry)));
                diesel::update(of_entry).set(again).execute(self.conn)?
            }
        })
    }

    /// Keeps what was bought. An order that is there already is left as it is; says whether it was new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_order(
        &mut self,
        merchant: &MerchantId,
        order: &TransactionId,
        body: &str,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let row = (
            orders::merchant.eq(merchant.as_str()),
            orders::order_id.eq(order.as_str()),
            orders::body.eq(body),
            orders::received_at_ms.eq(now.0),
        );
        self.insert_if_new(|conn| diesel::insert_into(orders::table).values(row).execute(conn))
    }

    /// Keeps who made the payment that an entry recorded. Personal: stays off the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_payer(&mut self, entry: u64, openid: &Secret<String>) -> Result<(), StoreError> {
        let row = (payers::entry.eq(column(entry)), payers::openid.eq(openid.expose()));
        diesel::insert_into(payers::table).values(row).execute(self.conn)?;
        Ok(())
    }

    /// Keeps the sealed secret of an issuer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_custody_key(&mut self, issuer: &Address, sealed: &[u8], now: UnixMs) -> Result<(), StoreError> {
        let row = (
            custody_keys::issuer.eq(issuer.0.to_vec()),
            custody_keys::sealed.eq(sealed),
            custody_keys::created_at_ms.eq(now.0),
        );
        diesel::insert_into(custody_keys::table).values(row).execute(self.conn)?;
        Ok(())
    }

    /// Keeps an API key's hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        diesel::insert_into(api_keys::table).values(ApiKeyRow::from(key)).execute(self.conn)?;
        Ok(())
    }

    /// Revokes an API key; says whether there was one to revoke.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_api_key(&mut self, id: &str, now: UnixMs) -> Result<bool, StoreError> {
        let target = api_keys::table.find(id).filter(api_keys::revoked_at_ms.is_null());
        let done = diesel::update(target).set(api_keys::revoked_at_ms.eq(now.0)).execute(self.conn)?;
        Ok(done == 1)
    }

    /// Inserts inside a savepoint and turns "it is there already" into an answer: on PostgreSQL a violated constraint
    /// would otherwise spoil the whole transaction.
    fn insert_if_new(&mut self, insert: impl FnOnce(&mut Conn) -> QueryResult<usize>) -> Result<bool, StoreError> {
        match self.conn.transaction(insert) {
            Ok(_) => Ok(true),
            Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}
