//! A merchant asks for an invoice, on a payment or without one.

use piaolian::chain::hash::leaf_hash;

use super::{Parties, Request, recorded};
use crate::client::{Answer, Ask, draft, issue};
use crate::ledger::Entry;

/// An invoice of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    pub key: String,
    pub fen: i64,
    /// The payment's transaction.
    pub payment: Option<String>,
}

impl Request for Issue {
    fn send(&self, parties: &Parties) -> Ask {
        issue(&parties.merchant.key, &self.key, &draft(self.fen, self.payment.as_deref()))
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &["LEDGER-KEY-REUSED", "LEDGER-PAYMENT-UNKNOWN", "LEDGER-PAYMENT-OVERDRAWN"]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let draft = &entry.value["draft"];
        entry.kind() == "issue"
            && draft["total"] == self.fen
            && draft["payment"]["transaction"].as_str() == self.payment.as_deref()
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        let invoice = &answer.json()["invoice"];
        if invoice["number"] != entry.value["number"] || invoice["hash"] != leaf_hash(&entry.text).printed() {
            return Err(format!("another invoice than entry {} is: {invoice}", entry.index));
        }
        recorded(answer, entry)
    }
}
