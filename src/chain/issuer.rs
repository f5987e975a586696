//! Who signs drafts: an Ethereum-style key and address, EIP-191 personal messages, recoverable signatures.
//!
//! A signature is RFC 6979 ECDSA over secp256k1 with low s, 65 bytes r, s and v (27 or 28); any Ethereum library can make and check it.

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::hash::{Hash, hash_parts, keccak256, lower_hex, write_hex};
use super::signing::{Signed, sign_one};
use crate::base::{Code, Fault, Secret};

/// v of an Ethereum signature is this plus the parity of the nonce point's y.
const V_BASE: u8 = 27;

/// An issuer's address: the last 20 bytes of keccak256 of the public key. As text 40 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

impl Address {
    pub(super) fn of(key: &VerifyingKey) -> Self {
        let point = key.to_sec1_point(false);
        let Hash(hash) = keccak256(point.as_bytes().get(1..).unwrap_or_default());
        let mut address = [0; 20];
        address.copy_from_slice(hash.last_chunk::<20>().unwrap_or(&[0; 20]));
        Self(address)
    }

    /// For people: `0x` and 40 hex digits whose capitals are a checksum (EIP-55).
    pub fn to_eip55(&self) -> String {
        let text = self.to_string();
        let checksum = keccak256(&text).to_string();
        let cased = text.chars().zip(checksum.chars()).map(|(digit, check)| match check {
            '8'..='9' | 'a'..='f' => digit.to_ascii_uppercase(),
            _ => digit,
        });
        "0x".chars().chain(cased).collect()
    }

    /// Reads an address as [`Address::to_eip55`] prints it.
    ///
    /// # Errors
    /// [`Code::ChainAddressMalformed`] for any other text, a wrong checksum included.
    pub fn parse_eip55(text: &str) -> Result<Self, Fault> {
        let wrong = || {
            Fault::new(Code::ChainAddressMalformed, "", "the address is not 0x and 40 hex digits with EIP-55 checksum")
        };
        let digits = text.strip_prefix("0x").ok_or_else(wrong)?.to_ascii_lowercase();
        let address = lower_hex(&digits).map(Self).ok_or_else(wrong)?;
        if address.to_eip55() == text { Ok(address) } else { Err(wrong()) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0, &mut [0; 40])
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl FromStr for Address {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        lower_hex(text)
            .map(Self)
            .ok_or_else(|| Fault::new(Code::ChainAddressMalformed, "", "an address is 40 lower-case hex digits"))
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An issuer's signature: r, s and v. As text 130 lower-case hex digits. That it is well-formed says nothing about whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IssuerSignature(pub [u8; 65]);

impl fmt::Display for IssuerSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0, &mut [0; 130])
    }
}

impl fmt::Debug for IssuerSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerSignature({self})")
    }
}

impl FromStr for IssuerSignature {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        lower_hex(text).map(Self).ok_or_else(|| {
            Fault::new(Code::ChainSignatureMalformed, "", "an issuer signature is 130 lower-case hex digits")
        })
    }
}

impl Serialize for IssuerSignature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IssuerSignature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The hash of an EIP-191 personal message (version byte 0x45): what an issuer signs.
pub fn eip191_hash(text: &str) -> Hash {
    let prefix = format!("\x19Ethereum Signed Message:\n{}", text.len());
    hash_parts(&[prefix.as_bytes(), text.as_bytes()])
}

/// An issuer's private key, parsed once, with its address. Memory is wiped on drop.
#[derive(Clone)]
pub struct IssuerKey {
    key: SigningKey,
    address: Address,
}

impl IssuerKey {
    /// The key with these 32 bytes (big-endian).
    ///
    /// # Errors
    /// [`Code::ChainKeyMalformed`] when they are 0 or not below the order of the curve.
    pub fn from_secret(secret: &Secret<[u8; 32]>) -> Result<Self, Fault> {
        let key = signing_key(secret)?;
        let address = Address::of(key.verifying_key());
        Ok(Self { key, address })
    }

    /// The address that stands for the key.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a draft's canonical text as an EIP-191 personal message.
    pub fn sign(&self, text: &str) -> IssuerSignature {
        self.sign_hash(eip191_hash(text))
    }

    /// Signs the hash of a personal message, as [`eip191_hash`] makes it. Several at once: [`super::sign_all`].
    pub fn sign_hash(&self, hash: Hash) -> IssuerSignature {
        sign_one(&self.key, &hash).into()
    }

    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }
}

impl From<Signed> for IssuerSignature {
    fn from((signature, y_is_odd): Signed) -> Self {
        // A nonce point whose x is at or above the order (chance 2^-127) would need v = 29 or 30, which Ethereum does not have.
        // Such a signature would not recover, so it can't pass for another's.
        let v = V_BASE.saturating_add(u8::from(y_is_odd));
        let mut bytes = [v; 65];
        for (place, byte) in bytes.iter_mut().zip(signature.to_bytes()) {
            *place = byte;
        }
        Self(bytes)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerKey({}, ***)", self.address)
    }
}

/// A private key from its bytes, without the bytes in the error.
pub(super) fn signing_key(secret: &Secret<[u8; 32]>) -> Result<SigningKey, Fault> {
    SigningKey::from_slice(secret.expose()).map_err(|e| {
        Fault::new(Code::ChainKeyMalformed, "", format!("the bytes are not a private key on secp256k1: {e}"))
    })
}

/// Who signed a text: the address of the one key for which the signature is good.
///
/// # Errors
/// [`Code::ChainSignatureBad`] when v is not 27 or 28, r or s is out of range, s is high, or there is no such point.
pub fn recover(text: &str, signature: &IssuerSignature) -> Result<Address, Fault> {
    let (rs, y_is_odd) = split(signature)?;
    let key = VerifyingKey::recover_from_prehash(eip191_hash(text).as_bytes(), &rs, RecoveryId::new(y_is_odd, false))
        .map_err(|e| bad(&format!("no key gives this signature: {e}")))?;
    Ok(Address::of(&key))
}

fn bad(what: &str) -> Fault {
    Fault::new(Code::ChainSignatureBad, "", what)
}

/// r and s, both in range and s low, and whether the nonce point's y is odd.
pub(super) fn split(signature: &IssuerSignature) -> Result<(Signature, bool), Fault> {
    let IssuerSignature([rs @ .., v]) = signature;
    let parity = v.checked_sub(V_BASE).filter(|parity| *parity <= 1).ok_or_else(|| bad("v is neither 27 nor 28"))?;
    let rs = low_s(rs).ok_or_else(|| bad("r or s is out of range, or s is high"))?;
    Ok((rs, parity == 1))
}

/// r and s from 64 bytes, both in range and s in the lower half: of two signatures that would verify, the one that counts.
pub(super) fn low_s(bytes: &[u8]) -> Option<Signature> {
    Signature::from_slice(bytes).ok().filter(|signature| signature.normalize_s() == *signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> IssuerKey {
        IssuerKey::from_secret(&Secret::new([byte; 32])).unwrap()
    }

    #[test]
    fn addresses_print_with_the_checksum_of_eip_55() {
        // The examples of EIP-55 itself.
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(Address::parse_eip55(text).unwrap().to_eip55(), text);
            assert_eq!(Address::parse_eip55(&text.to_lowercase()).unwrap_err().code, Code::ChainAddressMalformed);
        }
    }

    #[test]
    fn a_signature_recovers_its_address_and_no_other_text_does() {
        let signature = key(7).sign("{}");
        assert_eq!(recover("{}", &signature).unwrap(), key(7).address());
        assert_ne!(recover("{ }", &signature).ok(), Some(key(7).address()));
    }

    #[test]
    fn the_other_s_is_refused() {
        let IssuerSignature(bytes) = key(7).sign("{}");
        let low = Signature::from_slice(&bytes[..64]).unwrap();
        let high = Signature::from_scalars(low.r(), -*low.s()).unwrap();
        let mut other = [0; 65];
        other[..64].copy_from_slice(&high.to_bytes());
        other[64] = 55 - bytes[64];
        assert_eq!(recover("{}", &IssuerSignature(other)).unwrap_err().code, Code::ChainSignatureBad);
    }

    #[test]
    fn other_v_and_empty_scalars_are_refused() {
        let IssuerSignature(bytes) = key(7).sign("{}");
        for v in [0, 1, 26, 29, 30, 255] {
            let mut other = bytes;
            other[64] = v;
            assert_eq!(recover("{}", &IssuerSignature(other)).unwrap_err().code, Code::ChainSignatureBad, "{v}");
        }
        for range in [0..32, 32..64] {
            let mut other = bytes;
            other[range].fill(0);
            assert_eq!(recover("{}", &IssuerSignature(other)).unwrap_err().code, Code::ChainSignatureBad);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key(7)), format!("IssuerKey({}, ***)", key(7).address()));
        let order = [0xff; 32];
        assert_eq!(IssuerKey::from_secret(&Secret::new(order)).unwrap_err().code, Code::ChainKeyMalformed);
    }
}
