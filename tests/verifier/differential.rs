//! Both verifiers asked about the same random and mutated documents: the same code, field and index, the same that was read and proven.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read as _, Write as _};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use piaolian::chain::{Hash, Roster, Verdict, VerdictCode, verify_document_json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::byte_edits::{damage, written};
use crate::case::{Case, Stage, fresh};
use crate::dice::{Dice, number};
use crate::edits::EDITS;
use crate::node::started;
use crate::world::{World, seal_key};

/// What `compare.mjs` prints.
#[derive(Deserialize)]
pub struct Report {
    pub cases: u64,
    pub counts: BTreeMap<String, u64>,
    pub milliseconds: u64,
    pub differ: u64,
    pub first: Vec<Value>,
}

/// The members of a verdict that both must say, and how `compare.mjs` writes them.
pub fn question(name: &str, bytes: &[u8], rosters: &[String], expected: Option<&Hash>, verdict: &Verdict) -> Value {
    let compared = ["code", "field", "index", "sealed", "state", "covered"];
    let mut says = serde_json::to_value(verdict).unwrap();
    let members = says.as_object_mut().unwrap();
    members.retain(|key, _| compared.contains(&key.as_str()));
    members.insert("covered".to_owned(), json!(verdict.covered.len()));
    let mut question = json!({"name": name, "hex": hex::encode(bytes), "rosters": rosters, "compared": compared, "says": says.to_string()});
    if let Some(expected) = expected {
        question["expected"] = json!(expected.printed());
    }
    question
}

/// Puts questions to the JavaScript verifier as they come; gives what it found.
pub fn ask(questions: impl Iterator<Item = Value>) -> Report {
    let mut node = started("compare.mjs");
    let mut input = BufWriter::new(node.stdin.take().unwrap());
    // The script prints at its end only, so nothing has to be read meanwhile.
    questions.for_each(|question| writeln!(input, "{question}").unwrap());
    input.into_inner().unwrap().flush().unwrap();
    let mut printed = String::new();
    node.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(node.wait().unwrap().success());
    serde_json::from_str(&printed).unwrap()
}

impl Stage {
    pub fn new(dice: &mut Dice) -> Self {
        Self { worlds: (0..10).map(|nth| World::new(nth, dice)).collect(), stranger: seal_key(dice) }
    }
}

/// The `nth` document: each kind of edit has its turn, alone or with others.
fn case(nth: usize, stage: &Stage, dice: &mut Dice) -> (Case, Vec<u8>) {
    let mut case = fresh(stage, dice);
    EDITS[nth % EDITS.len()](&mut case, stage, dice);
    while dice.chance(25) {
        dice.one_of(EDITS)(&mut case, stage, dice);
    }
    let mut bytes = written(&case.document, dice);
    if dice.chance(10) {
        damage(&mut bytes, dice);
    }
    (case, bytes)
}

/// Rosters are read once a text: reading one takes a square root a member.
#[derive(Default)]
struct Read(BTreeMap<String, Roster>);

impl Read {
    fn rosters(&mut self, texts: &[String]) -> Vec<Roster> {
        let read = |text: &String| {
            let roster = self.0.entry(text.clone()).or_insert_with(|| Roster::from_text(text).unwrap());
            roster.clone()
        };
        texts.iter().map(read).collect()
    }
}

/// One share of the cases, in one thread with one node; and the time that the verifier of this program took.
fn share(seed: u64, cases: usize) -> (Report, Duration) {
    let mut dice = Dice::of(seed);
    let stage = Stage::new(&mut dice);
    let (mut read, mut spent) = (Read::default(), Duration::ZERO);
    let report = ask((0..cases).map(|nth| {
        let (case, bytes) = case(nth, &stage, &mut dice);
        let rosters = read.rosters(&case.rosters);
        let begun = Instant::now();
        let verdict = verify_document_json(&bytes, &rosters, case.expected.as_ref());
        spent += begun.elapsed();
        question(&format!("seed {seed}, case {nth}"), &bytes, &case.rosters, case.expected.as_ref(), &verdict)
    }));
    (report, spent)
}

#[test]
fn both_verifiers_say_the_same_of_random_and_mutated_documents() {
    let (seed, cases) = (number("VERIFIER_SEED", 20_261_123), number("VERIFIER_CASES", 3_000));
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(4);
    println!("VERIFIER_SEED={seed} VERIFIER_CASES={cases}, {threads} threads");
    let each = usize::try_from(cases).unwrap().div_ceil(threads);
    let begun = Instant::now();
    let shares: Vec<(Report, Duration)> = std::thread::scope(|scope| {
        let seeds = (0..threads).map(|nth| seed.wrapping_add(u64::try_from(nth).unwrap()));
        let running: Vec<_> = seeds.map(|seed| scope.spawn(move || share(seed, each))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (mut counts, mut differ, mut node, mut own, mut asked) =
        (BTreeMap::<String, u64>::new(), 0, 0, Duration::ZERO, 0);
    for (report, spent) in &shares {
        report.counts.iter().for_each(|(code, count)| *counts.entry(code.clone()).or_default() += count);
        report.first.iter().for_each(|difference| println!("{difference:#}"));
        (differ, node, own, asked) =
            (differ + report.differ, node + report.milliseconds, own + *spent, asked + report.cases);
    }
    counts.iter().for_each(|(code, count)| println!("{code:24} {count:>7}"));
    let seconds = begun.elapsed().as_secs_f32();
    println!(
        "{asked} documents in {seconds:.1} s; of that JavaScript {node} ms and this program {} ms of verifying",
        own.as_millis()
    );
    assert_eq!(differ, 0, "differences are printed above; VERIFIER_SEED={seed} gives the same again");
    let missing: Vec<&str> =
        VerdictCode::ALL.iter().map(|code| code.as_str()).filter(|code| !counts.contains_key(*code)).collect();
    assert!(missing.is_empty(), "no document with the verdicts {missing:?}: too few cases, or an edit is gone");
}
