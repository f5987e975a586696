//! The documents about the service: OpenAPI, docs page, problems, health, metrics. What they say is what is there.

use std::collections::BTreeSet;

use piaolian::base::{Code, Secret};
use piaolian::chain::{Hash, MemberSignature, OtherLeaf, ProvenState, Receipt, Seal, SealKey, StateProof};
use piaolian::invoice::draft::{Buyer, DraftLine, Payment};
use piaolian::invoice::reversal::LineAsked;
use piaolian::invoice::{Draft, IssuingRules, RateSum};
use piaolian::parties::kingdee::billing::Order;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ask::{Ask, document};
use crate::samples::{CONSULTANT, draft, payment_ref};
use crate::test_app::{TestApp, issue};

/// Routes that are pages for people and stand in no API document.
const PAGES: [&str; 4] = ["/docs/problems", "/docs", "/", "/verifier.html"];

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The schema of this name has just the fields that the type writes, and requires just those without which the type can't be read.
fn describes<T: Serialize + DeserializeOwned>(schema: &str, full: &Value) {
    let read: T = serde_json::from_value(full.clone()).unwrap();
    let written = serde_json::to_value(&read).unwrap();
    assert_eq!(&written, full, "the sample of {schema} is not read and written as it stands");
    let schema_of = &document()["components"]["schemas"][schema];
    assert_eq!(keys(&schema_of["properties"]), keys(full), "{schema}");
    let needed: BTreeSet<&str> = keys(full)
        .into_iter()
        .filter(|key| {
            let mut rest = full.clone();
            rest.as_object_mut().unwrap().remove(*key);
            serde_json::from_value::<T>(rest).is_err()
        })
        .collect();
    let required = schema_of["required"].as_array().cloned().unwrap_or_default();
    assert_eq!(required.iter().map(|key| key.as_str().unwrap()).collect::<BTreeSet<_>>(), needed, "{schema} required");
}

fn full_line() -> Value {
    json!({"category": "谷物", "name": "大米", "classification": "1010101000000000000", "specification": "5kg", "unit": "袋",
           "quantity": "2", "price": "0.5", "amount": 100, "rate": 0, "mark": "exempt", "discount": 1})
}

fn full_buyer() -> Value {
    json!({"kind": "organisation", "name": "甲", "taxpayer_id": "91440300PLDEM0013E", "address_phone": "乙", "bank_account": "丙"})
}

#[actix_web::test]
async fn schemas_of_the_document_are_the_types() {
    let app = TestApp::new().await;
    describes::<DraftLine>("Line", &full_line());
    describes::<Buyer>("Buyer", &full_buyer());
    describes::<Payment>("PaymentRef", &payment_ref("1"));
    describes::<Draft>(
        "Draft",
        &json!({"document": "fully-digital", "payment": payment_ref("1"), "buyer": full_buyer(), "pricing": "inclusive", "lines": [full_line()], "total": 99,
                "remark": "a", "payee": "b", "reviewer": "c", "drawer": "d"}),
    );
    describes::<Order>(
        "Order",
        &json!({"out_trade_no": "A-1", "buyer": full_buyer(), "pricing": "exclusive", "lines": [full_line()],
                "remark": "a", "payee": "b", "reviewer": "c", "drawer": "d"}),
    );
    describes::<IssuingRules>(
        "Rules",
        &json!({"per_invoice_cap": 1, "monthly_cap": 2, "rates": [600], "classification_prefixes": ["1"],
                "uscc_check_digit": "refuse", "payment_required": true, "monthly_count": 3}),
    );
    describes::<LineAsked>("AskedLine", &json!({"line": 0, "quantity": "1", "total": 2}));
    describes::<RateSum>("RateSum", &json!({"rate": 600, "amount": 94, "tax": 6, "total": 100}));
    let key = SealKey::from_secret(&Secret::new([7; 32])).unwrap();
    describes::<MemberSignature>("MemberSignature", &json!(key.sign_statement("{}").unwrap()));
    let merchant = app.register(CONSULTANT).await;
    let issued = app.ask(issue(&merchant, "k1", &draft(100))).await.expect(201).json();
    let (receipt, invoice) = (&issued["receipt"], &issued["invoice"]);
    describes::<Seal>("Seal", &receipt["seals"][0]);
    let id = invoice["id"].as_str().unwrap();
    let present =
        app.ask(Ask::get(format!("/v1/invoices/{id}/receipt?state=true")).by(&merchant.key)).await.expect(200);
    let present = present.json();
    describes::<Receipt>("Receipt", &present);
    let schema = &document()["components"]["schemas"]["ProvenState"]["properties"];
    assert!(keys(&present["state"]).is_subset(&keys(schema)));
    let hash = invoice["hash"].as_str().unwrap();
    let proof = app.ask(Ask::get(format!("/v1/state/{id}?hash={hash}"))).await.expect(200).json();
    describes::<StateProof>("StateProof", &proof);
    let absent =
        ProvenState { siblings: vec![], value: None, other: Some(OtherLeaf { key: Hash::ZERO, value: Hash::ZERO }) };
    describes::<OtherLeaf>("OtherLeaf", &json!(absent)["other"]);
    app.finish().await;
}

/// The schema that an answer's body is described by.
fn answer_schema(path: &str, method: &str, status: &str) -> &'static Value {
    let body = &document()["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
    let named = |schema: &Value| schema["$ref"].as_str().map(|name| name.rsplit_once('/').unwrap().1.to_owned());
    let name =
        named(body).or_else(|| named(&body["items"])).unwrap_or_else(|| panic!("{method} {path} {status}: {body}"));
    &document()["components"]["schemas"][&name]
}

#[actix_web::test]
async fn answers_have_no_field_that_the_document_does_not_know_and_all_that_it_requires() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let issued = app.ask(issue(&merchant, "k1", &draft(100))).await.expect(201).json();
    let id = issued["invoice"]["id"].as_str().unwrap().to_owned();
    app.pay(&crate::samples::payment(CONSULTANT, "4200000001", "A-1", 100)).await.expect(204);
    app.set_rules("*", &json!({})).await;
    let asked = json!({"reason": "ISSUE_ERROR", "lines": [{"line": 0, "total": 1}]});
    let open = Ask::post(format!("/v1/invoices/{id}/confirmations")).by(&merchant.key).once("c1").json(&asked);
    let opened = app.ask(open).await.expect(201).json();
    let sheet = opened["confirmation"].clone();
    let red = Ask::post(format!("/v1/invoices/{id}/reversals")).by(&merchant.key).once("r1").json(&asked);
    let red = app.ask(red).await.expect(201).json();
    let rotate = Ask::post("/v1/merchants/M00000001/issuer").by(&merchant.key).once("i1").json(&json!({}));
    let rotated = app.ask(rotate).await.expect(201).json();
    let change = json!({"change": {"rotate": {"member": "tencent"}}});
    let change = Ask::post("/v1/roster/changes").by(&app.bureau).once("c1").json(&change);
    let changed = app.ask(change).await.expect(201).json();
    let mut answers = vec![
        ("/v1/invoices", "post", "201", issued),
        ("/v1/invoices/{id}/confirmations", "post", "201", opened),
        ("/v1/invoices/{id}/reversals", "post", "201", red),
        ("/v1/merchants/{id}/issuer", "post", "201", rotated),
        ("/v1/roster/changes", "post", "201", changed),
    ];
    let mut get = async |template: &'static str, path: String| {
        let answer = app.ask(Ask::get(path).by(&app.bureau)).await.expect(200).json();
        let first = answer.as_array().and_then(|items| items.first()).unwrap_or(&answer).clone();
        answers.push((template, "get", "200", first));
    };
    for path in [
        "/v1/merchants",
        "/v1/rules",
        "/v1/api-keys",
        "/v1/payments",
        "/v1/invoices",
        "/v1/checkpoint",
        "/v1/blocks",
        "/healthz",
        "/readyz",
    ] {
        get(path, path.to_owned()).await;
    }
    get("/v1/merchants/{id}", "/v1/merchants/M00000001".to_owned()).await;
    get("/v1/payments/{provider}/{transaction}", "/v1/payments/wechat-pay/4200000001".to_owned()).await;
    get("/v1/invoices/{id}", format!("/v1/invoices/{id}")).await;
    get("/v1/invoices/{id}/receipt", format!("/v1/invoices/{id}/receipt")).await;
    get("/v1/invoices/{id}/reversals", format!("/v1/invoices/{id}/reversals")).await;
    get("/v1/confirmations/{entry}", format!("/v1/confirmations/{sheet}")).await;
    get("/v1/confirmations", "/v1/confirmations?merchant=M00000001".to_owned()).await;
    get("/v1/days", "/v1/days?merchant=M00000001".to_owned()).await;
    get(
        "/v1/merchants/{id}/issuer-rotation",
        format!("/v1/merchants/M00000001/issuer-rotation?new={}", "ab".repeat(20)),
    )
    .await;
    get("/v1/blocks/{height}", "/v1/blocks/1".to_owned()).await;
    get("/v1/entries/{index}", "/v1/entries/1".to_owned()).await;
    get("/v1/proofs/inclusion", "/v1/proofs/inclusion?index=0".to_owned()).await;
    get("/v1/proofs/consistency", "/v1/proofs/consistency?from=1".to_owned()).await;
    for (path, method, status, answer) in answers {
        let schema = answer_schema(path, method, status);
        let (known, found) = (keys(&schema["properties"]), keys(&answer));
        assert!(found.is_subset(&known), "{method} {path}: {found:?} are not all in {known:?}");
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in required.iter().map(|field| field.as_str().unwrap()) {
            assert!(found.contains(field), "{method} {path}: {field} is required and missing");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_document_lists_every_route_with_its_methods() {
    let app = TestApp::new().await;
    let source = include_str!("../../src/http/routes/mod.rs");
    let mut routed = BTreeSet::new();
    for call in source.split("resource(\"").skip(1) {
        let mut quoted = call.split('"');
        let (path, methods) = (quoted.next().unwrap(), quoted.nth(1).unwrap());
        routed.extend(methods.split(", ").map(|method| (path.to_owned(), method.to_lowercase())));
    }
    assert!(routed.len() > 30, "{routed:?}");
    routed.retain(|(path, _)| !PAGES.contains(&path.as_str()));
    let described: BTreeSet<(String, String)> = document()["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())))
        .collect();
    assert_eq!(described, routed);
    app.finish().await;
}

#[actix_web::test]
async fn the_document_is_served_as_it_is_made_and_the_docs_page_reads_it() {
    let app = TestApp::new().await;
    let served = app.ask(Ask::get("/openapi.json")).await.expect(200);
    assert_eq!(&served.json(), document());
    let redirect = app.ask(Ask::get("/docs")).await.expect(308);
    assert_eq!(redirect.header("location"), Some("/docs/"));
    let page = app.ask(Ask::get("/docs/")).await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let script = app.ask(Ask::get("/docs/swagger-initializer.js")).await.expect(200);
    assert!(script.text().contains("/openapi.json"));
    app.finish().await;
}

#[actix_web::test]
async fn every_code_has_its_meaning_on_the_problems_page() {
    let app = TestApp::new().await;
    let page = app.ask(Ask::get("/docs/problems")).await.expect(200);
    for code in Code::ALL {
        assert!(page.text().contains(&format!("{code}\n    {}\n", code.meaning())), "{code}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn health_and_readiness_tell_version_height_and_outbox() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let version = env!("CARGO_PKG_VERSION");
    let health = app.ask(Ask::get("/healthz")).await.expect(200).json();
    assert_eq!(health, json!({"status": "ok", "version": version}));
    let ready = app.ask(Ask::get("/readyz")).await.expect(200).json();
    let expected = json!({"status": "ok", "version": version, "height": 1, "role": "leading", "outbox_pending": 0, "outbox_dead": 0});
    assert_eq!(ready, expected);
    app.finish().await;
}

#[actix_web::test]
async fn metrics_count_commands_blocks_and_requests_by_route() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    app.issue(&merchant, "k1", &draft(100)).await.expect(201);
    app.issue(&merchant, "k1", &draft(101)).await.expect(422);
    app.ask(Ask::get("/v1/invoices/144032609110-00000009").by(&merchant.key)).await.expect(404);
    let metrics = app.ask(Ask::get("/metrics")).await.expect(200);
    for line in [
        "piaolian_commands_total{outcome=\"sealed\"} 2",
        "piaolian_commands_total{outcome=\"replayed\"} 1",
        "piaolian_commands_total{outcome=\"refused\"} 1",
        "piaolian_blocks_total 2",
        "piaolian_height 2",
        "piaolian_entries 2",
        "piaolian_batch_seconds_count 4",
        "piaolian_http_requests_total{method=\"POST\",route=\"/v1/invoices\",status=\"201\"} 2",
        "piaolian_http_requests_total{method=\"GET\",route=\"/v1/invoices/{id}\",status=\"404\"} 1",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}\n{}", metrics.text());
    }
    app.finish().await;
}

#[actix_web::test]
async fn metrics_of_unknown_paths_and_methods_do_not_grow_with_them() {
    let app = TestApp::new().await;
    for n in 0..5 {
        app.ask(Ask::get(format!("/nothing/{n}"))).await.expect(404);
        let method = actix_web::http::Method::from_bytes(format!("ODD{n}").as_bytes()).unwrap();
        app.ask(Ask::new(method, "/nothing")).await.expect(404);
    }
    let metrics = app.ask(Ask::get("/metrics")).await.expect(200);
    assert!(!metrics.text().contains("/nothing"));
    assert!(!metrics.text().contains("ODD"), "{}", metrics.text());
    app.finish().await;
}

#[actix_web::test]
async fn the_first_page_says_chain_height_and_that_it_is_a_sandbox() {
    let app = TestApp::new().await;
    app.register(CONSULTANT).await;
    let page = app.ask(Ask::get("/")).await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("shenzhen-sandbox"));
    app.finish().await;
}
