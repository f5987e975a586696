//! A company takes invoices into an expense claim, all or none.

use serde_json::{Value, json};

use super::document::{Document, holder, salt_of};
use super::{Parties, Request, held};
use crate::client::{Answer, Ask};
use crate::ledger::Entry;

/// The lease of a lock that asks for none: 30 days.
pub const LEASE_MS_DEFAULT: i64 = 30 * 86_400_000;

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    pub key: String,
    /// Which of the companies.
    pub company: usize,
    pub invoices: Vec<Document>,
    pub lease_ms: Option<i64>,
}

impl Lock {
    /// What the entry's body must be.
    fn body(&self) -> Value {
        let ids: Vec<&String> = self.invoices.iter().map(|invoice| &invoice.id).collect();
        let lease = self.lease_ms.unwrap_or(LEASE_MS_DEFAULT);
        json!({"invoices": ids, "holder": holder(self.company), "lease_ms": lease})
    }
}

impl Request for Lock {
    fn send(&self, parties: &Parties) -> Ask {
        let named: Vec<Value> = self.invoices.iter().map(|it| json!({"id": it.id, "hash": it.hash})).collect();
        let mut body = json!({"invoices": named, "salt": salt_of(self.company)});
        if let Some(lease) = self.lease_ms {
            body["lease_ms"] = json!(lease);
        }
        Ask::post("/v1/locks").by(&parties.companies[self.company].key).once(&self.key).json(&body)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn refusals(&self) -> &'static [&'static str] {
        &["LEDGER-LIFE-STATE", "LEDGER-KEY-REUSED"]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        entry.kind() == "lock" && entry.value["body"] == self.body()
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        held(answer, entry, entry.index, Some(self.lease_ms.unwrap_or(LEASE_MS_DEFAULT)))
    }
}
