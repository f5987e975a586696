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
