//! Characters that no typeface of the face has: warned about, kept in the data, never refused; and private-use ones: refused everywhere.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, changed, draft, line};
use crate::test_app::{TestApp, demo_merchant, issue};

/// Every text that a draft can have, and its path in it.
const TEXTS: [(&str, &str); 11] = [
    ("/buyer/name", "buyer.name"),
    ("/buyer/address_phone", "buyer.address_phone"),
    ("/buyer/bank_account", "buyer.bank_account"),
    ("/lines/0/category", "lines[0].category"),
    ("/lines/0/name", "lines[0].name"),
    ("/lines/0/specification", "lines[0].specification"),
    ("/lines/0/unit", "lines[0].unit"),
    ("/remark", "remark"),
    ("/payee", "payee"),
    ("/reviewer", "reviewer"),
    ("/drawer", "drawer"),
];

fn warned(answer: &Value) -> Vec<(String, String)> {
    let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
    let text = |warning: &Value, key: &str| warning[key].as_str().unwrap().to_owned();
    warnings.iter().map(|warning| (text(warning, "code"), text(warning, "path"))).collect()
}

#[actix_web::test]
async fn a_character_without_a_glyph_is_warned_about_in_every_text_and_kept() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for (nth, (pointer, path)) in TEXTS.iter().enumerate() {
        let body = changed(draft(10_000), pointer, json!("面🍜面🍜"));
        let expected = [("RENDER-CHARACTER-WITHOUT-GLYPH".to_owned(), format!("draft.{path}"))];
        let check = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": body}));
        assert_eq!(warned(&app.ask(check).await.expect(200).json()), expected);
        let answer = app.issue(&merchant, &format!("k{nth}"), &body).await.expect(201).json();
        assert_eq!(warned(&answer), expected);
        assert_eq!(answer["invoice"]["draft"].pointer(pointer), Some(&json!("面🍜面🍜")));
        assert!(answer["warnings"][0]["message"].as_str().unwrap().contains("U+1F35C"));
    }
    app.finish().await;
}

#[actix_web::test]
async fn each_character_is_named_once_by_the_line_of_the_request_and_again_when_asked_again() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    // The discount becomes the second line of the invoice: the paths are of the request all the same.
    let lines = json!([changed(line(10_000), "/discount", json!(100)), changed(line(100), "/name", json!("🍜🍜🍺"))]);
    let body = changed(changed(draft(10_000), "/lines", lines), "/total", json!(10_000));
    let first = app.issue(&merchant, "k1", &body).await.expect(201);
    let warnings = warned(&first.json());
    assert_eq!(warnings.len(), 2);
    assert!(warnings.iter().all(|(_, path)| path == "draft.lines[1].name"), "{warnings:?}");
    assert_eq!(app.issue(&merchant, "k1", &body).await.expect(201).body, first.body);
    app.finish().await;
}

#[actix_web::test]
async fn rare_characters_that_are_drawn_and_line_feeds_are_not_warned_about() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let body = changed(draft(10_000), "/buyer/name", json!("䶮㛃䲟㴸𠮷𠅤𬭎𬸚𫖯𬀩𨱔"));
    let body = changed(body, "/remark", json!("第一行\n第二行 Ünïcödé 7½ €"));
    let answer = app.issue(&merchant, "k1", &body).await.expect(201).json();
    assert_eq!(answer.get("warnings"), None, "{answer}");
    app.finish().await;
}

#[actix_web::test]
async fn the_sellers_texts_are_warned_about_too() {
    let app = TestApp::new().await;
    let mut seller = json!(demo_merchant(CONSULTANT).seller);
    seller["name"] = json!("🍜面馆");
    seller["mchid"] = json!(CONSULTANT);
    seller["issue_on_payment"] = json!(false);
    let ask = Ask::post("/v1/merchants").by(&app.bureau).once("r").json(&seller);
    let merchant = app.ask(ask).await.expect(201).json()["merchant"].clone();
    let key = app.new_key(&json!({"role": "merchant", "merchant": merchant["id"], "label": "own"})).await;
    let expected = [("RENDER-CHARACTER-WITHOUT-GLYPH".to_owned(), "seller.name".to_owned())];
    let check = Ask::post("/v1/drafts").by(&key).json(&json!({"draft": draft(100)}));
    assert_eq!(warned(&app.ask(check).await.expect(200).json()), expected);
    let ask = Ask::post("/v1/invoices").by(&key).once("k1").json(&json!({"draft": draft(100)}));
    assert_eq!(warned(&app.ask(ask).await.expect(201).json()), expected);
    app.finish().await;
}

#[actix_web::test]
async fn private_use_characters_are_refused_in_every_text() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for character in ['\u{e000}', '\u{f8ff}', '\u{f0000}', '\u{10fffd}'] {
        for (pointer, path) in TEXTS {
            let body = changed(draft(10_000), pointer, json!(format!("甲{character}")));
            let path = format!("draft.{path}");
            app.refuses(issue(&merchant, "k1", &body), (422, "INV-TEXT-PRIVATE-USE", &path)).await;
            let check = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": body}));
            app.refuses(check, (422, "INV-TEXT-PRIVATE-USE", &path)).await;
        }
        for field in ["name", "address_phone", "bank_account"] {
            let mut seller = json!(demo_merchant(CONSULTANT).seller);
            seller["mchid"] = json!("1900000199");
            seller["issue_on_payment"] = json!(false);
            seller[field] = json!(format!("甲{character}"));
            let ask = Ask::post("/v1/merchants").by(&app.bureau).once("r").json(&seller);
            app.refuses(ask, (422, "INV-TEXT-PRIVATE-USE", field)).await;
        }
    }
    app.finish().await;
}
