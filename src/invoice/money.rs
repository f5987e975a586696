//! Money, quantity, unit price and tax rate as scaled integers, and the one function that rounds.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::base::limits::CANONICAL_INTEGER_MAX;
use crate::base::{Code, Fault};

/// Fraction digits of a quantity and of a unit price (WeChat Pay's scale, domain.md 0).
const SCALE: u32 = 8;

/// One, x10^8.
const ONE: u64 = 100_000_000;

/// 10^(8 + 8 - 2): quantity x10^8 times price x10^8 in yuan, down to fen.
const SCALED_PRODUCT_PER_FEN: i128 = 100_000_000_000_000;

/// The places where something is rounded. There are no others: everything else is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Quantity times unit price, to fen.
    LineAmount,
    /// The ex-tax part of a tax-inclusive amount, to fen.
    ExTaxOfInclusive,
    /// The tax on an ex-tax amount, to fen.
    TaxOfExclusive,
    /// An ex-tax amount over a quantity, to 8 fraction digits of a yuan; printed only, nothing is computed from it.
    PrintedPrice,
    /// What a quantity that a red letter takes back is worth, with tax, to fen.
    WorthOfQuantity,
}

/// `numerator / denominator`, rounded half up by magnitude, so that a negative amount is the mirror of the positive one
/// and a discount of a whole line leaves exactly nothing.
///
/// # Errors
/// [`Code::InvAmountTooLarge`] when the result is no [`Fen`]; [`Code::Internal`] when the denominator is not positive.
pub(super) fn round_half_up(numerator: i128, denominator: i128, place: Rounding) -> Result<Fen, Fault> {
    let magnitude = numerator.unsigned_abs();
    let divisor = u128::try_from(denominator).unwrap_or(0);
    let (Some(quotient), Some(rest)) = (magnitude.checked_div(divisor), magnitude.checked_rem(divisor)) else {
        return Err(Fault::new(Code::Internal, "", format!("{place:?}: the divisor {denominator} is not positive")));
    };
    let up = u128::from(rest >= divisor.saturating_sub(rest));
    let rounded = i64::try_from(quotient.saturating_add(up)).unwrap_or(i64::MAX);
    let fen = Fen::new(rounded).map_err(|f| Fault { message: format!("{place:?}: {}", f.message), ..f })?;
    Ok(if numerator < 0 { fen.negated() } else { fen })
}

/// An amount of money in fen, at most 2^53 - 1 either way, so that it stands in canonical text as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Fen(i64);

impl Fen {
    /// No money.
    pub const ZERO: Fen = Fen(0);

    /// An amount of `fen`.
    ///
    /// # Errors
    /// [`Code::InvAmountTooLarge`] when it would not stand in canonical text.
    pub fn new(fen: i64) -> Result<Self, Fault> {
        if fen.unsigned_abs() > CANONICAL_INTEGER_MAX.unsigned_abs() {
            return Err(Fault::new(Code::InvAmountTooLarge, "", "an amount is at most 2^53 - 1 fen"));
        }
        Ok(Self(fen))
    }

    /// The number of fen.
    pub fn get(self) -> i64 {
        self.0
    }

    /// Whether it is above zero.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The same amount with the other sign. Exact: the range is symmetrical.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// The amount without its sign.
    #[must_use]
    pub fn magnitude(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`Code::InvAmountTooLarge`].
    pub fn checked_add(self, other: Fen) -> Result<Self, Fault> {
        Self::new(self.0.saturating_add(other.0))
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`Code::InvAmountTooLarge`].
    pub fn checked_sub(self, other: Fen) -> Result<Self, Fault> {
        self.checked_add(other.negated())
    }

    /// `self + other`, stopping at the ends of the range: for sums that something else bounds.
    pub(super) fn saturating_add(self, other: Fen) -> Self {
        let most = CANONICAL_INTEGER_MAX;
        Self(self.0.saturating_add(other.0).clamp(most.saturating_neg(), most))
    }

    /// The sum of all of them, in the order given.
    ///
    /// # Errors
    /// [`Code::InvAmountTooLarge`], also when only a sum on the way is too large.
    pub fn sum(amounts: impl IntoIterator<Item = Fen>) -> Result<Self, Fault> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// In yuan with both fraction digits, as printed: `498.10`, `-0.05`.
    pub fn to_yuan(self) -> String {
        Decimal::from_i128_with_scale(i128::from(self.0), 2).to_string()
    }
}

impl TryFrom<i64> for Fen {
    type Error = Fault;

    fn try_from(fen: i64) -> Result<Self, Fault> {
        Self::new(fen)
    }
}

impl From<Fen> for i64 {
    fn from(fen: Fen) -> i64 {
        fen.0
    }
}

/// Declares a decimal with 8 fraction digits, kept x10^8, written as a decimal string in shortest form.
macro_rules! scaled_decimal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(i64);

        impl $name {
            /// From the value x10^8, as WeChat Pay sends it. Every `i64` is one.
            pub fn from_scaled(scaled: i64) -> Self {
                Self(scaled)
            }

            /// The value x10^8.
            pub fn scaled(self) -> i64 {
                self.0
            }

            /// Whether it is above zero.
            pub fn is_positive(self) -> bool {
                self.0 > 0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_shortest(self.0, f)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Fault;

            /// Reads the shortest form only: what it would print again must be what was given.
            fn try_from(text: &str) -> Result<Self, Fault> {
                scaled(text).map(Self).ok_or_else(|| {
                    Fault::new(
                        Code::InvDecimalMalformed,
                        "",
                        "a quantity or price is a decimal in shortest form with at most 8 fraction digits, such as \"0.5\"",
                    )
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Fault;

            fn try_from(text: String) -> Result<Self, Fault> {
                Self::try_from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    };
}

/// The value x10^8 of a decimal text in its shortest form; `None` when it is no decimal, has more digits, does not fit, or could be
/// written shorter or otherwise. By hand: an invoice has two a line, read and written several times.
fn scaled(text: &str) -> Option<i64> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match magnitude.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && !fraction.ends_with('0') => (whole, fraction),
        Some(_) => return None,
        None => (magnitude, ""),
    };
    let missing = SCALE.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let leads_with_zero = whole.starts_with('0') && whole != "0";
    if whole.is_empty() || leads_with_zero || text == "-0" {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes()).try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })?;
    let value = digits.checked_mul(10_u64.checked_pow(missing)?)?;
    if negative { 0_i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// A value x10^8 as a decimal in its shortest form.
fn write_shortest(scaled: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (sign, magnitude) = (if scaled < 0 { "-" } else { "" }, scaled.unsigned_abs());
    let (whole, mut fraction) = (magnitude.div_euclid(ONE), magnitude.rem_euclid(ONE));
    if fraction == 0 {
        return write!(f, "{sign}{whole}");
    }
    let mut digits = 8_usize;
    while fraction.is_multiple_of(10) {
        fraction = fraction.div_euclid(10);
        digits = digits.saturating_sub(1);
    }
    write!(f, "{sign}{whole}.{fraction:0digits$}")
}

scaled_decimal!(
    /// A quantity, x10^8.
    Quantity
);

scaled_decimal!(
    /// A price of one unit in yuan, x10^8; with or without tax as the draft's pricing says.
    UnitPrice
);

impl UnitPrice {
    /// The price of one that a line of this amount and quantity comes to: what a face prints beside an ex-tax amount.
    ///
    /// # Errors
    /// [`Code::InvAmountTooLarge`]; [`Code::Internal`] for a quantity that is not positive.
    pub fn of(amount: Fen, quantity: Quantity) -> Result<Self, Fault> {
        let scaled = i128::from(amount.0).saturating_mul(SCALED_PRODUCT_PER_FEN);
        round_half_up(scaled, i128::from(quantity.0), Rounding::PrintedPrice).map(|price| Self(price.0))
    }
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// The same quantity with the other sign, as red letters have it. Exact for all but the lowest `i64`, which no decimal of a
    /// draft that holds comes to.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// Quantity times price, rounded half up to fen.
    ///
    /// # Errors
    /// [`Code::InvAmountTooLarge`].
    pub fn times(self, price: UnitPrice) -> Result<Fen, Fault> {
        // Two i64 always fit an i128 product: it cannot saturate.
        let product = i128::from(self.0).saturating_mul(i128::from(price.0));
        round_half_up(product, SCALED_PRODUCT_PER_FEN, Rounding::LineAmount)
    }
}

/// A tax rate x10^4 (600 = 6 %), from 0 to 100 %. Whether the law knows it is asked in [`super::rates`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct TaxRate(u16);

impl TaxRate {
    /// One whole, x10^4.
    pub(super) const WHOLE: u16 = 10_000;

    /// Rate 0.
    pub const ZERO: TaxRate = TaxRate(0);

    /// A rate x10^4.
    ///
    /// # Errors
    /// [`Code::InvRateUnknown`] above 100 %.
    pub fn new(ten_thousandths: u16) -> Result<Self, Fault> {
        if ten_thousandths > Self::WHOLE {
            return Err(Fault::new(Code::InvRateUnknown, "", "a tax rate is at most 10000 (100 %)"));
        }
        Ok(Self(ten_thousandths))
    }

    /// The rate x10^4.
    pub fn get(self) -> u16 {
        self.0
    }

    /// As printed on the face: `6%`, `1.5%`.
    pub fn to_percent(self) -> String {
        format!("{}%", Decimal::from_i128_with_scale(i128::from(self.0), 2).normalize())
    }
}

impl TryFrom<u16> for TaxRate {
    type Error = Fault;

    fn try_from(ten_thousandths: u16) -> Result<Self, Fault> {
        Self::new(ten_thousandths)
    }
}

impl From<TaxRate> for u16 {
    fn from(rate: TaxRate) -> u16 {
        rate.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_is_half_up_and_mirrors() {
        for (numerator, denominator, rounded) in
            [(5, 10, 1), (4, 10, 0), (14, 10, 1), (15, 10, 2), (1, 3, 0), (2, 3, 1)]
        {
            let place = Rounding::LineAmount;
            assert_eq!(round_half_up(numerator, denominator, place).unwrap().get(), rounded);
            assert_eq!(round_half_up(-numerator, denominator, place).unwrap().get(), -rounded);
        }
    }

    #[test]
    fn rounding_at_the_ends_of_the_range_refuses_instead_of_wrapping() {
        let code = |n, d| round_half_up(n, d, Rounding::LineAmount).unwrap_err().code;
        assert_eq!(code(i128::MAX, 1), Code::InvAmountTooLarge);
        assert_eq!(code(i128::MIN, 1), Code::InvAmountTooLarge);
        assert_eq!(code(1, 0), Code::Internal);
        assert_eq!(code(1, -1), Code::Internal);
        let largest = Quantity::from_scaled(i64::MIN);
        assert_eq!(largest.times(UnitPrice::from_scaled(i64::MIN)).unwrap_err().code, Code::InvAmountTooLarge);
    }

    #[test]
    fn fen_stops_at_what_canonical_text_holds() {
        let most = Fen::new(CANONICAL_INTEGER_MAX).unwrap();
        assert_eq!(most.checked_add(Fen(1)).unwrap_err().code, Code::InvAmountTooLarge);
        assert_eq!(most.negated().checked_sub(Fen(1)).unwrap_err().code, Code::InvAmountTooLarge);
        assert_eq!(Fen::new(i64::MIN).unwrap_err().code, Code::InvAmountTooLarge);
        assert!(serde_json::from_str::<Fen>("9007199254740992").is_err());
        assert!(serde_json::from_str::<Fen>("1.0").is_err());
        assert!(serde_json::from_str::<Fen>("\"1\"").is_err());
    }

    #[test]
    fn yuan_has_two_fraction_digits() {
        for (fen, yuan) in
            [(49_810, "498.10"), (5, "0.05"), (-5, "-0.05"), (0, "0.00"), (100, "1.00"), (-12_345, "-123.45")]
        {
            assert_eq!(Fen(fen).to_yuan(), yuan);
        }
    }

    #[test]
    fn a_printed_price_is_the_amount_over_the_quantity() {
        let price = |fen, quantity: &str| {
            UnitPrice::of(Fen::new(fen).unwrap(), Quantity::try_from(quantity).unwrap()).unwrap().to_string()
        };
        // The real invoice of domain.md 1.3, and one that does not divide.
        assert_eq!(price(46_991, "1"), "469.91");
        assert_eq!(price(1_000, "3"), "3.33333333");
        assert_eq!(price(2_000, "3"), "6.66666667");
        assert!(UnitPrice::of(Fen::new(1).unwrap(), Quantity::from_scaled(0)).is_err());
    }

    #[test]
    fn decimals_are_read_in_shortest_form_only() {
        for (text, scaled) in [
            ("0.5", 50_000_000),
            ("3804.42", 380_442_000_000),
            ("1", 100_000_000),
            ("0.00000001", 1),
            ("-2.5", -250_000_000),
            ("92233720368.54775807", i64::MAX),
            ("-92233720368.54775808", i64::MIN),
        ] {
            assert_eq!(Quantity::try_from(text).unwrap().scaled(), scaled, "{text}");
            assert_eq!(UnitPrice::from_scaled(scaled).to_string(), text);
        }
        for bad in [
            "1.0",
            "01",
            "+1",
            "1e3",
            "1.",
            ".5",
            "",
            "-0",
            "00",
            "-",
            "1_000",
            "1,000",
            " 1",
            "1 ",
            "0.000000001",
            "0.0",
            "１",
            "NaN",
            "92233720368.54775808",
            "99999999999999999999999999999999999",
        ] {
            assert_eq!(Quantity::try_from(bad).unwrap_err().code, Code::InvDecimalMalformed, "{bad}");
            assert!(serde_json::from_value::<UnitPrice>(serde_json::json!(bad)).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<UnitPrice>("1").is_err());
    }

    #[test]
    fn decimals_are_those_of_rust_decimal() {
        let theirs = |scaled: i64| Decimal::from_i128_with_scale(i128::from(scaled), SCALE).normalize().to_string();
        let read = |text: &str| {
            let decimal = Decimal::from_str_exact(text).ok()?;
            let missing = SCALE.checked_sub(decimal.scale())?;
            let value = decimal.mantissa().checked_mul(10i128.pow(missing)).and_then(|v| i64::try_from(v).ok())?;
            (theirs(value) == text).then_some(value)
        };
        proptest!(|(scaled in any::<i64>(), short in -100_000..100_000_i64, zeros in 0..9_u32)| {
            for scaled in [scaled, short, short * 10_i64.pow(zeros)] {
                let ours = Quantity::from_scaled(scaled).to_string();
                prop_assert_eq!(&ours, &theirs(scaled));
                prop_assert_eq!(Quantity::try_from(ours.as_str()).unwrap().scaled(), scaled);
            }
        });
        proptest!(|(text in "-?[0-9]{0,3}\\.?[0-9]{0,4}0{0,3}", strange in "[-+0-9.e_ ]{0,6}")| {
            for text in [text, strange] {
                prop_assert_eq!(Quantity::try_from(text.as_str()).ok().map(Quantity::scaled), read(&text), "{}", text);
            }
        });
    }

    #[test]
    fn quantity_times_price_rounds_the_half_fen_up() {
        let times =
            |q: &str, p: &str| Quantity::try_from(q).unwrap().times(UnitPrice::try_from(p).unwrap()).unwrap().get();
        assert_eq!(times("1", "469.91"), 46_991);
        assert_eq!(times("0.5", "0.01"), 1);
        assert_eq!(times("0.49999999", "0.01"), 0);
        assert_eq!(times("-0.5", "0.01"), -1);
        assert_eq!(times("3", "33.33333333"), 10_000);
    }

    #[test]
    fn rates_print_as_percent() {
        for (rate, text) in [(600, "6%"), (150, "1.5%"), (1000, "10%"), (0, "0%"), (10_000, "100%")] {
            assert_eq!(TaxRate::new(rate).unwrap().to_percent(), text);
        }
        assert_eq!(TaxRate::new(10_001).unwrap_err().code, Code::InvRateUnknown);
    }
}
