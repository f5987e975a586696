//! The ledger whose every bit is turned over: 256 entries of every kind, made by the service itself, with the keys, the memory and the rows
//! beside the ledger that a service has.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use futures_util::future::join_all;
use piaolian::base::clock::FixedClock;
use piaolian::base::{Clock as _, UnixMs};
use piaolian::chain::{Receipt, Roster, header_hash, keccak256};
use piaolian::config::keyring::Keyring;
use piaolian::ledger::Command;
use piaolian::ledger::command::{BlockName, Keyed, RestoredBody, request_hash};
use piaolian::ledger::entry::Kind;
use piaolian::ledger::projection::LEDGER_TABLES;
use piaolian::ledger::record::RulesScope;
use piaolian::sequencer::desk::Desk;
use piaolian::sequencer::{End, MEMORY_FILE, Memory};
use piaolian::store::Store;
use serde_json::json;

use crate::bare::Bare;
use crate::database::{Template, TestDatabase};
use crate::held::Held;
use crate::{lives, scene};

/// How many entries there are.
pub const ENTRIES: usize = 256;

/// The secret of the API key that is in the ledger's database.
pub const API_KEY: &str = "pl_test_of_tampering";

/// The ledger with everything that belongs to it.
pub struct Town {
    pub ledger: Template,
    pub held: Held,
    /// The founding roster.
    pub trusted: Vec<Roster>,
    /// The folder of keys, and of the memory.
    pub keys: tempfile::TempDir,
    /// One of each kind of entry.
    pub receipts: Vec<Receipt>,
    pub tip: End,
}

/// Made once.
pub fn town() -> &'static Town {
    static TOWN: OnceLock<Town> = OnceLock::new();
    TOWN.get_or_init(|| scene::block_on(build()))
}

async fn build() -> Town {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    scene::make_keys(keys.path());
    let clock = Arc::new(FixedClock::at(scene::NOON));
    let service = scene::start(&database, keys.path(), Arc::<FixedClock>::clone(&clock)).await;
    let trusted = vec![service.roster.clone()];
    trade(service.desk(), clock.now()).await;
    service.stop().await;
    assert_eq!(lives::live(&database, keys.path(), &clock, 3).await.len(), lives::ENTRIES);
    restored(&database, keys.path(), &clock).await;
    beside_the_ledger(&database);
    let store = Store::open(&database.url(), 1).unwrap();
    let (receipts, tip) = read(&store);
    let held = Held::of(&store);
    drop(store);
    assert_eq!(held.rows("entries").len(), ENTRIES);
    for (table, rows) in LEDGER_TABLES.iter().zip(&held.sound) {
        assert!(!rows.is_empty(), "{} has no row", table.name);
    }
    Town { ledger: database.into_template(), held, trusted, keys, receipts, tip }
}

/// What comes before the lives of invoices and the record of a loss.
async fn trade(desk: &Desk, now: UnixMs) {
    for nth in 1..=2 {
        scene::register(desk, nth, None).await;
    }
    scene::set_rules(desk, "rules-1", RulesScope::All, json!({"per_invoice_cap": 1_000_000})).await;
    let rules = json!({"rates": [600], "payment_required": false});
    scene::set_rules(desk, "rules-2", RulesScope::Merchant(scene::merchant(1)), rules).await;
    let payments: Vec<_> = (0..60).map(|nth| scene::payment_notice(nth, 1 + nth % 2, 10_000, now)).collect();
    for recorded in join_all(payments.iter().map(|notice| scene::notify(desk, notice))).await {
        assert!(recorded.unwrap().new);
    }
    let refunds: Vec<_> = (0..5).map(|nth| scene::refund_notice(nth, 1 + nth % 2, 10_000, 1_000, now)).collect();
    for recorded in join_all(refunds.iter().map(|notice| scene::notify(desk, notice))).await {
        assert!(recorded.unwrap().new);
    }
    let left = u64::try_from(ENTRIES - lives::ENTRIES - 1 - 4 - 60 - 5).unwrap();
    for group in (0..left).collect::<Vec<_>>().chunks(14) {
        let issued = group.iter().map(|nth| {
            let (amount, paid) = (i64::try_from(2_000 + 13 * nth).unwrap(), *nth < 20);
            let transaction = scene::transaction(*nth);
            let draft = scene::draft(amount, paid.then_some(transaction.as_str()));
            scene::issue(desk, 1 + nth % 2, scene::key(format!("invoice-{nth}")), draft)
        });
        for recorded in join_all(issued).await {
            assert!(recorded.unwrap().new);
        }
    }
}

/// A block that the memory holds is lost, and that is put on record.
async fn restored(database: &TestDatabase, keys: &Path, clock: &Arc<FixedClock>) {
    let bare = Bare::start(database, keys, Arc::<FixedClock>::clone(clock));
    let tip = bare.tip();
    bare.stop().await;
    scene::forget(keys);
    let lost = End { height: tip.height + 1, hash: keccak256("lost"), size: tip.size + 1 };
    drop(Memory::make(&keys.join(MEMORY_FILE), lost).unwrap());
    let bare = Bare::start(database, keys, Arc::<FixedClock>::clone(clock));
    let hash = header_hash(&tip.to_text().unwrap());
    let body = RestoredBody {
        reason: "盘损坏".to_owned(),
        remembered: BlockName { height: lost.height, hash: lost.hash },
        tip: BlockName { height: tip.height, hash },
    };
    let request = request_hash(&bare.chain, "restored", &body).unwrap();
    bare.submit(Command::Restored(Keyed { key: scene::key("restored"), request, body })).await.unwrap();
    bare.stop().await;
}

/// Rows of the tables that no entry accounts for, where the service has left none.
fn beside_the_ledger(database: &TestDatabase) {
    let api_key = keccak256(format!("piaolian-api-key-v1|{API_KEY}"));
    database.raw().must(&format!(
        "INSERT INTO api_keys (id, key_hash, role, merchant, label, created_at_ms, revoked_at_ms, company) VALUES
           ('k1', x'{api_key}', 'merchant', '{merchant}', 'till', 1795320000000, 1795320000001, NULL),
           ('k2', x'{other}', 'company', NULL, 'books', 1795320000000, NULL, '9144030031933100XX');
         INSERT INTO orders (merchant, order_id, body, received_at_ms) VALUES ('{merchant}', 'order-9', '{{\"lines\":[]}}', 1795320000000);
         INSERT INTO outbox (entry, topic, state, attempts, next_at_ms, last_error) VALUES
           (254, 'wallet', 'dead', 12, 1795320000000, 'refused'), (255, 'wallet', 'pending', 0, 1795320000000, NULL);
         UPDATE leaderships SET holder = 'gone', address = 'http://127.0.0.1:8080';",
        other = keccak256("another"),
        merchant = scene::merchant(1),
    ));
}

/// A receipt of each kind of entry, and the chain's end.
fn read(store: &Store) -> (Vec<Receipt>, End) {
    let found = store.read_blocking(|reader| {
        let mut receipts = std::collections::BTreeMap::new();
        for index in 0..u64::try_from(ENTRIES).unwrap() {
            let (receipt, _) = reader.receipt(index)?.unwrap();
            let kind = piaolian::ledger::Entry::parse(&receipt.entry).unwrap().kind;
            receipts.insert(kind, receipt);
        }
        let tip = End::from(&reader.checkpoint()?.unwrap());
        Ok::<_, piaolian::store::StoreError>((receipts, tip))
    });
    let (receipts, tip) = found.unwrap();
    let kinds: BTreeSet<Kind> = receipts.keys().copied().collect();
    assert_eq!(kinds, Kind::ALL.iter().copied().collect(), "not every kind of entry is there");
    (receipts.into_values().collect(), tip)
}

impl Town {
    /// The keys, as they were made.
    pub fn keyring(&self) -> Keyring {
        Keyring::load(self.keys.path()).unwrap()
    }
}
