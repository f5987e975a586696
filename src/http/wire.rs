//! Wire types of `/v1`. Money is integer fen, times are unix ms, binary values are lower-case hex.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::openapi::{DraftSchema, ReceiptSchema, RulesSchema};
use super::problem::ProblemFault;
use crate::base::ids::{MerchantId, TransactionId};
use crate::base::{LegalDate, UnixMs};
use crate::chain::issuer::{Address, IssuerSignature};
use crate::chain::receipt::Receipt;
use crate::invoice::draft::never_null;
use crate::invoice::money::Fen;
use crate::invoice::number::InvoiceNumber;
use crate::invoice::{Draft, IssuingRules, Seller};
use crate::ledger::record::{Invoice, Merchant, Payment, RulesRecord, RulesScope};
use crate::store::{ApiKey, Block, Role};

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
}

/// Issuing rules in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulesReply {
    /// `*` or a merchant's id.
    #[schema(value_type = String)]
    pub scope: RulesScope,
    /// What they say.
    #[schema(value_type = RulesSchema)]
    pub rules: IssuingRules,
    /// The entry that set them.
    pub entry: u64,
}

impl From<RulesRecord> for RulesReply {
    fn from(record: RulesRecord) -> Self {
        Self { scope: record.scope, rules: record.rules, entry: record.entry }
    }
}

/// Body of `POST /v1/invoices`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInvoiceRequest {
    /// What is to be invoiced.
    #[schema(value_type = DraftSchema)]
    pub draft: Draft,
    /// Signature (130 hex digits, r||s||v) over the checked draft's text, if the merchant keeps its own key.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub signature: Option<IssuerSignature>,
}

/// Body of `POST /v1/drafts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckDraftRequest {
    /// What would be invoiced.
    #[schema(value_type = DraftSchema)]
    pub draft: Draft,
}

/// Answer of `POST /v1/drafts`.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedReply {
    /// The checked draft, split and summed.
    #[schema(value_type = Object)]
    pub checked: Value,
    /// Its canonical text: what the issuer signs (EIP-191 personal message).
    pub text: String,
    /// The EIP-191 hash of the text.
    pub digest: String,
    /// Who must sign, EIP-55.
    pub issuer: String,
    /// What is odd about it without being refused.
    pub warnings: Vec<ProblemFault>,
}

/// An issued invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceReply {
    /// `<code>-<number>`.
    pub id: String,
    /// 12 digits.
    pub code: String,
    /// 8 digits.
    pub number: String,
    /// Last five characters of the hash.
    pub check_code: String,
    /// Printed hash, 66 hex digits.
    pub hash: String,
    /// Legal date.
    #[schema(value_type = String)]
    pub date: LegalDate,
    /// Time of the block, unix ms.
    #[schema(value_type = i64)]
    pub time: UnixMs,
    /// Index of the entry.
    pub entry: u64,
    /// Height of the block.
    pub block: u64,
    /// Who signed the draft, EIP-55.
    pub issuer: String,
    /// Total in Chinese capitals, as printed.
    pub capital: String,
    /// What the QR code says.
    pub verify_url: String,
    /// The signed draft: seller, buyer, lines, sums.
    #[schema(value_type = Object)]
    pub draft: Value,
}

/// Answer of `POST /v1/invoices`.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedReply {
    /// The invoice.
    pub invoice: InvoiceReply,
    /// Everything that offline verification needs besides the roster.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
    /// What was odd about the draft without being refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ProblemFault>,
}

/// Filters of `GET /v1/invoices`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListInvoicesQuery {
    /// Only this merchant's (auditor and bureau; a merchant sees its own).
    #[param(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
    /// From this legal date on.
    #[param(value_type = Option<String>)]
    pub from: Option<LegalDate>,
    /// Up to and including this legal date.
    #[param(value_type = Option<String>)]
    pub to: Option<LegalDate>,
    /// Only with this 8-digit number.
    #[param(value_type = Option<String>)]
    pub number: Option<InvoiceNumber>,
    /// Only to the buyer of exactly this name.
    pub buyer: Option<String>,
    /// Only for this payment: `<provider>/<transaction>`.
    pub payment: Option<String>,
    /// Continue after a page: its `next`.
    pub before: Option<u64>,
    /// Items on the page, 1 to 200; 50 if left out.
    pub limit: Option<usize>,
}

/// An invoice in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceSummary {
    /// `<code>-<number>`.
    pub id: String,
    /// Legal date.
    pub date: String,
    /// Seller.
    #[schema(value_type = String)]
    pub merchant: MerchantId,
    /// Buyer's name.
    pub buyer: String,
    /// Ex-tax sum, fen.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// Tax, fen.
    #[schema(value_type = i64)]
    pub tax: Fen,
    /// Tax-inclusive sum, fen.
    #[schema(value_type = i64)]
    pub total: Fen,
    /// `<provider>/<transaction>` of its payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// Index of the entry.
    pub entry: u64,
}

impl From<Invoice> for InvoiceSummary {
    fn from(invoice: Invoice) -> Self {
        Self {
            id: format!("{}-{}", invoice.code, invoice.number),
            date: invoice.date,
            merchant: invoice.merchant,
            buyer: invoice.buyer,
            amount: invoice.amount,
            tax: invoice.tax,
            total: invoice.total,
            payment: invoice.payment.map(|(provider, transaction)| format!("{provider}/{transaction}")),
            entry: invoice.entry,
        }
    }
}

/// A page of invoices, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoicesReply {
    /// The items.
    pub invoices: Vec<InvoiceSummary>,
    /// Give it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Filters of `GET /v1/payments`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPaymentsQuery {
    /// Only this merchant's.
    #[param(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
    /// Only those of which something is left to invoice.
    #[serde(default)]
    pub open: bool,
    /// Continue after a page: its `next`.
    pub before: Option<u64>,
    /// Items on the page, 1 to 200; 50 if left out.
    pub limit: Option<usize>,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentReply {
    /// Who took it.
    pub provider: String,
    /// The provider's id.
    #[schema(value_type = String)]
    pub transaction: TransactionId,
    /// Who was paid.
    #[schema(value_type = String)]
    pub merchant: MerchantId,
    /// The merchant's order number.
    #[schema(value_type = String)]
    pub order: TransactionId,
    /// When, unix ms.
    #[schema(value_type = i64)]
    pub paid_at: UnixMs,
    /// Fen.
    #[schema(value_type = i64)]
    pub paid: Fen,
    /// Fen.
    #[schema(value_type = i64)]
    pub refunded: Fen,
    /// Fen.
    #[schema(value_type = i64)]
    pub invoiced: Fen,
    /// What may still be invoiced, fen.
    #[schema(value_type = i64)]
    pub remaining: Fen,
    /// Index of the entry.
    pub entry: u64,
}

impl From<Payment> for PaymentReply {
    fn from(payment: Payment) -> Self {
        Self {
            remaining: payment.remaining().unwrap_or(Fen::ZERO),
            provider: payment.provider.to_string(),
            transaction: payment.transaction,
            merchant: payment.merchant,
            order: payment.order,
            paid_at: payment.paid_at,
            paid: payment.paid,
            refunded: payment.refunded,
            invoiced: payment.invoiced,
            entry: payment.entry,
        }
    }
}

/// A page of payments, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentsReply {
    /// The items.
    pub payments: Vec<PaymentReply>,
    /// Give it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Answer of `POST /v1/orders`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderReply {
    /// The order number.
    pub out_trade_no: String,
    /// What it comes to, tax-inclusive, fen.
    #[schema(value_type = i64)]
    pub total: Fen,
}

/// A sealed block.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockReply {
    /// Height; 0 is the genesis block.
    pub height: u64,
    /// Header hash.
    pub hash: String,
    /// Entries up to and including this block.
    pub size: u64,
    /// The header's canonical text.
    pub header: String,
    /// The seals on it.
    #[schema(value_type = Vec<super::openapi::SealSchema>)]
    pub seals: Vec<crate::chain::seal::Seal>,
}

impl From<Block> for BlockReply {
    fn from(block: Block) -> Self {
        Self {
            height: block.height,
            hash: block.hash.to_string(),
            size: block.size,
            header: block.header,
            seals: block.seals,
        }
    }
}

/// A page of blocks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlocksReply {
    /// The items.
    pub blocks: Vec<BlockReply>,
    /// Give it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An inclusion proof.
#[derive(Debug, Serialize, ToSchema)]
pub struct InclusionReply {
    /// The leaf's index.
    pub index: u64,
    /// The tree's size.
    pub size: u64,
    /// Leaf hash.
    pub leaf: String,
    /// Root of the tree of that size.
    pub root: String,
    /// RFC 9162 inclusion path.
    pub proof: Vec<String>,
}

/// A consistency proof.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsistencyReply {
    /// The smaller size.
    pub from: u64,
    /// The larger size.
    pub to: u64,
    /// Root at the smaller size.
    pub from_root: String,
    /// Root at the larger size.
    pub to_root: String,
    /// RFC 9162 consistency path.
    pub proof: Vec<String>,
}

/// Body of `POST /v1/api-keys`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKeyRequest {
    /// `merchant`, `bureau` or `auditor`.
    #[schema(value_type = String)]
    pub role: Role,
    /// Whose, for role `merchant`.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
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
            label: key.label,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
            secret: None,
        }
    }
}

/// An entry with its place.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryReply {
    /// Its index.
    pub index: u64,
    /// Height of its block.
    pub block: u64,
    /// Leaf hash.
    pub leaf: String,
    /// Canonical text.
    pub entry: String,
}
