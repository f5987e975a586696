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
const ONCE: [(&str, &[&str]); 21] = [
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
    // An issuer key serves one merchant once.
    ("issuers", &["address"]),
    ("journals", &["merchant"]),
    ("days", &["merchant", "date"]),
    ("rules", &["scope", "from_height"]),
    ("rosters", &["from_height"]),
    ("reversals", &["entry"]),
    ("reversed_lines", &["entry", "line"]),
    ("reversed_rates", &["entry", "rate"]),
    // One holder an invoice.
    ("lives", &["entry"]),
    ("confirmations", &["entry"]),
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
        "awaiting_fen = -1",
        "awaiting_fen = paid_fen - refunded_fen + 1",
        "awaiting_fen = 1, refunded_fen = paid_fen, invoiced_fen = 0",
    ] {
        let refusal = refused(&mut raw, &format!("UPDATE payments SET {change} WHERE {at};"));
        assert!(refusal.is(DatabaseErrorKind::CheckViolation), "{change}: {}", refusal.info.message());
    }
    raw.must(&format!("UPDATE payments SET invoiced_fen = paid_fen - refunded_fen WHERE {at};"));
    // All of it given back, though all of it is invoiced: the red letters are due.
    raw.must(&format!("UPDATE payments SET awaiting_fen = paid_fen - refunded_fen WHERE {at};"));
}

/// A table, which of its rows (all, if empty), what is refused there, and the nearest to it that is taken.
type Bounds<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

/// Each row is tried as it stands in the ledger: a CHECK that only holds for some of them would let others through.
fn holds(bounds: &[Bounds<'_>]) {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    for (name, only, refusals, taken) in bounds {
        let only = if only.is_empty() { String::new() } else { format!(" AND {only}") };
        let table = raw.table(name);
        let mut rows = 0;
        for row in &table.rows {
            let at = format!("{}{only}", table.at(row));
            if raw.texts(&format!("SELECT '1' AS line FROM {name} WHERE {at}")).is_empty() {
                continue;
            }
            rows += 1;
            for change in *refusals {
                let refusal = refused(&mut raw, &format!("UPDATE {name} SET {change} WHERE {at};"));
                let message = refusal.info.message();
                assert!(refusal.is(DatabaseErrorKind::CheckViolation), "{name} {at} {change}: {message}");
            }
            for change in *taken {
                // Undone at once, so that each starts from what was there.
                raw.must(&format!("BEGIN; UPDATE {name} SET {change} WHERE {at}; ROLLBACK;"));
            }
        }
        assert!(rows > 0, "{name}: no row {only}");
    }
}

#[test]
fn never_more_is_taken_back_than_was_there() {
    const MONEY: &[&str] = &[
        "red_amount_fen = amount_fen + 1",
        "red_tax_fen = tax_fen + 1",
        "red_amount_fen = -1",
        "red_tax_fen = -1",
        "amount_fen = -1, red_amount_fen = -1",
        "tax_fen = -1, red_tax_fen = -1",
    ];
    const ALL: &[&str] = &["red_amount_fen = amount_fen, red_tax_fen = tax_fen", "red_amount_fen = 0, red_tax_fen = 0"];
    holds(&[
        ("reversals", "", MONEY, ALL),
        ("reversals", "", &["letters = 0", "letters = -1"], &["letters = 1"]),
        ("reversed_lines", "", MONEY, ALL),
        ("reversed_lines", "", &["rate = 10001", "rate = -1"], &["rate = 0", "rate = 10000"]),
        (
            "reversed_lines",
            "quantity IS NOT NULL",
            &[
                "red_quantity = quantity + 1",
                "red_quantity = -1",
                "red_quantity = NULL",
                "quantity = NULL",
                "quantity = -1",
            ],
            &["red_quantity = quantity", "red_quantity = 0"],
        ),
        (
            "reversed_lines",
            "quantity IS NULL",
            &["red_quantity = 0", "quantity = 1"],
            &["quantity = 1, red_quantity = 1"],
        ),
        ("reversed_rates", "", MONEY, ALL),
    ]);
}

#[test]
fn a_life_has_a_holder_exactly_while_it_is_held() {
    let bytes = |count: usize| Cell::Blob(vec![7; count]).literal(crate::database::kind());
    let (short, right, long) = (bytes(31), bytes(32), bytes(33));
    let wrong = [
        "state = 'init'".to_owned(),
        "state = ''".to_owned(),
        "state = 'Locked'".to_owned(),
        "fence = -1".to_owned(),
        "wallet = 'none'".to_owned(),
        "confirmation = -1".to_owned(),
        format!("holder = {short}"),
        format!("holder = {long}"),
        format!("wallet_holder = {short}"),
        format!("wallet_holder = {long}"),
    ];
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    let held_but_open = format!("holder = {right}");
    let claimed_by_nobody = format!("wallet_holder = {right}");
    holds(&[
        ("lives", "", &wrong, &["fence = 0", "confirmation = 0"]),
        (
            "lives",
            "state IN ('locked', 'settled_locked')",
            &["lease_until_ms = NULL", "holder = NULL", "state = 'closed'"],
            &["state = 'closed', lease_until_ms = NULL", "state = 'open', lease_until_ms = NULL, holder = NULL"],
        ),
        (
            "lives",
            "state IN ('closed', 'pledged')",
            &["lease_until_ms = 1", "holder = NULL", "state = 'locked'"],
            &["state = 'locked', lease_until_ms = 1"],
        ),
        (
            "lives",
            "state IN ('open', 'settled', 'reversed')",
            &["lease_until_ms = 1", &held_but_open, "state = 'closed'"],
            &["state = 'reversed'"],
        ),
        (
            "lives",
            "wallet = 'claimed'",
            &["wallet_holder = NULL", "wallet = 'discarded'"],
            &["wallet = 'discarded', wallet_holder = NULL"],
        ),
        ("lives", "wallet <> 'claimed'", &[&claimed_by_nobody, "wallet = 'claimed'"], &[]),
    ]);
}

#[test]
fn a_sheet_is_in_one_of_nine_states_and_used_only_when_agreed() {
    let short = Cell::Blob(vec![7; 31]).literal(crate::database::kind());
    let short = format!("buyer = {short}");
    let wrong = [
        "state = '00'",
        "state = '10'",
        "state = '4'",
        "fence = -1",
        "invoice = entry",
        "invoice = -1",
        "until_ms = opened_at_ms",
        "red_entry = entry, state = '04'",
        "red_entry = entry + 1, state = '02'",
        "red_entry = entry + 1, state = '09'",
        &short,
    ];
    holds(&[
        ("confirmations", "", &wrong, &["red_entry = entry + 1, state = '04'", "red_entry = entry + 1, state = '01'"]),
        ("confirmations", "buyer IS NULL", &["by_seller = NOT by_seller"], &[]),
    ]);
}

#[test]
fn keys_journals_days_and_rules_are_refused_where_they_make_no_sense() {
    let bytes = |column: &str, count: usize| {
        format!("{column} = {}", Cell::Blob(vec![7; count]).literal(crate::database::kind()))
    };
    let (short, long) = (bytes("address", 19), bytes("address", 21));
    let running = bytes("running", 31);
    holds(&[
        (
            "issuers",
            "",
            &[&short, &long, "since_entry = -1", "until_entry = since_entry"],
            &["until_entry = since_entry + 1"],
        ),
        ("issuers", "revoked", &["until_entry = NULL"], &["revoked = NOT revoked"]),
        ("issuers", "until_entry IS NULL", &["revoked = NOT revoked"], &[]),
        ("journals", "", &["seq = 0", "seq = -1", &running], &["seq = 1"]),
        ("days", "", &["date = '2026-1-22'", "closed_entry = -1"], &["closed_entry = 0", "closed_entry = NULL"]),
        ("rules", "", &["from_height = -1", "entry = -1"], &["entry = 0"]),
        ("merchants", "", &["suspended_entry = -1", "issuer_revoked_entry = -1"], &["suspended_entry = 0"]),
        ("invoices", "blue_entry IS NULL", &["blue_entry = entry", "blue_entry = -1"], &[]),
        ("invoices", "blue_entry IS NULL AND amount_fen > 0", &["blue_entry = entry - 1"], &[]),
        (
            "invoices",
            "blue_entry IS NOT NULL",
            &["blue_entry = entry", "blue_entry = -1", "amount_fen = 1, total_fen = tax_fen + 1"],
            &["blue_entry = entry - 1", "blue_entry = 0"],
        ),
    ]);
}

#[test]
fn a_company_has_its_keys_and_nobody_else() {
    let copy = built().ledger.copy();
    let mut raw = copy.raw();
    let insert = |id: u8, role: &str, merchant: &str, company: &str| {
        let hash = Cell::Blob(vec![id; 32]).literal(crate::database::kind());
        format!(
            "INSERT INTO api_keys (id, key_hash, role, merchant, label, created_at_ms, company) \
             VALUES ('{id}', {hash}, '{role}', {merchant}, 'test', 1, {company});"
        )
    };
    let (merchant, company) = ("'M00000001'", "'91440300708461136T'");
    raw.must(&insert(1, "company", "NULL", company));
    raw.must(&insert(2, "merchant", merchant, "NULL"));
    for (role, merchant, company) in [
        ("company", "NULL", "NULL"),
        ("company", merchant, company),
        ("merchant", merchant, company),
        ("bureau", "NULL", company),
        ("clerk", "NULL", "NULL"),
    ] {
        let refusal = refused(&mut raw, &insert(3, role, merchant, company));
        assert!(refusal.is(DatabaseErrorKind::CheckViolation), "{role}: {}", refusal.info.message());
    }
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
