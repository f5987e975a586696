//! Receipts, good and bad, with the verdict that each must get.

use std::collections::BTreeSet;

use piaolian::chain::{
    Edge, Hash, Header, IssuerSignature, Receipt, SealSignature, VerdictCode, keccak256, leaf_hash, to_canonical,
    verify_receipt, verify_receipt_json,
};
use serde_json::{Map, Value, json};

use crate::golden::{golden, high_s};
use crate::scene::{Scene, draft, issued, issuer, name, roster, scene, seals, secret};

struct Case {
    name: &'static str,
    json: String,
    expected: Option<Hash>,
    verdict: &'static str,
    field: &'static str,
}

fn case(name: &'static str, receipt: &Receipt, verdict: &'static str, field: &'static str) -> Case {
    Case { name, json: serde_json::to_string(receipt).unwrap(), expected: None, verdict, field }
}

/// A receipt whose entry was rewritten.
fn with_entry(receipt: &Receipt, edit: impl FnOnce(&mut Map<String, Value>)) -> Receipt {
    let mut entry: Map<String, Value> = serde_json::from_str(&receipt.entry).unwrap();
    edit(&mut entry);
    Receipt { entry: to_canonical(&entry).unwrap(), ..receipt.clone() }
}

/// A receipt whose header was rewritten and sealed anew, as only a quorum could.
fn with_header(receipt: &Receipt, edit: impl FnOnce(&mut Header)) -> Receipt {
    let mut header = Header::from_text(&receipt.header).unwrap();
    edit(&mut header);
    let header = header.to_text().unwrap();
    Receipt { seals: seals(&header, 0, &["kingdee", "tax-bureau", "tencent"]), header, ..receipt.clone() }
}

fn with_proof(receipt: &Receipt, edit: impl FnOnce(&mut Vec<Hash>)) -> Receipt {
    let mut changed = receipt.clone();
    edit(&mut changed.proof);
    changed
}

fn with_seals(receipt: &Receipt, members: &[&str]) -> Receipt {
    Receipt { seals: seals(&receipt.header, 0, members), ..receipt.clone() }
}

fn set(entry: &mut Map<String, Value>, key: &str, value: Value) {
    entry.insert(key.to_owned(), value);
}

/// A receipt of a block with one entry, in the formats of version 2.
fn second_version(scene: &Scene) -> Receipt {
    let receipt = scene.receipt(2, 1);
    let time = Header::from_text(&receipt.header).unwrap().time.0;
    let mut draft = draft();
    draft["v"] = json!(2);
    let mut entry = issued(0, time, &draft, &issuer());
    entry["v"] = json!(2);
    let entry = to_canonical(&entry).unwrap();
    let mut edge = Edge::empty();
    edge.append(&[leaf_hash(&entry)]);
    let alone = Receipt { entry, index: 0, proof: vec![], ..receipt };
    with_header(&alone, |header| (header.size, header.root) = (1, edge.root()))
}

fn good(scene: &Scene) -> Vec<Case> {
    let issue = scene.receipt(2, 1);
    let mut cases = vec![
        case("an issued invoice under its own block's header", &issue, "VALID", ""),
        case("the same under a later header with another roster", &scene.receipt(2, 3), "VALID", ""),
        case("an entry and a draft of version 2", &second_version(scene), "VALID", ""),
        case("an entry without draft", &scene.receipt(0, 1), "VALID", ""),
        case("the last entry of a ragged tree", &scene.receipt(6, 3), "VALID", ""),
        case("sealed by a quorum only", &with_seals(&issue, &["tax-bureau", "kingdee"]), "VALID", ""),
        case(
            "sealed in a later round",
            &Receipt { seals: seals(&issue.header, 2, &["tencent", "tax-bureau"]), ..issue.clone() },
            "VALID",
            "",
        ),
    ];
    let pretty = serde_json::to_string_pretty(&issue).unwrap();
    cases.push(Case { json: pretty, ..case("the receipt itself need not be canonical", &issue, "VALID", "") });
    cases.push(Case { expected: Some(scene.leaf(2)), ..case("the expected entry", &issue, "VALID", "") });
    cases
}

fn malformed(scene: &Scene) -> Vec<Case> {
    let receipt = scene.receipt(2, 1);
    let raw = |name, json: String| Case { json, ..case(name, &receipt, "RECEIPT_MALFORMED", "") };
    let text = receipt.to_json().unwrap();
    let fields: Value = serde_json::to_value(&receipt).unwrap();
    let array = ["v", "chain", "entry", "index", "proof", "header", "seals"].map(|key| &fields[key]);
    assert!(
        serde_json::from_str::<Receipt>(&serde_json::to_string(&array).unwrap()).is_ok(),
        "serde alone would take it"
    );
    let long = with_proof(&receipt, |proof| proof.resize(66, Hash::ZERO));
    let many = Receipt { seals: vec![receipt.seals[0].clone(); 65], ..receipt.clone() };
    vec![
        raw("not JSON", "receipt".to_owned()),
        raw("an empty object", "{}".to_owned()),
        raw("an unknown field", text.replacen('{', r#"{"paid":true,"#, 1)),
        raw("a field twice", text.replacen('{', r#"{"index":2,"#, 1)),
        raw("another version", text.replace(r#""v":1}"#, r#""v":3}"#)),
        raw("a fraction as index", text.replacen(r#""index":2,"proof""#, r#""index":2.0,"proof""#, 1)),
        raw("the fields as an array", serde_json::to_string(&array).unwrap()),
        raw(
            "a hash in capitals",
            text.replace(&receipt.proof[0].to_string(), &receipt.proof[0].to_string().to_uppercase()),
        ),
        raw("a null", text.replacen(r#""index":2,"proof""#, r#""index":null,"proof""#, 1)),
        case("a proof of 66 hashes", &long, "RECEIPT_MALFORMED", "proof"),
        case("65 seals", &many, "RECEIPT_MALFORMED", "seals"),
    ]
}

fn bad_texts(scene: &Scene) -> Vec<Case> {
    let receipt = scene.receipt(2, 1);
    let entry =
        |name, text: String, verdict, field| case(name, &Receipt { entry: text, ..receipt.clone() }, verdict, field);
    let header =
        |name, text: String, verdict, field| case(name, &Receipt { header: text, ..receipt.clone() }, verdict, field);
    let edited = |edit: fn(&mut Map<String, Value>)| with_entry(&receipt, edit);
    vec![
        entry("white space in the entry", format!(" {}", receipt.entry), "ENTRY_NOT_CANONICAL", "entry"),
        entry(
            "null in the entry",
            receipt.entry.replace("\"餐\"", "null"),
            "ENTRY_NOT_CANONICAL",
            "entry.draft.lines[0].unit",
        ),
        entry("not NFC", receipt.entry.replace("餐费", "e\u{301}"), "ENTRY_NOT_CANONICAL", "entry.draft.lines[0].name"),
        entry("the entry is no object", "[]".to_owned(), "ENTRY_MALFORMED", "entry"),
        case("an entry of another version", &edited(|e| set(e, "v", json!(3))), "ENTRY_MALFORMED", "entry.v"),
        case("an entry without kind", &edited(|e| drop(e.remove("kind"))), "ENTRY_MALFORMED", "entry.kind"),
        case("an entry without chain", &edited(|e| drop(e.remove("chain"))), "ENTRY_MALFORMED", "entry.chain"),
        case("a text as index", &edited(|e| set(e, "index", json!("2"))), "ENTRY_MALFORMED", "entry.index"),
        case("an entry without time", &edited(|e| drop(e.remove("time"))), "ENTRY_MALFORMED", "entry.time"),
        header("white space in the header", format!("{}\n", receipt.header), "HEADER_NOT_CANONICAL", "header"),
        header(
            "a header with an unknown field",
            receipt.header.replacen('{', r#"{"a":1,"#, 1),
            "HEADER_MALFORMED",
            "header",
        ),
        header(
            "a header of another version",
            receipt.header.replace(r#""v":1"#, r#""v":3"#),
            "HEADER_MALFORMED",
            "header",
        ),
        header(
            "zeros before a header that is not genesis",
            zero_prev(&receipt.header),
            "HEADER_MALFORMED",
            "header.prev",
        ),
    ]
}

fn zero_prev(header: &str) -> String {
    let prev = Header::from_text(header).unwrap().prev;
    header.replace(&prev.to_string(), &Hash::ZERO.to_string())
}

fn disagreements(scene: &Scene) -> Vec<Case> {
    let receipt = scene.receipt(2, 1);
    let other_chain = Receipt { chain: "shenzhen-production".try_into().unwrap(), ..receipt.clone() };
    let header_chain = with_header(&receipt, |header| header.chain = "shenzhen-production".try_into().unwrap());
    let earlier = with_header(&receipt, |header| header.time.0 -= 1);
    let unexpected = Case {
        expected: Some(scene.leaf(5)),
        ..case("another entry than expected", &receipt, "LEAF_HASH_MISMATCH", "entry")
    };
    vec![
        case("a receipt that names another chain", &other_chain, "CHAIN_MISMATCH", "entry.chain"),
        case("a header of another chain", &header_chain, "CHAIN_MISMATCH", "header.chain"),
        case("another index", &Receipt { index: 1, ..receipt.clone() }, "INDEX_MISMATCH", "entry.index"),
        case(
            "a header whose tree is smaller",
            &Receipt { header: scene.headers[1].clone(), ..scene.receipt(5, 3) },
            "INDEX_MISMATCH",
            "header.size",
        ),
        case(
            "genesis covers nothing",
            &Receipt { header: scene.headers[0].clone(), ..receipt.clone() },
            "INDEX_MISMATCH",
            "header.size",
        ),
        unexpected,
        case("an entry later than its header", &earlier, "TIME_MISMATCH", "entry.time"),
    ]
}

fn bad_drafts(scene: &Scene) -> Vec<Case> {
    let receipt = scene.receipt(2, 1);
    let time = Header::from_text(&receipt.header).unwrap().time.0;
    let edited = |edit: &dyn Fn(&mut Map<String, Value>)| with_entry(&receipt, edit);
    let with_draft = |edit: fn(&mut Map<String, Value>)| {
        let mut draft = draft();
        edit(draft.as_object_mut().unwrap());
        Receipt { entry: to_canonical(&issued(2, time, &draft, &issuer())).unwrap(), ..receipt.clone() }
    };
    let signature = |edit: &dyn Fn([u8; 65]) -> IssuerSignature| {
        let signed = issuer().sign(&to_canonical(&draft()).unwrap());
        edited(&|e| set(e, "signature", json!(edit(signed.0))))
    };
    let shift_v = |mut bytes: [u8; 65]| {
        bytes[64] -= 27;
        IssuerSignature(bytes)
    };
    let other = piaolian::chain::IssuerKey::from_secret(&secret("M00000002")).unwrap();
    let bad = "ISSUER_SIGNATURE_BAD";
    vec![
        case(
            "a draft without signature",
            &edited(&|e| drop(e.remove("signature"))),
            "DRAFT_MALFORMED",
            "entry.signature",
        ),
        case("a draft without issuer", &edited(&|e| drop(e.remove("issuer"))), "DRAFT_MALFORMED", "entry.issuer"),
        case("a signature without draft", &edited(&|e| drop(e.remove("draft"))), "DRAFT_MALFORMED", "entry.draft"),
        case("a text as draft", &edited(&|e| set(e, "draft", json!("{}"))), "DRAFT_MALFORMED", "entry.draft"),
        case(
            "an issuer with 0x",
            &edited(&|e| set(e, "issuer", json!(issuer().address().to_eip55()))),
            "DRAFT_MALFORMED",
            "entry.issuer",
        ),
        case(
            "a signature of 64 bytes",
            &edited(&|e| set(e, "signature", json!("11".repeat(64)))),
            "DRAFT_MALFORMED",
            "entry.signature",
        ),
        case("a draft of another version", &with_draft(|d| set(d, "v", json!(3))), "DRAFT_MALFORMED", "entry.draft.v"),
        case("a draft without chain", &with_draft(|d| drop(d.remove("chain"))), "DRAFT_MALFORMED", "entry.draft.chain"),
        case(
            "a draft for another chain",
            &with_draft(|d| set(d, "chain", json!("test"))),
            "CHAIN_MISMATCH",
            "entry.draft.chain",
        ),
        case(
            "an amount changed after signing",
            &edited(&|e| e["draft"]["total"] = json!(19801)),
            bad,
            "entry.signature",
        ),
        case("another issuer named", &edited(&|e| set(e, "issuer", json!(other.address()))), bad, "entry.signature"),
        case("the issuer signature with high s", &signature(&high_s), bad, "entry.signature"),
        case("v of 0 or 1", &signature(&shift_v), bad, "entry.signature"),
    ]
}

fn bad_proofs(scene: &Scene) -> Vec<Case> {
    let receipt = scene.receipt(2, 3);
    let renumbered = with_entry(&receipt, |e| set(e, "number", json!("00000009")));
    [
        ("a bit of the proof flipped", with_proof(&receipt, |proof| proof[1].0[7] ^= 1)),
        ("the proof without its end", with_proof(&receipt, |proof| proof.truncate(1))),
        ("a hash more at the end", with_proof(&receipt, |proof| proof.push(Hash::ZERO))),
        ("the proof upside down", with_proof(&receipt, |proof| proof.reverse())),
        ("no proof", with_proof(&receipt, Vec::clear)),
        ("a number changed in the entry", renumbered),
        ("the proof for another header", Receipt { header: scene.headers[2].clone(), ..receipt.clone() }),
        ("the root changed, sealed by a quorum", with_header(&receipt, |header| header.root = keccak256("x"))),
    ]
    .into_iter()
    .map(|(name, receipt)| case(name, &receipt, "PROOF_BAD", "proof"))
    .collect()
}

fn bad_seals(scene: &Scene) -> Vec<Case> {
    let receipt = scene.receipt(2, 1);
    let foreign = roster(0, &[("tax-bureau", 5)]);
    let unknown = with_header(&receipt, |header| header.members = foreign.hash());
    let too_early = with_header(&receipt, |header| header.members = scene.rosters[1].hash());
    let mut wrong_key = receipt.clone();
    wrong_key.seals[0].member = name("tencent");
    wrong_key.seals.remove(2);
    let mut high = receipt.clone();
    let SealSignature(low) = high.seals[1].signature;
    let mut padded = [27; 65];
    padded[..64].copy_from_slice(&low);
    high.seals[1].signature = SealSignature(high_s(padded).0[..64].try_into().unwrap());
    let mut rounds = receipt.clone();
    rounds.seals[2] = seals(&receipt.header, 1, &["tencent"]).remove(0);
    let mut claimed = receipt.clone();
    claimed.seals.iter_mut().for_each(|seal| seal.round = 1);
    let superseded = with_header(&scene.receipt(2, 3), |header| header.members = scene.rosters[0].hash());
    let other_header = Receipt { seals: seals(&scene.headers[2], 0, &["kingdee", "tax-bureau"]), ..receipt.clone() };
    vec![
        case("a roster that nobody trusts", &unknown, "ROSTER_UNKNOWN", "header.members"),
        case("a roster that does not count yet", &too_early, "ROSTER_UNKNOWN", "header.members"),
        case("a roster that counts no more", &superseded, "ROSTER_SUPERSEDED", "header.members"),
        case(
            "a seal by a stranger",
            &with_seals(&receipt, &["tax-bureau", "auditor"]),
            "SEAL_STRANGER",
            "seals[1].member",
        ),
        case(
            "a seal twice",
            &with_seals(&receipt, &["tencent", "kingdee", "tencent"]),
            "SEAL_DUPLICATE",
            "seals[2].member",
        ),
        case("seals of two rounds", &rounds, "SEAL_ROUND_MISMATCH", "seals[2].round"),
        case("a round that was not signed", &claimed, "SEAL_BAD", "seals[0].signature"),
        case("a seal under another's name", &wrong_key, "SEAL_BAD", "seals[0].signature"),
        case("a seal with high s", &high, "SEAL_BAD", "seals[1].signature"),
        case("seals of another header", &other_header, "SEAL_BAD", "seals[0].signature"),
        case("half of the power", &with_seals(&receipt, &["tencent", "kingdee"]), "SEALS_BELOW_QUORUM", "seals"),
        case("no seals", &with_seals(&receipt, &[]), "SEALS_BELOW_QUORUM", "seals"),
        case("half of four", &with_seals(&scene.receipt(2, 3), &["tencent", "kingdee"]), "SEALS_BELOW_QUORUM", "seals"),
    ]
}

fn all_cases(scene: &Scene) -> Vec<Case> {
    [good, malformed, bad_texts, disagreements, bad_drafts, bad_proofs, bad_seals]
        .iter()
        .flat_map(|make| make(scene))
        .collect()
}

#[test]
fn each_receipt_gets_its_verdict() {
    let scene = scene();
    for case in all_cases(&scene) {
        let verdict = verify_receipt_json(case.json.as_bytes(), &scene.rosters, case.expected.as_ref());
        assert_eq!(
            (verdict.code.as_str(), verdict.field.as_str()),
            (case.verdict, case.field),
            "{}: {verdict:?}",
            case.name
        );
    }
}

#[test]
fn every_verdict_on_receipts_of_version_1_has_a_case() {
    let cases = all_cases(&scene());
    let shown: BTreeSet<&str> = cases.iter().map(|case| case.verdict).collect();
    let of_states = |code: &&str| code.starts_with("STATE_");
    assert_eq!(shown, VerdictCode::ALL.iter().map(|code| code.as_str()).filter(|code| !of_states(code)).collect());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn receipts() {
    let scene = scene();
    let cases: Vec<Value> = all_cases(&scene)
        .into_iter()
        .map(|case| {
            let mut row =
                json!({"name": case.name, "receipt": case.json, "verdict": case.verdict, "field": case.field});
            if let Some(expected) = case.expected {
                row["expected"] = json!(expected.printed());
            }
            row
        })
        .collect();
    let rosters: Vec<&str> = scene.rosters.iter().map(|roster| roster.text()).collect();
    golden("receipts.json", &json!({"rosters": rosters, "cases": cases}));
}

#[test]
fn no_flipped_byte_of_a_receipt_stays_valid() {
    let scene = scene();
    let receipt = scene.receipt(5, 3);
    let json = receipt.to_json().unwrap().into_bytes();
    assert!(verify_receipt(&receipt, &scene.rosters, None).is_valid());
    for position in 0..json.len() {
        for bit in [0, 1, 5] {
            let mut changed = json.clone();
            changed[position] ^= 1 << bit;
            let verdict = verify_receipt_json(&changed, &scene.rosters, None);
            assert!(!verdict.is_valid(), "byte {position}, bit {bit}: {}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn a_valid_verdict_says_what_it_covered() {
    let scene = scene();
    let verdict = verify_receipt(&scene.receipt(2, 1), &scene.rosters, Some(&scene.leaf(2)));
    assert_eq!((verdict.index, verdict.covered.len()), (Some(2), 8));
    assert!(verdict.covered[5].contains(&issuer().address().to_eip55()));
    assert!(verdict.covered[7].ends_with("4 of 4 of the voting power"), "{}", verdict.covered[7]);
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!((&json["code"], &json["index"]), (&json!("VALID"), &json!(2)));
}
