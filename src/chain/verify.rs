//! The offline verifier: a receipt and the rosters that one trusts in, a verdict with a reason out.
//!
//! The checks come in one fixed order, written down in `fixtures/chain/README.md`; the first that fails gives the code, so
//! that two verifiers agree on the code and not only on yes or no.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::canonical::parse_canonical;
use super::hash::{Hash, header_hash, leaf_hash};
use super::header::Header;
use super::issuer::{Address, IssuerSignature, recover};
use super::proof::verify_inclusion;
use super::receipt::{Receipt, draft_slice};
use super::roster::Roster;
use super::seal::Seal;
use crate::base::ids::ChainId;
use crate::base::{Code, Fault, UnixMs};

/// Versions of the format of entries. Since 2, an entry of a merchant carries that merchant's own sequence number.
const ENTRY_VERSIONS: RangeInclusive<u64> = 1..=2;

/// Versions of the format of drafts. A draft of version 2 is that of a red letter.
const DRAFT_VERSIONS: RangeInclusive<u64> = 1..=2;

macro_rules! verdicts {
    ($($name:ident => $code:ident,)*) => {
        /// What the verifier found first. [`VerdictCode::Valid`] when it found nothing wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum VerdictCode {
            /// Everything in [`Verdict::covered`] was checked and holds.
            Valid,
            $(#[doc = concat!("See [`Code::", stringify!($code), "`].")] $name,)*
        }

        impl VerdictCode {
            /// Every verdict.
            pub const ALL: &'static [Self] = &[Self::Valid, $(Self::$name,)*];

            /// The code of the trouble; `None` for [`VerdictCode::Valid`].
            pub fn code(self) -> Option<Code> {
                match self {
                    Self::Valid => None,
                    $(Self::$name => Some(Code::$code),)*
                }
            }
        }
    };
}

verdicts! {
    ReceiptMalformed => VerdictReceiptMalformed,
    EntryNotCanonical => VerdictEntryNotCanonical,
    EntryMalformed => VerdictEntryMalformed,
    HeaderNotCanonical => VerdictHeaderNotCanonical,
    HeaderMalformed => VerdictHeaderMalformed,
    ChainMismatch => VerdictChainMismatch,
    IndexMismatch => VerdictIndexMismatch,
    LeafHashMismatch => VerdictLeafHashMismatch,
    TimeMismatch => VerdictTimeMismatch,
    DraftMalformed => VerdictDraftMalformed,
    IssuerSignatureBad => VerdictIssuerSignatureBad,
    ProofBad => VerdictProofBad,
    RosterUnknown => VerdictRosterUnknown,
    RosterSuperseded => VerdictRosterSuperseded,
    SealStranger => VerdictSealStranger,
    SealDuplicate => VerdictSealDuplicate,
    SealRoundMismatch => VerdictSealRoundMismatch,
    SealBad => VerdictSealBad,
    SealsBelowQuorum => VerdictSealsBelowQuorum,
}

impl VerdictCode {
    /// The verdict as it stands in JSON and on the page.
    pub fn as_str(self) -> &'static str {
        self.code().map_or("VALID", Code::as_str)
    }
}

impl fmt::Display for VerdictCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for VerdictCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the verifier says of one receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The first thing that is wrong, or that nothing is.
    pub code: VerdictCode,
    /// The receipt's index, if the receipt could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// JSON path of what is wrong, `entry...` and `header...` leading into those texts; empty when valid or when the whole is meant.
    pub field: String,
    /// A sentence for people.
    pub message: String,
    /// What was checked and holds, in plain words and in the order of the checks.
    pub covered: Vec<String>,
}

/// What no receipt can show, however valid: to be said wherever a verdict is shown.
pub const NOT_COVERED: &[&str] = &[
    "whether the entry was reversed, locked or booked later: ask the chain",
    "whether the goods or services were delivered and the stated facts are true",
    "whether the rosters that were given are those of the consortium: the caller vouches for them",
];

impl Verdict {
    /// Whether everything holds.
    pub fn is_valid(&self) -> bool {
        self.code == VerdictCode::Valid
    }
}

/// A check that failed.
struct Failure {
    code: VerdictCode,
    field: String,
    message: String,
}

fn failure(code: VerdictCode, field: impl Into<String>, message: impl Into<String>) -> Failure {
    Failure { code, field: field.into(), message: message.into() }
}

fn require(holds: bool, code: VerdictCode, field: &str, message: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(failure(code, field, message)) }
}

/// Verifies a receipt against the rosters that the caller trusts and, if given, the leaf hash that the caller expects (from a
/// QR code or a printed face).
#[must_use]
pub fn verify_receipt(receipt: &Receipt, rosters: &[Roster], expected: Option<&Hash>) -> Verdict {
    let mut covered = Vec::new();
    let outcome = check_all(receipt, rosters, expected, &mut covered);
    verdict(Some(receipt.index), covered, outcome.err())
}

/// As [`verify_receipt`], for a receipt as it comes: bytes that may be anything.
#[must_use]
pub fn verify_receipt_json(json: &[u8], rosters: &[Roster], expected: Option<&Hash>) -> Verdict {
    match Receipt::from_json(json) {
        Ok(receipt) => verify_receipt(&receipt, rosters, expected),
        Err(fault) => {
            verdict(None, Vec::new(), Some(failure(VerdictCode::ReceiptMalformed, fault.path, fault.message)))
        }
    }
}

fn verdict(index: Option<u64>, covered: Vec<String>, failed: Option<Failure>) -> Verdict {
    let Failure { code, field, message } =
        failed.unwrap_or_else(|| failure(VerdictCode::Valid, "", "the receipt is valid"));
    Verdict { code, index, field, message, covered }
}

fn check_all(
    receipt: &Receipt,
    rosters: &[Roster],
    expected: Option<&Hash>,
    covered: &mut Vec<String>,
) -> Result<(), Failure> {
    receipt.check().map_err(|fault| failure(VerdictCode::ReceiptMalformed, fault.path, fault.message))?;
    let entry = Entry::read(&receipt.entry)?;
    covered.push("the entry's text is canonical".to_owned());
    let header = read_header(&receipt.header)?;
    covered.push("the header's text is canonical and a header of format 1".to_owned());
    check_agreement(receipt, &entry, &header)?;
    covered.push(format!("receipt, entry and header name the chain {} and the index {}", receipt.chain, receipt.index));
    let leaf = leaf_hash(&receipt.entry);
    if let Some(expected) = expected {
        let message = format!("the entry's hash is {}, expected was {}", leaf.printed(), expected.printed());
        require(leaf == *expected, VerdictCode::LeafHashMismatch, "entry", &message)?;
        covered.push("the entry is the one whose hash was expected".to_owned());
    }
    require(entry.time <= header.time, VerdictCode::TimeMismatch, "entry.time", "the entry is later than the header")?;
    covered.push("the entry is not later than the header".to_owned());
    covered.push(check_draft(receipt, &entry)?);
    require(
        verify_inclusion(&leaf, receipt.index, header.size, &receipt.proof, &header.root),
        VerdictCode::ProofBad,
        "proof",
        "the proof does not lead from the entry to the header's root",
    )?;
    covered
        .push(format!("the entry is number {} of the {} entries under the header's root", receipt.index, header.size));
    covered.push(check_seals(&receipt.header, &receipt.seals, &header, rosters)?);
    Ok(())
}

/// A sealed header by itself, as checkpoints and evidence have it: canonical, well formed, and sealed by a quorum of that one of these
/// rosters which is in force at its height.
///
/// # Errors
/// The code and field of the verdict that a receipt with this header and these seals would get.
pub fn check_sealed(text: &str, seals: &[Seal], rosters: &[Roster]) -> Result<Header, Fault> {
    let fault =
        |Failure { code, field, message }: Failure| Fault::new(code.code().unwrap_or(Code::Internal), field, message);
    let header = read_header(text).map_err(fault)?;
    check_seals(text, seals, &header, rosters).map_err(fault)?;
    Ok(header)
}

/// What the verifier reads of an entry; the rest of it is the ledger's.
struct Entry {
    members: Map<String, Value>,
    chain: ChainId,
    index: u64,
    time: UnixMs,
}

/// A member of an object in the type it must have; `None` when it is missing or of another type.
fn typed<T: for<'de> Deserialize<'de>>(members: &Map<String, Value>, key: &str) -> Option<T> {
    members.get(key).and_then(|value| T::deserialize(value).ok())
}

impl Entry {
    fn read(text: &str) -> Result<Self, Failure> {
        let value = parse_canonical(text).map_err(|fault| {
            let Fault { path, message, .. } = fault.under("entry");
            failure(VerdictCode::EntryNotCanonical, if path.is_empty() { "entry".to_owned() } else { path }, message)
        })?;
        let wrong = |field: &str, what: &str| failure(VerdictCode::EntryMalformed, field, what);
        let Value::Object(members) = value else { return Err(wrong("entry", "the entry is not an object")) };
        typed::<u64>(&members, "v")
            .filter(|version| ENTRY_VERSIONS.contains(version))
            .ok_or_else(|| wrong("entry.v", "the entry is not of format version 1 or 2"))?;
        typed::<String>(&members, "kind").ok_or_else(|| wrong("entry.kind", "the entry has no kind"))?;
        let chain = typed(&members, "chain").ok_or_else(|| wrong("entry.chain", "the entry names no chain"))?;
        let index = typed(&members, "index").ok_or_else(|| wrong("entry.index", "the entry has no index"))?;
        let time = typed(&members, "time").ok_or_else(|| wrong("entry.time", "the entry has no time"))?;
        Ok(Self { members, chain, index, time })
    }
}

fn read_header(text: &str) -> Result<Header, Failure> {
    Header::from_text(text).map_err(|fault| {
        let Fault { code, path, message } = fault.under("header");
        let code = if code == Code::ChainHeaderMalformed {
            VerdictCode::HeaderMalformed
        } else {
            VerdictCode::HeaderNotCanonical
        };
        failure(code, path, message)
    })
}

fn check_agreement(receipt: &Receipt, entry: &Entry, header: &Header) -> Result<(), Failure> {
    let chain = |name: &ChainId, field: &str| {
        let message = format!("the chain is {name}, the receipt's is {}", receipt.chain);
        require(*name == receipt.chain, VerdictCode::ChainMismatch, field, &message)
    };
    chain(&entry.chain, "entry.chain")?;
    chain(&header.chain, "header.chain")?;
    let index = format!("the entry's index is {}, the receipt's {}", entry.index, receipt.index);
    require(entry.index == receipt.index, VerdictCode::IndexMismatch, "entry.index", &index)?;
    let size = format!("the header's tree has {} entries and does not reach index {}", header.size, receipt.index);
    require(receipt.index < header.size, VerdictCode::IndexMismatch, "header.size", &size)
}

/// Draft, issuer and signature: all three or none.
fn check_draft(receipt: &Receipt, entry: &Entry) -> Result<String, Failure> {
    let members = &entry.members;
    if !["draft", "issuer", "signature"].into_iter().any(|key| members.contains_key(key)) {
        return Ok("the entry carries no draft: there is no issuer signature to check".to_owned());
    }
    let wrong = |field: &str, what: &str| failure(VerdictCode::DraftMalformed, field, what);
    let Some(Value::Object(draft)) = members.get("draft") else {
        return Err(wrong("entry.draft", "the draft is missing or not an object"));
    };
    let text =
        draft_slice(&receipt.entry).ok_or_else(|| wrong("entry.draft", "the draft can't be found in the text"))?;
    typed::<u64>(draft, "v")
        .filter(|version| DRAFT_VERSIONS.contains(version))
        .ok_or_else(|| wrong("entry.draft.v", "the draft is not of format version 1 or 2"))?;
    let chain: ChainId = typed(draft, "chain").ok_or_else(|| wrong("entry.draft.chain", "the draft names no chain"))?;
    let issuer: Address =
        typed(members, "issuer").ok_or_else(|| wrong("entry.issuer", "the issuer is not 40 lower-case hex digits"))?;
    let signature: IssuerSignature = typed(members, "signature")
        .ok_or_else(|| wrong("entry.signature", "the signature is not 130 lower-case hex digits"))?;
    let other_chain = format!("the draft is for the chain {chain}, the receipt's is {}", receipt.chain);
    require(chain == receipt.chain, VerdictCode::ChainMismatch, "entry.draft.chain", &other_chain)?;
    let signer = recover(text, &signature)
        .map_err(|fault| failure(VerdictCode::IssuerSignatureBad, "entry.signature", fault.message))?;
    let message = format!("the draft was signed by {}, not by {}", signer.to_eip55(), issuer.to_eip55());
    require(signer == issuer, VerdictCode::IssuerSignatureBad, "entry.signature", &message)?;
    Ok(format!(
        "the draft was signed by the issuer {} (that the key is the seller's is attested by the seals)",
        issuer.to_eip55()
    ))
}

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

fn check_seals(text: &str, seals: &[Seal], header: &Header, rosters: &[Roster]) -> Result<String, Failure> {
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
    Ok(format!("the header is sealed by {} with {power} of {total} of the voting power", names.join(", ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_have_the_codes_of_the_table() {
        assert_eq!(VerdictCode::Valid.as_str(), "VALID");
        assert_eq!(VerdictCode::SealsBelowQuorum.as_str(), "SEALS_BELOW_QUORUM");
        let texts: std::collections::BTreeSet<_> = VerdictCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), VerdictCode::ALL.len());
    }

    #[test]
    fn bytes_that_are_no_receipt_get_a_verdict_too() {
        for bytes in [&b""[..], b"{}", b"\xff", b"null"] {
            assert_eq!(verify_receipt_json(bytes, &[], None).code, VerdictCode::ReceiptMalformed);
        }
    }
}
