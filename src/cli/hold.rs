//! `hold`: companies lock and book invoices for reimbursement, financiers release and settle pledges.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::argument::{Salt, read};
use super::ask::At;
use crate::base::Faults;
use crate::chain::hash::Hash;
use crate::invoice::number::InvoiceId;

const MS_A_DAY: i64 = 86_400_000;

/// Arguments of `hold`.
#[derive(Args)]
#[command(after_help = "\
The API key is a company's (role company). At most 100 invoices at a time, all of them or none.
A lock answers with its fence: the token that every later step must show, with the salt that the
lock was taken with. A lock whose lease has ended is gone, and its fence is worth nothing.

Examples:
  piaolian hold lock 144032600111-00000001:01ab... 144032600111-00000002:01cd... --key-file company.key
  piaolian hold renew 4711 144032600111-00000001 --salt @salt --lease-days 60 --key-file company.key
  piaolian hold book 4711 144032600111-00000001 --salt @salt --key-file company.key
  piaolian hold unlock 4711 144032600111-00000002 --salt @salt --key-file company.key
  piaolian hold settle 4712 144032600111-00000003 --salt @salt --key-file financier.key")]
pub struct HoldArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Take invoices into an expense claim, before anybody else does
    Lock {
        /// Invoice and printed hash (66 hex digits): who locks has the document
        #[arg(required = true, value_name = "ID:HASH", value_parser = document)]
        invoices: Vec<Document>,
        /// Salt, 64 hex digits, or @FILE with it; made at random and told on standard error if left out
        #[arg(long, value_name = "HEX")]
        salt: Option<String>,
        #[command(flatten)]
        lease: Lease,
    },
    /// Keep locks for longer
    Renew {
        #[command(flatten)]
        held: Held,
        #[command(flatten)]
        lease: Lease,
    },
    /// Give locked invoices back
    Unlock(Held),
    /// Book locked invoices: final, but for a red letter that you agree to
    Book(Held),
    /// As a financier: give pledged invoices back unpaid
    Release(Held),
    /// As a financier: say that pledged invoices were paid
    Settle(Held),
}

#[derive(Args)]
struct Held {
    /// The fence that the lock, or the pledge, was answered with
    #[arg(value_name = "FENCE")]
    fence: u64,
    /// The invoices
    #[arg(required = true, value_name = "ID", value_parser = read::<InvoiceId>)]
    invoices: Vec<InvoiceId>,
    /// The salt of the lock, or of the financier's commitment; or @FILE with it
    #[arg(long, value_name = "HEX")]
    salt: String,
}

#[derive(Args)]
struct Lease {
    /// How many days the lock holds, 1 to 365
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
    lease_days: u16,
}

impl Lease {
    fn ms(&self) -> i64 {
        i64::from(self.lease_days).saturating_mul(MS_A_DAY)
    }
}

/// An invoice as whoever has the document knows it.
#[derive(Clone)]
struct Document {
    id: InvoiceId,
    hash: Hash,
}

fn document(text: &str) -> Result<Document, String> {
    let (id, hash) = text.split_once(':').ok_or("an invoice and its printed hash are ID:HASH")?;
    let hash = Hash::parse_printed(hash).map_err(|fault| fault.message)?;
    Ok(Document { id: read(id)?, hash })
}

/// Runs it.
pub fn hold(args: HoldArgs) -> Result<Done, Faults> {
    let HoldArgs { at, what } = args;
    match what {
        What::Lock { invoices, salt, lease } => {
            let salt = Salt::given_or_made(salt.as_deref())?;
            let invoices: Vec<_> =
                invoices.iter().map(|one| json!({ "id": one.id, "hash": one.hash.printed() })).collect();
            let body = json!({ "invoices": invoices, "salt": salt.as_str(), "lease_ms": lease.ms() });
            at.record("POST", "/v1/locks", &body)
        }
        What::Renew { held, lease } => {
            let salt = Salt::given(&held.salt)?;
            let body = json!({ "invoices": held.invoices, "salt": salt.as_str(), "lease_ms": lease.ms() });
            at.record("POST", &format!("/v1/locks/{}/renewals", held.fence), &body)
        }
        What::Unlock(held) => end(&at, "locks", &held, "releases"),
        What::Book(held) => end(&at, "locks", &held, "bookings"),
        What::Release(held) => end(&at, "pledges", &held, "releases"),
        What::Settle(held) => end(&at, "pledges", &held, "settlements"),
    }
}

fn end(at: &At, of: &str, held: &Held, how: &str) -> Result<Done, Faults> {
    let salt = Salt::given(&held.salt)?;
    let body = json!({ "invoices": held.invoices, "salt": salt.as_str() });
    at.record("POST", &format!("/v1/{of}/{}/{how}", held.fence), &body)
}
