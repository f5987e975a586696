//! `member` and `rosters`: who seals, from which height on.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Done;
use super::argument::read;
use super::ask::At;
use crate::base::{Code, Fault, Faults};
use crate::chain::roster::{MemberKey, MemberName};
use crate::config::read_text;

/// Arguments of `member`.
#[derive(Args)]
#[command(after_help = "\
A change is one entry, signed by a quorum of the old roster, a quorum of the new one and every new
key. The service signs with the keys that it has; the others' signatures come with --signatures.
Old receipts stay valid under the old roster, new ones are under the new: keep all rosters.
A key that is made here stands in this process's keyring only: copy the keyring to the other
processes on the database before the new roster's height is reached.

Examples (the API key is the bureau's):
  piaolian member rotate kingdee --key-file bureau.key
  piaolian member add auditor --power 1 --key-file bureau.key
  piaolian member remove auditor --from 1200 --key-file bureau.key
  piaolian rosters > rosters.json")]
pub struct MemberArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Give a member another seal key
    Rotate {
        /// The member
        #[arg(value_name = "NAME", value_parser = read::<MemberName>)]
        name: MemberName,
        /// The new public key, 66 hex digits; the service makes a key and keeps it if left out
        #[arg(long, value_name = "KEY", value_parser = member_key)]
        key: Option<MemberKey>,
        #[command(flatten)]
        when: When,
    },
    /// Take a member in
    Add {
        /// The member
        #[arg(value_name = "NAME", value_parser = read::<MemberName>)]
        name: MemberName,
        /// Its voting power
        #[arg(long, value_name = "N")]
        power: u64,
        /// Its public key, 66 hex digits; the service makes a key and keeps it if left out
        #[arg(long, value_name = "KEY", value_parser = member_key)]
        key: Option<MemberKey>,
        #[command(flatten)]
        when: When,
    },
    /// Let a member go
    Remove {
        /// The member
        #[arg(value_name = "NAME", value_parser = read::<MemberName>)]
        name: MemberName,
        #[command(flatten)]
        when: When,
    },
}

#[derive(Args)]
struct When {
    /// Height of the first block that the new roster seals; the next but one if left out
    #[arg(long, value_name = "HEIGHT")]
    from: Option<u64>,
    /// Only show the text that members sign, and its hash; every key must be named
    #[arg(long, requires = "from", conflicts_with = "signatures")]
    check: bool,
    /// Signatures of members whose keys the service does not have: JSON, [{"key":..., "signature":...}]
    #[arg(long, value_name = "FILE")]
    signatures: Option<PathBuf>,
}

/// Arguments of `rosters`.
#[derive(Args)]
#[command(after_help = "\
What is printed is what piaolian verify --roster takes, byte for byte. No API key is needed.

Example:
  piaolian rosters > rosters.json && piaolian verify receipt.json --roster rosters.json")]
pub struct RostersArgs {
    #[command(flatten)]
    at: At,
}

fn member_key(text: &str) -> Result<MemberKey, String> {
    MemberKey::parse(text).map_err(|fault| fault.message)
}

fn keyed(mut fields: Value, key: Option<MemberKey>) -> Value {
    if let (Some(fields), Some(key)) = (fields.as_object_mut(), key) {
        fields.insert("key".to_owned(), json!(key));
    }
    fields
}

/// Runs it.
pub fn member(args: MemberArgs) -> Result<Done, Faults> {
    let (change, when) = match args.what {
        What::Rotate { name, key, when } => (json!({ "rotate": keyed(json!({ "member": name }), key) }), when),
        What::Add { name, power, key, when } => {
            (json!({ "add": keyed(json!({ "member": name, "power": power }), key) }), when)
        }
        What::Remove { name, when } => (json!({ "remove": { "member": name } }), when),
    };
    let mut body = Map::from_iter([("change".to_owned(), change)]);
    body.extend(when.from.map(|from| ("from".to_owned(), json!(from))));
    if when.check {
        return args.at.work_out("/v1/roster/change-draft", &body);
    }
    if let Some(file) = &when.signatures {
        let signatures: Value = serde_json::from_str(&read_text(file)?)
            .map_err(|e| Fault::new(Code::CliFile, file.display().to_string(), e.to_string()))?;
        body.insert("signatures".to_owned(), signatures);
    }
    args.at.record("POST", "/v1/roster/changes", &body)
}

/// Runs `rosters`.
pub fn rosters(args: RostersArgs) -> Result<Done, Faults> {
    args.at.get_as_it_is("/v1/rosters")
}
