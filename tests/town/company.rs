//! A company that takes invoices into expense claims, or finances them: its key, and the salt that it holds under.

#![allow(dead_code, reason = "each target that includes this uses its own part")]

use piaolian::chain::keccak256;
use serde_json::json;

use crate::client::Ask;
use crate::town::Town;

/// A company with a key.
#[derive(Debug, Clone)]
pub struct Company {
    pub key: String,
    pub id: String,
}

impl Company {
    /// The taxpayer id of a company.
    pub fn id(nth: usize) -> String {
        format!("9144030000TEST{:04}", 9_000 + nth)
    }

    /// Makes it a key.
    pub async fn admit(town: &Town, nth: usize) -> Self {
        let id = Self::id(nth);
        let body = json!({"role": "company", "company": id, "label": "claims"});
        let answer = town.ask(0, &Ask::post("/v1/api-keys").by(&town.bureau).json(&body)).await;
        Self { key: answer.json()["secret"].as_str().unwrap().to_owned(), id }
    }
}

/// A salt that nobody else has.
pub fn salt(of: &str) -> String {
    keccak256(format!("salt of {of}")).to_string()
}

/// What the ledger knows of a holder: computed here by the written rule.
pub fn commitment(id: &str, salt: &str) -> String {
    keccak256([&[5][..], &hex::decode(salt).unwrap(), id.as_bytes()].concat()).to_string()
}
