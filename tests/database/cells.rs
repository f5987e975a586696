//! Cells and rows as they are stored, and the SQL that forges them.

use super::{Column, Kind};

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    /// Also a flag, on SQLite.
    Int(i64),
    /// A flag, where the database has a type for it.
    Flag(bool),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl Cell {
    /// As SQL. Text goes in as bytes: on SQLite it need not be UTF-8, PostgreSQL refuses what is not.
    pub fn literal(&self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Null, _) => "NULL".to_owned(),
            (Self::Int(number), _) => number.to_string(),
            (Self::Flag(flag), _) => flag.to_string(),
            (Self::Text(bytes), Kind::Sqlite) => format!("CAST(x'{}' AS TEXT)", hex::encode(bytes)),
            (Self::Text(bytes), Kind::Postgres) => format!("convert_from('\\x{}', 'UTF8')", hex::encode(bytes)),
            (Self::Blob(bytes), Kind::Sqlite) => format!("x'{}'", hex::encode(bytes)),
            (Self::Blob(bytes), Kind::Postgres) => format!("'\\x{}'::bytea", hex::encode(bytes)),
        }
    }

    /// As [`super::raw::Raw::table`] selects it.
    pub(super) fn parse(tagged: &str) -> Self {
        let (tag, value) = tagged.split_at(1);
        match tag {
            "n" => Self::Null,
            "i" => Self::Int(value.parse().unwrap()),
            "f" => Self::Flag(value == "1"),
            "t" => Self::Text(hex::decode(value).unwrap()),
            "b" => Self::Blob(hex::decode(value).unwrap()),
            other => panic!("a cell of type {other}"),
        }
    }

    /// As bytes, the same on every database.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Null => None,
            Self::Int(number) => Some(number.to_string().into_bytes()),
            Self::Flag(flag) => Some(vec![if *flag { b'1' } else { b'0' }]),
            Self::Text(bytes) | Self::Blob(bytes) => Some(bytes.clone()),
        }
    }

    /// As a finding shows it.
    pub fn shown(&self) -> String {
        piaolian::ledger::projection::show(&self.bytes())
    }
}

/// A table's columns and rows, rows in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub of: Kind,
    pub name: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// How many columns are the key.
    pub fn key(&self) -> usize {
        self.columns.iter().filter(|column| column.pk > 0).count()
    }

    /// The key of a row as a finding shows it.
    pub fn key_shown(&self, row: &[Cell]) -> String {
        row[..self.key()].iter().map(Cell::shown).collect::<Vec<_>>().join("/")
    }

    /// Where a column stands.
    pub fn place(&self, column: &str) -> usize {
        let found = self.columns.iter().position(|other| other.name == column);
        found.unwrap_or_else(|| panic!("{} has no column {column}", self.name))
    }

    pub fn at(&self, row: &[Cell]) -> String {
        let cells = self.columns.iter().zip(row).take(self.key());
        cells
            .map(|(column, cell)| format!("{} = {}", column.name, cell.literal(self.of)))
            .collect::<Vec<_>>()
            .join(" AND ")
    }

    pub fn insert(&self, row: &[Cell]) -> String {
        let cells = row.iter().map(|cell| cell.literal(self.of)).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {} VALUES ({cells});", self.name)
    }

    pub fn delete(&self, row: &[Cell]) -> String {
        format!("DELETE FROM {} WHERE {};", self.name, self.at(row))
    }

    pub fn update(&self, row: &[Cell], column: usize, value: &Cell) -> String {
        let (column, value) = (&self.columns[column].name, value.literal(self.of));
        format!("UPDATE {} SET {column} = {value} WHERE {};", self.name, self.at(row))
    }

    /// First, middle and last row; each once.
    pub fn samples(&self) -> Vec<usize> {
        let mut samples = vec![0, self.rows.len() / 2, self.rows.len().saturating_sub(1)];
        samples.dedup();
        samples.retain(|row| *row < self.rows.len());
        samples
    }

    /// The same and, of a column that may be NULL, the first row in which it is and the first in which it is not.
    pub fn samples_of(&self, column: usize) -> Vec<usize> {
        let mut samples = self.samples();
        for null in [true, false] {
            let found = self.rows.iter().position(|row| (row[column] == Cell::Null) == null);
            samples.extend(found.filter(|_| self.columns[column].filled == 0));
        }
        let mut once = std::collections::BTreeSet::new();
        samples.retain(|row| once.insert(*row));
        samples
    }

    /// All cells, to be held against another database's.
    pub fn bytes(&self) -> Vec<Vec<Option<Vec<u8>>>> {
        self.rows.iter().map(|row| row.iter().map(Cell::bytes).collect()).collect()
    }
}
