//! The same commands, clock and keys give the same bytes, in another database and another process.

use std::path::Path;
use std::sync::Arc;

use piaolian::base::UnixMs;
use piaolian::base::clock::FixedClock;
use piaolian::ledger::projection::LEDGER_TABLES;
use piaolian::ledger::record::RulesScope;
use piaolian::sequencer::desk::{Desk, IssueAsked, Recorded};
use serde_json::json;

use super::lives;
use super::scene::{self, NOON, draft, key, merchant, own_key};
use crate::database::{Table, TestDatabase};

async fn issue_signed(desk: &Desk, nth: u64, name: String, amount: i64, payment: Option<&str>) -> Recorded {
    let draft = draft(amount, payment);
    let preview = desk.preview(&merchant(nth), &draft).await.unwrap();
    let signature = Some(own_key(nth).sign(&preview.text));
    desk.issue(IssueAsked { merchant: merchant(nth), key: key(name), draft, signature }).await.unwrap().0
}

/// Commands that go through the service; the lives of invoices come behind them.
pub const SERVED: usize = 69;

/// Plays a fixed story: what each command was answered, and every row of the ledger.
pub async fn play(database: &TestDatabase, keys: &Path) -> (Vec<Recorded>, Vec<Table>) {
    // Another database with the same keys: as another machine has it, which remembers nothing of the first.
    scene::forget(keys);
    let clock = Arc::new(FixedClock::at(NOON));
    let service = scene::start(database, keys, Arc::<FixedClock>::clone(&clock)).await;
    let mut recorded = Vec::new();
    {
        let desk = service.desk();
        for nth in 1..=3 {
            recorded.push(scene::register(desk, nth, Some(own_key(nth).address())).await);
        }
        recorded.push(scene::set_rules(desk, "rules", RulesScope::All, json!({"monthly_cap": 90_000_000})).await);
        for nth in 0..20u64 {
            // The clock also goes back, by what is no reason to refuse commands: block time must not.
            let step = i64::try_from(nth).unwrap();
            let now = UnixMs(NOON.0 + step * 200_000 - (step % 3) * 300_000);
            clock.set(now);
            let who = 1 + nth % 3;
            let notice = scene::payment_notice(nth, who, 10_000, now);
            recorded.push(*scene::notify(desk, &notice).await.unwrap());
            if nth % 4 == 0 {
                let notice = scene::refund_notice(nth, who, 10_000, 1_000, now);
                recorded.push(*scene::notify(desk, &notice).await.unwrap());
            }
            let paid = scene::transaction(nth);
            recorded.push(issue_signed(desk, who, format!("paid-{nth}"), 6_000, Some(&paid)).await);
            recorded.push(issue_signed(desk, who, format!("plain-{nth}"), 500 + step, None).await);
        }
    }
    service.stop().await;
    assert_eq!(recorded.len(), SERVED);
    recorded.extend(lives::live(database, keys, &clock, 4).await);
    let mut raw = database.raw();
    (recorded, LEDGER_TABLES.iter().map(|table| raw.table(table.name)).collect())
}

/// Receipts as they are sent.
pub fn texts(recorded: &[Recorded]) -> Vec<String> {
    recorded.iter().map(|recorded| serde_json::to_string(&recorded.receipt).unwrap()).collect()
}

#[test]
fn the_same_commands_give_the_same_bytes() {
    let keys = tempfile::tempdir().unwrap();
    scene::make_keys(keys.path());
    let [first, second] = [(); 2].map(|()| scene::block_on(play(&TestDatabase::empty(), keys.path())));
    assert_eq!(first.0.len(), SERVED + lives::ENTRIES);
    assert_eq!(texts(&first.0), texts(&second.0), "receipts");
    for (first, second) in first.1.iter().zip(&second.1) {
        assert!(!first.rows.is_empty(), "{} is empty", first.name);
        assert_eq!(first, second, "{}", first.name);
    }
}
