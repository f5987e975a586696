//! A ledger held in memory: the real audit reads it as it reads a database, and damage costs nothing.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::sync::Arc;

use piaolian::chain::Roster;
use piaolian::ledger::audit::{Limits, Report, Source, Trust, audit};
use piaolian::ledger::projection::{Cell, ColumnKind, ENTRIES, LEDGER_TABLES, LedgerTable, Row};
use piaolian::store::{Store, StoreError};

/// Findings that an audit of many damages at once may need.
const FINDINGS_MAX: usize = 200_000;

/// Rows of one table, in the order of their keys.
pub type Rows = Vec<Arc<Row>>;

/// Every table that an audit covers, in the order of [`LEDGER_TABLES`].
#[derive(Clone)]
pub struct Held {
    pub sound: Vec<Rows>,
    now: Vec<Rows>,
    touched: Vec<usize>,
}

/// The place of a table in [`LEDGER_TABLES`].
pub fn nth_of(name: &str) -> usize {
    LEDGER_TABLES.iter().position(|table| table.name == name).unwrap()
}

fn integer(cell: Option<&Cell>) -> Option<i64> {
    std::str::from_utf8(cell?.as_ref()?).ok()?.parse().ok()
}

/// As the database orders by a key: numbers by value, text and bytes by bytes.
fn by_key(table: &LedgerTable, a: &Row, b: &Row) -> Ordering {
    let columns = table.columns.iter().take(table.key).enumerate();
    columns.fold(Ordering::Equal, |order, (nth, (_, kind))| {
        order.then_with(|| match kind {
            ColumnKind::Int | ColumnKind::Flag => integer(a.get(nth)).cmp(&integer(b.get(nth))),
            ColumnKind::Text | ColumnKind::Bytes => a[nth].cmp(&b[nth]),
        })
    })
}

impl Held {
    /// Everything that a store holds.
    pub fn of(store: &Store) -> Self {
        let tables = store.read_blocking(|reader| {
            LEDGER_TABLES.iter().map(|table| reader.all(table)).collect::<Result<Vec<_>, StoreError>>()
        });
        let sound: Vec<Rows> =
            tables.unwrap().into_iter().map(|rows| rows.into_iter().map(Arc::new).collect()).collect();
        for (table, rows) in LEDGER_TABLES.iter().zip(&sound) {
            assert!(
                rows.is_sorted_by(|a, b| by_key(table, a, b) == Ordering::Less),
                "{} is ordered otherwise",
                table.name
            );
        }
        Self { now: sound.clone(), sound, touched: Vec::new() }
    }

    /// The sound rows of a table.
    pub fn rows(&self, table: &str) -> &Rows {
        &self.sound[nth_of(table)]
    }

    /// Damages a table.
    pub fn damage(&mut self, nth: usize, work: impl FnOnce(&mut Rows)) {
        if !self.touched.contains(&nth) {
            self.touched.push(nth);
        }
        let rows = &mut self.now[nth];
        work(rows);
        let table = LEDGER_TABLES[nth];
        rows.sort_by(|a, b| by_key(table, a, b));
    }

    /// Puts rows in the place of sound ones, by their places. To be called once a table until it is mended.
    pub fn replace(&mut self, nth: usize, changes: impl IntoIterator<Item = (usize, Row)>) {
        let (key, mut moved) = (LEDGER_TABLES[nth].key, false);
        assert!(!self.touched.contains(&nth), "{} is damaged already", LEDGER_TABLES[nth].name);
        for (row, by) in changes {
            moved |= by[..key] != self.sound[nth][row][..key];
            self.now[nth][row] = Arc::new(by);
        }
        self.touched.push(nth);
        if moved {
            self.damage(nth, |_| ());
        }
    }

    /// As it was.
    pub fn mend(&mut self) {
        for nth in self.touched.drain(..) {
            self.now[nth].clone_from(&self.sound[nth]);
        }
    }

    /// Audits it to the end: every finding.
    pub fn audited(&mut self, trusted: &[Roster]) -> Report {
        self.judged(trusted, Limits { findings: FINDINGS_MAX, ..Limits::default() })
    }

    /// Audits it to the end of the first pass that finds anything: hashes alone tell much of what there is to find, in a thousandth of
    /// the time.
    pub fn audited_in_passes(&mut self, trusted: &[Roster]) -> Report {
        self.judged(trusted, Limits { findings: FINDINGS_MAX, stop: true, threads: 0 })
    }

    /// Audits it up to the first finding.
    pub fn first_finding(&mut self, trusted: &[Roster]) -> Report {
        self.judged(trusted, Limits::first())
    }

    fn judged(&mut self, rosters: &[Roster], limits: Limits) -> Report {
        match audit(self, &Trust { rosters, checkpoint: None }, limits, &mut |_, _| {}) {
            Ok(report) => report,
            Err(never) => match never {},
        }
    }

    fn of_table(&self, table: &LedgerTable) -> &Rows {
        &self.now[nth_of(table.name)]
    }
}

fn copied(rows: &[Arc<Row>]) -> Vec<Row> {
    rows.iter().map(|row| Row::clone(row)).collect()
}

impl Source for Held {
    type Error = Infallible;

    fn entry_count(&mut self) -> Result<u64, Infallible> {
        Ok(u64::try_from(self.of_table(&ENTRIES).len()).unwrap())
    }

    fn page(&mut self, table: &LedgerTable, from: u64, limit: usize) -> Result<Vec<Row>, Infallible> {
        let rows = self.of_table(table);
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let begin = rows.partition_point(|row| integer(row.first()).is_none_or(|first| first < from));
        let end = begin.saturating_add(limit).min(rows.len());
        Ok(copied(&rows[begin..end]))
    }

    fn below_zero(&mut self, table: &LedgerTable, limit: usize) -> Result<Vec<Row>, Infallible> {
        let rows = self.of_table(table);
        let negative = rows.partition_point(|row| integer(row.first()).is_none_or(|first| first < 0));
        Ok(copied(&rows[..negative.min(limit)]))
    }

    fn all(&mut self, table: &LedgerTable) -> Result<Vec<Row>, Infallible> {
        Ok(copied(self.of_table(table)))
    }
}
