//! One cell of the table: so many clients at one site, for one window.

use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Handle;

use super::load::{Load, Window, micros};
use super::machine::Cpu;
use super::site::{Keys, Site, Tip};
use super::spread::Spread;
use crate::base::Faults;
use crate::base::stages::{STAGES, Stage, measure_stages};

/// How one cell is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Clients at once.
    pub clients: u64,
    /// Load before the window, so that caches, connections and the write-ahead log are in their stride.
    pub warm_up: Duration,
    /// The window: what ends in it counts.
    pub window: Duration,
    /// Whether another window of the same length follows in which processor time is told by stage, which costs some itself.
    pub staged: bool,
}

/// The figures of one cell, once measured (`u64`) or over all repeats ([`Spread`]).
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Figures<T> {
    /// Answers 201 a second.
    pub invoices_per_second: T,
    /// Half of the answers came within this.
    pub p50_us: T,
    /// 99 of 100 answers came within this.
    pub p99_us: T,
    /// Commits a second: each one fsync on SQLite, one flush of the write-ahead log on PostgreSQL, where commits at the same
    /// moment may share it.
    pub commits_per_second: T,
    /// Processor time of the whole process and, where it can be seen, of the database server.
    pub cpu_us_per_invoice: T,
    /// Of it HTTP, JSON, checks, signatures.
    pub cpu_http_us_per_invoice: T,
    /// Of it the sequencer: execution, tree, seals, SQL.
    pub cpu_sequencer_us_per_invoice: T,
    /// Of it the clients.
    pub cpu_clients_us_per_invoice: T,
    /// Of it the database server.
    pub cpu_server_us_per_invoice: T,
    /// Processor time by wall time: 200 is two cores busy.
    pub cores_busy_percent: T,
    /// How much of the time the sequencer had a batch in hand, waiting for the disk included.
    pub sequencer_busy_percent: T,
    /// How much of the time the sequencer's thread was on a core.
    pub sequencer_cpu_percent: T,
}

impl Figures<Spread> {
    /// Over the repeats of a cell.
    pub fn over(cells: &[Figures<u64>]) -> Self {
        let spread = |pick: fn(&Figures<u64>) -> u64| Spread::of(cells.iter().map(pick));
        Self {
            invoices_per_second: spread(|cell| cell.invoices_per_second),
            p50_us: spread(|cell| cell.p50_us),
            p99_us: spread(|cell| cell.p99_us),
            commits_per_second: spread(|cell| cell.commits_per_second),
            cpu_us_per_invoice: spread(|cell| cell.cpu_us_per_invoice),
            cpu_http_us_per_invoice: spread(|cell| cell.cpu_http_us_per_invoice),
            cpu_sequencer_us_per_invoice: spread(|cell| cell.cpu_sequencer_us_per_invoice),
            cpu_clients_us_per_invoice: spread(|cell| cell.cpu_clients_us_per_invoice),
            cpu_server_us_per_invoice: spread(|cell| cell.cpu_server_us_per_invoice),
            cores_busy_percent: spread(|cell| cell.cores_busy_percent),
            sequencer_busy_percent: spread(|cell| cell.sequencer_busy_percent),
            sequencer_cpu_percent: spread(|cell| cell.sequencer_cpu_percent),
        }
    }
}

/// Processor time of an invoice by stage, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    /// In the order of [`STAGES`].
    pub stages_ns: [u64; STAGES.len()],
    /// The service's that is in no stage: HTTP, routing, queues, wake-ups.
    pub rest_ns: u64,
    /// The clients'.
    pub clients_ns: u64,
    /// The database server's.
    pub server_ns: u64,
}

/// What a cell gave.
#[derive(Debug)]
pub struct Outcome {
    /// Of the window.
    pub figures: Figures<u64>,
    /// Of the window behind it, if there was to be one.
    pub stages: Option<Stages>,
    /// Answers from the first to the last, outside of the windows too.
    pub answered: u64,
}

/// Measures one cell.
///
/// # Errors
/// [`crate::base::Code::CliUnreachable`], [`crate::base::Code::CliRefused`]: a single answer other than 201 spoils the cell.
pub async fn measure(runtime: &Handle, site: &Site, keys: &Keys, plan: Plan) -> Result<Outcome, Faults> {
    let server = site.ground.server_process();
    let load = Load::issue(runtime, site.address, &keys.merchants, plan.clients)?;
    load.warm_up(plan.warm_up).await;
    let (before, cpu) = (site.tip()?, Cpu::now(server));
    let window = load.window(plan.window).await?;
    let (after, cpu) = (site.tip()?, Cpu::now(server).since(cpu));
    let stages = if plan.staged { Some(by_stage(&load, plan.window, server).await?) } else { None };
    let answered = load.stop().await?;
    Ok(Outcome { figures: figures(&window, (before, after), cpu), stages, answered })
}

async fn by_stage(load: &Load, window: Duration, server: Option<u32>) -> Result<Stages, Faults> {
    let spent = || STAGES.map(Stage::spent_ns);
    measure_stages(true);
    let (before, cpu) = (spent(), Cpu::now(server));
    let window = load.window(window).await;
    let (after, cpu) = (spent(), Cpu::now(server).since(cpu));
    measure_stages(false);
    let mut spent_ns = [0; STAGES.len()];
    for (spent, (after, before)) in spent_ns.iter_mut().zip(after.into_iter().zip(before)) {
        *spent = after.saturating_sub(before);
    }
    Ok(stages(&window?, spent_ns, cpu))
}

fn stages(window: &Window, spent_ns: [u64; STAGES.len()], cpu: Cpu) -> Stages {
    let staged: u64 = spent_ns.iter().fold(0, |sum, ns| sum.saturating_add(*ns));
    let ns = |us: u64| us.saturating_mul(1_000);
    Stages {
        stages_ns: spent_ns.map(|spent| window.an_answer(spent)),
        rest_ns: window.an_answer(ns(cpu.service_us()).saturating_sub(staged)),
        clients_ns: window.an_answer(ns(cpu.clients_us)),
        server_ns: window.an_answer(ns(cpu.server_us)),
    }
}

fn figures(window: &Window, (before, after): (Tip, Tip), cpu: Cpu) -> Figures<u64> {
    let percent = |us: u64| us.saturating_mul(100).checked_div(micros(window.lasted).max(1)).unwrap_or(0);
    Figures {
        invoices_per_second: window.rate(),
        p50_us: window.p50_us,
        p99_us: window.p99_us,
        commits_per_second: window.a_second(after.commits.saturating_sub(before.commits)),
        cpu_us_per_invoice: window.an_answer(cpu.total_us()),
        cpu_http_us_per_invoice: window.an_answer(cpu.http_us),
        cpu_sequencer_us_per_invoice: window.an_answer(cpu.sequencer_us),
        cpu_clients_us_per_invoice: window.an_answer(cpu.clients_us),
        cpu_server_us_per_invoice: window.an_answer(cpu.server_us),
        cores_busy_percent: percent(cpu.total_us()),
        sequencer_busy_percent: percent(micros(after.sequencer.saturating_sub(before.sequencer))),
        sequencer_cpu_percent: percent(cpu.sequencer_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: Cpu = Cpu { clients_us: 400_000, sequencer_us: 200_000, http_us: 1_000_000, server_us: 400_000 };
    const WINDOW: Window = Window { answers: 4_000, lasted: Duration::from_secs(2), p50_us: 1, p99_us: 2 };

    #[test]
    fn figures_are_by_window_and_by_invoice() {
        let tip = |commits, ms| Tip { commits, size: 0, sequencer: Duration::from_millis(ms) };
        let figures = figures(&WINDOW, (tip(10, 500), tip(60, 2_000)), CPU);
        assert_eq!((figures.invoices_per_second, figures.commits_per_second), (2_000, 25));
        assert_eq!((figures.cpu_us_per_invoice, figures.cores_busy_percent), (500, 100));
        assert_eq!((figures.sequencer_busy_percent, figures.sequencer_cpu_percent), (75, 10));
    }

    #[test]
    fn what_is_in_no_stage_is_the_rest() {
        let spent = [4_000_000, 8_000_000, 0, 0, 0, 400_000_000, 0];
        let stages = stages(&WINDOW, spent, CPU);
        assert_eq!(stages.stages_ns, [1_000, 2_000, 0, 0, 0, 100_000, 0]);
        assert_eq!((stages.rest_ns, stages.clients_ns, stages.server_ns), (197_000, 100_000, 100_000));
    }
}
