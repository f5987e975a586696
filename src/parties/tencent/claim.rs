//! Claim links: a bearer token for the payer. It is made again whenever it is asked for and kept nowhere.
//!
//! Token: HMAC-SHA256, 64 lower-case hex digits, over `payment`, chain, provider and transaction, or `invoice`, chain and invoice id, each
//! on a line of its own. Its key is derived by HKDF-SHA256 (RFC 5869) from the custody master key with the info `claim`, so that the
//! same keyring gives the same tokens for ever, and nobody can tell the master key from them.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};

use crate::base::ids::{ChainId, Provider, TransactionId};
use crate::base::secret::constant_time_eq;
use crate::base::{Code, Fault, Secret};
use crate::invoice::InvoiceId;

/// What HKDF is told that the key is for.
const INFO: &[u8] = b"claim";

/// What can be claimed with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimable {
    /// Whatever is invoiced of a payment.
    Payment(Provider, TransactionId),
    /// An invoice that draws on no payment.
    Invoice(InvoiceId),
}

impl Claimable {
    /// The name and value that stand for it in a link's query, the value percent-encoded (RFC 3986).
    pub fn in_query(&self) -> (&'static str, String) {
        match self {
            Self::Payment(provider, transaction) => ("payment", percent_encoded(&format!("{provider}/{transaction}"))),
            Self::Invoice(id) => ("invoice", percent_encoded(&id.to_string())),
        }
    }

    /// What the token is made over. No part can hold a line feed, so different ones never give the same text.
    fn text(&self, chain: &ChainId) -> String {
        match self {
            Self::Payment(provider, transaction) => format!("payment\n{chain}\n{provider}\n{transaction}"),
            Self::Invoice(id) => format!("invoice\n{chain}\n{id}"),
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Makes and judges claim tokens.
pub struct ClaimTokens(hmac::Key);

impl fmt::Debug for ClaimTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimTokens(***)")
    }
}

impl ClaimTokens {
    /// Tokens under the key that is derived from a master key.
    ///
    /// # Errors
    /// [`Code::CustodyKeyUnusable`].
    pub fn new(master: &Secret<[u8; 32]>) -> Result<Self, Fault> {
        let unusable = |e| {
            Fault::new(Code::CustodyKeyUnusable, "", format!("no claim key can be derived from the master key: {e}"))
        };
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(master.expose());
        let key = derived.expand(&[INFO], hmac::HMAC_SHA256).map_err(unusable)?;
        Ok(Self(hmac::Key::from(key)))
    }

    /// The token of something.
    pub fn token(&self, chain: &ChainId, claimable: &Claimable) -> Secret<String> {
        Secret::new(hex::encode(hmac::sign(&self.0, claimable.text(chain).as_bytes())))
    }

    /// Whether it is the token of this, in time that does not depend on where it differs.
    pub fn fits(&self, chain: &ChainId, claimable: &Claimable, token: &Secret<String>) -> bool {
        constant_time_eq(self.token(chain, claimable).expose().as_bytes(), token.expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENT_TOKEN: &str = "4c5cf37f143e6fc4e6cec42ea43ec7e3ce4836af3fe07772ca5bf38b36c8a4e8";
    const INVOICE_TOKEN: &str = "5a2d4ba51cfa776dbf4204651d09d09a8a70c943bc67c6c1edb2d2cf4ccd0204";

    fn chain(name: &str) -> ChainId {
        ChainId::try_from(name).unwrap()
    }

    fn payment(provider: &str, transaction: &str) -> Claimable {
        Claimable::Payment(Provider::try_from(provider).unwrap(), TransactionId::try_from(transaction).unwrap())
    }

    fn invoice(number: &str) -> Claimable {
        Claimable::Invoice(InvoiceId::try_from(format!("144032609110-{number}")).unwrap())
    }

    fn tokens(byte: u8) -> ClaimTokens {
        ClaimTokens::new(&Secret::new([byte; 32])).unwrap()
    }

    #[test]
    fn a_token_is_fixed_by_its_rule() {
        // Computed with Python's hmac and hashlib: extract with 32 zero bytes, expand "claim" + 01, then the text.
        let home = chain("shenzhen-sandbox");
        assert_eq!(tokens(7).token(&home, &payment("wechat-pay", "4200000001")).expose(), PAYMENT_TOKEN);
        assert_eq!(tokens(7).token(&home, &invoice("00000001")).expose(), INVOICE_TOKEN);
    }

    #[test]
    fn every_part_makes_another_token() {
        let home = chain("shenzhen-sandbox");
        let known = tokens(7).token(&home, &payment("wechat-pay", "4200000001"));
        assert!(tokens(7).fits(&home, &payment("wechat-pay", "4200000001"), &known));
        for (tokens, chain, claimable) in [
            (tokens(8), home.clone(), payment("wechat-pay", "4200000001")),
            (tokens(7), chain("shenzhen-other"), payment("wechat-pay", "4200000001")),
            (tokens(7), home.clone(), payment("wechat-pa", "4200000001")),
            (tokens(7), home.clone(), payment("wechat-pay", "4200000002")),
            (tokens(7), home.clone(), invoice("00000001")),
        ] {
            assert!(!tokens.fits(&chain, &claimable, &known), "{claimable:?}");
        }
    }

    #[test]
    fn a_token_that_is_cut_longer_or_empty_does_not_fit() {
        let (home, what) = (chain("shenzhen-sandbox"), invoice("00000001"));
        let known = tokens(7).token(&home, &what).expose().clone();
        for bad in [String::new(), known.chars().skip(1).collect(), format!("{known}0"), known.to_uppercase()] {
            assert!(!tokens(7).fits(&home, &what, &Secret::new(bad.clone())), "{bad}");
        }
    }

    #[test]
    fn what_would_end_a_query_is_encoded() {
        assert_eq!(
            payment("wechat-pay", "a&b#c%+1").in_query(),
            ("payment", "wechat-pay%2Fa%26b%23c%25%2B1".to_owned())
        );
        assert_eq!(invoice("00000001").in_query(), ("invoice", "144032609110-00000001".to_owned()));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", tokens(7)), "ClaimTokens(***)");
    }
}
