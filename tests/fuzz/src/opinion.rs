//! Second opinions, written from the texts that define what they judge and not from the program.

use std::collections::{BTreeMap, BTreeSet};

use piaolian::chain::{Hash, Receipt, Roster, keccak256};
use serde_json::Value;

/// Whether a text is canonical by section 1 of `fixtures/chain/README.md`, said with another implementation of RFC 8785.
pub fn is_canonical(text: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
    is_plain(&value, 32) && serde_json_canonicalizer::to_string(&value).is_ok_and(|again| again == text)
}

/// NFC, integers within 2^53, no null, no deeper than `levels` arrays and objects.
fn is_plain(value: &Value, levels: usize) -> bool {
    let within = 1 - (1_i64 << 53)..1 << 53;
    match value {
        Value::Null => false,
        Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|n| within.contains(&n)),
        Value::String(text) => unicode_normalization::is_nfc(text),
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_plain(item, levels - 1)),
        Value::Object(members) => {
            levels > 0
                && members.iter().all(|(key, item)| unicode_normalization::is_nfc(key) && is_plain(item, levels - 1))
        }
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    keccak256([&[1], &left.0[..], &right.0[..]].concat())
}

/// The largest power of two below `n`, which is 2 or more.
fn cut(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The root that an inclusion proof leads to, by the definition of the proof in RFC 9162 section 2.1.3.1, followed from the root down;
/// `None` when the proof is too short or too long.
pub fn included_root(leaf: &Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return proof.is_empty().then_some(*leaf);
    }
    let (sibling, below) = proof.split_last()?;
    let middle = cut(size);
    if index < middle {
        Some(node(&included_root(leaf, index, middle, below)?, sibling))
    } else {
        Some(node(sibling, &included_root(leaf, index - middle, size - middle, below)?))
    }
}

/// The old and the new root that a consistency proof leads to, by SUBPROOF of RFC 9162 section 2.1.4.1; `old_root` is the root of the
/// old tree as long as the way leads along complete subtrees of it, where the proof leaves it out.
fn consistent_roots(old: u64, new: u64, old_root: Option<&Hash>, proof: &[Hash]) -> Option<(Hash, Hash)> {
    if old == new {
        return match (old_root, proof) {
            (Some(root), []) | (None, [root]) => Some((*root, *root)),
            (Some(_) | None, _) => None,
        };
    }
    let (sibling, below) = proof.split_last()?;
    let middle = cut(new);
    if old <= middle {
        let (before, after) = consistent_roots(old, middle, old_root, below)?;
        Some((before, node(&after, sibling)))
    } else {
        let (before, after) = consistent_roots(old - middle, new - middle, None, below)?;
        Some((node(sibling, &before), node(sibling, &after)))
    }
}

/// The roots that a consistency proof leads to, the cases that the RFC leaves open decided as section 3 of `fixtures/chain/README.md` does.
pub fn continued_roots(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> Option<(Hash, Hash)> {
    let empty = keccak256([]);
    match (old, new) {
        (0, 0) => proof.is_empty().then_some((empty, empty)),
        (0, _) => proof.is_empty().then_some((empty, *new_root)),
        (old, new) if old > new => None,
        (old, new) => consistent_roots(old, new, Some(old_root), proof),
    }
}

fn member<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap()
}

/// Whether a receipt's entry stands under its header's root, and the header is sealed by different members of the roster that it names,
/// all in one round and with more than two thirds of the power. That the seals are good ones is not looked at.
pub fn is_proven(receipt: &Receipt, rosters: &[Roster]) -> bool {
    let header: Value = serde_json::from_str(&receipt.header).unwrap();
    let leaf = keccak256([&[0], receipt.entry.as_bytes()].concat());
    let root = included_root(&leaf, receipt.index, header["size"].as_u64().unwrap(), &receipt.proof);
    let Some(roster) = rosters.iter().find(|roster| roster.hash().to_string() == member(&header, "members")) else {
        return false;
    };
    let roster: Value = serde_json::from_str(roster.text()).unwrap();
    let power: BTreeMap<&str, u128> = (roster["members"].as_array().unwrap().iter())
        .map(|one| (member(one, "name"), one["power"].as_u64().unwrap().into()))
        .collect();
    let sealing: BTreeSet<&str> = receipt.seals.iter().map(|seal| seal.member.as_str()).collect();
    let held: Option<Vec<u128>> = sealing.iter().map(|name| power.get(name).copied()).collect();
    root.is_some_and(|root| root.to_string() == member(&header, "root"))
        && sealing.len() == receipt.seals.len()
        && receipt.seals.iter().all(|seal| seal.round == receipt.seals[0].round)
        && held.is_some_and(|held| held.iter().sum::<u128>() * 3 > power.values().sum::<u128>() * 2)
}

fn is_hash(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (1..=40).contains(&text.len()) && plain && !text.starts_with('-')
    })
}

/// The version of a header, if the text is one by section 6 of `fixtures/chain/README.md`.
pub fn header_version(text: &str) -> Option<u64> {
    let header: Value = serde_json::from_str(text).ok().filter(|_| is_canonical(text))?;
    let version = header.as_object()?.get("v")?.as_u64()?;
    let members = match version {
        1 => "chain height members next_members prev proposer root size time v",
        2 => "chain height members next_members prev proposer root size state time v",
        _ => return None,
    };
    let keys: Vec<&str> = header.as_object()?.keys().map(String::as_str).collect();
    let (height, size) = (header["height"].as_u64()?, header["size"].as_u64()?);
    let prev_is_zeros = header["prev"] == "0".repeat(64);
    let holds = keys == members.split(' ').collect::<Vec<_>>()
        && ["members", "next_members", "prev", "root"].iter().all(|name| is_hash(&header[*name]))
        && (version == 1 || is_hash(&header["state"]))
        && is_name(&header["chain"])
        && is_name(&header["proposer"])
        && header["time"].as_u64().is_some()
        && (height == 0) == prev_is_zeros
        && (height > 0 || (size == 0 && header["members"] == header["next_members"]))
        && (size > 0 || header["root"] == keccak256([]).to_string());
    holds.then_some(version)
}

/// Whether a text has the form of a roster by section 5 of `fixtures/chain/README.md`; that its keys are points is not looked at.
pub fn has_form_of_roster(text: &str) -> bool {
    let Some(roster) = serde_json::from_str::<Value>(text).ok().filter(|_| is_canonical(text)) else { return false };
    let keys = |value: &Value| value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>().join(" "));
    let members = roster["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_key =
        |key: &str| (key.starts_with("02") || key.starts_with("03")) && key.len() == 66 && is_hash(&key[2..].into());
    let is_member = |one: &Value| {
        keys(one).as_deref() == Some("key name power")
            && is_name(&one["name"])
            && one["power"].as_u64().is_some_and(|power| power > 0)
            && one["key"].as_str().is_some_and(is_key)
    };
    let different =
        |name: &str| members.iter().map(|one| one[name].to_string()).collect::<BTreeSet<_>>().len() == members.len();
    keys(&roster).as_deref() == Some("chain from members v")
        && roster["v"] == 1
        && is_name(&roster["chain"])
        && roster["from"].as_u64().is_some()
        && (1..=64).contains(&members.len())
        && members.iter().all(is_member)
        && members.is_sorted_by_key(|one| one["name"].as_str())
        && different("name")
        && different("key")
}

/// Whether the keys that signed a change of `prev` into `next` are enough of both rosters, and none of them is a stranger's or stands twice.
pub fn is_enough(prev: &Roster, next: &Roster, signed: &[String]) -> bool {
    let powers = |roster: &Roster| -> BTreeMap<String, u128> {
        roster.members().iter().map(|one| (one.key.to_string(), one.power.into())).collect()
    };
    let (old, new) = (powers(prev), powers(next));
    let quorum = |of: &BTreeMap<String, u128>| {
        let held: u128 = signed.iter().filter_map(|key| of.get(key)).sum();
        held * 3 > of.values().sum::<u128>() * 2
    };
    signed.iter().all(|key| old.contains_key(key) || new.contains_key(key))
        && signed.iter().collect::<BTreeSet<_>>().len() == signed.len()
        && new.keys().all(|key| old.contains_key(key) || signed.contains(key))
        && quorum(&old)
        && quorum(&new)
}
