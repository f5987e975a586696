//! The ledger as a whole, through the desks and over HTTP: what an audit sees, what the database refuses, what comes out the same twice,
//! and what a crowd of callers gets.
#![cfg(feature = "server")]

#[cfg(test)]
#[path = "ledger/again.rs"]
mod again;
#[cfg(test)]
#[path = "ledger/bare.rs"]
mod bare;
#[cfg(test)]
#[path = "ledger/both.rs"]
mod both;
#[cfg(test)]
#[path = "ledger/clocks.rs"]
mod clocks;
#[cfg(test)]
#[path = "ledger/constraints.rs"]
mod constraints;
#[cfg(test)]
#[path = "ledger/crowd.rs"]
mod crowd;
#[cfg(test)]
#[path = "ledger/damage.rs"]
mod damage;
#[cfg(test)]
#[path = "database/mod.rs"]
mod database;
#[cfg(test)]
#[path = "ledger/golden.rs"]
mod golden;
#[cfg(test)]
#[path = "ledger/lives.rs"]
mod lives;
#[cfg(test)]
#[path = "ledger/migrations.rs"]
mod migrations;
#[cfg(test)]
#[path = "ledger/records.rs"]
mod records;
#[cfg(test)]
#[path = "ledger/restored.rs"]
mod restored;
#[cfg(test)]
#[path = "ledger/rosters.rs"]
mod rosters;
#[cfg(test)]
#[path = "ledger/scene.rs"]
mod scene;
#[cfg(test)]
#[path = "ledger/spoiled.rs"]
mod spoiled;
#[cfg(test)]
#[path = "ledger/story.rs"]
mod story;
#[cfg(test)]
#[path = "ledger/stream.rs"]
mod stream;
