//! Idempotency: the same request again is the same answer, byte for byte, also after a restart and after the rules have changed.

use piaolian::base::UnixMs;
use serde_json::json;

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, draft, draft_for, line, payment};
use crate::test_app::{TestApp, demo_merchant, issue};

const REUSED: (u16, &str, &str) = (422, "LEDGER-KEY-REUSED", "");

#[actix_web::test]
async fn the_same_invoice_asked_for_again_is_the_same_bytes() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let first = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    let after_first = app.checkpoint().await;
    assert_eq!(app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).body, first.body);
    assert_eq!(app.checkpoint().await, after_first);
    app.issue(&merchant, "k2", &draft(1)).await.expect(201);
    assert_eq!(app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).body, first.body);
    app.finish().await;
}

#[actix_web::test]
async fn white_space_and_field_order_do_not_make_another_request() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let first = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    let text = r#" { "draft" : {"total":49810, "lines":[{"rate":600,"amount":49810,"classification":"3070401000000000000",
        "name":"\u9910\u8d39","category":"餐饮服务"}], "pricing":"inclusive", "buyer":{"name":"个人","kind":"individual"}} } "#;
    let again = app.ask(Ask::post("/v1/invoices").by(&merchant.key).once("k1").raw(text)).await.expect(201);
    assert_eq!(again.body, first.body);
    app.finish().await;
}

#[actix_web::test]
async fn a_key_with_another_request_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    app.refuses(issue(&merchant, "k1", &draft(49_811)), REUSED).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_bureau_key_with_another_request_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let ask = app.registration(&demo_merchant(RESTAURANT));
    app.refuses(ask.once(&format!("register-{CONSULTANT}")), REUSED).await;
    let rules =
        |cap: i64| Ask::put("/v1/rules/*").by(&app.bureau).once("r1").json(&json!({"rules": {"monthly_cap": cap}}));
    app.ask(rules(1)).await.expect(201);
    app.refuses(rules(2), REUSED).await;
    app.finish().await;
}

#[actix_web::test]
async fn two_merchants_may_use_the_same_key() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    let first = app.issue(&one, "k1", &draft(49_810)).await.expect(201);
    let second = app.issue(&two, "k1", &draft(49_810)).await.expect(201);
    assert_ne!(first.json()["invoice"]["id"], second.json()["invoice"]["id"]);
    app.finish().await;
}

#[actix_web::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft_for("4200000001", 49_810)).await.expect(422);
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.issue(&merchant, "k1", &draft_for("4200000001", 49_810)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn registering_and_rules_asked_for_again_are_the_same_bytes() {
    let app = TestApp::new().await;
    let register = app.registration(&demo_merchant(RESTAURANT)).once("k1");
    let first = app.ask(register.clone()).await.expect(201);
    assert_eq!(app.ask(register).await.expect(201).body, first.body);
    let rules = Ask::put("/v1/rules/M00000001").by(&app.bureau).once("k2").json(&json!({"rules": {"rates": [600]}}));
    let first = app.ask(rules.clone()).await.expect(201);
    app.set_rules("*", &json!({})).await;
    assert_eq!(app.ask(rules).await.expect(201).body, first.body);
    assert_eq!(app.checkpoint().await["size"], 3);
    app.finish().await;
}

#[actix_web::test]
async fn an_answer_stays_when_rules_and_day_have_changed() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let first = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    app.set_rules("*", &json!({"rates": [0], "per_invoice_cap": 1, "monthly_cap": 1, "payment_required": true})).await;
    app.clock.set(UnixMs(NOON.0 + 400 * DAY_MS));
    assert_eq!(app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).body, first.body);
    app.issue(&merchant, "k2", &draft(49_810)).await.expect(422);
    app.finish().await;
}

#[actix_web::test]
async fn a_restart_continues_numbers_and_replays_answers_byte_for_byte() {
    let mut app = TestApp::new().await;
    let register = app.registration(&demo_merchant(RESTAURANT)).once(&format!("register-{RESTAURANT}"));
    let merchant = app.register(RESTAURANT).await;
    let registered = app.ask(register.clone()).await.expect(201);
    let first = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    let checkpoint = app.checkpoint().await;
    app.restart().await;
    assert_eq!(app.checkpoint().await, checkpoint);
    assert_eq!(app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).body, first.body);
    assert_eq!(app.ask(register).await.expect(201).body, registered.body);
    app.refuses(issue(&merchant, "k1", &draft(49_811)), REUSED).await;
    let second = app.issue(&merchant, "k2", &draft(49_810)).await.expect(201).json();
    assert_eq!(second["invoice"]["number"], "00000002");
    assert!(app.verdict(&second["receipt"]).is_valid());
    app.finish().await;
}

#[actix_web::test]
async fn what_waits_in_the_outbox_is_delivered_after_a_restart() {
    let mut app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    app.stop().await;
    // As if the service had died between taking the order and the outbox getting round to it.
    let store = app.open(1).unwrap();
    let text = json!({"lines": [line(49_810)], "out_trade_no": "A-1", "pricing": "inclusive"});
    let text = piaolian::chain::to_canonical(&text).unwrap();
    store
        .write_blocking(|tx| {
            let number = piaolian::base::ids::TransactionId::try_from("A-1").unwrap();
            assert!(tx.insert_order(&merchant.id, &number, &text, NOON)?);
            tx.insert_outbox(1, piaolian::sequencer::TOPIC_BILL_ORDER, NOON)
        })
        .unwrap();
    drop(store);
    app.start().await.unwrap();
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn a_notice_that_repeats_after_a_restart_is_still_one_payment() {
    let mut app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 49_810);
    app.pay(&paid).await.expect(204);
    let checkpoint = app.checkpoint().await;
    app.restart().await;
    app.pay(&paid).await.expect(204);
    assert_eq!(app.checkpoint().await, checkpoint);
    app.finish().await;
}
