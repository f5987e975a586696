//! From a payment to its invoice: by itself, in whichever order things come, and what refunds leave.

use piaolian::base::Secret;
use piaolian::invoice::InvoiceId;
use piaolian::parties::kingdee::erp::InvoiceQuery;
use serde_json::json;

use crate::ask::Ask;
use crate::samples::{CONSULTANT, NOON, PAYER, RESTAURANT, draft_for, order, payment, refund};
use crate::test_app::TestApp;

#[actix_web::test]
async fn a_payment_of_a_known_order_becomes_an_invoice_in_wallet_and_erp() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.set_rules("*", &json!({"rates": [600], "payment_required": true, "per_invoice_cap": 100_000})).await;
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;

    let invoices = app.invoices().await;
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0]["payment"], "wechat-pay/4200000001");
    let id = invoices[0]["id"].as_str().unwrap();
    let invoice = app.ask(Ask::get(format!("/v1/invoices/{id}")).by(&merchant.key)).await.expect(200).json();
    assert_eq!((&invoice["code"], &invoice["number"]), (&json!("144032609110"), &json!("00000001")));
    assert_eq!(invoice["date"], "2026-11-22");
    assert_eq!(invoice["draft"]["amount"], 46_991);
    assert_eq!(invoice["draft"]["tax"], 2_819);

    let parties = app.service().desk().parties();
    let cards = parties.wallet.cards_of(&Secret::new(PAYER.to_owned()));
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].invoice, InvoiceId::try_from(id).unwrap());
    assert_eq!((cards[0].fee.get(), cards[0].tax.get()), (49_810, 2_819));
    assert_eq!(cards[0].check_code, invoice["check_code"]);
    assert_eq!(cards[0].payee, merchant.demo.seller.name);

    let query = InvoiceQuery { serial_no: Some(id.to_owned()), ..InvoiceQuery::default() };
    let bill = parties.erp.query("test", &query).unwrap();
    assert_eq!(bill["includeTaxAmount"], "498.10");
    assert_eq!(bill["checkCode"], invoice["check_code"]);
    app.finish().await;
}

#[actix_web::test]
async fn an_order_that_comes_after_its_payment_is_invoiced() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 0);
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn a_payment_without_an_order_stays_open() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 0);
    let open = app.ask(Ask::get("/v1/payments?open=true").by(&merchant.key)).await.expect(200).json();
    assert_eq!(open["payments"][0]["remaining"], 49_810);
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_that_issues_by_hand_gets_no_invoice_by_itself() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 0);
    app.finish().await;
}

#[actix_web::test]
async fn the_same_notice_ten_times_is_one_payment_and_one_invoice() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    let paid = payment(RESTAURANT, "4200000001", "A-1", 49_810);
    let first = app.platform.payment(&paid, &app.stamp()).unwrap();
    // Half of them the very same bytes, half of them signed and encrypted anew.
    for _ in 0..5 {
        app.ask(Ask::notice(&first)).await.expect(204);
        app.pay(&paid).await.expect(204);
    }
    app.settle().await;
    let payments = app.ask(Ask::get("/v1/payments").by(&app.auditor)).await.expect(200).json();
    assert_eq!(payments["payments"].as_array().unwrap().len(), 1);
    assert_eq!(app.invoices().await.len(), 1);
    assert_eq!(app.checkpoint().await["size"], 3, "one merchant, one payment, one invoice");
    app.finish().await;
}

#[actix_web::test]
async fn the_same_order_again_changes_nothing() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let body = order("A-1", 49_810);
    let first = app.order(&merchant, &body).await.expect(201);
    assert_eq!(first.json(), json!({"out_trade_no": "A-1", "total": 49_810}));
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    assert_eq!(app.order(&merchant, &body).await.expect(200).body, first.body);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn a_payment_is_invoiced_in_two_parts_and_no_further() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.issue(&merchant, "part-1", &draft_for("4200000001", 30_000)).await.expect(201);
    assert_eq!(app.payment("4200000001").await["remaining"], 19_810);
    app.issue(&merchant, "part-2", &draft_for("4200000001", 19_810)).await.expect(201);
    assert_eq!(app.payment("4200000001").await["remaining"], 0);
    let open = app.ask(Ask::get("/v1/payments?open=true").by(&merchant.key)).await.expect(200).json();
    assert_eq!(open["payments"], json!([]));
    let third = app.issue(&merchant, "part-3", &draft_for("4200000001", 1)).await.expect(409);
    assert_eq!(third.code(), "LEDGER-PAYMENT-OVERDRAWN");
    app.finish().await;
}

#[actix_web::test]
async fn a_refund_lowers_what_may_be_invoiced() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 49_810);
    app.pay(&paid).await.expect(204);
    let back = refund(&paid, "5030000001", 9_810);
    app.pay_back(&back).await.expect(204);
    app.pay_back(&back).await.expect(204);
    let recorded = app.payment("4200000001").await;
    assert_eq!((&recorded["refunded"], &recorded["remaining"]), (&json!(9_810), &json!(40_000)));
    let over = app.issue(&merchant, "over", &draft_for("4200000001", 40_001)).await.expect(409);
    assert_eq!(over.code(), "LEDGER-PAYMENT-OVERDRAWN");
    app.issue(&merchant, "fits", &draft_for("4200000001", 40_000)).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn a_payment_may_be_refunded_in_parts_down_to_nothing() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 49_810);
    app.pay(&paid).await.expect(204);
    app.pay_back(&refund(&paid, "5030000001", 40_000)).await.expect(204);
    app.pay_back(&refund(&paid, "5030000002", 9_810)).await.expect(204);
    assert_eq!(app.payment("4200000001").await["remaining"], 0);
    app.finish().await;
}

#[actix_web::test]
async fn two_payments_of_one_order_that_comes_later_are_two_invoices() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.pay(&payment(RESTAURANT, "4200000002", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 2);
    app.finish().await;
}

#[actix_web::test]
async fn an_order_over_another_sum_is_given_up_for_a_person_to_look_at() {
    let mut app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.order(&merchant, &order("A-1", 49_809)).await.expect(201);
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 0);
    let ready = app.ask(Ask::get("/readyz")).await.expect(200).json();
    assert_eq!((&ready["outbox_pending"], &ready["outbox_dead"]), (&json!(0), &json!(1)));
    // By hand it can still be invoiced.
    app.issue(&merchant, "by-hand", &draft_for("4200000001", 49_810)).await.expect(201);
    app.expect_dead(1);
    app.finish().await;
}

#[actix_web::test]
async fn a_cap_that_is_used_up_is_tried_again_when_the_month_has_turned() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.set_rules("*", &json!({"monthly_cap": 50_000})).await;
    for (transaction, number) in [("4200000001", "A-1"), ("4200000002", "A-2")] {
        app.order(&merchant, &order(number, 49_810)).await.expect(201);
        app.pay(&payment(RESTAURANT, transaction, number, 49_810)).await.expect(204);
    }
    let store = app.store();
    crate::test_app::eventually("the second invoice to be put off", || {
        let ready = store.read_blocking(|reader| reader.due(piaolian::base::UnixMs(NOON.0 + 15_000), 10)).unwrap();
        ready.len() == 1 && ready[0].attempts == 1
    })
    .await;
    assert_eq!(app.invoices().await.len(), 1);
    app.clock.set(piaolian::base::UnixMs(NOON.0 + 10 * crate::samples::DAY_MS));
    app.settle().await;
    let dates: Vec<_> = app.invoices().await.iter().map(|invoice| invoice["date"].clone()).collect();
    assert_eq!(dates, ["2026-12-02", "2026-11-22"]);
    app.finish().await;
}

#[actix_web::test]
async fn a_genuine_notice_of_no_concern_is_taken_and_leaves_no_trace() {
    let app = TestApp::new().await;
    app.register(RESTAURANT).await;
    let before = app.checkpoint().await;
    let event = piaolian::parties::tencent::sandbox::Event {
        id: "EV-1",
        at: NOON,
        event_type: "COUPON.USE",
        original_type: "coupon",
        summary: "券",
    };
    let notice = app.platform.event(&event, &json!({"coupon_id": "1"}), &app.stamp()).unwrap();
    app.ask(Ask::notice(&notice)).await.expect(204);
    assert_eq!(app.checkpoint().await, before);
    app.finish().await;
}
