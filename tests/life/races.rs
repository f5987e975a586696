//! Races through the real sequencer: many callers at once for one invoice, many invoices at once. The seed says what is asked for; in
//! which order it arrives is the machine's choice, so what is checked is that the entries explain every answer.
//!
//! `LIFE_RACES` sets how many sequences (10,000; 2,000 on PostgreSQL), `LIFE_SEED` the seed of the first; `LIFE_ROUNDS` (200) and
//! `LIFE_RACERS` (500) how many race for one lock.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{BoxFuture, join_all};
use piaolian::base::{Code, UnixMs};
use piaolian::chain::hash::holder_hash;
use piaolian::invoice::Checked;
use piaolian::ledger::life::Event;
use piaolian::sequencer::Sealed;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::history::{Got, Sequence, explain, seen};
use super::seed::{self, Dice};
use super::stage::{IN_FLIGHT, Stage, block_on, sequences};
use super::town::{self, START};

/// Plays sequences, `IN_FLIGHT` at a time, then stops and audits; gives the database with what everybody was told.
pub fn race(
    name: &str,
    play: impl Fn(Arc<Stage>, Arc<Sequence>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
) -> (crate::database::TestDatabase, Vec<Sequence>) {
    let (first, count, begun) = (seed::first(), sequences(), Instant::now());
    println!("{name}: LIFE_SEED={first} LIFE_RACES={count}");
    let (stage, played) = block_on(async move {
        let (stage, gate) = (Arc::new(Stage::set().await), Arc::new(Semaphore::new(IN_FLIGHT)));
        let play = Arc::new(play);
        let mut tasks = Vec::new();
        for seed in first..first + count {
            let permit = Arc::clone(&gate).acquire_owned().await.unwrap();
            // Block time goes on while sequences are under way: some leases end in the middle of them.
            let gone = i64::try_from(seed - first).unwrap() * 500;
            stage.clock.set(UnixMs(START + gone));
            let (stage, play) = (Arc::clone(&stage), Arc::clone(&play));
            tasks.push(tokio::spawn(async move {
                let sequence = Arc::new(Sequence::of(seed));
                play(stage, Arc::clone(&sequence)).await;
                drop(permit);
                sequence
            }));
        }
        let mut played = Vec::new();
        for task in tasks {
            played.push(Arc::into_inner(task.await.unwrap()).unwrap());
        }
        (Arc::into_inner(stage).unwrap(), played)
    });
    println!("{name}: played in {:?}", begun.elapsed());
    let database = stage.strike();
    println!("{name}: audited after {:?}", begun.elapsed());
    (database, played)
}

/// All of them at once, on whatever threads there are.
pub async fn at_once(dice: &mut Dice, mut racers: Vec<BoxFuture<'static, ()>>) {
    dice.shuffle(&mut racers);
    for done in join_all(racers.into_iter().map(tokio::spawn)).await {
        done.unwrap();
    }
}

/// Issues a blue invoice that draws on no payment.
async fn issued(stage: &Stage, sequence: &Sequence, dice: &mut Dice) -> (String, Checked) {
    let draft = town::blue_draft(dice, 2, 1, None);
    let asked = town::issue(&format!("blue-{}", sequence.seed), 1, draft.clone());
    (sequence.say(stage, asked).await.unwrap().id(), draft)
}

/// Somebody who takes a hold and, if it was had, does something with it.
fn holds(
    stage: &Arc<Stage>,
    sequence: &Arc<Sequence>,
    (kind, id): (&'static str, String),
    holder: String,
    (then, lease): (&'static str, i64),
) -> BoxFuture<'static, ()> {
    let (stage, sequence) = (Arc::clone(stage), Arc::clone(sequence));
    Box::pin(async move {
        let name = |what: &str| format!("{what}-{}", sequence.seed);
        let body = match kind {
            "lock" => json!({"invoices": [id], "holder": holder, "lease_ms": lease}),
            _ => json!({"merchant": "M00000001", "invoice": id, "holder": holder}),
        };
        let Ok(Got { index: fence, .. }) =
            sequence.say(&stage, town::keyed(kind, &name(&format!("{kind}-{holder}")), body)).await
        else {
            return;
        };
        let mut body = json!({"invoices": [id], "holder": holder, "fence": fence});
        if then == "renew" {
            body["lease_ms"] = lease.into();
        }
        // Refused where the lease has ended, or a red letter was agreed to by nobody: the history says whether rightly.
        let _told = sequence.say(&stage, town::keyed(then, &name(then), body)).await;
    })
}

/// A red letter as somebody draws it who knows of no other.
fn reverses(
    stage: &Arc<Stage>,
    sequence: &Arc<Sequence>,
    (id, blue): (&str, &Checked),
    name: String,
    asked: &Value,
) -> Option<BoxFuture<'static, ()>> {
    let red = blue.reverse(id.try_into().unwrap(), &blue.shares().unwrap(), &town::reversal_asked(asked)).ok()?;
    let (stage, sequence) = (Arc::clone(stage), Arc::clone(sequence));
    Some(Box::pin(async move {
        let _told = sequence.say(&stage, town::reverse(&name, 1, red, None)).await;
    }))
}

#[test]
fn lock_red_letter_pledge_and_booking_at_once_stay_inside_the_table() {
    let (database, played) = race("holds", |stage, sequence| {
        Box::pin(async move {
            let mut dice = Dice::of(sequence.seed);
            let (id, blue) = issued(&stage, &sequence, &mut dice).await;
            let holders = town::holders();
            let lease = |dice: &mut Dice| dice.one_of(&[60_000, 60_000, 86_400_000]);
            let mut racers = vec![
                holds(&stage, &sequence, ("lock", id.clone()), holders[0].clone(), ("close", lease(&mut dice))),
                holds(
                    &stage,
                    &sequence,
                    ("lock", id.clone()),
                    holders[1].clone(),
                    (dice.one_of(&["close", "unlock", "renew"]), lease(&mut dice)),
                ),
                holds(
                    &stage,
                    &sequence,
                    ("pledge", id.clone()),
                    holders[2].clone(),
                    (dice.one_of(&["release", "settle", "settle"]), 0),
                ),
            ];
            let line = blue.shares().unwrap()[0];
            let part = json!({"reason": "SALES_DISCOUNT", "lines": [{"line": line.line, "total": 1}]});
            let all = json!({"reason": "ISSUE_ERROR"});
            for (name, asked) in [("part", &part), ("all", &all)] {
                racers.extend(reverses(&stage, &sequence, (&id, &blue), format!("{name}-{}", sequence.seed), asked));
            }
            at_once(&mut dice, racers).await;
        })
    });
    let (_, tally) = explain(&database, played, |_, _| {});
    println!("refused {:?}\nlet through:\n{}", tally.refused, tally.table());
    if sequences() >= 1_000 {
        for event in [Event::Lock, Event::Close, Event::Pledge, Event::Settle, Event::ReverseAll, Event::ReversePart] {
            assert!(seen(&tally, event) > 20, "{event:?} hardly ever won");
        }
    }
}

#[test]
fn of_five_hundred_racers_for_one_lock_one_wins_each_time() {
    let (first, rounds, racers) = (seed::first(), seed::number("LIFE_ROUNDS", 200), seed::number("LIFE_RACERS", 500));
    println!("one lock: LIFE_SEED={first} LIFE_ROUNDS={rounds} LIFE_RACERS={racers}");
    let begun = Instant::now();
    let identity = |nth: u64| holder_hash(&[7; 32], &format!("company-{nth}")).to_string();
    let holders: Arc<Vec<String>> = Arc::new((0..racers).map(identity).collect());
    let stage = block_on(async {
        let stage = Arc::new(Stage::set().await);
        for round in first..first + rounds {
            let sequence = Sequence::of(round);
            let (id, _) = issued(&stage, &sequence, &mut Dice::of(round)).await;
            let mut order: Vec<usize> = (0..holders.len()).collect();
            Dice::of(round).shuffle(&mut order);
            let racer = |nth: usize| {
                let (stage, holders, id) = (Arc::clone(&stage), Arc::clone(&holders), id.clone());
                tokio::spawn(async move {
                    let body = json!({"invoices": [id], "holder": holders[nth], "lease_ms": 60_000});
                    let asked = town::keyed("lock", &format!("lock-{round}"), body);
                    match stage.sequencer.submit(asked.command).await {
                        Ok(Sealed::New(_)) => true,
                        Ok(Sealed::Before(entry)) => panic!("LIFE_SEED={round}: entry {entry} was another's"),
                        Err(faults) => {
                            let fault = faults.first().unwrap();
                            assert_eq!(fault.code, Code::LedgerLifeState, "LIFE_SEED={round}: {faults}");
                            let words = faults.to_string();
                            assert!(words.contains("is locked"), "{words}");
                            assert!(
                                !words.contains("company") && !holders.iter().any(|it| words.contains(it)),
                                "{words}"
                            );
                            false
                        }
                    }
                })
            };
            let won = join_all(order.into_iter().map(racer)).await.into_iter().filter(|won| *won.as_ref().unwrap());
            assert_eq!(won.count(), 1, "LIFE_SEED={round}: winners");
        }
        Arc::into_inner(stage).unwrap()
    });
    println!("one lock: {} commands in {:?}", rounds * racers, begun.elapsed());
    let database = stage.strike();
    assert_eq!(
        database.raw().texts("SELECT state AS line FROM lives"),
        vec!["locked"; usize::try_from(rounds).unwrap()]
    );
}
