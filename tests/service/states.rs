//! Present states, proven under a sealed header: in receipts, by themselves, and the absence of a number.

use piaolian::chain::{Hash, StateProof, Verdict, VerdictCode, verify_document_json};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::holds::Company;
use crate::samples::{CONSULTANT, draft};
use crate::test_app::{Merchant, TestApp};

const COMPANY: &str = "91440300708461136T";

async fn issued(app: &TestApp, merchant: &Merchant, fen: i64) -> Value {
    let key = format!("issue-{}", app.next());
    app.issue(merchant, &key, &draft(fen)).await.expect(201).json()["invoice"].clone()
}

fn id(invoice: &Value) -> &str {
    invoice["id"].as_str().unwrap()
}

/// What the offline verifier says of a document, with nothing but the roster and the hash on the face.
fn verdict(app: &TestApp, document: &Value, invoice: &Value) -> Verdict {
    let hash = invoice["hash"].as_str().map(|hash| Hash::parse_printed(hash).unwrap());
    verify_document_json(document.to_string().as_bytes(), &[app.roster()], hash.as_ref())
}

/// The state of an invoice, as the receipt and the state proof both show it: word, what is left, until when.
async fn state(app: &TestApp, merchant: &Merchant, invoice: &Value) -> (String, Option<i64>, Option<i64>) {
    let ask = Ask::get(format!("/v1/invoices/{}/receipt?state=true", id(invoice))).by(&merchant.key);
    let receipt = app.ask(ask).await.expect(200).json();
    assert_eq!(receipt["v"], 2);
    let hash = invoice["hash"].as_str().unwrap();
    let proof = app.ask(Ask::get(format!("/v1/state/{}?hash={hash}", id(invoice)))).await.expect(200).json();
    let checkpoint = app.checkpoint().await;
    let mut said = Vec::new();
    for document in [&receipt, &proof] {
        let verdict = verdict(app, document, invoice);
        assert_eq!(verdict.code, VerdictCode::Valid, "{verdict:?}");
        let sealed = verdict.sealed.unwrap();
        assert_eq!((json!(sealed.height), sealed.power), (checkpoint["height"].clone(), sealed.total));
        said.push(verdict.state.unwrap());
    }
    assert_eq!(said[0], said[1]);
    (said[0].word.to_owned(), said[0].left, said[0].until.map(|until| until.0))
}

#[actix_web::test]
async fn each_state_is_proven_as_it_comes() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let company = Company::new(&app, COMPANY).await;
    let (first, second) = (issued(&app, &merchant, 10_000).await, issued(&app, &merchant, 500).await);
    assert_eq!(state(&app, &merchant, &first).await, ("open".to_owned(), Some(10_000), None));

    let fence = app.ask(company.lock("l1", &[&first])).await.expect(201).json()["fence"].clone();
    let (word, left, until) = state(&app, &merchant, &first).await;
    assert_eq!((word.as_str(), left, until.is_some()), ("locked", Some(10_000), true));
    app.ask(company.go_on(&format!("locks/{fence}/bookings"), "b1", &[&first])).await.expect(201);
    assert_eq!(state(&app, &merchant, &first).await, ("closed".to_owned(), Some(10_000), None));

    let reverse = |invoice: &Value, once: &str, lines: Value| {
        let path = format!("/v1/invoices/{}/reversals", id(invoice));
        let body = json!({"reason": "SALES_RETURN", "lines": lines});
        let body = if lines.is_null() { json!({"reason": "SALES_RETURN"}) } else { body };
        Ask::post(path).by(&merchant.key).once(once).json(&body)
    };
    app.ask(reverse(&second, "r1", json!([{"line": 0, "total": 200}]))).await.expect(201);
    assert_eq!(state(&app, &merchant, &second).await, ("open".to_owned(), Some(300), None));
    let red = app.ask(reverse(&second, "r2", Value::Null)).await.expect(201).json()["invoice"].clone();
    assert_eq!(state(&app, &merchant, &second).await, ("reversed".to_owned(), Some(0), None));
    assert_eq!(state(&app, &merchant, &red).await, ("red".to_owned(), None, None));
    app.finish().await;
}

#[actix_web::test]
async fn a_number_that_was_never_issued_is_proven_absent_to_anybody() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let nobody = "144032609110-00099999";
    for _ in 0..12 {
        let absent = app.ask(Ask::get(format!("/v1/state/{nobody}"))).await.expect(200).json();
        let shown = verify_document_json(absent.to_string().as_bytes(), &[app.roster()], None);
        assert_eq!((shown.code, shown.state.map(|state| state.word)), (VerdictCode::Valid, Some("absent")));
        let invoice = issued(&app, &merchant, 100).await;
        let (code, number) = id(&invoice).split_once('-').unwrap();
        let next = format!("{code}-{:08}", number.parse::<u32>().unwrap() + 1);
        let absent = app.ask(Ask::get(format!("/v1/state/{next}"))).await.expect(200).json();
        // With the hash of an invoice in hand, that there is none is no answer.
        assert_eq!(verdict(&app, &absent, &invoice).code, VerdictCode::LeafHashMismatch);
        let mut proof = StateProof::from_json(absent.to_string().as_bytes()).unwrap();
        id(&invoice).clone_into(&mut proof.invoice);
        let forged = serde_json::to_value(&proof).unwrap();
        let shown = verify_document_json(forged.to_string().as_bytes(), &[app.roster()], None);
        assert_eq!(shown.code, VerdictCode::StateProofBad, "an issued number is not absent");
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_state_of_an_invoice_is_for_those_who_have_its_hash() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let (mine, other) = (issued(&app, &merchant, 100).await, issued(&app, &merchant, 100).await);
    let path = |query: &str| Ask::get(format!("/v1/state/{}{query}", id(&mine)));
    assert_eq!(app.ask(path("")).await.expect(404).json()["code"], "HTTP-NOT-FOUND");
    let wrong = format!("?hash={}", other["hash"].as_str().unwrap());
    assert_eq!(app.ask(path(&wrong)).await.expect(404).json()["code"], "HTTP-NOT-FOUND");
    assert_eq!(app.ask(path("?hash=01ab")).await.expect(400).json()["code"], "HTTP-QUERY-MALFORMED");
    assert_eq!(app.ask(path("?x=1")).await.expect(400).json()["code"], "HTTP-QUERY-MALFORMED");
    app.ask(Ask::get("/v1/state/144032600111")).await.expect(400);
    let receipt = |key: &str, query: &str| Ask::get(format!("/v1/invoices/{}/receipt{query}", id(&mine))).by(key);
    app.ask(receipt(&merchant.key, "?state=perhaps")).await.expect(400);
    let plain = app.ask(receipt(&merchant.key, "")).await.expect(200);
    assert_eq!(app.ask(receipt(&merchant.key, "?state=false")).await.expect(200).json(), plain.json());
    assert_eq!(plain.json()["v"], 1, "the same for ever");
    app.finish().await;
}
