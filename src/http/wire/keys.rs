//! API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::UnixMs;
use crate::base::ids::MerchantId;
use crate::invoice::draft::never_null;
use crate::store::{ApiKey, Role};

/// Body of `POST /v1/api-keys`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKeyRequest {
    /// `merchant`, `company`, `bureau` or `auditor`.
    #[schema(value_type = String)]
    pub role: Role,
    /// Whose, for role `merchant`.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
    /// Taxpayer id of the company whose it is, for role `company`: one that books invoices or lends on them.
    #[serde(default, deserialize_with = "never_null")]
    pub company: Option<String>,
    /// What people call it.
    pub label: String,
}

/// An API key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyReply {
    /// Public id.
    pub id: String,
    /// What it may do.
    #[schema(value_type = String)]
    pub role: Role,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
    /// Taxpayer id of the company whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// What people call it.
    pub label: String,
    /// When it was made, unix ms.
    #[schema(value_type = i64)]
    pub created_at: UnixMs,
    /// When it was revoked, unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub revoked_at: Option<UnixMs>,
    /// The secret: only in the answer that makes the key, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl From<ApiKey> for ApiKeyReply {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            role: key.role,
            merchant: key.merchant,
            company: key.company,
            label: key.label,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
            secret: None,
        }
    }
}
