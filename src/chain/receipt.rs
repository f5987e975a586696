//! The receipt: entry, inclusion proof, sealed header. All that offline verification needs besides the roster.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::canonical::{Edition, Object, objects, optional_object, to_canonical};
use super::hash::Hash;
use super::present::{Sibling, check_siblings};
use super::proof::PROOF_HASHES_MAX;
use super::seal::Seal;
use crate::base::ids::ChainId;
use crate::base::limits::{RECEIPT_BYTES_MAX, ROSTER_MEMBERS_MAX};
use crate::base::{Code, Fault};

/// A receipt as it is handed out. That it can be read says nothing about whether it is true: [`super::verify_receipt`] does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Format version: the second has `state`.
    pub v: Edition,
    /// The chain.
    pub chain: ChainId,
    /// The entry's canonical text.
    pub entry: String,
    /// Position of the entry among the leaves of the tree.
    pub index: u64,
    /// Inclusion proof of the entry in the header's tree, from the leaf up.
    pub proof: Vec<Hash>,
    /// The header's canonical text.
    pub header: String,
    /// Seals on the header.
    #[serde(deserialize_with = "objects")]
    pub seals: Vec<Seal>,
    /// What the invoice was like after the header's block; in receipts of the second edition, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub state: Option<ReceiptState>,
}

/// A present state in a receipt, with its path in the header's map of states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptState {
    /// Siblings on the way from the state's leaf to the root, from the bottom up.
    pub siblings: Vec<Sibling>,
    /// The canonical text of the state ([`super::present::PresentState`]).
    pub value: String,
}

impl Receipt {
    /// Reads a receipt. Its JSON need not be canonical: nothing signs or hashes it as a whole.
    ///
    /// # Errors
    /// [`Code::VerdictReceiptMalformed`] when it is too large, no JSON, or not of this form.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let malformed = |path: &str, message: String| Err(Fault::new(Code::VerdictReceiptMalformed, path, message));
        if u64::try_from(json.len()).is_ok_and(|length| length > RECEIPT_BYTES_MAX) {
            return malformed("", format!("a receipt has at most {RECEIPT_BYTES_MAX} bytes"));
        }
        match serde_json::from_slice::<Object<Self>>(json) {
            Err(e) => malformed("", format!("not a receipt: {e}")),
            Ok(Object(receipt)) => receipt.check().map(|()| receipt),
        }
    }

    /// The receipt's own canonical text: the same bytes each time.
    ///
    /// # Errors
    /// Those of [`to_canonical`].
    pub fn to_json(&self) -> Result<String, Fault> {
        to_canonical(self)
    }

    /// Limits on what a verifier has to walk through.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let malformed = |path: &str, message: String| Err(Fault::new(Code::VerdictReceiptMalformed, path, message));
        if self.proof.len() > PROOF_HASHES_MAX {
            return malformed("proof", format!("a proof has at most {PROOF_HASHES_MAX} hashes"));
        }
        if self.seals.len() > ROSTER_MEMBERS_MAX {
            return malformed("seals", format!("a receipt has at most {ROSTER_MEMBERS_MAX} seals"));
        }
        if self.state.is_some() != (self.v == Edition::Second) {
            return malformed("state", "a present state stands in version 2, and only there".to_owned());
        }
        if let Some(state) = &self.state {
            check_siblings(&state.siblings)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct WithDraft<'a> {
    #[serde(borrow)]
    draft: Option<&'a RawValue>,
}

/// The text of an entry's draft, sliced out of the entry's text and not rebuilt: since the entry is canonical, so is the slice.
/// `None` when there is no draft. MUST be given canonical text; of other text the answer means nothing.
pub fn draft_slice(entry_text: &str) -> Option<&str> {
    serde_json::from_str::<WithDraft<'_>>(entry_text).ok()?.draft.map(RawValue::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draft_is_the_top_level_one_and_a_slice_of_the_text() {
        let entry = r#"{"a":{"draft":{"x":1}},"draft":{"b":[1,"}\"],"],"draft":{}},"z":"\"draft\":{}"}"#;
        let draft = draft_slice(entry).unwrap();
        assert_eq!(draft, r#"{"b":[1,"}\"],"],"draft":{}}"#);
        assert!(entry.as_bytes().as_ptr_range().contains(&draft.as_ptr()));
    }

    #[test]
    fn entries_without_draft_have_no_slice() {
        for entry in [r#"{"a":{"draft":1}}"#, "{}", "[]", "", r#"{"draft":1,"draft":2}"#] {
            assert_eq!(draft_slice(entry), None, "{entry}");
        }
    }
}
