//! Edits of whole documents, each of one kind. Most break a document in one place; those that sign and anchor anew lead past the
//! first checks, so that every verdict is reached.

use piaolian::chain::{Hash, leaf_hash};
use serde_json::{Value, json};

use crate::byte_edits::RAW;
use crate::case::{Case, Stage, edit_inner, edit_list, fresh, set};
use crate::dice::Dice;
use crate::entry_edits::{
    broken_entry, chain, draft, entry, entry_anchored, index, issuer, issuer_numbers, key_order, time, version,
    without_number,
};
use crate::signature_edits::edged;
use crate::state_edits::{broken_state, state, state_elsewhere, state_value_edit, uncommitted};
use crate::text_edits::{break_text, edit_value};

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

fn nothing(_: &mut Case, _: &Stage, _: &mut Dice) {}

fn document(case: &mut Case, _: &Stage, dice: &mut Dice) {
    edit_value(&mut case.document, dice);
    // The other edits need something to edit.
    if !case.document.is_object() {
        case.document = json!({});
    }
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
            set(&mut case.document["seals"][0], "round", raw)
        }
        _ => case.document["v"] = raw,
    }
}

fn header(case: &mut Case, _: &Stage, dice: &mut Dice) {
    edit_inner(case, "header", dice);
}

fn header_sealed(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    edit_inner(case, "header", dice);
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
        2 => set(&mut seals[at], "member", dice.one_of(&["stranger", "member-0", "member-1", "Member-0", "-x", ""])),
        3 => set(&mut seals[at], "round", dice.below(3)),
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
            let flipped: String = flipped.collect();
            set(&mut seals[at], "signature", flipped);
        }
    }
}

fn seals(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let header =
        case.inner("header").filter(Value::is_object).map(|_| case.document["header"].as_str().unwrap().to_owned());
    let Some(seals) = case.document["seals"].as_array_mut() else { return };
    match dice.below(6) {
        0 => dice.shuffle(seals),
        1 => seals.clear(),
        2 => seals.extend(seals.clone()),
        3 => {
            // A good vote of another round.
            let term = &stage.worlds[case.world].terms[0];
            let seat = term.seats.last().unwrap();
            seals.retain(|seal| seal["member"] != seat.name.as_str());
            seals.extend(header.map(|header| stage.worlds[case.world].seal(&seat.name, &seat.key, &header, 9)));
        }
        4 => seals.extend(header.map(|header| stage.worlds[case.world].seal("stranger", &stage.stranger, &header, 0))),
        _ => {
            let signatures: Vec<Value> = seals.iter().map(|seal| seal["signature"].clone()).collect();
            seals
                .iter_mut()
                .zip(signatures.into_iter().rev())
                .for_each(|(seal, signature)| set(seal, "signature", signature));
        }
    }
}

fn seal_numbers(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let Some(seals) = case.document["seals"].as_array_mut().filter(|seals| !seals.is_empty()) else { return };
    let at = dice.below(seals.len());
    let signature = edged(seals[at]["signature"].as_str().unwrap_or(""), dice);
    set(&mut seals[at], "signature", signature);
}

/// Some of the seals: as many as are a quorum, or fewer.
fn quorum(case: &mut Case, _: &Stage, dice: &mut Dice) {
    if let Some(seals) = case.document["seals"].as_array_mut() {
        seals.truncate(dice.below(seals.len() + 1));
    }
}

fn proof(case: &mut Case, _: &Stage, dice: &mut Dice) {
    let Some(proof) = case.document.get_mut("proof").and_then(Value::as_array_mut) else { return };
    edit_list(proof, dice);
}

fn rosters(case: &mut Case, stage: &Stage, dice: &mut Dice) {
    let others = stage.worlds[dice.below(stage.worlds.len())].rosters();
    match dice.below(8) {
        0 => case.rosters.clear(),
        1 => case.rosters = others,
        2 => case.rosters.extend(others),
        3 => drop(case.rosters.pop()),
        4 => drop(case.rosters.drain(..case.rosters.len().min(1))),
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

fn broken_header(case: &mut Case, _: &Stage, dice: &mut Dice) {
    if let Some(old) = case.document["header"].as_str() {
        case.document["header"] = json!(break_text(old, dice));
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
        set(&mut case.document["state"], "siblings", vec![hash; 256 + at_edge]);
    }
}
