//! The loop: whatever has gathered while the last batch was being committed is the next batch (group commit).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::candidate::{Candidate, PrepareError, Tip, Verdict, prepare};
use super::engine::Engine;
use super::guard::Guard;
use super::leadership::{Leadership, Role};
use super::memory::may_pass;
use super::metrics::SequencerMetrics;
use super::resident::Resident;
use super::{Config, Sealed, SealedEntry, Submission, signing};
use crate::base::stages::Stage;
use crate::base::step::Step;
use crate::base::{Class, Code, Fault, Faults};
use crate::chain::seal::Seal;
use crate::store::{Store, StoreError};

/// Why a batch came to nothing.
enum BatchError {
    /// Nothing was accepted; the verdicts say why.
    NothingAccepted(Vec<Verdict>),
    /// The database held a constraint against it.
    Constraint(String),
    /// A row that some command needs is damaged.
    Corrupt(Faults),
    /// The database went away before the commit: nothing was done.
    Unreachable(Faults),
    /// The commit was sent, and no answer came.
    CommitUnknown(Faults),
    /// The guard held it back.
    Held(Faults),
    /// Anything else: what all its callers are to be told.
    Failed(Faults),
}

impl From<StoreError> for BatchError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Constraint(what) => Self::Constraint(what),
            // One damaged row concerns the commands that need it, not their neighbours in the batch.
            StoreError::Corrupt { .. } => Self::Corrupt(error.into()),
            StoreError::Unreachable(_) => Self::Unreachable(error.into()),
            StoreError::CommitUnknown(_) => Self::CommitUnknown(error.into()),
            StoreError::Busy
            | StoreError::Fenced
            | StoreError::Url(_)
            | StoreError::Unmigrated(_)
            | StoreError::Newer(_)
            | StoreError::HalfCopied
            | StoreError::Full
            | StoreError::Failing(_)
            | StoreError::Database(_)
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

/// How often a batch is tried again when the database went away under it, and how long to wait before each.
const AGAIN_AFTER_MS: [u64; 3] = [0, 100, 400];

/// A candidate whose commit is under way.
type Sealing = (Candidate, Vec<Seal>);

/// The sequencer's thread.
pub(super) struct Batches {
    config: Config,
    store: Store,
    guard: Arc<Guard>,
    engine: Arc<dyn Engine>,
    metrics: Arc<SequencerMetrics>,
    leadership: Leadership,
    on_commit: Arc<dyn Fn() + Send + Sync>,
    /// `None` after a database error: what is durable must be asked before going on.
    tip: Option<Tip>,
    resident: Resident,
    /// The lease's token that `tip` was read under: under another one, somebody else may have committed meanwhile.
    token: u64,
}

impl Batches {
    pub fn new(
        config: Config,
        store: Store,
        guard: Arc<Guard>,
        engine: Arc<dyn Engine>,
        metrics: Arc<SequencerMetrics>,
        leadership: Leadership,
        on_commit: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let (tip, resident) = (None, Resident::new(config.commit_states));
        Self { config, store, guard, engine, metrics, leadership, on_commit, tip, resident, token: 0 }
    }

    pub fn run(mut self, mut waiting: mpsc::Receiver<Submission>) {
        let most = self.config.batch_commands_max.max(1);
        let mut batch = Vec::with_capacity(most);
        while waiting.blocking_recv_many(&mut batch, most) > 0 {
            self.seal(std::mem::replace(&mut batch, Vec::with_capacity(most)));
        }
        self.guard.finished();
        tracing::info!("the sequencer has finished its queue");
    }

    /// Seals one batch and answers everybody in it.
    fn seal(&mut self, batch: Vec<Submission>) {
        let timer = self.metrics.batch_seconds.start_timer();
        let outcome = self.commit_for_sure(&batch);
        timer.observe_duration();
        self.metrics.batch_commands.observe(lossy(batch.len()));
        match outcome {
            Ok((candidate, seals)) => {
                Step::AfterCommit.pass();
                self.answer(batch, candidate, seals);
            }
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
            // Nor must the commands that are refused while the database is behind keep back the one that puts it on record.
            Err(BatchError::Held(_)) if batch.len() > 1 && batch.iter().any(|asked| may_pass(&asked.command)) => {
                for submission in batch {
                    self.seal(vec![submission]);
                }
            }
            // The guard has said so in the log, once.
            Err(BatchError::Held(faults)) => self.fail(batch, &faults),
            Err(BatchError::Constraint(what)) => {
                tracing::error!(what, "a command ran into a constraint that execution should have seen");
                let fault = Fault::new(Code::StoreFailed, "", "the database refused the command; nothing was done");
                self.fail(batch, &fault.into());
            }
            Err(
                BatchError::Failed(faults)
                | BatchError::Corrupt(faults)
                | BatchError::Unreachable(faults)
                | BatchError::CommitUnknown(faults),
            ) => {
                tracing::error!(%faults, "a batch failed");
                self.fail(batch, &faults);
            }
        }
    }

    /// Commits a batch. When the database goes away meanwhile, finds out what became of the batch and, if nothing did, tries again
    /// for a short while: callers get the truth, or "unknown, ask again", never a guess.
    fn commit_for_sure(&mut self, batch: &[Submission]) -> Result<Sealing, BatchError> {
        let mut waits = AGAIN_AFTER_MS.into_iter();
        loop {
            let mut sealing = None;
            let had_tip = self.tip.is_some();
            let error = match self.commit(batch, &mut sealing) {
                Ok(()) => return sealing.ok_or_else(|| BatchError::Failed(signing::lost().into())),
                Err(error) => error,
            };
            match (error, sealing) {
                (BatchError::CommitUnknown(faults), Some(sealing)) => match self.is_durable(&sealing.0, &mut waits) {
                    Some(true) => return Ok(sealing),
                    Some(false) => {}
                    None => return Err(BatchError::CommitUnknown(faults)),
                },
                (BatchError::Unreachable(faults), _) => match waits.next() {
                    Some(wait) => std::thread::sleep(Duration::from_millis(wait)),
                    None => return Err(BatchError::Unreachable(faults)),
                },
                // The tip in memory was stale: once more with what is durable.
                (BatchError::Constraint(what), _) if had_tip => {
                    tracing::warn!(what, "a block did not fit; reading the tip")
                }
                (error, _) => return Err(error),
            }
        }
    }

    fn commit(&mut self, batch: &[Submission], sealing: &mut Option<Sealing>) -> Result<(), BatchError> {
        let token = match self.leadership.role() {
            Role::Leading { token } => token,
            Role::Following { .. } => return Err(Faults::from(StoreError::Fenced).into()),
        };
        let mut known = self.tip.take().filter(|_| token == self.token);
        if known.is_none() {
            self.resident.forget();
        }
        self.token = token;
        let Self { config, store, guard, engine, leadership, resident, .. } = self;
        let now = guard.reading();
        let done = store.write_blocking(|tx| {
            // Under the write lock: whoever takes the lease now commits after us, or we were fenced before we read anything.
            tx.fence(token).inspect_err(|error| {
                if matches!(error, StoreError::Fenced) {
                    leadership.deposed(token);
                }
            })?;
            // Read under the write lock: whatever was under way when the tip was lost has ended.
            let tip = match &mut known {
                Some(tip) => tip,
                none => {
                    tx.forget();
                    let tip = none.insert(Tip::load(tx)?);
                    guard.recall(tx, tip)?;
                    tip
                }
            };
            let commands = batch.iter().map(|submission| &submission.command);
            let time = guard.permit(now, &tip.header, commands).map_err(|fault| BatchError::Held(fault.into()))?;
            let (candidate, verdicts) = prepare(tx, resident, tip, &engine.proposer(&tip.roster)?, batch, time)?;
            let candidate = candidate.ok_or(BatchError::NothingAccepted(verdicts))?;
            Stage::Store.measure(|| candidate.write(tx, config.lookup_run_keys))?;
            // Sealed last, when nothing but the commit can fail any more: a member must not sign two headers of one height.
            // Dying before the commit leaves nothing; dying after it leaves a sealed block whose callers ask again.
            let seals = Stage::Hash.measure(|| {
                // Under the roster of the tip before: the candidate's own is the one of the block after it.
                engine.seal(&tip.roster, &candidate.tip.header, &candidate.tip.hash)
            })?;
            Stage::Store.measure(|| tx.insert_seals(candidate.tip.header.height, &seals))?;
            *sealing = Some((candidate, seals));
            Step::BeforeCommit.pass();
            Ok::<_, BatchError>(())
        });
        match (&done, &sealing) {
            (Ok(()), Some((candidate, _))) => self.committed(candidate),
            (Err(BatchError::NothingAccepted(_)), _) => self.tip = known,
            (_, _) => {}
        }
        if let Some(tip) = &self.tip {
            self.metrics.height.set(i64::try_from(tip.header.height).unwrap_or(i64::MAX));
            self.metrics.entries.set(i64::try_from(tip.header.size).unwrap_or(i64::MAX));
        }
        done
    }

    fn committed(&mut self, candidate: &Candidate) {
        self.guard.committed(&candidate.tip);
        self.resident.committed(&candidate.changes);
        self.resident.committed_pages(&candidate.pages);
        self.tip = Some(candidate.tip.clone());
    }

    /// Whether a block whose commit got no answer is durable; `None` when the database does not say in time. Asked under the write
    /// lock, which the transaction in doubt held: it has ended by then.
    fn is_durable(&mut self, candidate: &Candidate, waits: &mut impl Iterator<Item = u64>) -> Option<bool> {
        for wait in waits {
            std::thread::sleep(Duration::from_millis(wait));
            let found = self.store.write_blocking(|tx| tx.block(candidate.tip.header.height));
            match found {
                Ok(block) => {
                    let durable = block.is_some_and(|block| block.hash == candidate.tip.hash);
                    tracing::warn!(
                        height = candidate.tip.header.height,
                        durable,
                        "a commit got no answer; asked again"
                    );
                    if durable {
                        self.committed(candidate);
                    }
                    return Some(durable);
                }
                Err(error) => tracing::warn!(%error, "a commit got no answer, and the database can't be asked yet"),
            }
        }
        None
    }

    fn answer(&self, batch: Vec<Submission>, mut candidate: Candidate, seals: Vec<Seal>) {
        let block = candidate.sealed_block(seals);
        self.metrics.blocks.inc();
        let verdicts = std::mem::take(&mut candidate.verdicts);
        let mut entries: Vec<Option<_>> = std::mem::take(&mut candidate.entries).into_iter().map(Some).collect();
        for (submission, verdict) in batch.into_iter().zip(verdicts) {
            let answer = match verdict {
                Verdict::Entry(position) => match entries.get_mut(position).and_then(Option::take) {
                    Some((index, _, leaf, text)) => {
                        let (appended, block) = (Arc::clone(&candidate.appended), Arc::clone(&block));
                        Ok(Sealed::New(Box::new(SealedEntry { index, leaf, text, appended, block })))
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
            Err(faults) => match faults.first().map(|fault| fault.code.class()) {
                Some(Class::Busy | Class::Full | Class::Internal | Class::Corrupt) | None => "failed",
                Some(_) => "refused",
            },
        };
        self.metrics.commands.with_label_values(&[outcome]).inc();
        submission.answer(answer);
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
