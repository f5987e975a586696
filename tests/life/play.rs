//! One ledger and one model side by side: each command goes to both, and they must agree.

use std::collections::{BTreeMap, BTreeSet};

use piaolian::base::ids::ChainId;
use piaolian::base::{Code, Faults, UnixMs};
use piaolian::invoice::Checked;
use piaolian::ledger::kind::Kind;
use piaolian::ledger::life::{Event, LifeState, Step, step};
use piaolian::ledger::state::Nothing;
use piaolian::ledger::{Command, Entry, Failure, Outcome, Position, State, execute};
use serde::Deserialize;
use serde_json::Value;

use super::model::{At, Model, Verdict, Why};
use super::rows;
use super::town::{self, Asked};

/// The class of a refusal's code.
pub fn why(code: Code) -> Why {
    match code {
        Code::LedgerInvoiceUnknown
        | Code::LedgerNotBlue
        | Code::LedgerConfirmationUnknown
        | Code::LedgerMerchantUnknown
        | Code::LedgerPaymentUnknown => Why::Unknown,
        Code::LedgerLifeState => Why::State,
        Code::LedgerFenceStale => Why::Fence,
        Code::LedgerHolderOther => Why::Holder,
        Code::LedgerHolderSame => Why::HolderSame,
        Code::LedgerLeaseEnded => Why::Lease,
        Code::LedgerAgreementNeeded => Why::Agreement,
        Code::LedgerClaimed => Why::Claimed,
        Code::LedgerPledgePaid => Why::Paid,
        Code::LedgerConfirmationState => Why::Sheet,
        Code::LedgerConfirmationOpen => Why::SheetOpen,
        Code::LedgerRedDiffers
        | Code::InvRedLineUnknown
        | Code::InvRedLineTwice
        | Code::InvRedQuantityAndTotal
        | Code::InvRedQuantityNone
        | Code::InvRedNotPositive
        | Code::InvRedTooLittle
        | Code::InvRedNothingLeft
        | Code::InvRedQuantityTooLarge
        | Code::InvRedTotalTooLarge => Why::Red,
        Code::LedgerPaymentOverdrawn | Code::LedgerRefundTooLarge => Why::Money,
        Code::LedgerLeaseRange => Why::Range,
        Code::LedgerBatch => Why::Batch,
        Code::LedgerPaymentDiffers | Code::LedgerRefundDiffers => Why::Differs,
        Code::LedgerKeyReused => Why::KeyReused,
        other => panic!("nobody expects {other:?} here"),
    }
}

/// A refusal must be for a reason that there is, and must not say who holds what.
pub fn check_refusal(faults: &Faults, expected: &BTreeSet<Why>, context: &dyn Fn() -> String) -> Why {
    let given = why(faults.first().unwrap().code);
    assert!(expected.contains(&given), "{}: refused for {given:?}, the model knows {expected:?}: {faults}", context());
    let words = faults.to_string();
    let named = town::holders().iter().any(|holder| words.contains(holder));
    assert!(!named, "{}: it names a holder: {words}", context());
    given
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often a cell of the table let an event through.
    pub visits: BTreeMap<(LifeState, Event), u64>,
    /// How often a cell was tried that lets nothing through, or not without agreement or holder.
    pub barred: BTreeMap<(LifeState, Event), u64>,
    pub refused: BTreeMap<Why, u64>,
    pub accepted: BTreeMap<String, u64>,
    pub before: u64,
}

fn add<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    from.into_iter().for_each(|(key, count)| *into.entry(key).or_default() += count);
}

impl Tally {
    pub fn merge(&mut self, other: Self) {
        add(&mut self.visits, other.visits);
        add(&mut self.barred, other.barred);
        add(&mut self.refused, other.refused);
        add(&mut self.accepted, other.accepted);
        self.before += other.before;
    }

    pub fn commands(&self) -> u64 {
        self.accepted.values().sum::<u64>() + self.refused.values().sum::<u64>() + self.before
    }

    /// The table with the visits of each cell, barred ones in brackets.
    pub fn table(&self) -> String {
        let head: String = Event::ALL.iter().map(|event| format!("{:>16}", event.as_str())).collect();
        let row = |state: LifeState| {
            let cell = |event: &Event| {
                let (seen, barred) = (self.visits.get(&(state, *event)), self.barred.get(&(state, *event)));
                format!("{:>16}", format!("{} ({})", seen.unwrap_or(&0), barred.unwrap_or(&0)))
            };
            format!("{:15}{}\n", state.as_str(), Event::ALL.iter().map(cell).collect::<String>())
        };
        format!("{:15}{head}\n{}", "", LifeState::ALL.into_iter().map(row).collect::<String>())
    }

    /// Cells of the table that let something through and were never seen to.
    pub fn unvisited(&self) -> Vec<(LifeState, Event)> {
        let cells = LifeState::ALL.into_iter().flat_map(|state| Event::ALL.map(|event| (state, event)));
        let allowed = cells.filter(|(state, event)| step(*state, *event) != Step::Refused);
        allowed.filter(|cell| !self.visits.contains_key(cell)).collect()
    }
}

/// What is looked at in an entry's text.
#[derive(Deserialize)]
struct Frame {
    v: u32,
    index: u64,
    merchant: Option<String>,
    seq: Option<u64>,
    code: Option<String>,
    number: Option<String>,
}

/// Ledger and model.
pub struct Play {
    pub name: String,
    chain: ChainId,
    state: State<Nothing>,
    pub model: Model,
    pub time: i64,
    index: u64,
    height: u64,
    /// The drafts of blue invoices, with the number of the merchant.
    pub drafts: BTreeMap<String, (Checked, u64)>,
    /// Every entry's text with the height of its block.
    pub texts: Vec<(String, u64)>,
    pub tally: Tally,
}

impl Play {
    pub fn new(name: String) -> Self {
        Self {
            name,
            chain: town::chain(),
            state: State::default(),
            model: Model::default(),
            time: town::START,
            index: 0,
            height: 0,
            drafts: BTreeMap::new(),
            texts: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Gives a command to both; whether it was accepted.
    pub fn give(&mut self, asked: &Asked) -> bool {
        self.height += 1;
        let expected = self.model.take(At { index: self.index, time: self.time }, &asked.json);
        let touched = self.touched(&asked.json);
        let before = self.states(&touched);
        self.know(&asked.command, &asked.json);
        let (chain, time) = (&self.chain, UnixMs(self.time));
        let at = Position { chain, height: self.height, index: self.index, time, version: 2 };
        let done = execute(&mut self.state, &asked.command, at);
        let context = || format!("{}, entry {} at {}: {}", self.name, self.index, self.time, asked.json);
        match (done, expected) {
            (Ok(Outcome::Accepted { kind, text, .. }), Verdict::Accepted) => {
                self.note(&asked.json, &touched, &before);
                *self.tally.accepted.entry(kind.as_str().to_owned()).or_default() += 1;
                self.accepted(text, &asked.command);
                true
            }
            (Ok(Outcome::Replayed { entry }), Verdict::Before(same)) if entry == same => {
                self.tally.before += 1;
                false
            }
            (Err(Failure::Refused(faults)), Verdict::Refused(reasons)) => {
                let given = check_refusal(&faults, &reasons, &context);
                *self.tally.refused.entry(given).or_default() += 1;
                for (state, event) in before.iter().zip(event(&asked.json, None)).map(|(state, event)| (*state, event))
                {
                    *self.tally.barred.entry((state, event)).or_default() += 1;
                }
                false
            }
            (done, expected) => panic!("{}\n  the ledger: {done:?}\n  the model: {expected:?}", context()),
        }
    }

    fn accepted(&mut self, text: String, command: &Command) {
        let frame: Frame = serde_json::from_str(&text).unwrap();
        assert_eq!((frame.index, frame.v), (self.index, 2), "{}: {text}", self.name);
        let seq = frame.merchant.as_ref().map(|merchant| self.model.journals[merchant]);
        assert_eq!(frame.seq, seq, "{}: {text}", self.name);
        if let (Command::Issue(issue), Some(code), Some(number)) = (command, frame.code, frame.number) {
            let id = format!("{code}-{number}");
            let merchant = issue.draft().merchant().as_str().trim_start_matches('M').parse().unwrap();
            assert_eq!(self.model.blues[&id].entry, self.index, "{}: {text}", self.name);
            self.drafts.insert(id, (issue.draft().clone(), merchant));
        }
        self.texts.push((text, self.height));
        self.index += 1;
    }

    /// The invoices whose state a command is about.
    fn touched(&self, asked: &Value) -> Vec<u64> {
        ids_in(asked).iter().filter_map(|id| Some(self.model.blues.get(id)?.entry)).collect()
    }

    fn states(&mut self, entries: &[u64]) -> Vec<LifeState> {
        let now = UnixMs(self.time);
        entries.iter().map(|entry| self.state.life(*entry).unwrap().at(now).state).collect()
    }

    /// Holds what happened against the table.
    fn note(&mut self, asked: &Value, touched: &[u64], before: &[LifeState]) {
        let after = self.states(touched);
        for ((entry, before), after) in touched.iter().zip(before).zip(after) {
            let full = self.state.reversal(*entry).unwrap().map(|reversal| reversal.is_full());
            match event(asked, full) {
                None => assert_eq!((*before, after), (after, *before), "{}: {asked}", self.name),
                Some(event) => {
                    let to = match step(*before, event) {
                        Step::To(to) | Step::ByHolder(to) | Step::Agreed(to) => Some(to),
                        Step::Refused => None,
                    };
                    assert_eq!(Some(after), to, "{}: {} by {asked}", self.name, before.as_str());
                    *self.tally.visits.entry((*before, event)).or_default() += 1;
                }
            }
        }
    }

    /// Tells the state the draft that it may need, as whoever reads entries does.
    fn know(&mut self, command: &Command, asked: &Value) {
        if matches!(command, Command::Reverse(_) | Command::OpenConfirmation(_))
            && let Some(id) = ids_in(asked).first()
            && let Some((draft, _)) = self.drafts.get(id)
        {
            self.state.know_draft(self.model.blues[id].entry, draft.clone());
        }
    }

    /// At the end: the same records, and the entries' texts alone give the same entries again.
    pub fn finish(mut self) -> Tally {
        rows::compare(&self.model.rows(self.time), &rows::of_state(&self.state, self.time), &self.name);
        let mut again = Self { drafts: std::mem::take(&mut self.drafts), ..Self::new(self.name.clone()) };
        again.model.blues = std::mem::take(&mut self.model.blues);
        for (index, (text, height)) in self.texts.iter().enumerate() {
            let entry = Entry::parse(text).unwrap();
            let command = entry.command().unwrap_or_else(|e| panic!("{}: {text}: {e}", self.name));
            if entry.draft.is_some() || entry.kind == Kind::OpenConfirmation {
                again.know(&command, &serde_json::from_str(text).unwrap());
            }
            let index = u64::try_from(index).unwrap();
            let at = Position { chain: &again.chain, height: *height, index, time: entry.time, version: entry.v };
            match execute(&mut again.state, &command, at) {
                Ok(Outcome::Accepted { text: same, .. }) => assert_eq!(&same, text, "{}", self.name),
                other => panic!("{}: {text}: {other:?}", self.name),
            }
        }
        let time = self.time;
        assert_eq!(rows::of_state(&again.state, time), rows::of_state(&self.state, time), "{}", self.name);
        self.tally
    }
}

/// The ids of the invoices that a command is about.
pub fn ids_in(asked: &Value) -> Vec<String> {
    let body = &asked["body"];
    if let Some(ids) = body["invoices"].as_array() {
        return ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    }
    if let Some(red) = asked["draft"].get("red") {
        return vec![format!("{}-{}", red["code"].as_str().unwrap(), red["number"].as_str().unwrap())];
    }
    body["invoice"].as_str().map(str::to_owned).into_iter().collect()
}

/// The event of the table that a command is; `full`: whether nothing is left of the invoice now.
pub fn event(asked: &Value, full: Option<bool>) -> Option<Event> {
    Some(match asked["kind"].as_str().unwrap() {
        "lock" => Event::Lock,
        "renew" => Event::Renew,
        "unlock" => Event::Unlock,
        "close" => Event::Close,
        "pledge" => Event::Pledge,
        "release" => Event::Release,
        "settle" => Event::Settle,
        "claim" => Event::Claim,
        "hand_over" => Event::HandOver,
        "discard" => Event::Discard,
        "reverse" if full == Some(true) => Event::ReverseAll,
        "reverse" if full == Some(false) => Event::ReversePart,
        _ => return None,
    })
}
