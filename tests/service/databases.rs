//! Databases and keyrings that do not belong together, and an audit that finds what was tampered with.

use piaolian::base::Code;
use piaolian::config::keyring;
use piaolian::store::{DatabaseUrl, StoreError};

use crate::database::{Kind, audited};
use crate::samples::{CONSULTANT, draft_for, payment};
use crate::test_app::{TestApp, chain};

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
    let keys = app.keys();
    let right = keys.with_file_name("right");
    std::fs::rename(&keys, &right).unwrap();
    keyring::make(&keys, &chain()).unwrap();
    let faults = app.start().await.unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::LedgerChainMismatch);
    std::fs::remove_dir_all(&keys).unwrap();
    keyring::make(&keys, &"another-chain".try_into().unwrap()).unwrap();
    let faults = app.start().await.unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::LedgerChainMismatch);
    std::fs::remove_dir_all(&keys).unwrap();
    std::fs::rename(right, &keys).unwrap();
    app.start().await.unwrap();
    assert_eq!(app.checkpoint().await, checkpoint);
    app.finish().await;
}

#[actix_web::test]
async fn a_seal_key_that_is_not_the_rosters_is_refused() {
    let mut app = TestApp::new().await;
    app.stop().await;
    let key = app.keys().join("seal-tencent.key");
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
    let (key, aside) = (app.keys().join("seal-tencent.key"), app.keys().with_file_name("aside"));
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
    let mut raw = app.database.raw();
    for table in ["rosters", "blocks", "seals", "entries"] {
        let column = match table {
            "rosters" => "roster",
            "blocks" => "header",
            "seals" => "member",
            _ => "entry",
        };
        let changed = raw.run(&format!("UPDATE {table} SET {column} = {column}")).unwrap_err();
        assert!(changed.to_string().contains("append-only"), "{table}: {changed}");
        let deleted = raw.run(&format!("DELETE FROM {table}")).unwrap_err();
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
    let forge_entry = match app.database.kind() {
        Kind::Sqlite => {
            "DROP TRIGGER entries_no_update; UPDATE entries SET entry = replace(entry, '个人', '别人') WHERE idx = 2"
        }
        Kind::Postgres => {
            "DROP TRIGGER entries_no_change ON entries; UPDATE entries SET entry = replace(entry, '个人', '别人') WHERE idx = 2"
        }
    };
    for (tamper, repair, expected) in [
        (
            "UPDATE payments SET invoiced_fen = 299",
            "UPDATE payments SET invoiced_fen = 300",
            (Code::AuditProjectionDiffers, "payments", "1", "invoiced_fen"),
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
            forge_entry,
            "UPDATE entries SET entry = replace(entry, '别人', '个人') WHERE idx = 2",
            (Code::AuditLeafDiffers, "entries", "2", "leaf"),
        ),
    ] {
        app.database.raw().must(tamper);
        let report = audited(&app.store(), &[app.roster()]);
        assert!(!report.is_clean(), "{tamper}");
        let first = &report.findings[0];
        let found = (first.code, first.table.as_str(), first.row.as_str(), first.column.as_str());
        assert_eq!(found, expected, "{tamper}: {:#?}", report.findings);
        app.database.raw().must(repair);
    }
    app.finish().await;
}
