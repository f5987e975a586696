//! Cells as bits: an integer has 64, text and bytes have eight a byte, NULL has none.

use piaolian::ledger::projection::{Cell, ColumnKind, LedgerTable, Row, key_of, show};

/// How many bits a cell has.
pub fn bits(kind: ColumnKind, cell: &Cell) -> usize {
    match (kind, cell) {
        (_, None) => 0,
        (ColumnKind::Int | ColumnKind::Flag, Some(_)) => 64,
        (ColumnKind::Text | ColumnKind::Bytes, Some(bytes)) => bytes.len() * 8,
    }
}

/// The cell with one bit turned over.
pub fn flipped(kind: ColumnKind, cell: &Cell, bit: usize) -> Cell {
    let mut bytes = cell.clone().unwrap();
    match kind {
        ColumnKind::Int | ColumnKind::Flag => {
            let number: i64 = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            Some((number ^ (1 << bit)).to_string().into_bytes())
        }
        ColumnKind::Text | ColumnKind::Bytes => {
            bytes[bit / 8] ^= 1 << (bit % 8);
            Some(bytes)
        }
    }
}

/// One bit of a row: column and bit in its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub column: usize,
    pub bit: usize,
}

/// Which bits of a row are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Key,
    Rest,
    All,
    /// The first column alone, and all but it.
    First,
    Others,
}

impl Part {
    fn columns(self, table: &LedgerTable) -> std::ops::Range<usize> {
        match self {
            Self::Key => 0..table.key,
            Self::Rest => table.key..table.columns.len(),
            Self::All => 0..table.columns.len(),
            Self::First => 0..1,
            Self::Others => 1..table.columns.len(),
        }
    }

    /// How many bits there are in a row.
    pub fn bits(self, table: &LedgerTable, row: &Row) -> usize {
        self.columns(table).map(|column| bits(table.columns[column].1, &row[column])).sum()
    }

    /// The nth of them; `None` when there are not so many.
    pub fn spot(self, table: &LedgerTable, row: &Row, mut nth: usize) -> Option<Spot> {
        for column in self.columns(table) {
            let here = bits(table.columns[column].1, &row[column]);
            if nth < here {
                return Some(Spot { column, bit: nth });
            }
            nth -= here;
        }
        None
    }
}

/// The row with one bit turned over.
pub fn flip(table: &LedgerTable, row: &Row, Spot { column, bit }: Spot) -> Row {
    let mut row = row.clone();
    row[column] = flipped(table.columns[column].1, &row[column], bit);
    row
}

/// A row's key as a finding shows it.
pub fn key_shown(table: &LedgerTable, row: &Row) -> String {
    key_of(table, row).iter().map(show).collect::<Vec<_>>().join("/")
}
