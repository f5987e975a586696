//! The growing side of the tree: its right edge, and what one append changes and proves.
//!
//! The tree is that of RFC 9162 section 2.1 with keccak256. The edge keeps, for each level of tiles, the rightmost partial tile,
//! and the peaks: the roots of the perfect trees that the size falls into, one for each bit that is set in it.

use super::hash::{Hash, keccak256, node_hash};
use super::tiles::{
    TILE_HEIGHT, TILE_LEVELS, TILE_WIDTH, Tile, TileId, Tiles, TreeError, as_u64, bit, in_tile, pair_up, perfect_root,
    shr,
};

/// The root of the empty tree: the hash of nothing (RFC 9162 section 2.1.1).
pub fn empty_root() -> Hash {
    keccak256("")
}

/// The right edge of a tree: all that is needed to append to it. At most 255 hashes a level: 40 KB at 2^40 leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    /// The rightmost tile of each level while it is partial, else empty.
    partial: Vec<Vec<Hash>>,
    /// By height: the root of the perfect tree of 2^height leaves, if that bit of the size is set.
    peaks: Vec<Option<Hash>>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The edge of a stored tree of `size` leaves. Whether the stored tiles are the right ones shows in [`Edge::root`], which the
    /// caller MUST compare with the root of the header that it trusts.
    ///
    /// # Errors
    /// [`TreeError`] names the tile that can't be read, is missing, or has not exactly the length that `size` asks for.
    pub fn load<T: Tiles>(size: u64, tiles: &T) -> Result<Self, TreeError<T::Error>> {
        let mut edge = Self { size, ..Self::default() };
        for level in 0..TILE_LEVELS {
            let height = u32::from(level).saturating_mul(TILE_HEIGHT);
            let complete = shr(size, height);
            let expected = in_tile(complete);
            let mut hashes = Vec::new();
            if expected > 0 {
                let tile = TileId { level, index: shr(complete, TILE_HEIGHT) };
                hashes = tiles
                    .tile(tile)
                    .map_err(|cause| TreeError::Store { tile, cause })?
                    .ok_or(TreeError::Missing { tile })?;
                if hashes.len() != expected {
                    return Err(TreeError::Length { tile, found: hashes.len(), expected });
                }
            }
            edge.peaks.extend(peaks_of(&hashes));
            edge.partial.push(hashes);
        }
        Ok(edge)
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 9162 section 2.1.1).
    pub fn root(&self) -> Hash {
        fold_peaks(self.peaks.iter().flatten()).unwrap_or_else(empty_root)
    }

    /// Appends leaf hashes. Hashes each new node once: about one hash a leaf.
    pub fn append(&mut self, leaves: &[Hash]) -> Appended {
        let first = self.size;
        self.size = first.saturating_add(as_u64(leaves.len()));
        let rows = self.grow(first, leaves);
        let tiles = self.store_rows(first, &rows);
        self.peaks = rows.iter().zip(0..).map(|(row, height)| row.peak(self.size, height)).collect();
        Appended { first, size: self.size, tiles, ragged: ragged_edges(&self.peaks), rows }
    }

    /// The rows of new nodes, from the leaves up, each beginning with the old peak of its height where its first new node is a right child.
    fn grow(&self, first: u64, leaves: &[Hash]) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut fresh = leaves.to_vec();
        let mut height = 0;
        while shr(self.size, height) > 0 {
            let complete = shr(first, height);
            let peak = self.peaks.get(usize::try_from(height).unwrap_or(usize::MAX)).copied().flatten();
            let row =
                Row { start: complete & !1, old: peak.is_some(), hashes: peak.into_iter().chain(fresh).collect() };
            fresh = pair_up(&row.hashes);
            rows.push(row);
            height = height.saturating_add(1);
        }
        rows
    }

    /// Puts the new nodes into the tiles; returns every tile that changed, in full.
    fn store_rows(&mut self, first: u64, rows: &[Row]) -> Vec<Tile> {
        let mut changed = Vec::new();
        for (level, row) in (0..TILE_LEVELS).zip(rows.iter().step_by(8)) {
            let position = usize::from(level);
            if self.partial.len() <= position {
                self.partial.push(Vec::new());
            }
            let Some(partial) = self.partial.get_mut(position) else { continue };
            let mut index = shr(first, u32::from(level).saturating_add(1).saturating_mul(TILE_HEIGHT));
            let mut fresh = row.fresh();
            while !fresh.is_empty() {
                let room = TILE_WIDTH.saturating_sub(partial.len()).min(fresh.len());
                let (now, later) = fresh.split_at_checked(room).unwrap_or((fresh, &[]));
                partial.extend_from_slice(now);
                fresh = later;
                changed.push(Tile { id: TileId { level, index }, hashes: partial.clone() });
                if partial.len() == TILE_WIDTH {
                    partial.clear();
                    index = index.saturating_add(1);
                }
            }
        }
        changed
    }
}

/// The peaks of the eight heights that one partial tile spans, by height.
fn peaks_of(hashes: &[Hash]) -> Vec<Option<Hash>> {
    let mut rest = hashes;
    let mut peaks: Vec<Option<Hash>> = (0..TILE_HEIGHT)
        .rev()
        .map(|height| {
            let width = 1_usize.checked_shl(height).unwrap_or(usize::MAX);
            let (tree, right) = rest.split_at_checked(width)?;
            rest = right;
            perfect_root(tree)
        })
        .collect();
    peaks.reverse();
    peaks
}

/// Peaks from the lowest to the highest, joined into one root.
fn fold_peaks<'a>(peaks: impl Iterator<Item = &'a Hash>) -> Option<Hash> {
    peaks.fold(None, |right, peak| Some(right.map_or(*peak, |right| node_hash(peak, &right))))
}

/// By height: the root over the leaves to the right of the last complete node of that height, if there are any.
fn ragged_edges(peaks: &[Option<Hash>]) -> Vec<Option<Hash>> {
    let mut below: Option<Hash> = None;
    let mut ragged = Vec::with_capacity(peaks.len());
    for peak in peaks {
        ragged.push(below);
        below = fold_peaks(below.iter().chain(peak)).or(below);
    }
    ragged
}

/// The complete nodes of one height that an append made, and the one to their left if that is the sibling of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// The number of the first node in `hashes` among all of its height.
    start: u64,
    /// Whether the first of `hashes` was there before the append.
    old: bool,
    hashes: Vec<Hash>,
}

impl Row {
    fn node(&self, number: u64) -> Option<Hash> {
        let offset = usize::try_from(number.checked_sub(self.start)?).ok()?;
        self.hashes.get(offset).copied()
    }

    fn fresh(&self) -> &[Hash] {
        self.hashes.get(usize::from(self.old)..).unwrap_or_default()
    }

    fn peak(&self, size: u64, height: u32) -> Option<Hash> {
        if bit(size, height) { self.hashes.last().copied() } else { None }
    }
}

/// What one append did, with everything needed to prove the appended leaves against the new size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first leaf that was appended.
    pub first: u64,
    /// Leaves of the tree after the append.
    pub size: u64,
    /// Every tile that changed, with all it holds now.
    pub tiles: Vec<Tile>,
    rows: Vec<Row>,
    ragged: Vec<Option<Hash>>,
}

impl Appended {
    /// The inclusion proof (RFC 9162 section 2.1.3.1) of a leaf that this append brought, against the new size. Copies hashes
    /// and computes none. Empty for a leaf that is not of this append, which proves nothing unless the tree has one leaf.
    pub fn inclusion(&self, index: u64) -> Vec<Hash> {
        let mut proof = Vec::with_capacity(self.rows.len());
        if !(self.first..self.size).contains(&index) {
            return proof;
        }
        for ((row, ragged), height) in self.rows.iter().zip(&self.ragged).zip(0..) {
            let sibling = shr(index, height) ^ 1;
            proof.extend(if sibling == shr(self.size, height) { *ragged } else { row.node(sibling) });
        }
        proof
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;
    use crate::chain::{Prover, leaf_hash, verify_consistency, verify_inclusion};

    #[derive(Default)]
    struct Memory(RefCell<BTreeMap<TileId, Vec<Hash>>>);

    impl Memory {
        fn put(&self, appended: &Appended) {
            for tile in &appended.tiles {
                self.0.borrow_mut().insert(tile.id, tile.hashes.clone());
            }
        }
    }

    impl Tiles for Memory {
        type Error = Infallible;

        fn tile(&self, id: TileId) -> Result<Option<Vec<Hash>>, Infallible> {
            Ok(self.0.borrow().get(&id).cloned())
        }
    }

    fn leaves(range: std::ops::Range<u64>) -> Vec<Hash> {
        range.map(|i| leaf_hash(&i.to_string())).collect()
    }

    #[test]
    fn batches_of_any_size_give_the_same_tree_and_loadable_edges() {
        for steps in
            [&[1_u64, 254, 1, 1, 255, 256, 257, 3][..], &[700, 300, 65_000, 2, 600], &[65_536, 65_536, 1], &[65_535, 1]]
        {
            let (store, mut edge, mut single) = (Memory::default(), Edge::empty(), Edge::empty());
            for step in steps {
                let batch = leaves(edge.size()..edge.size() + step);
                let appended = edge.append(&batch);
                store.put(&appended);
                for leaf in &batch {
                    single.append(std::slice::from_ref(leaf));
                }
                assert_eq!(edge.root(), single.root());
                let loaded = Edge::load(edge.size(), &store).unwrap();
                assert_eq!((loaded.root(), loaded.size()), (edge.root(), edge.size()));
                for index in [appended.first, appended.first + step / 2, appended.size - 1] {
                    let proof = appended.inclusion(index);
                    let leaf = leaves(index..index + 1)[0];
                    assert!(verify_inclusion(&leaf, index, appended.size, &proof, &edge.root()));
                    assert_eq!(proof, Prover::new(&store, appended.size).inclusion(index).unwrap());
                }
                let old = appended.first;
                let old_root = Prover::new(&store, old).root().unwrap();
                let proof = Prover::new(&store, edge.size()).consistency(old).unwrap();
                assert!(verify_consistency(old, edge.size(), &old_root, &edge.root(), &proof));
            }
        }
    }

    #[test]
    fn appending_nothing_changes_nothing() {
        let mut edge = Edge::empty();
        edge.append(&leaves(0..5));
        let before = edge.root();
        assert_eq!(edge.append(&[]).tiles, vec![]);
        assert_eq!((edge.root(), edge.size()), (before, 5));
        assert_eq!(Edge::empty().root(), empty_root());
    }

    #[test]
    fn loading_names_the_tile_that_is_wrong() {
        let (store, mut edge) = (Memory::default(), Edge::empty());
        store.put(&edge.append(&leaves(0..600)));
        assert_eq!(
            Edge::load(601, &store).unwrap_err(),
            TreeError::Length { tile: TileId { level: 0, index: 2 }, found: 88, expected: 89 }
        );
        store.0.borrow_mut().remove(&TileId { level: 1, index: 0 });
        assert_eq!(Edge::load(600, &store).unwrap_err(), TreeError::Missing { tile: TileId { level: 1, index: 0 } });
    }

    #[test]
    fn leaves_of_other_appends_have_no_proof_here() {
        let mut edge = Edge::empty();
        edge.append(&leaves(0..5));
        let appended = edge.append(&leaves(5..9));
        assert_eq!((appended.inclusion(4), appended.inclusion(9)), (vec![], vec![]));
    }
}
