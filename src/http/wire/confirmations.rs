//! Confirmation sheets of red letters.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::openapi::{AskedLineSchema, ReceiptSchema};
use super::HolderSchema;
use crate::base::UnixMs;
use crate::base::ids::MerchantId;
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::invoice::draft::never_null;
use crate::invoice::reversal::{LineAsked, Reason};
use crate::ledger::command::Answering;
use crate::ledger::confirmation::SheetState;
use crate::sequencer::desk::{Holder, Salt, Sheet};

/// How the buyer's side proves itself; a merchant's key needs nothing of it. A company's key: `salt` and `fence` of its hold. Without
/// an API key: `holder`, who has the invoice in the wallet.
#[derive(Debug, Default)]
pub struct Proof {
    /// The salt of the company's hold.
    pub salt: Option<Salt>,
    /// The fence of the company's hold.
    pub fence: Option<u64>,
    /// Who has the invoice in the wallet.
    pub holder: Option<Holder>,
}

/// Body of `POST /v1/invoices/{id}/confirmations`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenConfirmationRequest {
    /// As in a reversal.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// As in a reversal.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AskedLineSchema>>)]
    pub lines: Vec<LineAsked>,
    /// Salt of the hold (64 hex digits), with a company's key.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub salt: Option<Salt>,
    /// Fence of the hold, with a company's key.
    #[serde(default, deserialize_with = "never_null")]
    pub fence: Option<u64>,
    /// Who has the invoice in the wallet, without an API key.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<HolderSchema>)]
    pub holder: Option<Holder>,
}

/// Body of `POST /v1/confirmations/{entry}/answers`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerConfirmationRequest {
    /// `agree`, `refuse`, or `withdraw` by who opened it.
    #[schema(value_type = String)]
    pub action: Answering,
    /// Salt of the hold (64 hex digits), with a company's key.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub salt: Option<Salt>,
    /// Fence of the hold, with a company's key; not needed to withdraw.
    #[serde(default, deserialize_with = "never_null")]
    pub fence: Option<u64>,
    /// Who has the invoice in the wallet, without an API key.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<HolderSchema>)]
    pub holder: Option<Holder>,
}

/// Query of `GET /v1/confirmations/{entry}`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConfirmationQuery {
    /// Commitment of the buyer's side (64 hex digits: keccak256 of 05, the salt's 32 bytes and the id): needed without a merchant's,
    /// the bureau's or an auditor's key.
    #[param(value_type = Option<String>)]
    pub holder: Option<Hash>,
}

/// Filters of `GET /v1/confirmations`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListConfirmationsQuery {
    /// Whose (needed for auditor and bureau; a merchant sees its own).
    #[param(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
    /// Continue after a page: its `next`.
    pub before: Option<u64>,
    /// Items on the page, 1 to 200; 50 if left out.
    pub limit: Option<usize>,
}

/// A confirmation sheet (红字确认单) as it stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmationReply {
    /// The entry that opened it: its number.
    pub entry: u64,
    /// `<code>-<number>` of the blue invoice.
    pub invoice: String,
    /// The seller.
    #[schema(value_type = String)]
    pub merchant: MerchantId,
    /// `seller` or `buyer`.
    pub opened_by: &'static str,
    /// `01` to `09`, as in the fully digital e-invoice.
    #[schema(value_type = String)]
    pub state: SheetState,
    /// What that state means.
    pub meaning: &'static str,
    /// Whether a red letter may still come of it.
    pub live: bool,
    /// Why.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// Of which lines how much; empty: all that is left.
    #[schema(value_type = Vec<AskedLineSchema>)]
    pub lines: Vec<LineAsked>,
    /// When it was opened, unix ms.
    #[schema(value_type = i64)]
    pub opened_at: UnixMs,
    /// Until when it may be answered, unix ms: 72 hours.
    #[schema(value_type = i64)]
    pub until: UnixMs,
    /// `<code>-<number>` of the red letter that came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red: Option<String>,
}

/// The words of domain.md 1.13 for a state.
fn meaning(state: SheetState) -> &'static str {
    match state {
        SheetState::NotNeeded => "无需确认",
        SheetState::BuyerToConfirm => "销方录入待购方确认",
        SheetState::SellerToConfirm => "购方录入待销方确认",
        SheetState::Confirmed => "购销双方已确认",
        SheetState::BuyerRefused => "作废（销方录入购方否认）",
        SheetState::SellerRefused => "作废（购方录入销方否认）",
        SheetState::TimedOut => "作废（超72小时未确认）",
        SheetState::Withdrawn => "作废（发起方已撤销）",
        SheetState::WithdrawnAfterwards => "作废（确认后撤销）",
    }
}

impl From<Sheet> for ConfirmationReply {
    fn from(Sheet { sheet, state, invoice, red }: Sheet) -> Self {
        Self {
            entry: sheet.entry,
            invoice: invoice.to_string(),
            merchant: sheet.merchant,
            opened_by: if sheet.by_seller { "seller" } else { "buyer" },
            state,
            meaning: meaning(state),
            live: red.is_none() && state.is_live(),
            reason: sheet.asked.reason,
            lines: sheet.asked.lines,
            opened_at: sheet.opened_at,
            until: sheet.until,
            red: red.map(|id| id.to_string()),
        }
    }
}

/// A page of sheets, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmationsReply {
    /// The items.
    pub confirmations: Vec<ConfirmationReply>,
    /// Give it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Answer of `POST /v1/invoices/{id}/confirmations`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmationOpenedReply {
    /// The sheet's number: the index of the entry.
    pub confirmation: u64,
    /// The same.
    pub entry: u64,
    /// Height of its block.
    pub block: u64,
    /// Its receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}
