//! How much is tried, and the figures that are printed of it.
//!
//! `TAMPER_BITS=all` flips every bit there is instead of a sample; `TAMPER_FILE_BITS` says how many bits of the SQLite file are flipped,
//! `TAMPER_DAMAGES` and `TAMPER_STREAM_DAMAGES` how many random damages are done to the tables and to the stream of a ledger of
//! `TAMPER_ENTRIES` (10,000 where many are asked for); `TAMPER_SEED` is where chance begins.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::seed::{Dice, number};

/// Whether every bit is to be flipped.
#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
pub fn every_bit() -> bool {
    match std::env::var("TAMPER_BITS").as_deref() {
        Ok("all") => true,
        Ok(other) => panic!("TAMPER_BITS={other}: 'all', or leave it out"),
        Err(_unset) => false,
    }
}

/// Chance, from the seed that is printed. `what` keeps tests apart.
pub fn dice(what: u64) -> Dice {
    let seed = number("TAMPER_SEED", 20_261_124);
    println!("TAMPER_SEED={seed}");
    Dice::of(seed ^ (what << 32))
}

/// Entries of the ledger that is damaged at random: few in a sample.
pub fn entries() -> u64 {
    let damages = number("TAMPER_DAMAGES", 0).max(number("TAMPER_STREAM_DAMAGES", 0));
    number("TAMPER_ENTRIES", if damages < 1_000 { 300 } else { 10_000 })
}

/// Threads for what can be shared out.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// What became of the damages of one table.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Damages done.
    pub done: u64,
    /// By what told them: a code, or who refused.
    pub told: BTreeMap<String, u64>,
}

/// Figures by table, and what nobody found.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub lines: BTreeMap<String, Line>,
    pub missed: Vec<String>,
}

impl Figures {
    pub fn told(&mut self, table: &str, by: &str) {
        let line = self.lines.entry(table.to_owned()).or_default();
        line.done += 1;
        *line.told.entry(by.to_owned()).or_default() += 1;
    }

    pub fn missed(&mut self, table: &str, what: impl FnOnce() -> String) {
        self.told(table, "NOBODY");
        // The first ones tell what is wrong, at once: a whole run takes long.
        if self.missed.len() < 40 {
            let what = what();
            println!("nobody found {what}");
            self.missed.push(what);
        }
    }

    pub fn add(&mut self, other: Self) {
        for (table, line) in other.lines {
            let sum = self.lines.entry(table).or_default();
            sum.done += line.done;
            for (by, count) in line.told {
                *sum.told.entry(by).or_default() += count;
            }
        }
        self.missed.extend(other.missed);
    }

    pub fn done(&self) -> u64 {
        self.lines.values().map(|line| line.done).sum()
    }

    /// Prints the figures; nothing may have been missed.
    pub fn hold(&self, what: &str, since: Instant) {
        println!("{what}: {} in {:.1?}\n{self}", self.done(), since.elapsed());
        let first: Vec<&str> = self.missed.iter().take(40).map(String::as_str).collect();
        assert!(first.is_empty(), "{what}: nobody found, among others,\n{}", first.join("\n"));
        let nobody = self.lines.iter().filter(|(_, line)| line.told.contains_key("NOBODY")).count();
        assert_eq!(nobody, 0, "{what}: not all were found");
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (table, line) in &self.lines {
            let told: Vec<String> = line.told.iter().map(|(by, count)| format!("{by} {count}")).collect();
            writeln!(f, "  {table:<28} {:>10}  {}", line.done, told.join(", "))?;
        }
        Ok(())
    }
}

/// Says how far a long run has got, from time to time.
pub struct Pace {
    what: &'static str,
    all: usize,
    began: Instant,
    said: Instant,
}

impl Pace {
    pub fn new(what: &'static str, all: usize) -> Self {
        let now = Instant::now();
        Self { what, all, began: now, said: now }
    }

    pub fn at(&mut self, done: usize) {
        if self.said.elapsed() > Duration::from_secs(30) {
            self.said = Instant::now();
            println!("{}: {done} of {} after {:.0?}", self.what, self.all, self.began.elapsed());
        }
    }
}

/// Shares `work` out among threads, each with something of its own; `work` is told which of `0..all` it is about.
pub fn shared_out<T>(
    what: &'static str,
    all: usize,
    own: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, usize, &mut Figures) + Sync,
) -> Figures {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let run = |speaks: bool| {
        let (mut own, mut figures) = (own(), Figures::default());
        let mut pace = Pace::new(what, all);
        loop {
            let nth = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if nth >= all {
                return figures;
            }
            work(&mut own, nth, &mut figures);
            if speaks {
                pace.at(nth);
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads().min(all.max(1))).map(|_| scope.spawn(|| run(false))).collect();
        let mut sum = run(true);
        for other in others {
            sum.add(other.join().unwrap());
        }
        sum
    })
}
