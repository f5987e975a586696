//! Reads from a replica: they say at which checkpoint they stand, and go to the primary when there is no replica.

use std::time::{Duration, Instant};

use crate::client::{Answer, Ask, draft, issue};
use crate::server::{Server, TestDatabase, execute, value};
use crate::town::{Merchant, Town, alone, block_on};

/// The height in `Piaolian-Checkpoint: height=<n>, size=<n>, hash=<64 hex>`.
fn height(answer: &Answer) -> u64 {
    let header = answer.header("piaolian-checkpoint").expect("every read says where it stands");
    let parts: Vec<&str> = header.split(", ").collect();
    let [height, size, hash] = parts[..] else { panic!("{header}") };
    let hash = hash.strip_prefix("hash=").unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) && size.starts_with("size="), "{header}");
    height.strip_prefix("height=").unwrap().parse().unwrap()
}

async fn list(town: &Town, merchant: &Merchant) -> (u64, usize) {
    let answer = town.ask(0, &Ask::get("/v1/invoices?limit=200").by(&merchant.key)).await;
    (height(&answer), answer.json()["invoices"].as_array().unwrap().len())
}

async fn wait_for(town: &Town, merchant: &Merchant, invoices: usize) -> u64 {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let (height, listed) = list(town, merchant).await;
        if listed == invoices {
            return height;
        }
        assert!(Instant::now() < until, "reads stand at height {height} with {listed} invoices, not {invoices}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn issue_one(town: &Town, merchant: &Merchant, nth: i64) -> Answer {
    town.ask(0, &issue(&merchant.key, &format!("key-{nth}"), &draft(1_000 + nth, None))).await
}

#[test]
fn reads_from_a_replica_say_where_it_stands_and_commands_do_not_wait_for_it() {
    let _alone = alone();
    let primary = Server::start();
    let database = TestDatabase::on(&primary.url("postgres"));
    let name = database.url().rsplit_once('/').unwrap().1.to_owned();
    let replica = Server::replica_of(&primary);
    block_on(async {
        let mut town = Town::new(&database.url());
        // A process that meets a replica without tables reads from the primary, and looks again only after a while.
        let stands = value(&database.url(), "SELECT pg_current_wal_lsn()::text AS line");
        let there = format!("SELECT (pg_last_wal_replay_lsn() >= '{stands}')::text AS line");
        while value(&replica.url("postgres"), &there) != "true" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        town.add(&database.url(), &format!("read_database = {:?}", replica.url(&name))).await;
        let merchant = town.register(1).await;
        for nth in 1..=3 {
            issue_one(&town, &merchant, nth).await;
        }
        let stands = wait_for(&town, &merchant, 3).await;

        execute(&replica.url(&name), "SELECT pg_wal_replay_pause()");
        // Asking for it is not yet standing still.
        while value(&replica.url(&name), "SELECT pg_get_wal_replay_pause_state() AS line") != "paused" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut last = None;
        for nth in 4..=8 {
            last = Some(issue_one(&town, &merchant, nth).await);
        }
        assert_eq!(list(&town, &merchant).await, (stands, 3), "a replica that stands still says so");
        let again = issue_one(&town, &merchant, 8).await;
        assert_eq!(
            Some(again.body),
            last.map(|answer| answer.body),
            "a repeated command is answered from what was sealed"
        );

        execute(&replica.url(&name), "SELECT pg_wal_replay_resume()");
        assert_eq!(wait_for(&town, &merchant, 8).await, stands + 5, "one block an invoice");

        replica.stop_immediately();
        issue_one(&town, &merchant, 9).await;
        assert_eq!(list(&town, &merchant).await, (stands + 6, 9), "without a replica the primary answers");
        replica.start_again();
        issue_one(&town, &merchant, 10).await;
        assert_eq!(wait_for(&town, &merchant, 10).await, stands + 7);
        town.stop();
        assert_eq!(town.audit()["invoices"], 10);
    });
    // In this order: a database that a replica follows is dropped on a server that still runs.
    drop(database);
}
