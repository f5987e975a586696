//! The server is restarted in immediate mode under load: what its crash looks like from outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::Dice;
use crate::load::{Load, nothing_lost_nothing_twice};
use crate::run::number;
use crate::server::{Server, TestDatabase};
use crate::town::{Town, alone, block_on, processes, seed};

/// So many that there is always a batch on its way.
const CALLERS: u64 = 48;

#[test]
fn callers_hear_the_truth_or_to_come_back_while_the_server_restarts() {
    let _alone = alone();
    let seed = seed();
    let restarts = number("TEST_RESTARTS", 20);
    let server = Arc::new(Server::start());
    let database = TestDatabase::on(&server.url("postgres"));
    block_on(async {
        let mut town = Town::serving(&database.url(), processes()).await;
        let merchant = town.register(1).await;
        let load = Load::start(&town.client, &town.bases(), &merchant, CALLERS, 5, seed);
        let mut dice = Dice::new(seed);
        let mut longest = Duration::ZERO;
        for _ in 0..restarts {
            // Each restart meets processes that have found their way back.
            load.more(CALLERS + dice.below(100)).await;
            let again = Arc::clone(&server);
            let started = Instant::now();
            tokio::task::spawn_blocking(move || again.restart_immediately()).await.unwrap();
            load.more(1).await;
            longest = longest.max(started.elapsed());
        }
        let issued = load.finish().await;
        println!("{restarts} restarts; at most {longest:?} from a restart to the next invoice");
        let later = town.client.told_to_come_back();
        let cut: usize =
            town.running().into_iter().map(|nth| town.log(nth).matches("a commit got no answer; asked").count()).sum();
        println!("{cut} commits without an answer; told to come back: {later:?}");
        assert!(later.values().sum::<u64>() > 0, "callers met none of the restarts");
        nothing_lost_nothing_twice(&town, &issued).await;
        town.stop();
    });
    drop(database);
}
