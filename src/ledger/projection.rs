//! The tables of a ledger as rows of plain cells: what the store must hold, so that an audit can compare it column by column.
//!
//! *Invariant:* this is the description, not the SQL; a test of the store holds the two together.

use std::collections::BTreeMap;

use super::record::{Invoice, Merchant, Payment, Quota, Refund, RulesRecord, Sequence};
use super::state::State;
use crate::base::{Code, Fault};
use crate::chain::canonical;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Integer.
    Int,
    /// Yes or no; its cell is 1 or 0.
    Flag,
    /// UTF-8 text.
    Text,
    /// Raw bytes.
    Bytes,
}

/// A table of the ledger. The first `key` columns name a row.
#[derive(Debug)]
pub struct LedgerTable {
    /// Its name in both databases.
    pub name: &'static str,
    /// How many leading columns are the primary key.
    pub key: usize,
    /// Its columns, in table order.
    pub columns: &'static [(&'static str, ColumnKind)],
}

/// A cell as bytes: decimal digits of an integer or flag, UTF-8 of a text, bytes as they are; `None` for NULL.
pub type Cell = Option<Vec<u8>>;

/// A row, one cell a column.
pub type Row = Vec<Cell>;

use ColumnKind::{Bytes, Flag, Int, Text};

/// Rosters in order of the height they count from.
pub const ROSTERS: LedgerTable =
    LedgerTable { name: "rosters", key: 1, columns: &[("from_height", Int), ("roster", Text)] };
/// Blocks by height.
pub const BLOCKS: LedgerTable = LedgerTable {
    name: "blocks",
    key: 1,
    columns: &[("height", Int), ("hash", Bytes), ("prev", Bytes), ("size", Int), ("header", Text)],
};
/// Seals by height and member.
pub const SEALS: LedgerTable = LedgerTable {
    name: "seals",
    key: 2,
    columns: &[("height", Int), ("member", Text), ("round", Int), ("signature", Bytes)],
};
/// Entries by index.
pub const ENTRIES: LedgerTable = LedgerTable {
    name: "entries",
    key: 1,
    columns: &[("idx", Int), ("height", Int), ("kind", Text), ("leaf", Bytes), ("entry", Text)],
};
/// Merkle tiles by level and index.
pub const TILES: LedgerTable =
    LedgerTable { name: "tiles", key: 2, columns: &[("level", Int), ("idx", Int), ("hashes", Bytes)] };
/// Merchants.
pub const MERCHANTS: LedgerTable = LedgerTable {
    name: "merchants",
    key: 1,
    columns: &[
        ("id", Text),
        ("taxpayer_id", Text),
        ("name", Text),
        ("address_phone", Text),
        ("bank_account", Text),
        ("mchid", Text),
        ("issuer", Bytes),
        ("issue_on_payment", Flag),
        ("entry", Int),
    ],
};
/// Issuing rules.
pub const RULES: LedgerTable =
    LedgerTable { name: "rules", key: 1, columns: &[("scope", Text), ("body", Text), ("entry", Int)] };
/// Monthly quotas.
pub const QUOTAS: LedgerTable = LedgerTable {
    name: "quotas",
    key: 2,
    columns: &[("merchant", Text), ("month", Text), ("invoices", Int), ("total_fen", Int)],
};
/// Payments and their balances.
pub const PAYMENTS: LedgerTable = LedgerTable {
    name: "payments",
    key: 1,
    columns: &[
        ("entry", Int),
        ("provider", Text),
        ("transaction_id", Text),
        ("merchant", Text),
        ("order_id", Text),
        ("paid_at_ms", Int),
        ("paid_fen", Int),
        ("refunded_fen", Int),
        ("invoiced_fen", Int),
    ],
};
/// Refunds.
pub const REFUNDS: LedgerTable = LedgerTable {
    name: "refunds",
    key: 1,
    columns: &[("entry", Int), ("provider", Text), ("refund_id", Text), ("transaction_id", Text), ("amount_fen", Int)],
};
/// Number series.
pub const SEQUENCES: LedgerTable =
    LedgerTable { name: "sequences", key: 1, columns: &[("name", Text), ("issued", Int)] };
/// From fingerprints of keys to entries.
pub const LOOKUPS: LedgerTable =
    LedgerTable { name: "lookups", key: 2, columns: &[("fingerprint", Int), ("entry", Int)] };
/// Keys of blocks above the watermark.
pub const YOUNG_KEYS: LedgerTable =
    LedgerTable { name: "young_keys", key: 1, columns: &[("height", Int), ("keys", Bytes)] };
/// Up to which block the table of look-ups is complete.
pub const WATERMARKS: LedgerTable =
    LedgerTable { name: "watermarks", key: 1, columns: &[("name", Text), ("height", Int)] };
/// Invoices, for lists and look-ups.
pub const INVOICES: LedgerTable = LedgerTable {
    name: "invoices",
    key: 1,
    columns: &[
        ("entry", Int),
        ("code", Text),
        ("number", Text),
        ("merchant", Text),
        ("date", Text),
        ("buyer", Text),
        ("amount_fen", Int),
        ("tax_fen", Int),
        ("total_fen", Int),
        ("provider", Text),
        ("transaction_id", Text),
    ],
};

/// The tables whose rows the entries give.
pub const PROJECTIONS: &[&LedgerTable] = &[&MERCHANTS, &RULES, &QUOTAS, &PAYMENTS, &REFUNDS, &SEQUENCES, &INVOICES];

/// The tables of look-ups: what the entries give is in one or the other.
pub const LOOKUP_TABLES: &[&LedgerTable] = &[&LOOKUPS, &YOUNG_KEYS, &WATERMARKS];

/// Every table that an audit covers.
pub const LEDGER_TABLES: &[&LedgerTable] = &[
    &ROSTERS,
    &BLOCKS,
    &SEALS,
    &ENTRIES,
    &TILES,
    &MERCHANTS,
    &RULES,
    &QUOTAS,
    &PAYMENTS,
    &REFUNDS,
    &SEQUENCES,
    &LOOKUPS,
    &YOUNG_KEYS,
    &WATERMARKS,
    &INVOICES,
];

fn text(value: &str) -> Cell {
    Some(value.as_bytes().to_vec())
}

fn optional(value: Option<&str>) -> Cell {
    value.map(|v| v.as_bytes().to_vec())
}

fn int(value: impl ToString) -> Cell {
    Some(value.to_string().into_bytes())
}

/// A record that has a row.
trait Project {
    fn row(&self) -> Result<Row, Fault>;
}

impl Project for Merchant {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            text(self.id.as_str()),
            text(&self.seller.taxpayer_id),
            text(&self.seller.name),
            optional(self.seller.address_phone.as_deref()),
            optional(self.seller.bank_account.as_deref()),
            optional(self.mchid.as_deref()),
            Some(self.issuer.0.to_vec()),
            int(u8::from(self.issue_on_payment)),
            int(self.entry),
        ])
    }
}

impl Project for RulesRecord {
    fn row(&self) -> Result<Row, Fault> {
        let scope = String::from(self.scope.clone());
        Ok(vec![text(&scope), text(&canonical::to_canonical(&self.rules)?), int(self.entry)])
    }
}

impl Project for Quota {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![text(self.merchant.as_str()), text(&self.month), int(self.count), int(self.total.get())])
    }
}

impl Project for Payment {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            int(self.entry),
            text(self.provider.as_str()),
            text(self.transaction.as_str()),
            text(self.merchant.as_str()),
            text(self.order.as_str()),
            int(self.paid_at.0),
            int(self.paid.get()),
            int(self.refunded.get()),
            int(self.invoiced.get()),
        ])
    }
}

impl Project for Refund {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            int(self.entry),
            text(self.provider.as_str()),
            text(self.refund.as_str()),
            text(self.transaction.as_str()),
            int(self.amount.get()),
        ])
    }
}

impl Project for Sequence {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![text(&self.name), int(self.issued)])
    }
}

impl Project for Invoice {
    fn row(&self) -> Result<Row, Fault> {
        let payment = self.payment.as_ref();
        Ok(vec![
            int(self.entry),
            text(&self.code.to_string()),
            text(&self.number.to_string()),
            text(self.merchant.as_str()),
            text(&self.date),
            text(&self.buyer),
            int(self.amount.get()),
            int(self.tax.get()),
            int(self.total.get()),
            optional(payment.map(|(provider, _)| provider.as_str())),
            optional(payment.map(|(_, transaction)| transaction.as_str())),
        ])
    }
}

/// The rows of one table, by key cells.
pub type Rows = BTreeMap<Vec<Cell>, Row>;

/// The key cells of a row.
pub fn key_of(table: &LedgerTable, row: &Row) -> Vec<Cell> {
    row.iter().take(table.key).cloned().collect()
}

fn rows<'a, T: Project + 'a>(table: &LedgerTable, records: impl Iterator<Item = &'a T>) -> Result<Rows, Fault> {
    records.map(|record| record.row().map(|row| (key_of(table, &row), row))).collect()
}

/// The rows that a projection table must hold for this state.
///
/// # Errors
/// Rules that have no canonical text (can't happen for rules that were executed).
pub fn expected<R>(state: &State<R>, table: &LedgerTable) -> Result<Rows, Fault> {
    match table.name {
        "merchants" => rows(table, state.merchants.records()),
        "rules" => rows(table, state.rules.records()),
        "quotas" => rows(table, state.quotas.records()),
        "payments" => rows(table, state.payments.records()),
        "refunds" => rows(table, state.refunds.records()),
        "sequences" => rows(table, state.sequences.records()),
        "invoices" => rows(table, state.invoices.iter()),
        other => Err(Fault::new(Code::Internal, "", format!("no records are known for table {other}"))),
    }
}

/// A cell for people: text as it is, anything else as hex.
pub fn show(cell: &Cell) -> String {
    match cell {
        None => "NULL".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => text.chars().take(80).collect(),
            Ok(_) | Err(_) => hex::encode(bytes).chars().take(80).collect(),
        },
    }
}
