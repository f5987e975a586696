//! Red letters over HTTP: whole and in parts, as often as there is something left, and what they set free.

use futures_util::future::join_all;
use piaolian::base::Secret;
use piaolian::chain::{IssuerKey, keccak256};
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::samples::{CONSULTANT, RESTAURANT, changed, draft, draft_for, line, order, payment, refund, without};
use crate::test_app::{Merchant, TestApp, demo_merchant};

/// A draft of three sold lines at two rates, the second with a discount: lines 0, 1 (with 2) and 3.
fn wide_draft() -> Value {
    let mut tea = without(line(1), "/amount");
    tea["name"] = json!("茶");
    tea["quantity"] = json!("10");
    tea["price"] = json!("12.34");
    let mut rice = changed(line(30_000), "/rate", json!(1300));
    rice["name"] = json!("饭");
    rice["discount"] = json!(5_000);
    without(changed(draft(1), "/lines", json!([tea, rice, line(999)])), "/total")
}

fn reverse(merchant: &Merchant, invoice: &Value, key: &str, body: &Value) -> Ask {
    let path = format!("/v1/invoices/{}/reversals", invoice["id"].as_str().unwrap());
    Ask::post(path).by(&merchant.key).once(key).json(body)
}

async fn issued(app: &TestApp, merchant: &Merchant, draft: &Value) -> Value {
    let key = format!("issue-{}", app.next());
    app.issue(merchant, &key, draft).await.expect(201).json()["invoice"].clone()
}

async fn reversals(app: &TestApp, invoice: &Value, query: &str) -> Value {
    let path = format!("/v1/invoices/{}/reversals{query}", invoice["id"].as_str().unwrap());
    app.ask(Ask::get(path).by(&app.auditor)).await.expect(200).json()
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
async fn a_whole_reversal_is_an_invoice_below_zero_that_names_the_blue_one() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let blue = issued(&app, &merchant, &draft(49_810)).await;
    let answer = twice(&app, reverse(&merchant, &blue, "r1", &json!({"reason": "SALES_RETURN"}))).await.json();
    let red = &answer["invoice"];
    assert_eq!((&red["number"], &red["reverses"]), (&json!("00000002"), &blue["id"]));
    let draft = &red["draft"];
    assert_eq!((&draft["amount"], &draft["tax"], &draft["total"]), (&json!(-46_991), &json!(-2_819), &json!(-49_810)));
    assert_eq!(draft["red"], json!({"code": blue["code"], "number": blue["number"], "reason": "SALES_RETURN"}));
    let remark =
        format!("对应正数发票代码:{}号码:{}", blue["code"].as_str().unwrap(), blue["number"].as_str().unwrap());
    assert_eq!(draft["remark"], remark);
    assert!(red["capital"].as_str().unwrap().starts_with("（负数）"));
    assert!(app.verdict(&answer["receipt"]).is_valid());
    let read = app.ask(Ask::get(format!("/v1/invoices/{}", red["id"].as_str().unwrap())).by(&merchant.key)).await;
    assert_eq!(read.expect(200).json()["reverses"], blue["id"]);
    let listed = app.invoices().await;
    assert_eq!((&listed[0]["blue_entry"], &listed[0]["total"]), (&blue["entry"], &json!(-49_810)));
    assert!(listed[1].get("blue_entry").is_none());
    let again = reverse(&merchant, &blue, "r2", &json!({"reason": "SALES_RETURN"}));
    app.refuses(again, (409, "INV-RED-NOTHING-LEFT", "")).await;
    app.finish().await;
}

#[actix_web::test]
async fn parts_by_line_quantity_and_total_add_up_to_the_whole() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let blue = issued(&app, &merchant, &wide_draft()).await;
    let total = blue["draft"]["total"].as_i64().unwrap();
    let untouched = reversals(&app, &blue, "").await;
    assert_eq!((&untouched["count"], &untouched["total"]["first"]["total"]), (&json!(0), &json!(total)));
    let lines: Vec<_> = untouched["lines"].as_array().unwrap().iter().map(|line| line["line"].clone()).collect();
    assert_eq!(lines, [0, 1, 3]);
    assert_eq!(
        (&untouched["lines"][1]["name"], &untouched["lines"][1]["first"]["total"]),
        (&json!("饭"), &json!(25_000))
    );
    for (key, lines, taken) in [
        ("r1", json!([{"line": 0, "quantity": "3"}]), 3_702),
        ("r2", json!([{"line": 1, "total": 10_000}, {"line": 0, "quantity": "2"}]), 10_000 + 2_468),
        ("r3", json!([{"line": 3}]), 999),
    ] {
        let body = json!({"reason": "SALES_DISCOUNT", "lines": lines});
        let red = twice(&app, reverse(&merchant, &blue, key, &body)).await.json()["invoice"].clone();
        assert_eq!(red["draft"]["total"], -taken, "{key}");
    }
    let found = reversals(&app, &blue, "").await;
    assert_eq!(found["count"], 3);
    let of_line = |line: usize, what: &str| found["lines"][line][what].clone();
    assert_eq!((&of_line(0, "taken")["quantity"], &of_line(0, "left")["quantity"]), (&json!("5"), &json!("5")));
    assert_eq!(of_line(0, "left")["total"], 12_340 - 3_702 - 2_468);
    assert_eq!((&of_line(1, "taken")["total"], &of_line(1, "left")["total"]), (&json!(10_000), &json!(15_000)));
    assert_eq!(of_line(2, "left"), json!({"amount": 0, "tax": 0, "total": 0}));
    let rates: Vec<_> = found["rates"].as_array().unwrap().iter().map(|rate| rate["rate"].clone()).collect();
    assert_eq!(rates, [600, 1300]);
    for field in ["amount", "tax", "total"] {
        for of in [&found["total"], &found["lines"][0], &found["rates"][1]] {
            let money = |what: &str| of[what][field].as_i64().unwrap();
            assert_eq!(money("taken") + money("left"), money("first"));
        }
    }
    // The rest, whatever it is.
    let rest = twice(&app, reverse(&merchant, &blue, "r4", &json!({"reason": "ISSUE_ERROR"}))).await.json();
    assert_eq!(rest["invoice"]["draft"]["total"], -(total - 3_702 - 12_468 - 999));
    let found = reversals(&app, &blue, "?limit=3").await;
    assert_eq!((&found["count"], &found["total"]["left"]["total"]), (&json!(4), &json!(0)));
    assert_eq!(found["red"].as_array().unwrap().len(), 3);
    let last = reversals(&app, &blue, &format!("?limit=3&after={}", found["next"])).await;
    assert_eq!(last["red"].as_array().unwrap().len(), 1);
    assert!(last.get("next").is_none());
    assert_eq!(last["red"][0]["id"], rest["invoice"]["id"]);
    app.finish().await;
}

#[actix_web::test]
async fn what_can_not_be_taken_back_is_refused_with_its_place() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let blue = issued(&app, &merchant, &wide_draft()).await;
    for (lines, status, code, path) in [
        (json!([{"line": 2}]), 422, "INV-RED-LINE-UNKNOWN", "lines[0].line"),
        (json!([{"line": 0}, {"line": 9}]), 422, "INV-RED-LINE-UNKNOWN", "lines[1].line"),
        (json!([{"line": 0}, {"line": 0}]), 422, "INV-RED-LINE-TWICE", "lines[1].line"),
        (json!([{"line": 0, "quantity": "1", "total": 1}]), 422, "INV-RED-QUANTITY-AND-TOTAL", "lines[0]"),
        (json!([{"line": 3, "quantity": "1"}]), 422, "INV-RED-QUANTITY-NONE", "lines[0].quantity"),
        (json!([{"line": 0, "quantity": "10.1"}]), 409, "INV-RED-QUANTITY-TOO-LARGE", "lines[0].quantity"),
        (json!([{"line": 1, "total": 25_001}]), 409, "INV-RED-TOTAL-TOO-LARGE", "lines[0].total"),
        (json!([{"line": 1, "total": 0}]), 422, "INV-RED-NOT-POSITIVE", "lines[0].total"),
        (json!([{"line": 1, "totals": 1}]), 400, "HTTP-SHAPE-WRONG", "lines[0].totals"),
        (json!([{"line": 1, "total": null}]), 400, "HTTP-SHAPE-WRONG", "lines[0].total"),
    ] {
        let ask = reverse(&merchant, &blue, "r1", &json!({"reason": "SALES_RETURN", "lines": lines}));
        app.refuses(ask, (status, code, path)).await;
    }
    for reason in ["", "issue_error", "OTHER"] {
        let ask = reverse(&merchant, &blue, "r1", &json!({"reason": reason}));
        app.refuses(ask, (400, "HTTP-SHAPE-WRONG", "reason")).await;
    }
    let spelt = reverse(&merchant, &blue, "r1", &json!({"reason": "SERVICE_SUSPENSION"}));
    let red = app.ask(spelt).await.expect(201).json()["invoice"].clone();
    assert_eq!(red["draft"]["red"]["reason"], "SERVICE_SUSPENTION");
    let spelt = reverse(&merchant, &blue, "r1", &json!({"reason": "SERVICE_SUSPENTION"}));
    assert_eq!(app.ask(spelt).await.expect(201).json()["invoice"]["id"], red["id"], "the same request");
    app.finish().await;
}

#[actix_web::test]
async fn only_a_blue_invoice_of_ones_own_is_reversed_or_shown() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    let blue = issued(&app, &one, &draft(100)).await;
    let body = json!({"reason": "ISSUE_ERROR"});
    let red =
        app.ask(reverse(&one, &blue, "r1", &json!({"reason": "ISSUE_ERROR", "lines": [{"line": 0, "total": 1}]})));
    let red = red.await.expect(201).json()["invoice"].clone();
    app.refuses(reverse(&one, &red, "r2", &body), (422, "LEDGER-NOT-BLUE", "invoice")).await;
    let absent = json!({"id": "144032609110-00000009"});
    let unknown = (404, "LEDGER-INVOICE-UNKNOWN", "invoice");
    let same = |ask: Ask| ask.header("X-Request-Id", "same");
    let foreign = app.refuses(same(reverse(&two, &blue, "r1", &body)), unknown).await;
    assert_eq!(app.refuses(same(reverse(&two, &absent, "r1", &body)), unknown).await, foreign);
    for key in [&app.bureau, &app.auditor] {
        let ask = Ask { headers: Vec::new(), ..reverse(&one, &blue, "r1", &body) };
        app.refuses(ask.by(key).once("r1").json(&body), (403, "HTTP-ROLE-FORBIDDEN", "")).await;
    }
    let path = |invoice: &Value| format!("/v1/invoices/{}/reversals", invoice["id"].as_str().unwrap());
    let missing = (404, "HTTP-NOT-FOUND", "");
    let foreign = app.refuses(same(Ask::get(path(&blue)).by(&two.key)), missing).await;
    assert_eq!(app.refuses(same(Ask::get(path(&absent)).by(&two.key)), missing).await, foreign);
    app.refuses(Ask::get(path(&red)).by(&one.key), (422, "LEDGER-NOT-BLUE", "invoice")).await;
    app.refuses(Ask::get("/v1/invoices/1-2/reversals").by(&one.key), (400, "HTTP-QUERY-MALFORMED", "id")).await;
    for query in ["limit=0", "limit=201"] {
        let ask = Ask::get(format!("{}?{query}", path(&blue))).by(&one.key);
        app.refuses(ask, (400, "HTTP-QUERY-MALFORMED", "limit")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_key_stands_for_one_reversal() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let (one, two) = (issued(&app, &merchant, &draft(100)).await, issued(&app, &merchant, &draft(100)).await);
    let whole = json!({"reason": "ISSUE_ERROR"});
    let first = app.ask(reverse(&merchant, &one, "r1", &whole)).await.expect(201);
    // Nothing is left of it, and still that is the answer.
    assert_eq!(app.ask(reverse(&merchant, &one, "r1", &whole)).await.expect(201).body, first.body);
    let reused = (422, "LEDGER-KEY-REUSED", "");
    app.refuses(reverse(&merchant, &two, "r1", &whole), reused).await;
    app.refuses(reverse(&merchant, &one, "r1", &json!({"reason": "SALES_RETURN"})), reused).await;
    for own in ["on-payment:wechat-pay:1", "on-close:2026-11-22"] {
        app.refuses(reverse(&merchant, &two, own, &whole), (422, "LEDGER-KEY-RESERVED", "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_whole_red_letter_frees_the_payment_for_a_new_invoice() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 49_810)).await.expect(204);
    let blue = issued(&app, &merchant, &draft_for("4200000001", 49_810)).await;
    let over = app.issue(&merchant, "more", &draft_for("4200000001", 1)).await.expect(409);
    assert_eq!(over.code(), "LEDGER-PAYMENT-OVERDRAWN");
    app.ask(reverse(&merchant, &blue, "r1", &json!({"reason": "ISSUE_ERROR"}))).await.expect(201);
    assert_eq!(app.payment("4200000001").await["remaining"], 49_810);
    app.issue(&merchant, "again", &draft_for("4200000001", 49_810)).await.expect(201);
    assert_eq!(app.payment("4200000001").await["remaining"], 0);
    app.finish().await;
}

#[actix_web::test]
async fn a_refund_of_invoiced_money_awaits_its_red_letter() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let paid = payment(CONSULTANT, "4200000001", "A-1", 100);
    app.pay(&paid).await.expect(204);
    app.pay(&payment(CONSULTANT, "4200000002", "A-2", 100)).await.expect(204);
    let blue = issued(&app, &merchant, &draft_for("4200000001", 80)).await;
    let back = refund(&paid, "5030000001", 50);
    app.pay_back(&back).await.expect(204);
    app.pay_back(&back).await.expect(204);
    let money = |payment: &Value| ["refunded", "awaiting", "invoiced", "remaining"].map(|field| payment[field].clone());
    assert_eq!(money(&app.payment("4200000001").await), [20, 30, 80, 0]);
    let awaiting = app.ask(Ask::get("/v1/payments?awaiting=true").by(&merchant.key)).await.expect(200).json();
    assert_eq!(awaiting["payments"].as_array().unwrap().len(), 1);
    assert_eq!(awaiting["payments"][0]["transaction"], "4200000001");
    let part = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 10}]});
    app.ask(reverse(&merchant, &blue, "r1", &part)).await.expect(201);
    assert_eq!(money(&app.payment("4200000001").await), [30, 20, 70, 0]);
    app.ask(reverse(&merchant, &blue, "r2", &json!({"reason": "SALES_RETURN"}))).await.expect(201);
    assert_eq!(money(&app.payment("4200000001").await), [50, 0, 0, 50]);
    let awaiting = app.ask(Ask::get("/v1/payments?awaiting=true").by(&merchant.key)).await.expect(200).json();
    assert_eq!(awaiting["payments"], json!([]));
    app.finish().await;
}

#[actix_web::test]
async fn a_red_letter_of_an_invoice_on_payment_reaches_the_erp() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    app.pay(&payment(RESTAURANT, "4200000001", "A-1", 49_810)).await.expect(204);
    app.settle().await;
    let blue = app.invoices().await[0].clone();
    let red = app.ask(reverse(&merchant, &blue, "r1", &json!({"reason": "SALES_RETURN"}))).await.expect(201).json();
    app.settle().await;
    let query = piaolian::parties::kingdee::erp::InvoiceQuery {
        serial_no: Some(red["invoice"]["id"].as_str().unwrap().to_owned()),
        ..Default::default()
    };
    let bill = app.service().desk().parties().erp.query("test", &query).unwrap();
    assert_eq!(bill["includeTaxAmount"], "-498.10");
    app.finish().await;
}

#[actix_web::test]
async fn red_letters_that_race_take_no_more_than_there_was() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let blue = issued(&app, &merchant, &draft(1_000)).await;
    let racers = (0..12).map(|n| {
        let body = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 300}]});
        app.ask(reverse(&merchant, &blue, &format!("race-{n}"), &body))
    });
    let answers = join_all(racers).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        assert!(["INV-RED-TOTAL-TOO-LARGE", "LEDGER-RED-DIFFERS"].contains(&lost.code().as_str()), "{}", lost.text());
    }
    let found = reversals(&app, &blue, "").await;
    assert!((1..=3).contains(&won), "{won}");
    assert_eq!((&found["count"], &found["total"]["taken"]["total"]), (&json!(won), &json!(300 * won)));
    app.finish().await;
}

fn own_key() -> IssuerKey {
    IssuerKey::from_secret(&Secret::new(*keccak256("the merchant's own key").as_bytes())).unwrap()
}

#[actix_web::test]
async fn a_merchant_with_its_own_key_signs_the_red_draft_itself() {
    let app = TestApp::new().await;
    let demo = demo_merchant(CONSULTANT);
    let mut body = json!(demo.seller);
    body["issuer"] = json!(own_key().address());
    let registered = app.ask(Ask::post("/v1/merchants").by(&app.bureau).once("own").json(&body)).await.expect(201);
    let id = registered.json()["merchant"]["id"].as_str().unwrap().to_owned();
    let key = app.new_key(&json!({"role": "merchant", "merchant": id, "label": "own"})).await;
    let merchant = Merchant { id: id.as_str().try_into().unwrap(), key, demo };
    let ask = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": draft(1_000)}));
    let text = app.ask(ask).await.expect(200).json()["text"].as_str().unwrap().to_owned();
    let body = json!({"draft": draft(1_000), "signature": own_key().sign(&text)});
    let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
    let blue = app.ask(ask).await.expect(201).json()["invoice"].clone();

    let part = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 300}]});
    let bad = (422, "LEDGER-ISSUER-SIGNATURE-BAD", "signature");
    app.refuses(reverse(&merchant, &blue, "r1", &part), bad).await;
    let path = format!("/v1/invoices/{}/reversal-draft", blue["id"].as_str().unwrap());
    let before = app.checkpoint().await;
    let preview = app.ask(Ask::post(&path).by(&merchant.key).json(&part)).await.expect(200).json();
    assert_eq!(app.checkpoint().await, before);
    assert_eq!(preview["issuer"], own_key().address().to_eip55());
    assert_eq!(preview["checked"]["total"], -300);
    let signature = own_key().sign(preview["text"].as_str().unwrap());
    let signed = changed(part.clone(), "/signature", json!(signature));
    let red = twice(&app, reverse(&merchant, &blue, "r1", &signed)).await.json();
    assert_eq!(red["invoice"]["draft"], preview["checked"]);
    assert!(app.verdict(&red["receipt"]).is_valid());
    // The same words, but something else is left by now: the text is another one.
    let rest = json!({"reason": "SALES_RETURN"});
    let stale = app.ask(Ask::post(&path).by(&merchant.key).json(&rest)).await.expect(200).json();
    let stale = changed(rest.clone(), "/signature", json!(own_key().sign(stale["text"].as_str().unwrap())));
    let other = app.ask(Ask::post(&path).by(&merchant.key).json(&part)).await.expect(200).json();
    let other = changed(part, "/signature", json!(own_key().sign(other["text"].as_str().unwrap())));
    app.ask(reverse(&merchant, &blue, "r2", &other)).await.expect(201);
    app.refuses(reverse(&merchant, &blue, "r3", &stale), bad).await;
    for (ask, refusal) in [
        (Ask::post(&path).by(&app.bureau).json(&rest), (403, "HTTP-ROLE-FORBIDDEN", "")),
        (
            Ask::post("/v1/invoices/144032609110-00000009/reversal-draft").by(&merchant.key).json(&rest),
            (404, "LEDGER-INVOICE-UNKNOWN", "invoice"),
        ),
    ] {
        app.refuses(ask, refusal).await;
    }
    app.finish().await;
}
