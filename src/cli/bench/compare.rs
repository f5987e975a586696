//! The comparison: every variant on every database, in turns, repeat by repeat.

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::runtime::Handle;

use super::cell::{self, Outcome};
use super::load::micros;
use super::place::{Ground, Place, Weight};
use super::report::{Cell, Measured};
use super::site::{Keys, Site, Variant};
use super::spread::Spread;
use super::{Pace, machine};
use crate::base::{Code, Fault, Faults, Secret};
use crate::chain::issuer::{IssuerKey, eip191_hash};
use crate::cli::audit;

/// Every variant.
pub const ALL: [Variant; 6] =
    [Variant::Ours, Variant::Bare, Variant::Stateless, Variant::Naive, Variant::Queued, Variant::Plain];

/// Bare commits that are timed before and after a cell: a busy disk of 4 ms a commit keeps them under half a second.
const COMMITS: i64 = 100;

/// What is to be measured.
pub struct Plan {
    /// Databases.
    pub places: Vec<Place>,
    /// Variants.
    pub variants: Vec<Variant>,
    /// Clients at once.
    pub clients: Vec<u64>,
    /// Windows.
    pub pace: Pace,
    /// Whether the ledgers of the last repeat are audited.
    pub audit: bool,
    /// Whether they are kept.
    pub keep: bool,
}

impl Plan {
    /// What a repeat measures: every variant on every database, and what stores nothing on the first one alone.
    fn sites(&self) -> Vec<(&Place, Variant)> {
        let on = |(at, place)| {
            let variants = self.variants.iter().filter(move |variant| at == 0 || variant.stores());
            variants.map(move |variant| (place, *variant))
        };
        self.places.iter().enumerate().flat_map(on).collect()
    }
}

/// A site with its keys and what its clients were answered so far.
struct Stand {
    site: Site,
    keys: Keys,
    answered: u64,
    begun: Weight,
    wal_bytes: u64,
}

/// Measures everything.
///
/// # Errors
/// [`Code::Internal`], [`Code::CliRefused`], [`Code::CliUnreachable`] when answers were not as due.
pub async fn run(plan: &Plan, folder: &Path, runtime: &Handle) -> Result<Measured, Faults> {
    let mut measured = Measured::default();
    let counts = [plan.clients.len(), plan.sites().len()].map(|count| u64::try_from(count).unwrap_or(0));
    let cells = counts.into_iter().fold(plan.pace.repeats, u64::saturating_mul);
    let bar = crate::cli::progress::bar(cells, "cells");
    for repeat in 1..=plan.pace.repeats {
        let mut stands = Vec::new();
        for (place, variant) in plan.sites() {
            let name = format!("repeat-{repeat}-{}", variant.as_str());
            let (mut site, keys) = Site::open(Ground::make(place, folder, &name, plan.keep)?, variant).await?;
            let begun = site.weigh()?;
            stands.push(Stand { site, keys, answered: 0, begun, wal_bytes: 0 });
        }
        measured.signatures.push((repeat, sign_for(plan.pace.window.min(Duration::from_secs(1)))?));
        let bare = |place| Ground::make(place, folder, &format!("repeat-{repeat}-commits"), false);
        let bare = plan.places.iter().map(bare).collect::<Result<Vec<_>, _>>()?;
        for &clients in &plan.clients {
            measured.fsync_us.extend(machine::probe_fsync(folder)?);
            turn(&mut stands, repeat);
            for stand in &mut stands {
                let database = stand.site.ground.database;
                // Timed on both sides of the cell that is held against it: the disk is not the same a minute later.
                let alone = stand.site.variant == Variant::Ours && plan.clients.iter().min() == Some(&clients);
                let timed = bare.iter().find(|bare| alone && bare.database == database);
                let mut commits_us = timed.map_or(Ok(Vec::new()), |bare| bare.time_commits(COMMITS))?;
                cell_of(stand, plan, (repeat, clients), &mut measured, runtime).await?;
                if let Some(bare) = timed {
                    commits_us.extend(bare.time_commits(COMMITS)?);
                    measured.commits_us.push((repeat, database, Spread::of(commits_us).median));
                }
                bar.inc(1);
            }
        }
        for stand in stands {
            close(stand, plan.audit && repeat == plan.pace.repeats, &bar, &mut measured).await?;
        }
    }
    bar.finish_and_clear();
    Ok(measured)
}

/// Whoever is second meets the other's dirty pages: another one begins each time, and the direction changes too.
fn turn(stands: &mut [Stand], repeat: u64) {
    if !stands.is_empty() {
        stands.rotate_left(1);
    }
    if repeat.is_multiple_of(2) {
        stands.reverse();
    }
}

async fn cell_of(
    stand: &mut Stand,
    plan: &Plan,
    (repeat, clients): (u64, u64),
    measured: &mut Measured,
    runtime: &Handle,
) -> Result<(), Faults> {
    let Pace { warm_up, window, .. } = plan.pace;
    let staged = plan.clients.iter().max() == Some(&clients);
    let plan = cell::Plan { clients, warm_up, window, staged };
    let before = stand.site.weigh()?;
    let Outcome { figures, stages, answered } = cell::measure(runtime, &stand.site, &stand.keys, plan).await?;
    stand.answered = stand.answered.saturating_add(answered);
    // The log is the whole server's; within its cell this site is the only one at work.
    stand.wal_bytes = stand.wal_bytes.saturating_add(stand.site.weigh()?.since(before).wal_bytes);
    let (database, variant) = (stand.site.ground.database, stand.site.variant);
    measured.cells.push(Cell { repeat, database, variant, clients, figures });
    measured.stages.extend(stages.map(|stages| (database, variant, stages)));
    Ok(())
}

async fn close(stand: Stand, audit: bool, bar: &ProgressBar, measured: &mut Measured) -> Result<(), Faults> {
    let Stand { site, answered, begun, wal_bytes, .. } = stand;
    if audit && site.variant.keeps_ledger() {
        bar.suspend(|| eprintln!("auditing {} on {}", site.variant.as_str(), site.ground.database));
        audited(&site).await?;
    }
    let variant = site.variant;
    let mut ground = site.close(answered).await?;
    if variant.stores() {
        let an_invoice = |bytes: u64| bytes.checked_div(answered).unwrap_or(0);
        let database_bytes = an_invoice(ground.weigh()?.since(begun).database_bytes);
        let weight = Weight { database_bytes, wal_bytes: an_invoice(wal_bytes) };
        measured.weights.push((ground.database, variant, weight));
    }
    Ok(())
}

/// Audits a site's ledger as `piaolian audit` does.
async fn audited(site: &Site) -> Result<(), Faults> {
    let (store, roster) = site.ledger();
    let audited = tokio::task::spawn_blocking(move || audit::run(&store, &[roster])).await;
    let report = audited.map_err(|e| Fault::new(Code::Internal, "", e.to_string()))??;
    let (variant, database) = (site.variant.as_str(), site.ground.database);
    if !report.is_clean() {
        audit::print(&report);
        let message = format!("the audit of the ledger of {variant} on {database} is not clean");
        return Err(Fault::new(Code::Internal, "", message).into());
    }
    eprintln!("{variant} on {database}: audit clean, {} blocks, {} invoices", report.blocks, report.invoices);
    Ok(())
}

/// Signatures a second of one core, one by one, as k256 makes them.
fn sign_for(duration: Duration) -> Result<u64, Fault> {
    let key = IssuerKey::from_secret(&Secret::new([7; 32]))?;
    let hash = eip191_hash("");
    let (mut signed, begun) = (0u64, Instant::now());
    while begun.elapsed() < duration {
        for _ in 0..16 {
            std::hint::black_box(key.sign_hash(std::hint::black_box(hash)));
            signed = signed.saturating_add(1);
        }
    }
    Ok(signed.saturating_mul(1_000_000).checked_div(micros(begun.elapsed()).max(1)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stores_nothing_is_measured_once() {
        let places = vec![Place::Folder, "postgres://u@h/postgres".parse().unwrap()];
        let pace = Pace { warm_up: Duration::ZERO, window: Duration::ZERO, repeats: 1 };
        let plan = Plan { places, variants: ALL.to_vec(), clients: vec![1], pace, audit: false, keep: false };
        let sites = plan.sites();
        assert_eq!(sites.len(), 2 * ALL.len() - 1);
        assert_eq!(sites.iter().filter(|(_, variant)| *variant == Variant::Bare).count(), 1);
    }

    #[test]
    fn every_variant_answers_counts_and_audits_clean() {
        let folder = tempfile::tempdir().unwrap();
        let pace = Pace { warm_up: Duration::ZERO, window: Duration::from_millis(300), repeats: 1 };
        let (places, variants) = (vec![Place::Folder], ALL.to_vec());
        let plan = Plan { places, variants, clients: vec![3], pace, audit: true, keep: false };
        let runtime = crate::cli::bench::client_runtime().unwrap();
        let measured = crate::app::block_on(run(&plan, folder.path(), runtime.handle())).unwrap();
        let answered: Vec<Variant> = measured.cells.iter().map(|cell| cell.variant).collect();
        assert_eq!(answered.len(), ALL.len(), "{answered:?}");
        assert!(measured.cells.iter().all(|cell| cell.figures.invoices_per_second > 0 && cell.figures.p50_us > 0));
        // What stores something weighs something, and commits once a batch, a request or a row.
        assert_eq!(measured.weights.len(), ALL.len() - 1);
        assert!(measured.weights.iter().all(|(_, _, weight)| weight.database_bytes > 500), "{:?}", measured.weights);
        let bare = measured.cells.iter().find(|cell| cell.variant == Variant::Bare).unwrap();
        assert_eq!(bare.figures.commits_per_second, 0);
        assert_eq!((measured.stages.len(), measured.commits_us.len(), measured.signatures.len()), (ALL.len(), 1, 1));
        runtime.shutdown_background();
    }

    #[test]
    fn signing_takes_time() {
        let rate = sign_for(Duration::from_millis(20)).unwrap();
        assert!((10..10_000_000).contains(&rate), "{rate}");
    }
}
