//! Rows of payments, refunds, number series and invoices.

use diesel::prelude::*;

use super::{column, corrupt, fen, merchant_id, optional_unsigned, unsigned};
use crate::base::UnixMs;
use crate::base::ids::{Provider, TransactionId};
use crate::invoice::number::{InvoiceCode, InvoiceNumber};
use crate::ledger::record::{Invoice, Payment, Refund, Sequence};
use crate::store::error::StoreError;
use crate::store::schema;

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct PaymentRow {
    pub entry: i64,
    pub provider: String,
    pub transaction_id: String,
    pub merchant: String,
    pub order_id: String,
    pub paid_at_ms: i64,
    pub paid_fen: i64,
    pub refunded_fen: i64,
    pub invoiced_fen: i64,
    pub awaiting_fen: i64,
}

impl TryFrom<PaymentRow> for Payment {
    type Error = StoreError;

    fn try_from(row: PaymentRow) -> Result<Self, StoreError> {
        let key = row.entry.to_string();
        let id = |text: String| TransactionId::try_from(text).map_err(|e| corrupt("payments", &key, e));
        Ok(Self {
            provider: Provider::try_from(row.provider).map_err(|e| corrupt("payments", &key, e))?,
            transaction: id(row.transaction_id)?,
            merchant: merchant_id("payments", &key, row.merchant)?,
            order: id(row.order_id)?,
            paid_at: UnixMs(row.paid_at_ms),
            paid: fen("payments", &key, row.paid_fen)?,
            refunded: fen("payments", &key, row.refunded_fen)?,
            awaiting: fen("payments", &key, row.awaiting_fen)?,
            invoiced: fen("payments", &key, row.invoiced_fen)?,
            entry: unsigned("payments", &key, row.entry)?,
        })
    }
}

#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::refunds)]
pub(in crate::store) struct RefundRow {
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
pub(in crate::store) struct SequenceRow {
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
pub(in crate::store) struct InvoiceRow {
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
    pub blue_entry: Option<i64>,
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
            merchant: merchant_id("invoices", &key, row.merchant)?,
            date: row.date,
            buyer: row.buyer,
            amount: fen("invoices", &key, row.amount_fen)?,
            tax: fen("invoices", &key, row.tax_fen)?,
            total: fen("invoices", &key, row.total_fen)?,
            payment,
            blue: optional_unsigned("invoices", &key, row.blue_entry)?,
        })
    }
}
