//! The same requests, keys and clock are answered with the same bytes on SQLite and on PostgreSQL: receipts, lists, proofs, pages, PDFs.
//! Needs a PostgreSQL server whichever database the run is about.

use std::collections::BTreeSet;
use std::path::Path;

use piaolian::base::{Secret, UnixMs};
use piaolian::chain::{IssuerKey, keccak256};
use piaolian::sequencer;
use serde_json::{Value, json};

use crate::ask::{Answer, Ask, document};
use crate::database::{KINDS, TestDatabase};
use crate::holds::Company;
use crate::samples::{CONSULTANT, DAY_MS, NOON, SHOP, draft, draft_for, payment, refund};
use crate::test_app::{Merchant, PUBLIC_URL, TestApp, chain, demo_merchant};

/// Routes that are not about the ledger, or tell what is random.
const LEFT_OUT: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/v1/api-keys"];

/// A key that is the same on both; a custody key would be made at random.
fn own_key(mchid: &str) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new(*keccak256(mchid).as_bytes())).unwrap()
}

/// An app, and everything that it answered.
struct Played {
    app: TestApp,
    answers: Vec<(String, Answer)>,
    routes: BTreeSet<&'static str>,
}

impl Played {
    async fn on(database: TestDatabase, keys: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("keys");
        std::fs::create_dir(&own).unwrap();
        for file in std::fs::read_dir(keys).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), own.join(file.file_name())).unwrap();
        }
        let app = TestApp::on(database, folder, sequencer::Config::default()).await;
        Self { app, answers: Vec::new(), routes: BTreeSet::new() }
    }

    async fn ask(&mut self, ask: Ask, status: u16) -> Answer {
        let asked = format!("{} {}", ask.method, ask.path);
        let answer = self.app.ask(ask.header("X-Request-Id", self.answers.len().to_string())).await;
        assert_eq!(answer.status, status, "{asked}: {}", String::from_utf8_lossy(&answer.body));
        self.answers.push((asked, answer.clone()));
        answer
    }

    async fn register(&mut self, mchid: &str) -> Merchant {
        let demo = demo_merchant(mchid);
        let mut body = json!(demo.seller);
        body["mchid"] = json!(mchid);
        body["issuer"] = json!(own_key(mchid).address());
        body["issue_on_payment"] = json!(false);
        let ask = Ask::post("/v1/merchants").by(&self.app.bureau).once(&format!("register-{mchid}")).json(&body);
        let answer = self.ask(ask, 201).await.json();
        let id = answer["merchant"]["id"].as_str().unwrap();
        let key = self.app.new_key(&json!({"role": "merchant", "merchant": id, "label": "own"})).await;
        Merchant { id: id.try_into().unwrap(), key, demo }
    }

    /// Issues with the merchant's own signature; gives the invoice.
    async fn issue(&mut self, merchant: &Merchant, key: &str, draft: &Value, status: u16) -> Value {
        let ask = Ask::post("/v1/drafts").by(&merchant.key).json(&json!({"draft": draft}));
        let checked = self.ask(ask, 200).await.json();
        let signature = own_key(&merchant.demo.mchid).sign(checked["text"].as_str().unwrap());
        let body = json!({"draft": draft, "signature": signature});
        let ask = Ask::post("/v1/invoices").by(&merchant.key).once(key).json(&body);
        self.ask(ask, status).await.json()["invoice"].clone()
    }

    /// Reads what a route tells of the ledger.
    async fn read(&mut self, route: &'static str, path: &str) {
        let key = self.app.auditor.clone();
        self.read_by(&key, route, path).await;
    }

    async fn read_by(&mut self, key: &str, route: &'static str, path: &str) {
        self.routes.insert(route);
        self.ask(Ask::get(path).by(key), 200).await;
    }

    /// A company, which locks, goes on with one invoice and books another; a pledge; a wallet.
    async fn hold(&mut self, merchant: &Merchant, [first, second, third, fourth]: [&Value; 4]) {
        let company = Company::new(&self.app, "91440300708461136T").await;
        let locked = self.ask(company.lock("l1", &[first, second]), 201).await.json();
        let path = |what: &str, held: &Value, way: &str| format!("{what}/{}/{way}", held["fence"]);
        self.ask(company.go_on(&path("locks", &locked, "renewals"), "r1", &[first]), 201).await;
        self.ask(company.go_on(&path("locks", &locked, "bookings"), "b1", &[first]), 201).await;
        self.ask(company.go_on(&path("locks", &locked, "releases"), "u1", &[second]), 201).await;
        self.ask(company.lock("l2", &[first]), 409).await;
        let pledge = Ask::post(format!("/v1/invoices/{}/pledge", third["id"].as_str().unwrap()));
        let pledge = pledge.by(&merchant.key).once("p1").json(&json!({"financier": company.commitment()}));
        let pledged = self.ask(pledge, 201).await.json();
        self.ask(company.go_on(&path("pledges", &pledged, "settlements"), "s1", &[third]), 201).await;
        let link = format!("/v1/invoices/{}/claim-link", fourth["id"].as_str().unwrap());
        self.read_by(&merchant.key, "/v1/invoices/{id}/claim-link", &link).await;
        let token = self.answers.last().unwrap().1.json()["token"].clone();
        let holder = json!({"id": "王小明", "salt": "0001".repeat(16)});
        let claim = json!({"invoice": fourth["id"], "token": token, "holder": holder});
        self.ask(Ask::post("/v1/claims").once("c1").json(&claim), 201).await;
        let to = json!({"invoice": fourth["id"], "holder": holder, "to": {"commitment": company.commitment()}});
        self.ask(Ask::post("/v1/claims/hand-over").once("h1").json(&to), 201).await;
    }

    /// A part is taken back, under a sheet that needs no answer; the day is closed; the merchant is suspended and resumed.
    async fn reverse(&mut self, merchant: &Merchant, invoice: &Value) {
        let id = invoice["id"].as_str().unwrap();
        let asked = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "total": 40}]});
        let open = Ask::post(format!("/v1/invoices/{id}/confirmations")).by(&merchant.key).once("o1").json(&asked);
        let sheet = self.ask(open, 201).await.json()["confirmation"].clone();
        let text = Ask::post(format!("/v1/invoices/{id}/reversal-draft")).by(&merchant.key).json(&asked);
        let text = self.ask(text, 200).await.json()["text"].as_str().unwrap().to_owned();
        let mut signed = asked.clone();
        signed["signature"] = json!(own_key(&merchant.demo.mchid).sign(&text));
        signed["confirmation"] = sheet.clone();
        let path = format!("/v1/invoices/{id}/reversals");
        self.ask(Ask::post(&path).by(&merchant.key).once("r1").json(&signed), 201).await;
        self.ask(Ask::post(&path).by(&merchant.key).once("r2").json(&signed), 409).await;
        self.read("/v1/invoices/{id}/reversals", &format!("{path}?limit=1")).await;
        self.read("/v1/confirmations/{entry}", &format!("/v1/confirmations/{sheet}")).await;
        self.read("/v1/confirmations", &format!("/v1/confirmations?merchant={}", merchant.id)).await;
        let close = Ask::post("/v1/days/2026-11-22/close").by(&merchant.key).once("d1");
        self.ask(close, 201).await;
        self.read("/v1/days", &format!("/v1/days?merchant={}&limit=2", merchant.id)).await;
        for (what, once) in [("suspension", "s1"), ("resumption", "s2")] {
            let ask = Ask::post(format!("/v1/merchants/{}/{what}", merchant.id)).by(&self.app.bureau).once(once);
            self.ask(ask.json(&json!({"reason": "audit"})), 201).await;
        }
        let bureau = self.app.bureau.clone();
        let rotation = format!("/v1/merchants/{}/issuer-rotation?new={}", merchant.id, "ab".repeat(20));
        self.read_by(&bureau, "/v1/merchants/{id}/issuer-rotation", &rotation).await;
    }
}

/// Commands of every kind, some refused, one after the other; gives the invoices.
async fn play(town: &mut Played) -> Vec<Value> {
    let merchants = [town.register(CONSULTANT).await, town.register(SHOP).await];
    let rules =
        Ask::put("/v1/rules/*").by(&town.app.bureau).once("rules").json(&json!({"rules": {"monthly_cap": 900_000}}));
    town.ask(rules, 201).await;
    let mut invoices = Vec::new();
    for n in 0..8u32 {
        // Two months and two years; the clock also goes back, by what is no reason to refuse commands.
        town.app.clock.set(UnixMs(NOON.0 + i64::from(n / 2) * 14 * DAY_MS - i64::from(n % 2) * 500_000));
        let merchant = &merchants[usize::from(n % 2 == 1)];
        let (transaction, order) = (format!("420000000{n}"), format!("A-{n}"));
        let paid = payment(&merchant.demo.mchid, &transaction, &order, 10_000);
        let notice = Ask::notice(&town.app.platform.payment(&paid, &town.app.stamp()).unwrap());
        town.ask(notice, 204).await;
        if n % 3 == 0 {
            let back = refund(&paid, &format!("503{n}"), 1_000);
            let notice = Ask::notice(&town.app.platform.refund(&back, &town.app.stamp()).unwrap());
            town.ask(notice, 204).await;
        }
        let amount = 7_000 + i64::from(n);
        invoices.push(town.issue(merchant, &format!("paid-{n}"), &draft_for(&transaction, amount), 201).await);
        invoices.push(town.issue(merchant, &format!("plain-{n}"), &draft(100 + amount), 201).await);
        // More than is left; a key with another body.
        town.issue(merchant, &format!("much-{n}"), &draft_for(&transaction, 9_000), 409).await;
        town.issue(merchant, &format!("paid-{n}"), &draft(amount), 422).await;
    }
    town.reverse(&merchants[1], &invoices[3]).await;
    // The third is pledged: it is for no payment.
    town.hold(&merchants[0], [&invoices[0], &invoices[2], &invoices[1], &invoices[4]]).await;
    town.read_by(
        &merchants[0].key,
        "/v1/payments/{provider}/{transaction}/claim-link",
        "/v1/payments/wechat-pay/4200000000/claim-link",
    )
    .await;
    invoices
}

async fn read_everything(town: &mut Played, invoices: &[Value]) {
    let size = town.app.checkpoint().await["size"].as_u64().unwrap();
    for route in [
        "/v1/merchants",
        "/v1/rules",
        "/v1/checkpoint",
        "/v1/roster",
        "/v1/rosters",
        "/v1/invoices",
        "/v1/payments",
        "/v1/blocks",
    ] {
        town.read(route, route).await;
    }
    town.read("/v1/merchants/{id}", "/v1/merchants/M00000002").await;
    for query in [
        "limit=3",
        "before=9",
        "from=2026-12-01&to=2026-12-31",
        "number=00000003",
        "buyer=%E4%B8%AA",
        "merchant=M00000002",
    ] {
        town.read("/v1/invoices", &format!("/v1/invoices?{query}")).await;
    }
    for query in ["limit=3", "open=true", "merchant=M00000001"] {
        town.read("/v1/payments", &format!("/v1/payments?{query}")).await;
    }
    town.read("/v1/payments/{provider}/{transaction}", "/v1/payments/wechat-pay/4200000003").await;
    for index in 0..size {
        town.read("/v1/entries/{index}", &format!("/v1/entries/{index}")).await;
        town.read("/v1/blocks/{height}", &format!("/v1/blocks/{index}")).await;
        town.read("/v1/proofs/inclusion", &format!("/v1/proofs/inclusion?index={index}")).await;
        town.read("/v1/proofs/consistency", &format!("/v1/proofs/consistency?from={index}")).await;
    }
    for invoice in invoices {
        let id = invoice["id"].as_str().unwrap();
        town.read("/v1/invoices/{id}", &format!("/v1/invoices/{id}")).await;
        town.read("/v1/invoices/{id}/life", &format!("/v1/invoices/{id}/life")).await;
        town.read("/v1/invoices/{id}/receipt", &format!("/v1/invoices/{id}/receipt")).await;
        town.read("/v1/invoices/{id}/receipt", &format!("/v1/invoices/{id}/receipt?state=true")).await;
        let hash = invoice["hash"].as_str().unwrap();
        town.read("/v1/state/{id}", &format!("/v1/state/{id}?hash={hash}")).await;
        let scan = invoice["verify_url"].as_str().unwrap();
        town.read("/verify/scan", scan.strip_prefix(PUBLIC_URL).unwrap()).await;
    }
    let first = invoices[0]["id"].as_str().unwrap();
    town.read("/v1/invoices/{id}/face.pdf", &format!("/v1/invoices/{first}/face.pdf")).await;
    town.read("/v1/invoices/{id}/face.ofd", &format!("/v1/invoices/{first}/face.ofd")).await;
    town.read("/v1/invoices/{id}/face.xml", &format!("/v1/invoices/{first}/face.xml")).await;
    town.read("/v1/invoices/{id}/preview.svg", &format!("/v1/invoices/{first}/preview.svg")).await;
    town.read("/v1/invoices.zip", "/v1/invoices.zip?kind=xml").await;
    town.read("/v1/invoices/{id}/qr.png", &format!("/v1/invoices/{first}/qr.png")).await;
    town.read("/v1/invoices/{id}/qr.svg", &format!("/v1/invoices/{first}/qr.svg")).await;
    town.read("/v1/state/{id}", "/v1/state/144032609110-00099999").await;
    town.read("/v1/stream", "/v1/stream").await;
    town.read("/v1/stream", &format!("/v1/stream?from={}", size / 2)).await;
    town.read("/verify", "/verify").await;
    town.read("/claim", "/claim?invoice=x&token=y").await;
}

#[actix_web::test]
async fn the_same_requests_are_answered_with_the_same_bytes_on_both() {
    let keys = tempfile::tempdir().unwrap();
    piaolian::config::keyring::make(keys.path(), &chain()).unwrap();
    let mut played = Vec::new();
    for kind in KINDS {
        let mut town = Played::on(TestDatabase::empty_on(kind), keys.path()).await;
        let invoices = play(&mut town).await;
        // Nothing waits for a time that does not come.
        town.app.clock.set(UnixMs(NOON.0 + 60 * DAY_MS));
        town.app.settle().await;
        read_everything(&mut town, &invoices).await;
        let paths = document()["paths"].as_object().unwrap();
        let known = paths.iter().filter(|(path, item)| item.get("get").is_some() && !LEFT_OUT.contains(&path.as_str()));
        assert_eq!(town.routes, known.map(|(path, _)| path.as_str()).collect(), "every route that reads the ledger");
        town.app.finish().await;
        played.push(town.answers);
    }
    let [sqlite, postgres] = played.try_into().unwrap();
    assert_eq!(sqlite.len(), postgres.len());
    for ((asked, sqlite), (_, postgres)) in sqlite.into_iter().zip(postgres) {
        assert_eq!(sqlite.headers, postgres.headers, "{asked}");
        let text = String::from_utf8_lossy;
        assert!(sqlite.body == postgres.body, "{asked}:\n{}\n{}", text(&sqlite.body), text(&postgres.body));
    }
}
