//! What the comparison measured: cells, processor time by stage, bytes, and the ratios with their targets, as a table and as JSON.

use serde::Serialize;

use super::cell::{Figures, Stages};
use super::peers::Peer;
use super::place::{Database, Weight};
use super::site::Variant;
use super::spread::{Ratio, Spread, Wanted, hundredth, hundredths, milli};
use crate::base::stages::STAGES;

/// Clients at which throughput is asked for.
const CLIENTS_WANTED: u64 = 256;

/// One cell of one repeat.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Counted from 1.
    pub repeat: u64,
    /// Where.
    pub database: Database,
    /// What.
    pub variant: Variant,
    /// Clients at once.
    pub clients: u64,
    /// What came of it.
    pub figures: Figures<u64>,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Measured {
    /// All cells of all repeats.
    pub cells: Vec<Cell>,
    /// Processor time by stage at the most clients, one a repeat, database and variant.
    pub stages: Vec<(Database, Variant, Stages)>,
    /// Bytes an invoice, one a repeat, database and variant.
    pub weights: Vec<(Database, Variant, Weight)>,
    /// Signatures a second of one core, by repeat.
    pub signatures: Vec<(u64, u64)>,
    /// Microseconds of half of the bare commits, by repeat and database.
    pub commits_us: Vec<(u64, Database, u64)>,
    /// Microseconds of each bare fsync.
    pub fsync_us: Vec<u64>,
}

/// What the run was made under.
#[derive(Debug, Serialize)]
pub struct Conditions {
    /// Folder of the ledgers.
    pub folder: String,
    /// Type of its file system.
    pub file_system: String,
    /// Cores for service, clients and database server together.
    pub cores: u64,
    /// Load averages before the run.
    pub load_before: String,
    /// Milliseconds of one window.
    pub window_ms: u64,
    /// Repeats.
    pub repeats: u64,
    /// Bytes of one request body.
    pub request_bytes: usize,
    /// Whether the program was built without optimisation.
    pub debug_build: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    database: Database,
    variant: Variant,
    clients: u64,
    #[serde(flatten)]
    figures: Figures<Spread>,
}

#[derive(Debug, Serialize)]
struct StageRow {
    database: Database,
    variant: Variant,
    /// Name and nanoseconds an invoice; `http` is what is in no stage.
    ns_per_invoice: Vec<(&'static str, u64)>,
}

#[derive(Debug, Serialize)]
struct BytesRow {
    database: Database,
    variant: Variant,
    bytes_per_invoice: u64,
    wal_bytes_per_invoice: u64,
}

/// The report, ready to be printed.
#[derive(Debug, Serialize)]
pub struct Report {
    conditions: Conditions,
    fsync_us: Spread,
    signatures_per_second: Spread,
    bare_commit_us: Vec<(Database, Spread)>,
    cells: Vec<Row>,
    stages: Vec<StageRow>,
    bytes: Vec<BytesRow>,
    ratios: Vec<Ratio>,
}

impl Measured {
    fn rate(&self, repeat: u64, database: Database, variant: Variant, clients: u64) -> Option<u64> {
        self.cell(repeat, database, variant, clients).map(|figures| figures.invoices_per_second)
    }

    fn cell(&self, repeat: u64, database: Database, variant: Variant, clients: u64) -> Option<&Figures<u64>> {
        let wanted = (repeat, database, variant, clients);
        let cell = self.cells.iter().find(|cell| (cell.repeat, cell.database, cell.variant, cell.clients) == wanted);
        cell.map(|cell| &cell.figures)
    }

    /// The databases and variants that there are figures of, in the order in which they came first, by database.
    fn kinds(&self) -> Vec<(Database, Variant)> {
        let mut kinds: Vec<(Database, Variant)> = Vec::new();
        for cell in &self.cells {
            if !kinds.contains(&(cell.database, cell.variant)) {
                kinds.push((cell.database, cell.variant));
            }
        }
        let place =
            |(database, variant): &(Database, Variant)| (*database == Database::Postgres, variant.as_str() != "ours");
        kinds.sort_by_key(place);
        kinds
    }

    /// What has no clients of its own is compared at the most clients alone.
    fn ratios(&self, clients: u64, most: bool, repeats: u64, peers: &[Peer]) -> Vec<Ratio> {
        use Database::{Postgres, Sqlite};
        let at_target = clients == CLIENTS_WANTED;
        let mut found: Vec<Option<Ratio>> = Vec::new();
        let mut add = |name: String, of: &dyn Fn(u64) -> Option<u64>, wanted: Option<Wanted>| {
            found.push(Ratio::of(name, (1..=repeats).filter_map(of), wanted.filter(|_| at_target)));
        };
        for database in [Sqlite, Postgres] {
            let ours = |repeat| self.rate(repeat, database, Variant::Ours, clients);
            let to = |variant: Variant| {
                // Bare stores nothing, so that one is measured for both.
                move |repeat| {
                    let other =
                        [database, Sqlite, Postgres].into_iter().filter(|at| *at == database || !variant.stores());
                    let other = other.filter_map(|at| self.rate(repeat, at, variant, clients)).next()?;
                    hundredths(ours(repeat)?, other)
                }
            };
            let sqlite = |wanted| Some(wanted).filter(|_| database == Sqlite);
            let name = |other: &str| format!("{database}: ours / {other}, {}", crowd(clients));
            // What the map of present states may cost: a quarter of the rate without it.
            add(name("stateless"), &to(Variant::Stateless), Some(Wanted::AtLeast(75)));
            add(name("naive"), &to(Variant::Naive), sqlite(Wanted::AtLeast(1_000)));
            add(name("queued"), &to(Variant::Queued), None);
            add(name("bare"), &to(Variant::Bare), sqlite(Wanted::AtLeast(60)));
            let signing = |repeat| {
                let of_repeat = self.signatures.iter().find(|(at, _)| *at == repeat);
                hundredths(ours(repeat)?, of_repeat?.1)
            };
            let above = Some(Wanted::Above(100)).filter(|_| database == Postgres);
            add(name("plain insert a request"), &to(Variant::Plain), above);
            if !most {
                continue;
            }
            add(name("k256 signatures of one core"), &signing, sqlite(Wanted::AtLeast(65)));
            for peer in peers {
                add(name(&peer.name), &|repeat| hundredths(ours(repeat)?, peer.rate), None);
            }
        }
        let across = |repeat| {
            let rate = |database| self.rate(repeat, database, Variant::Ours, clients);
            hundredths(rate(Postgres)?, rate(Sqlite)?)
        };
        add(format!("ours on PostgreSQL / ours on SQLite, {}", crowd(clients)), &across, Some(Wanted::AtLeast(60)));
        found.into_iter().flatten().collect()
    }

    /// One client alone against one bare commit.
    fn alone(&self, repeats: u64) -> Vec<Ratio> {
        let ratio = |database| {
            let values = (1..=repeats).filter_map(|repeat| {
                let commit = self.commits_us.iter().find(|(at, of, _)| *at == repeat && *of == database)?.2;
                hundredths(self.cell(repeat, database, Variant::Ours, 1)?.p50_us, commit)
            });
            let name = format!("{database}: p50 of one client / p50 of a bare commit");
            Ratio::of(name, values, Some(Wanted::AtMost(150)))
        };
        [Database::Sqlite, Database::Postgres].into_iter().filter_map(ratio).collect()
    }
}

impl Report {
    /// Sums up. Ratios are taken within each repeat, where all variants met the same disk.
    pub fn of(conditions: Conditions, clients: &[u64], measured: &Measured, peers: &[Peer]) -> Self {
        let (mut cells, mut ratios) = (Vec::new(), Vec::new());
        let most = clients.iter().copied().max().unwrap_or(0);
        for &clients in clients {
            for (database, variant) in measured.kinds() {
                let repeats = 1..=conditions.repeats;
                let figures: Vec<_> =
                    repeats.filter_map(|repeat| measured.cell(repeat, database, variant, clients).copied()).collect();
                cells.push(Row { database, variant, clients, figures: Figures::over(&figures) });
            }
            let most = clients == most;
            ratios.extend(measured.ratios(clients, most, conditions.repeats, peers));
        }
        ratios.extend(measured.alone(conditions.repeats));
        let commits = |database| {
            let of = measured.commits_us.iter().filter(move |(_, of, _)| *of == database);
            (database, Spread::of(of.map(|(_, _, us)| *us)))
        };
        let commits = [Database::Sqlite, Database::Postgres].map(commits);
        Self {
            fsync_us: Spread::of(measured.fsync_us.iter().copied()),
            signatures_per_second: Spread::of(measured.signatures.iter().map(|(_, rate)| *rate)),
            bare_commit_us: commits.into_iter().filter(|(_, spread)| spread.median > 0).collect(),
            stages: measured.kinds().into_iter().filter_map(|kind| stage_row(measured, kind)).collect(),
            bytes: measured.kinds().into_iter().filter_map(|kind| bytes_row(measured, kind)).collect(),
            conditions,
            cells,
            ratios,
        }
    }

    /// Prints it for people.
    pub fn print(&self) {
        let Conditions { window_ms, repeats, cores, file_system, load_before, request_bytes, .. } = &self.conditions;
        println!(
            "piaolian bench: POST /v1/invoices over HTTP on 127.0.0.1, bodies of {request_bytes} bytes with 5 lines"
        );
        println!(
            "{repeats} x {} s a cell: median (min..max); {cores} cores for service, clients and database; load before {load_before}",
            milli(*window_ms)
        );
        println!("{file_system}; 4 KiB and fsync: {}", milli_spread(self.fsync_us));
        for (database, commit) in &self.bare_commit_us {
            println!("{database}: a bare commit of one small row over one connection: {}", milli_spread(*commit));
        }
        let Spread { median, min, max } = self.signatures_per_second;
        println!("k256, one core: {median} signatures/s ({min}..{max})\n");
        println!(
            "{:<10} {:>7}  {:<7} {:>10} {:>16} {:>8} {:>8} {:>9} {:>7}  {:>26}  {:>5}  {:>14}",
            "database",
            "clients",
            "variant",
            "invoices/s",
            "(min..max)",
            "p50 ms",
            "p99 ms",
            "commits/s",
            "batch",
            "CPU us (http+seq+cl+db)",
            "cores",
            "sequencer, CPU"
        );
        for row in &self.cells {
            row.print();
        }
        println!(
            "\nCPU us an invoice by stage, at the most clients (windows of their own; 'http' is what is in no stage):"
        );
        for row in &self.stages {
            row.print();
        }
        println!("\nbytes on disk an invoice (and of a server's write-ahead log, which is used again):");
        for BytesRow { database, variant, bytes_per_invoice, wal_bytes_per_invoice } in &self.bytes {
            let wal = if *wal_bytes_per_invoice > 0 { format!(" (+ {wal_bytes_per_invoice})") } else { String::new() };
            println!("  {database:<10} {:<7} {bytes_per_invoice}{wal}", variant.as_str());
        }
        println!("\nratios, within each repeat:");
        for ratio in &self.ratios {
            ratio.print();
        }
    }
}

/// So many clients, in words.
fn crowd(clients: u64) -> String {
    format!("{clients} client{}", if clients == 1 { "" } else { "s" })
}

fn stage_row(measured: &Measured, (database, variant): (Database, Variant)) -> Option<StageRow> {
    let of: Vec<&Stages> = measured
        .stages
        .iter()
        .filter(|(at, what, _)| (*at, *what) == (database, variant))
        .map(|(_, _, of)| of)
        .collect();
    of.first()?;
    let median = |pick: &dyn Fn(&Stages) -> u64| Spread::of(of.iter().map(|stages| pick(stages))).median;
    let stage = |(at, stage): (usize, crate::base::stages::Stage)| {
        (stage.as_str(), median(&|stages| stages.stages_ns.get(at).copied().unwrap_or(0)))
    };
    let mut ns_per_invoice: Vec<_> = STAGES.into_iter().enumerate().map(stage).collect();
    ns_per_invoice.push(("http", median(&|stages| stages.rest_ns)));
    ns_per_invoice.push(("clients", median(&|stages| stages.clients_ns)));
    ns_per_invoice.push(("database", median(&|stages| stages.server_ns)));
    Some(StageRow { database, variant, ns_per_invoice })
}

fn bytes_row(measured: &Measured, (database, variant): (Database, Variant)) -> Option<BytesRow> {
    let of = || measured.weights.iter().filter(move |(at, what, _)| (*at, *what) == (database, variant));
    of().next()?;
    let median = |pick: fn(&Weight) -> u64| Spread::of(of().map(|(_, _, weight)| pick(weight))).median;
    let (bytes, wal) = (median(|weight| weight.database_bytes), median(|weight| weight.wal_bytes));
    Some(BytesRow { database, variant, bytes_per_invoice: bytes, wal_bytes_per_invoice: wal })
}

fn milli_spread(us: Spread) -> String {
    format!("{} ms ({}..{})", milli(us.median), milli(us.min), milli(us.max))
}

impl StageRow {
    fn print(&self) {
        let Self { database, variant, ns_per_invoice } = self;
        let stages = ns_per_invoice.iter().filter(|(_, ns)| *ns > 0);
        let stages: Vec<String> = stages.map(|(name, ns)| format!("{name} {}", milli(*ns))).collect();
        println!("  {database:<10} {:<7} {}", variant.as_str(), stages.join(" + "));
    }
}

impl Row {
    fn print(&self) {
        let Self { database, variant, clients, figures } = self;
        let rate = figures.invoices_per_second;
        let commits = figures.commits_per_second.median;
        let batch = hundredths(rate.median, commits).map_or_else(String::new, hundredth);
        let cpu = format!(
            "{} ({}+{}+{}+{})",
            figures.cpu_us_per_invoice.median,
            figures.cpu_http_us_per_invoice.median,
            figures.cpu_sequencer_us_per_invoice.median,
            figures.cpu_clients_us_per_invoice.median,
            figures.cpu_server_us_per_invoice.median
        );
        let sequencer =
            format!("{} %, {} %", figures.sequencer_busy_percent.median, figures.sequencer_cpu_percent.median);
        println!(
            "{database:<10} {clients:>7}  {:<7} {:>10} {:>16} {:>8} {:>8} {commits:>9} {batch:>7}  {cpu:>26}  {:>5}  {sequencer:>14}",
            variant.as_str(),
            rate.median,
            format!("({}..{})", rate.min, rate.max),
            milli(figures.p50_us.median),
            milli(figures.p99_us.median),
            hundredth(figures.cores_busy_percent.median),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(repeat: u64, database: Database, variant: Variant, rate: u64) -> Cell {
        let figures = Figures { invoices_per_second: rate, ..Figures::default() };
        Cell { repeat, database, variant, clients: 256, figures }
    }

    #[test]
    fn ratios_are_medians_of_the_ratios_of_the_repeats() {
        use Database::{Postgres, Sqlite};
        let mut measured = Measured::default();
        for (repeat, naive, ours) in [(1, 100, 500), (2, 1000, 4000), (3, 200, 1200)] {
            measured.cells.push(cell(repeat, Sqlite, Variant::Naive, naive));
            measured.cells.push(cell(repeat, Sqlite, Variant::Ours, ours));
            measured.cells.push(cell(repeat, Sqlite, Variant::Bare, ours * 2));
            measured.cells.push(cell(repeat, Postgres, Variant::Ours, ours / 2));
            measured.signatures.push((repeat, ours));
        }
        let peers = ["anvil=100".parse::<Peer>().unwrap()];
        let ratios = measured.ratios(256, true, 3, &peers);
        let found: Vec<(&str, u64, Option<bool>)> =
            ratios.iter().map(|ratio| (ratio.name.as_str(), ratio.hundredths.median, ratio.met)).collect();
        assert_eq!(
            found,
            [
                ("SQLite: ours / naive, 256 clients", 500, Some(false)),
                ("SQLite: ours / bare, 256 clients", 50, Some(false)),
                ("SQLite: ours / k256 signatures of one core, 256 clients", 100, Some(true)),
                ("SQLite: ours / anvil, 256 clients", 1_200, None),
                ("PostgreSQL: ours / bare, 256 clients", 25, None),
                ("PostgreSQL: ours / k256 signatures of one core, 256 clients", 50, None),
                ("PostgreSQL: ours / anvil, 256 clients", 600, None),
                ("ours on PostgreSQL / ours on SQLite, 256 clients", 50, Some(false)),
            ]
        );
    }

    #[test]
    fn one_client_is_held_against_a_bare_commit() {
        let mut one = cell(1, Database::Sqlite, Variant::Ours, 1);
        one.clients = 1;
        one.figures.p50_us = 300;
        let measured =
            Measured { cells: vec![one], commits_us: vec![(1, Database::Sqlite, 200)], ..Measured::default() };
        let ratios = measured.alone(1);
        assert_eq!((ratios.len(), ratios[0].hundredths.median, ratios[0].met), (1, 150, Some(true)));
    }
}
