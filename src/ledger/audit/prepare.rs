//! What can be told of a block or an entry by itself: hashes, signatures, form. Pure functions, so that any thread may do them
//! ahead of execution, and what comes of them does not depend on which.

use super::Depth;
use super::feed::{RawBlock, RawEntry, RawSeal};
use super::rows::{as_number, as_text, show_key};
use crate::base::Faults;
use crate::chain::hash::{Hash, header_hash, leaf_hash};
use crate::chain::header::Header;
use crate::chain::roster::{MemberName, Roster};
use crate::chain::seal::{Seal, SealSignature};
use crate::invoice::InvoiceId;
use crate::ledger::command::Command;
use crate::ledger::entry::{Entry, Kind};
use crate::ledger::lookup::{Fingerprint, keys_of};
use crate::ledger::projection::{Cell, Row};

/// A seal, and what its signature is worth.
pub(super) struct CheckedSeal {
    /// The key of its row.
    pub key: String,
    /// The seal, if it is one.
    pub seal: Option<Seal>,
    /// Whether it verifies, by [`PreparedBlock::under`]'s key of this member; `None` where that has no such member.
    pub verdict: Option<Result<(), String>>,
}

/// A block, prepared.
pub(super) struct PreparedBlock {
    /// The row of `blocks`, if it comes from a table.
    pub row: Option<Row>,
    /// Its header, if the text is one.
    pub header: Option<Header>,
    /// The hash of the header's text.
    pub hash: Hash,
    /// Its seals.
    pub seals: Vec<CheckedSeal>,
    /// The roster by which the seals were looked at; `None` when it was not known yet.
    pub under: Option<Hash>,
    /// See [`RawBlock::crowded`].
    pub crowded: bool,
    /// See [`RawBlock::entries`].
    pub entries: Option<u64>,
    /// See [`RawBlock::line`].
    pub line: Option<u64>,
}

/// The roster of a list that a header must be sealed under.
pub(super) fn in_force<'r>(rosters: &'r [Roster], header: &Header) -> Option<&'r Roster> {
    rosters.iter().find(|roster| {
        roster.hash() == header.members && *roster.chain() == header.chain && roster.from_height() <= header.height
    })
}

/// Reads and checks a block, its seals by those rosters that are known so far.
pub(super) fn block(raw: RawBlock, rosters: &[Roster], depth: Depth) -> PreparedBlock {
    let RawBlock { row, header, seals, crowded, entries, line } = raw;
    let text = as_text(Some(&header));
    let hash = text.map_or(Hash::ZERO, header_hash);
    let header = text.and_then(|text| Header::from_text(text).ok());
    let seals = seals.into_iter().map(seal_of).collect();
    let mut block = PreparedBlock { row, header, hash, seals, under: None, crowded, entries, line };
    let roster = block.header.as_ref().and_then(|header| in_force(rosters, header));
    match (depth, roster) {
        (Depth::Chain | Depth::All, Some(roster)) => check_seals(&mut block, roster),
        (Depth::Chain | Depth::All, None) | (Depth::Hashes, _) => {}
    }
    block
}

/// Checks the seals of a block by a roster.
pub(super) fn check_seals(block: &mut PreparedBlock, roster: &Roster) {
    let Some(header) = &block.header else { return };
    for checked in &mut block.seals {
        let Some(seal) = &checked.seal else { continue };
        checked.verdict = roster.member(&seal.member).map(|member| {
            seal.verify(&header.chain, header.height, &block.hash, &member.key).map_err(|fault| fault.message)
        });
    }
    block.under = Some(roster.hash());
}

fn seal_of(raw: RawSeal) -> CheckedSeal {
    match raw {
        RawSeal::Row(row) => {
            CheckedSeal { key: show_key(row.get(..2).unwrap_or(&[])), seal: read_seal(&row), verdict: None }
        }
        RawSeal::Line(seal) => CheckedSeal { key: seal.member.to_string(), seal: Some(seal), verdict: None },
    }
}

fn read_seal(row: &Row) -> Option<Seal> {
    let member = MemberName::try_from(as_text(row.get(1))?.to_owned()).ok()?;
    let round = u32::try_from(as_number(row.get(2))?).ok()?;
    let signature = row.get(3)?.as_deref()?.try_into().ok()?;
    Some(Seal { member, round, signature: SealSignature(signature) })
}

/// An entry that could be read.
pub(super) struct Parsed {
    /// Its version.
    pub v: u32,
    /// Its kind.
    pub kind: Kind,
    /// The invoice that it is; without one there is no signed draft in it.
    pub issued: Option<InvoiceId>,
    /// The blue invoice that executing its command needs.
    pub blue: Option<InvoiceId>,
    /// Its command, the issuer's signature verified: the type proves it, so execution does not verify again.
    pub command: Result<Command, Faults>,
    /// What it will be found by; only where there are tables.
    pub keys: Vec<Fingerprint>,
}

/// An entry, prepared.
pub(super) struct PreparedEntry {
    /// The row of `entries` without the text, if it comes from a table.
    pub row: Option<Row>,
    /// Its text; `None` when it is not UTF-8.
    pub text: Option<String>,
    /// The hash of the text.
    pub leaf: Hash,
    /// What it says, or why it can't be read; `None` when only hashes are asked for.
    pub parsed: Option<Result<Parsed, String>>,
    /// See [`RawEntry::line`].
    pub line: Option<u64>,
}

/// Hashes an entry, reads it and verifies its issuer's signature.
pub(super) fn entry(raw: RawEntry, depth: Depth) -> PreparedEntry {
    let RawEntry { row, text, line } = raw;
    let text = text_of(text);
    let leaf = text.as_deref().map_or(Hash::ZERO, leaf_hash);
    let parsed = match depth {
        Depth::Hashes => None,
        Depth::Chain | Depth::All => text.as_deref().map(|text| match Entry::parse(text) {
            Ok(entry) => Ok(parsed(entry, depth)),
            Err(fault) => Err(fault.message),
        }),
    };
    PreparedEntry { row, text, leaf, parsed, line }
}

fn text_of(cell: Cell) -> Option<String> {
    match String::from_utf8(cell?) {
        Ok(text) => Some(text),
        Err(_not_utf8) => None,
    }
}

fn parsed(entry: Entry, depth: Depth) -> Parsed {
    let (v, kind, blue) = (entry.v, entry.kind, entry.blue_invoice());
    let issued = entry.issued().map(|issued| issued.id());
    let command = entry.into_command();
    let keys = match (depth, &command) {
        (Depth::All, Ok(command)) => keys_of(command),
        (Depth::Hashes | Depth::Chain, _) | (Depth::All, Err(_)) => Vec::new(),
    };
    Parsed { v, kind, issued, blue, command, keys }
}
