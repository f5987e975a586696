//! The golden files in `fixtures/chain`: both verifiers give what is written there.

use std::path::PathBuf;

use piaolian::chain::{Hash, Roster, verify_document_json};
use serde_json::Value;

use crate::differential::{ask, question};
use crate::node::{root, run, script};

fn folder() -> PathBuf {
    root().join("fixtures/chain")
}

#[test]
fn texts_trees_signatures_headers_and_maps_are_those_of_the_golden_files() {
    let printed = run(script("vectors.mjs").arg(folder()));
    let counts: Value = serde_json::from_str(&printed).unwrap();
    println!("{counts:#}");
    for kind in [
        "canonical text accepted",
        "canonical text refused",
        "inclusion proof",
        "consistency proof",
        "issuer signature",
        "seal",
        "header",
        "roster",
        "state",
        "presence",
        "absence",
    ] {
        assert!(counts[kind].as_u64().is_some_and(|count| count >= 2), "{kind}: {counts}");
    }
}

/// A file's cases: whole documents with the verdict that each must get.
fn cases(file: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_slice(&std::fs::read(folder().join(file)).unwrap()).unwrap();
    let texts = |rosters: &Value| rosters.as_array().cloned().unwrap_or_default();
    let mut cases = golden["cases"].as_array().unwrap().clone();
    for case in &mut cases {
        // One list for the whole file, or lists under names.
        case["rosters"] = match case.get("rosters").and_then(Value::as_str) {
            Some(name) => texts(&golden["rosters"][name]).into(),
            None => texts(&golden["rosters"]).into(),
        };
    }
    cases
}

#[test]
fn documents_get_the_verdicts_of_the_golden_files_in_both() {
    let mut questions = Vec::new();
    for file in ["receipts.json", "valid.json", "forgeries.json"] {
        for case in cases(file) {
            let name = format!("{file}: {}", case["name"]);
            let spaces = usize::try_from(case["spaces"].as_u64().unwrap_or(0)).unwrap();
            let document = case.get("document").unwrap_or(&case["receipt"]).as_str().unwrap();
            let bytes = [" ".repeat(spaces).as_bytes(), document.as_bytes()].concat();
            let rosters: Vec<String> = serde_json::from_value(case["rosters"].clone()).unwrap();
            let read: Vec<Roster> = rosters.iter().map(|text| Roster::from_text(text).unwrap()).collect();
            let expected = case["expected"].as_str().map(|printed| Hash::parse_printed(printed).unwrap());
            let verdict = verify_document_json(&bytes, &read, expected.as_ref());
            let said = serde_json::to_value(&verdict).unwrap();
            for member in ["sealed", "state"].into_iter().filter(|member| case.get(*member).is_some()) {
                assert_eq!(case[member], said[member], "{name}");
            }
            assert_eq!(
                (case["verdict"].as_str(), case["field"].as_str()),
                (Some(verdict.code.as_str()), Some(&*verdict.field)),
                "{name}"
            );
            questions.push(question(&name, &bytes, &rosters, expected.as_ref(), &verdict));
        }
    }
    assert!(questions.len() > 500, "{} documents: a file is gone", questions.len());
    let count = u64::try_from(questions.len()).unwrap();
    let report = ask(questions.into_iter());
    assert_eq!((report.cases, report.differ), (count, 0), "{:#?}", report.first);
}
