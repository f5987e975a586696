//! Random damages of tables: bits turned over, cells and rows that change places, omissions, re-orderings, truncations, duplicates, rows of
//! another ledger, values made up. What would change nothing is dealt again.

use std::collections::BTreeSet;
use std::sync::Arc;

use piaolian::ledger::lookup::keys_from_bytes;
use piaolian::ledger::projection::{Cell, ColumnKind, LEDGER_TABLES, LedgerTable, Row};

use crate::bits::{bits, flipped, key_shown};
use crate::held::{Held, Rows};
use crate::seed::Dice;

/// Rows left out or moved about at once, at most.
const RUN_MAX: usize = 40;

/// One damage of one table.
#[derive(Debug, Clone)]
pub struct Damage {
    pub kind: &'static str,
    pub table: usize,
    /// Sound rows, by their places, with what stands there instead; `None` where nothing does.
    pub changed: Vec<(usize, Option<Row>)>,
    /// Rows that were not there.
    pub added: Vec<Row>,
}

impl Damage {
    pub fn table(&self) -> &'static LedgerTable {
        LEDGER_TABLES[self.table]
    }

    /// Every key that a finding may name: of rows as they were and as they are.
    pub fn places(&self, held: &Held) -> BTreeSet<String> {
        let sound = &held.sound[self.table];
        let before = self.changed.iter().map(|(row, _)| &*sound[*row]);
        let after = self.changed.iter().filter_map(|(_, row)| row.as_ref());
        before.chain(after).chain(&self.added).map(|row| key_shown(self.table(), row)).collect()
    }

    /// Keys of rows that are there though they were not.
    pub fn new_keys(&self, held: &Held) -> Vec<Vec<Cell>> {
        let (key, sound) = (self.table().key, &held.sound[self.table]);
        let moved = self.changed.iter().filter_map(|(row, after)| {
            let after = after.as_ref()?;
            (after[..key] != sound[*row][..key]).then(|| after[..key].to_vec())
        });
        moved.chain(self.added.iter().map(|row| row[..key].to_vec())).collect()
    }

    pub fn shown(&self, held: &Held) -> String {
        let places: Vec<String> = self.places(held).into_iter().take(6).collect();
        format!("{} in {} at {}", self.kind, self.table().name, places.join(", "))
    }
}

/// Does damages of one table, none of which touches a row of another, to its sound rows.
pub fn done(rows: &mut Rows, damages: &[&Damage]) {
    let mut gone = BTreeSet::new();
    for damage in damages {
        for (row, after) in &damage.changed {
            match after {
                Some(after) => rows[*row] = Arc::new(after.clone()),
                None => {
                    gone.insert(*row);
                }
            }
        }
    }
    let mut nth = 0;
    rows.retain(|_| {
        nth += 1;
        !gone.contains(&(nth - 1))
    });
    rows.extend(damages.iter().flat_map(|damage| &damage.added).cloned().map(Arc::new));
}

/// Deals damages of a ledger; rows of another one are at hand.
pub struct Dealer<'a> {
    pub held: &'a Held,
    pub foreign: &'a Held,
    pub dice: Dice,
}

impl Dealer<'_> {
    /// A damage of one of these tables.
    pub fn damage(&mut self, tables: &[usize]) -> Damage {
        loop {
            let table = self.dice.one_of(tables);
            if let Some(damage) = self.dealt(table).filter(|damage| self.is_one(damage)) {
                return damage;
            }
        }
    }

    fn dealt(&mut self, table: usize) -> Option<Damage> {
        match self.dice.below(12) {
            0 | 1 => self.a_bit(table),
            2 => self.a_cell_of_another_row(table),
            3 => self.a_cell_made_up(table),
            4 => self.two_cells_swapped(table),
            5 => self.two_rows_swapped(table),
            6 => self.left_out(table),
            7 => self.a_run_left_out(table),
            8 => self.cut_off(table),
            9 => self.in_another_order(table),
            10 => self.there_twice(table),
            _ => self.of_another_ledger(table),
        }
    }

    /// Whether it changes anything, and gives no two rows one key, which no table takes.
    fn is_one(&self, damage: &Damage) -> bool {
        let sound = &self.held.sound[damage.table];
        let changes = |(row, after): &(usize, Option<Row>)| {
            after.as_ref() != Some(&*sound[*row]) && !(after.is_none() && self.arrives_again(damage.table, *row))
        };
        let mut keys = BTreeSet::new();
        let new = damage.new_keys(self.held);
        let key = damage.table().key;
        let free = |wanted: &Vec<Cell>| !sound.iter().any(|row| row[..key] == wanted[..]);
        (!damage.added.is_empty() || damage.changed.iter().any(changes))
            && new.iter().all(|key| keys.insert(key.clone()))
            && new.iter().all(free)
    }

    /// Whether a row that is left out is no loss: a look-up whose key is still on its way, so that the table is complete without it.
    fn arrives_again(&self, table: usize, row: usize) -> bool {
        if LEDGER_TABLES[table].name != "lookups" {
            return false;
        }
        let cells = &self.held.sound[table][row];
        let on_its_way = |row: &Arc<Row>| keys_from_bytes(row[1].as_ref().unwrap()).unwrap();
        let shown = |number: String| Some(number.into_bytes());
        let mut young = self.held.rows("young_keys").iter().flat_map(on_its_way);
        young.any(|(print, entry)| cells[..] == [shown(print.0.to_string()), shown(entry.to_string())])
    }

    fn row(&mut self, table: usize) -> usize {
        self.dice.below(self.held.sound[table].len())
    }

    fn cells(&self, table: usize, row: usize) -> Row {
        Row::clone(&self.held.sound[table][row])
    }

    /// A column that is not of the key, where there is one.
    fn column(&mut self, table: usize) -> Option<usize> {
        let (key, columns) = (LEDGER_TABLES[table].key, LEDGER_TABLES[table].columns.len());
        (columns > key).then(|| key + self.dice.below(columns - key))
    }

    fn of_row(kind: &'static str, table: usize, row: usize, after: Row) -> Option<Damage> {
        Some(Damage { kind, table, changed: vec![(row, Some(after))], added: Vec::new() })
    }

    fn a_bit(&mut self, table: usize) -> Option<Damage> {
        let row = self.row(table);
        let mut after = self.cells(table, row);
        let column = self.dice.below(after.len());
        let kind = LEDGER_TABLES[table].columns[column].1;
        let there = bits(kind, &after[column]);
        if there == 0 {
            return None;
        }
        after[column] = flipped(kind, &after[column], self.dice.below(there));
        Self::of_row("a bit", table, row, after)
    }

    fn a_cell_of_another_row(&mut self, table: usize) -> Option<Damage> {
        let (row, other, column) = (self.row(table), self.row(table), self.column(table)?);
        let mut after = self.cells(table, row);
        after[column].clone_from(&self.held.sound[table][other][column]);
        Self::of_row("a cell of another row", table, row, after)
    }

    fn a_cell_made_up(&mut self, table: usize) -> Option<Damage> {
        let (row, column) = (self.row(table), self.column(table)?);
        let mut after = self.cells(table, row);
        after[column] = match LEDGER_TABLES[table].columns[column].1 {
            ColumnKind::Int => Some(self.dice.next().cast_signed().to_string().into_bytes()),
            ColumnKind::Flag => Some(vec![b'0' + u8::try_from(self.dice.below(2)).unwrap()]),
            ColumnKind::Text => Some(format!("{:x}", self.dice.next()).into_bytes()),
            ColumnKind::Bytes => {
                let bytes = after[column].as_ref().map_or(32, Vec::len);
                Some((0..bytes).map(|_| u8::try_from(self.dice.below(256)).unwrap()).collect())
            }
        };
        Self::of_row("a cell made up", table, row, after)
    }

    /// Cells of two rows, one of a column or all but the key.
    fn swapped(&mut self, kind: &'static str, table: usize, columns: std::ops::Range<usize>) -> Option<Damage> {
        let (one, two) = (self.row(table), self.row(table));
        if one == two {
            return None;
        }
        let (mut first, mut second) = (self.cells(table, one), self.cells(table, two));
        first[columns.clone()].swap_with_slice(&mut second[columns]);
        Some(Damage { kind, table, changed: vec![(one, Some(first)), (two, Some(second))], added: Vec::new() })
    }

    fn two_cells_swapped(&mut self, table: usize) -> Option<Damage> {
        let column = self.column(table)?;
        self.swapped("two cells swapped", table, column..column + 1)
    }

    fn two_rows_swapped(&mut self, table: usize) -> Option<Damage> {
        let LedgerTable { key, columns, .. } = LEDGER_TABLES[table];
        self.swapped("two rows swapped", table, *key..columns.len())
    }

    fn without(&self, kind: &'static str, table: usize, rows: std::ops::Range<usize>) -> Option<Damage> {
        Some(Damage { kind, table, changed: rows.map(|row| (row, None)).collect(), added: Vec::new() })
    }

    fn left_out(&mut self, table: usize) -> Option<Damage> {
        let row = self.row(table);
        self.without("a row left out", table, row..row + 1)
    }

    fn run(&mut self, table: usize) -> std::ops::Range<usize> {
        let (from, length) = (self.row(table), 2 + self.dice.below(RUN_MAX - 2));
        from..(from + length).min(self.held.sound[table].len())
    }

    fn a_run_left_out(&mut self, table: usize) -> Option<Damage> {
        let rows = self.run(table);
        self.without("a run of rows left out", table, rows)
    }

    fn cut_off(&mut self, table: usize) -> Option<Damage> {
        let rows = self.held.sound[table].len();
        let left = rows - 1 - self.dice.below(rows.min(RUN_MAX));
        self.without("the last rows cut off", table, left..rows)
    }

    /// The cells of a run of rows move on by some rows, under the keys that are there.
    fn in_another_order(&mut self, table: usize) -> Option<Damage> {
        let rows = self.run(table);
        let key = LEDGER_TABLES[table].key;
        let shift = 1 + self.dice.below(rows.len().max(2) - 1);
        let moved = rows.clone().map(|row| {
            let from = rows.start + (row - rows.start + shift) % rows.len();
            let cells =
                self.cells(table, row)[..key].iter().chain(&self.held.sound[table][from][key..]).cloned().collect();
            (row, Some(cells))
        });
        Some(Damage { kind: "rows in another order", table, changed: moved.collect(), added: Vec::new() })
    }

    fn there_twice(&mut self, table: usize) -> Option<Damage> {
        let row = self.row(table);
        let mut copy = self.cells(table, row);
        let column = self.dice.below(LEDGER_TABLES[table].key);
        let another = self.row(table);
        copy[column] = match LEDGER_TABLES[table].columns[column].1 {
            ColumnKind::Int | ColumnKind::Flag => Some(self.dice.below(30_000).to_string().into_bytes()),
            ColumnKind::Text | ColumnKind::Bytes => {
                let mut key = self.cells(table, another)[column].clone()?;
                key.push(b'0' + u8::try_from(self.dice.below(10)).unwrap());
                Some(key)
            }
        };
        Some(Damage { kind: "a row there twice", table, changed: Vec::new(), added: vec![copy] })
    }

    fn of_another_ledger(&mut self, table: usize) -> Option<Damage> {
        let theirs = &self.foreign.sound[table];
        let theirs = Row::clone(&theirs[self.dice.below(theirs.len())]);
        if self.dice.chance(50) {
            return Some(Damage { kind: "a row of another ledger", table, changed: Vec::new(), added: vec![theirs] });
        }
        let (row, key) = (self.row(table), LEDGER_TABLES[table].key);
        let after = self.cells(table, row)[..key].iter().chain(&theirs[key..]).cloned().collect();
        Self::of_row("the cells of another ledger's row", table, row, after)
    }
}
