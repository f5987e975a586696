//! `outbox`: what the service gave up telling its partners, for a person to look at and to try again.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use crate::base::{Clock as _, Faults, SystemClock};
use crate::config::Config;
use crate::store::{DatabaseUrl, Store};

/// Items that `outbox list` shows at most, oldest first.
const LISTED_MAX: usize = 1000;

/// Arguments of `outbox`.
#[derive(Args)]
#[command(after_help = "\
Deliveries to wallet and ERP are tried for a day and then given up; /readyz counts them (outbox_dead).
These commands work on the database itself, while the service runs or not; a running service takes
up again within a second what is to be retried.

Examples:
  piaolian outbox list --database sqlite:piaolian-data/ledger.db
  piaolian outbox retry 4711
  piaolian outbox retry                 all of them")]
pub struct OutboxArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Database, instead of the configured one
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List what was given up, one JSON object a line
    List,
    /// Try again what was given up
    Retry {
        /// Only what is about this entry
        #[arg(value_name = "ENTRY")]
        entry: Option<u64>,
    },
}

/// Runs it.
pub fn outbox(args: OutboxArgs) -> Result<Done, Faults> {
    let config = Config::load(args.config.as_deref())?;
    let url = DatabaseUrl::parse(args.database.as_ref().unwrap_or(&config.database))?;
    let store = Store::open(&url, 1)?;
    match args.what {
        What::List => {
            for item in store.read_blocking(|reader| reader.outbox_dead(LISTED_MAX))? {
                let line = json!({
                    "entry": item.entry, "topic": item.topic, "attempts": item.attempts, "last_error": item.last_error,
                });
                println!("{line}");
            }
            Ok(Done::Well)
        }
        What::Retry { entry } => {
            let now = SystemClock.now();
            let done = store.write_blocking(|tx| Ok::<_, Faults>(tx.revive_outbox(entry, now)?))?;
            println!("{}", json!({ "retried": done }));
            // An entry that is named and has nothing to be tried again is a mistake of the caller.
            Ok(if done == 0 && entry.is_some() { Done::No } else { Done::Well })
        }
    }
}
