//! Callers that go about their business at once, each by dice of its own, and write down what they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::client::{Client, Dice};
use crate::history::{Attempt, History, Outcome};
use crate::operation::{Issue, Operation, Order, Parties, Pay, Refund};

/// Among so many of the newest attempts a caller looks for something to repeat, to pay back or to invoice.
const NEWEST: usize = 60;

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
        let ask = operation.send(&self.parties);
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
            for operation in self.choose() {
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

    fn fen(&mut self, most: i64) -> i64 {
        1 + i64::try_from(self.dice.below(u64::try_from(most).unwrap())).unwrap()
    }

    /// What to do next, mostly one thing.
    fn choose(&mut self) -> Vec<Operation> {
        let newest: Vec<Arc<Operation>> =
            self.caller.history.newest(NEWEST).into_iter().map(|attempt| attempt.operation).collect();
        let before = (!newest.is_empty()).then(|| Operation::clone(self.dice.pick(newest.as_slice()).as_ref()));
        let name = self.name();
        match (self.dice.below(10), before) {
            (0, Some(before)) => vec![before],
            // The same key for something else.
            (1, Some(Operation::Issue(issue))) => vec![Operation::Issue(Issue { fen: issue.fen + 1, ..issue })],
            (2..6, Some(Operation::Pay(pay))) if !pay.billed => {
                // Sometimes more than is left.
                let fen = self.fen(pay.fen);
                vec![Operation::Issue(Issue { key: name, fen, payment: Some(pay.transaction) })]
            }
            (6, Some(Operation::Pay(Pay { transaction, order, fen: paid, billed: false }))) => {
                let fen = self.fen(paid);
                vec![Operation::Refund(Refund { refund: name, transaction, order, paid, fen })]
            }
            (7, _) => {
                let fen = self.fen(100_000) + 100;
                let order = format!("order-{name}");
                let pay = Pay { transaction: name, order: order.clone(), fen, billed: true };
                vec![Operation::Order(Order { order, fen }), Operation::Pay(pay)]
            }
            (8, _) => vec![Operation::Issue(Issue { key: name, fen: self.fen(100_000) + 100, payment: None })],
            (_, _) => {
                let order = format!("order-{name}");
                vec![Operation::Pay(Pay { transaction: name, order, fen: self.fen(100_000) + 100, billed: false })]
            }
        }
    }
}
