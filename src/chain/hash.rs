//! keccak256 and its seven uses, told apart by a first byte: leaf 0x00, node 0x01, header 0x02, roster 0x03, running hash of a
//! merchant's entries 0x04, holder 0x05, statement signed by members 0x06.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

use crate::base::{Code, Fault};

const LEAF: &[u8] = &[0x00];
const NODE: &[u8] = &[0x01];
const HEADER: &[u8] = &[0x02];
const ROSTER: &[u8] = &[0x03];
const RUNNING: &[u8] = &[0x04];
const HOLDER: &[u8] = &[0x05];
const STATEMENT: &[u8] = &[0x06];

/// What a printed hash begins with: the algorithm, keccak256.
const PRINTED_PREFIX: &str = "01";

/// Characters of the check code on the face: the last ones of the printed hash.
const CHECK_CODE_CHARS: usize = 5;

/// A keccak256 hash. As text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// 32 zero bytes: what stands before the first header.
    pub const ZERO: Self = Self([0; 32]);

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As printed on the face and in the QR code: `01` (keccak256) and 64 lower-case hex digits.
    pub fn printed(&self) -> String {
        format!("{PRINTED_PREFIX}{self}")
    }

    /// The last five characters of the printed hash.
    pub fn check_code(&self) -> String {
        let mut text = self.to_string();
        text.split_off(text.len().saturating_sub(CHECK_CODE_CHARS))
    }

    /// Reads a printed hash.
    ///
    /// # Errors
    /// [`Code::ChainHashMalformed`] unless the text is `01` and 64 lower-case hex digits.
    pub fn parse_printed(text: &str) -> Result<Self, Fault> {
        text.strip_prefix(PRINTED_PREFIX)
            .ok_or_else(|| Fault::new(Code::ChainHashMalformed, "", "a printed hash begins with 01"))?
            .parse()
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = Fault;

    fn try_from(bytes: &[u8]) -> Result<Self, Fault> {
        match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => {
                Err(Fault::new(Code::ChainHashMalformed, "", format!("a hash has 32 bytes, not {}", bytes.len())))
            }
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0, &mut [0; 64])
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        lower_hex(text)
            .map(Self)
            .ok_or_else(|| Fault::new(Code::ChainHashMalformed, "", "a hash is 64 lower-case hex digits"))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Exactly `N` bytes from lower-case hex; `None` for anything else, capital digits included: one value has one text.
pub(super) fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// Writes bytes as lower-case hex, by way of a buffer of twice their length: ids are written many times a request.
pub(super) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8], digits: &mut [u8]) -> fmt::Result {
    hex::encode_to_slice(bytes, digits).map_err(|_other_length| fmt::Error)?;
    f.write_str(std::str::from_utf8(digits).map_err(|_no_digits| fmt::Error)?)
}

/// keccak256 of some parts, one behind the other.
pub(super) fn hash_parts(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// keccak256 in pieces, for who must feed it so.
#[derive(Default)]
pub struct Keccak(Keccak256);

impl Keccak {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all of them.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

impl fmt::Debug for Keccak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keccak(..)")
    }
}

/// The plain keccak256 of some bytes.
pub fn keccak256(bytes: impl AsRef<[u8]>) -> Hash {
    hash_parts(&[bytes.as_ref()])
}

/// The hash of an entry's text: the leaf of the tree.
pub fn leaf_hash(text: &str) -> Hash {
    hash_parts(&[LEAF, text.as_bytes()])
}

/// The hash of an inner node of the tree.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash_parts(&[NODE, &left.0, &right.0])
}

/// The hash of a header's text: what seals vouch for and the next header names.
pub fn header_hash(text: &str) -> Hash {
    hash_parts(&[HEADER, text.as_bytes()])
}

/// The hash of a roster's text: what headers name.
pub fn roster_hash(text: &str) -> Hash {
    hash_parts(&[ROSTER, text.as_bytes()])
}

/// The running hash of a merchant's entries after one more of them: the hash so far ([`Hash::ZERO`] before the first) and the leaf
/// hash of the new one. Whoever has the last one can tell whether any entry before is missing, changed or out of order.
pub fn running_hash(running: &Hash, leaf: &Hash) -> Hash {
    hash_parts(&[RUNNING, &running.0, &leaf.0])
}

/// The commitment that stands on the ledger for a holder. Without the salt nobody can try out identities against it.
pub fn holder_hash(salt: &[u8; 32], identity: &str) -> Hash {
    hash_parts(&[HOLDER, salt, identity.as_bytes()])
}

/// The hash of a statement's text: what members sign besides votes. A vote's hash has no first byte of its own, and its text begins
/// with a brace, so that no signature on one passes for a signature on the other.
pub fn statement_hash(text: &str) -> Hash {
    hash_parts(&[STATEMENT, text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keccak_is_not_sha3() {
        // The hash of nothing, as every Ethereum client has it (SHA3-256 would be a7ff...).
        assert_eq!(keccak256("").to_string(), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    }

    #[test]
    fn the_uses_do_not_mix() {
        let all = [leaf_hash("x"), header_hash("x"), roster_hash("x"), statement_hash("x"), keccak256("x")];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), 5);
        let pairs = [
            node_hash(&Hash::ZERO, &Hash::ZERO),
            running_hash(&Hash::ZERO, &Hash::ZERO),
            holder_hash(&[0; 32], &"\0".repeat(32)),
        ];
        let prefixed = [1, 4, 5].map(|first| keccak256([&[first][..], &[0; 64]].concat()));
        assert_eq!(pairs, prefixed);
        assert_eq!(statement_hash("x"), keccak256(b"\x06x"));
        assert_eq!(leaf_hash("x"), keccak256(b"\x00x"));
    }

    #[test]
    fn printed_form_goes_there_and_back() {
        let hash = keccak256("");
        assert_eq!(hash.printed(), format!("01{hash}"));
        assert_eq!(Hash::parse_printed(&hash.printed()).unwrap(), hash);
        assert_eq!(hash.check_code(), "5a470");
        for bad in [
            "",
            "01",
            &hash.to_string(),
            &format!("02{hash}"),
            &hash.printed().to_uppercase(),
            &format!("{}0", hash.printed()),
        ] {
            assert_eq!(Hash::parse_printed(bad).unwrap_err().code, Code::ChainHashMalformed, "{bad}");
        }
    }
}
