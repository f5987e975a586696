//! The database file as somebody with a hex editor has it: cells as they are, no triggers, no constraints.

use std::path::{Path, PathBuf};

use diesel::connection::{Connection, SimpleConnection};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{QueryResult, QueryableByName, RunQueryDsl};
use piaolian::chain::Roster;
use piaolian::ledger::audit::{Report, audit};
use piaolian::store::{DatabaseUrl, Store};

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    Int(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl Cell {
    /// As SQL. Text goes in as bytes, so that it need not be UTF-8.
    pub fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Text(bytes) => format!("CAST(x'{}' AS TEXT)", hex::encode(bytes)),
            Self::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
        }
    }

    fn parse(tagged: &str) -> Self {
        let (tag, value) = tagged.split_at(1);
        match tag {
            "n" => Self::Null,
            "i" => Self::Int(value.parse().unwrap()),
            "t" => Self::Text(hex::decode(value).unwrap()),
            "b" => Self::Blob(hex::decode(value).unwrap()),
            other => panic!("a cell of type {other}"),
        }
    }

    /// As a finding shows it.
    pub fn shown(&self) -> String {
        piaolian::ledger::projection::show(&match self {
            Self::Null => None,
            Self::Int(number) => Some(number.to_string().into_bytes()),
            Self::Text(bytes) | Self::Blob(bytes) => Some(bytes.clone()),
        })
    }
}

/// A column as SQLite describes it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Column {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    pub filled: i64,
    #[diesel(sql_type = BigInt)]
    pub pk: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// A table's columns and rows, rows in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// How many leading columns are the key.
    pub fn key(&self) -> usize {
        self.columns.iter().filter(|column| column.pk > 0).count()
    }

    /// The key of a row as a finding shows it.
    pub fn key_shown(&self, row: &[Cell]) -> String {
        row[..self.key()].iter().map(Cell::shown).collect::<Vec<_>>().join("/")
    }

    pub fn at(&self, row: &[Cell]) -> String {
        let cells = self.columns.iter().zip(row).take(self.key());
        cells.map(|(column, cell)| format!("{} = {}", column.name, cell.literal())).collect::<Vec<_>>().join(" AND ")
    }

    pub fn insert(&self, row: &[Cell]) -> String {
        let cells = row.iter().map(Cell::literal).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {} VALUES ({cells});", self.name)
    }

    pub fn delete(&self, row: &[Cell]) -> String {
        format!("DELETE FROM {} WHERE {};", self.name, self.at(row))
    }

    pub fn update(&self, row: &[Cell], column: usize, value: &Cell) -> String {
        format!("UPDATE {} SET {} = {} WHERE {};", self.name, self.columns[column].name, value.literal(), self.at(row))
    }

    /// First, middle and last row; each once.
    pub fn samples(&self) -> Vec<usize> {
        let mut samples = vec![0, self.rows.len() / 2, self.rows.len().saturating_sub(1)];
        samples.dedup();
        samples.retain(|row| *row < self.rows.len());
        samples
    }
}

/// A connection of our own.
pub struct Raw(SqliteConnection);

impl Raw {
    /// As any program would connect: triggers and constraints in force.
    pub fn open(file: &Path) -> Self {
        Self(SqliteConnection::establish(file.to_str().unwrap()).unwrap())
    }

    /// As a forger connects: whatever stands in the way is taken away first.
    pub fn open_unguarded(file: &Path) -> Self {
        let mut raw = Self::open(file);
        raw.must("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF;");
        for trigger in raw.texts("SELECT name AS line FROM sqlite_master WHERE type = 'trigger'") {
            raw.must(&format!("DROP TRIGGER {trigger};"));
        }
        raw
    }

    pub fn run(&mut self, sql: &str) -> QueryResult<()> {
        self.0.batch_execute(sql)
    }

    pub fn must(&mut self, sql: &str) {
        self.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// The column `line` of a query.
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        let lines: Vec<Line> = diesel::sql_query(sql).load(&mut self.0).unwrap_or_else(|e| panic!("{sql}: {e}"));
        lines.into_iter().map(|line| line.line).collect()
    }

    pub fn count(&mut self, table: &str) -> u64 {
        let count: Count =
            diesel::sql_query(format!("SELECT count(*) AS count FROM {table}")).get_result(&mut self.0).unwrap();
        u64::try_from(count.count).unwrap()
    }

    pub fn columns(&mut self, table: &str) -> Vec<Column> {
        let sql = format!(
            "SELECT name, type AS kind, \"notnull\" AS filled, pk FROM pragma_table_info('{table}') ORDER BY cid"
        );
        diesel::sql_query(sql).load(&mut self.0).unwrap()
    }

    pub fn table(&mut self, name: &str) -> Table {
        let columns = self.columns(name);
        let cell = |column: &Column| {
            let name = &column.name;
            format!(
                "CASE typeof({name}) WHEN 'null' THEN 'n' WHEN 'integer' THEN 'i' || {name} WHEN 'text' THEN 't' || hex({name}) \
                 ELSE 'b' || hex({name}) END"
            )
        };
        let expression = columns.iter().map(cell).collect::<Vec<_>>().join(" || ',' || ");
        let mut key: Vec<&Column> = columns.iter().filter(|column| column.pk > 0).collect();
        key.sort_by_key(|column| column.pk);
        let order = key.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let lines = self.texts(&format!("SELECT {expression} AS line FROM {name} ORDER BY {order}"));
        let rows = lines.iter().map(|line| line.split(',').map(Cell::parse).collect()).collect();
        Table { name: name.to_owned(), columns, rows }
    }

    /// Every table, by name.
    pub fn tables(&mut self) -> Vec<String> {
        self.texts(
            "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
    }

    /// Brings everything from the write-ahead log into the file itself.
    pub fn checkpoint(&mut self) {
        self.must("PRAGMA wal_checkpoint(TRUNCATE);");
    }
}

pub fn url(file: &Path) -> DatabaseUrl {
    DatabaseUrl::parse(&format!("sqlite:{}", file.display())).unwrap()
}

/// A database of its own for one test.
pub struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    pub fn of(bytes: &[u8]) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        copy.restore(bytes);
        copy
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    /// Makes it what it was.
    pub fn restore(&self, bytes: &[u8]) {
        for ending in ["-wal", "-shm"] {
            let side = self.folder.path().join(format!("ledger.db{ending}"));
            if side.exists() {
                std::fs::remove_file(side).unwrap();
            }
        }
        std::fs::write(self.file(), bytes).unwrap();
    }
}

/// Audits a database file.
pub fn audited(file: &Path, trusted: &[Roster]) -> Report {
    let store = Store::open(&url(file), 1).unwrap();
    store.read_blocking(|reader| audit(reader, trusted, &mut |_, _| {})).unwrap()
}
