//! Drafts that can be read and say something wrong. Nothing of them reaches the ledger.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, RESTAURANT, changed, draft, draft_for, line, payment, without};
use crate::test_app::{TestApp, issue};

/// Tries drafts, made from a good one by changing what stands at a pointer, for checking and for issuing.
async fn refused(cases: impl IntoIterator<Item = (&'static str, Value, &'static str, &'static str)>) {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (pointer, value, code, path) in cases {
        let body = changed(draft(10_000), pointer, value);
        app.refuses(issue(&merchant, "k1", &body), (422, code, &format!("draft.{path}"))).await;
        let check = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": body}));
        app.refuses(check, (422, code, &format!("draft.{path}"))).await;
    }
    app.finish().await;
}

fn with(pointer: &str, value: Value) -> Value {
    changed(line(10_000), pointer, value)
}

#[actix_web::test]
async fn wrong_sums_are_refused() {
    let priced = |amount: i64| {
        let line = changed(line(amount), "/quantity", json!("3"));
        json!([changed(line, "/price", json!("33.33"))])
    };
    refused([
        ("/total", json!(9_999), "INV-TOTAL-DISAGREES", "total"),
        ("/total", json!(0), "INV-TOTAL-DISAGREES", "total"),
        ("/total", json!(-10_000), "INV-TOTAL-DISAGREES", "total"),
        ("/pricing", json!("exclusive"), "INV-TOTAL-DISAGREES", "total"),
        ("/lines", priced(10_000), "INV-AMOUNT-DISAGREES", "lines[0].amount"),
        ("/lines", priced(9_998), "INV-AMOUNT-DISAGREES", "lines[0].amount"),
    ])
    .await;
}

#[actix_web::test]
async fn amounts_that_nobody_can_owe_are_refused() {
    let priced = |quantity: &str, price: &str| {
        let line = without(line(1), "/amount");
        json!([changed(changed(line, "/quantity", json!(quantity)), "/price", json!(price))])
    };
    refused([
        ("/lines/0/amount", json!(0), "INV-AMOUNT-NOT-POSITIVE", "lines[0].amount"),
        ("/lines/0/amount", json!(-1), "INV-AMOUNT-NOT-POSITIVE", "lines[0].amount"),
        ("/lines/0/amount", json!(10_000_000_000_001_i64), "INV-AMOUNT-TOO-LARGE", "lines[0].amount"),
        ("/lines/0/amount", json!(9_007_199_254_740_991_i64), "INV-AMOUNT-TOO-LARGE", "lines[0].amount"),
        ("/lines", json!(vec![line(10_000_000_000_000); 2]), "INV-TOTAL-TOO-LARGE", "total"),
        ("/lines", json!(vec![line(10_000_000_000_000); 1_000]), "INV-TOTAL-TOO-LARGE", "total"),
        ("/lines", priced("0", "1"), "INV-QUANTITY-NOT-POSITIVE", "lines[0].quantity"),
        ("/lines", priced("-1", "1"), "INV-QUANTITY-NOT-POSITIVE", "lines[0].quantity"),
        ("/lines", priced("1", "0"), "INV-PRICE-NOT-POSITIVE", "lines[0].price"),
        ("/lines", priced("0.001", "0.001"), "INV-AMOUNT-NOT-POSITIVE", "lines[0].amount"),
        ("/lines", priced("90000000000", "90000000000"), "INV-AMOUNT-TOO-LARGE", "lines[0].amount"),
        ("/lines/0/quantity", json!("1"), "INV-QUANTITY-WITHOUT-PRICE", "lines[0].quantity"),
        ("/lines/0/price", json!("1"), "INV-PRICE-WITHOUT-QUANTITY", "lines[0].price"),
        ("/lines", json!([without(line(1), "/amount")]), "INV-AMOUNT-MISSING", "lines[0].amount"),
        ("/lines/0/discount", json!(0), "INV-DISCOUNT-NOT-POSITIVE", "lines[0].discount"),
        ("/lines/0/discount", json!(-1), "INV-DISCOUNT-NOT-POSITIVE", "lines[0].discount"),
        ("/lines/0/discount", json!(10_001), "INV-DISCOUNT-TOO-LARGE", "lines[0].discount"),
    ])
    .await;
}

#[actix_web::test]
async fn discounts_that_leave_nothing_are_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let body = without(changed(draft(100), "/lines/0/discount", json!(100)), "/total");
    app.refuses(issue(&merchant, "k1", &body), (422, "INV-TOTAL-NOT-POSITIVE", "draft.total")).await;
    app.finish().await;
}

#[actix_web::test]
async fn rates_and_marks_that_do_not_hold_are_refused() {
    refused([
        ("/lines/0/rate", json!(1700), "INV-RATE-EXPIRED", "lines[0].rate"),
        ("/lines/0/rate", json!(1600), "INV-RATE-EXPIRED", "lines[0].rate"),
        ("/lines/0/rate", json!(700), "INV-RATE-UNKNOWN", "lines[0].rate"),
        ("/lines/0/rate", json!(10_000), "INV-RATE-UNKNOWN", "lines[0].rate"),
        ("/lines/0/mark", json!("exempt"), "INV-MARK-NEEDS-ZERO-RATE", "lines[0].mark"),
        ("/lines/0/classification", json!("307"), "INV-CLASSIFICATION-SHAPE", "lines[0].classification"),
        (
            "/lines/0/classification",
            json!("9070401000000000000"),
            "INV-CLASSIFICATION-SHAPE",
            "lines[0].classification",
        ),
        ("/lines/0/category", json!("餐*饮"), "INV-CATEGORY-ASTERISK", "lines[0].category"),
    ])
    .await;
}

#[actix_web::test]
async fn texts_that_could_deceive_are_refused_where_they_stand() {
    refused([
        ("/buyer/name", json!("e\u{301}"), "INV-TEXT-NOT-NFC", "buyer.name"),
        ("/buyer/name", json!("\u{e000}"), "INV-TEXT-PRIVATE-USE", "buyer.name"),
        ("/buyer/name", json!("\u{f0000}"), "INV-TEXT-PRIVATE-USE", "buyer.name"),
        ("/buyer/name", json!("甲\u{ffff}"), "INV-TEXT-PRIVATE-USE", "buyer.name"),
        ("/buyer/name", json!("甲\u{202e}乙"), "INV-TEXT-CONTROL", "buyer.name"),
        ("/buyer/name", json!("甲\n乙"), "INV-TEXT-CONTROL", "buyer.name"),
        ("/buyer/name", json!("甲\u{0}"), "INV-TEXT-CONTROL", "buyer.name"),
        ("/buyer/name", json!(""), "INV-TEXT-EMPTY", "buyer.name"),
        ("/buyer/name", json!("\u{3000} "), "INV-TEXT-EMPTY", "buyer.name"),
        ("/buyer/name", json!("甲".repeat(257)), "INV-TEXT-TOO-LONG", "buyer.name"),
        ("/lines/0/name", json!("\u{ac}\u{1100}\u{1161}"), "INV-TEXT-NOT-NFC", "lines[0].name"),
        ("/remark", json!("\u{7}"), "INV-TEXT-CONTROL", "remark"),
        ("/payee", json!("甲\n乙"), "INV-TEXT-CONTROL", "payee"),
    ])
    .await;
}

#[actix_web::test]
async fn an_organisation_needs_a_taxpayer_id_that_can_be_one() {
    let buyer = |id: &str| json!({"kind": "organisation", "name": "样例公司", "taxpayer_id": id});
    refused([
        ("/buyer/kind", json!("organisation"), "INV-BUYER-TAXPAYER-ID-MISSING", "buyer.taxpayer_id"),
        ("/buyer", buyer("91440300"), "INV-TAXPAYER-ID-SHAPE", "buyer.taxpayer_id"),
        ("/buyer", buyer("91440300plDEM00481"), "INV-TAXPAYER-ID-SHAPE", "buyer.taxpayer_id"),
        ("/buyer", buyer("914403001234567890123"), "INV-TAXPAYER-ID-SHAPE", "buyer.taxpayer_id"),
    ])
    .await;
}

#[actix_web::test]
async fn no_lines_and_too_many_lines_are_refused() {
    let discounted = with("/discount", json!(1));
    refused([
        ("/lines", json!([]), "INV-LINES-EMPTY", "lines"),
        ("/lines", json!(vec![line(1); 2_001]), "INV-LINES-TOO-MANY", "lines"),
        ("/lines", json!(vec![discounted; 1_001]), "INV-LINES-TOO-MANY", "lines"),
    ])
    .await;
}

#[actix_web::test]
async fn all_faults_of_a_draft_are_told_at_once() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let body = json!({"buyer": {"kind": "organisation", "name": " "}, "pricing": "inclusive", "lines": [
        with("/rate", json!(1700)), with("/amount", json!(0)), line(1), with("/classification", json!("1"))
    ]});
    let answer = app.refuses(issue(&merchant, "k1", &body), (422, "INV-TEXT-EMPTY", "draft.buyer.name")).await;
    let faults = answer.json()["errors"].as_array().unwrap().clone();
    let told: Vec<_> = faults.iter().map(|f| (f["code"].as_str().unwrap(), f["path"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("INV-TEXT-EMPTY", "draft.buyer.name"),
            ("INV-BUYER-TAXPAYER-ID-MISSING", "draft.buyer.taxpayer_id"),
            ("INV-RATE-EXPIRED", "draft.lines[0].rate"),
            ("INV-AMOUNT-NOT-POSITIVE", "draft.lines[1].amount"),
            ("INV-CLASSIFICATION-SHAPE", "draft.lines[3].classification"),
        ]
    );
    app.finish().await;
}

#[actix_web::test]
async fn a_payment_that_is_not_there_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 10_000)).await.expect(204);
    let unknown = (422, "LEDGER-PAYMENT-UNKNOWN", "draft.payment.transaction");
    app.refuses(issue(&merchant, "k1", &draft_for("4200000002", 10_000)), unknown).await;
    let elsewhere = changed(draft_for("4200000001", 10_000), "/payment/provider", json!("alipay"));
    app.refuses(issue(&merchant, "k1", &elsewhere), unknown).await;
    app.finish().await;
}

#[actix_web::test]
async fn another_merchants_payment_is_answered_like_none() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 10_000)).await.expect(204);
    let unknown = (422, "LEDGER-PAYMENT-UNKNOWN", "draft.payment.transaction");
    let same = |ask: Ask| ask.header("X-Request-Id", "same");
    let theirs = app.refuses(same(issue(&two, "k1", &draft_for("4200000001", 10_000))), unknown).await;
    let absent = app.refuses(same(issue(&two, "k1", &draft_for("4200000002", 10_000))), unknown).await;
    assert_eq!(theirs, absent);
    app.issue(&one, "k1", &draft_for("4200000001", 10_000)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn more_than_is_left_of_a_payment_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 10_000)).await.expect(204);
    let overdrawn = (409, "LEDGER-PAYMENT-OVERDRAWN", "draft.total");
    app.refuses(issue(&merchant, "k1", &draft_for("4200000001", 10_001)), overdrawn).await;
    app.issue(&merchant, "k1", &draft_for("4200000001", 9_999)).await.expect(201);
    app.refuses(issue(&merchant, "k2", &draft_for("4200000001", 2)), overdrawn).await;
    app.finish().await;
}
