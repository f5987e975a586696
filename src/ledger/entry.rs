//! Entries: the durable outcome of an accepted command, one canonical text, one leaf of the tree (design.md 4).

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::command::{Command, Issue, Keyed, MerchantBody, PaymentBody, RefundBody, RulesBody};
use super::execute::Position;
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId};
use crate::base::{Code, Fault, Faults, LegalDate, UnixMs};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::chain::issuer::{Address, IssuerSignature};
use crate::invoice::checked::Checked;
use crate::invoice::money::Fen;
use crate::invoice::number::{InvoiceCode, InvoiceId, InvoiceNumber};

/// The version of the entry format. Another meaning needs another number.
pub const ENTRY_VERSION: u32 = 1;

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A seller was admitted.
    RegisterMerchant,
    /// Issuing rules were set.
    SetRules,
    /// A payment was recorded.
    RecordPayment,
    /// A refund was recorded.
    RecordRefund,
    /// An invoice was issued.
    Issue,
}

impl Kind {
    /// The word in the entry and in the `entries` table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RegisterMerchant => "register_merchant",
            Self::SetRules => "set_rules",
            Self::RecordPayment => "record_payment",
            Self::RecordRefund => "record_refund",
            Self::Issue => "issue",
        }
    }
}

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

    /// The draft's sum with tax.
    ///
    /// # Errors
    /// [`Code::LedgerEntryMalformed`].
    pub fn total(&self) -> Result<Fen, Fault> {
        #[derive(Deserialize)]
        struct Summed {
            total: Fen,
        }
        let Summed { total } = serde_json::from_str(self.draft.get()).map_err(|e| malformed(format!("draft: {e}")))?;
        Ok(total)
    }
}

impl Entry {
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
        match self.kind {
            Kind::RegisterMerchant => Ok(Command::RegisterMerchant(self.keyed::<MerchantBody>()?)),
            Kind::SetRules => Ok(Command::SetRules(self.keyed::<RulesBody>()?)),
            Kind::RecordPayment => Ok(Command::RecordPayment(self.body_as::<PaymentBody>()?)),
            Kind::RecordRefund => Ok(Command::RecordRefund(self.body_as::<RefundBody>()?)),
            Kind::Issue => {
                let draft = present(&self.draft, "draft")?.clone();
                draft.recheck()?;
                let issue = Issue::signed(
                    present(&self.key, "key")?.clone(),
                    *present(&self.request, "request")?,
                    draft,
                    *present(&self.issuer, "issuer")?,
                    *present(&self.signature, "signature")?,
                )?;
                Ok(Command::Issue(Box::new(issue)))
            }
        }
    }

    fn body_as<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Fault> {
        let body = present(&self.body, "body")?.clone();
        serde_json::from_value(body).map_err(|e| malformed(format!("body: {e}")))
    }

    fn keyed<T: for<'de> Deserialize<'de>>(&self) -> Result<Keyed<T>, Fault> {
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
    field.as_ref().ok_or_else(|| Fault::new(Code::LedgerEntryMalformed, name, "missing for this kind of entry"))
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
    body: &'a T,
}

/// The canonical text of an entry that carries a caller's key.
pub(super) fn keyed_text<T: Serialize>(
    at: Position<'_>,
    kind: Kind,
    merchant: Option<&MerchantId>,
    command: &Keyed<T>,
) -> Result<String, Fault> {
    let Position { chain, index, time } = at;
    let (key, request) = (Some(&command.key), Some(&command.request));
    let body = &command.body;
    canonical::to_canonical(&Frame { v: ENTRY_VERSION, chain, index, kind, time, merchant, key, request, body })
}

/// The canonical text of an entry made from a partner's notice.
pub(super) fn notice_text<T: Serialize>(
    at: Position<'_>,
    kind: Kind,
    merchant: &MerchantId,
    body: &T,
) -> Result<String, Fault> {
    let Position { chain, index, time } = at;
    let merchant = Some(merchant);
    canonical::to_canonical(&Frame {
        v: ENTRY_VERSION,
        chain,
        index,
        kind,
        time,
        merchant,
        key: None,
        request: None,
        body,
    })
}

/// The canonical text of an invoice's entry. The draft's text is spliced in, since it is canonical already and large: the
/// sequencer's thread must not walk it again (performance.md, rule 8). A test holds this equal to `to_canonical`.
pub(super) fn issue_text(
    at: Position<'_>,
    issue: &Issue,
    code: &InvoiceCode,
    number: &InvoiceNumber,
    date: LegalDate,
) -> Result<String, Fault> {
    let key = serde_json::to_string(issue.key()).map_err(|e| Fault::new(Code::Internal, "key", e.to_string()))?;
    let mut text = String::with_capacity(issue.text().len().saturating_add(640));
    // Keys in the order RFC 8785 sorts them. Ids and hex need no escapes; the idempotency key may.
    let written = write!(
        text,
        "{{\"chain\":\"{}\",\"code\":\"{code}\",\"date\":\"{date}\",\"draft\":{},\"index\":{},\"issuer\":\"{}\",\
         \"key\":{key},\"kind\":\"issue\",\"merchant\":\"{}\",\"number\":\"{number}\",\"request\":\"{}\",\
         \"signature\":\"{}\",\"time\":{},\"v\":{ENTRY_VERSION}}}",
        at.chain,
        issue.text(),
        at.index,
        issue.issuer(),
        issue.draft().merchant(),
        issue.request(),
        issue.signature(),
        at.time.0,
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
            assert_eq!(outline.total().unwrap(), issued.draft.total());
            assert_eq!(Some(outline.draft.get()), draft_slice(text));
            invoices += 1;
        }
        assert!(invoices > 0);
    }
}
