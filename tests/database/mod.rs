//! A database of its own for each test, on SQLite or PostgreSQL, whichever the run is about.
//!
//! `TEST_DATABASE` says which: unset or `sqlite` is SQLite, a file in a temporary folder; `postgres://user@host:port/maintenance` is that
//! server, on which each test makes a database and drops it. `TEST_POSTGRES` names a server for the tests that need PostgreSQL whatever the
//! run is about. `tests/run.sh` starts a server and sets both.

#![allow(dead_code, reason = "each target that includes this uses its own part")]

mod cells;
mod raw;

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use piaolian::base::Secret;
use piaolian::chain::Roster;
use piaolian::ledger::audit::{Limits, Report, Trust, audit};
use piaolian::store::{DatabaseUrl, Store};

pub use cells::{Cell, Table};
pub use raw::{Column, Raw};

/// What every database of a test on a server is called: this, the process and a number.
const PREFIX: &str = "piaolian_test_";

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Both.
pub const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Which database this run is about.
pub fn kind() -> Kind {
    match variable("TEST_DATABASE").as_deref() {
        None | Some("sqlite") => Kind::Sqlite,
        Some(url) if is_server(url) => Kind::Postgres,
        Some(other) => {
            panic!("TEST_DATABASE is '{other}': unset it, or set 'sqlite' or 'postgres://user@host:port/database'")
        }
    }
}

fn is_server(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn server_if_named() -> Option<String> {
    variable("TEST_DATABASE").filter(|url| is_server(url)).or_else(|| variable("TEST_POSTGRES"))
}

/// What `--database` of the bench is given: a place for ledgers of its own on the kind that this run is about.
pub fn bench_place() -> String {
    match kind() {
        Kind::Sqlite => "sqlite".to_owned(),
        Kind::Postgres => server(),
    }
}

/// The server's URL, with a database that is there already.
fn server() -> String {
    server_if_named().expect("this test needs a PostgreSQL server: run tests/run.sh, or set TEST_POSTGRES=postgres://user@host:port/database")
}

/// The server's URL with another database.
fn url_of(name: &str) -> String {
    let server = server();
    let (address, parameters) = server.split_once('?').map_or((server.as_str(), None), |(a, p)| (a, Some(p)));
    let (host, _) = address.rsplit_once('/').unwrap_or_else(|| panic!("no database is named in {address}"));
    parameters.map_or_else(|| format!("{host}/{name}"), |parameters| format!("{host}/{name}?{parameters}"))
}

/// Runs a statement in the maintenance database.
fn on_server(sql: &str) {
    static SWEPT: Once = Once::new();
    let mut conn = PgConnection::establish(&server()).unwrap_or_else(|e| panic!("PostgreSQL can't be reached: {e}"));
    SWEPT.call_once(|| sweep(&mut conn));
    conn.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// Drops what processes left that are no more: those that were killed, and templates that lasted until their process ended.
fn sweep(conn: &mut PgConnection) {
    let sql = format!("SELECT datname::text AS line FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    for name in raw::lines(conn, &sql).unwrap() {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next()).unwrap_or_default().to_owned();
        if !Path::new("/proc").join(process).exists() {
            // Another process may be sweeping too.
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        }
    }
}

fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{PREFIX}{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}

/// A database of one test; gone when dropped.
#[derive(Debug)]
pub struct TestDatabase(Place);

#[derive(Debug)]
enum Place {
    Folder(tempfile::TempDir),
    Server(String),
}

impl TestDatabase {
    /// Nothing there yet: no file, no database on the server.
    pub fn absent() -> Self {
        Self::absent_on(kind())
    }

    fn absent_on(kind: Kind) -> Self {
        Self(match kind {
            Kind::Sqlite => Place::Folder(tempfile::tempdir().unwrap()),
            Kind::Postgres => Place::Server(new_name()),
        })
    }

    /// Ready to be migrated: a database without tables on the server. SQLite's file is made by migrating.
    pub fn empty() -> Self {
        Self::empty_on(kind())
    }

    /// The same on a kind that the test names.
    pub fn empty_on(kind: Kind) -> Self {
        let database = Self::absent_on(kind);
        if let Place::Server(name) = &database.0 {
            on_server(&format!("CREATE DATABASE {name}"));
        }
        database
    }

    /// With this program's schema.
    pub fn migrated() -> Self {
        let database = Self::empty();
        Store::migrate(&database.url()).unwrap();
        database
    }

    pub fn kind(&self) -> Kind {
        match &self.0 {
            Place::Folder(_) => Kind::Sqlite,
            Place::Server(_) => Kind::Postgres,
        }
    }

    /// As `--database` takes it.
    pub fn url_text(&self) -> String {
        match &self.0 {
            Place::Folder(folder) => format!("sqlite:{}", file_in(folder).display()),
            Place::Server(name) => url_of(name),
        }
    }

    pub fn url(&self) -> DatabaseUrl {
        match &self.0 {
            Place::Folder(folder) => DatabaseUrl::Sqlite(file_in(folder)),
            Place::Server(name) => DatabaseUrl::Postgres(Secret::new(url_of(name))),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.0 {
            Place::Folder(folder) => Some(file_in(folder)),
            Place::Server(_) => None,
        }
    }

    pub fn exists(&self) -> bool {
        match &self.0 {
            Place::Folder(folder) => file_in(folder).exists(),
            Place::Server(name) => {
                let mut conn = PgConnection::establish(&server()).unwrap();
                let sql = format!("SELECT datname::text AS line FROM pg_database WHERE datname = '{name}'");
                !raw::lines(&mut conn, &sql).unwrap().is_empty()
            }
        }
    }

    /// A connection as any program would make it: triggers and constraints in force.
    pub fn raw(&self) -> Raw {
        Raw::open(self)
    }

    /// Audits it.
    pub fn audited(&self, trusted: &[Roster]) -> Report {
        audited(&Store::open(&self.url(), 1).unwrap(), trusted)
    }

    /// Everything that somebody who has the database can read: SQLite's files, the cells of all tables on a server.
    pub fn bytes(&self) -> Vec<u8> {
        let Place::Folder(folder) = &self.0 else {
            let mut raw = self.raw();
            let tables: Vec<Table> = raw.tables().iter().map(|name| raw.table(name)).collect();
            let cells = tables.iter().flat_map(|table| table.rows.iter().flatten());
            return cells.flat_map(|cell| cell.bytes().unwrap_or_default()).collect();
        };
        let ledger = file_in(folder);
        let log = ledger.with_extension("db-wal");
        [ledger, log].iter().filter(|file| file.exists()).flat_map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// A copy of what is in it now. Nobody may be connected to it.
    pub fn duplicate(&self) -> Self {
        match &self.0 {
            Place::Server(name) => Template::Server(name.clone()).copy(),
            Place::Folder(_) => {
                self.raw().must("PRAGMA wal_checkpoint(TRUNCATE);");
                Template::Bytes(std::fs::read(self.file().unwrap()).unwrap()).copy()
            }
        }
    }

    /// Makes it what others are copied from. Nobody may be connected to it.
    pub fn into_template(mut self) -> Template {
        if let Place::Server(name) = &mut self.0 {
            return Template::Server(std::mem::take(name));
        }
        self.raw().must("PRAGMA wal_checkpoint(TRUNCATE);");
        Template::Bytes(std::fs::read(self.file().unwrap()).unwrap())
    }
}

fn file_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("ledger.db")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.0 {
            // The folder goes by itself. An empty name is a template's.
            Place::Folder(_) => {}
            Place::Server(name) if name.is_empty() => {}
            Place::Server(name) => {
                // A failed test must not fail a second time here, which would end the process: what stays is swept by the next run.
                let conn = server_if_named().and_then(|url| PgConnection::establish(&url).ok());
                if let Some(mut conn) = conn {
                    let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                }
            }
        }
    }
}

/// A finished database that tests take copies of. On a server it lasts until the process ends: the next run sweeps it away.
#[derive(Debug)]
pub enum Template {
    Bytes(Vec<u8>),
    Server(String),
}

impl Template {
    /// A copy of one test's own.
    pub fn copy(&self) -> TestDatabase {
        match self {
            Self::Bytes(bytes) => {
                let copy = TestDatabase::absent_on(Kind::Sqlite);
                std::fs::write(copy.file().unwrap(), bytes).unwrap();
                copy
            }
            Self::Server(template) => {
                let copy = TestDatabase::absent_on(Kind::Postgres);
                if let Place::Server(name) = &copy.0 {
                    on_server(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
                }
                copy
            }
        }
    }
}

/// Audits an open ledger.
pub fn audited(store: &Store, trusted: &[Roster]) -> Report {
    let trust = Trust { rosters: trusted, checkpoint: None };
    store.read_blocking(|reader| audit(reader, &trust, Limits::default(), &mut |_, _| {})).unwrap()
}
