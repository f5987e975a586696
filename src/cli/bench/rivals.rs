//! What stands behind the same HTTP, authorisation, parsing, checks and signatures instead of the sequencer: the bare ceiling, the
//! naive service, and one plain insert a request.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::Receiver;

use crate::base::{Clock, Code, Fault, Faults};
use crate::ledger::Command;
use crate::sequencer::alone::Alone;
use crate::sequencer::{Engine, Sealed, SealedEntry, Sequencer, Submission};
use crate::store::{DatabaseUrl, PlainRows, Store};

/// Connections, each with a thread, of a service that has one transaction a request.
pub const CONNECTIONS: usize = 16;

/// Where plain rows begin: above the few that commits were timed with.
const PLAIN_FROM: i64 = 1_000_000;

/// How often a plain insert is tried that found the database locked for longer than its connection waits.
const TRIES: u32 = 5;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nobody stores anything: the ceiling.
    Bare,
    /// One transaction a request.
    Naive,
    /// One plain insert a request.
    Plain,
}

/// Threads that answer submissions. They end when the last [`Sequencer`] of theirs is dropped.
pub struct Rival {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What a rival is made of.
#[derive(Clone)]
pub struct Parts {
    /// The ledger.
    pub store: Store,
    /// Where it is.
    pub url: DatabaseUrl,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who seals.
    pub engine: Arc<dyn Engine>,
}

struct Shared {
    kind: Kind,
    waiting: Mutex<Receiver<Submission>>,
    /// The first invoice, sealed for good: what an answer that needs no ledger is made of.
    first: OnceLock<SealedEntry>,
    next_row: AtomicI64,
    answered: AtomicU64,
}

/// One thread with its connections.
struct Worker {
    shared: Arc<Shared>,
    alone: Alone,
    rows: Option<PlainRows>,
}

impl Rival {
    /// Starts it, with the way in to it.
    ///
    /// # Errors
    /// When a connection or a thread can't be had.
    pub fn start(kind: Kind, parts: &Parts) -> Result<(Sequencer, Self), Faults> {
        let (sequencer, waiting) = Sequencer::channel(crate::base::limits::QUEUE_COMMANDS_MAX)?;
        let shared = Arc::new(Shared {
            kind,
            waiting: Mutex::new(waiting),
            first: OnceLock::new(),
            next_row: AtomicI64::new(PLAIN_FROM),
            answered: AtomicU64::new(0),
        });
        let connections = if kind == Kind::Bare { 1 } else { CONNECTIONS };
        let mut threads = Vec::new();
        for _ in 0..connections {
            let alone = Alone::over(&parts.store, Arc::clone(&parts.clock), Arc::clone(&parts.engine))?;
            let rows = if kind == Kind::Plain { Some(PlainRows::open(&parts.url)?) } else { None };
            let worker = Worker { shared: Arc::clone(&shared), alone, rows };
            let thread = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || worker.run());
            threads.push(thread.map_err(|e| Fault::new(Code::Internal, "", format!("no thread for a rival: {e}")))?);
        }
        Ok((sequencer, Self { threads, shared }))
    }

    /// Invoices that were answered without a ledger: by nobody's hand, or as a plain row.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Waits for its threads; whoever holds a [`Sequencer`] of it keeps this waiting.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a rival's thread panicked");
            }
        }
    }
}

impl Worker {
    fn run(mut self) {
        loop {
            let next = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            let Some(submission) = next else { return };
            let answer = self.seal(&submission);
            submission.answer(answer);
        }
    }

    fn seal(&mut self, submission: &Submission) -> Result<Sealed, Faults> {
        if !matches!(submission.command, Command::Issue(_)) {
            return self.alone.seal(submission);
        }
        match self.shared.kind {
            Kind::Bare => self.as_the_first(submission, |_, _| Ok(())),
            Kind::Plain => self.as_the_first(submission, Self::insert),
            Kind::Naive => self.alone.seal(submission),
        }
    }

    /// Answers as the first invoice was answered, after storing its text in the variant's own way.
    fn as_the_first(
        &mut self,
        submission: &Submission,
        store: impl FnOnce(&mut Self, &str) -> Result<(), Faults>,
    ) -> Result<Sealed, Faults> {
        let shared = Arc::clone(&self.shared);
        if shared.first.get().is_none()
            && let Sealed::New(entry) = self.alone.seal(submission)?
            // Of several that came first, one stays; the others' entries are in the ledger, which nobody counts.
            && shared.first.set(*entry).is_err()
        {
            tracing::debug!("another thread was first");
        }
        let unsealed = || Fault::new(Code::Internal, "", "the first invoice was not sealed");
        let first = shared.first.get().ok_or_else(unsealed)?;
        store(self, &first.text)?;
        shared.answered.fetch_add(1, Ordering::Relaxed);
        Ok(Sealed::New(Box::new(SealedEntry {
            index: first.index,
            leaf: first.leaf,
            text: first.text.clone(),
            appended: Arc::clone(&first.appended),
            block: Arc::clone(&first.block),
        })))
    }

    fn insert(&mut self, text: &str) -> Result<(), Faults> {
        let id = self.shared.next_row.fetch_add(1, Ordering::Relaxed);
        let rows = self.rows.as_mut().ok_or_else(|| Fault::new(Code::Internal, "", "a thread without a connection"))?;
        let mut tried = 1;
        loop {
            match rows.insert(id, text) {
                Err(crate::store::StoreError::Busy) if tried < TRIES => tried = tried.saturating_add(1),
                done => return done.map_err(Faults::from),
            }
        }
    }
}
