//! Invoice code (发票代码) and number (发票号码), by Shenzhen Announcement 2018 No. 11 (domain.md 1.1).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Fault, LegalDate};

/// Numbers of one batch: 00000001 to 99999999.
const NUMBERS_PER_BATCH: u64 = 99_999_999;

/// The batch is one digit, and none is numbered 0.
const BATCHES: u64 = 9;

/// An invoice code of 12 digits: `1` local tax bureau, `4403` Shenzhen, two digits of the year, `0` general industry, `9` Shenzhen
/// electronic ordinary invoice, the batch 1 to 9, `1` copy, `0` without a limit of the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvoiceCode {
    year: u8,
    batch: u8,
}

impl InvoiceCode {
    /// The two digits of the year.
    pub fn year_two_digits(self) -> u8 {
        self.year
    }

    /// The batch, 1 to 9.
    pub fn batch(self) -> u8 {
        self.batch
    }
}

impl fmt::Display for InvoiceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "14403{:02}09{}10", self.year, self.batch)
    }
}

impl TryFrom<&str> for InvoiceCode {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        let digit = |range| text.get(range).and_then(|part: &str| part.parse::<u8>().ok());
        let parts = digit(5..7).zip(digit(9..10)).map(|(year, batch)| Self { year, batch });
        // What it would print again must be what was given: that settles every other digit.
        parts.filter(|code| code.batch > 0 && code.to_string() == text).ok_or_else(|| {
            Fault::new(
                Code::InvCodeMalformed,
                "",
                "an invoice code is 14403, two digits of the year, 09, a batch 1 to 9, and 10",
            )
        })
    }
}

/// An invoice number: 8 digits, 00000001 to 99999999, given in running order across the whole city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvoiceNumber(u32);

impl InvoiceNumber {
    /// The number as an integer.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for InvoiceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

impl TryFrom<&str> for InvoiceNumber {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        let number = text.parse().ok().map(Self);
        number.filter(|n| n.0 > 0 && text.len() == 8 && n.to_string() == text).ok_or_else(|| {
            Fault::new(Code::InvNumberMalformed, "", "an invoice number is eight digits, 00000001 to 99999999")
        })
    }
}

/// Code and number together: what names an invoice. In text `<code>-<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvoiceId {
    /// 发票代码.
    pub code: InvoiceCode,
    /// 发票号码.
    pub number: InvoiceNumber,
}

impl fmt::Display for InvoiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.code, self.number)
    }
}

impl TryFrom<&str> for InvoiceId {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        let (code, number) = text
            .split_once('-')
            .ok_or_else(|| Fault::new(Code::InvNumberMalformed, "", "an invoice id is <code>-<number>"))?;
        Ok(Self { code: InvoiceCode::try_from(code)?, number: InvoiceNumber::try_from(number)? })
    }
}

macro_rules! text_form {
    ($($name:ident),*) => {$(
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
    )*};
}

text_form!(InvoiceCode, InvoiceNumber, InvoiceId);

/// Which code and number the n-th invoice of a year gets. Numbers run on through the batches; a new year begins at batch 1, number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberSequence {
    year: u8,
}

impl NumberSequence {
    /// The sequence of the year in which the legal date lies.
    pub fn of(date: LegalDate) -> Self {
        Self { year: date.year_two_digits().parse().unwrap_or(0) }
    }

    /// The id of the `n`-th invoice of the year, counted from 1.
    ///
    /// # Errors
    /// [`Code::InvNumbersExhausted`] when all batches are used up; [`Code::Internal`] for the 0-th.
    pub fn nth(self, n: u64) -> Result<InvoiceId, Fault> {
        let before = n.checked_sub(1).ok_or_else(|| Fault::new(Code::Internal, "", "invoices are counted from 1"))?;
        let full_batches = before.div_euclid(NUMBERS_PER_BATCH);
        let in_batch = before.rem_euclid(NUMBERS_PER_BATCH).saturating_add(1);
        let batch = u8::try_from(full_batches.saturating_add(1)).ok().filter(|&b| u64::from(b) <= BATCHES);
        match (batch, u32::try_from(in_batch)) {
            (Some(batch), Ok(number)) => {
                Ok(InvoiceId { code: InvoiceCode { year: self.year, batch }, number: InvoiceNumber(number) })
            }
            (None, _) | (_, Err(_)) => {
                Err(Fault::new(Code::InvNumbersExhausted, "", "the nine batches of this year's numbers are used up"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(day: &str) -> NumberSequence {
        NumberSequence::of(LegalDate::parse(day).unwrap())
    }

    #[test]
    fn numbers_run_through_the_batches() {
        let year = sequence("2026-11-22");
        for (n, id) in [
            (1, "144032609110-00000001"),
            (2, "144032609110-00000002"),
            (99_999_999, "144032609110-99999999"),
            (100_000_000, "144032609210-00000001"),
            (899_999_991, "144032609910-99999999"),
        ] {
            assert_eq!(year.nth(n).unwrap().to_string(), id, "{n}");
        }
    }

    #[test]
    fn after_nine_batches_there_is_no_number() {
        for n in [899_999_992, u64::MAX] {
            assert_eq!(sequence("2026-11-22").nth(n).unwrap_err().code, Code::InvNumbersExhausted);
        }
        assert_eq!(sequence("2026-11-22").nth(0).unwrap_err().code, Code::Internal);
    }

    #[test]
    fn the_year_stands_in_the_code() {
        assert_eq!(sequence("2018-08-10").nth(1).unwrap().code.to_string(), "144031809110");
        assert_eq!(sequence("2100-01-01").nth(1).unwrap().code.to_string(), "144030009110");
    }

    #[test]
    fn real_codes_are_read_and_printed_again() {
        for text in ["144031809110", "144031909110", "144032209110", "144032409110", "144032509110"] {
            assert_eq!(InvoiceCode::try_from(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_codes_are_refused() {
        for text in [
            "144032109111",
            "144031539110",
            "153002409100",
            "044031809110",
            "144031809010",
            "14403180911",
            "1440318091100",
            "",
            "14403+809110",
            "１44031809110",
        ] {
            assert_eq!(InvoiceCode::try_from(text).unwrap_err().code, Code::InvCodeMalformed, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_refused() {
        assert_eq!(InvoiceNumber::try_from("08527037").unwrap().get(), 8_527_037);
        for text in ["00000000", "8527037", "008527037", "+8527037", "", "0852703x"] {
            assert_eq!(InvoiceNumber::try_from(text).unwrap_err().code, Code::InvNumberMalformed, "{text}");
        }
    }

    #[test]
    fn an_id_is_one_string_in_json() {
        let id: InvoiceId = serde_json::from_str("\"144032509110-08527037\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"144032509110-08527037\"");
        for bad in ["\"14403250911008527037\"", "\"144032509110-\"", "\"144032509110-08527037-\"", "1"] {
            assert!(serde_json::from_str::<InvoiceId>(bad).is_err(), "{bad}");
        }
    }
}
