//! Connections: which database a URL means, how a connection is set up, and the one way to open a write transaction.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::connection::{AnsiTransactionManager, Connection, SimpleConnection, TransactionManager as _};
use diesel::result::QueryResult;
use diesel::sqlite::SqliteConnection;

use super::error::StoreError;

#[expect(
    clippy::disallowed_types,
    reason = "the derive names every SQL type, the floating ones too; no column uses them"
)]
mod multi {
    use diesel::sqlite::SqliteConnection;

    /// A connection to whichever database the URL named. All SQL is written against this type, so that it carries to every
    /// database that gets a variant (style.md 3a).
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// SQLite, embedded.
        Sqlite(SqliteConnection),
    }
}

pub use multi::Conn;

/// A database URL that this program can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:<path>`.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads a URL; an unknown scheme is refused rather than taken for a file name.
    ///
    /// # Errors
    /// [`StoreError::Url`].
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() || path.starts_with(":memory:") {
                    return Err(StoreError::Url("a ledger needs a file: sqlite:<path>".to_owned()));
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            Some((scheme, _)) => Err(StoreError::Url(format!("unknown scheme '{scheme}'; known is sqlite:<path>"))),
            None => Err(StoreError::Url("a URL has the form sqlite:<path>".to_owned())),
        }
    }

    /// The file, for messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path,
        }
    }

    /// Opens a connection. The file must exist unless `create` says that it may be made.
    pub(super) fn connect(&self, purpose: Purpose, create: bool) -> Result<Conn, StoreError> {
        match self {
            Self::Sqlite(path) => {
                if !create && !path.exists() {
                    let message = format!("{} does not exist; `piaolian migrate` makes it", path.display());
                    return Err(StoreError::Url(message));
                }
                if create && !path.exists() {
                    make_private(path)?;
                }
                let text = path.to_str().ok_or_else(|| StoreError::Url("the path is not UTF-8".to_owned()))?;
                let mut conn = SqliteConnection::establish(text).map_err(|e| StoreError::Url(e.to_string()))?;
                // 8 KiB pages cost a third less per row and the checkpoint interval keeps p99 down (performance.md, rule 7).
                // FULL: a commit is on disk before anybody is answered.
                conn.batch_execute(
                    "PRAGMA busy_timeout = 5000; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; \
                     PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 1000; \
                     PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
                )?;
                match purpose {
                    Purpose::Write => {}
                    Purpose::Read => conn.batch_execute("PRAGMA query_only = ON;")?,
                }
                Ok(Conn::Sqlite(conn))
            }
        }
    }
}

/// Makes the file readable by its owner only, before SQLite does it with wider rights; WAL and index files follow it.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(|_file| ()).map_err(|e| StoreError::Url(format!("{} can't be made: {e}", path.display())))
}

/// What a connection is for. A reader can't write even by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Queries only.
    Read,
    /// The writer.
    Write,
}

/// Opens a write transaction that has the write lock from its first statement. A plain one on SQLite starts as a reader
/// and fails with "database is locked" when it turns to writing (style.md 3a.3).
pub(super) fn begin_write(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE"),
    }
}

/// Opens a read transaction: all its queries see one moment.
pub(super) fn begin_read(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN DEFERRED"),
    }
}

/// Whether a transaction is open, or its end failed.
pub(super) fn in_transaction(conn: &mut Conn) -> bool {
    let status = <Conn as Connection>::TransactionManager::transaction_manager_status_mut(conn);
    !matches!(status.transaction_depth(), Ok(None))
}

/// Makes connections for the pool of readers.
#[derive(Debug)]
pub(super) struct ReaderManager(pub(super) DatabaseUrl);

impl r2d2::ManageConnection for ReaderManager {
    type Connection = Conn;
    type Error = StoreError;

    fn connect(&self) -> Result<Conn, StoreError> {
        self.0.connect(Purpose::Read, false)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), StoreError> {
        conn.batch_execute("SELECT 1").map_err(StoreError::from)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        // A reader that a panic or an I/O error left inside a transaction would fail every later read.
        std::thread::panicking() || in_transaction(conn)
    }
}
