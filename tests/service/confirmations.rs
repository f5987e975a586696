//! Confirmation sheets over HTTP: who holds an invoice must agree to its red letter, within 72 hours.

use piaolian::base::UnixMs;
use piaolian::chain::keccak256;
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::holds::Company;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, changed, draft, without};
use crate::test_app::{Merchant, TestApp};

const ONE: &str = "91440300708461136T";
const TWO: &str = "91440300MA5EEF1N0R";

/// All that is left, sent back.
fn whole() -> Value {
    json!({"reason": "SALES_RETURN"})
}

fn open_path(invoice: &Value) -> String {
    format!("/v1/invoices/{}/confirmations", invoice["id"].as_str().unwrap())
}

fn by_seller(merchant: &Merchant, invoice: &Value, once: &str, body: &Value) -> Ask {
    Ask::post(open_path(invoice)).by(&merchant.key).once(once).json(body)
}

fn held(company: &Company, fence: u64, body: &Value) -> Value {
    changed(changed(body.clone(), "/salt", json!(company.salt)), "/fence", json!(fence))
}

fn answer_path(sheet: u64) -> String {
    format!("/v1/confirmations/{sheet}/answers")
}

fn answer_of_seller(merchant: &Merchant, sheet: u64, once: &str, action: &str) -> Ask {
    Ask::post(answer_path(sheet)).by(&merchant.key).once(once).json(&json!({"action": action}))
}

fn answer_of(company: &Company, (sheet, fence): (u64, u64), once: &str, action: &str) -> Ask {
    let body = held(company, fence, &json!({"action": action}));
    Ask::post(answer_path(sheet)).by(&company.key).once(once).json(&body)
}

fn reverse(merchant: &Merchant, invoice: &Value, once: &str, sheet: Option<u64>) -> Ask {
    let path = format!("/v1/invoices/{}/reversals", invoice["id"].as_str().unwrap());
    let body = sheet.map_or(whole(), |sheet| changed(whole(), "/confirmation", json!(sheet)));
    Ask::post(path).by(&merchant.key).once(once).json(&body)
}

fn entry(answer: &Answer) -> u64 {
    answer.json()["entry"].as_u64().unwrap()
}

/// A merchant, an invoice that the first of two companies has locked, and the fence of that lock.
async fn town() -> (TestApp, Merchant, Value, [Company; 2], u64) {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let invoice = app.issue(&merchant, "k1", &draft(10_000)).await.expect(201).json()["invoice"].clone();
    let companies = [Company::new(&app, ONE).await, Company::new(&app, TWO).await];
    let fence = entry(&app.ask(companies[0].lock("l1", &[&invoice])).await.expect(201));
    (app, merchant, invoice, companies, fence)
}

async fn sheet(app: &TestApp, entry: u64, key: &str) -> Value {
    app.ask(Ask::get(format!("/v1/confirmations/{entry}")).by(key)).await.expect(200).json()
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

#[actix_web::test]
async fn a_locked_invoice_is_reversed_once_its_holder_has_agreed() {
    let (app, merchant, invoice, [one, two], fence) = town().await;
    let needed = (409, "LEDGER-AGREEMENT-NEEDED", "confirmation");
    app.refuses(reverse(&merchant, &invoice, "r1", None), needed).await;
    let opened = twice(&app, by_seller(&merchant, &invoice, "c1", &whole())).await;
    let number = entry(&opened);
    assert_eq!(opened.json()["confirmation"], number);
    assert!(app.verdict(&opened.json()["receipt"]).is_valid());
    let seen = sheet(&app, number, &merchant.key).await;
    assert_eq!((&seen["state"], &seen["meaning"]), (&json!("02"), &json!("销方录入待购方确认")));
    assert_eq!((&seen["invoice"], &seen["opened_by"]), (&invoice["id"], &json!("seller")));
    assert_eq!(seen["until"], NOON.0 + 3 * DAY_MS);
    let state = (409, "LEDGER-CONFIRMATION-STATE", "confirmation");
    app.refuses(reverse(&merchant, &invoice, "r1", Some(number)), state).await;
    app.refuses(by_seller(&merchant, &invoice, "c2", &whole()), (409, "LEDGER-CONFIRMATION-OPEN", "invoice")).await;
    // Neither another company nor the seller itself can agree in its place.
    let unknown = (404, "LEDGER-CONFIRMATION-UNKNOWN", "confirmation");
    app.refuses(answer_of(&two, (number, fence), "a1", "agree"), unknown).await;
    let not_theirs = (409, "LEDGER-CONFIRMATION-STATE", "action");
    app.refuses(answer_of_seller(&merchant, number, "a1", "agree"), not_theirs).await;
    twice(&app, answer_of(&one, (number, fence), "a1", "agree")).await;
    assert_eq!(sheet(&app, number, &app.auditor).await["state"], "04");
    let red = twice(&app, reverse(&merchant, &invoice, "r1", Some(number))).await.json();
    let used = sheet(&app, number, &app.bureau).await;
    assert_eq!((&used["red"], &used["live"]), (&red["invoice"]["id"], &json!(false)));
    let used = (409, "LEDGER-CONFIRMATION-STATE", "action");
    app.refuses(answer_of_seller(&merchant, number, "a2", "withdraw"), used).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_holder_that_refuses_or_asks_itself_is_heard() {
    let (app, merchant, invoice, [one, _], fence) = town().await;
    let first = entry(&app.ask(by_seller(&merchant, &invoice, "c1", &whole())).await.expect(201));
    app.ask(answer_of(&one, (first, fence), "a1", "refuse")).await.expect(201);
    assert_eq!(sheet(&app, first, &merchant.key).await["state"], "05");
    // The buyer's side asks, the seller refuses, then agrees to a second one.
    let path = open_path(&invoice);
    let ask = |once: &str| Ask::post(&path).by(&one.key).once(once).json(&held(&one, fence, &whole()));
    let second = entry(&twice(&app, ask("c1")).await);
    assert_eq!(sheet(&app, second, &merchant.key).await["opened_by"], "buyer");
    app.ask(answer_of_seller(&merchant, second, "a2", "refuse")).await.expect(201);
    assert_eq!(sheet(&app, second, &merchant.key).await["state"], "06");
    let third = entry(&app.ask(ask("c2")).await.expect(201));
    twice(&app, answer_of_seller(&merchant, third, "a3", "agree")).await;
    // Withdrawn after both agreed: no red letter comes of it.
    let withdraw = Ask::post(answer_path(third)).by(&one.key).once("a4");
    app.ask(withdraw.json(&json!({"action": "withdraw", "salt": one.salt}))).await.expect(201);
    assert_eq!(sheet(&app, third, &merchant.key).await["state"], "09");
    let state = (409, "LEDGER-CONFIRMATION-STATE", "confirmation");
    app.refuses(reverse(&merchant, &invoice, "r1", Some(third)), state).await;
    let listed = app.ask(Ask::get("/v1/confirmations?limit=2").by(&merchant.key)).await.expect(200).json();
    let numbers = |page: &Value| -> Vec<u64> {
        page["confirmations"].as_array().unwrap().iter().map(|sheet| sheet["entry"].as_u64().unwrap()).collect()
    };
    assert_eq!((numbers(&listed), &listed["next"]), (vec![third, second], &json!(second)));
    let query = format!("/v1/confirmations?merchant={}&before={second}", merchant.id);
    let rest = app.ask(Ask::get(query).by(&app.auditor)).await.expect(200).json();
    assert_eq!(numbers(&rest), [first]);
    assert!(rest.get("next").is_none());
    app.finish().await;
}

#[actix_web::test]
async fn a_sheet_that_nobody_answers_is_void_after_72_hours() {
    let (app, merchant, invoice, [one, _], fence) = town().await;
    let number = entry(&app.ask(by_seller(&merchant, &invoice, "c1", &whole())).await.expect(201));
    app.clock.set(UnixMs(NOON.0 + 3 * DAY_MS - 1));
    assert_eq!(sheet(&app, number, &merchant.key).await["state"], "02");
    app.clock.set(UnixMs(NOON.0 + 3 * DAY_MS));
    let seen = sheet(&app, number, &merchant.key).await;
    assert_eq!((&seen["state"], &seen["live"]), (&json!("07"), &json!(false)));
    let state = (409, "LEDGER-CONFIRMATION-STATE", "action");
    app.refuses(answer_of(&one, (number, fence), "a1", "agree"), state).await;
    let next = entry(&app.ask(by_seller(&merchant, &invoice, "c2", &whole())).await.expect(201));
    app.ask(answer_of_seller(&merchant, next, "a2", "withdraw")).await.expect(201);
    assert_eq!(sheet(&app, next, &merchant.key).await["state"], "08");
    app.finish().await;
}

#[actix_web::test]
async fn an_agreement_counts_for_its_hold_and_its_lines_only() {
    let (app, merchant, invoice, [one, two], fence) = town().await;
    let number = entry(&app.ask(by_seller(&merchant, &invoice, "c1", &whole())).await.expect(201));
    app.ask(answer_of(&one, (number, fence), "a1", "agree")).await.expect(201);
    let path = format!("/v1/invoices/{}/reversals", invoice["id"].as_str().unwrap());
    let other = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 1}], "confirmation": number});
    let ask = Ask::post(path).by(&merchant.key).once("r1").json(&other);
    app.refuses(ask, (409, "LEDGER-RED-DIFFERS", "confirmation")).await;
    app.ask(one.go_on(&format!("locks/{fence}/releases"), "u1", &[&invoice])).await.expect(201);
    let later = entry(&app.ask(two.lock("l2", &[&invoice])).await.expect(201));
    let needed = (409, "LEDGER-AGREEMENT-NEEDED", "confirmation");
    app.refuses(reverse(&merchant, &invoice, "r1", Some(number)), needed).await;
    // Who held it when it agreed can't speak for who holds it now.
    let stale = (404, "LEDGER-INVOICE-UNKNOWN", "invoice");
    let ask = Ask::post(open_path(&invoice)).by(&one.key).once("c9").json(&held(&one, fence, &whole()));
    app.refuses(ask, stale).await;
    let own_but_old = Ask::post(open_path(&invoice)).by(&two.key).once("c9").json(&held(&two, fence, &whole()));
    app.refuses(own_but_old, (409, "LEDGER-FENCE-STALE", "fence")).await;
    assert!(later > fence);
    app.finish().await;
}

#[actix_web::test]
async fn an_invoice_that_nobody_holds_needs_no_answer() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let invoice = app.issue(&merchant, "k1", &draft(10_000)).await.expect(201).json()["invoice"].clone();
    let number = entry(&app.ask(by_seller(&merchant, &invoice, "c1", &whole())).await.expect(201));
    assert_eq!(sheet(&app, number, &merchant.key).await["state"], "01");
    app.ask(reverse(&merchant, &invoice, "r1", Some(number))).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn the_holder_of_a_wallet_asks_without_an_api_key() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let invoice = app.issue(&merchant, "k1", &draft(10_000)).await.expect(201).json()["invoice"].clone();
    let link = format!("/v1/invoices/{}/claim-link", invoice["id"].as_str().unwrap());
    let token = app.ask(Ask::get(link).by(&merchant.key)).await.expect(200).json()["token"].clone();
    let salt = keccak256("salt").to_string();
    let wang = json!({"id": "王小明", "salt": salt});
    let li = json!({"id": "李小红", "salt": salt});
    let claim = json!({"invoice": invoice["id"], "token": token, "holder": wang});
    app.ask(Ask::post("/v1/claims").once("w1").json(&claim)).await.expect(201);

    let body = |holder: &Value| changed(whole(), "/holder", holder.clone());
    let ask = |once: &str, holder: &Value| Ask::post(open_path(&invoice)).once(once).json(&body(holder));
    let unknown = (404, "LEDGER-INVOICE-UNKNOWN", "invoice");
    let same = |ask: Ask| ask.header("X-Request-Id", "same");
    let stranger = app.refuses(same(ask("c1", &li)), unknown).await;
    let absent = "/v1/invoices/144032609110-00000009/confirmations";
    let absent = Ask::post(absent).once("c1").json(&body(&li));
    assert_eq!(app.refuses(same(absent), unknown).await, stranger);
    let number = entry(&twice(&app, ask("c1", &wang)).await);

    let commitment = keccak256([&[5][..], &hex::decode(&salt).unwrap(), "王小明".as_bytes()].concat());
    let path = format!("/v1/confirmations/{number}");
    let seen = app.ask(Ask::get(format!("{path}?holder={commitment}"))).await.expect(200).json();
    assert_eq!((&seen["state"], &seen["opened_by"]), (&json!("03"), &json!("buyer")));
    for text in ["王小明", salt.as_str(), &commitment.to_string()] {
        assert!(!seen.to_string().contains(text));
    }
    let missing = (404, "HTTP-NOT-FOUND", "");
    let foreign = app.refuses(same(Ask::get(format!("{path}?holder={}", keccak256("other")))), missing).await;
    app.refuses(Ask::get(&path), (400, "HTTP-QUERY-MALFORMED", "holder")).await;
    let nothing = format!("/v1/confirmations/0?holder={commitment}");
    assert_eq!(app.refuses(same(Ask::get(nothing)), missing).await, foreign);

    // A wallet's holder asks, but does not agree: there is nobody's hold to give up.
    let answer = |once: &str, action: &str, holder: &Value| {
        Ask::post(answer_path(number)).once(once).json(&json!({"action": action, "holder": holder}))
    };
    app.refuses(answer("a1", "withdraw", &li), (404, "LEDGER-CONFIRMATION-UNKNOWN", "confirmation")).await;
    app.refuses(answer("a1", "agree", &wang), (409, "LEDGER-FENCE-STALE", "fence")).await;
    twice(&app, answer("a1", "withdraw", &wang)).await;
    assert_eq!(sheet(&app, number, &merchant.key).await["state"], "08");
    app.finish().await;
}

#[actix_web::test]
async fn who_speaks_proves_it_and_nothing_else() {
    let (app, merchant, invoice, [one, _], fence) = town().await;
    let path = open_path(&invoice);
    let holder = json!({"id": "a", "salt": one.salt});
    let shape = |path: &'static str| (400, "HTTP-SHAPE-WRONG", path);
    let proven = held(&one, fence, &whole());
    for (key, body, refusal) in [
        (Some(&merchant.key), proven.clone(), shape("salt")),
        (Some(&merchant.key), without(proven.clone(), "/salt"), shape("fence")),
        (Some(&merchant.key), changed(whole(), "/holder", holder.clone()), shape("holder")),
        (Some(&one.key), whole(), shape("salt")),
        (Some(&one.key), without(proven.clone(), "/fence"), shape("fence")),
        (Some(&one.key), changed(proven.clone(), "/holder", holder.clone()), shape("holder")),
        (Some(&one.key), changed(proven.clone(), "/salt", json!("ab".repeat(32))), shape("salt")),
        (None, whole(), shape("holder")),
        (None, proven.clone(), shape("salt")),
        (Some(&app.bureau), whole(), (403, "HTTP-ROLE-FORBIDDEN", "")),
        (Some(&app.auditor), proven.clone(), (403, "HTTP-ROLE-FORBIDDEN", "")),
        (Some(&"pl_merchant_00".to_owned()), whole(), (401, "HTTP-KEY-BAD", "")),
    ] {
        let ask = Ask::post(&path).once("c1").json(&body);
        app.refuses(key.map_or(ask.clone(), |key| ask.by(key)), refusal).await;
    }
    let reserved = by_seller(&merchant, &invoice, "on-close:2026-11-22", &whole());
    app.refuses(reserved, (422, "LEDGER-KEY-RESERVED", "")).await;
    let beyond = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 10_001}]});
    app.refuses(by_seller(&merchant, &invoice, "c1", &beyond), (409, "INV-RED-TOTAL-TOO-LARGE", "lines[0].total"))
        .await;
    app.finish().await;
}

#[actix_web::test]
async fn sheets_of_others_are_answered_like_those_that_are_not_there() {
    let (app, merchant, invoice, [one, two], fence) = town().await;
    let number = entry(&app.ask(by_seller(&merchant, &invoice, "c1", &whole())).await.expect(201));
    let other = app.register(RESTAURANT).await;
    let same = |ask: Ask| ask.header("X-Request-Id", "same");
    let missing = (404, "HTTP-NOT-FOUND", "");
    let get = |number: u64, key: &str| same(Ask::get(format!("/v1/confirmations/{number}")).by(key));
    let absent = app.refuses(get(0, &other.key), missing).await;
    assert_eq!(app.refuses(get(number, &other.key), missing).await, absent);
    for (key, holder) in [(&other.key, two.commitment()), (&two.key, two.commitment())] {
        let ask = Ask::get(format!("/v1/confirmations/{number}?holder={holder}")).by(key);
        assert_eq!(app.refuses(same(ask), missing).await, absent);
    }
    app.refuses(get(number, &one.key), (400, "HTTP-QUERY-MALFORMED", "holder")).await;
    let path = format!("/v1/confirmations/{number}?holder={}", one.commitment());
    app.ask(Ask::get(path).by(&one.key)).await.expect(200);
    let unknown = (404, "LEDGER-CONFIRMATION-UNKNOWN", "confirmation");
    let absent = app.refuses(same(answer_of_seller(&other, 0, "a1", "agree")), unknown).await;
    assert_eq!(app.refuses(same(answer_of_seller(&other, number, "a1", "agree")), unknown).await, absent);
    assert_eq!(app.refuses(same(answer_of(&two, (number, fence), "a1", "agree")), unknown).await, absent);
    let unknown = (404, "LEDGER-INVOICE-UNKNOWN", "invoice");
    app.refuses(by_seller(&other, &invoice, "c1", &whole()), unknown).await;
    app.refuses(Ask::get("/v1/confirmations").by(&app.auditor), (400, "HTTP-QUERY-MALFORMED", "merchant")).await;
    app.refuses(Ask::get("/v1/confirmations").by(&one.key), (403, "HTTP-ROLE-FORBIDDEN", "")).await;
    app.refuses(Ask::get("/v1/confirmations/x").by(&app.auditor), (400, "HTTP-QUERY-MALFORMED", "entry")).await;
    app.finish().await;
}
