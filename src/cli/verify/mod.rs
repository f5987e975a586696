//! `verify`: receipts, state proofs and equivocation evidence against a roster, offline; with `--online` the present state besides.

#[cfg(feature = "server")]
mod archive;
#[cfg(feature = "server")]
mod face;
mod files;
#[cfg(feature = "server")]
mod online;
mod outcome;
mod parallel;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

#[cfg(feature = "server")]
pub(super) use self::files::ending;
use self::files::{Document, Listed, Source, read_document};
pub(super) use self::files::{read_rosters, unusable};
use self::outcome::{COLUMNS, FaceSaid, Facts, Found, Outcome, Present, Proof};
use super::Done;
use crate::base::{Code, Fault, Faults};
use crate::chain::evidence::verify_evidence_json;
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::chain::roster::Roster;
use crate::chain::verify::verify_document_json;

/// Files that are named on standard error at the end because they can't be used; each has its line anyhow.
const UNUSABLE_NAMED: usize = 5;

/// Arguments of `verify`.
#[derive(Args)]
#[command(after_help = "\
The rosters are the only thing you have to trust: get them from the consortium (piaolian rosters,
or roster.json). A roster that was replaced is needed for receipts from its time; with its
successor at hand, it counts for its own time only.

Receipts, state proofs, evidence files and PDFs that carry a receipt are told apart by what is in
them. Folders are walked, and ZIP archives opened, for files that end in .json or .pdf.

Of a PDF the face is compared too: what its pages show, its QR code and its attached data must be
what the receipt makes. Where the QR code leads is told; that it is the issuer's own site is for
you to know.

Exit code 0: everything is valid (of evidence: proven). 1: at least one file is not. 2: a file or
the server can't be used; the others are verified all the same. 3: (--online) the server showed
another history, and the evidence is written.

Examples:
  piaolian verify piaolian-demo/receipts --roster piaolian-demo/keys/roster.json
  piaolian verify receipts --roster rosters.json --format csv > receipts.csv
  piaolian verify invoices.zip --roster rosters.json --format csv > invoices.csv
  piaolian verify receipt.json --roster rosters.json --online https://example.com")]
pub struct VerifyArgs {
    /// Files, and folders and ZIP archives of them
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,
    /// Roster file: one roster, or a JSON array of rosters as `piaolian rosters` prints it. May be given several times: all count
    #[arg(long, value_name = "FILE", required = true)]
    roster: Vec<PathBuf>,
    /// The printed hash (66 hex digits) that the receipt must have; one file only
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
    /// Print one JSON object a file instead of sentences; the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[cfg(feature = "server")]
    #[command(flatten)]
    online: online::OnlineArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences
    Text,
    /// One JSON object a file
    Json,
    /// A table with a header row
    Csv,
}

/// What all files are verified against.
struct Verifier {
    rosters: Vec<Roster>,
    expected: Option<Hash>,
    #[cfg(feature = "server")]
    online: Option<online::Online>,
    #[cfg(feature = "server")]
    faces: face::Faces,
}

impl Verifier {
    fn outcome(&self, file: &Source) -> Outcome {
        let found = match read_document(file) {
            Ok(Document::Proof(bytes)) => self.proof(&bytes, None),
            #[cfg(feature = "server")]
            Ok(Document::Pdf { receipt, pdf }) => self.proof(&receipt, Some(&pdf)),
            Ok(Document::Evidence(bytes)) => Found::Evidence(verify_evidence_json(&bytes, &self.rosters)),
            Err(fault) if fault.code == Code::VerdictReceiptMissing => Found::NoReceipt(fault),
            Err(fault) => Found::Unusable(fault),
        };
        Outcome { file: file.name(), found }
    }

    fn proof(&self, bytes: &[u8], pdf: Option<&[u8]>) -> Found {
        let verdict = verify_document_json(bytes, &self.rosters, self.expected.as_ref());
        let receipt = if verdict.is_valid() { Receipt::from_json(bytes).ok() } else { None };
        let facts = receipt.as_ref().map(Facts::of).unwrap_or_default();
        let face = receipt.as_ref().zip(pdf).and_then(|(receipt, pdf)| self.face(pdf, receipt));
        let present = receipt.and_then(|receipt| self.present(&receipt, &facts));
        Found::Proof(Box::new(Proof { verdict, facts, face, present }))
    }

    #[cfg(feature = "server")]
    fn face(&self, pdf: &[u8], receipt: &Receipt) -> Option<FaceSaid> {
        Some(self.faces.compare(pdf, receipt))
    }

    #[cfg(not(feature = "server"))]
    fn face(&self, _pdf: &[u8], _receipt: &Receipt) -> Option<FaceSaid> {
        None
    }

    #[cfg(feature = "server")]
    fn present(&self, receipt: &Receipt, facts: &Facts) -> Option<Present> {
        let (online, invoice) = (self.online.as_ref()?, facts.invoice.as_ref()?);
        Some(online.present(receipt, invoice))
    }

    #[cfg(not(feature = "server"))]
    fn present(&self, _receipt: &Receipt, _facts: &Facts) -> Option<Present> {
        None
    }
}

/// Runs it.
pub fn verify(args: VerifyArgs) -> Result<Done, Faults> {
    let rosters = args.roster.iter().map(|file| read_rosters(file)).collect::<Result<Vec<_>, _>>()?.concat();
    let expected = args.hash.as_deref().map(Hash::parse_printed).transpose()?;
    let listed = Listed::of(&args.files)?;
    if expected.is_some() && listed.files.len() > 1 {
        return Err(Fault::new(Code::CliFile, "--hash", "a hash goes with one receipt").into());
    }
    let format = if args.json { Format::Json } else { args.format };
    #[cfg(feature = "server")]
    let online = args.online.begin(&rosters)?;
    let verifier = Verifier {
        rosters,
        expected,
        #[cfg(feature = "server")]
        online,
        #[cfg(feature = "server")]
        faces: face::Faces::default(),
    };
    let mut run = Run {
        format,
        alone: listed.files.len() == 1,
        counts: BTreeMap::new(),
        not: 0,
        unusable: Vec::new(),
        proven: false,
    };
    if format == Format::Csv {
        println!("{}", COLUMNS.join(","));
    }
    let bar = Bar::new(listed.files.len());
    parallel::in_order(
        &listed.files,
        |file| verifier.outcome(file),
        |outcome| {
            bar.suspend(|| run.take(&outcome))?;
            bar.inc();
            Ok::<_, Fault>(())
        },
    )?;
    bar.finish();
    run.end(&listed)
}

/// What was found so far.
struct Run {
    format: Format,
    alone: bool,
    counts: BTreeMap<&'static str, usize>,
    not: usize,
    unusable: Vec<Fault>,
    proven: bool,
}

impl Run {
    fn take(&mut self, outcome: &Outcome) -> Result<(), Fault> {
        let count = self.counts.entry(outcome.code()).or_default();
        *count = count.saturating_add(1);
        if !outcome.holds() {
            self.not = self.not.saturating_add(1);
        }
        match &outcome.found {
            Found::Unusable(fault) => self.unusable.push(fault.clone()),
            Found::Proof(proof) => {
                let code = proof.present.as_ref().map(|present| present.code);
                self.proven |= code == Some(Code::EquivocationProven.as_str());
                if let Some(present) = proof.present.as_ref().filter(|_| code == Some(Code::CliUnreachable.as_str())) {
                    self.unusable.push(Fault::new(Code::CliUnreachable, outcome.file.clone(), present.message.clone()));
                }
            }
            Found::Evidence(_) | Found::NoReceipt(_) => {}
        }
        match self.format {
            Format::Text => println!("{}", outcome.to_text(self.alone)),
            Format::Json => println!("{}", outcome.to_json().map_err(|e| unusable(Path::new(&outcome.file), e))?),
            Format::Csv => println!("{}", outcome.to_csv()),
        }
        Ok(())
    }

    fn end(mut self, listed: &Listed) -> Result<Done, Faults> {
        if !self.alone {
            let counts: Vec<String> = self.counts.iter().map(|(code, count)| format!("{count} {code}")).collect();
            let passed_over = match listed.passed_over {
                0 => String::new(),
                passed_over => format!(" ({passed_over} other files in the folders were passed over)"),
            };
            let summary = format!("{} files: {}{passed_over}", listed.files.len(), counts.join(", "));
            match self.format {
                Format::Text => println!("{summary}"),
                // What is printed is for programs.
                Format::Json | Format::Csv => eprintln!("{summary}"),
            }
        }
        if self.proven {
            return Ok(Done::Equivocation);
        }
        if !self.unusable.is_empty() {
            self.unusable.truncate(UNUSABLE_NAMED);
            return Err(Faults(self.unusable));
        }
        Ok(if self.not == 0 { Done::Well } else { Done::No })
    }
}

/// A progress bar where there is one: the offline build has none.
struct Bar(#[cfg(feature = "server")] indicatif::ProgressBar);

#[cfg(feature = "server")]
impl Bar {
    fn new(files: usize) -> Self {
        Self(super::progress::bar(u64::try_from(files).unwrap_or(u64::MAX), "files"))
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
