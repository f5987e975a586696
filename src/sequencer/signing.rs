//! The signing stage, in front of the sequencer: drafts of merchants whose key is in custody are signed on a thread of their own,
//! as many at once as have gathered, since signatures made together share their most expensive step.

use std::sync::Arc;

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{Reply, Submission};
use crate::base::stages::Stage;
use crate::base::{Code, Fault};
use crate::chain::issuer::IssuerKey;
use crate::ledger::Command;
use crate::ledger::command::{Issue, Unsigned};

/// Drafts signed together at most: more gain nothing, and the first would wait for the last.
const TOGETHER_MAX: usize = 64;

/// A draft on its way to its signature.
pub(super) struct ToSign {
    pub draft: Unsigned,
    pub key: Arc<IssuerKey>,
    pub reply: Reply,
}

/// The stage's thread: ends when nobody can send any more.
pub(super) fn run(mut waiting: mpsc::Receiver<ToSign>, queue: &mpsc::Sender<Submission>) {
    let mut drafts = Vec::with_capacity(TOGETHER_MAX);
    while waiting.blocking_recv_many(&mut drafts, TOGETHER_MAX) > 0 {
        let mut replies = Vec::with_capacity(drafts.len());
        let mut unsigned = Vec::with_capacity(drafts.len());
        for ToSign { draft, key, reply } in drafts.drain(..) {
            replies.push(reply);
            unsigned.push((draft, key));
        }
        let issues = Stage::Sign.measure(|| Issue::sign_all(unsigned));
        for (issue, reply) in issues.into_iter().zip(replies) {
            pass_on(Submission { command: Command::Issue(Box::new(issue)), payer: None, reply }, queue);
        }
    }
}

fn pass_on(submission: Submission, queue: &mpsc::Sender<Submission>) {
    let (submission, fault) = match queue.try_send(submission) {
        Ok(()) => return,
        Err(TrySendError::Full(submission)) => (submission, super::busy()),
        Err(TrySendError::Closed(submission)) => (submission, super::stopped()),
    };
    submission.answer(Err(fault.into()));
}

impl Submission {
    /// Answers its caller, who may have gone away meanwhile.
    pub(crate) fn answer(self, answer: Result<super::Sealed, crate::base::Faults>) {
        if self.reply.send(answer).is_err() {
            tracing::debug!("a caller went away before its answer; asking again gives it");
        }
    }
}

pub(super) fn lost() -> Fault {
    Fault::new(Code::SeqOutcomeUnknown, "", "the answer was lost; ask again with the same idempotency key")
}
