//! One command that the database refuses does not spoil the others of its batch.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use piaolian::base::clock::FixedClock;
use piaolian::base::{Clock, Code};
use piaolian::sequencer::desk::Desk;
use piaolian::store::StoreError;

use super::scene::{self, NOON, draft, key};
use crate::database::TestDatabase;

/// Waits until so many commands are in the queue.
async fn queued(desk: &Desk, room: usize) {
    for _ in 0..2_000 {
        if desk.room() == room {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the queue has room for {}, not for {room}", desk.room());
}

#[test]
fn a_command_that_the_database_refuses_does_not_spoil_its_batch() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    scene::make_keys(keys.path());
    let trusted = scene::block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(NOON));
        let service = scene::start(&database, keys.path(), clock).await;
        let roster = service.roster.clone();
        let desk = Arc::clone(service.desk());
        scene::register(&desk, 1, None).await;
        scene::notify(&desk, &scene::payment_notice(1, 1, 10_000, NOON)).await.unwrap();
        // Entries 0 and 1 are there. A row that no entry accounts for claims entry 4 among the refunds: no command but a refund
        // at index 4 runs into it.
        database.raw().must(
            "INSERT INTO refunds (provider, refund_id, transaction_id, amount_fen, entry) VALUES ('forged', 'r', 't', 1, 4);",
        );

        // Somebody holds the write lock: the first command waits for it, the others gather behind and become one batch.
        let (release, held) = mpsc::channel::<()>();
        let (locked, is_locked) = mpsc::channel::<()>();
        let store = desk.store().clone();
        let holder = std::thread::spawn(move || {
            store.write_blocking(|_| {
                locked.send(()).unwrap();
                held.recv().unwrap();
                Ok::<_, StoreError>(())
            })
        });
        is_locked.recv().unwrap();
        let free = desk.room();
        let submit = |name: &'static str| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { scene::issue(&desk, 1, key(name), draft(1_000, None)).await })
        };
        let first = submit("first");
        tokio::time::sleep(Duration::from_millis(200)).await;
        queued(&desk, free).await;
        let before = submit("before");
        queued(&desk, free - 1).await;
        let refund = {
            let desk = Arc::clone(&desk);
            let notice = scene::refund_notice(1, 1, 10_000, 1_000, NOON);
            tokio::spawn(async move { scene::notify(&desk, &notice).await })
        };
        queued(&desk, free - 2).await;
        let after = submit("after");
        queued(&desk, free - 3).await;
        release.send(()).unwrap();
        holder.join().unwrap().unwrap();

        let (first, before, after) =
            (first.await.unwrap().unwrap(), before.await.unwrap().unwrap(), after.await.unwrap().unwrap());
        assert_eq!((first.receipt.index, before.receipt.index, after.receipt.index), (2, 3, 4));
        assert!(
            first.height < before.height && before.height < after.height,
            "tried one by one, each has its own block"
        );
        let faults = refund.await.unwrap().unwrap_err();
        assert_eq!(faults.first().unwrap().code, Code::StoreFailed);

        // Nothing is stuck: the same notice, at another index, is recorded.
        scene::notify(&desk, &scene::refund_notice(1, 1, 10_000, 1_000, NOON)).await.unwrap();
        drop(desk);
        service.stop().await;
        roster
    });
    let report = database.audited(&[trusted]);
    let found: Vec<(&str, &str)> = report.findings.iter().map(|f| (f.table.as_str(), f.row.as_str())).collect();
    assert_eq!(found, [("refunds", "4")], "the forged row and nothing else");
}
