//! `export`: a ledger as a file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Done;
use super::progress::bar;
use crate::base::{Code, Fault, Faults};
use crate::config::Config;
use crate::export::{InvoiceCsv, Leaf, write_json_line, write_stream_block, write_stream_head};
use crate::store::{DatabaseUrl, FilledBlock, Reader, Store, StoreError};

/// Entries read at a time.
const PAGE_ENTRIES: usize = 1_000;

/// What to write.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Every entry, one canonical text a line: keccak256(0x00 || line) is the leaf hash
    Jsonl,
    /// Blocks with their seals and entries: what `piaolian audit --stream` reads, without any database
    Stream,
    /// One row an invoice
    Csv,
}

/// Arguments of `export`.
#[derive(Args)]
pub struct ExportArgs {
    /// jsonl: every entry, exact bytes; stream: the whole chain, to be audited by itself; csv: one row an invoice
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// File to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Put a byte order mark in front of the CSV, for spreadsheets
    #[arg(long)]
    bom: bool,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, instead of the configured one
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Runs it.
pub fn export(args: ExportArgs) -> Result<Done, Faults> {
    let config = Config::load(args.config.as_deref())?;
    let store = Store::open(&DatabaseUrl::parse(args.database.as_ref().unwrap_or(&config.database))?, 1)?;
    let cannot = |e: std::io::Error| Fault::new(Code::CliFile, args.out.display().to_string(), e.to_string());
    let mut out = BufWriter::new(File::create_new(&args.out).map_err(cannot)?);
    // One read of one moment: entries that come meanwhile are not in the file.
    let (entries, rows) = store.read_blocking(|reader| match args.format {
        ExportFormat::Jsonl => {
            let entries = each_leaf(reader, |leaf| write_json_line(&mut out, leaf))?;
            out.flush().map_err(cannot)?;
            Ok::<_, Faults>((entries, entries))
        }
        ExportFormat::Stream => {
            let written = each_block(reader, &mut out)?;
            out.flush().map_err(cannot)?;
            Ok(written)
        }
        ExportFormat::Csv => {
            let mut rows = 0u64;
            let mut csv = InvoiceCsv::begin(&mut out, args.bom)?;
            let entries = each_leaf(reader, |leaf| {
                rows = rows.saturating_add(u64::from(csv.write(leaf)?));
                Ok(())
            })?;
            csv.finish()?;
            Ok((entries, rows))
        }
    })?;
    println!("{}: {rows} rows from {entries} entries", args.out.display());
    Ok(Done::Well)
}

fn each_leaf(reader: &mut Reader<'_>, mut write: impl FnMut(Leaf<'_>) -> Result<(), Fault>) -> Result<u64, Faults> {
    let size = reader.checkpoint()?.map_or(0, |block| block.size);
    let bar = bar(size, "entries");
    let mut next = 0u64;
    while next < size {
        let page = reader.entries_from(next, PAGE_ENTRIES)?;
        if page.is_empty() {
            let what = "an entry below the sealed size is missing; run `piaolian audit`".to_owned();
            return Err(StoreError::Corrupt { table: "entries", key: next.to_string(), what }.into());
        }
        for entry in &page {
            write(Leaf { hash: &entry.leaf, height: entry.height, text: &entry.text })?;
            next = entry.index.saturating_add(1);
        }
        bar.set_position(next);
    }
    bar.finish_and_clear();
    Ok(size)
}

/// Writes the chain as a ledger stream; gives entries and lines.
fn each_block(reader: &mut Reader<'_>, out: &mut impl std::io::Write) -> Result<(u64, u64), Faults> {
    let no_ledger = || Fault::new(Code::StoreNoLedger, "", "there is no genesis block");
    let tip = reader.checkpoint()?.ok_or_else(no_ledger)?;
    let founding = reader.rosters()?.into_iter().next().ok_or_else(no_ledger)?;
    let bar = bar(tip.size, "entries");
    write_stream_head(out, &founding)?;
    let (mut height, mut lines) = (0u64, 1u64);
    while height <= tip.height {
        let run = reader.filled_blocks(height, tip.height)?;
        if run.is_empty() {
            let what = "a block below the newest is missing; run `piaolian audit`".to_owned();
            return Err(StoreError::Corrupt { table: "blocks", key: height.to_string(), what }.into());
        }
        for FilledBlock { block, entries } in &run {
            write_stream_block(out, &block.header, &block.seals, entries.iter().map(|entry| entry.text.as_str()))?;
            let own = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            lines = lines.saturating_add(1).saturating_add(own);
            height = block.height.saturating_add(1);
            bar.set_position(block.size);
        }
    }
    bar.finish_and_clear();
    Ok((tip.size, lines))
}
