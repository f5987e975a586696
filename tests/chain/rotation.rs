//! Rosters that change: who must have signed, twenty changes in a row, and what receipts are worth before and after.

use piaolian::base::{Code, UnixMs};
use piaolian::chain::{
    Change, Edge, Edition, Hash, Header, Member, MemberSignature, Receipt, Roster, Seal, SealKey, SealSignature,
    change_text, check_change, header_hash, holder_hash, leaf_hash, next_roster, rotation_text, running_hash,
    statement_hash, to_canonical, verify_receipt,
};
use serde_json::{Value, json};

use crate::golden::{golden, high_s};
use crate::scene::{START, chain, issued, issuer, name, roster, seal_key, secret};

fn rotate(member: &str, key: &str) -> Change {
    Change::Rotate { member: name(member), key: seal_key(key).public() }
}

fn add(member: &str, key: &str, power: u64) -> Change {
    Change::Add { member: name(member), key: seal_key(key).public(), power }
}

fn remove(member: &str) -> Change {
    Change::Remove { member: name(member) }
}

fn founders() -> Roster {
    roster(0, &[("auditor", 1), ("kingdee", 1), ("tax-bureau", 1), ("tencent", 1)])
}

fn sign(text: &str, keys: &[&str]) -> Vec<MemberSignature> {
    keys.iter().map(|key| seal_key(key).sign_statement(text).unwrap()).collect()
}

/// What comes of a change of the founders that these keys have signed.
fn decided(change: &Change, keys: &[&str]) -> Result<(), (Code, String)> {
    let prev = founders();
    let new = next_roster(&prev, change, 9).unwrap();
    let text = change_text(&prev, &new, change).unwrap();
    check_change(&prev, &new, &text, &sign(&text, keys)).map_err(|fault| (fault.code, fault.path))
}

/// What it is about, the change, the keys that sign, and the refusal that must come of it.
type Decision = (&'static str, Change, Vec<&'static str>, Option<(Code, &'static str)>);

/// Changes of the founders with the keys that sign, and what must come of it.
fn decisions() -> Vec<Decision> {
    let rotation = || rotate("tencent", "tencent-2");
    let joining = |power| add("bank", "bank", power);
    vec![
        ("everybody signs", rotation(), vec!["auditor", "kingdee", "tax-bureau", "tencent", "tencent-2"], None),
        ("the old key is lost", rotation(), vec!["auditor", "kingdee", "tax-bureau", "tencent-2"], None),
        ("both keys of one and two others", rotation(), vec!["tencent-2", "tencent", "kingdee", "auditor"], None),
        (
            "the new key has not signed",
            rotation(),
            vec!["auditor", "kingdee", "tax-bureau", "tencent"],
            Some((Code::ChainChangeNewKeyUnsigned, "signatures")),
        ),
        (
            "no quorum of the old roster",
            rotation(),
            vec!["auditor", "kingdee", "tencent-2"],
            Some((Code::ChainChangeOldQuorum, "signatures")),
        ),
        (
            "a key twice",
            rotation(),
            vec!["auditor", "kingdee", "auditor", "tencent-2"],
            Some((Code::ChainChangeSignatureTwice, "signatures[2].key")),
        ),
        (
            "a key of nobody",
            rotation(),
            vec!["auditor", "kingdee", "tax-bureau", "tencent-2", "bank"],
            Some((Code::ChainChangeSignatureStranger, "signatures[4].key")),
        ),
        ("nobody signs", remove("tencent"), vec![], Some((Code::ChainChangeOldQuorum, "signatures"))),
        ("a member joins", joining(1), vec!["bank", "auditor", "kingdee", "tax-bureau"], None),
        (
            "a member joins without having signed",
            joining(1),
            vec!["auditor", "kingdee", "tax-bureau", "tencent"],
            Some((Code::ChainChangeNewKeyUnsigned, "signatures")),
        ),
        (
            "a heavy member joins with two old ones",
            joining(1000),
            vec!["bank", "kingdee", "auditor"],
            Some((Code::ChainChangeOldQuorum, "signatures")),
        ),
        (
            "a heavy member joins with three old ones",
            joining(1000),
            vec!["bank", "kingdee", "auditor", "tencent"],
            None,
        ),
        ("the member that leaves need not agree", remove("tencent"), vec!["auditor", "kingdee", "tax-bureau"], None),
        (
            "the member that leaves counts for the old roster only",
            remove("tencent"),
            vec!["auditor", "kingdee", "tencent"],
            Some((Code::ChainChangeNewQuorum, "signatures")),
        ),
    ]
}

#[test]
fn a_change_takes_both_quorums_and_every_new_key() {
    for (what, change, keys, refused) in decisions() {
        let expected = refused.map_or(Ok(()), |(code, path)| Err((code, path.to_owned())));
        assert_eq!(decided(&change, &keys), expected, "{what}");
    }
}

/// Changes that can't be made, whoever signs.
fn impossible() -> Vec<(&'static str, Change, u64, Code, &'static str)> {
    vec![
        ("a stranger's key", rotate("bank", "bank"), 9, Code::ChainChangeMemberUnknown, "change.rotate.member"),
        ("the key it has", rotate("tencent", "tencent"), 9, Code::ChainChangeKeyKnown, "change.rotate.key"),
        ("another's key", rotate("tencent", "kingdee"), 9, Code::ChainChangeKeyKnown, "change.rotate.key"),
        ("a known name", add("tencent", "bank", 1), 9, Code::ChainChangeMemberKnown, "change.add.member"),
        ("a known key", add("bank", "tencent", 1), 9, Code::ChainChangeKeyKnown, "change.add.key"),
        ("no power", add("bank", "bank", 0), 9, Code::ChainChangePower, "change.add.power"),
        ("too much power", add("bank", "bank", 1 << 53), 9, Code::ChainChangePower, "change.add.power"),
        ("a stranger leaves", remove("bank"), 9, Code::ChainChangeMemberUnknown, "change.remove.member"),
        ("from the height of the one before", remove("tencent"), 5, Code::ChainChangeFrom, "from"),
    ]
}

fn at_five() -> Roster {
    roster(5, &[("auditor", 1), ("kingdee", 1), ("tax-bureau", 1), ("tencent", 1)])
}

#[test]
fn changes_that_break_a_rule_are_refused_with_their_place() {
    for (what, change, from, code, path) in impossible() {
        let fault = next_roster(&at_five(), &change, from).unwrap_err();
        assert_eq!((fault.code, fault.path.as_str()), (code, path), "{what}");
    }
    let far = next_roster(&at_five(), &remove("tencent"), 1 << 53).unwrap_err();
    assert_eq!(far.code, Code::ChainNumberRange);
}

#[test]
fn a_roster_keeps_one_member_and_takes_sixty_four() {
    let one = roster(0, &[("kingdee", 1)]);
    let fault = next_roster(&one, &remove("kingdee"), 1).unwrap_err();
    assert_eq!((fault.code, fault.path.as_str()), (Code::ChainChangeCount, "change"));
    let mut full = one;
    for nth in 1..64 {
        full = next_roster(&full, &add(&format!("m{nth}"), &format!("m{nth}"), 1), nth).unwrap();
    }
    assert_eq!(full.members().len(), 64);
    assert_eq!(next_roster(&full, &add("one-more", "one-more", 1), 99).unwrap_err().code, Code::ChainChangeCount);
    assert!(next_roster(&full, &rotate("m7", "other"), 99).is_ok());
}

#[test]
fn a_signed_change_can_not_be_used_for_anything_else() {
    let (prev, change) = (founders(), rotate("tencent", "tencent-2"));
    let new = next_roster(&prev, &change, 9).unwrap();
    let text = change_text(&prev, &new, &change).unwrap();
    let signatures = sign(&text, &["auditor", "kingdee", "tax-bureau", "tencent-2"]);
    let code = |prev: &Roster, new: &Roster, text: &str| check_change(prev, new, text, &signatures).unwrap_err().code;
    let later = next_roster(&prev, &change, 10).unwrap();
    let later_text = change_text(&prev, &later, &change).unwrap();
    assert_eq!(code(&prev, &later, &text), Code::ChainChangeStatement, "another height");
    assert_eq!(code(&prev, &later, &later_text), Code::ChainChangeSignatureBad, "another text");
    let heavier = roster(0, &[("auditor", 1), ("kingdee", 1), ("tax-bureau", 1), ("tencent", 2)]);
    let of_heavier = next_roster(&heavier, &change, 9).unwrap();
    assert_eq!(code(&heavier, &of_heavier, &text), Code::ChainChangeStatement, "another roster before");
    assert_eq!(code(&prev, &prev, &text), Code::ChainChangeStatement, "no change at all");
    let other_chain = Roster::new("test".try_into().unwrap(), 0, prev.members().to_vec()).unwrap();
    let of_other = next_roster(&other_chain, &change, 9).unwrap();
    assert_eq!(code(&other_chain, &of_other, &text), Code::ChainChangeStatement, "another chain");
    for other in [text.replace("change_roster", "change_rules"), text.replace(r#""v":1"#, r#""v":2"#), "{}".to_owned()]
    {
        assert_eq!(code(&prev, &new, &other), Code::ChainChangeStatement, "{other}");
    }
    assert_eq!(code(&prev, &new, &format!("{text}\n")), Code::ChainNotCanonical);
}

#[test]
fn the_other_s_and_a_seal_of_the_same_text_are_no_signatures() {
    let (prev, change) = (founders(), remove("tencent"));
    let new = next_roster(&prev, &change, 9).unwrap();
    let text = change_text(&prev, &new, &change).unwrap();
    let good = sign(&text, &["auditor", "kingdee", "tax-bureau"]);
    let with_second = |signature| {
        let mut signatures = good.clone();
        signatures[1].signature = signature;
        check_change(&prev, &new, &text, &signatures).map_err(|fault| (fault.code, fault.path))
    };
    assert_eq!(with_second(good[1].signature), Ok(()));
    let bad = Err((Code::ChainChangeSignatureBad, "signatures[1].signature".to_owned()));
    assert_eq!(with_second(other_s(good[1].signature)), bad);
    assert_eq!(with_second(seal_key("kingdee").sign(&text).unwrap()), bad, "signed as a vote is");
    assert_eq!(with_second(SealSignature([0; 64])), bad);
}

fn other_s(SealSignature(low): SealSignature) -> SealSignature {
    let mut padded = [27; 65];
    padded[..64].copy_from_slice(&low);
    SealSignature(high_s(padded).0[..64].try_into().unwrap())
}

#[test]
fn changes_are_read_from_objects_only() {
    let change: Change = serde_json::from_value(json!({"remove": {"member": "tencent"}})).unwrap();
    assert_eq!(change, remove("tencent"));
    let key = seal_key("tencent-2").public();
    for bad in [
        json!({"remove": ["tencent"]}),
        json!({"rotate": ["tencent", key]}),
        json!({"remove": {"member": "tencent", "from": 3}}),
        json!({"remove": {"member": "tencent"}, "rotate": {"member": "tencent", "key": key}}),
        json!({"replace": {"member": "tencent"}}),
        json!("remove"),
    ] {
        assert!(serde_json::from_value::<Change>(bad.clone()).is_err(), "{bad}");
    }
}

/// Twenty rosters after the founders, each in force for two blocks: keys rotate, an auditor comes and goes.
struct Walk {
    rosters: Vec<Roster>,
    /// All that each member ever sealed with, by member.
    keys: std::collections::BTreeMap<String, Vec<String>>,
    /// Receipts of the one entry of each block, by height from 1.
    receipts: Vec<Receipt>,
}

/// The roster in force at a height, by position: roster n counts from height 2n.
fn in_force(height: u64) -> usize {
    usize::try_from(height / 2).unwrap().min(20)
}

fn seals_by(roster: &Roster, header: &str, keys: &[SealKey]) -> Vec<Seal> {
    let height = Header::from_text(header).unwrap().height;
    let member_of = |key: &SealKey| roster.members().iter().find(|member| member.key == key.public()).cloned();
    let seal = |(key, Member { name, .. }): (&SealKey, Member)| {
        key.seal(&name, &chain(), height, 0, &header_hash(header)).unwrap()
    };
    keys.iter().filter_map(|key| Some((key, member_of(key)?))).map(seal).collect()
}

fn every_key(walk: &Walk) -> Vec<SealKey> {
    walk.keys.values().flatten().map(|key| seal_key(key)).collect()
}

fn walk() -> Walk {
    let mut walk = Walk { rosters: vec![founders()], keys: Default::default(), receipts: vec![] };
    for member in founders().members() {
        walk.keys.insert(member.name.to_string(), vec![member.name.to_string()]);
    }
    for nth in 1..=20_u64 {
        let prev = walk.rosters.last().unwrap().clone();
        let member = match nth {
            8 | 12 => "auditor",
            11 => "kingdee",
            _ => ["tencent", "kingdee", "tax-bureau", "auditor"][usize::try_from(nth % 4).unwrap()],
        };
        let key = format!("{member}-{nth}");
        let change = match nth {
            8 => remove("auditor"),
            12 => add("auditor", &key, 1),
            _ => rotate(member, &key),
        };
        let new = next_roster(&prev, &change, 2 * nth).unwrap();
        if nth != 8 {
            walk.keys.get_mut(member).unwrap().push(key);
        }
        // Each change is signed by all that are in either roster.
        let text = change_text(&prev, &new, &change).unwrap();
        let signers = every_key(&walk)
            .into_iter()
            .filter(|key| prev.members().iter().chain(new.members()).any(|member| member.key == key.public()));
        let signatures: Vec<MemberSignature> = signers.map(|key| key.sign_statement(&text).unwrap()).collect();
        assert_eq!(check_change(&prev, &new, &text, &signatures), Ok(()), "{nth}");
        walk.rosters.push(new);
    }
    seal_blocks(&mut walk);
    walk
}

/// Blocks 1 to 42 with one entry each, and their receipts.
fn seal_blocks(walk: &mut Walk) {
    let keys = every_key(walk);
    let mut edge = Edge::empty();
    let mut prev = Header {
        v: Edition::First,
        state: None,
        ..Header::genesis(&walk.rosters[0], UnixMs(START), name("tax-bureau"))
    };
    let mut store = crate::tree::Memory::default();
    for height in 1..=42_u64 {
        let entry = entry(height - 1);
        store.put(&edge.append(&[leaf_hash(&entry)]));
        let header = Header {
            height,
            prev: prev.hash().unwrap(),
            size: edge.size(),
            root: edge.root(),
            members: walk.rosters[in_force(height)].hash(),
            next_members: walk.rosters[in_force(height + 1)].hash(),
            ..prev.clone()
        };
        header.follows(&prev).unwrap();
        let text = header.to_text().unwrap();
        let index = height - 1;
        walk.receipts.push(Receipt {
            v: Edition::First,
            state: None,
            chain: chain(),
            entry,
            index,
            proof: piaolian::chain::Prover::new(&store, edge.size()).inclusion(index).unwrap(),
            seals: seals_by(&walk.rosters[in_force(height)], &text, &keys),
            header: text,
        });
        prev = header;
    }
}

/// An entry of version 2 with the draft of a red letter.
fn entry(index: u64) -> String {
    let mut draft = crate::scene::draft();
    draft["v"] = json!(2);
    let mut entry = issued(index, START, &draft, &issuer());
    (entry["v"], entry["seq"]) = (json!(2), json!(index + 1));
    to_canonical(&entry).unwrap()
}

fn verdict(receipt: &Receipt, rosters: &[Roster]) -> (&'static str, String) {
    let verdict = verify_receipt(receipt, rosters, None);
    (verdict.code.as_str(), verdict.field)
}

#[test]
fn receipts_of_every_roster_verify_for_ever_with_the_list() {
    let walk = walk();
    assert_eq!(walk.rosters.len(), 21);
    let upside_down: Vec<Roster> = walk.rosters.iter().rev().cloned().collect();
    for (receipt, height) in walk.receipts.iter().zip(1..) {
        assert_eq!(verdict(receipt, &walk.rosters).0, "VALID", "{height}");
        assert_eq!(verdict(receipt, &upside_down).0, "VALID", "{height}: the order of the list means nothing");
        let own = in_force(height);
        assert_eq!(receipt.seals.len(), walk.rosters[own].members().len());
        // With the lists of all times before: unknown, and never anything else.
        assert_eq!(verdict(receipt, &walk.rosters[..own]).0, "ROSTER_UNKNOWN", "{height}");
        assert_eq!(verdict(receipt, &walk.rosters[..=own]).0, "VALID", "{height}");
        assert_eq!(verdict(receipt, &walk.rosters[own + 1..]).0, "ROSTER_UNKNOWN", "{height}");
    }
}

/// The receipt of a height, its header naming another roster and sealed by the keys of another.
fn resealed(walk: &Walk, height: u64, named: usize, keys_of: usize) -> Receipt {
    let receipt = walk.receipts[usize::try_from(height).unwrap() - 1].clone();
    let mut header = Header::from_text(&receipt.header).unwrap();
    header.members = walk.rosters[named].hash();
    let header = header.to_text().unwrap();
    Receipt { seals: seals_by(&walk.rosters[keys_of], &header, &every_key(walk)), header, ..receipt }
}

#[test]
fn new_receipts_are_good_under_the_new_roster_only() {
    let walk = walk();
    for nth in 1..=20_usize {
        let height = 2 * u64::try_from(nth).unwrap();
        let old_keys = resealed(&walk, height, nth, nth - 1);
        let (code, field) = verdict(&old_keys, &walk.rosters);
        match nth {
            // The auditor has left, so its seal is a stranger's. Where it comes back, the three others are a quorum of the four.
            8 => assert_eq!((code, field.as_str()), ("SEAL_STRANGER", "seals[0].member")),
            12 => assert_eq!(code, "VALID"),
            _ => assert!((code, field.ends_with(".signature")) == ("SEAL_BAD", true), "{nth}: {code} at {field}"),
        }
        // Whole: the old roster named and sealed by its own quorum. It was good one height before.
        let old_roster = resealed(&walk, height, nth - 1, nth - 1);
        let superseded = ("ROSTER_SUPERSEDED", "header.members".to_owned());
        assert_eq!(verdict(&old_roster, &walk.rosters), superseded, "{nth}");
        assert_eq!(verdict(&old_roster, &walk.rosters[..nth]).0, "VALID", "{nth}: to whoever has not heard of it");
        assert_eq!(verdict(&resealed(&walk, height - 1, nth - 1, nth - 1), &walk.rosters).0, "VALID", "{nth}");
        // Too early: the new roster does not count yet.
        let early = verdict(&resealed(&walk, height - 1, nth, nth), &walk.rosters);
        assert_eq!(early, ("ROSTER_UNKNOWN", "header.members".to_owned()), "{nth}");
    }
}

fn decision_rows() -> Vec<Value> {
    let prev = founders();
    let row = |(what, change, keys, refused): (&str, Change, Vec<&str>, Option<(Code, &str)>)| {
        let new = next_roster(&prev, &change, 9).unwrap();
        let text = change_text(&prev, &new, &change).unwrap();
        let secrets: Vec<String> = keys.iter().map(|key| hex::encode(secret(key).expose())).collect();
        let mut row = json!({
            "what": what, "prev": prev.text(), "roster": new.text(), "statement": text,
            "statement_hash": statement_hash(&text), "secrets": secrets, "signatures": sign(&text, &keys),
        });
        if let Some((code, _)) = refused {
            row["code"] = json!(code.as_str());
        }
        row
    };
    let mut rows: Vec<Value> = decisions().into_iter().map(row).collect();
    let mut high = rows[0].clone();
    let mut signatures: Vec<MemberSignature> = serde_json::from_value(high["signatures"].take()).unwrap();
    signatures[1].signature = other_s(signatures[1].signature);
    (high["what"], high["code"]) = (json!("a high s"), json!(Code::ChainChangeSignatureBad.as_str()));
    high["signatures"] = json!(signatures);
    rows.push(high);
    rows
}

fn issuer_rotation_row() -> Value {
    let [old, new] =
        ["M00000001", "M00000001-2"].map(|key| piaolian::chain::IssuerKey::from_secret(&secret(key)).unwrap());
    let merchant = piaolian::base::ids::MerchantId::nth(1).unwrap();
    let text = rotation_text(&chain(), &merchant, &old.address(), &new.address()).unwrap();
    json!({
        "text": text, "old": old.address(), "new": new.address(),
        "old_signature": old.sign(&text), "new_signature": new.sign(&text),
    })
}

#[test]
fn rotations() {
    let leaves: Vec<Hash> = ["0", "1", "2"].map(leaf_hash).into();
    let running: Vec<Hash> = leaves
        .iter()
        .scan(Hash::ZERO, |running, leaf| {
            *running = running_hash(running, leaf);
            Some(*running)
        })
        .collect();
    let salt = secret("salt");
    let identity = "91440300MA5XXXXX1A 票";
    let impossible: Vec<Value> = impossible()
        .into_iter()
        .filter(|(_, change, ..)| !matches!(change, Change::Add { power, .. } if *power >= 1 << 53))
        .map(|(what, change, from, code, _)| {
            json!({"what": what, "prev": at_five().text(), "change": change, "from": from, "code": code.as_str()})
        })
        .collect();
    golden(
        "rotation.json",
        &json!({
            "running": {"leaf_texts": ["0", "1", "2"], "hashes": running},
            "holder": {"salt": hex::encode(salt.expose()), "identity": identity,
                       "hash": holder_hash(salt.expose(), identity)},
            "changes": decision_rows(),
            "impossible": impossible,
            "issuer": issuer_rotation_row(),
        }),
    );
}
