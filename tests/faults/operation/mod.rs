//! What callers do, a subject a file: what is sent, and what must be true of its answer and of its entry. Another operation is another
//! file and another arm here; callers choose it in `choices.rs`, histories need not know it.

mod claim;
mod document;
mod go_on;
mod issue;
mod lock;
mod order;
mod pay;
mod pledge;
mod refund;
mod reverse;
mod sheet;

use std::sync::Arc;

use piaolian::parties::tencent::sandbox::Platform;

pub use claim::{Claim, Link};
pub use document::{Document, Hold, id_in};
pub use go_on::{GoOn, Way};
pub use issue::Issue;
pub use lock::Lock;
pub use order::Order;
pub use pay::Pay;
pub use pledge::Pledge;
pub use refund::Refund;
pub use reverse::Reverse;
pub use sheet::{Action, Open, Reply};

use crate::client::{Answer, Ask};
use crate::company::Company;
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
    /// Who locks invoices, books them and lends on them.
    pub companies: Vec<Company>,
}

/// What there is to know of a request.
pub trait Request {
    /// The request, in the same words each time (a notice comes in a new envelope).
    fn send(&self, parties: &Parties) -> Ask;

    /// What its entry goes by: the idempotency key, or a partner's id. Nothing where none is made.
    fn name(&self) -> Option<&str>;

    /// Codes that it may be refused with, for good or until something else has happened; nothing is recorded then.
    fn refusals(&self) -> &'static [&'static str];

    /// Whether this entry records it, rather than another one of the same name.
    fn is_recorded_by(&self, entry: &Entry) -> bool;

    /// Whether an answer of success tells of this entry, to the byte. Says what is wrong.
    fn check(&self, answer: &Answer, entry: &Entry) -> Result<(), String>;
}

/// An operation. Two that are equal are the same request, two of one name compete: at most one of them is recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Pay(Pay),
    Order(Order),
    Issue(Issue),
    Refund(Refund),
    Reverse(Reverse),
    Lock(Lock),
    GoOn(GoOn),
    Pledge(Pledge),
    Link(Link),
    Claim(Claim),
    Open(Open),
    Reply(Reply),
}

impl Operation {
    pub fn request(&self) -> &dyn Request {
        match self {
            Self::Pay(pay) => pay,
            Self::Order(order) => order,
            Self::Issue(issue) => issue,
            Self::Refund(refund) => refund,
            Self::Reverse(reverse) => reverse,
            Self::Lock(lock) => lock,
            Self::GoOn(go_on) => go_on,
            Self::Pledge(pledge) => pledge,
            Self::Link(link) => link,
            Self::Claim(claim) => claim,
            Self::Open(open) => open,
            Self::Reply(reply) => reply,
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

/// An answer tells that something was recorded: its receipt has this entry, to the byte.
fn recorded(answer: &Answer, entry: &Entry) -> Result<(), String> {
    let told = answer.json();
    // Of an invoice the answer tells more than of what is only recorded.
    let place = if told.get("invoice").is_some() { &told["invoice"] } else { &told };
    let same = [
        ("status", answer.status == 201),
        ("receipt's entry", told["receipt"]["entry"] == entry.text.as_str()),
        ("receipt's index", told["receipt"]["index"] == entry.index),
        ("entry", place["entry"] == entry.index),
        ("block", place["block"] == entry.height),
    ];
    match same.iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(format!("another {what} than entry {} has: {told}", entry.index)),
    }
}

/// The same of a hold that was taken or prolonged: with its fence, and for a lock with the end of its lease.
fn held(answer: &Answer, entry: &Entry, fence: u64, lease_ms: Option<i64>) -> Result<(), String> {
    let (told, until) = (answer.json(), lease_ms.map(|lease| entry.time() + lease));
    if told["fence"] != fence || told["lease_until"].as_i64() != until {
        return Err(format!("another hold than entry {} has: {told}", entry.index));
    }
    recorded(answer, entry)
}
