//! Notices that are forged, stale or say what can't be: refused in the partner's own form, without a trace.

use piaolian::base::{Secret, UnixMs};
use piaolian::parties::tencent::sandbox::{Event, Forgery, Platform, SignedNotice};
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::samples::{CONSULTANT, NOON, RESTAURANT, payment, refund};
use crate::test_app::TestApp;

const WINDOW_MS: i64 = 300_000;

/// A notice that must be refused with this status and code, and leave no trace.
async fn refused(app: &TestApp, notice: &SignedNotice, status: u16, code: &str) {
    let before = app.checkpoint().await;
    refused_answer(&app.ask(Ask::notice(notice)).await, status, code);
    assert_eq!(app.checkpoint().await, before, "{code} left a trace");
}

fn refused_answer(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()), (status, json!({"code": "FAIL", "message": code})));
}

#[actix_web::test]
async fn every_forged_notice_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let good = app.platform.payment(&payment(CONSULTANT, "4200000001", "A-1", 100), &app.stamp()).unwrap();
    for forgery in Forgery::ALL {
        let code = match forgery {
            Forgery::Probe => "WECHAT-SIGNATURE-PROBE",
            Forgery::SerialUnknown => "WECHAT-SERIAL-UNKNOWN",
            Forgery::SignatureMissing => "WECHAT-HEADER-MISSING",
            Forgery::SignatureOfOtherBytes
            | Forgery::BodyChanged
            | Forgery::NonceChanged
            | Forgery::TimestampChanged => "WECHAT-SIGNATURE-BAD",
        };
        let forged = app.platform.forge(&good, forgery, &app.stamp()).unwrap();
        refused(&app, &forged, 401, code).await;
    }
    app.ask(Ask::notice(&good)).await.expect(204);
    app.finish().await;
}

#[actix_web::test]
async fn a_notice_of_another_platform_key_is_refused_under_our_serial() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let stranger = Platform::generate(&[1; 16]).unwrap();
    let mut notice = stranger.payment(&payment(CONSULTANT, "4200000001", "A-1", 100), &app.stamp()).unwrap();
    refused(&app, &notice, 401, "WECHAT-SERIAL-UNKNOWN").await;
    notice.headers.serial = Some(app.platform.serial().to_owned());
    refused(&app, &notice, 401, "WECHAT-SIGNATURE-BAD").await;
    app.finish().await;
}

#[actix_web::test]
async fn a_notice_is_believed_for_five_minutes_either_way() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 100);
    for apart in [WINDOW_MS + 1_000, -WINDOW_MS - 1_000, 10 * WINDOW_MS] {
        let notice = app.platform.payment(&paid, &app.stamp_at(UnixMs(NOON.0 + apart))).unwrap();
        refused(&app, &notice, 401, "WECHAT-TIMESTAMP-BAD").await;
    }
    for apart in [WINDOW_MS, -WINDOW_MS] {
        let notice = app.platform.payment(&paid, &app.stamp_at(UnixMs(NOON.0 + apart))).unwrap();
        app.ask(Ask::notice(&notice)).await.expect(204);
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_replayed_notice_is_refused_once_it_is_stale_and_the_payment_stays_one() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let notice = app.platform.payment(&payment(CONSULTANT, "4200000001", "A-1", 100), &app.stamp()).unwrap();
    app.ask(Ask::notice(&notice)).await.expect(204);
    app.clock.set(UnixMs(NOON.0 + WINDOW_MS + 1_000));
    refused(&app, &notice, 401, "WECHAT-TIMESTAMP-BAD").await;
    app.finish().await;
}

#[actix_web::test]
async fn a_notice_without_its_headers_is_refused() {
    let app = TestApp::new().await;
    let notice = app.platform.payment(&payment(CONSULTANT, "4200000001", "A-1", 100), &app.stamp()).unwrap();
    for name in ["Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce"] {
        let mut ask = Ask::notice(&notice);
        ask.headers.retain(|(header, _)| *header != name);
        refused_answer(&app.ask(ask).await, 401, "WECHAT-HEADER-MISSING");
    }
    refused_answer(&app.ask(Ask::post("/v1/notices/wechat-pay").raw("{}")).await, 401, "WECHAT-HEADER-MISSING");
    app.finish().await;
}

#[actix_web::test]
async fn a_signed_body_that_is_no_envelope_is_refused() {
    let app = TestApp::new().await;
    for body in ["", "{}", "[]", "null", "\u{0}"] {
        let notice = app.platform.sign(body.as_bytes().to_vec(), &app.stamp()).unwrap();
        refused(&app, &notice, 400, "WECHAT-ENVELOPE-MALFORMED").await;
    }
    app.finish().await;
}

/// The notice of a payment whose resource says something else in one place.
fn odd_payment(app: &TestApp, pointer: &str, value: Value) -> SignedNotice {
    let mut resource = json!({
        "mchid": CONSULTANT, "transaction_id": "4200000001", "out_trade_no": "A-1", "trade_state": "SUCCESS",
        "success_time": "2026-11-22T12:00:00+08:00", "amount": {"total": 100, "currency": "CNY"},
        "payer": {"openid": "oSample"}
    });
    *resource.pointer_mut(pointer).unwrap() = value;
    let event = Event {
        id: "EV-1",
        at: NOON,
        event_type: "TRANSACTION.SUCCESS",
        original_type: "transaction",
        summary: "支付成功",
    };
    app.platform.event(&event, &resource, &app.stamp()).unwrap()
}

#[actix_web::test]
async fn a_genuine_notice_that_says_what_can_not_be_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    for (pointer, value, status, code) in [
        ("/mchid", json!("1900009999"), 422, "WECHAT-MERCHANT-UNKNOWN"),
        ("/trade_state", json!("REFUND"), 422, "WECHAT-STATE-UNEXPECTED"),
        ("/amount/currency", json!("USD"), 422, "WECHAT-CURRENCY-UNKNOWN"),
        ("/amount/total", json!(0), 400, "WECHAT-RESOURCE-MALFORMED"),
        ("/amount/total", json!(-100), 400, "WECHAT-RESOURCE-MALFORMED"),
        ("/amount/total", json!(10_000_000_000_001_i64), 400, "WECHAT-RESOURCE-MALFORMED"),
        ("/amount/total", json!(100.5), 400, "WECHAT-RESOURCE-MALFORMED"),
        ("/transaction_id", json!(""), 400, "WECHAT-RESOURCE-MALFORMED"),
        ("/out_trade_no", json!("订单"), 400, "WECHAT-RESOURCE-MALFORMED"),
        ("/success_time", json!("yesterday"), 400, "WECHAT-RESOURCE-MALFORMED"),
    ] {
        refused(&app, &odd_payment(&app, pointer, value), status, code).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_transaction_repeated_with_other_contents_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    app.register(RESTAURANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 100);
    app.pay(&paid).await.expect(204);
    let others = [
        payment(CONSULTANT, "4200000001", "A-1", 101),
        payment(CONSULTANT, "4200000001", "A-2", 100),
        payment(RESTAURANT, "4200000001", "A-1", 100),
        piaolian::parties::tencent::sandbox::SandboxPayment { success_time: UnixMs(NOON.0 + 1_000), ..paid },
    ];
    for other in others {
        let notice = app.platform.payment(&other, &app.stamp()).unwrap();
        refused(&app, &notice, 409, "LEDGER-PAYMENT-DIFFERS").await;
    }
    assert_eq!(app.payment("4200000001").await["paid"], 100);
    app.finish().await;
}

#[actix_web::test]
async fn a_refund_of_more_than_was_paid_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 100);
    app.pay(&paid).await.expect(204);
    let over = app.platform.refund(&refund(&paid, "5030000001", 101), &app.stamp()).unwrap();
    refused(&app, &over, 400, "WECHAT-RESOURCE-MALFORMED").await;
    // A notice that lies about what was paid does not help.
    let mut lying = refund(&paid, "5030000001", 101);
    lying.paid_fen = 101;
    let lying = app.platform.refund(&lying, &app.stamp()).unwrap();
    refused(&app, &lying, 409, "LEDGER-REFUND-TOO-LARGE").await;
    app.pay_back(&refund(&paid, "5030000001", 60)).await.expect(204);
    let second = app.platform.refund(&refund(&paid, "5030000002", 41), &app.stamp()).unwrap();
    refused(&app, &second, 409, "LEDGER-REFUND-TOO-LARGE").await;
    assert_eq!(app.payment("4200000001").await["refunded"], 60);
    app.finish().await;
}

#[actix_web::test]
async fn a_refund_repeated_with_other_contents_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let (first, second) =
        (payment(CONSULTANT, "4200000001", "A-1", 100), payment(CONSULTANT, "4200000002", "A-2", 100));
    app.pay(&first).await.expect(204);
    app.pay(&second).await.expect(204);
    app.pay_back(&refund(&first, "5030000001", 40)).await.expect(204);
    for other in [refund(&first, "5030000001", 41), refund(&second, "5030000001", 40)] {
        let notice = app.platform.refund(&other, &app.stamp()).unwrap();
        refused(&app, &notice, 409, "LEDGER-REFUND-DIFFERS").await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_refund_of_a_payment_that_is_not_there_is_refused() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    app.register(RESTAURANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 100);
    let notice = app.platform.refund(&refund(&paid, "5030000001", 40), &app.stamp()).unwrap();
    refused(&app, &notice, 422, "LEDGER-PAYMENT-UNKNOWN").await;
    app.pay(&paid).await.expect(204);
    let theirs = payment(RESTAURANT, "4200000001", "A-1", 100);
    let notice = app.platform.refund(&refund(&theirs, "5030000001", 40), &app.stamp()).unwrap();
    refused(&app, &notice, 422, "LEDGER-PAYMENT-UNKNOWN").await;
    app.finish().await;
}

#[actix_web::test]
async fn a_refused_notice_does_not_say_who_paid() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let mut paid = payment("1900009999", "4200000001", "A-1", 100);
    paid.payer_openid = Secret::new("oVerySecretPayer".to_owned());
    let answer = app.pay(&paid).await.expect(422);
    assert!(!answer.text().contains("oVerySecretPayer"));
    app.finish().await;
}
