//! kill -9 at random moments under load: nothing that was told is lost, nothing is there twice, and the next process is there soon.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::callers::Crowd;
use crate::client::Dice;
use crate::history::{Report, print_kinds};
use crate::run::{number, seed};
use crate::scene::Scene;
use crate::town::{alone, block_on};

/// After so many rounds a new ledger is begun: each is audited whole after each kill.
const ROUNDS_A_LEDGER: u64 = 25;

const CALLERS: u64 = 8;

/// Between what one caller does and what it does next, at most.
const PAUSE_MS: u64 = 160;

/// A kill comes so long after the callers have begun.
const KILL_AFTER_MS: std::ops::Range<u64> = 50..400;

/// What callers do, as entries name it: each is met by kills.
const KINDS: [&str; 14] = [
    "record_payment",
    "record_refund",
    "issue",
    "reverse",
    "lock",
    "renew",
    "unlock",
    "close",
    "pledge",
    "release",
    "settle",
    "claim",
    "open_confirmation",
    "answer_confirmation",
];

#[test]
fn a_process_killed_at_any_moment_loses_nothing_and_doubles_nothing() {
    let _alone = alone();
    let (seed, rounds) = (seed("FAULTS_SEED"), number("FAULTS_ROUNDS", 100));
    let started = Instant::now();
    let (mut done, mut acknowledged, mut unheard, mut longest) = (0, 0, 0, Duration::ZERO);
    let mut kinds = BTreeMap::<String, usize>::new();
    while done < rounds {
        let more = ROUNDS_A_LEDGER.min(rounds - done);
        let (report, met, took) = block_on(one_ledger(seed.wrapping_add(done), more));
        println!("kills {}..{}: {report}", done + 1, done + more);
        acknowledged += report.acknowledged;
        for (kind, count) in report.kinds {
            *kinds.entry(kind).or_default() += count;
        }
        unheard += met;
        longest = longest.max(took);
        done += more;
    }
    println!(
        "FAULTS_SEED={seed}: {done} kills, {acknowledged} acknowledged entries ({unheard} durable when the kill \
         took their answer), 0 lost, 0 doubled, restart to first answer at most \
         {longest:?}, {:?} in all",
        started.elapsed()
    );
    print_kinds(&kinds);
    let missing: Vec<_> = KINDS.iter().filter(|kind| !kinds.contains_key(**kind)).collect();
    assert!(missing.is_empty() || rounds < 100, "nobody ever did {missing:?}");
    // Otherwise kills came when nothing was going on, and this has shown nothing.
    assert!(unheard > 0 || rounds < 20, "no kill met an answer on its way");
}

/// Kills and restarts over one ledger.
async fn one_ledger(seed: u64, rounds: u64) -> (Report, usize, Duration) {
    let mut scene = Scene::start(&[]).await;
    let mut dice = Dice::new(seed);
    for round in 0..rounds {
        let crowd = Crowd::start(&scene.caller(), CALLERS, PAUSE_MS, &format!("{round}"), seed.wrapping_add(round));
        let wait = KILL_AFTER_MS.start + dice.below(KILL_AFTER_MS.end - KILL_AFTER_MS.start);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        scene.town.kill(0);
        crowd.go_home().await;
        scene.restart(&[]).await;
        scene.settle().await;
        scene.check();
    }
    scene.delivered().await;
    let report = scene.check();
    scene.town.stop();
    (report, scene.unheard, scene.longest)
}
