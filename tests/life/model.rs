//! A second opinion on the life of invoices, written from `fixtures/chain/README.md` section 8 and the rules of the registry, not from
//! `ledger::execute`. It reads commands in the form that their entries have, as JSON, and says whether they are accepted and, if not,
//! every reason that there is against them. It knows no Rust type of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::money::{Line, Sums, Taking};
use super::sheets::Sheet;

/// A class of reasons for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Unknown,
    State,
    Fence,
    Holder,
    HolderSame,
    Lease,
    Agreement,
    Claimed,
    Paid,
    Sheet,
    SheetOpen,
    Red,
    Money,
    Range,
    Batch,
    Differs,
    KeyReused,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// It was said before; that entry is the answer.
    Before(u64),
    /// Why not: all there is against it.
    Refused(BTreeSet<Why>),
}

/// Where an entry comes to stand.
#[derive(Debug, Clone, Copy)]
pub struct At {
    pub index: u64,
    pub time: i64,
}

/// Who has a hold on an invoice, and what kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    None,
    Lock { until: i64 },
    Booked,
    Pledge,
    Gone,
}

#[derive(Debug, Clone)]
pub struct Blue {
    pub id: String,
    pub entry: u64,
    pub merchant: String,
    pub payment: Option<String>,
    pub lines: Vec<Line>,
    pub letters: u64,
    pub hold: Hold,
    /// Whether it was financed and the financier was paid.
    pub settled: bool,
    pub fence: u64,
    pub who: Option<String>,
    pub wallet: &'static str,
    pub wallet_of: Option<String>,
    pub sheet: Option<u64>,
}

impl Blue {
    /// A lock lasts until its lease ends.
    pub fn at(&self, time: i64) -> Self {
        let mut now = self.clone();
        if let Hold::Lock { until } = self.hold
            && time >= until
        {
            (now.hold, now.who) = (Hold::None, None);
        }
        now
    }

    pub fn word(&self) -> &'static str {
        match (&self.hold, self.settled) {
            (Hold::None, false) => "open",
            (Hold::None, true) => "settled",
            (Hold::Lock { .. }, false) => "locked",
            (Hold::Lock { .. }, true) => "settled_locked",
            (Hold::Booked, _) => "closed",
            (Hold::Pledge, _) => "pledged",
            (Hold::Gone, _) => "reversed",
        }
    }

    pub fn lease(&self) -> Option<i64> {
        if let Hold::Lock { until } = self.hold { Some(until) } else { None }
    }

    pub fn sums(&self) -> Sums {
        Sums::of(&self.lines)
    }
}

#[derive(Debug, Clone)]
pub struct Paid {
    pub entry: u64,
    body: Value,
    pub merchant: String,
    pub paid: i64,
    pub refunded: i64,
    pub awaiting: i64,
    pub invoiced: i64,
}

impl Paid {
    pub fn left(&self) -> i64 {
        (self.paid - self.refunded - self.awaiting - self.invoiced).max(0)
    }
}

/// Everything there is.
#[derive(Debug, Clone, Default)]
pub struct Model {
    merchants: u64,
    numbers: u64,
    pub blues: BTreeMap<String, Blue>,
    pub sheets: BTreeMap<u64, Sheet>,
    pub payments: BTreeMap<String, Paid>,
    refunds: BTreeMap<String, (Value, u64)>,
    answers: BTreeMap<(String, String), (String, u64)>,
    pub journals: BTreeMap<String, u64>,
}

pub(super) type Judged = Result<Change, BTreeSet<Why>>;

/// What an accepted command changes, and whose entry it is.
pub(super) struct Change {
    merchant: Option<String>,
    apply: Box<dyn FnOnce(&mut Model, At)>,
}

pub(super) fn change(merchant: Option<&str>, apply: impl FnOnce(&mut Model, At) + 'static) -> Judged {
    Ok(Change { merchant: merchant.map(str::to_owned), apply: Box::new(apply) })
}

pub(super) fn no<T>(why: Why) -> Result<T, BTreeSet<Why>> {
    Err(BTreeSet::from([why]))
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

pub(super) fn whole(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}

impl Model {
    /// What there is of some invoices and payments only.
    pub fn part(&self, ids: &BTreeSet<String>, payments: &BTreeSet<String>) -> Self {
        let of = |id: &String| Some((id.clone(), self.blues.get(id)?.clone()));
        let paid = |name: &String| Some((name.clone(), self.payments.get(name)?.clone()));
        Self {
            merchants: self.merchants,
            blues: ids.iter().filter_map(of).collect(),
            payments: payments.iter().filter_map(paid).collect(),
            ..Self::default()
        }
    }

    /// Judges a command and, if it is accepted, changes what there is.
    pub fn take(&mut self, at: At, asked: &Value) -> Verdict {
        let slot = asked.get("key").map(|key| (scope(asked), key.as_str().unwrap().to_owned()));
        if let Some((request, entry)) = slot.as_ref().and_then(|slot| self.answers.get(slot)) {
            return if text(asked, "request") == request {
                Verdict::Before(*entry)
            } else {
                Verdict::Refused(BTreeSet::from([Why::KeyReused]))
            };
        }
        if let Some(before) = self.before(asked) {
            return before;
        }
        let change = match self.judge(at, asked) {
            Ok(change) => change,
            Err(why) => return Verdict::Refused(why),
        };
        if let Some(merchant) = change.merchant {
            *self.journals.entry(merchant).or_default() += 1;
        }
        if let Some(slot) = slot {
            self.answers.insert(slot, (text(asked, "request").to_owned(), at.index));
        }
        (change.apply)(self, at);
        Verdict::Accepted
    }

    /// A notice that was told before.
    fn before(&self, asked: &Value) -> Option<Verdict> {
        let body = &asked["body"];
        let (known, entry) = match text(asked, "kind") {
            "record_payment" => {
                let known = self.payments.get(text(body, "transaction"))?;
                (&known.body, known.entry)
            }
            "record_refund" => {
                let (known, entry) = self.refunds.get(text(body, "refund"))?;
                (known, *entry)
            }
            _ => return None,
        };
        let same = known == body;
        Some(if same { Verdict::Before(entry) } else { Verdict::Refused(BTreeSet::from([Why::Differs])) })
    }

    fn judge(&self, at: At, asked: &Value) -> Judged {
        let body = &asked["body"];
        match text(asked, "kind") {
            "register_merchant" => {
                let id = format!("M{:08}", self.merchants + 1);
                change(Some(&id), |model, _| model.merchants += 1)
            }
            "record_payment" => self.record_payment(body),
            "record_refund" => self.record_refund(body),
            "issue" => self.issue(&asked["draft"]),
            "reverse" => self.reverse(at, asked),
            "lock" => self.lock(at, body),
            kind @ ("renew" | "unlock" | "close" | "release" | "settle") => self.held(at, kind, body),
            "pledge" => self.pledge(at, body),
            kind @ ("claim" | "hand_over" | "discard") => self.wallet(at, kind, body),
            "open_confirmation" => self.open_sheet(at, body),
            "answer_confirmation" => self.answer_sheet(at, body),
            other => panic!("the model knows no {other}"),
        }
    }

    fn record_payment(&self, body: &Value) -> Judged {
        let merchant = text(body, "merchant").to_owned();
        let known = (1..=self.merchants).any(|nth| format!("M{nth:08}") == merchant);
        if !known {
            return no(Why::Unknown);
        }
        let body = body.clone();
        change(Some(&merchant.clone()), move |model, At { index, .. }| {
            let (name, paid) = (text(&body, "transaction").to_owned(), whole(&body, "paid"));
            let paid = Paid { entry: index, body, merchant, paid, refunded: 0, awaiting: 0, invoiced: 0 };
            model.payments.insert(name, paid);
        })
    }

    fn record_refund(&self, body: &Value) -> Judged {
        let (name, amount) = (text(body, "transaction").to_owned(), whole(body, "amount"));
        let Some(paid) = self.payments.get(&name) else { return no(Why::Unknown) };
        if paid.refunded + paid.awaiting + amount > paid.paid {
            return no(Why::Money);
        }
        let body = body.clone();
        change(Some(&paid.merchant), move |model, At { index, .. }| {
            let paid = model.payments.get_mut(&name).unwrap();
            let at_once = amount.min(paid.paid - paid.refunded - paid.invoiced);
            paid.refunded += at_once;
            paid.awaiting += amount - at_once;
            model.refunds.insert(text(&body, "refund").to_owned(), (body, index));
        })
    }

    fn issue(&self, draft: &Value) -> Judged {
        let (merchant, total) = (text(draft, "merchant").to_owned(), whole(draft, "total"));
        let payment = draft.get("payment").map(|payment| text(payment, "transaction").to_owned());
        if let Some(name) = &payment {
            match self.payments.get(name).filter(|paid| paid.merchant == merchant) {
                None => return no(Why::Unknown),
                Some(paid) if total > paid.left() => return no(Why::Money),
                Some(_) => {}
            }
        }
        let lines = Line::sold(&draft["lines"]);
        change(Some(&merchant.clone()), move |model, At { index, time }| {
            if let Some(name) = &payment {
                model.payments.get_mut(name).unwrap().invoiced += total;
            }
            let id = model.next_number(time);
            let blue = Blue {
                id: id.clone(),
                entry: index,
                merchant,
                payment,
                lines,
                letters: 0,
                hold: Hold::None,
                settled: false,
                fence: 0,
                who: None,
                wallet: "unclaimed",
                wallet_of: None,
                sheet: None,
            };
            model.blues.insert(id, blue);
        })
    }

    /// All sequences end within the year that they begin in.
    fn next_number(&mut self, time: i64) -> String {
        assert!((1_767_196_800_000..1_798_732_800_000).contains(&time), "{time} is not in 2026 in Shenzhen");
        self.numbers += 1;
        format!("144032609110-{:08}", self.numbers)
    }

    fn reverse(&self, at: At, asked: &Value) -> Judged {
        let draft = &asked["draft"];
        let id = format!("{}-{}", text(&draft["red"], "code"), text(&draft["red"], "number"));
        let merchant = text(draft, "merchant");
        let Some(blue) = self.blues.get(&id).filter(|blue| blue.merchant == merchant) else { return no(Why::Unknown) };
        let blue = blue.at(at.time);
        let mut why = BTreeSet::new();
        let drawn = Taking::drawn(&draft["lines"]);
        let ruled = Taking::ruled(&blue.lines, &Taking::asked_by(&drawn));
        if ruled.as_ref() != Some(&drawn) {
            why.insert(Why::Red);
        }
        let agreed = match asked.get("confirmation").map(|entry| self.sheets.get(&entry.as_u64().unwrap())) {
            None => None,
            Some(Some(sheet)) if sheet.invoice == id => {
                let asked = sheet.asked["lines"].as_array().cloned().unwrap_or_default();
                let same = sheet.asked["reason"] == draft["red"]["reason"]
                    && Taking::ruled(&blue.lines, &asked).as_ref() == Some(&drawn);
                if sheet.red.is_some() || !["01", "04"].contains(&sheet.state(at.time)) {
                    why.insert(Why::Sheet);
                }
                if !same {
                    why.insert(Why::Red);
                }
                Some(sheet)
            }
            Some(Some(_) | None) => {
                why.insert(Why::Unknown);
                return Err(why);
            }
        };
        match blue.hold {
            Hold::None => {}
            Hold::Gone => _ = why.insert(Why::State),
            Hold::Lock { .. } | Hold::Booked | Hold::Pledge => {
                if !agreed.is_some_and(|sheet| sheet.state == "04" && sheet.fence == blue.fence) {
                    why.insert(Why::Agreement);
                }
            }
        }
        if !why.is_empty() {
            return Err(why);
        }
        let (sheet, total) = (agreed.map(|sheet| sheet.entry), -whole(draft, "total"));
        change(Some(merchant), move |model, At { index, .. }| model.letter(blue, &drawn, sheet, total, index))
    }

    fn letter(&mut self, mut blue: Blue, drawn: &[Taking], sheet: Option<u64>, total: i64, index: u64) {
        self.numbers += 1;
        drawn.iter().for_each(|taking| taking.from(&mut blue.lines));
        blue.letters += 1;
        if let Some(entry) = sheet {
            self.sheets.get_mut(&entry).unwrap().red = Some(index);
            blue.sheet = None;
        }
        if blue.sums().left() == 0 {
            (blue.hold, blue.who, blue.sheet, blue.wallet_of) = (Hold::Gone, None, None, None);
            if blue.wallet == "claimed" {
                blue.wallet = "discarded";
            }
        }
        if let Some(paid) = blue.payment.as_ref().map(|name| self.payments.get_mut(name).unwrap()) {
            paid.invoiced -= total;
            let due = paid.awaiting.min(paid.paid - paid.refunded - paid.invoiced);
            paid.refunded += due;
            paid.awaiting -= due;
        }
        self.blues.insert(blue.id.clone(), blue);
    }
}

/// Notes what is wrong with a holder's word for the present hold.
pub(super) fn is_holder(blue: &Blue, holder: &str, fence: u64, why: &mut BTreeSet<Why>) {
    if blue.fence != fence {
        why.insert(Why::Fence);
    }
    if blue.who.as_deref() != Some(holder) {
        why.insert(Why::Holder);
    }
}

/// Whose idempotency key it is.
fn scope(asked: &Value) -> String {
    let body = &asked["body"];
    match text(asked, "kind") {
        "register_merchant" => "tax-bureau".to_owned(),
        "issue" | "reverse" => text(&asked["draft"], "merchant").to_owned(),
        "pledge" => text(body, "merchant").to_owned(),
        "open_confirmation" | "answer_confirmation" => match text(&body["by"], "side") {
            "seller" => text(&body["by"], "merchant").to_owned(),
            _ => format!("h:{}", text(&body["by"], "holder")),
        },
        _ => format!("h:{}", text(body, "holder")),
    }
}
