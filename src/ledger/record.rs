//! The records that execution reads and writes: one struct a projection table, plain and complete.

use serde::{Deserialize, Serialize};

use crate::base::UnixMs;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::chain::roster::Roster;
use crate::invoice::Seller;
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceCode, InvoiceId, InvoiceNumber};
use crate::invoice::rules::IssuingRules;

/// A registered seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Given by the ledger in order of registration.
    pub id: MerchantId,
    /// As it stands on every invoice of this merchant.
    pub seller: Seller,
    /// The merchant's number at WeChat Pay; a payment notice names it. One merchant a number.
    pub mchid: Option<String>,
    /// Who signs this merchant's drafts.
    pub issuer: Address,
    /// Whether a payment whose order is known becomes an invoice by itself.
    pub issue_on_payment: bool,
    /// The entry that suspended it, while it is suspended.
    pub suspended: Option<u64>,
    /// The entry that revoked its issuer key, until another takes its place.
    pub issuer_revoked: Option<u64>,
    /// The entry that registered it.
    pub entry: u64,
}

/// An issuer key's address: it serves one merchant, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The address.
    pub address: Address,
    /// Whose.
    pub merchant: MerchantId,
    /// The entry from which on it signs.
    pub since: u64,
    /// The entry from which on it does not: a rotation or a revocation.
    pub until: Option<u64>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A roster and the height from which it seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterRecord {
    /// The first height that it seals.
    pub from_height: u64,
    /// The roster.
    pub roster: Roster,
}

/// Whom a set of issuing rules binds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RulesScope {
    /// Every merchant that has no rules of its own. Written `*`.
    All,
    /// One merchant. Written as the merchant's id.
    Merchant(MerchantId),
}

impl From<RulesScope> for String {
    fn from(scope: RulesScope) -> String {
        match scope {
            RulesScope::All => "*".to_owned(),
            RulesScope::Merchant(id) => id.into(),
        }
    }
}

impl TryFrom<String> for RulesScope {
    type Error = crate::base::Fault;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "*" { Ok(Self::All) } else { MerchantId::try_from(text).map(Self::Merchant) }
    }
}

/// The issuing rules of a scope from a height on; the greatest such height that is reached is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesRecord {
    /// Whom they bind.
    pub scope: RulesScope,
    /// The height of the first block that they bind.
    pub from_height: u64,
    /// What they say.
    pub rules: IssuingRules,
    /// The entry that set them.
    pub entry: u64,
}

/// What a merchant has issued in one legal month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Whose.
    pub merchant: MerchantId,
    /// `YYYY-MM`.
    pub month: String,
    /// Invoices issued.
    pub count: i64,
    /// Their tax-inclusive sum.
    pub total: Fen,
}

/// A payment and what became of it. `invoiced <= paid - refunded` and `refunded + awaiting <= paid`, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Who took it, for example `wechat-pay`.
    pub provider: Provider,
    /// The provider's id of it.
    pub transaction: TransactionId,
    /// Who was paid.
    pub merchant: MerchantId,
    /// The merchant's order number.
    pub order: TransactionId,
    /// When, by the provider.
    pub paid_at: UnixMs,
    /// What was paid.
    pub paid: Fen,
    /// What was given back since and is not invoiced.
    pub refunded: Fen,
    /// What was given back though it is invoiced still: a red letter is due.
    pub awaiting: Fen,
    /// What has been invoiced so far, tax-inclusive.
    pub invoiced: Fen,
    /// The entry that recorded it.
    pub entry: u64,
}

impl Payment {
    /// What may still be invoiced: paid - refunded - awaiting - invoiced, at least 0. `None` only if the record contradicts itself.
    pub fn remaining(&self) -> Option<Fen> {
        let kept = self.paid.checked_sub(self.refunded).ok()?.checked_sub(self.awaiting).ok()?;
        Some(kept.checked_sub(self.invoiced).ok()?.max(Fen::ZERO))
    }
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Who gave it back.
    pub provider: Provider,
    /// The provider's id of the refund.
    pub refund: TransactionId,
    /// The payment it belongs to.
    pub transaction: TransactionId,
    /// How much.
    pub amount: Fen,
    /// The entry that recorded it.
    pub entry: u64,
}

/// How many numbers of a series have been given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// `invoice-YYYY` (city-wide, one a legal year) or `merchant`.
    pub name: String,
    /// Numbers given so far.
    pub issued: i64,
}

/// The saved answer of an idempotency key: which entry it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whose key: a merchant's id, or `tax-bureau`.
    pub scope: String,
    /// The key.
    pub key: String,
    /// keccak256 of the canonical request, so that the same key with another body is seen.
    pub request: Hash,
    /// The entry that answers it.
    pub entry: u64,
}

/// An invoice, blue or red, as lists and the verify page need it; the whole stands in its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its entry.
    pub entry: u64,
    /// 12 digits.
    pub code: InvoiceCode,
    /// 8 digits.
    pub number: InvoiceNumber,
    /// The seller.
    pub merchant: MerchantId,
    /// `YYYY-MM-DD`, the legal date.
    pub date: String,
    /// Buyer's name as printed.
    pub buyer: String,
    /// Ex-tax sum.
    pub amount: Fen,
    /// Tax.
    pub tax: Fen,
    /// Tax-inclusive sum.
    pub total: Fen,
    /// The payment it is for, if any.
    pub payment: Option<(Provider, TransactionId)>,
    /// In a red invoice the entry of the blue one that it reverses; its money is below zero.
    pub blue: Option<u64>,
}

impl Invoice {
    /// `<code>-<number>`.
    pub fn id(&self) -> InvoiceId {
        InvoiceId { code: self.code, number: self.number }
    }
}
