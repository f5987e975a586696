//! `issue`: a draft from a file through a running service.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Done;
use super::client::{Call, Connection, Target};
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::keccak256;
use crate::config::read_text;

/// Arguments of `issue`.
#[derive(Args)]
#[command(after_help = "\
The draft is the `draft` object of POST /v1/invoices (see /docs/). Sending the same file twice
gives the same invoice: the idempotency key is made from the file's contents unless you give
one.

Example:
  piaolian issue fixtures/demo/draft.json --url http://127.0.0.1:8080 --key-file merchant.key")]
pub struct IssueArgs {
    /// File with the draft as JSON
    #[arg(value_name = "FILE")]
    draft: PathBuf,
    /// Where the service is
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// File with the merchant's API key
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Idempotency key; made from the draft if left out
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Where to write the receipt
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Only check the draft and show what would be signed
    #[arg(long)]
    check: bool,
    /// Print the whole answer as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn issue(args: IssueArgs) -> Result<Done, Faults> {
    crate::app::block_on(async move { send(args).await.map_err(Faults::from) })
}

async fn send(args: IssueArgs) -> Result<Done, Fault> {
    let text = read_text(&args.draft)?;
    let draft: Value = serde_json::from_str(&text)
        .map_err(|e| Fault::new(Code::CliFile, args.draft.display().to_string(), e.to_string()))?;
    let secret = read_text(&args.key_file)?;
    let target = Target::parse(&args.url)?;
    let key = args.idempotency_key.unwrap_or_else(|| format!("cli-{}", keccak256(text.as_bytes())));
    let path = if args.check { "/v1/drafts" } else { "/v1/invoices" };
    let call = Call { path, key: Some(secret.trim()), idempotency_key: Some(&key), ..Call::default() };
    let body = json!({ "draft": draft }).to_string();
    let call = Call { method: "POST", ..call };
    let answered = Connection::open(&target).await?.send(call, body.into()).await?;
    let accepted = answered.status.is_success();
    let answer: Value = serde_json::from_slice(&answered.body).unwrap_or(Value::Null);
    if !accepted {
        print_refusal(&answer, args.json);
        return Ok(Done::No);
    }
    if let (Some(file), Some(receipt)) = (&args.receipt, answer.get("receipt")) {
        std::fs::write(file, receipt.to_string())
            .map_err(|e| Fault::new(Code::CliFile, file.display().to_string(), e.to_string()))?;
    }
    if args.json || args.check {
        println!("{}", serde_json::to_string_pretty(&answer).unwrap_or_default());
    } else {
        let field = |name: &str| answer.pointer(&format!("/invoice/{name}")).map(plain).unwrap_or_default();
        println!("{}  {}  {}", field("id"), field("date"), field("capital"));
        println!("hash   {}", field("hash"));
        println!("block  {}, entry {}", field("block"), field("entry"));
        println!("verify {}", field("verify_url"));
    }
    Ok(Done::Well)
}

/// Every fault that the service named, one a line.
fn print_refusal(answer: &Value, as_json: bool) {
    if as_json {
        println!("{}", serde_json::to_string_pretty(answer).unwrap_or_default());
        return;
    }
    let field = |fault: &Value, name: &str| fault.get(name).map(plain).unwrap_or_default();
    println!("refused: {} {}", field(answer, "code"), field(answer, "title"));
    for fault in answer.get("errors").and_then(Value::as_array).into_iter().flatten() {
        println!("  {}  {}: {}", field(fault, "code"), field(fault, "path"), field(fault, "message"));
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
