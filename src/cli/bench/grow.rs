//! Growth: a ledger is filled over HTTP, and looked at on the way.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::grown::{Grown, Growth, Point, Read};
use super::load::{Asking, Load, TICK, Window, micros};
use super::place::{Ground, Place};
use super::site::{Keys, Site, Variant};
use super::spread::Spread;
use super::wire::{IssueRequest, Wire, get_request};
use super::{Pace, load, machine};
use crate::base::{Clock as _, Code, Fault, Faults, LegalDate, SystemClock, random};
use crate::invoice::{Document, NumberSequence};

/// Clients that fill.
const CLIENTS: u64 = 256;

/// Clients that read, with no load beside them: what grows with the ledger shows, and not the queue for the processor.
const READERS: u64 = 4;

/// From here on a rate is measured as often as repeats say; below, windows would fill the ledger past the next point.
const REPEATED_FROM: u64 = 100_000;

/// Where the first look is taken.
const FIRST: u64 = 1_000;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Entries in the end.
    pub entries: u64,
    /// Windows.
    pub pace: Pace,
    /// Whether the ledgers are kept.
    pub keep: bool,
}

/// Powers of ten below the end, and the end.
fn points(entries: u64) -> Vec<u64> {
    let powers = std::iter::successors(Some(FIRST), |at| at.checked_mul(10));
    powers.take_while(|at| *at < entries).chain([entries]).collect()
}

/// Grows one ledger on each database, one after the other.
///
/// # Errors
/// As [`super::cell::measure`].
pub async fn run(places: &[Place], plan: Plan, folder: &Path, runtime: &Handle) -> Result<Grown, Faults> {
    let mut grown = Grown::default();
    for place in places {
        let ground = Ground::make(place, folder, "grow", plan.keep)?;
        grown.0.push(grow(ground, plan, runtime).await?);
    }
    Ok(grown)
}

async fn grow(ground: Ground, plan: Plan, runtime: &Handle) -> Result<Growth, Faults> {
    let database = ground.database;
    let peak_is_own = machine::forget_peak();
    let (mut site, keys) = Site::open(ground, Variant::Ours).await?;
    let bar = crate::cli::progress::bar(plan.entries, "entries");
    let begun = site.weigh()?;
    let (mut answered, mut points_seen) = (0u64, Vec::new());
    for entries in points(plan.entries) {
        let have = site.tip()?.size;
        let (filled, took) = fill(&site, &keys, entries, runtime, &bar).await?;
        answered = answered.saturating_add(filled);
        let reads = read(&site, &keys, plan.pace, runtime).await?;
        let (windows, more) = issue(&site, &keys, entries, plan.pace, runtime).await?;
        answered = answered.saturating_add(more);
        let size = site.tip()?.size;
        bar.set_position(size);
        let (memory_kib, _) = machine::memory_kib();
        let weight = site.weigh()?.since(begun);
        points_seen.push(Point {
            entries,
            fill_per_second: filled.saturating_mul(1_000_000).checked_div(micros(took)).filter(|_| have < entries),
            invoices_per_second: Spread::of(windows.iter().map(Window::rate)),
            p50_us: Spread::of(windows.iter().map(|window| window.p50_us)),
            p99_us: Spread::of(windows.iter().map(|window| window.p99_us)),
            reads,
            memory_kib,
            bytes_per_entry: weight.database_bytes.checked_div(size).unwrap_or(0),
            wal_bytes_per_entry: weight.wal_bytes.checked_div(size).unwrap_or(0),
        });
    }
    bar.finish_and_clear();
    let entries = site.tip()?.size;
    let ground = site.close(answered).await?;
    let (start_us, ground) = start(ground, &keys, answered).await?;
    drop(ground);
    let (_, peak_kib) = machine::memory_kib();
    Ok(Growth { database, entries, points: points_seen, start_us, peak_kib, peak_is_own })
}

/// Fills up to so many entries; gives what was answered and how long it took.
async fn fill(
    site: &Site,
    keys: &Keys,
    entries: u64,
    runtime: &Handle,
    bar: &indicatif::ProgressBar,
) -> Result<(u64, Duration), Faults> {
    let have = site.tip()?.size;
    if have >= entries {
        return Ok((0, Duration::ZERO));
    }
    let begun = Instant::now();
    let load = Load::issue(runtime, site.address, &keys.merchants, CLIENTS)?;
    loop {
        tokio::time::sleep(TICK).await;
        load.check()?;
        let size = have.saturating_add(load.answered());
        bar.set_position(size);
        if size >= entries {
            break;
        }
    }
    let took = begun.elapsed();
    Ok((load.stop().await?, took))
}

/// Windows of issuing; gives them and what was answered.
async fn issue(
    site: &Site,
    keys: &Keys,
    entries: u64,
    pace: Pace,
    runtime: &Handle,
) -> Result<(Vec<Window>, u64), Faults> {
    let repeats = if entries < REPEATED_FROM { 1 } else { pace.repeats };
    let load = Load::issue(runtime, site.address, &keys.merchants, CLIENTS)?;
    load.warm_up(pace.warm_up).await;
    let mut windows = Vec::new();
    for _ in 0..repeats {
        windows.push(load.window(pace.window).await?);
    }
    Ok((windows, load.stop().await?))
}

/// What a reader asks for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Invoice,
    Receipt,
    Page,
}

/// A client that reads at random places.
struct Reader {
    address: SocketAddr,
    wanted: Wanted,
    keys: Arc<Keys>,
    sequence: NumberSequence,
    invoices: u64,
    entries: u64,
    random: u64,
    request: String,
}

impl Reader {
    /// A number below `bound`, by the upper bits of a linear congruential step (Knuth's constants).
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 16).checked_rem(bound).unwrap_or(0)
    }

    fn path(&mut self) -> String {
        let (invoices, entries) = (self.invoices, self.entries);
        let number = self.below(invoices).saturating_add(1);
        let id = self.sequence.nth(number).map(|id| id.to_string()).unwrap_or_default();
        match self.wanted {
            Wanted::Invoice => format!("/v1/invoices/{id}"),
            Wanted::Receipt => format!("/v1/invoices/{id}/receipt"),
            Wanted::Page => format!("/v1/invoices?limit=20&before={}", self.below(entries).saturating_add(1)),
        }
    }
}

impl Asking for Reader {
    fn next(&mut self) -> (&[u8], u16) {
        let path = self.path();
        let keys = Arc::clone(&self.keys);
        let merchants = u64::try_from(keys.merchants.len()).unwrap_or(0);
        let merchant = usize::try_from(self.below(merchants)).ok().and_then(|at| keys.merchants.get(at));
        let secret = match self.wanted {
            Wanted::Invoice | Wanted::Receipt => &keys.auditor,
            Wanted::Page => merchant.unwrap_or(&keys.auditor),
        };
        self.request = get_request(self.address, secret.expose(), &path);
        (self.request.as_bytes(), 200)
    }
}

/// Reads of each kind.
async fn read(site: &Site, keys: &Keys, pace: Pace, runtime: &Handle) -> Result<[Read; 3], Faults> {
    let sequence = NumberSequence::of(Document::BlockchainOrdinary, LegalDate::of(SystemClock.now())?);
    let (entries, invoices) = (site.tip()?.size, site.invoices()?);
    let keys = Arc::new(keys.clone());
    let mut reads = ["invoice", "receipt", "list page"].map(|name| Read { name, per_second: 0, p50_us: 0, p99_us: 0 });
    for (read, wanted) in reads.iter_mut().zip([Wanted::Invoice, Wanted::Receipt, Wanted::Page]) {
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let random = u64::from_le_bytes(random::bytes()?);
            let keys = Arc::clone(&keys);
            let (address, request) = (site.address, String::new());
            readers.push(Reader { address, wanted, keys, sequence, invoices, entries, random, request });
        }
        let load = Load::start(runtime, site.address, readers);
        load.warm_up(pace.warm_up.min(pace.window)).await;
        let window = load.window(pace.window).await?;
        load.stop().await?;
        *read = Read { per_second: window.rate(), p50_us: window.p50_us, p99_us: window.p99_us, ..*read };
    }
    Ok(reads)
}

/// Starts the service over the grown ledger and has it issue one invoice: microseconds from the start to the answer.
async fn start(ground: Ground, keys: &Keys, answered: u64) -> Result<(u64, Ground), Faults> {
    let begun = Instant::now();
    let site = Site::start(ground, Variant::Ours).await?;
    let secret = keys.merchants.first().ok_or_else(|| Fault::new(Code::Internal, "", "no merchant"))?;
    let mut request = IssueRequest::prepare(site.address, secret.expose(), &load::draft().to_string())?;
    Wire::open(site.address).await?.ask(request.next(), 201).await?;
    let start_us = micros(begun.elapsed());
    Ok((start_us, site.close(answered.saturating_add(1)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_grows_is_read_and_starts_again() {
        let folder = tempfile::tempdir().unwrap();
        let pace = Pace { warm_up: Duration::ZERO, window: Duration::from_millis(200), repeats: 1 };
        let plan = Plan { entries: 300, pace, keep: false };
        let runtime = crate::cli::bench::client_runtime().unwrap();
        let Grown(grown) = crate::app::block_on(run(&[Place::Folder], plan, folder.path(), runtime.handle())).unwrap();
        let growth = grown.first().unwrap();
        assert!(growth.entries > 300 && growth.start_us > 0 && growth.peak_kib > 0);
        let point = growth.points.first().unwrap();
        assert!(point.fill_per_second.unwrap() > 0 && point.invoices_per_second.median > 0 && point.memory_kib > 0);
        assert!(point.reads.iter().all(|read| read.per_second > 0 && read.p99_us >= read.p50_us), "{:?}", point.reads);
        runtime.shutdown_background();
    }

    #[test]
    fn looks_are_taken_at_powers_of_ten_and_at_the_end() {
        assert_eq!(points(100), [100]);
        assert_eq!(points(10_000), [1_000, 10_000]);
        assert_eq!(points(5_000_000), [1_000, 10_000, 100_000, 1_000_000, 5_000_000]);
    }
}
