//! Documents that are valid, of every kind, under every roster: with what a verdict says of header and state.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::forgeries::{list, read_rosters, verify, with, written};
use crate::golden::golden;
use crate::map::{PLACEHOLDER, WORDS, key_of};
use crate::world::{BEFORE, CODE, Chain, INVOICE, NEWEST, REVERSED, ROTATED, World, parsed, seal, world};

struct Case {
    name: String,
    document: String,
    rosters: &'static str,
    expected: Option<String>,
}

fn case(name: impl Into<String>, document: &Value, rosters: &'static str) -> Case {
    Case { name: name.into(), document: written(document), rosters, expected: None }
}

fn receipts(world: &World) -> Vec<Case> {
    let four = &world.four;
    let mut cases = vec![];
    for height in 1..=NEWEST {
        let header = parsed(&four.headers[height]);
        let (version, last) = (&header["v"], usize::try_from(header["size"].as_u64().unwrap()).unwrap() - 1);
        for (what, index) in [("the first entry", 0), ("an invoice", 2), ("the last entry", last)] {
            let name = format!("{what} at height {height}, header version {version}");
            cases.push(case(name, &four.receipt(index, height, false), "four"));
        }
    }
    for (chain, rosters) in [(&world.one, "one"), (&world.three, "three"), (&world.seven, "seven")] {
        for index in 0..chain.entries.len() {
            cases.push(case(
                format!("entry {index} under the roster {rosters}"),
                &chain.receipt(index, 2, false),
                rosters,
            ));
        }
        cases.push(case(format!("state under the roster {rosters}"), &chain.receipt(1, 2, true), rosters));
    }
    cases.push(case(
        "the newest block before a later roster",
        &four.receipt(INVOICE, BEFORE, false),
        "four, the first only",
    ));
    cases.push(Case {
        expected: Some(four.leaf(INVOICE).printed()),
        ..case("the expected entry", &four.receipt(INVOICE, NEWEST, false), "four")
    });
    cases
}

fn quorums(world: &World) -> Vec<Case> {
    let some = |chain: &Chain, members: &[&str], round: u32| {
        with(&chain.receipt(1, 2, false), |d| {
            d["seals"] = json!(chain.seals(d["header"].as_str().unwrap(), round));
            list(&mut d["seals"]).retain(|seal| members.contains(&seal["member"].as_str().unwrap()));
        })
    };
    let backwards = with(&world.seven.receipt(1, 2, false), |d| list(&mut d["seals"]).reverse());
    let old_key = with(&world.four.receipt(INVOICE, ROTATED - 1, false), |d| {
        let header = d["header"].as_str().unwrap().to_owned();
        d["seals"][3] = seal(&header, "tencent", "tencent", 0);
        list(&mut d["seals"]).remove(0);
    });
    let mut superseded = crate::forgeries::with_text(&world.four.receipt(INVOICE, NEWEST, false), "header", |h| {
        h["members"] = json!(world.four.terms[0].roster.hash());
    });
    let header = superseded["header"].as_str().unwrap().to_owned();
    superseded["seals"] = world.four.terms[0].seats.iter().map(|(name, _, key)| seal(&header, name, key, 0)).collect();
    vec![
        case("three of four", &some(&world.four, &["kingdee", "tax-bureau", "tencent"], 0), "four"),
        case(
            "more than two thirds by power, with four of seven",
            &some(&world.seven, &["a", "b", "c", "g"], 0),
            "seven",
        ),
        case("a later round", &some(&world.four, &["auditor", "kingdee", "tax-bureau"], 4_294_967_295), "four"),
        case("seals in another order", &backwards, "seven"),
        case("the key that is replaced in the next block", &old_key, "four"),
        case("a superseded roster, to whoever has not heard of the next", &superseded, "four, the first only"),
    ]
}

fn spellings(world: &World) -> Vec<Case> {
    let receipt = world.four.receipt(INVOICE, BEFORE, true);
    let text = written(&receipt);
    let raw = |name: &str, document: String| Case { document, ..case(name, &receipt, "four") };
    let spelled = with(&receipt, |d| {
        for sibling in list(&mut d["state"]["siblings"]).iter_mut().filter(|sibling| **sibling == "") {
            *sibling = json!(PLACEHOLDER);
        }
    });
    let escaped: String =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04X}", u32::from(c)) }).collect();
    let members = receipt.as_object().unwrap();
    let backwards: Vec<String> =
        members.iter().rev().map(|(key, value)| format!("{}:{}", json!(key), written(value))).collect();
    vec![
        raw("indented", serde_json::to_string_pretty(&receipt).unwrap()),
        raw("white space of every kind around it", format!(" \t\r\n{text}\r\n\t ")),
        raw("members in another order", format!("{{{}}}", backwards.join(","))),
        raw("characters escaped", escaped),
        raw("a key escaped", text.replacen("\"index\"", "\"\\u0069ndex\"", 1)),
        raw("a letter escaped", text.replacen("\"chain\":\"shenzhen", "\"chain\":\"\\u0073henzhen", 1)),
        case("placeholders written out", &spelled, "four"),
    ]
}

fn states(world: &World) -> Vec<Case> {
    let four = &world.four;
    let mut cases = vec![];
    // Each word once, where an invoice is in it.
    for (word, index, height) in [
        ("open", 2, NEWEST),
        ("locked", 3, NEWEST),
        ("locked", INVOICE, BEFORE),
        ("closed", 7, NEWEST),
        ("pledged", 6, BEFORE),
        ("settled", 8, NEWEST),
        ("settled_locked", 6, NEWEST),
        ("reversed", INVOICE, REVERSED),
        ("red", 16, NEWEST),
    ] {
        let invoice = &four.invoices[&index];
        cases.push(case(
            format!("receipt with state: {invoice} {word} at height {height}"),
            &four.receipt(index, height, true),
            "four",
        ));
        let mut proof = case(
            format!("state proof: {invoice} {word} at height {height}"),
            &four.state_proof(invoice, height),
            "four",
        );
        proof.expected = (word != "red").then(|| four.leaf(index).printed());
        cases.push(proof);
    }
    for number in ["00000000", "00000008", "00000010", "00000099", "99999999"] {
        let invoice = format!("{CODE}-{number}");
        cases.push(case(format!("absence of {invoice}"), &four.state_proof(&invoice, NEWEST), "four"));
    }
    for invoice in ["000000000000-00000000", "999999999999-99999999"] {
        cases.push(case(format!("absence of {invoice}"), &four.state_proof(invoice, NEWEST), "four"));
    }
    let not_yet = &four.invoices[&20];
    cases.push(case(format!("absence of {not_yet} before its issue"), &four.state_proof(not_yet, BEFORE), "four"));
    let genesis = world.one.state_proof(&world.one.invoices[&1], 0);
    cases.push(case("absence in the empty map of genesis", &genesis, "one"));
    cases.push(case("the only invoice of a map", &world.one.state_proof(&world.one.invoices[&1], 1), "one"));
    cases.push(case("absence beside the only invoice", &world.one.state_proof(&world.one.invoices[&2], 1), "one"));
    cases
}

fn all(world: &World) -> Vec<Case> {
    [receipts, quorums, spellings, states].iter().flat_map(|make| make(world)).collect()
}

/// What a verdict must say of the header, from the document alone and the roster's powers.
fn sealed(world: &World, document: &Value) -> Value {
    let header = parsed(document["header"].as_str().unwrap());
    let chain =
        [&world.four, &world.one, &world.three, &world.seven].into_iter().find(|chain| header["chain"] == chain.id);
    let named = |term: &&crate::world::Term| json!(term.roster.hash()) == header["members"];
    let seats = &chain.unwrap().terms.iter().find(named).unwrap().seats;
    let sealing = |name: &str| document["seals"].as_array().unwrap().iter().any(|seal| seal["member"] == name);
    let power: u64 = seats.iter().filter(|(name, ..)| sealing(name)).map(|(_, power, _)| power).sum();
    let total: u64 = seats.iter().map(|(_, power, _)| power).sum();
    json!({"height": header["height"], "time": header["time"], "size": header["size"], "power": power, "total": total})
}

/// What a verdict must say of the state, if the document has one.
fn stated(document: &Value) -> Option<Value> {
    let state = document.get("state")?;
    let invoice = document.get("invoice").cloned().unwrap_or_else(|| {
        let entry = parsed(document["entry"].as_str().unwrap());
        json!(format!("{}-{}", entry["code"].as_str().unwrap(), entry["number"].as_str().unwrap()))
    });
    let Some(value) = state.get("value") else { return Some(json!({"invoice": invoice, "word": "absent"})) };
    let value = parsed(value.as_str().unwrap());
    let mut said = json!({"invoice": invoice, "word": value["state"]});
    for key in ["left", "until"] {
        if let Some(number) = value.get(key) {
            said[key] = number.clone();
        }
    }
    Some(said)
}

#[test]
fn each_is_valid_and_its_verdict_says_what_was_sealed() {
    let world = world();
    let rosters = read_rosters(&world);
    for case in all(&world) {
        let verdict = verify(case.document.as_bytes(), &rosters[case.rosters], case.expected.as_deref());
        assert!(verdict.is_valid(), "{}: {verdict:?}", case.name);
        let document: Value = serde_json::from_str(&case.document).unwrap();
        let said = serde_json::to_value(&verdict).unwrap();
        assert_eq!(said["sealed"], sealed(&world, &document), "{}", case.name);
        assert_eq!(said.get("state"), stated(&document).as_ref(), "{}", case.name);
    }
}

#[test]
fn all_words_all_rosters_and_all_shapes_are_among_them() {
    let world = world();
    let cases = all(&world);
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name stands twice");
    let documents: Vec<Value> = cases.iter().map(|case| serde_json::from_str(&case.document).unwrap()).collect();
    let words = |kind: &str| -> BTreeSet<String> {
        let of_kind = documents.iter().filter(|document| document.get(kind).is_some());
        of_kind.filter_map(stated).map(|said| said["word"].as_str().unwrap().to_owned()).collect()
    };
    let mut every: BTreeSet<String> = WORDS.map(String::from).into();
    assert_eq!(words("entry"), every);
    every.insert("absent".to_owned());
    assert_eq!(words("invoice"), every);
    let used: BTreeSet<&str> = cases.iter().map(|case| case.rosters).collect();
    assert_eq!(used, world.rosters().into_keys().filter(|name| *name != "none").collect());
    assert_eq!(world.four.maps[NEWEST].0.len(), world.four.invoices.len());
    assert_eq!(
        world.four.invoices.len(),
        world.four.invoices.values().map(|name| key_of(name)).collect::<BTreeSet<_>>().len()
    );
}

#[test]
fn valid() {
    let world = world();
    let rosters = read_rosters(&world);
    let cases: Vec<Value> = all(&world)
        .into_iter()
        .map(|case| {
            let verdict = verify(case.document.as_bytes(), &rosters[case.rosters], case.expected.as_deref());
            let document: Value = serde_json::from_str(&case.document).unwrap();
            let mut row = json!({
                "name": case.name, "document": case.document, "rosters": case.rosters, "verdict": verdict.code,
                "field": verdict.field, "sealed": sealed(&world, &document),
            });
            if let Some(said) = stated(&document) {
                row["state"] = said;
            }
            if let Some(expected) = case.expected {
                row["expected"] = json!(expected);
            }
            row
        })
        .collect();
    golden("valid.json", &json!({"rosters": world.rosters(), "cases": cases}));
}
