//! What a face or a QR code says about an invoice, read from the words that come in a query: the service's and nobody else's to believe.

use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::invoice::Document;
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceCode, InvoiceNumber};

/// What a face or a QR code says about an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Leaf hash.
    pub hash: Hash,
    /// Of a fully digital invoice, whose number was given with all its 20 digits: the first twelve.
    pub code: Option<InvoiceCode>,
    /// 8-digit number.
    pub number: InvoiceNumber,
    /// Tax-inclusive total.
    pub total: Fen,
}

impl Claimed {
    /// Reads the three members of the QR code's query (domain.md 1.4): printed hash of 66 hex digits, number of 8 digits (or the 20
    /// of a fully digital invoice), fen.
    ///
    /// # Errors
    /// [`Code::HttpQueryMalformed`] at the member that is not of its form.
    pub fn read(hash: &str, bill_num: &str, total_amount: &str) -> Result<Self, Fault> {
        let wrong = |name: &str, why: String| Fault::new(Code::HttpQueryMalformed, name, why);
        let total = total_amount.parse::<i64>().ok().and_then(|fen| Fen::new(fen).ok());
        let numbered = match bill_num.split_at_checked(12).filter(|(_, last)| last.len() == 8) {
            Some((first, last)) => digital(first).and_then(|code| Ok((Some(code), InvoiceNumber::try_from(last)?))),
            None => InvoiceNumber::try_from(bill_num).map(|number| (None, number)),
        };
        let (code, number) = numbered.map_err(|fault| wrong("bill_num", fault.message))?;
        Ok(Self {
            code,
            number,
            hash: Hash::parse_printed(hash)
                .map_err(|fault| wrong("hash", format!("66 hex digits: {}", fault.message)))?,
            total: total.ok_or_else(|| wrong("total_amount", "an amount in fen, without a point".to_owned()))?,
        })
    }
}

/// The first twelve of a digital invoice's 20 digits; what has a code of its own has only eight.
fn digital(first: &str) -> Result<InvoiceCode, Fault> {
    match InvoiceCode::try_from(first)? {
        code if code.document() == Document::FullyDigital => Ok(code),
        _ => Err(Fault::new(Code::InvNumberMalformed, "", "the number has eight digits; the code is not part of it")),
    }
}

/// Yuan with at most two decimals as fen; a red invoice's are below zero, printed with the sign before or behind the ¥.
pub fn fen_of(yuan: &str) -> Option<String> {
    let yuan = yuan.trim();
    let (sign, yuan) = yuan.strip_prefix('-').map_or(("", yuan), |rest| ("-", rest));
    let yuan = yuan.trim_start_matches(['¥', '￥']);
    let (sign, yuan) =
        if sign.is_empty() { yuan.strip_prefix('-').map_or(("", yuan), |rest| ("-", rest)) } else { (sign, yuan) };
    let (whole, part) = yuan.split_once('.').unwrap_or((yuan, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 13 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let fen: i64 = format!("{sign}{whole}{part:0<2}").parse().ok()?;
    Some(fen.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_become_fen_without_floats() {
        assert_eq!(fen_of("498.10").as_deref(), Some("49810"));
        assert_eq!(fen_of("¥0.01").as_deref(), Some("1"));
        assert_eq!(fen_of("12").as_deref(), Some("1200"));
        assert_eq!(fen_of("12.5").as_deref(), Some("1250"));
        for red in ["-498.10", "¥-498.10", "-¥498.10"] {
            assert_eq!(fen_of(red).as_deref(), Some("-49810"), "{red}");
        }
        for bad in ["", ".", "-", "--1", "-¥-1", "1.234", "1e3", "一"] {
            assert_eq!(fen_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digital_number_may_be_given_whole() {
        let hash = format!("01{}", "a".repeat(64));
        let read =
            |number: &str| Claimed::read(&hash, number, "100").map(|claimed| (claimed.code, claimed.number.get()));
        assert_eq!(read("00000007").unwrap(), (None, 7));
        let whole = read("26952000000000000007").unwrap();
        assert_eq!((whole.0.map(|code| code.to_string()).as_deref(), whole.1), (Some("269520000000"), 7));
        for wrong in
            ["14403260911000000007", "2695200000000000000", "26952000000000000000", "26952000000-00000007", "0000007"]
        {
            let fault = read(wrong).unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (Code::HttpQueryMalformed, "bill_num"), "{wrong}");
        }
    }
}
