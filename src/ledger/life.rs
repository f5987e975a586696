//! The life of an invoice after it was issued: who holds it, in whose wallet it is, and what may happen next.
//!
//! One table decides ([`step`]); the README's table is printed from it. Reimbursement follows WeChat's `INIT -> LOCK -> CLOSURE` and
//! `LOCK -> INIT` (domain.md 4), with financing in the same registry. Red invoices have no life of their own.

use serde::{Deserialize, Serialize};

use crate::base::UnixMs;
use crate::chain::hash::Hash;

/// Invoices in one lock, renewal, unlock or booking: WeChat's own limit of a batch (domain.md 4).
pub const BATCH_INVOICES_MAX: usize = 100;

/// The shortest lease of a lock: 1 minute.
pub const LEASE_MS_MIN: i64 = 60_000;

/// The longest lease of a lock: 365 days.
pub const LEASE_MS_MAX: i64 = 31_536_000_000;

/// Where an invoice stands in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeState {
    /// Nobody holds it (WeChat: `INVOICE_REIMBURSE_INIT`).
    Open,
    /// In a company's expense claim (WeChat: `INVOICE_REIMBURSE_LOCK`).
    Locked,
    /// Booked; final but for reversal (WeChat: `INVOICE_REIMBURSE_CLOSURE`).
    Closed,
    /// Pledged to a financier.
    Pledged,
    /// The financier was paid; it can't be pledged again.
    Settled,
    /// In an expense claim after it was financed and settled.
    SettledLocked,
    /// Reversed in full; final.
    Reversed,
}

impl LifeState {
    /// Every state, in the order of the table.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Locked, Self::Closed, Self::Pledged, Self::Settled, Self::SettledLocked, Self::Reversed];

    /// The word in the database, on the wire and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Closed => "closed",
            Self::Pledged => "pledged",
            Self::Settled => "settled",
            Self::SettledLocked => "settled_locked",
            Self::Reversed => "reversed",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// What is left of it when the lease of a lock has ended.
    fn without_lease(self) -> Self {
        match self {
            Self::Locked => Self::Open,
            Self::SettledLocked => Self::Settled,
            Self::Open | Self::Closed | Self::Pledged | Self::Settled | Self::Reversed => self,
        }
    }
}

/// What may happen to an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A company takes it into an expense claim.
    Lock,
    /// The company keeps its lock for longer.
    Renew,
    /// The company gives it back.
    Unlock,
    /// The company books it.
    Close,
    /// The seller pledges it to a financier.
    Pledge,
    /// The financier gives it back unpaid.
    Release,
    /// The financier was paid.
    Settle,
    /// Its payer takes it into a wallet.
    Claim,
    /// The wallet's holder passes it on.
    HandOver,
    /// The wallet's holder throws it away.
    Discard,
    /// A red letter takes back a part.
    ReversePart,
    /// A red letter takes back all that is left.
    ReverseAll,
}

impl Event {
    /// Every event, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Lock,
        Self::Renew,
        Self::Unlock,
        Self::Close,
        Self::Pledge,
        Self::Release,
        Self::Settle,
        Self::Claim,
        Self::HandOver,
        Self::Discard,
        Self::ReversePart,
        Self::ReverseAll,
    ];

    /// The word in the table and in refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Renew => "renew",
            Self::Unlock => "unlock",
            Self::Close => "close",
            Self::Pledge => "pledge",
            Self::Release => "release",
            Self::Settle => "settle",
            Self::Claim => "claim",
            Self::HandOver => "hand over",
            Self::Discard => "discard",
            Self::ReversePart => "reverse a part",
            Self::ReverseAll => "reverse all",
        }
    }
}

/// What the table says of an event in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It leads there.
    To(LifeState),
    /// It leads there if the holder asks, with the fence of its hold.
    ByHolder(LifeState),
    /// It leads there once the holder has agreed on a confirmation sheet.
    Agreed(LifeState),
    /// It can't happen.
    Refused,
}

/// The table: what an event does in a state. Leases that have ended MUST have been taken away before ([`Life::at`]).
pub fn step(state: LifeState, event: Event) -> Step {
    use LifeState::{Closed, Locked, Open, Pledged, Reversed, Settled, SettledLocked};
    match (state, event) {
        (Open, Event::Lock) => Step::To(Locked),
        (Settled, Event::Lock) => Step::To(SettledLocked),
        (Locked | Closed | Pledged | SettledLocked | Reversed, Event::Lock) => Step::Refused,

        (Locked | SettledLocked, Event::Renew) => Step::ByHolder(state),
        (Locked, Event::Unlock) => Step::ByHolder(Open),
        (SettledLocked, Event::Unlock) => Step::ByHolder(Settled),
        (Locked | SettledLocked, Event::Close) => Step::ByHolder(Closed),
        (Open | Closed | Pledged | Settled | Reversed, Event::Renew | Event::Unlock | Event::Close) => Step::Refused,

        (Open, Event::Pledge) => Step::To(Pledged),
        (Locked | Closed | Pledged | Settled | SettledLocked | Reversed, Event::Pledge) => Step::Refused,
        (Pledged, Event::Release) => Step::ByHolder(Open),
        (Pledged, Event::Settle) => Step::ByHolder(Settled),
        (Open | Locked | Closed | Settled | SettledLocked | Reversed, Event::Release | Event::Settle) => Step::Refused,

        (Open | Pledged | Settled, Event::Claim | Event::HandOver) | (Open | Settled, Event::Discard) => {
            Step::To(state)
        }
        (Locked | Closed | SettledLocked | Reversed, Event::Claim | Event::HandOver)
        | (Locked | Closed | Pledged | SettledLocked | Reversed, Event::Discard) => Step::Refused,

        (Open | Settled, Event::ReversePart) => Step::To(state),
        (Open | Settled, Event::ReverseAll) => Step::To(Reversed),
        (Locked | Closed | Pledged | SettledLocked, Event::ReversePart) => Step::Agreed(state),
        (Locked | Closed | Pledged | SettledLocked, Event::ReverseAll) => Step::Agreed(Reversed),
        (Reversed, Event::ReversePart | Event::ReverseAll) => Step::Refused,
    }
}

/// Where an invoice stands towards wallets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletState {
    /// Nobody has claimed it.
    Unclaimed,
    /// It is in somebody's wallet.
    Claimed,
    /// It was thrown away; final.
    Discarded,
}

impl WalletState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Unclaimed, Self::Claimed, Self::Discarded];

    /// The word in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unclaimed => "unclaimed",
            Self::Claimed => "claimed",
            Self::Discarded => "discarded",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The life of one invoice so far. An invoice without a record of it is open and unclaimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// Entry of the invoice.
    pub entry: u64,
    /// Where it stands in the registry; a lease that has ended still stands here until the next event.
    pub state: LifeState,
    /// The fencing token of its last hold: the entry that took it. 0 before the first.
    pub fence: u64,
    /// Commitment to who holds or has booked it ([`crate::chain::hash::holder_hash`]).
    pub holder: Option<Hash>,
    /// When the lock's lease ends, unix ms of block time. Only locks have one.
    pub lease_until: Option<UnixMs>,
    /// Where it stands towards wallets.
    pub wallet: WalletState,
    /// Commitment to the wallet's holder.
    pub wallet_holder: Option<Hash>,
    /// The live confirmation sheet: the entry that opened it.
    pub confirmation: Option<u64>,
}

impl Life {
    /// A life in which nothing has happened yet.
    pub fn new(entry: u64) -> Self {
        Self {
            entry,
            state: LifeState::Open,
            fence: 0,
            holder: None,
            lease_until: None,
            wallet: WalletState::Unclaimed,
            wallet_holder: None,
            confirmation: None,
        }
    }

    /// As it stands at a block time: without a lock whose lease has ended.
    #[must_use]
    pub fn at(&self, time: UnixMs) -> Self {
        let mut now = self.clone();
        if self.lease_until.is_some_and(|until| time >= until) {
            now.state = self.state.without_lease();
            now.lease_until = None;
            now.holder = None;
        }
        now
    }
}

/// The table as Markdown: one row a state, one column an event.
pub fn table() -> String {
    let columns = Event::ALL.map(Event::as_str).join(" | ");
    let rule = " --- |".repeat(Event::ALL.len().saturating_add(1));
    let row = |state: LifeState| {
        let cells = Event::ALL.map(|event| match step(state, event) {
            Step::To(to) if to == state => "stays".to_owned(),
            Step::To(to) => to.as_str().to_owned(),
            Step::ByHolder(to) if to == state => "holder: stays".to_owned(),
            Step::ByHolder(to) => format!("holder: {}", to.as_str()),
            Step::Agreed(to) if to == state => "agreed: stays".to_owned(),
            Step::Agreed(to) => format!("agreed: {}", to.as_str()),
            Step::Refused => "-".to_owned(),
        });
        format!("| **{}** | {} |\n", state.as_str(), cells.join(" | "))
    };
    let rows: String = LifeState::ALL.into_iter().map(row).collect();
    format!("| state | {columns} |\n|{rule}\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booked_and_reversed_lead_nowhere_but_by_agreement() {
        for event in Event::ALL {
            assert_eq!(step(LifeState::Reversed, event), Step::Refused, "{event:?}");
            let closed = step(LifeState::Closed, event);
            let reversal = matches!(event, Event::ReversePart | Event::ReverseAll);
            assert_eq!(matches!(closed, Step::Agreed(_)), reversal, "{event:?}");
            assert!(reversal || closed == Step::Refused, "{event:?}");
        }
    }

    #[test]
    fn a_settled_invoice_is_never_pledged_again() {
        let mut reached = std::collections::BTreeSet::from([LifeState::Settled]);
        loop {
            let before = reached.len();
            for state in reached.clone() {
                for event in Event::ALL {
                    match step(state, event) {
                        Step::To(to) | Step::ByHolder(to) | Step::Agreed(to) => {
                            assert_ne!(event, Event::Pledge);
                            reached.insert(to);
                        }
                        Step::Refused => {}
                    }
                }
            }
            if reached.len() == before {
                break;
            }
        }
        assert!(!reached.contains(&LifeState::Pledged) && !reached.contains(&LifeState::Open));
    }

    #[test]
    fn a_lease_ends_with_its_last_millisecond() {
        let locked = Life {
            state: LifeState::SettledLocked,
            holder: Some(Hash::ZERO),
            lease_until: Some(UnixMs(10)),
            fence: 7,
            ..Life::new(3)
        };
        assert_eq!(locked.at(UnixMs(9)), locked);
        let ended = locked.at(UnixMs(10));
        assert_eq!((ended.state, ended.holder, ended.lease_until, ended.fence), (LifeState::Settled, None, None, 7));
    }
}
