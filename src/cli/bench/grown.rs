//! What growth measured, as a table and as JSON.

use serde::Serialize;

use super::place::Database;
use super::report::Conditions;
use super::spread::{Ratio, Spread, Wanted, hundredths, milli};

/// Rates at the end are held against those here.
const RATES_FROM: u64 = 100_000;

/// Reads at the end are held against those here.
const READS_FROM: u64 = 10_000;

/// KiB that the process may hold.
const MEMORY_KIB: u64 = 300 * 1024;

/// Microseconds that a start may take.
const START_US: u64 = 3_000_000;

/// How one kind of read went.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Read {
    /// What was read.
    pub name: &'static str,
    /// Answers a second.
    pub per_second: u64,
    /// Half came within this.
    pub p50_us: u64,
    /// 99 of 100 came within this.
    pub p99_us: u64,
}

/// A look at a ledger of so many entries.
#[derive(Debug, Serialize)]
pub struct Point {
    /// Entries when it was taken; issuing windows came after the reads and added to them.
    pub entries: u64,
    /// Invoices a second on the way from the last point; `None` when that had come this far already.
    pub fill_per_second: Option<u64>,
    /// Invoices a second in the windows here.
    pub invoices_per_second: Spread,
    /// Half of the answers to issuing came within this.
    pub p50_us: Spread,
    /// 99 of 100 came within this.
    pub p99_us: Spread,
    /// Reads, with no load beside them.
    pub reads: [Read; 3],
    /// KiB of memory of the process, clients included, right after the issuing windows.
    pub memory_kib: u64,
    /// Bytes of the database an entry.
    pub bytes_per_entry: u64,
    /// Bytes of the server's write-ahead log an entry, since the ledger was made.
    pub wal_bytes_per_entry: u64,
}

/// How one ledger grew.
#[derive(Debug, Serialize)]
pub struct Growth {
    /// Where.
    pub database: Database,
    /// Entries in the end.
    pub entries: u64,
    /// Looks on the way.
    pub points: Vec<Point>,
    /// From starting the service over the whole ledger to the answer to its first new invoice.
    pub start_us: u64,
    /// The most that the process held, KiB.
    pub peak_kib: u64,
    /// Whether that is this ledger's own peak, or the process's from its start.
    pub peak_is_own: bool,
}

/// How all ledgers grew.
#[derive(Debug, Default, Serialize)]
pub struct Grown(pub Vec<Growth>);

#[derive(Serialize)]
struct Document<'a> {
    conditions: &'a Conditions,
    growth: &'a [Growth],
    ratios: Vec<Ratio>,
}

impl Growth {
    /// The last look, and the one that it is held against: at `from`, or the nearest after it that is not the last.
    fn between(&self, from: u64) -> Option<(&Point, &Point)> {
        let (last, before) = self.points.split_last()?;
        let first = before.iter().find(|point| point.entries >= from).or_else(|| before.last())?;
        Some((first, last))
    }

    /// The ratios that the issue asks for; targets only where the looks are as far apart as it says.
    fn ratios(&self) -> Vec<Ratio> {
        let database = self.database;
        let mut found = Vec::new();
        if let Some((first, last)) = self.between(RATES_FROM) {
            let name = format!("{database}: rate at {} / at {}", last.entries, first.entries);
            let wanted = Some(Wanted::AtLeast(85)).filter(|_| first.entries == RATES_FROM);
            let rate = hundredths(last.invoices_per_second.median, first.invoices_per_second.median);
            found.push(Ratio::of(name, rate, wanted));
        }
        if let Some((first, last)) = self.between(READS_FROM) {
            let wanted = Some(Wanted::AtMost(200)).filter(|_| first.entries == READS_FROM);
            for (before, after) in first.reads.iter().zip(&last.reads) {
                let name = format!("{database}: p99 of {} at {} / at {}", after.name, last.entries, first.entries);
                found.push(Ratio::of(name, hundredths(after.p99_us, before.p99_us), wanted));
            }
        }
        let memory = hundredths(self.peak_kib, MEMORY_KIB);
        found.push(Ratio::of(format!("{database}: most memory / 300 MiB"), memory, Some(Wanted::AtMost(100))));
        let start = hundredths(self.start_us, START_US);
        found.push(Ratio::of(format!("{database}: start to first answer / 3 s"), start, Some(Wanted::AtMost(100))));
        found.into_iter().flatten().collect()
    }

    fn print(&self) {
        println!(
            "\n{}\n{:>10} {:>8} {:>11} {:>18} {:>8} {:>8}  {:>20} {:>20} {:>20} {:>8} {:>7} {:>7}",
            self.database,
            "entries",
            "fill/s",
            "invoices/s",
            "(min..max)",
            "p50 ms",
            "p99 ms",
            "get p50, p99 ms",
            "receipt p50, p99 ms",
            "list p50, p99 ms",
            "RSS MiB",
            "B/entry",
            "WAL B"
        );
        for point in &self.points {
            point.print();
        }
        let mib = self.peak_kib.div_euclid(1024);
        let whose = if self.peak_is_own { "" } else { " (of the process since its start)" };
        println!(
            "most memory {mib} MiB{whose}, clients included; start at {} entries to the first new invoice's answer: {} ms",
            self.entries,
            milli(self.start_us)
        );
    }
}

impl Point {
    fn print(&self) {
        let Spread { median, min, max } = self.invoices_per_second;
        let fill = self.fill_per_second.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
        let [get, receipt, list] = self.reads.map(|read| format!("{}, {}", milli(read.p50_us), milli(read.p99_us)));
        println!(
            "{:>10} {fill:>8} {median:>11} {:>18} {:>8} {:>8}  {get:>20} {receipt:>20} {list:>20} {:>8} {:>7} {:>7}",
            self.entries,
            format!("({min}..{max})"),
            milli(self.p50_us.median),
            milli(self.p99_us.median),
            self.memory_kib.div_euclid(1024),
            self.bytes_per_entry,
            self.wal_bytes_per_entry,
        );
    }
}

impl Grown {
    /// Prints it, for people or as JSON.
    pub fn print(&self, conditions: Conditions, json: bool) {
        let ratios: Vec<Ratio> = self.0.iter().flat_map(Growth::ratios).collect();
        if json {
            let document = Document { conditions: &conditions, growth: &self.0, ratios };
            println!("{}", serde_json::to_string_pretty(&document).unwrap_or_default());
            return;
        }
        let Conditions { file_system, cores, load_before, window_ms, .. } = &conditions;
        println!(
            "piaolian bench --grow: windows of {} s; {cores} cores for service, clients and database; {file_system}; load before {load_before}",
            milli(*window_ms)
        );
        for growth in &self.0 {
            growth.print();
        }
        println!();
        for ratio in &ratios {
            ratio.print();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(entries: u64, rate: u64, p99_us: u64) -> Point {
        let reads = ["invoice", "receipt", "list page"].map(|name| Read { name, per_second: 1, p50_us: 1, p99_us });
        Point {
            entries,
            fill_per_second: None,
            invoices_per_second: Spread::of([rate]),
            p50_us: Spread::default(),
            p99_us: Spread::default(),
            reads,
            memory_kib: 0,
            bytes_per_entry: 0,
            wal_bytes_per_entry: 0,
        }
    }

    fn growth(points: Vec<Point>) -> Growth {
        Growth {
            database: Database::Sqlite,
            entries: 1,
            points,
            start_us: 1_500_000,
            peak_kib: 307_201,
            peak_is_own: true,
        }
    }

    #[test]
    fn the_end_is_held_against_the_beginning_that_the_issue_names() {
        let grown = growth(vec![point(10_000, 9_000, 100), point(100_000, 10_000, 120), point(5_000_000, 8_400, 201)]);
        let found: Vec<(u64, Option<bool>)> =
            grown.ratios().iter().map(|ratio| (ratio.hundredths.median, ratio.met)).collect();
        let reads = (201, Some(false));
        assert_eq!(found, [(84, Some(false)), reads, reads, reads, (100, Some(true)), (50, Some(true))]);
    }

    #[test]
    fn a_short_run_has_ratios_and_no_targets() {
        let ratios = growth(vec![point(1_000, 10, 10), point(2_000, 10, 10)]).ratios();
        assert_eq!((ratios[0].hundredths.median, ratios[0].met), (100, None));
        assert_eq!(growth(vec![point(2_000, 10, 10)]).ratios().len(), 2);
    }
}
