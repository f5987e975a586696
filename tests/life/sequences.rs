//! Random sequences of commands over a few invoices: model and ledger agree on every one, and the entries alone give the same ledger again.
//!
//! `LIFE_CASES` sets how many sequences (10,000; 2,000 in a run on PostgreSQL, since no database is in it), `LIFE_SEED` the seed of the first; a failure names the seed that it can be had with
//! again, alone.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::moves::Hand;
use super::play::{Play, Tally};
use super::seed::{self, Dice};
use super::town::{self, Asked};

/// Commands in a sequence, after those that set it up.
const STEPS: std::ops::Range<i64> = 12..48;

/// Towns to choose from: their blue invoices are signed once.
const TOWNS: usize = 32;

/// Merchants, payments and blue invoices.
struct Town {
    setup: Vec<Asked>,
    transactions: Vec<String>,
    blues: Vec<Arc<Asked>>,
}

impl Town {
    fn build(nth: usize) -> Self {
        let mut dice = Dice::of(u64::try_from(nth).unwrap());
        let transactions: Vec<String> = (1..=4).map(|nth| format!("transaction-{nth}")).collect();
        let payer = |nth: usize| if nth < 3 { 1 } else { 2 };
        let mut setup: Vec<Asked> = (1..=2).map(town::registration).collect();
        for (nth, name) in transactions.iter().enumerate() {
            setup.push(town::payment(name, payer(nth), dice.between(2_000..60_000)));
        }
        let blue = |nth: usize| {
            let paid = (nth % 2 == 0).then(|| dice.below(4));
            let merchant = paid.map_or(1, payer);
            let draft = town::blue_draft(&mut dice, 4, merchant, paid.map(|at| transactions[at].as_str()));
            Arc::new(town::issue(&format!("blue-{nth}"), merchant, draft))
        };
        let blues = (0..10).map(blue).collect();
        Self { setup, transactions, blues }
    }
}

fn towns() -> &'static [Town] {
    static TOWNS_BUILT: OnceLock<Vec<Town>> = OnceLock::new();
    TOWNS_BUILT.get_or_init(|| (0..TOWNS).map(Town::build).collect())
}

/// One sequence.
fn play(seed: u64) -> Tally {
    let mut dice = Dice::of(seed);
    let town = &towns()[dice.below(TOWNS)];
    let mut play = Play::new(format!("LIFE_SEED={seed} LIFE_CASES=1"));
    for asked in &town.setup {
        assert!(play.give(asked), "{}", asked.json);
    }
    let mut blues = town.blues.clone();
    dice.shuffle(&mut blues);
    for _ in 0..1 + dice.below(3) {
        play.give(&blues.pop().unwrap());
    }
    let steps = dice.between(STEPS);
    let mut hand = Hand { dice, blues, transactions: town.transactions.clone(), said: Vec::new(), names: 0 };
    for _ in 0..steps {
        hand.pass(&mut play);
        if let Some(asked) = hand.next(&play)
            && play.give(&asked)
        {
            hand.said.push(asked);
        }
    }
    play.finish()
}

#[test]
fn random_sequences_agree_with_the_model_and_replay_from_their_entries() {
    let (first, cases) = (seed::first(), seed::cases("LIFE_CASES"));
    println!("LIFE_SEED={first} LIFE_CASES={cases}");
    let threads = u64::try_from(std::thread::available_parallelism().map_or(2, usize::from)).unwrap();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let part = |thread: u64| {
            let mut tally = Tally::default();
            (first..first + cases)
                .skip(usize::try_from(thread).unwrap())
                .step_by(usize::try_from(threads).unwrap())
                .for_each(|seed| tally.merge(play(seed)));
            tally
        };
        let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        for part in parts {
            tally.merge(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    println!("{} commands; accepted {:?}", tally.commands(), tally.accepted);
    println!("refused {:?}; said before {}", tally.refused, tally.before);
    println!("let through (refused):\n{}", tally.table());
    if cases >= 5_000 {
        assert_eq!(tally.unvisited(), [], "allowed, and never seen");
        let unseen: BTreeMap<_, _> = tally.refused.iter().filter(|(_, count)| **count < 10).collect();
        assert!(unseen.is_empty(), "hardly ever refused for {unseen:?}");
    }
}
