//! Exactly once across processes.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use futures_util::future::join_all;

use crate::client::{Ask, draft, issue};
use crate::run::number;
use crate::server::{TestDatabase, lines, value};
use crate::town::{Town, alone, block_on, processes};

const REQUESTS: usize = 1_000;

/// A thousand connections on both sides: more files than many a shell allows. Processes started afterwards have the same limit.
fn allow_many_sockets() {
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--nofile=16384:"]).output().unwrap();
    assert!(raised.status.success(), "raise the limit of open files: {}", String::from_utf8_lossy(&raised.stderr));
}

/// Asks everything at once, the processes in turn.
async fn all_at_once(town: &Town, asks: Vec<Ask>) -> Vec<(u16, Vec<u8>)> {
    let bases = town.bases();
    let asked = asks.iter().enumerate().map(|(nth, ask)| {
        let mut bases = bases.clone();
        bases.rotate_left(nth % town.bases().len());
        async move {
            let answer = town.client.settle(&bases, ask).await;
            (answer.status, answer.body)
        }
    });
    join_all(asked).await
}

#[test]
fn a_thousand_duplicates_over_all_processes_are_one_invoice_a_round() {
    let _alone = alone();
    allow_many_sockets();
    let rounds = number("TEST_ROUNDS", 20);
    block_on(async {
        let database = TestDatabase::new();
        let mut town = Town::serving(&database.url(), processes()).await;
        let merchant = town.register(1).await;
        let started = Instant::now();
        for round in 1..=rounds {
            let ask =
                issue(&merchant.key, &format!("round-{round}"), &draft(10_000 + i64::try_from(round).unwrap(), None));
            let answers = all_at_once(&town, vec![ask; REQUESTS]).await;
            let distinct: BTreeSet<&(u16, Vec<u8>)> = answers.iter().collect();
            assert_eq!((answers[0].0, distinct.len()), (201, 1), "distinct answers in round {round}");
            let invoices = value(&town.database, "SELECT count(*) || '' AS line FROM invoices");
            assert_eq!(invoices, round.to_string(), "invoices after round {round}");
        }
        println!("{rounds} rounds of {REQUESTS} duplicates in {:?}", started.elapsed());

        let started = Instant::now();
        let asks = (0..REQUESTS)
            .map(|nth| issue(&merchant.key, &format!("own-{nth}"), &draft(100 + i64::try_from(nth).unwrap(), None)));
        let answers = all_at_once(&town, asks.collect()).await;
        assert!(answers.iter().all(|(status, _)| *status == 201));
        let all = u64::try_from(REQUESTS).unwrap() + rounds;
        let gapless: Vec<String> = (1..=all).map(|number| format!("{number:08}")).collect();
        assert_eq!(lines(&town.database, "SELECT number AS line FROM invoices ORDER BY entry"), gapless);
        println!("{REQUESTS} different keys in {:?}", started.elapsed());
        town.stop();
        assert_eq!(town.audit()["invoices"], all);
    });
}
