//! What the database refuses whoever asks: the ledger is append-only, and the guarantees of design.md 5 are constraints first.

use diesel::result::{DatabaseErrorKind, Error};

use super::raw::{Cell, Copy, Raw, Table};
use super::scene::built;

/// The kind and words of the refusal.
fn refused(raw: &mut Raw, sql: &str) -> (String, String) {
    match raw.run(sql) {
        Err(Error::DatabaseError(kind, info)) => (format!("{kind:?}"), info.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn what_was_sealed_is_append_only() {
    let copy = Copy::of(&built().bytes);
    let mut raw = Raw::open(&copy.file());
    for (table, column) in
        [("rosters", "roster"), ("blocks", "header"), ("seals", "round"), ("entries", "entry"), ("entries", "leaf")]
    {
        let before = raw.table(table);
        for sql in [format!("UPDATE {table} SET {column} = {column};"), format!("DELETE FROM {table};")] {
            assert_eq!(refused(&mut raw, &sql).1, "the ledger is append-only", "{sql}");
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
        let at = table.columns.iter().position(|column| column.name == *name).unwrap();
        row[at] = cell.clone();
    }
    table.insert(&row)
}

fn text(value: &str) -> Cell {
    Cell::Text(value.as_bytes().to_vec())
}

#[test]
fn nothing_happens_twice() {
    let copy = Copy::of(&built().bytes);
    let mut raw = Raw::open(&copy.file());
    let unused = Cell::Int(1_000_000);
    let cases: [(&str, Changes<'_>, &str); 12] = [
        ("payments", &[("entry", unused.clone())], "payments.provider, payments.transaction_id"),
        ("payments", &[("transaction_id", text("new"))], "payments.entry"),
        ("refunds", &[("entry", unused.clone())], "refunds.provider, refunds.refund_id"),
        ("invoices", &[("entry", unused.clone())], "invoices.number, invoices.code"),
        ("answers", &[("entry", unused.clone())], "answers.scope, answers.idempotency_key"),
        ("answers", &[("idempotency_key", text("new"))], "answers.entry"),
        ("merchants", &[("id", text("M1")), ("mchid", text("1")), ("entry", unused.clone())], "merchants.taxpayer_id"),
        ("merchants", &[("id", text("M1")), ("taxpayer_id", text("1")), ("entry", unused.clone())], "merchants.mchid"),
        ("entries", &[], "entries.idx"),
        ("blocks", &[], "blocks.height"),
        ("blocks", &[("height", unused.clone())], "blocks.prev"),
        ("seals", &[], "seals.height, seals.member"),
    ];
    for (name, cells, constraint) in cases {
        let table = raw.table(name);
        let (kind, words) = refused(&mut raw, &like(&table, 0, cells));
        assert_eq!(kind, format!("{:?}", DatabaseErrorKind::UniqueViolation), "{name} {cells:?}: {words}");
        assert_eq!(words, format!("UNIQUE constraint failed: {constraint}"));
    }
}

#[test]
fn never_more_than_was_paid_and_kept() {
    let copy = Copy::of(&built().bytes);
    let mut raw = Raw::open(&copy.file());
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
        let (kind, words) = refused(&mut raw, &format!("UPDATE payments SET {change} WHERE {at};"));
        assert_eq!(kind, format!("{:?}", DatabaseErrorKind::CheckViolation), "{change}: {words}");
    }
    raw.must(&format!("UPDATE payments SET invoiced_fen = paid_fen - refunded_fen WHERE {at};"));
}

#[test]
fn rows_that_make_no_sense_are_refused() {
    let copy = Copy::of(&built().bytes);
    let mut raw = Raw::open(&copy.file());
    let unused = Cell::Int(1_000_000);
    let cases: [(&str, Changes<'_>); 9] = [
        ("invoices", &[("entry", unused.clone()), ("number", text("99999999")), ("tax_fen", Cell::Int(-1))]),
        ("invoices", &[("entry", unused.clone()), ("number", text("999"))]),
        ("invoices", &[("entry", unused.clone()), ("number", text("99999999")), ("code", text("1"))]),
        ("refunds", &[("entry", unused.clone()), ("refund_id", text("new")), ("amount_fen", Cell::Int(0))]),
        (
            "answers",
            &[("entry", unused.clone()), ("idempotency_key", text("new")), ("request", Cell::Blob(vec![1; 31]))],
        ),
        ("entries", &[("idx", unused.clone()), ("leaf", Cell::Blob(vec![1; 33]))]),
        ("entries", &[("idx", Cell::Int(-1))]),
        ("seals", &[("member", text("new")), ("signature", Cell::Blob(vec![1; 63]))]),
        ("tiles", &[("idx", unused.clone()), ("hashes", Cell::Blob(vec![1; 33]))]),
    ];
    for (name, cells) in cases {
        let table = raw.table(name);
        let (kind, words) = refused(&mut raw, &like(&table, 0, cells));
        assert_eq!(kind, format!("{:?}", DatabaseErrorKind::CheckViolation), "{name} {cells:?}: {words}");
    }
}

#[test]
fn a_seal_needs_its_block() {
    let copy = Copy::of(&built().bytes);
    let mut raw = Raw::open(&copy.file());
    raw.must("PRAGMA foreign_keys = ON;");
    let seals = raw.table("seals");
    let (kind, _) = refused(&mut raw, &like(&seals, 0, &[("height", Cell::Int(1_000_000))]));
    assert_eq!(kind, format!("{:?}", DatabaseErrorKind::ForeignKeyViolation));
}
