//! The tables of a ledger as rows of plain cells: what the store must hold, so that an audit can compare it column by column.
//!
//! *Invariant:* this is the description, not the SQL; a test of the store holds the two together.

mod rows;
mod tables;

use std::collections::BTreeMap;

use super::state::Tables;
use crate::base::{Code, Fault};
use rows::Project;

pub use tables::{
    BLOCKS, CONFIRMATIONS, DAYS, ENTRIES, INVOICES, ISSUERS, JOURNALS, LIVES, LOOKUPS, MERCHANTS, PAYMENTS, QUOTAS,
    REFUNDS, REVERSALS, REVERSED_LINES, REVERSED_RATES, ROSTERS, RULES, SEALS, SEQUENCES, STATE_PAGES, TILES,
    WATERMARKS, YOUNG_KEYS,
};

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

/// The tables whose rows the entries give.
pub const PROJECTIONS: &[&LedgerTable] = &[
    &MERCHANTS,
    &ISSUERS,
    &RULES,
    &QUOTAS,
    &JOURNALS,
    &DAYS,
    &PAYMENTS,
    &REFUNDS,
    &SEQUENCES,
    &INVOICES,
    &REVERSALS,
    &REVERSED_LINES,
    &REVERSED_RATES,
    &LIVES,
    &CONFIRMATIONS,
];

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
    &ISSUERS,
    &RULES,
    &QUOTAS,
    &JOURNALS,
    &DAYS,
    &PAYMENTS,
    &REFUNDS,
    &SEQUENCES,
    &LOOKUPS,
    &YOUNG_KEYS,
    &WATERMARKS,
    &INVOICES,
    &REVERSALS,
    &REVERSED_LINES,
    &REVERSED_RATES,
    &LIVES,
    &CONFIRMATIONS,
    &STATE_PAGES,
];

/// The rows of one table, by key cells.
pub type Rows = BTreeMap<Vec<Cell>, Row>;

/// The key cells of a row.
pub fn key_of(table: &LedgerTable, row: &Row) -> Vec<Cell> {
    row.iter().take(table.key).cloned().collect()
}

fn given<T: Project>(table: &LedgerTable, records: impl Iterator<Item = T>) -> Result<Rows, Fault> {
    records.map(|record| record.row().map(|row| (key_of(table, &row), row))).collect()
}

/// The rows that a table of projections, or the one of rosters, must hold for this state.
///
/// # Errors
/// Rules that have no canonical text (can't happen for rules that were executed).
pub fn expected(state: &Tables, table: &LedgerTable) -> Result<Rows, Fault> {
    let lines = || state.reversals.records().flat_map(|it| it.lines.iter().map(|line| (it.entry, line)));
    let rates = || state.reversals.records().flat_map(|it| it.rates.iter().map(|rate| (it.entry, rate)));
    match table.name {
        "rosters" => given(table, state.rosters.records()),
        "merchants" => given(table, state.merchants.records()),
        "issuers" => given(table, state.issuers.records()),
        "rules" => given(table, state.rules.records()),
        "quotas" => given(table, state.quotas.records()),
        "journals" => given(table, state.journals.records()),
        "days" => given(table, state.days.records()),
        "payments" => given(table, state.payments.records()),
        "refunds" => given(table, state.refunds.records()),
        "sequences" => given(table, state.sequences.records()),
        "invoices" => given(table, state.invoices.records()),
        "reversals" => given(table, state.reversals.records()),
        "reversed_lines" => given(table, lines()),
        "reversed_rates" => given(table, rates()),
        "lives" => given(table, state.lives.records()),
        "confirmations" => given(table, state.confirmations.records()),
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
