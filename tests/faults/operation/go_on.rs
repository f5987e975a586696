//! Who holds invoices goes on with them: keeps them longer, gives them back, books them; a financier gives back or was paid.

use serde_json::{Value, json};

use super::document::{Document, Hold, holder, salt_of};
use super::lock::LEASE_MS_DEFAULT;
use super::{Parties, Request, held, recorded};
use crate::client::{Answer, Ask};
use crate::ledger::Entry;

/// What is done with a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Renew,
    Unlock,
    Book,
    Release,
    Settle,
}

impl Way {
    /// The kind of its entry.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::Unlock => "unlock",
            Self::Book => "close",
            Self::Release => "release",
            Self::Settle => "settle",
        }
    }

    fn path(self, fence: u64) -> String {
        match self {
            Self::Renew => format!("/v1/locks/{fence}/renewals"),
            Self::Unlock => format!("/v1/locks/{fence}/releases"),
            Self::Book => format!("/v1/locks/{fence}/bookings"),
            Self::Release => format!("/v1/pledges/{fence}/releases"),
            Self::Settle => format!("/v1/pledges/{fence}/settlements"),
        }
    }
}

/// Going on with a hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoOn {
    pub key: String,
    pub hold: Hold,
    pub invoices: Vec<Document>,
    pub way: Way,
}

impl GoOn {
    fn ids(&self) -> Vec<&str> {
        self.invoices.iter().map(|invoice| invoice.id.as_str()).collect()
    }

    /// What the entry's body must be.
    fn body(&self) -> Value {
        let Hold { company, fence } = self.hold;
        let mut body = json!({"invoices": self.ids(), "holder": holder(company), "fence": fence});
        if self.way == Way::Renew {
            body["lease_ms"] = json!(LEASE_MS_DEFAULT);
        }
        body
    }
}

impl Request for GoOn {
    fn send(&self, parties: &Parties) -> Ask {
        let Hold { company, fence } = self.hold;
        let body = json!({"invoices": self.ids(), "salt": salt_of(company)});
        Ask::post(self.way.path(fence)).by(&parties.companies[company].key).once(&self.key).json(&body)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.key)
    }

    /// Whoever comes too late, or is somebody else, hears one of these.
    fn refusals(&self) -> &'static [&'static str] {
        &["LEDGER-LIFE-STATE", "LEDGER-FENCE-STALE", "LEDGER-HOLDER-OTHER"]
    }

    fn is_recorded_by(&self, entry: &Entry) -> bool {
        entry.kind() == self.way.kind() && entry.value["body"] == self.body()
    }

    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        match self.way {
            Way::Renew => held(answer, entry, self.hold.fence, Some(LEASE_MS_DEFAULT)),
            Way::Unlock | Way::Book | Way::Release | Way::Settle => recorded(answer, entry),
        }
    }
}
