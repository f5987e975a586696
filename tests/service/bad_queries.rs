//! Paths, methods and query strings that make no sense.

use actix_web::http::Method;

use crate::ask::{Ask, document};
use crate::samples::CONSULTANT;
use crate::test_app::TestApp;

const MALFORMED: &str = "HTTP-QUERY-MALFORMED";

#[actix_web::test]
async fn a_page_has_one_to_two_hundred_items() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    for path in ["/v1/invoices", "/v1/payments", "/v1/merchants", "/v1/blocks"] {
        for limit in ["0", "201", "18446744073709551615"] {
            let ask = Ask::get(format!("{path}?limit={limit}")).by(&app.auditor);
            app.refuses(ask, (400, MALFORMED, "limit")).await;
        }
        for limit in ["1", "200"] {
            app.ask(Ask::get(format!("{path}?limit={limit}")).by(&app.auditor)).await.expect(200);
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_query_that_can_not_be_read_is_refused() {
    let app = TestApp::new().await;
    for query in [
        "/v1/invoices?limit=-1",
        "/v1/invoices?limit=ten",
        "/v1/invoices?limit=18446744073709551616",
        "/v1/invoices?before=abc",
        "/v1/invoices?before=-1",
        "/v1/invoices?before=99999999999999999999",
        "/v1/invoices?tip=1",
        "/v1/invoices?limit=1&limit=2",
        "/v1/invoices?from=2026-02-30",
        "/v1/invoices?from=20261122",
        "/v1/invoices?to=tomorrow",
        "/v1/invoices?number=1",
        "/v1/invoices?number=00000000",
        "/v1/invoices?merchant=1",
        "/v1/payments?open=yes",
        "/v1/payments?before=x",
        "/v1/payments?tip=1",
        "/v1/merchants?after=1",
        "/v1/merchants?tip=1",
        "/v1/blocks?before=x",
        "/v1/blocks?tip=1",
        "/v1/proofs/inclusion",
        "/v1/proofs/inclusion?index=x",
        "/v1/proofs/inclusion?index=0&tip=1",
        "/v1/proofs/consistency",
        "/v1/proofs/consistency?from=-1",
        "/verify/scan",
        "/verify/scan?hash=01&bill_num=1",
    ] {
        app.refuses(Ask::get(query).by(&app.auditor), (400, MALFORMED, "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_query_that_names_nothing_possible_names_its_place() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let hash = "01".repeat(33);
    for (query, path) in [
        ("/v1/invoices?payment=4200000001".to_owned(), "payment"),
        ("/v1/invoices?payment=WeChat/1".to_owned(), "payment"),
        ("/v1/invoices?payment=wechat-pay/".to_owned(), "payment"),
        // PostgreSQL takes no zero byte in a text.
        ("/v1/invoices?buyer=%00".to_owned(), "buyer"),
        ("/v1/invoices?buyer=a%1fb".to_owned(), "buyer"),
        ("/v1/proofs/inclusion?index=1".to_owned(), "index"),
        ("/v1/proofs/inclusion?index=0&size=2".to_owned(), "index"),
        ("/v1/proofs/inclusion?index=0&size=0".to_owned(), "index"),
        ("/v1/proofs/consistency?from=2".to_owned(), "from"),
        ("/v1/proofs/consistency?from=1&to=0".to_owned(), "from"),
        ("/v1/proofs/consistency?from=0&to=18446744073709551615".to_owned(), "from"),
        ("/verify/scan?hash=zz&bill_num=00000001&total_amount=1".to_owned(), "hash"),
        (format!("/verify/scan?hash={hash}&bill_num=1&total_amount=1"), "bill_num"),
        (format!("/verify/scan?hash={hash}&bill_num=00000001&total_amount=1.5"), "total_amount"),
        (format!("/verify/scan?hash={hash}&bill_num=00000001&total_amount=99999999999999999999"), "total_amount"),
    ] {
        app.refuses(Ask::get(query).by(&app.auditor), (400, MALFORMED, path)).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn ids_in_paths_that_can_not_be_ids_are_refused() {
    let app = TestApp::new().await;
    for (path, name) in [
        ("/v1/merchants/1", "id"),
        ("/v1/merchants/M000000001", "id"),
        ("/v1/merchants/%E5%95%86", "id"),
        ("/v1/payments/WeChat/4200000001", "provider"),
        ("/v1/payments/wechat-pay/a%20b", "transaction"),
        ("/v1/invoices/1", "id"),
        ("/v1/invoices/144032609110-1", "id"),
        ("/v1/invoices/044032609110-00000001", "id"),
        ("/v1/invoices/144032609110-00000000", "id"),
        ("/v1/invoices/144032609110-00000001'--/receipt", "id"),
        ("/v1/invoices/1/receipt", "id"),
        ("/v1/invoices/1/face.pdf", "id"),
        ("/v1/invoices/1/face.ofd", "id"),
        ("/v1/invoices/1/face.xml", "id"),
        ("/v1/invoices/1/preview.svg", "id"),
        ("/v1/invoices/1/qr.svg", "id"),
        ("/v1/invoices/1/qr.png", "id"),
        ("/v1/invoices/1/life", "id"),
        ("/v1/blocks/x", "height"),
        ("/v1/blocks/-1", "height"),
        ("/v1/blocks/18446744073709551616", "height"),
        ("/v1/entries/x", "index"),
    ] {
        app.refuses(Ask::get(path).by(&app.auditor), (400, MALFORMED, name)).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::new().await;
    for path in [
        "/v1/merchants/M00000009",
        "/v1/payments/wechat-pay/4200000009",
        "/v1/invoices/144032609110-00000009",
        "/v1/blocks/9",
        "/v1/blocks/18446744073709551615",
        "/v1/entries/9",
        "/v1/entries/18446744073709551615",
        "/v1",
        "/v1/",
        "/v1/invoice",
        "/v1/invoices/",
        "/v2/invoices",
        "/favicon.ico",
        "/..%2f..%2fetc%2fpasswd",
    ] {
        app.refuses(Ask::get(path).by(&app.auditor), (404, "HTTP-NOT-FOUND", "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_key_that_can_not_be_one_is_not_found() {
    let app = TestApp::new().await;
    for id in ["key_0123456789abcdef", "x%00y", "..%2fkeys", "%E5%95%86"] {
        let ask = Ask::new(Method::DELETE, format!("/v1/api-keys/{id}")).by(&app.bureau);
        app.refuses(ask, (404, "HTTP-NOT-FOUND", "id")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_method_that_a_path_does_not_take_is_told_the_ones_it_takes() {
    let app = TestApp::new().await;
    for (template, item) in document()["paths"].as_object().unwrap() {
        let mut taken: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        taken.sort();
        let path = template.replace("{id}", "x").replace("{scope}", "*").replace(['{', '}'], "");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            if taken.iter().any(|known| known == method.as_str()) {
                continue;
            }
            let answer = app.refuses(Ask::new(method, &path), (405, "HTTP-METHOD-NOT-ALLOWED", "")).await;
            assert_eq!(answer.header("allow"), Some(taken.join(", ").as_str()), "{path}");
        }
    }
    app.finish().await;
}
