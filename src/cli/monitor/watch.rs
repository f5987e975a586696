//! What is held against what: a server's newest block against what it has shown before, against what other servers have shown, and
//! against the headers that vouch for rosters.

use super::memory::{Checkpoint, Memory};
use crate::base::{Code, Fault};
use crate::chain::evidence::{Claim, Evidence, Voucher, verify_evidence};
use crate::chain::header::Header;
use crate::chain::proof::verify_consistency;
use crate::chain::roster::Roster;
use crate::cli::server::{Server, Shown};

/// What stands in the way of believing a server.
pub enum Trouble {
    /// Two sealed headers that can't both be true; checked, as anybody else would.
    Evidence(Box<Evidence>),
    /// It can't be reached.
    Unreachable(Fault),
    /// Something is wrong that proves nothing by itself; with both headers where there are two.
    Finding(Fault, Option<Box<Evidence>>),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        if fault.code == Code::CliUnreachable { Self::Unreachable(fault) } else { Self::Finding(fault, None) }
    }
}

fn finding(code: Code, message: String) -> Trouble {
    Trouble::Finding(Fault::new(code, "", message), None)
}

/// Asks a server for its newest block, and believes it if it is sealed by the roster in force, and goes on from what this server has
/// shown before. Rosters that have come since are taken into the memory.
///
/// # Errors
/// What stands in the way.
pub fn observe(server: &Server, memory: &mut Memory) -> Result<Checkpoint, Trouble> {
    match checked_tip(server, memory) {
        // Under rosters of another history nothing fits. That history itself is the better thing to show.
        Err(Trouble::Finding(fault, None)) => Err(probe(server, memory).unwrap_or(Trouble::Finding(fault, None))),
        other => other,
    }
}

fn checked_tip(server: &Server, memory: &mut Memory) -> Result<Checkpoint, Trouble> {
    let shown = server.checkpoint()?;
    let last = memory.view(server.url()).cloned();
    let tip = match check(memory, &shown) {
        Ok(tip) => tip,
        Err(fault) if fault.code == Code::VerdictRosterUnknown => {
            learn(server, memory)?;
            check(memory, &shown).map_err(unsealed)?
        }
        Err(fault) => return Err(unsealed(fault)),
    };
    if let Some(last) = last.as_ref().filter(|last| tip.header.height < last.header.height) {
        contradicting(memory, &tip, last)?;
        let message = format!(
            "{} shows block {} and has shown block {} before: an older copy, or blocks were taken back",
            server.url(),
            tip.header.height,
            last.header.height
        );
        return Err(finding(Code::MonitorRollback, message));
    }
    // Headers that vouch for rosters stand between.
    let from = last.as_ref().map_or(0, |last| last.header.height);
    let between = memory.vouching().filter(|header| (from..tip.header.height).contains(&header.header.height));
    let path: Vec<&Checkpoint> = last.iter().chain(between).chain([&tip]).collect();
    for (low, high) in path.iter().zip(path.iter().skip(1)) {
        step(server, memory, low, high)?;
    }
    Ok(tip)
}

fn check(memory: &Memory, shown: &Shown) -> Result<Checkpoint, Fault> {
    Checkpoint::check(shown.header.clone(), shown.seals.clone(), memory.chain(), memory.rosters())
}

fn unsealed(Fault { code, path, message }: Fault) -> Trouble {
    Trouble::Finding(Fault::new(Code::MonitorUnsealed, path, format!("{code}: {message}")), None)
}

/// Takes in the rosters that the server names and that sealed headers vouch for, one after the other.
fn learn(server: &Server, memory: &mut Memory) -> Result<(), Trouble> {
    let mut offered = server.rosters()?;
    offered.sort_by_key(Roster::from_height);
    for roster in offered {
        let newest = memory.rosters().iter().map(Roster::from_height).max().unwrap_or(0);
        let Some(below) = roster.from_height().checked_sub(1).filter(|below| *below >= newest) else { continue };
        let Shown { header, seals } = match server.block(below) {
            Ok(shown) => shown,
            // It is announced, and its time has not come.
            Err(fault) if fault.code == Code::MonitorRefused => break,
            Err(fault) => return Err(fault.into()),
        };
        let shown = Shown { header: header.clone(), seals: seals.clone() };
        let voucher = Voucher { roster: roster.text().to_owned(), header, seals };
        let unvouched = |Fault { code, path, message }: Fault| {
            let message = format!("{code}: {message} (roster from height {})", roster.from_height());
            Trouble::Finding(Fault::new(Code::MonitorRoster, path, message), None)
        };
        let header = check(memory, &shown).map_err(unvouched)?;
        for anchor in memory.anchors() {
            contradicting(memory, anchor, &header)?;
        }
        memory.learn(voucher, header).map_err(unvouched)?;
    }
    Ok(())
}

/// Whether a server that shows `high` stands by `low` too, and shows that the one continues the other.
///
/// # Errors
/// What stands in the way.
pub fn step(server: &Server, memory: &Memory, low: &Checkpoint, high: &Checkpoint) -> Result<(), Trouble> {
    contradicting(memory, low, high)?;
    if low.hash == high.hash {
        return Ok(());
    }
    stands_by(server, memory, low)?;
    let (first, second) = (&low.header, &high.header);
    let gave = match server.consistency(first.size, second.size) {
        Ok(proof) => Some(proof),
        Err(fault) if fault.code == Code::CliUnreachable => return Err(Trouble::Unreachable(fault)),
        Err(_refused_or_nonsense) => None,
    };
    let holds = |proof: &Vec<_>| verify_consistency(first.size, second.size, &first.root, &second.root, proof);
    if gave.as_ref().is_some_and(holds) {
        return Ok(());
    }
    let message = format!(
        "{} {}: from block {} ({} entries) to block {} ({} entries)",
        server.url(),
        if gave.is_some() { "gives a consistency proof that does not hold" } else { "gives no consistency proof" },
        first.height,
        first.size,
        second.height,
        second.size
    );
    // Where no proof is needed, as between two blocks of one size, roots that differ have been a contradiction already.
    let file = (second.size > first.size).then(|| {
        let sides = (memory.presented(low), memory.presented(high));
        Box::new(Evidence::unproven(memory.chain().clone(), sides.0, sides.1, gave))
    });
    Err(Trouble::Finding(Fault::new(Code::MonitorUnproven, "", message), file))
}

/// Whether a server shows, at its height, the header that was seen before.
fn stands_by(server: &Server, memory: &Memory, seen: &Checkpoint) -> Result<(), Trouble> {
    let height = seen.header.height;
    let there = server.block(height)?;
    if there.header == seen.text {
        return Ok(());
    }
    let other = check(memory, &there).map_err(unsealed)?;
    contradicting(memory, &other, seen)?;
    let message = format!("{} answers with block {} when asked for block {height}", server.url(), other.header.height);
    Err(finding(Code::MonitorAnswer, message))
}

/// Asks a server for what was seen elsewhere; trouble only if that makes evidence.
fn probe(server: &Server, memory: &Memory) -> Option<Trouble> {
    let anchors = memory.anchors().map(|seen| stands_by(server, memory, seen));
    anchors.filter_map(Result::err).find(|trouble| matches!(trouble, Trouble::Evidence(_)))
}

/// # Errors
/// [`Trouble::Evidence`] when two sealed headers can't both be true, and anybody with the trusted rosters can see that.
pub fn contradicting(memory: &Memory, one: &Checkpoint, other: &Checkpoint) -> Result<(), Trouble> {
    let Some(evidence) = Evidence::of(memory.presented(one), memory.presented(other))? else { return Ok(()) };
    let verdict = verify_evidence(&evidence, memory.trusted());
    match evidence.evidence {
        Claim::Equivocation if verdict.is_proven() => Err(Trouble::Evidence(Box::new(evidence))),
        Claim::Equivocation | Claim::Unproven => {
            let message =
                format!("two headers contradict each other, and the file about it is refused: {}", verdict.message);
            Err(finding(Code::Internal, message))
        }
    }
}

/// Holds what a server has just shown against what every other has shown last.
///
/// # Errors
/// What stands in the way.
pub fn compare(server: &Server, memory: &Memory, tip: &Checkpoint) -> Result<(), Trouble> {
    for (_, seen) in memory.views().iter().filter(|(url, _)| url != server.url()) {
        if seen.header.height < tip.header.height {
            step(server, memory, seen, tip)?;
        } else {
            contradicting(memory, seen, tip)?;
        }
    }
    Ok(())
}

/// Looks for the first block in which two servers differ, below a block that at least one of them can't show to be sealed: where their
/// rosters part, headers after that can't be checked against each other, but the first that differ stand under one roster.
///
/// # Errors
/// [`Trouble::Evidence`]; or what stands in the way.
pub fn parting(one: &Server, other: &Server, memory: &Memory) -> Result<(), Trouble> {
    let tip = |server: &Server| {
        let shown = server.checkpoint()?;
        Header::from_text(&shown.header).map_err(|fault| Fault::new(Code::MonitorAnswer, fault.path, fault.message))
    };
    let height = tip(one)?.height.min(tip(other)?.height);
    let differ = |height: u64| Ok::<_, Fault>(one.block(height)?.header != other.block(height)?.header);
    if !differ(height)? {
        return Ok(());
    }
    // Each header names the one before: once they differ, they differ ever after.
    let (mut from, mut first) = (0u64, height);
    while from < first {
        let middle = from.midpoint(first);
        if differ(middle)? {
            first = middle;
        } else {
            from = middle.saturating_add(1);
        }
    }
    let sides = [one, other].map(|server| check(memory, &server.block(first)?).map_err(unsealed));
    let [one, other] = sides;
    contradicting(memory, &one?, &other?)
}
