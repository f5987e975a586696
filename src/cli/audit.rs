//! `audit`: a whole ledger, re-derived, from a database or from a ledger stream alone.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::Value;

use super::Done;
use super::verify::read_rosters;
use crate::base::limits::RECEIPT_BYTES_MAX;
use crate::base::{Code, Fault, Faults};
#[cfg(feature = "server")]
use crate::chain::roster::Roster;
#[cfg(feature = "server")]
use crate::config::Config;
use crate::ledger::audit::{Checkpoint, Limits, Report, Trust, audit_stream};
use crate::ledger::stream::{InFile, InMemory, Shelf};
#[cfg(feature = "server")]
use crate::store::{DatabaseUrl, Store};

/// Bytes of a stream that are read at a time.
const READ_BYTES: usize = 1 << 20;

/// Arguments of `audit`.
#[derive(Args)]
#[command(after_help = "\
Every header, seal, leaf hash and root is computed again, every issuer signature is verified,
every command is executed again, and so are the present states that headers commit to. Of a
database every tile and every row of every projection is compared too. Nothing is written. All
cores are used; what is found, and in which order, does not depend on their number. Memory: about
1 GB for a million entries, and as much as their invoices have bytes where a stream comes through a
pipe (a file is read again where a red letter needs its invoice); of a database the tables besides.

A ledger stream is what `piaolian export --format stream` writes and GET /v1/stream gives.
The last blocks can be cut off any ledger without a trace in it: only --checkpoint shows that.

Exit code 0: clean. 1: something does not hold; table, row and column are named. 2: the ledger
can't be read.

Example:
  piaolian audit --stream ledger.stream --roster roster.json --checkpoint checkpoint.json")]
pub struct AuditArgs {
    /// Configuration file
    #[cfg(feature = "server")]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, for example sqlite:piaolian-data/ledger.db; instead of the configured one
    #[cfg(feature = "server")]
    #[arg(long, value_name = "URL", conflicts_with = "stream")]
    database: Option<String>,
    /// A ledger stream instead of a database; - for standard input
    #[cfg_attr(feature = "server", arg(long, value_name = "FILE"))]
    #[cfg_attr(not(feature = "server"), arg(long, value_name = "FILE", required = true))]
    stream: Option<PathBuf>,
    /// A roster that you trust; without it the ledger's own is taken, which its own headers name. May be given several times
    #[arg(long, value_name = "FILE")]
    roster: Vec<PathBuf>,
    /// A block that you remember: the answer of GET /v1/checkpoint, a receipt, or the memory of `piaolian monitor`. The ledger
    /// must hold it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn audit(args: AuditArgs) -> Result<Done, Faults> {
    let rosters = args.roster.iter().map(|file| read_rosters(file)).collect::<Result<Vec<_>, _>>()?.concat();
    let checkpoint = args.checkpoint.as_deref().map(read_checkpoint).transpose()?;
    let trust = Trust { rosters: &rosters, checkpoint: checkpoint.as_ref() };
    let report = match &args.stream {
        Some(file) => of_stream(file, &trust)?,
        None => of_database(&args, &trust)?,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print(&report);
        if rosters.is_empty() && !report.founding_roster.is_empty() {
            println!("no roster was given: the ledger's own was taken; compare its hash, {}", report.founding_roster);
        }
        if checkpoint.is_none() {
            println!("no checkpoint was given: whether the newest blocks were cut off can't be told");
        }
    }
    Ok(if report.is_clean() { Done::Well } else { Done::No })
}

#[cfg(feature = "server")]
fn of_database(args: &AuditArgs, trust: &Trust<'_>) -> Result<Report, Faults> {
    let config = Config::load(args.config.as_deref())?;
    let url = DatabaseUrl::parse(args.database.as_ref().unwrap_or(&config.database))?;
    with_trust(&Store::open(&url, 1)?, trust)
}

/// clap asks for a stream where there is no database.
#[cfg(not(feature = "server"))]
fn of_database(_: &AuditArgs, _: &Trust<'_>) -> Result<Report, Faults> {
    Err(Fault::new(Code::CliFile, "--stream", "this program reads streams only").into())
}

/// Audits a store behind a progress bar.
#[cfg(feature = "server")]
pub fn run(store: &Store, rosters: &[Roster]) -> Result<Report, Faults> {
    with_trust(store, &Trust { rosters, checkpoint: None })
}

#[cfg(feature = "server")]
fn with_trust(store: &Store, trust: &Trust<'_>) -> Result<Report, Faults> {
    let mut bar = Bar::new();
    let report = store.read_blocking(|reader| {
        reader.take_your_time()?;
        let limits = Limits::on_all_cores();
        let told = &mut |done, total| bar.tell(done, Some(total));
        Ok::<_, Faults>(crate::ledger::audit::audit(reader, trust, limits, told)?)
    })?;
    bar.finish();
    Ok(report)
}

/// Counts what is read of a stream, to tell how far it is.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        Ok(read)
    }
}

/// Audits a stream behind a progress bar.
fn of_stream(file: &Path, trust: &Trust<'_>) -> Result<Report, Fault> {
    let unusable = |e: io::Error| Fault::new(Code::CliFile, file.display().to_string(), e.to_string());
    if file.as_os_str() == "-" {
        return replay(io::stdin(), None, InMemory::default(), trust).map_err(unusable);
    }
    let opened = File::open(file).map_err(unusable)?;
    let about = opened.metadata().map_err(unusable)?;
    if !about.is_file() {
        return replay(opened, None, InMemory::default(), trust).map_err(unusable);
    }
    let again = InFile::of(BufReader::new(File::open(file).map_err(unusable)?));
    replay(opened, Some(about.len()), again, trust).map_err(unusable)
}

fn replay(input: impl Read, bytes: Option<u64>, shelf: impl Shelf, trust: &Trust<'_>) -> io::Result<Report> {
    let read = Arc::new(AtomicU64::new(0));
    let input = BufReader::with_capacity(READ_BYTES, Counted { inner: input, read: Arc::clone(&read) });
    let mut bar = Bar::new();
    let report = audit_stream(input, shelf, trust, Limits::on_all_cores(), &mut |done| {
        // As many entries in the rest as in what was read, byte for byte.
        let total = bytes.map(|bytes| {
            let all = u128::from(done).saturating_mul(bytes.into());
            let so_far = u128::from(read.load(Ordering::Relaxed).max(1));
            u64::try_from(all.div_euclid(so_far)).unwrap_or(u64::MAX).max(done)
        });
        bar.tell(done, total);
    })?;
    bar.finish();
    Ok(report)
}

/// Reads a remembered block: the first JSON value of a file, with a header in it, or with views of which the newest counts.
fn read_checkpoint(file: &Path) -> Result<Checkpoint, Fault> {
    let unusable = |why: String| Fault::new(Code::CliFile, file.display().to_string(), why);
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|e| unusable(e.to_string()))?;
    opened.take(RECEIPT_BYTES_MAX).read_to_end(&mut bytes).map_err(|e| unusable(e.to_string()))?;
    let value = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>().next();
    let value = value.transpose().map_err(|e| unusable(e.to_string()))?.unwrap_or_default();
    let views = value.get("views").and_then(Value::as_array).into_iter().flatten();
    let headers = std::iter::once(&value).chain(views).filter_map(|view| view.get("header")?.as_str());
    let read =
        headers.map(Checkpoint::of).collect::<Result<Vec<_>, _>>().map_err(|fault| unusable(fault.to_string()))?;
    let newest = read.into_iter().max_by_key(Checkpoint::height);
    newest.ok_or_else(|| unusable("there is no header in it".to_owned()))
}

/// Prints a report for people.
pub fn print(report: &Report) {
    println!(
        "{} blocks, {} seals, {} entries, {} issuer signatures, {} invoices, {} rows of tables",
        report.blocks, report.seals, report.entries, report.signatures, report.invoices, report.rows
    );
    println!("root {}", report.root);
    for finding in &report.findings {
        let column = if finding.column.is_empty() { String::new() } else { format!(".{}", finding.column) };
        let line = finding.line.map(|line| format!(" line {line}")).unwrap_or_default();
        println!("✗ {}  {}{column} [{}]{line}  {}", finding.code, finding.table, finding.row, finding.message);
    }
    if report.more_findings > 0 {
        println!("✗ and {} more", report.more_findings);
    }
    if !report.projections_compared && !report.stream {
        println!("✗ the projections could not be compared behind a broken entry");
    }
    println!("{}", if report.is_clean() { "CLEAN: everything follows from the entries" } else { "NOT CLEAN" });
}

/// How far an audit is.
#[cfg(feature = "server")]
struct Bar(indicatif::ProgressBar);

#[cfg(feature = "server")]
impl Bar {
    fn new() -> Self {
        Self(super::progress::bar(0, "entries"))
    }

    fn tell(&mut self, done: u64, total: Option<u64>) {
        self.0.set_length(total.unwrap_or(done));
        self.0.set_position(done);
    }

    fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// The offline program has no bars: on a terminal it prints each tenth.
#[cfg(not(feature = "server"))]
struct Bar {
    told: u64,
}

#[cfg(not(feature = "server"))]
impl Bar {
    fn new() -> Self {
        Self { told: 0 }
    }

    fn tell(&mut self, done: u64, total: Option<u64>) {
        let tenths = total.and_then(|total| done.saturating_mul(10).checked_div(total)).unwrap_or(0);
        if tenths > self.told && io::IsTerminal::is_terminal(&io::stderr()) {
            eprintln!("{}0 % ({done} entries)", tenths);
        }
        self.told = self.told.max(tenths);
    }

    fn finish(self) {}
}
