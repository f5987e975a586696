//! Drafts and invoices.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::super::openapi::{DraftSchema, ReceiptSchema};
use super::super::problem::ProblemFault;
use super::LifeReply;
use crate::base::ids::MerchantId;
use crate::base::{LegalDate, UnixMs};
use crate::chain::issuer::IssuerSignature;
use crate::chain::receipt::Receipt;
use crate::invoice::Draft;
use crate::invoice::draft::never_null;
use crate::invoice::money::Fen;
use crate::invoice::number::InvoiceNumber;
use crate::ledger::record::Invoice;

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
    /// `blockchain-ordinary`, or `fully-digital`: then code and number together are the 20 digits of its number.
    pub document: String,
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
    /// `<code>-<number>` of the blue invoice that it reverses, in a red one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
    /// Total in Chinese capitals, as printed.
    pub capital: String,
    /// What the QR code says.
    pub verify_url: String,
    /// The signed draft: seller, buyer, lines, sums. Its text as it stands in the entry.
    #[schema(value_type = Object)]
    pub draft: Box<RawValue>,
    /// How it stands at present, by the word of this service; only where one invoice is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<LifeReply>,
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
    /// Entry of the blue invoice that it reverses, in a red one; its money is below zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blue_entry: Option<u64>,
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
            blue_entry: invoice.blue,
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
