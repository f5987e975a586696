//! Damage of what is stored, bit by bit and at random: each is found, and its place is named. What a test of this target does by itself is
//! a sample with a seed; the whole runs take long and are asked for by the environment (`tests/tamper/figures.rs` names the variables).
#![cfg(feature = "server")]

#[cfg(test)]
#[path = "ledger/bare.rs"]
#[expect(dead_code, reason = "what another target needs of it")]
mod bare;
#[cfg(test)]
#[path = "tamper/beside.rs"]
mod beside;
#[cfg(test)]
#[path = "tamper/bits.rs"]
mod bits;
#[cfg(test)]
#[path = "tamper/damages.rs"]
mod damages;
#[cfg(test)]
#[path = "database/mod.rs"]
mod database;
#[cfg(test)]
#[path = "tamper/deal.rs"]
mod deal;
#[cfg(test)]
#[path = "tamper/exhaustive.rs"]
mod exhaustive;
#[cfg(test)]
#[path = "tamper/figures.rs"]
mod figures;
#[cfg(test)]
#[path = "tamper/file_bits.rs"]
mod file_bits;
#[cfg(test)]
#[path = "tamper/files.rs"]
mod files;
#[cfg(test)]
#[path = "tamper/held.rs"]
mod held;
#[cfg(test)]
#[path = "ledger/lives.rs"]
#[expect(dead_code, reason = "what another target needs of it")]
mod lives;
#[cfg(test)]
#[path = "tamper/long.rs"]
mod long;
#[cfg(test)]
#[path = "ledger/scene.rs"]
#[expect(dead_code, reason = "what another target needs of it")]
mod scene;
#[cfg(test)]
#[path = "life/seed.rs"]
#[expect(dead_code, reason = "what another target needs of it")]
mod seed;
#[cfg(test)]
#[path = "tamper/streams.rs"]
mod streams;
#[cfg(test)]
#[path = "tamper/tail.rs"]
mod tail;
#[cfg(test)]
#[path = "tamper/town.rs"]
mod town;
