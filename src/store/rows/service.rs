//! Rows beside the ledger: API keys, the outbox.

use diesel::prelude::*;

use super::{corrupt, hash};
use crate::base::UnixMs;
use crate::base::ids::MerchantId;
use crate::chain::hash::Hash;
use crate::store::error::StoreError;
use crate::store::schema;

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Issues and reads its own.
    Merchant,
    /// Registers merchants, sets rules, reads everything.
    Bureau,
    /// Reads everything, changes nothing.
    Auditor,
    /// A company that holds and books invoices.
    Company,
}

impl Role {
    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Bureau => "bureau",
            Self::Auditor => "auditor",
            Self::Company => "company",
        }
    }
}

/// An API key as stored: only the hash of the secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Public id, for listing and revoking.
    pub id: String,
    /// keccak256 of the secret.
    pub key_hash: Hash,
    /// What it may do.
    pub role: Role,
    /// Whose it is, for role `merchant`.
    pub merchant: Option<MerchantId>,
    /// What a person called it.
    pub label: String,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was revoked.
    pub revoked_at: Option<UnixMs>,
    /// The taxpayer id of whose it is, for role `company`.
    pub company: Option<String>,
}

#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::api_keys)]
pub(in crate::store) struct ApiKeyRow {
    pub id: String,
    pub key_hash: Vec<u8>,
    pub role: String,
    pub merchant: Option<String>,
    pub label: String,
    pub created_at_ms: i64,
    pub revoked_at_ms: Option<i64>,
    pub company: Option<String>,
}

impl From<&ApiKey> for ApiKeyRow {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            key_hash: key.key_hash.as_bytes().to_vec(),
            role: key.role.as_str().to_owned(),
            merchant: key.merchant.as_ref().map(ToString::to_string),
            label: key.label.clone(),
            created_at_ms: key.created_at.0,
            revoked_at_ms: key.revoked_at.map(|at| at.0),
            company: key.company.clone(),
        }
    }
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = StoreError;

    fn try_from(row: ApiKeyRow) -> Result<Self, StoreError> {
        let role = match row.role.as_str() {
            "merchant" => Role::Merchant,
            "bureau" => Role::Bureau,
            "auditor" => Role::Auditor,
            "company" => Role::Company,
            other => return Err(corrupt("api_keys", &row.id, format!("role {other}"))),
        };
        let merchant = row.merchant.map(MerchantId::try_from).transpose();
        Ok(Self {
            key_hash: hash("api_keys", &row.id, &row.key_hash)?,
            role,
            merchant: merchant.map_err(|e| corrupt("api_keys", &row.id, e))?,
            label: row.label,
            created_at: UnixMs(row.created_at_ms),
            revoked_at: row.revoked_at_ms.map(UnixMs),
            company: row.company,
            id: row.id,
        })
    }
}

/// Something to be told to a partner, due since its transaction was committed.
#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::outbox)]
pub struct OutboxItem {
    /// The entry it is about.
    pub entry: i64,
    /// Who is to be told what.
    pub topic: String,
    /// `pending` or `dead`.
    pub state: String,
    /// Tries so far.
    pub attempts: i64,
    /// When to try next, unix ms.
    pub next_at_ms: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
}
