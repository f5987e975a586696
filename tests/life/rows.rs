//! The records of the life of invoices as lines of text, so that the model's, the state's and the database's can be compared.
//!
//! What time does by itself is done first: a lock whose lease has ended is none, a sheet that nobody answered is void. An invoice to
//! which nothing lasting has happened has no line.

use std::collections::BTreeMap;
use std::fmt::Display;

use piaolian::base::UnixMs;
use piaolian::chain::canonical::to_canonical;
use piaolian::ledger::confirmation::Confirmation;
use piaolian::ledger::life::Life;
use piaolian::ledger::reversal::{Reversal, Taken};
use piaolian::ledger::state::Tables;

use super::model::Model;
use super::money::{Line, Sums};

/// Lines by what they are about.
pub type Rows = BTreeMap<&'static str, Vec<String>>;

fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Sorted by the text, whatever order they came in.
fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

impl Model {
    pub fn rows(&self, time: i64) -> Rows {
        let life = |blue: &super::model::Blue| {
            let now = blue.at(time);
            let sheet = now.sheet.filter(|entry| self.sheets[entry].is_live(time));
            let (lease, word) = (now.lease(), now.word());
            life_line(now.entry, word, now.fence, now.who.as_ref(), lease, now.wallet, now.wallet_of.as_ref(), sheet)
        };
        let sheet = |sheet: &super::sheets::Sheet| {
            let (of, asked) = (&self.blues[&sheet.invoice], to_canonical(&sheet.asked).unwrap());
            let side = u8::from(sheet.by_seller);
            format!(
                "{} of {} {} buyer {} seller {side} {asked} {} fence {} from {} red {}",
                sheet.entry,
                of.entry,
                of.merchant,
                or_dash(sheet.buyer.as_ref()),
                sheet.state(time),
                sheet.fence,
                sheet.opened,
                or_dash(sheet.red)
            )
        };
        let reversed = || self.blues.values().filter(|blue| blue.letters > 0);
        let paid = self.payments.iter().map(|(name, paid)| {
            payment_line(paid.entry, name, [paid.paid, paid.refunded, paid.awaiting, paid.invoiced])
        });
        BTreeMap::from([
            ("lives", sorted(self.blues.values().filter_map(life))),
            ("confirmations", sorted(self.sheets.values().map(sheet))),
            ("payments", sorted(paid)),
            ("reversals", sorted(reversed().map(|blue| format!("{} x{} {}", blue.entry, blue.letters, blue.sums())))),
            (
                "reversed_lines",
                sorted(reversed().flat_map(|blue| {
                    blue.lines.iter().map(|line| {
                        let red = line.quantity.map(|_| line.red_quantity);
                        let (first, red) = (or_dash(line.quantity), or_dash(red));
                        format!("{}.{} @{} {red} of {first} {}", blue.entry, line.place, line.rate, Sums::of([line]))
                    })
                })),
            ),
            (
                "reversed_rates",
                sorted(reversed().flat_map(|blue| {
                    let mut rates: BTreeMap<i64, Vec<&Line>> = BTreeMap::new();
                    blue.lines.iter().for_each(|line| rates.entry(line.rate).or_default().push(line));
                    let line = |(rate, lines)| format!("{} @{rate} {}", blue.entry, Sums::of::<'_>(lines));
                    rates.into_iter().map(line).collect::<Vec<_>>()
                })),
            ),
            ("journals", sorted(self.journals.iter().map(|(merchant, seq)| format!("{merchant} {seq}")))),
        ])
    }
}

impl Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} of {}/{}", self.red_amount, self.red_tax, self.amount, self.tax)
    }
}

pub fn payment_line(entry: u64, name: &str, [paid, refunded, awaiting, invoiced]: [i64; 4]) -> String {
    format!("{entry} {name} {paid} - {refunded} refunded - {awaiting} awaiting - {invoiced} invoiced")
}

#[expect(clippy::too_many_arguments, reason = "a row of the table")]
fn life_line(
    entry: u64,
    state: &str,
    fence: u64,
    holder: Option<impl Display>,
    lease: Option<i64>,
    wallet: &str,
    wallet_of: Option<impl Display>,
    sheet: Option<u64>,
) -> Option<String> {
    if (state, fence, wallet, sheet) == ("open", 0, "unclaimed", None) {
        return None;
    }
    let (holder, lease, of) = (or_dash(holder), or_dash(lease), or_dash(wallet_of));
    let sheet = or_dash(sheet);
    Some(format!("{entry} {state} fence {fence} by {holder} until {lease} {wallet} by {of} sheet {sheet}"))
}

/// The same of the ledger's own records.
pub fn of_state(tables: &Tables, time: i64) -> Rows {
    let time = UnixMs(time);
    let live = |entry: &u64| {
        tables.confirmations.records().find(|sheet| sheet.entry == *entry).is_some_and(|sheet| sheet.is_live_at(time))
    };
    let life = |life: &Life| {
        let now = life.at(time);
        let sheet = now.confirmation.filter(live);
        let lease = now.lease_until.map(|until| until.0);
        let (holder, of) = (now.holder.as_ref(), now.wallet_holder.as_ref());
        life_line(now.entry, now.state.as_str(), now.fence, holder, lease, now.wallet.as_str(), of, sheet)
    };
    let sheet = |sheet: &Confirmation| {
        let (asked, side) = (to_canonical(&sheet.asked).unwrap(), u8::from(sheet.by_seller));
        format!(
            "{} of {} {} buyer {} seller {side} {asked} {} fence {} from {} red {}",
            sheet.entry,
            sheet.invoice,
            sheet.merchant,
            or_dash(sheet.buyer.as_ref()),
            sheet.state_at(time).as_str(),
            sheet.fence,
            sheet.opened_at.0,
            or_dash(sheet.red)
        )
    };
    let sums = |money: &Taken| Sums {
        amount: money.amount.get(),
        tax: money.tax.get(),
        red_amount: money.red_amount.get(),
        red_tax: money.red_tax.get(),
    };
    let line = |reversal: &Reversal| -> Vec<String> {
        let line = |line: &piaolian::ledger::reversal::ReversedLine| {
            let [red, first] = [line.red_quantity, line.quantity].map(|quantity| or_dash(quantity.map(|q| q.scaled())));
            let rate = line.rate.get();
            format!("{}.{} @{rate} {red} of {first} {}", reversal.entry, line.line, sums(&line.money))
        };
        reversal.lines.iter().map(line).collect()
    };
    let rates = |reversal: &Reversal| -> Vec<String> {
        let rate = |rate: &piaolian::ledger::reversal::ReversedRate| {
            format!("{} @{} {}", reversal.entry, rate.rate.get(), sums(&rate.money))
        };
        reversal.rates.iter().map(rate).collect()
    };
    let reversals = || tables.reversals.records();
    let paid = tables.payments.records().map(|paid| {
        let money = [paid.paid, paid.refunded, paid.awaiting, paid.invoiced].map(|fen| fen.get());
        payment_line(paid.entry, paid.transaction.as_str(), money)
    });
    BTreeMap::from([
        ("lives", sorted(tables.lives.records().filter_map(life))),
        ("confirmations", sorted(tables.confirmations.records().map(sheet))),
        ("payments", sorted(paid)),
        ("reversals", sorted(reversals().map(|it| format!("{} x{} {}", it.entry, it.count, sums(&it.money))))),
        ("reversed_lines", sorted(reversals().flat_map(line))),
        ("reversed_rates", sorted(reversals().flat_map(rates))),
        ("journals", sorted(tables.journals.records().map(|it| format!("{} {}", it.merchant, it.seq)))),
    ])
}

/// Both must be the same, table by table.
pub fn compare(model: &Rows, ledger: &Rows, where_: &str) {
    for (table, expected) in model {
        let found = &ledger[table];
        if expected != found {
            let only = |these: &[String], those: &[String]| -> Vec<String> {
                these.iter().filter(|line| !those.contains(line)).take(5).cloned().collect()
            };
            panic!(
                "{where_}: {table}\n  the model alone: {:#?}\n  the ledger alone: {:#?}",
                only(expected, found),
                only(found, expected)
            );
        }
    }
}

/// The same of the tables in a database.
#[cfg(feature = "server")]
pub fn of_database(database: &crate::database::TestDatabase, time: i64) -> Rows {
    let mut raw = database.raw();
    let mut rows = |name: &str| -> Vec<Row> {
        let table = raw.table(name);
        let names = table.columns.iter().map(|column| column.name.clone());
        let row = |cells: &Vec<crate::database::Cell>| Row(names.clone().zip(cells.iter().map(shown)).collect());
        table.rows.iter().map(row).collect()
    };
    let life = |row: &Row| {
        let ended = row.0["lease_until_ms"].parse().is_ok_and(|until: i64| time >= until);
        let state = match row.text("state") {
            "locked" if ended => "open",
            "settled_locked" if ended => "settled",
            state => state,
        };
        let (holder, lease) = if ended { (None, None) } else { (row.some("holder"), row.some("lease_until_ms")) };
        let (lease, of) = (lease.map(|lease| lease.parse().unwrap()), row.some("wallet_holder"));
        let sheet = row.some("confirmation").map(|entry| entry.parse().unwrap());
        let (entry, fence) = (row.whole("entry"), row.whole("fence"));
        life_line(entry, state, fence, holder, lease, row.text("wallet"), of, sheet)
    };
    let money = |row: &Row| Sums {
        amount: row.signed("amount_fen"),
        tax: row.signed("tax_fen"),
        red_amount: row.signed("red_amount_fen"),
        red_tax: row.signed("red_tax_fen"),
    };
    let line = |row: &Row| {
        let (entry, place, rate) = (row.text("entry"), row.text("line"), row.text("rate"));
        format!("{entry}.{place} @{rate} {} of {} {}", row.text("red_quantity"), row.text("quantity"), money(row))
    };
    let paid = |row: &Row| {
        let fen = ["paid_fen", "refunded_fen", "awaiting_fen", "invoiced_fen"].map(|name| row.signed(name));
        payment_line(row.whole("entry"), row.text("transaction_id"), fen)
    };
    assert!(rows("confirmations").is_empty(), "no race is about confirmation sheets");
    BTreeMap::from([
        ("lives", sorted(rows("lives").iter().filter_map(life))),
        ("confirmations", Vec::new()),
        ("payments", sorted(rows("payments").iter().map(paid))),
        (
            "reversals",
            sorted(
                rows("reversals")
                    .iter()
                    .map(|row| format!("{} x{} {}", row.text("entry"), row.text("letters"), money(row))),
            ),
        ),
        ("reversed_lines", sorted(rows("reversed_lines").iter().map(line))),
        (
            "reversed_rates",
            sorted(
                rows("reversed_rates")
                    .iter()
                    .map(|row| format!("{} @{} {}", row.text("entry"), row.text("rate"), money(row))),
            ),
        ),
        (
            "journals",
            sorted(rows("journals").iter().map(|row| format!("{} {}", row.text("merchant"), row.text("seq")))),
        ),
    ])
}

/// A row's cells by column: NULL is `-`, bytes are hex.
#[cfg(feature = "server")]
struct Row(BTreeMap<String, String>);

#[cfg(feature = "server")]
fn shown(cell: &crate::database::Cell) -> String {
    use crate::database::Cell;
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Flag(flag) => u8::from(*flag).to_string(),
        Cell::Text(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Cell::Blob(bytes) => hex::encode(bytes),
    }
}

#[cfg(feature = "server")]
impl Row {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no column {name}"))
    }

    fn some(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| *text != "-")
    }

    fn signed(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap()
    }

    fn whole(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap()
    }
}
