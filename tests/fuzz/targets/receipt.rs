//! Receipts, of both versions: a verdict for any bytes, the same one for the receipt written anew, and never `VALID` for what the golden
//! members did not seal.
#![no_main]

use fuzzed::golden::{SEALED, is_sealed, trusted};
use fuzzed::opinion::{has_quorum, is_proven};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::{Hash, Receipt, Roster, VerdictCode, leaf_hash, verify_receipt, verify_receipt_json};

fn verify(json: &[u8], receipt: &Receipt, rosters: &[Roster]) {
    let verdict = verify_receipt_json(json, rosters, None);
    assert_eq!(verify_receipt(receipt, rosters, None), verdict);
    match receipt.to_json() {
        Ok(again) => assert_eq!(verify_receipt_json(again.as_bytes(), rosters, None), verdict),
        // Canonical text has no such numbers and no such strings; entries and headers are canonical.
        Err(_) => assert!(!verdict.is_valid()),
    }
    if verdict.is_valid() {
        let leaf = leaf_hash(&receipt.entry);
        assert_eq!(verify_receipt(receipt, rosters, Some(&leaf)).code, verdict.code);
        assert!(is_proven(receipt), "what is valid is not proven");
        assert!(has_quorum(&receipt.header, &receipt.seals, rosters), "what is valid has no quorum");
        assert!(is_sealed(&receipt.header, &receipt.seals), "a forged seal");
        assert!(SEALED.contains(&(receipt.entry.clone(), receipt.header.clone())), "a forged receipt");
    }
}

fuzz_target!(|json: &[u8]| {
    let Ok(receipt) = Receipt::from_json(json) else {
        assert_eq!(verify_receipt_json(json, &[], None).code, VerdictCode::ReceiptMalformed);
        return;
    };
    for rosters in trusted(&receipt.header) {
        verify(json, &receipt, rosters);
        assert!(!verify_receipt(&receipt, rosters, Some(&Hash::ZERO)).is_valid());
    }
    assert!(!verify_receipt(&receipt, &[], None).is_valid());
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
