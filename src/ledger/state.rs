//! The state that commands are executed against: a cache over a [`Reader`] that remembers what was inserted and updated.
//!
//! One implementation serves both sides: the sequencer reads through to the database and takes the changes out at the end of
//! a batch; the audit starts from [`Nothing`] and holds the whole state in memory.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use super::confirmation::Confirmation;
use super::day::{Day, Journal};
use super::life::Life;
use super::record::{
    Answer, Invoice, Issuer, Merchant, Payment, Quota, Refund, RosterRecord, RulesRecord, RulesScope, Sequence,
};
use super::reversal::Reversal;
use crate::base::LegalDate;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::chain::hash::{Hash, leaf_hash};
use crate::chain::issuer::Address;
use crate::invoice::Checked;
use crate::invoice::number::InvoiceId;

pub use table::Table;

/// Declares [`Reader`] with its two implementations that follow from it: behind a reference, and over an empty ledger.
macro_rules! reader {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        /// Where present records are read from. MUST give what was committed last, and nothing newer or older.
        pub trait Reader {
            /// Why a record could not be read. A read error aborts the batch; it never means "absent".
            type Error;

            $($(#[$doc])* fn $name(&mut self, $($arg: $type),*) -> Result<$out, Self::Error>;)*
        }

        impl<R: Reader> Reader for &mut R {
            type Error = R::Error;

            $(fn $name(&mut self, $($arg: $type),*) -> Result<$out, R::Error> {
                (**self).$name($($arg),*)
            })*
        }

        impl Reader for Nothing {
            type Error = Infallible;

            $(fn $name(&mut self, $(_: $type),*) -> Result<$out, Infallible> {
                Ok(Default::default())
            })*
        }
    };
}

/// The reader of an empty ledger.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

reader! {
    /// A merchant by id.
    merchant(id: &MerchantId) -> Option<Merchant>;
    /// The merchant that has this taxpayer id.
    merchant_by_taxpayer(taxpayer_id: &str) -> Option<MerchantId>;
    /// The merchant that has this WeChat Pay number.
    merchant_by_mchid(mchid: &str) -> Option<MerchantId>;
    /// An issuer key that serves or has served a merchant.
    issuer(address: &Address) -> Option<Issuer>;
    /// The rules of a scope, for every height.
    rules(scope: &RulesScope) -> Vec<RulesRecord>;
    /// Every roster, past, present and to come.
    rosters() -> Vec<RosterRecord>;
    /// A merchant's month.
    quota(merchant: &MerchantId, month: &str) -> Option<Quota>;
    /// A merchant's journal.
    journal(merchant: &MerchantId) -> Option<Journal>;
    /// A merchant's day.
    day(merchant: &MerchantId, date: LegalDate) -> Option<Day>;
    /// A payment.
    payment(provider: &Provider, transaction: &TransactionId) -> Option<Payment>;
    /// A refund.
    refund(provider: &Provider, refund: &TransactionId) -> Option<Refund>;
    /// A number series.
    sequence(name: &str) -> Option<Sequence>;
    /// A saved answer.
    answer(scope: &str, key: &str) -> Option<Answer>;
    /// An invoice by code and number.
    invoice(id: &InvoiceId) -> Option<Invoice>;
    /// The draft in an invoice's entry.
    draft(entry: u64) -> Option<Checked>;
    /// What was taken back of a blue invoice, by its entry.
    reversal(entry: u64) -> Option<Reversal>;
    /// The life of an invoice, by its entry.
    life(entry: u64) -> Option<Life>;
    /// A confirmation sheet, by the entry that opened it.
    confirmation(entry: u64) -> Option<Confirmation>;
}

/// An invoice whose present state may have changed.
#[derive(Debug)]
pub struct Touched {
    /// Its entry.
    pub entry: u64,
    /// What was taken back of it, if anything.
    pub reversal: Option<Arc<Reversal>>,
    /// Its life, if anything has happened in it.
    pub life: Option<Arc<Life>>,
}

/// The state: records read through `R`, and the changes made since.
#[derive(Debug)]
pub struct State<R> {
    reader: R,
    by_taxpayer: BTreeMap<String, Option<MerchantId>>,
    by_mchid: BTreeMap<String, Option<MerchantId>>,
    /// Scopes whose rules have been read.
    scopes: BTreeSet<RulesScope>,
    rosters_read: bool,
    drafts: BTreeMap<u64, Option<Arc<Checked>>>,
    /// The text that the next entry is expected to have, and its leaf hash.
    expected: Option<(String, Hash)>,
    /// What the changes are.
    pub tables: Tables,
}

/// The records that were read or written, one table a kind.
#[derive(Debug, Default)]
pub struct Tables {
    /// Merchants by id.
    pub merchants: Table<MerchantId, Merchant>,
    /// Issuer keys by address.
    pub issuers: Table<Address, Issuer>,
    /// Rules by scope and the height from which they bind.
    pub rules: Table<(RulesScope, u64), RulesRecord>,
    /// Rosters by the height from which they seal.
    pub rosters: Table<u64, RosterRecord>,
    /// Quotas by merchant and month.
    pub quotas: Table<(MerchantId, String), Quota>,
    /// Journals by merchant.
    pub journals: Table<MerchantId, Journal>,
    /// Days by merchant and date.
    pub days: Table<(MerchantId, LegalDate), Day>,
    /// Payments by provider and transaction.
    pub payments: Table<(Provider, TransactionId), Payment>,
    /// Refunds by provider and refund.
    pub refunds: Table<(Provider, TransactionId), Refund>,
    /// Number series by name.
    pub sequences: Table<String, Sequence>,
    /// Saved answers by scope and key.
    pub answers: Table<(String, String), Answer>,
    /// Invoices by code and number, which is entry order within a code.
    pub invoices: Table<InvoiceId, Invoice>,
    /// What was taken back, by the blue invoice's entry.
    pub reversals: Table<u64, Reversal>,
    /// Lives by the invoice's entry.
    pub lives: Table<u64, Life>,
    /// Confirmation sheets by the entry that opened them.
    pub confirmations: Table<u64, Confirmation>,
    /// Entries of the invoices whose present state may have changed.
    touched: BTreeSet<u64>,
}

impl Default for State<Nothing> {
    fn default() -> Self {
        Self::over(Nothing)
    }
}

impl<R> Deref for State<R> {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.tables
    }
}

impl<R: Reader> State<R> {
    /// A state without changes over a reader.
    pub fn over(reader: R) -> Self {
        Self {
            reader,
            by_taxpayer: BTreeMap::new(),
            by_mchid: BTreeMap::new(),
            scopes: BTreeSet::new(),
            rosters_read: false,
            drafts: BTreeMap::new(),
            expected: None,
            tables: Tables::default(),
        }
    }

    /// Lets the reader go and keeps the records, changed or only read.
    pub fn into_tables(self) -> Tables {
        self.tables
    }

    /// A merchant by id.
    pub fn merchant(&mut self, id: &MerchantId) -> Result<Option<Arc<Merchant>>, R::Error> {
        self.tables.merchants.get(id, || self.reader.merchant(id))
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

    /// An issuer key that serves or has served a merchant.
    pub fn issuer(&mut self, address: &Address) -> Result<Option<Arc<Issuer>>, R::Error> {
        self.tables.issuers.get(address, || self.reader.issuer(address))
    }

    /// The rules that bind a merchant in a block: its own, else those of all.
    pub fn rules_for(&mut self, merchant: &MerchantId, height: u64) -> Result<Option<Arc<RulesRecord>>, R::Error> {
        match self.rules_of(&RulesScope::Merchant(merchant.clone()), height)? {
            Some(rules) => Ok(Some(rules)),
            None => self.rules_of(&RulesScope::All, height),
        }
    }

    /// The rules of exactly this scope that are in force in a block.
    pub fn rules_of(&mut self, scope: &RulesScope, height: u64) -> Result<Option<Arc<RulesRecord>>, R::Error> {
        if !self.scopes.contains(scope) {
            for rules in self.reader.rules(scope)? {
                self.tables.rules.known((scope.clone(), rules.from_height), rules);
            }
            self.scopes.insert(scope.clone());
        }
        Ok(self.tables.rules.last_in((scope.clone(), 0)..=(scope.clone(), height)))
    }

    /// The roster that seals a height; `None` before the chain is founded.
    pub fn roster_at(&mut self, height: u64) -> Result<Option<Arc<RosterRecord>>, R::Error> {
        if !self.rosters_read {
            for record in self.reader.rosters()? {
                self.tables.rosters.known(record.from_height, record);
            }
            self.rosters_read = true;
        }
        Ok(self.tables.rosters.last_in(0..=height))
    }

    /// A merchant's month.
    pub fn quota(&mut self, merchant: &MerchantId, month: &str) -> Result<Option<Arc<Quota>>, R::Error> {
        let key = (merchant.clone(), month.to_owned());
        self.tables.quotas.get(&key, || self.reader.quota(merchant, month))
    }

    /// A merchant's journal; `None` before its first entry.
    pub fn journal(&mut self, merchant: &MerchantId) -> Result<Option<Arc<Journal>>, R::Error> {
        self.tables.journals.get(merchant, || self.reader.journal(merchant))
    }

    /// A merchant's day; `None` when nothing has happened on it.
    pub fn day(&mut self, merchant: &MerchantId, date: LegalDate) -> Result<Option<Arc<Day>>, R::Error> {
        let key = (merchant.clone(), date);
        self.tables.days.get(&key, || self.reader.day(merchant, date))
    }

    /// A payment.
    pub fn payment(
        &mut self,
        provider: &Provider,
        transaction: &TransactionId,
    ) -> Result<Option<Arc<Payment>>, R::Error> {
        let key = (provider.clone(), transaction.clone());
        self.tables.payments.get(&key, || self.reader.payment(provider, transaction))
    }

    /// A refund.
    pub fn refund(&mut self, provider: &Provider, refund: &TransactionId) -> Result<Option<Arc<Refund>>, R::Error> {
        let key = (provider.clone(), refund.clone());
        self.tables.refunds.get(&key, || self.reader.refund(provider, refund))
    }

    /// How many numbers a series has given out.
    pub fn issued(&mut self, name: &str) -> Result<i64, R::Error> {
        let found = self.tables.sequences.get(&name.to_owned(), || self.reader.sequence(name))?;
        Ok(found.map_or(0, |sequence| sequence.issued))
    }

    /// A saved answer.
    pub fn answer(&mut self, scope: &str, key: &str) -> Result<Option<Arc<Answer>>, R::Error> {
        let at = (scope.to_owned(), key.to_owned());
        self.tables.answers.get(&at, || self.reader.answer(scope, key))
    }

    /// An invoice.
    pub fn invoice(&mut self, id: &InvoiceId) -> Result<Option<Arc<Invoice>>, R::Error> {
        self.tables.invoices.get(id, || self.reader.invoice(id))
    }

    /// The draft in the entry of an invoice that is in a block already; `None` for one that was issued since the state was made,
    /// unless [`State::know_draft`] has told it.
    pub fn draft(&mut self, entry: u64) -> Result<Option<Arc<Checked>>, R::Error> {
        if let Some(known) = self.drafts.get(&entry) {
            return Ok(known.clone());
        }
        let found = self.reader.draft(entry)?.map(Arc::new);
        self.drafts.insert(entry, found.clone());
        Ok(found)
    }

    /// Tells the draft in an invoice's entry, in place of the reader; it is forgotten when another is told.
    pub fn know_draft(&mut self, entry: u64, draft: Checked) {
        self.drafts.clear();
        self.drafts.insert(entry, Some(Arc::new(draft)));
    }

    /// Tells the text that the next entry is expected to have, with its leaf hash, which then need not be computed again.
    pub fn expect_entry(&mut self, text: String, leaf: Hash) {
        self.expected = Some((text, leaf));
    }

    /// Takes back what was told last.
    pub fn take_expected(&mut self) -> Option<(String, Hash)> {
        self.expected.take()
    }

    /// The leaf hash of an entry's text.
    pub(super) fn leaf_of(&self, text: &str) -> Hash {
        let known = self.expected.as_ref().filter(|(expected, _)| expected == text);
        known.map_or_else(|| leaf_hash(text), |(_, leaf)| *leaf)
    }

    /// What was taken back of a blue invoice; `None` before its first red letter.
    pub fn reversal(&mut self, entry: u64) -> Result<Option<Arc<Reversal>>, R::Error> {
        self.tables.reversals.get(&entry, || self.reader.reversal(entry))
    }

    /// The life of an invoice so far, with a lock whose lease may have ended ([`Life::at`]).
    pub fn life(&mut self, entry: u64) -> Result<Arc<Life>, R::Error> {
        let found = self.tables.lives.get(&entry, || self.reader.life(entry))?;
        Ok(found.unwrap_or_else(|| Arc::new(Life::new(entry))))
    }

    /// A confirmation sheet.
    pub fn confirmation(&mut self, entry: u64) -> Result<Option<Arc<Confirmation>>, R::Error> {
        self.tables.confirmations.get(&entry, || self.reader.confirmation(entry))
    }

    /// The invoices, by entry, whose present state may have changed since this was asked last; with what was taken back of each and
    /// its life, as far as there is any. Entries from `new` on are new: nothing about them is read.
    ///
    /// # Errors
    /// That of the reader.
    pub fn take_touched(&mut self, new: u64) -> Result<Vec<Touched>, R::Error> {
        let touched = std::mem::take(&mut self.tables.touched);
        let told = touched.into_iter().map(|entry| {
            if entry >= new {
                let (reversal, life) = (self.tables.reversals.at_hand(&entry), self.tables.lives.at_hand(&entry));
                return Ok(Touched { entry, reversal, life });
            }
            let life = self.tables.lives.get(&entry, || self.reader.life(entry))?;
            Ok(Touched { entry, reversal: self.reversal(entry)?, life })
        });
        told.collect()
    }

    /// Writes a merchant, new or changed.
    pub fn put_merchant(&mut self, merchant: Merchant) {
        self.by_taxpayer.insert(merchant.seller.taxpayer_id.clone(), Some(merchant.id.clone()));
        if let Some(mchid) = &merchant.mchid {
            self.by_mchid.insert(mchid.clone(), Some(merchant.id.clone()));
        }
        self.tables.merchants.put(merchant.id.clone(), merchant);
    }

    /// Writes an issuer key.
    pub fn put_issuer(&mut self, issuer: Issuer) {
        self.tables.issuers.put(issuer.address, issuer);
    }

    /// Writes rules. Those of the scope MUST have been read before.
    pub fn put_rules(&mut self, rules: RulesRecord) {
        self.tables.rules.put((rules.scope.clone(), rules.from_height), rules);
    }

    /// Writes a roster. The others MUST have been read before, unless this is the first.
    pub fn put_roster(&mut self, record: RosterRecord) {
        self.rosters_read = true;
        self.tables.rosters.put(record.from_height, record);
    }

    /// Writes a quota.
    pub fn put_quota(&mut self, quota: Quota) {
        self.tables.quotas.put((quota.merchant.clone(), quota.month.clone()), quota);
    }

    /// Writes a journal.
    pub fn put_journal(&mut self, journal: Journal) {
        self.tables.journals.put(journal.merchant.clone(), journal);
    }

    /// Writes a day.
    pub fn put_day(&mut self, day: Day) {
        self.tables.days.put((day.merchant.clone(), day.date), day);
    }

    /// Writes a payment.
    pub fn put_payment(&mut self, payment: Payment) {
        self.tables.payments.put((payment.provider.clone(), payment.transaction.clone()), payment);
    }

    /// Writes a refund.
    pub fn put_refund(&mut self, refund: Refund) {
        self.tables.refunds.put((refund.provider.clone(), refund.refund.clone()), refund);
    }

    /// Writes how far a series has got.
    pub fn put_issued(&mut self, name: &str, issued: i64) {
        self.tables.sequences.put(name.to_owned(), Sequence { name: name.to_owned(), issued });
    }

    /// Saves an answer.
    pub fn put_answer(&mut self, answer: Answer) {
        self.tables.answers.put((answer.scope.clone(), answer.key.clone()), answer);
    }

    /// Writes a new invoice.
    pub fn put_invoice(&mut self, invoice: Invoice) {
        self.tables.touched.insert(invoice.entry);
        self.tables.invoices.put(invoice.id(), invoice);
    }

    /// Writes what was taken back of an invoice.
    pub fn put_reversal(&mut self, reversal: Reversal) {
        self.tables.touched.insert(reversal.entry);
        self.tables.reversals.put(reversal.entry, reversal);
    }

    /// Writes a life. It MUST have been read before.
    pub fn put_life(&mut self, life: Life) {
        self.tables.touched.insert(life.entry);
        self.tables.lives.put(life.entry, life);
    }

    /// Writes a confirmation sheet.
    pub fn put_confirmation(&mut self, confirmation: Confirmation) {
        self.tables.confirmations.put(confirmation.entry, confirmation);
    }
}
