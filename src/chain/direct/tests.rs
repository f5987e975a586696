//! The short way against the long one.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::super::canonical::{by_tree, to_canonical};
use super::super::hash::Hash;
use super::*;

/// As the documents of this crate are derived: members not in order, optional ones left out, enums as words, newtypes, ids
/// written through their text.
#[derive(Debug, Clone, Serialize)]
struct Outer {
    v: u8,
    chain: String,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    lines: Vec<Line>,
    total: Amount,
    hash: Hash,
    pair: (bool, i16),
    map: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nested: Option<Box<Outer>>,
}

#[derive(Debug, Clone, Serialize)]
struct Line {
    unit: String,
    specification: char,
    spec: u32,
    /// Not left out: null when it is none, which both ways refuse.
    name: Option<String>,
    #[serde(rename = "amount")]
    sum: Amount,
    mark: Mark,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    RecordPayment,
    Issue,
}

/// Not written as a word: never in our documents, so for the long way.
#[derive(Debug, Clone, Serialize)]
enum Mark {
    Plain,
    New(i8),
    Tuple(u8, String),
    Struct { b: bool, a: i64 },
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
struct Amount(i64);

fn text() -> impl Strategy<Value = String> {
    let whole = vec(
        prop_oneof![
            6 => proptest::char::range(' ', '~'),
            3 => proptest::char::range('\u{4e00}', '\u{9fa5}'),
            1 => select(vec!['"', '\\', '/', '\n', '\u{1}', '\u{7f}', 'é', 'か', '\u{1f600}', '\u{fb33}']),
        ],
        0..10,
    );
    prop_oneof![
        30 => whole.prop_map(String::from_iter),
        1 => select(vec!["e\u{301}".to_owned(), "\u{212b}".to_owned(), "か\u{3099}".to_owned()]),
    ]
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => -1_000_000..1_000_000_i64,
        2 => -CANONICAL_INTEGER_MAX..=CANONICAL_INTEGER_MAX,
        1 => select(vec![i64::MIN, i64::MAX, CANONICAL_INTEGER_MAX, CANONICAL_INTEGER_MAX + 1, -CANONICAL_INTEGER_MAX - 1]),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let mark = prop_oneof![
        12 => Just(Mark::Plain),
        1 => any::<i8>().prop_map(Mark::New),
        1 => (any::<u8>(), text()).prop_map(|(n, text)| Mark::Tuple(n, text)),
        1 => (any::<bool>(), integer()).prop_map(|(b, a)| Mark::Struct { b, a }),
    ];
    (text(), any::<char>(), any::<u32>(), option::weighted(0.97, text()), integer(), mark).prop_map(
        |(unit, specification, spec, name, sum, mark)| Line { unit, specification, spec, name, sum: Amount(sum), mark },
    )
}

fn one() -> impl Strategy<Value = Outer> {
    let one = (
        text(),
        select(vec![Kind::RecordPayment, Kind::Issue]),
        option::of(text()),
        vec(line(), 0..4),
        integer(),
        any::<[u8; 32]>(),
        any::<(bool, i16)>(),
        btree_map(text(), any::<u32>(), 0..4),
    );
    one.prop_map(|(chain, kind, remark, lines, total, hash, pair, map)| Outer {
        v: 1,
        chain,
        kind,
        remark,
        lines,
        total: Amount(total),
        hash: Hash(hash),
        pair,
        map: map.into_iter().map(|(key, n)| (key, n.into())).collect(),
        nested: None,
    })
}

fn outer() -> impl Strategy<Value = Outer> {
    (one(), option::of(one())).prop_map(|(outer, inner)| Outer { nested: inner.map(Box::new), ..outer })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_ways_give_the_same_text_or_the_same_fault(document in outer()) {
        prop_assert_eq!(to_canonical(&document), by_tree(&document));
    }
}

#[test]
fn our_kind_of_document_is_taken() {
    let document = json!({
        "z": [1, -2, true, "餐\"费\"\n"], "a": {"chain": "test", "chai": 1, "": {}}, "classification": [], "classifications": [[]],
    });
    let text = text_of(&document).unwrap();
    assert_eq!(
        text,
        r#"{"a":{"":{},"chai":1,"chain":"test"},"classification":[],"classifications":[[]],"z":[1,-2,true,"餐\"费\"\n"]}"#
    );
    let line = Line {
        unit: "份".into(),
        specification: '大',
        spec: 7,
        name: Some("茶".into()),
        sum: Amount(-5),
        mark: Mark::Plain,
    };
    assert_eq!(
        text_of(&line).unwrap(),
        r#"{"amount":-5,"mark":"Plain","name":"茶","spec":7,"specification":"大","unit":"份"}"#
    );
}

#[test]
fn what_has_no_canonical_form_or_an_unusual_one_is_not_taken() {
    #[derive(Serialize)]
    struct Twice {
        a: u8,
        #[serde(flatten)]
        again: BTreeMap<String, u8>,
    }
    let twice = Twice { a: 1, again: [("a".to_owned(), 2)].into() };
    assert!(text_of(&twice).is_err());
    assert_eq!(to_canonical(&twice).unwrap(), r#"{"a":2}"#);
    let raw = serde_json::value::RawValue::from_string("{ \"b\":1, \"a\":2}".to_owned()).unwrap();
    assert!(text_of(&raw).is_err());
    assert_eq!(to_canonical(&raw).unwrap(), r#"{"a":2,"b":1}"#);
    for value in [json!(null), json!(1.0), json!(u64::MAX), json!("e\u{301}"), json!({"é": 1}), json!({"\"": 1})] {
        assert!(text_of(&value).is_err(), "{value}");
        assert_eq!(to_canonical(&value), by_tree(&value));
    }
    let nested = |n: usize| (0..n).fold(json!(1), |inner, _| json!([inner]));
    assert!(text_of(&nested(CANONICAL_DEPTH_MAX)).is_ok());
    assert!(text_of(&nested(CANONICAL_DEPTH_MAX + 1)).is_err());
    assert!(text_of(&json!([vec![0; 40], vec![vec![0]; 40]])).is_ok(), "levels are given back");
}
