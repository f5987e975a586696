//! Damages of a ledger stream at random: bits, lines left out, swapped, moved about, there twice, of another ledger, cut off. Whoever audits
//! remembers the newest block; without that, a stream that ends behind an earlier block is a sound one.

use std::time::Instant;

use piaolian::chain::Roster;
use piaolian::export::{write_stream_block, write_stream_head};
use piaolian::ledger::audit::{Checkpoint, Limits, Trust, audit_stream};
use piaolian::ledger::stream::InMemory;
use piaolian::store::{Store, StoreError};

use crate::figures::{Figures, dice, entries, shared_out};
use crate::long::{Long, long};
use crate::seed::{Dice, number};
use crate::town::town;

/// Lines of a stream, each with its end.
pub type Lines = Vec<Vec<u8>>;

/// The stream of a ledger.
pub fn lines_of(store: &Store) -> Lines {
    let mut out = Vec::new();
    let written = store.read_blocking(|reader| {
        let rosters = reader.rosters()?;
        write_stream_head(&mut out, &rosters[0]).unwrap();
        let (tip, mut first) = (reader.checkpoint()?.unwrap().height, 0);
        for height in 0..=tip {
            let block = reader.block(height)?.unwrap();
            let entries = match block.size - first {
                0 => Vec::new(),
                count => reader.entries_from(first, usize::try_from(count).unwrap())?,
            };
            let texts: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
            write_stream_block(&mut out, &block.header, &block.seals, texts.into_iter()).unwrap();
            first = block.size;
        }
        Ok::<_, StoreError>(())
    });
    written.unwrap();
    out.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// What is done to a stream, and where it begins.
fn damaged(lines: &Lines, foreign: &Lines, dice: &mut Dice) -> (&'static str, usize, Lines) {
    let mut lines = lines.clone();
    let at = dice.below(lines.len());
    let run = at..(at + 2 + dice.below(40)).min(lines.len());
    let kind = match dice.below(10) {
        0 | 1 => {
            let (byte, bit) = (dice.below(lines[at].len()), dice.below(8));
            lines[at][byte] ^= 1 << bit;
            "a bit"
        }
        2 => {
            lines.remove(at);
            "a line left out"
        }
        3 => {
            lines.drain(run);
            "a run of lines left out"
        }
        4 => {
            let other = dice.below(lines.len());
            lines.swap(at, other);
            return ("two lines swapped", at.min(other), lines);
        }
        5 => {
            lines[run].rotate_left(1);
            "lines in another order"
        }
        6 => {
            let line = lines[at].clone();
            let to = dice.below(lines.len());
            lines.insert(to, line);
            return ("a line there twice", to, lines);
        }
        7 => {
            lines.insert(at, dice.one_of(foreign));
            "a line of another ledger"
        }
        8 => {
            lines[at] = dice.one_of(foreign);
            "a line of another ledger instead"
        }
        _ => {
            let byte = dice.below(lines[at].len());
            lines[at].truncate(byte);
            lines.truncate(at + 1);
            "cut off"
        }
    };
    (kind, at, lines)
}

fn tried(long: &Long, foreign: &Lines, remembered: &Checkpoint, dice: &mut Dice, figures: &mut Figures) {
    let (kind, at, lines) = loop {
        let dealt = damaged(&long.stream, foreign, dice);
        if dealt.2 != long.stream {
            break dealt;
        }
    };
    let bytes = lines.concat();
    let trust = Trust { rosters: &long.trusted, checkpoint: Some(remembered) };
    let report = audit_stream(&bytes[..], InMemory::default(), &trust, Limits::first(), &mut |_| {}).unwrap();
    // Lines count from 1. What is missing shows in the line that stands in its place, or where the block ends.
    let line = u64::try_from(at + 1).unwrap();
    match report.findings.first() {
        None => figures.missed(kind, || format!("{kind} at line {line}")),
        Some(finding) if finding.line == Some(line) => figures.told(kind, "its line is named"),
        Some(finding) if finding.line.is_some() => figures.told(kind, "another line is named"),
        Some(_) => figures.told(kind, "its block is named"),
    }
}

#[test]
fn every_random_damage_of_a_stream_is_found() {
    let since = Instant::now();
    let damages = usize::try_from(number("TAMPER_STREAM_DAMAGES", 20)).unwrap();
    let long = long(entries());
    let foreign = {
        let copy = town().ledger.copy();
        lines_of(&Store::open(&copy.url(), 1).unwrap())
    };
    let remembered = Checkpoint::of(&long.tip).unwrap();
    is_sound(&long, &remembered);
    let dice = dice(9);
    let figures = shared_out(
        "damages of the stream",
        damages,
        || (),
        |(), at, figures| {
            let seed = dice.clone().next() ^ u64::try_from(at).unwrap().wrapping_mul(0x9e37_79b9);
            tried(&long, &foreign, &remembered, &mut Dice::of(seed), figures);
        },
    );
    figures.hold("random damages of the stream", since);
}

fn is_sound(long: &Long, remembered: &Checkpoint) {
    let rosters: &[Roster] = &long.trusted;
    let trust = Trust { rosters, checkpoint: Some(remembered) };
    let bytes = long.stream.concat();
    let before = Instant::now();
    let report = audit_stream(&bytes[..], InMemory::default(), &trust, Limits::default(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    println!("{} lines, {} bytes; one audit takes {:.1?}", long.stream.len(), bytes.len(), before.elapsed());
}
