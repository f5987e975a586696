//! The write transaction: the only type that can insert, update or delete.

use std::ops::{Deref, DerefMut};

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::Conn;
use super::error::StoreError;
use super::reader::Reader;
use super::rows::{
    AnswerRow, ApiKey, ApiKeyRow, BlockRow, EntryRow, InvoiceRow, MerchantRow, OutboxItem, PaymentRow, QuotaRow,
    RefundRow, RulesRow, SealRow, SequenceRow, column,
};
use super::schema::{
    answers, api_keys, blocks, custody_keys, entries, invoices, merchants, orders, outbox, payers, payments, quotas,
    refunds, rosters, rules, seals, sequences, tiles,
};
use crate::base::UnixMs;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;
use crate::chain::tiles::Tile;
use crate::ledger::State;
use crate::ledger::entry::Kind;
use crate::ledger::state::Reader as StateReader;

/// A write transaction. Reads through it see its own writes.
pub struct Tx<'a>(Reader<'a>);

impl<'a> Deref for Tx<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
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

/// Guards an update: exactly one row, else the transaction must not stand.
fn exactly_one(table: &'static str, key: impl ToString, rows: usize) -> Result<(), StoreError> {
    if rows == 1 {
        return Ok(());
    }
    Err(StoreError::Corrupt { table, key: key.to_string(), what: format!("{rows} rows where one must be updated") })
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a mut Conn) -> Self {
        Self(Reader::new(conn))
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
        for (index, kind, leaf, text) in block.entries {
            let row = EntryRow {
                idx: column(*index),
                height: column(block.height),
                kind: kind.as_str().to_owned(),
                leaf: leaf.as_bytes().to_vec(),
                entry: text.clone(),
            };
            diesel::insert_into(entries::table).values(row).execute(self.conn)?;
        }
        for tile in block.tiles {
            self.put_tile(tile)?;
        }
        Ok(())
    }

    /// Writes the seals of a block.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] for a second seal of one member.
    pub fn insert_seals(&mut self, height: u64, seals: &[Seal]) -> Result<(), StoreError> {
        for seal in seals {
            let row = SealRow {
                height: column(height),
                member: seal.member.to_string(),
                round: i64::from(seal.round),
                signature: seal.signature.0.to_vec(),
            };
            diesel::insert_into(seals::table).values(row).execute(self.conn)?;
        }
        Ok(())
    }

    fn put_tile(&mut self, tile: &Tile) -> Result<(), StoreError> {
        let (level, index) = (i64::from(tile.id.level), column(tile.id.index));
        let bytes: Vec<u8> = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        let updated =
            diesel::update(tiles::table.find((level, index))).set(tiles::hashes.eq(&bytes)).execute(self.conn)?;
        if updated == 0 {
            let row = (tiles::level.eq(level), tiles::idx.eq(index), tiles::hashes.eq(&bytes));
            diesel::insert_into(tiles::table).values(row).execute(self.conn)?;
        }
        Ok(())
    }

    /// Writes what executing a batch changed.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when a guarantee of design.md 5 would be broken.
    pub fn put_changes<R: StateReader>(&mut self, state: &State<R>) -> Result<(), StoreError> {
        for merchant in state.merchants.inserted() {
            diesel::insert_into(merchants::table).values(MerchantRow::from(merchant)).execute(self.conn)?;
        }
        for merchant in state.merchants.updated() {
            let row = MerchantRow::from(merchant);
            let id = row.id.clone();
            let done = diesel::update(merchants::table.find(&id)).set(row).execute(self.conn)?;
            exactly_one("merchants", id, done)?;
        }
        for rules in state.rules.inserted() {
            diesel::insert_into(rules::table).values(RulesRow::try_from(rules)?).execute(self.conn)?;
        }
        for rules in state.rules.updated() {
            let row = RulesRow::try_from(rules)?;
            let scope = row.scope.clone();
            let done = diesel::update(rules::table.find(&scope)).set(row).execute(self.conn)?;
            exactly_one("rules", scope, done)?;
        }
        self.put_counters(state)?;
        self.put_payments(state)?;
        // An answer or a refund never changes: one that did would run into its UNIQUE constraint here.
        for answer in state.answers.inserted().chain(state.answers.updated()) {
            diesel::insert_into(answers::table).values(AnswerRow::from(answer)).execute(self.conn)?;
        }
        for invoice in &state.invoices {
            diesel::insert_into(invoices::table).values(InvoiceRow::from(invoice)).execute(self.conn)?;
        }
        Ok(())
    }

    fn put_counters<R: StateReader>(&mut self, state: &State<R>) -> Result<(), StoreError> {
        for quota in state.quotas.inserted() {
            diesel::insert_into(quotas::table).values(QuotaRow::from(quota)).execute(self.conn)?;
        }
        for quota in state.quotas.updated() {
            let row = QuotaRow::from(quota);
            let key = (row.merchant.clone(), row.month.clone());
            let target = quotas::table.find((&key.0, &key.1));
            let done = diesel::update(target).set(row).execute(self.conn)?;
            exactly_one("quotas", format!("{}/{}", key.0, key.1), done)?;
        }
        for sequence in state.sequences.inserted() {
            diesel::insert_into(sequences::table).values(SequenceRow::from(sequence)).execute(self.conn)?;
        }
        for sequence in state.sequences.updated() {
            // Guarded: a series only ever moves forward.
            let target = sequences::table.find(&sequence.name).filter(sequences::issued.lt(sequence.issued));
            let done = diesel::update(target).set(sequences::issued.eq(sequence.issued)).execute(self.conn)?;
            exactly_one("sequences", &sequence.name, done)?;
        }
        Ok(())
    }

    fn put_payments<R: StateReader>(&mut self, state: &State<R>) -> Result<(), StoreError> {
        for payment in state.payments.inserted() {
            diesel::insert_into(payments::table).values(PaymentRow::from(payment)).execute(self.conn)?;
        }
        for payment in state.payments.updated() {
            let row = PaymentRow::from(payment);
            let target = payments::table.find((&row.provider, &row.transaction_id));
            let done = diesel::update(target)
                .set((payments::refunded_fen.eq(row.refunded_fen), payments::invoiced_fen.eq(row.invoiced_fen)))
                .execute(self.conn)?;
            exactly_one("payments", format!("{}/{}", row.provider, row.transaction_id), done)?;
        }
        for refund in state.refunds.inserted().chain(state.refunds.updated()) {
            diesel::insert_into(refunds::table).values(RefundRow::from(refund)).execute(self.conn)?;
        }
        Ok(())
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

    /// Keeps who paid. Personal: stays off the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_payer(
        &mut self,
        provider: &Provider,
        transaction: &TransactionId,
        openid: &str,
    ) -> Result<bool, StoreError> {
        let row = (
            payers::provider.eq(provider.as_str()),
            payers::transaction_id.eq(transaction.as_str()),
            payers::openid.eq(openid),
        );
        self.insert_if_new(|conn| diesel::insert_into(payers::table).values(row).execute(conn))
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
