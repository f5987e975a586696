//! A merchant's own books on the ledger: its journal (every entry of it, counted and chained) and its days.
//!
//! With them completeness can be shown for one merchant alone: each entry carries the merchant's own sequence number, and the close of a
//! day says how many there were, the first and last number, the sums by rate and the running hash.

use serde::{Deserialize, Serialize};

use crate::base::ids::MerchantId;
use crate::base::{Fault, LegalDate};
use crate::chain::hash::Hash;
use crate::invoice::draft::never_null;
use crate::invoice::number::{InvoiceCode, InvoiceId, InvoiceNumber};
use crate::invoice::{Document, RateSum};

/// How far a merchant's entries have got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// Whose.
    pub merchant: MerchantId,
    /// Entries of this merchant so far; the newest has this sequence number.
    pub seq: u64,
    /// `keccak256(0x04 || running || leaf)` over them in order, from 32 zero bytes.
    pub running: Hash,
}

/// What a merchant has issued on one legal date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Whose.
    pub merchant: MerchantId,
    /// The legal date.
    pub date: LegalDate,
    /// Blue and red invoices.
    pub figures: DayFigures,
    /// The entry that closed it.
    pub closed: Option<u64>,
}

impl Day {
    /// A day on which nothing has happened.
    pub fn new(merchant: MerchantId, date: LegalDate) -> Self {
        Self { merchant, date, figures: DayFigures::default(), closed: None }
    }
}

/// The figures of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayFigures {
    /// Invoice code of the numbers of ordinary invoices.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub code: Option<InvoiceCode>,
    /// First number, blue or red. Numbers run city-wide, so others' stand between.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub first: Option<InvoiceNumber>,
    /// Last number.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub last: Option<InvoiceNumber>,
    /// First and last of the fully digital ones, which are numbered by themselves; all the rest counts both kinds.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub digital: Option<DigitalSpan>,
    /// Blue invoices.
    pub count: u64,
    /// Their sums by tax rate, ascending.
    pub rates: Vec<RateSum>,
    /// Red invoices.
    pub red_count: u64,
    /// Their sums by tax rate, ascending; never above zero.
    pub red_rates: Vec<RateSum>,
}

/// The fully digital invoices of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigitalSpan {
    /// The first, blue or red.
    pub first: InvoiceId,
    /// The last.
    pub last: InvoiceId,
}

impl DayFigures {
    /// Takes an invoice in.
    ///
    /// # Errors
    /// A sum beyond all money.
    pub fn add(&mut self, id: InvoiceId, red: bool, sums: &[RateSum]) -> Result<(), Fault> {
        match id.code.document() {
            Document::BlockchainOrdinary => {
                self.code = Some(id.code);
                self.first.get_or_insert(id.number);
                self.last = Some(id.number);
            }
            Document::FullyDigital => self.digital.get_or_insert(DigitalSpan { first: id, last: id }).last = id,
        }
        let (count, rates) =
            if red { (&mut self.red_count, &mut self.red_rates) } else { (&mut self.count, &mut self.rates) };
        *count = count.saturating_add(1);
        for sum in sums {
            match rates.binary_search_by(|known| known.rate.cmp(&sum.rate)) {
                Ok(at) => {
                    if let Some(known) = rates.get_mut(at) {
                        known.amount = known.amount.checked_add(sum.amount)?;
                        known.tax = known.tax.checked_add(sum.tax)?;
                        known.total = known.total.checked_add(sum.total)?;
                    }
                }
                Err(at) => rates.insert(at, *sum),
            }
        }
        Ok(())
    }
}

/// Body of a `close_day` entry: what was asked for ([`super::command::CloseDayBody`]), and what execution found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayClosed {
    /// Whose day.
    pub merchant: MerchantId,
    /// The legal date.
    pub date: LegalDate,
    /// Its figures.
    pub figures: DayFigures,
    /// The merchant's entries before this one.
    pub entries: u64,
    /// The running hash over them.
    pub running: Hash,
}
