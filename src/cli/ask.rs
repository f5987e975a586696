//! Asking a running service: where it is, as whom, under which idempotency key. Its answer is printed as JSON, a refusal as the problem
//! document that it is.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::Done;
use super::client::{Answer, Call, Connection, Target};
use super::new_file::write_new;
use crate::base::{Code, Fault, Faults, random};
use crate::config::read_text;

/// Where and as whom to ask.
#[derive(Args)]
#[command(next_help_heading = "Asking the service")]
pub struct At {
    /// Where the service is
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// File with the API key to ask with; none is needed where a token or a holder's proof is enough
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Idempotency key of what is to be recorded; made at random and told on standard error if left out
    #[arg(long, global = true, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Where to write the receipt of what was recorded
    #[arg(long, global = true, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

impl At {
    /// Asks for something to be read.
    ///
    /// # Errors
    /// [`Code::CliUrl`], [`Code::CliFile`], [`Code::CliUnreachable`]; [`Code::CliRefused`] for an answer that is no JSON.
    pub fn get(&self, path: &str) -> Result<Done, Faults> {
        let answered = self.send(Call { path, ..Call::default() }, Bytes::new())?;
        Ok(self.print(&answered)?)
    }

    /// Asks for something to be read, and prints it byte for byte: for what is hashed as it stands.
    ///
    /// # Errors
    /// As [`At::get`].
    pub fn get_as_it_is(&self, path: &str) -> Result<Done, Faults> {
        let answered = self.send(Call { path, ..Call::default() }, Bytes::new())?;
        if !answered.status.is_success() {
            return Ok(self.print(&answered)?);
        }
        println!("{}", String::from_utf8_lossy(&answered.body));
        Ok(Done::Well)
    }

    /// Asks for something to be read, and writes it into a new file as it is.
    ///
    /// # Errors
    /// As [`At::get`].
    pub fn fetch(&self, path: &str, file: &Path) -> Result<Done, Faults> {
        let answered = self.send(Call { path, ..Call::default() }, Bytes::new())?;
        if !answered.status.is_success() {
            return Ok(self.print(&answered)?);
        }
        Ok(write_new(file, &answered.body)?)
    }

    /// Asks for something to be worked out of a body; nothing is recorded.
    ///
    /// # Errors
    /// As [`At::get`].
    pub fn work_out(&self, path: &str, body: &impl Serialize) -> Result<Done, Faults> {
        let answered = self.send(Call { method: "POST", path, ..Call::default() }, json_bytes(body)?)?;
        Ok(self.print(&answered)?)
    }

    /// Asks for something to be recorded, once: whoever gets no answer asks again under the same idempotency key.
    ///
    /// # Errors
    /// As [`At::get`].
    pub fn record(&self, method: &str, path: &str, body: &impl Serialize) -> Result<Done, Faults> {
        let key = match &self.idempotency_key {
            Some(key) => key.clone(),
            None => {
                let key = format!("cli-{}", hex::encode(random::bytes::<16>()?));
                // Told before it is sent: the answer may get lost.
                eprintln!("idempotency key: {key}");
                key
            }
        };
        let call = Call { method, path, idempotency_key: Some(&key), ..Call::default() };
        let answered = self.send(call, json_bytes(body)?)?;
        Ok(self.print(&answered)?)
    }

    fn send(&self, call: Call<'_>, body: Bytes) -> Result<Answer, Faults> {
        let secret = self.key_file.as_deref().map(read_text).transpose()?;
        let target = Target::parse(&self.url)?;
        crate::app::block_on(async move {
            let call = Call { key: secret.as_deref().map(str::trim), ..call };
            Ok(Connection::open(&target).await?.send(call, body).await?)
        })
    }

    fn print(&self, answered: &Answer) -> Result<Done, Fault> {
        let Ok(answer) = serde_json::from_slice::<Value>(&answered.body) else {
            let message = format!("{}, and an answer that is no JSON: is this a piaolian service?", answered.status);
            return Err(Fault::new(Code::CliRefused, self.url.clone(), message));
        };
        println!("{}", serde_json::to_string_pretty(&answer).unwrap_or_default());
        if !answered.status.is_success() {
            return Ok(Done::No);
        }
        if let (Some(file), Some(receipt)) = (&self.receipt, answer.get("receipt")) {
            std::fs::write(file, receipt.to_string())
                .map_err(|e| Fault::new(Code::CliFile, file.display().to_string(), e.to_string()))?;
        }
        Ok(Done::Well)
    }
}

fn json_bytes(body: &impl Serialize) -> Result<Bytes, Fault> {
    let body = serde_json::to_vec(body).map_err(|e| Fault::new(Code::Internal, "", e.to_string()))?;
    Ok(body.into())
}

/// A part of a path, escaped where it must be.
pub fn escaped(part: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    part.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// What may stand behind the path of a list: `?name=value&...` of those that were given. Values MUST need no escaping.
pub fn query(given: &[(&str, Option<String>)]) -> String {
    let pairs: Vec<String> =
        given.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}"))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_nothing_that_would_end_them() {
        assert_eq!(escaped("42000-A.b_~9"), "42000-A.b_~9");
        assert_eq!(escaped("a/b?c#d%e&f"), "a%2Fb%3Fc%23d%25e%26f");
        let given = [("a", Some("1".to_owned())), ("b", None), ("c", Some("2".to_owned()))];
        assert_eq!((query(&given).as_str(), query(&[("b", None)]).as_str()), ("?a=1&c=2", ""));
    }
}
