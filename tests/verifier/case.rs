//! A document with what its verifier is given, and what edits of it have in common: signing and anchoring anew.

use piaolian::chain::{Hash, SealKey, leaf_hash, to_canonical};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::text_edits::edit_value;
use crate::trees::{climbed, state_climbed, state_key, state_leaf};
use crate::world::World;

/// A document with what its verifier is given.
pub struct Case {
    pub document: Value,
    /// The chain that it began as a document of.
    pub world: usize,
    pub rosters: Vec<String>,
    pub expected: Option<Hash>,
}

/// The chains, and a key that nobody knows.
pub struct Stage {
    pub worlds: Vec<World>,
    pub stranger: SealKey,
}

impl Case {
    pub fn inner(&self, member: &str) -> Option<Value> {
        serde_json::from_str(self.document.get(member)?.as_str()?).ok()
    }

    /// Puts a text in the document, if the value has one.
    pub fn put(&mut self, member: &str, value: &Value) {
        if let Ok(text) = to_canonical(value) {
            self.document[member] = json!(text);
        }
    }

    pub fn is_receipt(&self) -> bool {
        self.document.get("entry").is_some()
    }

    /// Seals the header that is there, as only a quorum could.
    pub fn seal(&mut self, stage: &Stage, dice: &mut Dice) {
        if self.inner("header").is_some() {
            let header = self.document["header"].as_str().unwrap();
            self.document["seals"] = stage.worlds[self.world].seals(header, dice);
        }
    }

    pub fn edit_header(&mut self, stage: &Stage, dice: &mut Dice, edit: impl FnOnce(&mut Value)) {
        if let Some(mut header) = self.inner("header").filter(Value::is_object) {
            edit(&mut header);
            self.put("header", &header);
            self.seal(stage, dice);
        }
    }

    pub fn hashes(&self, pointer: &str) -> Vec<Hash> {
        let items = self.document.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        let read = |item: &Value| match item.as_str() {
            Some("") => Some(piaolian::chain::empty_state_root()),
            text => text?.parse().ok(),
        };
        items.iter().filter_map(read).collect()
    }

    /// Makes the header's roots those that entry, proof and state lead to, and seals it.
    pub fn anchor(&mut self, stage: &Stage, dice: &mut Dice) {
        let entry = self.document.get("entry").and_then(Value::as_str).map(str::to_owned);
        let index = self.document["index"].as_u64().unwrap_or(0);
        let (proof, path) = (self.hashes("/proof"), self.hashes("/state/siblings"));
        let key = self.key();
        if let (Some(entry), Some(Value::Object(_))) = (&entry, self.document.get("state")) {
            let old = self.document["state"]["value"].as_str().unwrap_or("").to_owned();
            if let Ok(mut value) = serde_json::from_str::<Value>(&old)
                && value.get("leaf").is_some()
            {
                value["leaf"] = json!(leaf_hash(entry).to_string());
                set(&mut self.document["state"], "value", to_canonical(&value).unwrap_or(old));
            }
        }
        let state = self.document.pointer("/state/value").and_then(Value::as_str).map(piaolian::chain::keccak256);
        self.edit_header(stage, dice, |header| {
            if let Some(entry) = &entry {
                let size = header["size"].as_u64().unwrap_or(0);
                header["root"] = json!(climbed(leaf_hash(entry), index, size, &proof).to_string());
            }
            if let (Some(key), Some(state), Some(_)) = (key, state, header.get("state")) {
                header["state"] = json!(state_climbed(&key, state_leaf(&key, &state), &path).to_string());
            }
        });
    }

    /// Where the invoice's state stands.
    pub fn key(&self) -> Option<[u8; 32]> {
        let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        let (code, number) = match self.document.get("invoice").and_then(Value::as_str) {
            Some(invoice) => invoice.split_once('-').map(|(code, number)| (code.to_owned(), number.to_owned()))?,
            None => {
                let entry = self.inner("entry")?;
                (entry.get("code")?.as_str()?.to_owned(), entry.get("number")?.as_str()?.to_owned())
            }
        };
        (digits(&code, 12) && digits(&number, 8)).then(|| state_key(&code, &number))
    }
}

/// A fresh document: of some chain, entry and block.
pub fn fresh(stage: &Stage, dice: &mut Dice) -> Case {
    let world = dice.below(stage.worlds.len());
    let chain = &stage.worlds[world];
    let height = 1 + dice.below(chain.blocks.len() - 1);
    let block = &chain.blocks[height];
    let second = block.header.contains("\"v\":2");
    let document = if block.size == 0 || (second && dice.chance(30)) {
        chain.state_proof(height, dice)
    } else {
        chain.receipt(dice.below(block.size), height, second && dice.chance(70), dice)
    };
    Case { document, world, rosters: chain.rosters(), expected: None }
}

pub fn edit_inner(case: &mut Case, member: &str, dice: &mut Dice) {
    if let Some(mut value) = case.inner(member) {
        edit_value(&mut value, dice);
        case.put(member, &value);
    }
}

pub fn edit_list(items: &mut Vec<Value>, dice: &mut Dice) {
    let at = dice.below(items.len());
    match dice.below(8) {
        0 => items.truncate(at),
        1 => items.push(json!(hex::encode(dice.bytes32()))),
        2 => items.reverse(),
        3 => items.insert(0, json!(hex::encode(dice.bytes32()))),
        4 if !items.is_empty() => items[at] = json!(hex::encode(dice.bytes32())),
        5 if !items.is_empty() => edit_value(&mut items[at], dice),
        6 => items.push(json!("")),
        _ => dice.shuffle(items),
    }
}

/// Sets a member, where there is an object to have it.
pub fn set(value: &mut Value, key: &str, to: impl Into<Value>) {
    if let Some(members) = value.as_object_mut() {
        members.insert(key.to_owned(), to.into());
    }
}
