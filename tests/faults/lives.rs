//! The life of each invoice, walked through the entries in their order, from their texts alone: who holds it, what was taken back of it,
//! who agreed. Where an event leads `ledger::life::step` says; everything else is counted here once more.

use std::collections::BTreeMap;

use piaolian::ledger::life::{Event, LifeState, Step, step};
use serde_json::Value;

use crate::ledger::Entry;
use crate::operation::id_in;

/// How long a sheet may be answered: 72 hours.
const ANSWER_MS: i64 = 72 * 3_600_000;

/// What is wrong with the lives of invoices: two holders, a holder that came too late, more taken back of a line than there was, a
/// step outside the table, a red letter that nobody agreed to.
pub fn check_lives(entries: &[Entry]) -> Vec<String> {
    let mut walk = Walk::default();
    let wrong = entries.iter().filter_map(|entry| Some((entry, walk.take(entry).err()?)));
    wrong.map(|(entry, what)| format!("entry {}: {what}: {}", entry.index, entry.text)).collect()
}

/// A blue invoice.
#[derive(Clone)]
struct Life {
    state: LifeState,
    holder: Option<Value>,
    fence: u64,
    /// When its lock ends by itself.
    until: Option<i64>,
    claimed: bool,
    /// Whether it draws on a payment.
    paid: bool,
    /// By place: amount and tax, and what was taken back of them.
    lines: BTreeMap<i64, [i64; 4]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Nobody has to agree.
    Free,
    Waiting,
    Agreed,
    Over,
}

struct Sheet {
    invoice: String,
    /// The side that opened it, and that side's fence where it holds the invoice.
    by: Value,
    asked: Value,
    stands: Stands,
    /// The hold that the agreement is of.
    fence: u64,
    until: i64,
}

impl Sheet {
    fn is_live_at(&self, time: i64) -> bool {
        match self.stands {
            Stands::Free | Stands::Agreed => true,
            Stands::Waiting => time < self.until,
            Stands::Over => false,
        }
    }
}

#[derive(Default)]
struct Walk {
    lives: BTreeMap<String, Life>,
    sheets: BTreeMap<u64, Sheet>,
}

fn when(wrong: bool, what: &str) -> Result<(), String> {
    if wrong { Err(what.to_owned()) } else { Ok(()) }
}

fn fen(line: &Value, name: &str) -> i64 {
    line[name].as_i64().unwrap()
}

/// The invoices that an entry's body names.
fn named(body: &Value) -> Vec<String> {
    let ids = body["invoices"].as_array().cloned().unwrap_or_else(|| vec![body["invoice"].clone()]);
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

impl Walk {
    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        match entry.kind() {
            "issue" => self.issue(&entry.value),
            "reverse" => self.reverse(entry),
            "lock" => self.hold(entry, Event::Lock),
            "pledge" => self.hold(entry, Event::Pledge),
            "renew" => self.go_on(entry, Event::Renew),
            "unlock" => self.go_on(entry, Event::Unlock),
            "close" => self.go_on(entry, Event::Close),
            "release" => self.go_on(entry, Event::Release),
            "settle" => self.go_on(entry, Event::Settle),
            "claim" => self.claim(entry),
            "open_confirmation" => self.open(entry),
            "answer_confirmation" => self.answer(entry),
            "register_merchant" | "set_rules" | "record_payment" | "record_refund" | "close_day" => Ok(()),
            kind => Err(format!("nobody here asks for {kind}")),
        }
    }

    /// An invoice as it stands by then.
    fn life(&mut self, id: &str, time: i64) -> Result<&mut Life, String> {
        let life = self.lives.get_mut(id).ok_or_else(|| format!("there is no blue invoice {id}"))?;
        if life.until.is_some_and(|until| time >= until) {
            life.state = if life.state == LifeState::SettledLocked { LifeState::Settled } else { LifeState::Open };
            life.until = None;
            life.holder = None;
        }
        Ok(life)
    }

    fn issue(&mut self, entry: &Value) -> Result<(), String> {
        let draft = &entry["draft"];
        let mut lines = BTreeMap::new();
        for (place, line) in (0..).zip(draft["lines"].as_array().unwrap()) {
            when(line.get("kind").is_some(), "no invoice here has a discount")?;
            lines.insert(place, [fen(line, "amount"), fen(line, "tax"), 0, 0]);
        }
        let life = Life {
            state: LifeState::Open,
            holder: None,
            fence: 0,
            until: None,
            claimed: false,
            paid: draft.get("payment").is_some(),
            lines,
        };
        when(self.lives.insert(id_in(entry), life).is_some(), "this invoice was issued before")
    }

    fn hold(&mut self, entry: &Entry, event: Event) -> Result<(), String> {
        let (body, time) = (&entry.value["body"], entry.time());
        for id in named(body) {
            let life = self.life(&id, time)?;
            when(life.holder.is_some(), "taken while another holds it")?;
            when(event == Event::Pledge && life.paid, "pledged though paid for")?;
            let Step::To(state) = step(life.state, event) else { return Err("outside the table".to_owned()) };
            life.state = state;
            life.holder = Some(body["holder"].clone());
            life.fence = entry.index;
            life.until = body["lease_ms"].as_i64().map(|lease| time + lease);
        }
        Ok(())
    }

    fn go_on(&mut self, entry: &Entry, event: Event) -> Result<(), String> {
        let (body, time) = (&entry.value["body"], entry.time());
        for id in named(body) {
            let life = self.life(&id, time)?;
            when(life.holder.as_ref() != Some(&body["holder"]), "by another than its holder")?;
            when(body["fence"] != life.fence, "by a holder that came too late")?;
            let Step::ByHolder(state) = step(life.state, event) else { return Err("outside the table".to_owned()) };
            life.state = state;
            life.until = body["lease_ms"].as_i64().map(|lease| time + lease);
            // Who has booked it can agree to a red letter later.
            if !matches!(event, Event::Renew | Event::Close) {
                life.holder = None;
            }
        }
        Ok(())
    }

    fn claim(&mut self, entry: &Entry) -> Result<(), String> {
        for id in named(&entry.value["body"]) {
            let life = self.life(&id, entry.time())?;
            when(life.claimed, "claimed twice")?;
            when(step(life.state, Event::Claim) != Step::To(life.state), "outside the table")?;
            life.claimed = true;
        }
        Ok(())
    }

    fn open(&mut self, entry: &Entry) -> Result<(), String> {
        let (body, time) = (&entry.value["body"], entry.time());
        let invoice = body["invoice"].as_str().unwrap().to_owned();
        let (life, by) = (self.life(&invoice, time)?.clone(), &body["by"]);
        let free = matches!(step(life.state, Event::ReversePart), Step::To(_));
        for sheet in self.sheets.values_mut().filter(|sheet| sheet.invoice == invoice && sheet.is_live_at(time)) {
            // One of which nothing can come as the invoice stands gives way to the next.
            let of_use = match sheet.stands {
                Stands::Free => free,
                Stands::Waiting if sheet.by["side"] == "seller" => !free,
                Stands::Waiting | Stands::Agreed => free || sheet.fence == life.fence,
                Stands::Over => false,
            };
            when(of_use, "two sheets for one invoice")?;
            sheet.stands = Stands::Over;
        }
        let by_seller = by["side"] == "seller";
        let holds = life.holder.as_ref() == Some(&by["holder"]) && by["fence"] == life.fence;
        when(!by_seller && !holds, "opened by who does not hold it")?;
        let stands = match step(life.state, Event::ReversePart) {
            Step::To(_) if by_seller => Stands::Free,
            Step::To(_) | Step::Agreed(_) => Stands::Waiting,
            Step::ByHolder(_) | Step::Refused => return Err("there is nothing to take back".to_owned()),
        };
        let (by, asked, fence) = (by.clone(), body["asked"].clone(), life.fence);
        self.sheets.insert(entry.index, Sheet { invoice, by, asked, stands, fence, until: time + ANSWER_MS });
        Ok(())
    }

    fn answer(&mut self, entry: &Entry) -> Result<(), String> {
        let (body, time) = (&entry.value["body"], entry.time());
        let of = body["confirmation"].as_u64().unwrap();
        let sheet = self.sheets.get(&of).ok_or("there is no such sheet")?;
        when(!sheet.is_live_at(time), "the sheet is void or used")?;
        let (invoice, by) = (sheet.invoice.clone(), &body["by"]);
        let (own, waiting) = (sheet.by["side"] == by["side"], sheet.stands == Stands::Waiting);
        let same = sheet.by["holder"] == by["holder"];
        let life = self.life(&invoice, time)?;
        let (holds, fence) = (life.holder.as_ref() == Some(&by["holder"]) && by["fence"] == life.fence, life.fence);
        let by_buyer = by["side"] == "buyer";
        let sheet = self.sheets.get_mut(&of).unwrap();
        match body["action"].as_str().unwrap() {
            "withdraw" => {
                when(!own || !same, "taken back by who did not open it")?;
                sheet.stands = Stands::Over;
            }
            action => {
                when(own || !waiting, "answered by who opened it, or twice")?;
                when(by_buyer && !holds, "answered by who does not hold it")?;
                sheet.stands = if action == "agree" { Stands::Agreed } else { Stands::Over };
                if by_buyer {
                    sheet.fence = fence;
                }
            }
        }
        Ok(())
    }

    fn reverse(&mut self, entry: &Entry) -> Result<(), String> {
        let (draft, time) = (&entry.value["draft"], entry.time());
        let id = id_in(&draft["red"]);
        let life = self.life(&id, time)?;
        let mut total = 0;
        for line in draft["lines"].as_array().unwrap() {
            let (amount, tax) = (-fen(line, "amount"), -fen(line, "tax"));
            let of = life.lines.get_mut(&fen(line, "blue_line")).ok_or("the blue invoice has no such line")?;
            of[2] += amount;
            of[3] += tax;
            total += amount + tax;
            when(amount < 0 || tax < 0 || of[2] > of[0] || of[3] > of[1], "more taken back than there was")?;
        }
        when(total != -fen(draft, "total"), "its lines are not its total")?;
        let all = life.lines.values().all(|[amount, tax, red_amount, red_tax]| amount == red_amount && tax == red_tax);
        let (event, fence) = (if all { Event::ReverseAll } else { Event::ReversePart }, life.fence);
        let (state, agreed) = match step(life.state, event) {
            Step::To(state) => (state, false),
            Step::Agreed(state) => (state, true),
            Step::ByHolder(_) | Step::Refused => return Err("outside the table".to_owned()),
        };
        life.state = state;
        if state == LifeState::Reversed {
            life.holder = None;
            life.until = None;
        }
        self.use_sheet(entry, &id, all, agreed.then_some(fence))
    }

    /// A red letter uses its sheet; it needs one under this fence where its holder has to agree.
    fn use_sheet(&mut self, entry: &Entry, id: &str, all: bool, needed: Option<u64>) -> Result<(), String> {
        let Some(of) = entry.value["confirmation"].as_u64() else {
            return when(needed.is_some(), "nobody agreed to it");
        };
        let sheet = self.sheets.get_mut(&of).ok_or("there is no such sheet")?;
        let usable = matches!(sheet.stands, Stands::Free | Stands::Agreed) && sheet.invoice == id;
        when(!usable, "the sheet is another's, void or used")?;
        let agrees = |fence| sheet.stands == Stands::Agreed && sheet.fence == fence;
        when(needed.is_some_and(|fence| !agrees(fence)), "its present holder did not agree")?;
        let lines = sheet.asked["lines"].as_array();
        let asked = lines.map(|lines| lines.iter().map(|line| fen(line, "total")).sum::<i64>());
        when(asked.map_or(!all, |asked| asked != -fen(&entry.value["draft"], "total")), "another part was agreed to")?;
        sheet.stands = Stands::Over;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Entries of one invoice of 1,000 + 60 fen, entry 0, and what comes after it.
    fn found(after: &[Value]) -> Vec<String> {
        let issue = json!({"code": "1", "number": "2", "draft": {"lines": [{"amount": 1_000, "tax": 60}]}});
        let mut entries = vec![("issue".to_owned(), issue)];
        entries.extend(after.iter().map(|entry| (entry["kind"].as_str().unwrap().to_owned(), entry.clone())));
        let entries = entries.into_iter().enumerate().map(|(nth, (kind, mut entry))| {
            entry["kind"] = json!(kind);
            entry["time"] = json!(entry["time"].as_i64().unwrap_or(0));
            Entry::new(u64::try_from(nth).unwrap(), 1, &entry.to_string())
        });
        check_lives(&entries.collect::<Vec<_>>())
    }

    fn lock(holder: &str) -> Value {
        json!({"kind": "lock", "body": {"invoices": ["1-2"], "holder": holder, "lease_ms": 10}})
    }

    fn go_on(kind: &str, holder: &str, fence: u64) -> Value {
        json!({"kind": kind, "body": {"invoices": ["1-2"], "holder": holder, "fence": fence}})
    }

    fn red(amount: i64, tax: i64, sheet: Option<u64>) -> Value {
        let lines = [json!({"amount": -amount, "tax": -tax, "blue_line": 0})];
        let draft = json!({"red": {"code": "1", "number": "2"}, "lines": lines, "total": -amount - tax});
        json!({"kind": "reverse", "draft": draft, "confirmation": sheet})
    }

    fn sheet(kind: &str, body: Value, by: &Value) -> Value {
        let mut body = body;
        body["by"] = by.clone();
        json!({"kind": kind, "body": body})
    }

    #[test]
    fn a_life_by_the_table_is_in_order() {
        let (seller, buyer) = (json!({"side": "seller"}), json!({"side": "buyer", "holder": "b", "fence": 4}));
        let life = [
            json!({"kind": "claim", "body": {"invoice": "1-2"}}),
            lock("a"),
            go_on("unlock", "a", 2),
            lock("b"),
            go_on("close", "b", 4),
            sheet("open_confirmation", json!({"invoice": "1-2", "asked": {}}), &seller),
            sheet("answer_confirmation", json!({"confirmation": 6, "action": "agree"}), &buyer),
            red(1_000, 60, Some(6)),
        ];
        assert_eq!(found(&life), Vec::<String>::new());
    }

    #[test]
    fn each_disorder_is_found() {
        let late = |mut entry: Value| {
            entry["time"] = json!(10);
            entry
        };
        assert_eq!(found(&[lock("a"), late(lock("b"))]), Vec::<String>::new(), "the lease is over");
        for (what, after) in [
            ("another holds it", vec![lock("a"), lock("b")]),
            ("another than its holder", vec![lock("a"), go_on("close", "b", 1)]),
            ("another than its holder", vec![lock("a"), late(go_on("close", "a", 1))]),
            ("too late", vec![lock("a"), late(lock("a")), late(go_on("close", "a", 1))]),
            ("outside the table", vec![lock("a"), go_on("release", "a", 1)]),
            ("more taken back", vec![red(900, 60, None), red(101, 0, None)]),
            ("more taken back", vec![red(900, 61, None)]),
            ("outside the table", vec![red(1_000, 60, None), red(0, 0, None)]),
            ("nobody agreed", vec![lock("a"), red(1, 0, None)]),
            ("no such sheet", vec![lock("a"), red(1, 0, Some(1))]),
            ("claimed twice", vec![json!({"kind": "claim", "body": {"invoice": "1-2"}}); 2]),
            ("no blue invoice", vec![json!({"kind": "claim", "body": {"invoice": "1-3"}})]),
        ] {
            let found = found(&after);
            assert!(found.len() == 1 && found[0].contains(what), "{what}: {found:?}");
        }
    }

    #[test]
    fn an_agreement_is_of_one_hold_and_of_one_part() {
        let seller = json!({"side": "seller"});
        let open = sheet(
            "open_confirmation",
            json!({"invoice": "1-2", "asked": {"lines": [{"line": 0, "total": 106}]}}),
            &seller,
        );
        let agree = |holder: &str, fence: u64| {
            let by = json!({"side": "buyer", "holder": holder, "fence": fence});
            sheet("answer_confirmation", json!({"confirmation": 2, "action": "agree"}), &by)
        };
        let before = [lock("a"), open];
        let after = |more: &[Value]| found(&[&before[..], more].concat());
        assert_eq!(after(&[agree("a", 1), red(100, 6, Some(2))]), Vec::<String>::new());
        for (what, more) in [
            ("void or used", vec![red(100, 6, Some(2))]),
            ("does not hold it", vec![agree("b", 1)]),
            ("another part", vec![agree("a", 1), red(100, 7, Some(2))]),
            ("void or used", vec![agree("a", 1), red(100, 6, Some(2)), red(100, 6, Some(2))]),
            ("did not agree", vec![agree("a", 1), go_on("unlock", "a", 1), lock("a"), red(100, 6, Some(2))]),
            (
                "answered by who opened",
                vec![sheet("answer_confirmation", json!({"confirmation": 2, "action": "agree"}), &seller)],
            ),
        ] {
            let found = after(&more);
            assert!(found.len() == 1 && found[0].contains(what), "{what}: {found:?}");
        }
    }
}
