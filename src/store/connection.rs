//! Connections: which database a URL means, how a connection is set up, and the one way to open a write transaction.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::connection::{AnsiTransactionManager, Connection, SimpleConnection, TransactionManager as _};
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use diesel::sqlite::SqliteConnection;

use super::error::StoreError;
use crate::base::Secret;

#[expect(
    clippy::disallowed_types,
    reason = "the derive names every SQL type, the floating ones too; no column uses them"
)]
mod multi {
    use diesel::pg::PgConnection;
    use diesel::sqlite::SqliteConnection;

    /// A connection to whichever database the URL named. SQL is written against this type, so that it carries to every
    /// database that has a variant (style.md 3a); where they differ, a `match` says how.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// SQLite, embedded.
        Sqlite(SqliteConnection),
        /// PostgreSQL 15 or later.
        Postgres(PgConnection),
    }
}

pub use multi::Conn;

/// A database URL that this program can use.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:<path>`.
    Sqlite(PathBuf),
    /// `postgres://user@host:port/database`, as libpq reads it.
    Postgres(Secret<String>),
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
            Some(("postgres" | "postgresql", rest)) => {
                let named = rest.strip_prefix("//").and_then(|rest| rest.split('?').next()?.rsplit_once('/'));
                if named.is_none_or(|(_, database)| database.is_empty()) {
                    let message = "name host and database: postgres://user@host:port/database";
                    return Err(StoreError::Url(message.to_owned()));
                }
                Ok(Self::Postgres(Secret::new(url.to_owned())))
            }
            Some((scheme, _)) => Err(StoreError::Url(format!(
                "unknown scheme '{scheme}'; known are sqlite:<path> and postgres://user@host:port/database"
            ))),
            None => Err(StoreError::Url("a URL has the form sqlite:<path> or postgres://...".to_owned())),
        }
    }

    /// The file of an embedded database.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Opens a connection. An embedded database's file must exist unless `create` says that it may be made.
    pub(super) fn connect(&self, purpose: Purpose, create: bool) -> Result<Conn, StoreError> {
        match self {
            Self::Sqlite(path) => connect_sqlite(path, purpose, create).map(Conn::Sqlite),
            Self::Postgres(url) => connect_postgres(url.expose(), purpose).map(Conn::Postgres),
        }
    }
}

impl std::fmt::Display for DatabaseUrl {
    /// For messages and logs: what stands before the host, a password among it, and parameters are left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => {
                let url = url.expose();
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.split('?').next().unwrap_or_default();
                write!(f, "postgres://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
            }
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn connect_sqlite(path: &Path, purpose: Purpose, create: bool) -> Result<SqliteConnection, StoreError> {
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
         PRAGMA temp_store = MEMORY;",
    )?;
    // The writer keeps the right edges of all indexes; a reader looks at a few pages, and there are many readers.
    match purpose {
        Purpose::Write => conn.batch_execute("PRAGMA cache_size = -32768;")?,
        Purpose::Read => conn.batch_execute("PRAGMA cache_size = -4096; PRAGMA query_only = ON;")?,
    }
    Ok(conn)
}

/// How long PostgreSQL may keep us waiting to connect, for a lock, or with no answer on the wire.
const POSTGRES_WAIT: [&str; 4] =
    ["connect_timeout=5", "tcp_user_timeout=5000", "keepalives_idle=5", "application_name=piaolian"];

fn connect_postgres(url: &str, purpose: Purpose) -> Result<PgConnection, StoreError> {
    let mut url = url.to_owned();
    for parameter in POSTGRES_WAIT {
        let name = parameter.split('=').next().unwrap_or_default();
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(parameter);
        }
    }
    let mut conn = PgConnection::establish(&url).map_err(|e| StoreError::Unreachable(e.to_string()))?;
    // on: a commit is on disk before anybody is answered, whatever the server's default. A transaction whose process
    // hangs must not hold the write lock for long: another process takes over after 2.5 s.
    conn.batch_execute(
        "SET synchronous_commit = on; SET lock_timeout = '5s'; SET client_min_messages = warning; \
         SET standard_conforming_strings = on;",
    )?;
    match purpose {
        Purpose::Write => conn.batch_execute("SET idle_in_transaction_session_timeout = '2s';")?,
        Purpose::Read => {
            conn.batch_execute("SET default_transaction_read_only = on; SET statement_timeout = '30s';")?
        }
    }
    Ok(conn)
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
        Conn::Postgres(postgres) => {
            // READ COMMITTED, so that the first statement after the lock sees what its last holder committed; under a
            // stronger level the snapshot would be older than the lock (style.md 3a.3).
            AnsiTransactionManager::begin_transaction_sql(postgres, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")?;
            postgres.batch_execute(WRITE_LOCK)
        }
    }
}

/// One writer at a time, whichever process it is in. Advisory locks belong to a database, so any number will do.
const WRITE_LOCK: &str = "SELECT pg_advisory_xact_lock(7401)";

/// Opens a read transaction: all its queries see one moment.
pub(super) fn begin_read(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN DEFERRED"),
        Conn::Postgres(postgres) => {
            AnsiTransactionManager::begin_transaction_sql(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        }
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
