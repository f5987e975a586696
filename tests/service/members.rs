//! The members' roster over HTTP: keys rotate, members come and go, old receipts verify for ever; and a restored ledger goes on record.

use piaolian::base::Secret;
use piaolian::chain::{MemberKey, Roster, SealKey, verify_receipt_json};
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::samples::{CONSULTANT, draft};
use crate::test_app::TestApp;

fn change(app: &TestApp, once: &str, body: &Value) -> Ask {
    Ask::post("/v1/roster/changes").by(&app.bureau).once(once).json(body)
}

/// Asks twice; the answers are the same bytes, and only the first made an entry.
async fn twice(app: &TestApp, ask: Ask) -> Answer {
    let ask = ask.header("X-Request-Id", "same");
    let first = app.ask(ask.clone()).await.expect(201);
    let checkpoint = app.checkpoint().await;
    assert_eq!(app.ask(ask).await.expect(201), first);
    assert_eq!(app.checkpoint().await, checkpoint);
    first
}

async fn in_force(app: &TestApp) -> Roster {
    Roster::from_text(app.ask(Ask::get("/v1/roster")).await.expect(200).text()).unwrap()
}

async fn rosters(app: &TestApp) -> Vec<Roster> {
    let answer = app.ask(Ask::get("/v1/rosters")).await.expect(200);
    let texts: Vec<Box<serde_json::value::RawValue>> = serde_json::from_slice(&answer.body).unwrap();
    texts.iter().map(|text| Roster::from_text(text.get()).unwrap()).collect()
}

fn key_of(roster: &Roster, member: &str) -> MemberKey {
    roster.member(&member.try_into().unwrap()).unwrap().key
}

fn seal_files(app: &TestApp) -> usize {
    let files = std::fs::read_dir(app.keys()).unwrap().map(Result::unwrap);
    files.filter(|file| file.file_name().to_string_lossy().starts_with("seal-")).count()
}

#[actix_web::test]
async fn a_members_key_is_rotated_and_old_receipts_verify_for_ever() {
    let mut app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let before = app.issue(&merchant, "k1", &draft(100)).await.expect(201).json()["receipt"].clone();
    let founders = in_force(&app).await;
    let height = app.checkpoint().await["height"].as_u64().unwrap();
    let rotated = twice(&app, change(&app, "c1", &json!({"change": {"rotate": {"member": "tencent"}}}))).await.json();
    assert_eq!(seal_files(&app), 4, "one new key, made once");
    assert_eq!(rotated["roster"]["from_height"], height + 2, "the next block but one");
    assert!(app.verdict(&rotated["receipt"]).is_valid());
    assert_eq!(in_force(&app).await, founders, "not yet");
    let known = rosters(&app).await;
    assert_eq!(known.len(), 2);
    assert_eq!(rotated["roster"]["hash"], known[1].hash().to_string());
    assert_ne!(key_of(&known[1], "tencent"), key_of(&founders, "tencent"));
    let after = app.issue(&merchant, "k2", &draft(100)).await.expect(201).json()["receipt"].clone();
    assert_eq!(in_force(&app).await, known[1]);
    let verdict =
        |receipt: &Value, rosters: &[Roster]| verify_receipt_json(receipt.to_string().as_bytes(), rosters, None);
    assert!(verdict(&before, &known[..1]).is_valid() && verdict(&before, &known).is_valid());
    assert!(verdict(&after, &known).is_valid());
    assert!(!verdict(&after, &known[..1]).is_valid(), "under the old roster alone the new seals count for nothing");
    // A new start finds the new key.
    app.restart().await;
    app.issue(&merchant, "k3", &draft(100)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn members_join_and_leave() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let add = json!({"change": {"add": {"member": "auditor", "power": 1}}});
    twice(&app, change(&app, "c1", &add)).await;
    app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    assert_eq!(in_force(&app).await.members().len(), 4);
    let from = app.checkpoint().await["height"].as_u64().unwrap() + 5;
    let remove = json!({"change": {"remove": {"member": "kingdee"}}, "from": from});
    let removed = twice(&app, change(&app, "c2", &remove)).await.json();
    assert_eq!(removed["roster"]["from_height"], from);
    for n in 0..5 {
        app.issue(&merchant, &format!("n{n}"), &draft(100)).await.expect(201);
    }
    let names: Vec<_> = in_force(&app).await.members().iter().map(|member| member.name.to_string()).collect();
    assert_eq!(names, ["auditor", "tax-bureau", "tencent"]);
    app.finish().await;
}

#[actix_web::test]
async fn changes_that_can_not_be_are_refused_and_make_no_key() {
    let app = TestApp::new().await;
    let height = app.checkpoint().await["height"].as_u64().unwrap();
    let key = key_of(&in_force(&app).await, "tencent");
    let stranger = SealKey::from_secret(&Secret::new([7; 32])).unwrap();
    for (body, status, code, path) in [
        (
            json!({"change": {"rotate": {"member": "nobody"}}}),
            422,
            "CHAIN-CHANGE-MEMBER-UNKNOWN",
            "change.rotate.member",
        ),
        (
            json!({"change": {"remove": {"member": "nobody"}}}),
            422,
            "CHAIN-CHANGE-MEMBER-UNKNOWN",
            "change.remove.member",
        ),
        (
            json!({"change": {"add": {"member": "tencent", "power": 1}}}),
            422,
            "CHAIN-CHANGE-MEMBER-KNOWN",
            "change.add.member",
        ),
        (
            json!({"change": {"rotate": {"member": "kingdee", "key": key}}}),
            422,
            "CHAIN-CHANGE-KEY-KNOWN",
            "change.rotate.key",
        ),
        (json!({"change": {"remove": {"member": "tencent"}}, "from": 0}), 422, "CHAIN-CHANGE-FROM", "from"),
        (json!({"change": {"remove": {"member": "tencent"}}, "from": height + 1}), 409, "LEDGER-HEIGHT-PAST", "from"),
        (json!({"change": {"remove": {"member": "tencent", "key": key}}}), 400, "HTTP-SHAPE-WRONG", "change"),
        (
            json!({"change": {"add": {"member": "auditor", "key": stranger.public(), "power": 1}}}),
            422,
            "CHAIN-CHANGE-NEW-KEY-UNSIGNED",
            "signatures",
        ),
        // Nothing could be sealed here any more: the chain would stand still.
        (
            json!({"change": {"add": {"member": "auditor", "key": stranger.public(), "power": 9}}}),
            503,
            "SEQ-SEAL-KEYS-MISSING",
            "change",
        ),
    ] {
        let answer = app.ask(change(&app, "c1", &body)).await;
        let problem = answer.json();
        let found = (answer.status, problem["code"].as_str().unwrap(), problem["errors"][0]["path"].as_str().unwrap());
        if code == "HTTP-SHAPE-WRONG" {
            assert_eq!((found.0, found.1), (status, code), "{body}: {problem:#}");
        } else {
            assert_eq!(found, (status, code, path), "{body}: {problem:#}");
        }
    }
    assert_eq!((rosters(&app).await.len(), seal_files(&app)), (1, 3));
    let merchant = app.register(CONSULTANT).await;
    for key in [&merchant.key, &app.auditor] {
        let remove = json!({"change": {"remove": {"member": "tencent"}}});
        let forbidden = (403, "HTTP-ROLE-FORBIDDEN", "");
        app.refuses(Ask::post("/v1/roster/changes").by(key).once("c1").json(&remove), forbidden).await;
        let draft = json!({"change": {"remove": {"member": "tencent"}}, "from": 9});
        app.refuses(Ask::post("/v1/roster/change-draft").by(key).json(&draft), forbidden).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_member_with_its_key_elsewhere_signs_the_statement_itself() {
    let app = TestApp::new().await;
    let auditor = SealKey::from_secret(&Secret::new([7; 32])).unwrap();
    let from = app.checkpoint().await["height"].as_u64().unwrap() + 9;
    let body = json!({"change": {"add": {"member": "auditor", "key": auditor.public(), "power": 1}}, "from": from});
    let draft = Ask::post("/v1/roster/change-draft").by(&app.bureau).json(&body);
    let draft = app.ask(draft).await.expect(200).json();
    let signature = auditor.sign_statement(draft["text"].as_str().unwrap()).unwrap();
    let mut signed = body.clone();
    signed["signatures"] = json!([signature]);
    let changed = twice(&app, change(&app, "c1", &signed)).await.json();
    assert_eq!(changed["roster"], draft["roster"]);
    let keyless = json!({"change": {"add": {"member": "bank", "power": 1}}, "from": from + 1});
    let ask = Ask::post("/v1/roster/change-draft").by(&app.bureau).json(&keyless);
    app.refuses(ask, (400, "HTTP-SHAPE-WRONG", "change.add.key")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_ledger_that_was_not_restored_has_no_loss_to_record() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let restored = |key: &str| Ask::post("/v1/operations/restored").by(key).once("o1").json(&json!({"reason": "x"}));
    app.refuses(restored(&app.bureau), (409, "LEDGER-NOT-RESTORED", "")).await;
    for key in [&merchant.key, &app.auditor] {
        app.refuses(restored(key), (403, "HTTP-ROLE-FORBIDDEN", "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_restored_backup_goes_on_once_its_loss_is_on_record() {
    let mut app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    app.stop().await;
    let backup = app.database.duplicate();
    app.start().await.unwrap();
    let lost = app.issue(&merchant, "k2", &draft(200)).await.expect(201).json();
    let remembered = app.checkpoint().await;
    app.stop().await;
    app.database = backup;
    app.start().await.unwrap();
    let tip = app.checkpoint().await;
    let refused = app.issue(&merchant, "k3", &draft(300)).await.expect(503);
    assert_eq!(refused.code(), "SEQ-RESTORED");
    let why = |once: &str, reason: &str| {
        Ask::post("/v1/operations/restored").by(&app.bureau).once(once).json(&json!({"reason": reason}))
    };
    app.refuses(why("o1", ""), (422, "LEDGER-REASON-LENGTH", "reason")).await;
    let recorded = twice(&app, why("o1", "disk lost, backup of noon")).await.json();
    let entry: Value = serde_json::from_str(recorded["receipt"]["entry"].as_str().unwrap()).unwrap();
    let name = |block: &Value| json!({"height": block["height"], "hash": block["hash"]});
    assert_eq!((&entry["body"]["remembered"], &entry["body"]["tip"]), (&name(&remembered), &name(&tip)));
    app.refuses(why("o2", "again"), (409, "LEDGER-NOT-RESTORED", "")).await;
    // Commands are taken again; the number of the lost invoice is given out anew, and the record says why there are two.
    let anew = app.issue(&merchant, "k3", &draft(300)).await.expect(201).json();
    assert_eq!(anew["invoice"]["id"], lost["invoice"]["id"]);
    assert!(app.verdict(&lost["receipt"]).is_valid() && app.verdict(&anew["receipt"]).is_valid());
    app.restart().await;
    assert_eq!(app.ask(Ask::get("/readyz")).await.expect(200).json()["role"], "leading");
    app.finish().await;
}
