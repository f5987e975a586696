//! The sums of a draft by tax rate: what day closing and the limits of red letters are kept in.

use serde::{Deserialize, Serialize};

use super::checked::Checked;
use super::money::{Fen, TaxRate};

/// What the lines of one rate come to; below zero in a red draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateSum {
    /// The rate.
    pub rate: TaxRate,
    /// Without tax.
    pub amount: Fen,
    /// The tax.
    pub tax: Fen,
    /// With tax.
    pub total: Fen,
}

impl Checked {
    /// The sums of the lines by rate, discounts netted, ascending by rate. Exact for a draft that holds: no sum on the way is above
    /// twice the largest total of an invoice. In one that [`Checked::recheck`] refuses, a sum that is no [`Fen`] stops at the end of
    /// the range.
    pub fn sums_by_rate(&self) -> Vec<RateSum> {
        let mut sums: Vec<RateSum> = Vec::with_capacity(1);
        for line in &self.lines {
            let at = sums.binary_search_by_key(&line.rate, |sum| sum.rate).unwrap_or_else(|at| {
                sums.insert(at, RateSum { rate: line.rate, amount: Fen::ZERO, tax: Fen::ZERO, total: Fen::ZERO });
                at
            });
            if let Some(sum) = sums.get_mut(at) {
                sum.amount = sum.amount.saturating_add(line.amount);
                sum.tax = sum.tax.saturating_add(line.tax);
                sum.total = sum.total.saturating_add(line.total);
            }
        }
        sums
    }
}
