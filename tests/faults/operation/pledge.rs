//! A merchant pledges an invoice that is not paid for to a financier.

use serde_json::json;

use super::document::{Document, holder};
use super::{Parties, Request, held};
use crate::client::{Answer, Ask};
use crate::ledger::Entry;

/// A pledge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pledge {
    pub key: String,
    /// Which of the companies is the financier.
    pub company: usize,
    pub invoice: Document,
}

impl Request for Pledge {
    fn send(&self, parties: &Parties) -> Ask {
        let path = format!("/v1/invoices/{}/pledge", self.invoice.id);
        let body = json!({"financier": holder(self.company)});
        Ask::post(path).by(&parties.merchant.key).once(&self.key).json(&body)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &["LEDGER-LIFE-STATE", "LEDGER-PLEDGE-PAID"]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let body = &entry.value["body"];
        entry.kind() == "pledge"
            && body["invoice"] == self.invoice.id.as_str()
            && body["holder"] == holder(self.company).as_str()
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        held(answer, entry, entry.index, None)
    }
}
