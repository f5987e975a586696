//! Second opinions, written from the texts that define what they judge and not from the program.

use std::collections::{BTreeMap, BTreeSet};

use piaolian::chain::evidence::{Claim, Evidence, Kind, SealedHeader};
use piaolian::chain::present::Sibling;
use piaolian::chain::state_proof::StateProof;
use piaolian::chain::{Hash, Receipt, Roster, Seal, keccak256};
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

/// Whether a receipt's entry stands under its header's root, and the state that it has, in the header's map.
pub fn is_proven(receipt: &Receipt) -> bool {
    let header: Value = serde_json::from_str(&receipt.header).unwrap();
    let leaf = keccak256([&[0], receipt.entry.as_bytes()].concat());
    let root = included_root(&leaf, receipt.index, header["size"].as_u64().unwrap(), &receipt.proof);
    let holds = receipt.state.as_ref().is_none_or(|state| {
        let entry: Value = serde_json::from_str(&receipt.entry).unwrap();
        let value: Value = serde_json::from_str(&state.value).unwrap();
        let key = key_of(&format!("{}-{}", member(&entry, "code"), member(&entry, "number")));
        let node = leaf_node(&key, &keccak256(&state.value));
        member(&value, "leaf") == leaf.to_string()
            && map_root(&key, 0, &node, &state.siblings).to_string() == member(&header, "state")
    });
    root.is_some_and(|root| root.to_string() == member(&header, "root")) && holds
}

/// Whether a header is sealed by different members of the roster that it names, all in one round and with more than two thirds of the
/// power. That the seals are good ones is not looked at.
pub fn has_quorum(header: &str, seals: &[Seal], rosters: &[Roster]) -> bool {
    let header: Value = serde_json::from_str(header).unwrap();
    let Some(roster) = rosters.iter().find(|roster| roster.hash().to_string() == member(&header, "members")) else {
        return false;
    };
    let roster: Value = serde_json::from_str(roster.text()).unwrap();
    let power: BTreeMap<&str, u128> = (roster["members"].as_array().unwrap().iter())
        .map(|one| (member(one, "name"), one["power"].as_u64().unwrap().into()))
        .collect();
    let sealing: BTreeSet<&str> = seals.iter().map(|seal| seal.member.as_str()).collect();
    let held: Option<Vec<u128>> = sealing.iter().map(|name| power.get(name).copied()).collect();
    sealing.len() == seals.len()
        && seals.iter().all(|seal| seal.round == seals[0].round)
        && held.is_some_and(|held| held.iter().sum::<u128>() * 3 > power.values().sum::<u128>() * 2)
}

const PLACEHOLDER: Hash = Hash(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

/// The key of an invoice in the map of present states: its digits are the hex of the first bytes.
pub fn key_of(invoice: &str) -> [u8; 32] {
    let digits = format!("{:0<64}", invoice.replace('-', ""));
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn is_set(key: &[u8; 32], bit: usize) -> bool {
    key[bit / 8] >> (7 - bit % 8) & 1 == 1
}

/// The hash of one invoice in the map.
pub fn leaf_node(key: &[u8; 32], value: &Hash) -> Hash {
    keccak256([b"JMT::LeafNode", &key[..], &value.0].concat())
}

fn inner_node(left: &Hash, right: &Hash) -> Hash {
    keccak256([b"JMT::IntrnalNode", &left.0[..], &right.0].concat())
}

/// The root of the subtree at `depth` on the way to a key, where `siblings`, from the bottom up, lead on to a node.
pub fn map_root(key: &[u8; 32], depth: usize, node: &Hash, siblings: &[Sibling]) -> Hash {
    let Some((beside, below)) = siblings.split_last() else { return *node };
    let (on_the_way, beside) = (map_root(key, depth + 1, node, below), beside.0.unwrap_or(PLACEHOLDER));
    if is_set(key, depth) { inner_node(&beside, &on_the_way) } else { inner_node(&on_the_way, &beside) }
}

/// Whether a state proof that is without a value shows the absence of its invoice under a root.
fn is_absent(proof: &StateProof, key: &[u8; 32], root: &str) -> bool {
    let siblings = &proof.state.siblings;
    let start = proof.state.other.as_ref().map_or(PLACEHOLDER, |other| leaf_node(&other.key.0, &other.value));
    let elsewhere = proof.state.other.as_ref().is_none_or(|other| {
        other.key.0 != *key && (0..siblings.len()).all(|bit| is_set(key, bit) == is_set(&other.key.0, bit))
    });
    elsewhere && map_root(key, 0, &start, siblings).to_string() == root
}

/// Whether a state proof's path leads to its header's map.
pub fn is_stated(proof: &StateProof) -> bool {
    let header: Value = serde_json::from_str(&proof.header).unwrap();
    let (key, root) = (key_of(&proof.invoice), member(&header, "state"));
    match &proof.state.value {
        Some(value) => {
            map_root(&key, 0, &leaf_node(&key, &keccak256(value)), &proof.state.siblings).to_string() == root
        }
        None => is_absent(proof, &key, root),
    }
}

/// The root of the map of these keys and hashes of values, by section 12.3 of `fixtures/chain/README.md`; they share `depth` bits.
pub fn whole_map_root(depth: usize, leaves: &[([u8; 32], Hash)]) -> Hash {
    match leaves {
        [] => PLACEHOLDER,
        [(key, value)] => leaf_node(key, value),
        more => {
            let (right, left): (Vec<_>, Vec<_>) = more.iter().copied().partition(|(key, _)| is_set(key, depth));
            inner_node(&whole_map_root(depth + 1, &left), &whole_map_root(depth + 1, &right))
        }
    }
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

/// Whether a text is a header by section 6 of `fixtures/chain/README.md`.
pub fn is_header(text: &str) -> bool {
    holds_of_header(text).unwrap_or(false)
}

fn holds_of_header(text: &str) -> Option<bool> {
    let header: Value = serde_json::from_str(text).ok().filter(|_| is_canonical(text))?;
    let version = header.as_object()?.get("v")?.as_u64()?;
    let members = match version {
        1 => "chain height members next_members prev proposer root size time v",
        2 => "chain height members next_members prev proposer root size state time v",
        _ => return Some(false),
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
        && (version == 1 || size > 0 || header["state"] == PLACEHOLDER.to_string())
        && (size > 0 || header["root"] == keccak256([]).to_string());
    Some(holds)
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

/// Whether what an evidence file says of its two headers is so, by the table in section 14 of `fixtures/chain/README.md`. Seals are not looked
/// at.
pub fn is_so(evidence: &Evidence) -> bool {
    let read = |side: &SealedHeader| serde_json::from_str::<Value>(&side.header).unwrap();
    let (first, second) = (read(&evidence.first), read(&evidence.second));
    let number = |header: &Value, name: &str| header[name].as_u64().unwrap();
    let grows = |name: &str| number(&second, name) > number(&first, name);
    let falls = |name: &str| number(&second, name) < number(&first, name);
    let same = |name: &str| first[name] == second[name];
    let (later, next) = (grows("height"), number(&second, "height") == number(&first, "height") + 1);
    let hash = keccak256([&[2], evidence.first.header.as_bytes()].concat()).to_string();
    let shown = match evidence.kind {
        Kind::SameHeight => same("height"),
        Kind::SamePrev => same("prev"),
        Kind::Link => next && second["prev"] != hash,
        Kind::Members => next && second["members"] != first["next_members"],
        Kind::SameSize => same("size") && !same("root"),
        Kind::State => same("size") && first["state"].is_string() && second["state"].is_string() && !same("state"),
        Kind::Size => later && falls("size"),
        Kind::Time => later && falls("time"),
        Kind::Version => later && falls("v"),
        Kind::NoConsistency => grows("size"),
    };
    let unproven = evidence.evidence == Claim::Unproven;
    evidence.first.header != evidence.second.header
        && !falls("height")
        && [&first, &second].iter().all(|header| member(header, "chain") == evidence.chain.as_str())
        && unproven == (evidence.kind == Kind::NoConsistency)
        && (unproven || evidence.consistency.is_none())
        && shown
}
