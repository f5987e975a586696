//! Floor 0: what every room may use: ids, clock, codes and faults, secrets, limits.
//!
//! Promise: values made here are valid for as long as they exist (private fields, checked constructors).
//!
//! *Invariant:* no I/O except the system's clocks in [`clock`], the one random source in [`random`] and the processor's
//! own clock in `stages`;
//! knows no invoice, no chain and no SQL.

pub mod clock;
pub mod code;
pub mod ids;
pub mod limits;
pub mod nfc;
pub mod random;
pub mod secret;
#[cfg(feature = "server")]
pub mod stages;
#[cfg(feature = "server")]
pub mod step;

#[cfg(feature = "server")]
pub use clock::SystemClock;
pub use clock::{Clock, LegalDate, UnixMs};
pub use code::{Class, Code, Fault, Faults};
pub use secret::Secret;
