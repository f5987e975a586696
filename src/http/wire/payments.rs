//! Payments and orders.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::base::UnixMs;
use crate::base::ids::{MerchantId, TransactionId};
use crate::invoice::money::Fen;
use crate::ledger::record::Payment;

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
    /// Only those of which money was given back that is invoiced still: a red letter is due.
    #[serde(default)]
    pub awaiting: bool,
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
    /// Given back though it is invoiced still, fen: a red letter is due.
    #[schema(value_type = i64)]
    pub awaiting: Fen,
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
            awaiting: payment.awaiting,
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
