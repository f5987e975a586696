//! `monitor`: a chain, followed from outside.
//!
//! Promise: what was seen is never forgotten in silence, and two sealed headers that can't both be true end in a file that anybody can
//! check. What is only suspicious is told, and never called a proof.

mod memory;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use self::memory::write_durably;
pub use self::memory::{Checkpoint, Memory};
pub use self::watch::{Trouble, contradicting, step};
use self::watch::{compare, observe, parting};
use super::Done;
use super::server::Server;
use super::span::span;
use super::verify::read_rosters;
use crate::base::clock::SystemClock;
use crate::base::{Clock as _, Code, Fault, Faults};
use crate::chain::evidence::{Evidence, verify_evidence};
use crate::chain::hash::keccak256;
use crate::chain::roster::Roster;

/// Servers that are followed at once: each is held against every other.
const SERVERS_MAX: usize = 16;

/// How long to wait at most before a server that can't be reached is asked again.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// How long to wait before the second try of `--once`; the third comes after twice that.
const ONCE_GAP: Duration = Duration::from_millis(500);

/// Tries of `--once`.
const ONCE_TRIES: u32 = 3;

/// Arguments of `monitor`.
#[derive(Args)]
#[command(after_help = "\
Asks for the newest block again and again, and checks its seals, that it goes on from the block
that was seen last (same header there still, consistency proof), and that all servers show one
history. Later rosters are taken in when a sealed header names them.

What was seen last is kept in the memory file: keep it, it is what a rewritten history is held
against. A memory that was cut or changed is refused.

Two sealed headers that can't both be true are written to a file that stands by itself:
  piaolian verify piaolian-evidence-....json --roster roster.json

Exit code 0: (--once) nothing is wrong. 1: (--once) something is suspicious. 2: a file or a server
can't be used. 3: evidence of two histories was found and written.

Example:
  piaolian monitor http://127.0.0.1:8080 --roster roster.json --interval 30s")]
pub struct MonitorArgs {
    /// Servers of one chain; several, such as mirrors, are held against each other
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// Roster file, as for `verify`. May be given several times
    #[arg(long, value_name = "FILE", required = true)]
    roster: Vec<PathBuf>,
    /// Where to keep what was seen last
    #[arg(long, value_name = "FILE", default_value = "piaolian-monitor.memory")]
    memory: PathBuf,
    /// Folder for evidence files
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    evidence: PathBuf,
    /// How long to wait between two looks
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = span)]
    interval: Duration,
    /// Look once and end
    #[arg(long)]
    once: bool,
    /// Print one JSON object a line instead of sentences
    #[arg(long)]
    json: bool,
}

/// A server, and how often it could not be reached on end.
struct Followed {
    server: Server,
    misses: u32,
    /// When it is asked again: time since the monitor began.
    due: Duration,
}

struct Monitor {
    memory: Memory,
    evidence: PathBuf,
    json: bool,
    /// Files of what is not proven are written once, not at each look.
    written: Vec<PathBuf>,
}

/// What one look at all servers came to.
#[derive(Default)]
struct Look {
    findings: usize,
    unreachable: Vec<Fault>,
    /// Evidence files: two servers may show one conflict.
    equivocations: Vec<PathBuf>,
}

fn trusted(files: &[PathBuf]) -> Result<Vec<Roster>, Fault> {
    let rosters = files.iter().map(|file| read_rosters(file)).collect::<Result<Vec<_>, _>>()?.concat();
    match rosters.first() {
        Some(first) if rosters.iter().all(|roster| roster.chain() == first.chain()) => Ok(rosters),
        Some(_) => {
            Err(Fault::new(Code::CliUsage, "--roster", "the rosters are of several chains; follow one at a time"))
        }
        None => Err(Fault::new(Code::CliUsage, "--roster", "the files name no roster")),
    }
}

/// Runs it.
pub fn monitor(args: MonitorArgs) -> Result<Done, Faults> {
    let memory = Memory::open(&args.memory, trusted(&args.roster)?)?;
    let mut followed: Vec<Followed> = Vec::new();
    for url in &args.urls {
        let server = Server::at(url)?;
        if followed.iter().all(|other| other.server.url() != server.url()) {
            followed.push(Followed { server, misses: 0, due: Duration::ZERO });
        }
    }
    if followed.len() > SERVERS_MAX {
        let message = format!("at most {SERVERS_MAX} servers are followed at once");
        return Err(Fault::new(Code::CliUsage, "URL", message).into());
    }
    let mut monitor = Monitor { memory, evidence: args.evidence, json: args.json, written: Vec::new() };
    if monitor.memory.is_new() {
        let message =
            format!("nothing is remembered yet: what is shown first is taken as it is ({})", args.memory.display());
        monitor.tell("begin", json!({ "memory": args.memory.display().to_string() }), &message);
    }
    if args.once { monitor.once(&mut followed) } else { monitor.follow(&mut followed, args.interval) }
}

impl Monitor {
    fn once(&mut self, followed: &mut [Followed]) -> Result<Done, Faults> {
        let mut gap = ONCE_GAP;
        let mut findings = 0usize;
        for left in (0..ONCE_TRIES).rev() {
            // First all, then those that did not answer.
            let again = left.saturating_add(1) < ONCE_TRIES;
            let look = self.look(followed, |follow| !again || follow.misses > 0)?;
            findings = findings.saturating_add(look.findings);
            if !look.equivocations.is_empty() {
                return Ok(Done::Equivocation);
            }
            match look.unreachable.into_iter().next() {
                None => break,
                Some(fault) if left == 0 => return Err(fault.into()),
                Some(_) => std::thread::sleep(gap),
            }
            gap = gap.saturating_mul(2);
        }
        Ok(if findings == 0 { Done::Well } else { Done::No })
    }

    fn follow(&mut self, followed: &mut [Followed], interval: Duration) -> Result<Done, Faults> {
        let begun = SystemClock.elapsed();
        loop {
            let now = SystemClock.elapsed().saturating_sub(begun);
            if !self.look(followed, |follow| follow.due <= now)?.equivocations.is_empty() {
                return Ok(Done::Equivocation);
            }
            for follow in followed.iter_mut().filter(|follow| follow.due <= now) {
                let doubled = 2u32.checked_pow(follow.misses).unwrap_or(u32::MAX);
                let wait = interval.max(Duration::from_millis(100)).saturating_mul(doubled);
                follow.due =
                    now.saturating_add(if follow.misses == 0 { wait } else { wait.min(BACKOFF_MAX.max(interval)) });
            }
            let next = followed.iter().map(|follow| follow.due).min().unwrap_or(interval);
            let now = SystemClock.elapsed().saturating_sub(begun);
            std::thread::sleep(next.saturating_sub(now));
        }
    }

    /// Asks all servers that are due, then holds them against each other. What is believed is remembered before anything is told.
    fn look(&mut self, followed: &mut [Followed], is_due: impl Fn(&Followed) -> bool) -> Result<Look, Faults> {
        let mut look = Look::default();
        let mut tips: Vec<(usize, Checkpoint)> = Vec::new();
        let mut unbelieved: Vec<usize> = Vec::new();
        for (position, follow) in followed.iter_mut().enumerate().filter(|(_, follow)| is_due(follow)) {
            let rosters_before = self.memory.rosters().len();
            let observed = observe(&follow.server, &mut self.memory);
            self.tell_rosters(rosters_before);
            match observed {
                Ok(tip) => {
                    follow.misses = 0;
                    let before = self.memory.view(follow.server.url()).cloned();
                    self.memory.remember(follow.server.url(), tip.clone());
                    if before.as_ref() != Some(&tip) || self.memory.rosters().len() > rosters_before {
                        self.memory.write()?;
                    }
                    self.tell_checkpoint(follow.server.url(), before.as_ref(), &tip);
                    tips.push((position, tip));
                }
                Err(trouble) => {
                    if matches!(trouble, Trouble::Finding(..)) {
                        unbelieved.push(position);
                    }
                    self.note(&mut look, follow, trouble)?;
                }
            }
        }
        // One history's rosters may make another's blocks unreadable: then the servers are held against each other from below.
        for position in unbelieved {
            for (believed, _) in &tips {
                let (Some(one), Some(other)) = (followed.get(position), followed.get(*believed)) else { continue };
                let parted = parting(&one.server, &other.server, &self.memory);
                if let (Err(trouble @ Trouble::Evidence(_)), Some(follow)) = (parted, followed.get_mut(position)) {
                    self.note(&mut look, follow, trouble)?;
                }
            }
        }
        for (position, tip) in &tips {
            let Some(follow) = followed.get_mut(*position) else { continue };
            if let Err(trouble) = compare(&follow.server, &self.memory, tip) {
                self.note(&mut look, follow, trouble)?;
            }
        }
        Ok(look)
    }

    /// Tells of trouble with a server, and writes what is to be kept of it.
    fn note(&mut self, look: &mut Look, follow: &mut Followed, trouble: Trouble) -> Result<(), Faults> {
        let url = follow.server.url();
        match trouble {
            Trouble::Unreachable(fault) => {
                follow.misses = follow.misses.saturating_add(1);
                self.tell(
                    "unreachable",
                    json!({ "url": url, "code": fault.code, "message": fault.message }),
                    &fault.to_string(),
                );
                look.unreachable.push(fault);
            }
            Trouble::Finding(fault, unproven) => {
                follow.misses = 0;
                look.findings = look.findings.saturating_add(1);
                let file = unproven.map(|evidence| self.write(&evidence)).transpose()?;
                let kept = file.as_ref().map(|file| format!(" (both headers: {})", file.display())).unwrap_or_default();
                let said = format!("SUSPICIOUS {url}: {} {}{kept}", fault.code, fault.message);
                let mut event =
                    json!({ "url": url, "code": fault.code, "field": fault.path, "message": fault.message });
                if let (Some(event), Some(file)) = (event.as_object_mut(), file) {
                    event.insert("file".to_owned(), json!(file.display().to_string()));
                }
                self.tell("finding", event, &said);
            }
            Trouble::Evidence(evidence) => {
                let file = self.write(&evidence)?;
                if look.equivocations.contains(&file) {
                    return Ok(());
                }
                look.equivocations.push(file.clone());
                let verdict = verify_evidence(&evidence, self.memory.trusted());
                let event = json!({
                    "url": url, "code": verdict.code, "kind": evidence.kind, "message": verdict.message,
                    "sealed_both": verdict.sealed_both, "file": file.display().to_string(),
                });
                let said = format!(
                    "!!! EQUIVOCATION at {url}: {}\n!!! evidence: {}\n!!! keep it and show it to others: \
                     piaolian verify {} --roster ...",
                    verdict.message,
                    file.display(),
                    file.display()
                );
                self.tell("evidence", event, &said);
            }
        }
        Ok(())
    }

    /// Writes an evidence file. One conflict has one name, so that seeing it again writes the same file again.
    fn write(&mut self, evidence: &Evidence) -> Result<PathBuf, Fault> {
        let file = evidence_file(&self.evidence, evidence)?;
        if !self.written.contains(&file) {
            keep_evidence(&self.evidence, evidence)?;
            self.written.push(file.clone());
        }
        Ok(file)
    }

    fn tell_rosters(&self, before: usize) {
        for roster in self.memory.rosters().iter().skip(before) {
            let said = format!(
                "a sealed header names a new roster, from height {} on: {}",
                roster.from_height(),
                roster.hash()
            );
            self.tell("roster", json!({ "from": roster.from_height(), "hash": roster.hash() }), &said);
        }
    }

    fn tell_checkpoint(&self, url: &str, before: Option<&Checkpoint>, tip: &Checkpoint) {
        let (header, from) = (&tip.header, before.map(|view| view.header.height));
        if !self.json && from == Some(header.height) {
            return;
        }
        let since = match from {
            None => "seen for the first time".to_owned(),
            Some(from) => format!("continues block {from}"),
        };
        let said = format!(
            "{url}: block {}, {} entries, sealed by {} of {} (power) at {} CST; {since}",
            header.height,
            header.size,
            tip.sealed.power.unwrap_or_default(),
            tip.sealed.total.unwrap_or_default(),
            header.time.to_shanghai_text()
        );
        let mut event = json!({ "url": url, "hash": tip.hash, "sealed": tip.sealed });
        if let (Some(event), Some(from)) = (event.as_object_mut(), from) {
            event.insert("continues".to_owned(), json!(from));
        }
        self.tell("checkpoint", event, &said);
    }

    /// One line: for programs with the event and the time of this machine in front, or for people.
    fn tell(&self, event: &str, mut what: Value, said: &str) {
        if !self.json {
            println!("{said}");
            return;
        }
        if let Some(members) = what.as_object_mut() {
            members.insert("event".to_owned(), json!(event));
            members.insert("at".to_owned(), json!(SystemClock.now()));
        }
        println!("{what}");
    }
}

/// The name of an evidence file: one conflict has one.
fn evidence_file(folder: &Path, evidence: &Evidence) -> Result<PathBuf, Fault> {
    let digest: String = keccak256(evidence.to_json()?).to_string().chars().take(8).collect();
    Ok(folder.join(format!("piaolian-evidence-{}-{digest}.json", evidence.kind.as_str())))
}

/// Writes an evidence file into a folder.
///
/// # Errors
/// [`Code::CliFile`].
pub fn keep_evidence(folder: &Path, evidence: &Evidence) -> Result<PathBuf, Fault> {
    let file = evidence_file(folder, evidence)?;
    write_durably(&file, evidence.to_json()?.as_bytes())?;
    Ok(file)
}
