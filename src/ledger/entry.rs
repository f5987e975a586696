//! Entries: the durable outcome of an accepted command, one canonical text, one leaf of the tree (design.md 4).

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::command::{
    AnswerConfirmationBody, Asked, BUREAU_SCOPE, ClaimBody, Command, DiscardBody, HandOverBody, HeldBody, Issue, Keyed,
    LockBody, OpenConfirmationBody, RenewBody, Reverse, RotateIssuerBody, Scoped,
};
use super::execute::Position;
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId};
use crate::base::{Code, Fault, Faults, LegalDate, UnixMs};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::chain::issuer::{Address, IssuerSignature};
use crate::invoice::checked::Checked;
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceCode, InvoiceId, InvoiceNumber};
use crate::invoice::reversal::Red;

/// The version of the entry format that is written. Another meaning needs another number. Version 1 had no `seq` and knew the first
/// five kinds only; its entries stay as they are and are read for ever.
pub const ENTRY_VERSION: u32 = 2;

pub use super::kind::Kind;

/// An entry, parsed. Which optional fields are there depends on `kind`; `Entry::command` says which.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Format version.
    pub v: u32,
    /// The chain it belongs to.
    pub chain: ChainId,
    /// Its place among all entries, from 0.
    pub index: u64,
    /// What it records.
    pub kind: Kind,
    /// The time of its block, unix ms.
    pub time: UnixMs,
    /// The merchant concerned (not for rules).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<MerchantId>,
    /// The caller's idempotency key (not for notices).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
    /// keccak256 of the canonical request (not for notices).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Hash>,
    /// Which of the merchant's own entries it is, from 1; from version 2 on wherever there is a merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The confirmation sheet that a red letter comes of: the entry that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<u64>,
    /// What was recorded (not for invoices).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Invoice code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<InvoiceCode>,
    /// Invoice number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<InvoiceNumber>,
    /// Legal date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<LegalDate>,
    /// The signed draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Checked>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Address>,
    /// The signature over the draft's canonical text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<IssuerSignature>,
}

/// The parts of an entry that are an issued invoice.
#[derive(Debug, Clone, Copy)]
pub struct Issued<'a> {
    /// 12 digits.
    pub code: &'a InvoiceCode,
    /// 8 digits.
    pub number: &'a InvoiceNumber,
    /// Legal date.
    pub date: LegalDate,
    /// What was signed.
    pub draft: &'a Checked,
    /// Who signed.
    pub issuer: &'a Address,
}

impl Issued<'_> {
    /// `<code>-<number>`.
    pub fn id(&self) -> InvoiceId {
        InvoiceId { code: *self.code, number: *self.number }
    }
}

/// An issued invoice as an answer tells it: read from its entry without taking the draft apart.
#[derive(Debug, Deserialize)]
pub struct IssuedOutline<'a> {
    /// Its entry's place among all entries.
    pub index: u64,
    /// The time of its block, unix ms.
    pub time: UnixMs,
    /// 12 digits.
    pub code: InvoiceCode,
    /// 8 digits.
    pub number: InvoiceNumber,
    /// Legal date.
    pub date: LegalDate,
    /// Who signed.
    pub issuer: Address,
    /// What was signed, as it stands in the entry.
    #[serde(borrow)]
    pub draft: &'a RawValue,
}

impl<'a> IssuedOutline<'a> {
    /// Reads an invoice's entry. Checks neither that the text is canonical nor what this outline leaves out: for entries that this
    /// program wrote.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`], also for an entry that is no invoice.
    pub fn read(entry: &'a str) -> Result<Self, Fault> {
        serde_json::from_str(entry).map_err(|e| malformed(e.to_string()))
    }

    /// `<code>-<number>`.
    pub fn id(&self) -> InvoiceId {
        InvoiceId { code: self.code, number: self.number }
    }

    /// What its face says first of all.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`].
    pub fn gist(&self) -> Result<Gist, Fault> {
        serde_json::from_str(self.draft.get()).map_err(|e| malformed(format!("draft: {e}")))
    }
}

/// The gist of a draft.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Gist {
    /// Its sum with tax.
    pub total: Fen,
    /// What it reverses, if it is a red one.
    pub red: Option<Red>,
}

impl Entry {
    /// The blue invoice whose draft executing this entry's command needs ([`super::State::know_draft`]).
    pub fn blue_invoice(&self) -> Option<InvoiceId> {
        match self.kind {
            Kind::Reverse => self.draft.as_ref().and_then(|draft| Some(draft.red()?.of())),
            Kind::OpenConfirmation => {
                self.body.as_ref().and_then(|body| InvoiceId::try_from(body.get("invoice")?.as_str()?).ok())
            }
            Kind::RegisterMerchant
            | Kind::SetRules
            | Kind::RecordPayment
            | Kind::RecordRefund
            | Kind::Issue
            | Kind::Lock
            | Kind::Renew
            | Kind::Unlock
            | Kind::Close
            | Kind::Pledge
            | Kind::Release
            | Kind::Settle
            | Kind::Claim
            | Kind::HandOver
            | Kind::Discard
            | Kind::AnswerConfirmation
            | Kind::SuspendMerchant
            | Kind::ResumeMerchant
            | Kind::RotateIssuer
            | Kind::RevokeIssuer
            | Kind::ChangeRoster
            | Kind::CloseDay
            | Kind::Restored => None,
        }
    }

    /// Reads an entry from its text. Does not check that the text is canonical.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`].
    pub fn parse(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|e| malformed(e.to_string()))
    }

    /// The invoice in it, if it is one.
    pub fn issued(&self) -> Option<Issued<'_>> {
        Some(Issued {
            code: self.code.as_ref()?,
            number: self.number.as_ref()?,
            date: self.date?,
            draft: self.draft.as_ref()?,
            issuer: self.issuer.as_ref()?,
        })
    }

    /// The command that leads to this entry, its issuer signature verified. Executing it again must give this entry again.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`] when a field of this kind is missing; [`Code::LedgerIssuerSignatureBad`]; the
    /// faults of a draft whose arithmetic does not hold.
    pub fn command(&self) -> Result<Command, Faults> {
        self.clone().into_command()
    }

    /// As [`Entry::command`], without copying the draft.
    ///
    /// # Errors
    /// As [`Entry::command`].
    pub fn into_command(mut self) -> Result<Command, Faults> {
        match self.kind {
            Kind::RegisterMerchant => Ok(Command::RegisterMerchant(self.keyed()?)),
            Kind::SetRules => Ok(Command::SetRules(self.keyed()?)),
            Kind::RecordPayment => Ok(Command::RecordPayment(self.body_as()?)),
            Kind::RecordRefund => Ok(Command::RecordRefund(self.body_as()?)),
            Kind::Issue => Ok(Command::Issue(Box::new(self.signed_draft()?))),
            Kind::Reverse => Ok(Command::Reverse(Box::new(Reverse::new(self.signed_draft()?, self.confirmation)?))),
            Kind::Lock => Ok(Command::Lock(self.keyed()?)),
            Kind::Renew => Ok(Command::Renew(self.keyed()?)),
            Kind::Unlock => Ok(Command::Unlock(self.keyed()?)),
            Kind::Close => Ok(Command::Close(self.keyed()?)),
            Kind::Pledge => Ok(Command::Pledge(self.keyed()?)),
            Kind::Release => Ok(Command::Release(self.keyed()?)),
            Kind::Settle => Ok(Command::Settle(self.keyed()?)),
            Kind::Claim => Ok(Command::Claim(self.keyed()?)),
            Kind::HandOver => Ok(Command::HandOver(self.keyed()?)),
            Kind::Discard => Ok(Command::Discard(self.keyed()?)),
            Kind::OpenConfirmation => Ok(Command::OpenConfirmation(self.keyed()?)),
            Kind::AnswerConfirmation => Ok(Command::AnswerConfirmation(self.keyed()?)),
            Kind::SuspendMerchant => Ok(Command::SuspendMerchant(self.keyed()?)),
            Kind::ResumeMerchant => Ok(Command::ResumeMerchant(self.keyed()?)),
            Kind::RotateIssuer => Ok(Command::RotateIssuer(self.keyed()?)),
            Kind::RevokeIssuer => Ok(Command::RevokeIssuer(self.keyed()?)),
            Kind::ChangeRoster => Ok(Command::ChangeRoster(self.keyed()?)),
            // The entry's body has the figures too: executing it again must find the same.
            Kind::CloseDay => Ok(Command::CloseDay(self.keyed()?)),
            Kind::Restored => Ok(Command::Restored(self.keyed()?)),
        }
    }

    /// Whose idempotency key it carries; `None` for notices, and for an entry without the fields of its kind.
    pub fn scope(&self) -> Option<String> {
        fn of<T: Scoped + DeserializeOwned>(entry: &Entry) -> Option<String> {
            Some(entry.body_as::<T>().ok()?.scope())
        }
        match self.kind {
            Kind::RecordPayment | Kind::RecordRefund => None,
            Kind::RegisterMerchant
            | Kind::SetRules
            | Kind::SuspendMerchant
            | Kind::ResumeMerchant
            | Kind::RevokeIssuer
            | Kind::ChangeRoster
            | Kind::Restored => Some(BUREAU_SCOPE.to_owned()),
            Kind::Issue | Kind::Reverse | Kind::Pledge | Kind::CloseDay => Some(self.merchant.as_ref()?.to_string()),
            Kind::Lock => of::<LockBody>(self),
            Kind::Renew => of::<RenewBody>(self),
            Kind::Unlock | Kind::Close | Kind::Release | Kind::Settle => of::<HeldBody>(self),
            Kind::Claim => of::<ClaimBody>(self),
            Kind::HandOver => of::<HandOverBody>(self),
            Kind::Discard => of::<DiscardBody>(self),
            Kind::OpenConfirmation => of::<OpenConfirmationBody>(self),
            Kind::AnswerConfirmation => of::<AnswerConfirmationBody>(self),
            Kind::RotateIssuer => of::<RotateIssuerBody>(self),
        }
    }

    fn signed_draft(&mut self) -> Result<Issue, Faults> {
        let draft = needed(self.draft.take(), "draft")?;
        draft.recheck()?;
        Issue::signed(
            present(&self.key, "key")?.clone(),
            *present(&self.request, "request")?,
            draft,
            *present(&self.issuer, "issuer")?,
            *present(&self.signature, "signature")?,
        )
    }

    /// Its body in the form of its kind.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`] when it has another form, or none.
    pub fn body_as<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(present(&self.body, "body")?).map_err(|e| malformed(format!("body: {e}")))
    }

    fn keyed<T: DeserializeOwned>(&self) -> Result<Keyed<T>, Fault> {
        Ok(Keyed {
            key: present(&self.key, "key")?.clone(),
            request: *present(&self.request, "request")?,
            body: self.body_as()?,
        })
    }
}

fn malformed(message: impl Into<String>) -> Fault {
    Fault::new(Code::LedgerEntryMalformed, "", message)
}

fn present<'a, T>(field: &'a Option<T>, name: &str) -> Result<&'a T, Fault> {
    needed(field.as_ref(), name)
}

fn needed<T>(field: Option<T>, name: &str) -> Result<T, Fault> {
    field.ok_or_else(|| Fault::new(Code::LedgerEntryMalformed, name, "missing for this kind of entry"))
}

/// The frame of every entry that is not an invoice.
#[derive(Serialize)]
struct Frame<'a, T> {
    v: u32,
    chain: &'a ChainId,
    index: u64,
    kind: Kind,
    time: UnixMs,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant: Option<&'a MerchantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a IdempotencyKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    body: &'a T,
}

/// A merchant and which of its entries this one is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// The merchant.
    pub merchant: &'a MerchantId,
    /// From 1.
    pub seq: u64,
}

impl Position<'_> {
    fn seq_of(&self, line: Option<Line<'_>>) -> Option<u64> {
        line.filter(|_| self.version > 1).map(|line| line.seq)
    }
}

/// The canonical text of an entry that is not an invoice; `asked` is left out for notices.
pub(super) fn framed_text<T: Serialize>(
    at: Position<'_>,
    kind: Kind,
    line: Option<Line<'_>>,
    asked: Option<&Asked<'_>>,
    body: &T,
) -> Result<String, Fault> {
    let Position { chain, index, time, version, .. } = at;
    let (key, request) = (asked.map(|asked| asked.key), asked.map(|asked| asked.request));
    let (merchant, seq) = (line.map(|line| line.merchant), at.seq_of(line));
    canonical::to_canonical(&Frame { v: version, chain, index, kind, time, merchant, key, request, seq, body })
}

/// What the ledger adds to a draft.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbered<'a> {
    /// `issue` or `reverse`.
    pub kind: Kind,
    /// 12 digits.
    pub code: &'a InvoiceCode,
    /// 8 digits.
    pub number: &'a InvoiceNumber,
    /// Legal date.
    pub date: LegalDate,
    /// Which of the merchant's entries it is.
    pub seq: u64,
    /// The confirmation sheet of a red letter.
    pub confirmation: Option<u64>,
}

/// The canonical text of an invoice's entry. The draft's text is spliced in, since it is canonical already and large: the
/// sequencer's thread must not walk it again (performance.md, rule 8). A test holds this equal to `to_canonical`.
pub(super) fn invoice_text(at: Position<'_>, issue: &Issue, numbered: Numbered<'_>) -> Result<String, Fault> {
    let Numbered { kind, code, number, date, seq, confirmation } = numbered;
    let key = serde_json::to_string(issue.key()).map_err(|e| Fault::new(Code::Internal, "key", e.to_string()))?;
    let line = Line { merchant: issue.draft().merchant(), seq };
    let confirmation = confirmation.map(|entry| format!("\"confirmation\":{entry},")).unwrap_or_default();
    let seq = at.seq_of(Some(line)).map(|seq| format!("\"seq\":{seq},")).unwrap_or_default();
    let mut text = String::with_capacity(issue.text().len().saturating_add(704));
    // Keys in the order RFC 8785 sorts them. Ids and hex need no escapes; the idempotency key may.
    let written = write!(
        text,
        "{{\"chain\":\"{}\",\"code\":\"{code}\",{confirmation}\"date\":\"{date}\",\"draft\":{},\"index\":{},\
         \"issuer\":\"{}\",\"key\":{key},\"kind\":\"{}\",\"merchant\":\"{}\",\"number\":\"{number}\",\
         \"request\":\"{}\",{seq}\"signature\":\"{}\",\"time\":{},\"v\":{}}}",
        at.chain,
        issue.text(),
        at.index,
        issue.issuer(),
        kind.as_str(),
        issue.draft().merchant(),
        issue.request(),
        issue.signature(),
        at.time.0,
        at.version,
    );
    written.map_err(|e| Fault::new(Code::Internal, "", e.to_string()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::receipt::draft_slice;

    #[test]
    fn an_outline_says_what_the_whole_entry_says() {
        let golden: Value = serde_json::from_str(include_str!("../../fixtures/chain/entries.json")).unwrap();
        let mut invoices = 0;
        for text in golden["entries"].as_array().unwrap().iter().map(|entry| entry["text"].as_str().unwrap()) {
            let entry = Entry::parse(text).unwrap();
            let Some(issued) = entry.issued() else {
                assert_eq!(IssuedOutline::read(text).unwrap_err().code, Code::LedgerEntryMalformed);
                continue;
            };
            let outline = IssuedOutline::read(text).unwrap();
            assert_eq!((outline.index, outline.time, outline.date), (entry.index, entry.time, issued.date));
            assert_eq!((outline.id(), outline.issuer), (issued.id(), *issued.issuer));
            assert_eq!(outline.gist().unwrap().total, issued.draft.total());
            assert_eq!(Some(outline.draft.get()), draft_slice(text));
            invoices += 1;
        }
        assert!(invoices > 0);
    }
}
