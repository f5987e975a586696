//! Wire types of `/v1`. Money is integer fen, times are unix ms, binary values are lower-case hex.

mod chain;
mod invoices;
mod merchants;
mod payments;

pub use chain::*;
pub use invoices::*;
pub use merchants::*;
pub use payments::*;
