//! The whole service over its real application, on a database of its own for each test: flows, bad input, restarts, load.
//!
//! Every test ends with `TestApp::finish`, which waits for the outbox, stops the service and audits the whole ledger; an app that is
//! dropped without it fails its test. Each answer's status is held against the OpenAPI document.
#![cfg(feature = "server")]

#[cfg(test)]
#[path = "service/ask.rs"]
mod ask;
#[cfg(test)]
#[path = "service/bad_bodies.rs"]
mod bad_bodies;
#[cfg(test)]
#[path = "service/bad_callers.rs"]
mod bad_callers;
#[cfg(test)]
#[path = "service/bad_drafts.rs"]
mod bad_drafts;
#[cfg(test)]
#[path = "service/bad_notices.rs"]
mod bad_notices;
#[cfg(test)]
#[path = "service/bad_queries.rs"]
mod bad_queries;
#[cfg(test)]
#[path = "service/both.rs"]
mod both;
#[cfg(test)]
#[path = "service/confirmations.rs"]
mod confirmations;
#[cfg(test)]
#[path = "database/mod.rs"]
mod database;
#[cfg(test)]
#[path = "service/databases.rs"]
mod databases;
#[cfg(test)]
#[path = "service/days.rs"]
mod days;
#[cfg(test)]
#[path = "service/delivery.rs"]
mod delivery;
#[cfg(test)]
#[path = "service/documents.rs"]
mod documents;
#[cfg(test)]
#[path = "service/glyphs.rs"]
mod glyphs;
#[cfg(test)]
#[path = "service/holds.rs"]
mod holds;
#[cfg(test)]
#[path = "service/issuing.rs"]
mod issuing;
#[cfg(test)]
#[path = "service/kinds.rs"]
mod kinds;
#[cfg(test)]
#[path = "service/leading.rs"]
mod leading;
#[cfg(test)]
#[path = "service/load.rs"]
mod load;
#[cfg(test)]
#[path = "service/members.rs"]
mod members;
#[cfg(test)]
#[path = "service/payments.rs"]
mod payments;
#[cfg(test)]
#[path = "service/proofs.rs"]
mod proofs;
#[cfg(test)]
#[path = "service/reading.rs"]
mod reading;
#[cfg(test)]
#[path = "service/repeats.rs"]
mod repeats;
#[cfg(test)]
#[path = "service/reversals.rs"]
mod reversals;
#[cfg(test)]
#[path = "service/rules.rs"]
mod rules;
#[cfg(test)]
#[path = "service/samples.rs"]
mod samples;
#[cfg(test)]
#[path = "service/standing.rs"]
mod standing;
#[cfg(test)]
#[path = "service/states.rs"]
mod states;
#[cfg(test)]
#[path = "service/stream.rs"]
mod stream;
#[cfg(test)]
#[path = "service/test_app.rs"]
mod test_app;
#[cfg(test)]
#[path = "service/verify.rs"]
mod verify;
#[cfg(test)]
#[path = "service/wallet.rs"]
mod wallet;
