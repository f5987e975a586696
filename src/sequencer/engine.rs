//! The engine: who collects seals. The ledger does not care who it is.

use std::sync::{PoisonError, RwLock};

use crate::base::ids::ChainId;
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::{Hash, header_hash};
use crate::chain::header::Header;
use crate::chain::roster::{Member, MemberName, Roster};
use crate::chain::roster_change::MemberSignature;
use crate::chain::seal::{Seal, SealKey};
use crate::chain::signing::seal_all;
use crate::store::{NewBlock, Store, StoreError};

/// Gets a header sealed. Called inside the open transaction that holds the block: when it fails, the transaction is rolled back.
pub trait Engine: Send + Sync {
    /// The member that proposes blocks here while this roster is in force.
    ///
    /// # Errors
    /// [`Code::SeqSealKeysMissing`] when no member of the roster can propose here.
    fn proposer(&self, roster: &Roster) -> Result<MemberName, Fault>;

    /// Whether headers can be sealed here while this roster is in force. To be asked before a roster is recorded that would count
    /// later: behind its height the chain stands still until the keys are there.
    ///
    /// # Errors
    /// [`Code::SeqSealKeysMissing`] when no quorum can be had.
    fn can_seal(&self, roster: &Roster) -> Result<(), Fault>;

    /// Seals that hold a quorum for this header. `roster` MUST be the one that the header names as `members`. MUST NOT seal two
    /// headers of one height: the caller MUST NOT ask for a height that is committed already.
    ///
    /// # Errors
    /// [`Code::SeqSealKeysMissing`] when no quorum can be had; [`Code::Internal`] for another roster than the header's.
    fn seal(&self, roster: &Roster, header: &Header, hash: &Hash) -> Result<Vec<Seal>, Fault>;
}

/// The local engine: one process holds the members' keys and seals at once, round 0. For the sandbox and a single operator.
///
/// It goes by public keys: whose a key is, and from when on, only the roster in force says. So keys of members to come, and keys of
/// members that will change theirs, may be at hand early; keys that were replaced may stay, and seal nothing.
pub struct LocalEngine {
    proposer: MemberName,
    keys: RwLock<Vec<SealKey>>,
}

impl LocalEngine {
    /// An engine over these keys. `proposer` proposes as long as it is a member whose key is at hand.
    pub fn new(keys: impl IntoIterator<Item = SealKey>, proposer: MemberName) -> Self {
        Self { proposer, keys: RwLock::new(keys.into_iter().collect()) }
    }

    /// Takes in a key while running. It MUST be durable already: a header that it sealed may name no member that is lost.
    pub fn add_key(&self, key: SealKey) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if !keys.iter().any(|known| known.public() == key.public()) {
            keys.push(key);
        }
    }

    /// Signs the statement of a change with every key at hand that is in the old roster or the new one.
    ///
    /// # Errors
    /// [`Code::Internal`] when the library can't sign.
    pub fn sign_statement(&self, old: &Roster, new: &Roster, text: &str) -> Result<Vec<MemberSignature>, Fault> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let concerned =
            |key: &&SealKey| old.members().iter().chain(new.members()).any(|member| member.key == key.public());
        keys.iter().filter(concerned).map(|key| key.sign_statement(text)).collect()
    }

    /// What `work` makes of the members of a roster whose keys are at hand, by name.
    fn with_members<T>(&self, roster: &Roster, work: impl FnOnce(&[(&Member, &SealKey)]) -> T) -> T {
        // Keys are only ever added: whatever a panic interrupted, the list is whole.
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key_of = |member: &Member| keys.iter().find(|key| key.public() == member.key);
        let at_hand: Vec<(&Member, &SealKey)> =
            roster.members().iter().filter_map(|member| Some((member, key_of(member)?))).collect();
        work(&at_hand)
    }
}

/// Whether these members hold a quorum.
fn quorum(roster: &Roster, at_hand: &[(&Member, &SealKey)]) -> Result<(), Fault> {
    let power: u128 = at_hand.iter().map(|(member, _)| u128::from(member.power)).sum();
    if roster.quorum_reached(power) {
        return Ok(());
    }
    let (total, from) = (roster.total_power(), roster.from_height());
    Err(keys_missing(format!(
        "the seal keys at hand hold {power} of {total} of the roster from height {from}: no quorum"
    )))
}

fn keys_missing(message: String) -> Fault {
    Fault::new(Code::SeqSealKeysMissing, "", message)
}

impl Engine for LocalEngine {
    fn proposer(&self, roster: &Roster) -> Result<MemberName, Fault> {
        self.with_members(roster, |at_hand| {
            let configured = at_hand.iter().find(|(member, _)| member.name == self.proposer);
            let (member, _) = configured.or(at_hand.first()).ok_or_else(|| {
                keys_missing(format!("no key at hand is a member's of the roster from height {}", roster.from_height()))
            })?;
            Ok(member.name.clone())
        })
    }

    fn can_seal(&self, roster: &Roster) -> Result<(), Fault> {
        self.with_members(roster, |at_hand| quorum(roster, at_hand))
    }

    fn seal(&self, roster: &Roster, header: &Header, hash: &Hash) -> Result<Vec<Seal>, Fault> {
        if roster.hash() != header.members {
            let message = format!("header {} is to be sealed under another roster than it names", header.height);
            return Err(Fault::new(Code::Internal, "", message));
        }
        self.with_members(roster, |at_hand| {
            quorum(roster, at_hand)?;
            let keys: Vec<(&MemberName, &SealKey)> = at_hand.iter().map(|(member, key)| (&member.name, *key)).collect();
            seal_all(&keys, &header.chain, header.height, 0, hash)
        })
    }
}

/// The roster under which the block after this header is sealed.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is not stored.
pub(super) fn roster_after(header: &Header, rosters: Vec<Roster>) -> Result<Roster, StoreError> {
    rosters.into_iter().find(|roster| roster.hash() == header.next_members).ok_or_else(|| StoreError::Corrupt {
        table: "rosters",
        key: header.next_members.to_string(),
        what: format!("the roster that header {} names for the next one is missing", header.height),
    })
}

/// Writes roster and genesis block into an empty ledger. A ledger that is there already must be of the same chain, and the engine
/// must have the keys of the roster that is in force by now. Says whether the chain is new.
///
/// # Errors
/// [`Code::LedgerChainMismatch`] when the ledger belongs to another chain or founding roster; [`Code::ConfigInvalid`] when the keys
/// at hand hold no quorum.
pub fn found_chain(store: &Store, roster: &Roster, engine: &dyn Engine, time: UnixMs) -> Result<bool, Faults> {
    let able = |roster: &Roster| {
        engine.can_seal(roster).map_err(|fault| Fault::new(Code::ConfigInvalid, "keys", fault.message))
    };
    store.write_blocking(|tx| {
        if let Some(block) = tx.checkpoint()? {
            let stored = tx.rosters()?;
            if !stored.iter().any(|known| known.hash() == roster.hash()) {
                return Err(other_chain(roster.chain(), &stored).into());
            }
            able(&roster_after(&Header::from_text(&block.header)?, stored)?)?;
            return Ok(false);
        }
        able(roster)?;
        let header = Header::genesis(roster, time, engine.proposer(roster)?);
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
        tx.insert_seals(0, &engine.seal(roster, &header, &hash)?)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::chain::{Change, next_roster};

    fn key(byte: u8) -> SealKey {
        SealKey::from_secret(&Secret::new([byte; 32])).unwrap()
    }

    fn name(text: &str) -> MemberName {
        text.try_into().unwrap()
    }

    fn founders() -> Roster {
        let member = |(text, byte)| Member { name: name(text), power: 1, key: key(byte).public() };
        let members = [("a", 1), ("b", 2), ("c", 3), ("d", 4)].map(member);
        Roster::new("test".try_into().unwrap(), 0, members.into()).unwrap()
    }

    fn engine(keys: &[u8]) -> LocalEngine {
        LocalEngine::new(keys.iter().copied().map(key), name("c"))
    }

    fn sealers(engine: &LocalEngine, roster: &Roster) -> Result<Vec<String>, Fault> {
        let header = Header::genesis(roster, UnixMs(0), name("c"));
        let hash = header.hash().unwrap();
        let seals = engine.seal(roster, &header, &hash)?;
        for seal in &seals {
            let member = roster.member(&seal.member).unwrap();
            seal.verify(&header.chain, 0, &hash, &member.key).unwrap();
        }
        Ok(seals.into_iter().map(|seal| seal.member.to_string()).collect())
    }

    #[test]
    fn only_keys_of_the_roster_in_force_seal() {
        let engine = engine(&[9, 4, 3, 1]);
        assert_eq!(sealers(&engine, &founders()).unwrap(), ["a", "c", "d"]);
        let rotated = next_roster(&founders(), &Change::Rotate { member: name("a"), key: key(9).public() }, 5).unwrap();
        let header = Header { members: rotated.hash(), ..Header::genesis(&founders(), UnixMs(0), name("c")) };
        let seals = engine.seal(&rotated, &header, &Hash::ZERO).unwrap();
        assert_eq!(seals[0].verify(&header.chain, 0, &Hash::ZERO, &key(9).public()), Ok(()));
        assert_eq!(engine.seal(&founders(), &header, &Hash::ZERO).unwrap_err().code, Code::Internal);
    }

    #[test]
    fn without_a_quorum_nothing_is_sealed_until_a_key_comes() {
        let engine = engine(&[1, 2]);
        assert_eq!(engine.can_seal(&founders()).unwrap_err().code, Code::SeqSealKeysMissing);
        assert_eq!(sealers(&engine, &founders()).unwrap_err().code, Code::SeqSealKeysMissing);
        engine.add_key(key(2));
        assert_eq!(engine.can_seal(&founders()).unwrap_err().code, Code::SeqSealKeysMissing, "one key counts once");
        engine.add_key(key(4));
        assert_eq!(engine.can_seal(&founders()), Ok(()));
        assert_eq!(sealers(&engine, &founders()).unwrap(), ["a", "b", "d"]);
    }

    #[test]
    fn the_proposer_is_a_member_at_hand() {
        assert_eq!(engine(&[1, 2, 3]).proposer(&founders()), Ok(name("c")));
        assert_eq!(engine(&[4, 2, 1]).proposer(&founders()), Ok(name("a")), "the configured one's key is elsewhere");
        let left = next_roster(&founders(), &Change::Remove { member: name("c") }, 5).unwrap();
        assert_eq!(engine(&[2, 3, 4]).proposer(&left), Ok(name("b")), "the configured one has left");
        assert_eq!(engine(&[9]).proposer(&founders()).unwrap_err().code, Code::SeqSealKeysMissing);
    }
}
