//! Wire types of `/v1`. Money is integer fen, times are unix ms, binary values are lower-case hex.

mod chain;
mod confirmations;
mod days;
mod holds;
mod invoices;
mod keys;
mod members;
mod merchants;
mod payments;
mod reversals;
mod standing;
mod wallet;

pub use chain::*;
pub use confirmations::*;
pub use days::*;
pub use holds::*;
pub use invoices::*;
pub use keys::*;
pub use members::*;
pub use merchants::*;
pub use payments::*;
pub use reversals::*;
pub use standing::*;
pub use wallet::*;
