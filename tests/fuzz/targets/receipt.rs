//! Receipts: a verdict for any bytes, the same one for the receipt written anew, and never `VALID` for what the golden members did not seal.
#![no_main]

use fuzzed::golden::{ROSTERS, SEALED, SEALS};
use fuzzed::opinion::is_proven;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::{Hash, Receipt, Seal, VerdictCode, leaf_hash, verify_receipt, verify_receipt_json};

fuzz_target!(|json: &[u8]| {
    let verdict = verify_receipt_json(json, &ROSTERS, None);
    let Ok(receipt) = Receipt::from_json(json) else {
        assert_eq!(verdict.code, VerdictCode::ReceiptMalformed);
        return;
    };
    assert_eq!(verify_receipt(&receipt, &ROSTERS, None), verdict);
    match receipt.to_json() {
        Ok(again) => assert_eq!(verify_receipt_json(again.as_bytes(), &ROSTERS, None), verdict),
        // Canonical text has no such numbers and no such strings; entries and headers are canonical.
        Err(_) => assert!(!verdict.is_valid()),
    }
    let leaf = leaf_hash(&receipt.entry);
    assert_eq!(verify_receipt(&receipt, &ROSTERS, Some(&leaf)).code, verdict.code);
    assert!(!verify_receipt(&receipt, &ROSTERS, Some(&Hash::ZERO)).is_valid());
    assert!(!verify_receipt(&receipt, &[], None).is_valid());
    if verdict.is_valid() {
        assert!(is_proven(&receipt, &ROSTERS));
        let known = |seal: &Seal| SEALS.contains(&(receipt.header.clone(), seal.signature.to_string()));
        assert!(receipt.seals.iter().all(known), "a forged seal");
        assert!(SEALED.contains(&(receipt.entry, receipt.header)), "a forged receipt");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
