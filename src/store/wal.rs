//! SQLite's write-ahead log is brought into the database file here, after a commit, and not by SQLite at its end: that one keeps to
//! itself what the disk says to it. Nothing is lost by it, since the log stays as it is; but a disk that has failed to write is
//! not to be trusted with anything more (see `StoreError::Failing`).

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::{Conn, DatabaseUrl, Purpose};
use super::error::StoreError;

/// Pages that gather in the log before they are brought over: what SQLite takes itself, and keeps p99 down (performance.md, rule 7).
const PAGES: i64 = 1_000;

/// What SQLite says of its log.
#[derive(QueryableByName)]
struct Pages {
    /// In the log.
    #[diesel(sql_type = BigInt)]
    log: i64,
    /// Of these, in the database file already.
    #[diesel(sql_type = BigInt)]
    checkpointed: i64,
}

/// A connection for the one writer, which looks after the log itself.
pub(super) fn connect_writer(url: &DatabaseUrl) -> Result<Conn, StoreError> {
    let mut conn = url.connect(Purpose::Write, false)?;
    if let Conn::Sqlite(sqlite) = &mut conn {
        sqlite.batch_execute("PRAGMA wal_autocheckpoint = 0;")?;
    }
    Ok(conn)
}

/// Brings the log over, if enough has gathered. MUST be called outside a transaction. What keeps it from being brought over keeps no
/// commit from standing: there is nothing to tell a caller.
pub(super) fn bring_over(conn: &mut Conn) {
    let Conn::Sqlite(sqlite) = conn else { return };
    let looked: Result<Pages, StoreError> =
        diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(sqlite).map_err(StoreError::from);
    let done = match looked {
        Ok(pages) if pages.log < PAGES || pages.log == pages.checkpointed => return,
        Ok(_) => {
            let brought: QueryResult<Pages> = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(sqlite);
            brought.map(|_| ()).map_err(StoreError::from)
        }
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "the write-ahead log could not be brought over; trying after the next commit");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn the_log_is_brought_over_once_enough_has_gathered_and_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("ledger.db"));
        Store::migrate(&url).unwrap();
        let mut conn = connect_writer(&url).unwrap();
        let pages = |conn: &mut Conn, mode: &str| -> Pages {
            let Conn::Sqlite(sqlite) = conn else { panic!("SQLite") };
            diesel::sql_query(format!("PRAGMA wal_checkpoint({mode})")).get_result(sqlite).unwrap()
        };
        conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE); CREATE TABLE heap (bytes BLOB);").unwrap();
        // Far above what SQLite would take by itself, in one commit.
        conn.batch_execute("INSERT INTO heap VALUES (zeroblob(8192 * 1200));").unwrap();
        let before = pages(&mut conn, "NOOP");
        assert!(before.log > PAGES && before.checkpointed == 0, "{} of {}", before.checkpointed, before.log);
        bring_over(&mut conn);
        let after = pages(&mut conn, "NOOP");
        assert_eq!((after.log, after.checkpointed), (before.log, before.log));
        conn.batch_execute("INSERT INTO heap VALUES (zeroblob(1));").unwrap();
        let anew = pages(&mut conn, "NOOP");
        assert!(anew.log < 10, "the log did not begin anew: {}", anew.log);
        bring_over(&mut conn);
        assert_eq!(pages(&mut conn, "NOOP").checkpointed, 0, "too little to bring over");
    }
}
