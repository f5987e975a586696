//! The verification desk: is there an invoice with this hash, number and amount, and does its receipt hold?

use super::Desk;
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::chain::verify::{Verdict, verify_receipt};
use crate::invoice::money::Fen;
use crate::invoice::number::InvoiceNumber;
use crate::ledger::record::Invoice;
use crate::store::StoredEntry;

/// What a face or a QR code says about an invoice.
#[derive(Debug, Clone, Copy)]
pub struct Claimed {
    /// Leaf hash.
    pub hash: Hash,
    /// 8-digit number.
    pub number: InvoiceNumber,
    /// Tax-inclusive total.
    pub total: Fen,
}

/// What the ledger says to it.
#[derive(Debug)]
pub enum Verified {
    /// There is such an invoice and what is claimed agrees; the verdict tells whether its proof holds too.
    Found(Box<Found>),
    /// No invoice has this number.
    NoSuchNumber,
    /// There are invoices of this number, none with this hash.
    HashDiffers,
    /// Hash and number belong to an invoice of another total.
    AmountDiffers,
}

/// An invoice that was found.
#[derive(Debug)]
pub struct Found {
    /// The invoice.
    pub invoice: Invoice,
    /// Its entry.
    pub entry: StoredEntry,
    /// Its receipt.
    pub receipt: Receipt,
    /// What the offline verifier says of the receipt, by the rosters of this ledger.
    pub verdict: Verdict,
}

impl Desk {
    /// Looks a claim up. Says no more about an invoice than whoever asks already holds in hand, unless all three agree.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn verify(&self, claimed: Claimed) -> Result<Verified, Faults> {
        self.store
            .read(move |reader| {
                let numbered = reader.invoices_numbered(&claimed.number)?;
                if numbered.is_empty() {
                    return Ok(Verified::NoSuchNumber);
                }
                for invoice in numbered {
                    let Some((receipt, entry)) = reader.receipt(invoice.entry)? else {
                        let message = format!("entry {} is missing", invoice.entry);
                        return Err(Fault::new(Code::StoreCorrupt, "", message).into());
                    };
                    if entry.leaf != claimed.hash {
                        continue;
                    }
                    if invoice.total != claimed.total {
                        return Ok(Verified::AmountDiffers);
                    }
                    let verdict = verify_receipt(&receipt, &reader.rosters()?, Some(&claimed.hash));
                    return Ok(Verified::Found(Box::new(Found { invoice, entry, receipt, verdict })));
                }
                Ok::<_, Faults>(Verified::HashDiffers)
            })
            .await
    }
}
