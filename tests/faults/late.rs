//! Holders that come too late, while the service is killed: who gave an invoice back has nothing to say about it any more, whoever has
//! it now and however often the late one asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::callers::Caller;
use crate::client::{Answer, Dice};
use crate::history::Outcome;
use crate::operation::{Document, GoOn, Hold, Issue, Lock, Operation, Way};
use crate::run::{number, seed};
use crate::scene::Scene;
use crate::town::{alone, block_on};

/// The shortest lease there is: 1 minute. The time of the built program can't be moved; `tests/ledger/clocks.rs` moves the ledger's.
const LEASE_MS: i64 = 60_000;

/// Kills within one life, and how long after its begin or the last one they come, at most: together about as long as a life takes.
const KILLS: u64 = 3;
const KILL_AFTER_MS: u64 = 60;

/// One invoice's life.
struct Life {
    caller: Caller,
    name: String,
    asked: u64,
}

impl Life {
    async fn insist(&mut self, operation: impl FnOnce(String) -> Operation) -> Outcome {
        self.asked += 1;
        let operation = operation(format!("{}-{}", self.name, self.asked));
        self.caller.insist(&Arc::new(operation)).await
    }

    async fn done(&mut self, operation: impl FnOnce(String) -> Operation) -> Answer {
        match self.insist(operation).await {
            Outcome::Done(answer) => answer,
            outcome @ (Outcome::Refused(_) | Outcome::Later(_) | Outcome::Unknown | Outcome::Wrong(_)) => {
                panic!("{}: {outcome:?}", self.name)
            }
        }
    }

    async fn lock(&mut self, company: usize, document: &Document) -> Hold {
        let (invoices, lease_ms) = (vec![document.clone()], Some(LEASE_MS));
        let answer = self.done(|key| Operation::Lock(Lock { key, company, invoices, lease_ms })).await;
        Hold { company, fence: answer.json()["fence"].as_u64().unwrap() }
    }

    /// Each way to go on with a hold must be refused with this code.
    async fn refused(&mut self, hold: Hold, document: &Document, code: &str) -> u64 {
        let ways = [Way::Renew, Way::Unlock, Way::Book];
        for way in ways {
            let invoices = vec![document.clone()];
            let outcome = self.insist(|key| Operation::GoOn(GoOn { key, hold, invoices, way })).await;
            assert_eq!(outcome, Outcome::Refused(code.to_owned()), "{}: {way:?}", self.name);
        }
        3
    }

    /// Gives how many came too late and were refused.
    async fn live(mut self) -> u64 {
        let fen = 10_000;
        let issued = self.done(|key| Operation::Issue(Issue { key, fen, payment: None })).await;
        let document = Document::told(&issued);
        let first = self.lock(0, &document).await;
        let go_on = |hold, way| {
            let invoices = vec![document.clone()];
            move |key| Operation::GoOn(GoOn { key, hold, invoices, way })
        };
        self.done(go_on(first, Way::Unlock)).await;
        let second = self.lock(1, &document).await;
        assert!(second.fence > first.fence, "a fence that goes back");
        let mut refused = self.refused(first, &document, "LEDGER-FENCE-STALE").await;
        // It may know the fence: it is not who holds it.
        let thief = Hold { company: first.company, ..second };
        refused += self.refused(thief, &document, "LEDGER-HOLDER-OTHER").await;
        self.done(go_on(second, Way::Renew)).await;
        refused += self.refused(first, &document, "LEDGER-FENCE-STALE").await;
        self.done(go_on(second, Way::Book)).await;
        refused + self.refused(first, &document, "LEDGER-LIFE-STATE").await
    }
}

#[test]
fn a_holder_that_comes_too_late_is_refused_each_time_though_the_service_is_killed() {
    let _alone = alone();
    let (seed, rounds) = (seed("FAULTS_SEED"), number("LATE_ROUNDS", 20));
    let started = Instant::now();
    block_on(async {
        let mut scene = Scene::start(&[]).await;
        let (mut dice, mut refused) = (Dice::new(seed), 0);
        for round in 0..rounds {
            let life = Life { caller: scene.caller(), name: format!("late-{round}"), asked: 0 };
            let life = tokio::spawn(life.live());
            for _ in 0..KILLS {
                tokio::time::sleep(Duration::from_millis(dice.below(KILL_AFTER_MS))).await;
                scene.town.kill(0);
                scene.restart(&[]).await;
            }
            refused += life.await.unwrap();
            scene.check();
        }
        let report = scene.check();
        scene.town.stop();
        assert!(report.unknown > 0 || rounds < 20, "no kill met anybody");
        println!(
            "FAULTS_SEED={seed}: {rounds} rounds with {KILLS} kills each, {refused} times too late and refused: {report}; restart to \
             first answer at most {:?}, {:?} in all",
            scene.longest,
            started.elapsed()
        );
    });
}
