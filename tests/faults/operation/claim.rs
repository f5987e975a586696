//! A payer gets the link from the merchant and claims the invoice with it.

use serde_json::json;

use super::{Parties, Request, recorded};
use crate::client::{Answer, Ask};
use crate::company::{commitment, salt};
use crate::ledger::Entry;

/// A merchant asks for an invoice's claim link; nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub invoice: String,
}

impl Link {
    /// The token in its answer.
    pub fn token(answer: &Answer) -> String {
        answer.json()["token"].as_str().unwrap().to_owned()
    }
}

impl Request for Link {
    fn send(&self, parties: &Parties) -> Ask {
        Ask::get(format!("/v1/invoices/{}/claim-link", self.invoice)).by(&parties.merchant.key)
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

/// Somebody takes an invoice into a wallet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub key: String,
    pub invoice: String,
    pub token: String,
    /// A name; its salt follows from it.
    pub person: String,
}

impl Request for Claim {
    fn send(&self, _: &Parties) -> Ask {
        let holder = json!({"id": self.person, "salt": salt(&self.person)});
        let body = json!({"invoice": self.invoice, "token": self.token, "holder": holder});
        Ask::post("/v1/claims").once(&self.key).json(&body)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &["LEDGER-LIFE-STATE", "LEDGER-CLAIMED"]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        let body = json!({"invoice": self.invoice, "holder": commitment(&self.person, &salt(&self.person))});
        entry.kind() == "claim" && entry.value["body"] == body
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        recorded(answer, entry)
    }
}
