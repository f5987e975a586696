//! A merchant asks for an invoice, on a payment or without one.

use piaolian::chain::hash::leaf_hash;

use super::Parties;
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

impl Issue {
    pub const REFUSALS: &[&str] = &["LEDGER-KEY-REUSED", "LEDGER-PAYMENT-UNKNOWN", "LEDGER-PAYMENT-OVERDRAWN"];

    pub fn send(&self, parties: &Parties) -> Ask {
        issue(&parties.merchant.key, &self.key, &draft(self.fen, self.payment.as_deref()))
    }

    pub fn is_recorded_by(&self, entry: &Entry) -> bool {
        let draft = &entry.value["draft"];
        entry.kind() == "issue"
            && draft["total"] == self.fen
            && draft["payment"]["transaction"].as_str() == self.payment.as_deref()
    }

    pub fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        let told = answer.json();
        let (invoice, receipt) = (&told["invoice"], &told["receipt"]);
        let same = [
            ("status", answer.status == 201),
            ("receipt's entry", receipt["entry"] == entry.text.as_str()),
            ("receipt's index", receipt["index"] == entry.index),
            ("invoice's entry", invoice["entry"] == entry.index),
            ("invoice's block", invoice["block"] == entry.height),
            ("number", invoice["number"] == entry.value["number"]),
            ("hash", invoice["hash"] == leaf_hash(&entry.text).printed()),
        ];
        match same.iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((what, _)) => Err(format!("another {what} than entry {} has: {invoice}", entry.index)),
        }
    }
}
