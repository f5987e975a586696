//! A merchant tells what was bought under an order number; its payment becomes an invoice by itself.

use serde_json::json;

use super::{Parties, Request};
use crate::client::{Answer, Ask, draft};
use crate::ledger::Entry;

/// An order of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    pub order: String,
    pub fen: i64,
}

impl Request for Order {
    fn send(&self, parties: &Parties) -> Ask {
        let lines = draft(self.fen, None)["lines"].clone();
        let body = json!({"out_trade_no": self.order, "pricing": "inclusive", "lines": lines});
        Ask::post("/v1/orders").by(&parties.billed.key).json(&body)
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn refusals(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_recorded_by(&self, _: &Entry) -> bool {
        false
    }

    fn check(&self, _: &Answer, _: &Entry) -> Result<(), String> {
        Ok(())
    }
}
