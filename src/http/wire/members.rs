//! The members' rosters.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::openapi::{MemberSignatureSchema, ReceiptSchema, RosterChangeSchema};
use crate::base::{Code, Fault};
use crate::chain::receipt::Receipt;
use crate::chain::roster::Roster;
use crate::chain::roster_change::MemberSignature;
use crate::invoice::draft::never_null;
use crate::sequencer::desk::{ChangeAsked, ChangePreview};

/// Body of `POST /v1/roster/changes`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRosterRequest {
    /// What is to change; a key that is left out the service makes and keeps in its keyring.
    #[schema(value_type = RosterChangeSchema)]
    pub change: ChangeAsked,
    /// The height of the first block that the new roster seals; left out, the next but one.
    #[serde(default, deserialize_with = "never_null")]
    pub from: Option<u64>,
    /// Signatures of members whose keys are not at hand here, over the text that `change-draft` gives.
    #[serde(default)]
    #[schema(value_type = Option<Vec<MemberSignatureSchema>>)]
    pub signatures: Vec<MemberSignature>,
}

/// Body of `POST /v1/roster/change-draft`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RosterChangeDraftRequest {
    /// What would change, keys named.
    #[schema(value_type = RosterChangeSchema)]
    pub change: ChangeAsked,
    /// The height of the first block that the new roster would seal.
    pub from: u64,
}

/// Answer of `POST /v1/roster/change-draft`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterChangeDraftReply {
    /// The canonical text that members sign.
    pub text: String,
    /// Its hash, `keccak256(06 || text)`: what a seal key signs.
    pub digest: String,
    /// The roster that the change would make.
    pub roster: RosterReply,
}

impl RosterChangeDraftReply {
    /// The answer.
    ///
    /// # Errors
    /// A roster whose text is no JSON, which none has.
    pub fn of(ChangePreview { roster, text, digest }: ChangePreview) -> Result<Self, Fault> {
        Ok(Self { text, digest, roster: RosterReply::of(&roster)? })
    }
}

/// A roster and the height from which it counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterReply {
    /// The first height that it seals.
    pub from_height: u64,
    /// The hash that headers name it by.
    pub hash: String,
    /// Its canonical text, as it is.
    #[schema(value_type = Object)]
    pub roster: Box<RawValue>,
}

impl RosterReply {
    /// The roster as answered.
    ///
    /// # Errors
    /// A roster whose text is no JSON, which none has.
    pub fn of(roster: &Roster) -> Result<Self, Fault> {
        let text = RawValue::from_string(roster.text().to_owned());
        Ok(Self {
            from_height: roster.from_height(),
            hash: roster.hash().to_string(),
            roster: text.map_err(|e| Fault::new(Code::Internal, "roster", e.to_string()))?,
        })
    }
}

/// Answer of `POST /v1/roster/changes`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterChangedReply {
    /// Index of the entry.
    pub entry: u64,
    /// Height of its block.
    pub block: u64,
    /// The new roster.
    pub roster: RosterReply,
    /// Its receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}
