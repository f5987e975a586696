//! Processor time by stage of an invoice's way through the service: what `bench` prints. Off, it costs one relaxed load a stage.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// A stage. Whatever is in none of them is HTTP: reading, routing, queues, writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// JSON into a draft.
    Parse,
    /// Draft into a checked draft, canonical texts, fingerprint of the request.
    Check,
    /// The issuer's signature.
    Sign,
    /// Commands against the state.
    Execute,
    /// Leaf hashes, tree, header, seals.
    Hash,
    /// SQL and commit.
    Store,
    /// Receipt and answer.
    Reply,
}

/// All stages, in the order of the way.
pub const STAGES: [Stage; 7] =
    [Stage::Parse, Stage::Check, Stage::Sign, Stage::Execute, Stage::Hash, Stage::Store, Stage::Reply];

impl Stage {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Check => "check",
            Self::Sign => "sign",
            Self::Execute => "execute",
            Self::Hash => "hash",
            Self::Store => "store",
            Self::Reply => "reply",
        }
    }

    fn counter(self) -> &'static AtomicU64 {
        static COUNTERS: [AtomicU64; 7] = [const { AtomicU64::new(0) }; 7];
        let [parse, check, sign, execute, hash, store, reply] = &COUNTERS;
        match self {
            Self::Parse => parse,
            Self::Check => check,
            Self::Sign => sign,
            Self::Execute => execute,
            Self::Hash => hash,
            Self::Store => store,
            Self::Reply => reply,
        }
    }

    /// Processor time that all threads have spent in this stage while measuring was on, nanoseconds.
    pub fn spent_ns(self) -> u64 {
        self.counter().load(Ordering::Relaxed)
    }

    /// Runs a piece of this stage. Stages MUST NOT be nested: the inner one's time would count twice.
    pub fn measure<T>(self, work: impl FnOnce() -> T) -> T {
        if !MEASURING.load(Ordering::Relaxed) {
            return work();
        }
        let before = thread_ns();
        let value = work();
        self.counter().fetch_add(thread_ns().saturating_sub(before), Ordering::Relaxed);
        value
    }
}

static MEASURING: AtomicBool = AtomicBool::new(false);

/// Switches measuring on or off, for the whole process.
pub fn measure_stages(on: bool) {
    MEASURING.store(on, Ordering::Relaxed);
}

/// Processor time of this thread, nanoseconds.
fn thread_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
