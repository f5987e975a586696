//! The present records, as execution and the desks ask for them.

use diesel::prelude::*;

use super::error::StoreError;
use super::reader::Reader;
use super::rows::{MerchantRow, QuotaRow, RefundRow, RulesRow, SequenceRow, column};
use super::schema::{merchants, quotas, refunds, rules, sequences};
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::ledger::Entry;
use crate::ledger::lookup::{LookUp, answer_of};
use crate::ledger::record::{Answer, Merchant, Payment, Quota, Refund, RulesRecord, RulesScope, Sequence};
use crate::ledger::state;

fn parsed_id(id: Option<String>) -> Result<Option<MerchantId>, StoreError> {
    id.map(|id| {
        MerchantId::try_from(id.as_str()).map_err(|e| StoreError::Corrupt {
            table: "merchants",
            key: id,
            what: e.to_string(),
        })
    })
    .transpose()
}

impl state::Reader for Reader<'_> {
    type Error = StoreError;

    fn merchant(&mut self, id: &MerchantId) -> Result<Option<Merchant>, StoreError> {
        let row: Option<MerchantRow> = merchants::table.find(id.as_str()).get_result(self.conn).optional()?;
        row.map(Merchant::try_from).transpose()
    }

    fn merchant_by_taxpayer(&mut self, taxpayer_id: &str) -> Result<Option<MerchantId>, StoreError> {
        let found = merchants::table.filter(merchants::taxpayer_id.eq(taxpayer_id)).select(merchants::id);
        parsed_id(found.get_result(self.conn).optional()?)
    }

    fn merchant_by_mchid(&mut self, mchid: &str) -> Result<Option<MerchantId>, StoreError> {
        let found = merchants::table.filter(merchants::mchid.eq(mchid)).select(merchants::id);
        parsed_id(found.get_result(self.conn).optional()?)
    }

    fn rules(&mut self, scope: &RulesScope) -> Result<Option<RulesRecord>, StoreError> {
        let scope = String::from(scope.clone());
        let row: Option<RulesRow> = rules::table.find(scope).get_result(self.conn).optional()?;
        row.map(RulesRecord::try_from).transpose()
    }

    fn quota(&mut self, merchant: &MerchantId, month: &str) -> Result<Option<Quota>, StoreError> {
        let row: Option<QuotaRow> = quotas::table.find((merchant.as_str(), month)).get_result(self.conn).optional()?;
        row.map(Quota::try_from).transpose()
    }

    fn payment(&mut self, provider: &Provider, transaction: &TransactionId) -> Result<Option<Payment>, StoreError> {
        let entries = self.entries_of(LookUp::Payment(provider.as_str(), transaction.as_str()))?;
        let payments = self.payments_by(&entries)?;
        let about = |payment: &Payment| payment.provider == *provider && payment.transaction == *transaction;
        Ok(payments.into_iter().find(about))
    }

    fn refund(&mut self, provider: &Provider, refund: &TransactionId) -> Result<Option<Refund>, StoreError> {
        for entry in self.entries_of(LookUp::Refund(provider.as_str(), refund.as_str()))? {
            let row: Option<RefundRow> = refunds::table.find(column(entry)).get_result(self.conn).optional()?;
            let found = row.map(Refund::try_from).transpose()?;
            if let Some(found) = found.filter(|found| found.provider == *provider && found.refund == *refund) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn sequence(&mut self, name: &str) -> Result<Option<Sequence>, StoreError> {
        let row: Option<SequenceRow> = sequences::table.find(name).get_result(self.conn).optional()?;
        Ok(row.map(Sequence::from))
    }

    fn answer(&mut self, scope: &str, key: &str) -> Result<Option<Answer>, StoreError> {
        let entries = self.entries_of(LookUp::Answer(scope, key))?;
        self.answer_among(&entries, scope, key)
    }
}

impl Reader<'_> {
    /// The saved answer of a key, if one of these entries is it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn answer_among(&mut self, entries: &[u64], scope: &str, key: &str) -> Result<Option<Answer>, StoreError> {
        for index in entries {
            let Some(stored) = self.entry(*index)? else { continue };
            let entry = Entry::parse(&stored.text).map_err(|fault| StoreError::Corrupt {
                table: "entries",
                key: index.to_string(),
                what: fault.to_string(),
            })?;
            if let Some(answer) = answer_of(&entry).filter(|answer| answer.scope == scope && answer.key == key) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }
}
