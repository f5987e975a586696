//! The wallet desk: claim links for merchants to give to their payers, and what whoever has such a link, or the invoice, asks for.
//!
//! These doors stand open to everybody. Who has not the token or the salt learns nothing: an invoice that is not there and one that is
//! somebody else's are answered alike.

use super::{Desk, Recorded};
use crate::base::ids::{IdempotencyKey, MerchantId, Provider, TransactionId};
use crate::base::{Code, Fault, Faults, Secret};
use crate::chain::hash::Hash;
use crate::invoice::InvoiceId;
use crate::ledger::command::{ClaimBody, Command, DiscardBody, HandOverBody, Keyed, Scoped, request_hash};
use crate::ledger::entry::Kind;
use crate::ledger::life::WalletState;
use crate::ledger::record::Invoice;
use crate::ledger::state::Reader as _;
use crate::parties::tencent::claim::Claimable;

/// A request to claim.
#[derive(Debug, Clone)]
pub struct ClaimAsked {
    /// What is claimed.
    pub invoice: InvoiceId,
    /// The token of its claim link.
    pub token: Secret<String>,
    /// Commitment to the claimer.
    pub holder: Hash,
}

/// What a merchant gives to its payer. Whoever has it can claim, once.
#[derive(Debug, Clone)]
pub struct ClaimLink {
    /// What can be claimed.
    pub claimable: Claimable,
    /// The token.
    pub token: Secret<String>,
}

/// What a claim token is for: the payment, so that the payer can have the link before the invoice is there, or the invoice itself.
fn claimable_of(invoice: &Invoice) -> Claimable {
    match &invoice.payment {
        Some((provider, transaction)) => Claimable::Payment(provider.clone(), transaction.clone()),
        None => Claimable::Invoice(invoice.id()),
    }
}

impl Desk {
    /// The claim link of a merchant's blue invoice; `None` when there is no such invoice of this merchant.
    ///
    /// # Errors
    /// [`Code::LedgerNotBlue`]; when the store can't be read.
    pub async fn claim_link(&self, merchant: &MerchantId, id: InvoiceId) -> Result<Option<ClaimLink>, Faults> {
        let found = self.store.view(move |reader| Ok::<_, Faults>(reader.invoice(&id)?)).await?;
        let Some(invoice) = found.filter(|invoice| invoice.merchant == *merchant) else { return Ok(None) };
        if invoice.blue.is_some() {
            return Err(Fault::new(Code::LedgerNotBlue, "id", format!("{id} is a red invoice")).into());
        }
        Ok(Some(self.link_to(claimable_of(&invoice))))
    }

    /// The claim link of a merchant's payment, for whatever is invoiced of it; `None` when there is no such payment of this merchant.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn claim_link_of_payment(
        &self,
        merchant: &MerchantId,
        provider: Provider,
        transaction: TransactionId,
    ) -> Result<Option<ClaimLink>, Faults> {
        let wanted = (provider.clone(), transaction.clone());
        let found = self.store.view(move |reader| Ok::<_, Faults>(reader.payment(&wanted.0, &wanted.1)?)).await?;
        let payment = found.filter(|payment| payment.merchant == *merchant);
        Ok(payment.map(|_| self.link_to(Claimable::Payment(provider, transaction))))
    }

    fn link_to(&self, claimable: Claimable) -> ClaimLink {
        let token = self.parties.claims.token(&self.chain, &claimable);
        ClaimLink { claimable, token }
    }

    /// Claims an invoice for whoever has its token.
    ///
    /// # Errors
    /// [`Code::LedgerClaimToken`] for a wrong token and for an invoice that is not there; what execution refuses.
    pub async fn claim(&self, key: IdempotencyKey, asked: ClaimAsked) -> Result<Recorded, Faults> {
        let ClaimAsked { invoice: id, token, holder } = asked;
        let found = self.store.read(move |reader| Ok::<_, Faults>(reader.invoice(&id)?)).await?;
        // The same work either way.
        let claimable = found.as_ref().map_or(Claimable::Invoice(id), claimable_of);
        let fits = self.parties.claims.fits(&self.chain, &claimable, &token);
        if !fits || found.is_none() {
            let message = "this is not the claim token of this invoice";
            return Err(Fault::new(Code::LedgerClaimToken, "token", message).into());
        }
        let body = ClaimBody { invoice: id, holder };
        let request = request_hash(&self.chain, Kind::Claim.as_str(), &body)?;
        let sealed = self.sequencer.submit(Command::Claim(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }

    /// Passes a claimed invoice on.
    ///
    /// # Errors
    /// [`Code::LedgerHolderOther`] for whoever has it not, also where it is not there; what execution refuses.
    pub async fn hand_over(&self, key: IdempotencyKey, body: HandOverBody) -> Result<Recorded, Faults> {
        let request = request_hash(&self.chain, Kind::HandOver.as_str(), &body)?;
        let keyed = Keyed { key, request, body };
        match self.in_wallet_of(keyed.body.invoice, keyed.body.holder).await? {
            true => {
                let sealed = self.sequencer.submit(Command::HandOver(keyed)).await?;
                self.recorded(sealed).await
            }
            false => self.said_before(&keyed).await,
        }
    }

    /// Throws a claimed invoice away.
    ///
    /// # Errors
    /// As [`Desk::hand_over`].
    pub async fn discard(&self, key: IdempotencyKey, body: DiscardBody) -> Result<Recorded, Faults> {
        let request = request_hash(&self.chain, Kind::Discard.as_str(), &body)?;
        let keyed = Keyed { key, request, body };
        match self.in_wallet_of(keyed.body.invoice, keyed.body.holder).await? {
            true => {
                let sealed = self.sequencer.submit(Command::Discard(keyed)).await?;
                self.recorded(sealed).await
            }
            false => self.said_before(&keyed).await,
        }
    }

    async fn in_wallet_of(&self, id: InvoiceId, holder: Hash) -> Result<bool, Faults> {
        self.store
            .read(move |reader| {
                let Some(invoice) = reader.invoice(&id)? else { return Ok::<_, Faults>(false) };
                let life = reader.life(invoice.entry)?;
                Ok(life.is_some_and(|life| life.wallet == WalletState::Claimed && life.wallet_holder == Some(holder)))
            })
            .await
    }

    /// The first answer, for a holder that has it no more because of this very request; anybody else is refused.
    async fn said_before<T: Scoped>(&self, keyed: &Keyed<T>) -> Result<Recorded, Faults> {
        let before = self.answered_before(&keyed.body.scope(), &keyed.key, keyed.request).await?;
        before.ok_or_else(|| {
            let message = "the invoice is not in this holder's wallet, or the salt is another";
            Fault::new(Code::LedgerHolderOther, "holder", message).into()
        })
    }
}
