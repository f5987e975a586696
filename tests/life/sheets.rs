//! The model's confirmation sheets (domain.md 1.13, states 01 to 09).

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{At, Blue, Hold, Judged, Model, Why, change, is_holder, no, text};
use super::money::Taking;

/// Milliseconds in which a sheet is answered: 72 hours.
const ANSWER_MS: i64 = 259_200_000;

#[derive(Debug, Clone)]
pub struct Sheet {
    pub entry: u64,
    pub invoice: String,
    pub by_seller: bool,
    pub buyer: Option<String>,
    pub asked: Value,
    pub(super) state: &'static str,
    pub fence: u64,
    pub opened: i64,
    pub red: Option<u64>,
}

impl Sheet {
    pub fn state(&self, time: i64) -> &'static str {
        let waits = ["02", "03"].contains(&self.state);
        if waits && time - self.opened >= ANSWER_MS { "07" } else { self.state }
    }

    pub fn is_live(&self, time: i64) -> bool {
        self.red.is_none() && ["01", "02", "03", "04"].contains(&self.state(time))
    }
}

impl Model {
    pub(super) fn open_sheet(&self, at: At, body: &Value) -> Judged {
        let Some(blue) = self.blues.get(text(body, "invoice")) else { return no(Why::Unknown) };
        let blue = blue.at(at.time);
        let (mut why, by) = (BTreeSet::new(), &body["by"]);
        let by_seller = text(by, "side") == "seller";
        let (mut buyer, mut fence) = (None, blue.fence);
        if by_seller {
            if text(by, "merchant") != blue.merchant {
                return no(Why::Unknown);
            }
        } else {
            let holder = text(by, "holder");
            buyer = Some(holder.to_owned());
            fence = 0;
            match by.get("fence").map(|fence| fence.as_u64().unwrap()) {
                Some(given) => {
                    fence = given;
                    is_holder(&blue, holder, given, &mut why);
                }
                None if blue.wallet_of.as_deref() == Some(holder) => {}
                None => _ = why.insert(Why::Holder),
            }
        }
        // A sheet of which nothing can come as the invoice stands gives way to the next.
        let before = blue.sheet.filter(|entry| self.sheets[entry].is_live(at.time));
        let free = blue.hold == Hold::None;
        let in_the_way = before.filter(|entry| match self.sheets[entry].state {
            "01" => free,
            "02" => !free,
            _ => free || self.sheets[entry].fence == blue.fence,
        });
        if in_the_way.is_some() {
            why.insert(Why::SheetOpen);
        }
        let lines = body["asked"]["lines"].as_array().cloned().unwrap_or_default();
        if Taking::ruled(&blue.lines, &lines).is_none() {
            why.insert(Why::Red);
        }
        if blue.hold == Hold::Gone {
            why.insert(Why::State);
        }
        if !why.is_empty() {
            return Err(why);
        }
        let state = match (by_seller, blue.hold == Hold::None) {
            (true, true) => "01",
            (true, false) => "02",
            (false, _) => "03",
        };
        // One of the reasons has two spellings; the ledger writes the first.
        let mut asked = body["asked"].clone();
        asked["reason"] = text(&asked, "reason").replace("SUSPENSION", "SUSPENTION").into();
        change(Some(&blue.merchant.clone()), move |model, At { index, time }| {
            let invoice = blue.id.clone();
            let sheet = Sheet { entry: index, invoice, by_seller, buyer, asked, state, fence, opened: time, red: None };
            if let Some(before) = before {
                let given_up = model.sheets.get_mut(&before).unwrap();
                given_up.state = if given_up.state == "04" { "09" } else { "08" };
            }
            model.sheets.insert(index, sheet);
            model.blues.insert(blue.id.clone(), Blue { sheet: Some(index), ..blue });
        })
    }

    pub(super) fn answer_sheet(&self, at: At, body: &Value) -> Judged {
        let entry = body["confirmation"].as_u64().unwrap();
        let Some(sheet) = self.sheets.get(&entry) else { return no(Why::Unknown) };
        let blue = self.blues[&sheet.invoice].at(at.time);
        let (mut why, by, action) = (BTreeSet::new(), &body["by"], text(body, "action"));
        let seller = text(by, "side") == "seller";
        let (mut buyer, mut fence) = (sheet.buyer.clone(), sheet.fence);
        if seller {
            if text(by, "merchant") != blue.merchant {
                return no(Why::Unknown);
            }
        } else if action == "withdraw" {
            if sheet.by_seller || sheet.buyer.as_deref() != Some(text(by, "holder")) {
                why.insert(Why::Holder);
            }
        } else {
            match by.get("fence").map(|fence| fence.as_u64().unwrap()) {
                Some(given) => {
                    is_holder(&blue, text(by, "holder"), given, &mut why);
                    (buyer, fence) = (Some(text(by, "holder").to_owned()), given);
                }
                None => _ = why.insert(Why::Fence),
            }
        }
        let next = match (sheet.state(at.time), action, seller, sheet.by_seller == seller) {
            _ if sheet.red.is_some() => None,
            ("02", "agree", false, _) | ("03", "agree", true, _) => Some("04"),
            ("02", "refuse", false, _) => Some("05"),
            ("03", "refuse", true, _) => Some("06"),
            ("01" | "02" | "03", "withdraw", _, true) => Some("08"),
            ("04", "withdraw", _, true) => Some("09"),
            _ => None,
        };
        let Some(state) = next.or_else(|| {
            why.insert(Why::Sheet);
            None
        }) else {
            return Err(why);
        };
        if !why.is_empty() {
            return Err(why);
        }
        change(Some(&blue.merchant.clone()), move |model, _| {
            let sheet = model.sheets.get_mut(&entry).unwrap();
            (sheet.state, sheet.buyer, sheet.fence) = (state, buyer, fence);
            if state != "04" && blue.sheet == Some(entry) {
                model.blues.insert(blue.id.clone(), Blue { sheet: None, ..blue });
            }
        })
    }
}
