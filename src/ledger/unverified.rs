//! The commands of entries, many at once: issuers' signatures that are verified together cost less.

use super::command::{Command, Issue, Reverse, Unverified};
use super::entry::{Entry, Kind};
use crate::base::Faults;

/// What [`Entry::command`] gives for each of these entries, in their order.
pub fn commands_of(entries: Vec<Entry>) -> Vec<Result<Command, Faults>> {
    let mut unverified: Vec<Unverified> = Vec::with_capacity(entries.len());
    let mut places = Vec::with_capacity(entries.len());
    for mut entry in entries {
        places.push(match entry.kind {
            Kind::Issue | Kind::Reverse => match entry.unverified() {
                Ok(found) => {
                    unverified.push(found);
                    Place::Signed(entry.kind, entry.confirmation)
                }
                Err(faults) => Place::Ready(Box::new(Err(faults))),
            },
            Kind::RegisterMerchant
            | Kind::SetRules
            | Kind::RecordPayment
            | Kind::RecordRefund
            | Kind::Lock
            | Kind::Renew
            | Kind::Unlock
            | Kind::Close
            | Kind::Pledge
            | Kind::Release
            | Kind::Settle
            | Kind::Claim
            | Kind::HandOver
            | Kind::Discard
            | Kind::OpenConfirmation
            | Kind::AnswerConfirmation
            | Kind::SuspendMerchant
            | Kind::ResumeMerchant
            | Kind::RotateIssuer
            | Kind::RevokeIssuer
            | Kind::ChangeRoster
            | Kind::CloseDay
            | Kind::Restored => Place::Ready(Box::new(entry.into_command())),
        });
    }
    let mut issues = Issue::signed_all(unverified).into_iter();
    let commands = places.into_iter().filter_map(|place| match place {
        Place::Ready(command) => Some(*command),
        Place::Signed(kind, confirmation) => issues.next().map(|issue| signed(kind, confirmation, issue?)),
    });
    commands.collect()
}

/// What becomes of an entry.
enum Place {
    /// Its signature is verified with the others.
    Signed(Kind, Option<u64>),
    /// It has none.
    Ready(Box<Result<Command, Faults>>),
}

/// The command of a signed draft.
pub(super) fn signed(kind: Kind, confirmation: Option<u64>, issue: Issue) -> Result<Command, Faults> {
    if kind == Kind::Reverse {
        return Ok(Command::Reverse(Box::new(Reverse::new(issue, confirmation)?)));
    }
    Ok(Command::Issue(Box::new(issue)))
}
