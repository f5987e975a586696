//! Floor 4: puts commands in order, executes them in batches, has each block sealed and commits it; and the desks in front of it.
//!
//! Two words for where a command is. *Accepted*: it waits for its batch; a crash loses it, and its caller, unanswered, asks
//! again. *Sealed*: durable, numbered, in a block with its quorum. Nobody is told "done" before it is sealed.
//!
//! Promises: one batch, one transaction, one block; callers are answered after the commit. A refused command changes nothing, and a
//! batch in which nothing was accepted makes no block. The queue is bounded: above it, callers are told to come back.
//!
//! *Invariant:* one thread executes, another signs. No partner is called and nothing is rendered inside a transaction.

pub mod alone;
mod batch;
mod candidate;
pub mod desk;
mod engine;
mod guard;
mod leadership;
mod memory;
mod metrics;
mod resident;
mod signing;
mod timekeeper;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::base::stages::Stage;
use crate::base::{Code, Fault, Faults, Secret};
use crate::chain::canonical::Edition;
use crate::chain::hash::Hash;
use crate::chain::issuer::IssuerKey;
use crate::chain::merkle::Appended;
use crate::chain::receipt::Receipt;
use crate::ledger::Command;
use crate::ledger::command::Unsigned;
use crate::store::{Reader, Store};
use signing::ToSign;

pub use candidate::{SealedBlock, TOPIC_BILL, TOPIC_BILL_ORDER, TOPIC_ERP, TOPIC_WALLET, TOPIC_WALLET_REMOVE};
pub use engine::{Engine, LocalEngine, found_chain};
pub use guard::Guard;
pub use leadership::{Leadership, LeadershipThread, Role};
pub use memory::{Behind, End, MEMORY_FILE, Memory};
pub use metrics::SequencerMetrics;

/// What the sequencer needs to be told.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Commands in one block at most.
    pub batch_commands_max: usize,
    /// Commands waiting at most.
    pub queue_commands_max: usize,
    /// Keys that gather before they are brought into the table of look-ups, sorted. The more, the less each costs there;
    /// 24 bytes of memory each. 0 brings each block's keys there at once.
    pub lookup_run_keys: usize,
    /// Days that the newest block may be old when the process starts.
    pub clock_gap_max_days: u32,
    /// Whether headers commit to present states. Without, no audit of the ledger is clean: that is for measuring what they cost.
    pub commit_states: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_commands_max: crate::base::limits::BATCH_COMMANDS_MAX,
            queue_commands_max: crate::base::limits::QUEUE_COMMANDS_MAX,
            lookup_run_keys: crate::base::limits::LOOKUP_RUN_KEYS,
            clock_gap_max_days: crate::base::limits::CLOCK_GAP_DAYS_MAX,
            commit_states: true,
        }
    }
}

/// A command's answer.
#[derive(Debug)]
pub enum Sealed {
    /// It was accepted and is sealed.
    New(Box<SealedEntry>),
    /// It was said before; this entry is the answer.
    Before(u64),
}

/// An entry that has just been sealed, with what its receipt needs.
#[derive(Debug)]
pub struct SealedEntry {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its canonical text.
    pub text: String,
    /// What its block appended to the tree: its inclusion proof is made from it when the answer is.
    pub appended: Arc<Appended>,
    /// Its block.
    pub block: Arc<SealedBlock>,
}

impl SealedEntry {
    /// Its receipt.
    pub fn into_receipt(self) -> Receipt {
        Receipt {
            v: Edition::First,
            state: None,
            chain: self.block.chain.clone(),
            entry: self.text,
            index: self.index,
            proof: self.appended.inclusion(self.index),
            header: self.block.header.clone(),
            seals: self.block.seals.clone(),
        }
    }
}

/// Where a command's answer goes.
pub(crate) type Reply = oneshot::Sender<Result<Sealed, Faults>>;

/// A command on its way to the sequencer.
pub(crate) struct Submission {
    pub(crate) command: Command,
    /// Who made the payment that it records: personal, kept beside the ledger.
    pub(crate) payer: Option<Secret<String>>,
    pub(crate) reply: Reply,
}

/// The way in. Cheap to clone; when the last one is dropped, the sequencer's threads finish what waits and end.
#[derive(Clone)]
pub struct Sequencer {
    queue: mpsc::Sender<Submission>,
    signing: mpsc::Sender<ToSign>,
    under_way: Arc<AtomicUsize>,
    guard: Option<Arc<Guard>>,
}

impl std::fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sequencer").field("room", &self.room()).finish_non_exhaustive()
    }
}

fn busy() -> Fault {
    Fault::new(Code::SeqBusy, "", "too many commands are waiting; nothing was done")
}

fn stopped() -> Fault {
    Fault::new(Code::SeqStopped, "", "the sequencer has stopped; nothing was done")
}

/// The sequencer's thread, to be waited for at shutdown.
#[derive(Debug)]
pub struct SequencerThread(std::thread::JoinHandle<()>);

impl SequencerThread {
    /// Waits until everything accepted has been sealed or answered.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the sequencer's thread panicked");
        }
    }
}

impl Sequencer {
    /// Starts the threads. Commands are executed while `leadership` says that this process leads. `on_commit` is told after each
    /// commit, so that the outbox need not be polled.
    ///
    /// # Errors
    /// [`Code::Internal`] when no thread can be had.
    pub fn start(
        config: Config,
        store: Store,
        guard: Arc<Guard>,
        engine: Arc<dyn Engine>,
        metrics: Arc<SequencerMetrics>,
        leadership: Leadership,
        on_commit: Arc<dyn Fn() + Send + Sync>,
    ) -> Result<(Self, SequencerThread), Fault> {
        let (mut sequencer, waiting) = Self::channel(config.queue_commands_max)?;
        sequencer.guard = Some(Arc::clone(&guard));
        let batches = batch::Batches::new(config, store, guard, engine, metrics, leadership, on_commit);
        let thread = thread("sequencer", move || batches.run(waiting))?;
        Ok((sequencer, SequencerThread(thread)))
    }

    /// A way in with a signing stage and somebody else's loop at its end.
    ///
    /// # Errors
    /// [`Code::Internal`] when no thread can be had.
    pub(crate) fn channel(capacity: usize) -> Result<(Self, mpsc::Receiver<Submission>), Fault> {
        let (queue, waiting) = mpsc::channel(capacity.max(1));
        let (signing, to_sign) = mpsc::channel(capacity.max(1));
        let signed = queue.clone();
        // Not joined: it ends before the queue does, since it holds the queue's last sender.
        thread("signing", move || signing::run(to_sign, &signed))?;
        Ok((Self { queue, signing, under_way: Arc::default(), guard: None }, waiting))
    }

    /// Submits a command and waits until it is sealed or refused.
    ///
    /// # Errors
    /// [`Code::SeqBusy`] at once when the queue is full; [`Code::SeqNotLeading`]; [`Code::SeqStopped`]; [`Code::SeqOutcomeUnknown`]; or why the
    /// command was refused.
    pub async fn submit(&self, command: Command) -> Result<Sealed, Faults> {
        self.submit_with(command, None).await
    }

    /// [`Sequencer::submit`] a payment with who made it.
    ///
    /// # Errors
    /// As there.
    pub async fn submit_with(&self, command: Command, payer: Option<Secret<String>>) -> Result<Sealed, Faults> {
        let (reply, answer) = oneshot::channel();
        let sent = self.queue.try_send(Submission { command, payer, reply });
        self.answered(sent.map_err(|error| matches!(error, mpsc::error::TrySendError::Full(_))), answer).await
    }

    /// Has a draft signed with a key in custody, then submits it.
    ///
    /// # Errors
    /// As [`Sequencer::submit`].
    pub async fn sign_and_submit(&self, draft: Unsigned, key: Arc<IssuerKey>) -> Result<Sealed, Faults> {
        if self.under_way.load(Ordering::Relaxed) == 0 {
            // Alone: nothing to share, and another thread would only cost time.
            let issue = Stage::Sign.measure(|| draft.sign(&key));
            return self.submit(Command::Issue(Box::new(issue))).await;
        }
        let (reply, answer) = oneshot::channel();
        let sent = self.signing.try_send(ToSign { draft, key, reply });
        self.answered(sent.map_err(|error| matches!(error, mpsc::error::TrySendError::Full(_))), answer).await
    }

    /// Waits for the answer to what was sent, or says why it was not: `true` for a full queue.
    async fn answered(
        &self,
        sent: Result<(), bool>,
        answer: oneshot::Receiver<Result<Sealed, Faults>>,
    ) -> Result<Sealed, Faults> {
        sent.map_err(|full| if full { busy() } else { stopped() })?;
        let _under_way = UnderWay::one_more(&self.under_way);
        // The threads answer everything they take; a lost answer means that one died with the command in hand.
        answer.await.unwrap_or_else(|_lost| Err(signing::lost().into()))
    }

    /// Why commands would be refused now although there is room for them: a clock that can't be believed, a database that was restored.
    ///
    /// # Errors
    /// When the newest block can't be read.
    pub fn trouble(&self, reader: &mut Reader<'_>) -> Result<Option<Fault>, Faults> {
        self.guard.as_ref().map_or(Ok(None), |guard| guard.trouble(reader))
    }

    /// How far the database is behind what was remembered outside it, if it is.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn behind(&self, reader: &mut Reader<'_>) -> Result<Option<Behind>, Faults> {
        Ok(self.guard.as_ref().map_or(Ok(None), |guard| guard.behind(reader))?)
    }

    /// How many more commands the queue takes now: none when the thread has ended.
    pub fn room(&self) -> usize {
        if self.queue.is_closed() { 0 } else { self.queue.capacity() }
    }
}

/// Counts a command as under way for as long as somebody waits for it.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn one_more(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<std::thread::JoinHandle<()>, Fault> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|e| Fault::new(Code::Internal, "", format!("no thread for {name}: {e}")))
}
