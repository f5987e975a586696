//! Randomness as an input: the one place that asks the operating system for random bytes.

use super::code::{Code, Fault};

/// `N` random bytes from the operating system.
///
/// # Errors
/// [`Code::Internal`] when the operating system has none to give.
pub fn bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut buffer = [0u8; N];
    getrandom::fill(&mut buffer)
        .map_err(|e| Fault::new(Code::Internal, "", format!("no randomness from the operating system: {e}")))?;
    Ok(buffer)
}
