//! Evidence of equivocation: a verdict for any bytes, the same one for the file written anew, and nothing is proven but what two headers say
//! that the golden members both sealed.
#![no_main]

use fuzzed::golden::{is_sealed, trusted};
use fuzzed::opinion::{has_quorum, is_so};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::base::Code;
use piaolian::chain::Roster;
use piaolian::chain::evidence::{Evidence, SealedHeader, verify_evidence, verify_evidence_json};

fn check_side(side: &SealedHeader, rosters: &[Roster]) {
    let mut known = rosters.to_vec();
    for voucher in &side.vouchers {
        assert!(has_quorum(&voucher.header, &voucher.seals, &known) && is_sealed(&voucher.header, &voucher.seals));
        known.push(Roster::from_text(&voucher.roster).unwrap());
    }
    assert!(has_quorum(&side.header, &side.seals, &known), "what is proven has no quorum");
    assert!(is_sealed(&side.header, &side.seals), "a forged seal");
}

fn verify(json: &[u8], evidence: &Evidence, rosters: &[Roster]) {
    let verdict = verify_evidence_json(json, rosters);
    assert_eq!(verify_evidence(evidence, rosters), verdict);
    let stands = match verdict.code {
        Code::EquivocationProven | Code::EvidenceUnproven => true,
        Code::EvidenceBad => false,
        code => panic!("{code} is no verdict on evidence"),
    };
    match evidence.to_json() {
        Ok(again) => assert_eq!(verify_evidence_json(again.as_bytes(), rosters), verdict),
        Err(_) => assert!(!stands),
    }
    if stands {
        assert!(is_so(evidence), "what stands is not so");
        check_side(&evidence.first, rosters);
        check_side(&evidence.second, rosters);
    }
}

fuzz_target!(|json: &[u8]| {
    let Ok(evidence) = Evidence::from_json(json) else {
        assert_eq!(verify_evidence_json(json, &[]).code, Code::EvidenceBad);
        return;
    };
    for rosters in trusted(&evidence.first.header) {
        verify(json, &evidence, rosters);
    }
    assert!(!verify_evidence(&evidence, &[]).is_proven());
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
