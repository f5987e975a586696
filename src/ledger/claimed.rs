//! What a face or a QR code says about an invoice, read from the words that come in a query: the service's and nobody else's to believe.

use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::invoice::money::Fen;
use crate::invoice::number::InvoiceNumber;

/// What a face or a QR code says about an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Leaf hash.
    pub hash: Hash,
    /// 8-digit number.
    pub number: InvoiceNumber,
    /// Tax-inclusive total.
    pub total: Fen,
}

impl Claimed {
    /// Reads the three members of the QR code's query (domain.md 1.4): printed hash of 66 hex digits, number of 8 digits, fen.
    ///
    /// # Errors
    /// [`Code::HttpQueryMalformed`] at the member that is not of its form.
    pub fn read(hash: &str, bill_num: &str, total_amount: &str) -> Result<Self, Fault> {
        let wrong = |name: &str, why: String| Fault::new(Code::HttpQueryMalformed, name, why);
        let total = total_amount.parse::<i64>().ok().and_then(|fen| Fen::new(fen).ok());
        Ok(Self {
            hash: Hash::parse_printed(hash)
                .map_err(|fault| wrong("hash", format!("66 hex digits: {}", fault.message)))?,
            number: InvoiceNumber::try_from(bill_num).map_err(|fault| wrong("bill_num", fault.message))?,
            total: total.ok_or_else(|| wrong("total_amount", "an amount in fen, without a point".to_owned()))?,
        })
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
    use super::fen_of;

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
}
