//! Invoice code (发票代码) and number (发票号码): by Shenzhen Announcement 2018 No. 11 (domain.md 1.1), and of the fully digital invoice
//! (domain.md 1.12).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checked::Document;
use crate::base::{Code, Fault, LegalDate};

/// Numbers that share a code: 00000001 to 99999999.
const NUMBERS_PER_CODE: u64 = 99_999_999;

/// The batch is one digit, and none is numbered 0.
const BATCHES: u64 = 9;

/// What the code of a fully digital invoice has of the running number: its first seven digits.
const DIGITAL_HEADS: u64 = 10_000_000;

/// An invoice code of 12 digits. Each kind of document has its own rule:
///
/// - through the blockchain system (Shenzhen Announcement 2018 No. 11): `1` local tax bureau, `4403` Shenzhen, two digits of the year,
///   `0` general industry, `9` Shenzhen electronic ordinary invoice, the batch 1 to 9, `1` copy, `0` without a limit of the amount;
/// - fully digital (数电票, domain.md 1.12), which has no code but a number of 20 digits: the first 12 of them: two digits of the year,
///   `95` Shenzhen, `2` the channel, and the first seven of the fifteen running digits. The last eight are the [`InvoiceNumber`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvoiceCode(Series);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Series {
    Blockchain { year: u8, batch: u8 },
    Digital { year: u8, head: u32 },
}

impl InvoiceCode {
    /// The kind of document that is numbered so. No code is of two kinds.
    pub fn document(self) -> Document {
        match self.0 {
            Series::Blockchain { .. } => Document::BlockchainOrdinary,
            Series::Digital { .. } => Document::FullyDigital,
        }
    }
}

impl fmt::Display for InvoiceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Series::Blockchain { year, batch } => write!(f, "14403{year:02}09{batch}10"),
            Series::Digital { year, head } => write!(f, "{year:02}952{head:07}"),
        }
    }
}

impl TryFrom<&str> for InvoiceCode {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        fn digits<T: std::str::FromStr>(text: &str, range: std::ops::Range<usize>) -> Option<T> {
            text.get(range)?.parse().ok()
        }
        let blockchain = digits(text, 5..7).zip(digits(text, 9..10));
        let blockchain =
            blockchain.filter(|(_, batch)| *batch > 0).map(|(year, batch)| Series::Blockchain { year, batch });
        let digital = digits(text, 0..2).zip(digits(text, 5..12)).map(|(year, head)| Series::Digital { year, head });
        // A year beginning with 1 would read as the other kind's; there was no digital invoice in such a year.
        let digital = digital.filter(|_| !text.starts_with('1'));
        // What it would print again must be what was given: that settles every other digit.
        let read = [blockchain, digital].into_iter().flatten().map(Self).find(|code| code.to_string() == text);
        read.ok_or_else(|| {
            Fault::new(
                Code::InvCodeMalformed,
                "",
                "an invoice code is 14403, two digits of the year, 09, a batch 1 to 9, and 10; of a fully digital invoice the \
                 first 12 digits of its number: two of the year, 952, and seven more",
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

impl InvoiceId {
    /// 发票号码 as it is printed and typed: 8 digits beside the code, or the 20 digits of a fully digital invoice, which has no code.
    pub fn printed_number(&self) -> String {
        match self.code.document() {
            Document::BlockchainOrdinary => self.number.to_string(),
            Document::FullyDigital => format!("{}{}", self.code, self.number),
        }
    }

    /// 发票代码 as it is printed; a fully digital invoice has none.
    pub fn printed_code(&self) -> Option<String> {
        match self.code.document() {
            Document::BlockchainOrdinary => Some(self.code.to_string()),
            Document::FullyDigital => None,
        }
    }
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

/// Which code and number the n-th invoice of a kind in a year gets. Numbers run on through the codes; a new year begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberSequence {
    document: Document,
    year: u8,
}

impl NumberSequence {
    /// The sequence of a kind of document in the year in which the legal date lies.
    pub fn of(document: Document, date: LegalDate) -> Self {
        Self { document, year: date.year_two_digits().parse().unwrap_or(0) }
    }

    /// The id of the `n`-th invoice of the kind in the year, counted from 1.
    ///
    /// # Errors
    /// [`Code::InvNumbersExhausted`] when all codes are used up; [`Code::Internal`] for the 0-th.
    pub fn nth(self, n: u64) -> Result<InvoiceId, Fault> {
        let before = n.checked_sub(1).ok_or_else(|| Fault::new(Code::Internal, "", "invoices are counted from 1"))?;
        let (full, year) = (before.div_euclid(NUMBERS_PER_CODE), self.year);
        let number = u32::try_from(before.rem_euclid(NUMBERS_PER_CODE).saturating_add(1)).map(InvoiceNumber).ok();
        let series = match self.document {
            Document::BlockchainOrdinary if full < BATCHES => {
                u8::try_from(full.saturating_add(1)).ok().map(|batch| Series::Blockchain { year, batch })
            }
            Document::FullyDigital if full < DIGITAL_HEADS => {
                u32::try_from(full).ok().map(|head| Series::Digital { year, head })
            }
            Document::BlockchainOrdinary | Document::FullyDigital => None,
        };
        let id = series.zip(number).map(|(series, number)| InvoiceId { code: InvoiceCode(series), number });
        id.ok_or_else(|| Fault::new(Code::InvNumbersExhausted, "", "this year's numbers are used up"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(day: &str) -> NumberSequence {
        NumberSequence::of(Document::BlockchainOrdinary, LegalDate::parse(day).unwrap())
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
    fn numbers_of_digital_invoices_run_through_fifteen_digits() {
        let year = NumberSequence::of(Document::FullyDigital, LegalDate::parse("2026-11-22").unwrap());
        for (n, id, printed) in [
            (1, "269520000000-00000001", "26952000000000000001"),
            (99_999_999, "269520000000-99999999", "26952000000099999999"),
            (100_000_000, "269520000001-00000001", "26952000000100000001"),
            (999_999_990_000_000, "269529999999-99999999", "26952999999999999999"),
        ] {
            let given = year.nth(n).unwrap();
            assert_eq!((given.to_string().as_str(), given.printed_number().as_str()), (id, printed), "{n}");
            assert_eq!((InvoiceId::try_from(id).unwrap(), given.printed_code()), (given, None));
        }
        assert_eq!(year.nth(999_999_990_000_001).unwrap_err().code, Code::InvNumbersExhausted);
    }

    #[test]
    fn each_code_is_of_one_kind() {
        let kind = |text| InvoiceCode::try_from(text).unwrap().document();
        // The second is the beginning of a real digital invoice's number (domain.md 1.12).
        assert_eq!(
            [kind("144032609110"), kind("249520000000")],
            [Document::BlockchainOrdinary, Document::FullyDigital]
        );
        let id = InvoiceId::try_from("144032609110-00000007").unwrap();
        assert_eq!((id.printed_code().as_deref(), id.printed_number().as_str()), (Some("144032609110"), "00000007"));
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
            "269510000000",
            "264420000000",
            "169520000000",
            "26952000000",
            "26952+000000",
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
