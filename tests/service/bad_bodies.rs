//! Bodies that can't be read. Nothing of them reaches the ledger.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::holds::Company;
use crate::samples::{CONSULTANT, changed, draft, line, order, without};
use crate::test_app::{TestApp, demo_merchant};

const SYNTAX: &str = "HTTP-JSON-MALFORMED";
const SHAPE: &str = "HTTP-SHAPE-WRONG";

/// Every route that takes JSON, with a key that may use it and a body that it would take.
async fn routes(app: &TestApp, merchant_key: &str) -> Vec<(Ask, Value)> {
    let company_key = Company::new(app, "91440300708461136T").await.key;
    let company = |path: &str| Ask::post(path).by(&company_key).once("k1");
    let (id, salt) = ("144032609110-00000001", "0001".repeat(16));
    let hold = json!({"invoices": [id], "salt": salt});
    let holder = json!({"id": "a", "salt": salt});
    let bureau = |ask: Ask| ask.by(&app.bureau).once("k1");
    let merchant = |ask: Ask| ask.by(merchant_key).once("k1");
    vec![
        (bureau(Ask::post("/v1/merchants")), json!({"name": "样例", "taxpayer_id": "91440300PLDEM0013E"})),
        (bureau(Ask::put("/v1/rules/*")), json!({"rules": {}})),
        (bureau(Ask::post("/v1/api-keys")), json!({"role": "auditor", "label": "a"})),
        (merchant(Ask::post("/v1/orders")), order("A-1", 100)),
        (merchant(Ask::post("/v1/drafts")), json!({"draft": draft(100)})),
        (merchant(Ask::post("/v1/invoices")), json!({"draft": draft(100)})),
        (
            Ask::post("/dzswj/bers_ep_web/query_bill_detail"),
            json!({"tx_hash": "01".repeat(33), "bill_num": "00000001", "total_amount": "100"}),
        ),
        (company("/v1/locks"), json!({"invoices": [{"id": id, "hash": "01".repeat(33)}], "salt": salt})),
        (company("/v1/locks/1/renewals"), hold.clone()),
        (company("/v1/locks/1/releases"), hold.clone()),
        (company("/v1/locks/1/bookings"), hold.clone()),
        (company("/v1/pledges/1/releases"), hold.clone()),
        (company("/v1/pledges/1/settlements"), hold),
        (company("/v1/commitments"), json!({"salt": salt})),
        (merchant(Ask::post(format!("/v1/invoices/{id}/pledge"))), json!({"financier": "01".repeat(32)})),
        (Ask::post("/v1/claims").once("k1"), json!({"invoice": id, "token": "", "holder": holder})),
        (
            Ask::post("/v1/claims/hand-over").once("k1"),
            json!({"invoice": id, "holder": holder, "to": {"commitment": "01".repeat(32)}}),
        ),
        (Ask::post("/v1/claims/discard").once("k1"), json!({"invoice": id, "holder": holder})),
    ]
}

#[actix_web::test]
async fn a_body_that_is_not_json_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (ask, body) in routes(&app, &merchant.key).await {
        for text in [&b""[..], b"{", b"\xff\xfe", b"{]", b"nul"] {
            app.refuses(ask.clone().raw(text), (400, SYNTAX, "")).await;
        }
        let trailing = format!("{body} {{}}");
        app.refuses(ask.clone().raw(trailing), (400, SYNTAX, "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn an_unknown_field_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (ask, body) in routes(&app, &merchant.key).await {
        app.refuses(ask.json(&changed(body, "/tip", json!(1))), (400, SHAPE, "tip")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn another_type_than_an_object_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (ask, _) in routes(&app, &merchant.key).await {
        for body in [json!(1), json!("text"), Value::Null] {
            app.refuses(ask.clone().json(&body), (400, SHAPE, "")).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn another_media_type_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (ask, body) in routes(&app, &merchant.key).await {
        for media in ["text/plain", "application/x-www-form-urlencoded", "application/json5"] {
            let mut ask = ask.clone().header("Content-Type", media);
            ask.body = body.to_string().into_bytes();
            app.refuses(ask, (415, "HTTP-MEDIA-TYPE", "")).await;
        }
        let mut ask = ask;
        ask.body = body.to_string().into_bytes();
        app.refuses(ask, (415, "HTTP-MEDIA-TYPE", "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_body_above_two_mebibytes_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (ask, body) in routes(&app, &merchant.key).await {
        let mut text = body.to_string();
        text.push_str(&" ".repeat(2 * 1024 * 1024 + 1 - text.len()));
        app.refuses(ask.raw(text), (413, "HTTP-BODY-TOO-LARGE", "")).await;
    }
    let notice = Ask::post("/v1/notices/wechat-pay").raw(" ".repeat(2 * 1024 * 1024 + 1));
    app.refuses(notice, (413, "HTTP-BODY-TOO-LARGE", "")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_body_of_two_mebibytes_is_read() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let mut text = json!({"draft": draft(100)}).to_string();
    text.push_str(&" ".repeat(2 * 1024 * 1024 - text.len()));
    app.ask(Ask::post("/v1/drafts").by(&merchant.key).raw(text)).await.expect(200);
    app.finish().await;
}

#[actix_web::test]
async fn a_media_type_with_parameters_is_taken() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let mut ask = Ask::post("/v1/drafts").by(&merchant.key).header("Content-Type", "Application/JSON; charset=utf-8");
    ask.body = json!({"draft": draft(100)}).to_string().into_bytes();
    app.ask(ask).await.expect(200);
    app.finish().await;
}

#[actix_web::test]
async fn deep_nesting_is_refused() {
    let app = TestApp::new().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"tx_hash":"","bill_num":"","total_amount":{deep}}}"#);
    let answer = app.ask(Ask::post("/dzswj/bers_ep_web/query_bill_detail").raw(body)).await.expect(400);
    assert_eq!(answer.code(), SHAPE);
    app.finish().await;
}

#[actix_web::test]
async fn fields_of_a_draft_that_do_not_have_their_form_are_named() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let big = 9_007_199_254_740_992_i64;
    let cases = [
        ("/buyer", json!("个人"), "draft.buyer"),
        ("/buyer/kind", json!("robot"), "draft.buyer.kind"),
        ("/buyer/tip", json!(1), "draft.buyer.tip"),
        ("/pricing", json!("net"), "draft.pricing"),
        ("/pricing", json!(1), "draft.pricing"),
        ("/pricing", Value::Null, "draft.pricing"),
        ("/lines", json!({}), "draft.lines"),
        ("/lines/0", json!(1), "draft.lines[0]"),
        ("/lines/0/tip", json!(1), "draft.lines[0].tip"),
        ("/lines/0/amount", json!(1.5), "draft.lines[0].amount"),
        ("/lines/0/amount", json!(100.0), "draft.lines[0].amount"),
        ("/lines/0/amount", json!("100"), "draft.lines[0].amount"),
        ("/lines/0/amount", json!(big), "draft.lines[0].amount"),
        ("/lines/0/amount", json!(u64::MAX), "draft.lines[0].amount"),
        ("/lines/0/rate", json!(-1), "draft.lines[0].rate"),
        ("/lines/0/rate", json!(10_001), "draft.lines[0].rate"),
        ("/lines/0/rate", json!(0.06), "draft.lines[0].rate"),
        ("/lines/0/mark", json!("free"), "draft.lines[0].mark"),
        ("/lines/0/quantity", json!(1), "draft.lines[0].quantity"),
        ("/lines/0/quantity", json!("1.0"), "draft.lines[0].quantity"),
        ("/lines/0/quantity", json!("1e3"), "draft.lines[0].quantity"),
        ("/lines/0/price", json!("0.123456789"), "draft.lines[0].price"),
        ("/lines/0/price", json!("１"), "draft.lines[0].price"),
        ("/total", json!(true), "draft.total"),
        ("/payment", json!("4200000001"), "draft.payment"),
        ("/payment", json!({"provider": "Wechat", "transaction": "1"}), "draft.payment.provider"),
        ("/payment", json!({"provider": "wechat-pay", "transaction": "a b"}), "draft.payment.transaction"),
        ("/payment", json!({"provider": "wechat-pay", "transaction": "1".repeat(65)}), "draft.payment.transaction"),
        ("/payment", json!({"provider": "wechat-pay", "transaction": "支付"}), "draft.payment.transaction"),
    ];
    for (pointer, value, path) in cases {
        let body = json!({"draft": changed(draft(100), pointer, value)});
        for route in ["/v1/drafts", "/v1/invoices"] {
            let ask = Ask::post(route).by(&merchant.key).once("k1").json(&body);
            app.refuses(ask, (400, SHAPE, path)).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn fields_that_are_missing_are_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (pointer, path) in [
        ("/buyer", "draft"),
        ("/pricing", "draft"),
        ("/lines", "draft"),
        ("/buyer/kind", "draft.buyer"),
        ("/buyer/name", "draft.buyer"),
        ("/lines/0/category", "draft.lines[0]"),
        ("/lines/0/name", "draft.lines[0]"),
        ("/lines/0/classification", "draft.lines[0]"),
        ("/lines/0/rate", "draft.lines[0]"),
    ] {
        let body = json!({"draft": without(draft(100), pointer)});
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
        app.refuses(ask, (400, SHAPE, path)).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn null_is_not_a_way_to_leave_a_field_of_a_draft_out() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for field in ["payment", "total", "remark", "payee", "reviewer", "drawer"] {
        let body = json!({"draft": changed(draft(100), &format!("/{field}"), Value::Null)});
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
        app.refuses(ask, (400, SHAPE, &format!("draft.{field}"))).await;
    }
    for field in ["specification", "unit", "quantity", "price", "amount", "mark", "discount"] {
        let body = json!({"draft": changed(draft(100), &format!("/lines/0/{field}"), Value::Null)});
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
        app.refuses(ask, (400, SHAPE, &format!("draft.lines[0].{field}"))).await;
    }
    for field in ["buyer", "remark"] {
        let body = changed(order("A-1", 100), &format!("/{field}"), Value::Null);
        app.refuses(Ask::post("/v1/orders").by(&merchant.key).json(&body), (400, SHAPE, field)).await;
    }
    for field in ["monthly_cap", "rates", "payment_required"] {
        let ask = Ask::put("/v1/rules/*").by(&app.bureau).once("k1").json(&json!({"rules": {field: null}}));
        app.refuses(ask, (400, SHAPE, &format!("rules.{field}"))).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn null_is_not_a_way_to_leave_a_field_of_a_request_out() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let body = json!({"draft": draft(100), "signature": null});
    let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
    app.refuses(ask, (400, SHAPE, "signature")).await;
    for field in ["address_phone", "bank_account", "mchid", "issue_on_payment", "issuer"] {
        let mut body = json!(demo_merchant(CONSULTANT).seller);
        body[field] = Value::Null;
        let ask = Ask::post("/v1/merchants").by(&app.bureau).once("k1").json(&body);
        app.refuses(ask, (400, SHAPE, field)).await;
    }
    let body = json!({"role": "auditor", "label": "a", "merchant": null});
    app.refuses(Ask::post("/v1/api-keys").by(&app.bureau).json(&body), (400, SHAPE, "merchant")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_field_that_stands_twice_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let text = json!({"draft": draft(100)}).to_string().replacen("\"total\":100", "\"total\":100,\"total\":100", 1);
    let answer = app.ask(Ask::post("/v1/invoices").by(&merchant.key).once("k1").raw(text)).await.expect(400);
    assert_eq!(answer.code(), SHAPE);
    app.finish().await;
}

#[actix_web::test]
async fn numbers_that_json_can_hold_and_we_can_not_are_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for number in ["1e400", "-1e400", "1e3", "99999999999999999999999", "-0.0"] {
        let text = json!({"draft": draft(100)}).to_string().replace("\"amount\":100", &format!("\"amount\":{number}"));
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").raw(text);
        let answer = app.ask(ask).await.expect(400);
        assert!([SYNTAX, SHAPE].contains(&answer.code().as_str()), "{number}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_lone_surrogate_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let text = json!({"draft": changed(draft(100), "/remark", json!("X"))}).to_string().replace("\"X\"", r#""\ud800""#);
    let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").raw(text);
    app.refuses(ask, (400, SHAPE, "draft.remark")).await;
    app.finish().await;
}

#[actix_web::test]
async fn merchants_and_keys_that_do_not_have_their_form_are_named() {
    let app = TestApp::new().await;
    let good = json!({"name": "样例", "taxpayer_id": "91440300PLDEM0013E"});
    for (pointer, value, expected) in [
        ("/issuer", json!("0x12"), (400, SHAPE, "issuer")),
        ("/issue_on_payment", json!("yes"), (400, SHAPE, "issue_on_payment")),
        ("/mchid", json!(1_900_000_101), (400, SHAPE, "mchid")),
        ("/mchid", json!(""), (422, "LEDGER-MCHID-MALFORMED", "mchid")),
        ("/mchid", json!("19000001a1"), (422, "LEDGER-MCHID-MALFORMED", "mchid")),
        ("/mchid", json!("1".repeat(33)), (422, "LEDGER-MCHID-MALFORMED", "mchid")),
        ("/name", json!(""), (422, "INV-TEXT-EMPTY", "name")),
        ("/name", json!("样".repeat(257)), (422, "INV-TEXT-TOO-LONG", "name")),
        ("/name", json!("e\u{301}"), (422, "INV-TEXT-NOT-NFC", "name")),
        ("/taxpayer_id", json!("9144"), (422, "INV-TAXPAYER-ID-SHAPE", "taxpayer_id")),
        ("/address_phone", json!(" "), (422, "INV-TEXT-EMPTY", "address_phone")),
    ] {
        let ask = Ask::post("/v1/merchants").by(&app.bureau).once("k1").json(&changed(good.clone(), pointer, value));
        app.refuses(ask, expected).await;
    }
    for (body, expected) in [
        (json!({"role": "admin", "label": "a"}), (400, SHAPE, "role")),
        (json!({"role": "auditor", "label": ""}), (400, SHAPE, "label")),
        (json!({"role": "auditor", "label": "a\nb"}), (400, SHAPE, "label")),
        (json!({"role": "auditor", "label": "a".repeat(101)}), (400, SHAPE, "label")),
        (json!({"role": "merchant", "label": "a"}), (400, SHAPE, "merchant")),
        (json!({"role": "bureau", "label": "a", "merchant": "M00000001"}), (400, SHAPE, "merchant")),
        (json!({"role": "merchant", "label": "a", "merchant": "1"}), (400, SHAPE, "merchant")),
        (
            json!({"role": "merchant", "label": "a", "merchant": "M00000009"}),
            (404, "LEDGER-MERCHANT-UNKNOWN", "merchant"),
        ),
    ] {
        app.refuses(Ask::post("/v1/api-keys").by(&app.bureau).json(&body), expected).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn orders_that_can_not_be_taken_are_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let good = order("A-1", 100);
    for (pointer, value, expected) in [
        ("/out_trade_no", json!("a b"), (400, "ID-MALFORMED", "out_trade_no")),
        ("/out_trade_no", json!(""), (400, "ID-MALFORMED", "out_trade_no")),
        ("/lines", json!([]), (422, "INV-LINES-EMPTY", "lines")),
        ("/lines", json!([line(0)]), (422, "INV-AMOUNT-NOT-POSITIVE", "lines[0].amount")),
        ("/lines", json!([line(-100)]), (422, "INV-AMOUNT-NOT-POSITIVE", "lines[0].amount")),
        ("/lines", json!(vec![line(1); 2_001]), (422, "INV-LINES-TOO-MANY", "lines")),
        ("/lines/0/rate", json!(1700), (422, "INV-RATE-EXPIRED", "lines[0].rate")),
        ("/lines", json!([without(line(1), "/amount")]), (422, "INV-AMOUNT-MISSING", "lines[0].amount")),
        ("/lines/0/rate", json!("6%"), (400, SHAPE, "lines[0].rate")),
        ("/remark", json!("e\u{301}"), (422, "INV-TEXT-NOT-NFC", "remark")),
    ] {
        let body = changed(good.clone(), pointer, value);
        app.refuses(Ask::post("/v1/orders").by(&merchant.key).json(&body), expected).await;
    }
    app.order(&merchant, &good).await.expect(201);
    let other = Ask::post("/v1/orders").by(&merchant.key).json(&order("A-1", 101));
    app.refuses(other, (409, "LEDGER-ORDER-DIFFERS", "out_trade_no")).await;
    app.finish().await;
}
