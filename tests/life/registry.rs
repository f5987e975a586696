//! The model's registry: holds and the wallet. State words and rules as in README's table of states.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{At, Blue, Hold, Judged, Model, Why, change, is_holder, no, text, whole};

/// The shortest and the longest lease.
const LEASES: std::ops::RangeInclusive<i64> = 60_000..=31_536_000_000;

fn ids(body: &Value) -> Vec<&str> {
    body["invoices"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
}

/// Whether these can be one command's: 1 to 100, none twice.
fn is_batch(ids: &[&str]) -> bool {
    (1..=100).contains(&ids.len()) && ids.iter().collect::<BTreeSet<_>>().len() == ids.len()
}

impl Model {
    /// What there is against a command that is about several invoices, all or none.
    fn each(&self, time: i64, ids: &[&str], mut look: impl FnMut(&Blue, &Blue, &mut BTreeSet<Why>)) -> BTreeSet<Why> {
        let mut why = BTreeSet::new();
        if !is_batch(ids) {
            why.insert(Why::Batch);
        }
        for id in ids {
            match self.blues.get(*id) {
                None => _ = why.insert(Why::Unknown),
                Some(stored) => look(stored, &stored.at(time), &mut why),
            }
        }
        why
    }

    pub(super) fn lock(&self, at: At, body: &Value) -> Judged {
        let (ids, lease) = (ids(body), whole(body, "lease_ms"));
        let mut why = self.each(at.time, &ids, |_, blue, why| {
            if blue.hold != Hold::None {
                why.insert(Why::State);
            }
        });
        if !LEASES.contains(&lease) {
            why.insert(Why::Range);
        }
        if !why.is_empty() {
            return Err(why);
        }
        let (ids, holder): (Vec<String>, _) =
            (ids.into_iter().map(str::to_owned).collect(), text(body, "holder").to_owned());
        change(None, move |model, At { index, time }| {
            for id in ids {
                let blue = model.blues.get_mut(&id).unwrap();
                (blue.hold, blue.fence, blue.who) = (Hold::Lock { until: time + lease }, index, Some(holder.clone()));
            }
        })
    }

    /// Renew, unlock, close, release, settle.
    pub(super) fn held(&self, at: At, kind: &str, body: &Value) -> Judged {
        let (ids, holder, fence) = (ids(body), text(body, "holder"), body["fence"].as_u64().unwrap());
        let of_pledge = ["release", "settle"].contains(&kind);
        let mut why = self.each(at.time, &ids, |stored, now, why| {
            let theirs = if of_pledge { now.hold == Hold::Pledge } else { now.lease().is_some() };
            if theirs {
                is_holder(now, holder, fence, why);
            } else if stored.hold != now.hold && stored.fence == fence && stored.who.as_deref() == Some(holder) {
                why.insert(Why::Lease);
            } else {
                why.insert(Why::State);
            }
        });
        let lease = if kind == "renew" { whole(body, "lease_ms") } else { *LEASES.start() };
        if !LEASES.contains(&lease) {
            why.insert(Why::Range);
        }
        if !why.is_empty() {
            return Err(why);
        }
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let kind = kind.to_owned();
        change(None, move |model, At { time, .. }| {
            for id in ids {
                let blue = model.blues.get_mut(&id).unwrap();
                match kind.as_str() {
                    "renew" => blue.hold = Hold::Lock { until: time + lease },
                    // Who has booked stays known: it has to agree to red letters.
                    "close" => blue.hold = Hold::Booked,
                    done => {
                        (blue.hold, blue.who) = (Hold::None, None);
                        blue.settled |= done == "settle";
                    }
                }
            }
        })
    }

    pub(super) fn pledge(&self, at: At, body: &Value) -> Judged {
        let (merchant, id) = (text(body, "merchant"), text(body, "invoice").to_owned());
        let Some(blue) = self.blues.get(&id).filter(|blue| blue.merchant == merchant) else { return no(Why::Unknown) };
        let blue = blue.at(at.time);
        let mut why = BTreeSet::new();
        if blue.hold != Hold::None || blue.settled {
            why.insert(Why::State);
        }
        if blue.payment.is_some() {
            why.insert(Why::Paid);
        }
        if !why.is_empty() {
            return Err(why);
        }
        let holder = text(body, "holder").to_owned();
        change(Some(merchant), move |model, At { index, .. }| {
            let blue = model.blues.get_mut(&id).unwrap();
            (blue.hold, blue.fence, blue.who) = (Hold::Pledge, index, Some(holder));
        })
    }

    /// Claim, hand over, discard.
    pub(super) fn wallet(&self, at: At, kind: &str, body: &Value) -> Judged {
        let (id, holder) = (text(body, "invoice").to_owned(), text(body, "holder"));
        let Some(blue) = self.blues.get(&id).map(|blue| blue.at(at.time)) else { return no(Why::Unknown) };
        let mut why = BTreeSet::new();
        let free = blue.hold == Hold::None || (blue.hold == Hold::Pledge && kind != "discard");
        if !free {
            why.insert(Why::State);
        }
        if kind == "claim" && blue.wallet != "unclaimed" {
            why.insert(Why::Claimed);
        }
        if kind != "claim" && blue.wallet_of.as_deref() != Some(holder) {
            why.insert(Why::Holder);
        }
        if kind == "hand_over" && text(body, "to") == holder {
            why.insert(Why::HolderSame);
        }
        if !why.is_empty() {
            return Err(why);
        }
        let (wallet, wallet_of) = match kind {
            "claim" => ("claimed", Some(holder.to_owned())),
            "hand_over" => ("claimed", Some(text(body, "to").to_owned())),
            _ => ("discarded", None),
        };
        // Whatever happens to an invoice takes a lock away for good whose lease has ended.
        change(Some(&blue.merchant.clone()), move |model, _| {
            model.blues.insert(id, Blue { wallet, wallet_of, ..blue });
        })
    }
}
