//! piaolian (票链): a payment comes in, the invoice is checked, signed, numbered and anchored in one durable step on an
//! append-only chain, and goes out as a PDF with a QR code that anyone can verify.
//!
//! Floors (imports go down only, `tests/floors.rs` decides): base, then invoice and chain, then ledger, and above it the service.

#[cfg(feature = "server")]
pub mod app;
pub mod base;
pub mod chain;
pub mod invoice;
pub mod ledger;

pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod export;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod notify;
#[cfg(feature = "server")]
pub mod parties;
#[cfg(feature = "server")]
pub mod render;
#[cfg(feature = "server")]
pub mod sequencer;
#[cfg(feature = "server")]
pub mod store;
