//! Checked names: chain, merchant, idempotency key, partner's transaction. Private field, `TryFrom` only.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::code::{Code, Fault};
use super::limits::IDEMPOTENCY_KEY_BYTES_MAX;

/// Declares a checked string type: name, rule (a predicate), and what to tell a caller whose text breaks it.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $code:expr, $rule:expr, $expects:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Fault;

            fn try_from(text: String) -> Result<Self, Fault> {
                let rule: fn(&str) -> bool = $rule;
                if rule(&text) { Ok(Self(text)) } else { Err(Fault::new($code, "", $expects)) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Fault;

            fn try_from(text: &str) -> Result<Self, Fault> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_slug(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
}

fn is_token(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_graphic())
}

checked_text!(
    /// A chain's id, for example `shenzhen-sandbox`. Part of everything that is signed.
    ChainId,
    Code::IdMalformed,
    |t| is_slug(t, 40),
    "a chain id is 1 to 40 of a-z, 0-9 and '-'"
);

impl ChainId {
    /// Whether documents of this chain are samples: every chain but one whose id ends in `-production`.
    pub fn is_sandbox(&self) -> bool {
        !self.0.ends_with("-production")
    }
}

checked_text!(
    /// A merchant's id on one chain: `M` and eight digits, given in order of registration.
    MerchantId,
    Code::IdMalformed,
    |t| t.len() == 9 && t.strip_prefix('M').is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit())),
    "a merchant id is 'M' and eight digits"
);

impl MerchantId {
    /// The id of the `n`-th merchant (from 1); `None` when eight digits are used up.
    pub fn nth(n: u64) -> Option<Self> {
        (1..=99_999_999).contains(&n).then(|| Self(format!("M{n:08}")))
    }
}

checked_text!(
    /// A caller's idempotency key: 1 to 255 printable ASCII characters without spaces.
    IdempotencyKey,
    Code::IdempotencyKeyMalformed,
    |t| is_token(t, IDEMPOTENCY_KEY_BYTES_MAX),
    "an idempotency key is 1 to 255 printable ASCII characters without spaces"
);

checked_text!(
    /// A payment provider's name, for example `wechat-pay`.
    Provider,
    Code::IdMalformed,
    |t| is_slug(t, 32),
    "a provider is 1 to 32 of a-z, 0-9 and '-'"
);

checked_text!(
    /// A payment or refund id as the provider gave it (WeChat Pay: at most 32 characters, others up to 64).
    TransactionId,
    Code::IdMalformed,
    |t| is_token(t, 64),
    "a transaction id is 1 to 64 printable ASCII characters without spaces"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_does_not_fit() {
        assert!(ChainId::try_from("shenzhen-sandbox").is_ok());
        for bad in ["", "-x", "Shenzhen", "a b", "深圳"] {
            assert_eq!(ChainId::try_from(bad).unwrap_err().code, Code::IdMalformed, "{bad}");
        }
        assert_eq!(MerchantId::nth(7).unwrap().as_str(), "M00000007");
        assert!(MerchantId::nth(0).is_none());
        assert!(MerchantId::try_from("M0000000x").is_err());
        assert!(IdempotencyKey::try_from("k".repeat(255)).is_ok());
        assert!(IdempotencyKey::try_from("k".repeat(256)).is_err());
        assert!(IdempotencyKey::try_from("two words").is_err());
    }

    #[test]
    fn only_a_production_chain_is_not_a_sandbox() {
        assert!(ChainId::try_from("shenzhen-sandbox").unwrap().is_sandbox());
        assert!(!ChainId::try_from("shenzhen-production").unwrap().is_sandbox());
    }
}
