//! Issuing by hand: numbers, receipts, own keys, warnings.

use piaolian::base::{Secret, UnixMs};
use piaolian::chain::{IssuerKey, VerdictCode, eip191_hash, keccak256};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, changed, draft, draft_for, line, without};
use crate::test_app::{Merchant, PUBLIC_URL, TestApp, demo_merchant, issue};

fn own_key() -> IssuerKey {
    IssuerKey::from_secret(&Secret::new(*keccak256("the merchant's own key").as_bytes())).unwrap()
}

/// Registers the consultant with a key of its own.
fn own_key_registration(issue_on_payment: bool) -> Value {
    let mut body = json!(demo_merchant(CONSULTANT).seller);
    body["mchid"] = json!(CONSULTANT);
    body["issuer"] = json!(own_key().address());
    body["issue_on_payment"] = json!(issue_on_payment);
    body
}

async fn own_key_merchant(app: &TestApp) -> Merchant {
    let demo = demo_merchant(CONSULTANT);
    let ask = Ask::post("/v1/merchants").by(&app.bureau).once("own").json(&own_key_registration(false));
    let merchant = app.ask(ask).await.expect(201).json()["merchant"].clone();
    assert_eq!(merchant["issuer"], own_key().address().to_eip55());
    let id = merchant["id"].as_str().unwrap();
    let key = app.new_key(&json!({"role": "merchant", "merchant": id, "label": "own"})).await;
    Merchant { id: id.try_into().unwrap(), key, demo }
}

async fn checked_text(app: &TestApp, merchant: &Merchant, draft: &Value) -> Value {
    let ask = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": draft}));
    app.ask(ask).await.expect(200).json()
}

#[actix_web::test]
async fn an_issued_invoice_comes_with_a_receipt_that_verifies_offline() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let answer = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    let json = answer.json();
    let verdict = app.verdict(&json["receipt"]);
    assert_eq!(verdict.code, VerdictCode::Valid, "{verdict:?}");
    let invoice = &json["invoice"];
    let entry: Value = serde_json::from_str(json["receipt"]["entry"].as_str().unwrap()).unwrap();
    assert_eq!(entry["draft"], invoice["draft"]);
    assert_eq!((&entry["code"], &entry["number"]), (&invoice["code"], &invoice["number"]));
    let leaf = piaolian::chain::leaf_hash(json["receipt"]["entry"].as_str().unwrap());
    assert_eq!(invoice["hash"], leaf.printed());
    assert_eq!(invoice["check_code"], leaf.check_code());
    assert_eq!(invoice["capital"], "肆佰玖拾捌圆壹角整");
    let url = format!("{PUBLIC_URL}/verify/scan?hash={}&bill_num=00000001&total_amount=49810", leaf.printed());
    assert_eq!(invoice["verify_url"], url);
    app.finish().await;
}

#[actix_web::test]
async fn the_receipt_route_gives_the_receipt_of_the_answer() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let answer = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    // Later blocks do not change it.
    app.issue(&merchant, "k2", &draft(100)).await.expect(201);
    let id = answer.json()["invoice"]["id"].as_str().unwrap().to_owned();
    let receipt = app.ask(Ask::get(format!("/v1/invoices/{id}/receipt")).by(&merchant.key)).await.expect(200);
    assert_eq!(receipt.text(), app.receipt(&answer).to_json().unwrap());
    app.finish().await;
}

#[actix_web::test]
async fn numbers_run_without_gaps_across_merchants_and_refusals() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    let mut numbers = Vec::new();
    for n in 0..6 {
        let merchant = if n % 2 == 0 { &one } else { &two };
        app.issue(merchant, &format!("bad-{n}"), &draft_for("4200000404", 100)).await.expect(422);
        let answer = app.issue(merchant, &format!("good-{n}"), &draft(100 + n)).await.expect(201);
        numbers.push(answer.json()["invoice"]["number"].as_str().unwrap().to_owned());
    }
    assert_eq!(numbers, ["00000001", "00000002", "00000003", "00000004", "00000005", "00000006"]);
    app.finish().await;
}

#[actix_web::test]
async fn the_legal_date_turns_at_midnight_in_shenzhen() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let midnight = NOON.0 + DAY_MS / 2;
    app.clock.set(UnixMs(midnight - 1));
    let before = app.issue(&merchant, "k1", &draft(100)).await.expect(201).json();
    app.clock.set(UnixMs(midnight));
    let after = app.issue(&merchant, "k2", &draft(100)).await.expect(201).json();
    assert_eq!((&before["invoice"]["date"], &after["invoice"]["date"]), (&json!("2026-11-22"), &json!("2026-11-23")));
    app.finish().await;
}

#[actix_web::test]
async fn numbers_begin_anew_with_the_legal_year() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    app.clock.set(UnixMs(NOON.0 + 40 * DAY_MS));
    let next = app.issue(&merchant, "k2", &draft(100)).await.expect(201).json();
    assert_eq!(next["invoice"]["id"], "144032709110-00000001");
    app.finish().await;
}

#[actix_web::test]
async fn block_time_never_decreases_when_the_clock_does() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.clock.set(UnixMs(NOON.0 - 1_000));
    let answer = app.issue(&merchant, "k1", &draft(100)).await.expect(201).json();
    assert_eq!(answer["invoice"]["time"], NOON.0);
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_with_its_own_key_signs_the_text_it_is_given() {
    let app = TestApp::new().await;
    let merchant = own_key_merchant(&app).await;
    let checked = checked_text(&app, &merchant, &draft(49_810)).await;
    let text = checked["text"].as_str().unwrap();
    assert_eq!(checked["digest"], eip191_hash(text).to_string());
    assert_eq!(checked["issuer"], own_key().address().to_eip55());
    let body = json!({"draft": draft(49_810), "signature": own_key().sign(text)});
    let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
    let answer = app.ask(ask.clone()).await.expect(201);
    assert_eq!(answer.json()["invoice"]["issuer"], own_key().address().to_eip55());
    assert!(app.verdict(&answer.json()["receipt"]).is_valid());
    assert_eq!(app.ask(ask).await.expect(201).body, answer.body);
    app.finish().await;
}

#[actix_web::test]
async fn a_signature_that_is_not_the_merchants_over_this_draft_is_refused() {
    let app = TestApp::new().await;
    let merchant = own_key_merchant(&app).await;
    let checked = checked_text(&app, &merchant, &draft(49_810)).await;
    let text = checked["text"].as_str().unwrap();
    let stranger = IssuerKey::from_secret(&Secret::new(*keccak256("stranger").as_bytes())).unwrap();
    let bad = (422, "LEDGER-ISSUER-SIGNATURE-BAD", "signature");
    for body in [
        json!({"draft": draft(49_810)}),
        json!({"draft": draft(49_810), "signature": stranger.sign(text)}),
        json!({"draft": draft(49_811), "signature": own_key().sign(text)}),
        json!({"draft": draft(49_810), "signature": "00".repeat(65)}),
    ] {
        app.refuses(Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body), bad).await;
    }
    for signature in ["", "zz", "0x12", &"AB".repeat(65)] {
        let body = json!({"draft": draft(49_810), "signature": signature});
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
        app.refuses(ask, (400, "HTTP-SHAPE-WRONG", "signature")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_signature_does_not_carry_over_to_another_merchant() {
    let app = TestApp::new().await;
    let (own, other) = (own_key_merchant(&app).await, app.register(RESTAURANT).await);
    let checked = checked_text(&app, &other, &draft(49_810)).await;
    let body = json!({"draft": draft(49_810), "signature": own_key().sign(checked["text"].as_str().unwrap())});
    let ask = Ask::post("/v1/invoices").by(&other.key).once("k1").json(&body);
    app.refuses(ask, (422, "LEDGER-ISSUER-SIGNATURE-BAD", "signature")).await;
    assert_ne!(own.id, other.id);
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_with_its_own_key_can_not_be_invoiced_for_on_payment() {
    let app = TestApp::new().await;
    let ask = Ask::post("/v1/merchants").by(&app.bureau).once("own").json(&own_key_registration(true));
    app.refuses(ask, (422, "LEDGER-OWN-KEY-ON-PAYMENT", "issue_on_payment")).await;
    app.finish().await;
}

#[actix_web::test]
async fn the_services_own_idempotency_keys_are_reserved() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let ask = issue(&merchant, "on-payment:wechat-pay:4200000001", &draft(49_810));
    app.refuses(ask, (422, "LEDGER-KEY-RESERVED", "")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_checked_draft_leaves_no_trace_and_says_what_issuing_will_say() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let before = app.checkpoint().await;
    let checked = checked_text(&app, &merchant, &draft(49_810)).await;
    assert_eq!(app.checkpoint().await, before);
    let issued = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).json();
    assert_eq!(checked["checked"], issued["invoice"]["draft"]);
    app.finish().await;
}

#[actix_web::test]
async fn a_taxpayer_id_with_a_wrong_check_digit_is_a_warning_until_the_bureau_refuses_it() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let buyer = json!({"kind": "organisation", "name": "样例公司", "taxpayer_id": "91440300PLDEM00482"});
    let body = changed(draft(49_810), "/buyer", buyer);
    let answer = app.issue(&merchant, "k1", &body).await.expect(201).json();
    assert_eq!(answer["warnings"][0]["code"], "INV-USCC-CHECK-DIGIT");
    assert_eq!(answer["warnings"][0]["path"], "draft.buyer.taxpayer_id");
    app.set_rules("*", &json!({"uscc_check_digit": "refuse"})).await;
    app.refuses(issue(&merchant, "k2", &body), (422, "INV-USCC-CHECK-DIGIT", "draft.buyer.taxpayer_id")).await;
    app.finish().await;
}

#[actix_web::test]
async fn quantities_prices_discounts_and_marks_come_out_as_written() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let mut oil = without(line(1), "/amount");
    oil["quantity"] = json!("37.84615385");
    oil["price"] = json!("7.8");
    oil["rate"] = json!(1300);
    oil["discount"] = json!(520);
    let rice = changed(changed(line(1_000), "/rate", json!(0)), "/mark", json!("exempt"));
    let body = json!({"buyer": {"kind": "individual", "name": "个人"}, "pricing": "exclusive", "lines": [oil, rice]});
    let draft = app.issue(&merchant, "k1", &body).await.expect(201).json()["invoice"]["draft"].clone();
    let sums: Vec<_> =
        draft["lines"].as_array().unwrap().iter().map(|l| [&l["amount"], &l["tax"], &l["total"]]).collect();
    assert_eq!(sums, [[29_520, 3_838, 33_358], [-520, -68, -588], [1_000, 0, 1_000]]);
    assert_eq!(draft["lines"][1]["kind"], "discount");
    assert_eq!((&draft["amount"], &draft["tax"], &draft["total"]), (&json!(30_000), &json!(3_770), &json!(33_770)));
    app.finish().await;
}

#[actix_web::test]
async fn an_invoice_of_two_thousand_lines_is_issued_and_printed() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let body = without(changed(draft(1), "/lines", json!(vec![line(100); 2_000])), "/total");
    let answer = app.issue(&merchant, "k1", &body).await.expect(201).json();
    assert_eq!(answer["invoice"]["draft"]["total"], 200_000);
    assert!(app.verdict(&answer["receipt"]).is_valid());
    let path = format!("/v1/invoices/{}/face.pdf", answer["invoice"]["id"].as_str().unwrap());
    assert!(app.ask(Ask::get(path).by(&merchant.key)).await.expect(200).body.starts_with(b"%PDF-"));
    app.finish().await;
}
