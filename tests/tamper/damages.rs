//! Damages at random over a long ledger: all of them are found.
//!
//! Tables that are compared row by row take many damages at once, none of which touches another's rows; each must have its rows named. The
//! chain itself (entries, blocks, seals, rosters, what is on its way to the look-ups) takes damages inside rows together too; what is not
//! named among others, and whatever moves, adds or leaves out rows, is done by itself, and an audit up to its first finding follows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use piaolian::ledger::projection::{Cell, LEDGER_TABLES, Row};

use crate::deal::{Damage, Dealer, done};
use crate::figures::{Figures, dice, entries, shared_out};
use crate::held::Held;
use crate::long::{Long, long};
use crate::seed::number;
use crate::town::town;

/// Tables whose damage bears on what follows, so that it is judged by itself.
const ALONE: [&str; 6] = ["entries", "blocks", "seals", "rosters", "young_keys", "watermarks"];

/// Damages done at once to the others.
const TOGETHER: usize = 120;

/// Damages of the chain that are dealt at once: few rosters and watermarks are there to be apart.
const OF_CHAIN: usize = 20;

/// Rows between any two of them: a block's hash stands in the next one, so that a finding there says nothing about the next one's own row.
const OF_CHAIN_GAP: usize = 1;

/// The tables of that kind, each as often as it is to be dealt.
fn tables(alone: bool) -> Vec<usize> {
    let often = |name: &str| match name {
        "entries" => 8,
        "blocks" => 5,
        "seals" => 2,
        _ => 1,
    };
    let tables = LEDGER_TABLES.iter().enumerate().filter(|(_, table)| ALONE.contains(&table.name) == alone);
    tables.flat_map(|(nth, table)| std::iter::repeat_n(nth, often(table.name))).collect()
}

/// So many damages that can be done at once: no two touch the same row, or rows nearer than `gap`, or make the same key.
fn apart(dealer: &mut Dealer<'_>, tables: &[usize], gap: usize, wanted: usize) -> Vec<Damage> {
    let mut rows: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut keys: BTreeSet<(usize, Vec<Cell>)> = BTreeSet::new();
    let mut damages = Vec::new();
    while damages.len() < wanted {
        let damage = dealer.damage(tables);
        let touched: Vec<_> = damage.changed.iter().map(|(row, _)| (damage.table, *row)).collect();
        let new: Vec<_> = damage.new_keys(dealer.held).into_iter().map(|key| (damage.table, key)).collect();
        let near = |(table, row): &(usize, usize)| {
            rows.range((*table, row.saturating_sub(gap))..=(*table, row.saturating_add(gap))).next().is_some()
        };
        if !touched.iter().any(near) && !new.iter().any(|key| keys.contains(key)) {
            rows.extend(touched);
            keys.extend(new);
            damages.push(damage);
        }
    }
    damages
}

fn tried_together(held: &mut Held, long: &Long, damages: &[Damage], figures: &mut Figures) {
    let mut by_table: BTreeMap<usize, Vec<&Damage>> = BTreeMap::new();
    for damage in damages {
        by_table.entry(damage.table).or_default().push(damage);
    }
    for (table, damages) in by_table {
        held.damage(table, |rows| done(rows, &damages));
    }
    let report = held.audited(&long.trusted);
    held.mend();
    let named: BTreeSet<(&str, &str)> =
        report.findings.iter().map(|finding| (finding.table.as_str(), finding.row.as_str())).collect();
    for damage in damages {
        let name = damage.table().name;
        match damage.places(held).iter().any(|place| named.contains(&(name, place.as_str()))) {
            true => figures.told(damage.kind, "named"),
            false => figures.missed(damage.kind, || damage.shown(held)),
        }
    }
}

/// Whether it changes cells of rows that stay where they are.
fn is_inside_rows(damage: &Damage, held: &Held) -> bool {
    let (key, sound) = (damage.table().key, &held.sound[damage.table]);
    let stays =
        |(row, after): &(usize, Option<Row>)| after.as_ref().is_some_and(|after| after[..key] == sound[*row][..key]);
    damage.added.is_empty() && damage.changed.iter().all(stays)
}

/// Does damages of the chain: those inside rows together, the others, and those that are not named so, one at a time.
fn tried_on_the_chain(held: &mut Held, long: &Long, damages: Vec<Damage>, figures: &mut Figures) {
    let (inside, mut alone): (Vec<Damage>, Vec<Damage>) =
        damages.into_iter().partition(|damage| is_inside_rows(damage, held));
    let mut by_table: BTreeMap<usize, Vec<&Damage>> = BTreeMap::new();
    for damage in &inside {
        by_table.entry(damage.table).or_default().push(damage);
    }
    // Table by table: what an entry's damage does to its block is no finding about damage of the block.
    for (table, damages) in by_table {
        held.damage(table, |rows| done(rows, &damages));
        let report = held.audited_in_passes(&long.trusted);
        held.mend();
        let name = LEDGER_TABLES[table].name;
        let of_table = report.findings.iter().filter(|finding| finding.table == name);
        let named: BTreeSet<&str> = of_table.map(|finding| finding.row.as_str()).collect();
        for damage in damages {
            match damage.places(held).iter().any(|place| named.contains(place.as_str())) {
                true => figures.told(damage.kind, "named"),
                false => alone.push(damage.clone()),
            }
        }
    }
    for damage in alone {
        tried_alone(held, long, &damage, figures);
    }
}

fn tried_alone(held: &mut Held, long: &Long, damage: &Damage, figures: &mut Figures) {
    held.damage(damage.table, |rows| done(rows, &[damage]));
    let report = held.first_finding(&long.trusted);
    held.mend();
    let places = damage.places(held);
    match report.findings.first() {
        None => figures.missed(damage.kind, || damage.shown(held)),
        Some(finding) if finding.table != damage.table().name => figures.told(damage.kind, "found in what hangs on it"),
        Some(finding) if places.contains(&finding.row) => figures.told(damage.kind, "named"),
        Some(_) => figures.told(damage.kind, "found in its table"),
    }
}

#[test]
fn every_random_damage_is_found() {
    let since = Instant::now();
    let (damages, entries) = (number("TAMPER_DAMAGES", 300), entries());
    let long = long(entries);
    println!("{entries} entries in {} blocks, made in {:.1?}", long.held.rows("blocks").len(), since.elapsed());
    let before = Instant::now();
    assert_eq!(long.held.clone().audited(&long.trusted).findings, []);
    println!("one audit takes {:.1?}", before.elapsed());
    // One in ten bears on the chain itself; it takes most of the time.
    let chain = usize::try_from(damages / 10).unwrap();
    let rest = usize::try_from(damages).unwrap() - chain;
    let dice = dice(7);
    let dealer = |of: usize| {
        let mut own = dice.clone();
        // A stream of its own for each, whichever thread deals it.
        let seed = own.next() ^ u64::try_from(of).unwrap().wrapping_mul(0x9e37_79b9);
        Dealer { held: &long.held, foreign: &town().held, dice: crate::seed::Dice::of(seed) }
    };
    let of_chain = tables(true);
    let mut figures = shared_out(
        "damages of the chain, by so many",
        chain.div_ceil(OF_CHAIN),
        || long.held.clone(),
        |held, at, figures| {
            let dealt = apart(&mut dealer(at), &of_chain, OF_CHAIN_GAP, OF_CHAIN.min(chain - at * OF_CHAIN));
            tried_on_the_chain(held, &long, dealt, figures);
        },
    );
    println!("so far, in {:.1?}:\n{figures}", since.elapsed());
    let others = tables(false);
    let together = rest.div_ceil(TOGETHER);
    figures.add(shared_out(
        "damages of what hangs on it",
        together,
        || long.held.clone(),
        |held, at, figures| {
            let wanted = TOGETHER.min(rest - at * TOGETHER);
            let dealt = apart(&mut dealer(chain + at), &others, 0, wanted);
            tried_together(held, &long, &dealt, figures);
        },
    ));
    assert_eq!(figures.done(), damages);
    figures.hold("random damages", since);
}
