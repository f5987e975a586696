//! Seals: a member's precommit vote for a header, as consensus signs it and as the local engine signs it with round 0.

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use k256::ecdsa::{Signature, SigningKey};
use serde::{Deserialize, Serialize};

use super::canonical::{FormatVersion, to_canonical};
use super::hash::{Hash, keccak256, lower_hex, write_hex};
use super::issuer::{low_s, signing_key};
use super::roster::{MemberKey, MemberName};
use crate::base::ids::ChainId;
use crate::base::{Code, Fault, Secret};

#[derive(Serialize)]
struct Vote<'a> {
    v: FormatVersion,
    chain: &'a ChainId,
    height: u64,
    round: u32,
    header: &'a Hash,
}

/// The canonical text of the vote for a header: what a seal signs. No other vote of consensus MAY have this form.
///
/// # Errors
/// [`Code::ChainNumberRange`] when the height is 2^53 or more.
pub fn vote_text(chain: &ChainId, height: u64, round: u32, header: &Hash) -> Result<String, Fault> {
    to_canonical(&Vote { v: FormatVersion, chain, height, round, header })
}

/// A seal's signature: r and s. As text 128 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealSignature(pub [u8; 64]);

impl fmt::Display for SealSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0, &mut [0; 128])
    }
}

impl fmt::Debug for SealSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealSignature({self})")
    }
}

impl FromStr for SealSignature {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        lower_hex(text)
            .map(Self)
            .ok_or_else(|| Fault::new(Code::ChainSignatureMalformed, "", "a seal is 128 lower-case hex digits"))
    }
}

impl Serialize for SealSignature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SealSignature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One member's seal on one header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Who sealed.
    pub member: MemberName,
    /// The round of consensus in which it was decided; 0 under the local engine.
    pub round: u32,
    /// The signature over the vote's text.
    pub signature: SealSignature,
}

impl Seal {
    /// Checks the signature against a member's key. That the key is the member's, the caller knows from the roster.
    ///
    /// # Errors
    /// [`Code::ChainSealBad`] when r or s is out of range, s is high, or the signature is not of this key and vote;
    /// [`Code::ChainNumberRange`] when the height is 2^53 or more.
    pub fn verify(&self, chain: &ChainId, height: u64, header: &Hash, key: &MemberKey) -> Result<(), Fault> {
        let vote = keccak256(vote_text(chain, height, self.round, header)?);
        let bad = |what: &str| Fault::new(Code::ChainSealBad, "", format!("the seal of {} {what}", self.member));
        let signature = low_s(&self.signature.0).ok_or_else(|| bad("has r or s out of range, or a high s"))?;
        key.0
            .verify_prehash(vote.as_bytes(), &signature)
            .map_err(|e| bad(&format!("is not by the member's key over this vote: {e}")))
    }
}

/// A member's private key, parsed once. Memory is wiped on drop.
#[derive(Clone)]
pub struct SealKey(SigningKey);

impl SealKey {
    /// The key with these 32 bytes (big-endian).
    ///
    /// # Errors
    /// [`Code::ChainKeyMalformed`] when they are 0 or not below the order of the curve.
    pub fn from_secret(secret: &Secret<[u8; 32]>) -> Result<Self, Fault> {
        signing_key(secret).map(Self)
    }

    /// The public key.
    pub fn public(&self) -> MemberKey {
        MemberKey(*self.0.verifying_key())
    }

    pub(super) fn key(&self) -> &SigningKey {
        &self.0
    }

    /// Seals a header. With several keys at once: [`super::seal_all`].
    ///
    /// # Errors
    /// [`Code::ChainNumberRange`] when the height is 2^53 or more.
    pub fn seal(
        &self,
        member: &MemberName,
        chain: &ChainId,
        height: u64,
        round: u32,
        header: &Hash,
    ) -> Result<Seal, Fault> {
        let signature = self.sign(&vote_text(chain, height, round, header)?)?;
        Ok(Seal { member: member.clone(), round, signature })
    }

    /// Signs a text of consensus: RFC 6979 ECDSA with low s over keccak256 of the text.
    ///
    /// # Errors
    /// [`Code::Internal`] when the library can't sign, which for a 32-byte hash it always can.
    pub fn sign(&self, text: &str) -> Result<SealSignature, Fault> {
        self.sign_hash(&keccak256(text))
    }

    pub(super) fn sign_hash(&self, hash: &Hash) -> Result<SealSignature, Fault> {
        let signature: Signature = self
            .0
            .sign_prehash(hash.as_bytes())
            .map_err(|e| Fault::new(Code::Internal, "", format!("the hash can't be signed: {e}")))?;
        Ok(SealSignature(signature.to_bytes().into()))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({}, ***)", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> (ChainId, MemberName, SealKey, Hash) {
        let key = SealKey::from_secret(&Secret::new([9; 32])).unwrap();
        ("test".try_into().unwrap(), "kingdee".try_into().unwrap(), key, keccak256("header"))
    }

    #[test]
    fn the_vote_is_canonical_text() {
        let (chain, _, _, header) = setting();
        let expected = format!(r#"{{"chain":"test","header":"{header}","height":7,"round":0,"v":1}}"#);
        assert_eq!(vote_text(&chain, 7, 0, &header).unwrap(), expected);
        assert_eq!(vote_text(&chain, 1 << 53, 0, &header).unwrap_err().code, Code::ChainNumberRange);
    }

    #[test]
    fn a_seal_counts_for_its_own_vote_and_key_only() {
        let (chain, member, key, header) = setting();
        let seal = key.seal(&member, &chain, 7, 0, &header).unwrap();
        assert_eq!(seal.verify(&chain, 7, &header, &key.public()), Ok(()));
        let other_key = SealKey::from_secret(&Secret::new([8; 32])).unwrap().public();
        let other_round = Seal { round: 1, ..seal.clone() };
        let other_chain = "test2".try_into().unwrap();
        for refused in [
            seal.verify(&chain, 8, &header, &key.public()),
            seal.verify(&chain, 7, &keccak256("other"), &key.public()),
            seal.verify(&other_chain, 7, &header, &key.public()),
            seal.verify(&chain, 7, &header, &other_key),
            other_round.verify(&chain, 7, &header, &key.public()),
        ] {
            assert_eq!(refused.unwrap_err().code, Code::ChainSealBad);
        }
    }

    #[test]
    fn the_other_s_is_refused() {
        let (chain, member, key, header) = setting();
        let seal = key.seal(&member, &chain, 7, 0, &header).unwrap();
        let low = Signature::from_slice(&seal.signature.0).unwrap();
        let high = Signature::from_scalars(low.r(), -*low.s()).unwrap();
        let other = Seal { signature: SealSignature(high.to_bytes().into()), ..seal };
        assert_eq!(other.verify(&chain, 7, &header, &key.public()).unwrap_err().code, Code::ChainSealBad);
    }
}
