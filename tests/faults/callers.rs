//! Callers that go about their business at once, each by dice of its own, and write down what they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::choices::Choice;
use crate::client::{Client, Dice};
use crate::history::{Attempt, History, Outcome};
use crate::operation::{Operation, Parties};

/// Among so many of the newest attempts a caller looks for something to repeat or to go on with.
const NEWEST: usize = 60;

/// How long an operation may stay open once the service runs again.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// Somebody who asks and remembers.
#[derive(Clone)]
pub struct Caller {
    pub client: Client,
    pub base: String,
    pub parties: Arc<Parties>,
    pub history: Arc<History>,
}

impl Caller {
    /// Asks once and writes it down; hangs up without an answer after a time, if one is given.
    pub async fn attempt(&self, operation: &Arc<Operation>, hang_up: Option<Duration>) -> Outcome {
        let ask = operation.request().send(&self.parties);
        let asked = Instant::now();
        let answer = match hang_up {
            // Dropping the request closes its connection.
            Some(within) => tokio::time::timeout(within, self.client.ask(&self.base, &ask)).await.ok(),
            None => Some(self.client.ask(&self.base, &ask).await),
        };
        let outcome = Outcome::of(answer.and_then(Result::ok));
        let operation = Arc::clone(operation);
        self.history.note(Attempt { operation, asked, answered: Instant::now(), outcome: outcome.clone() });
        outcome
    }

    /// Asks until it is known what came of it, also while the service is away.
    pub async fn insist(&self, operation: &Arc<Operation>) -> Outcome {
        let until = Instant::now() + SETTLED_WITHIN;
        loop {
            let outcome = self.attempt(operation, None).await;
            if outcome.is_settled() {
                return outcome;
            }
            assert!(Instant::now() < until, "never settled: {operation:?}: {outcome:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Callers at work.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// So many callers, with pauses of up to so many milliseconds. What they make up is named after `prefix`, which MUST NOT be used
    /// twice in a history. A caller that gets no answer goes home: its process is dead.
    pub fn start(caller: &Caller, callers: u64, pause_ms: u64, prefix: &str, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let one = |nth: u64| {
            let one = One {
                caller: caller.clone(),
                dice: Dice::new(seed.wrapping_mul(31).wrapping_add(nth)),
                prefix: format!("{prefix}-{nth}"),
                made: 0,
                pause_ms,
            };
            tokio::spawn(one.work(Arc::clone(&stop)))
        };
        Self { callers: (0..callers).map(one).collect(), stop }
    }

    /// Lets each have its last answer, or find that there is none to be had.
    pub async fn go_home(self) {
        self.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.await.unwrap();
        }
    }
}

struct One {
    caller: Caller,
    dice: Dice,
    prefix: String,
    made: u64,
    pause_ms: u64,
}

impl One {
    async fn work(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::SeqCst) {
            let newest = self.caller.history.newest(NEWEST);
            let name = self.name();
            for operation in (Choice { dice: &mut self.dice, name }).next(&newest) {
                // One that was cut off may have been done; the payment of an order is not made before the order was taken.
                match self.caller.attempt(&Arc::new(operation), None).await {
                    Outcome::Unknown => return,
                    Outcome::Later(_) => break,
                    Outcome::Done(_) | Outcome::Refused(_) | Outcome::Wrong(_) => {}
                }
            }
            tokio::time::sleep(Duration::from_millis(self.dice.below(self.pause_ms))).await;
        }
    }

    /// A name that nobody else has: digits, as partners' ids are.
    fn name(&mut self) -> String {
        self.made += 1;
        format!("{}-{}", self.prefix, self.made)
    }
}
