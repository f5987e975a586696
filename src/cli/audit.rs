//! `audit`: a whole ledger, re-derived.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use super::progress::bar;
use crate::base::Faults;
use crate::chain::roster::Roster;
use crate::config::{Config, read_text};
use crate::ledger::audit::{Limits, Report, Trust, audit as audit_ledger};
use crate::store::{DatabaseUrl, Store};

/// Arguments of `audit`.
#[derive(Args)]
#[command(after_help = "\
Every header, seal, leaf hash, tile and root is computed again, every issuer signature is
verified, every command is executed again, and every row of every projection is compared.
Nothing is written.
Exit code 0: clean. 1: something does not hold; table, row and column are named. 2: the ledger
can't be read.")]
pub struct AuditArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, for example sqlite:piaolian-data/ledger.db; instead of the configured one
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// A roster that you trust; without it the ledger's own is taken, which its own headers name
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn audit(args: AuditArgs) -> Result<Done, Faults> {
    let config = Config::load(args.config.as_deref())?;
    let url = DatabaseUrl::parse(args.database.as_ref().unwrap_or(&config.database))?;
    let trusted = match &args.roster {
        Some(file) => vec![Roster::from_text(read_text(file)?.trim())?],
        None => Vec::new(),
    };
    let store = Store::open(&url, 1)?;
    let report = run(&store, &trusted)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print(&report);
    }
    Ok(if report.is_clean() { Done::Well } else { Done::No })
}

/// Audits a store behind a progress bar.
pub fn run(store: &Store, trusted: &[Roster]) -> Result<Report, Faults> {
    let trust = Trust { rosters: trusted, checkpoint: None };
    let bar = bar(0, "entries");
    let report = store.read_blocking(|reader| {
        reader.take_your_time()?;
        let report = audit_ledger(reader, &trust, Limits::on_all_cores(), &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })?;
        Ok::<_, Faults>(report)
    })?;
    bar.finish_and_clear();
    Ok(report)
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
        println!("✗ {}  {}{column} [{}]  {}", finding.code, finding.table, finding.row, finding.message);
    }
    if report.more_findings > 0 {
        println!("✗ and {} more", report.more_findings);
    }
    if !report.projections_compared {
        println!("✗ the projections could not be compared behind a broken entry");
    }
    println!("{}", if report.is_clean() { "CLEAN: everything follows from the entries" } else { "NOT CLEAN" });
}
