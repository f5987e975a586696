//! The engine: who collects seals. The ledger does not care who it is.

use crate::base::ids::ChainId;
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::{Hash, header_hash};
use crate::chain::header::Header;
use crate::chain::roster::{MemberName, Roster};
use crate::chain::seal::{Seal, SealKey};
use crate::chain::signing::seal_all;
use crate::store::{NewBlock, Store};

/// Gets a header sealed. Called inside the open transaction that holds the block: when it fails, the transaction is rolled back.
pub trait Engine: Send + Sync {
    /// The member that proposes blocks here.
    fn proposer(&self) -> &MemberName;

    /// Seals that hold a quorum for this header. MUST NOT seal two headers of one height: the caller MUST NOT ask for a
    /// height that is committed already.
    ///
    /// # Errors
    /// [`Code::Internal`] when no quorum can be had.
    fn seal(&self, header: &Header, hash: &Hash) -> Result<Vec<Seal>, Fault>;
}

/// The local engine: one process holds the members' keys and seals at once, round 0. For the sandbox and a single operator.
pub struct LocalEngine {
    proposer: MemberName,
    keys: Vec<(MemberName, SealKey)>,
}

impl LocalEngine {
    /// An engine over the keys of a roster's members.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when a key is not the member's, or the keys at hand hold no quorum.
    pub fn new(roster: &Roster, keys: Vec<(MemberName, SealKey)>, proposer: MemberName) -> Result<Self, Fault> {
        let mut power = 0u128;
        for (name, key) in &keys {
            let member = roster.member(name).filter(|member| member.key == key.public()).ok_or_else(|| {
                Fault::new(Code::ConfigInvalid, "keys", format!("the key of {name} is not the one in the roster"))
            })?;
            power = power.saturating_add(u128::from(member.power));
        }
        if !roster.quorum_reached(power) || !keys.iter().any(|(name, _)| *name == proposer) {
            return Err(Fault::new(Code::ConfigInvalid, "keys", "the seal keys at hand hold no quorum of the roster"));
        }
        Ok(Self { proposer, keys })
    }
}

impl Engine for LocalEngine {
    fn proposer(&self) -> &MemberName {
        &self.proposer
    }

    fn seal(&self, header: &Header, hash: &Hash) -> Result<Vec<Seal>, Fault> {
        seal_all(&self.keys, &header.chain, header.height, 0, hash)
    }
}

/// Writes roster and genesis block into an empty ledger. A ledger that is there already must be of the same chain.
/// Says whether the chain is new.
///
/// # Errors
/// [`Code::LedgerChainMismatch`] when the ledger belongs to another chain or roster.
pub fn found_chain(store: &Store, roster: &Roster, engine: &dyn Engine, time: UnixMs) -> Result<bool, Faults> {
    store.write_blocking(|tx| {
        if tx.checkpoint()?.is_some() {
            let stored = tx.rosters()?;
            return match stored.iter().any(|known| known.hash() == roster.hash()) {
                true => Ok(false),
                false => Err(other_chain(roster.chain(), &stored).into()),
            };
        }
        let header = Header::genesis(roster, time, engine.proposer().clone());
        let text = header.to_text()?;
        let hash = header_hash(&text);
        tx.insert_roster(roster)?;
        tx.insert_block(&NewBlock {
            height: 0,
            hash,
            prev: header.prev,
            size: 0,
            header: &text,
            entries: &[],
            tiles: &[],
        })?;
        tx.insert_seals(0, &engine.seal(&header, &hash)?)?;
        Ok::<_, Faults>(true)
    })
}

fn other_chain(chain: &ChainId, stored: &[Roster]) -> Fault {
    let found = stored.first().map_or("no roster".to_owned(), |roster| roster.chain().to_string());
    Fault::new(
        Code::LedgerChainMismatch,
        "",
        format!("the database holds the chain '{found}' with another roster than the one configured for '{chain}'"),
    )
}
