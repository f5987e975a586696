//! The offline verifier: a receipt or a state proof and the rosters that one trusts in, a verdict with a reason out.
//!
//! The checks come in one fixed order, written down in `fixtures/chain/README.md`; the first that fails gives the code, so
//! that two verifiers agree on the code and not only on yes or no.

mod seals;
mod state;
mod verdict;

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::verdict::{Failure, failure, require};
pub use self::verdict::{NOT_COVERED, Sealed, StateSaid, Verdict, VerdictCode};
use super::canonical::parse_canonical;
use super::hash::{Hash, leaf_hash};
use super::header::Header;
use super::issuer::{Address, IssuerSignature, recover};
use super::proof::verify_inclusion;
use super::receipt::{Receipt, draft_slice};
use super::roster::Roster;
use super::seal::Seal;
use super::state_proof::StateProof;
use crate::base::ids::ChainId;
use crate::base::{Code, Fault, UnixMs};

/// Versions of the format of entries. Since 2, an entry of a merchant carries that merchant's own sequence number.
const ENTRY_VERSIONS: RangeInclusive<u64> = 1..=2;

/// Versions of the format of drafts. A draft of version 2 is that of a red letter.
const DRAFT_VERSIONS: RangeInclusive<u64> = 1..=2;

/// What was found so far: the verdict grows out of it.
#[derive(Default)]
struct Found {
    index: Option<u64>,
    covered: Vec<String>,
    sealed: Option<Sealed>,
    state: Option<StateSaid>,
}

impl Found {
    fn note(&mut self, covered: impl Into<String>) {
        self.covered.push(covered.into());
    }

    /// What a header says of itself.
    fn read(&mut self, header: &Header) {
        let Header { height, time, size, .. } = *header;
        self.sealed = Some(Sealed { height, time, size, power: None, total: None });
    }

    fn sealed_with(&mut self, (said, power, total): (String, u128, u128)) {
        self.note(said);
        if let Some(sealed) = &mut self.sealed {
            (sealed.power, sealed.total) = (Some(power), Some(total));
        }
    }

    fn verdict(self, what: &str, failed: Option<Failure>) -> Verdict {
        let Failure { code, field, message } =
            failed.unwrap_or_else(|| failure(VerdictCode::Valid, "", format!("the {what} is valid")));
        let Self { index, covered, sealed, state } = self;
        // A state that nobody has sealed is nobody's word.
        let state = state.filter(|_| code == VerdictCode::Valid);
        Verdict { code, index, field, message, covered, sealed, state }
    }
}

/// Verifies a receipt against the rosters that the caller trusts and, if given, the leaf hash that the caller expects (from a
/// QR code or a printed face).
#[must_use]
pub fn verify_receipt(receipt: &Receipt, rosters: &[Roster], expected: Option<&Hash>) -> Verdict {
    let mut found = Found { index: Some(receipt.index), ..Found::default() };
    let outcome = check_receipt(receipt, rosters, expected, &mut found);
    found.verdict("receipt", outcome.err())
}

/// As [`verify_receipt`], for a receipt as it comes: bytes that may be anything.
#[must_use]
pub fn verify_receipt_json(json: &[u8], rosters: &[Roster], expected: Option<&Hash>) -> Verdict {
    match Receipt::from_json(json) {
        Ok(receipt) => verify_receipt(&receipt, rosters, expected),
        Err(fault) => unreadable("receipt", fault),
    }
}

/// Verifies a state proof. The hash that the caller expects is that of the invoice's entry: with it, absence is no answer.
#[must_use]
pub fn verify_state_proof(proof: &StateProof, rosters: &[Roster], expected: Option<&Hash>) -> Verdict {
    let mut found = Found::default();
    let outcome = state::check_state_proof(proof, rosters, expected, &mut found);
    found.verdict("state proof", outcome.err())
}

/// What tells a state proof from a receipt.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, default)]
    invoice: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow, default)]
    entry: Option<&'a serde_json::value::RawValue>,
}

/// Verifies a document as it comes, a receipt or a state proof: the one is an object with `invoice` and without `entry`, and whatever
/// is not is taken for the other.
#[must_use]
pub fn verify_document_json(json: &[u8], rosters: &[Roster], expected: Option<&Hash>) -> Verdict {
    let kind: Option<super::canonical::Object<Kind<'_>>> = serde_json::from_slice(json).ok();
    if !kind.is_some_and(|kind| kind.0.invoice.is_some() && kind.0.entry.is_none()) {
        return verify_receipt_json(json, rosters, expected);
    }
    match StateProof::from_json(json) {
        Ok(proof) => verify_state_proof(&proof, rosters, expected),
        Err(fault) => unreadable("state proof", fault),
    }
}

fn unreadable(what: &str, fault: Fault) -> Verdict {
    Found::default().verdict(what, Some(failure(VerdictCode::ReceiptMalformed, fault.path, fault.message)))
}

/// A sealed header by itself, as checkpoints and evidence have it: canonical, well formed, and sealed by a quorum of that one of these
/// rosters which is in force at its height.
///
/// # Errors
/// The code and field of the verdict that a receipt with this header and these seals would get.
pub fn check_sealed(text: &str, seals: &[Seal], rosters: &[Roster]) -> Result<(Header, Sealed), Fault> {
    let fault =
        |Failure { code, field, message }: Failure| Fault::new(code.code().unwrap_or(Code::Internal), field, message);
    let header = read_header(text).map_err(fault)?;
    let (_, power, total) = seals::check_seals(text, &header, seals, rosters).map_err(fault)?;
    let Header { height, time, size, .. } = header;
    Ok((header, Sealed { height, time, size, power: Some(power), total: Some(total) }))
}

fn check_receipt(
    receipt: &Receipt,
    rosters: &[Roster],
    expected: Option<&Hash>,
    found: &mut Found,
) -> Result<(), Failure> {
    receipt.check().map_err(|fault| failure(VerdictCode::ReceiptMalformed, fault.path, fault.message))?;
    let entry = Entry::read(&receipt.entry)?;
    found.note("the entry's text is canonical");
    let header = read_header(&receipt.header)?;
    found.read(&header);
    found.note("the header's text is canonical and a header of this format");
    check_agreement(receipt, &entry, &header)?;
    found.note(format!("receipt, entry and header name the chain {} and the index {}", receipt.chain, receipt.index));
    let leaf = leaf_hash(&receipt.entry);
    if let Some(expected) = expected {
        let message = format!("the entry's hash is {}, expected was {}", leaf.printed(), expected.printed());
        require(leaf == *expected, VerdictCode::LeafHashMismatch, "entry", &message)?;
        found.note("the entry is the one whose hash was expected");
    }
    require(entry.time <= header.time, VerdictCode::TimeMismatch, "entry.time", "the entry is later than the header")?;
    found.note("the entry is not later than the header");
    found.note(check_draft(receipt, &entry)?);
    require(
        verify_inclusion(&leaf, receipt.index, header.size, &receipt.proof, &header.root),
        VerdictCode::ProofBad,
        "proof",
        "the proof does not lead from the entry to the header's root",
    )?;
    found.note(format!("the entry is number {} of the {} entries under the header's root", receipt.index, header.size));
    if let Some(state) = &receipt.state {
        state::check_receipt_state(state, &entry.members, &leaf, &header, found)?;
    }
    let sealed = seals::check_seals(&receipt.header, &header, &receipt.seals, rosters)?;
    found.sealed_with(sealed);
    Ok(())
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
            assert_eq!(verify_document_json(bytes, &[], None).code, VerdictCode::ReceiptMalformed);
        }
    }
}
