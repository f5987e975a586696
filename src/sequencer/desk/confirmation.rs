//! The desk for confirmation sheets: opened and answered by the seller or the buyer's side, seen by both and by nobody else.

use super::{Desk, Recorded, not_reserved};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::Hash;
use crate::invoice::InvoiceId;
use crate::ledger::command::{AnswerConfirmationBody, Command, Keyed, OpenConfirmationBody, Side, request_hash};
use crate::ledger::confirmation::{Confirmation, SheetState};
use crate::ledger::entry::IssuedOutline;
use crate::ledger::state::Reader as _;
use crate::store::{ConfirmationFilter, Reader};

/// A sheet as it stands now.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// What is recorded of it.
    pub sheet: Confirmation,
    /// Where it stands by now: nobody need have said so for its time to be over.
    pub state: SheetState,
    /// The blue invoice.
    pub invoice: InvoiceId,
    /// The red letter that came of it.
    pub red: Option<InvoiceId>,
}

/// Who wants to see a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Its seller, if it is this merchant.
    Seller(MerchantId),
    /// Its buyer's side: whoever knows the commitment of who has spoken on it, holds the invoice, or has it in the wallet.
    Buyer(Hash),
    /// The bureau or an auditor: they see every sheet.
    Office,
}

impl Desk {
    /// Opens a sheet.
    ///
    /// # Errors
    /// [`Code::LedgerInvoiceUnknown`] for an invoice that is not there, another merchant's, or neither held by this holder nor in its
    /// wallet: the same answer, so that numbers can't be tried out. The faults of what is asked, with the paths of the body; what
    /// execution refuses.
    pub async fn open_confirmation(&self, key: IdempotencyKey, body: OpenConfirmationBody) -> Result<Recorded, Faults> {
        own_key(&key, &body.by)?;
        let request = request_hash(&self.chain, "open_confirmation", &body)?;
        let (by, invoice) = (body.by.clone(), body.invoice);
        let command = Command::OpenConfirmation(Keyed { key, request, body });
        match self.sequencer.submit(command).await {
            Ok(sealed) => self.recorded(sealed).await,
            Err(faults) => {
                let known = self.is_holder(by, move |reader| Ok(reader.invoice(&invoice)?.map(|it| it.entry))).await?;
                let message = "no such invoice is this caller's to speak about";
                Err(hidden(faults, known, Fault::new(Code::LedgerInvoiceUnknown, "invoice", message)))
            }
        }
    }

    /// Answers a sheet.
    ///
    /// # Errors
    /// [`Code::LedgerConfirmationUnknown`] for a sheet that is not there or not this caller's to answer; what execution refuses.
    pub async fn answer_confirmation(
        &self,
        key: IdempotencyKey,
        body: AnswerConfirmationBody,
    ) -> Result<Recorded, Faults> {
        own_key(&key, &body.by)?;
        let request = request_hash(&self.chain, "answer_confirmation", &body)?;
        let (by, sheet) = (body.by.clone(), body.confirmation);
        let command = Command::AnswerConfirmation(Keyed { key, request, body });
        match self.sequencer.submit(command).await {
            Ok(sealed) => self.recorded(sealed).await,
            Err(faults) => {
                let known =
                    self.is_holder(by, move |reader| Ok(reader.confirmation(sheet)?.map(|it| it.invoice))).await?;
                let message = "there is no such sheet, or none that is this caller's to answer";
                Err(hidden(faults, known, Fault::new(Code::LedgerConfirmationUnknown, "confirmation", message)))
            }
        }
    }

    /// Whether who speaks has to do with the invoice, so that it may hear why it was refused. A seller hears nothing of others' anyway.
    async fn is_holder(
        &self,
        by: Side,
        invoice: impl FnOnce(&mut Reader<'_>) -> Result<Option<u64>, Faults> + Send + 'static,
    ) -> Result<bool, Faults> {
        let holder = match by {
            Side::Seller { .. } => return Ok(true),
            Side::Buyer { holder, .. } => holder,
        };
        let look = move |reader: &mut Reader<'_>| {
            let Some(entry) = invoice(reader)? else { return Ok(false) };
            let life = reader.life(entry)?;
            Ok::<_, Faults>(life.is_some_and(|life| [life.holder, life.wallet_holder].contains(&Some(holder))))
        };
        self.store.read(look).await
    }

    /// A sheet as it stands now; `None` when there is none, or none that this viewer may see.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn sheet(&self, entry: u64, viewer: Viewer) -> Result<Option<Sheet>, Faults> {
        let now = self.clock.now();
        let look = move |reader: &mut Reader<'_>| {
            let Some(sheet) = reader.confirmation(entry)? else { return Ok::<_, Faults>(None) };
            let may_see = match &viewer {
                Viewer::Office => true,
                Viewer::Seller(merchant) => sheet.merchant == *merchant,
                Viewer::Buyer(holder) => {
                    let holder = Some(*holder);
                    let life = reader.life(sheet.invoice)?.map(|life| life.at(now));
                    sheet.buyer == holder
                        || life.is_some_and(|life| [life.holder, life.wallet_holder].contains(&holder))
                }
            };
            if !may_see {
                return Ok(None);
            }
            Sheet::at(reader, sheet, now).map(Some)
        };
        self.store.view(look).await
    }

    /// Sheets of a merchant, newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn sheets(&self, filter: ConfirmationFilter) -> Result<Vec<Sheet>, Faults> {
        let now = self.clock.now();
        let look = move |reader: &mut Reader<'_>| {
            let found = reader.confirmations(&filter)?;
            found.into_iter().map(|sheet| Sheet::at(reader, sheet, now)).collect::<Result<Vec<_>, Faults>>()
        };
        self.store.view(look).await
    }
}

impl Sheet {
    /// A sheet as it stands at a time.
    fn at(reader: &mut Reader<'_>, sheet: Confirmation, time: UnixMs) -> Result<Self, Faults> {
        let (state, invoice) = (sheet.state_at(time), id_of(reader, sheet.invoice)?);
        let red = sheet.red.map(|red| id_of(reader, red)).transpose()?;
        Ok(Self { sheet, state, invoice, red })
    }
}

/// A seller's key may not be one of the service's own; holders have a scope of their own.
fn own_key(key: &IdempotencyKey, by: &Side) -> Result<(), Fault> {
    match by {
        Side::Seller { .. } => not_reserved(key),
        Side::Buyer { .. } => Ok(()),
    }
}

/// The faults, or to a stranger what it would hear if there were nothing.
fn hidden(faults: Faults, known: bool, nothing: Fault) -> Faults {
    let telling = [
        Code::LedgerInvoiceUnknown,
        Code::LedgerNotBlue,
        Code::LedgerConfirmationUnknown,
        Code::LedgerHolderOther,
        Code::LedgerFenceStale,
    ];
    let tells = faults.first().is_some_and(|fault| telling.contains(&fault.code));
    let absent = [Code::LedgerInvoiceUnknown, Code::LedgerConfirmationUnknown];
    let absent = faults.first().is_some_and(|fault| absent.contains(&fault.code));
    if absent || (tells && !known) { nothing.into() } else { faults }
}

/// Code and number of the invoice in an entry.
fn id_of(reader: &mut Reader<'_>, entry: u64) -> Result<InvoiceId, Faults> {
    let missing = || Fault::new(Code::StoreCorrupt, "", format!("entry {entry} is missing"));
    Ok(IssuedOutline::read(&reader.entry(entry)?.ok_or_else(missing)?.text)?.id())
}
