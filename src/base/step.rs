//! The named steps of a command's way at which tests let the service die or pause (`tests/faults.rs`).
//!
//! With the feature `faults` the environment variable `FAILPOINTS` says what happens where, in the words of the crate `fail`:
//! `before-commit=8*off->return` dies when that step is passed for the ninth time, `after-commit=sleep(500)` pauses each time.
//!
//! *Invariant:* without the feature a step is nothing at all; a release is built without it.

/// A step. A process that dies at one leaves what the ledger's promises allow: see what each says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A batch has its transaction and nothing is executed: dying leaves nothing.
    BeforeExecute,
    /// Its commands are executed in memory, nothing is written: dying leaves nothing.
    AfterExecute,
    /// Its block is written and sealed in the open transaction: dying leaves nothing.
    BeforeCommit,
    /// Its block is durable and nobody has been answered: dying leaves the block, and callers that ask again.
    AfterCommit,
    /// An outbox item is about to be delivered: dying leaves it in the outbox.
    BeforeOutboxSend,
}

impl Step {
    /// Every step, in the order of the way.
    pub const ALL: [Self; 5] =
        [Self::BeforeExecute, Self::AfterExecute, Self::BeforeCommit, Self::AfterCommit, Self::BeforeOutboxSend];

    /// Its name in `FAILPOINTS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeExecute => "before-execute",
            Self::AfterExecute => "after-execute",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::BeforeOutboxSend => "before-outbox-send",
        }
    }

    /// Passes it, unless the process is to end here: at once, with nothing flushed, closed or rolled back.
    #[cfg(feature = "faults")]
    pub fn pass(self) {
        fail::fail_point!(self.as_str(), |_| std::process::abort());
    }

    /// Passes it.
    #[cfg(not(feature = "faults"))]
    pub fn pass(self) {}
}

/// Reads `FAILPOINTS`, for as long as the process lives.
#[cfg(feature = "faults")]
pub fn arm_steps() {
    // Its drop would disarm them.
    std::mem::forget(fail::FailScenario::setup());
}

/// Does nothing: this program was built without faults.
#[cfg(not(feature = "faults"))]
pub fn arm_steps() {}
