//! Merchants, rules and API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::openapi::{ReceiptSchema, RulesSchema};
use crate::base::ids::MerchantId;
use crate::chain::issuer::Address;
use crate::chain::receipt::Receipt;
use crate::invoice::draft::never_null;
use crate::invoice::{IssuingRules, Seller};
use crate::ledger::record::{Merchant, RulesRecord, RulesScope};

/// Body of `POST /v1/merchants`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterMerchantRequest {
    /// As it will stand on invoices, 1 to 256 characters.
    pub name: String,
    /// Taxpayer id (USCC, GB 32100).
    pub taxpayer_id: String,
    /// Address and telephone.
    #[serde(default, deserialize_with = "never_null")]
    pub address_phone: Option<String>,
    /// Bank and account.
    #[serde(default, deserialize_with = "never_null")]
    pub bank_account: Option<String>,
    /// WeChat Pay merchant number.
    #[serde(default, deserialize_with = "never_null")]
    pub mchid: Option<String>,
    /// Whether a payment with a known order becomes an invoice by itself.
    #[serde(default)]
    pub issue_on_payment: bool,
    /// Address (40 hex digits) of the merchant's own issuer key; left out, Kingdee makes and keeps one.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub issuer: Option<Address>,
}

/// A merchant.
#[derive(Debug, Serialize, ToSchema)]
pub struct MerchantReply {
    /// `M` and eight digits.
    #[schema(value_type = String)]
    pub id: MerchantId,
    /// Name.
    pub name: String,
    /// Taxpayer id.
    pub taxpayer_id: String,
    /// Address and telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_phone: Option<String>,
    /// Bank and account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<String>,
    /// WeChat Pay merchant number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mchid: Option<String>,
    /// Address of the issuer key, EIP-55.
    pub issuer: String,
    /// Whether payments become invoices by themselves.
    pub issue_on_payment: bool,
    /// The entry that suspended it, while it is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<u64>,
    /// The entry that revoked its issuer key, until another takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_revoked: Option<u64>,
    /// The entry that registered it.
    pub entry: u64,
}

impl From<Merchant> for MerchantReply {
    fn from(merchant: Merchant) -> Self {
        let Seller { name, taxpayer_id, address_phone, bank_account } = merchant.seller;
        Self {
            id: merchant.id,
            name,
            taxpayer_id,
            address_phone,
            bank_account,
            mchid: merchant.mchid,
            issuer: merchant.issuer.to_eip55(),
            issue_on_payment: merchant.issue_on_payment,
            suspended: merchant.suspended,
            issuer_revoked: merchant.issuer_revoked,
            entry: merchant.entry,
        }
    }
}

/// Answer to a command that made an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedReply {
    /// Index of the entry.
    pub entry: u64,
    /// Height of its block.
    pub block: u64,
    /// Its receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}

/// Answer of `POST /v1/merchants`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredReply {
    /// The merchant.
    pub merchant: MerchantReply,
    /// The entry's receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}

/// Body of `PUT /v1/rules/{scope}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRulesRequest {
    /// The rules; they replace the scope's rules as a whole.
    #[schema(value_type = RulesSchema)]
    pub rules: IssuingRules,
    /// The height of the first block that they bind; left out, the block that records them.
    #[serde(default, deserialize_with = "never_null")]
    pub from: Option<u64>,
}

/// Issuing rules in force, or announced.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulesReply {
    /// `*` or a merchant's id.
    #[schema(value_type = String)]
    pub scope: RulesScope,
    /// What they say.
    #[schema(value_type = RulesSchema)]
    pub rules: IssuingRules,
    /// The height of the first block that they bind.
    pub from_height: u64,
    /// Whether they bind the next block; otherwise they are announced.
    pub in_force: bool,
    /// The entry that set them.
    pub entry: u64,
}

impl RulesReply {
    /// Of all rules by scope and height, those that bind the block of a height, and those to come.
    pub fn at(records: Vec<RulesRecord>, height: u64) -> Vec<Self> {
        let mut replies: Vec<Self> = Vec::with_capacity(records.len());
        for RulesRecord { scope, from_height, rules, entry } in records {
            let in_force = from_height <= height;
            // Of those that are reached, the last one counts.
            if in_force && replies.last().is_some_and(|before| before.scope == scope) {
                replies.pop();
            }
            replies.push(Self { scope, rules, from_height, in_force, entry });
        }
        replies
    }
}
