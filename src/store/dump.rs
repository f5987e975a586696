//! Rows of ledger tables cell by cell, as an audit wants them: read as bytes, so that damaged text can be read too.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::connection::Conn;
use super::error::StoreError;
use super::reader::Reader;
use crate::ledger::audit::Source;
use crate::ledger::projection::{Cell, ColumnKind, LedgerTable, Row};

/// Separates the cells of a dumped row; never part of a hex digit pair or of the NULL mark.
const CELL_END: char = ',';

/// Stands for NULL.
const NULL_MARK: &str = "-";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The expression that gives one row as hex cells. Names come from constants, never from outside.
fn line_expression(conn: &Conn, table: &LedgerTable) -> String {
    let cell = |(name, kind): &(&str, ColumnKind)| match (conn, kind) {
        // hex(NULL) is the empty string on SQLite, so NULL needs a test of its own.
        (Conn::Sqlite(_), ColumnKind::Int | ColumnKind::Flag) => {
            format!("CASE WHEN {name} IS NULL THEN '{NULL_MARK}' ELSE hex(CAST({name} AS TEXT)) END")
        }
        (Conn::Sqlite(_), ColumnKind::Text | ColumnKind::Bytes) => {
            format!("CASE WHEN {name} IS NULL THEN '{NULL_MARK}' ELSE hex({name}) END")
        }
        (Conn::Postgres(_), ColumnKind::Int) => {
            format!("COALESCE(encode(convert_to({name}::text, 'UTF8'), 'hex'), '{NULL_MARK}')")
        }
        (Conn::Postgres(_), ColumnKind::Flag) => {
            format!("COALESCE(CASE WHEN {name} THEN '31' ELSE '30' END, '{NULL_MARK}')")
        }
        (Conn::Postgres(_), ColumnKind::Text) => {
            format!("COALESCE(encode(convert_to({name}, 'UTF8'), 'hex'), '{NULL_MARK}')")
        }
        (Conn::Postgres(_), ColumnKind::Bytes) => format!("COALESCE(encode({name}, 'hex'), '{NULL_MARK}')"),
    };
    let separator = format!(" || '{CELL_END}' || ");
    table.columns.iter().map(cell).collect::<Vec<_>>().join(&separator)
}

fn parse_line(table: &LedgerTable, line: &str) -> Result<Row, StoreError> {
    let cell = |text: &str| -> Result<Cell, StoreError> {
        if text == NULL_MARK {
            return Ok(None);
        }
        let bytes = hex::decode(text).map_err(|e| StoreError::Corrupt {
            table: table.name,
            key: String::new(),
            what: e.to_string(),
        })?;
        Ok(Some(bytes))
    };
    line.split(CELL_END).map(cell).collect()
}

fn key_order(table: &LedgerTable) -> String {
    table.columns.iter().take(table.key).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl Reader<'_> {
    fn lines(&mut self, table: &LedgerTable, tail: &str) -> Result<Vec<Row>, StoreError> {
        let expression = line_expression(self.conn, table);
        let sql = format!("SELECT {expression} AS line FROM {} {tail}", table.name);
        let lines: Vec<Line> = diesel::sql_query(sql).load(self.conn)?;
        lines.iter().map(|line| parse_line(table, &line.line)).collect()
    }
}

impl Source for Reader<'_> {
    type Error = StoreError;

    fn entry_count(&mut self) -> Result<u64, StoreError> {
        use super::schema::entries;
        // The last index, not a count: that would read the whole table. A damaged one is the audit's business.
        let last: Option<i64> = entries::table.select(diesel::dsl::max(entries::idx)).get_result(self.conn)?;
        Ok(last.and_then(|last| u64::try_from(last).ok()).map_or(0, |last| last.saturating_add(1)))
    }

    fn page(&mut self, table: &LedgerTable, from: u64, limit: usize) -> Result<Vec<Row>, StoreError> {
        let first = table.columns.first().map_or("", |(name, _)| *name);
        let order = key_order(table);
        self.lines(table, &format!("WHERE {first} >= {from} ORDER BY {order} LIMIT {limit}"))
    }

    fn below_zero(&mut self, table: &LedgerTable, limit: usize) -> Result<Vec<Row>, StoreError> {
        let first = table.columns.first().map_or("", |(name, _)| *name);
        self.lines(table, &format!("WHERE {first} < 0 LIMIT {limit}"))
    }

    fn all(&mut self, table: &LedgerTable) -> Result<Vec<Row>, StoreError> {
        let order = key_order(table);
        self.lines(table, &format!("ORDER BY {order}"))
    }
}
