//! Lists by keyset and single look-ups for the desks and pages: merchants, payments, invoices, orders, keys.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::error::StoreError;
use super::reader::Reader;
use super::rows::{ApiKey, ApiKeyRow, InvoiceRow, MerchantRow, OutboxItem, PaymentRow, RulesRow, column};
use super::schema::{api_keys, custody_keys, invoices, merchants, orders, outbox, payers, payments, rules};
use crate::base::UnixMs;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::invoice::number::{InvoiceId, InvoiceNumber};
use crate::ledger::lookup::LookUp;
use crate::ledger::record::{Invoice, Merchant, Payment, RulesRecord};
use crate::ledger::state::Reader as _;

/// Which invoices to list. Newest first; `before` is the entry index of the last one seen.
#[derive(Debug, Clone, Default)]
pub struct InvoiceFilter {
    /// Only this merchant's.
    pub merchant: Option<MerchantId>,
    /// From this legal date on, `YYYY-MM-DD`.
    pub from: Option<String>,
    /// Up to and including this legal date.
    pub to: Option<String>,
    /// Only with this number.
    pub number: Option<InvoiceNumber>,
    /// Only to this buyer (exact name).
    pub buyer: Option<String>,
    /// Only for this payment.
    pub payment: Option<(Provider, TransactionId)>,
    /// Only entries before this index.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Which payments to list. Newest first.
#[derive(Debug, Clone, Default)]
pub struct PaymentFilter {
    /// Only this merchant's.
    pub merchant: Option<MerchantId>,
    /// Only those of which something is left to invoice.
    pub open: bool,
    /// Only those of which money was given back that is invoiced still: a red letter is due.
    pub awaiting: bool,
    /// Only entries before this index.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

pub(super) fn limit(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// Invoices, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn invoices(&mut self, filter: &InvoiceFilter) -> Result<Vec<Invoice>, StoreError> {
        let paid = filter.payment.as_ref();
        let paid = paid.map(|(provider, transaction)| LookUp::InvoicesOf(provider.as_str(), transaction.as_str()));
        let of_payment = paid.map(|key| self.entries_of(key)).transpose()?.unwrap_or_default();
        let of_payment: Vec<i64> = of_payment.into_iter().map(column).collect();
        let mut query = invoices::table.into_boxed();
        if let Some(merchant) = &filter.merchant {
            query = query.filter(invoices::merchant.eq(merchant.to_string()));
        }
        if let Some(from) = &filter.from {
            query = query.filter(invoices::date.ge(from.clone()));
        }
        if let Some(to) = &filter.to {
            query = query.filter(invoices::date.le(to.clone()));
        }
        if let Some(number) = &filter.number {
            query = query.filter(invoices::number.eq(number.to_string()));
        }
        if let Some(buyer) = &filter.buyer {
            query = query.filter(invoices::buyer.eq(buyer.clone()));
        }
        if let Some((provider, transaction)) = &filter.payment {
            query = query
                .filter(invoices::entry.eq_any(of_payment))
                .filter(invoices::provider.eq(provider.to_string()))
                .filter(invoices::transaction_id.eq(transaction.to_string()));
        }
        if let Some(before) = filter.before {
            query = query.filter(invoices::entry.lt(column(before)));
        }
        let rows: Vec<InvoiceRow> = query.order(invoices::entry.desc()).limit(limit(filter.limit)).load(self.conn)?;
        rows.into_iter().map(Invoice::try_from).collect()
    }

    /// The invoice of a code and number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn invoice(&mut self, id: &InvoiceId) -> Result<Option<Invoice>, StoreError> {
        let row: Option<InvoiceRow> = invoices::table
            .filter(invoices::number.eq(id.number.to_string()))
            .filter(invoices::code.eq(id.code.to_string()))
            .get_result(self.conn)
            .optional()?;
        row.map(Invoice::try_from).transpose()
    }

    /// The invoices with a number, one a code at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn invoices_numbered(&mut self, number: &InvoiceNumber) -> Result<Vec<Invoice>, StoreError> {
        self.invoices(&InvoiceFilter { number: Some(*number), limit: 1_000, ..InvoiceFilter::default() })
    }

    /// Payments, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn payments(&mut self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let mut query = payments::table.into_boxed();
        if let Some(merchant) = &filter.merchant {
            query = query.filter(payments::merchant.eq(merchant.to_string()));
        }
        if filter.open {
            let kept = payments::paid_fen - payments::refunded_fen - payments::awaiting_fen;
            query = query.filter(payments::invoiced_fen.lt(kept));
        }
        if filter.awaiting {
            // In the words of the partial index: a bound 0 would not be recognised.
            query = query.filter(sql::<Bool>("awaiting_fen > 0"));
        }
        if let Some(before) = filter.before {
            query = query.filter(payments::entry.lt(column(before)));
        }
        let rows: Vec<PaymentRow> = query.order(payments::entry.desc()).limit(limit(filter.limit)).load(self.conn)?;
        rows.into_iter().map(Payment::try_from).collect()
    }

    /// The payments of a merchant's order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn payments_of_order(
        &mut self,
        merchant: &MerchantId,
        order: &TransactionId,
    ) -> Result<Vec<Payment>, StoreError> {
        let entries = self.entries_of(LookUp::Order(merchant.as_str(), order.as_str()))?;
        let mut payments = self.payments_by(&entries)?;
        payments.retain(|payment| payment.merchant == *merchant && payment.order == *order);
        Ok(payments)
    }

    /// The payment that an entry recorded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn payment_of_entry(&mut self, entry: u64) -> Result<Option<Payment>, StoreError> {
        let row: Option<PaymentRow> =
            payments::table.filter(payments::entry.eq(column(entry))).get_result(self.conn).optional()?;
        row.map(Payment::try_from).transpose()
    }

    /// Merchants after an id, in order of registration.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn merchants(&mut self, after: Option<&MerchantId>, items: usize) -> Result<Vec<Merchant>, StoreError> {
        let after = after.map_or("", MerchantId::as_str);
        let rows: Vec<MerchantRow> = merchants::table
            .filter(merchants::id.gt(after))
            .order(merchants::id)
            .limit(limit(items))
            .load(self.conn)?;
        rows.into_iter().map(Merchant::try_from).collect()
    }

    /// All issuing rules, past, present and announced, by scope and the height from which they bind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_rules(&mut self) -> Result<Vec<RulesRecord>, StoreError> {
        let rows: Vec<RulesRow> = rules::table.order((rules::scope, rules::from_height)).load(self.conn)?;
        rows.into_iter().map(RulesRecord::try_from).collect()
    }

    /// What was bought: the order's JSON text.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn order(&mut self, merchant: &MerchantId, order: &TransactionId) -> Result<Option<String>, StoreError> {
        let found = orders::table.find((merchant.as_str(), order.as_str())).select(orders::body);
        Ok(found.get_result(self.conn).optional()?)
    }

    /// Who paid, at the provider. Personal: not for logs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn payer(&mut self, provider: &Provider, transaction: &TransactionId) -> Result<Option<String>, StoreError> {
        let Some(payment) = self.payment(provider, transaction)? else { return Ok(None) };
        let found = payers::table.find(column(payment.entry)).select(payers::openid);
        Ok(found.get_result(self.conn).optional()?)
    }

    /// The sealed secret of an issuer in custody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn custody_key(&mut self, issuer: &Address) -> Result<Option<Vec<u8>>, StoreError> {
        let found = custody_keys::table.find(issuer.0.to_vec()).select(custody_keys::sealed);
        Ok(found.get_result(self.conn).optional()?)
    }

    /// An API key by the hash of its secret.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn api_key(&mut self, key_hash: &Hash) -> Result<Option<ApiKey>, StoreError> {
        let row: Option<ApiKeyRow> = api_keys::table
            .filter(api_keys::key_hash.eq(key_hash.as_bytes().to_vec()))
            .get_result(self.conn)
            .optional()?;
        row.map(ApiKey::try_from).transpose()
    }

    /// All API keys, of one merchant if named.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn api_keys(&mut self, merchant: Option<&MerchantId>) -> Result<Vec<ApiKey>, StoreError> {
        let mut query = api_keys::table.into_boxed();
        if let Some(merchant) = merchant {
            query = query.filter(api_keys::merchant.eq(merchant.to_string()));
        }
        let rows: Vec<ApiKeyRow> = query.order((api_keys::created_at_ms, api_keys::id)).load(self.conn)?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Outbox items that are due, oldest entry first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn due(&mut self, now: UnixMs, items: usize) -> Result<Vec<OutboxItem>, StoreError> {
        Ok(outbox::table
            .filter(outbox::state.eq("pending"))
            .filter(outbox::next_at_ms.le(now.0))
            .order((outbox::entry, outbox::topic))
            .limit(limit(items))
            .load(self.conn)?)
    }

    /// Outbox items that were given up, oldest entry first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_dead(&mut self, items: usize) -> Result<Vec<OutboxItem>, StoreError> {
        Ok(outbox::table
            .filter(outbox::state.eq("dead"))
            .order((outbox::entry, outbox::topic))
            .limit(limit(items))
            .load(self.conn)?)
    }

    /// How many outbox items wait, and how many were given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_counts(&mut self) -> Result<(i64, i64), StoreError> {
        let pending = outbox::table.filter(outbox::state.eq("pending")).count().get_result(self.conn)?;
        let dead = outbox::table.filter(outbox::state.eq("dead")).count().get_result(self.conn)?;
        Ok((pending, dead))
    }
}
