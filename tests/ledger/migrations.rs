//! Migrations go up, down and up again; a database of another age is left alone.

use piaolian::base::Code;
use piaolian::store::{Store, StoreError};

use super::scene::built;
use crate::database::{Kind, TestDatabase};

#[test]
fn up_down_and_up_again_gives_the_same_schema() {
    let database = TestDatabase::empty();
    let names = Store::migrate(&database.url()).unwrap();
    let first = database.raw().schema();
    assert!(first.len() > 18, "{first:?}");
    for _ in &names {
        Store::revert_last_migration(&database.url()).unwrap();
    }
    assert_eq!(database.raw().schema(), Vec::<String>::new(), "down leaves nothing");
    assert!(matches!(Store::open(&database.url(), 1), Err(StoreError::Unmigrated(_))));
    assert_eq!(Store::migrate(&database.url()).unwrap(), names);
    assert_eq!(database.raw().schema(), first);
    Store::open(&database.url(), 1).unwrap();
}

#[test]
fn each_migration_goes_down_to_the_schema_that_it_came_from() {
    let database = TestDatabase::migrated();
    let mut schemas = vec![database.raw().schema()];
    while !schemas.last().unwrap().is_empty() {
        Store::revert_last_migration(&database.url()).unwrap();
        schemas.push(database.raw().schema());
    }
    let steps = std::fs::read_dir(format!("{}/migrations/sqlite", env!("CARGO_MANIFEST_DIR"))).unwrap().count();
    assert_eq!(schemas.len(), steps + 1, "each migration changes something and takes all of it back");
}

#[test]
fn migrating_twice_does_nothing_the_second_time() {
    let database = TestDatabase::migrated();
    assert_eq!(Store::migrate(&database.url()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_opening_it() {
    let database = TestDatabase::absent();
    let error = Store::open(&database.url(), 1).unwrap_err();
    let code = match database.kind() {
        Kind::Sqlite => Code::StoreUrl,
        Kind::Postgres => Code::StoreUnreachable,
    };
    assert_eq!(error.to_fault().code, code, "{error}");
    assert!(!database.exists());
}

#[test]
fn a_database_that_was_never_migrated_is_not_opened() {
    let database = TestDatabase::empty();
    database.raw().must("CREATE TABLE other (a INTEGER)");
    let error = Store::open(&database.url(), 1).unwrap_err();
    assert_eq!(error.to_fault().code, Code::StoreUnmigrated, "{error}");
}

#[test]
fn a_database_that_lacks_a_migration_is_not_opened() {
    let database = TestDatabase::migrated();
    Store::revert_last_migration(&database.url()).unwrap();
    assert!(matches!(Store::open(&database.url(), 1), Err(StoreError::Unmigrated(_))));
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let database = TestDatabase::migrated();
    let before = database.raw().schema();
    database.raw().must("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001');");
    for error in [Store::open(&database.url(), 1).map(|_| ()), Store::migrate(&database.url()).map(|_| ())] {
        let error = error.unwrap_err();
        assert!(matches!(&error, StoreError::Newer(version) if version == "29991231000001"), "{error}");
        assert_eq!(error.to_fault().code, Code::StoreNewer);
    }
    assert_eq!(database.raw().schema(), before);
}

/// The first migration made the tables: going back behind it would leave no ledger.
#[test]
fn a_ledger_that_an_older_program_wrote_is_brought_up_whole() {
    let copy = built().ledger.copy();
    let steps = std::fs::read_dir(format!("{}/migrations/sqlite", env!("CARGO_MANIFEST_DIR"))).unwrap().count();
    for _ in 1..steps {
        Store::revert_last_migration(&copy.url()).unwrap();
    }
    assert_eq!(Store::migrate(&copy.url()).unwrap().len(), steps - 1);
    let report = copy.audited(std::slice::from_ref(&built().roster));
    assert_eq!(report.findings, []);
    assert_eq!((report.entries, report.invoices), (built().done.entries(), built().done.invoices));
}
