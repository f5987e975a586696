//! A sign of life that ends with its process, whatever ends it: what a lease in a table can't be.
//!
//! On PostgreSQL it is an advisory lock of a session that does nothing else: the server drops it with the connection. A process that is
//! stopped keeps it, and a connection can be lost without its process: it is a hint that makes a hand-over quick, no more. On SQLite,
//! where all processes are on one machine, it is a lock on a file beside the database: only the dead let go of it, so whoever has it
//! may lead, and nobody needs to beat.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::Store;
use super::connection::{Conn, DatabaseUrl, Purpose};
use super::error::StoreError;

/// The sign of life of this process, and the way to look for that of another.
pub struct Hold {
    holder: String,
    means: Means,
}

enum Means {
    File { path: PathBuf, locked: Option<File> },
    Session { url: DatabaseUrl, session: Option<Conn>, locked: bool },
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("holder", &self.holder).finish_non_exhaustive()
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl Store {
    /// The sign of life of a process that goes by this name, 16 hex digits; not given yet.
    pub fn hold(&self, holder: String) -> Hold {
        let means = match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut path = path.clone().into_os_string();
                path.push(".lease");
                Means::File { path: PathBuf::from(path), locked: None }
            }
            DatabaseUrl::Postgres(_) => Means::Session { url: self.url.clone(), session: None, locked: false },
        };
        Hold { holder, means }
    }
}

impl Hold {
    /// The name that it is given under.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Whether having it is all that it takes: nobody else can live who leads.
    pub fn is_proof(&self) -> bool {
        matches!(self.means, Means::File { .. })
    }

    /// Gives it, or sees to it that it is still given. Says whether it is.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`]; [`StoreError::Url`] when the file can't be made.
    pub fn keep(&mut self) -> Result<bool, StoreError> {
        match &mut self.means {
            Means::File { locked: Some(_), .. } => Ok(true),
            Means::File { path, locked } => {
                *locked = try_lock(path)?;
                Ok(locked.is_some())
            }
            Means::Session { url, session, locked } => {
                if *locked && session.as_mut().is_some_and(|session| ask(session, "SELECT true AS yes", None).is_ok()) {
                    return Ok(true);
                }
                *locked = in_session(url, session, TRY_LOCK, &self.holder)?;
                Ok(*locked)
            }
        }
    }

    /// Takes it back.
    pub fn let_go(&mut self) {
        match &mut self.means {
            Means::File { locked, .. } => *locked = None,
            Means::Session { session, locked, .. } => {
                (*session, *locked) = (None, false);
            }
        }
    }

    /// Whether the process of this name has gone: its sign is there for the taking. `false` says nothing.
    ///
    /// # Errors
    /// As [`Hold::keep`].
    pub fn is_gone(&mut self, holder: &str) -> Result<bool, StoreError> {
        match &mut self.means {
            Means::File { locked: Some(_), .. } => Ok(true),
            Means::File { path, .. } => Ok(try_lock(path)?.is_some()),
            Means::Session { url, session, .. } => {
                let gone = in_session(url, session, TRY_LOCK, holder)?;
                if gone {
                    in_session(url, session, UNLOCK, holder)?;
                }
                Ok(gone)
            }
        }
    }
}

const TRY_LOCK: &str = "SELECT pg_try_advisory_lock($1) AS yes";
const UNLOCK: &str = "SELECT pg_advisory_unlock($1) AS yes";

fn ask(session: &mut Conn, question: &'static str, key: Option<i64>) -> Result<bool, StoreError> {
    let question = diesel::sql_query(question);
    let answer: Answer = match key {
        Some(key) => question.bind::<BigInt, _>(key).get_result(session)?,
        None => question.get_result(session)?,
    };
    Ok(answer.yes)
}

/// Asks in the session, which is opened if there is none; one that fails is closed.
fn in_session(
    url: &DatabaseUrl,
    session: &mut Option<Conn>,
    question: &'static str,
    holder: &str,
) -> Result<bool, StoreError> {
    // A name that is none of ours has no sign.
    let Ok(key) = u64::from_str_radix(holder, 16).map(u64::cast_signed) else { return Ok(false) };
    let conn = match session {
        Some(conn) => conn,
        None => session.insert(url.connect(Purpose::Read, false)?),
    };
    let answer = ask(conn, question, Some(key));
    if answer.is_err() {
        *session = None;
    }
    answer
}

fn try_lock(path: &Path) -> Result<Option<File>, StoreError> {
    let failed = |e: std::io::Error| StoreError::Url(format!("{} can't be locked: {e}", path.display()));
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = opened.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_sqlite_only_one_has_it_until_it_lets_go_or_dies() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("ledger.db"));
        Store::migrate(&url).unwrap();
        let store = Store::open(&url, 1).unwrap();
        let (mut first, mut second) = (store.hold("01".repeat(8)), store.hold("02".repeat(8)));
        assert!(first.is_proof());
        assert!(first.keep().unwrap() && first.keep().unwrap());
        assert!(!second.keep().unwrap() && !second.is_gone(first.holder()).unwrap());
        first.let_go();
        assert!(second.is_gone(first.holder()).unwrap());
        assert!(second.keep().unwrap());
        assert!(!first.keep().unwrap());
        drop(second);
        assert!(first.keep().unwrap());
    }
}
