//! Floor 3: the only room that speaks SQL.
//!
//! Promises: [`Store::write`] is the only door for writes: one closure, one transaction, all or nothing, durable when it
//! returns. [`Store::read`] sees one moment and can't write. UNIQUE and CHECK constraints are the guarantees, the lock is for order.
//!
//! One row by its key is read with `get_result`, never `first`: the latter binds a LIMIT, and SQLite then prepares the statement
//! again at every execution (measured: 14 % of the sequencer's CPU).
//!
//! *Invariant:* knows no HTTP and no rules; nothing here awaits or calls a partner inside a transaction.

mod connection;
mod dump;
mod error;
mod pages;
mod reader;
mod rows;
mod schema;
mod state;
mod tx;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{Connection, TransactionManager};
use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::Semaphore;

pub use connection::DatabaseUrl;
use connection::{Conn, Purpose, ReaderManager, begin_read, begin_write, in_transaction};
pub use error::StoreError;
pub use pages::{InvoiceFilter, PaymentFilter};
pub use reader::{Block, Reader, StoredEntry};
pub use rows::{ApiKey, OutboxItem, Role};
pub use tx::{NewBlock, Tx};

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// How long a reader waits for a free connection before it is told that the database is busy.
const READ_WAIT: Duration = Duration::from_secs(5);

/// Writes outside the sequencer's batches that may wait for the writer on a thread each; more wait without one.
const WRITES_WAITING_MAX: usize = 16;

/// The database of one ledger. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    url: DatabaseUrl,
    readers: r2d2::Pool<ReaderManager>,
    permits: Arc<Semaphore>,
    write_permits: Arc<Semaphore>,
    writer: Arc<Mutex<Conn>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens an existing, fully migrated database.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Unmigrated`], [`StoreError::Newer`].
    pub fn open(url: &DatabaseUrl, reader_connections: u32) -> Result<Self, StoreError> {
        let mut writer = url.connect(Purpose::Write, false)?;
        refuse_newer(&mut writer)?;
        let pending = pending_migrations(&mut writer)?;
        if !pending.is_empty() {
            return Err(StoreError::Unmigrated(pending.join(", ")));
        }
        let readers = r2d2::Pool::builder()
            .max_size(reader_connections.max(1))
            .min_idle(Some(1))
            .connection_timeout(READ_WAIT)
            .test_on_check_out(false)
            .build(ReaderManager(url.clone()))
            .map_err(|e| StoreError::Worker(e.to_string()))?;
        let permits = Arc::new(Semaphore::new(usize::try_from(reader_connections.max(1)).unwrap_or(1)));
        let write_permits = Arc::new(Semaphore::new(WRITES_WAITING_MAX));
        Ok(Self { url: url.clone(), readers, permits, write_permits, writer: Arc::new(Mutex::new(writer)) })
    }

    /// Brings a database up to this program's schema, making it if it is not there. Gives the names of what was run.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Newer`], or what the database says.
    pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, StoreError> {
        let mut conn = url.connect(Purpose::Write, true)?;
        refuse_newer(&mut conn)?;
        match &mut conn {
            Conn::Sqlite(sqlite) => {
                let run =
                    sqlite.run_pending_migrations(SQLITE_MIGRATIONS).map_err(|e| StoreError::Worker(e.to_string()))?;
                Ok(run.iter().map(ToString::to_string).collect())
            }
        }
    }

    /// Takes the last migration back; for the test that migrations go down as well as up.
    ///
    /// # Errors
    /// What the database says.
    pub fn revert_last_migration(url: &DatabaseUrl) -> Result<String, StoreError> {
        match &mut url.connect(Purpose::Write, false)? {
            Conn::Sqlite(sqlite) => {
                let reverted = sqlite.revert_last_migration(SQLITE_MIGRATIONS);
                reverted.map(|version| version.to_string()).map_err(|e| StoreError::Worker(e.to_string()))
            }
        }
    }

    /// Writes: one closure, one transaction. If the closure fails, nothing is written. On success it is durable.
    ///
    /// # Errors
    /// The closure's own, or a [`StoreError`] as the caller's error.
    pub fn write_blocking<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // A poisoned lock means that another closure panicked; its transaction is rolled back below, so going on is safe.
        let mut conn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.leave_transaction(&mut conn)?;
        begin_write(&mut conn).map_err(StoreError::from)?;
        match work(&mut Tx::new(&mut conn)) {
            Ok(value) => {
                if let Err(error) = <Conn as Connection>::TransactionManager::commit_transaction(&mut *conn) {
                    // A busy database refuses before it writes; after anything else only asking again tells.
                    let error = StoreError::from(error);
                    let unknown =
                        if let StoreError::Database(cause) = error { StoreError::CommitUnknown(cause) } else { error };
                    if let Err(error) = self.leave_transaction(&mut conn) {
                        tracing::error!(%error, "the writer could not be made usable again; trying at the next write");
                    }
                    return Err(unknown.into());
                }
                Ok(value)
            }
            Err(error) => {
                roll_back(&mut conn);
                Err(error)
            }
        }
    }

    /// Makes sure that the writer is in no transaction, which a panic or a failed commit may have left open. A connection that
    /// can't even roll back is replaced.
    fn leave_transaction(&self, conn: &mut Conn) -> Result<(), StoreError> {
        if in_transaction(conn) {
            roll_back(conn);
        }
        if in_transaction(conn) {
            *conn = self.url.connect(Purpose::Write, false)?;
        }
        Ok(())
    }

    /// [`Store::write_blocking`] on a thread that may block.
    ///
    /// # Errors
    /// As there.
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let waiting = tokio::time::timeout(READ_WAIT, Arc::clone(&self.write_permits).acquire_owned()).await;
        let Ok(Ok(permit)) = waiting else {
            return Err(StoreError::Busy.into());
        };
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = store.write_blocking(work);
            drop(permit);
            result
        });
        done.await.unwrap_or_else(|e| Err(StoreError::Worker(e.to_string()).into()))
    }

    /// Reads: one closure that sees one moment.
    ///
    /// # Errors
    /// The closure's own, or a [`StoreError`] as the caller's error.
    pub fn read_blocking<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&mut Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.readers.get_timeout(READ_WAIT).map_err(|_timeout| StoreError::Busy)?;
        begin_read(&mut conn).map_err(StoreError::from)?;
        let result = work(&mut Reader::new(&mut conn));
        roll_back(&mut conn);
        result
    }

    /// [`Store::read_blocking`] on a thread that may block. Waiting for a connection costs no thread.
    ///
    /// # Errors
    /// As there; [`StoreError::Busy`] when no connection came free in time.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Reader<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let waiting = tokio::time::timeout(READ_WAIT, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = waiting else {
            return Err(StoreError::Busy.into());
        };
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = store.read_blocking(work);
            drop(permit);
            result
        });
        done.await.unwrap_or_else(|e| Err(StoreError::Worker(e.to_string()).into()))
    }
}

fn roll_back(conn: &mut Conn) {
    if let Err(error) = <Conn as Connection>::TransactionManager::rollback_transaction(conn) {
        tracing::warn!(%error, "rolling a transaction back failed");
    }
}

fn embedded_versions() -> Result<Vec<String>, StoreError> {
    let migrations: Vec<Box<dyn Migration<Sqlite>>> =
        SQLITE_MIGRATIONS.migrations().map_err(|e| StoreError::Worker(e.to_string()))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn refuse_newer(conn: &mut Conn) -> Result<(), StoreError> {
    let known = embedded_versions()?;
    let applied = match conn {
        Conn::Sqlite(sqlite) => sqlite.applied_migrations().map_err(|e| StoreError::Worker(e.to_string()))?,
    };
    match applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
        Some(unknown) => Err(StoreError::Newer(unknown)),
        None => Ok(()),
    }
}

fn pending_migrations(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let pending: Vec<Box<dyn Migration<Sqlite>>> = match conn {
        Conn::Sqlite(sqlite) => {
            sqlite.pending_migrations(SQLITE_MIGRATIONS).map_err(|e| StoreError::Worker(e.to_string()))?
        }
    };
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}
