//! What the database refuses whoever asks: the ledger is append-only, and the guarantees of design.md 5 are constraints first.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use super::scene::built;
use crate::database::{Cell, Kind, Raw, Table};

/// What the database said against it.
struct Refusal {
    kind: String,
    info: Box<dyn DatabaseErrorInformation + Send + Sync>,
}

impl Refusal {
    fn is(&self, kind: DatabaseErrorKind) -> bool {
        self.kind == format!("{kind:?}")
    }

    /// The columns that would not have been unique.
    fn columns(&self, of: Kind) -> Vec<String> {
        let (listed, separator) = match of {
            // UNIQUE constraint failed: payments.provider, payments.transaction_id
            Kind::Sqlite => (self.info.message().split_once("failed: ").unwrap().1, '.'),
            // Key (provider, transaction_id)=(wechat-pay, 42) already exists.
            Kind::Postgres => {
                (self.info.details().unwrap().split_once('(').unwrap().1.split_once(")=").unwrap().0, '(')
            }
        };
        listed.split(", ").map(|name| name.rsplit(separator).next().unwrap().to_owned()).collect()
    }
}

fn refused(raw: &mut Raw, sql: &str) -> Refusal {
    match raw.run(sql) {
        Err(Error::DatabaseError(kind, info)) => Refusal { kind: format!("{kind:?}"), info },
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn what_was_sealed_is_append_only() {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    for (table, column) in
        [("rosters", "roster"), ("blocks", "header"), ("seals", "round"), ("entries", "entry"), ("entries", "leaf")]
    {
        let before = raw.table(table);
        let mut ways = vec![format!("UPDATE {table} SET {column} = {column};"), format!("DELETE FROM {table};")];
        if raw.kind() == Kind::Postgres {
            ways.push(format!("TRUNCATE {table} CASCADE;"));
        }
        for sql in ways {
            assert_eq!(refused(&mut raw, &sql).info.message(), "the ledger is append-only", "{sql}");
        }
        assert_eq!(raw.table(table), before);
    }
}

/// Columns and what to put there.
type Changes<'a> = &'a [(&'a str, Cell)];

/// A new row after the model of another, some cells put in.
fn like(table: &Table, row: usize, cells: Changes<'_>) -> String {
    let mut row = table.rows[row].clone();
    for (name, cell) in cells {
        row[table.place(name)] = cell.clone();
    }
    table.insert(&row)
}

fn text(value: &str) -> Cell {
    Cell::Text(value.as_bytes().to_vec())
}

/// Another value that every CHECK takes as well as this one.
fn another(cell: &Cell) -> Cell {
    let changed = |bytes: &[u8]| {
        let (last, rest) = bytes.split_last().unwrap();
        [rest, &[if *last == b'Z' { b'Y' } else { b'Z' }]].concat()
    };
    match cell {
        Cell::Null => Cell::Null,
        Cell::Int(number) => Cell::Int(number + 1_000_000),
        Cell::Flag(flag) => Cell::Flag(!flag),
        Cell::Text(bytes) => Cell::Text(changed(bytes)),
        Cell::Blob(bytes) => Cell::Blob(changed(bytes)),
    }
}

/// The guarantees: what must not be there twice.
const ONCE: [(&str, &[&str]); 11] = [
    ("entries", &["idx"]),
    ("blocks", &["height"]),
    ("blocks", &["prev"]),
    ("seals", &["height", "member"]),
    ("merchants", &["id"]),
    ("merchants", &["taxpayer_id"]),
    ("merchants", &["mchid"]),
    ("payments", &["entry"]),
    ("refunds", &["entry"]),
    ("invoices", &["entry"]),
    ("invoices", &["number", "code"]),
];

/// A second row that is like the first in these columns only, as far as other keys are concerned.
fn second(table: &Table, key: &[String], others: &[Vec<String>]) -> Vec<Cell> {
    let row = table.rows.iter().find(|row| key.iter().all(|name| row[table.place(name)] != Cell::Null)).unwrap();
    let mut second = row.clone();
    for other in others.iter().filter(|other| *other != key) {
        let free = other.iter().find(|name| !key.contains(*name)).unwrap();
        second[table.place(free)] = another(&row[table.place(free)]);
    }
    second
}

#[test]
fn nothing_happens_twice() {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    let mut tried = Vec::new();
    for table in piaolian::ledger::projection::LEDGER_TABLES {
        let keys = raw.indexes(table.name).into_iter().filter_map(|(unique, columns)| unique.then_some(columns));
        let keys: Vec<Vec<String>> = keys.collect();
        let table = raw.table(table.name);
        for key in &keys {
            let refusal = refused(&mut raw, &table.insert(&second(&table, key, &keys)));
            assert!(
                refusal.is(DatabaseErrorKind::UniqueViolation),
                "{} {key:?}: {}",
                table.name,
                refusal.info.message()
            );
            assert_eq!(&refusal.columns(raw.kind()), key, "{}", table.name);
            tried.push((table.name.clone(), key.clone()));
        }
    }
    for (table, key) in ONCE {
        let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
        assert!(tried.contains(&(table.to_owned(), key.clone())), "{table} {key:?} is not UNIQUE; what is: {tried:?}");
    }
}

#[test]
fn never_more_than_was_paid_and_kept() {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    let payments = raw.table("payments");
    let at = payments.at(&payments.rows[0]);
    for change in [
        "invoiced_fen = paid_fen - refunded_fen + 1",
        "refunded_fen = paid_fen - invoiced_fen + 1",
        "refunded_fen = paid_fen + 1, invoiced_fen = 0",
        "paid_fen = invoiced_fen + refunded_fen - 1",
        "paid_fen = 0, refunded_fen = 0, invoiced_fen = 0",
        "invoiced_fen = -1",
        "refunded_fen = -1",
    ] {
        let refusal = refused(&mut raw, &format!("UPDATE payments SET {change} WHERE {at};"));
        assert!(refusal.is(DatabaseErrorKind::CheckViolation), "{change}: {}", refusal.info.message());
    }
    raw.must(&format!("UPDATE payments SET invoiced_fen = paid_fen - refunded_fen WHERE {at};"));
}

#[test]
fn rows_that_make_no_sense_are_refused() {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    let unused = Cell::Int(1_000_000);
    let cases: [(&str, Changes<'_>); 8] = [
        ("invoices", &[("entry", unused.clone()), ("number", text("99999999")), ("tax_fen", Cell::Int(-1))]),
        ("invoices", &[("entry", unused.clone()), ("number", text("999"))]),
        ("invoices", &[("entry", unused.clone()), ("number", text("99999999")), ("code", text("1"))]),
        ("refunds", &[("entry", unused.clone()), ("refund_id", text("new")), ("amount_fen", Cell::Int(0))]),
        ("entries", &[("idx", unused.clone()), ("leaf", Cell::Blob(vec![1; 33]))]),
        ("entries", &[("idx", Cell::Int(-1))]),
        ("seals", &[("member", text("new")), ("signature", Cell::Blob(vec![1; 63]))]),
        ("tiles", &[("idx", unused.clone()), ("hashes", Cell::Blob(vec![1; 33]))]),
    ];
    for (name, cells) in cases {
        let table = raw.table(name);
        let refusal = refused(&mut raw, &like(&table, 0, cells));
        assert!(refusal.is(DatabaseErrorKind::CheckViolation), "{name} {cells:?}: {}", refusal.info.message());
    }
}

#[test]
fn a_seal_needs_its_block() {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    let seals = raw.table("seals");
    let refusal = refused(&mut raw, &like(&seals, 0, &[("height", Cell::Int(1_000_000))]));
    assert!(refusal.is(DatabaseErrorKind::ForeignKeyViolation), "{}", refusal.info.message());
}
