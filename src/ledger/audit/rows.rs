//! Comparing stored rows with the rows that must be there: tiles and projections.

use std::collections::BTreeMap;

use super::{Audit, Source};
use crate::base::Code;
use crate::chain::hash::Hash;
use crate::ledger::projection::{self, Cell, LedgerTable, PROJECTIONS, ROSTERS, Row, Rows, TILES, key_of, show};

/// A cell as text; `None` when it is NULL or not UTF-8.
pub(super) fn as_text(cell: Option<&Cell>) -> Option<&str> {
    std::str::from_utf8(cell?.as_deref()?).ok()
}

/// A cell as a number; `None` when it is not one.
pub(super) fn as_number(cell: Option<&Cell>) -> Option<u64> {
    as_text(cell)?.parse().ok()
}

/// A cell as a hash; `None` when it has not 32 bytes.
pub(super) fn as_hash(cell: Option<&Cell>) -> Option<Hash> {
    Some(Hash(cell?.as_deref()?.try_into().ok()?))
}

pub(super) fn show_key(key: &[Cell]) -> String {
    key.iter().map(show).collect::<Vec<_>>().join("/")
}

impl Audit<'_> {
    pub(super) fn compare_tiles<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        let stored = source.all(&TILES)?;
        let tiles = std::mem::take(&mut self.tiles);
        let expected: Rows = tiles
            .into_iter()
            .map(|((level, index), hashes)| {
                let key = vec![Some(level.to_string().into_bytes()), Some(index.to_string().into_bytes())];
                let row = key.iter().cloned().chain([Some(hashes)]).collect();
                (key, row)
            })
            .collect();
        self.compare(&TILES, expected, stored, Code::AuditTileDiffers);
        Ok(())
    }

    pub(super) fn compare_projections<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        if !self.replayable {
            return Ok(());
        }
        for table in [&ROSTERS].into_iter().chain(PROJECTIONS.iter().copied()) {
            let stored = source.all(table)?;
            match projection::expected(&self.state, table) {
                Ok(expected) => self.compare(table, expected, stored, Code::AuditProjectionDiffers),
                Err(fault) => self.report.add(Code::AuditProjectionDiffers, table, "", "", fault.to_string()),
            }
        }
        self.report.projections_compared = true;
        Ok(())
    }

    pub(super) fn compare(&mut self, table: &LedgerTable, mut expected: Rows, stored: Vec<Row>, code: Code) {
        let mut strangers = BTreeMap::new();
        for row in stored {
            self.report.rows = self.report.rows.saturating_add(1);
            let key = key_of(table, &row);
            match expected.remove(&key) {
                None => {
                    strangers.insert(key, row);
                }
                Some(right) => self.compare_cells(table, &key, &right, &row, code),
            }
        }
        for (key, row) in strangers {
            // A changed key column looks like one row too many and one missing: name the column that tells them apart.
            let twin = expected.iter().find(|(other, right)| same_but_one(table, other, right, &row)).map(|(k, _)| k);
            let column = twin.map_or("", |twin| differing_key_column(table, twin, &key));
            self.report.add(code, table, show_key(&key), column, "no entry accounts for this row");
        }
        for key in expected.into_keys() {
            self.report.add(code, table, show_key(&key), "", "the row that the entries account for is missing");
        }
    }

    fn compare_cells(&mut self, table: &LedgerTable, key: &[Cell], right: &Row, stored: &Row, code: Code) {
        for ((right, stored), (column, _)) in right.iter().zip(stored).zip(table.columns) {
            if right != stored {
                let message = format!("stored {}, the entries give {}", show(stored), show(right));
                self.report.add(code, table, show_key(key), column, message);
            }
        }
    }
}

fn same_but_one(table: &LedgerTable, key: &[Cell], right: &Row, row: &Row) -> bool {
    let differing = right.iter().zip(row).filter(|(a, b)| a != b).count();
    differing <= 1 && key.len() == table.key
}

fn differing_key_column(table: &LedgerTable, right: &[Cell], key: &[Cell]) -> &'static str {
    let differing = right.iter().zip(key).zip(table.columns).find(|((a, b), _)| a != b);
    differing.map_or("", |(_, (column, _))| column)
}
