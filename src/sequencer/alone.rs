//! One command, one transaction, one block, and nothing kept in memory in between: what a straightforward service does. For
//! `bench`, which measures the sequencer against it, and for setting such a service up.
//!
//! *Invariant:* the same execution, tree, seals and tables as the sequencer's batches: an audit can't tell the ledgers apart.

use std::sync::Arc;

use super::candidate::{PrepareError, Tip, Verdict, prepare};
use super::engine::Engine;
use super::resident::Resident;
use super::{Sealed, SealedEntry, Submission};
use crate::base::{Clock, Code, Fault, Faults, UnixMs};
use crate::store::Store;

/// How often a command is tried that found the database locked for longer than its connection waits.
const TRIES: u32 = 5;

/// Keys of look-ups go into their table with their entry: nobody remembers them until then.
const AT_ONCE: usize = 0;

/// Seals commands one by one over a write connection of its own. Several may work on one database: its lock puts them in order.
pub struct Alone {
    store: Store,
    clock: Arc<dyn Clock>,
    engine: Arc<dyn Engine>,
}

impl From<PrepareError> for Faults {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Store(error) => error.into(),
            PrepareError::Faults(faults) => faults,
        }
    }
}

impl Alone {
    /// Works over a write connection of its own.
    ///
    /// # Errors
    /// When the database can't be connected to.
    pub fn over(store: &Store, clock: Arc<dyn Clock>, engine: Arc<dyn Engine>) -> Result<Self, Fault> {
        Ok(Self { store: store.with_own_writer()?, clock, engine })
    }

    /// Reads the chain's end, executes, seals and commits.
    ///
    /// # Errors
    /// Why the command was refused, or what the database says.
    pub(crate) fn seal(&self, submission: &Submission) -> Result<Sealed, Faults> {
        let mut tried = 1;
        loop {
            match self.seal_once(submission) {
                Err(faults) if tried < TRIES && faults.first().is_some_and(|fault| fault.code == Code::StoreBusy) => {
                    tried = tried.saturating_add(1);
                }
                done => return done,
            }
        }
    }

    fn seal_once(&self, submission: &Submission) -> Result<Sealed, Faults> {
        let batch = std::slice::from_ref(submission);
        self.store.write_blocking(|tx| {
            let tip = Tip::load(tx)?;
            let time = UnixMs(self.clock.now().0.max(tip.header.time.0));
            let (candidate, verdicts) =
                prepare(tx, &mut Resident::default(), &tip, &self.engine.proposer(&tip.roster)?, batch, time)?;
            let Some(mut candidate) = candidate else {
                return match verdicts.into_iter().next() {
                    Some(Verdict::Before(index)) => Ok(Sealed::Before(index)),
                    Some(Verdict::Refused(faults)) => Err(faults),
                    Some(Verdict::Entry(_)) | None => Err(unanswered()),
                };
            };
            candidate.write(tx, AT_ONCE)?;
            let seals = self.engine.seal(&tip.roster, &candidate.tip.header, &candidate.tip.hash)?;
            tx.insert_seals(candidate.tip.header.height, &seals)?;
            let block = candidate.sealed_block(seals);
            let (index, _, leaf, text) = candidate.entries.pop().ok_or_else(unanswered)?;
            let appended = candidate.appended;
            Ok(Sealed::New(Box::new(SealedEntry { index, leaf, text, appended, block })))
        })
    }
}

fn unanswered() -> Faults {
    Fault::new(Code::Internal, "", "a command without an answer").into()
}
