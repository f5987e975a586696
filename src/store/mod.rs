//! Floor 3: the only room that speaks SQL.
//!
//! Promises: [`Store::write`] is the only door for writes: one closure, one transaction, all or nothing, durable when it
//! returns. [`Store::read`] sees one moment and can't write; [`Store::view`] sees one that may lag. UNIQUE and CHECK constraints are the guarantees for
//! keys that come in order; random keys are found by fingerprints (`lookups.rs`, `young.rs`), and the one fenced writer looks them up first.
//!
//! One row by its key is read with `get_result`, never `first`: the latter binds a LIMIT, and SQLite then prepares the statement
//! again at every execution (measured: 14 % of the sequencer's CPU).
//!
//! *Invariant:* knows no HTTP and no rules; nothing here awaits or calls a partner inside a transaction.

mod bulk;
mod connection;
mod copy;
mod dump;
mod error;
mod failing;
mod hold;
mod lease;
mod lookups;
mod migrations;
mod pages;
mod pages_life;
mod present;
mod provision;
mod reader;
mod rebuild;
mod rows;
mod schema;
mod state;
mod stream;
mod tx;
mod view;
mod wal;
mod young;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{Connection, TransactionManager};
use tokio::sync::Semaphore;

use crate::base::stages::Stage;
pub use connection::DatabaseUrl;
use connection::{Conn, ReaderManager, begin_read, begin_write, in_transaction};
pub use copy::{CopiedTable, CopyError, CopyProgress, CopyReport, copy};
pub use error::StoreError;
pub use failing::at_disk_failure;
pub use hold::Hold;
pub use lease::Lease;
pub use lookups::Found;
pub use pages::{InvoiceFilter, PaymentFilter};
pub use pages_life::{ConfirmationFilter, DayFilter};
pub use present::Proven;
pub use provision::{PlainRows, ServerProbe, ServerState};
pub use reader::{Block, Reader, StoredEntry};
pub use rows::{ApiKey, OutboxItem, Role};
pub use stream::FilledBlock;
pub use tx::{NewBlock, Tx};
pub use view::{Standing, with_standing};
use young::Young;

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
    young: Arc<Young>,
    replica: Option<Arc<view::Replica>>,
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
        let mut writer = wal::connect_writer(url)?;
        let pending = migrations::pending(&mut writer)?;
        if !pending.is_empty() {
            return Err(StoreError::Unmigrated(pending.join(", ")));
        }
        if migrations::lookups_missing(&mut writer)? {
            return Err(StoreError::Unmigrated("the table of look-ups".to_owned()));
        }
        if rebuild::projections_missing(&mut writer)? {
            return Err(StoreError::Unmigrated("the rows of the new tables".to_owned()));
        }
        if present::state_pages_missing(&mut writer)? {
            return Err(StoreError::Unmigrated("the map of present states".to_owned()));
        }
        let readers = r2d2::Pool::builder()
            .max_size(reader_connections.max(1))
            .min_idle(Some(1))
            .connection_timeout(READ_WAIT)
            // An embedded database does not go away; a server does, and its connections with it.
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
            .build(ReaderManager(url.clone()))
            .map_err(|e| StoreError::Worker(e.to_string()))?;
        let permits = Arc::new(Semaphore::new(usize::try_from(reader_connections.max(1)).unwrap_or(1)));
        let write_permits = Arc::new(Semaphore::new(WRITES_WAITING_MAX));
        Ok(Self {
            url: url.clone(),
            readers,
            permits,
            write_permits,
            writer: Arc::new(Mutex::new(writer)),
            young: Arc::default(),
            replica: None,
        })
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
        self.begin(&mut conn)?;
        let mut tx = Tx::new(&mut conn, &self.young);
        let done = work(&mut tx);
        let written = tx.written.take();
        match done {
            Ok(value) => {
                let committed =
                    Stage::Store.measure(|| <Conn as Connection>::TransactionManager::commit_transaction(&mut *conn));
                if let Err(error) = committed {
                    // A busy database refuses before it writes, and one without room rolls back; after anything else only asking
                    // again tells.
                    let error = StoreError::from(error);
                    let unknown = match error {
                        StoreError::Database(_) | StoreError::Unreachable(_) => {
                            StoreError::CommitUnknown(error.to_string())
                        }
                        StoreError::Busy
                        | StoreError::Fenced
                        | StoreError::Constraint(_)
                        | StoreError::Corrupt { .. }
                        | StoreError::Url(_)
                        | StoreError::Unmigrated(_)
                        | StoreError::Newer(_)
                        | StoreError::HalfCopied
                        | StoreError::CommitUnknown(_)
                        | StoreError::Full
                        | StoreError::Failing(_)
                        | StoreError::Worker(_) => error,
                    };
                    if let Err(error) = self.leave_transaction(&mut conn) {
                        tracing::error!(%error, "the writer could not be made usable again; trying at the next write");
                    }
                    // Perhaps it stands, perhaps not: what memory holds must be read again.
                    self.young.forget();
                    return Err(unknown.into());
                }
                if let Some(written) = written {
                    self.young.committed(written);
                }
                wal::bring_over(&mut conn);
                Ok(value)
            }
            Err(error) => {
                roll_back(&mut conn);
                Err(error)
            }
        }
    }

    /// Begins a write transaction. A connection that its server has closed meanwhile is replaced, once: nothing was begun on it.
    fn begin(&self, conn: &mut Conn) -> Result<(), StoreError> {
        match begin_write(conn).map_err(StoreError::from) {
            Err(StoreError::Unreachable(why)) => {
                tracing::warn!(why, "the writer's connection is gone; connecting anew");
                *conn = wal::connect_writer(&self.url)?;
                Ok(begin_write(conn)?)
            }
            begun => begun,
        }
    }

    /// Makes sure that the writer is in no transaction, which a panic or a failed commit may have left open. A connection that
    /// can't even roll back is replaced.
    fn leave_transaction(&self, conn: &mut Conn) -> Result<(), StoreError> {
        if in_transaction(conn) {
            roll_back(conn);
        }
        if in_transaction(conn) {
            *conn = wal::connect_writer(&self.url)?;
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
        let result = work(&mut Reader::new(&mut conn, &self.young));
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
