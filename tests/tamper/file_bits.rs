//! Bits of the SQLite file itself, turned over while nobody has it open: whoever then opens it is refused, SQLite's own check or the audit
//! finds it, or what is in it reads the same as before.

use std::cell::Cell;
use std::sync::Once;
use std::time::Instant;

use piaolian::store::Store;

use crate::database::{Table, Template, TestDatabase, audited};
use crate::figures::{Figures, dice, shared_out};
use crate::seed::number;
use crate::town::{Town, town};

/// Everything that can be read, in tables of the ledger and beside it. `None` when not all of it can be read.
#[derive(PartialEq)]
struct Content {
    schema: Vec<String>,
    ledger: Vec<Table>,
    beside: Vec<Table>,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What a damaged database does that no sound one does ends in an error of the connection, which the test's own functions take as a panic.
fn tried<T>(work: impl FnOnce() -> T) -> Option<T> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info)
            }
        }));
    });
    QUIET.set(true);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok();
    QUIET.set(false);
    done
}

fn content(copy: &TestDatabase) -> Option<Content> {
    tried(|| {
        let mut raw = copy.raw();
        let (mut ledger, mut beside) = (Vec::new(), Vec::new());
        for name in raw.tables() {
            let table = raw.table(&name);
            let known = piaolian::ledger::projection::LEDGER_TABLES.iter().any(|table| table.name == name);
            if known { ledger.push(table) } else { beside.push(table) }
        }
        Content { schema: raw.schema(), ledger, beside }
    })
}

fn sqlite_finds_it(copy: &TestDatabase) -> bool {
    let lines = tried(|| copy.raw().texts("SELECT integrity_check AS line FROM pragma_integrity_check"));
    lines.is_none_or(|lines| lines != ["ok"])
}

fn judged(copy: &TestDatabase, sound: &Content, town: &Town) -> Option<&'static str> {
    let Some(content) = content(copy) else { return Some("SQLite does not read it") };
    if content == *sound {
        return Some(if sqlite_finds_it(copy) { "integrity_check; the same content" } else { "the same content" });
    }
    if sqlite_finds_it(copy) {
        return Some("integrity_check");
    }
    if content.ledger == sound.ledger && content.schema == sound.schema {
        return Some("beside the ledger: see beside.rs");
    }
    let Ok(store) = Store::open(&copy.url(), 1) else { return Some("the store does not open") };
    match tried(|| audited(&store, &town.trusted)) {
        None => Some("the audit can't read it"),
        Some(report) if !report.is_clean() => Some("the audit"),
        Some(_) if content.ledger == sound.ledger => Some("the schema's text, all rows the same"),
        Some(_) => None,
    }
}

#[test]
fn a_bit_of_the_file_is_told_or_changes_nothing() {
    let (town, since, mut dice) = (town(), Instant::now(), dice(5));
    let Template::Bytes(bytes) = &town.ledger else { panic!("not a file") };
    let sound = content(&town.ledger.copy()).unwrap();
    let bits: Vec<usize> = (0..number("TAMPER_FILE_BITS", 30)).map(|_| dice.below(bytes.len() * 8)).collect();
    let figures = shared_out(
        "bits of the file",
        bits.len(),
        || (),
        |(), at, figures: &mut Figures| {
            let bit = bits[at];
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let copy = Template::Bytes(bytes).copy();
            match judged(&copy, &sound, town) {
                Some(by) => figures.told("ledger.db", by),
                None => figures.missed("ledger.db", || format!("bit {bit} of the file")),
            }
        },
    );
    figures.hold("bits of the SQLite file", since);
}
