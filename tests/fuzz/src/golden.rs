//! The golden files of `fixtures/chain`: rosters to trust, and what is known to be true under them.
//!
//! No fuzzer forges a signature. What a target finds to hold under these rosters must be one of the things that hold in the golden files;
//! anything else is a forgery.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use piaolian::chain::{Roster, Seal};
use serde_json::Value;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

static RECEIPTS: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/receipts.json")));
static VALID: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/valid.json")));
static EVIDENCE: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/evidence.json")));
static STREAM: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/stream.json")));
static ROTATION: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/rotation.json")));

fn rosters(texts: &Value) -> Vec<Roster> {
    texts.as_array().unwrap().iter().map(|text| Roster::from_text(text.as_str().unwrap()).unwrap()).collect()
}

/// The sets of rosters that golden documents are verified with.
static TRUSTED: LazyLock<Vec<Vec<Roster>>> = LazyLock::new(|| {
    let sets = VALID["rosters"].as_object().unwrap().values().chain([
        &RECEIPTS["rosters"],
        &STREAM["rosters"],
        &EVIDENCE["rosters"],
    ]);
    sets.map(rosters).collect()
});

/// The sets of trusted rosters that a header can be verified with; one that can't, where there is none.
pub fn trusted(header: &str) -> Vec<&'static [Roster]> {
    let members = serde_json::from_str(header).map(|header: Value| header["members"].clone()).unwrap_or_default();
    let names = |set: &&Vec<Roster>| set.iter().any(|roster| members == roster.hash().to_string());
    let mut sets: Vec<&[Roster]> = TRUSTED.iter().filter(names).map(Vec::as_slice).collect();
    if sets.is_empty() {
        sets.push(&TRUSTED[0]);
    }
    sets
}

/// Entry and header of every golden receipt that is valid.
pub static SEALED: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(|| {
    let cases = RECEIPTS["cases"].as_array().unwrap().iter().chain(VALID["cases"].as_array().unwrap());
    let valid = cases.filter(|case| case["verdict"] == "VALID");
    let documents = valid.map(|case| read(case.get("document").unwrap_or(&case["receipt"]).as_str().unwrap()));
    documents
        .filter(|document| document.get("entry").is_some())
        .map(|document| (text_of(&document["entry"]), text_of(&document["header"])))
        .collect()
});

/// Notes every seal on a header within a document, however deep.
fn note_seals(document: &Value, found: &mut BTreeSet<(String, String)>) {
    if let (Some(header), Some(seals)) = (document["header"].as_str(), document["seals"].as_array()) {
        let signatures = seals.iter().filter_map(|seal| seal["signature"].as_str());
        found.extend(signatures.map(|signature| (header.to_owned(), signature.to_owned())));
    }
    let parts = document.as_object().into_iter().flat_map(|members| members.values());
    parts.filter(|part| part.is_object() || part.is_array()).for_each(|part| note_seals(part, found));
    document.as_array().into_iter().flatten().for_each(|part| note_seals(part, found));
}

/// Header and signature of every golden seal that may be a good one.
static SEALS: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(|| {
    let mut found = BTreeSet::new();
    for file in [&RECEIPTS, &VALID, &EVIDENCE] {
        for case in file["cases"].as_array().unwrap().iter().filter(|case| case["verdict"] != "SEAL_BAD") {
            let text = ["document", "receipt", "file"].iter().find_map(|name| case[*name].as_str()).unwrap();
            note_seals(&serde_json::from_str(text).unwrap_or_default(), &mut found);
        }
    }
    // The lines of blocks have header and seals too.
    STREAM["stream"].as_str().unwrap().lines().for_each(|line| note_seals(&read(line), &mut found));
    found
});

/// Whether all these seals on a header are golden ones.
pub fn is_sealed(header: &str, seals: &[Seal]) -> bool {
    seals.iter().all(|seal| SEALS.contains(&(header.to_owned(), seal.signature.to_string())))
}

/// The rosters that are replaced in the golden changes.
pub static REPLACED: LazyLock<Vec<Roster>> = LazyLock::new(|| {
    let changes = ROTATION["changes"].as_array().unwrap();
    let texts: BTreeSet<String> = changes.iter().map(|change| text_of(&change["prev"])).collect();
    texts.iter().map(|text| Roster::from_text(text).unwrap()).collect()
});

/// Statement and signature of every golden signature on a change that may be a good one.
pub static SIGNATURES: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(|| {
    let changes = ROTATION["changes"].as_array().unwrap().iter();
    let good = changes.filter(|change| change["code"] != "CHAIN-CHANGE-SIGNATURE-BAD");
    good.flat_map(|change| {
        let signatures = change["signatures"].as_array().unwrap().iter();
        signatures.map(|one| (text_of(&change["statement"]), text_of(&one["signature"])))
    })
    .collect()
});
