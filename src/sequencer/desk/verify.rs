//! The verification desk: is there an invoice with this hash, number and amount, and does its receipt hold?

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::present::present;
use super::{Desk, Present};
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::chain::verify::{Verdict, verify_receipt};
use crate::ledger::claimed::Claimed;
use crate::ledger::record::Invoice;
use crate::store::StoredEntry;

/// Wrong totals that may be tried for one invoice within [`WINDOW_MS`]: whoever holds it in hand needs one or two, whoever guesses needs
/// thousands. Verification services allow about five checks a day (domain.md 1.5).
const WRONG_TOTALS_MAX: u32 = 10;

/// A day.
const WINDOW_MS: i64 = 86_400_000;

/// Invoices remembered at most; above it the memory starts anew.
const REMEMBERED_MAX: usize = 100_000;

/// Wrong totals tried lately, by invoice hash: since when, and how many.
#[derive(Debug, Default)]
pub(super) struct WrongTotals(Mutex<HashMap<Hash, (UnixMs, u32)>>);

impl WrongTotals {
    /// Whether there were too many for this hash.
    fn exhausted(&self, hash: &Hash, now: UnixMs) -> bool {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |since: UnixMs| now.0.saturating_sub(since.0) < WINDOW_MS;
        tried.get(hash).is_some_and(|(since, times)| *times >= WRONG_TOTALS_MAX && recent(*since))
    }

    /// Counts one more.
    fn count(&self, hash: Hash, now: UnixMs) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tried.len() >= REMEMBERED_MAX {
            tried.clear();
        }
        let (since, times) = tried.entry(hash).or_insert((now, 0));
        if now.0.saturating_sub(since.0) >= WINDOW_MS {
            (*since, *times) = (now, 0);
        }
        *times = times.saturating_add(1);
    }
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
    /// What the offline verifier says by the rosters of this ledger: of the receipt against the newest block with the present state; while
    /// no header commits to states, of the receipt.
    pub verdict: Verdict,
    /// How it stands now, by the word of this service; what it was as of the newest block is in the verdict.
    pub present: Present,
}

impl Desk {
    /// Looks a claim up. Shows the invoice only if all three agree, and does not let totals be guessed.
    ///
    /// # Errors
    /// [`Code::VerifyTooMany`]; when the store can't be read.
    pub async fn verify(&self, claimed: Claimed) -> Result<Verified, Faults> {
        let now = self.clock.now();
        if self.wrong_totals.exhausted(&claimed.hash, now) {
            let message = "too many wrong totals were tried for this invoice today";
            return Err(Fault::new(Code::VerifyTooMany, "total_amount", message).into());
        }
        let verified = self.look_up(claimed, now).await?;
        if matches!(verified, Verified::AmountDiffers) {
            self.wrong_totals.count(claimed.hash, now);
        }
        Ok(verified)
    }

    async fn look_up(&self, claimed: Claimed, now: UnixMs) -> Result<Verified, Faults> {
        self.store
            .view(move |reader| {
                let mut numbered = reader.invoices_numbered(&claimed.number)?;
                numbered.retain(|invoice| claimed.code.is_none_or(|code| code == invoice.code));
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
                    let newest = reader.present_receipt(&invoice, &entry)?;
                    let shown = newest.as_ref().unwrap_or(&receipt);
                    let verdict = verify_receipt(shown, &reader.rosters()?, Some(&claimed.hash));
                    let present = present(reader, &invoice, now)?;
                    return Ok(Verified::Found(Box::new(Found { invoice, entry, receipt, verdict, present })));
                }
                Ok::<_, Faults>(Verified::HashDiffers)
            })
            .await
    }
}
