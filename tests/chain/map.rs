//! The map of present states written a second time, straight from section 12 of the README, with `jmt` as the judge of both; and its
//! golden file.

use std::collections::BTreeMap;

use jmt::proof::SparseMerkleProof;
use jmt::storage::{LeafNode, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, SimpleHasher, Version};
use piaolian::chain::{Hash, keccak256};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};

use crate::golden::golden;
use crate::world::{CODE, nothing, state_value, text};

pub type Key = [u8; 32];
/// A key and keccak256 of its value text.
type Leaf = (Key, Hash);

pub const PLACEHOLDER: Hash = Hash(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

/// Key of an invoice `<12 digits>-<8 digits>`.
pub fn key_of(invoice: &str) -> Key {
    let digits = invoice.replace('-', "");
    let mut key = [0; 32];
    hex::decode_to_slice(&digits, &mut key[..10]).unwrap();
    key
}

pub fn leaf_node(key: &Key, value_hash: &Hash) -> Hash {
    keccak256([&b"JMT::LeafNode"[..], key, value_hash.as_bytes()].concat())
}

pub fn inner_node(left: &Hash, right: &Hash) -> Hash {
    keccak256([&b"JMT::IntrnalNode"[..], left.as_bytes(), right.as_bytes()].concat())
}

pub fn bit(key: &Key, depth: usize) -> bool {
    key[depth / 8] & (0x80 >> (depth % 8)) != 0
}

/// A node with what it is made of: what the golden paths need is the hash, what `jmt` reads a sibling from is the node.
#[derive(Clone, Copy)]
pub enum Node {
    Nothing,
    Leaf(Key, Hash),
    Inner(Hash, Hash),
}

impl Node {
    pub fn hash(&self) -> Hash {
        match self {
            Self::Nothing => PLACEHOLDER,
            Self::Leaf(key, value) => leaf_node(key, value),
            Self::Inner(left, right) => inner_node(left, right),
        }
    }
}

#[derive(Clone, Default)]
pub struct StateMap(pub BTreeMap<Key, String>);

impl StateMap {
    pub fn put(&mut self, key: Key, value: String) {
        self.0.insert(key, value);
    }

    fn leaves(&self) -> Vec<Leaf> {
        self.0.iter().map(|(key, value)| (*key, keccak256(value))).collect()
    }

    pub fn root(&self) -> Hash {
        subtree(&self.leaves(), 0).hash()
    }

    /// What stands at the end of a key's way, and the nodes beside the way, from the bottom up.
    pub fn way(&self, key: &Key) -> (Node, Vec<Node>) {
        let all = self.leaves();
        let (mut leaves, mut siblings, mut depth) = (all.as_slice(), vec![], 0);
        while leaves.len() > 1 {
            let (left, right) = halves(leaves, depth);
            let (own, beside) = if bit(key, depth) { (right, left) } else { (left, right) };
            siblings.push(subtree(beside, depth + 1));
            (leaves, depth) = (own, depth + 1);
        }
        siblings.reverse();
        (leaves.first().map_or(Node::Nothing, |(key, value)| Node::Leaf(*key, *value)), siblings)
    }

    /// The path of a key as it stands in documents: with `value`, with `other`, or with neither.
    pub fn path(&self, key: &Key) -> Value {
        let (end, siblings) = self.way(key);
        let siblings: Vec<Value> = siblings
            .iter()
            .map(|node| match node {
                Node::Nothing => json!(""),
                Node::Leaf(..) | Node::Inner(..) => json!(node.hash()),
            })
            .collect();
        match end {
            Node::Leaf(found, _) if found == *key => json!({"siblings": siblings, "value": self.0[key]}),
            Node::Leaf(other, value) => json!({"siblings": siblings, "other": {"key": Hash(other), "value": value}}),
            Node::Nothing | Node::Inner(..) => json!({"siblings": siblings}),
        }
    }
}

/// The leaves whose bit at a depth is clear, and those where it is set.
fn halves(leaves: &[Leaf], depth: usize) -> (&[Leaf], &[Leaf]) {
    leaves.split_at(leaves.partition_point(|(key, _)| !bit(key, depth)))
}

fn subtree(leaves: &[Leaf], depth: usize) -> Node {
    match leaves {
        [] => Node::Nothing,
        [(key, value)] => Node::Leaf(*key, *value),
        _ => {
            let (left, right) = halves(leaves, depth);
            Node::Inner(subtree(left, depth + 1).hash(), subtree(right, depth + 1).hash())
        }
    }
}

pub const WORDS: [&str; 8] = ["open", "locked", "closed", "pledged", "settled", "settled_locked", "reversed", "red"];

/// Maps of these many invoices, in the words by turns. The first ten are in one batch; later ones in several years and batches, so
/// that ways of all shapes come up.
pub const SIZES: [usize; 6] = [0, 1, 2, 3, 10, 100];

pub fn invoice(nth: usize) -> String {
    match nth {
        0..10 => format!("{CODE}-{:08}", nth + 1),
        _ => format!("14403{}09{}10-{:08}", 18 + nth % 5, 1 + nth % 3, nth * nth * 997),
    }
}

pub fn map_of(size: usize) -> StateMap {
    let mut map = StateMap::default();
    for nth in 0..size {
        let value = state_value(&nothing(&invoice(nth)), WORDS[nth % 8], crate::scene::START);
        map.put(key_of(&invoice(nth)), text(&value));
    }
    map
}

/// Numbers that no map of these has.
pub fn absent() -> Vec<String> {
    let near = ["00000000", "00000011", "00000012", "00000018", "00000099", "00000100", "99999999"];
    let mut all: Vec<String> = near.iter().map(|number| format!("{CODE}-{number}")).collect();
    all.extend(
        ["000000000000-00000000", "144031809111-00000001", "944031809110-00000001", "999999999999-99999999"]
            .map(String::from),
    );
    all
}

fn proof_row(map: &StateMap, invoice: &str) -> Value {
    let mut row = map.path(&key_of(invoice));
    (row["invoice"], row["key"]) = (json!(invoice), json!(Hash(key_of(invoice))));
    row
}

#[test]
fn states() {
    let maps: Vec<Value> = SIZES
        .iter()
        .map(|size| {
            let map = map_of(*size);
            let every = *size <= 10;
            let proven = (0..*size).filter(|nth| every || nth % 9 == 0).map(invoice).chain(absent());
            let rows: Vec<Value> = (0..*size)
                .map(|nth| {
                    let key = key_of(&invoice(nth));
                    json!({"invoice": invoice(nth), "key": Hash(key), "value": map.0[&key]})
                })
                .collect();
            let proofs: Vec<Value> = proven.map(|invoice| proof_row(&map, &invoice)).collect();
            json!({"invoices": rows, "root": map.root(), "every": every, "proofs": proofs})
        })
        .collect();
    golden("states.json", &json!({"placeholder": PLACEHOLDER, "maps": maps}));
}

#[test]
fn the_ways_of_the_golden_maps_have_every_shape() {
    let maps: Vec<StateMap> = SIZES.iter().map(|size| map_of(*size)).collect();
    let ends: Vec<Value> =
        maps.iter().flat_map(|map| absent().into_iter().map(|invoice| map.path(&key_of(&invoice)))).collect();
    assert!(ends.iter().any(|end| end.get("other").is_some()));
    assert!(ends.iter().any(|end| end.get("other").is_none() && !end["siblings"].as_array().unwrap().is_empty()));
    assert!(ends.iter().all(|end| end.get("value").is_none()));
    assert_eq!(map_of(0).root(), PLACEHOLDER);
    let longest = maps[5].0.keys().map(|key| maps[5].way(key).1.len()).max().unwrap();
    let shortest = maps[5].0.keys().map(|key| maps[5].way(key).1.len()).min().unwrap();
    assert!(longest > 70 && shortest < 60, "{shortest} to {longest}");
}

/// keccak256, as `jmt` asks for hashes.
struct Keccak(Keccak256);

impl SimpleHasher for Keccak {
    fn new() -> Self {
        Self(Keccak256::new())
    }

    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// A proof as `jmt` has it, in its own serde form: it wants the nodes beside the way and hashes them itself.
fn proof_of(end: &Node, siblings: &[Node]) -> SparseMerkleProof<Keccak> {
    let leaf = |key: &Key, value: &Hash| json!({"key_hash": key, "value_hash": value.as_bytes()});
    let node = |node: &Node| match node {
        Node::Nothing => json!("Null"),
        Node::Leaf(key, value) => json!({"Leaf": leaf(key, value)}),
        Node::Inner(left, right) => {
            json!({"Internal": {"left_child": left.as_bytes(), "right_child": right.as_bytes()}})
        }
    };
    let end = match end {
        Node::Leaf(key, value) => leaf(key, value),
        Node::Nothing | Node::Inner(..) => Value::Null,
    };
    let siblings: Vec<Value> = siblings.iter().map(node).collect();
    serde_json::from_value(json!({"leaf": end, "siblings": siblings, "phantom_hasher": null})).unwrap()
}

#[test]
fn jmt_verifies_the_paths_of_the_golden_maps_and_no_others() {
    let mut judged = 0;
    for size in SIZES {
        let map = map_of(size);
        let root = RootHash(map.root().0);
        for invoice in (0..size).map(invoice).chain(absent()) {
            let key = key_of(&invoice);
            let (end, siblings) = map.way(&key);
            let (proof, asked) = (proof_of(&end, &siblings), KeyHash(key));
            let value = map.0.get(&key);
            assert!(proof.verify(root, asked, value).is_ok(), "{invoice} of {size}");
            assert!(proof.verify(RootHash(PLACEHOLDER.0), asked, value).is_err() || size == 0, "{invoice} of {size}");
            let opposite = if value.is_some() { None } else { Some("{}") };
            assert!(proof.verify(root, asked, opposite).is_err(), "{invoice} of {size}");
            let shorter = proof_of(&end, siblings.get(1..).unwrap_or_default());
            assert!(shorter.verify(root, asked, value).is_err() || siblings.is_empty(), "{invoice} of {size}");
            judged += 1;
        }
    }
    assert_eq!(judged, 116 + SIZES.len() * absent().len());
}

/// An empty store: `jmt` builds the map of one batch from nothing.
struct Empty;

impl TreeReader for Empty {
    fn get_node_option(&self, _: &NodeKey) -> anyhow::Result<Option<jmt::storage::Node>> {
        Ok(None)
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(None)
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

#[test]
fn jmt_makes_the_same_roots() {
    for size in SIZES.into_iter().filter(|size| *size > 0) {
        let map = map_of(size);
        let values = map.0.iter().map(|(key, value)| (KeyHash(*key), Some(value.clone().into_bytes())));
        let (root, _) = JellyfishMerkleTree::<_, Keccak>::new(&Empty).put_value_set(values, 0).unwrap();
        assert_eq!(Hash(root.0), map.root(), "{size}");
    }
}
