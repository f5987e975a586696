//! The state proof: what a number's present state is at a sealed header, or that the number was never issued.

use serde::{Deserialize, Serialize};

use super::canonical::{FormatVersion, Object, objects, optional_object, to_canonical};
use super::present::{OtherLeaf, Sibling, StateKey, check_siblings};
use super::seal::Seal;
use crate::base::ids::ChainId;
use crate::base::limits::{RECEIPT_BYTES_MAX, ROSTER_MEMBERS_MAX};
use crate::base::{Code, Fault};

/// A state proof as it is handed out. That it can be read says nothing about whether it is true:
/// [`super::verify::verify_state_proof`] does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateProof {
    /// Format version.
    pub v: FormatVersion,
    /// The chain.
    pub chain: ChainId,
    /// The number that it is about: `<12 digits>-<8 digits>`.
    pub invoice: String,
    /// The header's canonical text.
    pub header: String,
    /// Seals on the header.
    #[serde(deserialize_with = "objects")]
    pub seals: Vec<Seal>,
    /// The state, or that there is none.
    #[serde(deserialize_with = "object")]
    pub state: ProvenState,
}

/// A state, or its absence, with the path in the header's map of states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenState {
    /// Siblings on the way to the root, from the bottom up.
    pub siblings: Vec<Sibling>,
    /// The canonical text of the state; left out when the number was never issued.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text")]
    pub value: Option<String>,
    /// Where the number was never issued: the leaf that stands at its place, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub other: Option<OtherLeaf>,
}

fn object<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ProvenState, D::Error> {
    Object::deserialize(deserializer).map(|Object(state)| state)
}

/// A member that may be left out, but not be null.
fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

impl StateProof {
    /// Reads a state proof. Its JSON need not be canonical: nothing signs or hashes it as a whole.
    ///
    /// # Errors
    /// [`Code::VerdictReceiptMalformed`] when it is too large, no JSON, or not of this form.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let malformed = |message: String| Err(Fault::new(Code::VerdictReceiptMalformed, "", message));
        if u64::try_from(json.len()).is_ok_and(|length| length > RECEIPT_BYTES_MAX) {
            return malformed(format!("a state proof has at most {RECEIPT_BYTES_MAX} bytes"));
        }
        match serde_json::from_slice::<Object<Self>>(json) {
            Err(e) => malformed(format!("not a state proof: {e}")),
            Ok(Object(proof)) => proof.check().map(|_key| proof),
        }
    }

    /// The proof's own canonical text: the same bytes each time.
    ///
    /// # Errors
    /// Those of [`to_canonical`].
    pub fn to_json(&self) -> Result<String, Fault> {
        to_canonical(self)
    }

    /// What makes it a state proof besides its members; gives the key that it is about.
    pub(super) fn check(&self) -> Result<StateKey, Fault> {
        let malformed = |path: &str, message: String| Fault::new(Code::VerdictReceiptMalformed, path, message);
        if self.seals.len() > ROSTER_MEMBERS_MAX {
            return Err(malformed("seals", format!("a state proof has at most {ROSTER_MEMBERS_MAX} seals")));
        }
        check_siblings(&self.state.siblings)?;
        if self.state.value.is_some() && self.state.other.is_some() {
            return Err(malformed("state.other", "a state that is there needs no other leaf".to_owned()));
        }
        let wrong = || malformed("invoice", "an invoice is named by 12 digits, a hyphen and 8 digits".to_owned());
        StateKey::of_invoice(&self.invoice).ok_or_else(wrong)
    }
}
