//! piaolian (票链): a payment comes in, the invoice is checked, signed, numbered and anchored in one durable step on an
//! append-only chain, and goes out as a PDF with a QR code that anyone can verify.
//!
//! Floors (imports go down only, `tests/floors.rs` decides): base, then invoice and chain, then ledger, and above it the service.

pub mod base;
