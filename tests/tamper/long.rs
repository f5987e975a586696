//! A ledger of as many entries as a test asks for: the lives of invoices, and behind them payments, refunds and invoices in bulk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use piaolian::base::clock::FixedClock;
use piaolian::base::{Clock as _, LegalDate};
use piaolian::chain::Roster;
use piaolian::invoice::{CheckPolicy, Draft, Severity};
use piaolian::ledger::Command;
use piaolian::ledger::command::{Keyed, MerchantBody, Unsigned, request_hash};
use piaolian::store::Store;
use serde_json::{Value, json};

use crate::bare::Bare;
use crate::database::TestDatabase;
use crate::held::Held;
use crate::lives;
use crate::scene::{self, draft_json, key, merchant, own_key, registration};
use crate::streams::{Lines, lines_of};

/// Entries sent together, so that they share a block or a few.
const TOGETHER: u64 = 100;

/// The first merchant that trades in bulk, and how many do.
const FIRST: u64 = 1 + lives::MERCHANTS;
const MERCHANTS: u64 = 5;

/// A ledger, and its founding roster.
pub struct Long {
    pub held: Held,
    pub trusted: Vec<Roster>,
    /// The same as a stream.
    pub stream: Lines,
    /// The newest header.
    pub tip: String,
}

/// Makes it, once for each length.
pub fn long(entries: u64) -> Arc<Long> {
    static MADE: Mutex<BTreeMap<u64, Arc<Long>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    Arc::clone(made.entry(entries).or_insert_with(|| Arc::new(scene::block_on(build(entries)))))
}

async fn build(entries: u64) -> Long {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::migrated());
    scene::make_keys(keys.path());
    let clock = Arc::new(FixedClock::at(scene::NOON));
    assert_eq!(lives::live(&database, keys.path(), &clock, 1).await.len(), lives::ENTRIES);
    let bare = Bare::start(&database, keys.path(), Arc::<FixedClock>::clone(&clock));
    for nth in FIRST..FIRST + MERCHANTS {
        bare.submit(admitted(&bare, nth)).await.unwrap();
    }
    let mut nth = u64::try_from(lives::ENTRIES).unwrap() + MERCHANTS;
    while nth < entries {
        let batch = (nth..entries.min(nth + TOGETHER)).map(|nth| bulk(&bare, &clock, nth));
        for recorded in join_all(batch.map(|command| bare.submit(command)).collect::<Vec<_>>()).await {
            recorded.unwrap();
        }
        nth = entries.min(nth + TOGETHER);
    }
    let trusted = bare.rosters().into_iter().take(1).collect();
    bare.stop().await;
    let store = Store::open(&database.url(), 1).unwrap();
    let held = Held::of(&store);
    assert_eq!(u64::try_from(held.rows("entries").len()).unwrap(), entries);
    let tip = store.read_blocking(|reader| reader.checkpoint()).unwrap().unwrap().header;
    Long { held, trusted, stream: lines_of(&store), tip }
}

fn admitted(bare: &Bare, nth: u64) -> Command {
    let issuer = own_key(nth).address();
    let asked = registration(nth, Some(issuer));
    let body = MerchantBody { seller: asked.seller, mchid: asked.mchid, issuer, issue_on_payment: false };
    let request = request_hash(&bare.chain, "bulk", &body).unwrap();
    Command::RegisterMerchant(Keyed { key: key(format!("bulk-{nth}")), request, body })
}

/// Of a hundred: eighty payments, five refunds of earlier ones, fifteen invoices, ten of them of payments.
fn bulk(bare: &Bare, clock: &FixedClock, nth: u64) -> Command {
    let of_payment = |nth: u64| 100_000 + nth;
    match nth % 20 {
        0..16 => Command::RecordPayment(notice(json!({
            "provider": "wechat-pay", "transaction": scene::transaction(of_payment(nth)), "merchant": merchant(of(nth)),
            "order": format!("order-{nth}"), "paid": 10_000, "paid_at": clock.now(),
        }))),
        // Of a payment some batches back, if there is one.
        16 if nth > 3 * TOGETHER => {
            let paid = of_payment(nth - 2 * TOGETHER - 16);
            Command::RecordRefund(notice(json!({
                "provider": "wechat-pay", "refund": format!("503{nth}"), "transaction": scene::transaction(paid), "amount": 700,
                "refunded_at": clock.now(),
            })))
        }
        17 | 18 if nth > 3 * TOGETHER => {
            let paid = nth - 2 * TOGETHER - 16;
            issued(bare, clock, nth, of(paid), draft_json(4_000, Some(&scene::transaction(of_payment(paid)))))
        }
        _ => issued(bare, clock, nth, of(nth), draft_json(3_000 + i64::try_from(nth % 997).unwrap(), None)),
    }
}

/// Whose entry it is.
fn of(nth: u64) -> u64 {
    FIRST + nth % MERCHANTS
}

fn notice<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

fn issued(bare: &Bare, clock: &FixedClock, nth: u64, by: u64, draft: Value) -> Command {
    let draft: Draft = serde_json::from_value(draft).unwrap();
    let policy = CheckPolicy { uscc_check_digit: Severity::Warn };
    let (seller, date) = (registration(by, None).seller, LegalDate::of(clock.now()).unwrap());
    let (checked, _) = draft.check(&seller, &bare.chain, &merchant(by), date, &policy).unwrap();
    let request = request_hash(&bare.chain, "bulk", &checked).unwrap();
    let issue = Unsigned::new(key(format!("bulk-{nth}")), request, checked).unwrap().sign(&own_key(by));
    Command::Issue(Box::new(issue))
}
