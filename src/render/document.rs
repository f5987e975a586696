//! One invoice as a document: its face, the receipt that proves it and its data as XML, all made of the receipt.

use super::face::Face;
use super::xml::invoice_xml;
use crate::base::{Code, Fault};
use crate::chain::hash::leaf_hash;
use crate::chain::header::Header;
use crate::chain::receipt::Receipt;
use crate::ledger::entry::Entry;

/// All that the renderings of an invoice show and carry. A function of the receipt and of the service's public address, which stands in
/// the QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What is printed.
    pub face: Face,
    /// The receipt's JSON: the attachment `receipt.json`, byte for byte what the API gives.
    pub receipt: String,
    /// The invoice's data: the attachment `invoice.xml` ([`invoice_xml`] says in which words).
    pub xml: String,
}

impl Document {
    /// The document of an issued invoice. The receipt is taken for true: whoever does not know it to be verifies it first.
    ///
    /// # Errors
    /// [`Code::RenderNoInvoice`] for the receipt of an entry that issued none; those of [`Entry::parse`],
    /// [`Header::from_text`] and [`invoice_xml`].
    pub fn of(receipt: &Receipt, public_url: &str) -> Result<Self, Fault> {
        let entry = Entry::parse(&receipt.entry)?;
        let height = Header::from_text(&receipt.header)?.height;
        let face = Face::of(&entry, &leaf_hash(&receipt.entry), height, public_url);
        let face = face.ok_or_else(|| Fault::new(Code::RenderNoInvoice, "entry", "the entry issued no invoice"))?;
        let xml = invoice_xml(&face)?;
        Ok(Self { face, receipt: receipt.to_json()?, xml })
    }
}
