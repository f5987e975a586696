//! Present states of invoices in a header: what a state's text says, where it stands in the map, and the path that proves it.
//!
//! The map is a sparse Merkle tree as the crate `jmt` keeps it, with keccak256; the ledger keeps it ([`crate::ledger::present`]), this
//! room only checks paths. Section 12 of `fixtures/chain/README.md` writes it down.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::canonical::parse_canonical;
use super::hash::{Hash, hash_parts, keccak256};
use crate::base::{Code, Fault, UnixMs};

/// What stands before the parts of a leaf node.
const LEAF_NODE: &[u8] = b"JMT::LeafNode";
/// What stands before the parts of an inner node: so spelled, 16 bytes.
const INNER_NODE: &[u8] = b"JMT::IntrnalNode";
/// The hash of a subtree that nothing is in.
const PLACEHOLDER: Hash = Hash(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

/// Siblings on the longest path: one a bit of the key.
pub const SIBLINGS_MAX: usize = 256;

/// Digits of an invoice's name in the map: code and number.
const KEY_DIGITS: usize = 20;

/// The root of the map without any invoice in it.
pub fn empty_state_root() -> Hash {
    PLACEHOLDER
}

/// Where an invoice's state stands in the map: its 20 digits, one a nibble, and zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey(pub [u8; 32]);

impl StateKey {
    /// The key of 20 decimal digits: code and number, one behind the other. `None` for anything else.
    pub fn of_digits(digits: &str) -> Option<Self> {
        if digits.len() != KEY_DIGITS || digits.bytes().any(|byte| !byte.is_ascii_digit()) {
            return None;
        }
        let mut key = [0; 32];
        // Decimal digits are hex digits too, and each stands for its own nibble.
        hex::decode_to_slice(digits, key.first_chunk_mut::<{ KEY_DIGITS / 2 }>()?).ok()?;
        Some(Self(key))
    }

    /// The key of an invoice as documents name it, `<12 digits>-<8 digits>`. `None` for anything else.
    pub fn of_invoice(name: &str) -> Option<Self> {
        let (code, number) = name.split_once('-')?;
        Self::of_code(code, number)
    }

    /// The key of an invoice's code, 12 digits, and number, 8 digits. `None` for anything else.
    pub fn of_code(code: &str, number: &str) -> Option<Self> {
        (code.len() == 12 && number.len() == 8).then(|| Self::of_digits(&format!("{code}{number}"))).flatten()
    }

    /// Whether the bit at a depth is set; the root's children are told apart by bit 0, the most significant of the first byte.
    fn bit(&self, depth: usize) -> bool {
        let byte = self.0.get(depth.wrapping_shr(3)).copied().unwrap_or_default();
        byte.wrapping_shl(u32::try_from(depth & 7).unwrap_or_default()) & 0x80 != 0
    }

    /// How many first bits two keys share.
    fn shared_bits(&self, other: &Self) -> usize {
        (0..SIBLINGS_MAX).take_while(|depth| self.bit(*depth) == other.bit(*depth)).count()
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateKey({})", Hash(self.0))
    }
}

/// A sibling on a path: a hash, or nothing where nothing stands there. As text 64 lower-case hex digits, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sibling(pub Option<Hash>);

impl Sibling {
    fn hash(self) -> Hash {
        self.0.unwrap_or(PLACEHOLDER)
    }
}

impl From<Hash> for Sibling {
    fn from(hash: Hash) -> Self {
        Self((hash != PLACEHOLDER).then_some(hash))
    }
}

impl Serialize for Sibling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(hash) => hash.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for Sibling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|hash| Self(Some(hash))).map_err(serde::de::Error::custom)
    }
}

/// Another invoice's leaf, which stands where the one that was asked for would have to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherLeaf {
    /// Its key.
    pub key: Hash,
    /// The keccak256 of its state's text.
    pub value: Hash,
}

/// The limit on siblings in a document.
///
/// # Errors
/// [`Code::VerdictReceiptMalformed`].
pub(super) fn check_siblings(siblings: &[Sibling]) -> Result<(), Fault> {
    if siblings.len() > SIBLINGS_MAX {
        let message = format!("a path has at most {SIBLINGS_MAX} siblings");
        return Err(Fault::new(Code::VerdictReceiptMalformed, "state.siblings", message));
    }
    Ok(())
}

fn leaf_node(key: &[u8; 32], value: &Hash) -> Hash {
    hash_parts(&[LEAF_NODE, key, &value.0])
}

/// The root that a path leads to from a node at its lower end.
fn climb(key: &StateKey, start: Hash, siblings: &[Sibling]) -> Hash {
    let depths = (0..siblings.len()).rev();
    siblings.iter().zip(depths).fold(start, |hash, (sibling, depth)| {
        let sibling = sibling.hash();
        let (left, right) = if key.bit(depth) { (sibling, hash) } else { (hash, sibling) };
        hash_parts(&[INNER_NODE, &left.0, &right.0])
    })
}

/// Whether the map with this root has this text at this key.
pub fn verify_present(root: &Hash, key: &StateKey, value: &str, siblings: &[Sibling]) -> bool {
    siblings.len() <= SIBLINGS_MAX && climb(key, leaf_node(&key.0, &keccak256(value)), siblings) == *root
}

/// Whether another leaf can stand for the absence of a key: it is another, and they would meet on the path.
pub(super) fn stands_for_absence(key: &StateKey, other: &OtherLeaf, siblings: &[Sibling]) -> bool {
    let other = StateKey(other.key.0);
    other != *key && key.shared_bits(&other) >= siblings.len()
}

/// Whether the map with this root has nothing at this key.
pub fn verify_absent(root: &Hash, key: &StateKey, other: Option<&OtherLeaf>, siblings: &[Sibling]) -> bool {
    let start = other.map_or(PLACEHOLDER, |other| leaf_node(&other.key.0, &other.value));
    siblings.len() <= SIBLINGS_MAX
        && other.is_none_or(|other| stands_for_absence(key, other, siblings))
        && climb(key, start, siblings) == *root
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The state of an invoice, in one word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum StateWord { $($(#[$doc])* $name,)* }

        impl StateWord {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it stands in the text of a state.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

words! {
    /// Nobody holds it.
    Open = "open",
    /// In a company's expense claim.
    Locked = "locked",
    /// Booked.
    Closed = "closed",
    /// Pledged to a financier.
    Pledged = "pledged",
    /// Financed and settled.
    Settled = "settled",
    /// In an expense claim after it was settled.
    SettledLocked = "settled_locked",
    /// Reversed in full.
    Reversed = "reversed",
    /// A red invoice: it has no state that changes.
    Red = "red",
}

impl StateWord {
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.as_str() == text)
    }
}

/// What the text of a present state says, as far as a verifier reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentState {
    /// Leaf hash of the invoice's entry.
    pub leaf: Hash,
    /// The state.
    pub word: StateWord,
    /// Until when a lock holds, where it has an end.
    pub until: Option<UnixMs>,
    /// What red letters have not taken back, in fen, where the text says it.
    pub left: Option<i64>,
}

impl PresentState {
    /// Reads the canonical text of a state.
    ///
    /// # Errors
    /// [`Code::VerdictStateMalformed`] with the member that is not as section 12 has it.
    pub fn from_text(text: &str) -> Result<Self, Fault> {
        let wrong = |path: &str, message: String| Fault::new(Code::VerdictStateMalformed, path, message);
        let value = parse_canonical(text).map_err(|fault| wrong("", fault.message))?;
        let Value::Object(members) = value else { return Err(wrong("", "the state is not an object".to_owned())) };
        let member = |key: &str| members.get(key);
        if member("v").and_then(Value::as_u64) != Some(1) {
            return Err(wrong("v", "the state is not of format version 1".to_owned()));
        }
        let leaf = member("leaf").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let leaf = leaf.ok_or_else(|| wrong("leaf", "the leaf hash is not 64 lower-case hex digits".to_owned()))?;
        let word = member("state").and_then(Value::as_str).and_then(StateWord::parse);
        let word = word.ok_or_else(|| wrong("state", "the state is none of the eight words".to_owned()))?;
        let until = match member("until") {
            None => None,
            Some(until) => {
                Some(until.as_i64().ok_or_else(|| wrong("until", "the end of the lock is no integer".to_owned()))?)
            }
        };
        let left = member("left").and_then(Value::as_i64);
        Ok(Self { leaf, word, until: until.map(UnixMs), left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digits: &str) -> StateKey {
        StateKey::of_digits(digits).unwrap()
    }

    #[test]
    fn a_key_is_its_digits() {
        let key = StateKey::of_invoice("144031900111-00000017").unwrap();
        assert_eq!(Hash(key.0).to_string(), format!("14403190011100000017{}", "0".repeat(44)));
        for bad in
            ["144031900111-0000001", "14403190011-100000017", "144031900111-0000001a", "", "14403190011100000017"]
        {
            assert_eq!(StateKey::of_invoice(bad), None, "{bad}");
        }
        assert!(!key.bit(0) && key.bit(3) && key.bit(5) && !key.bit(4) && key.bit(79) && !key.bit(80));
    }

    #[test]
    fn a_map_of_one_is_its_leaf() {
        let one = key("14403190011100000001");
        let root = leaf_node(&one.0, &keccak256("x"));
        assert!(verify_present(&root, &one, "x", &[]));
        assert!(!verify_present(&root, &one, "y", &[]));
        let other = OtherLeaf { key: Hash(one.0), value: keccak256("x") };
        assert!(verify_absent(&root, &key("14403190011100000002"), Some(&other), &[]));
        assert!(!verify_absent(&root, &one, Some(&other), &[]), "it is there");
        assert!(!verify_absent(&root, &key("14403190011100000002"), None, &[]));
        assert!(verify_absent(&empty_state_root(), &one, None, &[]));
    }

    #[test]
    fn an_absent_key_must_lead_to_the_place() {
        let (one, two, far) = (key("0".repeat(20).as_str()), key("80000000000000000000"), key("90000000000000000000"));
        let (first, second) = (leaf_node(&one.0, &keccak256("x")), leaf_node(&two.0, &keccak256("y")));
        let root = hash_parts(&[INNER_NODE, &first.0, &second.0]);
        assert!(verify_present(&root, &two, "y", &[first.into()]));
        let other = |key: StateKey, value: &str| OtherLeaf { key: Hash(key.0), value: keccak256(value) };
        assert!(verify_absent(&root, &far, Some(&other(two, "y")), &[first.into()]));
        assert!(!verify_absent(&root, &far, Some(&other(one, "x")), &[second.into()]));
    }

    #[test]
    fn texts_are_read_member_by_member() {
        let leaf = keccak256("leaf");
        let text = format!(r#"{{"leaf":"{leaf}","left":5,"state":"locked","until":7,"v":1}}"#);
        let state = PresentState::from_text(&text).unwrap();
        let wanted = PresentState { leaf, word: StateWord::Locked, until: Some(UnixMs(7)), left: Some(5) };
        assert_eq!(state, wanted);
        for (from, to, path) in [
            ("\"v\":1", "\"v\":2", "v"),
            ("locked", "free", "state"),
            ("\"until\":7", "\"until\":\"7\"", "until"),
            ("\"leaf\":\"", "\"leaf\":\"A", "leaf"),
            (",\"left\"", ", \"left\"", ""),
        ] {
            let fault = PresentState::from_text(&text.replace(from, to)).unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (Code::VerdictStateMalformed, path), "{to}");
        }
        assert!(PresentState::from_text("[]").is_err());
    }
}
