//! `restored`: the operator says that the ledger goes on from an older copy.

use clap::Args;
use serde_json::json;

use super::Done;
use super::ask::At;
use crate::base::Faults;

/// Arguments of `restored`.
#[derive(Args)]
#[command(after_help = "\
A service whose database ends below the block that it remembers (checkpoint.memory, beside the keys)
refuses commands with SEQ-RESTORED. If the newer database is really lost, this puts the loss on record,
with the block that was remembered and the one that the ledger goes on from; then commands are taken
again. What stood above is gone: receipts for it verify, and the ledger does not have it.

Example:
  piaolian restored --reason 'disk lost on 23 November, copy of 22 November' --key-file bureau.key")]
pub struct RestoredArgs {
    /// Why, 1 to 200 characters; it stands on the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    at: At,
}

/// Runs it.
pub fn restored(args: RestoredArgs) -> Result<Done, Faults> {
    args.at.record("POST", "/v1/operations/restored", &json!({ "reason": args.reason }))
}
