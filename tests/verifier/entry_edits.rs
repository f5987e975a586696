//! Edits of entries and drafts.

use piaolian::chain::to_canonical;
use serde_json::{Value, json};

use crate::case::{Case, Stage, edit_inner, set};
use crate::dice::Dice;
use crate::signature_edits::edged;
use crate::text_edits::break_text;
use crate::world::issuer_key;

pub fn entry(case: &mut Case, _: &Stage, dice: &mut Dice) {
    edit_inner(case, "entry", dice);
}

pub fn entry_anchored(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    edit_inner(case, "entry", dice);
    case.anchor(stage, dice);
}

/// Another chain's name, in one of the places that name it.
pub fn chain(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let other = json!(dice.one_of(&["chain-0", "chain-1", "other", "Other", ""]));
    match dice.below(4) {
        0 => case.document["chain"] = other,
        1 => case.edit_header(stage, dice, |header| header["chain"] = other),
        2 => edit_entry(case, stage, dice, |entry| entry["chain"] = other),
        _ => sign_draft(case, stage, dice, |draft| draft["chain"] = other),
    }
}

pub fn edit_entry(case: &mut Case, stage: &Stage, dice: &mut Dice, edit: impl FnOnce(&mut Value)) {
    if let Some(mut entry) = case.inner("entry").filter(Value::is_object) {
        edit(&mut entry);
        case.put("entry", &entry);
        case.anchor(stage, dice);
    }
}

/// Edits the draft, and has the issuer sign it.
pub fn sign_draft(case: &mut Case, stage: &Stage, dice: &mut Dice, edit: impl FnOnce(&mut Value)) {
    let key = &stage.worlds[case.world].issuer;
    edit_entry(case, stage, dice, |entry| {
        if entry.get("draft").is_some_and(Value::is_object) {
            edit(&mut entry["draft"]);
            entry["signature"] = json!(key.sign(&to_canonical(&entry["draft"]).unwrap_or_default()).to_string());
        }
    });
}

pub fn index(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(old) = case.document["index"].as_u64() else { return };
    let number = dice.one_of(&[old.wrapping_add(1), old.saturating_sub(1), 0, 1 << 53, u64::MAX]);
    match dice.below(4) {
        0 => case.document["index"] = json!(number),
        1 => edit_entry(case, stage, dice, |entry| entry["index"] = json!(number.min(9_007_199_254_740_991))),
        2 => {
            case.document["index"] = json!(number.min(1 << 52));
            edit_entry(case, stage, dice, |entry| entry["index"] = json!(number.min(1 << 52)));
        }
        _ => case.edit_header(stage, dice, |header| header["size"] = json!(old)),
    }
}

pub fn issuer(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let (stranger, which) = (issuer_key(dice), dice.below(5));
    edit_entry(case, stage, dice, |entry| {
        let signed = entry.get("draft").and_then(|draft| to_canonical(draft).ok()).unwrap_or_default();
        match which {
            0 => entry["issuer"] = json!(stranger.address().to_string()),
            1 => entry["signature"] = json!(stranger.sign(&signed).to_string()),
            2 => entry["issuer"] = json!(stranger.address().to_eip55()),
            3 => {
                (entry["issuer"], entry["signature"]) =
                    (json!(stranger.address().to_string()), json!(stranger.sign(&signed).to_string()))
            }
            _ => set(&mut entry["draft"], "amount", 1),
        }
    });
}

pub fn issuer_numbers(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let mut choices = dice.clone();
    edit_entry(case, stage, dice, |entry| {
        let old = entry["signature"].as_str().unwrap_or("").to_owned();
        if old.len() == 130 && old.is_ascii() {
            let v = choices.one_of(&["00", "01", "1a", "1b", "1c", "1d", "1e", "ff"]);
            let new =
                if choices.chance(40) { format!("{}{v}", old.split_at(128).0) } else { edged(&old, &mut choices) };
            entry["signature"] = json!(new);
        }
    });
}

/// Draft, issuer and signature that are not there all three, or not in their form.
pub fn draft(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let (which, member) = (dice.below(4), dice.one_of(&["draft", "issuer", "signature"]));
    let value = dice.one_of(&[json!(1), json!("x"), json!({}), json!([]), json!(3)]);
    match which {
        0 => edit_entry(case, stage, dice, |entry| drop(entry.as_object_mut().unwrap().remove(member))),
        1 => edit_entry(case, stage, dice, |entry| entry[member] = value),
        2 => sign_draft(case, stage, dice, |draft| draft["v"] = value),
        _ => sign_draft(case, stage, dice, |draft| drop(draft.as_object_mut().unwrap().remove("chain"))),
    }
}

/// An entry without a number, or with another, and a state.
pub fn without_number(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let member = dice.one_of(&["code", "number"]);
    let value = dice.one_of(&["0", "00000000", "000000000000", "0000000x", "０００００００１"]);
    let gone = dice.chance(40);
    edit_entry(case, stage, dice, |entry| {
        if gone {
            entry.as_object_mut().unwrap().remove(member);
        } else {
            entry[member] = json!(value);
        }
    });
}

pub fn broken_entry(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    if let Some(old) = case.document.get("entry").and_then(Value::as_str) {
        case.document["entry"] = json!(break_text(old, dice));
        if dice.chance(50) {
            case.anchor(stage, dice);
        }
    }
}

/// The versions of document and parts mixed.
pub fn version(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let v = dice.below(4);
    match dice.below(5) {
        0 => case.document["v"] = json!(v),
        1 => drop(case.document.as_object_mut().unwrap().remove("state")),
        2 => case.edit_header(stage, dice, |header| header["v"] = json!(v)),
        3 => edit_entry(case, stage, dice, |entry| entry["v"] = json!(v)),
        _ => sign_draft(case, stage, dice, |draft| draft["v"] = json!(v)),
    }
}

/// The entry later than the header, or at its very time.
pub fn time(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(header) = case.inner("header") else { return };
    let time = header["time"].as_i64().unwrap_or(0) + dice.one_of(&[0, 1, -1]);
    edit_entry(case, stage, dice, |entry| entry["time"] = json!(time));
}

/// Keys whose order differs between UTF-8 and UTF-16, in texts that stay canonical.
pub fn key_order(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let keys = ["\u{fb33}", "\u{1f600}", "\u{20ac}", "é", "", "\r", "1", "__proto__", "ﷺ", "\u{10ffff}", "\u{e000}"];
    let chosen: Vec<&str> = (0..4).map(|_| dice.one_of(&keys)).collect();
    edit_entry(case, stage, dice, |entry| chosen.iter().for_each(|key| entry[*key] = json!({"x": *key})));
}
