//! `invoice`: what a seller does with an invoice that is issued, and where it stands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::argument::read;
use super::ask::{At, escaped, query};
use super::lines::Lines;
use super::verify::ending;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::chain::issuer::IssuerSignature;
use crate::invoice::number::InvoiceId;
use crate::invoice::reversal::{Reason, ReversalAsked};

/// Arguments of `invoice`.
#[derive(Args)]
#[command(after_help = "\
The API key is the merchant's (life: also the bureau's or an auditor's).

Examples:
  piaolian invoice life 144032600111-00000001 --key-file merchant.key
  piaolian invoice document 144032600111-00000001 --out invoice.pdf --key-file merchant.key
  piaolian invoice reverse 144032600111-00000001 --reason SALES_RETURN --key-file merchant.key
  piaolian invoice reverse 144032600111-00000001 --reason SALES_DISCOUNT --line 0 --quantity 2 --line 3 --total 990 \\
      --key-file merchant.key
  piaolian invoice pledge 144032600111-00000001 --financier COMMITMENT --key-file merchant.key")]
pub struct InvoiceArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Reverse an invoice, wholly or in part: a red letter with a number of its own
    #[command(after_help = "\
Reasons: ISSUE_ERROR, SALES_RETURN, SERVICE_SUSPENTION (so WeChat spells it; SERVICE_SUSPENSION is
read too), SALES_DISCOUNT. A discount line goes with the line before it.
While somebody holds or has booked the invoice, he must agree first: piaolian confirmation open.
What is left of each line is shown by: piaolian invoice reversals ID")]
    Reverse(ReverseArgs),
    /// Where an invoice stands: open, held, booked, pledged; in which state towards wallets; its live confirmation sheet
    Life {
        /// The invoice: code, '-', number
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        /// The hash printed on it (66 hex digits): a company sees only what it has
        #[arg(long, value_name = "HASH", value_parser = printed)]
        hash: Option<Hash>,
    },
    /// What red letters have taken back of an invoice and what is left, by line, by rate and in all
    Reversals {
        /// The blue invoice
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        /// Go on with the red letters behind a page: its `next`
        #[arg(long, value_name = "NEXT")]
        after: Option<u64>,
    },
    /// List the payments with refunds that await a red letter
    Awaiting {
        /// Whose, for bureau and auditor
        #[arg(long, value_name = "ID", value_parser = read::<MerchantId>)]
        merchant: Option<MerchantId>,
    },
    /// The link with which a payer takes an invoice into a wallet, once: whoever has it is the payer
    ClaimLink(ClaimLink),
    /// Fetch an invoice's document into a file: its face as PDF or OFD, its data as XML, its receipt, its first page as SVG
    Document {
        /// The invoice
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        /// File to write, .pdf, .ofd, .xml, .json or .svg; it must not exist yet
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
    /// Pledge an invoice that is not paid for yet to a financier
    #[command(after_help = "\
The financier makes its commitment with: piaolian wallet commitment --holder ITS_TAXPAYER_ID
and keeps the salt. Until it releases or settles, nobody can lock or pledge the invoice.")]
    Pledge {
        /// The invoice; it draws on no payment
        #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
        id: InvoiceId,
        /// The financier's commitment, 64 hex digits
        #[arg(long, value_name = "COMMITMENT")]
        financier: Hash,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct ClaimLink {
    /// The invoice
    #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
    id: Option<InvoiceId>,
    /// The payment whose invoices are to be claimed, also one that is not issued yet
    #[arg(long, value_name = "PROVIDER:TRANSACTION", value_parser = payment)]
    payment: Option<PaymentName>,
}

/// A payment as its provider names it.
#[derive(Clone)]
struct PaymentName {
    provider: Provider,
    transaction: TransactionId,
}

fn payment(text: &str) -> Result<PaymentName, String> {
    let (provider, transaction) = text.split_once(':').ok_or("a payment is PROVIDER:TRANSACTION")?;
    Ok(PaymentName { provider: read(provider)?, transaction: read(transaction)? })
}

fn printed(text: &str) -> Result<Hash, String> {
    Hash::parse_printed(text).map_err(|fault| fault.message)
}

#[derive(Args)]
struct ReverseArgs {
    /// The blue invoice
    #[arg(value_name = "ID", value_parser = read::<InvoiceId>)]
    id: InvoiceId,
    /// Why
    #[arg(long, value_name = "REASON", value_parser = read::<Reason>)]
    reason: Reason,
    #[command(flatten)]
    lines: Lines,
    /// The confirmation sheet by which the other side agreed: the entry that opened it
    #[arg(long, value_name = "ENTRY")]
    confirmation: Option<u64>,
    /// Signature of a merchant that keeps its own key, on the text that --check shows
    #[arg(long, value_name = "SIGNATURE")]
    signature: Option<IssuerSignature>,
    /// Only show the red draft and what would be signed
    #[arg(long, conflicts_with = "signature")]
    check: bool,
}

/// Runs it.
pub fn invoice(args: InvoiceArgs) -> Result<Done, Faults> {
    let InvoiceArgs { at, what } = args;
    match what {
        What::Reverse(asked) => reverse(&at, asked),
        What::Life { id, hash } => {
            let hash = query(&[("hash", hash.map(|hash| hash.printed()))]);
            at.get(&format!("/v1/invoices/{id}/life{hash}"))
        }
        What::Reversals { id, after } => {
            let after = query(&[("after", after.map(|after| after.to_string()))]);
            at.get(&format!("/v1/invoices/{id}/reversals{after}"))
        }
        What::Awaiting { merchant } => {
            let asked = query(&[("awaiting", Some("true".to_owned())), ("merchant", merchant.map(String::from))]);
            at.get(&format!("/v1/payments{asked}"))
        }
        What::ClaimLink(of) => claim_link(&at, &of),
        What::Document { id, out } => {
            let form = match ending(&out).as_deref() {
                Some("pdf") => "face.pdf",
                Some("ofd") => "face.ofd",
                Some("xml") => "face.xml",
                Some("json") => "receipt",
                Some("svg") => "preview.svg",
                Some(_) | None => {
                    let message = "the file's name ends in .pdf, .ofd, .xml, .json or .svg";
                    return Err(Fault::new(Code::CliUsage, "--out", message).into());
                }
            };
            at.fetch(&format!("/v1/invoices/{id}/{form}"), &out)
        }
        What::Pledge { id, financier } => {
            at.record("POST", &format!("/v1/invoices/{id}/pledge"), &json!({ "financier": financier }))
        }
    }
}

fn claim_link(at: &At, of: &ClaimLink) -> Result<Done, Faults> {
    let of_invoice = of.id.map(|id| format!("/v1/invoices/{id}/claim-link"));
    let of_payment = of.payment.as_ref().map(|PaymentName { provider, transaction }| {
        let [provider, transaction] = [provider.as_str(), transaction.as_str()].map(escaped);
        format!("/v1/payments/{provider}/{transaction}/claim-link")
    });
    // clap has seen to it that there is one of the two.
    at.get(&of_invoice.or(of_payment).unwrap_or_default())
}

fn reverse(at: &At, args: ReverseArgs) -> Result<Done, Faults> {
    let ReverseArgs { id, reason, lines, confirmation, signature, check } = args;
    let mut body = json!(ReversalAsked { reason, lines: lines.0 });
    if check {
        return at.work_out(&format!("/v1/invoices/{id}/reversal-draft"), &body);
    }
    if let Some(fields) = body.as_object_mut() {
        // A field that is left out stays out: the service takes no null.
        fields.extend(confirmation.map(|entry| ("confirmation".to_owned(), json!(entry))));
        fields.extend(signature.map(|signature| ("signature".to_owned(), json!(signature))));
    }
    at.record("POST", &format!("/v1/invoices/{id}/reversals"), &body)
}
