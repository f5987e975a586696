//! Five hundred companies race for one lock over connections that they keep: one has it, the others learn that it is locked and not by
//! whom; the one goes on with its fence, and no longer when another has it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::client::{Answer, Ask, Dice, draft, issue};
use crate::company::{Company, commitment, salt};
use crate::operation::Document;
use crate::run::{number, seed};
use crate::scene::Scene;
use crate::town::{alone, block_on};
use crate::wire::Wire;

const RACERS: usize = 500;

/// Companies among them; each has more than one claim open, under salts of their own.
const COMPANIES: usize = 50;

/// A holder's commitment has so many hex digits, and nothing else in a refusal has as many.
const COMMITMENT_DIGITS: usize = 64;

struct Racer {
    nth: usize,
    wire: Wire,
    company: Company,
    salt: String,
    /// How often it was told to come back, by code.
    later: BTreeMap<String, u64>,
    asked: u64,
}

impl Racer {
    /// Asks until it is told something else than to come back.
    async fn ask(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        self.asked += 1;
        let key = format!("racer-{}-{}", self.nth, self.asked);
        let ask = Ask::post(path).by(&self.company.key).once(&key).json(body);
        loop {
            let answer = self.wire.ask(&ask).await;
            if !answer.is_later() {
                return answer;
            }
            *self.later.entry(answer.json()["code"].as_str().unwrap().to_owned()).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn lock(&mut self, document: &Document) -> Answer {
        let named = json!([{"id": document.id, "hash": document.hash}]);
        self.ask("/v1/locks", &json!({"invoices": named, "salt": self.salt})).await
    }

    async fn go_on(&mut self, way: &str, fence: u64, document: &Document) -> Answer {
        let body = json!({"invoices": [document.id], "salt": self.salt});
        self.ask(&format!("/v1/locks/{fence}/{way}"), &body).await
    }

    fn commitment(&self) -> String {
        commitment(&self.company.id, &self.salt)
    }
}

fn fence(answer: &Answer) -> u64 {
    answer.json()["fence"].as_u64().unwrap()
}

fn refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some(code)), "{}", answer.json());
}

/// Somebody who lost: it is told the state, and nothing that is as long as a commitment.
fn lost(answer: &Answer) {
    refused(answer, "LEDGER-LIFE-STATE");
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.contains("locked"), "{text}");
    let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap();
    assert!(longest < COMMITMENT_DIGITS, "{text}");
}

async fn racers(scene: &Scene) -> Vec<Racer> {
    let mut companies = Vec::new();
    for nth in 0..COMPANIES {
        companies.push(Company::admit(&scene.town, 100 + nth).await);
    }
    let mut racers = Vec::new();
    for nth in 0..RACERS {
        let (wire, company) = (Wire::to(&scene.town.base(0)).await, companies[nth % COMPANIES].clone());
        racers.push(Racer {
            nth,
            wire,
            company,
            salt: salt(&format!("racer {nth}")),
            later: BTreeMap::new(),
            asked: 0,
        });
    }
    racers
}

/// One race; gives who won.
async fn race(racers: &mut [Racer], document: &Document) -> usize {
    let answers = join_all(racers.iter_mut().map(|racer| racer.lock(document))).await;
    let won: Vec<usize> = (0..answers.len()).filter(|at| answers[*at].status == 201).collect();
    assert_eq!(won.len(), 1, "{document:?}: {} have the lock", won.len());
    let (at, held) = (won[0], &answers[won[0]]);
    answers.iter().filter(|answer| answer.status != 201).for_each(lost);
    let receipt = held.json()["receipt"]["entry"].as_str().unwrap().to_owned();
    assert!(receipt.contains(&racers[at].commitment()), "the lock is another's: {receipt}");

    // It goes on with its fence only, and another with neither.
    let (first, next) = (fence(held), (at + 1) % racers.len());
    refused(&racers[at].go_on("releases", first - 1, document).await, "LEDGER-FENCE-STALE");
    refused(&racers[next].go_on("releases", first, document).await, "LEDGER-HOLDER-OTHER");
    let released = racers[at].go_on("releases", first, document).await;
    assert_eq!(released.status, 201, "{}", released.json());
    let second = racers[next].lock(document).await;
    assert_eq!(second.status, 201, "{}", second.json());
    refused(&racers[at].go_on("bookings", first, document).await, "LEDGER-FENCE-STALE");
    refused(&racers[at].go_on("bookings", fence(&second), document).await, "LEDGER-HOLDER-OTHER");
    racers[at].nth
}

#[test]
fn of_five_hundred_racers_for_one_lock_one_has_it() {
    let _alone = alone();
    let (seed, rounds) = (seed("RACERS_SEED"), number("RACERS_ROUNDS", 200));
    block_on(async {
        let mut scene = Scene::start(&[]).await;
        let mut racers = racers(&scene).await;
        let (mut dice, mut winners, mut racing) = (Dice::new(seed), BTreeSet::new(), Duration::ZERO);
        for round in 0..rounds {
            let ask = issue(&scene.parties.merchant.key, &format!("invoice-{round}"), &draft(10_000, None));
            let document = Document::told(&scene.town.ask(0, &ask).await);
            // Who is first to ask is another each time.
            for at in (1..racers.len()).rev() {
                racers.swap(at, usize::try_from(dice.below(u64::try_from(at).unwrap() + 1)).unwrap());
            }
            let started = Instant::now();
            winners.insert(race(&mut racers, &document).await);
            racing += started.elapsed();
        }
        let report = scene.town.audit();
        let ledger = scene.ledger();
        assert_eq!(ledger.check(), Vec::<String>::new());
        let locks = ledger.entries.iter().filter(|entry| entry.kind() == "lock").count();
        // The winner's, and that of who had it next.
        assert_eq!(u64::try_from(locks).unwrap(), 2 * rounds, "{report}");
        assert!(winners.len() > 1 || rounds < 10, "the same one wins each time");
        let mut later = BTreeMap::<String, u64>::new();
        for (code, count) in racers.iter().flat_map(|racer| &racer.later) {
            *later.entry(code.clone()).or_default() += count;
        }
        let asked = racers.iter().map(|racer| racer.asked).sum::<u64>() + later.values().sum::<u64>();
        println!(
            "RACERS_SEED={seed}: {RACERS} racers, {rounds} rounds, one winner each ({} different ones), 0 lost, 0 doubled; \
             {asked} requests in {racing:?}: {} a second; told to come back: {later:?}",
            winners.len(),
            u128::from(asked) * 1_000 / racing.as_millis().max(1)
        );
        scene.town.stop();
    });
}
