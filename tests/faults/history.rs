//! Histories: what was asked and what was told, in the order of the answers, and how they are held against a ledger.
//!
//! Three things may come of a request: it is done, it is refused and nothing was done, or nobody knows. Only the last may turn out
//! either way, and asking again settles it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::client::Answer;
use crate::ledger::{Entry, Ledger};
use crate::operation::Operation;

/// What came of asking once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Done(Answer),
    /// 4xx: nothing was done.
    Refused(String),
    /// 503 or 507 with Retry-After, and nothing was done.
    Later(String),
    /// No answer, or one that says that it is not known.
    Unknown,
    /// What nobody may be told.
    Wrong(String),
}

impl Outcome {
    /// What an answer says; none is a connection that ended without.
    pub fn of(answer: Option<Answer>) -> Self {
        let Some(answer) = answer else { return Self::Unknown };
        let body = answer.json();
        // A partner's protocol has a form of its own for refusals.
        let code = if body["code"] == "FAIL" { &body["message"] } else { &body["code"] };
        let code = code.as_str().unwrap_or_default().to_owned();
        match answer.status {
            // Headers say when and under which id, which differs each time.
            200..300 => Self::Done(Answer { headers: Vec::new(), ..answer }),
            _ if code == "SEQ-OUTCOME-UNKNOWN" => Self::Unknown,
            503 | 507 if answer.header("retry-after").is_some() => Self::Later(code),
            400..500 => Self::Refused(code),
            status => Self::Wrong(format!("{status} {body}")),
        }
    }

    /// Whether asking again would tell nothing new.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Refused(_) | Self::Wrong(_))
    }
}

/// One asking.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub operation: Arc<Operation>,
    pub asked: Instant,
    pub answered: Instant,
    pub outcome: Outcome,
}

impl Attempt {
    /// The answer, if it was done.
    pub fn told(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Done(answer) => Some(answer),
            Outcome::Refused(_) | Outcome::Later(_) | Outcome::Unknown | Outcome::Wrong(_) => None,
        }
    }
}

/// What all callers have done and heard.
#[derive(Debug, Default)]
pub struct History {
    attempts: Mutex<Vec<Attempt>>,
    /// Entries that were there before.
    pub before: usize,
}

impl History {
    pub fn after(ledger: &Ledger) -> Self {
        Self { attempts: Mutex::default(), before: ledger.entries.len() }
    }

    pub fn note(&self, attempt: Attempt) {
        self.attempts.lock().unwrap().push(attempt);
    }

    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// The newest attempts, so many at most.
    pub fn newest(&self, most: usize) -> Vec<Attempt> {
        let attempts = self.attempts.lock().unwrap();
        attempts[attempts.len().saturating_sub(most)..].to_vec()
    }

    /// Operations of which nobody was ever told what came of them.
    pub fn unsettled(&self) -> Vec<Arc<Operation>> {
        let attempts = self.attempts.lock().unwrap();
        let settled: BTreeSet<&Operation> =
            attempts.iter().filter(|attempt| attempt.outcome.is_settled()).map(|attempt| &*attempt.operation).collect();
        let open: BTreeSet<&Arc<Operation>> = attempts
            .iter()
            .map(|attempt| &attempt.operation)
            .filter(|operation| !settled.contains(&***operation))
            .collect();
        open.into_iter().cloned().collect()
    }

    /// How many of the operations that nobody was told about are in the ledger all the same.
    pub fn done_unheard(&self, ledger: &Ledger) -> usize {
        let names = ledger.by_name();
        let recorded = |operation: &Arc<Operation>| {
            let mut named = operation.request().name().and_then(|name| names.get(name)).into_iter().flatten();
            named.any(|entry| operation.request().is_recorded_by(entry))
        };
        self.unsettled().iter().filter(|operation| recorded(operation)).count()
    }

    pub fn check(&self, ledger: &Ledger) -> Report {
        check_history(&self.attempts(), ledger, self.before)
    }
}

/// What holding a history against a ledger found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Requests, repeats counted.
    pub requests: usize,
    /// Of these, without an answer or with one that says that nobody knows.
    pub unknown: usize,
    /// Entries that somebody was told of.
    pub acknowledged: usize,
    /// Of these, those whose first try got no answer.
    pub asked_again: usize,
    /// The same entries by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Told as done, and not in the ledger.
    pub lost: Vec<String>,
    /// In the ledger more than once.
    pub doubled: Vec<String>,
    /// Anything else that is wrong.
    pub wrong: Vec<String>,
}

impl Report {
    /// Fails unless everything holds.
    #[track_caller]
    pub fn holds(&self) {
        let all: Vec<&String> = [&self.lost, &self.doubled, &self.wrong].into_iter().flatten().collect();
        assert!(
            all.is_empty(),
            "{} findings, {} lost, {} doubled: {all:#?}",
            all.len(),
            self.lost.len(),
            self.doubled.len()
        );
    }
}

/// What callers were told of, by kind.
pub fn print_kinds(kinds: &BTreeMap<String, usize>) {
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("acknowledged: {}", kinds.join(", "));
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requests, unknown, acknowledged, asked_again, kinds: _, lost, doubled, wrong } = self;
        write!(
            f,
            "{requests} requests ({unknown} without an answer), {acknowledged} acknowledged entries ({asked_again} when asked \
             again), {} lost, {} doubled, {} otherwise wrong",
            lost.len(),
            doubled.len(),
            wrong.len()
        )
    }
}

/// Holds a history against the ledger that came of it; `before` entries were there already. Every entry told of is there with the same
/// bytes, once; every entry was asked for; every number and every fen is explained.
pub fn check_history(attempts: &[Attempt], ledger: &Ledger, before: usize) -> Report {
    let mut report = Report { requests: attempts.len(), wrong: ledger.check(), ..Report::default() };
    let names = ledger.by_name();
    let mut tried = BTreeMap::<&Operation, Vec<&Attempt>>::new();
    for attempt in attempts {
        tried.entry(&attempt.operation).or_default().push(attempt);
    }
    for (name, entries) in &names {
        if entries.len() > 1 {
            report.doubled.push(format!("{name}: entries {:?}", entries.iter().map(|e| e.index).collect::<Vec<_>>()));
        }
    }
    let mut explained = BTreeSet::new();
    for (operation, attempts) in tried {
        let named = operation.request().name().and_then(|name| names.get(name)).into_iter().flatten();
        let entry = named.copied().find(|entry| operation.request().is_recorded_by(entry));
        explained.extend(entry.map(|entry| entry.index));
        check_operation(operation, &attempts, entry, &mut report);
    }
    for entry in ledger.entries.iter().skip(before) {
        // A day that is over is closed by itself.
        if entry.kind() == "close_day" {
            continue;
        }
        let paid = |transaction| names.get(transaction).is_some_and(|paid| paid[0].index < entry.index);
        if !explained.contains(&entry.index) && !entry.by_itself().is_some_and(paid) {
            report.wrong.push(format!("entry {} was never asked for: {}", entry.index, entry.text));
        }
    }
    report
}

fn check_operation(operation: &Operation, attempts: &[&Attempt], entry: Option<&Entry>, report: &mut Report) {
    let mut first: Option<(&Attempt, &Answer)> = None;
    let (mut unknown, mut unheard) = (0, false);
    for attempt in attempts {
        match &attempt.outcome {
            Outcome::Done(answer) => {
                match first {
                    None => first = Some((attempt, answer)),
                    Some((_, before)) if same_answer(before, answer) => {}
                    Some(_) => report.wrong.push(format!("another answer the second time: {operation:?}")),
                }
                unheard |= unknown > 0;
            }
            Outcome::Refused(code) => {
                if !operation.request().refusals().contains(&code.as_str()) {
                    report.wrong.push(format!("refused with {code}: {operation:?}"));
                }
                if first.is_some_and(|(done, _)| done.answered <= attempt.asked) {
                    report.wrong.push(format!("done, and then refused with {code}: {operation:?}"));
                }
            }
            Outcome::Later(_) => {}
            Outcome::Unknown => unknown += 1,
            Outcome::Wrong(what) => report.wrong.push(format!("answered with {what}: {operation:?}")),
        }
    }
    report.unknown += unknown;
    match (first, entry) {
        (Some((_, answer)), Some(entry)) => {
            report.acknowledged += 1;
            *report.kinds.entry(entry.kind().to_owned()).or_default() += 1;
            report.asked_again += usize::from(unheard);
            if let Err(what) = operation.request().check(answer, entry) {
                report.wrong.push(what);
            }
        }
        (Some(_), None) if operation.request().name().is_some() => report.lost.push(format!("{operation:?}")),
        // Whoever was told "nothing was done" each time must not find it done.
        (None, Some(entry)) if unknown == 0 => {
            report.wrong.push(format!("entry {} though always refused: {operation:?}", entry.index));
        }
        (Some(_) | None, _) => {}
    }
}

/// An order is new only once; of everything else the first answer comes again.
fn same_answer(first: &Answer, second: &Answer) -> bool {
    let status = |answer: &Answer| if answer.status == 200 { 201 } else { answer.status };
    status(first) == status(second) && first.body == second.body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Pay;

    fn pay(transaction: &str, fen: i64) -> Arc<Operation> {
        let (transaction, order) = (transaction.to_owned(), "o".to_owned());
        Arc::new(Operation::Pay(Pay { transaction, order, fen, billed: false }))
    }

    fn attempt(operation: &Arc<Operation>, outcome: Outcome) -> Attempt {
        let now = Instant::now();
        Attempt { operation: Arc::clone(operation), asked: now, answered: Instant::now(), outcome }
    }

    fn done() -> Outcome {
        Outcome::Done(Answer { status: 204, headers: Vec::new(), body: Vec::new() })
    }

    fn ledger(payments: &[(&str, i64)]) -> Ledger {
        let entry = |(nth, (transaction, fen)): (usize, &(&str, i64))| {
            let text = format!(
                r#"{{"body":{{"order":"o","paid":{fen},"transaction":"{transaction}"}},"index":{nth},"kind":"record_payment"}}"#
            );
            Entry::new(u64::try_from(nth).unwrap(), 1, &text)
        };
        Ledger { entries: payments.iter().enumerate().map(entry).collect() }
    }

    #[test]
    fn what_was_told_and_is_there_once_holds() {
        let (a, b, c) = (pay("a", 1), pay("b", 2), pay("c", 3));
        let history =
            [attempt(&a, Outcome::Unknown), attempt(&a, done()), attempt(&b, done()), attempt(&c, Outcome::Unknown)];
        let report = check_history(&history, &ledger(&[("a", 1), ("b", 2)]), 0);
        report.holds();
        assert_eq!((report.acknowledged, report.unknown, report.asked_again), (2, 2, 1));
        // Nobody heard of it, and it may be there all the same.
        check_history(&history, &ledger(&[("a", 1), ("b", 2), ("c", 3)]), 0).holds();
    }

    #[test]
    fn each_kind_of_lie_is_found() {
        let (a, other) = (pay("a", 1), pay("a", 9));
        let found = |history: &[Attempt], payments: &[(&str, i64)]| {
            let report = check_history(history, &ledger(payments), 0);
            (report.lost.len(), report.doubled.len(), report.wrong.len())
        };
        assert_eq!(found(&[attempt(&a, done())], &[]), (1, 0, 0), "lost");
        // The one who was told "done" was told so of another body.
        assert_eq!(
            found(&[attempt(&a, done()), attempt(&other, Outcome::Unknown)], &[("a", 9)]),
            (1, 0, 0),
            "another body"
        );
        assert_eq!(found(&[attempt(&a, done())], &[("a", 1), ("a", 1)]), (0, 1, 1), "twice");
        assert_eq!(found(&[], &[("a", 1)]), (0, 0, 1), "never asked for");
        let later = attempt(&a, Outcome::Later("STORE-FULL".to_owned()));
        assert_eq!(found(&[later], &[("a", 1)]), (0, 0, 1), "done, though told that nothing was");
        let first = attempt(&a, done());
        let refused = attempt(&a, Outcome::Refused("LEDGER-PAYMENT-DIFFERS".to_owned()));
        assert_eq!(found(&[first, refused], &[("a", 1)]), (0, 0, 2), "refused for no reason, after it was done");
        let wrong = attempt(&a, Outcome::Wrong("500".to_owned()));
        assert_eq!(found(&[wrong], &[]), (0, 0, 1), "a failure of ours");
    }
}
