//! What the outbox asks for: bill a payment, bring an invoice into the payer's wallet and the merchant's ERP, take a reversed one out
//! of the wallet. Each may be asked for twice and has the effect of once.

use super::{Desk, IssueAsked, ON_PAYMENT};
use crate::base::ids::{IdempotencyKey, Provider, TransactionId};
use crate::base::{Code, Fault, Faults, Secret};
use crate::chain::hash::Hash;
use crate::invoice::Checked;
use crate::ledger::entry::Entry;
use crate::ledger::life::LifeState;
use crate::ledger::state::Reader as _;
use crate::parties::kingdee::billing::{Order, Paid, bill};
use crate::parties::kingdee::erp::InvoiceFacts;
use crate::parties::tencent::PROVIDER;
use crate::parties::tencent::wallet::Card;
use crate::store::StoreError;

impl Desk {
    /// Issues the invoice of a payment whose order is known; does nothing while there is none.
    ///
    /// # Errors
    /// What billing or issuing refuses: then no invoice comes by itself, and a person must look.
    pub async fn bill_payment(&self, entry: u64) -> Result<(), Faults> {
        let found = self
            .store
            .read(move |reader| {
                let Some(payment) = reader.payment_of_entry(entry)? else { return Ok::<_, Faults>(None) };
                let order = reader.order(&payment.merchant, &payment.order)?;
                Ok(order.map(|order| (payment, order)))
            })
            .await?;
        let Some((payment, order)) = found else { return Ok(()) };
        let order = Order::from_json(order.as_bytes())?;
        // A key of our own, one a payment: billing it again is the same request.
        let key = IdempotencyKey::try_from(format!("{ON_PAYMENT}{}:{}", payment.provider, payment.transaction))?;
        let paid = Paid { provider: payment.provider, transaction: payment.transaction, paid: payment.paid };
        let draft = bill(order, paid)?;
        self.issue_under(IssueAsked { merchant: payment.merchant, key, draft, signature: None }).await?;
        Ok(())
    }

    /// Brings an invoice into the card wallet of whoever paid, unless it has been reversed in full meanwhile.
    ///
    /// # Errors
    /// What the wallet refuses.
    pub async fn insert_card(&self, entry: u64) -> Result<(), Faults> {
        let life = self.store.read(move |reader| Ok::<_, Faults>(reader.life(entry)?)).await?;
        if life.is_some_and(|life| life.state == LifeState::Reversed) {
            return Ok(());
        }
        let (leaf, text) = self.entry_text(entry).await?;
        let parsed = Entry::parse(&text)?;
        let Some(issued) = parsed.issued() else { return Ok(()) };
        let Some(payment) = issued.draft.payment().filter(|payment| payment.provider.as_str() == PROVIDER) else {
            return Ok(());
        };
        let Some(openid) = self.payer(payment.provider.clone(), payment.transaction.clone()).await? else {
            return Ok(());
        };
        let card = Card {
            invoice: issued.id(),
            payee: issued.draft.seller().name.clone(),
            title: issued.draft.buyer().name.clone(),
            fee: issued.draft.total(),
            fee_without_tax: issued.draft.amount(),
            tax: issued.draft.tax(),
            billing_time: parsed.time.0.div_euclid(1000),
            check_code: leaf.check_code(),
        };
        self.parties.wallet.insert(&openid, &card)?;
        Ok(())
    }

    /// Takes the invoice that a red letter has reversed in full out of its payer's wallet (domain.md 1.13: the blue one is removed).
    ///
    /// # Errors
    /// When the entry can't be read.
    pub async fn remove_card(&self, entry: u64) -> Result<(), Faults> {
        let (_, text) = self.entry_text(entry).await?;
        let parsed = Entry::parse(&text)?;
        let Some(red) = parsed.draft.as_ref().and_then(Checked::red) else { return Ok(()) };
        let removed = self.parties.wallet.discard(red.of());
        tracing::debug!(entry.index = entry, removed, "a reversed invoice leaves the wallet");
        Ok(())
    }

    /// Brings an invoice to the merchant's ERP.
    ///
    /// # Errors
    /// What the ERP refuses.
    pub async fn push_to_erp(&self, entry: u64) -> Result<(), Faults> {
        let (leaf, text) = self.entry_text(entry).await?;
        let parsed = Entry::parse(&text)?;
        let Some(issued) = parsed.issued() else { return Ok(()) };
        let facts = InvoiceFacts {
            invoice: issued.id(),
            date: issued.date,
            check_code: &leaf.check_code(),
            checked: issued.draft,
        };
        // The request id is the entry's: a repeat is the same request.
        self.parties.erp.push(&format!("{}-{entry}", self.chain), &facts)?;
        Ok(())
    }

    async fn entry_text(&self, entry: u64) -> Result<(Hash, String), Faults> {
        let found = self.store.read(move |reader| reader.entry(entry)).await?;
        let found = found.ok_or_else(|| Fault::new(Code::StoreCorrupt, "", format!("entry {entry} is missing")))?;
        Ok((found.leaf, found.text))
    }

    async fn payer(
        &self,
        provider: Provider,
        transaction: TransactionId,
    ) -> Result<Option<Secret<String>>, StoreError> {
        let payer = self.store.read(move |reader| reader.payer(&provider, &transaction)).await?;
        Ok(payer.map(Secret::new))
    }
}
