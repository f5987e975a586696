//! Death at each named step of a batch's way, and the same step done with its answer lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use piaolian::base::step::Step;

use crate::callers::Crowd;
use crate::client::Dice;
use crate::history::Outcome;
use crate::operation::{Issue, Operation, Pay};
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

#[test]
fn an_answer_that_is_lost_at_any_step_is_the_same_when_asked_for_again() {
    let _alone = alone();
    let (seed, times) = (seed("FAULTS_SEED"), number("FAULTS_TIMES", 5));
    block_on(async {
        let mut scene = Scene::start(&[]).await;
        let mut dice = Dice::new(seed);
        scene.town.stop();
        let mut lost = 0;
        for step in Step::ALL {
            let pauses = format!("{}=sleep({PAUSE_MS})", step.as_str());
            scene.restart(&[("FAILPOINTS", &pauses)]).await;
            let caller = scene.caller();
            for time in 0..times {
                let name = format!("{}-{time}", step.as_str());
                let fen = 1_000 + i64::try_from(dice.below(100_000)).unwrap();
                let pay = Pay { transaction: format!("{name}-t"), order: format!("{name}-o"), fen, billed: false };
                let issue = Issue { key: format!("{name}-k"), fen, payment: Some(pay.transaction.clone()) };
                for operation in [Operation::Pay(pay), Operation::Issue(issue)] {
                    let operation = Arc::new(operation);
                    lost += usize::from(caller.attempt(&operation, Some(HANG_UP)).await == Outcome::Unknown);
                    let again = caller.attempt(&operation, None).await;
                    assert!(matches!(again, Outcome::Done(_)), "{pauses}: {operation:?}: {again:?}");
                    assert_eq!(caller.attempt(&operation, None).await, again, "{pauses}: {operation:?}");
                }
            }
            scene.delivered().await;
            scene.check();
            scene.town.stop();
        }
        // Nobody waits for the outbox; at each other step every first answer is lost.
        let most = usize::try_from(times).unwrap() * 2 * (Step::ALL.len() - 1);
        assert!(lost >= most, "only {lost} of {most} answers were lost");
        println!(
            "FAULTS_SEED={seed}: {lost} answers lost at {} steps, each the same when asked for again",
            Step::ALL.len()
        );
    });
}
