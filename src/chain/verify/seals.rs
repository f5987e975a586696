//! Who sealed a header, and whether that is enough.

use super::verdict::{Failure, VerdictCode, failure, require};
use crate::chain::hash::{Hash, header_hash};
use crate::chain::header::Header;
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;

/// The roster that the header names, if it is the one in force at its height. Keys that were replaced must not seal on under the
/// roster that they were in: to whoever has the later roster, the earlier one is over.
fn roster_in_force<'a>(header: &Header, rosters: &'a [Roster]) -> Result<&'a Roster, Failure> {
    let mut counting =
        rosters.iter().filter(|roster| *roster.chain() == header.chain && roster.from_height() <= header.height);
    let roster = counting.clone().find(|roster| roster.hash() == header.members).ok_or_else(|| {
        let message =
            format!("no trusted roster has the hash {} and counts at height {}", header.members, header.height);
        failure(VerdictCode::RosterUnknown, "header.members", message)
    })?;
    match counting.find(|later| later.from_height() > roster.from_height()) {
        None => Ok(roster),
        Some(later) => {
            let (hash, from) = (later.hash(), later.from_height());
            let message = format!("at height {} the roster is one from height {from} on, {hash}", header.height);
            Err(failure(VerdictCode::RosterSuperseded, "header.members", message))
        }
    }
}

/// The seals on a header; gives their power and that of the whole roster.
pub(super) fn check_seals(
    text: &str,
    header: &Header,
    seals: &[Seal],
    rosters: &[Roster],
) -> Result<(String, u128, u128), Failure> {
    let roster = roster_in_force(header, rosters)?;
    let hash = header_hash(text);
    let round = seals.first().map(|seal| seal.round);
    let mut power: u128 = 0;
    for (position, seal) in seals.iter().enumerate() {
        let before = seals.get(..position).unwrap_or_default();
        let place = format!("seals[{position}]");
        let gained = check_seal(seal, before, round, header, &hash, roster)
            .map_err(|f| failure(f.code, format!("{place}{}", f.field), f.message))?;
        power = power.saturating_add(gained);
    }
    let total = roster.total_power();
    let below = format!("the seals hold {power} of {total}: a quorum is more than two thirds");
    require(roster.quorum_reached(power), VerdictCode::SealsBelowQuorum, "seals", &below)?;
    let names: Vec<&str> = seals.iter().map(|seal| seal.member.as_str()).collect();
    let said = format!("the header is sealed by {} with {power} of {total} of the voting power", names.join(", "));
    Ok((said, power, total))
}

/// One seal; returns the power behind it.
fn check_seal(
    seal: &Seal,
    before: &[Seal],
    round: Option<u32>,
    header: &Header,
    hash: &Hash,
    roster: &Roster,
) -> Result<u128, Failure> {
    let name = &seal.member;
    let member = roster
        .member(name)
        .ok_or_else(|| failure(VerdictCode::SealStranger, ".member", format!("{name} is not in the roster")))?;
    let again = format!("{name} has sealed already");
    require(before.iter().all(|other| other.member != *name), VerdictCode::SealDuplicate, ".member", &again)?;
    let other_round = format!("{name} sealed in round {}, the first seal is of another round", seal.round);
    require(Some(seal.round) == round, VerdictCode::SealRoundMismatch, ".round", &other_round)?;
    seal.verify(&header.chain, header.height, hash, &member.key)
        .map_err(|fault| failure(VerdictCode::SealBad, ".signature", fault.message))?;
    Ok(u128::from(member.power))
}
