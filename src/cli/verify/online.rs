//! The present state of what was verified, from a server that is not trusted: proven under the same rosters, at a block that continues
//! the receipt's own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;

use super::outcome::Present;
use crate::base::clock::SystemClock;
use crate::base::{Clock as _, Code, Fault, UnixMs};
use crate::chain::hash::{Hash, leaf_hash};
use crate::chain::receipt::Receipt;
use crate::chain::roster::Roster;
use crate::chain::state_proof::StateProof;
use crate::chain::verify::{Verdict, verify_state_proof};
use crate::cli::monitor::{Checkpoint, Memory, Trouble, contradicting, keep_evidence, step};
use crate::cli::server::Server;
use crate::cli::span::{in_words, span};

/// Answers that may fail to come on end before nobody is asked any more.
const MISSES_MAX: usize = 3;

/// How far a block may be ahead of this machine's clock before it is called stale too.
const AHEAD_MS_MAX: i64 = 600_000;

/// Asking a server.
#[derive(Args)]
#[command(next_help_heading = "Asking a server for the present state")]
pub struct OnlineArgs {
    /// Ask this server what became of each invoice; its answers must hold under the same rosters
    #[arg(long, value_name = "URL")]
    online: Option<String>,
    /// Warn when the newest block is older than this
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span, requires = "online")]
    max_age: Duration,
    /// Folder for evidence, if the server shows another history
    #[arg(long, value_name = "FOLDER", default_value = ".", requires = "online")]
    evidence: PathBuf,
}

impl OnlineArgs {
    /// The server to ask, if one was named.
    ///
    /// # Errors
    /// [`Code::CliUrl`].
    pub fn begin(&self, rosters: &[Roster]) -> Result<Option<Online>, Fault> {
        let Some(url) = &self.online else { return Ok(None) };
        Ok(Some(Online {
            server: Server::at(url)?,
            rosters: rosters.to_vec(),
            max_age_ms: i64::try_from(self.max_age.as_millis()).unwrap_or(i64::MAX),
            evidence: self.evidence.clone(),
            continued: Mutex::default(),
            misses: AtomicUsize::new(0),
        }))
    }
}

/// A server that is asked by several threads.
pub struct Online {
    server: Server,
    rosters: Vec<Roster>,
    max_age_ms: i64,
    evidence: PathBuf,
    /// Pairs of headers of which the second is known to continue the first: many receipts share them.
    continued: Mutex<BTreeSet<(Hash, Hash)>>,
    misses: AtomicUsize,
}

/// Why there is no present state.
enum Refusal {
    Fault(Fault),
    Verdict(Box<Verdict>),
    Trouble(Trouble),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Online {
    /// What the server shows of a valid receipt's invoice.
    pub fn present(&self, receipt: &Receipt, invoice: &str) -> Present {
        if self.misses.load(Ordering::Relaxed) >= MISSES_MAX {
            let message = format!("not asked: {} could not be reached {MISSES_MAX} times on end", self.server.url());
            return refused(Code::CliUnreachable.as_str(), "", message, None);
        }
        let asked = self.ask(receipt, invoice);
        match &asked {
            Err(Refusal::Fault(fault) | Refusal::Trouble(Trouble::Unreachable(fault)))
                if fault.code == Code::CliUnreachable =>
            {
                self.misses.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) | Err(_) => self.misses.store(0, Ordering::Relaxed),
        }
        match asked {
            Ok(verdict) => self.fresh(verdict, SystemClock.now()),
            Err(refusal) => self.told(refusal),
        }
    }

    fn ask(&self, receipt: &Receipt, invoice: &str) -> Result<Verdict, Refusal> {
        let leaf = leaf_hash(&receipt.entry);
        let answer = self.server.get(&format!("/v1/state/{invoice}?hash={}", leaf.printed()))?;
        let proof = StateProof::from_json(&answer)
            .map_err(|fault| Fault::new(Code::MonitorAnswer, fault.path, fault.message))?;
        let verdict = verify_state_proof(&proof, &self.rosters, Some(&leaf));
        if !verdict.is_valid() {
            return Err(Refusal::Verdict(Box::new(verdict)));
        }
        if proof.invoice != invoice {
            let message = format!("asked about {invoice}, the server speaks of {}", proof.invoice);
            return Err(Fault::new(Code::MonitorAnswer, "invoice", message).into());
        }
        // Never written: what was seen is the receipt, which the caller has.
        let of_chain: Vec<Roster> =
            self.rosters.iter().filter(|roster| *roster.chain() == receipt.chain).cloned().collect();
        let memory = Memory::begin(PathBuf::new(), of_chain)?;
        let checkpoint = |header: &String, seals: &Vec<_>| {
            Checkpoint::check(header.clone(), seals.clone(), &receipt.chain, memory.rosters())
        };
        let seen = checkpoint(&receipt.header, &receipt.seals)?;
        let now = checkpoint(&proof.header, &proof.seals)?;
        if now.header.height < seen.header.height {
            contradicting(&memory, &now, &seen)?;
            let message =
                format!("the state is as of block {}, the receipt of {}", now.header.height, seen.header.height);
            return Err(Fault::new(Code::MonitorRollback, "header.height", message).into());
        }
        let pair = (seen.hash, now.hash);
        // A thread that has died while it held the lock has left whole pairs.
        let continued = || self.continued.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !continued().contains(&pair) {
            step(&self.server, &memory, &seen, &now)?;
            continued().insert(pair);
        }
        Ok(verdict)
    }

    /// A state that holds, and how old it is.
    fn fresh(&self, verdict: Verdict, now: UnixMs) -> Present {
        let sealed = verdict.sealed;
        let age_ms = sealed.as_ref().map(|sealed| now.0.saturating_sub(sealed.time.0));
        let stale = age_ms.is_none_or(|age| age > self.max_age_ms || age < AHEAD_MS_MAX.saturating_neg());
        let message = match age_ms {
            Some(age) if age < AHEAD_MS_MAX.saturating_neg() => {
                format!("WARNING: {} ahead of this machine's clock", in_words(age.saturating_neg()))
            }
            Some(age) if stale => format!("WARNING: {} old", in_words(age)),
            Some(age) => format!("{} ago", in_words(age)),
            None => String::new(),
        };
        Present {
            code: "VALID",
            field: String::new(),
            message,
            height: sealed.as_ref().map(|sealed| sealed.height),
            time: sealed.as_ref().map(|sealed| sealed.time),
            age_ms,
            stale,
            state: verdict.state,
            evidence: None,
        }
    }

    fn told(&self, refusal: Refusal) -> Present {
        match refusal {
            Refusal::Fault(Fault { code, path, message })
            | Refusal::Trouble(
                Trouble::Unreachable(Fault { code, path, message })
                | Trouble::Finding(Fault { code, path, message }, None),
            ) => refused(code.as_str(), &path, message, None),
            Refusal::Verdict(verdict) => refused(verdict.code.as_str(), &verdict.field, verdict.message, None),
            Refusal::Trouble(Trouble::Finding(fault, Some(evidence))) => {
                let file = keep_evidence(&self.evidence, &evidence);
                let (message, file) = kept(fault.message, file);
                refused(fault.code.as_str(), &fault.path, message, file)
            }
            Refusal::Trouble(Trouble::Evidence(evidence)) => {
                let file = keep_evidence(&self.evidence, &evidence);
                let (message, file) = kept(evidence.kind.meaning().to_owned(), file);
                refused(Code::EquivocationProven.as_str(), "", message, file)
            }
        }
    }
}

/// Where evidence went, or why it could not be written.
fn kept(message: String, file: Result<PathBuf, Fault>) -> (String, Option<String>) {
    match file {
        Ok(file) => (format!("{message}; kept in {}", file.display()), Some(file.display().to_string())),
        Err(fault) => (format!("{message}; it could NOT be kept: {fault}"), None),
    }
}

fn refused(code: &'static str, field: &str, message: String, evidence: Option<String>) -> Present {
    let field = field.to_owned();
    Present { code, field, message, height: None, time: None, age_ms: None, stale: false, state: None, evidence }
}
