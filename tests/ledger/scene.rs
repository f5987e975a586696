//! A small town: merchants, rules, payments, refunds and invoices, made through the service's own doors, and behind them two merchants whose
//! invoices have a whole life.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::join_all;
use piaolian::app::{Ingredients, Service};
use piaolian::base::clock::FixedClock;
use piaolian::base::ids::{ChainId, IdempotencyKey, MerchantId};
use piaolian::base::{Clock, Fault, Faults, Secret, UnixMs};
use piaolian::chain::{Address, IssuerKey, Roster};
use piaolian::config::keyring::{self, Keyring};
use piaolian::invoice::{Draft, IssuingRules, Seller};
use piaolian::ledger::command::RulesBody;
use piaolian::ledger::record::RulesScope;
use piaolian::parties::tencent::notice::NoticeVerifier;
use piaolian::parties::tencent::sandbox::{Platform, SandboxPayment, SandboxRefund, SignedNotice, Stamp};
use piaolian::sequencer::desk::{CustodyAsked, Desk, IssueAsked, NoticeOutcome, Recorded, RegisterAsked};
use piaolian::sequencer::{Config, MEMORY_FILE};
use piaolian::store::Store;
use serde_json::{Value, json};

use super::lives;
use crate::database::{Template, TestDatabase};

/// 2026-11-22, noon in Shenzhen.
pub const NOON: UnixMs = UnixMs(1_795_320_000_000);

const DAY_MS: i64 = 86_400_000;

/// Short runs, so that a small ledger has keys in the table of look-ups and keys on their way.
pub const LOOKUP_RUN_KEYS: usize = 32;

/// A payer's platform with one key for all tests.
pub fn platform() -> &'static Platform {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    PLATFORM.get_or_init(|| Platform::generate(&[7; 16]).unwrap())
}

fn verifier() -> NoticeVerifier {
    let pem = platform().public_key_pem().unwrap();
    NoticeVerifier::new([(platform().serial(), pem.as_str())], platform().api_v3_key()).unwrap()
}

/// A runtime for tests that talk to a service.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Makes a keyring.
pub fn make_keys(folder: &Path) {
    keyring::make(folder, &ChainId::try_from("shenzhen-sandbox").unwrap()).unwrap();
}

/// Forgets the end of the chain that was sealed with the keys of a folder.
pub fn forget(keys: &Path) {
    let file = keys.join(MEMORY_FILE);
    if file.exists() {
        std::fs::remove_file(file).unwrap();
    }
}

/// A service on an empty database, with the keys of a folder.
pub async fn start(database: &TestDatabase, keys: &Path, clock: Arc<dyn Clock>) -> Service {
    let config = Config { lookup_run_keys: LOOKUP_RUN_KEYS, ..Config::default() };
    try_start(database, keys, clock, config).await.unwrap()
}

/// A service on a database, with limits that the test chooses; it may refuse to start.
pub async fn try_start(
    database: &TestDatabase,
    keys: &Path,
    clock: Arc<dyn Clock>,
    sequencer: Config,
) -> Result<Service, Faults> {
    Store::migrate(&database.url()).unwrap();
    let ingredients = Ingredients {
        store: Store::open(&database.url(), 8).unwrap(),
        keyring: Keyring::load(keys).unwrap(),
        notices: Some(verifier()),
        clock,
        public_url: "http://127.0.0.1:8080".to_owned(),
        advertise: String::new(),
        sequencer,
        close_days: false,
    };
    Service::start(ingredients).await
}

pub fn key(text: impl Into<String>) -> IdempotencyKey {
    IdempotencyKey::try_from(text.into()).unwrap()
}

pub fn merchant(nth: u64) -> MerchantId {
    MerchantId::nth(nth).unwrap()
}

pub fn mchid(nth: u64) -> String {
    (1_900_000_000 + nth).to_string()
}

/// The issuer key of a merchant that keeps its own.
pub fn own_key(nth: u64) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new([u8::try_from(nth).unwrap(); 32])).unwrap()
}

/// A registration. Odd merchants have everything that is optional, even ones nothing.
pub fn registration(nth: u64, issuer: Option<Address>) -> RegisterAsked {
    let full = nth % 2 == 1;
    RegisterAsked {
        seller: Seller {
            name: format!("深圳市票链样例第{nth}商行"),
            taxpayer_id: format!("9144030000TEST{nth:04}"),
            address_phone: full.then(|| format!("深圳市南山区样例路{nth}号 0755-0000{nth:04}")),
            bank_account: full.then(|| format!("票链样例银行深圳分行 000000000000{nth:04}")),
        },
        mchid: (full || nth == 2).then(|| mchid(nth)),
        issue_on_payment: nth == 3 && issuer.is_none(),
        custody: issuer.map_or(CustodyAsked::Kingdee, CustodyAsked::Own),
    }
}

/// A draft as JSON; the total is `amount`.
pub fn draft_json(amount: i64, payment: Option<&str>) -> Value {
    let mut draft = json!({
        "buyer": {"kind": "organisation", "name": format!("深圳市样例买方{}有限公司", amount % 7), "taxpayer_id": "91440300708461136T"},
        "pricing": "inclusive",
        "lines": [{"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "unit": "餐",
                   "quantity": "1", "price": format!("{}.{:02}", amount / 100, amount % 100).trim_end_matches('0').trim_end_matches('.'),
                   "amount": amount, "rate": 600}],
        "total": amount,
    });
    if let Some(transaction) = payment {
        draft["payment"] = json!({"provider": "wechat-pay", "transaction": transaction});
    }
    draft
}

pub fn draft(amount: i64, payment: Option<&str>) -> Draft {
    serde_json::from_value(draft_json(amount, payment)).unwrap()
}

static ENTROPY: AtomicU64 = AtomicU64::new(1);

fn stamp(at: UnixMs) -> Stamp {
    let mut entropy = [0; 25];
    let next = ENTROPY.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    entropy[8..16].copy_from_slice(&next);
    entropy[16..24].copy_from_slice(&next);
    Stamp { at, entropy }
}

pub fn transaction(nth: u64) -> String {
    format!("42000012342026112200{nth:08}")
}

pub fn payment_notice(nth: u64, merchant: u64, paid_fen: i64, at: UnixMs) -> SignedNotice {
    let payment = SandboxPayment {
        notice_id: format!("payment-{nth}"),
        mchid: mchid(merchant),
        transaction: transaction(nth),
        out_trade_no: format!("order-{nth}"),
        paid_fen,
        success_time: at,
        payer_openid: Secret::new(format!("openid-{nth}")),
    };
    platform().payment(&payment, &stamp(at)).unwrap()
}

pub fn refund_notice(nth: u64, merchant: u64, paid_fen: i64, refund_fen: i64, at: UnixMs) -> SignedNotice {
    let refund = SandboxRefund {
        notice_id: format!("refund-{nth}"),
        mchid: mchid(merchant),
        transaction: transaction(nth),
        out_trade_no: format!("order-{nth}"),
        refund: format!("503{nth:08}"),
        out_refund_no: format!("back-{nth}"),
        paid_fen,
        refund_fen,
        success_time: at,
    };
    platform().refund(&refund, &stamp(at)).unwrap()
}

pub async fn notify(desk: &Desk, notice: &SignedNotice) -> Result<Box<Recorded>, Faults> {
    match desk.take_notice(&notice.headers, &notice.body).await? {
        NoticeOutcome::Recorded(recorded) => Ok(recorded),
        NoticeOutcome::Ignored => panic!("the notice was ignored"),
    }
}

pub async fn issue(desk: &Desk, nth: u64, key: IdempotencyKey, draft: Draft) -> Result<Recorded, Faults> {
    let asked = IssueAsked { merchant: merchant(nth), key, draft, signature: None };
    desk.issue(asked).await.map(|(recorded, _warnings): (Recorded, Vec<Fault>)| recorded)
}

pub async fn register(desk: &Desk, nth: u64, issuer: Option<Address>) -> Recorded {
    desk.register_merchant(key(format!("register-{nth}")), registration(nth, issuer)).await.unwrap()
}

pub async fn set_rules(desk: &Desk, name: &str, scope: RulesScope, rules: Value) -> Recorded {
    let rules: IssuingRules = serde_json::from_value(rules).unwrap();
    desk.set_rules(key(name), RulesBody { scope, rules, from: None }).await.unwrap()
}

/// What the town did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub merchants: u64,
    pub rules: u64,
    pub payments: u64,
    pub refunds: u64,
    pub invoices: u64,
    /// Entries that are none of these.
    pub others: u64,
}

impl Done {
    pub fn entries(&self) -> u64 {
        self.merchants + self.rules + self.payments + self.refunds + self.invoices + self.others
    }
}

/// A finished ledger.
pub struct Built {
    pub ledger: Template,
    /// The founding one.
    pub roster: Roster,
    pub done: Done,
}

/// The ledger that most tests take copies of. Made once.
pub fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| block_on(build()))
}

async fn build() -> Built {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    make_keys(keys.path());
    let clock = Arc::new(FixedClock::at(NOON));
    let service = start(&database, keys.path(), Arc::<FixedClock>::clone(&clock)).await;
    let roster = service.roster.clone();
    let mut done = Done::default();
    {
        let desk = service.desk();
        for nth in 1..=5 {
            register(desk, nth, None).await;
        }
        set_rules(desk, "rules-1", RulesScope::All, json!({"per_invoice_cap": 1_000_000})).await;
        set_rules(desk, "rules-2", RulesScope::All, json!({"per_invoice_cap": 2_000_000, "monthly_cap": 900_000_000}))
            .await;
        set_rules(
            desk,
            "rules-3",
            RulesScope::Merchant(merchant(1)),
            json!({"rates": [600], "payment_required": false}),
        )
        .await;
        (done.merchants, done.rules) = (5, 3);
        // Two months, and over the turn of the year: two number series.
        for (round, days) in [0, 9, 45].into_iter().enumerate() {
            let round = u64::try_from(round).unwrap();
            let now = UnixMs(NOON.0 + days * DAY_MS);
            clock.set(now);
            trade(desk, round, now, &mut done).await;
        }
    }
    service.stop().await;
    let told = u64::try_from(lives::live(&database, keys.path(), &clock, done.merchants + 1).await.len()).unwrap();
    let counted = lives::MERCHANTS + lives::RULES + 2 * lives::PAYMENTS + lives::INVOICES;
    done.merchants += lives::MERCHANTS;
    done.rules += lives::RULES;
    done.payments += lives::PAYMENTS;
    done.refunds += lives::PAYMENTS;
    done.invoices += lives::INVOICES;
    done.others += told - counted;
    Built { ledger: database.into_template(), roster, done }
}

/// One round: payments and refunds, invoices for some of the payments, and invoices without.
async fn trade(desk: &Desk, round: u64, now: UnixMs, done: &mut Done) {
    let first = round * 100;
    let paid = |nth: u64| 10_000 + i64::try_from(nth).unwrap();
    let payer = |nth: u64| [1, 2, 3, 5][usize::try_from(nth % 4).unwrap()];
    let payments: Vec<_> = (first..first + 60).map(|nth| payment_notice(nth, payer(nth), paid(nth), now)).collect();
    for recorded in join_all(payments.iter().map(|notice| notify(desk, notice))).await {
        assert!(recorded.unwrap().new);
        done.payments += 1;
    }
    let refunds: Vec<_> = (first..first + 4)
        .map(|nth| refund_notice(nth, payer(nth), paid(nth), 1_000 + i64::try_from(nth).unwrap(), now))
        .collect();
    for recorded in join_all(refunds.iter().map(|notice| notify(desk, notice))).await {
        assert!(recorded.unwrap().new);
        done.refunds += 1;
    }
    let of_payments = (first..first + 10).map(|nth| {
        let draft = draft(8_000, Some(&transaction(nth)));
        (payer(nth), key(format!("paid-{nth}")), draft)
    });
    let plain = (0..20u64).map(|nth| {
        let amount = i64::try_from(2_000 + 100 * round + 13 * nth).unwrap();
        (1 + nth % 5, key(format!("plain-{round}-{nth}")), draft(amount, None))
    });
    let asked: Vec<_> = of_payments.chain(plain).collect();
    // In groups, so that blocks hold several entries and there are several blocks.
    for group in asked.chunks(12) {
        let group = group.iter().cloned().map(|(nth, key, draft)| issue(desk, nth, key, draft));
        for recorded in join_all(group).await {
            assert!(recorded.unwrap().new);
            done.invoices += 1;
        }
    }
}
