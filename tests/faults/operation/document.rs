//! Invoices as whoever has their documents names them, and holders as the ledger does.

use serde_json::Value;

use crate::client::Answer;
use crate::company::{Company, commitment, salt};

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    pub id: String,
    /// The hash printed on it.
    pub hash: String,
}

impl Document {
    /// The one that an answer tells of.
    pub fn told(answer: &Answer) -> Self {
        let invoice = &answer.json()["invoice"];
        let text = |name: &str| invoice[name].as_str().unwrap().to_owned();
        Self { id: text("id"), hash: text("hash") }
    }
}

/// `<code>-<number>`, from where the two stand apart.
pub fn id_in(value: &Value) -> String {
    format!("{}-{}", value["code"].as_str().unwrap(), value["number"].as_str().unwrap())
}

/// A hold by one of the companies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// Its place among the companies.
    pub company: usize,
    /// The entry that took it.
    pub fence: u64,
}

/// The salt that a company holds under.
pub fn salt_of(company: usize) -> String {
    salt(&Company::id(company))
}

/// What the ledger knows of a company.
pub fn holder(company: usize) -> String {
    commitment(&Company::id(company), &salt_of(company))
}
