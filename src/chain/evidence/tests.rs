use super::*;
use crate::base::{Secret, UnixMs};
use crate::chain::{Edge, Member, SealKey, header_hash, keccak256, leaf_hash};

fn key(name: &str) -> SealKey {
    SealKey::from_secret(&Secret::new(*keccak256(name).as_bytes())).unwrap()
}

fn roster(from: u64, names: &[&str]) -> Roster {
    let member = |name: &&str| Member { name: (*name).try_into().unwrap(), power: 1, key: key(name).public() };
    Roster::new("test".try_into().unwrap(), from, names.iter().map(member).collect()).unwrap()
}

fn founders() -> Roster {
    roster(0, &["a", "b", "c", "d"])
}

/// The root over that many leaves of a history.
fn root(history: &str, size: u64) -> Hash {
    let mut edge = Edge::empty();
    let leaves: Vec<Hash> = (0..size).map(|index| leaf_hash(&format!("{history}{index}"))).collect();
    edge.append(&leaves);
    edge.root()
}

/// Header of a height with twice as many entries.
fn header(height: u64) -> Header {
    let genesis = Header::genesis(&founders(), UnixMs(1_000), "a".try_into().unwrap());
    Header {
        height,
        prev: keccak256(format!("header {height}")),
        size: height * 2,
        root: root("", height * 2),
        time: UnixMs(1_000 + i64::try_from(height).unwrap()),
        ..genesis
    }
}

fn sealed(header: &Header, names: &[&str]) -> SealedHeader {
    let text = header.to_text().unwrap();
    let seal = |name: &&str| {
        let member = (*name).try_into().unwrap();
        key(name).seal(&member, &header.chain, header.height, 0, &header_hash(&text)).unwrap()
    };
    SealedHeader { seals: names.iter().map(seal).collect(), header: text, vouchers: Vec::new() }
}

fn about(one: &Header, other: &Header) -> Option<Evidence> {
    let all = ["a", "b", "c"];
    let made = Evidence::of(sealed(one, &all), sealed(other, &all)).unwrap();
    let turned = Evidence::of(sealed(other, &all), sealed(one, &all)).unwrap();
    assert_eq!(made, turned, "one conflict, one file");
    made
}

fn verdict(evidence: &Evidence) -> (Code, String) {
    let verdict = verify_evidence_json(evidence.to_json().unwrap().as_bytes(), &[founders()]);
    (verdict.code, verdict.field)
}

#[test]
fn every_kind_of_contradiction_is_named_proven_and_no_other() {
    let (low, high) = (header(3), header(5));
    let next = Header { prev: low.hash().unwrap(), ..header(4) };
    let cases = [
        (Kind::SameHeight, low.clone(), Header { time: UnixMs(9_999), ..low.clone() }),
        (Kind::SamePrev, low.clone(), Header { prev: low.prev, ..high.clone() }),
        (Kind::Link, low.clone(), Header { prev: keccak256("x"), ..next.clone() }),
        (Kind::Members, Header { next_members: keccak256("x"), ..low.clone() }, next.clone()),
        (Kind::SameSize, low.clone(), Header { size: low.size, root: keccak256("x"), ..high.clone() }),
        (
            Kind::State,
            low.clone(),
            Header { size: low.size, root: low.root, state: Some(keccak256("x")), ..high.clone() },
        ),
        (Kind::Version, low.clone(), Header { v: Edition::First, state: None, ..high.clone() }),
        (Kind::Size, low.clone(), Header { size: low.size - 1, ..high.clone() }),
        (Kind::Time, low.clone(), Header { time: UnixMs(1_000), ..high.clone() }),
    ];
    for (kind, one, other) in cases {
        // The link to a header whose text was changed has to be made anew.
        let other = if kind == Kind::Members { Header { prev: one.hash().unwrap(), ..other } } else { other };
        let evidence = about(&one, &other).unwrap();
        assert_eq!((evidence.kind, evidence.evidence), (kind, Claim::Equivocation));
        let found = verify_evidence(&evidence, &[founders()]);
        assert!(found.is_proven(), "{kind:?}: {found:?}");
        assert_eq!(found.sealed_both.len(), 3, "{kind:?}");
        let wrong = if kind == Kind::Size { Kind::Time } else { Kind::Size };
        assert_eq!(verdict(&Evidence { kind: wrong, ..evidence.clone() }), (Code::EvidenceBad, "kind".to_owned()));
        let Evidence { first, second, .. } = evidence.clone();
        if kind != Kind::SameHeight {
            let turned = Evidence { first: second, second: first, ..evidence };
            assert_eq!(verdict(&turned), (Code::EvidenceBad, "first.header.height".to_owned()), "{kind:?}");
        }
    }
}

#[test]
fn headers_that_go_together_are_no_evidence() {
    let (low, high) = (header(3), header(5));
    assert_eq!(about(&low, &high), None);
    assert_eq!(about(&low, &low), None);
    assert_eq!(about(&low, &Header { prev: low.hash().unwrap(), ..header(4) }), None);
    assert_eq!(contradiction((&low.to_text().unwrap(), &low), (&high.to_text().unwrap(), &high)), None);
    let old = Header { v: Edition::First, state: None, ..low.clone() };
    assert_eq!(about(&old, &high), None);
    assert_eq!(about(&old, &Header { size: low.size, root: low.root, ..high.clone() }), None, "the first of version 2");
    let other_chain = Header { chain: "other".try_into().unwrap(), time: UnixMs(9_999), ..low.clone() };
    assert_eq!(about(&low, &other_chain), None);
    let twice = Evidence { second: sealed(&low, &["a", "b", "c"]), ..forked() };
    assert_eq!(verdict(&twice), (Code::EvidenceBad, "second.header".to_owned()));
}

fn forked() -> Evidence {
    about(&header(3), &Header { time: UnixMs(2_000), ..header(3) }).unwrap()
}

#[test]
fn what_was_not_sealed_by_a_quorum_accuses_nobody() {
    let good = forked();
    assert_eq!(verdict(&good).0, Code::EquivocationProven);
    let other = Header { time: UnixMs(2_000), ..header(3) };
    let mut stranger = sealed(&other, &["a", "b", "x"]);
    let mut altered = good.second.clone();
    altered.header = altered.header.replace(r#""time":"#, r#""time":1"#);
    stranger.seals.rotate_left(2);
    for (second, field, why) in [
        (sealed(&other, &["a", "b"]), "second.seals", "SEALS_BELOW_QUORUM"),
        (stranger, "second.seals[0].member", "SEAL_STRANGER"),
        (altered, "second.seals[0].signature", "SEAL_BAD"),
        (SealedHeader { header: "{}".to_owned(), ..good.second.clone() }, "second.header", "HEADER_MALFORMED"),
    ] {
        let found = verify_evidence(&Evidence { second, ..good.clone() }, &[founders()]);
        assert_eq!((found.code, found.field.as_str()), (Code::EvidenceBad, field), "{found:?}");
        assert!(found.message.starts_with(why), "{found:?}");
    }
    let chain = Evidence { chain: "other".try_into().unwrap(), ..good.clone() };
    assert_eq!(verdict(&chain), (Code::EvidenceBad, "first.header.chain".to_owned()));
    assert_eq!(verify_evidence(&good, &[]).field, "first.header.members");
    // To whoever knows the later roster, the earlier one had nothing to seal any more.
    let later = verify_evidence(&good, &[founders(), roster(2, &["a", "b", "e", "d"])]);
    assert!(later.message.starts_with("ROSTER_SUPERSEDED"), "{later:?}");
}

#[test]
fn later_rosters_are_vouched_for_by_the_header_before_them() {
    let second_roster = roster(4, &["a", "b", "c", "e"]);
    let before = Header { next_members: second_roster.hash(), ..header(3) };
    let voucher = |by: &[&str]| {
        let SealedHeader { header, seals, .. } = sealed(&before, by);
        Voucher { roster: second_roster.text().to_owned(), header, seals }
    };
    let late = Header { members: second_roster.hash(), next_members: second_roster.hash(), ..header(7) };
    let (one, other) = (late.clone(), Header { root: keccak256("x"), ..late });
    let by_new = ["b", "c", "e"];
    let side = |of: &Header, vouchers| SealedHeader { vouchers, ..sealed(of, &by_new) };
    let file =
        |vouchers: Vec<Voucher>| Evidence::of(side(&one, vouchers.clone()), side(&other, vouchers)).unwrap().unwrap();

    assert_eq!(verdict(&file(vec![voucher(&["a", "b", "c"])])), (Code::EquivocationProven, String::new()));
    assert_eq!(verdict(&file(vec![])), (Code::EvidenceBad, "first.header.members".to_owned()));
    let unsealed = file(vec![voucher(&["a", "b"])]);
    assert_eq!(verdict(&unsealed), (Code::EvidenceBad, "first.vouchers[0].seals".to_owned()));
    let other_roster = Voucher { roster: roster(4, &["b", "c", "e"]).text().to_owned(), ..voucher(&["a", "b", "c"]) };
    assert_eq!(verdict(&file(vec![other_roster])), (Code::EvidenceBad, "first.vouchers[0].roster".to_owned()));
    let too_late = roster(5, &["a", "b", "c", "e"]);
    let named = Header { next_members: too_late.hash(), ..before.clone() };
    let SealedHeader { header, seals, .. } = sealed(&named, &["a", "b", "c"]);
    let wrong_from = Voucher { roster: too_late.text().to_owned(), header, seals };
    assert_eq!(verdict(&file(vec![wrong_from])), (Code::EvidenceBad, "first.vouchers[0].roster".to_owned()));
}

#[test]
fn what_was_not_proven_never_passes_for_proof() {
    let (low, high) = (header(3), header(5));
    let sides = || (sealed(&low, &["a", "b", "c"]), sealed(&high, &["a", "b", "c"]));
    let file = |consistency| {
        let (first, second) = sides();
        Evidence::unproven(low.chain.clone(), first, second, consistency)
    };
    for consistency in [None, Some(vec![]), Some(vec![keccak256("x")])] {
        assert_eq!(verdict(&file(consistency)), (Code::EvidenceUnproven, String::new()));
    }
    // Of 6 and 10 leaves of the same history, worked out by hand from RFC 9162 2.1.4.
    let leaf = |index: u64| leaf_hash(&index.to_string());
    let pair = |index| crate::chain::node_hash(&leaf(index), &leaf(index + 1));
    let four = |index| crate::chain::node_hash(&pair(index), &pair(index + 2));
    let proof = vec![pair(4), pair(6), four(0), pair(8)];
    assert!(verify_consistency(6, 10, &low.root, &high.root, &proof));
    assert_eq!(verdict(&file(Some(proof.clone()))), (Code::EvidenceBad, "consistency".to_owned()));
    let dressed = Evidence { evidence: Claim::Equivocation, ..file(None) };
    assert_eq!(verdict(&dressed), (Code::EvidenceBad, "kind".to_owned()));
    let undressed = Evidence { evidence: Claim::Unproven, ..forked() };
    assert_eq!(verdict(&undressed), (Code::EvidenceBad, "kind".to_owned()));
    let with_proof = Evidence { consistency: Some(proof), ..forked() };
    assert_eq!(verdict(&with_proof), (Code::EvidenceBad, "consistency".to_owned()));
}

#[test]
fn bytes_that_are_no_evidence_get_a_verdict_too() {
    let good = forked().to_json().unwrap();
    assert_eq!(Evidence::from_json(good.as_bytes()).unwrap(), forked());
    let null = good.replace(r#""v":1}"#, r#""v":1,"consistency":null}"#);
    let unknown = good.replace(r#""v":1}"#, r#""v":1,"x":1}"#);
    let many = Evidence { consistency: Some(vec![Hash::ZERO; PROOF_HASHES_MAX + 1]), ..forked() }.to_json().unwrap();
    for bytes in ["", "{}", "[]", &null, &unknown, &many, &good.replace("same_height", "other")] {
        let found = verify_evidence_json(bytes.as_bytes(), &[founders()]);
        assert_eq!((found.code, found.kind), (Code::EvidenceBad, None), "{bytes}");
    }
}
