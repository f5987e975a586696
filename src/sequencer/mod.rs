//! Floor 4: puts commands in order, executes them in batches, has each block sealed and commits it; and the desks in front of it.
//!
//! Two words for where a command is. *Accepted*: it waits for its batch; a crash loses it, and its caller, unanswered, asks
//! again. *Sealed*: durable, numbered, in a block with its quorum. Nobody is told "done" before it is sealed.
//!
//! Promises: one batch, one transaction, one block; callers are answered after the commit. A refused command changes nothing, and a
//! batch in which nothing was accepted makes no block. The queue is bounded: above it, callers are told to come back.
//!
//! *Invariant:* one thread executes. No partner is called and nothing is rendered inside a transaction.

pub mod alone;
mod batch;
mod candidate;
pub mod desk;
mod engine;
mod metrics;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::base::{Clock, Code, Fault, Faults};
use crate::chain::canonical::FormatVersion;
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::ledger::Command;
use crate::store::Store;

pub use candidate::{SealedBlock, TOPIC_BILL, TOPIC_BILL_ORDER, TOPIC_ERP, TOPIC_WALLET};
pub use engine::{Engine, LocalEngine, found_chain};
pub use metrics::SequencerMetrics;

/// What the sequencer needs to be told.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Commands in one block at most.
    pub batch_commands_max: usize,
    /// Commands waiting at most.
    pub queue_commands_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_commands_max: crate::base::limits::BATCH_COMMANDS_MAX,
            queue_commands_max: crate::base::limits::QUEUE_COMMANDS_MAX,
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
    /// Inclusion proof against its own block.
    pub proof: Vec<Hash>,
    /// Its block.
    pub block: Arc<SealedBlock>,
}

impl SealedEntry {
    /// Its receipt.
    pub fn into_receipt(self) -> Receipt {
        Receipt {
            v: FormatVersion,
            chain: self.block.chain.clone(),
            entry: self.text,
            index: self.index,
            proof: self.proof,
            header: self.block.header.clone(),
            seals: self.block.seals.clone(),
        }
    }
}

/// A command on its way to the sequencer.
pub(crate) struct Submission {
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Result<Sealed, Faults>>,
}

/// The way in. Cheap to clone; when the last one is dropped, the sequencer's thread finishes its queue and ends.
#[derive(Debug, Clone)]
pub struct Sequencer {
    queue: mpsc::Sender<Submission>,
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
    /// Starts the thread. `on_commit` is told after each commit, so that the outbox need not be polled.
    ///
    /// # Errors
    /// [`Code::Internal`] when no thread can be had.
    pub fn start(
        config: Config,
        store: Store,
        clock: Arc<dyn Clock>,
        engine: Arc<dyn Engine>,
        metrics: Arc<SequencerMetrics>,
        on_commit: Arc<dyn Fn() + Send + Sync>,
    ) -> Result<(Self, SequencerThread), Fault> {
        let (sequencer, waiting) = Self::channel(config.queue_commands_max);
        let batch_max = config.batch_commands_max.max(1);
        let batches = batch::Batches::new(store, clock, engine, metrics, on_commit, batch_max);
        let thread = std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || batches.run(waiting))
            .map_err(|e| Fault::new(Code::Internal, "", format!("no thread for the sequencer: {e}")))?;
        Ok((sequencer, SequencerThread(thread)))
    }

    /// A way in and what comes out of it: whoever holds the other end MUST answer every submission. `bench` puts its own loops
    /// there.
    pub(crate) fn channel(capacity: usize) -> (Self, mpsc::Receiver<Submission>) {
        let (queue, waiting) = mpsc::channel(capacity.max(1));
        (Self { queue }, waiting)
    }

    /// Submits a command and waits until it is sealed or refused.
    ///
    /// # Errors
    /// [`Code::SeqBusy`] at once when the queue is full; [`Code::SeqStopped`]; [`Code::SeqOutcomeUnknown`]; or why the
    /// command was refused.
    pub async fn submit(&self, command: Command) -> Result<Sealed, Faults> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Submission { command, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Fault::new(Code::SeqBusy, "", "too many commands are waiting; nothing was done").into());
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(Fault::new(Code::SeqStopped, "", "the sequencer has stopped; nothing was done").into());
            }
        }
        // The thread answers everything it takes; a lost answer means that it died with the command in hand.
        answer.await.unwrap_or_else(|_lost| {
            let message = "the answer was lost; ask again with the same idempotency key";
            Err(Fault::new(Code::SeqOutcomeUnknown, "", message).into())
        })
    }

    /// How many more commands the queue takes now: none when the thread has ended.
    pub fn room(&self) -> usize {
        if self.queue.is_closed() { 0 } else { self.queue.capacity() }
    }
}
