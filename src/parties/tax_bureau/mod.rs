//! The tax bureau's room. The bureau's real systems are not public; what stands here is a **sandbox**: the issuing rules that it would
//! set ([`sandbox`]).
//!
//! Promise: rules that come from here have been validated by the invoice room.
//!
//! *Invariant:* enforces nothing: rules become entries, and the ledger obeys them.

pub mod sandbox;
