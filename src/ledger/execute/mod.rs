//! Execution: one command against the state, at a position of the chain. All checks come first, all writes after, so a refused
//! command changes nothing. One file a subject, one function a kind of command.

mod confirmation;
mod day;
mod hold;
mod invoice;
mod key;
mod merchant;
mod payment;
mod reverse;
mod roster;
mod wallet;

use std::sync::Arc;

use super::command::{Asked, Command, Keyed, Scoped};
use super::entry::{self, Kind, Line};
use super::record::{Answer, Invoice, Merchant};
use super::state::{Reader, State};
use crate::base::ids::{ChainId, MerchantId};
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::{Hash, running_hash};
use crate::invoice::InvoiceId;
use crate::ledger::day::Journal;

/// Where on the chain a command is executed: time and index are inputs.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    /// The chain.
    pub chain: &'a ChainId,
    /// The height of its block.
    pub height: u64,
    /// The index its entry will have.
    pub index: u64,
    /// The time of its block.
    pub time: UnixMs,
    /// The version of the entry that is to come of it: [`entry::ENTRY_VERSION`], or an older one when an old entry is executed again.
    pub version: u32,
}

/// What came of a command that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new entry.
    Accepted {
        /// What it records.
        kind: Kind,
        /// Hash of its text.
        leaf: Hash,
        /// Its canonical text.
        text: String,
    },
    /// Said before in the same words: that entry is the answer.
    Replayed {
        /// The entry of the first time.
        entry: u64,
    },
}

/// Why there is no outcome.
#[derive(Debug)]
pub enum Failure<E> {
    /// The command is refused; nothing was changed.
    Refused(Faults),
    /// A record could not be read; the batch must be given up.
    Unreadable(E),
}

impl<E> From<Fault> for Failure<E> {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault.into())
    }
}

impl<E> From<Faults> for Failure<E> {
    fn from(faults: Faults) -> Self {
        Self::Refused(faults)
    }
}

type Executed<R> = Result<Outcome, Failure<<R as Reader>::Error>>;

/// Executes one command.
///
/// # Errors
/// [`Failure::Refused`] with the codes of the `ledger` and `invoice` sections of [`Code`]; [`Failure::Unreadable`].
pub fn execute<R: Reader>(state: &mut State<R>, command: &Command, at: Position<'_>) -> Executed<R> {
    if let Some(asked) = command.asked()
        && let Some(outcome) = replay(state, &asked)?
    {
        return Ok(outcome);
    }
    match command {
        Command::RegisterMerchant(command) => merchant::register(state, command, at),
        Command::SetRules(command) => merchant::set_rules(state, command, at),
        Command::SuspendMerchant(command) => merchant::suspend(state, command, at),
        Command::ResumeMerchant(command) => merchant::resume(state, command, at),
        Command::RotateIssuer(command) => key::rotate(state, command, at),
        Command::RevokeIssuer(command) => key::revoke(state, command, at),
        Command::RecordPayment(body) => payment::record(state, body, at),
        Command::RecordRefund(body) => payment::refund(state, body, at),
        Command::Issue(issue) => invoice::issue(state, issue, at),
        Command::Reverse(command) => reverse::reverse(state, command, at),
        Command::OpenConfirmation(command) => confirmation::open(state, command, at),
        Command::AnswerConfirmation(command) => confirmation::answer(state, command, at),
        Command::Lock(command) => hold::lock(state, command, at),
        Command::Renew(command) => hold::renew(state, command, at),
        Command::Unlock(command) => hold::unlock(state, command, at),
        Command::Close(command) => hold::close(state, command, at),
        Command::Pledge(command) => hold::pledge(state, command, at),
        Command::Release(command) => hold::release(state, command, at),
        Command::Settle(command) => hold::settle(state, command, at),
        Command::Claim(command) => wallet::claim(state, command, at),
        Command::HandOver(command) => wallet::hand_over(state, command, at),
        Command::Discard(command) => wallet::discard(state, command, at),
        Command::CloseDay(command) => day::close(state, command, at),
        Command::ChangeRoster(command) => roster::change(state, command, at),
        Command::Restored(command) => roster::restored(state, command, at),
    }
}

fn refuse<T, E>(code: Code, path: &str, message: impl Into<String>) -> Result<T, Failure<E>> {
    Err(Fault::new(code, path, message).into())
}

/// Looks a key up: the first answer if the request is the same, a refusal if it is another.
fn replay<R: Reader>(state: &mut State<R>, asked: &Asked<'_>) -> Result<Option<Outcome>, Failure<R::Error>> {
    match state.answer(&asked.scope, asked.key.as_str()).map_err(Failure::Unreadable)? {
        None => Ok(None),
        Some(answer) if answer.request == *asked.request => Ok(Some(Outcome::Replayed { entry: answer.entry })),
        Some(_) => refuse(
            Code::LedgerKeyReused,
            "",
            "this idempotency key was used before with another request; use a new key for a new request",
        ),
    }
}

/// A merchant's journal with one more entry to come.
struct Books(Journal);

impl Books {
    fn of<R: Reader>(state: &mut State<R>, merchant: &MerchantId) -> Result<Self, Failure<R::Error>> {
        let journal = state.journal(merchant).map_err(Failure::Unreadable)?;
        Ok(Self(match journal {
            Some(journal) => (*journal).clone(),
            None => Journal { merchant: merchant.clone(), seq: 0, running: Hash::ZERO },
        }))
    }

    /// The sequence number of the entry to come.
    fn seq(&self) -> u64 {
        self.0.seq.saturating_add(1)
    }

    fn line(&self) -> Line<'_> {
        Line { merchant: &self.0.merchant, seq: self.seq() }
    }
}

/// An entry that is about to be: what [`Ready::record`] needs once everything else is written.
struct Ready<'a> {
    at: Position<'a>,
    kind: Kind,
    text: String,
    books: Option<Books>,
    asked: Option<Asked<'a>>,
}

impl<'a> Ready<'a> {
    /// An entry that is not an invoice, of a command with a key.
    fn keyed<T: serde::Serialize + Scoped>(
        at: Position<'a>,
        kind: Kind,
        books: Option<Books>,
        command: &'a Keyed<T>,
    ) -> Result<Self, Fault> {
        Self::framed(at, kind, books, Some(command.asked()), &command.body)
    }

    fn framed<T: serde::Serialize>(
        at: Position<'a>,
        kind: Kind,
        books: Option<Books>,
        asked: Option<Asked<'a>>,
        body: &T,
    ) -> Result<Self, Fault> {
        let line = books.as_ref().map(Books::line);
        let text = entry::framed_text(at, kind, line, asked.as_ref(), body)?;
        Ok(Self { at, kind, text, books, asked })
    }

    /// The one place where an entry comes into being: its hash, the merchant's journal, the saved answer.
    fn record<R: Reader>(self, state: &mut State<R>) -> Outcome {
        let Self { at, kind, text, books, asked } = self;
        let leaf = state.leaf_of(&text);
        if let Some(books) = books {
            let seq = books.seq();
            let Books(Journal { merchant, running, .. }) = books;
            state.put_journal(Journal { merchant, seq, running: running_hash(&running, &leaf) });
        }
        if let Some(Asked { scope, key, request }) = asked {
            state.put_answer(Answer {
                scope: scope.into_owned(),
                key: key.to_string(),
                request: *request,
                entry: at.index,
            });
        }
        Outcome::Accepted { kind, leaf, text }
    }
}

fn known_merchant<R: Reader>(
    state: &mut State<R>,
    id: &MerchantId,
    path: &str,
) -> Result<Arc<Merchant>, Failure<R::Error>> {
    match state.merchant(id).map_err(Failure::Unreadable)? {
        Some(merchant) => Ok(merchant),
        None => refuse(Code::LedgerMerchantUnknown, path, format!("no merchant {id} is registered")),
    }
}

/// A blue invoice: what has a life.
fn blue_invoice<R: Reader>(
    state: &mut State<R>,
    id: &InvoiceId,
    path: &str,
) -> Result<Arc<Invoice>, Failure<R::Error>> {
    match state.invoice(id).map_err(Failure::Unreadable)? {
        None => refuse(Code::LedgerInvoiceUnknown, path, format!("no invoice {id} was issued")),
        Some(invoice) if invoice.blue.is_some() => {
            refuse(Code::LedgerNotBlue, path, format!("{id} is a red invoice; only blue ones have a life"))
        }
        Some(invoice) => Ok(invoice),
    }
}

/// A text that a person gives as a reason: 1 to 200 characters.
fn reason_in_range(reason: &str) -> Result<(), Fault> {
    let characters = reason.chars().count();
    if (1..=200).contains(&characters) && !reason.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Fault::new(Code::LedgerReasonLength, "reason", "a reason is 1 to 200 characters on one line"))
}

fn next_number(given: i64) -> Result<i64, Fault> {
    given.checked_add(1).ok_or_else(|| Fault::new(Code::LedgerNumbersUsedUp, "", "a counter is used up"))
}
