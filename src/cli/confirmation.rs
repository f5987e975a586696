//! `confirmation`: the sheet (红字确认单) by which seller and holder agree on a red letter.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Done;
use super::argument::{Salt, read};
use super::ask::{At, query};
use super::lines::Lines;
use crate::base::ids::MerchantId;
use crate::base::{Fault, Faults};
use crate::invoice::number::InvoiceId;
use crate::invoice::reversal::{Reason, ReversalAsked};

/// Arguments of `confirmation`.
#[derive(Args)]
#[command(after_help = "\
Who asks: the seller with its API key; a company that holds the invoice with its API key, --salt
and --fence of the hold; a wallet's holder without a key, with --holder and --salt.

States: 01 nobody has to agree, 02 the buyer's side has to, 03 the seller has to, 04 both agree,
05 and 06 refused by buyer and seller, 07 nobody answered within 72 hours, 08 withdrawn,
09 withdrawn after both had agreed. A red letter comes of 01 and 04.

Examples:
  piaolian confirmation open 144032600111-00000001 --reason SALES_RETURN --key-file merchant.key
  piaolian confirmation agree 4713 --salt @salt --fence 4711 --key-file company.key
  piaolian invoice reverse 144032600111-00000001 --reason SALES_RETURN --confirmation 4713 --key-file merchant.key")]
pub struct ConfirmationArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Open a sheet for a red letter
    Open {
        /// The blue invoice
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        /// Why: ISSUE_ERROR, SALES_RETURN, SERVICE_SUSPENTION or SALES_DISCOUNT
        #[arg(long, value_name = "REASON", value_parser = read::<Reason>)]
        reason: Reason,
        #[command(flatten)]
        lines: Lines,
        #[command(flatten)]
        proof: Proof,
    },
    /// Show a sheet as it stands now
    Show {
        /// The entry that opened it
        #[arg(value_name = "ENTRY")]
        entry: u64,
        /// As the buyer's side: the name of the wallet's holder, or the company's taxpayer id
        #[arg(long, value_name = "NAME", requires = "salt")]
        holder: Option<String>,
        /// And the salt, or @FILE with it; neither is sent, but the commitment that they make
        #[arg(long, value_name = "HEX", requires = "holder")]
        salt: Option<String>,
    },
    /// List a merchant's sheets, newest first
    List {
        /// Whose, for bureau and auditor
        #[arg(long, value_name = "ID", value_parser = read::<MerchantId>)]
        merchant: Option<MerchantId>,
        /// Only sheets before this one: the `next` of a page
        #[arg(long, value_name = "ENTRY")]
        before: Option<u64>,
    },
    /// Agree to what the other side asks
    Agree(Answering),
    /// Refuse it
    Refuse(Answering),
    /// Take back what you opened
    Withdraw(Answering),
}

#[derive(Args)]
struct Answering {
    /// The entry that opened the sheet
    #[arg(value_name = "ENTRY")]
    entry: u64,
    #[command(flatten)]
    proof: Proof,
}

/// What shows that one is the buyer's side; the seller gives none of it.
#[derive(Args)]
struct Proof {
    /// Salt of the hold or of the wallet, or @FILE with it
    #[arg(long, value_name = "HEX")]
    salt: Option<String>,
    /// Fence of the hold, with a company's API key; not needed to withdraw
    #[arg(long, value_name = "FENCE", requires = "salt", conflicts_with = "holder")]
    fence: Option<u64>,
    /// Who has it in the wallet, as when it was claimed
    #[arg(long, value_name = "NAME", requires = "salt")]
    holder: Option<String>,
}

impl Proof {
    /// The fields of a body that the proof is.
    fn fields(&self) -> Result<Map<String, Value>, Fault> {
        let salt = self.salt.as_deref().map(Salt::given).transpose()?;
        // That neither stands without a salt, and not both at once, clap has seen to.
        let fields = match (salt, &self.holder, self.fence) {
            (Some(salt), Some(holder), _) => json!({ "holder": { "id": holder, "salt": salt.as_str() } }),
            (Some(salt), None, Some(fence)) => json!({ "salt": salt.as_str(), "fence": fence }),
            (Some(salt), None, None) => json!({ "salt": salt.as_str() }),
            (None, _, _) => json!({}),
        };
        Ok(object(fields))
    }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

/// Runs it.
pub fn confirmation(args: ConfirmationArgs) -> Result<Done, Faults> {
    let ConfirmationArgs { at, what } = args;
    match what {
        What::Open { id, reason, lines, proof } => {
            let mut body = object(json!(ReversalAsked { reason, lines: lines.0 }));
            body.extend(proof.fields()?);
            at.record("POST", &format!("/v1/invoices/{id}/confirmations"), &body)
        }
        What::Show { entry, holder, salt } => {
            let salt = salt.as_deref().map(Salt::given).transpose()?;
            let holder = match (holder, salt) {
                (Some(holder), Some(salt)) => Some(salt.commitment(&holder)?.to_string()),
                (None, _) | (_, None) => None,
            };
            at.get(&format!("/v1/confirmations/{entry}{}", query(&[("holder", holder)])))
        }
        What::List { merchant, before } => {
            let before = before.map(|entry| entry.to_string());
            at.get(&format!(
                "/v1/confirmations{}",
                query(&[("merchant", merchant.map(String::from)), ("before", before)])
            ))
        }
        What::Agree(given) => answer(&at, &given, "agree"),
        What::Refuse(given) => answer(&at, &given, "refuse"),
        What::Withdraw(given) => answer(&at, &given, "withdraw"),
    }
}

fn answer(at: &At, given: &Answering, action: &str) -> Result<Done, Faults> {
    let mut body = object(json!({ "action": action }));
    body.extend(given.proof.fields()?);
    at.record("POST", &format!("/v1/confirmations/{}/answers", given.entry), &body)
}
