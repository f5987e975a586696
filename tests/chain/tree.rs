//! The tree against ct-merkle, an independent RFC 6962/9162 implementation, given the same hash; and verifiers against mutants.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use piaolian::chain::{
    Appended, Edge, Hash, Prover, TileId, Tiles, keccak256, leaf_hash, verify_consistency, verify_inclusion,
};
use sha3::Keccak256;

/// Sizes up to which everything is tried: past half a tile, with every shape of right edge.
const SIZES: u64 = 130;

/// A store of tiles in memory that counts its reads.
#[derive(Default)]
pub struct Memory {
    tiles: BTreeMap<TileId, Vec<Hash>>,
    reads: RefCell<usize>,
}

impl Memory {
    pub fn put(&mut self, appended: &Appended) {
        for tile in &appended.tiles {
            self.tiles.insert(tile.id, tile.hashes.clone());
        }
    }
}

impl Tiles for Memory {
    type Error = Infallible;

    fn tile(&self, id: TileId) -> Result<Option<Vec<Hash>>, Infallible> {
        *self.reads.borrow_mut() += 1;
        Ok(self.tiles.get(&id).cloned())
    }
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_string())
}

/// A store of `size` leaves, and the roots of all sizes on the way.
pub fn grown(size: u64) -> (Memory, Vec<Hash>) {
    let (mut store, mut edge) = (Memory::default(), Edge::empty());
    let mut roots = vec![edge.root()];
    for index in 0..size {
        store.put(&edge.append(&[leaf(index)]));
        roots.push(edge.root());
    }
    (store, roots)
}

fn other_tree(size: u64) -> MemoryBackedTree<Keccak256, String> {
    let mut tree = MemoryBackedTree::new();
    for index in 0..size {
        tree.push(index.to_string());
    }
    tree
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|chunk| Hash::try_from(chunk).unwrap()).collect()
}

#[test]
fn roots_and_inclusion_proofs_are_those_of_ct_merkle() {
    let (store, roots) = grown(SIZES);
    assert_eq!(roots[0], keccak256(""));
    for size in 1..=SIZES {
        let other = other_tree(size);
        let root = roots[usize::try_from(size).unwrap()];
        assert_eq!(root.as_bytes()[..], other.root().as_bytes()[..], "root of {size}");
        let prover = Prover::new(&store, size);
        for index in 0..size {
            let proof = prover.inclusion(index).unwrap();
            let expected = other.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(proof, hashes(expected.as_bytes()), "leaf {index} of {size}");
            assert!(verify_inclusion(&leaf(index), index, size, &proof, &root), "leaf {index} of {size}");
        }
        assert!(prover.inclusion(size).is_err());
    }
}

#[test]
fn proofs_of_a_batch_are_those_of_ct_merkle_wherever_it_begins() {
    for first in 0..SIZES {
        for size in [first + 1, first + 2, first + 17, SIZES + 70] {
            let mut edge = Edge::empty();
            edge.append(&(0..first).map(leaf).collect::<Vec<_>>());
            let appended = edge.append(&(first..size).map(leaf).collect::<Vec<_>>());
            let other = other_tree(size);
            assert_eq!(edge.root().as_bytes()[..], other.root().as_bytes()[..]);
            for index in first..size {
                let expected = other.prove_inclusion(usize::try_from(index).unwrap());
                assert_eq!(
                    appended.inclusion(index),
                    hashes(expected.as_bytes()),
                    "leaf {index}, batch {first}..{size}"
                );
            }
        }
    }
}

#[test]
fn consistency_proofs_are_those_of_ct_merkle() {
    let (store, roots) = grown(SIZES);
    let root = |size: u64| &roots[usize::try_from(size).unwrap()];
    for new in 1..=SIZES {
        let other = other_tree(new);
        let prover = Prover::new(&store, new);
        for old in 1..=new {
            let proof = prover.consistency(old).unwrap();
            if old < new {
                let expected = other.prove_consistency(usize::try_from(new - old).unwrap());
                assert_eq!(proof, hashes(expected.as_bytes()), "{old} to {new}");
            }
            assert!(verify_consistency(old, new, root(old), root(new), &proof), "{old} to {new}");
        }
        assert!(verify_consistency(0, new, root(0), root(new), &[]));
        assert!(!verify_consistency(0, new, &leaf(0), root(new), &[]));
        assert!(prover.consistency(new + 1).is_err());
    }
}

/// Every proof that differs from a good one in one place: a bit, a hash left out, a hash twice, a hash more, two hashes swapped.
fn mutants(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[Hash::ZERO]].concat(), [&[Hash::ZERO], proof].concat()];
    for position in 0..proof.len() {
        for byte in [0, 31] {
            let mut flipped = proof.to_vec();
            flipped[position].0[byte] ^= 1;
            all.push(flipped);
        }
        let mut shorter = proof.to_vec();
        shorter.remove(position);
        all.push(shorter);
        let mut longer = proof.to_vec();
        longer.insert(position, proof[position]);
        all.push(longer);
        if position > 0 && proof[position] != proof[position - 1] {
            let mut swapped = proof.to_vec();
            swapped.swap(position, position - 1);
            all.push(swapped);
        }
    }
    all
}

#[test]
fn no_mutant_of_an_inclusion_proof_verifies() {
    let (store, roots) = grown(SIZES);
    for size in (1..=70).chain([127, 128, 129, SIZES]) {
        let root = &roots[usize::try_from(size).unwrap()];
        for index in 0..size {
            let proof = Prover::new(&store, size).inclusion(index).unwrap();
            for mutant in mutants(&proof) {
                assert!(
                    !verify_inclusion(&leaf(index), index, size, &mutant, root),
                    "leaf {index} of {size}: {mutant:?}"
                );
            }
            for other in (0..=size).filter(|other| *other != index) {
                assert!(
                    !verify_inclusion(&leaf(index), other, size, &proof, root),
                    "leaf {index} as {other} of {size}"
                );
            }
            assert!(!verify_inclusion(&leaf(index + 1), index, size, &proof, root));
            assert!(!verify_inclusion(&leaf(index), index, size, &proof, &leaf(index + 1)));
            assert!(!verify_inclusion(&leaf(index), index, 0, &proof, root));
        }
    }
}

#[test]
fn no_mutant_of_a_consistency_proof_verifies() {
    let (store, roots) = grown(SIZES);
    let root = |size: u64| &roots[usize::try_from(size).unwrap()];
    for new in (1..=70).chain([127, 128, 129, SIZES]) {
        for old in 1..=new {
            let proof = Prover::new(&store, new).consistency(old).unwrap();
            for mutant in mutants(&proof) {
                assert!(!verify_consistency(old, new, root(old), root(new), &mutant), "{old} to {new}: {mutant:?}");
            }
            assert!(!verify_consistency(old, new, &leaf(0), root(new), &proof) || old == 1);
            assert!(!verify_consistency(old, new, root(old), root(new - 1), &proof));
            assert!(!verify_consistency(new + 1, new, root(old), root(new), &proof));
        }
    }
}

#[test]
fn a_proof_reads_two_tiles_a_level_at_most() {
    let (mut store, mut edge) = (Memory::default(), Edge::empty());
    for start in (0..200_000).step_by(20_000) {
        store.put(&edge.append(&(start..start + 20_000).map(leaf).collect::<Vec<_>>()));
    }
    for index in [0, 1, 65_535, 65_536, 131_071, 199_999] {
        *store.reads.borrow_mut() = 0;
        let proof = Prover::new(&store, edge.size()).inclusion(index).unwrap();
        assert!(verify_inclusion(&leaf(index), index, edge.size(), &proof, &edge.root()));
        assert!(*store.reads.borrow() <= 6, "{} reads for leaf {index}", store.reads.borrow());
        *store.reads.borrow_mut() = 0;
        Prover::new(&store, edge.size()).consistency(index.max(1)).unwrap();
        assert!(*store.reads.borrow() <= 6, "{} reads for consistency from {index}", store.reads.borrow());
    }
}
