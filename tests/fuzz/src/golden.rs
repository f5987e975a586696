//! The golden files of `fixtures/chain`: rosters to trust, and what is known to be true under them.
//!
//! No fuzzer forges a signature. What a target finds to hold under these rosters must be one of the things that hold in the golden files;
//! anything else is a forgery.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use piaolian::chain::{Receipt, Roster};
use serde_json::Value;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

static RECEIPTS: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/receipts.json")));
static ROTATION: LazyLock<Value> = LazyLock::new(|| read(include_str!("../../../fixtures/chain/rotation.json")));

/// The rosters that the golden receipts are verified with.
pub static ROSTERS: LazyLock<Vec<Roster>> = LazyLock::new(|| {
    let texts = RECEIPTS["rosters"].as_array().unwrap();
    texts.iter().map(|text| Roster::from_text(text.as_str().unwrap()).unwrap()).collect()
});

/// The golden receipts that can be read, with their verdicts.
static READABLE: LazyLock<Vec<(Receipt, String)>> = LazyLock::new(|| {
    let cases = RECEIPTS["cases"].as_array().unwrap().iter();
    cases
        .filter_map(|case| {
            Some((Receipt::from_json(text_of(&case["receipt"]).as_bytes()).ok()?, text_of(&case["verdict"])))
        })
        .collect()
});

/// Entry and header of every golden receipt that is valid.
pub static SEALED: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(|| {
    let valid = READABLE.iter().filter(|(_, verdict)| verdict == "VALID");
    valid.map(|(receipt, _)| (receipt.entry.clone(), receipt.header.clone())).collect()
});

/// Header and signature of every golden seal that may be a good one.
pub static SEALS: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(|| {
    let good = READABLE.iter().filter(|(_, verdict)| verdict != "SEAL_BAD");
    good.flat_map(|(receipt, _)| receipt.seals.iter().map(|seal| (receipt.header.clone(), seal.signature.to_string())))
        .collect()
});

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
