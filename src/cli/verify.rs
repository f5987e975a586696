//! `verify`: receipts against a roster, offline.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Done;
use crate::base::limits::RECEIPT_BYTES_MAX;
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::chain::roster::Roster;
use crate::chain::verify::{Verdict, verify_document_json};

/// Arguments of `verify`.
#[derive(Args)]
#[command(after_help = "\
The rosters are the only thing you have to trust: get them from the consortium (piaolian rosters,
or roster.json). A roster that was replaced is needed for receipts from its time; with its
successor at hand, it counts for its own time only.
Exit code 0: every receipt is valid. 1: at least one is not. 2: a file can't be used.

Example:
  piaolian verify piaolian-demo/receipts/*.json --roster piaolian-demo/keys/roster.json")]
pub struct VerifyArgs {
    /// Receipt files (JSON), as GET /v1/invoices/{id}/receipt gives them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Roster file: one roster, or a JSON array of rosters as `piaolian rosters` prints it. May be given several times: all count
    #[arg(long, value_name = "FILE", required = true)]
    roster: Vec<PathBuf>,
    /// The printed hash (66 hex digits) that the receipt must have; one file only
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
    /// Print one JSON object a file instead of sentences
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    file: String,
    #[serde(flatten)]
    verdict: &'a Verdict,
    not_covered: &'a [&'a str],
}

fn unusable(file: &Path, why: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CliFile, file.display().to_string(), why.to_string())
}

/// Reads a file of at most the size of a receipt.
fn read_limited(file: &Path) -> Result<Vec<u8>, Fault> {
    let opened = File::open(file).map_err(|e| unusable(file, e))?;
    let mut bytes = Vec::new();
    // One byte more, so that a receipt that is too large is seen as such and not as cut off.
    opened.take(RECEIPT_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| unusable(file, e))?;
    Ok(bytes)
}

pub(super) fn read_rosters(file: &Path) -> Result<Vec<Roster>, Fault> {
    let text = String::from_utf8(read_limited(file)?).map_err(|e| unusable(file, e))?;
    let text = text.trim();
    if !text.starts_with('[') {
        return Ok(vec![Roster::from_text(text).map_err(|fault| unusable(file, fault))?]);
    }
    let texts: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(text).map_err(|e| unusable(file, e))?;
    texts.iter().map(|text| Roster::from_text(text.get()).map_err(|fault| unusable(file, fault))).collect()
}

/// Runs it.
pub fn verify(args: VerifyArgs) -> Result<Done, Faults> {
    let rosters = args.roster.iter().map(|file| read_rosters(file)).collect::<Result<Vec<_>, _>>()?.concat();
    let expected = args.hash.as_deref().map(Hash::parse_printed).transpose()?;
    if expected.is_some() && args.files.len() > 1 {
        return Err(Fault::new(Code::CliFile, "--hash", "a hash goes with one receipt").into());
    }
    let bar = Bar::new(args.files.len());
    let mut invalid = 0usize;
    for file in &args.files {
        let verdict = verify_document_json(&read_limited(file)?, &rosters, expected.as_ref());
        if !verdict.is_valid() {
            invalid = invalid.saturating_add(1);
        }
        bar.suspend(|| print(&args, file, &verdict))?;
        bar.inc();
    }
    bar.finish();
    if args.files.len() > 1 && !args.json {
        println!("{} receipts, {invalid} not valid", args.files.len());
    }
    Ok(if invalid == 0 { Done::Well } else { Done::No })
}

fn print(args: &VerifyArgs, file: &Path, verdict: &Verdict) -> Result<(), Fault> {
    let name = file.display();
    if args.json {
        let line = Line { file: name.to_string(), verdict, not_covered: verdict.not_covered() };
        println!("{}", serde_json::to_string(&line).map_err(|e| unusable(file, e))?);
    } else if verdict.is_valid() {
        println!("{name}: VALID  {}", verdict.message);
        if args.files.len() == 1 {
            verdict.covered.iter().for_each(|covered| println!("  ✓ {covered}"));
            verdict.not_covered().iter().for_each(|not| println!("  – not covered: {not}"));
        }
    } else {
        let place = if verdict.field.is_empty() { String::new() } else { format!(" at {}", verdict.field) };
        println!("{name}: {}{place}  {}", verdict.code.as_str(), verdict.message);
    }
    Ok(())
}

/// A progress bar where there is one: the offline build has none.
struct Bar(#[cfg(feature = "server")] indicatif::ProgressBar);

#[cfg(feature = "server")]
impl Bar {
    fn new(files: usize) -> Self {
        Self(super::progress::bar(u64::try_from(files).unwrap_or(u64::MAX), "receipts"))
    }
    fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
    fn inc(&self) {
        self.0.inc(1);
    }
    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(not(feature = "server"))]
impl Bar {
    fn new(_: usize) -> Self {
        Self()
    }
    fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        print()
    }
    fn inc(&self) {}
    fn finish(&self) {}
}
