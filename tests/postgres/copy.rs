//! `piaolian copy`: a ledger moves from SQLite to PostgreSQL and back, and is the same.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Output;

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel::{QueryableByName, RunQueryDsl as _};

use crate::client::{Ask, draft, issue, notice, refund_notice};
use crate::server::{TestDatabase, execute, lines, value};
use crate::town::{Town, alone, audit, block_on, done, piaolian};

/// Tables that stay behind: who leads is a matter of the processes, and the schema's versions are made by migrating.
const LEFT_BEHIND: [&str; 2] = ["leaderships", "__diesel_schema_migrations"];

/// The mark of a copy under way.
const MARKS: &str = "SELECT count(*) || '' AS line FROM __diesel_schema_migrations WHERE version = 'half-made-copy'";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn sqlite_lines(file: &Path, sql: &str) -> Vec<String> {
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let lines: Vec<Line> = diesel::sql_query(sql).load(&mut conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

fn run_sqlite(file: &Path, sql: &str) {
    SqliteConnection::establish(file.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
}

fn url_of(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// Every table of the database's own catalog with its rows, each column as it is, in the order of all columns.
fn dump_sqlite(file: &Path) -> BTreeMap<String, Vec<String>> {
    let tables =
        sqlite_lines(file, "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    let tables = tables.into_iter().filter(|table| !LEFT_BEHIND.contains(&table.as_str()));
    let dumped = tables.map(|table| {
        let columns =
            sqlite_lines(file, &format!("SELECT name AS line FROM pragma_table_info('{table}') ORDER BY name"));
        let cells: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let mut rows = sqlite_lines(file, &format!("SELECT {} AS line FROM {table}", cells.join(" || ',' || ")));
        rows.sort();
        (table, rows)
    });
    dumped.collect()
}

/// The same of PostgreSQL, in the same words: `quote` of SQLite.
fn dump_postgres(url: &str) -> BTreeMap<String, Vec<String>> {
    let tables = lines(url, "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'");
    let tables = tables.into_iter().filter(|table| !LEFT_BEHIND.contains(&table.as_str()));
    let dumped = tables.map(|table| {
        let of_table =
            format!("FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'");
        let columns = lines(url, &format!("SELECT column_name || ':' || data_type AS line {of_table}"));
        let mut columns: Vec<(&str, &str)> = columns.iter().map(|column| column.split_once(':').unwrap()).collect();
        columns.sort();
        let cell = |(name, kind): &(&str, &str)| {
            let text = match *kind {
                "bigint" => format!("{name}::text"),
                "boolean" => format!("{name}::int::text"),
                "text" => format!("'''' || replace({name}, '''', '''''') || ''''"),
                "bytea" => format!("'X''' || upper(encode({name}, 'hex')) || ''''"),
                other => panic!("a column of type {other}"),
            };
            format!("coalesce({text}, 'NULL')")
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let mut rows = lines(url, &format!("SELECT {} AS line FROM {table}", cells.join(" || ',' || ")));
        rows.sort();
        (table, rows)
    });
    dumped.collect()
}

fn copy(from: &str, to: &str, more: &[&str]) -> Output {
    piaolian(&[&["copy", "--from", from, "--to", to], more].concat())
}

fn refused(output: &Output, code: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(code), "{code} in: {error}");
}

fn said(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

/// A ledger in which every table has rows.
async fn fill(town: &Town, merchants: RangeInclusive<u64>) {
    let rules = serde_json::json!({"rules": {"per_invoice_cap": 100_000}});
    town.ask(0, &Ask::put("/v1/rules/*").by(&town.bureau).once("rules").json(&rules)).await;
    for nth in merchants {
        let merchant = town.register(nth).await;
        for round in 0..20 {
            let transaction = format!("4200001234202611{nth:04}{round:08}");
            let order = format!("order-{nth}-{round}");
            town.ask(0, &notice(&town.platform, &merchant.mchid, &transaction, &order, 10_600)).await;
            let paid = (round % 2 == 0).then_some(transaction.as_str());
            if round == 1 {
                town.ask(0, &refund_notice(&town.platform, &merchant.mchid, &transaction, &order, 10_600)).await;
            }
            let issued = town.ask(0, &issue(&merchant.key, &format!("key'{round}"), &draft(5_300 + round, paid))).await;
            if round == 0 {
                let path = format!("/v1/invoices/{}", issued.json()["invoice"]["id"].as_str().unwrap());
                let part = serde_json::json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 100}]});
                town.ask(0, &Ask::post(format!("{path}/reversals")).by(&merchant.key).once("red").json(&part)).await;
                town.ask(0, &Ask::post(format!("{path}/confirmations")).by(&merchant.key).once("sheet").json(&part))
                    .await;
            }
        }
        let line = serde_json::json!({"category": "餐饮服务", "name": "餐'费", "classification": "3070401000000000000", "amount": 9, "rate": 600});
        let order = serde_json::json!({"out_trade_no": "waits", "pricing": "inclusive", "lines": [line]});
        town.ask(0, &Ask::post("/v1/orders").by(&merchant.key).json(&order)).await;
    }
}

#[test]
fn a_ledger_goes_to_postgres_and_back_and_is_the_same() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let mut town = Town::new(&url_of(&file));
    block_on(async {
        town.add(&url_of(&file), "").await;
        fill(&town, 1..=2).await;
        town.stop();
        // As after coming from a version without look-ups: they are made anew, so that their table has rows too; the next keys are
        // young again.
        run_sqlite(&file, "DELETE FROM young_keys");
        done(&["migrate", "--database", &url_of(&file)]);
        town.start(0);
        town.ready(0).await;
        fill(&town, 3..=3).await;
        town.stop();
    });
    // What no call of the tests leaves behind at rest: a delivery that was given up. And more than a page of rows.
    run_sqlite(
        &file,
        "INSERT INTO outbox VALUES (1, 'given-up', 'dead', 9, 7, 'it''s'), (2, 'given-up', 'dead', 9, -7, NULL); \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500) \
         INSERT INTO orders SELECT 'M' || (n % 7), 'order-' || n, '{\"票\":' || n || '}', n FROM n;",
    );

    let database = TestDatabase::new();
    let there = said(&copy(&url_of(&file), &database.url(), &[]));
    assert!(there.contains("CLEAN") && there.contains("EQUAL"), "{there}");
    let original = dump_sqlite(&file);
    let empty: Vec<&String> = original.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
    assert!(empty.is_empty(), "tables that this test shows nothing about: {empty:?}");
    compare(&original, &dump_postgres(&database.url()));
    assert_eq!(value(&database.url(), MARKS), "0");
    audit(&database.url(), &town.roster());

    let home = folder.path().join("again/ledger.db");
    said(&copy(&database.url(), &url_of(&home), &[]));
    compare(&original, &dump_sqlite(&home));
    let between = TestDatabase::new();
    said(&copy(&database.url(), &between.url(), &[]));
    compare(&original, &dump_postgres(&between.url()));

    refused(&copy(&url_of(&file), &database.url(), &[]), "STORE-NOT-EMPTY");
    refused(&copy(&url_of(&file), &database.url(), &["--restart"]), "STORE-NOT-EMPTY");
    compare(&original, &dump_postgres(&database.url()));
    let fresh = folder.path().join("fresh.db");
    done(&["migrate", "--database", &url_of(&fresh)]);
    refused(&copy(&url_of(&fresh), &url_of(&folder.path().join("never.db")), &[]), "STORE-NO-LEDGER");
    append_only_on_postgres(&database);
}

fn compare(original: &BTreeMap<String, Vec<String>>, copied: &BTreeMap<String, Vec<String>>) {
    let names = |tables: &BTreeMap<String, Vec<String>>| tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(original), names(copied));
    for (table, rows) in original {
        assert_eq!(rows, &copied[table], "table {table}");
    }
}

/// The tables that nothing may be taken from, in a copy neither.
const APPEND_ONLY: [&str; 4] = ["rosters", "blocks", "seals", "entries"];

fn append_only_on_postgres(database: &TestDatabase) {
    let mut conn = PgConnection::establish(&database.url()).unwrap();
    for table in APPEND_ONLY {
        assert!(conn.batch_execute(&format!("DELETE FROM {table}")).is_err(), "{table} can be deleted from");
        assert!(conn.batch_execute(&format!("TRUNCATE {table} CASCADE")).is_err(), "{table} can be emptied");
    }
}

fn append_only_on_sqlite(file: &Path) {
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    for table in APPEND_ONLY {
        assert!(conn.batch_execute(&format!("DELETE FROM {table}")).is_err(), "{table} can be deleted from");
    }
}

#[test]
fn a_half_made_copy_is_closed_to_everybody_and_can_be_made_anew() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (file, roster) = (folder.path().join("ledger.db"), folder.path().join("roster.json"));
    block_on(async {
        let mut town = Town::serving(&url_of(&file), 1).await;
        fill(&town, 1..=3).await;
        std::fs::copy(town.roster(), &roster).unwrap();
        town.stop();
    });
    let original = dump_sqlite(&file);

    // On PostgreSQL: the copy breaks off in the middle of a table.
    let database = TestDatabase::new();
    done(&["migrate", "--database", &database.url()]);
    execute(&database.url(), "ALTER TABLE invoices ADD CONSTRAINT broken CHECK (entry < 20)");
    refused(&copy(&url_of(&file), &database.url(), &[]), "STORE-FAILED");
    assert_eq!(value(&database.url(), MARKS), "1");
    assert_ne!(value(&database.url(), "SELECT count(*) || '' AS line FROM entries"), "0");
    for command in ["audit", "migrate"] {
        refused(&piaolian(&[command, "--database", &database.url()]), "STORE-HALF-COPIED");
    }
    refused(&copy(&url_of(&file), &database.url(), &[]), "STORE-HALF-COPIED");
    refused(&copy(&database.url(), &url_of(&folder.path().join("never.db")), &[]), "STORE-HALF-COPIED");
    execute(&database.url(), "ALTER TABLE invoices DROP CONSTRAINT broken");
    said(&copy(&url_of(&file), &database.url(), &["--restart"]));
    compare(&original, &dump_postgres(&database.url()));
    append_only_on_postgres(&database);
    audit(&database.url(), &roster);

    // On SQLite the same, and a copy of a damaged ledger: complete, not clean, and closed.
    let damaged = TestDatabase::new();
    said(&copy(&url_of(&file), &damaged.url(), &[]));
    execute(&damaged.url(), "UPDATE invoices SET buyer = '别人' WHERE number = '00000007'");
    let there = folder.path().join("there.db");
    let output = copy(&damaged.url(), &url_of(&there), &[]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("NOT EQUAL") && printed.contains("invoices.buyer"), "{printed}");
    refused(&piaolian(&["audit", "--database", &url_of(&there)]), "STORE-HALF-COPIED");
    said(&copy(&url_of(&file), &url_of(&there), &["--restart"]));
    compare(&original, &dump_sqlite(&there));
    append_only_on_sqlite(&there);
    audit(&url_of(&there), &roster);
}

#[test]
fn a_ledger_is_copied_as_of_one_moment_while_its_service_goes_on() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new();
    block_on(async {
        let mut town = Town::serving(&database.url(), 1).await;
        let merchant = town.register(1).await;
        let load = crate::load::Load::start(&town.client, &town.bases(), &merchant, 4, 20, 1);
        load.more(200).await;
        let (from, to) = (database.url(), url_of(&folder.path().join("copy.db")));
        let copied = tokio::task::spawn_blocking(move || said(&copy(&from, &to, &[]))).await.unwrap();
        assert!(copied.contains("EQUAL"), "{copied}");
        load.more(1).await;
        let issued = load.finish().await;
        let copied = sqlite_lines(&folder.path().join("copy.db"), "SELECT count(*) || '' AS line FROM invoices");
        let copied: usize = copied[0].parse().unwrap();
        assert!((200..issued.len()).contains(&copied), "{copied} of {} invoices", issued.len());
        town.stop();
    });
}
