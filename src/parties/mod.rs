//! Floor 3, the partners: one folder each, with its protocol spoken for real and a sandbox twin that answers like the partner.
//!
//! Promise: what comes from a partner is believed only after its own proof (signature, authenticated encryption) has been
//! checked, and leaves the room as domain types. Wire types stay inside their folder.
//!
//! *Invariant:* knows no database, no rendering and no HTTP server; reads no clock and draws no randomness (both are arguments);
//! prints and logs no name, no openid and no key.

mod aead;
pub mod kingdee;
pub mod sandbox_fixtures;
pub mod tax_bureau;
pub mod tencent;
