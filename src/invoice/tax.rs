//! How an amount falls into an ex-tax part and a tax.

use serde::{Deserialize, Serialize};

use super::money::{Fen, Rounding, TaxRate, round_half_up};
use crate::base::Fault;

/// What the prices, amounts and discounts of a draft mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pricing {
    /// They hold the tax.
    Inclusive,
    /// The tax comes on top.
    Exclusive,
}

/// Why a line with rate 0 has it (WeChat `tax_prefer_mark`, domain.md 1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// 免税.
    Exempt,
    /// 不征税.
    NotTaxed,
    /// 普通零税率.
    ZeroRated,
    /// 出口零税率.
    ExportZeroRated,
}

/// An amount with its tax: `total` is always `amount + tax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Without tax.
    pub amount: Fen,
    /// The tax.
    pub tax: Fen,
    /// With tax.
    pub total: Fen,
}

impl Split {
    /// Splits `base` by the rule of its pricing (domain.md 1.8): inclusive: ex-tax = half up(base / (1 + rate)), tax = the rest;
    /// exclusive: tax = half up(base x rate), total = the sum. A negative base gives the mirror of the positive one.
    ///
    /// # Errors
    /// [`crate::base::Code::InvAmountTooLarge`].
    pub fn of(base: Fen, rate: TaxRate, pricing: Pricing) -> Result<Self, Fault> {
        // |base| < 2^53 and a rate is at most 10^4: no product here comes near an i128.
        let wide = i128::from(base.get());
        let (rate, whole) = (i128::from(rate.get()), i128::from(TaxRate::WHOLE));
        match pricing {
            Pricing::Inclusive => {
                let amount =
                    round_half_up(wide.saturating_mul(whole), whole.saturating_add(rate), Rounding::ExTaxOfInclusive)?;
                Ok(Self { amount, tax: base.checked_sub(amount)?, total: base })
            }
            Pricing::Exclusive => {
                let tax = round_half_up(wide.saturating_mul(rate), whole, Rounding::TaxOfExclusive)?;
                Ok(Self { amount: base, tax, total: base.checked_add(tax)? })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(base: i64, rate: u16, pricing: Pricing) -> (i64, i64, i64) {
        let split = Split::of(Fen::new(base).unwrap(), TaxRate::new(rate).unwrap(), pricing).unwrap();
        (split.amount.get(), split.tax.get(), split.total.get())
    }

    #[test]
    fn the_invoice_of_2025_03_19_splits_as_printed() {
        assert_eq!(split(49_810, 600, Pricing::Inclusive), (46_991, 2_819, 49_810));
    }

    #[test]
    fn the_wechat_sample_line_splits_as_documented() {
        assert_eq!(split(429_900, 1_300, Pricing::Inclusive), (380_442, 49_458, 429_900));
    }

    #[test]
    fn exclusive_amounts_get_the_tax_on_top() {
        assert_eq!(split(46_991, 600, Pricing::Exclusive), (46_991, 2_819, 49_810));
        assert_eq!(split(50, 100, Pricing::Exclusive), (50, 1, 51));
        assert_eq!(split(49, 100, Pricing::Exclusive), (49, 0, 49));
    }

    #[test]
    fn rate_zero_has_no_tax() {
        assert_eq!(split(7, 0, Pricing::Inclusive), (7, 0, 7));
        assert_eq!(split(7, 0, Pricing::Exclusive), (7, 0, 7));
    }

    #[test]
    fn a_negative_amount_mirrors_the_positive_one() {
        for base in [1, 5, 53, 49_810, 429_900] {
            for rate in [0, 100, 150, 600, 1_300] {
                for pricing in [Pricing::Inclusive, Pricing::Exclusive] {
                    let (amount, tax, total) = split(base, rate, pricing);
                    assert_eq!(split(-base, rate, pricing), (-amount, -tax, -total));
                }
            }
        }
    }
}
