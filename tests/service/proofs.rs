//! What anyone may read to check us: checkpoint, blocks, rosters, inclusion and consistency.

use piaolian::chain::{Hash, Header, Roster, header_hash, verify_consistency, verify_inclusion};
use serde_json::Value;

use crate::ask::Ask;
use crate::samples::{CONSULTANT, draft};
use crate::test_app::TestApp;

fn hash(value: &Value) -> Hash {
    serde_json::from_value(value.clone()).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    serde_json::from_value(value.clone()).unwrap()
}

async fn with_entries(entries: u64) -> TestApp {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for n in 1..entries {
        app.issue(&merchant, &format!("k{n}"), &draft(100)).await.expect(201);
    }
    app
}

#[actix_web::test]
async fn every_entry_is_proved_in_every_later_tree() {
    let app = with_entries(7).await;
    for size in 1..=7 {
        for index in 0..size {
            let proof = app
                .ask(Ask::get(format!("/v1/proofs/inclusion?index={index}&size={size}")).by(&app.auditor))
                .await
                .expect(200)
                .json();
            let (leaf, root) = (hash(&proof["leaf"]), hash(&proof["root"]));
            let path = hashes(&proof["proof"]);
            assert!(verify_inclusion(&leaf, index, size, &path, &root), "{index} in {size}");
            let block = app.ask(Ask::get(format!("/v1/blocks/{size}"))).await.expect(200).json();
            let header = Header::from_text(block["header"].as_str().unwrap()).unwrap();
            assert_eq!((header.size, header.root), (size, root));
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn every_tree_is_proved_to_be_the_beginning_of_every_later_one() {
    let app = with_entries(7).await;
    for to in 0..=7 {
        for from in 0..=to {
            let ask = Ask::get(format!("/v1/proofs/consistency?from={from}&to={to}"));
            let proof = app.ask(ask).await.expect(200).json();
            let (old, new) = (hash(&proof["from_root"]), hash(&proof["to_root"]));
            assert!(verify_consistency(from, to, &old, &new, &hashes(&proof["proof"])), "{from} to {to}");
            if from != to && from != 0 {
                assert!(!verify_consistency(from, to, &new, &new, &hashes(&proof["proof"])), "{from} to {to}");
            }
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_size_left_out_is_the_newest() {
    let app = with_entries(3).await;
    let inclusion = app.ask(Ask::get("/v1/proofs/inclusion?index=0").by(&app.auditor)).await.expect(200).json();
    let consistency = app.ask(Ask::get("/v1/proofs/consistency?from=1")).await.expect(200).json();
    assert_eq!((&inclusion["size"], &consistency["to"]), (&3.into(), &3.into()));
    app.finish().await;
}

#[actix_web::test]
async fn blocks_follow_one_another_and_are_sealed_by_a_quorum_of_the_roster() {
    let app = with_entries(3).await;
    let text = app.ask(Ask::get("/v1/roster")).await.expect(200);
    let roster = Roster::from_text(text.text()).unwrap();
    let all = app.ask(Ask::get("/v1/rosters")).await.expect(200);
    assert_eq!(all.text(), format!("[{}]", roster.text()));
    assert_eq!(roster.hash(), app.roster().hash());
    let mut before: Option<Header> = None;
    for height in 0..=3 {
        let block = app.ask(Ask::get(format!("/v1/blocks/{height}"))).await.expect(200).json();
        let text = block["header"].as_str().unwrap();
        let header = Header::from_text(text).unwrap();
        assert_eq!(hash(&block["hash"]), header_hash(text));
        if let Some(before) = before {
            header.follows(&before).unwrap();
        }
        let mut power = 0;
        for seal in block["seals"].as_array().unwrap() {
            let seal: piaolian::chain::Seal = serde_json::from_value(seal.clone()).unwrap();
            let member = roster.member(&seal.member).unwrap();
            seal.verify(roster.chain(), height, &header_hash(text), &member.key).unwrap();
            power += u128::from(member.power);
        }
        assert!(roster.quorum_reached(power));
        before = Some(header);
    }
    let checkpoint = app.checkpoint().await;
    assert_eq!(checkpoint["height"], 3);
    app.finish().await;
}

#[actix_web::test]
async fn an_empty_chain_has_a_sealed_genesis_block_and_no_entry_to_prove() {
    let app = TestApp::new().await;
    let checkpoint = app.checkpoint().await;
    assert_eq!((&checkpoint["height"], &checkpoint["size"]), (&0.into(), &0.into()));
    let ask = Ask::get("/v1/proofs/inclusion?index=0").by(&app.auditor);
    app.refuses(ask, (400, "HTTP-QUERY-MALFORMED", "index")).await;
    app.ask(Ask::get("/v1/proofs/consistency?from=0")).await.expect(200);
    app.finish().await;
}
