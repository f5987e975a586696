//! The schema's versions: which migrations this program knows, which the database has.

use diesel::backend::Backend;
use diesel::connection::{SimpleConnection as _, TransactionManager as _};
use diesel::dsl::{max, min};
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Store;
use super::connection::{Conn, DatabaseUrl, Purpose, begin_write};
use super::error::StoreError;
use super::present::state_pages_missing;
use super::rebuild::projections_missing;
use super::schema::{entries, watermarks, young_keys};
use super::tx::Tx;
use super::young::Young;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Stands among the versions while a copy into the database is being made: no version of this program opens a database with a
/// version that it does not know.
const COPY_MARK: &str = "half-made-copy";

/// Whether the ledger is older than its table of look-ups, or filling it was cut short: what belongs into it no SQL can compute.
pub(super) fn lookups_missing(conn: &mut Conn) -> Result<bool, StoreError> {
    let marked: i64 = watermarks::table.count().get_result(conn)?;
    let youngest: Option<i64> = young_keys::table.select(min(young_keys::height)).get_result(conn)?;
    let newest: Option<i64> = entries::table.select(max(entries::idx)).get_result(conn)?;
    Ok(marked == 0 && youngest.is_none() && newest.is_some())
}

/// Writes in one transaction of its own what no SQL can compute.
fn fill(conn: &mut Conn, work: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError>) -> Result<(), StoreError> {
    begin_write(conn)?;
    let young = Young::default();
    match work(&mut Tx::new(conn, &young)) {
        Ok(()) => Ok(<Conn as Connection>::TransactionManager::commit_transaction(conn)?),
        Err(error) => {
            <Conn as Connection>::TransactionManager::rollback_transaction(conn)?;
            Err(error)
        }
    }
}

fn failed(error: impl ToString) -> StoreError {
    StoreError::Worker(error.to_string())
}

/// Names of the migrations that the database lacks.
///
/// # Errors
/// [`StoreError::Newer`] when it has one that this program does not know.
pub(super) fn pending(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    match conn {
        Conn::Sqlite(sqlite) => pending_of(sqlite, SQLITE),
        Conn::Postgres(postgres) => pending_of(postgres, POSTGRES),
    }
}

fn pending_of<DB: Backend, H: MigrationHarness<DB>>(
    harness: &mut H,
    source: EmbeddedMigrations,
) -> Result<Vec<String>, StoreError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failed)?;
    let known: Vec<String> = known.iter().map(|migration| migration.name().version().to_string()).collect();
    let applied = harness.applied_migrations().map_err(failed)?;
    if applied.iter().any(|version| version.to_string() == COPY_MARK) {
        return Err(StoreError::HalfCopied);
    }
    if let Some(unknown) = applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
        return Err(StoreError::Newer(unknown));
    }
    let pending = harness.pending_migrations(source).map_err(failed)?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

/// Runs what is pending; gives the names.
pub(super) fn run(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let run = match conn {
        Conn::Sqlite(sqlite) => sqlite.run_pending_migrations(SQLITE).map_err(failed)?,
        Conn::Postgres(postgres) => postgres.run_pending_migrations(POSTGRES).map_err(failed)?,
    };
    Ok(run.iter().map(ToString::to_string).collect())
}

/// Marks a database as the target of a copy under way, or says that the copy is whole.
pub(super) fn set_copy_mark(conn: &mut Conn, marked: bool) -> Result<(), StoreError> {
    Ok(conn.batch_execute(&match marked {
        true => format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{COPY_MARK}')"),
        false => format!("DELETE FROM __diesel_schema_migrations WHERE version = '{COPY_MARK}'"),
    })?)
}

impl Store {
    /// Brings a database up to this program's schema; an embedded one is made if it is not there. Gives the names of what
    /// was run.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Unreachable`], [`StoreError::Newer`], or what the database says.
    pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, StoreError> {
        let mut conn = url.connect(Purpose::Write, true)?;
        pending(&mut conn)?;
        let run = run(&mut conn)?;
        if lookups_missing(&mut conn)? {
            fill(&mut conn, |tx| tx.rebuild_lookups())?;
        }
        if projections_missing(&mut conn)? {
            fill(&mut conn, |tx| tx.rebuild_projections())?;
        }
        if state_pages_missing(&mut conn)? {
            fill(&mut conn, |tx| tx.rebuild_state_pages())?;
        }
        Ok(run)
    }

    /// Takes the last migration back; for the test that migrations go down as well as up.
    ///
    /// # Errors
    /// What the database says.
    pub fn revert_last_migration(url: &DatabaseUrl) -> Result<String, StoreError> {
        let reverted = match &mut url.connect(Purpose::Write, false)? {
            Conn::Sqlite(sqlite) => sqlite.revert_last_migration(SQLITE).map_err(failed)?,
            Conn::Postgres(postgres) => postgres.revert_last_migration(POSTGRES).map_err(failed)?,
        };
        Ok(reverted.to_string())
    }
}
