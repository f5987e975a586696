//! Who may do what: keys, roles, and what others must not learn.

use actix_web::http::Method;
use piaolian::base::UnixMs;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::holds::Company;
use crate::samples::{CONSULTANT, NOON, RESTAURANT, draft, draft_for, order, payment};
use crate::test_app::{TestApp, demo_merchant, issue};

/// Every route that needs an API key, with a body that would be taken.
fn guarded() -> Vec<Ask> {
    let seller = json!(demo_merchant(CONSULTANT).seller);
    vec![
        Ask::get("/v1/merchants"),
        Ask::post("/v1/merchants").once("k1").json(&seller),
        Ask::get("/v1/merchants/M00000001"),
        Ask::get("/v1/rules"),
        Ask::put("/v1/rules/*").once("k1").json(&json!({"rules": {}})),
        Ask::get("/v1/api-keys"),
        Ask::post("/v1/api-keys").json(&json!({"role": "bureau", "label": "a"})),
        Ask::delete("/v1/api-keys/key_0011223344556677"),
        Ask::post("/v1/orders").json(&order("A-1", 100)),
        Ask::get("/v1/payments"),
        Ask::get("/v1/payments/wechat-pay/4200000001"),
        Ask::post("/v1/drafts").json(&json!({"draft": draft(100)})),
        Ask::get("/v1/invoices"),
        Ask::post("/v1/invoices").once("k1").json(&json!({"draft": draft(100)})),
        Ask::get("/v1/invoices/144032609110-00000001"),
        Ask::get("/v1/invoices/144032609110-00000001/receipt"),
        Ask::get("/v1/invoices/144032609110-00000001/face.pdf"),
        Ask::get("/v1/invoices/144032609110-00000001/face.ofd"),
        Ask::get("/v1/invoices/144032609110-00000001/face.xml"),
        Ask::get("/v1/invoices/144032609110-00000001/preview.svg"),
        Ask::get("/v1/invoices.zip?kind=pdf"),
        Ask::get("/v1/invoices/144032609110-00000001/qr.svg"),
        Ask::get("/v1/invoices/144032609110-00000001/qr.png"),
        Ask::get("/v1/entries/0"),
        Ask::get("/v1/stream"),
        Ask::get("/v1/proofs/inclusion?index=0"),
        Ask::get("/v1/invoices/144032609110-00000001/reversals"),
        Ask::post("/v1/invoices/144032609110-00000001/reversals").once("k1").json(&json!({"reason": "ISSUE_ERROR"})),
        Ask::post("/v1/invoices/144032609110-00000001/reversal-draft").json(&json!({"reason": "ISSUE_ERROR"})),
        Ask::get("/v1/confirmations?merchant=M00000001"),
        Ask::get("/v1/days?merchant=M00000001"),
        Ask::post("/v1/days/2026-11-21/close?merchant=M00000001").once("k1"),
        Ask::post("/v1/merchants/M00000001/suspension").once("k1").json(&json!({"reason": "a"})),
        Ask::post("/v1/merchants/M00000001/resumption").once("k1").json(&json!({"reason": "a"})),
        Ask::post("/v1/merchants/M00000001/issuer").once("k1").json(&json!({})),
        Ask::get(format!("/v1/merchants/M00000001/issuer-rotation?new={}", "ab".repeat(20))),
        Ask::post("/v1/merchants/M00000001/issuer/revocation")
            .once("k1")
            .json(&json!({"issuer": "ab".repeat(20), "reason": "a"})),
        Ask::post("/v1/roster/changes").once("k1").json(&json!({"change": {"remove": {"member": "tencent"}}})),
        Ask::post("/v1/roster/change-draft").json(&json!({"change": {"remove": {"member": "tencent"}}, "from": 9})),
        Ask::post("/v1/operations/restored").once("k1").json(&json!({"reason": "a"})),
        Ask::get("/v1/invoices/144032609110-00000001/life"),
        Ask::get("/v1/invoices/144032609110-00000001/claim-link"),
        Ask::get("/v1/payments/wechat-pay/4200000001/claim-link"),
        Ask::post("/v1/commitments").json(&json!({"salt": SALT, "id": "a"})),
        Ask::post("/v1/invoices/144032609110-00000001/pledge").once("k1").json(&json!({"financier": SALT})),
        Ask::post("/v1/locks").once("k1").json(&json!({"invoices": [], "salt": SALT})),
        hold("/v1/locks/1/renewals"),
        hold("/v1/locks/1/releases"),
        hold("/v1/locks/1/bookings"),
        hold("/v1/pledges/1/releases"),
        hold("/v1/pledges/1/settlements"),
    ]
}

/// A salt that could be one.
const SALT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Goes on with a hold.
fn hold(path: &str) -> Ask {
    Ask::post(path).once("k1").json(&json!({"invoices": ["144032609110-00000001"], "salt": SALT}))
}

#[actix_web::test]
async fn every_guarded_route_of_the_document_is_tried_here() {
    let app = TestApp::new().await;
    let mut guarded_in_document = 0;
    for (path, item) in crate::ask::document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Doors that take another proof in place of a key say so with an empty member.
            let keyless = |schemes: &Vec<Value>| schemes.contains(&json!({}));
            if operation["security"].as_array().is_some_and(|schemes| !keyless(schemes)) {
                guarded_in_document += 1;
                assert!(operation["responses"].get("401").is_some(), "{method} {path}");
            }
        }
    }
    assert_eq!(guarded_in_document, guarded().len());
    app.finish().await;
}

#[actix_web::test]
async fn a_request_without_a_key_is_refused() {
    let app = TestApp::new().await;
    for ask in guarded() {
        let answer = app.refuses(ask, (401, "HTTP-KEY-MISSING", "")).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_wrong_key_is_refused() {
    let app = TestApp::new().await;
    let mut shorter = app.bureau.clone();
    shorter.pop().unwrap();
    for ask in guarded() {
        for secret in ["", "pl_bureau_00", &shorter, &format!("{}0", app.bureau)] {
            app.refuses(ask.clone().by(secret), (401, "HTTP-KEY-BAD", "")).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn another_scheme_than_bearer_is_no_key() {
    let app = TestApp::new().await;
    for value in [format!("Basic {}", app.bureau), app.bureau.clone(), String::new()] {
        let ask = Ask::get("/v1/merchants").header("Authorization", value);
        app.refuses(ask, (401, "HTTP-KEY-MISSING", "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_key_that_another_process_revoked_stops_working_within_five_seconds() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let list = Ask::get("/v1/api-keys").by(&merchant.key);
    let id = app.ask(list.clone()).await.expect(200).json()[0]["id"].as_str().unwrap().to_owned();
    // A store of its own stands for the other process.
    let other = app.open(1).unwrap();
    let revoked = other.write_blocking(|tx| tx.revoke_api_key(&id, NOON)).unwrap();
    assert!(revoked);
    app.ask(list.clone()).await.expect(200);
    app.clock.set(UnixMs(NOON.0 + 5_000));
    app.refuses(list, (401, "HTTP-KEY-BAD", "")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_revoked_key_stops_working_at_once() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let list = Ask::get("/v1/api-keys").by(&merchant.key);
    let keys = app.ask(list.clone()).await.expect(200).json();
    let revoke = Ask::delete(format!("/v1/api-keys/{}", keys[0]["id"].as_str().unwrap())).by(&app.bureau);
    app.ask(revoke.clone()).await.expect(204);
    app.refuses(list, (401, "HTTP-KEY-BAD", "")).await;
    app.refuses(issue(&merchant, "k1", &draft(100)), (401, "HTTP-KEY-BAD", "")).await;
    app.refuses(revoke, (404, "HTTP-NOT-FOUND", "id")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_stranger_is_told_nothing_about_the_rest_of_the_request() {
    let app = TestApp::new().await;
    let checkpoint = app.checkpoint().await;
    for ask in [Ask::post("/v1/invoices").raw("{"), Ask::get("/v1/invoices?limit=0&tip=1")] {
        app.refuses(ask.clone(), (401, "HTTP-KEY-MISSING", "")).await;
        let answer = app.ask(ask.by("unknown")).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    assert_eq!(app.checkpoint().await, checkpoint);
    app.finish().await;
}

#[actix_web::test]
async fn a_role_that_may_not_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let company = Company::new(&app, "91440300708461136T").await.key;
    let forbidden = (403, "HTTP-ROLE-FORBIDDEN", "");
    for ask in guarded() {
        let needs = match (ask.method.clone(), ask.path.as_str()) {
            (Method::POST, "/v1/commitments") => vec![],
            (Method::POST, path) if path.contains("/reversal") => vec![&app.bureau, &app.auditor, &company],
            (Method::POST, path) if path.starts_with("/v1/days/") || path.ends_with("/issuer") => {
                vec![&app.auditor, &company]
            }
            (_, path) if path.contains("/issuer-rotation") => vec![&app.auditor, &company],
            (Method::POST, "/v1/orders" | "/v1/drafts" | "/v1/invoices") => vec![&app.bureau, &app.auditor, &company],
            (Method::POST, path) if path.starts_with("/v1/locks") || path.starts_with("/v1/pledges") => {
                vec![&app.bureau, &app.auditor, &merchant.key]
            }
            (Method::POST, path) if path.ends_with("/pledge") => vec![&app.bureau, &app.auditor, &company],
            (_, path) if path.ends_with("/claim-link") => vec![&app.bureau, &app.auditor, &company],
            (Method::POST | Method::PUT | Method::DELETE, _) => vec![&merchant.key, &app.auditor, &company],
            (_, "/v1/api-keys") => vec![&app.auditor, &company],
            (_, "/v1/entries/0") => vec![&merchant.key, &company],
            (_, "/v1/merchants" | "/v1/invoices" | "/v1/payments") => vec![&company],
            (_, path) if path.starts_with("/v1/days") || path.starts_with("/v1/confirmations?") => vec![&company],
            _ => vec![],
        };
        for key in needs {
            app.refuses(ask.clone().by(key), forbidden).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_may_not_list_another_merchants_records() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    for path in ["/v1/invoices?", "/v1/payments?", "/v1/invoices.zip?kind=xml&"] {
        let ask = Ask::get(format!("{path}merchant={}", two.id)).by(&one.key);
        app.refuses(ask, (403, "HTTP-ROLE-FORBIDDEN", "merchant")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn what_belongs_to_another_merchant_is_answered_like_what_is_not_there() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 100)).await.expect(204);
    let issued = app.issue(&one, "k1", &draft_for("4200000001", 100)).await.expect(201).json();
    let id = issued["invoice"]["id"].as_str().unwrap();
    let absent = "144032609110-00000002";
    let invoice = |id: &str, tail: &str| format!("/v1/invoices/{id}{tail}");
    let mut pairs: Vec<(String, String)> =
        ["", "/receipt", "/face.pdf", "/face.ofd", "/face.xml", "/preview.svg", "/qr.svg", "/qr.png"]
            .into_iter()
            .map(|tail| (invoice(id, tail), invoice(absent, tail)))
            .collect();
    let paid = |transaction: &str| format!("/v1/payments/wechat-pay/{transaction}");
    pairs.push((paid("4200000001"), paid("4200000002")));
    pairs.push((format!("/v1/merchants/{}", one.id), "/v1/merchants/M00000009".to_owned()));
    for (theirs, absent) in pairs {
        app.ask(Ask::get(&theirs).by(&one.key)).await.expect(200);
        let ask = |path: &str| Ask::get(path).by(&two.key).header("X-Request-Id", "same");
        let missing = (404, "HTTP-NOT-FOUND", "");
        assert_eq!(app.refuses(ask(&theirs), missing).await, app.refuses(ask(&absent), missing).await, "{theirs}");
    }
    let lists = app.ask(Ask::get("/v1/merchants").by(&two.key)).await.expect(200).json();
    assert_eq!(lists.as_array().unwrap().len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn a_key_secret_is_told_once_and_stored_nowhere() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let keys = app.ask(Ask::get("/v1/api-keys").by(&app.bureau)).await.expect(200);
    assert_eq!(keys.json().as_array().unwrap().len(), 3);
    assert!(!keys.text().contains("secret"));
    let stored = app.database.bytes();
    let holds = |what: &str| stored.windows(what.len()).any(|window| window == what.as_bytes());
    assert!(holds(merchant.id.as_str()) && holds("desk"), "what is stored can be found");
    assert!(!holds(&merchant.key));
    app.finish().await;
}

#[actix_web::test]
async fn an_idempotency_key_that_is_missing_or_malformed_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let commands = [
        Ask::post("/v1/invoices").by(&merchant.key).json(&json!({"draft": draft(100)})),
        app.registration(&demo_merchant(RESTAURANT)),
        Ask::put("/v1/rules/*").by(&app.bureau).json(&json!({"rules": {}})),
    ];
    for (ask, last) in commands.into_iter().zip(["1", "2", "3"]) {
        app.refuses(ask.clone(), (400, "HTTP-IDEMPOTENCY-KEY-MISSING", "")).await;
        for key in ["", "two words", &"k".repeat(256), "schl\u{fc}ssel", "鍵"] {
            app.refuses(ask.clone().once(key), (400, "IDEMPOTENCY-KEY-MALFORMED", "")).await;
        }
        app.ask(ask.once(&format!("{}{last}", "k".repeat(254)))).await.expect(201);
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_request_id_is_taken_over_only_if_it_can_do_no_harm() {
    let app = TestApp::new().await;
    let echoed = async |id: &str| {
        let answer = app.ask(Ask::get("/healthz").header("X-Request-Id", id)).await.expect(200);
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(echoed("order-1_a.b").await, "order-1_a.b");
    for bad in ["", "a b", "a\"b", "{}", &"a".repeat(65)] {
        let id = echoed(bad).await;
        assert!(id != bad && id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{bad}: {id}");
    }
    app.finish().await;
}
