//! `day`: a merchant's finished day is summed up in one entry.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::argument::read;
use super::ask::{At, query};
use crate::base::ids::MerchantId;
use crate::base::{Faults, LegalDate};

/// Arguments of `day`.
#[derive(Args)]
#[command(after_help = "\
A day can be closed once it is over in Shanghai, by the merchant or, with --merchant, by the bureau.
The service closes what nobody has closed, unless close_days = false.

Examples:
  piaolian day close 2026-11-22 --key-file merchant.key
  piaolian day list --key-file merchant.key")]
pub struct DayArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Close a day: count, first and last number, sums by rate, red letters, running hash
    Close {
        /// The day, YYYY-MM-DD in Shanghai
        #[arg(value_name = "DATE", value_parser = date)]
        date: LegalDate,
        /// Whose day, for the bureau
        #[arg(long, value_name = "ID", value_parser = read::<MerchantId>)]
        merchant: Option<MerchantId>,
    },
    /// List days, closed or not
    List {
        /// Whose days, for the bureau
        #[arg(long, value_name = "ID", value_parser = read::<MerchantId>)]
        merchant: Option<MerchantId>,
        /// Only days before this one: the `next` of a page
        #[arg(long, value_name = "DATE", value_parser = date)]
        before: Option<LegalDate>,
    },
}

fn date(text: &str) -> Result<LegalDate, String> {
    LegalDate::parse(text).ok_or_else(|| "a day is YYYY-MM-DD".to_owned())
}

/// Runs it.
pub fn day(args: DayArgs) -> Result<Done, Faults> {
    let DayArgs { at, what } = args;
    match what {
        What::Close { date, merchant } => {
            let of = query(&[("merchant", merchant.map(String::from))]);
            at.record("POST", &format!("/v1/days/{date}/close{of}"), &json!({}))
        }
        What::List { merchant, before } => {
            let before = before.map(|date| date.to_string());
            at.get(&format!("/v1/days{}", query(&[("merchant", merchant.map(String::from)), ("before", before)])))
        }
    }
}
