//! Lists, filters, pages, and the documents of one invoice.

use piaolian::base::UnixMs;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, SHOP, changed, draft, draft_for, payment};
use crate::test_app::{Merchant, TestApp};

fn numbers(page: &Value) -> Vec<String> {
    let number = |invoice: &Value| invoice["id"].as_str().unwrap().rsplit_once('-').unwrap().1.to_owned();
    page["invoices"].as_array().unwrap().iter().map(number).collect()
}

async fn list(app: &TestApp, key: &str, query: &str) -> Value {
    app.ask(Ask::get(format!("/v1/invoices?{query}")).by(key)).await.expect(200).json()
}

/// Reads a list page by page; gives the sizes of the pages and all items.
async fn pages(app: &TestApp, path: &str, name: &str, limit: usize) -> (Vec<usize>, Vec<Value>) {
    let (mut sizes, mut items, mut next) = (Vec::new(), Vec::new(), String::new());
    loop {
        let ask = Ask::get(format!("{path}?limit={limit}{next}")).by(&app.auditor);
        let page = app.ask(ask).await.expect(200).json();
        let found = page[name].as_array().unwrap();
        sizes.push(found.len());
        items.extend(found.iter().cloned());
        match page.get("next") {
            Some(key) => next = format!("&before={key}"),
            None => return (sizes, items),
        }
    }
}

async fn issue_five(app: &TestApp) -> Merchant {
    let merchant = app.register(CONSULTANT).await;
    for n in 1..=5 {
        app.issue(&merchant, &format!("k{n}"), &draft(100 + n)).await.expect(201);
    }
    merchant
}

#[actix_web::test]
async fn pages_of_invoices_are_newest_first_without_gap_or_overlap() {
    let app = TestApp::new().await;
    issue_five(&app).await;
    for (limit, expected) in [(1, vec![1, 1, 1, 1, 1]), (2, vec![2, 2, 1]), (5, vec![5]), (6, vec![5])] {
        let (sizes, items) = pages(&app, "/v1/invoices", "invoices", limit).await;
        assert_eq!(sizes, expected);
        let totals: Vec<_> = items.iter().map(|invoice| invoice["total"].as_i64().unwrap()).collect();
        assert_eq!(totals, [105, 104, 103, 102, 101]);
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_page_is_not_moved_by_what_is_issued_meanwhile() {
    let app = TestApp::new().await;
    let merchant = issue_five(&app).await;
    let first = list(&app, &merchant.key, "limit=2").await;
    app.issue(&merchant, "k6", &draft(106)).await.expect(201);
    let second = list(&app, &merchant.key, &format!("limit=2&before={}", first["next"])).await;
    assert_eq!(numbers(&second), ["00000003", "00000002"]);
    app.finish().await;
}

#[actix_web::test]
async fn a_cursor_beyond_everything_gives_the_first_page_and_one_before_everything_none() {
    let app = TestApp::new().await;
    issue_five(&app).await;
    assert_eq!(numbers(&list(&app, &app.auditor, "before=18446744073709551615").await).len(), 5);
    let none = list(&app, &app.auditor, "before=0").await;
    assert_eq!(none, json!({"invoices": []}));
    app.finish().await;
}

#[actix_web::test]
async fn pages_of_payments_and_blocks_are_newest_first() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    for n in 1..=4 {
        app.pay(&payment(CONSULTANT, &format!("420000000{n}"), &format!("A-{n}"), 100)).await.expect(204);
    }
    let (sizes, items) = pages(&app, "/v1/payments", "payments", 2).await;
    assert_eq!(sizes, [2, 2]);
    let transactions: Vec<_> = items.iter().map(|payment| payment["transaction"].as_str().unwrap()).collect();
    assert_eq!(transactions, ["4200000004", "4200000003", "4200000002", "4200000001"]);
    let (sizes, items) = pages(&app, "/v1/blocks", "blocks", 4).await;
    assert_eq!(sizes, [4, 2]);
    let heights: Vec<_> = items.iter().map(|block| block["height"].as_u64().unwrap()).collect();
    assert_eq!(heights, [5, 4, 3, 2, 1, 0]);
    app.finish().await;
}

#[actix_web::test]
async fn pages_of_merchants_run_in_order_of_registration() {
    let app = TestApp::new().await;
    for mchid in [CONSULTANT, RESTAURANT, SHOP] {
        app.register(mchid).await;
    }
    let ids = async |query: &str| -> Vec<String> {
        let page = app.ask(Ask::get(format!("/v1/merchants?{query}")).by(&app.bureau)).await.expect(200).json();
        page.as_array().unwrap().iter().map(|merchant| merchant["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("limit=2").await, ["M00000001", "M00000002"]);
    assert_eq!(ids("limit=2&after=M00000002").await, ["M00000003"]);
    assert_eq!(ids("after=M00000003").await, Vec::<String>::new());
    app.finish().await;
}

#[actix_web::test]
async fn filters_find_what_they_name_and_nothing_else() {
    let app = TestApp::new().await;
    let (one, two) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 300)).await.expect(204);
    app.issue(&one, "k1", &draft(100)).await.expect(201);
    app.issue(&two, "k2", &changed(draft(200), "/buyer/name", json!("甲 & 乙"))).await.expect(201);
    app.clock.set(UnixMs(NOON.0 + DAY_MS));
    app.issue(&one, "k3", &draft_for("4200000001", 300)).await.expect(201);
    for (query, expected) in [
        ("", vec!["00000003", "00000002", "00000001"]),
        ("merchant=M00000001", vec!["00000003", "00000001"]),
        ("from=2026-11-23", vec!["00000003"]),
        ("to=2026-11-22", vec!["00000002", "00000001"]),
        ("from=2026-11-22&to=2026-11-22&merchant=M00000001", vec!["00000001"]),
        ("from=2026-11-24", vec![]),
        ("from=2026-11-23&to=2026-11-22", vec![]),
        ("number=00000002", vec!["00000002"]),
        ("number=00000009", vec![]),
        ("buyer=%E7%94%B2%20%26%20%E4%B9%99", vec!["00000002"]),
        ("buyer=%E7%94%B2", vec![]),
        ("payment=wechat-pay/4200000001", vec!["00000003"]),
        ("payment=wechat-pay/4200000002", vec![]),
    ] {
        assert_eq!(numbers(&list(&app, &app.auditor, query).await), expected, "{query}");
    }
    assert_eq!(numbers(&list(&app, &two.key, "").await), ["00000002"]);
    assert_eq!(numbers(&list(&app, &two.key, "payment=wechat-pay/4200000001").await), [""; 0]);
    app.finish().await;
}

#[actix_web::test]
async fn open_payments_are_those_with_something_left() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for n in 1..=3 {
        app.pay(&payment(CONSULTANT, &format!("420000000{n}"), &format!("A-{n}"), 100)).await.expect(204);
    }
    app.issue(&merchant, "k1", &draft_for("4200000001", 100)).await.expect(201);
    app.issue(&merchant, "k2", &draft_for("4200000002", 40)).await.expect(201);
    let open = app.ask(Ask::get("/v1/payments?open=true").by(&merchant.key)).await.expect(200).json();
    let left: Vec<_> =
        open["payments"].as_array().unwrap().iter().map(|payment| payment["remaining"].clone()).collect();
    assert_eq!(left, [100, 60]);
    app.finish().await;
}

#[actix_web::test]
async fn the_face_is_a_pdf_and_the_same_bytes_each_time() {
    let mut app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let issued = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).json();
    let id = issued["invoice"]["id"].as_str().unwrap().to_owned();
    let face = Ask::get(format!("/v1/invoices/{id}/face.pdf")).by(&merchant.key).header("X-Request-Id", "same");
    let first = app.ask(face.clone()).await.expect(200);
    assert_eq!(first.header("content-type"), Some("application/pdf"));
    let saved_as = first.header("content-disposition").unwrap();
    assert!(
        saved_as.starts_with(&format!("inline; filename=\"{id}.pdf\"; filename*=UTF-8''%E6%B7%B1%E5%9C%B3")),
        "{saved_as}"
    );
    assert!(first.body.starts_with(b"%PDF-") && first.body.trim_ascii_end().ends_with(b"%%EOF"));
    app.restart().await;
    assert_eq!(app.ask(face).await.expect(200), first);
    app.finish().await;
}

#[actix_web::test]
async fn the_qr_code_is_an_image_in_both_forms() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let issued = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).json();
    let id = issued["invoice"]["id"].as_str().unwrap();
    let png = app.ask(Ask::get(format!("/v1/invoices/{id}/qr.png")).by(&merchant.key)).await.expect(200);
    assert_eq!(png.header("content-type"), Some("image/png"));
    assert!(png.body.starts_with(b"\x89PNG\r\n\x1a\n"));
    let svg = app.ask(Ask::get(format!("/v1/invoices/{id}/qr.svg")).by(&merchant.key)).await.expect(200);
    assert_eq!(svg.header("content-type"), Some("image/svg+xml"));
    assert!(svg.text().contains("<svg"));
    app.finish().await;
}

#[actix_web::test]
async fn an_auditor_reads_entries_of_everybody() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let issued = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).json();
    let entry = app.ask(Ask::get("/v1/entries/1").by(&app.auditor)).await.expect(200).json();
    assert_eq!(entry["entry"], issued["receipt"]["entry"]);
    assert_eq!(entry["block"], issued["invoice"]["block"]);
    app.finish().await;
}
