//! A merchant's standing over HTTP: suspended and resumed, its issuer key replaced and revoked; and rules that are announced.

use piaolian::base::Secret;
use piaolian::chain::{IssuerKey, keccak256};
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::samples::{CONSULTANT, RESTAURANT, draft};
use crate::test_app::{Merchant, TestApp, demo_merchant, issue};

fn of(merchant: &Merchant, what: &str) -> String {
    format!("/v1/merchants/{}/{what}", merchant.id)
}

fn by_bureau(app: &TestApp, path: String, once: &str, body: &Value) -> Ask {
    Ask::post(path).by(&app.bureau).once(once).json(body)
}

fn own_key(name: &str) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new(*keccak256(name).as_bytes())).unwrap()
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

async fn own_key_merchant(app: &TestApp) -> Merchant {
    let demo = demo_merchant(CONSULTANT);
    let mut body = json!(demo.seller);
    body["issuer"] = json!(own_key("first").address());
    let answer = app.ask(Ask::post("/v1/merchants").by(&app.bureau).once("own").json(&body)).await.expect(201).json();
    let id = answer["merchant"]["id"].as_str().unwrap();
    let key = app.new_key(&json!({"role": "merchant", "merchant": id, "label": "own"})).await;
    Merchant { id: id.try_into().unwrap(), key, demo }
}

/// Issues with a signature of the merchant's own.
async fn issue_signed(app: &TestApp, merchant: &Merchant, once: &str, key: &IssuerKey) -> Ask {
    let ask = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": draft(100)}));
    let text = app.ask(ask).await.expect(200).json()["text"].as_str().unwrap().to_owned();
    let body = json!({"draft": draft(100), "signature": key.sign(&text)});
    Ask::post("/v1/invoices").by(&merchant.key).once(once).json(&body)
}

async fn merchant_now(app: &TestApp, merchant: &Merchant) -> Value {
    app.ask(Ask::get(format!("/v1/merchants/{}", merchant.id)).by(&merchant.key)).await.expect(200).json()
}

#[actix_web::test]
async fn a_suspended_merchant_issues_nothing_until_it_is_resumed() {
    let app = TestApp::new().await;
    let registration = app.registration(&demo_merchant(CONSULTANT)).once(&format!("register-{CONSULTANT}"));
    let merchant = app.register(CONSULTANT).await;
    let registered = app.ask(registration.clone()).await.expect(201);
    let blue = app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    let reason = json!({"reason": "逾期未申报"});
    let suspend = |once: &str| by_bureau(&app, of(&merchant, "suspension"), once, &reason);
    let resume = |once: &str| by_bureau(&app, of(&merchant, "resumption"), once, &reason);
    app.refuses(resume("s0"), (409, "LEDGER-STANDING", "merchant")).await;
    let suspended = twice(&app, suspend("s1")).await.json();
    assert!(app.verdict(&suspended["receipt"]).is_valid());
    assert_eq!(merchant_now(&app, &merchant).await["suspended"], suspended["entry"]);
    app.refuses(suspend("s2"), (409, "LEDGER-STANDING", "merchant")).await;
    app.refuses(issue(&merchant, "k2", &draft(100)), (409, "LEDGER-MERCHANT-SUSPENDED", "merchant")).await;
    // What was answered is answered so again, and what was issued can be reversed.
    assert_eq!(app.issue(&merchant, "k1", &draft(100)).await.expect(201).body, blue.body);
    assert_eq!(app.ask(registration).await.expect(201).body, registered.body);
    let path = format!("/v1/invoices/{}/reversals", blue.json()["invoice"]["id"].as_str().unwrap());
    let red = Ask::post(path).by(&merchant.key).once("r1").json(&json!({"reason": "ISSUE_ERROR"}));
    app.ask(red).await.expect(201);
    twice(&app, resume("s3")).await;
    assert!(merchant_now(&app, &merchant).await.get("suspended").is_none());
    app.issue(&merchant, "k2", &draft(100)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn standing_is_the_bureaus_to_change_and_with_a_reason() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let reason = json!({"reason": "x"});
    for what in ["suspension", "resumption"] {
        for key in [&merchant.key, &app.auditor] {
            let ask = Ask::post(of(&merchant, what)).by(key).once("s1").json(&reason);
            app.refuses(ask, (403, "HTTP-ROLE-FORBIDDEN", "")).await;
        }
        for bad in ["", "a\nb", &"长".repeat(201)] {
            let ask = by_bureau(&app, of(&merchant, what), "s1", &json!({"reason": bad}));
            app.refuses(ask, (422, "LEDGER-REASON-LENGTH", "reason")).await;
        }
        let ask = by_bureau(&app, format!("/v1/merchants/M00000009/{what}"), "s1", &reason);
        app.refuses(ask, (404, "LEDGER-MERCHANT-UNKNOWN", "merchant")).await;
        let ask = by_bureau(&app, format!("/v1/merchants/M9/{what}"), "s1", &reason);
        app.refuses(ask, (400, "HTTP-QUERY-MALFORMED", "id")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_key_in_custody_is_replaced_by_another_one_there() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let before = app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    let old = merchant_now(&app, &merchant).await["issuer"].clone();
    let rotate = |once: &str| Ask::post(of(&merchant, "issuer")).by(&merchant.key).once(once).json(&json!({}));
    app.refuses(rotate("on-payment:1"), (422, "LEDGER-KEY-RESERVED", "")).await;
    let rotated = twice(&app, rotate("i1")).await.json();
    let new = merchant_now(&app, &merchant).await["issuer"].clone();
    assert_eq!(rotated["issuer"], new);
    assert_ne!(new, old);
    assert!(app.verdict(&rotated["receipt"]).is_valid());
    let after = app.issue(&merchant, "k2", &draft(100)).await.expect(201).json();
    assert_eq!(after["invoice"]["issuer"], new);
    // Old receipts verify for ever, and old answers stay.
    assert!(app.verdict(&before.json()["receipt"]).is_valid());
    assert_eq!(app.issue(&merchant, "k1", &draft(100)).await.expect(201).body, before.body);
    app.finish().await;
}

#[actix_web::test]
async fn a_merchants_own_key_is_replaced_by_a_statement_of_both() {
    let app = TestApp::new().await;
    let merchant = own_key_merchant(&app).await;
    let (first, second) = (own_key("first"), own_key("second"));
    let signed = issue_signed(&app, &merchant, "k1", &first).await;
    let before = app.ask(signed.clone()).await.expect(201);
    let path = format!("{}?new={}", of(&merchant, "issuer-rotation"), second.address());
    let text = app.ask(Ask::get(path).by(&merchant.key)).await.expect(200).json();
    assert_eq!((&text["old"], &text["new"]), (&json!(first.address().to_eip55()), &json!(second.address().to_eip55())));
    let text = text["text"].as_str().unwrap();
    let rotate = |once: &str, body: &Value| Ask::post(of(&merchant, "issuer")).by(&merchant.key).once(once).json(body);
    let whole = json!({
        "new": second.address(), "old_signature": first.sign(text), "new_signature": second.sign(text)
    });
    let mut swapped = whole.clone();
    swapped["new_signature"] = json!(first.sign(text));
    let mut alone = whole.clone();
    alone.as_object_mut().unwrap().remove("old_signature");
    for (body, refusal) in [
        (json!({}), (400, "HTTP-SHAPE-WRONG", "new")),
        (json!({"new": second.address()}), (400, "HTTP-SHAPE-WRONG", "new_signature")),
        (json!({"new_signature": second.sign(text)}), (400, "HTTP-SHAPE-WRONG", "new")),
        (alone, (422, "LEDGER-ISSUER-SIGNATURE-BAD", "old_signature")),
        (swapped, (422, "CHAIN-ROTATION-SIGNATURE-BAD", "new_signature")),
        (
            json!({"new": first.address(), "old_signature": first.sign(text), "new_signature": first.sign(text)}),
            (422, "CHAIN-ROTATION-SAME", "new"),
        ),
    ] {
        app.refuses(rotate("i1", &body), refusal).await;
    }
    let rotated = twice(&app, rotate("i1", &whole)).await.json();
    assert_eq!(rotated["issuer"], second.address().to_eip55());
    let bad = (422, "LEDGER-ISSUER-SIGNATURE-BAD", "signature");
    app.refuses(issue_signed(&app, &merchant, "k2", &first).await, bad).await;
    app.ask(issue_signed(&app, &merchant, "k2", &second).await).await.expect(201);
    // The first answer stays, though its signature is of a key that counts no more.
    assert_eq!(app.ask(signed).await.expect(201).body, before.body);
    // Never back to a key that has served.
    let path = format!("{}?new={}", of(&merchant, "issuer-rotation"), first.address());
    let text = app.ask(Ask::get(path).by(&app.bureau)).await.expect(200).json();
    let text = text["text"].as_str().unwrap();
    let back = json!({"new": first.address(), "old_signature": second.sign(text), "new_signature": first.sign(text)});
    app.refuses(rotate("i2", &back), (409, "LEDGER-ISSUER-USED", "new")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_revoked_key_signs_nothing_until_the_bureau_installs_another() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    let issuer = merchant_now(&app, &merchant).await["issuer"].as_str().unwrap().to_lowercase();
    let issuer = issuer.trim_start_matches("0x").to_owned();
    let revoke = |once: &str, issuer: &str| {
        let body = json!({"issuer": issuer, "reason": "stolen"});
        by_bureau(&app, of(&merchant, "issuer/revocation"), once, &body)
    };
    let install = |once: &str| by_bureau(&app, of(&merchant, "issuer"), once, &json!({}));
    app.refuses(install("i1"), (422, "LEDGER-ISSUER-SIGNATURE-BAD", "old_signature")).await;
    let other = own_key("other").address().to_string();
    app.refuses(revoke("v1", &other), (409, "LEDGER-ISSUER-OTHER", "issuer")).await;
    let revoked = twice(&app, revoke("v1", &issuer)).await.json();
    assert_eq!(merchant_now(&app, &merchant).await["issuer_revoked"], revoked["entry"]);
    app.refuses(revoke("v2", &issuer), (409, "LEDGER-ISSUER-REVOKED", "issuer")).await;
    app.refuses(issue(&merchant, "k2", &draft(100)), (409, "LEDGER-ISSUER-REVOKED", "issuer")).await;
    let own = Ask::post(of(&merchant, "issuer")).by(&merchant.key).once("i1").json(&json!({}));
    app.refuses(own, (409, "LEDGER-ISSUER-REVOKED", "")).await;
    let installed = twice(&app, install("i1")).await.json();
    let after = app.issue(&merchant, "k2", &draft(100)).await.expect(201).json();
    assert_eq!(after["invoice"]["issuer"], installed["issuer"]);
    assert!(merchant_now(&app, &merchant).await.get("issuer_revoked").is_none());
    app.finish().await;
}

#[actix_web::test]
async fn nobody_else_touches_a_merchants_key() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    let same = |ask: Ask| ask.header("X-Request-Id", "same");
    let missing = (404, "HTTP-NOT-FOUND", "");
    let rotate = |path: String, key: &str| same(Ask::post(path).by(key).once("i1").json(&json!({})));
    let text = |id: &str| format!("/v1/merchants/{id}/issuer-rotation?new={}", own_key("x").address());
    let foreign = app.refuses(rotate(of(&one, "issuer"), &two.key), missing).await;
    assert_eq!(app.refuses(rotate("/v1/merchants/M00000009/issuer".to_owned(), &two.key), missing).await, foreign);
    let foreign = app.refuses(same(Ask::get(text(one.id.as_str())).by(&two.key)), missing).await;
    assert_eq!(app.refuses(same(Ask::get(text("M00000009")).by(&two.key)), missing).await, foreign);
    let forbidden = (403, "HTTP-ROLE-FORBIDDEN", "");
    app.refuses(rotate(of(&one, "issuer"), &app.auditor), forbidden).await;
    let body = json!({"issuer": own_key("x").address(), "reason": "x"});
    for key in [&one.key, &app.auditor] {
        app.refuses(Ask::post(of(&one, "issuer/revocation")).by(key).once("v1").json(&body), forbidden).await;
    }
    let unknown = rotate("/v1/merchants/M00000009/issuer".to_owned(), &app.bureau);
    app.refuses(unknown, (404, "LEDGER-MERCHANT-UNKNOWN", "merchant")).await;
    let path = format!("{}?new=0x12", of(&one, "issuer-rotation"));
    app.refuses(Ask::get(path).by(&one.key), (400, "HTTP-QUERY-MALFORMED", "")).await;
    // A merchant that issues on payment keeps its key here.
    let (key, path) = (own_key("own"), text(two.id.as_str()));
    let path = path.replace(&own_key("x").address().to_string(), &key.address().to_string());
    let signed = app.ask(Ask::get(path).by(&two.key)).await.expect(200).json();
    let body = json!({"new": key.address(), "new_signature": key.sign(signed["text"].as_str().unwrap())});
    let ask = Ask::post(of(&two, "issuer")).by(&two.key).once("i1").json(&body);
    app.refuses(ask, (422, "LEDGER-OWN-KEY-ON-PAYMENT", "new")).await;
    let signed = app.ask(
        Ask::get(text(one.id.as_str()).replace(&own_key("x").address().to_string(), &key.address().to_string()))
            .by(&one.key),
    );
    let signed = signed.await.expect(200).json();
    let body = json!({"new": key.address(), "new_signature": key.sign(signed["text"].as_str().unwrap())});
    let moved = app.ask(Ask::post(of(&one, "issuer")).by(&one.key).once("i1").json(&body)).await.expect(201).json();
    assert_eq!(moved["issuer"], key.address().to_eip55());
    app.ask(issue_signed(&app, &one, "k1", &key).await).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn announced_rules_bind_from_their_block_on() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let rules = |once: &str, from: u64, cap: i64| {
        let body = json!({"rules": {"per_invoice_cap": cap}, "from": from});
        Ask::put("/v1/rules/*").by(&app.bureau).once(once).json(&body)
    };
    let height = app.checkpoint().await["height"].as_u64().unwrap();
    twice(&app, rules("u1", height + 3, 10)).await;
    app.set_rules("*", &json!({"per_invoice_cap": 1_000})).await;
    let listed = app.ask(Ask::get("/v1/rules").by(&merchant.key)).await.expect(200).json();
    // Two blocks were made since: the next one is the one that was announced.
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["from_height"], &listed[0]["in_force"]), (&json!(height + 3), &json!(true)));
    app.refuses(issue(&merchant, "k1", &draft(11)), (422, "INV-RULE-INVOICE-CAP", "draft.total")).await;
    twice(&app, rules("u2", height + 9, 20)).await;
    let listed = app.ask(Ask::get("/v1/rules").by(&merchant.key)).await.expect(200).json();
    let shown: Vec<_> =
        listed.as_array().unwrap().iter().map(|r| (r["from_height"].clone(), r["in_force"].clone())).collect();
    assert_eq!(shown, [(json!(height + 3), json!(true)), (json!(height + 9), json!(false))]);
    app.refuses(rules("u3", height, 5), (409, "LEDGER-HEIGHT-PAST", "from")).await;
    app.set_rules("*", &json!({"monthly_count": 1})).await;
    app.issue(&merchant, "k1", &draft(11)).await.expect(201);
    app.refuses(issue(&merchant, "k2", &draft(11)), (429, "LEDGER-MONTHLY-COUNT", "")).await;
    app.finish().await;
}
