//! What execution reads, kept near: small records in memory from batch to batch, and everything that a batch will look up by random
//! keys fetched before it, in two queries on PostgreSQL.
//!
//! Right as long as one sequencer writes: what it wrote it knows. Whenever that is in doubt (a transaction that failed, another
//! process that led meanwhile), [`Resident::forget`]; everything is read again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::base::LegalDate;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::chain::present::{StateKey, empty_state_root};
use crate::invoice::{Checked, InvoiceId};
use crate::ledger::Command;
use crate::ledger::confirmation::Confirmation;
use crate::ledger::day::{Day, Journal};
use crate::ledger::life::Life;
use crate::ledger::lookup::{Fingerprint, LookUp, keys_read_by, touches_payment};
use crate::ledger::present::{Page, PagePath, Pages};
use crate::ledger::record::{
    Answer, Invoice, Issuer, Merchant, Payment, Quota, Refund, RosterRecord, RulesRecord, RulesScope, Sequence,
};
use crate::ledger::reversal::Reversal;
use crate::ledger::state::{self, Tables};
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

impl<K: std::hash::Hash + Eq, T: Clone> Kept<K, T> {
    fn get<E>(&mut self, key: K, read: impl FnOnce(&K) -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let found = read(&key)?;
        self.put(key, found.clone());
        Ok(found)
    }

    fn remove(&mut self, key: &K) {
        self.0.remove(key);
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
    rules: Kept<RulesScope, Vec<RulesRecord>>,
    journals: Kept<MerchantId, Journal>,
    days: Kept<(MerchantId, LegalDate), Day>,
    quotas: Kept<(MerchantId, String), Quota>,
    sequences: Kept<String, Sequence>,
    pages: Kept<PagePath, Arc<Page>>,
    /// Whether present states are left out of what is sealed.
    stateless: bool,
}

impl Resident {
    /// A memory for a sequencer that commits to present states, or, to measure what that costs, does not.
    pub fn new(commit_states: bool) -> Self {
        Self { stateless: !commit_states, ..Self::default() }
    }

    /// Whether present states are left out of what is sealed.
    pub fn is_stateless(&self) -> bool {
        self.stateless
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        *self = Self::new(!self.stateless);
    }

    /// Takes in what a committed batch has written.
    pub fn committed(&mut self, state: &Tables) {
        for merchant in state.merchants.inserted().chain(state.merchants.updated()) {
            self.merchants.put(merchant.id.clone(), Some(merchant.clone()));
        }
        for rules in state.rules.inserted().chain(state.rules.updated()) {
            self.rules.remove(&rules.scope);
        }
        for journal in state.journals.inserted().chain(state.journals.updated()) {
            self.journals.put(journal.merchant.clone(), Some(journal.clone()));
        }
        for day in state.days.inserted().chain(state.days.updated()) {
            self.days.put((day.merchant.clone(), day.date), Some(day.clone()));
        }
        for quota in state.quotas.inserted().chain(state.quotas.updated()) {
            self.quotas.put((quota.merchant.clone(), quota.month.clone()), Some(quota.clone()));
        }
        for sequence in state.sequences.inserted().chain(state.sequences.updated()) {
            self.sequences.put(sequence.name.clone(), Some(sequence.clone()));
        }
    }

    /// Takes in the pages of the map of present states that a committed batch has written.
    pub fn committed_pages(&mut self, pages: &[(PagePath, Page)]) {
        for (path, page) in pages {
            self.pages.put(path.clone(), Some(Arc::new(page.clone())));
        }
    }

    /// The map of present states under a root, with the pages that some keys lead through.
    pub fn map<'a, 'b>(
        &'a mut self,
        reader: &'a mut Reader<'b>,
        root: Option<Hash>,
        keys: impl Iterator<Item = StateKey>,
    ) -> Result<NearPages<'a, 'b>, StoreError> {
        let paths: BTreeSet<PagePath> = keys.flat_map(|key| PagePath::of_key(&key.0).collect::<Vec<_>>()).collect();
        let mut near = NearPages { resident: self, reader, root };
        // From the root down, since what is above tells what has to be below, or that nothing is.
        let missing: Vec<PagePath> = paths.into_iter().filter(|path| near.is_unknown(path)).collect();
        let mut found = near.reader.state_pages(&missing)?;
        for path in missing {
            let page = found.remove(&path).map(Arc::new);
            near.keep(path, page)?;
        }
        Ok(near)
    }

    /// A reader for one batch, with what its commands will look up.
    pub fn over<'a, 'b>(
        &'a mut self,
        reader: &'a mut Reader<'b>,
        commands: &[&Command],
    ) -> Result<Near<'a, 'b>, StoreError> {
        let keys: Vec<Fingerprint> = commands.iter().flat_map(|command| keys_read_by(command)).collect();
        let mut found = reader.entries_by(&keys)?;
        let mut payments = HashMap::new();
        if commands.iter().any(|command| touches_payment(command)) {
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

/// The map of present states for one batch: memory first, then the database. A page that is read is held against the one above it, so
/// that damage is seen before it is sealed.
pub(super) struct NearPages<'a, 'b> {
    resident: &'a mut Resident,
    reader: &'a mut Reader<'b>,
    /// The root that the last header commits to; `None` for a header of version 1.
    root: Option<Hash>,
}

impl NearPages<'_, '_> {
    fn known(&self, path: &PagePath) -> Option<&Option<Arc<Page>>> {
        self.resident.pages.0.get(path)
    }

    /// Whether a page has to be read: it is not in memory, and the one above does not say that there is none.
    fn is_unknown(&self, path: &PagePath) -> bool {
        let above = path.above();
        let none_below = above.as_ref().and_then(|above| self.known(above)).is_some_and(|page| {
            // Where nothing is above, nothing is below.
            page.as_ref().is_none_or(|page| page.below(path).is_none())
        });
        self.known(path).is_none() && !none_below
    }

    /// Keeps a page that was read, or that there is none, if that is what the page above says.
    fn keep(&mut self, path: PagePath, page: Option<Arc<Page>>) -> Result<(), StoreError> {
        let wanted = match path.above() {
            None => self.root.filter(|root| *root != empty_state_root()),
            Some(above) => Pages::page(self, &above)?.and_then(|above| above.below(&path)),
        };
        let unknown_root = path.0.is_empty() && self.root.is_none();
        let right = match (&page, &wanted) {
            (Some(page), Some(wanted)) => page.is_whole(wanted),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !right && !unknown_root {
            let what = "not the page that the one above it, or the last header, commits to".to_owned();
            return Err(StoreError::Corrupt { table: "state_pages", key: path.0, what });
        }
        self.resident.pages.put(path, page);
        Ok(())
    }
}

impl Pages for NearPages<'_, '_> {
    type Error = StoreError;

    fn page(&mut self, path: &PagePath) -> Result<Option<Arc<Page>>, StoreError> {
        if let Some(page) = self.known(path) {
            return Ok(page.clone());
        }
        let page = if self.is_unknown(path) { Pages::page(self.reader, path)? } else { None };
        self.keep(path.clone(), page.clone())?;
        Ok(page)
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

    fn issuer(&mut self, address: &Address) -> Result<Option<Issuer>, StoreError> {
        self.reader.issuer(address)
    }

    fn rules(&mut self, scope: &RulesScope) -> Result<Vec<RulesRecord>, StoreError> {
        let Self { resident, reader, .. } = self;
        let found = resident.rules.get(scope.clone(), |scope| reader.rules(scope).map(Some))?;
        Ok(found.unwrap_or_default())
    }

    fn rosters(&mut self) -> Result<Vec<RosterRecord>, StoreError> {
        state::Reader::rosters(self.reader)
    }

    fn journal(&mut self, merchant: &MerchantId) -> Result<Option<Journal>, StoreError> {
        let Self { resident, reader, .. } = self;
        resident.journals.get(merchant.clone(), |merchant| reader.journal(merchant))
    }

    fn day(&mut self, merchant: &MerchantId, date: LegalDate) -> Result<Option<Day>, StoreError> {
        let Self { resident, reader, .. } = self;
        resident.days.get((merchant.clone(), date), |(merchant, date)| reader.day(merchant, *date))
    }

    fn invoice(&mut self, id: &InvoiceId) -> Result<Option<Invoice>, StoreError> {
        state::Reader::invoice(self.reader, id)
    }

    fn draft(&mut self, entry: u64) -> Result<Option<Checked>, StoreError> {
        state::Reader::draft(self.reader, entry)
    }

    fn reversal(&mut self, entry: u64) -> Result<Option<Reversal>, StoreError> {
        self.reader.reversal(entry)
    }

    fn life(&mut self, entry: u64) -> Result<Option<Life>, StoreError> {
        self.reader.life(entry)
    }

    fn confirmation(&mut self, entry: u64) -> Result<Option<Confirmation>, StoreError> {
        self.reader.confirmation(entry)
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
