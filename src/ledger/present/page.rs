//! Pages: where nodes of the map lie, and how they are written.
//!
//! The root has a page of its own. Every other page holds one node at an odd depth (in nibbles) and its children. A page is nothing but
//! nodes, each: slot (0: the page's own node, 1 + nibble: a child), kind (1 leaf, 2 inner), and then for a leaf 10 bytes of key and
//! 32 bytes hash of the value; for an inner node two big-endian bit maps of 16 (which children there are, which of them are leaves) and
//! the children's hashes.

use std::collections::BTreeMap;

use jmt::KeyHash;
use jmt::storage::{LeafNode, Node};

use super::map::Keccak;
use crate::chain::hash::Hash;

/// The first bytes of a key; behind them are zeros only.
const KEY_BYTES: usize = 10;
const LEAF: u8 = 1;
const INNER: u8 = 2;
/// What `jmt` writes in front of a node.
const JMT_INNER: u8 = 1;

/// Which page: the nibbles that lead to its own node, as hex digits. Empty for the page of the root, else of odd length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PagePath(pub String);

/// A page and a place on it.
pub(super) type Place = (PagePath, u8);

/// The page and the slot of the node that some nibbles lead to.
pub(super) fn place(nibbles: &[u8]) -> Place {
    let path = |nibbles: &[u8]| {
        PagePath(nibbles.iter().filter_map(|nibble| char::from_digit(u32::from(*nibble), 16)).collect())
    };
    match nibbles.split_last() {
        Some((last, above)) if above.len() % 2 == 1 => (path(above), last.saturating_add(1)),
        Some(_) | None => (path(nibbles), 0),
    }
}

impl PagePath {
    /// The page above; `None` for that of the root.
    pub fn above(&self) -> Option<Self> {
        let length = self.0.len().checked_sub(1)?.saturating_sub(1);
        self.0.get(..length).map(|path| Self(path.to_owned()))
    }

    /// Every page that a key's path can lead through, from the root down.
    pub fn of_key(key: &[u8; 32]) -> impl Iterator<Item = Self> {
        let digits = hex::encode(key);
        let lengths = std::iter::once(0).chain((1..=2 * KEY_BYTES).step_by(2));
        lengths.filter_map(move |length| digits.get(..length).map(|path| Self(path.to_owned())))
    }
}

/// A node as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    Leaf { key: [u8; KEY_BYTES], value: [u8; 32] },
    Inner { there: u16, leaves: u16, hashes: Vec<[u8; 32]> },
}

/// Nodes by slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page(BTreeMap<u8, Kept>);

impl Kept {
    /// What `jmt` made. `None` for the empty node, which is never kept, and for keys that are none of ours.
    pub(super) fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Null => None,
            Node::Leaf(leaf) => {
                let KeyHash(key) = leaf.key_hash();
                let bytes = borsh::to_vec(leaf).ok()?;
                let value = *bytes.last_chunk::<32>()?;
                let (key, zeros) = key.split_first_chunk::<KEY_BYTES>()?;
                zeros.iter().all(|byte| *byte == 0).then_some(Self::Leaf { key: *key, value })
            }
            Node::Internal(inner) => {
                let (there, leaves) = inner.generate_bitmaps();
                let hashes = inner.children_sorted().map(|(_, child)| child.hash).collect();
                Some(Self::Inner { there, leaves, hashes })
            }
        }
    }

    /// The node for `jmt`: by way of its bytes, since its inner nodes can't be made otherwise. All versions are 0.
    pub(super) fn node(&self) -> Result<Node, std::io::Error> {
        match self {
            Self::Leaf { key, value } => {
                let mut whole = [0; 32];
                if let Some(first) = whole.first_chunk_mut::<KEY_BYTES>() {
                    *first = *key;
                }
                let bytes = [whole, *value].concat();
                Ok(Node::Leaf(borsh::from_slice::<LeafNode>(&bytes)?))
            }
            Self::Inner { there, leaves, hashes } => borsh::from_slice(&inner_bytes(*there, *leaves, hashes)),
        }
    }

    fn hash(&self) -> Option<[u8; 32]> {
        match self.node().ok()? {
            Node::Null => None,
            Node::Leaf(leaf) => Some(leaf.hash::<Keccak>()),
            Node::Internal(inner) => Some(inner.hash::<Keccak>()),
        }
    }

    /// The hash of its child behind a nibble, if there is one.
    fn child(&self, nibble: u8) -> Option<[u8; 32]> {
        let Self::Inner { there, hashes, .. } = self else { return None };
        let bit = 1u16.wrapping_shl(u32::from(nibble));
        let before = usize::try_from((there & bit.wrapping_sub(1)).count_ones()).ok()?;
        if there & bit == 0 { None } else { hashes.get(before).copied() }
    }

    fn write(&self, slot: u8, out: &mut Vec<u8>) {
        out.push(slot);
        match self {
            Self::Leaf { key, value } => {
                out.push(LEAF);
                out.extend_from_slice(key);
                out.extend_from_slice(value);
            }
            Self::Inner { there, leaves, hashes } => {
                out.push(INNER);
                out.extend_from_slice(&there.to_be_bytes());
                out.extend_from_slice(&leaves.to_be_bytes());
                hashes.iter().for_each(|hash| out.extend_from_slice(hash));
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<(u8, Self)> {
        let [slot, kind] = take(bytes)?;
        match kind {
            LEAF => Some((slot, Self::Leaf { key: take(bytes)?, value: take(bytes)? })),
            INNER => {
                let there = u16::from_be_bytes(take(bytes)?);
                let leaves = u16::from_be_bytes(take(bytes)?);
                let hashes = (0..there.count_ones()).map(|_| take(bytes)).collect::<Option<_>>()?;
                // What `jmt` holds of its own inner nodes: bytes that break it would make it panic.
                let lone = there.count_ones() == 1 && leaves != 0;
                (there != 0 && leaves & !there == 0 && !lone).then_some((slot, Self::Inner { there, leaves, hashes }))
            }
            _ => None,
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// An inner node in `jmt`'s own bytes (borsh): kind; for each of 16 children whether it is there, its hash, its version, and either 0 for
/// a leaf or 1 and how many leaves are under it; how many children there are; how many leaves. Nothing hashes the numbers of leaves, so
/// any will do.
fn inner_bytes(there: u16, leaves: u16, hashes: &[[u8; 32]]) -> Vec<u8> {
    let number = |value: u64| value.to_le_bytes();
    let mut bytes = vec![JMT_INNER];
    let mut hashes = hashes.iter();
    for nibble in 0..16u32 {
        let bit = 1u16.wrapping_shl(nibble);
        match hashes.next_if_there(there & bit != 0) {
            None => bytes.push(0),
            Some(hash) => {
                bytes.push(1);
                bytes.extend_from_slice(hash);
                bytes.extend_from_slice(&number(0));
                if leaves & bit != 0 {
                    bytes.push(0);
                } else {
                    bytes.push(1);
                    bytes.extend_from_slice(&number(1));
                }
            }
        }
    }
    bytes.extend_from_slice(&number(u64::from(there.count_ones())));
    bytes.extend_from_slice(&number(1));
    bytes
}

/// The next item, where there is to be one.
trait NextIfThere: Iterator {
    fn next_if_there(&mut self, there: bool) -> Option<Self::Item> {
        if there { self.next() } else { None }
    }
}

impl<I: Iterator> NextIfThere for I {}

impl Page {
    /// Whether the page's own node has this hash, and its children are those that the node names.
    pub fn is_whole(&self, hash: &Hash) -> bool {
        let Some(own) = self.0.get(&0) else { return false };
        let children = self.0.iter().filter_map(|(slot, node)| Some((slot.checked_sub(1)?, node)));
        own.hash() == Some(hash.0) && children.into_iter().all(|(nibble, node)| node.hash() == own.child(nibble))
    }

    /// The hash of the page below that some nibbles lead to, by what this one says of it. `None` where nothing is.
    pub fn below(&self, path: &PagePath) -> Option<Hash> {
        let nibbles = path.0.chars().map(|digit| digit.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()));
        let nibbles: Vec<u8> = nibbles.collect::<Option<_>>()?;
        let (last, above) = nibbles.split_last()?;
        self.0.get(&place(above).1)?.child(*last).map(Hash)
    }

    pub(super) fn node(&self, slot: u8) -> Option<&Kept> {
        self.0.get(&slot)
    }

    pub(super) fn put(&mut self, slot: u8, node: Kept) {
        self.0.insert(slot, node);
    }

    /// Its bytes, as they are stored: nodes by slot, ascending.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.0.iter().for_each(|(slot, node)| node.write(*slot, &mut out));
        out
    }

    /// Reads them; `None` when they are no page.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut page = BTreeMap::new();
        while !bytes.is_empty() {
            let (slot, node) = Kept::read(&mut bytes)?;
            if slot > 16 || page.last_key_value().is_some_and(|(last, _)| *last >= slot) {
                return None;
            }
            page.insert(slot, node);
        }
        Some(Self(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_lie_with_their_parent_at_odd_depths() {
        assert_eq!(place(&[]), (PagePath(String::new()), 0));
        assert_eq!(place(&[1]), (PagePath("1".to_owned()), 0));
        assert_eq!(place(&[1, 4]), (PagePath("1".to_owned()), 5));
        assert_eq!(place(&[1, 4, 15]), (PagePath("14f".to_owned()), 0));
    }

    #[test]
    fn the_pages_of_a_key_are_those_its_nodes_lie_on() {
        let mut key = [0; 32];
        key[..10].copy_from_slice(&[0x14, 0x40, 0x31, 0x90, 0x01, 0x11, 0x12, 0x34, 0x56, 0x78]);
        let digits: Vec<u8> =
            hex::encode(key).chars().take(20).map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
        let lain: std::collections::BTreeSet<_> = (0..=20).map(|depth| place(&digits[..depth]).0).collect();
        assert_eq!(PagePath::of_key(&key).collect::<std::collections::BTreeSet<_>>(), lain);
        let down: Vec<_> = PagePath::of_key(&key).collect();
        for pair in down.windows(2) {
            assert_eq!(pair[1].above().as_ref(), Some(&pair[0]));
        }
        assert_eq!(down[0].above(), None);
    }

    #[test]
    fn bytes_go_there_and_back() {
        let leaf = Kept::Leaf { key: [1; 10], value: [2; 32] };
        let inner = Kept::Inner { there: 0b101, leaves: 0b100, hashes: vec![[3; 32], [4; 32]] };
        let page = Page(BTreeMap::from([(0, inner.clone()), (3, leaf.clone())]));
        assert_eq!(Page::from_bytes(&page.to_bytes()).unwrap(), page);
        for node in [leaf, inner] {
            assert_eq!(Kept::of(&node.node().unwrap()), Some(node));
        }
        let bytes = page.to_bytes();
        for cut in 1..bytes.len() {
            if let Some(shorter) = Page::from_bytes(&bytes[..cut]) {
                assert_ne!(shorter, page);
            }
        }
        let lone = Kept::Inner { there: 1, leaves: 1, hashes: vec![[3; 32]] };
        assert_eq!(Page::from_bytes(&Page(BTreeMap::from([(0, lone)])).to_bytes()), None);
    }
}
