//! Inclusion and consistency proofs of RFC 9162: made from stored tiles, and checked from nothing but themselves.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::hash::{Hash, node_hash};
use super::merkle::empty_root;
use super::tiles::{TILE_HEIGHT, TILE_LEVELS, TileId, Tiles, TreeError, in_tile, perfect_root, shr};

/// Hashes of the longest proof that a 64-bit size can need; a consistency proof has one more than there are levels.
pub const PROOF_HASHES_MAX: usize = 65;

/// Makes proofs against one size of a stored tree. Reads one or two tiles a level, each once.
pub struct Prover<'a, T: Tiles> {
    tiles: &'a T,
    size: u64,
    read: RefCell<BTreeMap<TileId, Vec<Hash>>>,
}

impl<T: Tiles> std::fmt::Debug for Prover<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<'a, T: Tiles> Prover<'a, T> {
    /// A prover for the first `size` leaves of a stored tree, which may have grown further since.
    pub fn new(tiles: &'a T, size: u64) -> Self {
        Self { tiles, size, read: RefCell::default() }
    }

    /// The root of the tree of this size.
    ///
    /// # Errors
    /// [`TreeError`] names the tile that can't be read, is missing or is too short.
    pub fn root(&self) -> Result<Hash, TreeError<T::Error>> {
        if self.size == 0 { Ok(empty_root()) } else { self.subtree(0, self.size) }
    }

    /// The inclusion proof of a leaf (RFC 9162 section 2.1.3.1), from the leaf up.
    ///
    /// # Errors
    /// [`TreeError::Outside`] when there is no such leaf, else as [`Prover::root`].
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, TreeError<T::Error>> {
        if index >= self.size {
            return Err(TreeError::Outside { asked: index, size: self.size });
        }
        let mut proof = Vec::new();
        let (mut start, mut end) = (0, self.size);
        while let Some(middle) = split(start, end) {
            if index < middle {
                proof.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                proof.push(self.subtree(start, middle)?);
                start = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The consistency proof from `old_size` to this size (RFC 9162 section 2.1.4.1). Empty when there is nothing to prove: the
    /// sizes are the same, or the old tree was empty.
    ///
    /// # Errors
    /// [`TreeError::Outside`] when the old tree was larger, else as [`Prover::root`].
    pub fn consistency(&self, old_size: u64) -> Result<Vec<Hash>, TreeError<T::Error>> {
        if old_size > self.size {
            return Err(TreeError::Outside { asked: old_size, size: self.size });
        }
        let mut proof = Vec::new();
        if old_size == 0 || old_size == self.size {
            return Ok(proof);
        }
        let (mut start, mut end) = (0, self.size);
        while let Some(middle) = split(start, end) {
            if old_size == end {
                break;
            }
            if old_size <= middle {
                proof.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                proof.push(self.subtree(start, middle)?);
                start = middle;
            }
        }
        if start > 0 {
            proof.push(self.subtree(start, end)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The RFC 9162 root over the leaves from `start` to before `end`, where such a subtree stands in the tree.
    fn subtree(&self, start: u64, end: u64) -> Result<Hash, TreeError<T::Error>> {
        let width = end.saturating_sub(start);
        if width.is_power_of_two() {
            return self.complete(start, width.trailing_zeros());
        }
        match split(start, end) {
            Some(middle) => Ok(node_hash(&self.subtree(start, middle)?, &self.subtree(middle, end)?)),
            None => self.complete(start, 0),
        }
    }

    /// The root of the perfect tree of 2^height leaves that begins at leaf `start`: a fold of up to 128 hashes of one tile.
    fn complete(&self, start: u64, height: u32) -> Result<Hash, TreeError<T::Error>> {
        let levels = height.checked_div(TILE_HEIGHT).unwrap_or(0);
        let folded = height.saturating_sub(levels.saturating_mul(TILE_HEIGHT));
        let number = shr(start, levels.saturating_mul(TILE_HEIGHT));
        let tile = TileId { level: u8::try_from(levels).unwrap_or(TILE_LEVELS), index: shr(number, TILE_HEIGHT) };
        let from = in_tile(number);
        let to = from.saturating_add(1_usize.checked_shl(folded).unwrap_or(usize::MAX));
        let mut read = self.read.borrow_mut();
        if let std::collections::btree_map::Entry::Vacant(place) = read.entry(tile) {
            let hashes = self.tiles.tile(tile).map_err(|cause| TreeError::Store { tile, cause })?;
            place.insert(hashes.ok_or(TreeError::Missing { tile })?);
        }
        let hashes = read.get(&tile).map(Vec::as_slice).unwrap_or_default();
        hashes.get(from..to).and_then(perfect_root).ok_or(TreeError::Length { tile, found: hashes.len(), expected: to })
    }
}

/// Where RFC 9162 cuts the leaves from `start` to before `end` in two: the largest power of two that leaves something to the
/// right. `None` for one leaf or none.
fn split(start: u64, end: u64) -> Option<u64> {
    let last = end.checked_sub(start)?.checked_sub(1)?;
    start.checked_add(1_u64.checked_shl(last.checked_ilog2()?)?)
}

/// Whether `proof` shows that the leaf with this hash stands at `index` in the tree of `size` leaves with this root
/// (RFC 9162 section 2.1.3.2, step by step). A proof that is longer or shorter than needed is refused.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    let Some(last) = size.checked_sub(1).filter(|last| index <= *last) else { return false };
    let mut walk = Walk { node: index, last };
    let mut hash = *leaf;
    for sibling in proof {
        match walk.step() {
            Side::Above => return false,
            Side::Left => hash = node_hash(sibling, &hash),
            Side::Right => hash = node_hash(&hash, sibling),
        }
    }
    walk.last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `new_size` leaves and `new_root` continues the tree of `old_size` leaves and `old_root`
/// (RFC 9162 section 2.1.4.2, step by step). What the RFC leaves open: equal sizes need equal roots and an empty proof; the empty
/// tree (with its one root) is continued by every tree, with an empty proof.
#[must_use]
pub fn verify_consistency(old_size: u64, new_size: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> bool {
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root && (new_size > 0 || *new_root == empty_root());
    }
    let (Some(mut node), Some(mut last)) = (old_size.checked_sub(1), new_size.checked_sub(1)) else {
        return old_size == 0 && proof.is_empty() && *old_root == empty_root();
    };
    if node > last {
        return false;
    }
    let (seed, path) = if old_size.is_power_of_two() {
        (old_root, if proof.is_empty() { return false } else { proof })
    } else {
        match proof.split_first() {
            Some((seed, path)) => (seed, path),
            None => return false,
        }
    };
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let mut walk = Walk { node, last };
    let (mut old, mut new) = (*seed, *seed);
    for hash in path {
        match walk.step() {
            Side::Above => return false,
            Side::Left => (old, new) = (node_hash(hash, &old), node_hash(hash, &new)),
            Side::Right => new = node_hash(&new, hash),
        }
    }
    walk.last == 0 && old == *old_root && new == *new_root
}

/// The walk from a leaf up: RFC 9162's `fn` and `sn`.
struct Walk {
    node: u64,
    last: u64,
}

/// On which side the next hash of a proof stands.
enum Side {
    /// There can be no next hash: the walk has reached the root.
    Above,
    Left,
    Right,
}

impl Walk {
    fn step(&mut self) -> Side {
        if self.last == 0 {
            return Side::Above;
        }
        let side = if self.node & 1 == 1 || self.node == self.last { Side::Left } else { Side::Right };
        if matches!(side, Side::Left) {
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
        }
        self.up();
        side
    }

    fn up(&mut self) {
        (self.node, self.last) = (self.node >> 1, self.last >> 1);
    }
}
