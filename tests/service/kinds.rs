//! Kinds of documents: a fully digital invoice goes the same way as an ordinary one, under numbers of its own.

use piaolian::base::UnixMs;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, NOON, changed, draft};
use crate::test_app::TestApp;

const DETAIL: &str = "/dzswj/bers_ep_web/query_bill_detail";

fn digital(fen: i64) -> Value {
    changed(draft(fen), "/document", json!("fully-digital"))
}

fn scan(invoice: &Value, number: &str) -> Ask {
    let hash = invoice["hash"].as_str().unwrap();
    Ask::get(format!("/verify/scan?hash={hash}&bill_num={number}&total_amount=49810"))
}

#[actix_web::test]
async fn both_kinds_are_numbered_apart_and_reversed_alike() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let mut ids = Vec::new();
    for (key, draft) in [("k1", draft(49_810)), ("k2", digital(49_810)), ("k3", digital(190)), ("k4", draft(190))] {
        let issued = app.issue(&merchant, key, &draft).await.expect(201).json();
        assert!(app.verdict(&issued["receipt"]).is_valid());
        let invoice = &issued["invoice"];
        assert_eq!(invoice["document"], invoice["draft"]["document"]);
        ids.push(invoice["id"].as_str().unwrap().to_owned());
    }
    let expected = ["144032609110-00000001", "269520000000-00000001", "269520000000-00000002", "144032609110-00000002"];
    assert_eq!(ids, expected);
    let red = Ask::post(format!("/v1/invoices/{}/reversals", ids[1])).by(&merchant.key).once("r1");
    let red = app.ask(red.json(&json!({"reason": "ISSUE_ERROR"}))).await.expect(201).json()["invoice"].clone();
    assert_eq!((&red["id"], &red["document"]), (&json!("269520000000-00000003"), &json!("fully-digital")));
    assert_eq!(red["draft"]["remark"], "被红冲蓝字数电票号码:26952000000000000001");
    // The ordinary invoice of the same eight digits is another one.
    for (id, word) in [(&ids[1], "reversed"), (&ids[0], "open")] {
        let read = app.ask(Ask::get(format!("/v1/invoices/{id}")).by(&merchant.key)).await.expect(200).json();
        assert_eq!(read["life"]["state"], word, "{id}");
        let state = app.ask(Ask::get(format!("/v1/invoices/{id}/receipt?state=true")).by(&merchant.key)).await;
        assert!(app.verdict(&state.expect(200).json()).is_valid());
    }
    app.clock.set(UnixMs(NOON.0 + DAY_MS));
    let close = Ask::post("/v1/days/2026-11-22/close").by(&merchant.key).once("d1");
    let day = app.ask(close).await.expect(201).json()["day"].clone();
    assert_eq!((&day["first"], &day["last"], &day["count"]), (&json!("00000001"), &json!("00000002"), &json!(4)));
    assert_eq!(day["digital"], json!({"first": "26952000000000000001", "last": "26952000000000000003"}));
    app.finish().await;
}

#[actix_web::test]
async fn a_digital_number_is_verified_whole_or_by_its_last_eight_digits() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft(49_810)).await.expect(201);
    let invoice = app.issue(&merchant, "k2", &digital(49_810)).await.expect(201).json()["invoice"].clone();
    for number in ["26952000000000000001", "00000001"] {
        let reply = app.ask(scan(&invoice, number)).await.expect(200).json();
        assert_eq!(
            (&reply["verdict"], &reply["invoice"]["code"]),
            (&json!("VALID"), &json!("269520000000")),
            "{number}"
        );
    }
    let other_code = app.ask(scan(&invoice, "26952000000100000001")).await.expect(200).json();
    assert_eq!(other_code["verdict"], "NOT_FOUND");
    app.refuses(scan(&invoice, "14403260911000000001"), (400, "HTTP-QUERY-MALFORMED", "bill_num")).await;
    let asked = json!({"tx_hash": invoice["hash"], "bill_num": "26952000000000000001", "total_amount": "49810"});
    let detail = app.ask(Ask::post(DETAIL).json(&asked)).await.expect(200).json();
    assert_eq!(detail["bill_record"]["bill_code"], "");
    assert_eq!(detail["bill_record"]["bill_num"], "26952000000000000001");
    let page = app.ask(scan(&invoice, "26952000000000000001").header("Accept", "text/html")).await.expect(200);
    assert!(page.text().contains("26952000000000000001") && !page.text().contains("发票代码"));
    app.finish().await;
}

#[actix_web::test]
async fn other_kinds_are_refused_with_their_place() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for kind in [json!("vat-special"), json!(null), json!(1), json!("")] {
        let body = json!({"draft": changed(draft(100), "/document", kind)});
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once("k1").json(&body);
        app.refuses(ask, (400, "HTTP-SHAPE-WRONG", "draft.document")).await;
    }
    app.finish().await;
}
