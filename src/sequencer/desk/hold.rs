//! The reimbursement desk: companies lock, book and give back; sellers pledge, financiers release and settle.
//!
//! Numbers run city-wide and can be guessed, so the registry answers nobody about an invoice that is not theirs: who locks must have the
//! document (its printed hash), and who goes on with a hold must be who took it with that fence. Both are looked up here, before
//! execution could tell anything; neither ever changes, so repeats come to the same.

use super::{Desk, Recorded, not_reserved};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::secret::constant_time_eq;
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::Hash;
use crate::invoice::InvoiceId;
use crate::ledger::command::{Command, HeldBody, Keyed, LockBody, PledgeBody, RenewBody, request_hash};
use crate::ledger::entry::{Entry, Kind};
use crate::ledger::life::BATCH_INVOICES_MAX;

/// An invoice as whoever has its document names it.
#[derive(Debug, Clone)]
pub struct Document {
    /// Code and number.
    pub id: InvoiceId,
    /// The hash printed on it.
    pub hash: Hash,
}

/// A request to lock.
#[derive(Debug, Clone)]
pub struct LockAsked {
    /// 1 to [`BATCH_INVOICES_MAX`], each once.
    pub documents: Vec<Document>,
    /// Commitment to the company.
    pub holder: Hash,
    /// How long the lock is to hold, ms of block time.
    pub lease_ms: i64,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The company gives the invoices back.
    Unlock,
    /// The company books them.
    Close,
    /// The financier gives them back unpaid.
    Release,
    /// The financier was paid.
    Settle,
}

impl Ending {
    /// The kind of entry that it makes.
    fn kind(self) -> Kind {
        match self {
            Self::Unlock => Kind::Unlock,
            Self::Close => Kind::Close,
            Self::Release => Kind::Release,
            Self::Settle => Kind::Settle,
        }
    }

    /// The kind of entry that took what it ends.
    fn taken_by(self) -> Kind {
        match self {
            Self::Unlock | Self::Close => Kind::Lock,
            Self::Release | Self::Settle => Kind::Pledge,
        }
    }
}

/// A hold that was taken or prolonged.
#[derive(Debug, Clone)]
pub struct Held {
    /// The entry.
    pub recorded: Recorded,
    /// What the holder must name from now on.
    pub fence: u64,
    /// When it ends by itself, unix ms of block time; a pledge does not.
    pub lease_until: Option<UnixMs>,
}

impl Desk {
    /// Locks invoices for a company, all or none.
    ///
    /// # Errors
    /// [`Code::LedgerBatch`]; [`Code::LedgerInvoiceUnknown`] for a number or a hash that is not there, the same for both; what
    /// execution refuses.
    pub async fn lock(&self, key: IdempotencyKey, asked: LockAsked) -> Result<Held, Faults> {
        let LockAsked { documents, holder, lease_ms } = asked;
        self.has_documents(&documents).await?;
        let invoices = documents.into_iter().map(|document| document.id).collect();
        let body = LockBody { invoices, holder, lease_ms };
        let request = request_hash(&self.chain, Kind::Lock.as_str(), &body)?;
        let sealed = self.sequencer.submit(Command::Lock(Keyed { key, request, body })).await?;
        let recorded = self.recorded(sealed).await?;
        let fence = recorded.receipt.index;
        Ok(Held { lease_until: Some(lease_end(&recorded, lease_ms)?), recorded, fence })
    }

    /// Prolongs a lock: its lease ends `lease_ms` after this entry's block.
    ///
    /// # Errors
    /// [`Code::LedgerBatch`]; [`Code::LedgerFenceStale`] and [`Code::LedgerHolderOther`] where it is not this holder's lock; what
    /// execution refuses.
    pub async fn renew(&self, key: IdempotencyKey, body: RenewBody) -> Result<Held, Faults> {
        self.is_hold_of(&body.invoices, body.holder, body.fence, Kind::Lock).await?;
        let (fence, lease_ms) = (body.fence, body.lease_ms);
        let request = request_hash(&self.chain, Kind::Renew.as_str(), &body)?;
        let sealed = self.sequencer.submit(Command::Renew(Keyed { key, request, body })).await?;
        let recorded = self.recorded(sealed).await?;
        Ok(Held { lease_until: Some(lease_end(&recorded, lease_ms)?), recorded, fence })
    }

    /// Ends a hold of some or all of its invoices.
    ///
    /// # Errors
    /// As [`Desk::renew`].
    pub async fn end_hold(&self, key: IdempotencyKey, ending: Ending, body: HeldBody) -> Result<Recorded, Faults> {
        self.is_hold_of(&body.invoices, body.holder, body.fence, ending.taken_by()).await?;
        let request = request_hash(&self.chain, ending.kind().as_str(), &body)?;
        let keyed = Keyed { key, request, body };
        let command = match ending {
            Ending::Unlock => Command::Unlock(keyed),
            Ending::Close => Command::Close(keyed),
            Ending::Release => Command::Release(keyed),
            Ending::Settle => Command::Settle(keyed),
        };
        let sealed = self.sequencer.submit(command).await?;
        self.recorded(sealed).await
    }

    /// Pledges a merchant's invoice to a financier.
    ///
    /// # Errors
    /// [`Code::LedgerInvoiceUnknown`] for an invoice that is not this merchant's, as for one that is not there; what execution refuses.
    pub async fn pledge(&self, key: IdempotencyKey, body: PledgeBody) -> Result<Held, Faults> {
        not_reserved(&key)?;
        self.is_invoice_of(&body.merchant, body.invoice).await?;
        let request = request_hash(&self.chain, Kind::Pledge.as_str(), &body)?;
        let sealed = self.sequencer.submit(Command::Pledge(Keyed { key, request, body })).await?;
        let recorded = self.recorded(sealed).await?;
        Ok(Held { fence: recorded.receipt.index, recorded, lease_until: None })
    }

    /// Whether every document is that of an invoice.
    async fn has_documents(&self, documents: &[Document]) -> Result<(), Faults> {
        is_batch(documents.len())?;
        let wanted = documents.to_vec();
        let stranger = self
            .store
            .read(move |reader| {
                for (place, document) in wanted.iter().enumerate() {
                    let invoice = reader.invoice(&document.id)?;
                    let entry = invoice.map(|invoice| reader.entry(invoice.entry)).transpose()?.flatten();
                    let fits = |leaf: &Hash| constant_time_eq(leaf.as_bytes(), document.hash.as_bytes());
                    if !entry.is_some_and(|entry| fits(&entry.leaf)) {
                        return Ok::<_, Faults>(Some((place, document.id)));
                    }
                }
                Ok(None)
            })
            .await?;
        let Some((place, id)) = stranger else { return Ok(()) };
        let message = format!("no invoice {id} with this hash was issued");
        Err(Fault::new(Code::LedgerInvoiceUnknown, format!("invoices[{place}]"), message).into())
    }

    /// Whether the entry `fence` took all these invoices for this holder. Whether it still has them, execution decides.
    async fn is_hold_of(&self, invoices: &[InvoiceId], holder: Hash, fence: u64, taken_by: Kind) -> Result<(), Faults> {
        is_batch(invoices.len())?;
        let found = self.store.read(move |reader| Ok::<_, Faults>(reader.entry(fence)?)).await?;
        let entry = found.map(|entry| Entry::parse(&entry.text)).transpose()?.filter(|entry| entry.kind == taken_by);
        let Some((taken, by)) = entry.as_ref().and_then(taken_in) else {
            let message = format!("no such hold has the fence {fence}");
            return Err(Fault::new(Code::LedgerFenceStale, "fence", message).into());
        };
        if by != holder {
            let message = "the hold with this fence is somebody else's, or the salt is another";
            return Err(Fault::new(Code::LedgerHolderOther, "salt", message).into());
        }
        if let Some(place) = invoices.iter().position(|id| !taken.contains(id)) {
            let message = format!("the hold with the fence {fence} does not have this invoice");
            return Err(Fault::new(Code::LedgerFenceStale, format!("invoices[{place}]"), message).into());
        }
        Ok(())
    }

    async fn is_invoice_of(&self, merchant: &MerchantId, id: InvoiceId) -> Result<(), Faults> {
        let found = self.store.read(move |reader| Ok::<_, Faults>(reader.invoice(&id)?)).await?;
        if found.is_some_and(|invoice| invoice.merchant == *merchant) {
            return Ok(());
        }
        let message = format!("no invoice {id} of this merchant was issued");
        Err(Fault::new(Code::LedgerInvoiceUnknown, "invoice", message).into())
    }
}

/// Refuses here what would cost as many look-ups as somebody likes to write down.
fn is_batch(invoices: usize) -> Result<(), Fault> {
    if (1..=BATCH_INVOICES_MAX).contains(&invoices) {
        return Ok(());
    }
    let message = format!("1 to {BATCH_INVOICES_MAX} invoices, each once");
    Err(Fault::new(Code::LedgerBatch, "invoices", message))
}

/// The invoices that a lock or a pledge took, and for whom; `None` for any other entry.
fn taken_in(entry: &Entry) -> Option<(Vec<InvoiceId>, Hash)> {
    let body = entry.body.clone()?;
    if entry.kind == Kind::Lock {
        let body: LockBody = serde_json::from_value(body).ok()?;
        return Some((body.invoices, body.holder));
    }
    if entry.kind == Kind::Pledge {
        let body: PledgeBody = serde_json::from_value(body).ok()?;
        return Some((vec![body.invoice], body.holder));
    }
    None
}

/// When a lease of this entry ends: the same for a repeat, since it is counted from the entry.
fn lease_end(recorded: &Recorded, lease_ms: i64) -> Result<UnixMs, Faults> {
    let time = Entry::parse(&recorded.receipt.entry)?.time;
    let end = time.0.checked_add(lease_ms).map(UnixMs);
    end.ok_or_else(|| Fault::new(Code::Internal, "", "a recorded lease without an end").into())
}
