//! Every bit of every cell of every table that an audit covers, turned over: the audit finds each and names its row.
//!
//! One audit of the whole ledger a bit would take days. So bits of *different rows* are turned over together, one a row, and each row must
//! have a finding of its own: one that the audit makes of that row and of nothing else that was damaged (`own`). That it is the very
//! finding that the bit gives alone is held against audits of single bits, in memory and through the database. What moves a row to another
//! place in the chain (its height or index), rosters and watermarks are damaged one bit at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use piaolian::base::Code;
use piaolian::ledger::audit::{Finding, Report};
use piaolian::ledger::projection::{ColumnKind, LEDGER_TABLES, LedgerTable, Row, key_of};

use crate::bits::{Part, Spot, flip, key_shown};
use crate::database::{Cell, audited};
use crate::figures::{Figures, dice, every_bit, shared_out};
use crate::held::{Held, nth_of};
use crate::town::{Town, town};

/// A damaged bit.
#[derive(Debug, Clone, Copy)]
struct Bit {
    table: usize,
    row: usize,
    spot: Spot,
}

impl Bit {
    fn table(&self) -> &'static LedgerTable {
        LEDGER_TABLES[self.table]
    }

    fn before<'a>(&self, held: &'a Held) -> &'a Row {
        &held.sound[self.table][self.row]
    }

    fn after(&self, held: &Held) -> Row {
        flip(self.table(), self.before(held), self.spot)
    }

    fn shown(&self, held: &Held) -> String {
        let (table, before) = (self.table(), self.before(held));
        let (column, _) = table.columns[self.spot.column];
        format!("bit {} of {}.{column} of {}", self.spot.bit, table.name, key_shown(table, before))
    }
}

/// How many sets of tables there are whose bits are turned over together.
const CLASSES: usize = 4;

/// One of them: rows that are compared one by one with what the entries give, or have a check of their own. Apart is what shows in the
/// hashes already, so that the rest is not looked at.
fn together(class: usize) -> Vec<(usize, Part)> {
    let others = ["entries", "blocks", "tiles", "rosters", "watermarks"];
    let part = |name: &str| if ["seals", "young_keys"].contains(&name) { Part::Others } else { Part::All };
    match class {
        0 => vec![(nth_of("entries"), Part::Rest)],
        1 => vec![(nth_of("blocks"), Part::Rest)],
        2 => vec![(nth_of("tiles"), Part::All)],
        _ => {
            let names = LEDGER_TABLES.iter().map(|table| table.name);
            names.filter(|name| !others.contains(name)).map(|name| (nth_of(name), part(name))).collect()
        }
    }
}

/// What is damaged one bit at a time, and whether the first finding must name the place.
const ALONE: [(&str, Part, bool); 6] = [
    ("entries", Part::Key, true),
    ("blocks", Part::Key, true),
    ("seals", Part::First, true),
    ("rosters", Part::All, true),
    ("young_keys", Part::Key, false),
    ("watermarks", Part::All, false),
];

/// The row that a finding must name. Under another key a row is one too many, and the one that it was is missing: that names it. Only of
/// seals none need be there: what is said is said of the one that is.
fn place(bit: &Bit, held: &Held) -> String {
    match bit.table().name {
        "seals" => key_shown(bit.table(), &bit.after(held)),
        _ => key_shown(bit.table(), bit.before(held)),
    }
}

/// Whether a finding is one that the audit makes of this row alone, whatever other rows are like.
fn own(finding: &Finding, bit: &Bit, held: &Held) -> bool {
    let table = bit.table();
    let (column, _) = table.columns[bit.spot.column];
    if finding.table != table.name || finding.row != place(bit, held) {
        return false;
    }
    let told = (finding.code, finding.column.as_str());
    match (table.name, column) {
        ("entries", "entry") => [(Code::AuditLeafDiffers, "leaf"), (Code::AuditEntryBad, "entry")].contains(&told),
        ("entries", "leaf") => told == (Code::AuditLeafDiffers, "leaf"),
        ("blocks", "header") => [(Code::AuditBlockBad, "header"), (Code::AuditBlockBad, "hash")].contains(&told),
        ("seals", _) => {
            finding.code == Code::AuditSealBad && ["signature", "member"].contains(&finding.column.as_str())
        }
        _ if bit.spot.column < table.key => true,
        _ => finding.column == column,
    }
}

/// An entry whose text is no entry any more, and a header that is none, are told by what does not depend on any other row.
fn independent(finding: &Finding, bit: &Bit) -> bool {
    match (bit.table().name, bit.table().columns[bit.spot.column].0) {
        ("entries", "entry") => finding.column == "leaf" || finding.message == "not UTF-8 text",
        ("blocks", "header") => finding.column == "hash" || finding.message == "not a header in canonical form",
        _ => true,
    }
}

fn named<'a>(report: &'a Report, bit: &Bit, held: &Held) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| own(finding, bit, held) && independent(finding, bit))
}

/// Findings by table and row.
fn indexed(report: &Report) -> BTreeMap<(&str, &str), Vec<&Finding>> {
    let mut by_row: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_row.entry((finding.table.as_str(), finding.row.as_str())).or_default().push(finding);
    }
    by_row
}

/// Bits of different rows: those that can be turned over together, and those that would take another row's key.
fn parted(held: &Held, bits: Vec<Bit>) -> (Vec<Bit>, Vec<Bit>) {
    let mut taken: BTreeSet<(usize, Vec<_>)> = BTreeSet::new();
    bits.into_iter().partition(|bit| {
        let (table, after) = (bit.table(), bit.after(held));
        if bit.spot.column >= table.key {
            return true;
        }
        let key = key_of(table, &after);
        let there = held.sound[bit.table].iter().any(|row| row[..table.key] == key[..]);
        !there && taken.insert((bit.table, key))
    })
}

fn damage_together(held: &mut Held, bits: &[Bit]) {
    let mut by_table: BTreeMap<usize, Vec<(usize, Row)>> = BTreeMap::new();
    for bit in bits {
        by_table.entry(bit.table).or_default().push((bit.row, bit.after(held)));
    }
    for (table, changes) in by_table {
        held.replace(table, changes);
    }
}

/// The whole report on one bit.
fn alone(held: &mut Held, town: &Town, bit: Bit) -> Report {
    let after = bit.after(held);
    held.replace(bit.table, [(bit.row, after)]);
    let report = held.audited(&town.trusted);
    held.mend();
    report
}

fn told_by(finding: &Finding, bit: &Bit) -> String {
    let (column, _) = bit.table().columns[bit.spot.column];
    let exact = if finding.column == column { "" } else { " (row)" };
    format!("{}{exact}", finding.code)
}

/// Of bits that were turned over together, those that a finding of their own tells, and the others.
fn told_and_not<'a>(report: &'a Report, held: &Held, bits: Vec<Bit>) -> (Vec<(Bit, &'a Finding)>, Vec<Bit>) {
    let by_row = indexed(report);
    let (mut told, mut left) = (Vec::new(), Vec::new());
    for bit in bits {
        let key = place(&bit, held);
        let mut found = by_row.get(&(bit.table().name, key.as_str())).into_iter().flatten().copied();
        match found.find(|finding| own(finding, &bit, held) && independent(finding, &bit)) {
            Some(finding) => told.push((bit, finding)),
            None => left.push(bit),
        }
    }
    (told, left)
}

/// Turns these bits over together; each must be told by a finding of its own. One of them is done once more, alone, if `again`.
fn tried_together(held: &mut Held, town: &Town, bits: Vec<Bit>, again: bool, figures: &mut Figures) {
    let (mut bits, twins) = parted(held, bits);
    let mut once_more = None;
    // What the first pass finds ends the audit: what it leaves is tried by itself, to the end.
    for to_the_end in [false, true] {
        if bits.is_empty() {
            break;
        }
        damage_together(held, &bits);
        let report = if to_the_end { held.audited(&town.trusted) } else { held.audited_in_passes(&town.trusted) };
        held.mend();
        let (told, left) = told_and_not(&report, held, bits);
        for (bit, finding) in &told {
            figures.told(bit.table().name, &told_by(finding, bit));
        }
        let nth = report.findings.len() % told.len().max(1);
        once_more = once_more.or(told.get(nth).map(|(bit, finding)| (*bit, Finding::clone(finding))));
        bits = left;
    }
    for bit in bits {
        figures.missed(bit.table().name, || bit.shown(held));
    }
    if let Some((bit, finding)) = once_more.filter(|_| again) {
        let report = alone(held, town, bit);
        assert_eq!(named(&report, &bit, held), Some(&finding), "{}: alone it gives another finding", bit.shown(held));
        figures.told("(again, alone)", "the same finding");
    }
    for bit in twins {
        let report = alone(held, town, bit);
        match report.findings.iter().find(|finding| own(finding, &bit, held)) {
            Some(finding) => figures.told(bit.table().name, &format!("{} (another row's key)", finding.code)),
            None => figures.missed(bit.table().name, || format!("{} (another row's key)", bit.shown(held))),
        }
    }
}

/// Turns one bit over; a finding must name its row, or the block whose seal is gone.
fn tried_alone(held: &mut Held, town: &Town, bit: Bit, by_the_first: bool, figures: &mut Figures) {
    let table = bit.table();
    let (before, after) = (bit.before(held).clone(), bit.after(held));
    let mut places = vec![key_shown(table, &before), key_shown(table, &after)];
    if table.name == "seals" {
        places.extend([&before, &after].map(|row| piaolian::ledger::projection::show(&row[0])));
    }
    held.replace(bit.table, [(bit.row, after.clone())]);
    let names = |report: &Report| {
        report.findings.iter().any(|finding| finding.table == table.name && places.contains(&finding.row))
    };
    let mut report = if by_the_first { held.first_finding(&town.trusted) } else { held.audited(&town.trusted) };
    // The first finding may be about what hangs on the row, where the row itself is gone: the newest block, moved below zero.
    if by_the_first && !names(&report) {
        report = held.audited(&town.trusted);
    }
    held.mend();
    // Two rows of one key, which no table can hold: which of them is in the other's place can't be told.
    let twin =
        held.sound[bit.table].iter().any(|row| row[..table.key] == after[..table.key]) && bit.spot.column < table.key;
    match report.findings.iter().find(|finding| finding.table == table.name && places.contains(&finding.row)) {
        Some(finding) => figures.told(table.name, &told_by(finding, &bit)),
        None if twin && report.findings.first().is_some_and(|finding| finding.table == table.name) => {
            figures.told(table.name, "refused by the database: another row's key; the audit names the table");
        }
        None => figures.missed(table.name, || format!("{}: {:?}", bit.shown(held), report.findings.first())),
    }
}

/// One bit of each row, where a row has so many: the nth.
fn round_of(held: &Held, class: usize, mut nth: impl FnMut(usize) -> usize) -> Vec<Bit> {
    let mut bits = Vec::new();
    for (table, part) in together(class) {
        for (row, cells) in held.sound[table].iter().enumerate() {
            let there = part.bits(LEDGER_TABLES[table], cells);
            let spot = part.spot(LEDGER_TABLES[table], cells, nth(there));
            bits.extend(spot.map(|spot| Bit { table, row, spot }));
        }
    }
    bits
}

fn rounds(held: &Held, class: usize) -> usize {
    let bits_of = |(table, part): (usize, Part)| {
        held.sound[table].iter().map(move |row| part.bits(LEDGER_TABLES[table], row)).max().unwrap_or(0)
    };
    together(class).into_iter().map(bits_of).max().unwrap_or(0)
}

/// Every bit that is damaged alone.
fn alone_bits(held: &Held) -> Vec<(Bit, bool)> {
    let mut bits = Vec::new();
    for (name, part, by_the_first) in ALONE {
        let table = nth_of(name);
        for (row, cells) in held.sound[table].iter().enumerate() {
            let spots = (0..).map_while(|nth| part.spot(LEDGER_TABLES[table], cells, nth));
            bits.extend(spots.map(|spot| (Bit { table, row, spot }, by_the_first)));
        }
    }
    bits
}

#[test]
fn every_bit_of_every_table_is_told_and_its_row_is_named() {
    let (town, since, mut dice) = (town(), Instant::now(), dice(1));
    let mut held = town.held.clone();
    assert_eq!(held.audited(&town.trusted).findings, []);
    let singles = alone_bits(&held);
    let figures = if every_bit() {
        let plan: Vec<(usize, usize)> =
            (0..CLASSES).flat_map(|class| (0..rounds(&held, class)).map(move |nth| (class, nth))).collect();
        let mut figures = shared_out(
            "bits together",
            plan.len(),
            || town.held.clone(),
            |held, at, figures| {
                let (class, nth) = plan[at];
                tried_together(held, town, round_of(held, class, |_| nth), at % 50 == 0, figures);
            },
        );
        println!("so far, in {:.1?}:\n{figures}", since.elapsed());
        figures.add(shared_out(
            "bits alone",
            singles.len(),
            || town.held.clone(),
            |held, at, figures| {
                let (bit, by_the_first) = singles[at];
                tried_alone(held, town, bit, by_the_first, figures);
            },
        ));
        let all: usize = (0..LEDGER_TABLES.len())
            .map(|table| held.sound[table].iter().map(|row| Part::All.bits(LEDGER_TABLES[table], row)).sum::<usize>())
            .sum();
        let tried: u64 =
            figures.lines.iter().filter(|(name, _)| !name.starts_with('(')).map(|(_, line)| line.done).sum();
        assert_eq!(usize::try_from(tried).unwrap(), all, "not every bit was turned over");
        figures
    } else {
        let mut figures = Figures::default();
        for class in [0, 0, 1, 1, 2, 2, 3] {
            let bits = round_of(&held, class, |there| if there == 0 { 0 } else { dice.below(there) });
            tried_together(&mut held, town, bits, true, &mut figures);
        }
        for _ in 0..24 {
            let (bit, by_the_first) = dice.one_of(&singles);
            tried_alone(&mut held, town, bit, by_the_first, &mut figures);
        }
        figures
    };
    figures.hold("bits of the ledger's tables", since);
}

/// The one bit of 2.8 million whose first finding is about another table: the newest block is no longer the newest.
#[test]
fn a_newest_block_below_zero_is_named_in_the_whole_report() {
    let (town, mut figures) = (town(), Figures::default());
    let mut held = town.held.clone();
    let table = nth_of("blocks");
    let row = held.sound[table].len() - 1;
    let bit = Bit { table, row, spot: Spot { column: 0, bit: 63 } };
    tried_alone(&mut held, town, bit, true, &mut figures);
    figures.hold("the newest block's sign", Instant::now());
}

/// A cell as the database has it.
fn stored(kind: ColumnKind, cell: &piaolian::ledger::projection::Cell) -> Cell {
    match (kind, cell) {
        (_, None) => Cell::Null,
        (ColumnKind::Int | ColumnKind::Flag, Some(digits)) => {
            Cell::Int(std::str::from_utf8(digits).unwrap().parse().unwrap())
        }
        (ColumnKind::Text, Some(bytes)) => Cell::Text(bytes.clone()),
        (ColumnKind::Bytes, Some(bytes)) => Cell::Blob(bytes.clone()),
    }
}

fn any_bit(held: &Held, dice: &mut crate::seed::Dice) -> Bit {
    loop {
        let table = dice.below(LEDGER_TABLES.len());
        let row = dice.below(held.sound[table].len());
        let column = dice.below(LEDGER_TABLES[table].columns.len());
        let there = crate::bits::bits(LEDGER_TABLES[table].columns[column].1, &held.sound[table][row][column]);
        if there > 0 {
            return Bit { table, row, spot: Spot { column, bit: dice.below(there) } };
        }
    }
}

/// The same bits through the database, where nothing but UNIQUE stands in the way.
#[test]
fn what_is_found_in_memory_is_what_is_found_in_the_database() {
    let (town, since, mut dice) = (town(), Instant::now(), dice(2));
    let copy = town.ledger.copy();
    let (mut raw, store) = (copy.raw().unguarded(), piaolian::store::Store::open(&copy.url(), 1).unwrap());
    let mut held = town.held.clone();
    let mut figures = Figures::default();
    for _ in 0..if every_bit() { 2_000 } else { 6 } {
        let bit = any_bit(&held, &mut dice);
        let table = raw.table(bit.table().name);
        let (column, kind) = bit.table().columns[bit.spot.column];
        let (before, after) = (bit.before(&held).clone(), bit.after(&held));
        let as_stored = |row: &Row| -> Vec<Cell> {
            bit.table().columns.iter().zip(row).map(|((_, kind), cell)| stored(*kind, cell)).collect()
        };
        assert_eq!(table.columns[bit.spot.column].name, column);
        assert_eq!(table.rows[bit.row], as_stored(&before), "{}", bit.shown(&held));
        let damage = table.update(&as_stored(&before), bit.spot.column, &stored(kind, &after[bit.spot.column]));
        if raw.run(&damage).is_err() {
            figures.told(bit.table().name, "refused: UNIQUE");
            continue;
        }
        let there = audited(&store, &town.trusted);
        raw.must(&table.update(&as_stored(&after), bit.spot.column, &stored(kind, &before[bit.spot.column])));
        let here = alone(&mut held, town, bit);
        let kept = there.findings.len();
        assert_eq!(there.findings, here.findings[..kept.min(here.findings.len())], "{}", bit.shown(&held));
        assert!(!there.findings.is_empty(), "{}", bit.shown(&held));
        figures.told(bit.table().name, "the same findings");
    }
    figures.hold("bits in the database", since);
}
