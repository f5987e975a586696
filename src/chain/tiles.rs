//! How the tree is stored: tiles of 256 hashes, as in C2SP tlog-tiles with height 8.
//!
//! Tile (level, index) holds the hashes number 256 * index and on of the complete subtrees of 256^level leaves, from left to
//! right; level 0 holds leaf hashes. A tile is partial until it has 256 hashes, grows only at its end and never changes a hash.

use std::fmt;

use super::hash::{Hash, node_hash};
use crate::base::{Code, Fault};

/// Hashes of a full tile.
pub const TILE_WIDTH: usize = 256;

/// Binary levels of the tree that one level of tiles spans: 2^8 = 256.
pub(super) const TILE_HEIGHT: u32 = 8;

/// Levels of tiles that a 64-bit size can need.
pub(super) const TILE_LEVELS: u8 = 8;

/// Which tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes, 1 for hashes of 256 leaves, and so on up to 7.
    pub level: u8,
    /// Position among the tiles of the level, from 0.
    pub index: u64,
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile {}/{}", self.level, self.index)
    }
}

/// A tile with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Which one.
    pub id: TileId,
    /// 1 to 256 hashes.
    pub hashes: Vec<Hash>,
}

/// Where tiles are kept.
pub trait Tiles {
    /// What can go wrong when one is read.
    type Error;

    /// The tile as it is kept now, `None` if there is none. MUST be a consistent state of one moment across calls, or a later one:
    /// more hashes at the end are fine, other hashes are not.
    ///
    /// # Errors
    /// When the tile can't be read.
    fn tile(&self, id: TileId) -> Result<Option<Vec<Hash>>, Self::Error>;
}

/// Why the tree can't answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The store failed.
    #[error("{tile} can't be read: {cause}")]
    Store {
        /// Which tile.
        tile: TileId,
        /// What the store said.
        cause: E,
    },
    /// The store has no such tile though the size says that there is one.
    #[error("{tile} is missing")]
    Missing {
        /// Which tile.
        tile: TileId,
    },
    /// The tile has another number of hashes than the size says.
    #[error("{tile} has {found} hashes where the size of the tree asks for {expected}")]
    Length {
        /// Which tile.
        tile: TileId,
        /// How many it has.
        found: usize,
        /// How many it must have, or have at least.
        expected: usize,
    },
    /// An index or size that this tree does not have.
    #[error("{asked} lies outside a tree of {size} leaves")]
    Outside {
        /// The index or size asked for.
        asked: u64,
        /// The size of the tree.
        size: u64,
    },
}

impl<E: fmt::Display> From<TreeError<E>> for Fault {
    fn from(error: TreeError<E>) -> Self {
        let code = match &error {
            TreeError::Store { .. } | TreeError::Missing { .. } | TreeError::Length { .. } => Code::ChainTileBroken,
            TreeError::Outside { .. } => Code::ChainTreeRange,
        };
        Fault::new(code, "", error.to_string())
    }
}

/// The root of a perfect binary tree over 2^n hashes. (Over another number of hashes it is the RFC 9162 root only by accident:
/// callers give powers of two.) `None` when there are none.
pub(super) fn perfect_root(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = pair_up(&row);
    }
    row.first().copied()
}

/// The parents of a row of nodes; an odd one at the end has none.
pub(super) fn pair_up(row: &[Hash]) -> Vec<Hash> {
    row.chunks_exact(2)
        .filter_map(|pair| match pair {
            [left, right] => Some(node_hash(left, right)),
            _ => None,
        })
        .collect()
}

/// A length as a number of leaves; lossless on every platform that Rust knows.
pub(super) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The lowest eight bits of a position: where it lies in its tile.
pub(super) fn in_tile(position: u64) -> usize {
    usize::from(position.to_le_bytes().first().copied().unwrap_or(0))
}

/// `number >> bits`, 0 when nothing is left.
pub(super) fn shr(number: u64, bits: u32) -> u64 {
    number.checked_shr(bits).unwrap_or(0)
}

/// Whether bit `bit` of `number` is set.
pub(super) fn bit(number: u64, bit: u32) -> bool {
    shr(number, bit) & 1 == 1
}
