//! A merchant's standing and its issuer key.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::openapi::ReceiptSchema;
use crate::chain::issuer::{Address, IssuerSignature};
use crate::chain::receipt::Receipt;
use crate::invoice::draft::never_null;
use crate::sequencer::desk::RotationText;

/// Body of `POST /v1/merchants/{id}/suspension` and `/resumption`, and of `POST /v1/operations/restored`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why, 1 to 200 characters on one line.
    pub reason: String,
}

/// Body of `POST /v1/merchants/{id}/issuer`: `{}` has the service make a new key in custody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateIssuerRequest {
    /// Address (40 hex digits) of a new key that the merchant keeps.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub new: Option<Address>,
    /// The old key's signature over the text that `issuer-rotation` gives (130 hex digits); left out where the service keeps the old
    /// key, or it is revoked.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub old_signature: Option<IssuerSignature>,
    /// The new key's signature over it.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub new_signature: Option<IssuerSignature>,
}

/// Query of `GET /v1/merchants/{id}/issuer-rotation`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IssuerRotationQuery {
    /// Address (40 hex digits) of the new key.
    #[param(value_type = String)]
    pub new: Address,
}

/// What both keys of a rotation sign.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuerRotationReply {
    /// The key that signs until now, EIP-55.
    pub old: String,
    /// The new one, EIP-55.
    pub new: String,
    /// The canonical text: what both sign (EIP-191 personal message).
    pub text: String,
    /// The EIP-191 hash of the text.
    pub digest: String,
}

impl From<RotationText> for IssuerRotationReply {
    fn from(RotationText { old, new, text, digest }: RotationText) -> Self {
        Self { old: old.to_eip55(), new: new.to_eip55(), text, digest }
    }
}

/// Answer of `POST /v1/merchants/{id}/issuer`.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuerRotatedReply {
    /// Index of the entry: drafts in later ones are signed with the new key.
    pub entry: u64,
    /// Height of its block.
    pub block: u64,
    /// The new key, EIP-55.
    pub issuer: String,
    /// Its receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}

/// Body of `POST /v1/merchants/{id}/issuer/revocation`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeIssuerRequest {
    /// Address (40 hex digits) of the key, so that a rotation meanwhile is noticed.
    #[schema(value_type = String)]
    pub issuer: Address,
    /// Why, 1 to 200 characters on one line.
    pub reason: String,
}
