//! Paths in the map of present states: the map has the root of its written definition, what it proves is so, and no path, however it was
//! altered, proves what is not so.
//!
//! Input: which invoice is asked for, how the path is altered (what, where, with what), then four bytes for each invoice of the map.
#![no_main]

use std::collections::BTreeMap;

use fuzzed::opinion::{key_of, leaf_node, map_root, whole_map_root};
use libfuzzer_sys::fuzz_target;
use piaolian::chain::present::{OtherLeaf, Sibling, StateKey, verify_absent, verify_present};
use piaolian::chain::{Hash, keccak256};
use piaolian::ledger::present::{PresentMap, prove};

/// Enough for every shape of a path, and few enough to try each of them for each.
const INVOICES_MAX: usize = 12;

/// Names that share much with one another, as the numbers of one batch do, and some of another year.
fn invoice(bytes: [u8; 4]) -> String {
    let [year, high, middle, low] = bytes;
    let number = u32::from_be_bytes([0, high, middle, low]);
    format!("14403{:02}09110-{number:08}", year % 4)
}

/// One change of a path.
fn alter(siblings: &mut Vec<Sibling>, what: u8, at: u8, with: Hash) {
    let at = usize::from(at);
    let inside = at.checked_rem(siblings.len()).unwrap_or(0);
    match what % 8 {
        1 => siblings.insert(at.min(siblings.len()), Sibling(None)),
        2 => siblings.insert(at.min(siblings.len()), Sibling(Some(with))),
        3 if !siblings.is_empty() => drop(siblings.remove(inside)),
        4 if !siblings.is_empty() => siblings[inside] = Sibling(None),
        5 if !siblings.is_empty() => siblings[inside] = Sibling(Some(with)),
        6 if !siblings.is_empty() => siblings.swap(0, inside),
        7 => siblings.truncate(at),
        _ => (),
    }
}

fuzz_target!(|input: ([u8; 4], u8, u8, u8, &[u8])| {
    let (asked, what, at, which, rest) = input;
    let fours = rest.chunks_exact(4).take(INVOICES_MAX).map(|four| [four[0], four[1], four[2], four[3]]);
    let states: BTreeMap<String, String> = fours.map(|four| (invoice(four), format!("{four:?}"))).collect();
    let leaves: Vec<([u8; 32], Hash)> = states.iter().map(|(name, text)| (key_of(name), keccak256(text))).collect();
    let of = |name: &str| StateKey::of_invoice(name).unwrap();

    let mut map = PresentMap::default();
    let root = map.put(states.iter().map(|(name, text)| (of(name), text.clone())).collect()).unwrap();
    assert_eq!(root, whole_map_root(0, &leaves));

    let name = invoice(asked);
    let key = of(&name);
    assert_eq!(key.0, key_of(&name));
    let path = prove(&mut map, &key).unwrap();
    assert_eq!(path.present, states.contains_key(&name));
    match states.get(&name) {
        Some(text) => assert!(verify_present(&root, &key, text, &path.siblings)),
        None => assert!(verify_absent(&root, &key, path.other.as_ref(), &path.siblings)),
    }

    let (mut siblings, chosen) = (path.siblings, leaves.get(usize::from(which) % leaves.len().max(1)));
    let with = chosen.map_or(Hash::ZERO, |(key, value)| leaf_node(key, value));
    alter(&mut siblings, what, at, with);
    let texts = states.values().map(String::as_str).chain(["another"]);
    for text in texts {
        let holds = verify_present(&root, &key, text, &siblings);
        assert_eq!(holds, map_root(&key.0, 0, &leaf_node(&key.0, &keccak256(text)), &siblings) == root);
        assert!(!holds || states.get(&name).is_some_and(|known| known == text), "a forged state");
    }
    let others = leaves.iter().map(|(key, value)| Some(OtherLeaf { key: Hash(*key), value: *value })).chain([None]);
    for other in others {
        let absent = verify_absent(&root, &key, other.as_ref(), &siblings);
        assert!(!absent || !states.contains_key(&name), "a forged absence");
    }
});
