//! Public verification: the page behind the QR code, its JSON, the form, and the bureau's own call.

use piaolian::base::UnixMs;
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::holds::Company;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, changed, draft};
use crate::test_app::{PUBLIC_URL, TestApp};

const DETAIL: &str = "/dzswj/bers_ep_web/query_bill_detail";

/// An app with one invoice over 498.10 yuan.
async fn issued(buyer: &str) -> (TestApp, Value) {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let body = changed(draft(49_810), "/buyer/name", json!(buyer));
    let invoice = app.issue(&merchant, "k1", &body).await.expect(201).json()["invoice"].clone();
    (app, invoice)
}

fn scan_path(invoice: &Value) -> String {
    invoice["verify_url"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned()
}

/// A hash that is well-formed and wrong.
fn other_hash(invoice: &Value) -> String {
    let hash = invoice["hash"].as_str().unwrap();
    let mut other = hash.to_owned();
    let last = other.pop();
    other.push(if last == Some('0') { '1' } else { '0' });
    other
}

async fn html(app: &TestApp, path: &str) -> Answer {
    let ask = Ask::get(path).header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let answer = app.ask(ask).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    answer
}

#[actix_web::test]
async fn what_the_qr_code_says_is_valid() {
    let (app, invoice) = issued("个人").await;
    let reply = app.ask(Ask::get(scan_path(&invoice))).await.expect(200).json();
    assert_eq!((&reply["valid"], &reply["verdict"]), (&json!(true), &json!("VALID")));
    assert_eq!(reply["invoice"]["seller_name"], "深圳票链样例餐饮有限公司");
    assert_eq!(reply["invoice"]["total"], 49_810);
    assert_eq!(reply["invoice"]["date"], "2026-11-22");
    assert_eq!(reply["invoice"]["hash"], invoice["hash"]);
    assert_eq!((&reply["life"]["state"], &reply["life"]["reversed"]), (&json!("open"), &json!("nothing")));
    assert!(!reply["covered"].as_array().unwrap().is_empty());
    assert!(!reply["not_covered"].as_array().unwrap().is_empty());
    app.finish().await;
}

#[actix_web::test]
async fn a_browser_is_shown_seller_amount_and_date() {
    let (app, invoice) = issued("个人").await;
    let page = html(&app, &scan_path(&invoice)).await;
    for shown in ["深圳票链样例餐饮有限公司", "498.10", "2026-11-22", "00000001", invoice["hash"].as_str().unwrap()]
    {
        assert!(page.text().contains(shown), "{shown}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn names_are_escaped_on_the_page() {
    let (app, invoice) = issued("<script>alert(1)</script>&\"'").await;
    let page = html(&app, &scan_path(&invoice)).await;
    assert!(!page.text().contains("<script>alert"));
    assert!(page.text().contains("script&#62;") || page.text().contains("script&gt;"));
    let asked = html(&app, "/verify/scan?hash=%3Cscript%3E&bill_num=%22%3E%3Cb%3E&total_amount=1").await;
    assert!(!asked.text().contains("<script>") && !asked.text().contains("\"><b>"));
    app.finish().await;
}

#[actix_web::test]
async fn a_total_can_not_be_guessed() {
    let (app, invoice) = issued("个人").await;
    let right = scan_path(&invoice);
    let wrong = right.replace("total_amount=", "total_amount=9");
    for _ in 0..10 {
        assert_eq!(app.ask(Ask::get(&wrong)).await.expect(200).json()["verdict"], "AMOUNT_DIFFERS");
    }
    let too_many = (429, "VERIFY-TOO-MANY", "total_amount");
    app.refuses(Ask::get(&wrong), too_many).await;
    app.refuses(Ask::get(&right), too_many).await;
    app.clock.set(UnixMs(NOON.0 + DAY_MS));
    assert_eq!(app.ask(Ask::get(&right)).await.expect(200).json()["verdict"], "VALID");
    app.finish().await;
}

#[actix_web::test]
async fn a_leaf_hash_is_shown_to_those_only_who_may_see_the_entry() {
    let (app, invoice) = issued("个人").await;
    let other = app.register(CONSULTANT).await;
    let path = format!("/v1/proofs/inclusion?index={}", invoice["entry"]);
    app.refuses(Ask::get(&path), (401, "HTTP-KEY-MISSING", "")).await;
    app.refuses(Ask::get(&path).by(&other.key), (404, "HTTP-NOT-FOUND", "")).await;
    let leaf = app.ask(Ask::get(&path).by(&app.auditor)).await.expect(200).json()["leaf"].clone();
    assert_eq!(format!("01{}", leaf.as_str().unwrap()), invoice["hash"]);
    app.finish().await;
}

#[actix_web::test]
async fn what_does_not_agree_says_which_and_shows_no_invoice() {
    let (app, invoice) = issued("个人").await;
    let hash = invoice["hash"].as_str().unwrap();
    for (hash, number, total, verdict) in [
        (hash, "00000002", 49_810, "NOT_FOUND"),
        (&other_hash(&invoice), "00000001", 49_810, "HASH_DIFFERS"),
        (hash, "00000001", 49_811, "AMOUNT_DIFFERS"),
        (hash, "00000001", -49_810, "AMOUNT_DIFFERS"),
    ] {
        let path = format!("/verify/scan?hash={hash}&bill_num={number}&total_amount={total}");
        let reply = app.ask(Ask::get(&path)).await.expect(200).json();
        assert_eq!((&reply["valid"], &reply["verdict"]), (&json!(false), &json!(verdict)));
        assert_eq!((reply.get("invoice"), reply.get("life"), &reply["covered"]), (None, None, &json!([])));
        assert!(!html(&app, &path).await.text().contains("深圳票链样例餐饮有限公司"), "{verdict}");
        let body = json!({"tx_hash": hash, "bill_num": number, "total_amount": total});
        let detail = app.ask(Ask::post(DETAIL).json(&body)).await.expect(200).json();
        assert_eq!(detail, json!({"retcode": 1, "retmsg": verdict}));
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_bureaus_call_gives_the_record_for_text_and_number_alike() {
    let (app, invoice) = issued("个人").await;
    for total in [json!("49810"), json!(49_810)] {
        let body = json!({"tx_hash": invoice["hash"], "bill_num": "00000001", "total_amount": total});
        let detail = app.ask(Ask::post(DETAIL).json(&body)).await.expect(200).json();
        assert_eq!((&detail["retcode"], &detail["retmsg"]), (&json!(0), &json!("ok")));
        let record = &detail["bill_record"];
        assert_eq!((&record["bill_code"], &record["bill_num"]), (&invoice["code"], &invoice["number"]));
        assert_eq!(record["tx_hash"], invoice["hash"]);
        assert_eq!(record["time"], 1_795_320_000);
        let sums = [&record["amount"], &record["tax_amount"], &record["total_amount"]];
        assert_eq!(sums, [46_991, 2_819, 49_810]);
        assert_eq!(record["seller_taxpayer_id"], "91440300PLDEM0013E");
        assert_eq!((&record["status"], &record["invalid_mark"]), (&json!(0), &json!(0)));
    }
    for total in [json!(1.5), json!("498.10"), json!([]), json!({}), json!(true), Value::Null, json!("")] {
        let body = json!({"tx_hash": invoice["hash"], "bill_num": "00000001", "total_amount": total});
        app.refuses(Ask::post(DETAIL).json(&body), (400, "HTTP-QUERY-MALFORMED", "total_amount")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_form_takes_what_is_printed_in_yuan() {
    let (app, invoice) = issued("个人").await;
    let hash = invoice["hash"].as_str().unwrap();
    let empty = html(&app, "/verify").await;
    assert!(empty.text().contains("<form"));
    let spaced = hash.to_uppercase();
    let (one, two) = spaced.split_at(20);
    let page = html(&app, &format!("/verify?hash={one}%20{two}&bill_num=00000001&total_yuan=498.10")).await;
    assert!(page.text().contains("深圳票链样例餐饮有限公司"));
    for bad in ["498.101", "abc", "", "49810"] {
        let page = html(&app, &format!("/verify?hash={hash}&bill_num=00000001&total_yuan={bad}")).await;
        assert!(!page.text().contains("深圳票链样例餐饮有限公司"), "{bad}");
    }
    app.finish().await;
}

/// What page, JSON and the bureau's call say of how an invoice stands.
async fn stands(app: &TestApp, invoice: &Value) -> (Answer, Value, Value) {
    let page = html(app, &scan_path(invoice)).await;
    let reply = app.ask(Ask::get(scan_path(invoice))).await.expect(200).json();
    assert_eq!(reply["valid"], true);
    let total = &invoice["draft"]["total"];
    let body = json!({"tx_hash": invoice["hash"], "bill_num": invoice["number"], "total_amount": total});
    let record = app.ask(Ask::post(DETAIL).json(&body)).await.expect(200).json()["bill_record"].clone();
    (page, reply["life"].clone(), record)
}

#[actix_web::test]
async fn how_an_invoice_stands_is_proven_as_of_the_newest_block() {
    let (app, invoice) = issued("个人").await;
    let company = Company::new(&app, "91440300708461136T").await;
    let (page, _, _) = stands(&app, &invoice).await;
    assert!(page.text().contains("<b>有效</b>") && page.text().contains("由区块 2 的状态根及封印证明"));
    let locked = app.ask(company.lock("l1", &[&invoice])).await.expect(201).json();
    let (page, life, record) = stands(&app, &invoice).await;
    assert!(page.text().contains("<b>已锁定</b>"), "{}", page.text());
    assert_eq!((&life["state"], &record["status"]), (&json!("locked"), &json!(1)));
    for secret in [&company.commitment(), company.id] {
        assert!(!page.text().contains(secret) && !life.to_string().contains(secret));
    }
    let book = company.go_on(&format!("locks/{}/bookings", locked["fence"]), "b1", &[&invoice]);
    app.ask(book).await.expect(201);
    let (page, life, record) = stands(&app, &invoice).await;
    assert!(page.text().contains("<b>已入账</b>") && page.text().contains("由区块 4 的状态根及封印证明"));
    assert_eq!((&life["state"], &record["status"], &record["invalid_mark"]), (&json!("closed"), &json!(2), &json!(0)));
    app.finish().await;
}

#[actix_web::test]
async fn red_letters_are_told_on_both_invoices() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let invoice = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).json()["invoice"].clone();
    let reverse = async |key: &str, body: Value| {
        let path = format!("/v1/invoices/{}/reversals", invoice["id"].as_str().unwrap());
        let answer = app.ask(Ask::post(path).by(&merchant.key).once(key).json(&body)).await.expect(201);
        answer.json()["invoice"].clone()
    };
    let red = reverse("r1", json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 810}]})).await;
    let (page, life, record) = stands(&app, &invoice).await;
    assert!(page.text().contains("<b>部分红冲</b>"));
    assert_eq!(
        (&life["state"], &life["reversed"], &record["invalid_mark"]),
        (&json!("open"), &json!("part"), &json!(7))
    );
    let (page, life, record) = stands(&app, &red).await;
    assert!(page.text().contains("<b>红字发票</b>") && page.text().contains(invoice["id"].as_str().unwrap()));
    assert_eq!((&life["state"], &life["blue"], &record["invalid_mark"]), (&json!("red"), &invoice["id"], &json!(3)));
    let hash = red["hash"].as_str().unwrap();
    let form = format!("/verify?hash={hash}&bill_num={}&total_yuan=-8.10", red["number"].as_str().unwrap());
    assert!(html(&app, &form).await.text().contains("<b>红字发票</b>"));
    reverse("r2", json!({"reason": "SALES_RETURN"})).await;
    let (page, life, record) = stands(&app, &invoice).await;
    assert!(page.text().contains("<b>已全额红冲</b>"));
    assert_eq!(
        (&life["state"], &life["reversed"], &record["invalid_mark"]),
        (&json!("reversed"), &json!("all"), &json!(8))
    );
    app.finish().await;
}

#[actix_web::test]
async fn the_offline_verifier_is_one_file_to_which_the_pages_lead() {
    let app = TestApp::new().await;
    let page = html(&app, "/verifier.html").await;
    assert_eq!(page.text(), piaolian::render::verifier_page().unwrap());
    assert_eq!(page.header("content-security-policy"), Some("frame-ancestors 'none'"));
    for path in ["/", "/verify"] {
        assert!(html(&app, path).await.text().contains("href=\"/verifier.html\""), "{path}");
    }
    app.finish().await;
}
