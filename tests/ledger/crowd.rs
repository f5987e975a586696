//! Many callers at once, over real sockets.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use piaolian::app::{self, Service};
use piaolian::base::SystemClock;
use piaolian::sequencer::desk::Bearer;
use serde_json::{Value, json};

use super::scene;
use crate::database::TestDatabase;

/// Both ends of every connection are in this process: 1,000 clients need more files than many a shell allows.
fn allow_many_sockets() {
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--nofile=8192:"]).output();
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
    let soft: u64 = line.split_whitespace().nth(3).unwrap().parse().unwrap_or(u64::MAX);
    assert!(soft >= 4_096, "raise the limit of open files (ulimit -n 8192): {line}; prlimit: {raised:?}");
}

/// A service that listens, and a client for it.
struct Town {
    database: TestDatabase,
    service: Service,
    address: SocketAddr,
    server: actix_web::dev::ServerHandle,
    client: reqwest::Client,
}

impl Town {
    async fn open(merchants: u64) -> Self {
        let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
        scene::make_keys(keys.path());
        let service = scene::start(&database, keys.path(), Arc::new(SystemClock)).await;
        for nth in 1..=merchants {
            scene::register(service.desk(), nth, None).await;
        }
        let listener = app::listen("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = app::serve(service.state.clone(), listener, 2).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            database,
            service,
            address,
            server: handle,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn api_key(&self, nth: u64) -> String {
        let new = self.service.desk().new_api_key(Bearer::Merchant(scene::merchant(nth)), "test".to_owned()).await;
        new.unwrap().secret.expose().clone()
    }

    async fn post_invoice(&self, api_key: &str, key: &str, body: String) -> (u16, String) {
        let request = self.client.post(format!("http://{}/v1/invoices", self.address)).bearer_auth(api_key);
        let request = request.header("idempotency-key", key).header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn close(self) -> TestDatabase {
        let Self { database, service, server, client, .. } = self;
        drop(client);
        server.stop(true).await;
        service.stop().await;
        database
    }
}

fn body(amount: i64) -> String {
    json!({"draft": scene::draft_json(amount, None)}).to_string()
}

#[test]
fn a_thousand_requests_with_one_key_are_one_invoice_and_one_answer() {
    allow_many_sockets();
    scene::block_on(async {
        let town = Town::open(1).await;
        let api_key = town.api_key(1).await;
        let answers = join_all((0..1_000).map(|_| town.post_invoice(&api_key, "one-key", body(49_810)))).await;
        let distinct: BTreeSet<&(u16, String)> = answers.iter().collect();
        assert_eq!(answers[0].0, 201, "{}", answers[0].1);
        assert_eq!((answers.len(), distinct.len()), (1_000, 1), "answers, distinct answers");
        assert_eq!(town.close().await.raw().count("invoices"), 1);
    });
}

#[test]
fn sixty_four_clients_get_five_thousand_invoices_numbered_without_gaps() {
    const INVOICES: u64 = 5_000;
    const MERCHANTS: u64 = 20;
    scene::block_on(async {
        let town = Town::open(MERCHANTS).await;
        let mut keys = Vec::new();
        for nth in 1..=MERCHANTS {
            keys.push(town.api_key(nth).await);
        }
        let next = AtomicU64::new(0);
        let numbers: Vec<Vec<(u64, String)>> = join_all((0..64).map(|_| async {
            let mut numbers = Vec::new();
            loop {
                let nth = next.fetch_add(1, Ordering::SeqCst);
                if nth >= INVOICES {
                    return numbers;
                }
                let amount = 100 + i64::try_from(nth).unwrap();
                let (status, text) = town
                    .post_invoice(&keys[usize::try_from(nth % MERCHANTS).unwrap()], &format!("key-{nth}"), body(amount))
                    .await;
                assert_eq!(status, 201, "{text}");
                let answer: Value = serde_json::from_str(&text).unwrap();
                let invoice = &answer["invoice"];
                numbers.push((invoice["entry"].as_u64().unwrap(), invoice["number"].as_str().unwrap().to_owned()));
            }
        }))
        .await;
        let roster = town.service.roster.clone();
        let database = town.close().await;
        let mut answered: Vec<(u64, String)> = numbers.into_iter().flatten().collect();
        answered.sort();
        let numbers: Vec<String> = answered.into_iter().map(|(_, number)| number).collect();
        let gapless: Vec<String> = (1..=INVOICES).map(|number| format!("{number:08}")).collect();
        assert_eq!(numbers, gapless, "as answered, in entry order");
        let stored = database.raw().texts("SELECT number AS line FROM invoices ORDER BY entry");
        assert_eq!(stored, gapless, "as stored, in entry order");
        let report = database.audited(&[roster]);
        assert_eq!(report.findings, []);
        assert!(report.is_clean());
        assert_eq!(report.invoices, INVOICES);
        println!("{} blocks for {INVOICES} invoices", report.blocks);
    });
}
