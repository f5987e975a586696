//! The life of an invoice against a second opinion: a model written from the rules, random sequences of commands, and races through the
//! real sequencer whose every answer the entries must explain.

#[cfg(all(test, feature = "server"))]
#[path = "database/mod.rs"]
mod database;
#[cfg(all(test, feature = "server"))]
#[path = "life/history.rs"]
mod history;
#[cfg(test)]
#[path = "life/model.rs"]
mod model;
#[cfg(test)]
#[path = "life/money.rs"]
mod money;
#[cfg(all(test, feature = "server"))]
#[path = "life/money_races.rs"]
mod money_races;
#[cfg(test)]
#[path = "life/moves.rs"]
mod moves;
#[cfg(test)]
#[path = "life/play.rs"]
mod play;
#[cfg(all(test, feature = "server"))]
#[path = "life/races.rs"]
mod races;
#[cfg(test)]
#[path = "life/registry.rs"]
mod registry;
#[cfg(test)]
#[path = "life/rows.rs"]
mod rows;
#[cfg(test)]
#[path = "life/seed.rs"]
mod seed;
#[cfg(test)]
#[path = "life/sequences.rs"]
mod sequences;
#[cfg(test)]
#[path = "life/sheets.rs"]
mod sheets;
#[cfg(all(test, feature = "server"))]
#[path = "life/stage.rs"]
mod stage;
#[cfg(test)]
#[path = "life/town.rs"]
mod town;
