//! The ledger as it stands in the database, read from outside, and what must be true of it whatever anybody asked for.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{QueryableByName, RunQueryDsl as _};
use serde_json::{Value, json};

use crate::lives::check_lives;

/// What the service's own idempotency keys begin with: the invoice of a payment, by itself.
const BY_ITSELF: &str = "on-payment:wechat-pay:";

/// An entry.
#[derive(Debug, Clone)]
pub struct Entry {
    pub index: u64,
    pub height: u64,
    pub text: String,
    pub value: Value,
}

impl Entry {
    pub fn new(index: u64, height: u64, text: &str) -> Self {
        Self { index, height, text: text.to_owned(), value: serde_json::from_str(text).unwrap() }
    }

    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap()
    }

    /// The time of its block, unix ms.
    pub fn time(&self) -> i64 {
        self.value["time"].as_i64().unwrap()
    }

    /// What it goes by: the caller's key, or the partner's id of what was told. One name is recorded once.
    pub fn name(&self) -> &str {
        let body = &self.value["body"];
        let names = [&self.value["key"], &body["refund"], &body["transaction"]];
        names.into_iter().find_map(Value::as_str).unwrap()
    }

    /// The transaction whose invoice this is, made by itself.
    pub fn by_itself(&self) -> Option<&str> {
        self.name().strip_prefix(BY_ITSELF)
    }
}

/// All entries in order.
#[derive(Debug, Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    idx: i64,
    #[diesel(sql_type = BigInt)]
    height: i64,
    #[diesel(sql_type = Text)]
    entry: String,
}

impl Ledger {
    /// Reads it, whether a process serves it or not.
    pub fn read(database: &str) -> Self {
        let file = database.strip_prefix("sqlite:").unwrap();
        let mut conn = SqliteConnection::establish(file).unwrap();
        conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;").unwrap();
        let rows: Vec<Row> =
            diesel::sql_query("SELECT idx, height, entry FROM entries ORDER BY idx").load(&mut conn).unwrap();
        let number = |value: i64| u64::try_from(value).unwrap();
        let entry = |row: Row| Entry::new(number(row.idx), number(row.height), &row.entry);
        Self { entries: rows.into_iter().map(entry).collect() }
    }

    /// The entries that go by a name.
    pub fn by_name(&self) -> BTreeMap<&str, Vec<&Entry>> {
        let mut names: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        // Days that the service closes go by their date, a merchant each.
        for entry in self.entries.iter().filter(|entry| entry.kind() != "close_day") {
            names.entry(entry.name()).or_default().push(entry);
        }
        names
    }

    /// What is wrong with it by itself: gaps, numbers, money, lives.
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (nth, entry) in self.entries.iter().enumerate() {
            if entry.index != u64::try_from(nth).unwrap() || entry.value["index"] != entry.index {
                wrong.push(format!("entry {nth} says that it is {}", entry.value["index"]));
            }
        }
        wrong.extend(self.check_numbers());
        wrong.extend(self.check_payments());
        wrong.extend(check_lives(&self.entries));
        wrong
    }

    /// Numbers of each code are 1, 2, 3, ... in the order of the entries.
    fn check_numbers(&self) -> Vec<String> {
        let (mut wrong, mut last) = (Vec::new(), BTreeMap::<&str, u64>::new());
        for entry in &self.entries {
            let Some(number) = entry.value["number"].as_str() else { continue };
            let last = last.entry(entry.value["code"].as_str().unwrap()).or_default();
            *last += 1;
            if *number != format!("{last:08}") {
                wrong.push(format!("entry {} has number {number} after {:08}", entry.index, *last - 1));
            }
        }
        wrong
    }

    /// No more is invoiced than was paid and not paid back; by another count than the service's.
    fn check_payments(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        // Paid, paid back, invoiced and not taken back.
        let mut payments = BTreeMap::<&str, [i64; 3]>::new();
        for entry in &self.entries {
            let (body, draft) = (&entry.value["body"], &entry.value["draft"]);
            let (transaction, at, fen) = match entry.kind() {
                "record_payment" => (&body["transaction"], 0, &body["paid"]),
                "record_refund" => (&body["transaction"], 1, &body["amount"]),
                _ => (&draft["payment"]["transaction"], 2, &draft["total"]),
            };
            let Some(transaction) = transaction.as_str() else { continue };
            let payment = payments.entry(transaction).or_default();
            payment[at] += fen.as_i64().unwrap();
            let [paid, back, invoiced] = *payment;
            // What is paid back of invoiced money counts as refunded only once a red letter has freed it: until then it awaits one.
            let refunded = back.min(paid - invoiced);
            let beyond = invoiced < 0 || refunded < 0 || back > paid || invoiced > paid - refunded;
            if beyond || (entry.kind() == "issue" && invoiced > paid - back) {
                wrong.push(format!("entry {}: paid {paid}, paid back {back}, invoiced {invoiced} fen", entry.index));
            }
        }
        wrong
    }

    /// The payments whose invoice is there, made by itself.
    pub fn billed(&self) -> BTreeSet<&str> {
        self.entries.iter().filter_map(Entry::by_itself).collect()
    }
}

#[test]
fn a_gap_a_number_twice_and_an_overdrawn_payment_are_found() {
    let invoice = |index: u64, number: &str, total: i64| {
        let lines = [json!({"amount": total, "tax": 0})];
        let draft = json!({"lines": lines, "payment": {"transaction": "t"}, "total": total});
        let issued = json!({"code": "144032600111", "draft": draft, "key": format!("k{index}"), "number": number});
        entry(index, "issue", issued)
    };
    let red = |index: u64, number: &str, of: &str, total: i64| {
        let lines = [json!({"amount": -total, "tax": 0, "blue_line": 0})];
        let of = json!({"code": "144032600111", "number": of});
        let draft = json!({"lines": lines, "payment": {"transaction": "t"}, "red": of, "total": -total});
        entry(index, "reverse", json!({"code": "144032600111", "draft": draft, "key": "r", "number": number}))
    };
    let back = |index: u64, fen: i64| {
        let refund = format!("r{index}");
        entry(index, "record_refund", json!({"body": {"amount": fen, "refund": refund, "transaction": "t"}}))
    };
    let paid = entry(0, "record_payment", json!({"body": {"paid": 100, "transaction": "t"}}));
    let first = || vec![paid.clone(), invoice(1, "00000001", 60)];
    let of = |more: Vec<Entry>| Ledger { entries: [first(), more].concat() }.check().len();
    assert_eq!(of(vec![back(2, 30), invoice(3, "00000002", 10)]), 0);
    assert_eq!(of(vec![back(2, 30), invoice(3, "00000002", 11)]), 1);
    assert_eq!(of(vec![back(2, 60), back(3, 41)]), 1, "more is paid back than was paid");
    // 20 of it await a red letter; when 30 are taken back, 10 are free.
    let freed = |fen: i64| vec![back(2, 60), red(3, "00000002", "00000001", 30), invoice(4, "00000003", fen)];
    assert_eq!((of(freed(10)), of(freed(11))), (0, 1));
    assert_eq!(of(vec![invoice(2, "00000001", 1)]), 2, "twice: as a number and as an invoice");
    assert_eq!(of(vec![invoice(2, "00000003", 1)]), 1, "a gap");
    assert_eq!(of(vec![invoice(3, "00000002", 1)]), 1, "an entry is missing");
}

#[cfg(test)]
fn entry(index: u64, kind: &str, mut entry: Value) -> Entry {
    entry["index"] = json!(index);
    entry["kind"] = json!(kind);
    entry["time"] = json!(0);
    Entry::new(index, 1, &entry.to_string())
}
