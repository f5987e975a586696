//! `rules`: what the bureau lets merchants issue.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Done;
use super::argument::read;
use super::ask::At;
use crate::base::{Code, Fault, Faults};
use crate::config::read_text;
use crate::ledger::record::RulesScope;

/// Arguments of `rules`.
#[derive(Args)]
#[command(after_help = "\
Rules replace those of their scope as a whole; /docs/ names the fields. Without --from they bind from
their own block on, with it from the block of that height on.

Examples:
  piaolian rules set '*' --file rules.json --key-file bureau.key
  piaolian rules set M00000001 --file rules.json --from 1200 --key-file bureau.key
  piaolian rules list --key-file bureau.key")]
pub struct RulesArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Set the rules of all merchants or of one (bureau)
    Set {
        /// '*' for all merchants that have no rules of their own, or a merchant's id
        #[arg(value_name = "SCOPE", value_parser = read::<RulesScope>)]
        scope: RulesScope,
        /// The rules as JSON, for example {"monthly_cap": 100000000, "monthly_count": 5000}
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Height of the first block that they bind
        #[arg(long, value_name = "HEIGHT")]
        from: Option<u64>,
    },
    /// List the rules in force and those that are announced
    List,
}

/// Runs it.
pub fn rules(args: RulesArgs) -> Result<Done, Faults> {
    let RulesArgs { at, what } = args;
    match what {
        What::Set { scope, file, from } => {
            let rules: Value = serde_json::from_str(&read_text(&file)?)
                .map_err(|e| Fault::new(Code::CliFile, file.display().to_string(), e.to_string()))?;
            let body = match from {
                Some(from) => json!({ "rules": rules, "from": from }),
                None => json!({ "rules": rules }),
            };
            at.record("PUT", &format!("/v1/rules/{}", String::from(scope)), &body)
        }
        What::List => at.get("/v1/rules"),
    }
}
