//! The look-ups: every key of every entry must be found, in the table or among the keys on their way there, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::as_number;
use super::{Audit, Source};
use crate::base::Code;
use crate::ledger::lookup::{Fingerprint, Key, WATERMARK, keys_to_bytes};
use crate::ledger::projection::{Cell, LOOKUPS, Row, Rows, WATERMARKS, YOUNG_KEYS, show};

/// The keys of the blocks, by height, in commit order.
pub(super) type KeysByBlock = BTreeMap<u64, Vec<Key>>;

fn int(value: impl ToString) -> Cell {
    Some(value.to_string().into_bytes())
}

fn row_of((print, entry): Key) -> (Vec<Cell>, Row) {
    let row = vec![int(print.0), int(entry)];
    (row.clone(), row)
}

impl Audit<'_> {
    /// Notes the keys of an entry.
    pub(super) fn note_keys(&mut self, height: u64, index: u64, keys: Vec<Fingerprint>) {
        self.keys.entry(height).or_default().extend(keys.into_iter().map(|print| (print, index)));
    }

    pub(super) fn compare_lookups<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        if !self.replayable {
            return Ok(());
        }
        let keys = std::mem::take(&mut self.keys);
        let young = source.all(&YOUNG_KEYS)?;
        let stored = source.all(&LOOKUPS)?;
        let there: BTreeSet<&Row> = stored.iter().collect();
        let marked = self.watermark(&source.all(&WATERMARKS)?);
        let complete = self.complete_upto(&keys, &young, &there, marked);
        let old = keys.range(..=complete).flat_map(|(_, keys)| keys.iter().map(|key| row_of(*key)));
        // Keys on their way may have arrived; those that have not are expected among the young ones only.
        let above = keys.range(complete.saturating_add(1)..);
        let arrived = above.clone().flat_map(|(_, keys)| keys.iter().map(|key| row_of(*key)));
        let expected: Rows = old.chain(arrived.filter(|(_, row)| there.contains(row))).collect();
        let expected_young: Rows =
            above.map(|(height, keys)| (vec![int(height)], vec![int(height), Some(keys_to_bytes(keys))])).collect();
        drop(there);
        self.compare(&LOOKUPS, expected, stored, Code::AuditProjectionDiffers);
        self.compare(&YOUNG_KEYS, expected_young, young, Code::AuditProjectionDiffers);
        Ok(())
    }

    /// The height in the one row that `watermarks` may have; 0 without it.
    fn watermark(&mut self, rows: &[Row]) -> u64 {
        let mut height = 0;
        for row in rows {
            let name = row.first().map(show).unwrap_or_default();
            if name == WATERMARK {
                height = as_number(row.get(1)).unwrap_or(u64::MAX);
            } else {
                let column = if rows.len() == 1 { "name" } else { "" };
                self.report.add(Code::AuditProjectionDiffers, &WATERMARKS, name, column, "no such watermark is kept");
            }
        }
        height
    }

    /// Up to which height the table must be complete. The rows of the young keys begin right above the watermark, since both
    /// change in one transaction: where they do not, the tables tell which of the two is wrong.
    fn complete_upto(&mut self, keys: &KeysByBlock, young: &[Row], there: &BTreeSet<&Row>, marked: u64) -> u64 {
        let tip = keys.keys().next_back().copied().unwrap_or(0);
        let lowest = young.iter().filter_map(|row| as_number(row.first())).filter(|height| *height <= tip).min();
        let told = lowest.map_or(tip, |lowest| lowest.saturating_sub(1));
        let arrived = |(_, keys): (&u64, &Vec<Key>)| keys.iter().all(|key| there.contains(&row_of(*key).1));
        let too_low = told > marked && keys.range(marked.saturating_add(1)..=told).all(arrived);
        if marked <= told && !too_low {
            return marked;
        }
        if told == 0 && marked == 0 {
            return 0;
        }
        let message = format!("stored {marked}, but the keys of blocks above {told} are still on their way");
        self.report.add(Code::AuditProjectionDiffers, &WATERMARKS, WATERMARK, "height", message);
        told
    }
}
