//! What execution reads, kept near: small records in memory from batch to batch, and everything that a batch will look up by random
//! keys fetched before it, in two queries on PostgreSQL.
//!
//! Right as long as one sequencer writes: what it wrote it knows. Whenever that is in doubt (a transaction that failed, another
//! process that led meanwhile), [`Resident::forget`]; everything is read again.

use std::collections::HashMap;
use std::hash::Hash;

use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::ledger::Command;
use crate::ledger::lookup::{Fingerprint, LookUp, keys_read_by};
use crate::ledger::record::{Answer, Merchant, Payment, Quota, Refund, RulesRecord, RulesScope, Sequence};
use crate::ledger::state::{self, Nothing, State};
use crate::store::{Found, Reader, StoreError};

/// Records of one kind kept at most; above it the memory starts anew.
const KEPT_MAX: usize = 20_000;

/// Records by key, absent ones remembered as absent.
#[derive(Debug)]
struct Kept<K, T>(HashMap<K, Option<T>>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq, T: Clone> Kept<K, T> {
    fn get<E>(&mut self, key: K, read: impl FnOnce(&K) -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let found = read(&key)?;
        self.put(key, found.clone());
        Ok(found)
    }

    fn put(&mut self, key: K, value: Option<T>) {
        if self.0.len() >= KEPT_MAX {
            self.0.clear();
        }
        self.0.insert(key, value);
    }
}

/// Small records, from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Resident {
    merchants: Kept<MerchantId, Merchant>,
    rules: Kept<RulesScope, RulesRecord>,
    quotas: Kept<(MerchantId, String), Quota>,
    sequences: Kept<String, Sequence>,
}

impl Resident {
    /// Forgets everything.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes in what a committed batch has written.
    pub fn committed(&mut self, state: &State<Nothing>) {
        for merchant in state.merchants.inserted().chain(state.merchants.updated()) {
            self.merchants.put(merchant.id.clone(), Some(merchant.clone()));
        }
        for rules in state.rules.inserted().chain(state.rules.updated()) {
            self.rules.put(rules.scope.clone(), Some(rules.clone()));
        }
        for quota in state.quotas.inserted().chain(state.quotas.updated()) {
            self.quotas.put((quota.merchant.clone(), quota.month.clone()), Some(quota.clone()));
        }
        for sequence in state.sequences.inserted().chain(state.sequences.updated()) {
            self.sequences.put(sequence.name.clone(), Some(sequence.clone()));
        }
    }

    /// A reader for one batch, with what its commands will look up.
    pub fn over<'a, 'b>(
        &'a mut self,
        reader: &'a mut Reader<'b>,
        commands: &[&Command],
    ) -> Result<Near<'a, 'b>, StoreError> {
        let keys: Vec<Fingerprint> = commands.iter().flat_map(|command| keys_read_by(command)).collect();
        let mut found = reader.entries_by(&keys)?;
        let draws = |command: &&Command| match command {
            Command::Issue(issue) => issue.draft().payment().is_some(),
            Command::RecordPayment(_) | Command::RecordRefund(_) => true,
            Command::RegisterMerchant(_) | Command::SetRules(_) => false,
        };
        let mut payments = HashMap::new();
        if commands.iter().any(draws) {
            // Entries that answer idempotency keys are among them; they recorded no payment and bring none.
            let entries: Vec<u64> = found.values().flatten().copied().collect();
            payments = reader.payments_by(&entries)?.into_iter().map(|payment| (payment.entry, payment)).collect();
        }
        for key in keys {
            found.entry(key).or_default();
        }
        Ok(Near { resident: self, reader, found, payments })
    }
}

/// Reads for one batch: memory first, then the database.
pub(super) struct Near<'a, 'b> {
    resident: &'a mut Resident,
    reader: &'a mut Reader<'b>,
    /// Every fingerprint that was asked for, with nothing for those that lead nowhere.
    found: Found,
    payments: HashMap<u64, Payment>,
}

impl state::Reader for Near<'_, '_> {
    type Error = StoreError;

    fn merchant(&mut self, id: &MerchantId) -> Result<Option<Merchant>, StoreError> {
        let Self { resident, reader, .. } = self;
        resident.merchants.get(id.clone(), |id| reader.merchant(id))
    }

    fn merchant_by_taxpayer(&mut self, taxpayer_id: &str) -> Result<Option<MerchantId>, StoreError> {
        self.reader.merchant_by_taxpayer(taxpayer_id)
    }

    fn merchant_by_mchid(&mut self, mchid: &str) -> Result<Option<MerchantId>, StoreError> {
        self.reader.merchant_by_mchid(mchid)
    }

    fn rules(&mut self, scope: &RulesScope) -> Result<Option<RulesRecord>, StoreError> {
        let Self { resident, reader, .. } = self;
        resident.rules.get(scope.clone(), |scope| reader.rules(scope))
    }

    fn quota(&mut self, merchant: &MerchantId, month: &str) -> Result<Option<Quota>, StoreError> {
        let Self { resident, reader, .. } = self;
        resident.quotas.get((merchant.clone(), month.to_owned()), |(merchant, month)| reader.quota(merchant, month))
    }

    fn payment(&mut self, provider: &Provider, transaction: &TransactionId) -> Result<Option<Payment>, StoreError> {
        let key = LookUp::Payment(provider.as_str(), transaction.as_str()).fingerprint();
        let Some(entries) = self.found.get(&key) else { return self.reader.payment(provider, transaction) };
        let payments = entries.iter().filter_map(|entry| self.payments.get(entry));
        let mut about = payments.filter(|paid| paid.provider == *provider && paid.transaction == *transaction);
        Ok(about.next().cloned())
    }

    fn refund(&mut self, provider: &Provider, refund: &TransactionId) -> Result<Option<Refund>, StoreError> {
        let key = LookUp::Refund(provider.as_str(), refund.as_str()).fingerprint();
        match self.found.get(&key) {
            Some(entries) if entries.is_empty() => Ok(None),
            Some(_) | None => self.reader.refund(provider, refund),
        }
    }

    fn sequence(&mut self, name: &str) -> Result<Option<Sequence>, StoreError> {
        let Self { resident, reader, .. } = self;
        resident.sequences.get(name.to_owned(), |name| reader.sequence(name))
    }

    fn answer(&mut self, scope: &str, key: &str) -> Result<Option<Answer>, StoreError> {
        match self.found.get(&LookUp::Answer(scope, key).fingerprint()) {
            Some(entries) => self.reader.answer_among(entries, scope, key),
            None => self.reader.answer(scope, key),
        }
    }
}
