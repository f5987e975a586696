//! Migrations go up, down and up again; a database of another age is left alone.

use std::sync::Arc;

use piaolian::base::clock::FixedClock;
use piaolian::base::{Code, UnixMs};
use piaolian::chain::{Edge, Edition, Hash, Header, header_hash, leaf_hash, to_canonical};
use piaolian::config::keyring::{Keyring, PROPOSER};
use piaolian::invoice::{InvoiceId, Reason, ReversalAsked};
use piaolian::ledger::command::PaymentBody;
use piaolian::ledger::lookup::keys_of_entry;
use piaolian::ledger::{Command, Entry};
use piaolian::sequencer::{Engine, LocalEngine};
use piaolian::store::{NewBlock, Store, StoreError};
use serde_json::{Value, json};

use super::bare::Bare;
use super::lives::{self, Blue, red_letter};
use super::scene::{block_on, built, key, make_keys, own_key, transaction};
use crate::database::{Cell, KINDS, Kind, TestDatabase};

/// Entries of version 1, as they were written when there was no other.
const OLD: &str = include_str!("../../fixtures/chain/entries-v1.json");

/// The time that stands in them: the last millisecond of the legal day 2026-11-22.
const OLD_TIME: UnixMs = UnixMs(1_795_363_199_999);

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

fn old_entries() -> Vec<Entry> {
    let file: Value = serde_json::from_str(OLD).unwrap();
    let texts = file["entries"].as_array().unwrap().iter().map(|entry| entry["text"].as_str().unwrap());
    texts.map(|text| Entry::parse(text).unwrap()).collect()
}

/// Writes the entries of version 1 in three blocks, with all that an older program wrote of them beside its projections. Nothing of that
/// has changed since.
fn seal_old(database: &TestDatabase, keys: &std::path::Path) {
    let store = Store::open(&database.url(), 1).unwrap();
    let Keyring { roster, seal_keys, .. } = Keyring::load(keys).unwrap();
    let engine = LocalEngine::new(seal_keys.into_iter().map(|(_, key)| key), PROPOSER.try_into().unwrap());
    let file: Value = serde_json::from_str(OLD).unwrap();
    let entries: Vec<_> = old_entries()
        .into_iter()
        .zip(file["entries"].as_array().unwrap())
        .map(|(entry, stored)| (entry, stored["text"].as_str().unwrap().to_owned()))
        .collect();
    let mut edge = Edge::empty();
    let write = |tx: &mut piaolian::store::Tx<'_>| {
        // An older program knew no headers of version 2.
        let genesis = Header::genesis(&roster, OLD_TIME, PROPOSER.try_into().unwrap());
        let mut prev = Header { v: Edition::First, state: None, ..genesis };
        let text = prev.to_text().unwrap();
        let (hash, none) = (header_hash(&text), Hash::ZERO);
        tx.insert_roster(&roster)?;
        tx.insert_block(&NewBlock { height: 0, hash, prev: none, size: 0, header: &text, entries: &[], tiles: &[] })?;
        tx.insert_seals(0, &engine.seal(&roster, &prev, &hash).unwrap())?;
        for group in entries.chunks(3) {
            let written: Vec<_> =
                group.iter().map(|(entry, text)| (entry.index, entry.kind, leaf_hash(text), text.clone())).collect();
            let leaves: Vec<_> = written.iter().map(|(_, _, leaf, _)| *leaf).collect();
            let tiles = edge.append(&leaves).tiles;
            let (height, before) = (prev.height + 1, prev.hash().unwrap());
            let header = Header { height, prev: before, size: edge.size(), root: edge.root(), ..prev };
            let text = header.to_text().unwrap();
            let (hash, size) = (header_hash(&text), header.size);
            tx.insert_block(&NewBlock {
                height,
                hash,
                prev: before,
                size,
                header: &text,
                entries: &written,
                tiles: &tiles,
            })?;
            tx.insert_seals(height, &engine.seal(&roster, &header, &hash).unwrap())?;
            let keys =
                group.iter().flat_map(|(entry, _)| keys_of_entry(entry).into_iter().map(|key| (key, entry.index)));
            tx.put_keys(height, &keys.collect::<Vec<_>>(), 0)?;
            prev = header;
        }
        Ok::<_, StoreError>(())
    };
    store.write_blocking(write).unwrap();
}

/// A row with the names of its columns.
type OldRow = (&'static str, Vec<(&'static str, Value)>);

/// What an older program wrote of an entry into its projections; the payment as its refund and its invoice left it.
fn old_rows(entry: &Entry) -> Vec<OldRow> {
    let whole = serde_json::to_value(entry).unwrap();
    let (index, merchant) = (whole["index"].clone(), whole["merchant"].clone());
    let body = |field: &str| whole["body"][field].clone();
    let seller = |field: &str| whole["body"]["seller"][field].clone();
    let draft = &whole["draft"];
    match whole["kind"].as_str().unwrap() {
        "register_merchant" => {
            let columns = ["taxpayer_id", "name", "address_phone", "bank_account"].map(|field| (field, seller(field)));
            let others = ["mchid", "issue_on_payment", "issuer"].map(|field| (field, body(field)));
            vec![("merchants", [&[("id", merchant), ("entry", index)], &columns[..], &others].concat())]
        }
        "set_rules" => vec![("rules", vec![("scope", body("scope")), ("body", body("rules")), ("entry", index)])],
        "record_payment" => {
            let fields = [
                ("provider", "provider"),
                ("transaction_id", "transaction"),
                ("order_id", "order"),
                ("paid_at_ms", "paid_at"),
                ("paid_fen", "paid"),
            ];
            let told = fields.map(|(column, field)| (column, body(field)));
            let balance = [("refunded_fen", json!(500)), ("invoiced_fen", json!(50_010))];
            vec![("payments", [&[("entry", index), ("merchant", merchant)], &told[..], &balance].concat())]
        }
        "record_refund" => {
            let fields = [
                ("provider", "provider"),
                ("refund_id", "refund"),
                ("transaction_id", "transaction"),
                ("amount_fen", "amount"),
            ];
            let told = fields.map(|(column, field)| (column, body(field)));
            vec![("refunds", [&[("entry", index)], &told[..]].concat())]
        }
        "issue" => {
            let numbered = ["code", "number", "date"].map(|field| (field, whole[field].clone()));
            let sums = [("amount_fen", "amount"), ("tax_fen", "tax"), ("total_fen", "total")]
                .map(|(to, of)| (to, draft[of].clone()));
            let others = [
                ("buyer", draft["buyer"]["name"].clone()),
                ("provider", draft["payment"]["provider"].clone()),
                ("transaction_id", draft["payment"]["transaction"].clone()),
            ];
            let own = [("entry", index), ("merchant", merchant.clone())];
            let month = [("month", json!("2026-11")), ("invoices", json!(1))];
            vec![
                ("invoices", [&own[..], &numbered, &sums, &others].concat()),
                ("quotas", [&[("merchant", merchant)], &month[..], &sums[2..]].concat()),
            ]
        }
        other => panic!("{other} is no kind of version 1"),
    }
}

/// The projections of the entries of version 1 as the older program had them.
fn project_old(database: &TestDatabase) {
    let cell = |column: &str, value: &Value| match value {
        Value::Null => Cell::Null,
        Value::String(address) if column == "issuer" => Cell::Blob(hex::decode(address).unwrap()),
        Value::String(text) => Cell::Text(text.clone().into_bytes()),
        Value::Number(number) => Cell::Int(number.as_i64().unwrap()),
        Value::Bool(flag) if database.kind() == Kind::Postgres => Cell::Flag(*flag),
        Value::Bool(flag) => Cell::Int(i64::from(*flag)),
        Value::Object(_) | Value::Array(_) => Cell::Text(to_canonical(value).unwrap().into_bytes()),
    };
    let series =
        ["invoice-2026", "merchant"].map(|name| ("sequences", vec![("name", json!(name)), ("issued", json!(2))]));
    let mut raw = database.raw();
    for (table, row) in old_entries().iter().flat_map(old_rows).chain(series) {
        let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
        let cells = row.iter().map(|(column, value)| cell(column, value).literal(database.kind()));
        let cells = cells.collect::<Vec<_>>().join(", ");
        raw.must(&format!("INSERT INTO {table} ({}) VALUES ({cells});", columns.join(", ")));
    }
}

/// A database at the schema before the lives of invoices, with a ledger of version 1.
fn old_ledger(kind: Kind, keys: &std::path::Path) -> TestDatabase {
    let database = TestDatabase::empty_on(kind);
    Store::migrate(&database.url()).unwrap();
    seal_old(&database, keys);
    for version in ["20261123000005", "20261123000004"] {
        assert_eq!(Store::revert_last_migration(&database.url()).unwrap(), version);
    }
    project_old(&database);
    database
}

fn versions(database: &TestDatabase) -> Vec<u32> {
    let texts = database.raw().texts("SELECT entry AS line FROM entries ORDER BY idx");
    texts.iter().map(|text| Entry::parse(text).unwrap().v).collect()
}

fn journals(database: &TestDatabase) -> Vec<String> {
    database.raw().texts("SELECT merchant || ' ' || seq AS line FROM journals ORDER BY merchant")
}

/// Goes on with a ledger of version 1: payments of its merchants, a red letter of one of its invoices, and whole lives.
async fn go_on(database: &TestDatabase, keys: &std::path::Path) {
    let clock = Arc::new(FixedClock::at(OLD_TIME));
    let bare = Bare::start(database, keys, Arc::<FixedClock>::clone(&clock));
    let mut seqs = Vec::new();
    for (nth, merchant) in ["M00000001", "M00000002"].into_iter().enumerate() {
        let body = json!({
            "provider": "wechat-pay", "transaction": transaction(8_001 + u64::try_from(nth).unwrap()), "merchant": merchant,
            "order": format!("later-{nth}"), "paid": 1_000, "paid_at": OLD_TIME,
        });
        let body: PaymentBody = serde_json::from_value(body).unwrap();
        let recorded = bare.submit(Command::RecordPayment(body)).await.unwrap();
        seqs.push(Entry::parse(&recorded.receipt.entry).unwrap().seq);
    }
    let old = old_entries().pop().unwrap();
    let blue = Blue { id: InvoiceId { code: old.code.unwrap(), number: old.number.unwrap() }, entry: old.index };
    let asked = ReversalAsked { reason: Reason::IssueError, lines: Vec::new() };
    let red = red_letter(&bare, &own_key(8), blue, &asked, None, key("red"));
    let recorded = bare.submit(red).await.unwrap();
    let red = Entry::parse(&recorded.receipt.entry).unwrap();
    seqs.push(red.seq);
    assert_eq!(seqs, [Some(6), Some(4), Some(5)], "behind the five and three entries that these two had");
    assert_eq!((red.number.unwrap().to_string().as_str(), red.draft.unwrap().total().get()), ("00000003", -214_950));
    bare.stop().await;
    lives::live(database, keys, &clock, 3).await;
}

#[test]
fn a_ledger_of_version_1_is_clean_and_goes_on_in_version_2_on_both() {
    for kind in KINDS {
        let keys = tempfile::tempdir().unwrap();
        make_keys(keys.path());
        let roster = Keyring::load(keys.path()).unwrap().roster;
        let trusted = std::slice::from_ref(&roster);
        let database = old_ledger(kind, keys.path());
        assert!(matches!(Store::open(&database.url(), 1), Err(StoreError::Unmigrated(_))));
        assert_eq!(Store::migrate(&database.url()).unwrap(), ["20261123000004", "20261123000005"]);
        let report = database.audited(trusted);
        assert!(report.is_clean(), "{kind:?}: {:?}", report.findings);
        assert_eq!((report.entries, report.invoices, report.signatures, report.blocks), (9, 2, 2, 4));
        assert_eq!(versions(&database), [1; 9]);
        assert_eq!(journals(&database), ["M00000001 5", "M00000002 3"]);
        assert_eq!(database.raw().count("rules"), 3);

        block_on(go_on(&database, keys.path()));
        let report = database.audited(trusted);
        assert!(report.is_clean(), "{kind:?}: {:?}", report.findings);
        let later = 3 + lives::ENTRIES;
        assert_eq!(versions(&database), [vec![1; 9], vec![2; later]].concat());
        // The first block of this program commits to the states of all invoices, the old ones among them.
        let headers = database.raw().texts("SELECT header AS line FROM blocks ORDER BY height");
        let states: Vec<bool> = headers.iter().map(|text| Header::from_text(text).unwrap().state.is_some()).collect();
        assert_eq!(states.iter().position(|stated| *stated), Some(4));
        assert!(states[4..].iter().all(|stated| *stated));
        assert_eq!(journals(&database)[..2], ["M00000001 6", "M00000002 5"]);
    }
}
