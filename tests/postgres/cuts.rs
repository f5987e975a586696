//! The connection to the database is cut at every statement, before it was done and after.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Ask, Dice, draft, issue, notice};
use crate::proxy::{Cut, Proxy};
use crate::run::number;
use crate::server::{TestDatabase, value};
use crate::town::{Town, alone, block_on, seed};

// Turns of all connections are counted together, also those of the outbox and of beats in the background: the nth turn is not the same
// statement in every run. Over all n, each statement of the scenario is met; the test's length is the number of turns.

/// Turns that one scenario may take; more means that it does not end.
const TURNS_MAX: u64 = 2_000;

/// What one scenario puts into the ledger: a merchant, a payment, an invoice.
const ENTRIES: u64 = 3;

fn host_and_port(url: &str) -> (String, u16) {
    let rest = url.split_once("://").unwrap().1.split('/').next().unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let (host, port) = host.split_once(':').unwrap_or((host, "5432"));
    (host.to_owned(), port.parse().unwrap())
}

fn through(url: &str, port: u16) -> String {
    let (before, database) = url.rsplit_once('/').unwrap();
    let (scheme, rest) = before.split_once("://").unwrap();
    let user = rest.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
    format!("{scheme}://{user}127.0.0.1:{port}/{database}?sslmode=disable")
}

fn entries(town: &Town) -> u64 {
    value(&town.database, "SELECT count(*) || '' AS line FROM entries").parse().unwrap()
}

/// Registers, pays, issues, reads and lists. Whatever the wire does, each is asked until it is done; `settle` fails at any answer
/// but 2xx and 503 with Retry-After.
async fn scenario(town: &Town, nth: u64) {
    let merchant = town.register(nth).await;
    let transaction = format!("42000012342026112200{nth:08}");
    town.ask(0, &notice(&town.platform, &merchant.mchid, &transaction, &format!("order-{nth}"), 10_600)).await;
    let ask = issue(&merchant.key, "once", &draft(10_600, Some(&transaction)));
    let issued = town.ask(0, &ask).await;
    assert_eq!(issued.status, 201);
    let id = issued.json()["invoice"]["id"].as_str().unwrap().to_owned();
    let receipt = town.ask(0, &Ask::get(format!("/v1/invoices/{id}/receipt")).by(&merchant.key)).await;
    assert_eq!(receipt.json()["entry"], issued.json()["receipt"]["entry"]);
    let listed = town.ask(0, &Ask::get("/v1/invoices").by(&merchant.key)).await.json();
    let listed: Vec<&Value> = listed["invoices"].as_array().unwrap().iter().map(|invoice| &invoice["id"]).collect();
    assert_eq!(listed, [&json!(id)], "the merchant's invoices");
    let path = format!("/v1/payments/wechat-pay/{transaction}");
    let payment = town.ask(0, &Ask::get(path).by(&merchant.key)).await.json();
    assert_eq!((&payment["paid"], &payment["invoiced"]), (&json!(10_600), &json!(10_600)));
}

/// One scenario with a cut; says whether it came to it.
async fn cut_scenario(town: &Town, proxy: &Proxy, nth: u64, turn: u64, cut: Cut) -> bool {
    let before = entries(town);
    proxy.cut_at(turn, cut);
    scenario(town, nth).await;
    let fired = proxy.mend();
    assert_eq!(entries(town) - before, ENTRIES, "entries of a scenario that was cut {cut:?} turn {turn}");
    fired
}

#[test]
fn a_connection_cut_at_any_statement_loses_nothing_and_doubles_nothing() {
    let _alone = alone();
    let mut dice = Dice::new(seed());
    let database = TestDatabase::new();
    let proxy = Proxy::to(host_and_port(&database.url()));
    block_on(async {
        let mut town = Town::new(&database.url());
        town.add(&through(&database.url(), proxy.port()), "").await;
        let mut nth = 1;
        scenario(&town, nth).await;
        let mut turns = Vec::new();
        for cut in [Cut::Before, Cut::After] {
            let started = Instant::now();
            let mut turn = 1;
            loop {
                nth += 1;
                if !cut_scenario(&town, &proxy, nth, turn, cut).await {
                    break;
                }
                turn += 1;
                assert!(turn < TURNS_MAX, "the scenario does not end");
            }
            println!("cut {cut:?} each of {} turns in {:?}", turn - 1, started.elapsed());
            turns.push(turn);
            let later = town.client.told_to_come_back();
            println!("told to come back: {later:?}");
            // A commit whose answer is lost can't be called done, nor undone.
            assert!(cut == Cut::Before || later.contains_key("SEQ-OUTCOME-UNKNOWN"), "no commit was cut: {later:?}");
        }
        assert!(
            turns.iter().all(|turns| *turns > 50),
            "the wire carries less than the scenario's statements: {turns:?}"
        );
        // And from new connections, whose start-up and preparations are turns too: a sample, since each begins with finding back.
        for _ in 0..number("TEST_CUTS", 20) {
            nth += 1;
            proxy.cut_all();
            let (turn, cut) = (1 + dice.below(turns[0]), *dice.pick(&[Cut::Before, Cut::After]));
            cut_scenario(&town, &proxy, nth, turn, cut).await;
        }
        // The sequencer finds out by itself what became of a batch whose commit got no answer: both happened.
        let log = town.log(0);
        for durable in ["\"durable\":true", "\"durable\":false"] {
            assert!(log.contains(durable), "no commit of a batch was cut with {durable}");
        }
        wait_for_deliveries(&town).await;
        town.stop();
        assert_eq!(town.audit()["entries"], nth * ENTRIES);
    });
}

/// A delivery that a cut has hit is tried again later (the plan of retries begins at 15 s); none may be given up.
async fn wait_for_deliveries(town: &Town) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let left = value(
            &town.database,
            "SELECT count(*) || '/' || count(*) FILTER (WHERE state = 'dead') AS line FROM outbox",
        );
        if left == "0/0" {
            return;
        }
        assert!(left.ends_with("/0") && Instant::now() < until, "outbox items left / given up: {left}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
