//! Both trees by their definitions, slowly: the Merkle tree over entries (section 3 of the specification), the map of states (section 12).

use std::collections::BTreeMap;

use piaolian::chain::{Hash, empty_state_root, keccak256, merkle::empty_root, node_hash};

/// Where the left subtree of more than one leaf ends.
fn split(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

pub fn tree_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_root(left), &tree_root(right))
        }
    }
}

/// The inclusion proof of a leaf, from the leaf up.
pub fn inclusion(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut proof, sibling) = if index < at {
        (inclusion(left, index), tree_root(right))
    } else {
        (inclusion(right, index - at), tree_root(left))
    };
    proof.push(sibling);
    proof
}

/// The root that a proof leads to, if its length is that of the leaf's place; whatever it is otherwise.
pub fn climbed(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Hash {
    let (mut f, mut s, mut r) = (index, size.saturating_sub(1), leaf);
    for sibling in proof {
        if f % 2 == 1 || f == s {
            r = node_hash(sibling, &r);
            while f % 2 == 0 && f != 0 {
                (f, s) = (f / 2, s / 2);
            }
        } else {
            r = node_hash(&r, sibling);
        }
        (f, s) = (f / 2, s / 2);
    }
    r
}

pub type StateMap = BTreeMap<[u8; 32], String>;

/// The key of a number: its digits, a half byte each.
pub fn state_key(code: &str, number: &str) -> [u8; 32] {
    let mut key = [0; 32];
    hex::decode_to_slice(format!("{code}{number}{}", "0".repeat(44)), &mut key).unwrap();
    key
}

pub fn bit(key: &[u8; 32], depth: usize) -> bool {
    key.get(depth / 8).is_some_and(|byte| byte & (0x80 >> (depth % 8)) != 0)
}

fn joined(parts: &[&[u8]]) -> Hash {
    keccak256(parts.concat())
}

pub fn state_leaf(key: &[u8; 32], value: &Hash) -> Hash {
    joined(&[b"JMT::LeafNode", key, &value.0])
}

fn inner(left: &Hash, right: &Hash) -> Hash {
    joined(&[b"JMT::IntrnalNode", &left.0, &right.0])
}

type Leaf<'a> = (&'a [u8; 32], &'a String);

fn subtree(leaves: &[Leaf<'_>], depth: usize) -> Hash {
    match leaves {
        [] => empty_state_root(),
        [(key, value)] => state_leaf(key, &keccak256(value)),
        _ => {
            let (left, right) = leaves.split_at(leaves.partition_point(|(key, _)| !bit(key, depth)));
            inner(&subtree(left, depth + 1), &subtree(right, depth + 1))
        }
    }
}

pub fn state_root(map: &StateMap) -> Hash {
    subtree(&map.iter().collect::<Vec<_>>(), 0)
}

/// Siblings on the way of a key, from the bottom up, and what stands at its end.
pub fn state_path(map: &StateMap, key: &[u8; 32]) -> (Vec<Hash>, Option<([u8; 32], String)>) {
    let mut leaves: Vec<Leaf<'_>> = map.iter().collect();
    let mut siblings = Vec::new();
    while leaves.len() > 1 {
        let depth = siblings.len();
        let (left, right) = leaves.split_at(leaves.partition_point(|(other, _)| !bit(other, depth)));
        let (own, beside) = if bit(key, depth) { (right, left) } else { (left, right) };
        siblings.push(subtree(beside, depth + 1));
        leaves = own.to_vec();
    }
    siblings.reverse();
    (siblings, leaves.first().map(|(key, value)| (**key, (*value).clone())))
}

/// The root that a path leads to.
pub fn state_climbed(key: &[u8; 32], start: Hash, siblings: &[Hash]) -> Hash {
    let depths = (0..siblings.len()).rev();
    siblings.iter().zip(depths).fold(
        start,
        |hash, (sibling, depth)| {
            if bit(key, depth) { inner(sibling, &hash) } else { inner(&hash, sibling) }
        },
    )
}
