//! `wallet`: a payer claims an invoice, passes it on, throws it away; and the commitment that stands on the ledger for a holder.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::argument::Salt;
#[cfg(feature = "server")]
use super::argument::{read, secret};
#[cfg(feature = "server")]
use super::ask::At;
use crate::base::Faults;
#[cfg(feature = "server")]
use crate::chain::hash::Hash;
#[cfg(feature = "server")]
use crate::invoice::number::InvoiceId;

/// Arguments of `wallet`.
#[derive(Args)]
#[command(after_help = "\
No API key is needed. The ledger never sees a holder: a commitment stands there, made of the name
and a salt. Whoever shows both is the holder, so keep the salt. One that is made here is told on
standard error; --salt and --token take @FILE too.

Examples:
  piaolian wallet claim 144032600111-00000001 --token TOKEN --holder 'Li Lei'
  piaolian wallet hand-over 144032600111-00000001 --holder 'Li Lei' --salt @salt --to COMMITMENT
  piaolian wallet discard 144032600111-00000001 --holder 'Li Lei' --salt @salt
  piaolian wallet commitment --holder 'Han Meimei'        asks nobody: for whoever gets an invoice, and for financiers")]
pub struct WalletArgs {
    #[cfg(feature = "server")]
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Take an invoice into a wallet, once
    #[cfg(feature = "server")]
    Claim {
        /// The invoice
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        /// The claim link or the token in it, or @FILE with either
        #[arg(long, value_name = "TOKEN")]
        token: String,
        #[command(flatten)]
        holder: NewHolder,
    },
    /// Pass an invoice on to another holder, who sends you a commitment
    #[cfg(feature = "server")]
    HandOver {
        /// The invoice
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        #[command(flatten)]
        holder: Holder,
        /// The next holder's commitment, 64 hex digits
        #[arg(long, value_name = "COMMITMENT")]
        to: Hash,
    },
    /// Throw an invoice out of the wallet, for good
    #[cfg(feature = "server")]
    Discard {
        /// The invoice
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        #[command(flatten)]
        holder: Holder,
    },
    /// Print the commitment of a holder; needs no service
    Commitment(NewHolder),
}

/// A holder that may get its salt here.
#[derive(Args)]
struct NewHolder {
    /// Who holds it: a name or id, for companies and financiers their taxpayer id
    #[arg(long, value_name = "NAME")]
    holder: String,
    /// Salt, 64 hex digits, or @FILE with it; made at random and told if left out
    #[arg(long, value_name = "HEX")]
    salt: Option<String>,
}

/// A holder that has its salt.
#[cfg(feature = "server")]
#[derive(Args)]
struct Holder {
    /// Who holds it, as when it was claimed
    #[arg(long, value_name = "NAME")]
    holder: String,
    /// The salt of then, or @FILE with it
    #[arg(long, value_name = "HEX")]
    salt: String,
}

#[cfg(feature = "server")]
impl Holder {
    fn proof(&self) -> Result<serde_json::Value, Faults> {
        Ok(json!({ "id": self.holder, "salt": Salt::given(&self.salt)?.as_str() }))
    }
}

/// Runs it.
pub fn wallet(args: WalletArgs) -> Result<Done, Faults> {
    match args.what {
        #[cfg(feature = "server")]
        What::Claim { id, token, holder } => {
            let salt = Salt::given_or_made(holder.salt.as_deref())?;
            let holder = json!({ "id": holder.holder, "salt": salt.as_str() });
            let link = secret(&token)?;
            let token = link.rsplit_once("token=").map_or(link.as_str(), |(_, token)| token);
            let body = json!({ "invoice": id, "token": token, "holder": holder });
            args.at.record("POST", "/v1/claims", &body)
        }
        #[cfg(feature = "server")]
        What::HandOver { id, holder, to } => {
            let body = json!({ "invoice": id, "holder": holder.proof()?, "to": { "commitment": to } });
            args.at.record("POST", "/v1/claims/hand-over", &body)
        }
        #[cfg(feature = "server")]
        What::Discard { id, holder } => {
            args.at.record("POST", "/v1/claims/discard", &json!({ "invoice": id, "holder": holder.proof()? }))
        }
        What::Commitment(holder) => {
            let salt = Salt::given_or_made(holder.salt.as_deref())?;
            let commitment = salt.commitment(&holder.holder)?;
            println!("{}", json!({ "commitment": commitment }));
            Ok(Done::Well)
        }
    }
}
