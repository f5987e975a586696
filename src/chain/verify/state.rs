//! The present state: in a receipt beside its entry, or by itself in a state proof.

use serde_json::{Map, Value};

use super::verdict::{Failure, StateSaid, VerdictCode, failure, require};
use super::{Found, read_header, seals};
use crate::base::Fault;
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::chain::present::{PresentState, StateKey, stands_for_absence, verify_absent, verify_present};
use crate::chain::receipt::ReceiptState;
use crate::chain::roster::Roster;
use crate::chain::state_proof::StateProof;

/// The root of states that a header commits to.
fn committed(header: &Header) -> Result<&Hash, Failure> {
    header.state.as_ref().ok_or_else(|| {
        failure(VerdictCode::StateUncommitted, "header.state", "the header is of version 1 and commits to no states")
    })
}

fn read_state(text: &str) -> Result<PresentState, Failure> {
    PresentState::from_text(text).map_err(|fault| {
        let Fault { path, message, .. } = fault.under("state.value");
        failure(VerdictCode::StateMalformed, if path.is_empty() { "state.value".to_owned() } else { path }, message)
    })
}

fn said(invoice: String, state: &PresentState) -> StateSaid {
    StateSaid { invoice, word: state.word.as_str(), left: state.left, until: state.until }
}

/// The state in a receipt: that of the receipt's own invoice, under the receipt's own header.
pub(super) fn check_receipt_state(
    state: &ReceiptState,
    entry: &Map<String, Value>,
    leaf: &Hash,
    header: &Header,
    found: &mut Found,
) -> Result<(), Failure> {
    let root = committed(header)?;
    let present = read_state(&state.value)?;
    let part = |name: &str| entry.get(name).and_then(Value::as_str);
    let named = part("code").zip(part("number"));
    let key = named.and_then(|(code, number)| Some((StateKey::of_code(code, number)?, format!("{code}-{number}"))));
    let (key, invoice) = key.ok_or_else(|| {
        let message = "the entry has no code of 12 digits and number of 8 digits: it is no invoice";
        failure(VerdictCode::StateMalformed, "entry.number", message)
    })?;
    let other = format!("the state is that of the entry with the hash {}", present.leaf.printed());
    require(present.leaf == *leaf, VerdictCode::StateLeafMismatch, "state.value.leaf", &other)?;
    let broken = "the path does not lead from the state to the header's root of states";
    let leads = verify_present(root, &key, &state.value, &state.siblings);
    require(leads, VerdictCode::StateProofBad, "state.siblings", broken)?;
    found.note(format!("as of block {} the invoice {invoice} was {}", header.height, present.word.as_str()));
    found.state = Some(said(invoice, &present));
    Ok(())
}

/// A state proof from beginning to end.
pub(super) fn check_state_proof(
    proof: &StateProof,
    rosters: &[Roster],
    expected: Option<&Hash>,
    found: &mut Found,
) -> Result<(), Failure> {
    let malformed = |fault: Fault| failure(VerdictCode::ReceiptMalformed, fault.path, fault.message);
    let key = proof.check().map_err(malformed)?;
    let header = read_header(&proof.header)?;
    found.read(&header);
    found.note("the header's text is canonical and a header of this format");
    let chain = format!("the chain is {}, the state proof's is {}", header.chain, proof.chain);
    require(header.chain == proof.chain, VerdictCode::ChainMismatch, "header.chain", &chain)?;
    let root = committed(&header)?;
    let said = match &proof.state.value {
        Some(value) => check_presence(proof, value, &key, root, expected)?,
        None => check_absence(proof, &key, root, expected)?,
    };
    found.note(format!("as of block {} the invoice {} was {}", header.height, proof.invoice, said.word));
    found.state = Some(said);
    let sealed = seals::check_seals(&proof.header, &header, &proof.seals, rosters)?;
    found.sealed_with(sealed);
    Ok(())
}

fn check_presence(
    proof: &StateProof,
    value: &str,
    key: &StateKey,
    root: &Hash,
    expected: Option<&Hash>,
) -> Result<StateSaid, Failure> {
    let present = read_state(value)?;
    if let Some(expected) = expected {
        let message = format!("the entry's hash is {}, expected was {}", present.leaf.printed(), expected.printed());
        require(present.leaf == *expected, VerdictCode::LeafHashMismatch, "state.value.leaf", &message)?;
    }
    let broken = "the path does not lead from the state to the header's root of states";
    let leads = verify_present(root, key, value, &proof.state.siblings);
    require(leads, VerdictCode::StateProofBad, "state.siblings", broken)?;
    Ok(said(proof.invoice.clone(), &present))
}

fn check_absence(
    proof: &StateProof,
    key: &StateKey,
    root: &Hash,
    expected: Option<&Hash>,
) -> Result<StateSaid, Failure> {
    let absent = "an invoice with this hash was expected, and the proof says that there is none";
    require(expected.is_none(), VerdictCode::LeafHashMismatch, "state", absent)?;
    let (other, siblings) = (proof.state.other.as_ref(), &proof.state.siblings);
    let elsewhere = "the other leaf is at another place, or is the invoice's own";
    let meets = other.is_none_or(|other| stands_for_absence(key, other, siblings));
    require(meets, VerdictCode::StateProofBad, "state.other", elsewhere)?;
    let broken = "the path does not lead from the empty place to the header's root of states";
    let leads = verify_absent(root, key, other, siblings);
    require(leads, VerdictCode::StateProofBad, "state.siblings", broken)?;
    Ok(StateSaid { invoice: proof.invoice.clone(), word: "absent", left: None, until: None })
}
