//! `bench`: invoices a second over HTTP, ours against rivals and ceilings, on SQLite and PostgreSQL, in one run on one machine; and
//! how it fares as the ledger grows.
//!
//! Promise: all variants run behind the same HTTP, authorisation, parsing, checks and signatures, on the same disk with the same
//! durability, in turns. A bench whose answers and ledger disagree fails.

mod audit;
mod cell;
mod compare;
mod document;
mod grow;
mod grown;
mod histogram;
mod issued;
mod load;
mod machine;
mod made;
mod peers;
mod place;
mod report;
mod rivals;
mod site;
mod spread;
mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::runtime::Runtime;

use super::Done;
use super::service::{start_logging, wait_for_stop};
use crate::app;
use crate::base::{Code, Fault, Faults};
use load::{draft, micros};
use peers::Peer;
use place::Place;
use report::Conditions;
use site::Variant;

const HELP: &str = "\
Measured: POST /v1/invoices on 127.0.0.1 over kept connections, five-line drafts without
payment, 20 merchants with API keys, a random Idempotency-Key a request; authorised, checked
against rules and caps, signed, numbered, sealed by three members, and fsynced before the answer
(SQLite: WAL, synchronous=FULL; PostgreSQL: synchronous_commit=on). What is answered within the
window counts.

  ours    as in production: whatever has gathered during the last commit is committed together
          (group commit)
  bare    the ceiling: the same HTTP, authorisation, parsing, checks and signature, then the answer
          (made of the first invoice, which is sealed for good); nothing is executed or stored
  stateless  as ours, but headers commit to no present states: ours / stateless is what the map of
          states costs (only on demand: --variants ours,stateless)
  naive   one transaction, one block with its three seals and one fsync a request, as a
          straightforward service does it: 16 connections with a thread each compete for the
          database's lock; whatever a request needs is read from the database
  queued  our sequencer with batches of one: its queue hands requests over in order, so they never
          fight for the lock; the kind version of naive (only on demand: --variants)
  plain   the same HTTP, parsing, checks and signature, then one INSERT of the entry's text in
          autocommit over 16 connections; no number, no tree, no exactly-once

Each repeat makes new ledgers and measures the variants right after one another in changing order,
so that a disk that changes its mood meets all; ratios are taken within each repeat. The clients
are tasks of this process on the same cores: with them elsewhere the service would be faster.

What bounds it: 'cores' near the number of cores means the processor; 'sequencer' near 100 % with
little CPU means the disk. CPU is processor time an invoice: HTTP (with JSON, checks, signatures)
+ sequencer (of rivals: all of their threads) + clients + the database server, which is counted
where it runs on this machine: all of its processes, whatever else they do. The stages are
measured in windows of their own, since measuring costs some itself; 'http' is what is in no
stage. A commit is one fsync on SQLite; on PostgreSQL it is one flush of the write-ahead log, which
commits of the same moment share (plain). Bytes are the database's after the run, by invoices. On
tmpfs an fsync costs nothing and naive looks better than it is.

--grow N fills a ledger to N entries over HTTP and measures on the way, at 10^3, 10^4, ... and N:
issuing (256 clients) and, with no load beside it, reading an invoice, its receipt and a page of a
merchant's list, all at random places (4 clients); memory of this process, clients included; and
at the end the time from starting the service to its first new invoice's answer. Rates at N are held
against those at 10^5, reads against 10^4 (or the nearest that was measured).

Exit code 0: measured (targets met or not). 1: an answer was not as due, the ledger holds another
number of invoices than were answered, an audit was not clean, or it was interrupted. 2: wrong use,
an unusable folder or database.

Examples:
  piaolian bench                        SQLite, about 4 minutes
  piaolian bench --quick                a smoke test of every variant
  piaolian bench --database sqlite --database postgres://postgres@127.0.0.1:5432/postgres
  piaolian bench --dir /mnt/nvme --seconds 30 --clients 256 --json
  piaolian bench --grow 5000000 --database sqlite --dir /mnt/nvme
  tests/peers/run.sh                    runs anvil and zatca-xml-js first, then this with --peer";

/// What else can be measured.
#[derive(Subcommand)]
enum Bench {
    /// Measure an audit against bare signature verification
    Audit(audit::AuditBenchArgs),
    /// Measure PDFs a second, processor time and size of one
    Documents(document::DocumentBenchArgs),
}

/// Arguments of `bench`.
#[derive(Args)]
#[command(after_help = HELP, args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    other: Option<Bench>,
    /// Folder on the disk to be measured; a folder of its own is made in it and removed at the end
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// `sqlite` (files in --dir), or postgres://user@host:port/database: ledgers get databases of their own on that server,
    /// dropped at the end. Repeat it to measure both in one run
    #[arg(long = "database", value_name = "sqlite|URL", default_value = "sqlite")]
    databases: Vec<Place>,
    /// What is measured
    #[arg(long, value_enum, value_name = "NAME,..", value_delimiter = ',', default_value = "ours,bare,naive,plain")]
    variants: Vec<Variant>,
    /// Seconds of each window
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    repeats: u64,
    /// Numbers of clients
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "1,64,256",
        value_parser = clap::value_parser!(u64).range(1..=1024))]
    clients: Vec<u64>,
    /// Half a second, one repeat, every variant: says that it runs, not how fast
    #[arg(long, conflicts_with_all = ["seconds", "repeats", "variants"])]
    quick: bool,
    /// Fill a ledger to N entries and measure on the way
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=100_000_000), conflicts_with_all = ["variants", "clients", "peers"])]
    grow: Option<u64>,
    /// Invoices a second that another program was measured at on this machine; its ratio is printed
    #[arg(long = "peer", value_name = "NAME=RATE")]
    peers: Vec<Peer>,
    /// Audit the ledgers of the last repeat
    #[arg(long)]
    audit: bool,
    /// Keep the ledgers
    #[arg(long)]
    keep: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Windows of a run.
#[derive(Debug, Clone, Copy)]
struct Pace {
    warm_up: Duration,
    window: Duration,
    repeats: u64,
}

/// The folder of the run, removed when it is over.
struct Scratch {
    folder: PathBuf,
    keep: bool,
}

impl Scratch {
    fn make(parent: &Path, keep: bool) -> Result<Self, Fault> {
        let folder = parent.join(format!("piaolian-bench-{}", std::process::id()));
        let unusable = |e: std::io::Error| Fault::new(Code::CliFile, folder.display().to_string(), e.to_string());
        std::fs::create_dir(&folder).map_err(unusable)?;
        Ok(Self { folder, keep })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("kept {}", self.folder.display());
        } else if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} can't be removed: {error}", self.folder.display());
        }
    }
}

/// Runs it.
pub fn bench(args: BenchArgs) -> Result<Done, Faults> {
    match &args.other {
        Some(Bench::Audit(args)) => return audit::bench(args),
        Some(Bench::Documents(args)) => return document::bench(args),
        None => {}
    }
    start_logging("error")?;
    for (at, place) in args.databases.iter().enumerate() {
        if args.databases.iter().skip(at.saturating_add(1)).any(|other| other.database() == place.database()) {
            let message = format!("{} is named twice; one of each kind is measured", place.database());
            return Err(Fault::new(Code::CliUrl, "--database", message).into());
        }
    }
    let pace = match args.quick {
        true => Pace { warm_up: Duration::from_millis(300), window: Duration::from_millis(500), repeats: 1 },
        false => {
            Pace { warm_up: Duration::from_secs(1), window: Duration::from_secs(args.seconds), repeats: args.repeats }
        }
    };
    let scratch = Scratch::make(&args.dir, args.keep)?;
    let conditions = conditions(&scratch.folder, pace);
    if machine::is_memory(&conditions.file_system) {
        let dir = args.dir.display();
        eprintln!("warning: {dir} is in memory: an fsync costs nothing there; --dir takes one on a disk");
    }
    if conditions.debug_build {
        eprintln!("warning: built without optimisation; use cargo run --release");
    }
    // A runtime of its own, so that the clients neither slow the service's workers down nor are held up by them.
    let runtime = client_runtime()?;
    let done = match args.grow {
        Some(entries) => {
            let plan = grow::Plan { entries, pace, keep: args.keep };
            let grown = grow::run(&args.databases, plan, &scratch.folder, runtime.handle());
            until_stopped(grown).map(|grown| grown.map(|grown| grown.print(conditions, args.json)))
        }
        None => {
            let variants = if args.quick { compare::ALL.to_vec() } else { args.variants };
            let (clients, audit, keep) = (args.clients, args.audit, args.keep);
            let plan = compare::Plan { places: args.databases, variants, clients, pace, audit, keep };
            let measured = compare::run(&plan, &scratch.folder, runtime.handle());
            let print = |measured| {
                let report = report::Report::of(conditions, &plan.clients, &measured, &args.peers);
                match args.json {
                    true => println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default()),
                    false => report.print(),
                }
            };
            until_stopped(measured).map(|measured| measured.map(print))
        }
    };
    runtime.shutdown_background();
    match done {
        Ok(Some(())) => Ok(Done::Well),
        Ok(None) => Ok(Done::No),
        Err(faults) if faults.first().is_some_and(|fault| is_verdict(fault.code)) => {
            eprintln!("the bench failed: {faults}");
            Ok(Done::No)
        }
        Err(faults) => Err(faults),
    }
}

/// Runs to the end, or until the process is told to stop: `None`.
fn until_stopped<T>(work: impl Future<Output = Result<T, Faults>>) -> Result<Option<T>, Faults> {
    app::block_on(async {
        tokio::select! {
            done = work => done.map(Some),
            stopped = wait_for_stop() => stopped.map(|()| None).map_err(Faults::from),
        }
    })
}

/// Whether a fault is about what was measured, and not about how the command was used.
fn is_verdict(code: Code) -> bool {
    [Code::Internal, Code::CliRefused, Code::CliUnreachable].contains(&code)
}

fn conditions(folder: &Path, pace: Pace) -> Conditions {
    Conditions {
        folder: folder.display().to_string(),
        file_system: machine::file_system(folder).unwrap_or_else(|| "unknown file system".to_owned()),
        cores: machine::cores(),
        load_before: machine::load(),
        window_ms: micros(pace.window).div_euclid(1_000),
        repeats: pace.repeats,
        request_bytes: draft().to_string().len(),
        debug_build: cfg!(debug_assertions),
    }
}

/// Half of the cores' number of threads: a thread serves tens of thousands of requests a second, and more of them only hand
/// work to one another.
fn client_runtime() -> Result<Runtime, Fault> {
    let threads = usize::try_from(machine::cores().div_ceil(2)).unwrap_or(1).max(1);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(machine::CLIENT_THREAD)
        .enable_all()
        .build()
        .map_err(|e| Fault::new(Code::Internal, "", format!("no runtime for the clients: {e}")))
}
