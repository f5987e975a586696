//! Migrations go up, down and up again.

use piaolian::store::{Store, StoreError};

use super::raw::{Raw, url};

fn schema(raw: &mut Raw) -> Vec<String> {
    raw.texts(
        "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_master \
         WHERE name NOT LIKE '%diesel_schema_migrations%' ORDER BY type, name",
    )
}

#[test]
fn up_down_and_up_again_gives_the_same_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let names = Store::migrate(&url(&file)).unwrap();
    let first = schema(&mut Raw::open(&file));
    assert!(first.len() > 18, "{first:?}");
    for _ in &names {
        Store::revert_last_migration(&url(&file)).unwrap();
    }
    assert_eq!(schema(&mut Raw::open(&file)), Vec::<String>::new(), "down leaves nothing");
    assert_eq!(Store::migrate(&url(&file)).unwrap(), names);
    assert_eq!(schema(&mut Raw::open(&file)), first);
}

#[test]
fn migrating_twice_does_nothing_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    Store::migrate(&url(&file)).unwrap();
    assert_eq!(Store::migrate(&url(&file)).unwrap(), Vec::<String>::new());
}

#[test]
fn a_database_that_is_not_migrated_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    Store::migrate(&url(&file)).unwrap();
    Store::revert_last_migration(&url(&file)).unwrap();
    assert!(matches!(Store::open(&url(&file), 1), Err(StoreError::Unmigrated(_))));
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    Store::migrate(&url(&file)).unwrap();
    Raw::open(&file).must("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001');");
    assert!(matches!(Store::open(&url(&file), 1), Err(StoreError::Newer(_))));
    assert!(matches!(Store::migrate(&url(&file)), Err(StoreError::Newer(_))));
}
