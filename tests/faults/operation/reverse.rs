//! A merchant takes an invoice back, all that is left of it or a part.

use serde_json::{Value, json};

use super::document::id_in;
use super::{Parties, Request, recorded};
use crate::client::{Answer, Ask};
use crate::ledger::Entry;

/// A red letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reverse {
    pub key: String,
    /// The blue invoice.
    pub invoice: String,
    /// How much of its line; nothing for all that is left.
    pub part: Option<i64>,
    /// The sheet on which its holder agreed.
    pub confirmation: Option<u64>,
}

impl Request for Reverse {
    fn send(&self, parties: &Parties) -> Ask {
        let mut body = asked(self.part);
        if let Some(sheet) = self.confirmation {
            body["confirmation"] = json!(sheet);
        }
        let path = format!("/v1/invoices/{}/reversals", self.invoice);
        Ask::post(path).by(&parties.merchant.key).once(&self.key).json(&body)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &[
            "INV-RED-NOTHING-LEFT",
            "INV-RED-TOTAL-TOO-LARGE",
            "LEDGER-AGREEMENT-NEEDED",
            "LEDGER-CONFIRMATION-STATE",
            "LEDGER-RED-DIFFERS",
        ]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let draft = &entry.value["draft"];
        entry.kind() == "reverse"
            && id_in(&draft["red"]) == self.invoice
            && self.part.is_none_or(|fen| draft["total"] == -fen)
            && entry.value["confirmation"].as_u64() == self.confirmation
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        let invoice = &answer.json()["invoice"];
        if invoice["reverses"] != self.invoice.as_str() || invoice["number"] != entry.value["number"] {
            return Err(format!("another red letter than entry {}: {invoice}", entry.index));
        }
        recorded(answer, entry)
    }
}

/// What is to be taken back: so much of the first line, or all that is left.
pub fn asked(part: Option<i64>) -> Value {
    match part {
        None => json!({"reason": "SALES_RETURN"}),
        Some(fen) => json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": fen}]}),
    }
}
