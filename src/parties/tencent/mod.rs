//! Tencent's room: WeChat Pay APIv3 payment notices ([`notice`]), and the sandbox twins of the platform that sends them
//! ([`sandbox`]) and of the card wallet that invoices go to ([`wallet`]), and the claim links by which payers come to their invoices
//! ([`claim`]).
//!
//! Promise: a [`notice::Notice`] exists only for a notice whose signature, age and encryption have been checked.
//! A repeat of a notice opens to the same payment; keeping one payment of it is the ledger's work.
//!
//! *Invariant:* wire types of WeChat Pay stay in here; an openid lives in [`crate::base::Secret`] only.

mod pem;
mod resource;

pub mod claim;
pub mod notice;
pub mod sandbox;
pub mod wallet;

/// The name under which payments of WeChat Pay stand on the chain.
pub const PROVIDER: &str = "wechat-pay";
