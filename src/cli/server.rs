//! A server that is asked and not trusted: what it shows is read up to a limit, and believed when seals and proofs bear it out.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::limits::RECEIPT_BYTES_MAX;
use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::chain::roster::Roster;
use crate::chain::seal::Seal;

/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// One server.
pub struct Server {
    url: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

/// A block as a server shows it; nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shown {
    /// The header's text.
    pub header: String,
    /// Seals on it.
    pub seals: Vec<Seal>,
}

#[derive(Deserialize)]
struct Proof {
    proof: Vec<Hash>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Server {
    /// The server at this URL, `http://` or `https://`. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Code::CliUrl`]; [`Code::Internal`] when there are no threads or no TLS to be had.
    pub fn at(url: &str) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault::new(Code::CliUrl, url, why);
        let parsed = reqwest::Url::parse(url).map_err(|e| wrong(&e.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(wrong("a URL is http://host:port or https://host"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            // It stands in memories and messages.
            return Err(wrong("a URL here carries no name and no password"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(wrong("a URL here ends with its path"));
        }
        let cannot = |e: &dyn std::fmt::Display| Fault::new(Code::Internal, "", format!("no client: {e}"));
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .build()
            .map_err(|e| cannot(&e))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|e| cannot(&e))?;
        Ok(Self { url: parsed.as_str().trim_end_matches('/').to_owned(), client, runtime })
    }

    /// Its URL, always written the same way.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body of a 2xx answer. May be called by several threads at once.
    ///
    /// # Errors
    /// [`Code::CliUnreachable`] without an answer, or with one that says to come back later (429, 5xx); [`Code::MonitorRefused`] for any
    /// other that is not 2xx; [`Code::MonitorAnswer`] for one that is too large.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, Fault> {
        self.runtime.block_on(self.ask(path))
    }

    async fn ask(&self, path: &str) -> Result<Vec<u8>, Fault> {
        let broken = |e: reqwest::Error| {
            let cause = std::error::Error::source(&e).map(|cause| format!(": {cause}")).unwrap_or_default();
            Fault::new(Code::CliUnreachable, path, format!("{} can't be reached: {e}{cause}", self.url))
        };
        let request = self.client.get(format!("{}{path}", self.url)).header("accept", "application/json");
        let mut answer = request.send().await.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(more) = answer.chunk().await.map_err(broken)? {
            body.extend_from_slice(&more);
            if u64::try_from(body.len()).is_ok_and(|length| length > RECEIPT_BYTES_MAX) {
                return Err(Fault::new(Code::MonitorAnswer, path, "the answer is larger than any that is asked for"));
            }
        }
        let status = answer.status();
        if status.is_success() {
            return Ok(body);
        }
        let Problem { code, detail } = serde_json::from_slice(&body)
            .unwrap_or_else(|_no_problem_document| Problem { code: String::new(), detail: String::new() });
        let later = status.is_server_error() || status.as_u16() == 429;
        let code_of = if later { Code::CliUnreachable } else { Code::MonitorRefused };
        Err(Fault::new(code_of, path, format!("{} answers {}: {code} {detail}", self.url, status.as_u16())))
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, Fault> {
        serde_json::from_slice(&self.get(path)?)
            .map_err(|e| Fault::new(Code::MonitorAnswer, path, format!("the answer is not what it must be: {e}")))
    }

    /// The newest block.
    ///
    /// # Errors
    /// As [`Server::get`]; [`Code::MonitorAnswer`].
    pub fn checkpoint(&self) -> Result<Shown, Fault> {
        self.read("/v1/checkpoint")
    }

    /// The block of a height.
    ///
    /// # Errors
    /// As [`Server::checkpoint`].
    pub fn block(&self, height: u64) -> Result<Shown, Fault> {
        self.read(&format!("/v1/blocks/{height}"))
    }

    /// A consistency proof from one size of the tree to another.
    ///
    /// # Errors
    /// As [`Server::checkpoint`].
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, Fault> {
        self.read::<Proof>(&format!("/v1/proofs/consistency?from={from}&to={to}")).map(|answer| answer.proof)
    }

    /// All rosters that it names.
    ///
    /// # Errors
    /// As [`Server::checkpoint`].
    pub fn rosters(&self) -> Result<Vec<Roster>, Fault> {
        let path = "/v1/rosters";
        let texts: Vec<Box<RawValue>> = self.read(path)?;
        let read = |text: &RawValue| {
            Roster::from_text(text.get()).map_err(|fault| Fault::new(Code::MonitorAnswer, path, fault.to_string()))
        };
        texts.iter().map(|text| read(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_spelling_and_no_secrets() {
        for (given, kept) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("HTTP://Localhost:80/", "http://localhost"),
            ("https://mirror.example/chain/", "https://mirror.example/chain"),
        ] {
            assert_eq!(Server::at(given).unwrap().url(), kept);
        }
        for bad in
            ["", "example", "ftp://example", "http://", "http://a:b@example", "http://example/?x=1", "http://x/#y"]
        {
            assert_eq!(Server::at(bad).err().map(|fault| fault.code), Some(Code::CliUrl), "{bad}");
        }
    }
}
