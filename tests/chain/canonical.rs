//! Canonical text: round trips of random documents, and the same text from serde_json_canonicalizer and from Python.

use piaolian::chain::{parse_canonical, to_canonical};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value};

use crate::oracle::python;

const LARGEST: i64 = 9_007_199_254_740_991;

/// Characters that are NFC in any neighbourhood: letters without decomposition, control characters, escapes, beyond the BMP.
fn text() -> impl Strategy<Value = String> {
    let choice = prop_oneof![
        4 => proptest::char::range(' ', '~'),
        2 => proptest::char::range('\u{4e00}', '\u{9fa5}'),
        1 => proptest::char::range('\0', '\u{1f}'),
        1 => proptest::sample::select(vec!['"', '\\', '/', '\u{7f}', '\u{80}', '\u{2028}', '\u{e9}', '\u{20ac}', '\u{fffd}', '\u{e000}']),
        1 => proptest::char::range('\u{1f300}', '\u{1f64f}'),
    ];
    vec(choice, 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-LARGEST..=LARGEST).prop_map(Value::from),
        (-1000_i64..1000).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 60, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            // Reversed, so that the keys are not already in order when preserve_order is on.
            btree_map(text(), inner, 0..8).prop_map(|map| Value::Object(map.into_iter().rev().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn canonical_text_parses_to_the_same_document_and_back(value in document()) {
        let text = to_canonical(&value).unwrap();
        let parsed = parse_canonical(&text).unwrap();
        prop_assert_eq!(&parsed, &value);
        prop_assert_eq!(to_canonical(&parsed).unwrap(), text);
    }

    #[test]
    fn canonical_text_is_that_of_serde_json_canonicalizer(value in document()) {
        prop_assert_eq!(to_canonical(&value).unwrap(), serde_json_canonicalizer::to_string(&value).unwrap());
    }

    #[test]
    fn one_changed_character_is_never_the_same_document(value in document(), place: prop::sample::Index, with in proptest::char::range(' ', '~')) {
        let text = to_canonical(&value).unwrap();
        let mut chars: Vec<char> = text.chars().collect();
        let place = place.index(chars.len());
        prop_assume!(chars[place] != with);
        chars[place] = with;
        let changed: String = chars.into_iter().collect();
        if let Ok(parsed) = parse_canonical(&changed) {
            prop_assert_ne!(parsed, value);
        }
    }
}

#[test]
fn canonical_text_is_that_of_python() {
    let mut runner = TestRunner::deterministic();
    let documents: Vec<Value> = (0..500).map(|_| document().new_tree(&mut runner).unwrap().current()).collect();
    let expected: Vec<String> = documents.iter().map(|document| to_canonical(document).unwrap()).collect();
    let answer = python("canonical.py", &[], &serde_json::to_string(&documents).unwrap());
    let theirs: Vec<String> = serde_json::from_str(&answer).unwrap();
    assert_eq!(theirs, expected);
}
