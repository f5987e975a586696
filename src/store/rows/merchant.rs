//! Rows of merchants: themselves, their keys and rules, and their books.

use diesel::prelude::*;

use super::{address, column, corrupt, fen, hash, merchant_id, optional_unsigned, unsigned};
use crate::base::LegalDate;
use crate::base::ids::MerchantId;
use crate::chain::canonical;
use crate::invoice::Seller;
use crate::ledger::day::{Day, Journal};
use crate::ledger::record::{Issuer, Merchant, Quota, RulesRecord, RulesScope};
use crate::store::error::StoreError;
use crate::store::schema;

#[derive(Queryable, Insertable, AsChangeset, Debug, Clone)]
#[diesel(table_name = schema::merchants)]
#[diesel(treat_none_as_null = true)]
pub(in crate::store) struct MerchantRow {
    pub id: String,
    pub taxpayer_id: String,
    pub name: String,
    pub address_phone: Option<String>,
    pub bank_account: Option<String>,
    pub mchid: Option<String>,
    pub issuer: Vec<u8>,
    pub issue_on_payment: bool,
    pub entry: i64,
    pub suspended_entry: Option<i64>,
    pub issuer_revoked_entry: Option<i64>,
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
            suspended_entry: merchant.suspended.map(column),
            issuer_revoked_entry: merchant.issuer_revoked.map(column),
        }
    }
}

impl TryFrom<MerchantRow> for Merchant {
    type Error = StoreError;

    fn try_from(row: MerchantRow) -> Result<Self, StoreError> {
        Ok(Self {
            issuer: address("merchants", &row.id, &row.issuer)?,
            suspended: optional_unsigned("merchants", &row.id, row.suspended_entry)?,
            issuer_revoked: optional_unsigned("merchants", &row.id, row.issuer_revoked_entry)?,
            id: MerchantId::try_from(row.id.as_str()).map_err(|e| corrupt("merchants", &row.id, e))?,
            entry: unsigned("merchants", &row.id, row.entry)?,
            seller: Seller {
                name: row.name,
                taxpayer_id: row.taxpayer_id,
                address_phone: row.address_phone,
                bank_account: row.bank_account,
            },
            mchid: row.mchid,
            issue_on_payment: row.issue_on_payment,
        })
    }
}

#[derive(Queryable, Insertable, AsChangeset, Debug, Clone)]
#[diesel(table_name = schema::rules)]
pub(in crate::store) struct RulesRow {
    pub scope: String,
    pub from_height: i64,
    pub body: String,
    pub entry: i64,
}

impl TryFrom<&RulesRecord> for RulesRow {
    type Error = StoreError;

    fn try_from(record: &RulesRecord) -> Result<Self, StoreError> {
        let scope = String::from(record.scope.clone());
        let body = canonical::to_canonical(&record.rules).map_err(|e| corrupt("rules", &scope, e))?;
        Ok(Self { scope, from_height: column(record.from_height), body, entry: column(record.entry) })
    }
}

impl TryFrom<RulesRow> for RulesRecord {
    type Error = StoreError;

    fn try_from(row: RulesRow) -> Result<Self, StoreError> {
        Ok(Self {
            rules: serde_json::from_str(&row.body).map_err(|e| corrupt("rules", &row.scope, e))?,
            entry: unsigned("rules", &row.scope, row.entry)?,
            from_height: unsigned("rules", &row.scope, row.from_height)?,
            scope: RulesScope::try_from(row.scope.clone()).map_err(|e| corrupt("rules", &row.scope, e))?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct IssuerRow {
    pub address: Vec<u8>,
    pub merchant: String,
    pub since_entry: i64,
    pub until_entry: Option<i64>,
    pub revoked: bool,
}

impl TryFrom<IssuerRow> for Issuer {
    type Error = StoreError;

    fn try_from(row: IssuerRow) -> Result<Self, StoreError> {
        let key = hex::encode(&row.address);
        Ok(Self {
            address: address("issuers", &key, &row.address)?,
            merchant: merchant_id("issuers", &key, row.merchant)?,
            since: unsigned("issuers", &key, row.since_entry)?,
            until: optional_unsigned("issuers", &key, row.until_entry)?,
            revoked: row.revoked,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct JournalRow {
    pub merchant: String,
    pub seq: i64,
    pub running: Vec<u8>,
}

impl TryFrom<JournalRow> for Journal {
    type Error = StoreError;

    fn try_from(row: JournalRow) -> Result<Self, StoreError> {
        Ok(Self {
            seq: unsigned("journals", &row.merchant, row.seq)?,
            running: hash("journals", &row.merchant, &row.running)?,
            merchant: merchant_id("journals", row.merchant.clone(), row.merchant)?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct DayRow {
    pub merchant: String,
    pub date: String,
    pub figures: String,
    pub closed_entry: Option<i64>,
}

impl TryFrom<DayRow> for Day {
    type Error = StoreError;

    fn try_from(row: DayRow) -> Result<Self, StoreError> {
        let key = format!("{}/{}", row.merchant, row.date);
        Ok(Self {
            merchant: merchant_id("days", &key, row.merchant)?,
            date: LegalDate::parse(&row.date).ok_or_else(|| corrupt("days", &key, "not a date"))?,
            figures: serde_json::from_str(&row.figures).map_err(|e| corrupt("days", &key, e))?,
            closed: optional_unsigned("days", &key, row.closed_entry)?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct QuotaRow {
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
            merchant: merchant_id("quotas", &key, row.merchant)?,
            month: row.month,
            count: row.invoices,
            total: fen("quotas", &key, row.total_fen)?,
        })
    }
}
