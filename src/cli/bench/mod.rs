//! `bench`: throughput over HTTP against a naive variant, in one run on one machine.

use clap::Args;

use super::Done;
use crate::base::Faults;

/// Arguments of `bench`.
#[derive(Args)]
pub struct BenchArgs {}

/// Runs it.
pub fn bench(_: BenchArgs) -> Result<Done, Faults> {
    Ok(Done::No)
}
