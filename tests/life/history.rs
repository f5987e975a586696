//! What callers were told, held against the entries: every answer must be explained by them, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use piaolian::base::{Clock as _, Faults};
use piaolian::ledger::life::{Event, LifeState, Step, step};
use piaolian::sequencer::Sealed;
use serde_json::Value;

use super::model::{At, Model, Verdict, Why};
use super::play::{self, Tally, check_refusal};
use super::rows;
use super::stage::Stage;
use super::town::Asked;
use crate::database::TestDatabase;

/// What a caller was told.
#[derive(Debug)]
pub enum Told {
    Entry(u64),
    Refused(Faults),
    /// Taken out to be looked at.
    Nothing,
}

/// One command and its answer.
#[derive(Debug)]
pub struct Said {
    asked: Value,
    /// The newest entry of its sequence that was known when it was asked: whatever refused it was there then or came later.
    known: u64,
    /// Between these two times it was judged, unix ms.
    from: i64,
    until: i64,
    told: Told,
}

/// Callers who race for the same things.
#[derive(Debug, Default)]
pub struct Sequence {
    pub seed: u64,
    said: Mutex<Vec<Said>>,
    known: AtomicU64,
}

/// An entry as its caller got it.
#[derive(Debug)]
pub struct Got {
    pub index: u64,
    pub text: String,
}

impl Got {
    /// The id of the invoice in it.
    pub fn id(&self) -> String {
        let entry: Value = serde_json::from_str(&self.text).unwrap();
        format!("{}-{}", entry["code"].as_str().unwrap(), entry["number"].as_str().unwrap())
    }
}

impl Sequence {
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Asks the sequencer, and notes what it answers.
    pub async fn say(&self, stage: &Stage, asked: Asked) -> Result<Got, Why> {
        let (known, from) = (self.known.load(Ordering::SeqCst), stage.clock.now().0);
        let Asked { json, command } = asked;
        let (told, answer) = match stage.sequencer.submit(command).await {
            Ok(Sealed::New(entry)) => {
                self.known.fetch_max(entry.index, Ordering::SeqCst);
                (Told::Entry(entry.index), Ok(Got { index: entry.index, text: entry.text }))
            }
            Ok(Sealed::Before(entry)) => panic!("said once, and entry {entry} answered it before: {json}"),
            Err(faults) => {
                let why = play::why(faults.first().unwrap().code);
                (Told::Refused(faults), Err(why))
            }
        };
        let until = stage.clock.now().0;
        self.said.lock().unwrap().push(Said { asked: json, known, from, until, told });
        answer
    }
}

/// An entry with the height of its block.
struct Line {
    text: String,
    height: u64,
    entry: Value,
}

fn entries(database: &TestDatabase) -> Vec<Line> {
    let lines = database.raw().texts("SELECT height || ' ' || entry AS line FROM entries ORDER BY idx");
    let read = |line: String| {
        let (height, text) = line.split_once(' ').unwrap();
        let entry = serde_json::from_str(text).unwrap();
        Line { height: height.parse().unwrap(), entry, text: text.to_owned() }
    };
    lines.into_iter().map(read).collect()
}

/// Feeds the entries to the model, in order, and holds every answer against them. `each_block` is asked after each block.
pub fn explain(
    database: &TestDatabase,
    sequences: Vec<Sequence>,
    mut each_block: impl FnMut(&Model, &[Value]),
) -> (Model, Tally) {
    let entries = entries(database);
    let mut tally = Tally::default();
    // Who was told of each entry; nobody else may have been.
    let mut of: BTreeMap<u64, (usize, Value)> = BTreeMap::new();
    let mut open: Vec<Vec<(Said, Faults)>> = Vec::new();
    let seeds: Vec<u64> = sequences.iter().map(|sequence| sequence.seed).collect();
    for (nth, sequence) in sequences.into_iter().enumerate() {
        open.push(Vec::new());
        for mut said in sequence.said.into_inner().unwrap() {
            match std::mem::replace(&mut said.told, Told::Nothing) {
                Told::Entry(index) => {
                    assert!(of.insert(index, (nth, said.asked)).is_none(), "entry {index} was given twice");
                }
                Told::Refused(faults) => open[nth].push((said, faults)),
                Told::Nothing => {}
            }
        }
    }
    let mut model = Model::default();
    let mut parts: Vec<Part> = seeds.iter().map(|_| Part::default()).collect();
    let mut fresh: Vec<Value> = Vec::new();
    let count = entries.len();
    for (index, Line { text, height, entry }) in entries.iter().enumerate() {
        let at = At { index: u64::try_from(index).unwrap(), time: entry["time"].as_i64().unwrap() };
        let before = states(&model, entry, at.time);
        assert_eq!(model.take(at, entry), Verdict::Accepted, "the model would not have taken entry {index}: {text}");
        step_by_table(&model, entry, &before, at.time, &mut tally);
        *tally.accepted.entry(entry["kind"].as_str().unwrap().to_owned()).or_default() += 1;
        if let Some((nth, asked)) = of.remove(&at.index) {
            for member in ["key", "request", "body", "draft", "confirmation"] {
                let same = asked.get(member) == entry.get(member);
                assert!(same, "LIFE_SEED={}: entry {index} is another's than its caller was told", seeds[nth]);
            }
            parts[nth].add(entry);
            let now = parts[nth].of(&model);
            let next = At { index: at.index + 1, time: at.time };
            open[nth]
                .retain(|(said, faults)| said.known > at.index || !explained(&now, next, said, faults, &mut tally));
        } else {
            assert!(entry["kind"] == "register_merchant", "nobody was told of entry {index}: {text}");
        }
        fresh.push(entry.clone());
        if entries.get(index + 1).is_none_or(|next| next.height != *height) {
            each_block(&model, &fresh);
            fresh.clear();
        }
    }
    assert!(of.is_empty(), "told of entries that are not there: {:?}", of.keys().collect::<Vec<_>>());
    for (seed, open) in seeds.iter().zip(open) {
        assert!(open.is_empty(), "LIFE_SEED={seed}: no entry explains why {open:#?}");
    }
    let end = entries.last().unwrap().entry["time"].as_i64().unwrap();
    rows::compare(&model.rows(end), &rows::of_database(database, end), "the rows of the database");
    println!("{count} entries explain {} answers", tally.commands());
    (model, tally)
}

/// What a sequence is about.
#[derive(Default)]
struct Part {
    ids: BTreeSet<String>,
    payments: BTreeSet<String>,
}

impl Part {
    fn add(&mut self, entry: &Value) {
        if entry["kind"] == "issue" {
            self.ids.insert(format!("{}-{}", entry["code"].as_str().unwrap(), entry["number"].as_str().unwrap()));
        }
        if entry["kind"] == "record_payment" {
            self.payments.insert(entry["body"]["transaction"].as_str().unwrap().to_owned());
        }
    }

    fn of(&self, model: &Model) -> Model {
        model.part(&self.ids, &self.payments)
    }
}

/// Whether a command is refused for this very reason as things stand, at the first or the last time that it may have been.
fn explained(now: &Model, at: At, said: &Said, faults: &Faults, tally: &mut Tally) -> bool {
    let given = play::why(faults.first().unwrap().code);
    [said.from.max(at.time), said.until].into_iter().any(|time| {
        match now.clone().take(At { time, ..at }, &said.asked) {
            Verdict::Refused(reasons) if reasons.contains(&given) => {
                check_refusal(faults, &reasons, &|| said.asked.to_string());
                *tally.refused.entry(given).or_default() += 1;
                true
            }
            Verdict::Refused(_) | Verdict::Accepted | Verdict::Before(_) => false,
        }
    })
}

fn states(model: &Model, entry: &Value, time: i64) -> Vec<LifeState> {
    let state = |id: &String| Some(LifeState::parse(model.blues.get(id)?.at(time).word()).unwrap());
    play::ids_in(entry).iter().filter_map(state).collect()
}

fn step_by_table(model: &Model, entry: &Value, before: &[LifeState], time: i64, tally: &mut Tally) {
    let after = states(model, entry, time);
    for ((id, before), after) in play::ids_in(entry).iter().zip(before).zip(after) {
        let full = model.blues[id].sums().left() == 0;
        let Some(event) = play::event(entry, Some(full)) else { continue };
        let to = match step(*before, event) {
            Step::To(to) | Step::ByHolder(to) | Step::Agreed(to) => Some(to),
            Step::Refused => None,
        };
        assert_eq!(Some(after), to, "outside the table: {} by {}: {entry}", before.as_str(), event.as_str());
        *tally.visits.entry((*before, event)).or_default() += 1;
    }
}

/// The events that happened, and how often.
pub fn seen(tally: &Tally, event: Event) -> u64 {
    tally.visits.iter().filter(|((_, seen), _)| *seen == event).map(|(_, count)| count).sum()
}
