//! The desk for red letters: what is left of a blue invoice, the red draft that the rule gives for it, signed and submitted.

use serde::Serialize;

use super::issue::own_signature_missing;
use super::{Desk, Preview, Profile, Recorded, not_reserved, said_before, unknown_merchant};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::stages::Stage;
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::chain::issuer::IssuerSignature;
use crate::invoice::reversal::ReversalAsked;
use crate::invoice::{Checked, InvoiceId};
use crate::ledger::command::{Command, Issue, Reverse, Unsigned, request_hash};
use crate::ledger::record::Invoice;
use crate::ledger::reversal::Reversal;
use crate::ledger::state::Reader as _;
use crate::sequencer::Sealed;
use crate::store::Reader;

/// How often a red letter is made anew because another one of the same invoice came between. Each try loses against at least one that
/// was recorded, so that somebody always gets on.
const TRIES_MAX: usize = 3;

/// A request for a red letter.
#[derive(Debug, Clone)]
pub struct ReverseAsked {
    /// The seller.
    pub merchant: MerchantId,
    /// The caller's key.
    pub key: IdempotencyKey,
    /// The blue invoice.
    pub invoice: InvoiceId,
    /// What is to be taken back.
    pub asked: ReversalAsked,
    /// The entry that opened the confirmation sheet, where the invoice's holder had to agree.
    pub confirmation: Option<u64>,
    /// The merchant's own signature over the red draft's text; needed when its key is not in custody.
    pub signature: Option<IssuerSignature>,
}

/// What makes two requests the same.
#[derive(Serialize)]
struct Fingerprint<'a> {
    invoice: InvoiceId,
    asked: &'a ReversalAsked,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<IssuerSignature>,
}

/// A blue invoice and what became of it.
#[derive(Debug, Clone)]
pub struct Reversals {
    /// The invoice.
    pub invoice: Invoice,
    /// What was signed.
    pub blue: Checked,
    /// What has been taken back of it, per line, per rate and in all.
    pub taken: Reversal,
    /// A page of its red letters, oldest first.
    pub red: Vec<Invoice>,
}

/// Which red letters of an invoice to list.
#[derive(Debug, Clone, Copy)]
pub struct RedPage {
    /// Only those after this entry.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// What one moment of the ledger shows to whoever wants a red letter.
enum Looked {
    /// The same request led to this entry before.
    Before(u64),
    /// The red draft for what is left now.
    Red(Box<Checked>),
}

impl Desk {
    /// Reverses an invoice wholly or in part, exactly once a key.
    ///
    /// # Errors
    /// [`Code::LedgerInvoiceUnknown`] for an invoice that is not there or another merchant's; every fault of what is asked at once,
    /// with the paths of [`ReversalAsked`]; what execution refuses; [`Code::LedgerKeyReserved`]; [`Code::SeqBusy`].
    pub async fn reverse(&self, asked: ReverseAsked) -> Result<Recorded, Faults> {
        not_reserved(&asked.key)?;
        let ReverseAsked { invoice, confirmation, signature, .. } = asked;
        let request = request_hash(
            &self.chain,
            "reverse",
            &Fingerprint { invoice, asked: &asked.asked, confirmation, signature },
        )?;
        let mut profile = self.profile(&asked.merchant).await?;
        for _ in 1..TRIES_MAX {
            match self.reverse_as(&profile, &asked, request).await {
                Ok(recorded) => return Ok(recorded),
                // What the merchant signed itself only the merchant can sign anew.
                Err(faults) if signature.is_none() && came_between(&faults) => {}
                Err(faults) => profile = self.renewed(&profile, faults).await?,
            }
        }
        self.reverse_as(&profile, &asked, request).await
    }

    /// Reverses what is left now, for a merchant as it was read.
    async fn reverse_as(&self, profile: &Profile, asked: &ReverseAsked, request: Hash) -> Result<Recorded, Faults> {
        let ReverseAsked { merchant, key, invoice, asked: wanted, confirmation, signature } = asked.clone();
        let said = key.clone();
        let look = move |reader: &mut Reader<'_>| {
            if let Some(entry) = said_before(reader, merchant.as_str(), &said, &request)? {
                return Ok::<_, Faults>(Looked::Before(entry));
            }
            Ok(Looked::Red(Box::new(red_draft(reader, &merchant, invoice, &wanted)?)))
        };
        let red = match self.store.read(look).await? {
            Looked::Before(entry) => return self.recorded(Sealed::Before(entry)).await,
            Looked::Red(red) => *red,
        };
        let signed = match (signature, &profile.key) {
            (Some(signature), _) => Issue::signed(key, request, red, profile.merchant.issuer, signature)?,
            (None, Some(issuer)) => {
                Stage::Sign.measure(|| Ok::<_, Faults>(Unsigned::new(key, request, red)?.sign(issuer)))?
            }
            (None, None) => return Err(own_signature_missing("POST /v1/invoices/{id}/reversal-draft").into()),
        };
        let command = Command::Reverse(Box::new(Reverse::new(signed, confirmation)?));
        self.recorded(self.sequencer.submit(command).await?).await
    }

    /// The red draft that a red letter would be now, for a merchant that signs it itself.
    ///
    /// # Errors
    /// As [`Desk::reverse`], without those of execution.
    pub async fn preview_reversal(
        &self,
        merchant: &MerchantId,
        invoice: InvoiceId,
        asked: ReversalAsked,
    ) -> Result<Preview, Faults> {
        let merchant = merchant.clone();
        let look = move |reader: &mut Reader<'_>| {
            let known = reader.merchant(&merchant)?.ok_or_else(|| unknown_merchant(&merchant))?;
            Ok::<_, Faults>((known, red_draft(reader, &merchant, invoice, &asked)?))
        };
        let (known, red) = self.store.read(look).await?;
        Preview::of(red, known.issuer, Vec::new())
    }

    /// What has been taken back of an invoice; `None` when there is none, or none that `may_see` lets its reader see.
    ///
    /// # Errors
    /// [`Code::LedgerNotBlue`] for a red invoice; when the ledger can't be read.
    pub async fn reversals(
        &self,
        id: InvoiceId,
        page: RedPage,
        may_see: impl Fn(&MerchantId) -> bool + Send + 'static,
    ) -> Result<Option<Reversals>, Faults> {
        let look = move |reader: &mut Reader<'_>| {
            let Some(invoice) = reader.invoice(&id)?.filter(|invoice| may_see(&invoice.merchant)) else {
                return Ok::<_, Faults>(None);
            };
            let (blue, taken) = blue_and_taken(reader, &invoice)?;
            let red = reader.red_letters(invoice.entry, page.after, page.limit)?;
            Ok(Some(Reversals { invoice, blue, taken, red }))
        };
        self.store.view(look).await
    }
}

/// Whether another red letter of the invoice was recorded since it was read.
fn came_between(faults: &Faults) -> bool {
    faults.first().is_some_and(|fault| fault.code == Code::LedgerRedDiffers && fault.path == "draft")
}

/// The red draft that the rule gives for what is left of a merchant's invoice.
fn red_draft(
    reader: &mut Reader<'_>,
    merchant: &MerchantId,
    id: InvoiceId,
    asked: &ReversalAsked,
) -> Result<Checked, Faults> {
    let Some(invoice) = reader.invoice(&id)?.filter(|invoice| invoice.merchant == *merchant) else {
        // Another merchant's is "unknown" too: who has sold what is nobody else's business.
        let message = "no such invoice of this merchant was issued";
        return Err(Fault::new(Code::LedgerInvoiceUnknown, "invoice", message).into());
    };
    let (blue, taken) = blue_and_taken(reader, &invoice)?;
    blue.reverse(id, &taken.left()?, asked)
}

fn blue_and_taken(reader: &mut Reader<'_>, invoice: &Invoice) -> Result<(Checked, Reversal), Faults> {
    if invoice.blue.is_some() {
        let message = "this is a red invoice; only blue ones can be reversed";
        return Err(Fault::new(Code::LedgerNotBlue, "invoice", message).into());
    }
    let missing = || Fault::new(Code::StoreCorrupt, "", format!("entry {} has no draft", invoice.entry));
    let blue = reader.draft(invoice.entry)?.ok_or_else(missing)?;
    let taken = match reader.reversal(invoice.entry)? {
        Some(taken) => taken,
        None => Reversal::new(invoice.entry, &blue.shares()?)?,
    };
    Ok((blue, taken))
}
