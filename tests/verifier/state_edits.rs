//! Edits of present states.

use piaolian::chain::{Hash, keccak256, to_canonical};
use serde_json::{Value, json};

use crate::case::{Case, Stage, edit_list, fresh, set};
use crate::dice::Dice;
use crate::text_edits::{break_text, edit_value};
use crate::trees::{state_climbed, state_leaf};
use crate::world::{siblings, state_value};

pub fn state(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(Value::Object(state)) = case.document.get_mut("state") else { return };
    match dice.below(6) {
        0 => {
            if let Some(path) = state.get_mut("siblings").and_then(Value::as_array_mut) {
                edit_list(path, dice);
            }
        }
        1 => drop(state.insert(
            "other".to_owned(),
            json!({"key": hex::encode(dice.bytes32()), "value": hex::encode(dice.bytes32())}),
        )),
        2 => drop(state.remove("value")),
        3 => {
            let key = dice.one_of(&["key", "value"]);
            if let Some(other) = state.get_mut("other") {
                set(other, key, hex::encode(dice.bytes32()));
            }
        }
        _ => own_key_as_other(case, stage, dice),
    }
}

/// The asked key as its own neighbour, or one that does not share the way.
pub fn own_key_as_other(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(mut key) = case.key().filter(|_| !case.is_receipt()) else { return };
    let path = case.hashes("/state/siblings");
    // The first bit that need not be the same, the last that must, or any.
    let any = dice.below(80);
    let depth = dice.one_of(&[path.len(), path.len().saturating_sub(1), any]);
    if let Some(byte) = key.get_mut(depth / 8).filter(|_| dice.chance(70)) {
        *byte ^= 0x80 >> (depth % 8);
    }
    let value = Hash(dice.bytes32());
    let root = state_climbed(&key, state_leaf(&key, &value), &path);
    case.document["state"] =
        json!({"siblings": siblings(&path), "other": {"key": Hash(key).to_string(), "value": value.to_string()}});
    case.edit_header(stage, dice, |header| header["state"] = json!(root.to_string()));
}

/// The state's text changed; and the header made to agree, or not.
pub fn state_value_edit(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(old) = case.document.pointer("/state/value").and_then(Value::as_str) else { return };
    let Ok(mut value) = serde_json::from_str::<Value>(old) else { return };
    let strange = [json!("open"), json!("free"), json!(1), json!("1"), json!({}), json!(hex::encode([7; 32]))];
    if dice.chance(50) && value.is_object() {
        value[dice.one_of(&["v", "leaf", "state", "until", "left", "more"])] = dice.one_of(&strange);
    } else {
        edit_value(&mut value, dice);
    }
    let Ok(text) = to_canonical(&value) else { return };
    set(&mut case.document["state"], "value", text.clone());
    if dice.chance(70) {
        let key = case.key();
        let path = case.hashes("/state/siblings");
        case.edit_header(stage, dice, |header| {
            if let (Some(key), Some(_)) = (key, header.get("state")) {
                header["state"] = json!(state_climbed(&key, state_leaf(&key, &keccak256(&text)), &path).to_string());
            }
        });
    }
}

/// The state of another invoice, or one made for no entry.
pub fn state_elsewhere(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let other = fresh(stage, dice).document;
    if case.document.get("state").is_some() {
        case.document["state"] = match other.get("state") {
            Some(state) => state.clone(),
            None => json!({"siblings": [], "value": state_value(&hex::encode(dice.bytes32()), dice)}),
        };
        if dice.chance(50) {
            let (key, path) = (case.key(), case.hashes("/state/siblings"));
            let value = case.document.pointer("/state/value").and_then(Value::as_str).map(keccak256);
            case.edit_header(stage, dice, |header| {
                if let (Some(key), Some(value), Some(_)) = (key, value, header.get("state")) {
                    header["state"] = json!(state_climbed(&key, state_leaf(&key, &value), &path).to_string());
                }
            });
        }
    }
}

/// A state under a header that commits to none.
pub fn uncommitted(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    case.edit_header(stage, dice, |header| {
        header["v"] = json!(1);
        header.as_object_mut().unwrap().remove("state");
    });
}

pub fn broken_state(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    if let Some(old) = case.document.pointer("/state/value").and_then(Value::as_str) {
        let broken = break_text(old, dice);
        set(&mut case.document["state"], "value", broken);
        if dice.chance(30) {
            case.anchor(stage, dice);
        }
    }
}
