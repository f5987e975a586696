//! The loop: whatever has gathered while the last batch was being committed is the next batch (group commit).

use std::sync::Arc;

use tokio::sync::mpsc;

use super::candidate::{Candidate, PrepareError, Tip, Verdict, prepare};
use super::engine::Engine;
use super::leadership::{Leadership, Role};
use super::metrics::SequencerMetrics;
use super::{Sealed, SealedEntry, Submission};
use crate::base::{Clock, Code, Fault, Faults, UnixMs};
use crate::chain::seal::Seal;
use crate::ledger::Command;
use crate::store::{Store, StoreError};

/// Why a batch came to nothing.
enum BatchError {
    /// Nothing was accepted; the verdicts say why.
    NothingAccepted(Vec<Verdict>),
    /// The database held a constraint against it.
    Constraint(String),
    /// A row that some command needs is damaged.
    Corrupt(Faults),
    /// Anything else: what all its callers are to be told.
    Failed(Faults),
}

impl From<StoreError> for BatchError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Constraint(what) => Self::Constraint(what),
            // One damaged row concerns the commands that need it, not their neighbours in the batch.
            StoreError::Corrupt { .. } => Self::Corrupt(error.into()),
            StoreError::Busy
            | StoreError::Fenced
            | StoreError::Unreachable(_)
            | StoreError::Url(_)
            | StoreError::Unmigrated(_)
            | StoreError::Newer(_)
            | StoreError::Database(_)
            | StoreError::CommitUnknown(_)
            | StoreError::Worker(_) => Self::Failed(error.into()),
        }
    }
}

impl From<PrepareError> for BatchError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Store(error) => error.into(),
            PrepareError::Faults(faults) => Self::Failed(faults),
        }
    }
}

impl From<Faults> for BatchError {
    fn from(faults: Faults) -> Self {
        Self::Failed(faults)
    }
}

impl From<Fault> for BatchError {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.into())
    }
}

/// The sequencer's thread.
pub(super) struct Batches {
    store: Store,
    clock: Arc<dyn Clock>,
    engine: Arc<dyn Engine>,
    metrics: Arc<SequencerMetrics>,
    leadership: Leadership,
    on_commit: Arc<dyn Fn() + Send + Sync>,
    batch_max: usize,
    /// `None` after a database error: what is durable must be asked before going on.
    tip: Option<Tip>,
    /// The lease's token that `tip` was read under: under another one, somebody else may have committed meanwhile.
    token: u64,
}

impl Batches {
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        engine: Arc<dyn Engine>,
        metrics: Arc<SequencerMetrics>,
        leadership: Leadership,
        on_commit: Arc<dyn Fn() + Send + Sync>,
        batch_max: usize,
    ) -> Self {
        Self { store, clock, engine, metrics, leadership, on_commit, batch_max, tip: None, token: 0 }
    }

    pub fn run(mut self, mut waiting: mpsc::Receiver<Submission>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < self.batch_max {
                match waiting.try_recv() {
                    Ok(next) => batch.push(next),
                    Err(_empty_or_closed) => break,
                }
            }
            self.seal(batch);
        }
        tracing::info!("the sequencer has finished its queue");
    }

    /// Seals one batch and answers everybody in it.
    fn seal(&mut self, batch: Vec<Submission>) {
        let timer = self.metrics.batch_seconds.start_timer();
        let commands: Vec<&Command> = batch.iter().map(|submission| &submission.command).collect();
        let outcome = self.commit(&commands);
        timer.observe_duration();
        self.metrics.batch_commands.observe(lossy(batch.len()));
        match outcome {
            Ok((candidate, seals)) => self.answer(batch, candidate, seals),
            Err(BatchError::NothingAccepted(verdicts)) => {
                for (submission, verdict) in batch.into_iter().zip(verdicts) {
                    self.reply(submission, without_entry(verdict));
                }
            }
            // One command must not spoil the others: try each alone, so that only the one at fault fails.
            Err(BatchError::Constraint(_) | BatchError::Corrupt(_)) if batch.len() > 1 => {
                tracing::warn!("a batch ran into a constraint or a damaged row; its commands are tried one by one");
                for submission in batch {
                    self.seal(vec![submission]);
                }
            }
            Err(BatchError::Constraint(what)) => {
                tracing::error!(what, "a command ran into a constraint that execution should have seen");
                let fault = Fault::new(Code::StoreFailed, "", "the database refused the command; nothing was done");
                self.fail(batch, &fault.into());
            }
            Err(BatchError::Failed(faults) | BatchError::Corrupt(faults)) => {
                tracing::error!(%faults, "a batch failed");
                self.fail(batch, &faults);
            }
        }
    }

    fn commit(&mut self, commands: &[&Command]) -> Result<(Candidate, Vec<Seal>), BatchError> {
        let token = match self.leadership.role() {
            Role::Leading { token } => token,
            Role::Following { .. } => return Err(Faults::from(StoreError::Fenced).into()),
        };
        let tip = match self.tip.take().filter(|_| token == self.token) {
            Some(tip) => tip,
            None => self.store.read_blocking(Tip::load)?,
        };
        // A clock that went back does not take the chain with it: block time never decreases.
        let time = UnixMs(self.clock.now().0.max(tip.header.time.0));
        self.token = token;
        let engine = &self.engine;
        let leadership = &self.leadership;
        let done = self.store.write_blocking(|tx| {
            // Under the write lock: whoever takes the lease now commits after us, or we were fenced before we read anything.
            tx.fence(token).inspect_err(|error| {
                if matches!(error, StoreError::Fenced) {
                    leadership.deposed(token);
                }
            })?;
            let (candidate, verdicts) = prepare(tx, &tip, engine.proposer(), commands, time)?;
            let candidate = candidate.ok_or(BatchError::NothingAccepted(verdicts))?;
            candidate.write(tx)?;
            // Sealed last, when nothing but the commit can fail any more: a member must not sign two headers of one height.
            // Dying before the commit leaves nothing; dying after it leaves a sealed block whose callers ask again.
            let seals = engine.seal(&candidate.tip.header, &candidate.tip.hash)?;
            tx.insert_seals(candidate.tip.header.height, &seals)?;
            Ok::<_, BatchError>((candidate, seals))
        });
        self.tip = match &done {
            Ok((candidate, _)) => Some(candidate.tip.clone()),
            Err(BatchError::NothingAccepted(_)) => Some(tip),
            Err(BatchError::Constraint(_) | BatchError::Corrupt(_) | BatchError::Failed(_)) => None,
        };
        done
    }

    fn answer(&self, batch: Vec<Submission>, mut candidate: Candidate, seals: Vec<Seal>) {
        let block = candidate.sealed_block(seals);
        self.metrics.blocks.inc();
        self.metrics.height.set(i64::try_from(block.height).unwrap_or(i64::MAX));
        self.metrics.entries.set(i64::try_from(candidate.tip.header.size).unwrap_or(i64::MAX));
        let verdicts = std::mem::take(&mut candidate.verdicts);
        let mut entries: Vec<Option<_>> = std::mem::take(&mut candidate.entries).into_iter().map(Some).collect();
        for (submission, verdict) in batch.into_iter().zip(verdicts) {
            let answer = match verdict {
                Verdict::Entry(position) => match entries.get_mut(position).and_then(Option::take) {
                    Some((index, _, leaf, text)) => {
                        let proof = candidate.appended.inclusion(index);
                        Ok(Sealed::New(Box::new(SealedEntry { index, leaf, text, proof, block: Arc::clone(&block) })))
                    }
                    None => Err(Fault::new(Code::SeqOutcomeUnknown, "", "the entry was answered twice").into()),
                },
                Verdict::Before(_) | Verdict::Refused(_) => without_entry(verdict),
            };
            self.reply(submission, answer);
        }
        if candidate.has_outbox() {
            (self.on_commit)();
        }
    }

    fn fail(&self, batch: Vec<Submission>, faults: &Faults) {
        for submission in batch {
            self.reply(submission, Err(faults.clone()));
        }
    }

    fn reply(&self, submission: Submission, answer: Result<Sealed, Faults>) {
        let outcome = match &answer {
            Ok(Sealed::New(_)) => "sealed",
            Ok(Sealed::Before(_)) => "replayed",
            Err(_) => "refused",
        };
        self.metrics.commands.with_label_values(&[outcome]).inc();
        if submission.reply.send(answer).is_err() {
            tracing::debug!("a caller went away before its answer; asking again gives it");
        }
    }
}

fn without_entry(verdict: Verdict) -> Result<Sealed, Faults> {
    match verdict {
        Verdict::Before(entry) => Ok(Sealed::Before(entry)),
        Verdict::Refused(faults) => Err(faults),
        Verdict::Entry(_) => Err(Fault::new(Code::SeqOutcomeUnknown, "", "an entry without a block").into()),
    }
}

/// A count as the histogram wants it.
#[expect(
    clippy::as_conversions,
    clippy::disallowed_types,
    reason = "prometheus observes f64; a batch is far below 2^53"
)]
fn lossy(count: usize) -> f64 {
    count as f64
}
