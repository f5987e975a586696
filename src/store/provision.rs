//! Databases of their own for measurements and tests, made on a server and dropped again; what a database weighs; and the one
//! table of the bench's plainest rival. Nothing here touches a ledger's tables.

use std::sync::{Arc, Mutex};

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::Store;
use super::connection::{Conn, DatabaseUrl, Purpose};
use super::error::StoreError;
use crate::base::Secret;

diesel::table! {
    plain (id) {
        id -> BigInt,
        body -> Text,
    }
}

/// Bytes of a PostgreSQL name at most.
const NAME_BYTES_MAX: usize = 63;

/// A name that needs no quotes and means nothing else.
fn checked_name(name: &str) -> Result<&str, StoreError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if starts && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(StoreError::Url(format!("'{name}' is no name for a database: a letter, then letters, digits and _")))
}

fn server(url: &DatabaseUrl) -> Result<PgConnection, StoreError> {
    match url.connect(Purpose::Write, false)? {
        Conn::Postgres(conn) => Ok(conn),
        Conn::Sqlite(_) => Err(StoreError::Url("an embedded database has no server".to_owned())),
    }
}

impl DatabaseUrl {
    /// Another database of the same server.
    fn sibling(&self, name: &str) -> Result<Self, StoreError> {
        let no_server = || StoreError::Url("an embedded database has no server".to_owned());
        let Self::Postgres(url) = self else { return Err(no_server()) };
        let (place, parameters) = match url.expose().split_once('?') {
            Some((place, parameters)) => (place, format!("?{parameters}")),
            None => (url.expose().as_str(), String::new()),
        };
        let (host, _) = place.rsplit_once('/').ok_or_else(no_server)?;
        Ok(Self::Postgres(Secret::new(format!("{host}/{name}{parameters}"))))
    }
}

/// What a database on a server weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerState {
    /// Bytes of this database's files.
    pub database_bytes: u64,
    /// Bytes of write-ahead log that the whole server has written since it was made.
    pub wal_bytes: u64,
}

/// A connection that looks at a server and does nothing else.
pub struct ServerProbe {
    conn: PgConnection,
    local_process: Option<u32>,
}

impl std::fmt::Debug for ServerProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerProbe").field("local_process", &self.local_process).finish_non_exhaustive()
    }
}

impl ServerProbe {
    /// Connects.
    ///
    /// # Errors
    /// [`StoreError::Url`] for an embedded database; what the server says.
    pub fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let mut conn = server(url)?;
        let process = ask(&mut conn, "CAST(pg_backend_pid() AS BIGINT)")?;
        let same = "inet_server_addr() IS NOT DISTINCT FROM inet_client_addr()";
        let local: bool = diesel::select(sql::<Bool>(same)).get_result(&mut conn)?;
        let local_process = u32::try_from(process).ok().filter(|_| local);
        Ok(Self { conn, local_process })
    }

    /// The process that serves this connection, if it runs on this machine: its parent is the parent of all of the server's.
    pub fn local_process(&self) -> Option<u32> {
        self.local_process
    }

    /// What the database weighs now.
    ///
    /// # Errors
    /// What the server says.
    pub fn state(&mut self) -> Result<ServerState, StoreError> {
        let database_bytes = ask(&mut self.conn, "pg_database_size(current_database())")?;
        let wal_bytes = ask(&mut self.conn, "CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT)")?;
        Ok(ServerState { database_bytes, wal_bytes })
    }
}

fn ask(conn: &mut PgConnection, expression: &str) -> Result<u64, StoreError> {
    let value: i64 = diesel::select(sql::<BigInt>(expression)).get_result(conn)?;
    Ok(u64::try_from(value).unwrap_or(0))
}

impl Store {
    /// Makes an empty database on the server of this URL, whose own database is only connected to. Gives the URL of the new one.
    ///
    /// # Errors
    /// [`StoreError::Url`] for another name than `[a-z][a-z0-9_]*` or an embedded database; what the server says.
    pub fn create_database(url: &DatabaseUrl, name: &str) -> Result<DatabaseUrl, StoreError> {
        let made = url.sibling(checked_name(name)?)?;
        server(url)?.batch_execute(&format!("CREATE DATABASE {name}"))?;
        Ok(made)
    }

    /// Drops a database of the server of this URL, whoever is connected to it. One that is not there is no mistake.
    ///
    /// # Errors
    /// As [`Store::create_database`].
    pub fn drop_database(url: &DatabaseUrl, name: &str) -> Result<(), StoreError> {
        let name = checked_name(name)?;
        server(url)?.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        Ok(())
    }

    /// The same database with a write connection of its own: several of them compete for the database's lock, as the
    /// connections of a pool do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn with_own_writer(&self) -> Result<Self, StoreError> {
        let writer = super::wal::connect_writer(&self.url)?;
        Ok(Self { writer: Arc::new(Mutex::new(writer)), ..self.clone() })
    }
}

/// A connection to a table of two columns, number and text, in which each insert is a transaction of its own.
pub struct PlainRows {
    conn: Conn,
}

impl std::fmt::Debug for PlainRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlainRows").finish_non_exhaustive()
    }
}

impl PlainRows {
    /// Connects as the ledger's writer does (same durability), and makes the table if it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let mut conn = url.connect(Purpose::Write, true)?;
        let id = if matches!(conn, Conn::Sqlite(_)) { "INTEGER" } else { "BIGINT" };
        conn.batch_execute(&format!("CREATE TABLE IF NOT EXISTS plain (id {id} PRIMARY KEY, body TEXT NOT NULL)"))?;
        Ok(Self { conn })
    }

    /// Inserts a row; durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another connection kept the database for too long.
    pub fn insert(&mut self, id: i64, body: &str) -> Result<(), StoreError> {
        let row = (plain::id.eq(id), plain::body.eq(body));
        diesel::insert_into(plain::table).values(row).execute(&mut self.conn)?;
        Ok(())
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count(&mut self) -> Result<u64, StoreError> {
        let rows: i64 = plain::table.count().get_result(&mut self.conn)?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_quotes_are_refused() {
        assert_eq!(checked_name("piaolian_bench_1").unwrap(), "piaolian_bench_1");
        for bad in ["", "Bench", "1bench", "bench;drop", "bench-1", "_b", "é", &"b".repeat(64)] {
            assert!(matches!(checked_name(bad), Err(StoreError::Url(_))), "{bad}");
        }
    }

    #[test]
    fn a_sibling_keeps_host_user_and_parameters() {
        let url = DatabaseUrl::parse("postgres://u:p@h:1/postgres?sslmode=disable").unwrap();
        let DatabaseUrl::Postgres(sibling) = url.sibling("other").unwrap() else { panic!("another scheme") };
        assert_eq!(sibling.expose(), "postgres://u:p@h:1/other?sslmode=disable");
        assert!(DatabaseUrl::parse("sqlite:a.db").unwrap().sibling("other").is_err());
    }

    #[test]
    fn each_row_is_durable_by_itself_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::parse(&format!("sqlite:{}", folder.path().join("plain.db").display())).unwrap();
        let (mut one, mut other) = (PlainRows::open(&url).unwrap(), PlainRows::open(&url).unwrap());
        one.insert(1, "a").unwrap();
        other.insert(2, "b").unwrap();
        assert_eq!(one.count().unwrap(), 2);
        assert!(matches!(one.insert(2, "c"), Err(StoreError::Constraint(_))));
    }
}
