//! A restored backup is noticed, whoever restored it: nothing is sealed on top of it, and it can still be read.

use std::path::Path;
use std::sync::Arc;

use piaolian::app::{self, Service};
use piaolian::base::clock::FixedClock;
use piaolian::base::{Code, Faults};
use piaolian::sequencer::{Config, MEMORY_FILE};
use serde_json::Value;

use super::scene::{self, NOON, draft, key};
use crate::database::TestDatabase;

/// Service, HTTP server and client over a database.
struct Open {
    service: Service,
    address: String,
    server: app::ServerHandle,
}

impl Open {
    async fn on(database: &TestDatabase, keys: &Path) -> Self {
        let service = scene::start(database, keys, Arc::new(FixedClock::at(NOON))).await;
        let listener = app::listen("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = app::serve(service.state.clone(), listener, 1).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        Self { service, address, server: handle }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{}{path}", self.address)).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn issue(&self, name: &str) -> Result<u64, Faults> {
        Ok(scene::issue(self.service.desk(), 1, key(name), draft(1_000, None)).await?.receipt.index)
    }

    async fn stop(self) {
        self.server.stop(true).await;
        self.service.stop().await;
    }

    /// Every command is refused, the reason names both blocks, nothing is recorded, and everything can be read.
    async fn is_held_back(&self, found: u64, remembered: u64, why: &str) {
        let (_, before) = self.get("/v1/checkpoint").await;
        for name in ["held-1", "held-2"] {
            let fault = self.issue(name).await.unwrap_err().first().unwrap().clone();
            assert_eq!(fault.code, Code::SeqRestored, "{fault}");
            for part in
                [why, &format!("ends with block {found} "), &format!("block {remembered} "), "piaolian restored"]
            {
                assert!(fault.message.contains(part), "{part}: {fault}");
            }
        }
        let (status, problem) = self.get("/readyz").await;
        assert_eq!((status, problem["code"].as_str()), (503, Some("SEQ-RESTORED")), "{problem}");
        let (status, after) = self.get("/v1/checkpoint").await;
        assert_eq!((status, &after), (200, &before));
        assert_eq!(self.get("/v1/blocks/0").await.0, 200);
        assert_eq!(self.get("/healthz").await.0, 200);
    }

    async fn is_ready(&self) {
        let (status, answer) = self.get("/readyz").await;
        assert_eq!((status, answer["role"].as_str()), (200, Some("leading")), "{answer}");
    }
}

/// A ledger with three entries in three blocks.
async fn begun(database: &TestDatabase, keys: &Path) {
    scene::make_keys(keys);
    let open = Open::on(database, keys).await;
    scene::register(open.service.desk(), 1, None).await;
    assert_eq!((open.issue("a").await.unwrap(), open.issue("b").await.unwrap()), (1, 2));
    open.is_ready().await;
    open.stop().await;
}

#[test]
fn an_older_backup_is_held_back_and_the_newer_database_goes_on() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    let keys = keys.path();
    scene::block_on(async {
        begun(&database, keys).await;
        let backup = database.duplicate();
        let open = Open::on(&database, keys).await;
        assert_eq!((open.issue("c").await.unwrap(), open.issue("d").await.unwrap()), (3, 4));
        open.stop().await;

        for _ in 0..2 {
            // Starting again does not make it forget.
            let open = Open::on(&backup, keys).await;
            open.is_held_back(3, 5, "older backup").await;
            open.stop().await;
        }
        assert_eq!(backup.raw().count("entries"), 3);

        let open = Open::on(&database, keys).await;
        open.is_ready().await;
        assert_eq!(open.issue("d").await.unwrap(), 4, "said before");
        assert_eq!(open.issue("e").await.unwrap(), 5);
        let roster = open.service.roster.clone();
        open.stop().await;
        assert!(database.audited(&[roster]).is_clean());
    });
}

#[test]
fn another_history_of_the_same_length_is_held_back() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    let keys = keys.path();
    scene::block_on(async {
        begun(&database, keys).await;
        let backup = database.duplicate();
        let open = Open::on(&database, keys).await;
        open.issue("c").await.unwrap();
        open.stop().await;
        let remembered = std::fs::read(keys.join(MEMORY_FILE)).unwrap();

        // Sealed by somebody who did not have the memory: longer than the history that is remembered, and not it.
        scene::forget(keys);
        let open = Open::on(&backup, keys).await;
        for name in ["x", "y", "z"] {
            open.issue(name).await.unwrap();
        }
        open.stop().await;
        std::fs::write(keys.join(MEMORY_FILE), remembered).unwrap();
        let open = Open::on(&backup, keys).await;
        open.is_held_back(6, 4, "another history").await;
        open.stop().await;
    });
}

#[test]
fn a_chain_that_went_on_elsewhere_is_gone_on_with() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    let keys = keys.path();
    scene::block_on(async {
        begun(&database, keys).await;
        let remembered = std::fs::read(keys.join(MEMORY_FILE)).unwrap();
        let open = Open::on(&database, keys).await;
        open.issue("c").await.unwrap();
        open.stop().await;
        // As a process finds it that did not lead meanwhile.
        std::fs::write(keys.join(MEMORY_FILE), remembered).unwrap();
        let open = Open::on(&database, keys).await;
        open.is_ready().await;
        assert_eq!(open.issue("d").await.unwrap(), 4);
        open.stop().await;
    });
}

#[test]
fn an_empty_database_and_a_damaged_memory_stop_the_start() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
    let keys = keys.path();
    scene::block_on(async {
        begun(&database, keys).await;
        let start = async |database: &TestDatabase| {
            let clock = Arc::new(FixedClock::at(NOON));
            scene::try_start(database, keys, clock, Config::default()).await.map(|_| ()).unwrap_err()
        };
        let empty = TestDatabase::empty();
        let faults = start(&empty).await;
        let fault = faults.first().unwrap();
        assert_eq!(fault.code, Code::SeqRestored);
        assert!(fault.message.contains("up to block 3"), "{fault}");
        assert_eq!(empty.raw().count("blocks"), 0, "no second chain was founded");

        let file = keys.join(MEMORY_FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        for byte in &mut bytes {
            *byte ^= 1;
        }
        std::fs::write(&file, bytes).unwrap();
        let faults = start(&database).await;
        let fault = faults.first().unwrap();
        assert_eq!((fault.code, fault.path.as_str()), (Code::SeqMemory, file.to_str().unwrap()));
    });
}
