//! `merchant`: the bureau suspends and resumes, keys that sign invoices are replaced and revoked.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Done;
use super::argument::{address, read};
use super::ask::At;
use crate::base::Faults;
use crate::base::ids::MerchantId;
use crate::chain::issuer::{Address, IssuerSignature};

/// Arguments of `merchant`.
#[derive(Args)]
#[command(after_help = "\
suspend, resume and revoke-key are the bureau's; rotate-key is the merchant's, and the bureau's once
the key is revoked. Invoices that a replaced or revoked key has signed before stay valid.

Examples:
  piaolian merchant suspend M00000001 --reason 'under examination' --key-file bureau.key
  piaolian merchant rotate-key M00000001 --key-file merchant.key
  piaolian merchant revoke-key M00000001 --issuer 0x52908400098527886E0F7030069857D2E4169EE7 --reason lost \\
      --key-file bureau.key")]
pub struct MerchantArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Take a merchant's right to issue (bureau)
    Suspend(Standing),
    /// Give it back (bureau)
    Resume(Standing),
    /// Replace the key that signs a merchant's invoices
    #[command(after_help = "\
A key in custody is replaced by a new one in custody; nothing else is needed.
A merchant that keeps its own key has the text shown with --new and --check, signs it (EIP-191) with
both keys and gives --new, --old-signature and --new-signature.")]
    RotateKey(Rotate),
    /// Say that a key must not sign any more (bureau)
    RevokeKey {
        /// The merchant
        #[arg(value_name = "ID", value_parser = read::<MerchantId>)]
        id: MerchantId,
        /// The key's address, so that a rotation meanwhile is noticed
        #[arg(long, value_name = "ADDRESS", value_parser = address)]
        issuer: Address,
        /// Why, 1 to 200 characters; it stands on the ledger
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Args)]
struct Standing {
    /// The merchant
    #[arg(value_name = "ID", value_parser = read::<MerchantId>)]
    id: MerchantId,
    /// Why, 1 to 200 characters; it stands on the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Args)]
struct Rotate {
    /// The merchant
    #[arg(value_name = "ID", value_parser = read::<MerchantId>)]
    id: MerchantId,
    /// Address of the new key, for a merchant that keeps its own
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    new: Option<Address>,
    /// Only show the text that both keys sign
    #[arg(long, requires = "new", conflicts_with_all = ["old_signature", "new_signature"])]
    check: bool,
    /// By the old key
    #[arg(long, value_name = "SIGNATURE", requires = "new_signature")]
    old_signature: Option<IssuerSignature>,
    /// By the new key
    #[arg(long, value_name = "SIGNATURE", requires = "new")]
    new_signature: Option<IssuerSignature>,
}

/// Runs it.
pub fn merchant(args: MerchantArgs) -> Result<Done, Faults> {
    let MerchantArgs { at, what } = args;
    match what {
        What::Suspend(Standing { id, reason }) => {
            at.record("POST", &format!("/v1/merchants/{id}/suspension"), &json!({ "reason": reason }))
        }
        What::Resume(Standing { id, reason }) => {
            at.record("POST", &format!("/v1/merchants/{id}/resumption"), &json!({ "reason": reason }))
        }
        What::RotateKey(asked) => rotate(&at, &asked),
        What::RevokeKey { id, issuer, reason } => {
            let body = json!({ "issuer": issuer, "reason": reason });
            at.record("POST", &format!("/v1/merchants/{id}/issuer/revocation"), &body)
        }
    }
}

fn rotate(at: &At, asked: &Rotate) -> Result<Done, Faults> {
    let Rotate { id, new, check, old_signature, new_signature } = asked;
    if let (Some(new), true) = (new, check) {
        return at.get(&format!("/v1/merchants/{id}/issuer-rotation?new={new}"));
    }
    let given = [
        new.as_ref().map(|new| ("new".to_owned(), json!(new))),
        old_signature.as_ref().map(|signature| ("old_signature".to_owned(), json!(signature))),
        new_signature.as_ref().map(|signature| ("new_signature".to_owned(), json!(signature))),
    ];
    let body: serde_json::Map<_, _> = given.into_iter().flatten().collect();
    at.record("POST", &format!("/v1/merchants/{id}/issuer"), &body)
}
