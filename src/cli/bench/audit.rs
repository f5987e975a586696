//! `bench audit`: entries a second of an audit against signatures a second of bare verification, in one run on the same cores.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::made::{Mix, make};
use super::spread::{Ratio, Spread, Wanted, hundredths, milli};
use super::{Scratch, load, machine};
use crate::base::{Code, Fault, Faults};
use crate::chain::draft_slice;
use crate::chain::issuer::{IssuerSignature, recover};
use crate::chain::roster::Roster;
use crate::cli::Done;
use crate::cli::progress::bar;
use crate::ledger::audit::{Limits, Trust, audit_stream};
use crate::ledger::entry::Entry;
use crate::ledger::stream::{InFile, StreamItem, StreamReader};

/// Signatures that bare verification goes through again and again.
const BARE_SIGNATURES: usize = 20_000;

/// Into how many turns they are cut.
const TURNS: usize = 5;

/// About as many bytes of a stream an entry has, to tell when a twentieth is done.
const ENTRY_BYTES: u64 = 2_200;

/// How long an audit that is held up needs to finish what it has begun ahead: some hundred entries.
const SETTLE: Duration = Duration::from_millis(40);

/// The share of bare verification that the issue asks for, in hundredths.
const WANTED: u64 = 60;

/// Arguments of `bench audit`.
#[derive(Args)]
#[command(after_help = "\
Two ledgers are made in a folder of their own, the same for the same seed: 'signed', whose entries are
invoices of five lines without payment, one issuer signature each; and 'mixed', of whose ten entries
one is a payment, one its invoice, six are invoices without payment, one locks an invoice and one takes
a line of one back. Blocks of 1,000 entries, three seals, headers with present states.

Measured on all cores: `audit --stream`, which reads, hashes, verifies and executes every entry and
derives tree, seals and present states; and, twenty times in between, bare verification, which hashes
a draft's text and recovers the issuer's address from its signature, what `verify` does, one by one,
and nothing else. The audit waits meanwhile and its clock stands still. Signatures a second of the one
are held against those of the other. By processor time the same is said without what else the machine
did meanwhile.

Exit code 0: measured (target met or not). 1: an audit was not clean. 2: wrong use.")]
pub struct AuditBenchArgs {
    /// Entries of each ledger
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    entries: u64,
    /// What the ledgers' keys come of
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    repeats: u64,
    /// Folder in which the ledgers are made, about 3 KB an entry; removed at the end
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What one pass did.
#[derive(Debug, Clone, Copy, Default)]
struct Pass {
    done: u64,
    took: Duration,
    cpu_us: u64,
}

impl Pass {
    fn and(self, other: Self) -> Self {
        Self {
            done: self.done.saturating_add(other.done),
            took: self.took.saturating_add(other.took),
            cpu_us: self.cpu_us.saturating_add(other.cpu_us),
        }
    }

    fn a_second(self) -> u64 {
        rate(self.done, micros(self.took))
    }

    /// How many a second of processor time.
    fn a_cpu_second(self) -> u64 {
        rate(self.done, self.cpu_us)
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn rate(done: u64, us: u64) -> u64 {
    done.saturating_mul(1_000_000).checked_div(us).unwrap_or(0)
}

/// What was measured on one ledger.
#[derive(Debug, Serialize)]
struct Measured {
    ledger: &'static str,
    entries: u64,
    signatures: u64,
    stream_bytes: u64,
    bare_a_second: Spread,
    audit_entries_a_second: Spread,
    audit_signatures_a_second: Spread,
    /// KiB of memory that the audit held at most, the process included.
    peak_kib: u64,
    ratios: Vec<Ratio>,
}

#[derive(Serialize)]
struct Document {
    cores: usize,
    load_before: String,
    debug_build: bool,
    measured: Vec<Measured>,
}

/// Runs it.
pub fn bench(args: &AuditBenchArgs) -> Result<Done, Faults> {
    let scratch = Scratch::make(&args.dir, false)?;
    let mut document = Document {
        cores: cores(),
        load_before: machine::load(),
        debug_build: cfg!(debug_assertions),
        measured: Vec::new(),
    };
    for (mix, name) in [(Mix::Signed, "signed"), (Mix::Mixed, "mixed")] {
        let file = scratch.folder.join(format!("{name}.stream"));
        let bar = bar(args.entries, "entries made");
        let roster = make(&file, args.entries, args.seed, mix, &mut |made| bar.set_position(made))?;
        bar.finish_and_clear();
        let Some(measured) = measure(&file, name, &roster, args.repeats)? else { return Ok(Done::No) };
        document.measured.push(measured);
        drop(std::fs::remove_file(&file));
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&document).unwrap_or_default());
    } else {
        document.print(load::draft().to_string().len());
    }
    Ok(Done::Well)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Audits so often, bare verification among it. `None` when an audit was not clean.
fn measure(file: &Path, ledger: &'static str, roster: &Roster, repeats: u64) -> Result<Option<Measured>, Faults> {
    let unusable = |e: std::io::Error| Fault::new(Code::CliFile, file.display().to_string(), e.to_string());
    let signatures = signatures_of(file)?;
    let peak_is_own = machine::forget_peak();
    let (mut bare_rates, mut entry_rates, mut signature_rates) = (Vec::new(), Vec::new(), Vec::new());
    let (mut by_clock, mut by_cpu) = (Vec::new(), Vec::new());
    let (mut entries, mut signed) = (0, 0);
    for _ in 0..repeats {
        let Some(Turns { bare, audit, of }) = in_turns(file, roster, &signatures).map_err(unusable)? else {
            return Ok(None);
        };
        (entries, signed) = (of, audit.done);
        bare_rates.push(bare.a_second());
        signature_rates.push(audit.a_second());
        entry_rates.push(Pass { done: of, ..audit }.a_second());
        by_clock.extend(hundredths(audit.a_second(), bare.a_second()));
        by_cpu.extend(hundredths(audit.a_cpu_second(), bare.a_cpu_second()));
    }
    let wanted = (ledger == "signed").then_some(Wanted::AtLeast(WANTED));
    let ratios = [
        Ratio::of(format!("{ledger}: audit / bare verification, signatures a second"), by_clock, wanted),
        Ratio::of(format!("{ledger}: the same by processor time"), by_cpu, None),
    ];
    Ok(Some(Measured {
        ledger,
        entries,
        signatures: signed,
        stream_bytes: std::fs::metadata(file).map_err(unusable)?.len(),
        bare_a_second: Spread::of(bare_rates),
        audit_entries_a_second: Spread::of(entry_rates),
        audit_signatures_a_second: Spread::of(signature_rates),
        peak_kib: if peak_is_own { machine::memory_kib().1 } else { 0 },
        ratios: ratios.into_iter().flatten().collect(),
    }))
}

/// What both did in turns, and how many entries the audit went through.
struct Turns {
    bare: Pass,
    audit: Pass,
    of: u64,
}

/// Audits a ledger; twenty times on the way it is held up for a turn of bare verification, so that both meet the same machine.
fn in_turns(file: &Path, roster: &Roster, signatures: &[(String, IssuerSignature)]) -> std::io::Result<Option<Turns>> {
    let total = std::fs::metadata(file)?.len();
    let input = BufReader::with_capacity(1 << 20, File::open(file)?);
    let again = InFile::of(BufReader::new(File::open(file)?));
    let trust = Trust { rosters: std::slice::from_ref(roster), checkpoint: None };
    let bar = bar(0, "entries audited");
    let mut bare = Pass::default();
    let turn = signatures.len().checked_div(TURNS).unwrap_or(0).max(1);
    let mut turns = signatures.chunks(turn).cycle();
    let every = total.checked_div(ENTRY_BYTES).and_then(|entries| entries.checked_div(20)).unwrap_or(1).max(1);
    let mut next = every;
    let (begun, cpu) = (Instant::now(), machine::Cpu::now(None));
    let report = audit_stream(input, again, &trust, Limits::on_all_cores(), &mut |done| {
        bar.set_position(done);
        if done >= next {
            next = done.saturating_add(every);
            // What was begun ahead is finished first, in the audit's own time.
            std::thread::sleep(SETTLE);
            bare = bare.and(verify_bare(turns.next().unwrap_or_default()));
        }
    })?;
    let (took, cpu_us) = (begun.elapsed(), machine::Cpu::now(None).since(cpu).total_us());
    bar.finish_and_clear();
    if !report.is_clean() {
        crate::cli::audit::print(&report);
        return Ok(None);
    }
    let (took, cpu_us) = (took.saturating_sub(bare.took), cpu_us.saturating_sub(bare.cpu_us));
    Ok(Some(Turns { bare, audit: Pass { done: report.signatures, took, cpu_us }, of: report.entries }))
}

/// Signed texts of a ledger, with their signatures.
fn signatures_of(file: &Path) -> Result<Vec<(String, IssuerSignature)>, Faults> {
    let unusable = |e: String| Fault::new(Code::CliFile, file.display().to_string(), e);
    let input = BufReader::new(File::open(file).map_err(|e| unusable(e.to_string()))?);
    let (mut reader, _) = StreamReader::open(input).map_err(|e| unusable(e.to_string()))?;
    let mut found = Vec::with_capacity(BARE_SIGNATURES);
    while found.len() < BARE_SIGNATURES
        && let Some(item) = reader.next_item().map_err(|e| unusable(e.to_string()))?
    {
        let StreamItem::Entry(bytes, _) = item else { continue };
        let text = String::from_utf8(bytes).map_err(|e| unusable(e.to_string()))?;
        let draft = draft_slice(&text).map(str::to_owned);
        found.extend(draft.zip(Entry::parse(&text)?.signature));
    }
    Ok(found)
}

/// Verifies signatures on all cores, each core all of them: what an audit can't do without.
fn verify_bare(signatures: &[(String, IssuerSignature)]) -> Pass {
    let (begun, cpu) = (Instant::now(), machine::Cpu::now(None));
    let threads = cores();
    let done = std::thread::scope(|scope| {
        let verify = || signatures.iter().filter(|(text, signature)| recover(text, signature).is_ok()).count();
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(verify)).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).fold(0, usize::saturating_add)
    });
    let (took, cpu_us) = (begun.elapsed(), machine::Cpu::now(None).since(cpu).total_us());
    Pass { done: u64::try_from(done).unwrap_or(0), took, cpu_us }
}

impl Document {
    fn print(&self, draft_bytes: usize) {
        let Self { cores, load_before, debug_build, measured } = self;
        if *debug_build {
            eprintln!("warning: built without optimisation; use cargo run --release");
        }
        println!("piaolian bench audit: {cores} cores; load before {load_before}; requests of {draft_bytes} bytes");
        for one in measured {
            let bytes = one.stream_bytes.checked_div(one.entries).unwrap_or(0);
            println!(
                "\n{}: {} entries, {} signatures, {bytes} bytes of stream an entry",
                one.ledger, one.entries, one.signatures
            );
            println!("  bare verification  {:>8} signatures/s", one.bare_a_second.median);
            println!(
                "  audit              {:>8} signatures/s, {} entries/s, {} us an entry; most memory {} MiB",
                one.audit_signatures_a_second.median,
                one.audit_entries_a_second.median,
                milli(rate(1_000, one.audit_entries_a_second.median)),
                one.peak_kib.div_euclid(1024)
            );
            one.ratios.iter().for_each(Ratio::print);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ledgers_are_clean_and_the_same_for_the_same_seed() {
        let folder = tempfile::tempdir().unwrap();
        for (mix, signatures) in [(Mix::Signed, 1_180), (Mix::Mixed, 1_044)] {
            let files = ["a", "b"].map(|name| folder.path().join(format!("{mix:?}-{name}")));
            let rosters = files.each_ref().map(|file| make(file, 1_200, 7, mix, &mut |_| {}).unwrap());
            assert_eq!(rosters[0], rosters[1]);
            assert!(std::fs::read(&files[0]).unwrap() == std::fs::read(&files[1]).unwrap());
            let measured = measure(&files[0], "signed", &rosters[0], 1).unwrap().unwrap();
            assert_eq!((measured.entries, measured.signatures), (1_200, signatures), "{mix:?}");
            assert!(measured.ratios.iter().all(|ratio| ratio.hundredths.median > 0));
        }
    }
}
