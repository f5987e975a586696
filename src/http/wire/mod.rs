//! Wire types of `/v1`. Money is integer fen, times are unix ms, binary values are lower-case hex.

mod chain;
mod holds;
mod invoices;
mod keys;
mod merchants;
mod payments;
mod wallet;

pub use chain::*;
pub use holds::*;
pub use invoices::*;
pub use keys::*;
pub use merchants::*;
pub use payments::*;
pub use wallet::*;
