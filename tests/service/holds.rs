//! Expense claims and pledges: one holder at a time, found by a commitment, fenced; nobody learns who it is.

use piaolian::base::UnixMs;
use piaolian::chain::keccak256;
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, changed, draft, draft_for, payment, without};
use crate::test_app::{Merchant, TestApp};

/// The day's 30-fold: the lease of a lock that asks for none.
const LEASE_MS_DEFAULT: i64 = 30 * DAY_MS;

/// A company with a key, which keeps one salt.
#[derive(Debug, Clone)]
pub struct Company {
    pub key: String,
    pub id: &'static str,
    pub salt: String,
}

impl Company {
    pub async fn new(app: &TestApp, id: &'static str) -> Self {
        let key = app.new_key(&json!({"role": "company", "company": id, "label": "claims"})).await;
        Self { key, id, salt: keccak256(id).to_string() }
    }

    /// What the ledger knows of it: computed here by the written rule.
    pub fn commitment(&self) -> String {
        let salt = hex::decode(&self.salt).unwrap();
        keccak256([&[5][..], &salt, self.id.as_bytes()].concat()).to_string()
    }

    fn post(&self, path: &str, once: &str, body: &Value) -> Ask {
        Ask::post(path).by(&self.key).once(once).json(&changed(body.clone(), "/salt", json!(self.salt)))
    }

    pub fn lock(&self, once: &str, invoices: &[&Value]) -> Ask {
        let invoices: Vec<Value> = invoices.iter().map(|i| json!({"id": i["id"], "hash": i["hash"]})).collect();
        self.post("/v1/locks", once, &json!({"invoices": invoices}))
    }

    /// Goes on with a hold: `/v1/<path>`.
    pub fn go_on(&self, path: &str, once: &str, invoices: &[&Value]) -> Ask {
        let ids: Vec<&Value> = invoices.iter().map(|invoice| &invoice["id"]).collect();
        self.post(&format!("/v1/{path}"), once, &json!({"invoices": ids}))
    }
}

const ONE: &str = "91440300708461136T";
const TWO: &str = "91440300MA5EEF1N0R";

async fn issued(app: &TestApp, merchant: &Merchant, fen: i64) -> Value {
    let key = format!("issue-{}", app.next());
    app.issue(merchant, &key, &draft(fen)).await.expect(201).json()["invoice"].clone()
}

/// A merchant with one invoice, and two companies.
async fn town() -> (TestApp, Merchant, Value, [Company; 2]) {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let invoice = issued(&app, &merchant, 10_000).await;
    let companies = [Company::new(&app, ONE).await, Company::new(&app, TWO).await];
    (app, merchant, invoice, companies)
}

async fn life(app: &TestApp, invoice: &Value, key: &str) -> Value {
    let path = format!("/v1/invoices/{}/life", invoice["id"].as_str().unwrap());
    app.ask(Ask::get(path).by(key)).await.expect(200).json()
}

async fn state(app: &TestApp, invoice: &Value) -> String {
    life(app, invoice, &app.auditor).await["state"].as_str().unwrap().to_owned()
}

fn fence(answer: &Answer) -> u64 {
    answer.json()["fence"].as_u64().unwrap()
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
async fn an_invoice_is_locked_given_back_locked_again_and_booked() {
    let (app, merchant, invoice, [one, two]) = town().await;
    assert_eq!(state(&app, &invoice).await, "open");
    let locked = twice(&app, one.lock("l1", &[&invoice])).await;
    let reply = locked.json();
    assert_eq!((&reply["fence"], &reply["lease_until"]), (&reply["entry"], &json!(NOON.0 + LEASE_MS_DEFAULT)));
    assert!(app.verdict(&reply["receipt"]).is_valid());
    let seen = life(&app, &invoice, &merchant.key).await;
    assert_eq!((&seen["state"], &seen["fence"]), (&json!("locked"), &reply["fence"]));
    assert_eq!(seen["lease_until"], reply["lease_until"]);
    twice(&app, one.go_on(&format!("locks/{}/releases", fence(&locked)), "u1", &[&invoice])).await;
    assert_eq!(state(&app, &invoice).await, "open");
    let again = app.ask(two.lock("l1", &[&invoice])).await.expect(201);
    twice(&app, two.go_on(&format!("locks/{}/bookings", fence(&again)), "b1", &[&invoice])).await;
    assert_eq!(state(&app, &invoice).await, "closed");
    app.refuses(one.lock("l2", &[&invoice]), (409, "LEDGER-LIFE-STATE", "invoices[0]")).await;
    app.finish().await;
}

#[actix_web::test]
async fn who_is_too_late_learns_the_state_and_not_the_holder() {
    let (app, merchant, invoice, [one, two]) = town().await;
    app.ask(one.lock("l1", &[&invoice])).await.expect(201);
    let refused = app.refuses(two.lock("l1", &[&invoice]), (409, "LEDGER-LIFE-STATE", "invoices[0]")).await;
    assert!(refused.text().contains("locked"));
    let seen = life(&app, &invoice, &merchant.key).await.to_string();
    for secret in [one.id, &one.salt, &one.commitment()] {
        assert!(!refused.text().contains(secret) && !seen.contains(secret));
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_wrong_hash_is_answered_like_a_number_that_is_not_there() {
    let (app, _, invoice, [one, _]) = town().await;
    let absent = changed(invoice.clone(), "/id", json!("144032609110-00000002"));
    let mut hash = invoice["hash"].as_str().unwrap().to_owned();
    let last = hash.pop();
    hash.push(if last == Some('0') { '1' } else { '0' });
    let other = changed(invoice.clone(), "/hash", json!(hash));
    let mut answers = Vec::new();
    for named in [absent, other] {
        let ask = one.lock("l1", &[&named]).header("X-Request-Id", "same");
        let answer = app.refuses(ask, (404, "LEDGER-INVOICE-UNKNOWN", "invoices[0]")).await;
        answers.push(answer.text().replace(named["id"].as_str().unwrap(), "ID"));
    }
    assert_eq!(answers[0], answers[1]);
    app.finish().await;
}

#[actix_web::test]
async fn a_batch_is_locked_as_a_whole_or_not_at_all() {
    let (app, merchant, first, [one, two]) = town().await;
    let mut invoices = vec![first];
    for n in 1..=100 {
        invoices.push(issued(&app, &merchant, 10_000 + n).await);
    }
    let named: Vec<&Value> = invoices.iter().collect();
    let batch = (422, "LEDGER-BATCH", "invoices");
    app.refuses(one.lock("l1", &named), batch).await;
    app.refuses(one.lock("l1", &[]), batch).await;
    app.refuses(one.lock("l1", &[named[0], named[0]]), batch).await;
    app.ask(two.lock("l1", &[named[7]])).await.expect(201);
    app.refuses(one.lock("l1", &named[..100]), (409, "LEDGER-LIFE-STATE", "invoices[7]")).await;
    assert_eq!(state(&app, named[6]).await, "open");
    let locked = app.ask(one.lock("l1", &named[8..])).await.expect(201);
    assert_eq!(state(&app, named[100]).await, "locked");
    let path = format!("locks/{}/bookings", fence(&locked));
    app.refuses(one.go_on(&path, "b1", &[]), batch).await;
    app.refuses(one.go_on(&path, "b1", &named), batch).await;
    app.ask(one.go_on(&path, "b1", &named[8..])).await.expect(201);
    assert_eq!(state(&app, named[50]).await, "closed");
    app.finish().await;
}

#[actix_web::test]
async fn only_the_holder_with_its_fence_goes_on() {
    let (app, merchant, invoice, [one, two]) = town().await;
    let other = issued(&app, &merchant, 20_000).await;
    let held = fence(&app.ask(one.lock("l1", &[&invoice])).await.expect(201));
    for way in ["renewals", "releases", "bookings"] {
        let path = |fence: u64| format!("locks/{fence}/{way}");
        let holder_other = (409, "LEDGER-HOLDER-OTHER", "salt");
        app.refuses(two.go_on(&path(held), "k1", &[&invoice]), holder_other).await;
        let forgot = Company { salt: two.salt.clone(), ..one.clone() };
        app.refuses(forgot.go_on(&path(held), "k1", &[&invoice]), holder_other).await;
        for stale in [0, held - 1, held + 1, u64::MAX] {
            app.refuses(one.go_on(&path(stale), "k1", &[&invoice]), (409, "LEDGER-FENCE-STALE", "fence")).await;
        }
        let absent = changed(invoice.clone(), "/id", json!("144032609110-00000009"));
        for not_in_it in [&other, &absent] {
            let ask = one.go_on(&path(held), "k1", &[&invoice, not_in_it]);
            app.refuses(ask, (409, "LEDGER-FENCE-STALE", "invoices[1]")).await;
        }
        for bad in ["x", "-1", "18446744073709551616"] {
            let ask = one.go_on(&format!("locks/{bad}/{way}"), "k1", &[&invoice]);
            app.refuses(ask, (400, "HTTP-QUERY-MALFORMED", "fence")).await;
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_lock_ends_with_its_lease_and_a_late_holder_is_refused() {
    let (app, _, invoice, [one, two]) = town().await;
    let with_lease = |ask: Ask, lease: i64| {
        let body: Value = serde_json::from_slice(&ask.body).unwrap();
        ask.json(&changed(body, "/lease_ms", json!(lease)))
    };
    let held = fence(&app.ask(with_lease(one.lock("l1", &[&invoice]), 60_000)).await.expect(201));
    app.clock.set(UnixMs(NOON.0 + 59_999));
    let renew = with_lease(one.go_on(&format!("locks/{held}/renewals"), "r1", &[&invoice]), 120_000);
    let renewed = twice(&app, renew).await.json();
    assert_eq!((&renewed["fence"], &renewed["lease_until"]), (&json!(held), &json!(NOON.0 + 179_999)));
    app.clock.set(UnixMs(NOON.0 + 179_998));
    assert_eq!(state(&app, &invoice).await, "locked");
    app.clock.set(UnixMs(NOON.0 + 179_999));
    // Nothing has happened since: no block tells it, the time does.
    assert_eq!(state(&app, &invoice).await, "open");
    let book = one.go_on(&format!("locks/{held}/bookings"), "b1", &[&invoice]);
    app.refuses(book.clone(), (409, "LEDGER-LEASE-ENDED", "invoices[0]")).await;
    app.ask(two.lock("l1", &[&invoice])).await.expect(201);
    app.refuses(book, (409, "LEDGER-FENCE-STALE", "invoices[0]")).await;
    app.finish().await;
}

#[actix_web::test]
async fn leases_salts_and_hashes_of_another_form_are_refused() {
    let (app, _, invoice, [one, _]) = town().await;
    let good: Value = serde_json::from_slice(&one.lock("l1", &[&invoice]).body).unwrap();
    let shape = "HTTP-SHAPE-WRONG";
    for (pointer, value, expected) in [
        ("/lease_ms", json!(59_999), (422, "LEDGER-LEASE-RANGE", "lease_ms")),
        ("/lease_ms", json!(31_536_000_001_i64), (422, "LEDGER-LEASE-RANGE", "lease_ms")),
        ("/lease_ms", json!(-1), (422, "LEDGER-LEASE-RANGE", "lease_ms")),
        ("/lease_ms", Value::Null, (400, shape, "lease_ms")),
        ("/salt", json!("ab".repeat(32)), (400, shape, "salt")),
        ("/salt", json!(one.salt.to_uppercase()), (400, shape, "salt")),
        ("/salt", json!(one.salt.chars().skip(2).collect::<String>()), (400, shape, "salt")),
        ("/invoices/0/hash", json!("00"), (400, shape, "invoices[0].hash")),
        ("/invoices/0/id", json!("1"), (400, shape, "invoices[0].id")),
        ("/tip", json!(1), (400, shape, "tip")),
    ] {
        let ask = Ask::post("/v1/locks").by(&one.key).once("l1").json(&changed(good.clone(), pointer, value));
        app.refuses(ask, expected).await;
    }
    let ask = Ask::post("/v1/locks").by(&one.key).once("l1").json(&without(good, "/salt"));
    app.refuses(ask, (400, shape, "")).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_key_says_one_thing_only() {
    let (app, merchant, invoice, [one, two]) = town().await;
    let other = issued(&app, &merchant, 20_000).await;
    let locked = app.ask(one.lock("k1", &[&invoice])).await.expect(201);
    app.refuses(one.lock("k1", &[&other]), (422, "LEDGER-KEY-REUSED", "")).await;
    let book = one.go_on(&format!("locks/{}/bookings", fence(&locked)), "k1", &[&invoice]);
    app.refuses(book, (422, "LEDGER-KEY-REUSED", "")).await;
    // Another company has keys of its own.
    app.ask(two.lock("k1", &[&other])).await.expect(201);
    app.finish().await;
}

fn pledge(merchant: &Merchant, once: &str, invoice: &Value, financier: &str) -> Ask {
    let path = format!("/v1/invoices/{}/pledge", invoice["id"].as_str().unwrap());
    Ask::post(path).by(&merchant.key).once(once).json(&json!({"financier": financier}))
}

#[actix_web::test]
async fn a_pledge_shuts_out_locks_and_other_pledges_until_it_is_released_or_settled() {
    let (app, merchant, invoice, [one, two]) = town().await;
    let held = twice(&app, pledge(&merchant, "p1", &invoice, &one.commitment())).await;
    assert_eq!(held.json().get("lease_until"), None);
    assert_eq!(state(&app, &invoice).await, "pledged");
    app.refuses(pledge(&merchant, "p2", &invoice, &two.commitment()), (409, "LEDGER-LIFE-STATE", "id")).await;
    app.refuses(two.lock("l1", &[&invoice]), (409, "LEDGER-LIFE-STATE", "invoices[0]")).await;
    let path = |fence: u64, way: &str| format!("pledges/{fence}/{way}");
    let first = fence(&held);
    for way in ["releases", "settlements"] {
        app.refuses(two.go_on(&path(first, way), "k1", &[&invoice]), (409, "LEDGER-HOLDER-OTHER", "salt")).await;
    }
    // A pledge is no lock, and a lock no pledge.
    let as_lock = one.go_on(&format!("locks/{first}/bookings"), "k1", &[&invoice]);
    app.refuses(as_lock, (409, "LEDGER-FENCE-STALE", "fence")).await;
    twice(&app, one.go_on(&path(first, "releases"), "k1", &[&invoice])).await;
    assert_eq!(state(&app, &invoice).await, "open");
    let second = fence(&app.ask(pledge(&merchant, "p2", &invoice, &two.commitment())).await.expect(201));
    app.refuses(one.go_on(&path(first, "settlements"), "k2", &[&invoice]), (409, "LEDGER-FENCE-STALE", "invoices[0]"))
        .await;
    twice(&app, two.go_on(&path(second, "settlements"), "k2", &[&invoice])).await;
    assert_eq!(state(&app, &invoice).await, "settled");
    app.refuses(pledge(&merchant, "p3", &invoice, &one.commitment()), (409, "LEDGER-LIFE-STATE", "id")).await;
    app.ask(one.lock("l1", &[&invoice])).await.expect(201);
    assert_eq!(state(&app, &invoice).await, "settled_locked");
    app.finish().await;
}

#[actix_web::test]
async fn what_is_not_the_sellers_or_paid_already_is_not_pledged() {
    let (app, merchant, invoice, [one, _]) = town().await;
    let other = app.register(RESTAURANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 100)).await.expect(204);
    let paid = app.issue(&merchant, "k1", &draft_for("4200000001", 100)).await.expect(201).json()["invoice"].clone();
    app.refuses(pledge(&merchant, "p1", &paid, &one.commitment()), (409, "LEDGER-PLEDGE-PAID", "id")).await;
    let absent = changed(invoice.clone(), "/id", json!("144032609110-00000009"));
    let mut answers = Vec::new();
    for named in [&invoice, &absent] {
        let ask = pledge(&other, "p1", named, &one.commitment()).header("X-Request-Id", "same");
        let answer = app.refuses(ask, (404, "LEDGER-INVOICE-UNKNOWN", "id")).await;
        answers.push(answer.text().replace(named["id"].as_str().unwrap(), "ID"));
    }
    assert_eq!(answers[0], answers[1]);
    let malformed = changed(invoice.clone(), "/id", json!("1"));
    app.refuses(pledge(&merchant, "p1", &malformed, &one.commitment()), (400, "HTTP-QUERY-MALFORMED", "id")).await;
    app.refuses(pledge(&merchant, "p1", &invoice, "00"), (400, "HTTP-SHAPE-WRONG", "financier")).await;
    app.finish().await;
}

#[actix_web::test]
async fn how_an_invoice_stands_is_shown_to_those_only_who_may_see_it() {
    let (app, merchant, invoice, [one, two]) = town().await;
    let stranger = app.register(RESTAURANT).await;
    app.ask(one.lock("l1", &[&invoice])).await.expect(201);
    let path = format!("/v1/invoices/{}/life", invoice["id"].as_str().unwrap());
    let hash = invoice["hash"].as_str().unwrap();
    let with_hash = format!("{path}?hash={hash}");
    let wrong = format!("{path}?hash=01{}", "0".repeat(64));
    let missing = (404, "HTTP-NOT-FOUND", "");
    app.refuses(Ask::get(&path).by(&stranger.key), missing).await;
    app.refuses(Ask::get(&with_hash).by(&stranger.key), missing).await;
    app.refuses(Ask::get(&wrong).by(&two.key), missing).await;
    app.refuses(Ask::get(&path).by(&two.key), (400, "HTTP-QUERY-MALFORMED", "hash")).await;
    app.refuses(Ask::get(format!("{path}?hash=00")).by(&two.key), (400, "HTTP-QUERY-MALFORMED", "hash")).await;
    for (path, key) in [(&path, &merchant.key), (&with_hash, &two.key), (&with_hash, &one.key)] {
        let seen = app.ask(Ask::get(path).by(key)).await.expect(200).json();
        assert_eq!((&seen["state"], seen.get("holder")), (&json!("locked"), None));
    }
    for key in [&app.bureau, &app.auditor] {
        let seen = app.ask(Ask::get(&path).by(key)).await.expect(200).json();
        assert_eq!(seen["holder"], json!(one.commitment()));
    }
    // The invoice itself says it too, to its merchant; a company has no business there.
    let read = Ask::get(format!("/v1/invoices/{}", invoice["id"].as_str().unwrap()));
    let whole = app.ask(read.clone().by(&merchant.key)).await.expect(200).json();
    assert_eq!((&whole["life"]["state"], whole["life"].get("holder")), (&json!("locked"), None));
    app.refuses(read.by(&one.key), missing).await;
    app.finish().await;
}

#[actix_web::test]
async fn a_commitment_is_what_everybody_can_compute() {
    let (app, merchant, _, [one, _]) = town().await;
    let ask = |key: &str, body: &Value| Ask::post("/v1/commitments").by(key).json(body);
    let checkpoint = app.checkpoint().await;
    let own = app.ask(ask(&one.key, &json!({"salt": one.salt}))).await.expect(200).json();
    assert_eq!(own, json!({"commitment": one.commitment()}));
    let named = json!({"salt": one.salt, "id": one.id});
    for key in [&merchant.key, &app.bureau, &app.auditor] {
        assert_eq!(app.ask(ask(key, &named)).await.expect(200).json(), own);
        app.refuses(ask(key, &json!({"salt": one.salt})), (400, "HTTP-SHAPE-WRONG", "id")).await;
    }
    for id in ["", "a\nb", &"a".repeat(129)] {
        let body = json!({"salt": one.salt, "id": id});
        app.refuses(ask(&one.key, &body), (400, "HTTP-SHAPE-WRONG", "id")).await;
    }
    assert_eq!(app.checkpoint().await, checkpoint);
    app.finish().await;
}

#[actix_web::test]
async fn neither_salts_nor_taxpayer_ids_of_holders_are_stored() {
    let (app, merchant, invoice, [one, _]) = town().await;
    app.ask(one.lock("l1", &[&invoice])).await.expect(201);
    let entry = app.ask(one.lock("l1", &[&invoice])).await.expect(201).json()["receipt"]["entry"].to_string();
    assert!(entry.contains(&one.commitment()) && !entry.contains(one.id));
    let stored = app.database.bytes();
    let holds = |what: &[u8]| stored.windows(what.len()).any(|window| window == what);
    assert!(holds(merchant.id.as_str().as_bytes()), "what is stored can be found");
    assert!(!holds(one.salt.as_bytes()) && !holds(&hex::decode(&one.salt).unwrap()));
    app.finish().await;
}

#[actix_web::test]
async fn a_companys_key_sees_no_lists_and_has_a_taxpayer_id() {
    let (app, merchant, _, [one, _]) = town().await;
    for path in ["/v1/invoices", "/v1/payments", "/v1/merchants", "/v1/api-keys"] {
        app.refuses(Ask::get(path).by(&one.key), (403, "HTTP-ROLE-FORBIDDEN", "")).await;
    }
    app.refuses(Ask::get(format!("/v1/merchants/{}", merchant.id)).by(&one.key), (404, "HTTP-NOT-FOUND", "")).await;
    let shape = "HTTP-SHAPE-WRONG";
    for (body, expected) in [
        (json!({"role": "company", "label": "a"}), (400, shape, "company")),
        (json!({"role": "company", "label": "a", "company": "9144"}), (422, "INV-TAXPAYER-ID-SHAPE", "company")),
        (json!({"role": "company", "label": "a", "company": null}), (400, shape, "company")),
        (json!({"role": "auditor", "label": "a", "company": ONE}), (400, shape, "company")),
        (json!({"role": "merchant", "label": "a", "merchant": "M00000001", "company": ONE}), (400, shape, "company")),
        (json!({"role": "company", "label": "a", "merchant": "M00000001", "company": ONE}), (400, shape, "merchant")),
    ] {
        app.refuses(Ask::post("/v1/api-keys").by(&app.bureau).json(&body), expected).await;
    }
    let listed = app.ask(Ask::get("/v1/api-keys").by(&app.bureau)).await.expect(200).json();
    let of_companies = listed.as_array().unwrap().iter().filter(|key| key["role"] == "company");
    let mut companies: Vec<&str> = of_companies.map(|key| key["company"].as_str().unwrap()).collect();
    companies.sort_unstable();
    assert_eq!(companies, [ONE, TWO]);
    app.finish().await;
}
