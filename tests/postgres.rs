//! The built program on PostgreSQL, as operations meet it: several processes on one database, a leader that dies or stands still, a
//! server that restarts, connections that are cut at any statement, a replica that lags, and a ledger that moves house.
//!
//! Needs `TEST_POSTGRES` (URL of a server in which databases may be made) and `TEST_POSTGRES_BIN` (folder with `pg_ctl`, `initdb` and
//! `pg_basebackup`; tests that stop a server start one of their own); `tests/run.sh` sets both. More work or another seed by
//! `TEST_SEED`, `TEST_ROUNDS`, `TEST_KILLS`, `TEST_RESTARTS`; fewer processes by `TEST_PROCESSES`; another build of the program by
//! `TEST_PIAOLIAN`. Each test prints its seed. One test at a time: they measure how long something takes.
#![cfg(feature = "server")]

#[cfg(test)]
#[path = "town/client.rs"]
mod client;
#[cfg(test)]
#[path = "postgres/copy.rs"]
mod copy;
#[cfg(test)]
#[path = "postgres/cuts.rs"]
mod cuts;
#[cfg(test)]
#[path = "postgres/duplicates.rs"]
mod duplicates;
#[cfg(test)]
#[path = "postgres/handover.rs"]
mod handover;
#[cfg(test)]
#[path = "postgres/load.rs"]
mod load;
#[cfg(test)]
#[path = "postgres/proxy.rs"]
mod proxy;
#[cfg(test)]
#[path = "postgres/replica.rs"]
mod replica;
#[cfg(test)]
#[path = "postgres/restarts.rs"]
mod restarts;
#[cfg(test)]
#[path = "town/run.rs"]
mod run;
#[cfg(test)]
#[path = "postgres/server.rs"]
mod server;
#[cfg(test)]
#[path = "town/town.rs"]
mod town;
