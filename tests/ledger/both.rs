//! SQLite and PostgreSQL beside each other: the same migrations, the same shape, the same bytes. Needs a PostgreSQL server whichever
//! database the run is about.

use std::collections::{BTreeMap, BTreeSet};

use piaolian::ledger::Entry;
use piaolian::render::{Face, Press};
use piaolian::sequencer::desk::Recorded;
use piaolian::store::Store;

use super::again::{SERVED, play, texts};
use super::lives;
use super::scene::{block_on, make_keys};
use crate::database::{Column, KINDS, Kind, Raw, TestDatabase};

/// What diesel believes.
const SCHEMA: &str = include_str!("../../src/store/schema.rs");

/// A SQLite and a PostgreSQL database with this program's schema.
fn migrated() -> [TestDatabase; 2] {
    KINDS.map(|kind| {
        let database = TestDatabase::empty_on(kind);
        Store::migrate(&database.url()).unwrap();
        database
    })
}

fn names(folder: &str) -> BTreeSet<String> {
    let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn both_have_the_same_migrations() {
    let run = KINDS.map(|kind| Store::migrate(&TestDatabase::empty_on(kind).url()).unwrap());
    assert_eq!(run[0], run[1]);
    assert_eq!(names("sqlite"), names("postgres"));
    assert_eq!(run[0].len(), names("sqlite").len());
}

/// A table as `schema.rs` has it: its key, and its columns with type and whether NULL may stand there.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    key: Vec<String>,
    columns: Vec<(String, &'static str, bool)>,
}

/// Reads `schema.rs`: `diesel::table! { name (key, ...) { column -> Type, ... } }`.
fn believed() -> BTreeMap<String, Shape> {
    let words = SCHEMA.replace(['{', '}', '(', ')', ','], " ");
    let shape = |table: &str| {
        let (head, body) = table.split_once(')').unwrap();
        let (name, key) = head.split_once('(').unwrap();
        let columns = body.split(',').filter_map(|column| column.split_once("->")).map(|(name, kind)| {
            let name = name.trim().trim_start_matches(['{', ' ', '\n']).trim().to_owned();
            let kind = kind.trim();
            let plain = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let kind_of = match plain.unwrap_or(kind) {
                "BigInt" => "INTEGER",
                "Bool" => "BOOLEAN",
                "Text" => "TEXT",
                "Binary" => "BLOB",
                other => panic!("{name} is of type {other}: both databases have BigInt, Bool, Text and Binary"),
            };
            (name, kind_of, plain.is_some())
        });
        let key = key.split(',').map(|name| name.trim().to_owned()).collect();
        (name.trim_matches(['{', ' ', '\n']).to_owned(), Shape { key, columns: columns.collect() })
    };
    let tables: BTreeMap<String, Shape> = SCHEMA.split("diesel::table!").skip(1).map(shape).collect();
    // Every arrow of the file was read.
    let arrows = words.split_whitespace().filter(|word| *word == "->").count();
    assert_eq!(tables.values().map(|shape| shape.columns.len()).sum::<usize>(), arrows);
    tables
}

/// A table as the catalog has it. SQLite has no type for flags: there a flag is an integer that must be 0 or 1.
fn found(raw: &mut Raw, table: &str, believed: &Shape) -> Shape {
    let columns = raw.columns(table);
    let mut key: Vec<&Column> = columns.iter().filter(|column| column.pk > 0).collect();
    key.sort_by_key(|column| column.pk);
    let key = key.into_iter().map(|column| column.name.clone()).collect();
    let kind_of = |column: &Column| {
        let flag = believed.columns.iter().any(|(name, kind, _)| *name == column.name && *kind == "BOOLEAN");
        match (column.kind.as_str(), raw.kind()) {
            ("INTEGER", Kind::Sqlite) if flag => "BOOLEAN",
            ("INTEGER", _) => "INTEGER",
            ("BOOLEAN", Kind::Postgres) => "BOOLEAN",
            ("TEXT", _) => "TEXT",
            ("BLOB", _) => "BLOB",
            other => panic!("{table}.{}: {other:?}", column.name),
        }
    };
    let columns = columns.iter().map(|column| (column.name.clone(), kind_of(column), column.filled == 0));
    Shape { key, columns: columns.collect() }
}

#[test]
fn both_schemas_are_what_diesel_believes() {
    let believed = believed();
    for database in migrated() {
        let mut raw = database.raw();
        let mut tables = raw.tables();
        tables.retain(|name| name != "__diesel_schema_migrations");
        assert_eq!(tables, believed.keys().cloned().collect::<Vec<_>>(), "{:?}", database.kind());
        for (name, shape) in &believed {
            assert_eq!(&found(&mut raw, name, shape), shape, "{name} on {:?}", database.kind());
        }
    }
}

#[test]
fn both_have_the_same_keys_and_indexes() {
    let [sqlite, postgres] = migrated();
    let (mut sqlite, mut postgres) = (sqlite.raw(), postgres.raw());
    for name in believed().keys() {
        let indexes = sqlite.indexes(name);
        assert!(indexes.iter().any(|(unique, _)| *unique), "{name} has no key");
        assert_eq!(indexes, postgres.indexes(name), "{name}");
    }
}

/// Lists are ordered and cursors compared by bytes, whatever language the server speaks.
#[test]
fn postgresql_orders_text_by_its_bytes() {
    let [_, postgres] = migrated();
    let others = postgres.raw().texts(
        "SELECT table_name || '.' || column_name AS line FROM information_schema.columns \
         WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'",
    );
    assert_eq!(others, Vec::<String>::new());
}

fn pdf(recorded: &Recorded, press: &Press) -> Option<Vec<u8>> {
    let entry = Entry::parse(&recorded.receipt.entry).unwrap();
    let face = Face::of(&entry, &recorded.leaf, recorded.height, "http://127.0.0.1:8080")?;
    Some(press.face_pdf(&face).unwrap().bytes)
}

#[test]
fn the_same_commands_give_the_same_bytes_on_both() {
    let keys = tempfile::tempdir().unwrap();
    make_keys(keys.path());
    let [sqlite, postgres] = KINDS.map(|kind| block_on(play(&TestDatabase::empty_on(kind), keys.path())));
    assert_eq!(sqlite.0.len(), SERVED + lives::ENTRIES);
    assert_eq!(texts(&sqlite.0), texts(&postgres.0), "receipts, and with them headers, roots, proofs and seals");
    for (sqlite, postgres) in sqlite.1.iter().zip(&postgres.1) {
        assert!(!sqlite.rows.is_empty(), "{} is empty", sqlite.name);
        assert_eq!((sqlite.of, postgres.of), (Kind::Sqlite, Kind::Postgres));
        assert_eq!(sqlite.bytes(), postgres.bytes(), "{}", sqlite.name);
    }
    let press = Press::set_up().unwrap();
    let pdfs = [&sqlite.0, &postgres.0].map(|all| {
        let drawn = all.iter().filter_map(|recorded| pdf(recorded, &press));
        drawn.take(4).collect::<Vec<_>>()
    });
    assert_eq!(pdfs[0].len(), 4);
    assert!(pdfs[0] == pdfs[1], "PDFs");
}
