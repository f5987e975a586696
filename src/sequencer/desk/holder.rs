//! Who holds an invoice, as its holder says it: an identity and a salt. Neither goes any further than this: the ledger, the idempotency
//! fingerprint and the log see the commitment at most.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::base::{Code, Fault, Secret};
use crate::chain::hash::{Hash, holder_hash};

/// Bytes of a salt.
const SALT_BYTES: usize = 32;

/// Characters of an identity at most: names, telephone numbers, openids and their like.
const IDENTITY_CHARACTERS_MAX: usize = 128;

/// A holder's salt: 64 lower-case hex digits, random, and kept by the holder. Who loses it can't prove any more that it holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Salt(Secret<[u8; SALT_BYTES]>);

impl Salt {
    /// The commitment to an identity under this salt: keccak256 of the byte 05, the salt's 32 bytes and the identity as UTF-8.
    pub fn commit(&self, identity: &str) -> Hash {
        holder_hash(self.0.expose(), identity)
    }
}

impl TryFrom<String> for Salt {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        let text = Zeroizing::new(text);
        let wrong = |why: &str| Fault::new(Code::HttpShapeWrong, "", why.to_owned());
        let mut bytes = Zeroizing::new([0; SALT_BYTES]);
        let is_hex = !text.bytes().any(|b| b.is_ascii_uppercase()) && hex::decode_to_slice(&*text, &mut *bytes).is_ok();
        if !is_hex {
            return Err(wrong("a salt is 64 lower-case hex digits"));
        }
        // Whether bytes are random nobody can tell; these are not.
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(wrong("a salt is random: this one repeats one byte"));
        }
        Ok(Self(Secret::new(*bytes)))
    }
}

/// Whatever names a holder: 1 to 128 characters, none of them a control character.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Identity(Secret<String>);

impl TryFrom<String> for Identity {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        let text = Secret::new(text);
        let characters = text.expose().chars().count();
        if !(1..=IDENTITY_CHARACTERS_MAX).contains(&characters) || text.expose().chars().any(char::is_control) {
            let message = format!("an identity is 1 to {IDENTITY_CHARACTERS_MAX} characters on one line");
            return Err(Fault::new(Code::HttpShapeWrong, "", message));
        }
        Ok(Self(text))
    }
}

impl Identity {
    /// The identity itself. MUST NOT be stored or logged.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A holder that proves itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    id: Identity,
    salt: Salt,
}

impl Holder {
    /// What the ledger knows of it.
    pub fn commitment(&self) -> Hash {
        self.salt.commit(self.id.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_commitment_is_that_of_the_written_rule() {
        let holder: Holder = serde_json::from_str(&format!(r#"{{"id":"王小明","salt":"{SALT}"}}"#)).unwrap();
        let bytes = [&[5][..], &hex::decode(SALT).unwrap(), "王小明".as_bytes()].concat();
        assert_eq!(holder.commitment(), crate::chain::hash::keccak256(bytes));
    }

    #[test]
    fn salts_and_identities_of_another_form_are_refused() {
        for bad in
            ["", "00", &SALT.to_uppercase(), SALT.trim_start_matches('0'), &"ab".repeat(32), &format!("{SALT}00")]
        {
            assert!(Salt::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in ["", "a\nb", &"王".repeat(129)] {
            assert!(Identity::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(Identity::try_from("王".repeat(128)).is_ok());
    }

    #[test]
    fn debug_shows_neither() {
        let holder: Holder = serde_json::from_str(&format!(r#"{{"id":"nobody","salt":"{SALT}"}}"#)).unwrap();
        let text = format!("{holder:?}");
        assert!(!text.contains("nobody") && !text.contains("0, 1, 2"), "{text}");
    }
}
