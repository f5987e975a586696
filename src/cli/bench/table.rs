//! What was measured: medians with their spread, as a table and as JSON.

use serde::Serialize;

use super::site::Variant;

/// The ratio that the issue asks for, in hundredths.
const RATIO_WANTED: u64 = 300;

/// Clients at which it is asked for.
pub const RATIO_CLIENTS: u64 = 256;

/// A figure over the repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    median: u64,
    min: u64,
    max: u64,
}

impl Spread {
    /// Of these values; of an even number of them the upper middle one; zeros of none.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        let middle = values.len().checked_div(2).unwrap_or(0);
        let at = |value: Option<&u64>| value.copied().unwrap_or(0);
        Self { median: at(values.get(middle)), min: at(values.first()), max: at(values.last()) }
    }
}

/// The figures of one cell, once measured (`u64`) or over all repeats ([`Spread`]).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures<T> {
    /// Answers 201 a second.
    pub invoices_per_second: T,
    /// Half of the answers came within this.
    pub p50_us: T,
    /// 99 of 100 answers came within this.
    pub p99_us: T,
    /// Blocks a second: each is one transaction with its fsync.
    pub commits_per_second: T,
    /// Processor time of the whole process, clients included.
    pub cpu_us_per_invoice: T,
    /// Of it HTTP, JSON, checks, signatures.
    pub cpu_http_us_per_invoice: T,
    /// Of it the sequencer: execution, tree, seals, SQL.
    pub cpu_sequencer_us_per_invoice: T,
    /// Of it the clients.
    pub cpu_clients_us_per_invoice: T,
    /// Processor time by wall time: 200 is two cores busy.
    pub cores_busy_percent: T,
    /// How much of the time the sequencer had a batch in hand, waiting for the disk included.
    pub sequencer_busy_percent: T,
    /// How much of the time the sequencer's thread was on a core.
    pub sequencer_cpu_percent: T,
}

impl Figures<Spread> {
    fn over(cells: &[Figures<u64>]) -> Self {
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
            cores_busy_percent: spread(|cell| cell.cores_busy_percent),
            sequencer_busy_percent: spread(|cell| cell.sequencer_busy_percent),
            sequencer_cpu_percent: spread(|cell| cell.sequencer_cpu_percent),
        }
    }
}

/// Both variants, one right after the other.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Clients at once.
    pub clients: u64,
    /// One transaction a request.
    pub naive: Figures<u64>,
    /// As in production.
    pub ours: Figures<u64>,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Measured {
    /// All pairs of all repeats.
    pub pairs: Vec<Pair>,
    /// Microseconds of each bare fsync.
    pub fsync_us: Vec<u64>,
    /// Bytes of the ledger an invoice, one a variant and repeat.
    pub bytes: Vec<(Variant, u64)>,
}

/// What the run was made under.
#[derive(Debug, Serialize)]
pub struct Conditions {
    /// Folder of the ledgers.
    pub folder: String,
    /// Type of its file system.
    pub file_system: String,
    /// Cores for service and clients together.
    pub cores: u64,
    /// Load averages before the run.
    pub load_before: String,
    /// Seconds of one window.
    pub seconds: u64,
    /// Repeats.
    pub repeats: u64,
    /// Bytes of one request body.
    pub request_bytes: usize,
    /// Whether the program was built without optimisation.
    pub debug_build: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    clients: u64,
    variant: Variant,
    #[serde(flatten)]
    figures: Figures<Spread>,
}

#[derive(Debug, Serialize)]
struct Ratio {
    clients: u64,
    hundredths: Spread,
}

/// The report, ready to be printed.
#[derive(Debug, Serialize)]
pub struct Report {
    conditions: Conditions,
    fsync_us: Spread,
    cells: Vec<Row>,
    ours_by_naive: Vec<Ratio>,
    bytes_per_invoice_naive: Spread,
    bytes_per_invoice_ours: Spread,
}

impl Report {
    /// Sums up. The ratio is taken within each repeat, where both variants met the same disk.
    pub fn of(conditions: Conditions, clients: &[u64], measured: &Measured) -> Self {
        let (mut cells, mut ours_by_naive) = (Vec::new(), Vec::new());
        for &clients in clients {
            let pairs = || measured.pairs.iter().filter(move |pair| pair.clients == clients);
            let naive: Vec<_> = pairs().map(|pair| pair.naive).collect();
            let ours: Vec<_> = pairs().map(|pair| pair.ours).collect();
            cells.push(Row { clients, variant: Variant::Naive, figures: Figures::over(&naive) });
            cells.push(Row { clients, variant: Variant::Ours, figures: Figures::over(&ours) });
            let ratios = pairs().map(|pair| {
                let hundredfold = pair.ours.invoices_per_second.saturating_mul(100);
                hundredfold.checked_div(pair.naive.invoices_per_second).unwrap_or(0)
            });
            ours_by_naive.push(Ratio { clients, hundredths: Spread::of(ratios) });
        }
        let bytes = |wanted: Variant| {
            Spread::of(measured.bytes.iter().filter(|(variant, _)| *variant == wanted).map(|(_, bytes)| *bytes))
        };
        Self {
            conditions,
            fsync_us: Spread::of(measured.fsync_us.iter().copied()),
            cells,
            ours_by_naive,
            bytes_per_invoice_naive: bytes(Variant::Naive),
            bytes_per_invoice_ours: bytes(Variant::Ours),
        }
    }

    /// Prints it for people.
    pub fn print(&self) {
        let Conditions { seconds, repeats, cores, file_system, load_before, request_bytes, .. } = &self.conditions;
        println!(
            "piaolian bench: POST /v1/invoices over HTTP on 127.0.0.1, requests of {request_bytes} bytes with 5 lines"
        );
        println!(
            "{repeats} x {seconds} s a cell: median (min..max); {cores} cores for service and clients together; load before {load_before}"
        );
        println!(
            "{file_system}; 4 KiB and fsync: {} ms ({}..{})\n",
            milli(self.fsync_us.median),
            milli(self.fsync_us.min),
            milli(self.fsync_us.max)
        );
        println!(
            "{:>7}  {:<7} {:>10} {:>15} {:>8} {:>8} {:>9} {:>6}  {:>20}  {:>5}  {:>14}",
            "clients",
            "variant",
            "invoices/s",
            "(min..max)",
            "p50 ms",
            "p99 ms",
            "commits/s",
            "batch",
            "CPU us (http+seq+cl)",
            "cores",
            "sequencer, CPU"
        );
        for row in &self.cells {
            row.print();
        }
        println!();
        for ratio in &self.ours_by_naive {
            ratio.print();
        }
        println!(
            "bytes on disk an invoice: ours {}, naive {} (a block with its seals for every invoice)",
            self.bytes_per_invoice_ours.median, self.bytes_per_invoice_naive.median
        );
    }
}

impl Row {
    fn print(&self) {
        let Self { clients, variant, figures } = self;
        let rate = figures.invoices_per_second;
        let commits = figures.commits_per_second.median;
        let batch = rate.median.saturating_mul(100).checked_div(commits).unwrap_or(0);
        let cpu = format!(
            "{} ({}+{}+{})",
            figures.cpu_us_per_invoice.median,
            figures.cpu_http_us_per_invoice.median,
            figures.cpu_sequencer_us_per_invoice.median,
            figures.cpu_clients_us_per_invoice.median
        );
        let sequencer =
            format!("{} %, {} %", figures.sequencer_busy_percent.median, figures.sequencer_cpu_percent.median);
        println!(
            "{clients:>7}  {:<7} {:>10} {:>15} {:>8} {:>8} {commits:>9} {:>6}  {cpu:>20}  {:>5}  {sequencer:>14}",
            variant.as_str(),
            rate.median,
            format!("({}..{})", rate.min, rate.max),
            milli(figures.p50_us.median),
            milli(figures.p99_us.median),
            hundredth(batch),
            hundredth(figures.cores_busy_percent.median),
        );
    }
}

impl Ratio {
    fn print(&self) {
        let Spread { median, min, max } = self.hundredths;
        let target = match (self.clients == RATIO_CLIENTS, median >= RATIO_WANTED) {
            (true, true) => format!("   target {}: met", hundredth(RATIO_WANTED)),
            (true, false) => format!("   target {}: MISSED", hundredth(RATIO_WANTED)),
            (false, _) => String::new(),
        };
        println!(
            "ours / naive at {:>3} clients: {} ({}..{}){target}",
            self.clients,
            hundredth(median),
            hundredth(min),
            hundredth(max)
        );
    }
}

/// Microseconds as milliseconds.
fn milli(us: u64) -> String {
    let (whole, rest) = (us.checked_div(1000).unwrap_or(0), us.checked_rem(1000).unwrap_or(0));
    format!("{whole}.{:02}", rest.checked_div(10).unwrap_or(0))
}

/// Hundredths as a decimal.
fn hundredth(value: u64) -> String {
    format!("{}.{:02}", value.checked_div(100).unwrap_or(0), value.checked_rem(100).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(rate: u64) -> Figures<u64> {
        Figures {
            invoices_per_second: rate,
            p50_us: 0,
            p99_us: 0,
            commits_per_second: 0,
            cpu_us_per_invoice: 0,
            cpu_http_us_per_invoice: 0,
            cpu_sequencer_us_per_invoice: 0,
            cpu_clients_us_per_invoice: 0,
            cores_busy_percent: 0,
            sequencer_busy_percent: 0,
            sequencer_cpu_percent: 0,
        }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_ratios_of_the_repeats() {
        let pairs = [(100, 500), (1000, 4000), (200, 1200)];
        let pairs = pairs.map(|(naive, ours)| Pair { clients: 64, naive: cell(naive), ours: cell(ours) });
        let measured = Measured { pairs: pairs.to_vec(), ..Measured::default() };
        let conditions = Conditions {
            folder: String::new(),
            file_system: String::new(),
            cores: 1,
            load_before: String::new(),
            seconds: 1,
            repeats: 3,
            request_bytes: 0,
            debug_build: true,
        };
        let report = Report::of(conditions, &[64], &measured);
        let ratios: Vec<Spread> = report.ours_by_naive.iter().map(|ratio| ratio.hundredths).collect();
        assert_eq!(ratios, [Spread { median: 500, min: 400, max: 600 }]);
    }

    #[test]
    fn fixed_point_numbers_keep_their_zeros() {
        assert_eq!((milli(12_046), hundredth(305), hundredth(5)), ("12.04".into(), "3.05".into(), "0.05".into()));
    }
}
