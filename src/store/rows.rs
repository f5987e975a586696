//! Rows: plain columns, turned into domain types by `TryFrom`, which repeats the checks made before writing.

use diesel::prelude::*;

use super::error::StoreError;
use super::schema;
use crate::base::UnixMs;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::invoice::Seller;
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceCode, InvoiceNumber};
use crate::ledger::record::{Invoice, Merchant, Payment, Quota, Refund, RulesRecord, RulesScope, Sequence};

/// What made a row unusable.
fn corrupt(table: &'static str, key: impl ToString, what: impl ToString) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), what: what.to_string() }
}

pub(super) fn unsigned(table: &'static str, key: impl ToString, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|e| corrupt(table, key, e))
}

/// An index, height or size as a column. The chain ends long before 2^63.
pub(super) fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn hash(table: &'static str, key: impl ToString, bytes: &[u8]) -> Result<Hash, StoreError> {
    let bytes: [u8; 32] = bytes.try_into().map_err(|e| corrupt(table, key, e))?;
    Ok(Hash(bytes))
}

fn fen(table: &'static str, key: &str, value: i64) -> Result<Fen, StoreError> {
    Fen::new(value).map_err(|e| corrupt(table, key, e))
}

#[derive(Queryable, Insertable, AsChangeset, Debug, Clone)]
#[diesel(table_name = schema::merchants)]
#[diesel(treat_none_as_null = true)]
pub(super) struct MerchantRow {
    pub id: String,
    pub taxpayer_id: String,
    pub name: String,
    pub address_phone: Option<String>,
    pub bank_account: Option<String>,
    pub mchid: Option<String>,
    pub issuer: Vec<u8>,
    pub issue_on_payment: bool,
    pub entry: i64,
}

impl From<&Merchant> for MerchantRow {
    fn from(merchant: &Merchant) -> Self {
        Self {
            id: merchant.id.to_string(),
            taxpayer_id: merchant.seller.taxpayer_id.clone(),
            name: merchant.seller.name.clone(),
            address_phone: merchant.seller.address_phone.clone(),
            bank_account: merchant.seller.bank_account.clone(),
            mchid: merchant.mchid.clone(),
            issuer: merchant.issuer.0.to_vec(),
            issue_on_payment: merchant.issue_on_payment,
            entry: column(merchant.entry),
        }
    }
}

impl TryFrom<MerchantRow> for Merchant {
    type Error = StoreError;

    fn try_from(row: MerchantRow) -> Result<Self, StoreError> {
        let issuer: [u8; 20] = row.issuer.as_slice().try_into().map_err(|e| corrupt("merchants", &row.id, e))?;
        Ok(Self {
            id: MerchantId::try_from(row.id.as_str()).map_err(|e| corrupt("merchants", &row.id, e))?,
            entry: unsigned("merchants", &row.id, row.entry)?,
            seller: Seller {
                name: row.name,
                taxpayer_id: row.taxpayer_id,
                address_phone: row.address_phone,
                bank_account: row.bank_account,
            },
            mchid: row.mchid,
            issuer: Address(issuer),
            issue_on_payment: row.issue_on_payment,
        })
    }
}

#[derive(Queryable, Insertable, AsChangeset, Debug, Clone)]
#[diesel(table_name = schema::rules)]
pub(super) struct RulesRow {
    pub scope: String,
    pub body: String,
    pub entry: i64,
}

impl TryFrom<&RulesRecord> for RulesRow {
    type Error = StoreError;

    fn try_from(record: &RulesRecord) -> Result<Self, StoreError> {
        let scope = String::from(record.scope.clone());
        let body = canonical::to_canonical(&record.rules).map_err(|e| corrupt("rules", &scope, e))?;
        Ok(Self { scope, body, entry: column(record.entry) })
    }
}

impl TryFrom<RulesRow> for RulesRecord {
    type Error = StoreError;

    fn try_from(row: RulesRow) -> Result<Self, StoreError> {
        Ok(Self {
            rules: serde_json::from_str(&row.body).map_err(|e| corrupt("rules", &row.scope, e))?,
            entry: unsigned("rules", &row.scope, row.entry)?,
            scope: RulesScope::try_from(row.scope.clone()).map_err(|e| corrupt("rules", &row.scope, e))?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(super) struct QuotaRow {
    pub merchant: String,
    pub month: String,
    pub invoices: i64,
    pub total_fen: i64,
}

impl TryFrom<QuotaRow> for Quota {
    type Error = StoreError;

    fn try_from(row: QuotaRow) -> Result<Self, StoreError> {
        let key = format!("{}/{}", row.merchant, row.month);
        Ok(Self {
            merchant: MerchantId::try_from(row.merchant).map_err(|e| corrupt("quotas", &key, e))?,
            month: row.month,
            count: row.invoices,
            total: fen("quotas", &key, row.total_fen)?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(super) struct PaymentRow {
    pub entry: i64,
    pub provider: String,
    pub transaction_id: String,
    pub merchant: String,
    pub order_id: String,
    pub paid_at_ms: i64,
    pub paid_fen: i64,
    pub refunded_fen: i64,
    pub invoiced_fen: i64,
}

impl TryFrom<PaymentRow> for Payment {
    type Error = StoreError;

    fn try_from(row: PaymentRow) -> Result<Self, StoreError> {
        let key = row.entry.to_string();
        let id = |text: String| TransactionId::try_from(text).map_err(|e| corrupt("payments", &key, e));
        Ok(Self {
            provider: Provider::try_from(row.provider).map_err(|e| corrupt("payments", &key, e))?,
            transaction: id(row.transaction_id)?,
            merchant: MerchantId::try_from(row.merchant).map_err(|e| corrupt("payments", &key, e))?,
            order: id(row.order_id)?,
            paid_at: UnixMs(row.paid_at_ms),
            paid: fen("payments", &key, row.paid_fen)?,
            refunded: fen("payments", &key, row.refunded_fen)?,
            invoiced: fen("payments", &key, row.invoiced_fen)?,
            entry: unsigned("payments", &key, row.entry)?,
        })
    }
}

#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::refunds)]
pub(super) struct RefundRow {
    pub entry: i64,
    pub provider: String,
    pub refund_id: String,
    pub transaction_id: String,
    pub amount_fen: i64,
}

impl From<&Refund> for RefundRow {
    fn from(refund: &Refund) -> Self {
        Self {
            provider: refund.provider.to_string(),
            refund_id: refund.refund.to_string(),
            transaction_id: refund.transaction.to_string(),
            amount_fen: refund.amount.get(),
            entry: column(refund.entry),
        }
    }
}

impl TryFrom<RefundRow> for Refund {
    type Error = StoreError;

    fn try_from(row: RefundRow) -> Result<Self, StoreError> {
        let key = row.entry.to_string();
        let id = |text: String| TransactionId::try_from(text).map_err(|e| corrupt("refunds", &key, e));
        Ok(Self {
            provider: Provider::try_from(row.provider).map_err(|e| corrupt("refunds", &key, e))?,
            refund: id(row.refund_id)?,
            transaction: id(row.transaction_id)?,
            amount: fen("refunds", &key, row.amount_fen)?,
            entry: unsigned("refunds", &key, row.entry)?,
        })
    }
}

#[derive(Queryable, Insertable, AsChangeset, Debug, Clone)]
#[diesel(table_name = schema::sequences)]
pub(super) struct SequenceRow {
    pub name: String,
    pub issued: i64,
}

impl From<&Sequence> for SequenceRow {
    fn from(sequence: &Sequence) -> Self {
        Self { name: sequence.name.clone(), issued: sequence.issued }
    }
}

impl From<SequenceRow> for Sequence {
    fn from(row: SequenceRow) -> Self {
        Self { name: row.name, issued: row.issued }
    }
}

#[derive(Queryable, Debug, Clone)]
pub(super) struct InvoiceRow {
    pub entry: i64,
    pub code: String,
    pub number: String,
    pub merchant: String,
    pub date: String,
    pub buyer: String,
    pub amount_fen: i64,
    pub tax_fen: i64,
    pub total_fen: i64,
    pub provider: Option<String>,
    pub transaction_id: Option<String>,
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = StoreError;

    fn try_from(row: InvoiceRow) -> Result<Self, StoreError> {
        let key = row.entry.to_string();
        let payment = match (row.provider, row.transaction_id) {
            (Some(provider), Some(transaction)) => Some((
                Provider::try_from(provider).map_err(|e| corrupt("invoices", &key, e))?,
                TransactionId::try_from(transaction).map_err(|e| corrupt("invoices", &key, e))?,
            )),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(corrupt("invoices", &key, "half a payment reference")),
        };
        Ok(Self {
            entry: unsigned("invoices", &key, row.entry)?,
            code: InvoiceCode::try_from(row.code).map_err(|e| corrupt("invoices", &key, e))?,
            number: InvoiceNumber::try_from(row.number).map_err(|e| corrupt("invoices", &key, e))?,
            merchant: MerchantId::try_from(row.merchant).map_err(|e| corrupt("invoices", &key, e))?,
            date: row.date,
            buyer: row.buyer,
            amount: fen("invoices", &key, row.amount_fen)?,
            tax: fen("invoices", &key, row.tax_fen)?,
            total: fen("invoices", &key, row.total_fen)?,
            payment,
        })
    }
}

#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::blocks)]
pub(super) struct BlockRow {
    pub height: i64,
    pub hash: Vec<u8>,
    pub prev: Vec<u8>,
    pub size: i64,
    pub header: String,
}

#[derive(Queryable, Debug, Clone)]
pub(super) struct SealRow {
    pub height: i64,
    pub member: String,
    pub round: i64,
    pub signature: Vec<u8>,
}

#[derive(Queryable, Debug, Clone)]
pub(super) struct EntryRow {
    pub idx: i64,
    pub height: i64,
    pub leaf: Vec<u8>,
    pub entry: String,
}

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
}

impl Role {
    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Bureau => "bureau",
            Self::Auditor => "auditor",
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
}

#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::api_keys)]
pub(super) struct ApiKeyRow {
    pub id: String,
    pub key_hash: Vec<u8>,
    pub role: String,
    pub merchant: Option<String>,
    pub label: String,
    pub created_at_ms: i64,
    pub revoked_at_ms: Option<i64>,
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
