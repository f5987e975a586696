//! What the players do: mostly what could succeed, often what must not.

use std::sync::Arc;

use serde_json::{Value, json};

use super::model::{Blue, Hold};
use super::money::{Taking, written};
use super::play::Play;
use super::seed::Dice;
use super::town::{self, Asked};

/// Leases that are asked for, the first and last too short and too long.
const LEASES: [i64; 8] =
    [59_999, 60_000, 600_000, 86_400_000, 600_000_000, 3_000_000_000, 31_536_000_000, 31_536_000_001];

/// The last moment of the stories: the year must not end.
const LAST: i64 = 1_796_000_000_000;

const HOUR: i64 = 3_600_000;

/// What a sequence draws from: blue invoices to be issued, payments, and a counter for names.
pub struct Hand {
    pub dice: Dice,
    pub blues: Vec<Arc<Asked>>,
    pub transactions: Vec<String>,
    pub said: Vec<Arc<Asked>>,
    pub names: u64,
}

impl Hand {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("key-{}", self.names)
    }

    /// Mostly the same invoice, so that its life gets long.
    fn blue(&mut self, play: &Play) -> Option<Blue> {
        let all = play.model.blues.values();
        let mut ids: Vec<&String> = all.clone().filter(|blue| blue.hold != Hold::Gone).map(|blue| &blue.id).collect();
        if ids.is_empty() || self.dice.chance(8) {
            ids = all.map(|blue| &blue.id).collect();
        }
        if ids.is_empty() {
            return None;
        }
        let id = if self.dice.chance(60) { ids.first()? } else { &ids[self.dice.below(ids.len())] };
        Some(play.model.blues[*id].at(play.time))
    }

    fn anybody(&mut self) -> String {
        self.dice.one_of(town::holders())
    }

    /// Who holds it, mostly; else anybody.
    fn holder(&mut self, known: Option<&String>) -> String {
        match known {
            Some(holder) if self.dice.chance(85) => holder.clone(),
            Some(_) | None => self.anybody(),
        }
    }

    /// The present fence, mostly; else an older or a newer one, or none that ever was.
    fn fence(&mut self, blue: &Blue, play: &Play) -> u64 {
        if self.dice.chance(88) { blue.fence } else { self.dice.next() % u64::try_from(play.texts.len() + 2).unwrap() }
    }

    /// Lets time pass: not at all, a little, to the very end of a lease or a sheet, over days.
    pub fn pass(&mut self, play: &mut Play) {
        let leases = play.model.blues.values().filter_map(Blue::lease);
        let sheets = play.model.sheets.values().map(|sheet| sheet.opened + 72 * HOUR);
        let ends: Vec<i64> = leases.chain(sheets).filter(|end| *end > play.time).collect();
        let next = match self.dice.below(16) {
            0..=8 => play.time,
            9 => play.time + 1,
            10 => play.time + self.dice.between(1..120_000),
            11 => play.time + 24 * HOUR,
            12 => play.time + 73 * HOUR,
            _ if ends.is_empty() => play.time + HOUR,
            13 => self.dice.one_of(&ends) - 1,
            14 => self.dice.one_of(&ends),
            _ => play.time + self.dice.between(1..40) * HOUR,
        };
        if next < LAST {
            play.time = play.time.max(next);
        }
    }

    /// What is asked next.
    pub fn next(&mut self, play: &Play) -> Option<Arc<Asked>> {
        let Some(blue) = self.blue(play) else { return self.blues.pop() };
        // A sheet is there to be answered and used.
        let sheet = blue.sheet.map(|entry| play.model.sheets[&entry].state(play.time));
        match sheet {
            Some("02" | "03") if self.dice.chance(35) => return self.answer(play, &blue).map(Arc::new),
            Some("04") if self.dice.chance(40) => return self.reverse(play, &blue).map(Arc::new),
            Some(_) | None => {}
        }
        let asked = match self.dice.below(100) {
            0..=3 => return self.blues.pop(),
            4..=8 => self.refund(play),
            9..=26 => self.reverse(play, &blue)?,
            27..=40 => self.lock(play, &blue),
            41..=65 => self.held(play, &blue),
            66..=71 => self.pledge(&blue),
            72..=80 => self.wallet(&blue),
            81..=88 => self.open(play, &blue),
            89..=95 => self.answer(play, &blue)?,
            _ => return self.again(),
        };
        Some(Arc::new(asked))
    }

    /// Something said before: in the same words, or under the same key in others.
    fn again(&mut self) -> Option<Arc<Asked>> {
        if self.said.is_empty() {
            return None;
        }
        let said = Arc::clone(&self.said[self.dice.below(self.said.len())]);
        let (kind, lease) = (said.json["kind"].as_str()?, said.json["body"]["lease_ms"].as_i64());
        match lease {
            Some(lease) if self.dice.chance(50) => {
                let mut body = said.json["body"].clone();
                body["lease_ms"] = (lease + 1).into();
                Some(Arc::new(town::keyed(kind, said.json["key"].as_str()?, body)))
            }
            Some(_) | None => Some(said),
        }
    }

    fn refund(&mut self, play: &Play) -> Asked {
        let name = self.dice.one_of(&self.transactions);
        let paid = &play.model.payments[&name];
        let free = (paid.paid - paid.refunded - paid.awaiting).max(1);
        let amount = if self.dice.chance(90) { self.dice.between(1..free + 1) } else { free + 1 };
        self.names += 1;
        town::refund(&format!("refund-{}", self.names), &name, amount)
    }

    /// What a caller asks to take back: everything, or of some lines all, a quantity, or money.
    pub fn asked(&mut self, blue: &Blue) -> Value {
        let reason = self.dice.one_of(&[
            "ISSUE_ERROR",
            "SALES_RETURN",
            "SERVICE_SUSPENTION",
            "SERVICE_SUSPENSION",
            "SALES_DISCOUNT",
        ]);
        let mut lines = Vec::new();
        if self.dice.chance(80) {
            for line in &blue.lines {
                if self.dice.chance(35) {
                    continue;
                }
                let left = line.amount + line.tax - line.red_amount - line.red_tax;
                lines.push(match (line.quantity, self.dice.below(3)) {
                    (_, 0) if self.dice.chance(50) => json!({"line": line.place}),
                    (Some(first), 1) => {
                        let quantity = (first - line.red_quantity) / self.dice.one_of(&[1, 2, 3, 7]);
                        json!({"line": line.place, "quantity": written(quantity)})
                    }
                    (Some(_) | None, _) => {
                        let total = if self.dice.chance(95) { self.dice.between(1..left.max(1) + 1) } else { left + 1 };
                        json!({"line": line.place, "total": total})
                    }
                });
            }
        }
        if self.dice.chance(2) {
            lines.push(json!({"line": self.dice.below(8)}));
        }
        if lines.is_empty() { json!({"reason": reason}) } else { json!({"reason": reason, "lines": lines}) }
    }

    fn reverse(&mut self, play: &Play, blue: &Blue) -> Option<Asked> {
        let sheet = blue.sheet.map(|entry| &play.model.sheets[&entry]);
        let sheet = match sheet {
            Some(sheet) if self.dice.chance(80) => Some(sheet),
            Some(_) | None if self.dice.chance(10) => {
                let sheets: Vec<_> = play.model.sheets.values().collect();
                if sheets.is_empty() { None } else { Some(sheets[self.dice.below(sheets.len())]) }
            }
            Some(_) | None => None,
        };
        let asked = match sheet {
            Some(sheet) if self.dice.chance(90) => sheet.asked.clone(),
            Some(_) | None => self.asked(blue),
        };
        let (draft, merchant) = &play.drafts[&blue.id];
        // Sometimes drawn from what was there at first, as by somebody who does not know of other red letters.
        let stale = self.dice.chance(10);
        let left = if stale { draft.shares().unwrap() } else { town::left(&blue.lines, draft) };
        let red = draft.reverse(blue.id.as_str().try_into().unwrap(), &left, &town::reversal_asked(&asked));
        let lines = asked["lines"].as_array().cloned().unwrap_or_default();
        let ruled = Taking::ruled(&blue.lines, &lines);
        if !stale {
            assert_eq!(red.is_ok(), ruled.is_some(), "{}: {asked} of {blue:?}: {red:?}", play.name);
        }
        let red = red.ok()?;
        let name = self.name();
        Some(town::reverse(&name, *merchant, red, sheet.map(|sheet| sheet.entry)))
    }

    fn lock(&mut self, play: &Play, blue: &Blue) -> Asked {
        let mut invoices = vec![blue.id.clone()];
        for id in play.model.blues.keys() {
            if *id != blue.id && self.dice.chance(15) {
                invoices.push(id.clone());
            }
        }
        match self.dice.below(40) {
            0 => invoices.push(blue.id.clone()),
            1 => invoices.clear(),
            2 => invoices.push("144032609110-99999999".to_owned()),
            _ => {}
        }
        let body = json!({"invoices": invoices, "holder": self.anybody(), "lease_ms": self.dice.one_of(&LEASES)});
        let name = self.name();
        town::keyed("lock", &name, body)
    }

    /// Something that only the holder may do: mostly what fits the hold.
    fn held(&mut self, play: &Play, blue: &Blue) -> Asked {
        let pledged = blue.hold == Hold::Pledge;
        let kind = match (pledged, self.dice.chance(90)) {
            (true, true) | (false, false) => self.dice.one_of(&["release", "settle", "settle"]),
            (true, false) | (false, true) => self.dice.one_of(&["renew", "renew", "unlock", "unlock", "close"]),
        };
        // The hold as it was stored: its lease may have ended.
        let stored = play.model.blues[&blue.id].clone();
        let fence = self.fence(&stored, play);
        let holder = self.holder(stored.who.as_ref());
        let mut invoices = vec![blue.id.clone()];
        for other in play.model.blues.values() {
            if other.id != blue.id && (if other.fence == fence { self.dice.chance(70) } else { self.dice.chance(3) }) {
                invoices.push(other.id.clone());
            }
        }
        let mut body = json!({"invoices": invoices, "holder": holder, "fence": fence});
        if kind == "renew" {
            body["lease_ms"] = self.dice.one_of(&LEASES).into();
        }
        let name = self.name();
        town::keyed(kind, &name, body)
    }

    fn pledge(&mut self, blue: &Blue) -> Asked {
        let merchant = if self.dice.chance(95) { blue.merchant.clone() } else { "M00000002".to_owned() };
        let body = json!({"merchant": merchant, "invoice": blue.id, "holder": self.anybody()});
        let name = self.name();
        town::keyed("pledge", &name, body)
    }

    fn wallet(&mut self, blue: &Blue) -> Asked {
        let kind = match (blue.wallet, self.dice.chance(90)) {
            ("unclaimed", true) | ("claimed", false) => "claim",
            ("claimed", true) => self.dice.one_of(&["hand_over", "hand_over", "discard"]),
            _ => self.dice.one_of(&["claim", "hand_over", "discard"]),
        };
        let mut body = json!({"invoice": blue.id, "holder": self.holder(blue.wallet_of.as_ref())});
        if kind == "hand_over" {
            body["to"] = self.anybody().into();
        }
        let name = self.name();
        town::keyed(kind, &name, body)
    }

    /// Who speaks on a sheet.
    fn side(&mut self, play: &Play, blue: &Blue, seller: bool) -> Value {
        if seller {
            let merchant = if self.dice.chance(95) { blue.merchant.clone() } else { "M00000002".to_owned() };
            return json!({"side": "seller", "merchant": merchant});
        }
        if blue.who.is_some() && self.dice.chance(90) {
            let (holder, fence) = (self.holder(blue.who.as_ref()), self.fence(blue, play));
            return json!({"side": "buyer", "holder": holder, "fence": fence});
        }
        json!({"side": "buyer", "holder": self.holder(blue.wallet_of.as_ref())})
    }

    fn open(&mut self, play: &Play, blue: &Blue) -> Asked {
        let seller = self.dice.chance(50);
        let body = json!({"invoice": blue.id, "by": self.side(play, blue, seller), "asked": self.asked(blue)});
        let name = self.name();
        town::keyed("open_confirmation", &name, body)
    }

    fn answer(&mut self, play: &Play, blue: &Blue) -> Option<Asked> {
        let sheets: Vec<_> = play.model.sheets.values().collect();
        let live = blue.sheet.map(|entry| &play.model.sheets[&entry]);
        let sheet = match live {
            Some(sheet) if self.dice.chance(85) => sheet,
            Some(_) | None if sheets.is_empty() => return None,
            Some(_) | None => sheets[self.dice.below(sheets.len())],
        };
        let blue = play.model.blues[&sheet.invoice].at(play.time);
        let action = self.dice.one_of(&["agree", "agree", "agree", "agree", "refuse", "withdraw"]);
        let own = (action == "withdraw") == self.dice.chance(92);
        let seller = own == sheet.by_seller;
        let mut by = self.side(play, &blue, seller);
        if action == "withdraw" && !seller && self.dice.chance(80) {
            by["holder"] = self.holder(sheet.buyer.as_ref()).into();
        }
        let entry = if self.dice.chance(98) { sheet.entry } else { 0 };
        let name = self.name();
        Some(town::keyed("answer_confirmation", &name, json!({"confirmation": entry, "action": action, "by": by})))
    }
}
