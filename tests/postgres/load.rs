//! Callers that ask for one invoice after the other, each until it is answered, and what must be true of the ledger afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use tokio::task::JoinHandle;

use crate::client::{Answer, Ask, Client, Dice, draft, issue};
use crate::server::{lines, value};
use crate::town::{Merchant, Town};

/// An invoice that was answered.
#[derive(Debug, Clone)]
pub struct Issued {
    pub ask: Ask,
    pub answer: Answer,
    /// When the request that was answered was first asked.
    pub asked: Instant,
    /// When its answer came.
    pub answered: Instant,
}

/// Callers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    callers: Vec<JoinHandle<Vec<Issued>>>,
}

impl Load {
    /// So many callers, with pauses of up to so many milliseconds, each of which asks a process of its own choice, another when told to come back.
    pub fn start(
        client: &Client,
        bases: &[String],
        merchant: &Merchant,
        callers: u64,
        pause_ms: u64,
        seed: u64,
    ) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let caller = |nth: u64| {
            let caller = Caller {
                client: client.clone(),
                bases: bases.to_vec(),
                key: merchant.key.clone(),
                nth,
                dice: Dice::new(seed.wrapping_add(nth)),
                pause_ms,
            };
            tokio::spawn(caller.work(Arc::clone(&stop), Arc::clone(&answered)))
        };
        Self { callers: (0..callers).map(caller).collect(), stop, answered }
    }

    /// How many have been answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// Waits until so many more have been answered.
    pub async fn more(&self, invoices: u64) {
        let (until, enough) = (Instant::now() + Duration::from_secs(60), self.answered() + invoices);
        while self.answered() < enough {
            let failed = self.callers.iter().any(JoinHandle::is_finished);
            assert!(!failed && Instant::now() < until, "no more invoices: a caller failed, or nobody answers");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets every caller have its last answer; gives all of them, in the order of answering.
    pub async fn finish(self) -> Vec<Issued> {
        self.stop.store(true, Ordering::SeqCst);
        let mut issued = Vec::new();
        for caller in self.callers {
            issued.extend(caller.await.unwrap());
        }
        issued.sort_by_key(|issued| issued.answered);
        issued
    }
}

struct Caller {
    client: Client,
    bases: Vec<String>,
    key: String,
    nth: u64,
    dice: Dice,
    /// At most so long between an answer and the next request.
    pause_ms: u64,
}

impl Caller {
    async fn work(mut self, stop: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> Vec<Issued> {
        let mut issued = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let fen = i64::try_from(100 + self.dice.below(100_000)).unwrap();
            let ask = issue(&self.key, &format!("caller-{}-{}", self.nth, issued.len()), &draft(fen, None));
            let turn = usize::try_from(self.dice.below(u64::try_from(self.bases.len()).unwrap())).unwrap();
            self.bases.rotate_left(turn);
            let asked = Instant::now();
            let answer = self.client.settle(&self.bases, &ask).await;
            assert_eq!(answer.status, 201, "{}", answer.json());
            issued.push(Issued { ask, answer, asked, answered: Instant::now() });
            answered.fetch_add(1, Ordering::SeqCst);
            if self.dice.below(8) == 0 {
                let list = Ask::get("/v1/invoices?limit=5").by(&self.key);
                assert_eq!(self.client.settle(&self.bases, &list).await.status, 200);
            }
            tokio::time::sleep(Duration::from_millis(self.dice.below(self.pause_ms))).await;
        }
        issued
    }
}

/// Holds the ledger against what callers were told: each of these is there once, asked again it is the same bytes, there are no
/// others, numbers have no gap, heights none and none twice, and the audit is clean.
pub async fn nothing_lost_nothing_twice(town: &Town, issued: &[Issued]) {
    let bases = town.running().into_iter().map(|nth| town.base(nth)).collect::<Vec<_>>();
    let again = stream::iter(issued.iter().enumerate()).map(|(nth, issued)| {
        let bases = [bases[nth % bases.len()].clone()];
        let client = &town.client;
        async move { (client.settle(&bases, &issued.ask).await, issued) }
    });
    let answers: Vec<(Answer, &Issued)> = again.buffer_unordered(16).collect().await;
    let mut numbers = BTreeSet::new();
    for (again, issued) in answers {
        assert_eq!((again.status, &again.body), (issued.answer.status, &issued.answer.body), "{:?}", issued.ask);
        assert!(
            numbers.insert(issued.answer.json()["invoice"]["number"].as_str().unwrap().to_owned()),
            "a number twice"
        );
    }
    let gapless: Vec<String> = (1..=issued.len()).map(|number| format!("{number:08}")).collect();
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), gapless, "numbers that callers were told");
    let stored = lines(&town.database, "SELECT number AS line FROM invoices ORDER BY entry");
    assert_eq!(stored, gapless, "numbers in the ledger, in entry order");
    let heights = value(&town.database, "SELECT max(height) - count(*) || '' AS line FROM blocks");
    assert_eq!(heights, "-1", "heights without gap from 0");
    let report = town.audit();
    assert_eq!(report["invoices"], issued.len());
    println!("{} invoices in {} blocks, audit clean", issued.len(), report["blocks"]);
}
