//! Death at each named step of a batch's way, and the same step done with its answer lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use piaolian::base::step::Step;

use crate::callers::Crowd;
use crate::client::{Answer, Dice};
use crate::history::Outcome;
use crate::operation::{Document, GoOn, Hold, Issue, Lock, Open, Operation, Pay, Pledge, Reverse, Way};
use crate::run::{number, seed};
use crate::scene::Scene;
use crate::town::{alone, block_on};

/// A step is passed at least so often while callers are at work, so that the process dies.
const DIES_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn a_process_that_dies_at_any_step_loses_nothing_and_takes_up_what_it_left() {
    let _alone = alone();
    let (seed, times) = (seed("FAULTS_SEED"), number("FAULTS_TIMES", 5));
    let started = Instant::now();
    block_on(async {
        let mut scene = Scene::start(&[]).await;
        let mut dice = Dice::new(seed);
        scene.town.stop();
        for step in Step::ALL {
            for time in 0..times {
                let dies = format!("{}={}*off->return", step.as_str(), dice.below(25));
                scene.restart(&[("FAILPOINTS", &dies)]).await;
                let prefix = format!("{}-{time}", step.as_str());
                let crowd = Crowd::start(&scene.caller(), 8, 20, &prefix, dice.below(u64::MAX));
                let ended = scene.town.ended(0, DIES_WITHIN).await;
                let ended = ended.unwrap_or_else(|| panic!("{dies}: the process lives"));
                assert!(!ended.success(), "{dies}: {ended}");
                crowd.go_home().await;
                scene.restart(&[]).await;
                scene.settle().await;
                scene.delivered().await;
                scene.check();
                scene.town.stop();
            }
            println!("died at {} {times} times", step.as_str());
        }
        scene.restart(&[]).await;
        let report = scene.check();
        scene.town.stop();
        println!(
            "FAULTS_SEED={seed}: {} steps x {times} deaths: {report}; restart to first answer at most {:?}, {:?} in all",
            Step::ALL.len(),
            scene.longest,
            started.elapsed()
        );
    });
}

/// How long a step takes, and when the caller hangs up.
const PAUSE_MS: u64 = 200;
const HANG_UP: Duration = Duration::from_millis(80);

/// What a caller does from the beginning on, each part with the answers to those before it.
struct Story {
    name: String,
    fen: i64,
    told: Vec<Answer>,
}

impl Story {
    /// The next part of one of five stories: an invoice on a payment, reversed in part; one that is locked and given back; locked and
    /// booked; pledged and settled; and one that is reversed as its sheet says.
    fn next(&self, which: u64) -> Option<Operation> {
        let (key, fen) = (format!("{}-{}", self.name, self.told.len()), self.fen);
        let transaction = format!("{}-t", self.name);
        let paid = which.is_multiple_of(5);
        let document = || Document::told(&self.told[if paid { 1 } else { 0 }]);
        let held = || Hold { company: 0, fence: self.told[1].json()["fence"].as_u64().unwrap() };
        let operation = match (which % 5, self.told.len()) {
            (0, 0) => Operation::Pay(Pay { transaction, order: format!("{}-o", self.name), fen, billed: false }),
            (0, 1) => Operation::Issue(Issue { key, fen, payment: Some(transaction) }),
            (0, 2) => Operation::Reverse(Reverse { key, invoice: document().id, part: Some(7), confirmation: None }),
            (_, 0) => Operation::Issue(Issue { key, fen, payment: None }),
            (1 | 2, 1) => Operation::Lock(Lock { key, company: 0, invoices: vec![document()], lease_ms: None }),
            (1, 2) => Operation::GoOn(GoOn { key, hold: held(), invoices: vec![document()], way: Way::Unlock }),
            (2, 2) => Operation::GoOn(GoOn { key, hold: held(), invoices: vec![document()], way: Way::Book }),
            (3, 1) => Operation::Pledge(Pledge { key, company: 0, invoice: document() }),
            (3, 2) => Operation::GoOn(GoOn { key, hold: held(), invoices: vec![document()], way: Way::Settle }),
            (4, 1) => {
                let (invoice, by) = (document().id, None);
                Operation::Open(Open { key, invoice, part: None, by, hold: None })
            }
            (4, 2) => {
                let confirmation = self.told[1].json()["confirmation"].as_u64();
                Operation::Reverse(Reverse { key, invoice: document().id, part: None, confirmation })
            }
            (_, _) => return None,
        };
        Some(operation)
    }
}

#[test]
fn an_answer_that_is_lost_at_any_step_is_the_same_when_asked_for_again() {
    let _alone = alone();
    let (seed, times) = (seed("FAULTS_SEED"), number("FAULTS_TIMES", 5));
    block_on(async {
        let mut scene = Scene::start(&[]).await;
        let mut dice = Dice::new(seed);
        scene.town.stop();
        let (mut asked, mut lost, mut most) = (0, 0, 0);
        for step in Step::ALL {
            let pauses = format!("{}=sleep({PAUSE_MS})", step.as_str());
            scene.restart(&[("FAILPOINTS", &pauses)]).await;
            let caller = scene.caller();
            let before = asked;
            for time in 0..times {
                let fen = 1_000 + i64::try_from(dice.below(100_000)).unwrap();
                let mut story = Story { name: format!("{}-{time}", step.as_str()), fen, told: Vec::new() };
                while let Some(operation) = story.next(time) {
                    let operation = Arc::new(operation);
                    asked += 1;
                    lost += usize::from(caller.attempt(&operation, Some(HANG_UP)).await == Outcome::Unknown);
                    let again = caller.attempt(&operation, None).await;
                    assert_eq!(caller.attempt(&operation, None).await, again, "{pauses}: {operation:?}");
                    let Outcome::Done(answer) = again else { panic!("{pauses}: {operation:?}: {again:?}") };
                    story.told.push(answer);
                }
            }
            // Nobody waits for the outbox; at each other step every first answer is lost.
            if step != Step::BeforeOutboxSend {
                most += asked - before;
            }
            scene.delivered().await;
            scene.check();
            scene.town.stop();
        }
        assert!(lost >= most, "only {lost} of {most} answers were lost");
        println!(
            "FAULTS_SEED={seed}: {lost} answers lost at {} steps, each the same when asked for again: {}",
            Step::ALL.len(),
            scene.history.check(&scene.ledger())
        );
    });
}
