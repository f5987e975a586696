//! Floor 2: what an entry says, what executing a command does to the state, and the audit that does it all again.
//!
//! Promises: execution is a pure function of (state, command, position): no clock, no randomness, no network, no map order. A
//! refused command changes nothing. The same entries give the same state, whoever replays them.
//!
//! *Invariant:* knows no SQL and no HTTP. State is read through [`state::Reader`]; who implements it does not matter here.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod audit;
pub mod claimed;
pub mod command;
pub mod confirmation;
pub mod day;
pub mod entry;
pub mod execute;
pub mod kind;
pub mod life;
pub mod lookup;
pub mod present;
pub mod projection;
pub mod record;
pub mod reversal;
pub mod state;
pub mod stream;
pub mod unverified;

pub use command::Command;
pub use entry::Entry;
pub use execute::{Failure, Outcome, Position, execute};
pub use state::{Reader, State};
