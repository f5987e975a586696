//! Floor 1: what an invoice says. A [`Draft`] is what somebody asks for; [`Draft::check`] makes it a [`Checked`] draft or
//! names everything that is wrong with it, each with a code and a place.
//!
//! Promise: a `Checked` that came from `check` has names that fit, a tax split by the one rounding rule, and totals that are the
//! sums of its lines. One that was read from storage can be held to the same with [`Checked::recheck`]. A red draft takes back what
//! [`Checked::reverse`] gives for its blue one and what is left of it, and never more.
//!
//! *Invariant:* pure. No clock (the legal date is an argument), no I/O, no history (quotas and payments are the ledger's),
//! no hash, no signature, no number in a draft. No floats; every product is made in `i128` and rounded in one function.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod capital;
mod check;
pub mod checked;
pub mod classification;
pub mod draft;
mod findings;
pub mod money;
pub mod number;
pub mod rate_sums;
pub mod rates;
mod recheck;
mod recheck_red;
pub mod reversal;
pub mod rules;
pub mod tax;
pub mod taxpayer;
pub mod text;

#[cfg(test)]
mod tests;

pub use capital::capital;
pub use checked::{Checked, CheckedLine, Document};
pub use draft::{Buyer, BuyerKind, CheckPolicy, Draft, DraftLine, Payment, Seller, Severity};
pub use money::{Fen, Quantity, TaxRate, UnitPrice};
pub use number::{InvoiceCode, InvoiceId, InvoiceNumber, NumberSequence};
pub use rate_sums::RateSum;
pub use reversal::{LineAsked, LineShare, Reason, Red, ReversalAsked};
pub use rules::IssuingRules;
pub use tax::{Mark, Pricing, Split};
