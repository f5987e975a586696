//! Floor 3: ledgers as files for auditors: JSON lines (the exact leaf bytes), ledger streams (blocks and seals among them, so that the
//! file can be audited by itself) and CSV (one row an invoice); files in a ZIP archive.
//!
//! Promise: a JSON line is the entry's canonical text, byte for byte, so that hashing it gives the leaf. Numbers that are names
//! (codes, numbers, taxpayer ids) stay text. Money in CSV is integer fen, the total also yuan with two decimals.
//!
//! *Invariant:* is handed entries, reads no database.

mod archive;

use std::io::Write;

use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;
use crate::ledger::entry::Entry;
use crate::ledger::stream::{StreamBlock, StreamHead};

pub use archive::Archive;

/// An entry to be exported.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// Its leaf hash.
    pub hash: &'a Hash,
    /// Height of its block.
    pub height: u64,
    /// Its canonical text.
    pub text: &'a str,
}

fn cannot(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CliFile, "", format!("can't be written: {error}"))
}

/// Writes one entry as a JSON line.
///
/// # Errors
/// [`Code::CliFile`].
pub fn write_json_line(out: &mut impl Write, leaf: Leaf<'_>) -> Result<(), Fault> {
    write_line(out, leaf.text)
}

/// Writes the first line of a ledger stream.
///
/// # Errors
/// [`Code::CliFile`]; [`Code::ChainNotCanonical`] (can't happen for a roster).
pub fn write_stream_head(out: &mut impl Write, founding: &Roster) -> Result<(), Fault> {
    write_line(out, &StreamHead::of(founding).to_line()?)
}

/// Writes a block into a ledger stream: its own line and one for each of its entries, whose texts are given.
///
/// # Errors
/// [`Code::CliFile`]; [`Code::ChainNotCanonical`] (can't happen for a sealed block).
pub fn write_stream_block<'a>(
    out: &mut impl Write,
    header: &str,
    seals: &[Seal],
    entries: impl ExactSizeIterator<Item = &'a str>,
) -> Result<(), Fault> {
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let block = StreamBlock { entries: count, header: header.to_owned(), seals: seals.to_vec() };
    write_line(out, &block.to_line()?)?;
    entries.into_iter().try_for_each(|text| write_line(out, text))
}

fn write_line(out: &mut impl Write, text: &str) -> Result<(), Fault> {
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(cannot)
}

/// The columns of the invoice CSV.
pub const INVOICE_COLUMNS: [&str; 22] = [
    "entry_index",
    "leaf_hash",
    "block_height",
    "block_time_ms",
    "legal_date",
    "invoice_code",
    "invoice_number",
    "check_code",
    "merchant",
    "seller_name",
    "seller_taxpayer_id",
    "buyer_kind",
    "buyer_name",
    "buyer_taxpayer_id",
    "payment_provider",
    "payment_transaction",
    "lines",
    "amount_fen",
    "tax_fen",
    "total_fen",
    "total_yuan",
    "issuer_address",
];

/// Writes invoices as CSV with a header row. Entries that are no invoices are passed over.
pub struct InvoiceCsv<W: Write>(csv::Writer<W>);

impl<W: Write> InvoiceCsv<W> {
    /// Begins a file. `bom` puts a byte order mark first, without which some spreadsheets misread Chinese.
    ///
    /// # Errors
    /// [`Code::CliFile`].
    pub fn begin(mut out: W, bom: bool) -> Result<Self, Fault> {
        if bom {
            out.write_all("\u{feff}".as_bytes()).map_err(cannot)?;
        }
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(INVOICE_COLUMNS).map_err(cannot)?;
        Ok(Self(writer))
    }

    /// Writes one entry; says whether it was an invoice.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`]; [`Code::CliFile`].
    pub fn write(&mut self, leaf: Leaf<'_>) -> Result<bool, Fault> {
        let entry = Entry::parse(leaf.text)?;
        let Some(issued) = entry.issued() else { return Ok(false) };
        let draft = issued.draft;
        let (buyer, seller, payment) = (draft.buyer(), draft.seller(), draft.payment());
        let kind = match buyer.kind {
            crate::invoice::BuyerKind::Individual => "individual",
            crate::invoice::BuyerKind::Organisation => "organisation",
        };
        let record: [String; INVOICE_COLUMNS.len()] = [
            entry.index.to_string(),
            leaf.hash.to_string(),
            leaf.height.to_string(),
            entry.time.0.to_string(),
            issued.date.to_string(),
            issued.code.to_string(),
            issued.number.to_string(),
            leaf.hash.check_code(),
            draft.merchant().to_string(),
            seller.name.clone(),
            seller.taxpayer_id.clone(),
            kind.to_owned(),
            buyer.name.clone(),
            buyer.taxpayer_id.clone().unwrap_or_default(),
            payment.map(|payment| payment.provider.to_string()).unwrap_or_default(),
            payment.map(|payment| payment.transaction.to_string()).unwrap_or_default(),
            draft.lines().len().to_string(),
            draft.amount().get().to_string(),
            draft.tax().get().to_string(),
            draft.total().get().to_string(),
            draft.total().to_yuan(),
            issued.issuer.to_eip55(),
        ];
        self.0.write_record(record.iter().map(|field| guarded(field))).map_err(cannot)?;
        Ok(true)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Code::CliFile`].
    pub fn finish(mut self) -> Result<(), Fault> {
        self.0.flush().map_err(cannot)
    }
}

/// A field that a spreadsheet would take for a formula gets an apostrophe in front (CSV injection, OWASP). Numbers are let through.
fn guarded(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && field.parse::<i64>().is_err() { format!("'{field}") } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_looks_like_a_formula_is_guarded() {
        assert_eq!(guarded("=1+1"), "'=1+1");
        assert_eq!(guarded("@x"), "'@x");
        assert_eq!(guarded("-500"), "-500");
        assert_eq!(guarded("个人"), "个人");
    }
}
