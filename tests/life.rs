//! The life of an invoice against a second opinion: a model written from the rules, random sequences of commands, and races through the
//! real sequencer whose every answer the entries must explain.

#[cfg(test)]
#[path = "life/model.rs"]
mod model;
#[cfg(test)]
#[path = "life/money.rs"]
mod money;
#[cfg(test)]
#[path = "life/moves.rs"]
mod moves;
#[cfg(test)]
#[path = "life/play.rs"]
mod play;
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
#[cfg(test)]
#[path = "life/town.rs"]
mod town;
