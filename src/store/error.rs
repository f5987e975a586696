//! What can go wrong with the database, told apart by what a caller can do about it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::base::{Code, Fault};

/// A store error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer or reader holds it; nothing was done; try again.
    #[error("the database is busy")]
    Busy,
    /// A constraint held against what was to be written; nothing was written.
    #[error("constraint violated: {0}")]
    Constraint(String),
    /// Stored bytes are not what this program writes.
    #[error("table {table}, row {key}: {what}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Key of the row.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The database server can't be reached, or has closed the connection; nothing is known to have been done.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// Another process leads now: whoever lost the lease writes no batch. Nothing was written.
    #[error("this process does not lead any more; nothing was done")]
    Fenced,
    /// The URL can't be used.
    #[error("database URL: {0}")]
    Url(String),
    /// The database is older than this program; `piaolian migrate` brings it up.
    #[error("the database schema is not up to date: run `piaolian migrate` (pending: {0})")]
    Unmigrated(String),
    /// The database was migrated by a newer program; this one must not touch it.
    #[error("the database was written by a newer version of piaolian (unknown migration {0})")]
    Newer(String),
    /// A copy into this database was begun and not finished.
    #[error("the database holds a half-made copy: finish it with `piaolian copy --restart`")]
    HalfCopied,
    /// The disk has no room for what was to be written; nothing was written.
    #[error("the disk of the database is full; nothing was done")]
    Full,
    /// The disk of an embedded database failed to write or to make durable. [`super::at_disk_failure`] was called before anybody
    /// could see this.
    #[error("the disk of the database has failed: {0}")]
    Failing(String),
    /// Anything else the database said.
    #[error("database: {0}")]
    Database(#[source] DieselError),
    /// The commit itself failed: whether it is durable is not known until the database is asked again.
    #[error("the commit failed, its outcome is unknown: {0}")]
    CommitUnknown(String),
    /// A worker thread ended early.
    #[error("the database worker ended early: {0}")]
    Worker(String),
}

/// What SQLite and PostgreSQL say when somebody else holds what is wanted; neither has a kind of its own for it.
const BUSY_WORDS: [&str; 4] = ["is locked", "lock timeout", "statement timeout", "deadlock detected"];

/// What PostgreSQL and libpq say when the server has gone, or is on its way down or up.
const GONE_WORDS: [&str; 4] =
    ["server closed the connection", "terminating connection", "the database system is", "no connection to the server"];

/// What SQLite (SQLITE_FULL) and PostgreSQL (SQLSTATE 53100) say of a disk without room. The state itself does not come through diesel.
const FULL_WORDS: [&str; 3] = ["database or disk is full", "No space left on device", "Check free disk space"];

/// What SQLite says of a read, write or fsync that failed (SQLITE_IOERR). A PostgreSQL server stops itself then.
const FAILING_WORDS: &str = "disk I/O error";

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        // SQLite has rolled back by itself what can't be committed for want of room, and then has nothing to roll back.
        if let DieselError::RollbackErrorOnCommit { commit_error, .. } = error {
            return Self::from(*commit_error);
        }
        let DieselError::DatabaseError(kind, info) = &error else {
            return Self::Database(error);
        };
        if info.message() == FAILING_WORDS {
            super::failing::met(FAILING_WORDS);
            return Self::Failing(FAILING_WORDS.to_owned());
        }
        if says_full(info.message()) || info.hint().is_some_and(says_full) {
            return Self::Full;
        }
        let constraint = matches!(
            kind,
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
        );
        // SQLite says "database is locked" with an unknown kind, PostgreSQL has a kind for it (style.md 3a.8).
        let said = info.message();
        let busy = matches!(kind, DatabaseErrorKind::SerializationFailure)
            || BUSY_WORDS.iter().any(|words| said.contains(words));
        // libpq reports a server that went away at the next command in either of two ways, or by what the server said last.
        let closed = matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand)
            || GONE_WORDS.iter().any(|words| said.contains(words));
        match (constraint, closed, busy) {
            (true, _, _) => Self::Constraint(said.to_owned()),
            (false, true, _) => Self::Unreachable(said.trim().to_owned()),
            (false, false, true) => Self::Busy,
            (false, false, false) => Self::Database(error),
        }
    }
}

fn says_full(said: &str) -> bool {
    FULL_WORDS.iter().any(|words| said.contains(words))
}

impl StoreError {
    /// The stable code and a sentence that gives nothing away.
    pub fn to_fault(&self) -> Fault {
        let code = match self {
            Self::Busy => Code::StoreBusy,
            Self::Unreachable(_) => Code::StoreUnreachable,
            Self::Fenced => Code::SeqNotLeading,
            Self::Corrupt { .. } => Code::StoreCorrupt,
            Self::Url(_) => Code::StoreUrl,
            Self::Unmigrated(_) => Code::StoreUnmigrated,
            Self::Newer(_) => Code::StoreNewer,
            Self::HalfCopied => Code::StoreHalfCopied,
            Self::CommitUnknown(_) => Code::SeqOutcomeUnknown,
            Self::Full => Code::StoreFull,
            Self::Failing(_) => Code::StoreFailing,
            Self::Constraint(_) | Self::Database(_) | Self::Worker(_) => Code::StoreFailed,
        };
        Fault::new(code, "", self.to_string())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        error.to_fault()
    }
}

impl From<StoreError> for crate::base::Faults {
    fn from(error: StoreError) -> Self {
        error.to_fault().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_went_away_is_unreachable_however_it_is_said() {
        let error = |kind, said: &str| StoreError::from(DieselError::DatabaseError(kind, Box::new(said.to_owned())));
        for (kind, said) in [
            (DatabaseErrorKind::ClosedConnection, ""),
            (DatabaseErrorKind::UnableToSendCommand, "server closed the connection unexpectedly"),
            (DatabaseErrorKind::Unknown, "terminating connection due to administrator command"),
            (DatabaseErrorKind::Unknown, "the database system is starting up"),
        ] {
            let found = error(kind, said);
            assert!(matches!(found, StoreError::Unreachable(_)), "{said}: {found}");
            assert_eq!(found.to_fault().code, Code::StoreUnreachable);
        }
        assert!(matches!(error(DatabaseErrorKind::Unknown, "database is locked"), StoreError::Busy));
        assert!(matches!(error(DatabaseErrorKind::UniqueViolation, "prev"), StoreError::Constraint(_)));
        assert!(matches!(error(DatabaseErrorKind::Unknown, "no such table: x"), StoreError::Database(_)));
    }
    /// What PostgreSQL says of a disk that filled up in the middle of a page: only its hint names the cause.
    struct Hinted;

    impl diesel::result::DatabaseErrorInformation for Hinted {
        fn message(&self) -> &str {
            "could not extend file \"base/5/1259\": wrote only 4096 of 8192 bytes at block 7"
        }
        fn details(&self) -> Option<&str> {
            None
        }
        fn hint(&self) -> Option<&str> {
            Some("Check free disk space.")
        }
        fn table_name(&self) -> Option<&str> {
            None
        }
        fn column_name(&self) -> Option<&str> {
            None
        }
        fn constraint_name(&self) -> Option<&str> {
            None
        }
        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    #[test]
    fn a_disk_that_filled_up_within_a_page_is_full() {
        let found = StoreError::from(DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(Hinted)));
        assert!(matches!(found, StoreError::Full), "{found}");
    }

    #[test]
    fn a_full_disk_and_a_failing_one_are_told_apart_also_at_a_commit() {
        let error = |said: &str| DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(said.to_owned()));
        let at_commit = |commit_error| DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(error("cannot rollback - no transaction is active")),
            commit_error: Box::new(commit_error),
        };
        for said in ["database or disk is full", "could not extend file \"base/5/1259\": No space left on device"] {
            for error in [error(said), at_commit(error(said))] {
                let found = StoreError::from(error);
                assert!(matches!(found, StoreError::Full), "{said}: {found}");
                assert_eq!(found.to_fault().code.class(), crate::base::Class::Full);
            }
        }
        for error in [error("disk I/O error"), at_commit(error("disk I/O error"))] {
            let found = StoreError::from(error);
            assert!(matches!(found, StoreError::Failing(_)), "{found}");
        }
    }
}
