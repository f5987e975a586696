//! A whole service for one test: own database and keys, a clock that stands still, sandbox partners.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::test;
use futures_util::future::LocalBoxFuture;
use piaolian::app::{self, Ingredients, Service};
use piaolian::base::clock::FixedClock;
use piaolian::base::ids::{ChainId, MerchantId};
use piaolian::base::{Faults, Secret, UnixMs};
use piaolian::chain::{Receipt, Roster, Verdict, verify_receipt_json};
use piaolian::config::keyring::{self, Keyring};
use piaolian::http::create_app;
use piaolian::parties::sandbox_fixtures::{DemoMerchant, MERCHANTS_JSON, merchants};
use piaolian::parties::tencent::notice::NoticeVerifier;
use piaolian::parties::tencent::sandbox::{Platform, SandboxPayment, SandboxRefund, Stamp};
use piaolian::sequencer::{
    self,
    desk::{Bearer, make_key},
};
use piaolian::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::database::{TestDatabase, audited};
use crate::samples::NOON;

const PLATFORM_KEY: &str = include_str!("../../fixtures/parties/wechat/test-platform-key.pem");
const API_V3_KEY: &str = "00112233445566778899aabbccddeeff";

/// Where the service is said to be.
pub const PUBLIC_URL: &str = "https://verify.example";

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(20);

type Door = Rc<dyn Fn(Ask) -> LocalBoxFuture<'static, Answer>>;

struct Running {
    service: Service,
    door: Door,
}

/// A registered merchant and its API key.
#[derive(Debug, Clone)]
pub struct Merchant {
    pub id: MerchantId,
    pub key: String,
    pub demo: DemoMerchant,
}

/// A service under test. MUST be ended by [`TestApp::finish`].
pub struct TestApp {
    keys: tempfile::TempDir,
    pub clock: Arc<FixedClock>,
    pub platform: Platform,
    sequencer: sequencer::Config,
    /// Whether days are closed by themselves from the next start on.
    pub close_days: bool,
    running: Option<Running>,
    pub bureau: String,
    pub auditor: String,
    counter: Cell<u64>,
    dead_expected: i64,
    finished: bool,
    /// Last, so that it goes when nobody is connected any more.
    pub database: TestDatabase,
}

/// A merchant of `fixtures/demo`.
pub fn demo_merchant(mchid: &str) -> DemoMerchant {
    merchants(MERCHANTS_JSON).unwrap().into_iter().find(|merchant| merchant.mchid == mchid).unwrap()
}

pub fn chain() -> ChainId {
    ChainId::try_from("shenzhen-sandbox").unwrap()
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(sequencer::Config::default()).await
    }

    /// An app whose sequencer has other limits.
    pub async fn with(sequencer: sequencer::Config) -> Self {
        let keys = tempfile::tempdir().unwrap();
        keyring::make(&keys.path().join("keys"), &chain()).unwrap();
        Self::on(TestDatabase::empty(), keys, sequencer).await
    }

    /// An app on a database that the test chooses, with a keyring in the folder `keys` of a folder.
    pub async fn on(database: TestDatabase, keys: tempfile::TempDir, sequencer: sequencer::Config) -> Self {
        let key = Secret::new(PLATFORM_KEY.to_owned());
        let mut app = Self {
            keys,
            clock: Arc::new(FixedClock::at(NOON)),
            platform: Platform::from_pkcs8_pem(&key, Secret::new(API_V3_KEY.to_owned())).unwrap(),
            sequencer,
            close_days: false,
            running: None,
            bureau: String::new(),
            auditor: String::new(),
            counter: Cell::new(0),
            dead_expected: 0,
            finished: false,
            database,
        };
        Store::migrate(&app.database.url()).unwrap();
        app.start().await.unwrap();
        app.bureau = app.insert_key(Bearer::Bureau);
        app.auditor = app.insert_key(Bearer::Auditor);
        app
    }

    /// Opens the database and starts the service on it.
    pub async fn start(&mut self) -> Result<(), Faults> {
        let service = Service::start(Ingredients {
            store: self.open(4)?,
            keyring: Keyring::load(&self.keys())?,
            notices: Some(self.verifier()),
            clock: Arc::<FixedClock>::clone(&self.clock),
            public_url: PUBLIC_URL.to_owned(),
            advertise: String::new(),
            sequencer: self.sequencer,
            close_days: self.close_days,
        })
        .await?;
        let inner = Rc::new(test::init_service(create_app(service.state.clone())).await);
        let door: Door = Rc::new(move |ask| {
            let inner = Rc::clone(&inner);
            Box::pin(async move {
                let response = test::call_service(inner.as_ref(), ask.to_request().to_request()).await;
                let header = |(name, value): (&actix_web::http::header::HeaderName, _)| {
                    let value: &actix_web::http::header::HeaderValue = value;
                    (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
                };
                let headers = response.headers().iter().map(header).collect();
                let status = response.status().as_u16();
                Answer { status, headers, body: test::read_body(response).await.to_vec() }
            })
        });
        self.running = Some(Running { service, door });
        Ok(())
    }

    fn verifier(&self) -> NoticeVerifier {
        let public_key = self.platform.public_key_pem().unwrap();
        let keys = [(self.platform.serial(), public_key.as_str())];
        NoticeVerifier::new(keys, self.platform.api_v3_key()).unwrap()
    }

    fn insert_key(&self, bearer: Bearer) -> String {
        let new = make_key(bearer, "test".to_owned(), NOON).unwrap();
        self.store().write_blocking(|tx| tx.insert_api_key(&new.key)).unwrap();
        new.secret.expose().clone()
    }

    /// The folder of the keyring.
    pub fn keys(&self) -> PathBuf {
        self.keys.path().join("keys")
    }

    /// A store of its own, as another process has it.
    pub fn open(&self, readers: u32) -> Result<Store, StoreError> {
        Store::open(&self.database.url(), readers)
    }

    pub fn service(&self) -> &Service {
        &self.running.as_ref().unwrap().service
    }

    pub fn store(&self) -> Store {
        self.service().desk().store().clone()
    }

    pub fn roster(&self) -> Roster {
        self.service().roster.clone()
    }

    /// A number that no call of this app has given before.
    pub fn next(&self) -> u64 {
        self.counter.replace(self.counter.get() + 1)
    }

    /// What is signed now, with random bytes of its own.
    pub fn stamp(&self) -> Stamp {
        self.stamp_at(piaolian::base::Clock::now(self.clock.as_ref()))
    }

    pub fn stamp_at(&self, at: UnixMs) -> Stamp {
        let mut entropy = [7; 25];
        entropy[..8].copy_from_slice(&self.next().to_be_bytes());
        entropy[16..24].copy_from_slice(&self.next().to_be_bytes());
        Stamp { at, entropy }
    }

    /// Asks, and holds the answer's status against the OpenAPI document.
    pub async fn ask(&self, ask: Ask) -> Answer {
        let documented = ask.documented();
        let asked = format!("{} {}", ask.method, ask.path);
        let answer = (self.running.as_ref().unwrap().door)(ask).await;
        if let Some(documented) = documented {
            assert!(
                documented.contains(&answer.status),
                "{asked}: {} is not documented: {}",
                answer.status,
                answer.text()
            );
        }
        answer
    }

    /// Asks for something that must be refused with this status, code and path, and leave no trace in the ledger.
    pub async fn refuses(&self, ask: Ask, (status, code, path): (u16, &str, &str)) -> Answer {
        let before = self.checkpoint().await;
        let asked =
            format!("{} {} {}", ask.method, ask.path, String::from_utf8_lossy(&ask.body[..ask.body.len().min(500)]));
        let answer = self.ask(ask).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{asked}: {answer:?}");
        let problem = answer.json();
        let first = &problem["errors"][0];
        let found = (answer.status, problem["code"].as_str().unwrap(), first["path"].as_str().unwrap_or("(none)"));
        assert_eq!(found, (status, code, path), "{asked}: {problem:#}");
        assert_eq!(first["code"], code, "{asked}");
        assert_eq!(problem["status"], status, "{asked}");
        assert_eq!(problem["type"], format!("/docs/problems#{code}"), "{asked}");
        assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{asked}");
        assert_eq!(self.checkpoint().await, before, "{asked} left a trace");
        answer
    }

    pub async fn checkpoint(&self) -> Value {
        self.ask(Ask::get("/v1/checkpoint")).await.expect(200).json()
    }

    /// Registers a merchant of `fixtures/demo` and makes it an API key.
    pub async fn register(&self, mchid: &str) -> Merchant {
        let demo = demo_merchant(mchid);
        let answer = self.ask(self.registration(&demo).once(&format!("register-{mchid}"))).await.expect(201);
        let id = answer.json()["merchant"]["id"].as_str().unwrap().to_owned();
        let key = self.new_key(&json!({"role": "merchant", "merchant": id, "label": "desk"})).await;
        Merchant { id: MerchantId::try_from(id).unwrap(), key, demo }
    }

    pub fn registration(&self, demo: &DemoMerchant) -> Ask {
        let mut body = json!(demo.seller);
        body["mchid"] = json!(demo.mchid);
        body["issue_on_payment"] = json!(demo.issue_on_payment);
        Ask::post("/v1/merchants").by(&self.bureau).json(&body)
    }

    /// Makes an API key and gives its secret.
    pub async fn new_key(&self, body: &Value) -> String {
        let answer = self.ask(Ask::post("/v1/api-keys").by(&self.bureau).json(body)).await.expect(201);
        answer.json()["secret"].as_str().unwrap().to_owned()
    }

    pub async fn set_rules(&self, scope: &str, rules: &Value) {
        let key = format!("rules-{}", self.next());
        let ask = Ask::put(format!("/v1/rules/{scope}")).by(&self.bureau).once(&key);
        self.ask(ask.json(&json!({"rules": rules}))).await.expect(201);
    }

    /// The notice of a payment, as the platform sends it now.
    pub async fn pay(&self, payment: &SandboxPayment) -> Answer {
        self.ask(Ask::notice(&self.platform.payment(payment, &self.stamp()).unwrap())).await
    }

    /// The notice of a refund, as the platform sends it now.
    pub async fn pay_back(&self, refund: &SandboxRefund) -> Answer {
        self.ask(Ask::notice(&self.platform.refund(refund, &self.stamp()).unwrap())).await
    }

    pub async fn order(&self, merchant: &Merchant, order: &Value) -> Answer {
        self.ask(Ask::post("/v1/orders").by(&merchant.key).json(order)).await
    }

    /// Asks for an invoice.
    pub async fn issue(&self, merchant: &Merchant, key: &str, draft: &Value) -> Answer {
        self.ask(issue(merchant, key, draft)).await
    }

    /// What is recorded of a payment.
    pub async fn payment(&self, transaction: &str) -> Value {
        let path = format!("/v1/payments/wechat-pay/{transaction}");
        self.ask(Ask::get(path).by(&self.auditor)).await.expect(200).json()
    }

    /// All invoices, newest first.
    pub async fn invoices(&self) -> Vec<Value> {
        let answer = self.ask(Ask::get("/v1/invoices?limit=200").by(&self.auditor)).await.expect(200);
        answer.json()["invoices"].as_array().unwrap().clone()
    }

    /// What the offline verifier says of a receipt, with nothing but the roster.
    pub fn verdict(&self, receipt: &Value) -> Verdict {
        verify_receipt_json(receipt.to_string().as_bytes(), &[self.roster()], None)
    }

    pub fn receipt(&self, answer: &Answer) -> Receipt {
        Receipt::from_json(answer.json()["receipt"].to_string().as_bytes()).unwrap()
    }

    fn outbox(store: &Store) -> (i64, i64) {
        store.read_blocking(|reader| reader.outbox_counts()).unwrap()
    }

    /// Waits until nothing waits in the outbox.
    pub async fn settle(&self) {
        let store = self.store();
        eventually("an empty outbox", || Self::outbox(&store).0 == 0).await;
    }

    /// How many outbox items this test drives into the wall.
    pub fn expect_dead(&mut self, items: i64) {
        self.dead_expected = items;
    }

    pub async fn stop(&mut self) {
        let Running { service, door } = self.running.take().unwrap();
        drop(door);
        service.stop().await;
    }

    /// Stops and starts again on the same database.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await.unwrap();
    }

    /// Listens on a real socket until the guard is told to stop.
    pub fn listen(&self) -> Listening {
        let listener = app::listen("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = app::serve(self.service().state.clone(), listener, 1).unwrap();
        Listening { address, handle: server.handle(), task: actix_web::rt::spawn(server) }
    }

    /// Ends the test: nothing may wait in the outbox, and the whole ledger is audited.
    pub async fn finish(mut self) {
        self.settle().await;
        let (store, roster) = (self.store(), self.roster());
        self.stop().await;
        let report = audited(&store, &[roster]);
        assert!(report.is_clean(), "{:#?}", report.findings);
        assert_eq!(Self::outbox(&store), (0, self.dead_expected), "outbox items pending and given up");
        self.finished = true;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.finished, "a test ends with app.finish().await");
        }
    }
}

/// A server on a real socket.
pub struct Listening {
    pub address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
    task: actix_web::rt::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Lets requests under way finish, then ends.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        self.task.await.unwrap().unwrap();
    }
}

/// The request for an invoice.
pub fn issue(merchant: &Merchant, key: &str, draft: &Value) -> Ask {
    Ask::post("/v1/invoices").by(&merchant.key).once(key).json(&json!({"draft": draft}))
}

/// Waits for something that must come.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        actix_web::rt::time::sleep(Duration::from_millis(2)).await;
    }
}
