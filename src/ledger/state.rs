//! The state that commands are executed against: a cache over a [`Reader`] that remembers what was inserted and updated.
//!
//! One implementation serves both sides: the sequencer reads through to the database and takes the changes out at the end of
//! a batch; the audit starts from [`Nothing`] and holds the whole state in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::record::{Answer, Invoice, Merchant, Payment, Quota, Refund, RulesRecord, RulesScope, Sequence};
use crate::base::ids::{MerchantId, Provider, TransactionId};

/// Where present records are read from. MUST give what was committed last, and nothing newer or older.
pub trait Reader {
    /// Why a record could not be read. A read error aborts the batch; it never means "absent".
    type Error;

    /// A merchant by id.
    fn merchant(&mut self, id: &MerchantId) -> Result<Option<Merchant>, Self::Error>;
    /// The merchant that has this taxpayer id.
    fn merchant_by_taxpayer(&mut self, taxpayer_id: &str) -> Result<Option<MerchantId>, Self::Error>;
    /// The merchant that has this WeChat Pay number.
    fn merchant_by_mchid(&mut self, mchid: &str) -> Result<Option<MerchantId>, Self::Error>;
    /// The rules of a scope.
    fn rules(&mut self, scope: &RulesScope) -> Result<Option<RulesRecord>, Self::Error>;
    /// A merchant's month.
    fn quota(&mut self, merchant: &MerchantId, month: &str) -> Result<Option<Quota>, Self::Error>;
    /// A payment.
    fn payment(&mut self, provider: &Provider, transaction: &TransactionId) -> Result<Option<Payment>, Self::Error>;
    /// A refund.
    fn refund(&mut self, provider: &Provider, refund: &TransactionId) -> Result<Option<Refund>, Self::Error>;
    /// A number series.
    fn sequence(&mut self, name: &str) -> Result<Option<Sequence>, Self::Error>;
    /// A saved answer.
    fn answer(&mut self, scope: &str, key: &str) -> Result<Option<Answer>, Self::Error>;
}

impl<R: Reader> Reader for &mut R {
    type Error = R::Error;

    fn merchant(&mut self, id: &MerchantId) -> Result<Option<Merchant>, R::Error> {
        (**self).merchant(id)
    }
    fn merchant_by_taxpayer(&mut self, taxpayer_id: &str) -> Result<Option<MerchantId>, R::Error> {
        (**self).merchant_by_taxpayer(taxpayer_id)
    }
    fn merchant_by_mchid(&mut self, mchid: &str) -> Result<Option<MerchantId>, R::Error> {
        (**self).merchant_by_mchid(mchid)
    }
    fn rules(&mut self, scope: &RulesScope) -> Result<Option<RulesRecord>, R::Error> {
        (**self).rules(scope)
    }
    fn quota(&mut self, merchant: &MerchantId, month: &str) -> Result<Option<Quota>, R::Error> {
        (**self).quota(merchant, month)
    }
    fn payment(&mut self, provider: &Provider, transaction: &TransactionId) -> Result<Option<Payment>, R::Error> {
        (**self).payment(provider, transaction)
    }
    fn refund(&mut self, provider: &Provider, refund: &TransactionId) -> Result<Option<Refund>, R::Error> {
        (**self).refund(provider, refund)
    }
    fn sequence(&mut self, name: &str) -> Result<Option<Sequence>, R::Error> {
        (**self).sequence(name)
    }
    fn answer(&mut self, scope: &str, key: &str) -> Result<Option<Answer>, R::Error> {
        (**self).answer(scope, key)
    }
}

/// The reader of an empty ledger.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Reader for Nothing {
    type Error = Infallible;

    fn merchant(&mut self, _: &MerchantId) -> Result<Option<Merchant>, Infallible> {
        Ok(None)
    }
    fn merchant_by_taxpayer(&mut self, _: &str) -> Result<Option<MerchantId>, Infallible> {
        Ok(None)
    }
    fn merchant_by_mchid(&mut self, _: &str) -> Result<Option<MerchantId>, Infallible> {
        Ok(None)
    }
    fn rules(&mut self, _: &RulesScope) -> Result<Option<RulesRecord>, Infallible> {
        Ok(None)
    }
    fn quota(&mut self, _: &MerchantId, _: &str) -> Result<Option<Quota>, Infallible> {
        Ok(None)
    }
    fn payment(&mut self, _: &Provider, _: &TransactionId) -> Result<Option<Payment>, Infallible> {
        Ok(None)
    }
    fn refund(&mut self, _: &Provider, _: &TransactionId) -> Result<Option<Refund>, Infallible> {
        Ok(None)
    }
    fn sequence(&mut self, _: &str) -> Result<Option<Sequence>, Infallible> {
        Ok(None)
    }
    fn answer(&mut self, _: &str, _: &str) -> Result<Option<Answer>, Infallible> {
        Ok(None)
    }
}

/// What became of a record since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Only read.
    None,
    /// New.
    Insert,
    /// Changed.
    Update,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<Arc<T>>,
    change: Change,
}

/// One kind of record, by key.
#[derive(Debug)]
pub struct Table<K, T>(BTreeMap<K, Slot<T>>);

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, T> Table<K, T> {
    fn get<E>(&mut self, key: &K, read: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<Arc<T>>, E> {
        if let Some(slot) = self.0.get(key) {
            return Ok(slot.value.clone());
        }
        let value = read()?.map(Arc::new);
        self.0.insert(key.clone(), Slot { value: value.clone(), change: Change::None });
        Ok(value)
    }

    fn put(&mut self, key: K, value: T) {
        let change = match self.0.get(&key) {
            Some(Slot { change: Change::Insert, .. }) | None => Change::Insert,
            Some(Slot { value: None, .. }) => Change::Insert,
            Some(Slot { value: Some(_), change: Change::None | Change::Update }) => Change::Update,
        };
        self.0.insert(key, Slot { value: Some(Arc::new(value)), change });
    }

    /// Every record that is there, in key order.
    pub fn records(&self) -> impl Iterator<Item = &T> {
        self.0.values().filter_map(|slot| slot.value.as_deref())
    }

    /// New records: the store must insert them, and UNIQUE constraints must hold.
    pub fn inserted(&self) -> impl Iterator<Item = &T> {
        self.that(Change::Insert)
    }

    /// Changed records: the store must update exactly one row each.
    pub fn updated(&self) -> impl Iterator<Item = &T> {
        self.that(Change::Update)
    }

    fn that(&self, change: Change) -> impl Iterator<Item = &T> {
        self.0.values().filter(move |slot| slot.change == change).filter_map(|slot| slot.value.as_deref())
    }
}

/// The state: records read through `R`, and the changes made since.
#[derive(Debug)]
pub struct State<R> {
    reader: R,
    by_taxpayer: BTreeMap<String, Option<MerchantId>>,
    by_mchid: BTreeMap<String, Option<MerchantId>>,
    /// Merchants by id.
    pub merchants: Table<MerchantId, Merchant>,
    /// Rules by scope.
    pub rules: Table<RulesScope, RulesRecord>,
    /// Quotas by merchant and month.
    pub quotas: Table<(MerchantId, String), Quota>,
    /// Payments by provider and transaction.
    pub payments: Table<(Provider, TransactionId), Payment>,
    /// Refunds by provider and refund.
    pub refunds: Table<(Provider, TransactionId), Refund>,
    /// Number series by name.
    pub sequences: Table<String, Sequence>,
    /// Saved answers by scope and key.
    pub answers: Table<(String, String), Answer>,
    /// Invoices issued since the state was made, in entry order.
    pub invoices: Vec<Invoice>,
}

impl Default for State<Nothing> {
    fn default() -> Self {
        Self::over(Nothing)
    }
}

impl<R: Reader> State<R> {
    /// A state without changes over a reader.
    pub fn over(reader: R) -> Self {
        Self {
            reader,
            by_taxpayer: BTreeMap::new(),
            by_mchid: BTreeMap::new(),
            merchants: Table::default(),
            rules: Table::default(),
            quotas: Table::default(),
            payments: Table::default(),
            refunds: Table::default(),
            sequences: Table::default(),
            answers: Table::default(),
            invoices: Vec::new(),
        }
    }

    /// Lets the reader go and keeps the records, changed or only read.
    pub fn detach(self) -> State<Nothing> {
        State {
            reader: Nothing,
            by_taxpayer: self.by_taxpayer,
            by_mchid: self.by_mchid,
            merchants: self.merchants,
            rules: self.rules,
            quotas: self.quotas,
            payments: self.payments,
            refunds: self.refunds,
            sequences: self.sequences,
            answers: self.answers,
            invoices: self.invoices,
        }
    }

    /// A merchant by id.
    pub fn merchant(&mut self, id: &MerchantId) -> Result<Option<Arc<Merchant>>, R::Error> {
        self.merchants.get(id, || self.reader.merchant(id))
    }

    /// Who has this taxpayer id.
    pub fn merchant_by_taxpayer(&mut self, taxpayer_id: &str) -> Result<Option<MerchantId>, R::Error> {
        if let Some(known) = self.by_taxpayer.get(taxpayer_id) {
            return Ok(known.clone());
        }
        let found = self.reader.merchant_by_taxpayer(taxpayer_id)?;
        self.by_taxpayer.insert(taxpayer_id.to_owned(), found.clone());
        Ok(found)
    }

    /// Who has this WeChat Pay number.
    pub fn merchant_by_mchid(&mut self, mchid: &str) -> Result<Option<MerchantId>, R::Error> {
        if let Some(known) = self.by_mchid.get(mchid) {
            return Ok(known.clone());
        }
        let found = self.reader.merchant_by_mchid(mchid)?;
        self.by_mchid.insert(mchid.to_owned(), found.clone());
        Ok(found)
    }

    /// The rules that bind a merchant: its own, else those of all.
    pub fn rules_for(&mut self, merchant: &MerchantId) -> Result<Option<Arc<RulesRecord>>, R::Error> {
        let own = RulesScope::Merchant(merchant.clone());
        match self.rules.get(&own, || self.reader.rules(&own))? {
            Some(rules) => Ok(Some(rules)),
            None => self.rules_of(&RulesScope::All),
        }
    }

    /// The rules of exactly this scope.
    pub fn rules_of(&mut self, scope: &RulesScope) -> Result<Option<Arc<RulesRecord>>, R::Error> {
        self.rules.get(scope, || self.reader.rules(scope))
    }

    /// A merchant's month.
    pub fn quota(&mut self, merchant: &MerchantId, month: &str) -> Result<Option<Arc<Quota>>, R::Error> {
        let key = (merchant.clone(), month.to_owned());
        self.quotas.get(&key, || self.reader.quota(merchant, month))
    }

    /// A payment.
    pub fn payment(
        &mut self,
        provider: &Provider,
        transaction: &TransactionId,
    ) -> Result<Option<Arc<Payment>>, R::Error> {
        let key = (provider.clone(), transaction.clone());
        self.payments.get(&key, || self.reader.payment(provider, transaction))
    }

    /// A refund.
    pub fn refund(&mut self, provider: &Provider, refund: &TransactionId) -> Result<Option<Arc<Refund>>, R::Error> {
        let key = (provider.clone(), refund.clone());
        self.refunds.get(&key, || self.reader.refund(provider, refund))
    }

    /// How many numbers a series has given out.
    pub fn issued(&mut self, name: &str) -> Result<i64, R::Error> {
        let found = self.sequences.get(&name.to_owned(), || self.reader.sequence(name))?;
        Ok(found.map_or(0, |sequence| sequence.issued))
    }

    /// A saved answer.
    pub fn answer(&mut self, scope: &str, key: &str) -> Result<Option<Arc<Answer>>, R::Error> {
        let at = (scope.to_owned(), key.to_owned());
        self.answers.get(&at, || self.reader.answer(scope, key))
    }

    /// Writes a merchant, new or changed.
    pub fn put_merchant(&mut self, merchant: Merchant) {
        self.by_taxpayer.insert(merchant.seller.taxpayer_id.clone(), Some(merchant.id.clone()));
        if let Some(mchid) = &merchant.mchid {
            self.by_mchid.insert(mchid.clone(), Some(merchant.id.clone()));
        }
        self.merchants.put(merchant.id.clone(), merchant);
    }

    /// Writes rules.
    pub fn put_rules(&mut self, rules: RulesRecord) {
        self.rules.put(rules.scope.clone(), rules);
    }

    /// Writes a quota.
    pub fn put_quota(&mut self, quota: Quota) {
        self.quotas.put((quota.merchant.clone(), quota.month.clone()), quota);
    }

    /// Writes a payment.
    pub fn put_payment(&mut self, payment: Payment) {
        self.payments.put((payment.provider.clone(), payment.transaction.clone()), payment);
    }

    /// Writes a refund.
    pub fn put_refund(&mut self, refund: Refund) {
        self.refunds.put((refund.provider.clone(), refund.refund.clone()), refund);
    }

    /// Writes how far a series has got.
    pub fn put_issued(&mut self, name: &str, issued: i64) {
        self.sequences.put(name.to_owned(), Sequence { name: name.to_owned(), issued });
    }

    /// Saves an answer.
    pub fn put_answer(&mut self, answer: Answer) {
        self.answers.put((answer.scope.clone(), answer.key.clone()), answer);
    }

    /// Appends an invoice.
    pub fn put_invoice(&mut self, invoice: Invoice) {
        self.invoices.push(invoice);
    }
}
