//! Several services on one database: one leads, the others carry commands to it, and one of them takes its place.

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use piaolian::app::{self, Ingredients, ServerHandle, Service};
use piaolian::base::clock::FixedClock;
use piaolian::base::ids::IdempotencyKey;
use piaolian::base::{Code, Faults};
use piaolian::chain::verify_receipt_json;
use piaolian::config::keyring::{self, Keyring};
use piaolian::invoice::IssuingRules;
use piaolian::ledger::command::RulesBody;
use piaolian::ledger::record::RulesScope;
use piaolian::sequencer::desk::{Bearer, IssueAsked, make_key};
use piaolian::sequencer::{self, Role as Does};
use piaolian::store::{DatabaseUrl, Hold, Store};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::database::{TestDatabase, audited};
use crate::samples::{CONSULTANT, NOON, draft};
use crate::test_app::{PUBLIC_URL, chain, demo_merchant, eventually};

/// A folder with keyring and database, and a key of role bureau.
struct Ground {
    folder: tempfile::TempDir,
    database: TestDatabase,
    client: Client,
    bureau: String,
}

/// A service of its own, listening.
struct Process {
    service: Service,
    store: Store,
    address: String,
    handle: ServerHandle,
    running: actix_web::rt::task::JoinHandle<std::io::Result<()>>,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        keyring::make(&folder.path().join("keys"), &chain()).unwrap();
        let database = TestDatabase::migrated();
        let url = database.url();
        let new = make_key(Bearer::Bureau, "test".to_owned(), NOON).unwrap();
        Store::open(&url, 1).unwrap().write_blocking(|tx| tx.insert_api_key(&new.key)).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { folder, database, client, bureau: new.secret.expose().clone() }
    }

    fn store(&self) -> Store {
        Store::open(&self.database.url(), 2).unwrap()
    }

    async fn start(&self) -> Process {
        self.start_on(self.store()).await
    }

    async fn start_on(&self, store: Store) -> Process {
        let listener = app::listen("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let service = Service::start(Ingredients {
            store: store.clone(),
            keyring: Keyring::load(&self.folder.path().join("keys")).unwrap(),
            notices: None,
            clock: Arc::new(FixedClock::at(NOON)),
            public_url: PUBLIC_URL.to_owned(),
            advertise: address.clone(),
            sequencer: sequencer::Config::default(),
            close_days: false,
        });
        let service = service.await.unwrap();
        let server = app::serve(service.state.clone(), listener, 1).unwrap();
        Process { service, store, address, handle: server.handle(), running: actix_web::rt::spawn(server) }
    }

    /// Registers a merchant at a process and gives it an API key.
    async fn register(&self, at: &Process) -> String {
        let demo = demo_merchant(CONSULTANT);
        let registered = at.post(self, "/v1/merchants", &self.bureau).header("Idempotency-Key", "register");
        let merchant = json_of(registered.json(&json!(demo.seller)).send().await.unwrap(), 201).await;
        let key = json!({"role": "merchant", "merchant": merchant["merchant"]["id"], "label": "desk"});
        let made = at.post(self, "/v1/api-keys", &self.bureau).json(&key).send().await.unwrap();
        json_of(made, 201).await["secret"].as_str().unwrap().to_owned()
    }

    fn issue(&self, at: &Process, merchant: &str, key: &str) -> RequestBuilder {
        let ask = at.post(self, "/v1/invoices", merchant).header("Idempotency-Key", key);
        ask.json(&json!({"draft": draft(100)}))
    }

    /// Stops the last process and audits what all of them have left.
    async fn finish(self, last: Process) {
        let roster = last.service.roster.clone();
        let store = last.stop().await;
        let report = audited(&store, &[roster]);
        assert!(report.is_clean(), "{:#?}", report.findings);
    }
}

impl Process {
    fn post(&self, ground: &Ground, path: &str, key: &str) -> RequestBuilder {
        ground.client.post(format!("{}{path}", self.address)).bearer_auth(key)
    }

    async fn get(&self, ground: &Ground, path: &str, key: &str) -> Response {
        ground.client.get(format!("{}{path}", self.address)).bearer_auth(key).send().await.unwrap()
    }

    async fn ready(&self, ground: &Ground) -> Value {
        json_of(self.get(ground, "/readyz", "").await, 200).await
    }

    fn does(&self) -> Does {
        self.service.state.leadership.role()
    }

    async fn stop(self) -> Store {
        self.handle.stop(true).await;
        self.running.await.unwrap().unwrap();
        self.service.stop().await;
        self.store
    }
}

async fn json_of(answer: Response, status: u16) -> Value {
    let (found, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A lease that nobody but the test holds.
struct Pretended {
    hold: Hold,
    token: u64,
    /// Ends the heart when dropped.
    alive: mpsc::Sender<()>,
    heart: std::thread::JoinHandle<()>,
}

/// Takes the lease as a process does that is not there: where it says that it can be reached is up to the test. It beats: on PostgreSQL a
/// lease that stands still would be taken from it.
fn pretend_to_lead(store: &Store, address: &str) -> Pretended {
    let mut hold = store.hold("00000000000000aa".to_owned());
    assert!(hold.keep().unwrap());
    let free = store.read_blocking(|reader| reader.lease()).unwrap();
    let token = store.write_blocking(|tx| tx.take_lease(hold.holder(), address, &free)).unwrap();
    let (token, (alive, ended), store) = (token.unwrap(), mpsc::channel(), store.clone());
    let heart = std::thread::spawn(move || {
        while ended.recv_timeout(Duration::from_millis(200)) == Err(mpsc::RecvTimeoutError::Timeout) {
            assert!(
                store.write_blocking(|tx| tx.beat_lease(token)).unwrap(),
                "the lease was taken from a leader that lives"
            );
        }
    });
    Pretended { hold, token, alive, heart }
}

fn give_back(store: &Store, leader: Pretended) {
    let Pretended { hold, token, alive, heart } = leader;
    drop(alive);
    heart.join().unwrap();
    assert!(store.write_blocking(|tx| tx.release_lease(token)).unwrap());
    drop(hold);
}

/// What the header of a checkpoint says.
fn checkpoint(answer: &Response) -> String {
    answer.headers()["piaolian-checkpoint"].to_str().unwrap().to_owned()
}

fn checkpoint_of(block: &Value) -> String {
    format!("height={}, size={}, hash={}", block["height"], block["size"], block["hash"].as_str().unwrap())
}

#[actix_web::test]
async fn one_leads_and_what_reaches_the_other_is_carried_to_it() {
    let ground = Ground::new();
    let (first, second) = (ground.start().await, ground.start().await);
    assert_eq!(first.ready(&ground).await["role"], "leading");
    let ready = second.ready(&ground).await;
    assert_eq!((&ready["role"], &ready["leader"]), (&json!("following"), &json!(first.address)));

    let merchant = ground.register(&second).await;
    let there = ground.issue(&second, &merchant, "k1").header("X-Request-Id", "one-id").send().await.unwrap();
    assert_eq!(there.status(), 201);
    assert_eq!(there.headers()["x-request-id"], "one-id");
    assert_eq!(there.headers()["content-type"], "application/json");
    let bytes = there.bytes().await.unwrap();
    let receipt = serde_json::from_slice::<Value>(&bytes).unwrap()["receipt"].to_string();
    assert!(verify_receipt_json(receipt.as_bytes(), std::slice::from_ref(&second.service.roster), None).is_valid());
    let here = ground.issue(&first, &merchant, "k1").send().await.unwrap();
    assert_eq!(here.bytes().await.unwrap(), bytes, "the same key at another process is the same answer");

    // Refusals come from the leader, too.
    let stranger = json_of(ground.issue(&second, "nobody", "k2").send().await.unwrap(), 401).await;
    assert_eq!(stranger["code"], "HTTP-KEY-BAD");
    let unkeyed = second.post(&ground, "/v1/invoices", &merchant).json(&json!({"draft": draft(1)}));
    assert_eq!(json_of(unkeyed.send().await.unwrap(), 400).await["code"], "HTTP-IDEMPOTENCY-KEY-MISSING");
    let large = second.post(&ground, "/v1/invoices", &merchant).body(" ".repeat(2 * 1024 * 1024 + 1));
    assert_eq!(json_of(large.send().await.unwrap(), 413).await["code"], "HTTP-BODY-TOO-LARGE");
    // What has been carried once is not carried again.
    let again = ground.issue(&second, &merchant, "k3").header("Piaolian-Forwarded", "1").send().await.unwrap();
    assert_eq!(again.headers()["retry-after"], "1");
    assert_eq!(json_of(again, 503).await["code"], "SEQ-NOT-LEADING");

    // Behind the door, the follower's own sequencer does nothing.
    let rules = RulesBody { scope: RulesScope::All, rules: IssuingRules::default(), from: None };
    let refused = second.service.desk().set_rules(IdempotencyKey::try_from("rules").unwrap(), rules).await;
    let faults: Faults = refused.map(|_| ()).unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::SeqNotLeading);
    assert_eq!(first.ready(&ground).await["height"], 2);
    second.stop().await;
    ground.finish(first).await;
}

#[actix_web::test]
async fn what_is_read_names_the_checkpoint_of_its_snapshot() {
    let ground = Ground::new();
    let (first, second) = (ground.start().await, ground.start().await);
    let merchant = ground.register(&first).await;
    let issued = json_of(ground.issue(&first, &merchant, "k1").send().await.unwrap(), 201).await;
    let invoice = issued["invoice"]["id"].as_str().unwrap();
    let missing = format!("{}-99999999", invoice.split('-').next().unwrap());
    let newest = json_of(first.get(&ground, "/v1/checkpoint", "").await, 200).await;
    for process in [&first, &second] {
        for (path, status) in [
            ("/v1/checkpoint".to_owned(), 200),
            (format!("/v1/invoices/{invoice}"), 200),
            (format!("/v1/invoices/{invoice}/receipt"), 200),
            ("/v1/invoices".to_owned(), 200),
            (format!("/v1/invoices/{missing}"), 404),
            ("/v1/proofs/consistency?from=9&to=3".to_owned(), 400),
            (issued["invoice"]["verify_url"].as_str().unwrap().replace(PUBLIC_URL, ""), 200),
        ] {
            let answer = process.get(&ground, &path, &merchant).await;
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(checkpoint(&answer), checkpoint_of(&newest), "{path}");
        }
        // Nothing of the ledger is in these.
        for path in ["/healthz", "/metrics", "/v1/nothing"] {
            let answer = process.get(&ground, path, &merchant).await;
            assert!(answer.headers().get("piaolian-checkpoint").is_none(), "{path}");
        }
    }
    second.stop().await;
    ground.finish(first).await;
}

#[actix_web::test]
async fn when_the_leader_stops_the_other_leads_and_nothing_is_lost_or_done_twice() {
    let ground = Ground::new();
    let (first, second) = (ground.start().await, ground.start().await);
    let merchant = ground.register(&first).await;
    let asked: Vec<_> = (0..40)
        .map(|n| {
            let ask = ground.issue(&second, &merchant, &format!("k{n}"));
            actix_web::rt::spawn(async move {
                actix_web::rt::time::sleep(Duration::from_millis(10 * n)).await;
                ask.send().await.unwrap()
            })
        })
        .collect();
    actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    let former = first.address.clone();
    first.stop().await;
    let mut numbers = Vec::new();
    for answer in asked {
        let json = json_of(answer.await.unwrap(), 201).await;
        numbers.push(json["invoice"]["number"].as_str().unwrap().parse::<u32>().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<u32>>());
    assert!(matches!(second.does(), Does::Leading { token: 3 }), "{:?}", second.does());
    // Whoever comes back follows.
    let third = ground.start().await;
    assert_ne!(third.address, former);
    assert_eq!(third.does(), Does::Following { address: Some(second.address.clone()) });
    json_of(ground.issue(&third, &merchant, "k40").send().await.unwrap(), 201).await;
    second.stop().await;
    eventually("the third to lead", || matches!(third.does(), Does::Leading { .. })).await;
    json_of(ground.issue(&third, &merchant, "k41").send().await.unwrap(), 201).await;
    ground.finish(third).await;
}

#[actix_web::test]
async fn a_leader_whose_lease_was_taken_commits_nothing_and_says_so() {
    let ground = Ground::new();
    let process = ground.start().await;
    let merchant = ground.register(&process).await;
    let before = process.ready(&ground).await["height"].clone();
    // Another process takes the lease, and this one does not know: as after SIGSTOP.
    let seen = process.store.read_blocking(|reader| reader.lease()).unwrap();
    process.store.write_blocking(|tx| tx.take_lease("00000000000000aa", "", &seen)).unwrap().unwrap();
    let refused = ground.issue(&process, &merchant, "k1").send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(json_of(refused, 503).await["code"], "SEQ-NOT-LEADING");
    assert_eq!(process.ready(&ground).await["height"], before);
    // The other one is dead: it leads again, under another token, and the same key is carried out once.
    json_of(ground.issue(&process, &merchant, "k1").send().await.unwrap(), 201).await;
    assert_eq!(process.does(), Does::Leading { token: 3 });
    ground.finish(process).await;
}

#[actix_web::test]
async fn a_command_in_the_hands_of_a_leader_that_hangs_is_said_again_to_the_next() {
    let ground = Ground::new();
    let first = ground.start().await;
    let merchant = ground.register(&first).await;
    let store = first.stop().await;
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let leader = pretend_to_lead(&store, &format!("http://{}", deaf.local_addr().unwrap()));
    let second = ground.start().await;
    let asked = actix_web::rt::spawn(ground.issue(&second, &merchant, "k1").send());
    // The leader has the command and does not answer; then it leads no more.
    let taken = actix_web::rt::task::spawn_blocking(move || deaf.accept().unwrap()).await.unwrap();
    give_back(&store, leader);
    let answer = json_of(asked.await.unwrap().unwrap(), 201).await;
    assert_eq!(answer["invoice"]["number"], "00000001");
    drop(taken);
    ground.finish(second).await;
}

#[actix_web::test]
async fn without_a_leader_callers_are_told_to_come_back_and_whether_anything_was_done() {
    let ground = Ground::new();
    let first = ground.start().await;
    let merchant = ground.register(&first).await;
    let store = first.stop().await;
    let cutting = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", cutting.local_addr().unwrap());
    let leader = pretend_to_lead(&store, &address);
    let second = ground.start().await;
    // It takes a command that can't be said twice, and is lost.
    let key = json!({"role": "auditor", "label": "x"});
    let asked = actix_web::rt::spawn(second.post(&ground, "/v1/api-keys", &ground.bureau).json(&key).send());
    let cut = actix_web::rt::task::spawn_blocking(move || {
        let (mut taken, _) = cutting.accept().unwrap();
        let mut request = [0; 512];
        assert!(std::io::Read::read(&mut taken, &mut request).unwrap() > 0);
        // Dropped with its listener: from now on nobody can be reached.
    });
    let lost = asked.await.unwrap().unwrap();
    assert_eq!(lost.headers()["retry-after"], "1");
    assert_eq!(json_of(lost, 503).await["code"], "SEQ-OUTCOME-UNKNOWN");
    cut.await.unwrap();
    let started = Instant::now();
    let refused = ground.issue(&second, &merchant, "k1").send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(json_of(refused, 503).await["code"], "SEQ-NOT-LEADING");
    assert!(started.elapsed() >= Duration::from_secs(4), "{:?}", started.elapsed());
    // Reads need no leader.
    assert_eq!(second.get(&ground, "/v1/invoices", &merchant).await.status(), 200);
    give_back(&store, leader);
    json_of(ground.issue(&second, &merchant, "k1").send().await.unwrap(), 201).await;
    ground.finish(second).await;
}

#[actix_web::test]
async fn reads_go_to_the_replica_and_say_how_far_it_is() {
    let ground = Ground::new();
    let first = ground.start().await;
    let merchant = ground.register(&first).await;
    let old = json_of(ground.issue(&first, &merchant, "k1").send().await.unwrap(), 201).await;
    let stands_at = checkpoint(&first.get(&ground, "/v1/checkpoint", "").await);
    let store = first.stop().await;
    drop(store);
    // A copy of the moment stands for a replica that lags.
    let replica = ground.database.duplicate();
    let process = ground.start_on(ground.store().with_replica(&replica.url(), 2).unwrap()).await;
    let new = json_of(ground.issue(&process, &merchant, "k2").send().await.unwrap(), 201).await;
    let path = |json: &Value| format!("/v1/invoices/{}", json["invoice"]["id"].as_str().unwrap());
    for (json, status) in [(&old, 200), (&new, 404)] {
        let answer = process.get(&ground, &path(json), &merchant).await;
        assert_eq!((answer.status().as_u16(), checkpoint(&answer)), (status, stands_at.clone()));
    }
    // What decides is read from the database itself.
    let again = json_of(ground.issue(&process, &merchant, "k2").send().await.unwrap(), 201).await;
    assert_eq!(again, new);
    assert_eq!(process.ready(&ground).await["height"], 3);
    ground.finish(process).await;
}

#[actix_web::test]
async fn a_replica_that_is_not_there_is_done_without() {
    let ground = Ground::new();
    let gone = DatabaseUrl::parse("postgres://nobody@127.0.0.1:1/nothing").unwrap();
    let process = ground.start_on(ground.store().with_replica(&gone, 2).unwrap()).await;
    let merchant = ground.register(&process).await;
    let issued = json_of(ground.issue(&process, &merchant, "k1").send().await.unwrap(), 201).await;
    let path = format!("/v1/invoices/{}", issued["invoice"]["id"].as_str().unwrap());
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(process.get(&ground, &path, &merchant).await.status(), 200);
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    ground.finish(process).await;
}

#[actix_web::test]
async fn a_replica_of_another_chain_is_refused() {
    let (ours, theirs) = (Ground::new(), Ground::new());
    let other = theirs.start().await;
    let process = ours.start().await;
    let url = theirs.database.url();
    let error = ours.store().with_replica(&url, 1).unwrap_err();
    assert_eq!(error.to_fault().code, Code::StoreUrl, "{error}");
    theirs.finish(other).await;
    ours.finish(process).await;
}

#[actix_web::test]
async fn a_new_leader_notices_that_a_merchants_key_was_replaced_elsewhere() {
    let ground = Ground::new();
    let (first, second) = (ground.start().await, ground.start().await);
    let merchant = ground.register(&first).await;
    let asked = |key: &str| IssueAsked {
        merchant: "M00000001".try_into().unwrap(),
        key: IdempotencyKey::try_from(key).unwrap(),
        draft: serde_json::from_value(draft(100)).unwrap(),
        signature: None,
    };
    // The second's desk reads the merchant and remembers it.
    let refused = second.service.desk().issue(asked("k1")).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.first().unwrap().code, Code::SeqNotLeading);
    let rotate = first.post(&ground, "/v1/merchants/M00000001/issuer", &merchant).header("Idempotency-Key", "i1");
    let rotated = json_of(rotate.json(&json!({})).send().await.unwrap(), 201).await;
    first.stop().await;
    let issued = json_of(ground.issue(&second, &merchant, "k2").send().await.unwrap(), 201).await;
    assert_eq!(issued["invoice"]["issuer"], rotated["issuer"]);
    let path = format!("/v1/invoices/{}/reversals", issued["invoice"]["id"].as_str().unwrap());
    let red = second.post(&ground, &path, &merchant).header("Idempotency-Key", "r1");
    let again = json_of(red.json(&json!({"reason": "ISSUE_ERROR"})).send().await.unwrap(), 201).await;
    assert_eq!(again["invoice"]["reverses"], issued["invoice"]["id"]);
    ground.finish(second).await;
}

#[actix_web::test]
async fn a_claim_needs_no_api_key_at_a_process_that_follows_either() {
    let ground = Ground::new();
    let first = ground.start().await;
    let second = ground.start().await;
    assert!(matches!(second.does(), Does::Following { .. }));
    let merchant = ground.register(&first).await;
    let issued = ground.issue(&second, &merchant, "k1").send().await.unwrap();
    let id = json_of(issued, 201).await["invoice"]["id"].as_str().unwrap().to_owned();
    let link = second.get(&ground, &format!("/v1/invoices/{id}/claim-link"), &merchant).await;
    let token = json_of(link, 200).await["token"].clone();
    let claim = |token: &Value| {
        let holder = json!({"id": "王小明", "salt": "0001".repeat(16)});
        let ask = ground.client.post(format!("{}/v1/claims", second.address)).header("Idempotency-Key", "c1");
        ask.json(&json!({"invoice": id, "token": token, "holder": holder}))
    };
    assert_eq!(json_of(claim(&json!("0")).send().await.unwrap(), 403).await["code"], "LEDGER-CLAIM-TOKEN");
    json_of(claim(&token).send().await.unwrap(), 201).await;
    // What only computes is not carried anywhere.
    first.stop().await;
    let asked = second.post(&ground, "/v1/commitments", &merchant).json(&json!({"id": "a", "salt": "0001".repeat(16)}));
    json_of(asked.send().await.unwrap(), 200).await;
    ground.finish(second).await;
}
