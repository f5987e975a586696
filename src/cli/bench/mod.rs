//! `bench`: invoices a second over HTTP, ours against one transaction a request, in one run on one machine.
//!
//! Promise: both variants run the same program on the same disk with the same durability, in turns, and differ in the size of a
//! batch alone. A bench whose answers and ledger disagree fails.

mod load;
mod machine;
mod site;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use tokio::runtime::{Handle, Runtime};

use super::service::{start_logging, wait_for_stop};
use super::{Done, audit};
use crate::app;
use crate::base::{Code, Fault, Faults};
use load::{Measure, draft};
use site::{Site, Variant};
use table::{Conditions, Figures, Measured, Pair, Report};

/// Load before each window.
const WARM_UP: Duration = Duration::from_secs(1);

/// Arguments of `bench`.
#[derive(Args)]
#[command(after_help = "\
Measured: POST /v1/invoices on 127.0.0.1 over kept connections, five-line drafts without
payment, 20 merchants with API keys, a random Idempotency-Key a request; authorised, checked
against rules and caps, signed, numbered, sealed by three members, and fsynced (SQLite WAL,
synchronous=FULL) before the answer. What is answered within the window counts.

  ours   as in production: whatever has gathered during the last commit is committed together
         (group commit)
  naive  one transaction, one block with its three seals and one fsync a request
         (batch_commands_max = 1); all else is the same code. Its queue hands requests over in
         order, so they never fight for the database's lock: the kind version of naive

Each repeat makes new ledgers and measures the variants right after one another, so that a disk
that changes its mood meets both; the ratio is taken within each repeat. The clients are tasks
of this process on the same cores: with them elsewhere the service would be faster. Rates fade
as a ledger grows; these are young.

What bounds it: 'cores' near the number of cores means the processor; 'sequencer' near 100 %
with little CPU means the disk.
On a quiet disk the ratio is mostly a block's own processor time, shared or not; on a busy one
it is mostly the fsync's.
CPU is processor time of the whole process an invoice: HTTP (with JSON, checks, signatures) +
sequencer + clients.
Bytes are ledger.db after closing, by invoices. On tmpfs an fsync costs nothing and naive looks
better than it is.

Exit code 0: measured. 1: an answer was not 201, the ledger holds another number of invoices
than were answered, an audit was not clean, or it was interrupted. 2: wrong use or an unusable
folder.

Examples:
  piaolian bench                        about 2 minutes
  piaolian bench --quick                a smoke test
  piaolian bench --dir /mnt/nvme --seconds 30 --clients 256 --json")]
pub struct BenchArgs {
    /// Folder on the disk to be measured; a folder of its own is made in it and removed at the end
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
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
    /// One second, one repeat: says that it runs, not how fast
    #[arg(long, conflicts_with_all = ["seconds", "repeats"])]
    quick: bool,
    /// Audit both ledgers of the last repeat
    #[arg(long)]
    audit: bool,
    /// Keep the ledgers
    #[arg(long)]
    keep: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What is to be measured.
struct Plan {
    clients: Vec<u64>,
    window: Duration,
    repeats: u64,
    audit: bool,
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
    start_logging("error")?;
    let BenchArgs { dir, seconds, repeats, clients, quick, audit, keep, json } = args;
    let (seconds, repeats) = if quick { (1, 1) } else { (seconds, repeats) };
    let scratch = Scratch::make(&dir, keep)?;
    let conditions = conditions(&scratch.folder, seconds, repeats);
    if machine::is_memory(&conditions.file_system) {
        eprintln!("warning: {} is in memory: an fsync costs nothing there; --dir takes one on a disk", dir.display());
    }
    if conditions.debug_build {
        eprintln!("warning: built without optimisation; use cargo run --release");
    }
    let plan = Plan { clients, window: Duration::from_secs(seconds), repeats, audit };
    // A runtime of its own, so that the clients neither slow the service's workers down nor are held up by them.
    let runtime = client_runtime()?;
    let measured = app::block_on(async {
        tokio::select! {
            measured = run(&plan, &scratch.folder, runtime.handle()) => measured.map(Some),
            stopped = wait_for_stop() => stopped.map(|()| None).map_err(Faults::from),
        }
    });
    runtime.shutdown_background();
    let measured = match measured {
        Ok(Some(measured)) => measured,
        Ok(None) => return Ok(Done::No),
        Err(faults) if faults.first().is_some_and(|fault| is_verdict(fault.code)) => {
            eprintln!("the bench failed: {faults}");
            return Ok(Done::No);
        }
        Err(faults) => return Err(faults),
    };
    let report = Report::of(conditions, &plan.clients, &measured);
    match json {
        true => println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default()),
        false => report.print(),
    }
    Ok(Done::Well)
}

/// Whether a fault is about what was measured, and not about how the command was used.
fn is_verdict(code: Code) -> bool {
    [Code::Internal, Code::CliRefused, Code::CliUnreachable].contains(&code)
}

fn conditions(folder: &Path, seconds: u64, repeats: u64) -> Conditions {
    Conditions {
        folder: folder.display().to_string(),
        file_system: machine::file_system(folder).unwrap_or_else(|| "unknown file system".to_owned()),
        cores: machine::cores(),
        load_before: machine::load(),
        seconds,
        repeats,
        request_bytes: draft().to_string().len(),
        debug_build: cfg!(debug_assertions),
    }
}

fn client_runtime() -> Result<Runtime, Fault> {
    let threads = usize::try_from(machine::cores()).unwrap_or(1);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(machine::CLIENT_THREAD)
        .enable_all()
        .build()
        .map_err(|e| Fault::new(Code::Internal, "", format!("no runtime for the clients: {e}")))
}

async fn run(plan: &Plan, folder: &Path, runtime: &Handle) -> Result<Measured, Faults> {
    let mut measured = Measured::default();
    let cells = u64::try_from(plan.clients.len()).unwrap_or(0).saturating_mul(plan.repeats).saturating_mul(2);
    let bar = super::progress::bar(cells, "cells");
    for repeat in 1..=plan.repeats {
        let folder = folder.join(format!("repeat-{repeat}"));
        let mut naive = Site::open(&folder, Variant::Naive).await?;
        let mut ours = Site::open(&folder, Variant::Ours).await?;
        for &clients in &plan.clients {
            measured.fsync_us.extend(machine::probe_fsync(&folder)?);
            let cell = Measure { clients, warm_up: WARM_UP, window: plan.window };
            // Whoever is second meets the other's dirty pages: take turns.
            let (naive, ours) = match repeat.is_multiple_of(2) {
                false => {
                    let naive = measure(runtime, &mut naive, cell, &bar).await?;
                    (naive, measure(runtime, &mut ours, cell, &bar).await?)
                }
                true => {
                    let ours = measure(runtime, &mut ours, cell, &bar).await?;
                    (measure(runtime, &mut naive, cell, &bar).await?, ours)
                }
            };
            measured.pairs.push(Pair { clients, naive, ours });
        }
        if plan.audit && repeat == plan.repeats {
            bar.suspend(|| eprintln!("auditing both ledgers"));
            audited(&naive).await?;
            audited(&ours).await?;
        }
        for site in [naive, ours] {
            let variant = site.variant;
            measured.bytes.push((variant, site.close().await?));
        }
    }
    bar.finish_and_clear();
    Ok(measured)
}

async fn measure(runtime: &Handle, site: &mut Site, cell: Measure, bar: &ProgressBar) -> Result<Figures<u64>, Faults> {
    let figures = load::measure(runtime, site, cell).await?;
    bar.inc(1);
    Ok(figures)
}

/// Audits a site's ledger as `piaolian audit` does.
async fn audited(site: &Site) -> Result<(), Faults> {
    let (store, roster) = site.ledger();
    let audited = tokio::task::spawn_blocking(move || audit::run(&store, &[roster])).await;
    let report = audited.map_err(|e| Fault::new(Code::Internal, "", e.to_string()))??;
    let variant = site.variant.as_str();
    if !report.is_clean() {
        audit::print(&report);
        return Err(Fault::new(Code::Internal, "", format!("the audit of the {variant} ledger is not clean")).into());
    }
    eprintln!("{variant}: audit clean, {} blocks, {} invoices", report.blocks, report.invoices);
    Ok(())
}
