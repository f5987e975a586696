//! State proofs, and which of both kinds a document is: a verdict for any bytes, the same one for the proof written anew, and never `VALID`
//! unless its path leads to the map of a header that the golden members sealed.
#![no_main]

use fuzzed::golden::{is_sealed, trusted};
use fuzzed::opinion::{has_quorum, is_stated};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::state_proof::StateProof;
use piaolian::chain::verify::{verify_document_json, verify_state_proof};
use piaolian::chain::{Hash, Roster, VerdictCode, verify_receipt_json};
use serde_json::Value;

fn verify(json: &[u8], proof: &StateProof, rosters: &[Roster]) {
    let verdict = verify_document_json(json, rosters, None);
    assert_eq!(verify_state_proof(proof, rosters, None), verdict);
    match proof.to_json() {
        Ok(again) => assert_eq!(verify_document_json(again.as_bytes(), rosters, None), verdict),
        Err(_) => assert!(!verdict.is_valid()),
    }
    assert_eq!(verdict.state.is_some(), verdict.is_valid());
    if verdict.is_valid() {
        assert!(is_stated(proof), "what is valid is not proven");
        assert!(has_quorum(&proof.header, &proof.seals, rosters), "what is valid has no quorum");
        assert!(is_sealed(&proof.header, &proof.seals), "a forged seal");
    }
}

fuzz_target!(|json: &[u8]| {
    let Ok(proof) = StateProof::from_json(json) else {
        let verdict = verify_document_json(json, &[], None);
        match serde_json::from_slice::<Value>(json) {
            Ok(value) if value.get("invoice").is_none() || value.get("entry").is_some() => {
                assert_eq!(verdict, verify_receipt_json(json, &[], None));
            }
            Ok(_) | Err(_) => assert_eq!(verdict.code, VerdictCode::ReceiptMalformed),
        }
        return;
    };
    for rosters in trusted(&proof.header) {
        verify(json, &proof, rosters);
        assert!(!verify_state_proof(&proof, rosters, Some(&Hash::ZERO)).is_valid());
    }
    assert!(!verify_state_proof(&proof, &[], None).is_valid());
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
