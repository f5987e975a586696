//! A change of the roster: one member gets another key, joins or leaves, from a height on; and who must have signed it.
//!
//! Members sign the statement of the change: which roster it replaces, by which, and what the difference is. It counts with a quorum
//! of the old roster, a quorum of the new one, and every key that is new. A key that goes need not sign: it may be lost.
//! Where three members have equal power a quorum is all three, so that there no change is possible without any of their keys.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use serde::{Deserialize, Serialize};

use super::canonical::{FormatVersion, Object, parse_canonical, to_canonical};
use super::hash::{Hash, statement_hash};
use super::issuer::low_s;
use super::roster::{Member, MemberKey, MemberName, Roster};
use super::seal::{SealKey, SealSignature};
use crate::base::ids::ChainId;
use crate::base::limits::{CANONICAL_INTEGER_MAX, ROSTER_MEMBERS_MAX};
use crate::base::{Code, Fault};

/// What is to change. In JSON an object with one member, for example `{"rotate":{"key":"02...","member":"kingdee"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "ChangeRead")]
pub enum Change {
    /// A member seals with another key.
    Rotate {
        /// Whose key.
        member: MemberName,
        /// The new key, not yet in the roster.
        key: MemberKey,
    },
    /// A member joins.
    Add {
        /// Its name, not yet in the roster.
        member: MemberName,
        /// Its key, not yet in the roster.
        key: MemberKey,
        /// Its voting power, at least 1.
        power: u64,
    },
    /// A member leaves.
    Remove {
        /// Who.
        member: MemberName,
    },
}

/// As a change is read: objects only, which serde does not ask for by itself.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeRead {
    Rotate(Object<Rotate>),
    Add(Object<Add>),
    Remove(Object<Remove>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    member: MemberName,
    key: MemberKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    member: MemberName,
    key: MemberKey,
    power: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    member: MemberName,
}

impl From<ChangeRead> for Change {
    fn from(read: ChangeRead) -> Self {
        match read {
            ChangeRead::Rotate(Object(Rotate { member, key })) => Self::Rotate { member, key },
            ChangeRead::Add(Object(Add { member, key, power })) => Self::Add { member, key, power },
            ChangeRead::Remove(Object(Remove { member })) => Self::Remove { member },
        }
    }
}

fn refused<T>(code: Code, path: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(code, path, message))
}

impl Change {
    /// Makes the change among the members of a roster.
    fn apply(&self, members: &mut Vec<Member>) -> Result<(), Fault> {
        match self {
            Self::Rotate { member, key } => {
                unknown_key(members, key, "change.rotate.key")?;
                match members.iter_mut().find(|one| one.name == *member) {
                    Some(one) => one.key = *key,
                    None => return Err(stranger(member, "change.rotate.member")),
                }
            }
            Self::Add { member, key, power } => {
                if members.iter().any(|one| one.name == *member) {
                    let message = format!("{member} is a member already");
                    return refused(Code::ChainChangeMemberKnown, "change.add.member", message);
                }
                unknown_key(members, key, "change.add.key")?;
                if !(1..=CANONICAL_INTEGER_MAX.unsigned_abs()).contains(power) {
                    let message = format!("{power} is not between 1 and 2^53 - 1");
                    return refused(Code::ChainChangePower, "change.add.power", message);
                }
                members.push(Member { name: member.clone(), power: *power, key: *key });
            }
            Self::Remove { member } => {
                if !members.iter().any(|one| one.name == *member) {
                    return Err(stranger(member, "change.remove.member"));
                }
                members.retain(|one| one.name != *member);
            }
        }
        if members.is_empty() || members.len() > ROSTER_MEMBERS_MAX {
            let message = format!("{} members would be left: 1 to {ROSTER_MEMBERS_MAX} can be", members.len());
            return refused(Code::ChainChangeCount, "change", message);
        }
        Ok(())
    }
}

fn stranger(member: &MemberName, path: &str) -> Fault {
    Fault::new(Code::ChainChangeMemberUnknown, path, format!("{member} is no member"))
}

fn unknown_key(members: &[Member], key: &MemberKey, path: &str) -> Result<(), Fault> {
    match members.iter().find(|one| one.key == *key) {
        None => Ok(()),
        Some(holder) => refused(Code::ChainChangeKeyKnown, path, format!("this is the key of {}", holder.name)),
    }
}

/// The roster that a change makes out of another. That it comes later than the chain's newest block the caller sees to, and that no
/// roster between the two is scheduled: `prev` MUST be the last one there is.
///
/// # Errors
/// With the path in `{change, from}`: [`Code::ChainChangeFrom`] unless `from` is above that of `prev`,
/// [`Code::ChainChangeMemberUnknown`], [`Code::ChainChangeMemberKnown`], [`Code::ChainChangeKeyKnown`], [`Code::ChainChangePower`],
/// [`Code::ChainChangeCount`]; [`Code::ChainNumberRange`] for a height of 2^53 or more.
pub fn next_roster(prev: &Roster, change: &Change, from: u64) -> Result<Roster, Fault> {
    if from <= prev.from_height() {
        let message = format!("the roster before counts from height {}, this one from {from}", prev.from_height());
        return refused(Code::ChainChangeFrom, "from", message);
    }
    let mut members = prev.members().to_vec();
    change.apply(&mut members)?;
    Roster::new(prev.chain().clone(), from, members)
}

/// The one value of `statement` here; other statements have others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum StatementKind {
    #[serde(rename = "change_roster")]
    ChangeRoster,
}

/// What members sign: this change, from this height, of the roster `prev` into the roster `roster`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeStatement {
    v: FormatVersion,
    statement: StatementKind,
    /// The chain.
    pub chain: ChainId,
    /// What changes.
    pub change: Change,
    /// The height from which the new roster counts.
    pub from: u64,
    /// Hash of the roster that is replaced.
    pub prev: Hash,
    /// Hash of the new roster.
    pub roster: Hash,
}

impl ChangeStatement {
    /// The statement that `change` makes `new` out of `prev`. Says, does not check: [`check_change`] does.
    pub fn new(prev: &Roster, new: &Roster, change: &Change) -> Self {
        Self {
            v: FormatVersion,
            statement: StatementKind::ChangeRoster,
            chain: prev.chain().clone(),
            change: change.clone(),
            from: new.from_height(),
            prev: prev.hash(),
            roster: new.hash(),
        }
    }

    /// The canonical text.
    ///
    /// # Errors
    /// [`Code::ChainNumberRange`] for a number of 2^53 or more.
    pub fn to_text(&self) -> Result<String, Fault> {
        to_canonical(self)
    }

    /// Reads a statement's canonical text.
    ///
    /// # Errors
    /// Those of [`parse_canonical`]; [`Code::ChainChangeStatement`] when it is another document.
    pub fn from_text(text: &str) -> Result<Self, Fault> {
        let Object(statement) = serde_json::from_value(parse_canonical(text)?).map_err(|e| {
            Fault::new(Code::ChainChangeStatement, "", format!("not the statement of a change of the roster: {e}"))
        })?;
        Ok(statement)
    }
}

/// The canonical text that members sign for a change: [`ChangeStatement`].
///
/// # Errors
/// [`Code::ChainNumberRange`] for a number of 2^53 or more.
pub fn change_text(prev: &Roster, new: &Roster, change: &Change) -> Result<String, Fault> {
    ChangeStatement::new(prev, new, change).to_text()
}

/// A member's signature on a statement: r and s over its [`statement_hash`], RFC 6979, low s. Named by key, since a member whose key
/// changes may sign with both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSignature {
    /// Which key signed.
    pub key: MemberKey,
    /// The signature.
    pub signature: SealSignature,
}

impl SealKey {
    /// Signs a statement. MUST be shown to whoever answers for the key before: [`ChangeStatement::from_text`] says what it means.
    ///
    /// # Errors
    /// [`Code::Internal`] when the library can't sign, which for a 32-byte hash it always can.
    pub fn sign_statement(&self, text: &str) -> Result<MemberSignature, Fault> {
        Ok(MemberSignature { key: self.public(), signature: self.sign_hash(&statement_hash(text))? })
    }
}

/// Checks that a change may be made: `text` is the statement that turns `prev` into `new`, and those who must have signed it.
///
/// # Errors
/// Those of [`next_roster`] and [`ChangeStatement::from_text`]; [`Code::ChainChangeStatement`] when the text is about other rosters
/// or another change; of the first signature that is wrong, with its place, [`Code::ChainChangeSignatureStranger`],
/// [`Code::ChainChangeSignatureTwice`] or [`Code::ChainChangeSignatureBad`]; of what is missing, [`Code::ChainChangeNewKeyUnsigned`],
/// [`Code::ChainChangeOldQuorum`] or [`Code::ChainChangeNewQuorum`].
pub fn check_change(prev: &Roster, new: &Roster, text: &str, signatures: &[MemberSignature]) -> Result<(), Fault> {
    let ChangeStatement { change, from, .. } = ChangeStatement::from_text(text)?;
    let made = next_roster(prev, &change, from)?;
    if made != *new || change_text(prev, new, &change)? != text {
        let message = format!("the statement is not about making the roster {} out of {}", new.hash(), prev.hash());
        return refused(Code::ChainChangeStatement, "", message);
    }
    let signed = signing_keys(prev, new, text, signatures)?;
    for member in new.members() {
        if !prev.members().iter().any(|old| old.key == member.key) && !signed.contains(&member.key) {
            let message = format!("the new key of {} has not signed", member.name);
            return refused(Code::ChainChangeNewKeyUnsigned, "signatures", message);
        }
    }
    for (roster, code, which) in [(prev, Code::ChainChangeOldQuorum, "old"), (new, Code::ChainChangeNewQuorum, "new")] {
        let (power, total) = (power_of(roster, &signed), roster.total_power());
        if !roster.quorum_reached(power) {
            let message = format!("{power} of {total} of the {which} roster: a quorum is more than two thirds");
            return refused(code, "signatures", message);
        }
    }
    Ok(())
}

/// The keys whose signatures stand under a statement; every signature is a good one by a key of either roster.
fn signing_keys(
    prev: &Roster,
    new: &Roster,
    text: &str,
    signatures: &[MemberSignature],
) -> Result<Vec<MemberKey>, Fault> {
    let hash = statement_hash(text);
    let mut signed: Vec<MemberKey> = Vec::new();
    for (position, MemberSignature { key, signature }) in signatures.iter().enumerate() {
        let place = |field: &str| format!("signatures[{position}].{field}");
        if !prev.members().iter().chain(new.members()).any(|member| member.key == *key) {
            let message = format!("{key} is in neither roster");
            return refused(Code::ChainChangeSignatureStranger, &place("key"), message);
        }
        if signed.contains(key) {
            return refused(Code::ChainChangeSignatureTwice, &place("key"), format!("{key} has signed already"));
        }
        let bad = |what: String| Fault::new(Code::ChainChangeSignatureBad, place("signature"), what);
        let rs = low_s(&signature.0).ok_or_else(|| bad("r or s is out of range, or s is high".to_owned()))?;
        key.0
            .verify_prehash(hash.as_bytes(), &rs)
            .map_err(|e| bad(format!("not by {key} over this statement: {e}")))?;
        signed.push(*key);
    }
    Ok(signed)
}

fn power_of(roster: &Roster, signed: &[MemberKey]) -> u128 {
    roster.members().iter().filter(|member| signed.contains(&member.key)).map(|member| u128::from(member.power)).sum()
}
