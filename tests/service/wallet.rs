//! Claim links and wallets: whoever has the token claims, once; whoever has not learns nothing.

use piaolian::chain::keccak256;
use piaolian::invoice::InvoiceId;
use piaolian::parties::tencent::wallet::CardStatus;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::holds::Company;
use crate::samples::{CONSULTANT, RESTAURANT, changed, draft, draft_for, payment};
use crate::test_app::{Merchant, PUBLIC_URL, TestApp};

/// Somebody with a wallet.
#[derive(Debug, Clone)]
struct Person {
    id: String,
    salt: String,
}

impl Person {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), salt: keccak256(id).to_string() }
    }

    fn proof(&self) -> Value {
        json!({"id": self.id, "salt": self.salt})
    }

    fn commitment(&self) -> String {
        keccak256([&[5][..], &hex::decode(&self.salt).unwrap(), self.id.as_bytes()].concat()).to_string()
    }

    fn claim(&self, once: &str, invoice: &Value, token: &str) -> Ask {
        let body = json!({"invoice": invoice["id"], "token": token, "holder": self.proof()});
        Ask::post("/v1/claims").once(once).json(&body)
    }

    fn hand_over(&self, once: &str, invoice: &Value, to: &Person) -> Ask {
        let to = json!({"commitment": to.commitment()});
        let body = json!({"invoice": invoice["id"], "holder": self.proof(), "to": to});
        Ask::post("/v1/claims/hand-over").once(once).json(&body)
    }

    fn discard(&self, once: &str, invoice: &Value) -> Ask {
        let body = json!({"invoice": invoice["id"], "holder": self.proof()});
        Ask::post("/v1/claims/discard").once(once).json(&body)
    }
}

/// A merchant with an invoice of a payment and one without.
async fn town() -> (TestApp, Merchant, [Value; 2]) {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 300)).await.expect(204);
    let paid = app.issue(&merchant, "k1", &draft_for("4200000001", 100)).await.expect(201).json()["invoice"].clone();
    let plain = app.issue(&merchant, "k2", &draft(200)).await.expect(201).json()["invoice"].clone();
    (app, merchant, [paid, plain])
}

fn link_path(invoice: &Value) -> String {
    format!("/v1/invoices/{}/claim-link", invoice["id"].as_str().unwrap())
}

const PAYMENT_LINK: &str = "/v1/payments/wechat-pay/4200000001/claim-link";

async fn token(app: &TestApp, merchant: &Merchant, path: &str) -> String {
    let answer = app.ask(Ask::get(path).by(&merchant.key)).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()["token"].as_str().unwrap().to_owned()
}

async fn wallet(app: &TestApp, invoice: &Value) -> Value {
    let path = format!("/v1/invoices/{}/life", invoice["id"].as_str().unwrap());
    app.ask(Ask::get(path).by(&app.auditor)).await.expect(200).json()
}

#[actix_web::test]
async fn a_link_leads_to_its_invoice_and_stays_the_same() {
    let (mut app, merchant, [paid, plain]) = town().await;
    let of_payment = app.ask(Ask::get(PAYMENT_LINK).by(&merchant.key)).await.expect(200).json();
    let of_paid = app.ask(Ask::get(link_path(&paid)).by(&merchant.key)).await.expect(200).json();
    assert_eq!(of_payment, of_paid);
    let token = of_paid["token"].as_str().unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(of_paid["url"], format!("{PUBLIC_URL}/claim?payment=wechat-pay%2F4200000001&token={token}"));
    let of_plain = app.ask(Ask::get(link_path(&plain)).by(&merchant.key)).await.expect(200).json();
    let (id, other) = (plain["id"].as_str().unwrap(), of_plain["token"].as_str().unwrap());
    assert_eq!(of_plain["url"], format!("{PUBLIC_URL}/claim?invoice={id}&token={other}"));
    assert_ne!(token, other);
    let page = app.ask(Ask::get(format!("/claim?payment=x&token={token}"))).await.expect(200);
    assert!(page.text().contains("领取发票") && !page.text().contains(token));
    app.restart().await;
    assert_eq!(app.ask(Ask::get(link_path(&paid)).by(&merchant.key)).await.expect(200).json(), of_paid);
    app.finish().await;
}

#[actix_web::test]
async fn a_link_is_for_the_merchant_only_whose_it_is() {
    let (app, _, [paid, _]) = town().await;
    let other = app.register(RESTAURANT).await;
    let absent = changed(paid.clone(), "/id", json!("144032609110-00000009"));
    let missing = (404, "HTTP-NOT-FOUND", "");
    for (theirs, absent) in [
        (link_path(&paid), link_path(&absent)),
        (PAYMENT_LINK.to_owned(), "/v1/payments/wechat-pay/4200000009/claim-link".to_owned()),
    ] {
        let ask = |path: &str| Ask::get(path).by(&other.key).header("X-Request-Id", "same");
        assert_eq!(app.refuses(ask(&theirs), missing).await, app.refuses(ask(&absent), missing).await);
        for key in [&app.bureau, &app.auditor] {
            app.refuses(Ask::get(&theirs).by(key), (403, "HTTP-ROLE-FORBIDDEN", "")).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn whoever_has_the_token_claims_once() {
    let (app, merchant, [paid, plain]) = town().await;
    let (wang, li) = (Person::new("王小明"), Person::new("李雷"));
    for (invoice, path) in [(&paid, PAYMENT_LINK.to_owned()), (&plain, link_path(&plain))] {
        let token = token(&app, &merchant, &path).await;
        let claim = wang.claim(&format!("c-{}", invoice["number"]), invoice, &token).header("X-Request-Id", "same");
        let first = app.ask(claim.clone()).await.expect(201);
        assert!(app.verdict(&first.json()["receipt"]).is_valid());
        assert_eq!(app.ask(claim).await.expect(201), first);
        let seen = wallet(&app, invoice).await;
        assert_eq!((&seen["wallet"], &seen["wallet_holder"]), (&json!("claimed"), &json!(wang.commitment())));
        let entry = first.json()["receipt"]["entry"].to_string();
        assert!(entry.contains(&wang.commitment()) && !entry.contains(&wang.id) && !entry.contains(&wang.salt));
        for late in [&li, &wang] {
            app.refuses(late.claim("late", invoice, &token), (409, "LEDGER-CLAIMED", "invoice")).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_wrong_token_is_answered_like_an_invoice_that_is_not_there() {
    let (app, merchant, [paid, plain]) = town().await;
    let wang = Person::new("王小明");
    let absent = changed(paid.clone(), "/id", json!("144032609110-00000009"));
    let (of_paid, of_plain) =
        (token(&app, &merchant, PAYMENT_LINK).await, token(&app, &merchant, &link_path(&plain)).await);
    let mut answers = std::collections::BTreeSet::new();
    for (invoice, token) in [
        (&paid, of_plain.as_str()),
        (&plain, &of_paid),
        (&paid, ""),
        (&paid, &of_paid.chars().skip(1).collect::<String>()),
        (&paid, &of_paid.to_uppercase()),
        (&absent, &of_paid),
        (&absent, ""),
    ] {
        let ask = wang.claim("c1", invoice, token).header("X-Request-Id", "same");
        answers.insert(app.refuses(ask, (403, "LEDGER-CLAIM-TOKEN", "token")).await.text().to_owned());
    }
    assert_eq!(answers.len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn an_invoice_goes_from_hand_to_hand_and_is_thrown_away_by_the_last() {
    let (app, merchant, [_, plain]) = town().await;
    let (wang, li) = (Person::new("王小明"), Person::new("李雷"));
    let token = token(&app, &merchant, &link_path(&plain)).await;
    app.ask(wang.claim("c1", &plain, &token)).await.expect(201);
    app.refuses(wang.hand_over("h0", &plain, &wang), (422, "LEDGER-HOLDER-SAME", "to.commitment")).await;
    let hand_over = wang.hand_over("h1", &plain, &li).header("X-Request-Id", "same");
    let first = app.ask(hand_over.clone()).await.expect(201);
    // It is not in the first wallet any more, and still the same question has the same answer.
    assert_eq!(app.ask(hand_over).await.expect(201), first);
    assert_eq!(wallet(&app, &plain).await["wallet_holder"], json!(li.commitment()));
    let other = (409, "LEDGER-HOLDER-OTHER", "holder");
    app.refuses(wang.hand_over("h2", &plain, &wang), other).await;
    app.refuses(wang.discard("d1", &plain), other).await;
    let discard = li.discard("d1", &plain).header("X-Request-Id", "same");
    let first = app.ask(discard.clone()).await.expect(201);
    assert_eq!(app.ask(discard).await.expect(201), first);
    let seen = wallet(&app, &plain).await;
    assert_eq!((&seen["wallet"], seen.get("wallet_holder")), (&json!("discarded"), None));
    app.refuses(wang.claim("c2", &plain, &token), (409, "LEDGER-CLAIMED", "invoice")).await;
    app.finish().await;
}

#[actix_web::test]
async fn strangers_are_answered_alike_whatever_they_ask_about() {
    let (app, merchant, [paid, plain]) = town().await;
    let (wang, li) = (Person::new("王小明"), Person::new("李雷"));
    let token = token(&app, &merchant, &link_path(&plain)).await;
    app.ask(wang.claim("c1", &plain, &token)).await.expect(201);
    let absent = changed(paid.clone(), "/id", json!("144032609110-00000009"));
    let forgot = Person { salt: li.salt.clone(), ..wang.clone() };
    let mut answers = std::collections::BTreeSet::new();
    // Claimed by another, never claimed, not there; and the right name with another salt.
    for (who, invoice) in [(&li, &plain), (&li, &paid), (&li, &absent), (&forgot, &plain)] {
        for ask in [who.hand_over("h1", invoice, &Person::new("韩梅梅")), who.discard("d1", invoice)] {
            let ask = ask.header("X-Request-Id", "same");
            answers.insert(app.refuses(ask, (409, "LEDGER-HOLDER-OTHER", "holder")).await.text().to_owned());
        }
    }
    assert_eq!(answers.len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn what_a_company_has_locked_stays_where_it_is() {
    let (app, merchant, [_, plain]) = town().await;
    let (wang, li) = (Person::new("王小明"), Person::new("李雷"));
    let token = token(&app, &merchant, &link_path(&plain)).await;
    let company = Company::new(&app, "91440300708461136T").await;
    app.ask(wang.claim("c1", &plain, &token)).await.expect(201);
    app.ask(company.lock("l1", &[&plain])).await.expect(201);
    let held = (409, "LEDGER-LIFE-STATE", "invoice");
    app.refuses(wang.hand_over("h1", &plain, &li), held).await;
    app.refuses(wang.discard("d1", &plain), held).await;
    app.finish().await;
}

#[actix_web::test]
async fn requests_of_another_form_are_refused() {
    let (app, merchant, [_, plain]) = town().await;
    let wang = Person::new("王小明");
    let token = token(&app, &merchant, &link_path(&plain)).await;
    let shape = "HTTP-SHAPE-WRONG";
    let body: Value = serde_json::from_slice(&wang.claim("c1", &plain, &token).body).unwrap();
    for (pointer, value, path) in [
        ("/holder/id", json!(""), "holder.id"),
        ("/holder/id", json!("a\u{0}b"), "holder.id"),
        ("/holder/id", json!("王".repeat(129)), "holder.id"),
        ("/holder/salt", json!("00".repeat(32)), "holder.salt"),
        ("/holder/salt", json!("00"), "holder.salt"),
        ("/holder/tip", json!(1), "holder.tip"),
        ("/invoice", json!("1"), "invoice"),
        ("/token", json!(1), "token"),
        ("/tip", json!(1), "tip"),
    ] {
        let ask = Ask::post("/v1/claims").once("c1").json(&changed(body.clone(), pointer, value));
        app.refuses(ask, (400, shape, path)).await;
    }
    let body: Value = serde_json::from_slice(&wang.hand_over("h1", &plain, &wang).body).unwrap();
    for (pointer, value, path) in [
        ("/to", json!("00"), "to"),
        ("/to/commitment", json!("00"), "to.commitment"),
        ("/to/salt", json!(1), "to.salt"),
    ] {
        let ask = Ask::post("/v1/claims/hand-over").once("h1").json(&changed(body.clone(), pointer, value));
        app.refuses(ask, (400, shape, path)).await;
    }
    let unkeyed = Ask::post("/v1/claims/discard").json(&json!({"invoice": plain["id"], "holder": wang.proof()}));
    app.refuses(unkeyed, (400, "HTTP-IDEMPOTENCY-KEY-MISSING", "")).await;
    app.finish().await;
}

#[actix_web::test]
async fn the_card_of_an_invoice_that_is_reversed_in_full_leaves_the_payers_wallet() {
    let (app, merchant, [paid, plain]) = town().await;
    let status = |invoice: &Value| {
        let id = InvoiceId::try_from(invoice["id"].as_str().unwrap()).unwrap();
        app.service().desk().parties().wallet.status(id)
    };
    app.settle().await;
    assert_eq!((status(&paid), status(&plain)), (Some(CardStatus::Inserted), None));
    let reverse = async |invoice: &Value, key: &str, body: Value| {
        let path = format!("/v1/invoices/{}/reversals", invoice["id"].as_str().unwrap());
        app.ask(Ask::post(path).by(&merchant.key).once(key).json(&body)).await.expect(201);
        app.settle().await;
    };
    reverse(&paid, "r1", json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 40}]})).await;
    assert_eq!(status(&paid), Some(CardStatus::Inserted));
    reverse(&paid, "r2", json!({"reason": "SALES_RETURN"})).await;
    assert_eq!(status(&paid), Some(CardStatus::Discarded));
    reverse(&plain, "r3", json!({"reason": "ISSUE_ERROR"})).await;
    assert_eq!(status(&plain), None);
    app.finish().await;
}

#[actix_web::test]
async fn a_red_invoice_is_neither_claimed_nor_held() {
    let (app, merchant, [paid, _]) = town().await;
    let of_payment = token(&app, &merchant, PAYMENT_LINK).await;
    let path = format!("/v1/invoices/{}/reversals", paid["id"].as_str().unwrap());
    let reverse = Ask::post(path).by(&merchant.key).once("r1").json(&json!({"reason": "ISSUE_ERROR"}));
    let red = app.ask(reverse).await.expect(201).json()["invoice"].clone();
    let not_blue = |path| (422, "LEDGER-NOT-BLUE", path);
    app.refuses(Ask::get(link_path(&red)).by(&merchant.key), not_blue("id")).await;
    app.refuses(Person::new("王小明").claim("c1", &red, &of_payment), not_blue("invoice")).await;
    let company = Company::new(&app, "91440300708461136T").await;
    app.refuses(company.lock("l1", &[&red]), not_blue("invoices[0]")).await;
    let seen = wallet(&app, &red).await;
    assert_eq!((&seen["state"], &seen["blue"]), (&json!("red"), &paid["id"]));
    // The blue one is gone for good.
    let gone = (409, "LEDGER-LIFE-STATE", "invoice");
    app.refuses(Person::new("王小明").claim("c1", &paid, &of_payment), gone).await;
    app.refuses(company.lock("l1", &[&paid]), (409, "LEDGER-LIFE-STATE", "invoices[0]")).await;
    app.finish().await;
}
