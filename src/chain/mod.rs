//! The chain in bytes: canonical text, hashes, the Merkle tree, signatures, headers, seals, receipts and their verification.
//!
//! Promise: everything here is a pure function of its arguments; two programs that follow `fixtures/chain/README.md` get
//! the same bytes and the same verdicts. A value that parsed is valid for as long as it exists.
//!
//! *Invariant:* no I/O, no clock, no randomness, no SQL.
//! *Invariant:* knows entry, header and seal, that an entry may carry a signed draft and a number, and that a number has a present state
//! in one of eight words; knows nothing of money, tax or what the words mean.
//! *Invariant:* stored text is hashed as stored and never re-serialised to verify it.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod canonical;
mod direct;
pub mod evidence;
pub mod hash;
pub mod header;
pub mod issuer;
pub mod issuer_rotation;
pub mod merkle;
mod plain;
pub mod present;
pub mod proof;
pub mod receipt;
pub mod roster;
pub mod roster_change;
pub mod seal;
pub mod signing;
pub mod state_proof;
pub mod tiles;
pub mod verify;

pub use canonical::{Edition, FormatVersion, Object, parse_canonical, to_canonical};
pub use hash::{
    Hash, header_hash, holder_hash, keccak256, leaf_hash, node_hash, roster_hash, running_hash, statement_hash,
};
pub use header::Header;
pub use issuer::{Address, IssuerKey, IssuerSignature, eip191_hash, recover};
pub use issuer_rotation::{check_rotation_signature, rotation_text};
pub use merkle::{Appended, Edge};
pub use present::{OtherLeaf, PresentState, Sibling, StateKey, StateWord, empty_state_root};
pub use proof::{Prover, verify_consistency, verify_inclusion};
pub use receipt::{Receipt, ReceiptState, draft_slice};
pub use roster::{Member, MemberKey, MemberName, Roster};
pub use roster_change::{Change, ChangeStatement, MemberSignature, change_text, check_change, next_roster};
pub use seal::{Seal, SealKey, SealSignature, vote_text};
pub use signing::{seal_all, sign_all};
pub use state_proof::{ProvenState, StateProof};
pub use tiles::{TILE_WIDTH, Tile, TileId, Tiles, TreeError};
pub use verify::{Verdict, VerdictCode, verify_document_json, verify_receipt, verify_receipt_json, verify_state_proof};
