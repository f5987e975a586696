//! The consortium's desk: its roster changes, and its ledger goes on from an older copy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Desk, Recorded};
use crate::base::ids::IdempotencyKey;
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::statement_hash;
use crate::chain::roster::{MemberKey, MemberName, Roster};
use crate::chain::roster_change::{Change, MemberSignature, change_text, next_roster};
use crate::invoice::draft::never_null;
use crate::ledger::command::{BUREAU_SCOPE, BlockName, ChangeRosterBody, Command, Keyed, RestoredBody, request_hash};
use crate::sequencer::{Behind, End};
use crate::store::Reader;

/// The members' seal keys that are at hand: made, kept and used by the floors above.
pub trait Members: Send + Sync {
    /// Makes a seal key for a member. It MUST be durable, and seal from now on wherever a roster names it, when this returns.
    ///
    /// # Errors
    /// When it can't be kept.
    fn new_key(&self, member: &MemberName) -> Result<MemberKey, Fault>;

    /// Signs a statement about the change of one roster into another with every key at hand that is in either.
    ///
    /// # Errors
    /// When a key can't sign.
    fn sign(&self, old: &Roster, new: &Roster, text: &str) -> Result<Vec<MemberSignature>, Fault>;

    /// Whether blocks can be sealed here under a roster.
    ///
    /// # Errors
    /// [`Code::SeqSealKeysMissing`].
    fn can_seal(&self, roster: &Roster) -> Result<(), Fault>;
}

/// What is to change in the roster; a key that is left out the service makes and keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChangeAsked {
    /// A member seals with another key.
    Rotate {
        /// Whose key.
        member: MemberName,
        /// The new key.
        #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
        key: Option<MemberKey>,
    },
    /// A member joins.
    Add {
        /// Its name.
        member: MemberName,
        /// Its key.
        #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
        key: Option<MemberKey>,
        /// Its voting power.
        power: u64,
    },
    /// A member leaves.
    Remove {
        /// Who.
        member: MemberName,
    },
}

/// A request to change the roster.
#[derive(Debug, Clone)]
pub struct RosterChangeAsked {
    /// The caller's key.
    pub key: IdempotencyKey,
    /// What is to change.
    pub change: ChangeAsked,
    /// The height from which the new roster seals; left out, the next but one.
    pub from: Option<u64>,
    /// Signatures of members whose keys are not at hand here.
    pub signatures: Vec<MemberSignature>,
}

/// What members would sign for a change.
#[derive(Debug, Clone)]
pub struct ChangePreview {
    /// The roster that it would make.
    pub roster: Roster,
    /// The canonical text that is signed.
    pub text: String,
    /// Its hash: what a key signs.
    pub digest: String,
}

/// What makes two requests the same: a key that the service makes is another each time.
#[derive(Serialize)]
struct Fingerprint<'a> {
    change: &'a ChangeAsked,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    signatures: &'a [MemberSignature],
}

/// How far behind the next block a roster begins that is not told when: the next but one, and further where others were faster.
const AHEAD: [u64; 4] = [1, 4, 32, 256];

impl Desk {
    /// Changes the roster, signed with the keys at hand and by whoever has signed already.
    ///
    /// # Errors
    /// [`Code::SeqSealKeysMissing`] when the new roster could not seal here: the chain would stand still from its height on. With the
    /// path in the request what [`next_roster`] and execution refuse.
    pub async fn change_roster(&self, asked: RosterChangeAsked) -> Result<Recorded, Faults> {
        let RosterChangeAsked { key, change: wanted, from, signatures } = asked;
        let fingerprint = Fingerprint { change: &wanted, from, signatures: &signatures };
        let request = request_hash(&self.chain, "change_roster", &fingerprint)?;
        if let Some(before) = self.answered_before(BUREAU_SCOPE, &key, request).await? {
            return Ok(before);
        }
        let (_, last) = self.last_roster().await?;
        let change = self.with_key(&last, wanted).await?;
        let mut ahead = AHEAD.into_iter();
        loop {
            let (next, last) = self.last_roster().await?;
            let further = ahead.next();
            let begins = from.unwrap_or_else(|| begins(next, &last, further.unwrap_or(1)));
            let body = self.signed_change(&last, &change, begins, &signatures)?;
            let command = Command::ChangeRoster(Keyed { key: key.clone(), request, body });
            match self.sequencer.submit(command).await {
                Ok(sealed) => return self.recorded(sealed).await,
                // Blocks or another change were faster; the caller did not say when, so later will do.
                Err(faults) if from.is_none() && further.is_some() && was_late(&faults) => {}
                Err(faults) => return Err(faults),
            }
        }
    }

    /// What would be signed for a change whose keys are all named.
    ///
    /// # Errors
    /// [`Code::HttpShapeWrong`] for a change without its key; what [`next_roster`] refuses.
    pub async fn preview_roster_change(&self, wanted: ChangeAsked, from: u64) -> Result<ChangePreview, Faults> {
        let change = wanted.named()?;
        let (_, last) = self.last_roster().await?;
        let roster = next_roster(&last, &change, from)?;
        let text = change_text(&last, &roster, &change)?;
        let digest = statement_hash(&text).to_string();
        Ok(ChangePreview { roster, text, digest })
    }

    /// The height of the next block, and the last roster that is recorded, in force or to come.
    async fn last_roster(&self) -> Result<(u64, Roster), Faults> {
        let look = |reader: &mut Reader<'_>| Ok::<_, Faults>((reader.checkpoint()?, reader.rosters()?.pop()));
        match self.store.read(look).await? {
            (Some(tip), Some(last)) => Ok((tip.height.saturating_add(1), last)),
            (_, _) => Err(Fault::new(Code::LedgerRosterUnknown, "", "the chain has no roster yet").into()),
        }
    }

    /// The change with its key: made here if none is named, once it is known that the change can be.
    async fn with_key(&self, last: &Roster, wanted: ChangeAsked) -> Result<Change, Faults> {
        let member = match &wanted {
            ChangeAsked::Rotate { member, key: None } if last.member(member).is_some() => member.clone(),
            ChangeAsked::Rotate { member, key: None } => {
                let message = format!("{member} is no member");
                return Err(Fault::new(Code::ChainChangeMemberUnknown, "change.rotate.member", message).into());
            }
            ChangeAsked::Add { member, key: None, .. } if last.member(member).is_none() => member.clone(),
            ChangeAsked::Add { member, key: None, .. } => {
                let message = format!("{member} is a member already");
                return Err(Fault::new(Code::ChainChangeMemberKnown, "change.add.member", message).into());
            }
            ChangeAsked::Rotate { key: Some(_), .. }
            | ChangeAsked::Add { key: Some(_), .. }
            | ChangeAsked::Remove { .. } => return Ok(wanted.named()?),
        };
        let members = Arc::clone(&self.parties.members);
        // A file is written and synced.
        let made = tokio::task::spawn_blocking(move || members.new_key(&member)).await;
        let made = made.map_err(|e| Fault::new(Code::Internal, "", format!("no key was made: {e}")))??;
        Ok(wanted.with(made).named()?)
    }

    /// A change from a height on, signed with the keys at hand beside the signatures that were given.
    fn signed_change(
        &self,
        last: &Roster,
        change: &Change,
        from: u64,
        given: &[MemberSignature],
    ) -> Result<ChangeRosterBody, Faults> {
        let roster = next_roster(last, change, from)?;
        self.parties.members.can_seal(&roster).map_err(|fault| fault.under("change"))?;
        let text = change_text(last, &roster, change)?;
        let mut signatures = given.to_vec();
        for ours in self.parties.members.sign(last, &roster, &text)? {
            if !given.iter().any(|theirs| theirs.key == ours.key) {
                signatures.push(ours);
            }
        }
        Ok(ChangeRosterBody { change: change.clone(), from, roster: roster.text().to_owned(), signatures })
    }

    /// Records that the ledger goes on from an older copy, or another history, than the one that was written last.
    ///
    /// # Errors
    /// [`Code::LedgerNotRestored`] when it is the one that was written last; [`Code::LedgerReasonLength`].
    pub async fn record_restored(&self, key: IdempotencyKey, reason: String) -> Result<Recorded, Faults> {
        #[derive(Serialize)]
        struct Why<'a> {
            reason: &'a str,
        }
        let request = request_hash(&self.chain, "restored", &Why { reason: &reason })?;
        if let Some(before) = self.answered_before(BUREAU_SCOPE, &key, request).await? {
            return Ok(before);
        }
        let sequencer = self.sequencer.clone();
        let behind = self.store.read(move |reader: &mut Reader<'_>| sequencer.behind(reader)).await?;
        let Some(Behind { remembered, tip }) = behind else {
            let message = "the database is the one that was written last: there is no loss to record";
            return Err(Fault::new(Code::LedgerNotRestored, "", message).into());
        };
        let body = RestoredBody { reason, remembered: named(remembered), tip: named(tip) };
        let sealed = self.sequencer.submit(Command::Restored(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }
}

impl ChangeAsked {
    /// The change, if its key is named.
    fn named(self) -> Result<Change, Fault> {
        let keyless = |path: &str| Fault::new(Code::HttpShapeWrong, path, "the key is needed here");
        match self {
            Self::Rotate { member, key: Some(key) } => Ok(Change::Rotate { member, key }),
            Self::Add { member, key: Some(key), power } => Ok(Change::Add { member, key, power }),
            Self::Remove { member } => Ok(Change::Remove { member }),
            Self::Rotate { key: None, .. } => Err(keyless("change.rotate.key")),
            Self::Add { key: None, .. } => Err(keyless("change.add.key")),
        }
    }

    /// The same with this key, where one is wanted.
    fn with(self, key: MemberKey) -> Self {
        match self {
            Self::Rotate { member, .. } => Self::Rotate { member, key: Some(key) },
            Self::Add { member, power, .. } => Self::Add { member, key: Some(key), power },
            Self::Remove { member } => Self::Remove { member },
        }
    }
}

/// From when a roster seals that is not told when: so many blocks behind the next one, and behind the last roster.
fn begins(next: u64, last: &Roster, ahead: u64) -> u64 {
    next.saturating_add(ahead).max(last.from_height().saturating_add(1))
}

fn was_late(faults: &Faults) -> bool {
    let late = [Code::LedgerHeightPast, Code::LedgerRosterOther, Code::ChainChangeFrom];
    faults.first().is_some_and(|fault| late.contains(&fault.code))
}

fn named(end: End) -> BlockName {
    BlockName { height: end.height, hash: end.hash }
}
