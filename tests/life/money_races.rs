//! Races for money: red letters for one invoice, and invoices, refunds and red letters for one payment.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use piaolian::invoice::Checked;
use piaolian::ledger::state::Reader as _;
use serde_json::{Value, json};

use super::history::{Sequence, explain};
use super::races::{at_once, race};
use super::seed::Dice;
use super::stage::Stage;
use super::town;

/// A red letter drawn from what the database says is left; drawn anew when that was out of date.
async fn reverse(stage: &Stage, sequence: &Sequence, (blue, id): (&Checked, &str), name: &str, asked: &Value) {
    // Some give up soon, as a desk does that is told to.
    for attempt in 0..1 + sequence.seed % 3 {
        let (key, number) = (format!("{name}-{}-{attempt}", sequence.seed), id.try_into().unwrap());
        let read = move |reader: &mut piaolian::store::Reader<'_>| {
            let entry = reader.invoice(&number)?.map(|invoice| invoice.entry).unwrap_or_default();
            reader.reversal(entry)
        };
        let left = match stage.store.read(read).await.unwrap() {
            Some(reversal) => reversal.left().unwrap(),
            None => blue.shares().unwrap(),
        };
        // Not enough is left: nothing to send.
        let Ok(red) = blue.reverse(number, &left, &town::reversal_asked(asked)) else { return };
        if sequence.say(stage, town::reverse(&key, 1, red, None)).await.is_ok() {
            return;
        }
    }
}

/// A part of an invoice: some lines by quantity or money.
fn part(dice: &mut Dice, blue: &Checked) -> Value {
    let shares = blue.shares().unwrap();
    let mut lines = Vec::new();
    for share in shares.iter().filter(|share| share.total.is_positive()) {
        match (share.quantity, dice.below(4)) {
            (_, 0) => {}
            (_, 1) => lines.push(json!({"line": share.line})),
            (Some(quantity), 2) => {
                let part = i128::from(quantity.scaled()) / i128::from(dice.between(1..4));
                lines.push(json!({"line": share.line, "quantity": super::money::written(part)}));
            }
            _ => lines.push(json!({"line": share.line, "total": dice.between(1..share.total.get() + 1)})),
        }
    }
    if lines.is_empty() {
        lines.push(json!({"line": shares.iter().find(|share| share.total.is_positive()).unwrap().line, "total": 1}));
    }
    json!({"reason": "SALES_RETURN", "lines": lines})
}

#[test]
fn red_letters_that_race_leave_what_the_oracle_says() {
    let (database, played) = race("red letters", |stage, sequence| {
        Box::pin(async move {
            let mut dice = Dice::of(sequence.seed);
            let blue = town::blue_draft(&mut dice, 2, 1, None);
            let asked = town::issue(&format!("blue-{}", sequence.seed), 1, blue.clone());
            let id = sequence.say(&stage, asked).await.unwrap().id();
            let wishes = [json!({"reason": "ISSUE_ERROR"}), part(&mut dice, &blue), part(&mut dice, &blue)];
            let racer = |(nth, wish): (usize, Value)| -> BoxFuture<'static, ()> {
                let (stage, sequence) = (Arc::clone(&stage), Arc::clone(&sequence));
                let (blue, id) = (blue.clone(), id.clone());
                Box::pin(async move { reverse(&stage, &sequence, (&blue, &id), &format!("red-{nth}"), &wish).await })
            };
            let racers = wishes.into_iter().enumerate().map(racer).collect();
            at_once(&mut dice, racers).await;
        })
    });
    let (model, tally) = explain(&database, played, |_, _| {});
    let letters: Vec<u64> = model.blues.values().map(|blue| blue.letters).collect();
    let full = model.blues.values().filter(|blue| blue.sums().left() == 0).count();
    let by_count = |count: u64| letters.iter().filter(|letters| **letters == count).count();
    println!(
        "refused {:?}; invoices with 1, 2, 3 red letters: {}, {}, {}; reversed in full: {full}",
        tally.refused,
        by_count(1),
        by_count(2),
        by_count(3)
    );
    assert!(letters.iter().all(|letters| (1..=3).contains(letters)));
    if letters.len() >= 1_000 {
        assert!((1..=3).all(|count| by_count(count) > 20) && full > 20);
    }
}

/// What the entries say of a payment, counted without any model.
#[derive(Debug, Default)]
struct Counted {
    paid: i64,
    given_back: i64,
    invoiced: i64,
}

/// Invoices of a payment never exceed what was paid less what is refunded, and no invoice is issued on money that was given back.
fn holds(counted: &mut BTreeMap<String, Counted>, entry: &Value) {
    let (body, draft) = (&entry["body"], &entry["draft"]);
    let name = body.get("transaction").or_else(|| draft.get("payment")?.get("transaction")).and_then(Value::as_str);
    let Some(name) = name else { return };
    let payment = counted.entry(name.to_owned()).or_default();
    match entry["kind"].as_str().unwrap() {
        "record_payment" => payment.paid = body["paid"].as_i64().unwrap(),
        "record_refund" => payment.given_back += body["amount"].as_i64().unwrap(),
        "issue" => {
            payment.invoiced += draft["total"].as_i64().unwrap();
            assert!(payment.invoiced <= payment.paid - payment.given_back, "{payment:?}: {entry}");
        }
        "reverse" => payment.invoiced += draft["total"].as_i64().unwrap(),
        other => panic!("{other} is about a payment"),
    }
    assert!(
        payment.given_back <= payment.paid && (0..=payment.paid).contains(&payment.invoiced),
        "{payment:?}: {entry}"
    );
}

#[test]
fn invoices_of_a_payment_never_exceed_what_is_paid_and_not_refunded() {
    let (database, played) = race("payments", |stage, sequence| {
        Box::pin(async move {
            let mut dice = Dice::of(sequence.seed);
            let name = format!("transaction-{}", sequence.seed);
            let drafts: Vec<Checked> = (0..3).map(|_| town::blue_draft(&mut dice, 2, 1, Some(&name))).collect();
            let sum: i64 = drafts.iter().map(|draft| draft.total().get()).sum();
            let paid = dice.between(sum * 2 / 3..sum * 5 / 4 + 2).max(1);
            sequence.say(&stage, town::payment(&name, 1, paid)).await.unwrap();
            let mut racers: Vec<BoxFuture<'static, ()>> = Vec::new();
            for (nth, draft) in drafts.into_iter().enumerate() {
                let (stage, sequence) = (Arc::clone(&stage), Arc::clone(&sequence));
                let wish = dice
                    .chance(40)
                    .then(|| if dice.chance(50) { part(&mut dice, &draft) } else { json!({"reason": "ISSUE_ERROR"}) });
                racers.push(Box::pin(async move {
                    let asked = town::issue(&format!("blue-{nth}-{}", sequence.seed), 1, draft.clone());
                    if let (Ok(got), Some(wish)) = (sequence.say(&stage, asked).await, wish) {
                        reverse(&stage, &sequence, (&draft, &got.id()), &format!("red-{nth}"), &wish).await;
                    }
                }));
            }
            for nth in 0..2 {
                let (stage, sequence) = (Arc::clone(&stage), Arc::clone(&sequence));
                let asked =
                    town::refund(&format!("refund-{nth}-{}", sequence.seed), &name, dice.between(1..paid * 2 / 3 + 2));
                racers.push(Box::pin(async move {
                    let _told = sequence.say(&stage, asked).await;
                }));
            }
            at_once(&mut dice, racers).await;
        })
    });
    let (mut counted, mut blocks) = (BTreeMap::new(), 0_u64);
    let (model, tally) = explain(&database, played, |model, fresh| {
        blocks += 1;
        fresh.iter().for_each(|entry| holds(&mut counted, entry));
        for name in fresh.iter().filter_map(|entry| entry["body"]["transaction"].as_str()) {
            let paid = &model.payments[name];
            assert!(paid.invoiced <= paid.paid - paid.refunded && paid.awaiting >= 0, "{paid:?}");
        }
    });
    let awaiting = model.payments.values().filter(|paid| paid.awaiting > 0).count();
    for (name, paid) in &model.payments {
        let counted: &Counted = &counted[name];
        assert_eq!((counted.invoiced, counted.given_back), (paid.invoiced, paid.refunded + paid.awaiting), "{name}");
    }
    println!(
        "refused {:?}; accepted {:?}; {blocks} blocks; refunds that await a red letter: {awaiting}",
        tally.refused, tally.accepted
    );
    if model.payments.len() >= 1_000 {
        assert!(awaiting > 20, "no refund ever came after the invoices");
    }
}
