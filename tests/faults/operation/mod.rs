//! What callers do, an operation a file: what is sent, and what must be true of its answer and of its entry. Another operation is
//! another file and another arm here; callers choose it in `callers.rs`, histories need not know it.

mod issue;
mod order;
mod pay;
mod refund;

use std::sync::Arc;

use piaolian::parties::tencent::sandbox::Platform;

pub use issue::Issue;
pub use order::Order;
pub use pay::Pay;
pub use refund::Refund;

use crate::client::{Answer, Ask};
use crate::ledger::Entry;
use crate::town::Merchant;

/// Who there is to ask for and to be paid.
#[derive(Debug, Clone)]
pub struct Parties {
    pub platform: Arc<Platform>,
    /// Whose invoices callers ask for.
    pub merchant: Merchant,
    /// Whose payments become invoices by themselves.
    pub billed: Merchant,
}

/// An operation. Two that are equal are the same request, two of one name compete: at most one of them is recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Pay(Pay),
    Order(Order),
    Issue(Issue),
    Refund(Refund),
}

impl Operation {
    /// The request, in the same words each time (a notice comes in a new envelope).
    pub fn send(&self, parties: &Parties) -> Ask {
        match self {
            Self::Pay(pay) => pay.send(parties),
            Self::Order(order) => order.send(parties),
            Self::Issue(issue) => issue.send(parties),
            Self::Refund(refund) => refund.send(parties),
        }
    }

    /// What its entry goes by: the idempotency key, or a partner's id. Nothing where none is made.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Pay(pay) => Some(&pay.transaction),
            Self::Order(_) => None,
            Self::Issue(issue) => Some(&issue.key),
            Self::Refund(refund) => Some(&refund.refund),
        }
    }

    /// Codes that it may be refused with, for good or until something else has happened; nothing is recorded then.
    pub fn refusals(&self) -> &'static [&'static str] {
        match self {
            Self::Pay(_) => Pay::REFUSALS,
            Self::Order(_) => Order::REFUSALS,
            Self::Issue(_) => Issue::REFUSALS,
            Self::Refund(_) => Refund::REFUSALS,
        }
    }

    /// Whether this entry records it, rather than another one of the same name.
    pub fn is_recorded_by(&self, entry: &Entry) -> bool {
        match self {
            Self::Pay(pay) => pay.is_recorded_by(entry),
            Self::Order(_) => false,
            Self::Issue(issue) => issue.is_recorded_by(entry),
            Self::Refund(refund) => refund.is_recorded_by(entry),
        }
    }

    /// Whether an answer of success tells of this entry, to the byte. Says what is wrong.
    pub fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String> {
        match self {
            Self::Pay(_) | Self::Refund(_) => no_content(answer),
            Self::Order(_) => Ok(()),
            Self::Issue(issue) => issue.check(answer, entry),
        }
    }
}

/// A partner's notice is taken or not; there is nothing to tell.
fn no_content(answer: &Answer) -> Result<(), String> {
    match (answer.status, answer.body.is_empty()) {
        (204, true) => Ok(()),
        (status, _) => Err(format!("a notice was answered with {status}")),
    }
}
