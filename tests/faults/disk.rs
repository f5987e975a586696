//! A disk that is full, and one that fails, at every single write and sync.
//!
//! Full: callers are told 507 and to come back, nothing is half done, and it goes on by itself once there is room. Failing: nobody is
//! told anything any more, the process ends at once and says why, and the next one finds everything that was told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::callers::{Caller, Crowd};
use crate::history::Outcome;
use crate::operation::{Document, Issue, Lock, Operation, Pay, Refund, Reverse};
use crate::run::{number, seed};
use crate::scene::Scene;
use crate::shim::{Calls, Files, Kind, Shim};
use crate::town::{alone, block_on};

/// No commit of these takes more calls.
const CALLS_MAX: u64 = 2_000;

/// What a process ends with when its disk fails (EX_IOERR).
const DISK_FAILED: i32 = 74;

/// How soon it has ended.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A scene on a disk that does as it is told.
async fn scene() -> (Scene, Shim, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let shim = Shim::in_folder(folder.path());
    let scene = Scene::start(&shim.environment()).await;
    (scene, shim, folder)
}

/// An invoice that stories go on with, issued while the disk is well.
async fn issued(caller: &Caller, key: String, fen: i64) -> Document {
    let issue = Arc::new(Operation::Issue(Issue { key, fen, payment: None }));
    match caller.attempt(&issue, None).await {
        Outcome::Done(answer) => Document::told(&answer),
        outcome @ (Outcome::Refused(_) | Outcome::Later(_) | Outcome::Unknown | Outcome::Wrong(_)) => {
            panic!("{outcome:?}: {issue:?}")
        }
    }
}

/// Fen of an invoice that every story takes a part of back.
const LARGE: i64 = 100_000_000;

/// A payment, an invoice on it, some of the rest paid back, a part of another invoice taken back: four commits.
fn money(name: &str, large: &Document) -> Vec<Arc<Operation>> {
    let (transaction, order) = (format!("{name}-t"), format!("{name}-o"));
    let pay = Pay { transaction: transaction.clone(), order: order.clone(), fen: 10_000, billed: false };
    let issue = Issue { key: format!("{name}-i"), fen: 4_000, payment: Some(transaction.clone()) };
    let refund = Refund { refund: format!("{name}-b"), transaction, order, paid: 10_000, fen: 2_000 };
    let reverse = Reverse { key: format!("{name}-r"), invoice: large.id.clone(), part: Some(100), confirmation: None };
    let story = [Operation::Pay(pay), Operation::Issue(issue), Operation::Refund(refund), Operation::Reverse(reverse)];
    story.into_iter().map(Arc::new).collect()
}

/// The same, and then a lock of an invoice that is issued here for it.
async fn story(caller: &Caller, name: &str, large: &Document) -> Vec<Arc<Operation>> {
    let invoices = vec![issued(caller, format!("{name}-s"), 1_000).await];
    let lock = Operation::Lock(Lock { key: format!("{name}-l"), company: 0, invoices, lease_ms: None });
    money(name, large).into_iter().chain([Arc::new(lock)]).collect()
}

/// Tells a story on a full disk: each part is done, refused since an earlier one is missing, or told that there is no room.
async fn told_full(caller: &Caller, story: &[Arc<Operation>]) -> u64 {
    let mut full = 0;
    for operation in story {
        match caller.attempt(operation, None).await {
            Outcome::Done(_) | Outcome::Refused(_) => {}
            Outcome::Later(code) if code == "STORE-FULL" => full += 1,
            outcome @ (Outcome::Later(_) | Outcome::Unknown | Outcome::Wrong(_)) => {
                panic!("on a full disk: {outcome:?}: {operation:?}")
            }
        }
    }
    full
}

/// Whether a full disk was met again, since the last time, by a write that no caller waits for.
async fn behind_the_scenes(scene: &Scene, before: &mut usize) -> bool {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        let log = scene.town.log(0);
        let met =
            ["could not be brought over", "the outbox could not be worked on"].map(|said| log.matches(said).count());
        let met: usize = met.iter().sum();
        if met > *before || Instant::now() > until {
            return met > std::mem::replace(before, met);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_disk_that_is_full_from_any_write_on_refuses_until_there_is_room() {
    let _alone = alone();
    block_on(async {
        let (mut scene, shim, _folder) = scene().await;
        let (caller, mut behind_before) = (scene.caller(), 0);
        let large = issued(&caller, "large".to_owned(), LARGE).await;
        for (kind, once) in
            [(Kind::NoSpace, false), (Kind::NoSpace, true), (Kind::Short, true), (Kind::ShortThenNoSpace, false)]
        {
            let started = Instant::now();
            let (mut nth, mut full) = (1, 0);
            loop {
                let story = story(&caller, &format!("{kind:?}-{once}-{nth}"), &large).await;
                shim.fail(kind, Calls::Writes, Files::Any, nth..if once { nth + 1 } else { u64::MAX });
                let refused = told_full(&caller, &story).await;
                if shim.mend() == 0 {
                    break;
                }
                // What was cut short by one write is finished by the next; a write after a commit, or of the outbox, concerns no caller.
                let behind = refused == 0 && kind != Kind::Short && behind_the_scenes(&scene, &mut behind_before).await;
                assert_eq!(refused > 0, kind != Kind::Short && !behind, "{kind:?} at write {nth}: {refused} were told");
                full += refused;
                // By itself, at once; what was refused for want of an earlier part is asked again too.
                for operation in &story {
                    let outcome = caller.attempt(operation, None).await;
                    assert!(matches!(outcome, Outcome::Done(_)), "{kind:?} at write {nth}: {outcome:?}: {operation:?}");
                }
                if nth % 30 == 0 {
                    scene.check();
                }
                nth += 1;
                assert!(nth < CALLS_MAX, "no end of writes");
            }
            assert!(nth > 20, "a story has more writes than {nth}");
            let report = scene.check();
            println!(
                "{kind:?} (once: {once}) at each of {} writes: {full} times 507; {report}; {:?}",
                nth - 1,
                started.elapsed()
            );
        }
        scene.town.stop();
    });
}

#[test]
fn a_disk_that_is_full_now_and_then_under_load_needs_no_restart() {
    let _alone = alone();
    let (seed, cycles) = (seed("FAULTS_SEED"), number("FAULTS_CYCLES", 10));
    block_on(async {
        let (mut scene, shim, _folder) = scene().await;
        let crowd = Crowd::start(&scene.caller(), 4, 60, "full", seed);
        for cycle in 0..cycles {
            tokio::time::sleep(Duration::from_millis(150)).await;
            shim.fail(Kind::NoSpace, Calls::Writes, Files::Any, 1..u64::MAX);
            let full = Instant::now();
            tokio::time::sleep(Duration::from_millis(300)).await;
            let freed = Instant::now();
            shim.mend();
            let attempts = scene.history.attempts();
            let during = attempts.iter().filter(|attempt| attempt.asked > full && attempt.answered < freed);
            let told = during.filter(|attempt| attempt.outcome == Outcome::Later("STORE-FULL".to_owned())).count();
            assert!(told > 0, "cycle {cycle}: nobody was told in 300 ms");
            scene.town.audit();
        }
        crowd.go_home().await;
        scene.settle().await;
        scene.delivered().await;
        let report = scene.check();
        println!("FAULTS_SEED={seed}: full and freed {cycles} times: {report}");
        scene.town.stop();
    });
}

/// Lets something fail under a story, and holds the process to its word: it ends, says why, and the next one has everything.
async fn ends_and_comes_back(scene: &mut Scene, shim: &Shim, story: &[Arc<Operation>], what: &str) -> bool {
    let caller = scene.caller();
    for operation in story {
        match caller.attempt(operation, None).await {
            Outcome::Done(_) => {}
            Outcome::Unknown => break,
            outcome @ (Outcome::Refused(_) | Outcome::Later(_) | Outcome::Wrong(_)) => {
                panic!("{what}: {outcome:?}: {operation:?}")
            }
        }
    }
    if shim.mend() == 0 {
        return false;
    }
    let ended = scene.town.ended(0, ENDS_WITHIN).await.unwrap_or_else(|| panic!("{what}: the process goes on"));
    assert_eq!(ended.code(), Some(DISK_FAILED), "{what}: {ended}");
    let log = scene.town.log(0);
    let last: Vec<&str> = log.lines().rev().take(5).collect();
    let why = |line: &&str| line.contains("STORE-FAILING") && line.contains("disk I/O error");
    assert!(last.iter().any(why), "{what}: it does not say why: {last:#?}");
    scene.restart(&[]).await;
    scene.settle().await;
    scene.check();
    true
}

#[test]
fn a_process_whose_disk_fails_in_a_commit_ends_and_the_next_one_has_everything() {
    let _alone = alone();
    block_on(async {
        let (mut scene, shim, _folder) = scene().await;
        let large = issued(&scene.caller(), "large".to_owned(), LARGE).await;
        for calls in [Calls::Writes, Calls::Syncs] {
            let (started, mut nth) = (Instant::now(), 1);
            loop {
                let what = format!("EIO at call {nth} of {calls:?}");
                // Three commits: the first after a start, and two that find everything in place.
                let story = money(&format!("{calls:?}-{nth}"), &large);
                let story: Vec<_> = [0, 1, 3].map(|part| Arc::clone(&story[part])).into();
                shim.fail(Kind::Failed, calls, Files::Any, nth..nth + 1);
                if !ends_and_comes_back(&mut scene, &shim, &story, &what).await {
                    break;
                }
                nth += 1;
                assert!(nth < CALLS_MAX, "no end of calls");
            }
            assert!(nth > 2, "three commits have more {calls:?} than {}", nth - 1);
            println!("EIO at each of {} {calls:?}: {}; {:?}", nth - 1, scene.check(), started.elapsed());
        }
        scene.town.stop();
        println!("restart to first answer at most {:?}", scene.longest);
    });
}

/// Calls on the database file that fail, of the some hundred that bring the log over.
const MAIN_NTHS: [u64; 4] = [1, 2, 10, 50];

#[test]
fn a_process_whose_disk_fails_between_commits_ends_too() {
    let _alone = alone();
    block_on(async {
        let (mut scene, shim, _folder) = scene().await;
        let large = issued(&scene.caller(), "large".to_owned(), LARGE).await;
        let mut told = 0;
        let syncs = [(Calls::Syncs, 1)];
        for (calls, nth) in MAIN_NTHS.into_iter().map(|nth| (Calls::Writes, nth)).chain(syncs) {
            shim.fail(Kind::Failed, calls, Files::Main, nth..nth + 1);
            let what = format!("EIO at call {nth} of {calls:?} of the database file");
            let before = told;
            while shim.fired() == 0 {
                told += 1;
                assert!(told < before + 500, "{what}: the log is never brought over");
                let caller = scene.caller();
                for operation in money(&format!("main-{told}"), &large) {
                    if caller.attempt(&operation, None).await == Outcome::Unknown {
                        break;
                    }
                }
            }
            assert!(ends_and_comes_back(&mut scene, &shim, &[], &what).await);
        }
        println!("EIO in the database file at writes {MAIN_NTHS:?} and its sync: {}", scene.check());
        scene.town.stop();
    });
}
