//! Kingdee's room: custody of merchants' issuer keys ([`custody`]), the invoicing desk that makes a draft of an order and its
//! payment ([`billing`]), and the sandbox twin of an ERP behind Kingdee's open API ([`erp`]).
//!
//! Promise: an issuer key leaves custody only for the chain, taxpayer id and address that it was sealed for; a bill is never
//! drafted over another total than was paid.
//!
//! *Invariant:* signs nothing (issuer signatures are the chain room's), stores nothing (sealed keys are handed back as bytes).

pub mod billing;
pub mod custody;
pub mod erp;
