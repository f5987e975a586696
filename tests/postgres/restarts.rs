//! The server is restarted in immediate mode under load: what its crash looks like from outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::Dice;
use crate::load::{Load, nothing_lost_nothing_twice};
use crate::server::{Server, TestDatabase, number};
use crate::town::{Town, alone, block_on, processes, seed};

const CALLERS: u64 = 16;

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
        let load = Load::start(&town.client, &town.bases(), &merchant, CALLERS, seed);
        let mut dice = Dice::new(seed);
        let mut longest = Duration::ZERO;
        for _ in 0..restarts {
            // Each restart meets processes that have found their way back.
            load.more(20 + dice.below(60)).await;
            let again = Arc::clone(&server);
            let started = Instant::now();
            tokio::task::spawn_blocking(move || again.restart_immediately()).await.unwrap();
            load.more(1).await;
            longest = longest.max(started.elapsed());
        }
        let issued = load.finish().await;
        println!("{restarts} restarts; at most {longest:?} from a restart to the next invoice");
        nothing_lost_nothing_twice(&town, &issued).await;
        town.stop();
    });
    drop(database);
}
