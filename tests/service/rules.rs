//! The bureau's rules: obeyed from the next invoice on, refused where they make no sense.

use piaolian::base::UnixMs;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, draft, draft_for, payment};
use crate::test_app::{TestApp, issue};

/// Under these rules this draft is refused like this.
async fn refused(rules: Value, draft: Value, expected: (u16, &str, &str)) {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.set_rules("*", &rules).await;
    app.refuses(issue(&merchant, "k1", &draft), expected).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_rate_that_is_not_allowed_is_refused() {
    refused(json!({"rates": [0, 900]}), draft(100), (422, "INV-RULE-RATE", "draft.lines[0].rate")).await;
}

#[actix_web::test]
async fn a_classification_that_is_not_allowed_is_refused() {
    let expected = (422, "INV-RULE-CLASSIFICATION", "draft.lines[0].classification");
    refused(json!({"classification_prefixes": ["1", "308"]}), draft(100), expected).await;
}

#[actix_web::test]
async fn an_invoice_above_the_cap_is_refused() {
    refused(json!({"per_invoice_cap": 99}), draft(100), (422, "INV-RULE-INVOICE-CAP", "draft.total")).await;
}

#[actix_web::test]
async fn an_invoice_without_a_payment_is_refused_where_one_is_required() {
    let expected = (422, "INV-RULE-PAYMENT-REQUIRED", "draft.payment");
    refused(json!({"payment_required": true}), draft(100), expected).await;
}

#[actix_web::test]
async fn a_required_payment_has_to_be_recorded() {
    let expected = (422, "LEDGER-PAYMENT-UNKNOWN", "draft.payment.transaction");
    refused(json!({"payment_required": true}), draft_for("4200000001", 100), expected).await;
}

#[actix_web::test]
async fn a_used_up_month_is_refused_until_the_next_begins() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.set_rules("*", &json!({"monthly_cap": 100})).await;
    app.issue(&merchant, "k1", &draft(60)).await.expect(201);
    app.refuses(issue(&merchant, "k2", &draft(41)), (429, "LEDGER-MONTHLY-CAP", "draft.total")).await;
    app.issue(&merchant, "k2", &draft(40)).await.expect(201);
    app.refuses(issue(&merchant, "k3", &draft(1)), (429, "LEDGER-MONTHLY-CAP", "draft.total")).await;
    app.clock.set(UnixMs(NOON.0 + 9 * DAY_MS));
    app.issue(&merchant, "k3", &draft(100)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn what_is_just_allowed_passes() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 100)).await.expect(204);
    app.set_rules(
        "*",
        &json!({"per_invoice_cap": 100, "monthly_cap": 100, "rates": [600], "classification_prefixes": ["30704"],
                "uscc_check_digit": "refuse", "payment_required": true}),
    )
    .await;
    app.issue(&merchant, "k1", &draft_for("4200000001", 100)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn rules_of_a_merchant_stand_before_the_rules_for_all() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    app.set_rules("*", &json!({"per_invoice_cap": 10})).await;
    app.set_rules(one.id.as_str(), &json!({"per_invoice_cap": 1_000})).await;
    app.issue(&one, "k1", &draft(1_000)).await.expect(201);
    app.refuses(issue(&two, "k1", &draft(11)), (422, "INV-RULE-INVOICE-CAP", "draft.total")).await;
    app.finish().await;
}

#[actix_web::test]
async fn later_rules_replace_earlier_ones_as_a_whole() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.set_rules("*", &json!({"per_invoice_cap": 10, "rates": [900]})).await;
    app.set_rules("*", &json!({"rates": [600]})).await;
    app.issue(&merchant, "k1", &draft(1_000)).await.expect(201);
    let listed = app.ask(Ask::get("/v1/rules").by(&merchant.key)).await.expect(200).json();
    assert_eq!(
        listed,
        json!([{"scope": "*", "rules": {"rates": [600]}, "from_height": 3, "in_force": true, "entry": 2}])
    );
    app.finish().await;
}

#[actix_web::test]
async fn rules_without_sense_are_refused() {
    let app = TestApp::new().await;
    for (rules, code, path) in [
        (json!({"per_invoice_cap": -1}), "INV-RULES-CAP", "per_invoice_cap"),
        (json!({"per_invoice_cap": 10_000_000_000_001_i64}), "INV-RULES-CAP", "per_invoice_cap"),
        (json!({"monthly_cap": -1}), "INV-RULES-CAP", "monthly_cap"),
        (json!({"rates": []}), "INV-RULES-LIST", "rates"),
        (json!({"rates": [600, 600]}), "INV-RULES-LIST", "rates"),
        (json!({"rates": [600, 601]}), "INV-RATE-UNKNOWN", "rates[1]"),
        (json!({"classification_prefixes": ["7"]}), "INV-RULES-PREFIX", "classification_prefixes[0]"),
        (json!({"classification_prefixes": [""]}), "INV-RULES-PREFIX", "classification_prefixes[0]"),
    ] {
        let ask = Ask::put("/v1/rules/*").by(&app.bureau).once("k1").json(&json!({"rules": rules}));
        app.refuses(ask, (422, code, &format!("rules.{path}"))).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn rules_for_nobody_are_refused() {
    let app = TestApp::new().await;
    let rules =
        |scope: &str| Ask::put(format!("/v1/rules/{scope}")).by(&app.bureau).once("k1").json(&json!({"rules": {}}));
    app.refuses(rules("M00000009"), (404, "LEDGER-MERCHANT-UNKNOWN", "scope")).await;
    for scope in ["all", "m00000001", "M1", "**"] {
        app.refuses(rules(scope), (400, "HTTP-QUERY-MALFORMED", "scope")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_taxpayer_or_payment_number_is_registered_once() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let exists = |path| (409, "LEDGER-MERCHANT-EXISTS", path);
    app.refuses(app.registration(&merchant.demo).once("again"), exists("taxpayer_id")).await;
    let mut other = crate::test_app::demo_merchant(RESTAURANT);
    other.mchid = CONSULTANT.to_owned();
    app.refuses(app.registration(&other).once("again"), exists("mchid")).await;
    app.finish().await;
}
