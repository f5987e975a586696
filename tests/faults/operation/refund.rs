//! WeChat Pay tells that a payment, or part of it, was paid back.

use super::{Parties, Request, no_content};
use crate::client::{Answer, Ask, Part, refund_part_notice};
use crate::ledger::Entry;

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refund {
    pub refund: String,
    pub transaction: String,
    pub order: String,
    pub paid: i64,
    pub fen: i64,
}

impl Request for Refund {
    fn send(&self, parties: &Parties) -> Ask {
        let part = Part { refund: self.refund.clone(), paid_fen: self.paid, refund_fen: self.fen };
        refund_part_notice(&parties.platform, &parties.merchant.mchid, &self.transaction, &self.order, part)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.refund)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &["LEDGER-PAYMENT-UNKNOWN", "LEDGER-REFUND-TOO-LARGE", "LEDGER-REFUND-INVOICED"]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let body = &entry.value["body"];
        entry.kind() == "record_refund"
            && body["amount"] == self.fen
            && body["transaction"] == self.transaction.as_str()
    }

    fn check(&self, answer: &Answer, _: &Entry) -> Result<(), String> {
        no_content(answer)
    }
}
