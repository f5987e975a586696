//! The present records, as execution and the desks ask for them.

use diesel::prelude::*;

use super::error::StoreError;
use super::reader::{Reader, StoredEntry};
use super::rows::{
    ConfirmationRow, DayRow, IssuerRow, JournalRow, LifeRow, MerchantRow, QuotaRow, RefundRow, ReversalRow,
    ReversedLineRow, RulesRow, SequenceRow, column, reversal_of,
};
use super::schema::{
    confirmations, days, issuers, journals, lives, merchants, quotas, refunds, reversals, reversed_lines,
    reversed_rates, rules, sequences,
};
use crate::base::LegalDate;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::issuer::Address;
use crate::chain::roster::Roster;
use crate::invoice::Checked;
use crate::invoice::number::InvoiceId;
use crate::ledger::Entry;
use crate::ledger::confirmation::Confirmation;
use crate::ledger::day::{Day, Journal};
use crate::ledger::life::Life;
use crate::ledger::lookup::{LookUp, answer_of};
use crate::ledger::record::{
    Answer, Invoice, Issuer, Merchant, Payment, Quota, Refund, RosterRecord, RulesRecord, RulesScope, Sequence,
};
use crate::ledger::reversal::Reversal;
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

    fn issuer(&mut self, address: &Address) -> Result<Option<Issuer>, StoreError> {
        let row: Option<IssuerRow> = issuers::table.find(address.0.as_slice()).get_result(self.conn).optional()?;
        row.map(Issuer::try_from).transpose()
    }

    fn rules(&mut self, scope: &RulesScope) -> Result<Vec<RulesRecord>, StoreError> {
        let of_scope = rules::table.filter(rules::scope.eq(String::from(scope.clone())));
        let rows: Vec<RulesRow> = of_scope.order(rules::from_height).load(self.conn)?;
        rows.into_iter().map(RulesRecord::try_from).collect()
    }

    fn rosters(&mut self) -> Result<Vec<RosterRecord>, StoreError> {
        let record = |roster: Roster| RosterRecord { from_height: roster.from_height(), roster };
        Ok(Reader::rosters(self)?.into_iter().map(record).collect())
    }

    fn journal(&mut self, merchant: &MerchantId) -> Result<Option<Journal>, StoreError> {
        let row: Option<JournalRow> = journals::table.find(merchant.as_str()).get_result(self.conn).optional()?;
        row.map(Journal::try_from).transpose()
    }

    fn day(&mut self, merchant: &MerchantId, date: LegalDate) -> Result<Option<Day>, StoreError> {
        let key = (merchant.as_str(), date.to_string());
        let row: Option<DayRow> = days::table.find(key).get_result(self.conn).optional()?;
        row.map(Day::try_from).transpose()
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

    fn invoice(&mut self, id: &InvoiceId) -> Result<Option<Invoice>, StoreError> {
        Reader::invoice(self, id)
    }

    fn draft(&mut self, entry: u64) -> Result<Option<Checked>, StoreError> {
        let Some(stored) = self.entry(entry)? else { return Ok(None) };
        Ok(parsed(&stored)?.draft)
    }

    fn reversal(&mut self, entry: u64) -> Result<Option<Reversal>, StoreError> {
        let key = column(entry);
        let row: Option<ReversalRow> = reversals::table.find(key).get_result(self.conn).optional()?;
        let Some(row) = row else { return Ok(None) };
        let lines = reversed_lines::table.filter(reversed_lines::entry.eq(key)).order(reversed_lines::line);
        let lines: Vec<ReversedLineRow> = lines.load(self.conn)?;
        let rates = reversed_rates::table.filter(reversed_rates::entry.eq(key)).order(reversed_rates::rate);
        reversal_of(row, lines, rates.load(self.conn)?).map(Some)
    }

    fn life(&mut self, entry: u64) -> Result<Option<Life>, StoreError> {
        let row: Option<LifeRow> = lives::table.find(column(entry)).get_result(self.conn).optional()?;
        row.map(Life::try_from).transpose()
    }

    fn confirmation(&mut self, entry: u64) -> Result<Option<Confirmation>, StoreError> {
        let row: Option<ConfirmationRow> = confirmations::table.find(column(entry)).get_result(self.conn).optional()?;
        row.map(Confirmation::try_from).transpose()
    }
}

/// An entry as it is stored, parsed.
pub(super) fn parsed(stored: &StoredEntry) -> Result<Entry, StoreError> {
    Entry::parse(&stored.text).map_err(|fault| StoreError::Corrupt {
        table: "entries",
        key: stored.index.to_string(),
        what: fault.to_string(),
    })
}

impl Reader<'_> {
    /// The saved answer of a key, if one of these entries is it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn answer_among(&mut self, entries: &[u64], scope: &str, key: &str) -> Result<Option<Answer>, StoreError> {
        for index in entries {
            let Some(stored) = self.entry(*index)? else { continue };
            if let Some(answer) =
                answer_of(&parsed(&stored)?).filter(|answer| answer.scope == scope && answer.key == key)
            {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }
}
