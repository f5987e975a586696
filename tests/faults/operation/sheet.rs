//! Confirmation sheets: the seller or who holds the invoice opens one, the other side answers.

use serde_json::{Value, json};

use super::document::{Hold, holder, salt_of};
use super::reverse::asked;
use super::{Parties, Request, recorded};
use crate::client::{Answer, Ask};
use crate::ledger::Entry;

/// A request in the words of whoever speaks: the seller, or who has the invoice by this hold.
fn spoken(parties: &Parties, by: Option<Hold>, path: String, mut body: Value) -> Ask {
    match by {
        None => Ask::post(path).by(&parties.merchant.key).json(&body),
        Some(Hold { company, fence }) => {
            body["salt"] = json!(salt_of(company));
            body["fence"] = json!(fence);
            Ask::post(path).by(&parties.companies[company].key).json(&body)
        }
    }
}

/// Whether an entry's `by` is this side.
fn is_by(entry: &Entry, by: Option<Hold>) -> bool {
    let said = &entry.value["body"]["by"];
    match by {
        None => said["side"] == "seller",
        Some(Hold { company, fence }) => *said == json!({"side": "buyer", "holder": holder(company), "fence": fence}),
    }
}

/// A sheet is opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Open {
    pub key: String,
    pub invoice: String,
    /// How much is to be taken back, as in a red letter.
    pub part: Option<i64>,
    /// The buyer's side by its hold, or the seller.
    pub by: Option<Hold>,
    /// The hold that the opener knows of: who else has to agree.
    pub hold: Option<Hold>,
}

impl Request for Open {
    fn send(&self, parties: &Parties) -> Ask {
        let path = format!("/v1/invoices/{}/confirmations", self.invoice);
        spoken(parties, self.by, path, asked(self.part)).once(&self.key)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &[
            "INV-RED-NOTHING-LEFT",
            "INV-RED-TOTAL-TOO-LARGE",
            "LEDGER-CONFIRMATION-OPEN",
            "LEDGER-FENCE-STALE",
            "LEDGER-HOLDER-OTHER",
            "LEDGER-INVOICE-UNKNOWN",
            "LEDGER-LIFE-STATE",
        ]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let body = &entry.value["body"];
        entry.kind() == "open_confirmation"
            && body["invoice"] == self.invoice.as_str()
            && body["asked"] == asked(self.part)
            && is_by(entry, self.by)
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        match answer.json()["confirmation"] == entry.index {
            true => recorded(answer, entry),
            false => Err(format!("another sheet than entry {}", entry.index)),
        }
    }
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Agree,
    Refuse,
    Withdraw,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Refuse => "refuse",
            Self::Withdraw => "withdraw",
        }
    }
}

/// A sheet is answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    pub key: String,
    /// The entry that opened the sheet.
    pub sheet: u64,
    /// What the sheet is about.
    pub about: Box<Open>,
    pub action: Action,
    /// The buyer's side by its hold, or the seller.
    pub by: Option<Hold>,
}

impl Request for Reply {
    fn send(&self, parties: &Parties) -> Ask {
        let path = format!("/v1/confirmations/{}/answers", self.sheet);
        spoken(parties, self.by, path, json!({"action": self.action.as_str()})).once(&self.key)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &[
            "LEDGER-CONFIRMATION-STATE",
            "LEDGER-CONFIRMATION-UNKNOWN",
            "LEDGER-FENCE-STALE",
            "LEDGER-HOLDER-OTHER",
            "LEDGER-LIFE-STATE",
        ]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let body = &entry.value["body"];
        entry.kind() == "answer_confirmation"
            && body["confirmation"] == self.sheet
            && body["action"] == self.action.as_str()
            && is_by(entry, self.by)
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        recorded(answer, entry)
    }
}
