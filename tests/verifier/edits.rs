//! Edits of whole documents, each of one kind. Most break a document in one place; those that sign and anchor anew lead past the
//! first checks, so that every verdict is reached.

use piaolian::chain::{Hash, SealKey, leaf_hash, to_canonical};
use serde_json::{Value, json};

use crate::byte_edits::RAW;
use crate::dice::Dice;
use crate::text_edits::{break_text, edit_value};
use crate::trees::{climbed, state_climbed, state_key, state_leaf};
use crate::world::{World, issuer_key, siblings, state_value, text};

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

pub type Edit = fn(&mut Case, &Stage, &mut Dice);

/// All of them.
pub const EDITS: &[Edit] = &[
    nothing,
    document,
    document_number,
    entry,
    entry_anchored,
    header,
    header_sealed,
    header_rule,
    foreign_part,
    other_block,
    one_seal,
    seals,
    seal_numbers,
    quorum,
    proof,
    chain,
    index,
    issuer,
    issuer_numbers,
    draft,
    state,
    state_value_edit,
    state_elsewhere,
    uncommitted,
    without_number,
    rosters,
    expected,
    broken_entry,
    broken_header,
    broken_state,
    too_many,
    version,
    time,
    key_order,
];

impl Case {
    fn inner(&self, member: &str) -> Option<Value> {
        serde_json::from_str(self.document.get(member)?.as_str()?).ok()
    }

    /// Puts a text in the document, if the value has one.
    fn put(&mut self, member: &str, value: &Value) {
        if let Ok(text) = to_canonical(value) {
            self.document[member] = json!(text);
        }
    }

    fn is_receipt(&self) -> bool {
        self.document.get("entry").is_some()
    }

    /// Seals the header that is there, as only a quorum could.
    fn seal(&mut self, stage: &Stage, dice: &mut Dice) {
        if self.inner("header").is_some() {
            let header = self.document["header"].as_str().unwrap();
            self.document["seals"] = stage.worlds[self.world].seals(header, dice);
        }
    }

    fn edit_header(&mut self, stage: &Stage, dice: &mut Dice, edit: impl FnOnce(&mut Value)) {
        if let Some(mut header) = self.inner("header").filter(Value::is_object) {
            edit(&mut header);
            self.put("header", &header);
            self.seal(stage, dice);
        }
    }

    fn hashes(&self, pointer: &str) -> Vec<Hash> {
        let items = self.document.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        let read = |item: &Value| match item.as_str() {
            Some("") => Some(piaolian::chain::empty_state_root()),
            text => text?.parse().ok(),
        };
        items.iter().filter_map(read).collect()
    }

    /// Makes the header's roots those that entry, proof and state lead to, and seals it.
    fn anchor(&mut self, stage: &Stage, dice: &mut Dice) {
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
                self.document["state"]["value"] = json!(to_canonical(&value).unwrap_or(old));
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
    fn key(&self) -> Option<[u8; 32]> {
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

fn nothing(_: &mut Case, _: &Stage, _: &mut Dice) {}

fn document(case: &mut Case, _: &Stage, dice: &mut Dice) {
    edit_value(&mut case.document, dice);
}

/// Numbers in forms that some readers take and others do not.
fn document_number(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let forms = [
        "1.0",
        "1e0",
        "1E+0",
        "-0",
        "01",
        "+1",
        "0x1",
        "null",
        "true",
        "\"1\"",
        "18446744073709551615",
        "18446744073709551616",
        "9007199254740993",
        "-1",
        "4294967295",
        "4294967296",
        "1e400",
        "99999999999999999999999999999999999999",
        "1.",
        "1e",
        "[]",
        "{}",
        "0",
        "1",
        "2",
        "3",
    ];
    let raw = json!(format!("{RAW}{}", dice.one_of(&forms)));
    match dice.below(3) {
        0 => case.document["v"] = raw,
        1 if case.is_receipt() => case.document["index"] = raw,
        _ if case.document["seals"].as_array().is_some_and(|seals| !seals.is_empty()) => {
            case.document["seals"][0]["round"] = raw
        }
        _ => case.document["v"] = raw,
    }
}

fn edit_inner(case: &mut Case, member: &str, dice: &mut Dice) {
    if let Some(mut value) = case.inner(member) {
        edit_value(&mut value, dice);
        case.put(member, &value);
    }
}

fn entry(case: &mut Case, _: &Stage, dice: &mut Dice) {
    edit_inner(case, "entry", dice);
}

fn entry_anchored(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    edit_inner(case, "entry", dice);
    case.anchor(stage, dice);
}

fn header(case: &mut Case, _: &Stage, dice: &mut Dice) {
    edit_inner(case, "header", dice);
}

fn header_sealed(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    case.edit_header(stage, dice, |_| {});
    edit_inner(case, "header", &mut dice.clone());
    case.seal(stage, dice);
}

/// The rules that a header can break by itself, and numbers at their edges.
fn header_rule(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let (which, number) = (dice.below(13), dice.one_of(&[0_i64, 1, 2, 6, 1 << 32, 9_007_199_254_740_991]));
    let word = dice.one_of(&["0".repeat(64), hex::encode("SPARSE_MERKLE_PLACEHOLDER_HASH__"), hex::encode([0xab; 32])]);
    case.edit_header(stage, dice, |header| match which {
        0 => header["time"] = json!(-number),
        1 => header["size"] = json!(0),
        2 => header["height"] = json!(0),
        3 => header["prev"] = json!("0".repeat(64)),
        4 => header["next_members"] = json!(word),
        5 => drop(header.as_object_mut().unwrap().remove("state")),
        6 => header["state"] = json!(word),
        7 => header["v"] = json!(number % 4),
        8 => header["size"] = json!(number),
        9 => header["time"] = json!(number),
        10 => header["height"] = json!(number),
        11 => header["root"] = json!(word),
        _ => (header["height"], header["size"], header["prev"]) = (json!(0), json!(0), json!("0".repeat(64))),
    });
}

/// A part of another document, of the same chain or of another.
fn foreign_part(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let other = fresh(stage, dice).document;
    let members: Vec<String> = other.as_object().unwrap().keys().cloned().collect();
    for _ in 0..=dice.below(2) {
        let member = dice.one_of(&members);
        case.document[&member] = other[&member].clone();
    }
}

/// Header and seals of another block of the chain.
fn other_block(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let world = &stage.worlds[case.world];
    let header = world.blocks[dice.below(world.blocks.len())].header.clone();
    if dice.chance(70) {
        case.document["seals"] = world.seals(&header, dice);
    }
    case.document["header"] = json!(header);
}

fn one_seal(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let header = case.document["header"].as_str().unwrap_or("").to_owned();
    let Some(seals) = case.document["seals"].as_array_mut().filter(|seals| !seals.is_empty()) else { return };
    let world = &stage.worlds[case.world];
    let at = dice.below(seals.len());
    let key = world.terms[0].seats[0].key.clone();
    let readable = serde_json::from_str::<Value>(&header).is_ok_and(|header| header.is_object());
    match dice.below(10) {
        0 => drop(seals.remove(at)),
        1 => seals.push(seals[at].clone()),
        2 => seals[at]["member"] = json!(dice.one_of(&["stranger", "member-0", "member-1", "Member-0", "-x", ""])),
        3 => seals[at]["round"] = json!(dice.below(3)),
        4 if readable => seals[at] = world.seal("stranger", &stage.stranger, &header, 0),
        5 if readable => seals[at] = world.seal("member-0", &stage.stranger, &header, 0),
        6 if readable => seals[at] = world.seal("member-0", &key, &header, 0),
        7 if readable => seals[at] = world.seal("member-1", &world.terms[0].seats[0].key, &header, 1),
        8 => edit_value(&mut seals[at], dice),
        _ => {
            let digit = dice.below(128);
            let signature = seals[at]["signature"].as_str().unwrap_or("").to_owned();
            let flipped =
                signature.char_indices().map(|(at, c)| if at == digit { if c == '0' { '1' } else { '0' } } else { c });
            seals[at]["signature"] = json!(flipped.collect::<String>());
        }
    }
}

fn seals(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let Some(seals) = case.document["seals"].as_array_mut() else { return };
    match dice.below(4) {
        0 => dice.shuffle(seals),
        1 => seals.clear(),
        2 => seals.extend(seals.clone()),
        _ => {
            let signatures: Vec<Value> = seals.iter().map(|seal| seal["signature"].clone()).collect();
            seals
                .iter_mut()
                .zip(signatures.into_iter().rev())
                .for_each(|(seal, signature)| seal["signature"] = signature);
        }
    }
}

const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// n - s, in hex.
fn negated(s: &str) -> String {
    let mut out = [0; 32];
    let mut bytes = [[0_u8; 32]; 2];
    hex::decode_to_slice(ORDER, &mut bytes[0]).unwrap();
    if hex::decode_to_slice(s, &mut bytes[1]).is_err() {
        return s.to_owned();
    }
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(bytes[0][at]) - i16::from(bytes[1][at]) - borrow;
        borrow = i16::from(difference < 0);
        out[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    hex::encode(out)
}

/// A signature's r or s at the edges of what they may be.
fn edged(signature: &str, dice: &mut Dice) -> String {
    if signature.len() < 128 || !signature.is_ascii() {
        return signature.to_owned();
    }
    let (r, rest) = signature.split_at(64);
    let (s, v) = rest.split_at(64);
    let edge = dice.one_of(&[
        "0".repeat(64),
        format!("{}1", "0".repeat(63)),
        ORDER.to_owned(),
        format!("{}0", &ORDER[..63]),
        "f".repeat(64),
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0".to_owned(),
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1".to_owned(),
    ]);
    match dice.below(4) {
        0 => format!("{edge}{s}{v}"),
        1 => format!("{r}{edge}{v}"),
        2 => format!("{r}{}{v}", negated(s)),
        _ => format!("{s}{r}{v}"),
    }
}

fn seal_numbers(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let Some(seals) = case.document["seals"].as_array_mut().filter(|seals| !seals.is_empty()) else { return };
    let at = dice.below(seals.len());
    let signature = edged(seals[at]["signature"].as_str().unwrap_or(""), dice);
    seals[at]["signature"] = json!(signature);
}

/// Some of the seals: as many as are a quorum, or fewer.
fn quorum(case: &mut Case, _: &Stage, dice: &mut Dice) {
    if let Some(seals) = case.document["seals"].as_array_mut() {
        seals.truncate(dice.below(seals.len() + 1));
    }
}

fn proof(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let Some(proof) = case.document["proof"].as_array_mut() else { return };
    edit_list(proof, dice);
}

fn edit_list(items: &mut Vec<Value>, dice: &mut Dice) {
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

/// Another chain's name, in one of the places that name it.
fn chain(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let other = json!(dice.one_of(&["chain-0", "chain-1", "other", "Other", ""]));
    match dice.below(4) {
        0 => case.document["chain"] = other,
        1 => case.edit_header(stage, dice, |header| header["chain"] = other),
        2 => edit_entry(case, stage, dice, |entry| entry["chain"] = other),
        _ => sign_draft(case, stage, dice, |draft| draft["chain"] = other),
    }
}

fn edit_entry(case: &mut Case, stage: &Stage, dice: &mut Dice, edit: impl FnOnce(&mut Value)) {
    if let Some(mut entry) = case.inner("entry").filter(Value::is_object) {
        edit(&mut entry);
        case.put("entry", &entry);
        case.anchor(stage, dice);
    }
}

/// Edits the draft, and has the issuer sign it.
fn sign_draft(case: &mut Case, stage: &Stage, dice: &mut Dice, edit: impl FnOnce(&mut Value)) {
    let key = &stage.worlds[case.world].issuer;
    edit_entry(case, stage, dice, |entry| {
        if entry.get("draft").is_some_and(Value::is_object) {
            edit(&mut entry["draft"]);
            entry["signature"] = json!(key.sign(&text(&entry["draft"])).to_string());
        }
    });
}

fn index(case: &mut Case, stage: &Stage, dice: &mut Dice) {
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

fn issuer(case: &mut Case, stage: &Stage, dice: &mut Dice) {
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
            _ => entry["draft"]["amount"] = json!(1),
        }
    });
}

fn issuer_numbers(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let mut choices = dice.clone();
    edit_entry(case, stage, dice, |entry| {
        let old = entry["signature"].as_str().unwrap_or("").to_owned();
        if old.len() == 130 && old.is_ascii() {
            let v = choices.one_of(&["00", "01", "1a", "1b", "1c", "1d", "1e", "ff"]);
            let new = if choices.chance(40) { format!("{}{v}", &old[..128]) } else { edged(&old, &mut choices) };
            entry["signature"] = json!(new);
        }
    });
}

/// Draft, issuer and signature that are not there all three, or not in their form.
fn draft(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let (which, member) = (dice.below(4), dice.one_of(&["draft", "issuer", "signature"]));
    let value = dice.one_of(&[json!(1), json!("x"), json!({}), json!([]), json!(3)]);
    match which {
        0 => edit_entry(case, stage, dice, |entry| drop(entry.as_object_mut().unwrap().remove(member))),
        1 => edit_entry(case, stage, dice, |entry| entry[member] = value),
        2 => sign_draft(case, stage, dice, |draft| draft["v"] = value),
        _ => sign_draft(case, stage, dice, |draft| drop(draft.as_object_mut().unwrap().remove("chain"))),
    }
}

fn state(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(Value::Object(state)) = case.document.get_mut("state") else { return };
    match dice.below(5) {
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
            let key = json!(dice.one_of(&["key", "value"]));
            if let Some(other) = state.get_mut("other") {
                other[key.as_str().unwrap()] = json!(hex::encode(dice.bytes32()));
            }
        }
        _ => own_key_as_other(case, stage, dice),
    }
}

/// The asked key as its own neighbour, or one that does not share the way.
fn own_key_as_other(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(mut key) = case.key().filter(|_| !case.is_receipt()) else { return };
    if dice.chance(50) {
        key[dice.below(10)] ^= 1 << dice.below(8);
    }
    let value = Hash(dice.bytes32());
    let path = case.hashes("/state/siblings");
    let root = state_climbed(&key, state_leaf(&key, &value), &path);
    case.document["state"] =
        json!({"siblings": siblings(&path), "other": {"key": Hash(key).to_string(), "value": value.to_string()}});
    case.edit_header(stage, dice, |header| header["state"] = json!(root.to_string()));
}

/// The state's text changed; and the header made to agree, or not.
fn state_value_edit(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(old) = case.document.pointer("/state/value").and_then(Value::as_str) else { return };
    let Ok(mut value) = serde_json::from_str::<Value>(old) else { return };
    let strange = [json!("open"), json!("free"), json!(1), json!("1"), json!({}), json!(hex::encode([7; 32]))];
    if dice.chance(50) && value.is_object() {
        value[dice.one_of(&["v", "leaf", "state", "until", "left", "more"])] = dice.one_of(&strange);
    } else {
        edit_value(&mut value, dice);
    }
    let Ok(text) = to_canonical(&value) else { return };
    case.document["state"]["value"] = json!(text);
    if dice.chance(70) {
        let key = case.key();
        let path = case.hashes("/state/siblings");
        case.edit_header(stage, dice, |header| {
            if let (Some(key), Some(_)) = (key, header.get("state")) {
                header["state"] =
                    json!(state_climbed(&key, state_leaf(&key, &piaolian::chain::keccak256(&text)), &path).to_string());
            }
        });
    }
}

/// The state of another invoice, or one made for no entry.
fn state_elsewhere(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let other = fresh(stage, dice).document;
    if case.document.get("state").is_some() {
        case.document["state"] = match other.get("state") {
            Some(state) => state.clone(),
            None => json!({"siblings": [], "value": state_value(&hex::encode(dice.bytes32()), dice)}),
        };
        if dice.chance(50) {
            let (key, path) = (case.key(), case.hashes("/state/siblings"));
            let value = case.document.pointer("/state/value").and_then(Value::as_str).map(piaolian::chain::keccak256);
            case.edit_header(stage, dice, |header| {
                if let (Some(key), Some(value), Some(_)) = (key, value, header.get("state")) {
                    header["state"] = json!(state_climbed(&key, state_leaf(&key, &value), &path).to_string());
                }
            });
        }
    }
}

/// A state under a header that commits to none.
fn uncommitted(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    case.edit_header(stage, dice, |header| {
        header["v"] = json!(1);
        header.as_object_mut().unwrap().remove("state");
    });
}

/// An entry without a number, or with another, and a state.
fn without_number(case: &mut Case, stage: &Stage, dice: &mut Dice) {
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

fn rosters(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let others = stage.worlds[dice.below(stage.worlds.len())].rosters();
    match dice.below(6) {
        0 => case.rosters.clear(),
        1 => case.rosters = others,
        2 => case.rosters.extend(others),
        3 => drop(case.rosters.pop()),
        4 => drop(case.rosters.remove(0)),
        _ => {
            // Under the roster before: superseded for who has both.
            let world = &stage.worlds[case.world];
            let hash = world.terms[0].roster.hash().to_string();
            case.edit_header(stage, dice, |header| header["members"] = json!(hash));
        }
    }
}

fn expected(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let own = case.document.get("entry").and_then(Value::as_str).map(leaf_hash);
    let value = case
        .document
        .pointer("/state/value")
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let leaf = value.and_then(|value| value.get("leaf")?.as_str()?.parse().ok());
    case.expected = if dice.chance(60) { own.or(leaf) } else { Some(Hash(dice.bytes32())) };
}

fn broken_entry(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    if let Some(old) = case.document.get("entry").and_then(Value::as_str) {
        case.document["entry"] = json!(break_text(old, dice));
        if dice.chance(50) {
            case.anchor(stage, dice);
        }
    }
}

fn broken_header(case: &mut Case, _: &Stage, dice: &mut Dice) {
    if let Some(old) = case.document["header"].as_str() {
        case.document["header"] = json!(break_text(old, dice));
    }
}

fn broken_state(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    if let Some(old) = case.document.pointer("/state/value").and_then(Value::as_str) {
        case.document["state"]["value"] = json!(break_text(old, dice));
        if dice.chance(30) {
            case.anchor(stage, dice);
        }
    }
}

/// More of something than a document may have, or just as many.
fn too_many(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let hash = hex::encode(dice.bytes32());
    let at_edge = dice.below(2);
    if dice.chance(40) && case.is_receipt() {
        case.document["proof"] = json!(vec![hash.clone(); 65 + at_edge]);
    }
    if let (true, Some(seal)) = (dice.chance(40), case.document.pointer("/seals/0").cloned()) {
        case.document["seals"] = json!(vec![seal; 64 + at_edge]);
    }
    if case.document.pointer("/state/siblings").is_some() {
        case.document["state"]["siblings"] = json!(vec![hash; 256 + at_edge]);
    }
}

/// The versions of document and parts mixed.
fn version(case: &mut Case, stage: &Stage, dice: &mut Dice) {
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
fn time(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let Some(header) = case.inner("header") else { return };
    let time = header["time"].as_i64().unwrap_or(0) + dice.one_of(&[0, 1, -1]);
    edit_entry(case, stage, dice, |entry| entry["time"] = json!(time));
}

/// Keys whose order differs between UTF-8 and UTF-16, in texts that stay canonical.
fn key_order(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let keys = ["\u{fb33}", "\u{1f600}", "\u{20ac}", "é", "", "\r", "1", "__proto__", "ﷺ", "\u{10ffff}", "\u{e000}"];
    let chosen: Vec<&str> = (0..4).map(|_| dice.one_of(&keys)).collect();
    edit_entry(case, stage, dice, |entry| chosen.iter().for_each(|key| entry[*key] = json!({"x": *key})));
}
