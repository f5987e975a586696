//! The lease of the sequencer: one row that says which process sequences, and a token that fences its predecessors.
//!
//! Taking the lease makes the token one larger, in a guarded update under the write lock. Every batch asks for its token first
//! ([`Tx::fence`]) under the same lock: whoever lost the lease, even without knowing it, can't commit another batch.
//!
//! Neither the database's clock nor ours is asked: a lease has no end. Its holder moves `beat`; whoever watches it stand still for
//! long enough, by a clock of its own, may take it.

use diesel::prelude::*;

use super::connection::Conn;
use super::error::StoreError;
use super::reader::Reader;
use super::rows::{column, unsigned};
use super::schema::leaderships;
use super::tx::Tx;

/// The one lease there is.
const SEQUENCER: &str = "sequencer";

/// The lease as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The process that holds it; empty when it is free.
    pub holder: String,
    /// Where the other processes reach the holder; empty when nowhere.
    pub address: String,
    /// Grows with every change of hands.
    pub token: u64,
    /// Moves while the holder lives.
    pub beat: u64,
}

impl Lease {
    /// Whether nobody holds it.
    pub fn is_free(&self) -> bool {
        self.holder.is_empty()
    }
}

impl Reader<'_> {
    /// The lease.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lease(&mut self) -> Result<Lease, StoreError> {
        let row: Option<(String, String, String, i64, i64)> =
            leaderships::table.find(SEQUENCER).get_result(self.conn).optional()?;
        let Some((_, holder, address, token, beat)) = row else {
            let what = "the row that the schema came with is missing".to_owned();
            return Err(StoreError::Corrupt { table: "leaderships", key: SEQUENCER.to_owned(), what });
        };
        let (token, beat) = (unsigned("leaderships", SEQUENCER, token)?, unsigned("leaderships", SEQUENCER, beat)?);
        Ok(Lease { holder, address, token, beat })
    }
}

impl Tx<'_> {
    /// Takes the lease, if it is still as it was `seen`. Gives the new token. MUST be called only for a lease that is free or
    /// whose holder is believed dead.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_lease(&mut self, holder: &str, address: &str, seen: &Lease) -> Result<Option<u64>, StoreError> {
        let token = seen.token.saturating_add(1);
        let as_seen = leaderships::table
            .find(SEQUENCER)
            .filter(leaderships::token.eq(column(seen.token)))
            .filter(leaderships::beat.eq(column(seen.beat)));
        let taken = diesel::update(as_seen)
            .set((
                leaderships::holder.eq(holder),
                leaderships::address.eq(address),
                leaderships::token.eq(column(token)),
                leaderships::beat.eq(0),
            ))
            .execute(self.conn)?;
        Ok((taken == 1).then_some(token))
    }

    /// Shows the others that the holder of this token lives. Says whether it still holds the lease.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn beat_lease(&mut self, token: u64) -> Result<bool, StoreError> {
        let own = leaderships::table.find(SEQUENCER).filter(leaderships::token.eq(column(token)));
        let moved = diesel::update(own).set(leaderships::beat.eq(leaderships::beat + 1)).execute(self.conn)?;
        Ok(moved == 1)
    }

    /// Lets the transaction go on only if the lease still has this token. Nobody can take the lease until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another process has taken the lease meanwhile.
    pub fn fence(&mut self, token: u64) -> Result<(), StoreError> {
        // Under load, beats wait behind batches: on PostgreSQL a batch is a beat itself. On SQLite nobody looks at beats (see `Hold`),
        // and a commit need not be a page larger for one.
        let holds = match self.conn {
            Conn::Postgres(_) => self.beat_lease(token)?,
            Conn::Sqlite(_) => self.lease()?.token == token,
        };
        if holds { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Gives the lease back, if it still has this token: the next one may take it at once. Says whether it had.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn release_lease(&mut self, token: u64) -> Result<bool, StoreError> {
        let own = leaderships::table.find(SEQUENCER).filter(leaderships::token.eq(column(token)));
        // The token moves on, so that nothing more is committed under the one that was given back.
        let released = diesel::update(own)
            .set((
                leaderships::holder.eq(""),
                leaderships::address.eq(""),
                leaderships::token.eq(leaderships::token + 1),
            ))
            .execute(self.conn)?;
        Ok(released == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DatabaseUrl, Store};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("ledger.db"));
        Store::migrate(&url).unwrap();
        let store = Store::open(&url, 1).unwrap();
        (folder, store)
    }

    fn lease(store: &Store) -> Lease {
        store.read_blocking(|reader| reader.lease()).unwrap()
    }

    fn take(store: &Store, holder: &str, seen: &Lease) -> Option<u64> {
        store.write_blocking(|tx| tx.take_lease(holder, "http://127.0.0.1:1", seen)).unwrap()
    }

    #[test]
    fn a_new_ledgers_lease_is_free_and_is_taken_once() {
        let (_folder, store) = store();
        let free = lease(&store);
        assert!(free.is_free());
        assert_eq!(take(&store, "a", &free), Some(1));
        assert_eq!(take(&store, "b", &free), None);
        let held = lease(&store);
        assert_eq!((held.holder.as_str(), held.address.as_str(), held.token), ("a", "http://127.0.0.1:1", 1));
    }

    #[test]
    fn a_lease_that_has_beaten_since_it_was_seen_is_not_taken() {
        let (_folder, store) = store();
        take(&store, "a", &lease(&store)).unwrap();
        let seen = lease(&store);
        assert!(store.write_blocking(|tx| tx.beat_lease(1)).unwrap());
        assert_eq!(take(&store, "b", &seen), None);
        assert_eq!(take(&store, "b", &lease(&store)), Some(2));
        assert!(!store.write_blocking(|tx| tx.beat_lease(1)).unwrap());
    }

    #[test]
    fn an_old_token_is_fenced_and_its_transaction_leaves_nothing() {
        let (_folder, store) = store();
        take(&store, "a", &lease(&store)).unwrap();
        store.write_blocking(|tx| tx.fence(1)).unwrap();
        take(&store, "b", &lease(&store)).unwrap();
        for stale in [0, 1, 3] {
            let fenced = store.write_blocking(|tx| tx.fence(stale)).unwrap_err();
            assert!(matches!(fenced, StoreError::Fenced), "{stale}: {fenced}");
        }
        store.write_blocking(|tx| tx.fence(2)).unwrap();
    }

    #[test]
    fn a_lease_that_was_given_back_is_free_and_its_token_is_fenced() {
        let (_folder, store) = store();
        take(&store, "a", &lease(&store)).unwrap();
        assert!(store.write_blocking(|tx| tx.release_lease(1)).unwrap());
        assert!(lease(&store).is_free());
        assert!(matches!(store.write_blocking(|tx| tx.fence(1)), Err(StoreError::Fenced)));
        assert!(!store.write_blocking(|tx| tx.release_lease(1)).unwrap());
        assert_eq!(take(&store, "b", &lease(&store)), Some(3));
    }
}
