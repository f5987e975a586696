//! WeChat Pay tells of a payment.

use super::{Parties, Request, no_content};
use crate::client::{Answer, Ask, notice};
use crate::ledger::Entry;

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pay {
    pub transaction: String,
    pub order: String,
    pub fen: i64,
    /// To the merchant whose payments become invoices by themselves.
    pub billed: bool,
}

impl Request for Pay {
    fn send(&self, parties: &Parties) -> Ask {
        let payee = if self.billed { &parties.billed } else { &parties.merchant };
        notice(&parties.platform, &payee.mchid, &self.transaction, &self.order, self.fen)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.transaction)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let body = &entry.value["body"];
        entry.kind() == "record_payment" && body["paid"] == self.fen && body["order"] == self.order.as_str()
    }

    fn check(&self, answer: &Answer, _: &Entry) -> Result<(), String> {
        no_content(answer)
    }
}
