//! Claim links and wallets.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::Secret;
use crate::chain::hash::Hash;
use crate::invoice::number::InvoiceId;
use crate::sequencer::desk::Holder;

/// A link that lets whoever has it claim.
#[derive(Serialize, ToSchema)]
pub struct ClaimLinkReply {
    /// For the payer and nobody else: whoever has it can claim, once an invoice.
    pub url: String,
    /// The token in it.
    pub token: String,
}

impl fmt::Debug for ClaimLinkReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimLinkReply(***)")
    }
}

/// A token as it comes.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Token(pub Secret<String>);

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

/// A holder that proves itself.
#[derive(ToSchema)]
#[schema(as = Holder)]
#[expect(dead_code, reason = "described, never built: the real type is the desk's")]
pub struct HolderSchema {
    /// Whatever names you, 1 to 128 characters. It is never stored.
    id: String,
    /// 64 hex digits, random and your secret. The ledger gets keccak256(05 || 32 bytes of the salt || id as UTF-8).
    salt: String,
}

/// Body of `POST /v1/claims`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// `<code>-<number>`.
    #[schema(value_type = String)]
    pub invoice: InvoiceId,
    /// The token of the claim link.
    #[schema(value_type = String)]
    pub token: Token,
    /// Who claims.
    #[schema(value_type = HolderSchema)]
    pub holder: Holder,
}

/// Names a new holder without naming it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHolderRequest {
    /// keccak256(05 || 32 bytes of its salt || its id as UTF-8), 64 hex digits, made by the new holder, so that nobody else has its
    /// salt.
    #[schema(value_type = String)]
    pub commitment: Hash,
}

/// Body of `POST /v1/claims/hand-over`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOverRequest {
    /// `<code>-<number>`.
    #[schema(value_type = String)]
    pub invoice: InvoiceId,
    /// Who has it.
    #[schema(value_type = HolderSchema)]
    pub holder: Holder,
    /// Who gets it.
    pub to: NewHolderRequest,
}

/// Body of `POST /v1/claims/discard`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardRequest {
    /// `<code>-<number>`.
    #[schema(value_type = String)]
    pub invoice: InvoiceId,
    /// Who has it.
    #[schema(value_type = HolderSchema)]
    pub holder: Holder,
}
