//! Blocks, entries and proofs.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::openapi::SealSchema;
use crate::chain::seal::Seal;
use crate::store::Block;

/// A sealed block.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockReply {
    /// Height; 0 is the genesis block.
    pub height: u64,
    /// Header hash.
    pub hash: String,
    /// Entries up to and including this block.
    pub size: u64,
    /// The header's canonical text.
    pub header: String,
    /// The seals on it.
    #[schema(value_type = Vec<SealSchema>)]
    pub seals: Vec<Seal>,
}

impl From<Block> for BlockReply {
    fn from(block: Block) -> Self {
        Self {
            height: block.height,
            hash: block.hash.to_string(),
            size: block.size,
            header: block.header,
            seals: block.seals,
        }
    }
}

/// A page of blocks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlocksReply {
    /// The items.
    pub blocks: Vec<BlockReply>,
    /// Give it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An inclusion proof.
#[derive(Debug, Serialize, ToSchema)]
pub struct InclusionReply {
    /// The leaf's index.
    pub index: u64,
    /// The tree's size.
    pub size: u64,
    /// Leaf hash.
    pub leaf: String,
    /// Root of the tree of that size.
    pub root: String,
    /// RFC 9162 inclusion path.
    pub proof: Vec<String>,
}

/// A consistency proof.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsistencyReply {
    /// The smaller size.
    pub from: u64,
    /// The larger size.
    pub to: u64,
    /// Root at the smaller size.
    pub from_root: String,
    /// Root at the larger size.
    pub to_root: String,
    /// RFC 9162 consistency path.
    pub proof: Vec<String>,
}

/// An entry with its place.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryReply {
    /// Its index.
    pub index: u64,
    /// Height of its block.
    pub block: u64,
    /// Leaf hash.
    pub leaf: String,
    /// Canonical text.
    pub entry: String,
}
