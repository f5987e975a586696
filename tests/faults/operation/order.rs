//! A merchant tells what was bought under an order number; its payment becomes an invoice by itself.

use serde_json::json;

use super::Parties;
use crate::client::{Ask, draft};

/// An order of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    pub order: String,
    pub fen: i64,
}

impl Order {
    pub const REFUSALS: &[&str] = &[];

    pub fn send(&self, parties: &Parties) -> Ask {
        let lines = draft(self.fen, None)["lines"].clone();
        let body = json!({"out_trade_no": self.order, "pricing": "inclusive", "lines": lines});
        Ask::post("/v1/orders").by(&parties.billed.key).json(&body)
    }
}
