//! Golden evidence files: every kind of contradiction, and what must not pass for one.

use piaolian::base::UnixMs;
use piaolian::chain::evidence::{Evidence, SealedHeader, Voucher, verify_evidence_json};
use piaolian::chain::{Edge, Edition, Hash, Header, Roster, keccak256, leaf_hash};
use serde_json::{Value, json};

use crate::golden::golden;
use crate::scene::{CHAIN, START, name, roster, seals};

const QUORUM: [&str; 3] = ["auditor", "kingdee", "tencent"];

fn founders() -> Roster {
    roster(0, &[("auditor", 1), ("kingdee", 1), ("tax-bureau", 1), ("tencent", 1)])
}

fn successors() -> Roster {
    roster(4, &[("auditor", 1), ("bank", 1), ("kingdee", 1), ("tencent", 1)])
}

/// A header with twice as many entries as its height; neighbours are not linked unless a case links them.
fn header(height: u64) -> Header {
    let mut edge = Edge::empty();
    edge.append(&(0..height * 2).map(|index| leaf_hash(&index.to_string())).collect::<Vec<_>>());
    Header {
        height,
        prev: keccak256(format!("header {height}")),
        size: edge.size(),
        root: edge.root(),
        time: UnixMs(START + 1_000 * i64::try_from(height).unwrap()),
        state: Some(keccak256(format!("state {height}"))),
        ..Header::genesis(&founders(), UnixMs(START), name("tencent"))
    }
}

fn sealed(header: &Header, members: &[&str]) -> SealedHeader {
    let text = header.to_text().unwrap();
    SealedHeader { seals: seals(&text, 0, members), header: text, vouchers: Vec::new() }
}

fn about(one: SealedHeader, other: SealedHeader) -> Value {
    serde_json::to_value(Evidence::of(one, other).unwrap().unwrap()).unwrap()
}

fn with(file: &Value, path: &str, value: Value) -> Value {
    let mut file = file.clone();
    *file.pointer_mut(path).unwrap() = value;
    file
}

fn contradictions() -> Vec<(&'static str, Header, Header)> {
    let (low, high) = (header(3), header(5));
    let next = Header { prev: low.hash().unwrap(), ..header(4) };
    let naming = Header { next_members: successors().hash(), ..low.clone() };
    let unnamed = Header { prev: naming.hash().unwrap(), ..next.clone() };
    vec![
        ("same_height", low.clone(), Header { time: UnixMs(START + 9_000), ..low.clone() }),
        ("same_prev", low.clone(), Header { prev: low.prev, ..high.clone() }),
        ("link", low.clone(), Header { prev: keccak256("x"), ..next }),
        ("members", naming, unnamed),
        ("same_size", low.clone(), Header { size: low.size, root: keccak256("x"), ..high.clone() }),
        ("state", low.clone(), Header { size: low.size, root: low.root, ..high.clone() }),
        ("size", low.clone(), Header { size: low.size - 1, ..high.clone() }),
        ("time", low.clone(), Header { time: UnixMs(START), ..high.clone() }),
        ("version", low, Header { v: Edition::First, state: None, ..high }),
    ]
}

/// After the roster has changed, with the header that names the new one.
fn vouched() -> Value {
    let before = sealed(&Header { next_members: successors().hash(), ..header(3) }, &QUORUM);
    let voucher = Voucher { roster: successors().text().to_owned(), header: before.header, seals: before.seals };
    let late = Header { members: successors().hash(), next_members: successors().hash(), ..header(7) };
    let side = |header: &Header| SealedHeader {
        vouchers: vec![voucher.clone()],
        ..sealed(header, &["bank", "kingdee", "tencent"])
    };
    about(side(&late), side(&Header { root: keccak256("x"), ..late.clone() }))
}

fn unproven(consistency: Option<Vec<Hash>>) -> Value {
    let (first, second) = (sealed(&header(3), &QUORUM), sealed(&header(5), &QUORUM));
    serde_json::to_value(Evidence::unproven(CHAIN.try_into().unwrap(), first, second, consistency)).unwrap()
}

fn files() -> Vec<(String, Value)> {
    let mut files: Vec<(String, Value)> = contradictions()
        .into_iter()
        .map(|(kind, one, other)| (kind.to_owned(), about(sealed(&one, &QUORUM), sealed(&other, &QUORUM))))
        .collect();
    let (_, fork) = files[0].clone();
    let (_, apart) = files[6].clone();
    let other = Header { time: UnixMs(START + 9_000), ..header(3) };
    let few = serde_json::to_value(sealed(&other, &QUORUM[..2])).unwrap();
    let strange = serde_json::to_value(seals(&other.to_text().unwrap(), 0, &["bank", "kingdee", "tencent"])).unwrap();
    let vouched = vouched();
    let proof: Vec<Hash> = {
        let leaf = |index: u64| leaf_hash(&index.to_string());
        let pair = |index| piaolian::chain::node_hash(&leaf(index), &leaf(index + 1));
        let four = piaolian::chain::node_hash(&pair(0), &pair(2));
        vec![pair(4), pair(6), four, pair(8)]
    };
    let mut bare = vouched.clone();
    bare["second"].as_object_mut().unwrap().remove("vouchers");
    let turned = with(&with(&apart, "/first", apart["second"].clone()), "/second", apart["first"].clone());
    let mut more = json!({"v": 1});
    more.as_object_mut().unwrap().extend(fork.as_object().unwrap().clone());
    more["x"] = json!(1);
    files.extend(
        [
            ("a quorum of the second roster, vouched for", vouched.clone()),
            ("no proof was given", unproven(None)),
            ("the proof that was given does not hold", unproven(Some(vec![keccak256("x")]))),
            ("an unknown member", more),
            ("a kind that does not hold", with(&fork, "/kind", json!("time"))),
            ("the higher header first", turned),
            ("one header twice", with(&fork, "/second", fork["first"].clone())),
            ("quorum minus one", with(&fork, "/second", few)),
            ("a stranger's seal", with(&fork, "/second/seals", strange)),
            ("the other header's seals", with(&fork, "/second/seals", fork["first"]["seals"].clone())),
            ("another chain", with(&fork, "/chain", json!("other"))),
            ("a voucher on one side only", bare),
            ("a voucher for another roster", with(&vouched, "/first/vouchers/0/roster", json!(founders().text()))),
            ("no consistency dressed as equivocation", with(&unproven(None), "/evidence", json!("equivocation"))),
            ("equivocation said to be unproven", with(&fork, "/evidence", json!("unproven"))),
            ("the consistency proof holds", unproven(Some(proof))),
        ]
        .map(|(case, file)| (case.to_owned(), file)),
    );
    files
}

#[test]
fn evidence_files() {
    let rosters = [founders()];
    let cases: Vec<Value> = files()
        .into_iter()
        .map(|(case, file)| {
            let file = file.to_string();
            let verdict = verify_evidence_json(file.as_bytes(), &rosters);
            json!({"case": case, "file": file, "verdict": verdict.code, "field": verdict.field})
        })
        .collect();
    let codes: Vec<&str> = cases.iter().map(|case| case["verdict"].as_str().unwrap()).collect();
    assert_eq!(codes[..10], ["EQUIVOCATION_PROVEN"; 10]);
    assert_eq!(codes[10..12], ["EVIDENCE_UNPROVEN"; 2]);
    assert_eq!(codes[12..], ["EVIDENCE_BAD"; 13]);
    let texts: Vec<&str> = rosters.iter().map(Roster::text).collect();
    golden("evidence.json", &json!({"rosters": texts, "cases": cases}));
}
