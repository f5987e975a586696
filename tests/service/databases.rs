//! Databases and keyrings that do not belong together, and an audit that finds what was tampered with.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _};
use piaolian::base::Code;
use piaolian::config::keyring;
use piaolian::store::{DatabaseUrl, Store, StoreError};

use crate::samples::{CONSULTANT, draft_for, payment};
use crate::test_app::{TestApp, audit_of, chain};

#[derive(QueryableByName, Debug, PartialEq)]
struct Definition {
    #[diesel(sql_type = Text)]
    sql: String,
}

fn connect(url: &DatabaseUrl) -> SqliteConnection {
    SqliteConnection::establish(url.file().unwrap().to_str().unwrap()).unwrap()
}

fn definitions(url: &DatabaseUrl) -> Vec<Definition> {
    let query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' ORDER BY name";
    diesel::sql_query(query).load(&mut connect(url)).unwrap()
}

fn empty_database() -> (tempfile::TempDir, DatabaseUrl) {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("ledger.db"));
    (folder, url)
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_opening_it() {
    let (_folder, url) = empty_database();
    assert!(matches!(Store::open(&url, 1), Err(StoreError::Url(_))));
    assert!(!url.file().unwrap().exists());
}

#[test]
fn an_unmigrated_database_is_refused() {
    let (_folder, url) = empty_database();
    connect(&url).batch_execute("CREATE TABLE other (a)").unwrap();
    let error = Store::open(&url, 1).unwrap_err();
    assert!(matches!(error, StoreError::Unmigrated(_)), "{error}");
    assert_eq!(error.to_fault().code, Code::StoreUnmigrated);
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let (_folder, url) = empty_database();
    Store::migrate(&url).unwrap();
    let version = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";
    connect(&url).batch_execute(version).unwrap();
    let before = definitions(&url);
    for error in [Store::open(&url, 1).map(|_| ()).unwrap_err(), Store::migrate(&url).map(|_| ()).unwrap_err()] {
        assert!(matches!(&error, StoreError::Newer(version) if version == "99990101000000"), "{error}");
        assert_eq!(error.to_fault().code, Code::StoreNewer);
    }
    assert_eq!(definitions(&url), before);
}

#[test]
fn migrations_go_up_down_and_up_again_to_the_same_schema() {
    let (_folder, url) = empty_database();
    let run = Store::migrate(&url).unwrap();
    assert!(!run.is_empty());
    let up = definitions(&url);
    assert_eq!(Store::migrate(&url).unwrap(), Vec::<String>::new());
    for _ in &run {
        Store::revert_last_migration(&url).unwrap();
    }
    assert_eq!(definitions(&url), []);
    assert!(matches!(Store::open(&url, 1), Err(StoreError::Unmigrated(_))));
    assert_eq!(Store::migrate(&url).unwrap(), run);
    assert_eq!(definitions(&url), up);
    Store::open(&url, 1).unwrap();
}

#[test]
fn a_url_of_another_kind_is_refused() {
    for url in ["", "ledger.db", "mysql://localhost/x", "postgres://localhost", "sqlite:", "sqlite::memory:"] {
        assert!(matches!(DatabaseUrl::parse(url), Err(StoreError::Url(_))), "{url}");
    }
}

#[actix_web::test]
async fn another_keyring_than_the_ledgers_is_refused_and_leaves_no_trace() {
    let mut app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let checkpoint = app.checkpoint().await;
    app.stop().await;
    let keys = app.folder().join("keys");
    std::fs::rename(&keys, app.folder().join("right")).unwrap();
    keyring::make(&keys, &chain()).unwrap();
    let faults = app.start().await.unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::LedgerChainMismatch);
    std::fs::remove_dir_all(&keys).unwrap();
    keyring::make(&keys, &"another-chain".try_into().unwrap()).unwrap();
    let faults = app.start().await.unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::LedgerChainMismatch);
    std::fs::remove_dir_all(&keys).unwrap();
    std::fs::rename(app.folder().join("right"), &keys).unwrap();
    app.start().await.unwrap();
    assert_eq!(app.checkpoint().await, checkpoint);
    app.finish().await;
}

#[actix_web::test]
async fn a_seal_key_that_is_not_the_rosters_is_refused() {
    let mut app = TestApp::new().await;
    app.stop().await;
    let key = app.folder().join("keys/seal-tencent.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, "11".repeat(32)).unwrap();
    let faults = app.start().await.unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::ConfigInvalid);
    std::fs::write(&key, right).unwrap();
    app.start().await.unwrap();
    app.finish().await;
}

#[actix_web::test]
async fn keys_without_a_quorum_do_not_start() {
    let mut app = TestApp::new().await;
    app.stop().await;
    let (key, aside) = (app.folder().join("keys/seal-tencent.key"), app.folder().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    let faults = app.start().await.unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::ConfigInvalid);
    std::fs::rename(&aside, &key).unwrap();
    app.start().await.unwrap();
    app.finish().await;
}

#[actix_web::test]
async fn sealed_rows_can_not_be_changed_or_deleted_in_the_database() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let mut conn = connect(&app.url());
    for table in ["rosters", "blocks", "seals", "entries"] {
        let column = match table {
            "rosters" => "roster",
            "blocks" => "header",
            "seals" => "member",
            _ => "entry",
        };
        let changed = conn.batch_execute(&format!("UPDATE {table} SET {column} = {column}")).unwrap_err();
        assert!(changed.to_string().contains("append-only"), "{table}: {changed}");
        let deleted = conn.batch_execute(&format!("DELETE FROM {table}")).unwrap_err();
        assert!(deleted.to_string().contains("append-only"), "{table}: {deleted}");
    }
    app.finish().await;
}

/// The audit of `finish` would find these: without this test, nobody would know that it can fail.
#[actix_web::test]
async fn the_audit_names_table_row_and_column_of_what_was_tampered_with() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 1_000)).await.expect(204);
    app.issue(&merchant, "k1", &draft_for("4200000001", 300)).await.expect(201);
    app.settle().await;
    for (tamper, repair, expected) in [
        (
            "UPDATE payments SET invoiced_fen = 299",
            "UPDATE payments SET invoiced_fen = 300",
            (Code::AuditProjectionDiffers, "payments", "wechat-pay/4200000001", "invoiced_fen"),
        ),
        (
            "UPDATE invoices SET buyer = '别人'",
            "UPDATE invoices SET buyer = '个人'",
            (Code::AuditProjectionDiffers, "invoices", "2", "buyer"),
        ),
        (
            "UPDATE sequences SET issued = 2 WHERE name = 'invoice-2026'",
            "UPDATE sequences SET issued = 1 WHERE name = 'invoice-2026'",
            (Code::AuditProjectionDiffers, "sequences", "invoice-2026", "issued"),
        ),
        (
            "DROP TRIGGER entries_no_update; UPDATE entries SET entry = replace(entry, '个人', '别人') WHERE idx = 2",
            "UPDATE entries SET entry = replace(entry, '别人', '个人') WHERE idx = 2",
            (Code::AuditLeafDiffers, "entries", "2", "leaf"),
        ),
    ] {
        connect(&app.url()).batch_execute(tamper).unwrap();
        let report = audit_of(&app.store(), &app.roster());
        assert!(!report.is_clean(), "{tamper}");
        let first = &report.findings[0];
        let found = (first.code, first.table.as_str(), first.row.as_str(), first.column.as_str());
        assert_eq!(found, expected, "{tamper}: {:#?}", report.findings);
        connect(&app.url()).batch_execute(repair).unwrap();
    }
    app.finish().await;
}
