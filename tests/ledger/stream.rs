//! A ledger as a stream: as good as its database for whoever audits it, and damage to it is found and named, on one thread or many.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use piaolian::base::Code;
use piaolian::chain::Roster;
use piaolian::export::{write_stream_block, write_stream_head};
use piaolian::ledger::audit::{Checkpoint, Finding, Limits, Report, Trust, audit, audit_stream};
use piaolian::ledger::stream::{InFile, InMemory};
use piaolian::store::Store;
use serde_json::Value;

use super::scene::{self, built};

/// SplitMix64: every seed is a good one.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// The stream of the ledger that most tests take copies of.
fn stream() -> &'static [u8] {
    static STREAM: OnceLock<Vec<u8>> = OnceLock::new();
    STREAM.get_or_init(|| {
        let copy = built().ledger.copy();
        written(&Store::open(&copy.url(), 1).unwrap())
    })
}

fn written(store: &Store) -> Vec<u8> {
    let mut out = Vec::new();
    store
        .read_blocking(|reader| {
            let tip = reader.checkpoint()?.unwrap();
            write_stream_head(&mut out, &reader.rosters()?[0])?;
            let mut height = 0;
            while height <= tip.height {
                for filled in reader.filled_blocks(height, tip.height)? {
                    let entries = filled.entries.iter().map(|entry| entry.text.as_str());
                    write_stream_block(&mut out, &filled.block.header, &filled.block.seals, entries)?;
                    height = filled.block.height + 1;
                }
            }
            Ok::<_, piaolian::base::Faults>(())
        })
        .unwrap();
    out
}

fn lines(stream: &[u8]) -> Vec<String> {
    std::str::from_utf8(stream).unwrap().lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

fn replayed(stream: &[u8], checkpoint: Option<&Checkpoint>, limits: Limits) -> Report {
    let trust = Trust { rosters: std::slice::from_ref(&built().roster), checkpoint };
    audit_stream(stream, InMemory::default(), &trust, limits, &mut |_| {}).unwrap()
}

fn threads(threads: usize) -> Limits {
    Limits { threads, ..Limits::default() }
}

/// A report as its JSON has it, without how it was come by.
fn told(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

#[test]
fn a_stream_is_as_good_as_its_database() {
    let copy = built().ledger.copy();
    let by_tables = copy.audited(std::slice::from_ref(&built().roster));
    let by_stream = replayed(stream(), None, threads(0));
    assert_eq!((&by_stream.findings, by_stream.is_clean()), (&Vec::new(), true));
    let figures = |report: &Report| {
        (report.blocks, report.seals, report.entries, report.signatures, report.invoices, report.root.clone())
    };
    assert_eq!(figures(&by_stream), figures(&by_tables));
    assert_eq!(by_stream.founding_roster, built().roster.hash().to_string());
    assert!(by_stream.stream && !by_stream.projections_compared && by_stream.rows == 0);
    // Red letters find their blue drafts in the file too.
    let file = std::io::Cursor::new(stream());
    let trust = Trust { rosters: std::slice::from_ref(&built().roster), checkpoint: None };
    let again = audit_stream(stream(), InFile::of(file), &trust, threads(3), &mut |_| {}).unwrap();
    assert_eq!(told(&again), told(&by_stream));
}

#[test]
fn every_line_of_an_entry_is_its_leaf() {
    let copy = built().ledger.copy();
    let stored = copy.raw().texts("SELECT entry AS line FROM entries ORDER BY idx");
    let mut of_blocks = 0;
    let mut entries = Vec::new();
    let all = lines(stream());
    let mut rest = all.iter().skip(1);
    while let Some(block) = rest.next() {
        let block: Value = serde_json::from_str(block).unwrap();
        of_blocks += 1;
        entries.extend(rest.by_ref().take(usize::try_from(block["entries"].as_u64().unwrap()).unwrap()).cloned());
    }
    assert_eq!(entries, stored);
    assert_eq!(of_blocks, copy.raw().count("blocks"));
}

/// Places in the stream: the line of a block with at least `entries` entries, somewhere in the middle.
fn block_with(lines: &[String], entries: u64) -> usize {
    let of = |line: &String| serde_json::from_str::<Value>(line).ok()?["entries"].as_u64();
    let at = (lines.len() / 3..lines.len()).find(|at| of(&lines[*at]).is_some_and(|own| own >= entries));
    at.unwrap()
}

struct Damage {
    what: &'static str,
    stream: Vec<u8>,
    code: Code,
    /// Table and line.
    at: (&'static str, usize),
}

/// Damages a copy of the lines; the place is counted from 0, lines from 1.
fn damage(what: &'static str, code: Code, at: (&'static str, usize), change: impl FnOnce(&mut Vec<String>)) -> Damage {
    let mut changed = lines(stream());
    change(&mut changed);
    Damage { what, stream: joined(&changed), code, at: (at.0, at.1 + 1) }
}

fn damages() -> Vec<Damage> {
    let all = lines(stream());
    let block = block_with(&all, 4);
    let (entry, next) = (block + 1, block + 1 + usize::try_from(entries_of(&all[block])).unwrap());
    let last = all.len() - 1;
    let flip = |line: &mut String, from: &str, to: &str| {
        assert!(line.contains(from), "{line}");
        *line = line.replacen(from, to, 1);
    };
    let seal = |line: &str| {
        let block: Value = serde_json::from_str(line).unwrap();
        block["seals"][1]["signature"].as_str().unwrap().to_owned()
    };
    let good_seal = seal(&all[block]);
    let bad_seal = good_seal.replacen(|c: char| c != '0', "0", 1);
    let without_seals = |line: &mut String| {
        let mut block: Value = serde_json::from_str(line).unwrap();
        block["seals"] = Value::Array(vec![block["seals"][0].clone()]);
        *line = block.to_string();
    };
    let not_utf8 = {
        let mut bytes = joined(&all);
        let start: usize = all[..entry].iter().map(|line| line.len() + 1).sum();
        bytes[start + 20] = 0xff;
        Damage { what: "not UTF-8", stream: bytes, code: Code::AuditEntryBad, at: ("entries", entry + 1) }
    };
    let cut = |what, lines: usize, bytes: usize, at| {
        let kept: usize = all[..lines].iter().map(|line| line.len() + 1).sum::<usize>() + bytes;
        Damage { what, stream: stream()[..kept].to_vec(), code: Code::AuditStreamBad, at: ("stream", at) }
    };
    use Code::*;
    vec![
        damage("an entry changed", AuditReplayDiffers, ("entries", entry), |all| {
            flip(&mut all[entry], "\"index\":", "\"index\":1")
        }),
        damage("an entry dropped", AuditStreamBad, ("stream", next), |all| drop(all.remove(entry))),
        damage("an entry twice", AuditStreamBad, ("stream", next), |all| all.insert(entry, all[entry].clone())),
        damage("entries changed places", AuditReplayDiffers, ("entries", entry), |all| all.swap(entry, entry + 1)),
        damage("a block dropped", AuditStreamBad, ("stream", block), |all| drop(all.remove(block))),
        damage("a whole block dropped", AuditStreamBad, ("blocks", block), |all| drop(all.drain(block..next))),
        damage("a seal forged", AuditSealBad, ("seals", block), |all| flip(&mut all[block], &good_seal, &bad_seal)),
        damage("seals dropped", AuditSealBad, ("seals", block), |all| without_seals(&mut all[block])),
        damage("a header changed", AuditSealBad, ("seals", block), |all| {
            flip(&mut all[block], "\\\"proposer\\\":\\\"tax-bureau", "\\\"proposer\\\":\\\"tencent")
        }),
        damage("another size", AuditStreamBad, ("blocks", block), |all| {
            flip(&mut all[block], "\\\"size\\\":", "\\\"size\\\":1")
        }),
        damage("another count", AuditStreamBad, ("blocks", block), |all| {
            flip(&mut all[block], "{\"entries\":", "{\"entries\":1")
        }),
        damage("white space", AuditStreamBad, ("stream", block), |all| {
            flip(&mut all[block], ",\"header\"", ", \"header\"")
        }),
        damage("white space in an entry", AuditReplayDiffers, ("entries", entry), |all| all[entry].push(' ')),
        damage("an empty line", AuditStreamBad, ("stream", block), |all| all.insert(block, String::new())),
        damage("a line too many", AuditStreamBad, ("stream", last + 1), |all| all.push(all[entry].clone())),
        damage("another chain", AuditStreamBad, ("stream", 0), |all| {
            flip(&mut all[0], "{\"chain\":\"shen", "{\"chain\":\"chen")
        }),
        damage("another version", AuditStreamBad, ("stream", 0), |all| {
            flip(&mut all[0], "\"stream\":1", "\"stream\":2")
        }),
        damage("no first line", AuditStreamBad, ("stream", 0), |all| drop(all.remove(0))),
        cut("nothing", 0, 0, 1),
        cut("cut within a line", last, 10, last + 1),
        cut("cut within a block", entry + 1, 0, entry + 2),
        not_utf8,
    ]
}

fn entries_of(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["entries"].as_u64().unwrap()
}

#[test]
fn damage_to_a_stream_is_found_and_its_place_named() {
    for Damage { what, stream, code, at: (table, line) } in damages() {
        let report = replayed(&stream, None, threads(0));
        let named = |found: &Finding| {
            (found.code, found.table.as_str(), found.line) == (code, table, Some(u64::try_from(line).unwrap()))
        };
        assert!(!report.is_clean(), "{what}");
        assert!(report.findings.iter().any(named), "{what}: {code} {table} {line}, not {:#?}", report.findings);
        let first = replayed(&stream, None, Limits::first());
        assert_eq!(first.findings.as_slice(), &report.findings[..1], "{what}");
        assert_eq!(told(&replayed(&stream, None, threads(2))), told(&report), "{what}: on more threads");
    }
}

#[test]
fn a_line_that_never_ends_is_not_read_on() {
    let mut endless = stream().split_inclusive(|byte| *byte == b'\n').next().unwrap().to_vec();
    endless.resize(endless.len() + 9 * 1024 * 1024, b' ');
    let report = replayed(&endless, None, threads(0));
    let found = &report.findings[report.findings.len() - 1];
    assert_eq!((found.code, found.table.as_str(), found.line), (Code::AuditStreamBad, "stream", Some(2)));
    assert!(found.message.contains("at most"), "{}", found.message);
}

/// The stream up to some block, whole.
fn first_blocks(count: usize) -> Vec<u8> {
    let all = lines(stream());
    let mut end = 1;
    for _ in 0..count {
        end += 1 + usize::try_from(entries_of(&all[end])).unwrap();
    }
    joined(&all[..end])
}

fn checkpoint_at(height: usize) -> Checkpoint {
    let whole = first_blocks(height);
    let block: Value = serde_json::from_str(&lines(stream())[lines(&whole).len()]).unwrap();
    Checkpoint::of(block["header"].as_str().unwrap()).unwrap()
}

#[test]
fn a_tail_that_was_cut_off_is_missed_by_a_checkpoint_only() {
    let cut = first_blocks(20);
    assert!(replayed(&cut, None, threads(0)).is_clean());
    assert!(replayed(&cut, Some(&checkpoint_at(19)), threads(0)).is_clean());
    let report = replayed(&cut, Some(&checkpoint_at(20)), threads(0));
    let found: Vec<_> = report.findings.iter().map(|it| (it.code, it.table.as_str(), it.row.as_str())).collect();
    assert_eq!(found, [(Code::AuditCheckpointDiffers, "blocks", "20")]);
    assert!(replayed(stream(), Some(&checkpoint_at(20)), threads(0)).is_clean());

    let copy = built().ledger.copy();
    let store = Store::open(&copy.url(), 1).unwrap();
    let other = lines(stream())[1].clone();
    let other: Value = serde_json::from_str(&other).unwrap();
    let genesis = other["header"].as_str().unwrap();
    let strange = genesis.replacen("\"time\":1", "\"time\":2", 1);
    for (header, found) in [(genesis, 0), (strange.as_str(), 1)] {
        let checkpoint = Checkpoint::of(header).unwrap();
        let trust = Trust { rosters: &[], checkpoint: Some(&checkpoint) };
        let audit = |limits| store.read_blocking(|reader| audit(reader, &trust, limits, &mut |_, _| {})).unwrap();
        assert_eq!(audit(Limits::default()).findings.len(), found);
        assert_eq!(audit(Limits::first()).findings.len(), found);
    }
}

#[test]
fn a_stream_under_another_roster_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    scene::make_keys(folder.path());
    let other: Roster = piaolian::config::keyring::Keyring::load(folder.path()).unwrap().roster;
    let trust = Trust { rosters: std::slice::from_ref(&other), checkpoint: None };
    let report = audit_stream(stream(), InMemory::default(), &trust, threads(0), &mut |_| {}).unwrap();
    assert_eq!(report.findings[0].code, Code::AuditRosterBad);
}

#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
fn damages_wanted() -> usize {
    std::env::var("STREAM_DAMAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

/// One random damage: of bytes, of lines, or of both.
fn random_damage(draw: &mut Dice) -> Vec<u8> {
    let mut all = lines(stream());
    let (a, b) = (draw.below(all.len()), draw.below(all.len()));
    match draw.below(5) {
        0 => all.swap(a, b),
        1 => drop(all.remove(a)),
        2 => all.insert(a, all[b].clone()),
        3 => all.truncate(a),
        _ => {}
    }
    let mut bytes = joined(&all);
    for _ in 0..draw.below(4) {
        if !bytes.is_empty() {
            let at = draw.below(bytes.len());
            bytes[at] ^= 1 << draw.below(8);
        }
    }
    bytes
}

/// `STREAM_DAMAGES=2000` tries more.
#[test]
fn threads_do_not_change_what_is_found_nor_the_order() {
    let mut draw = Dice(20_261_123);
    let mut found = 0;
    for nth in 0..damages_wanted() {
        let damaged = random_damage(&mut draw);
        let alone = replayed(&damaged, None, threads(0));
        let together = replayed(&damaged, None, threads(1 + nth % 4));
        assert_eq!(told(&alone), told(&together), "damage {nth}");
        found += usize::from(!alone.findings.is_empty());
    }
    assert!(found * 2 > damages_wanted(), "{found}");
}

#[test]
fn threads_do_not_change_what_is_found_in_tables() {
    let sql = [
        "UPDATE entries SET entry = REPLACE(entry, '\"v\":2', '\"v\":1') WHERE idx IN (3, 90, 200)",
        "DELETE FROM entries WHERE idx = 150",
        "UPDATE seals SET round = 1 WHERE height BETWEEN 4 AND 9; UPDATE blocks SET size = size + 1 WHERE height = 7",
        "DELETE FROM blocks WHERE height IN (0, 11)",
        "UPDATE blocks SET header = REPLACE(header, '\"state\":\"', '\"state\":\"00') WHERE height = 12",
        "UPDATE invoices SET total_fen = total_fen + 1; DELETE FROM state_pages WHERE length(path) > 5",
    ];
    for damage in sql {
        let copy = built().ledger.copy();
        copy.raw().unguarded().must(damage);
        let store = Store::open(&copy.url(), 1).unwrap();
        let trust = Trust { rosters: std::slice::from_ref(&built().roster), checkpoint: None };
        let audit = |limits| store.read_blocking(|reader| audit(reader, &trust, limits, &mut |_, _| {})).unwrap();
        let alone = audit(threads(0));
        assert!(!alone.findings.is_empty(), "{damage}");
        assert_eq!(told(&audit(threads(3))), told(&alone), "{damage}");
        let first = audit(Limits::first());
        assert_eq!(first.findings.len(), 1, "{damage}");
        assert!(alone.findings.contains(&first.findings[0]), "{damage}: {:?}", first.findings);
    }
}

fn program(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_piaolian"));
    let mut child =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A program that does not read its input closes the pipe.
    let _ = pipe.write_all(input);
    drop(pipe);
    child.wait_with_output().unwrap()
}

#[test]
fn the_program_writes_a_stream_and_audits_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let copy = built().ledger.copy();
    let (file, roster, checkpoint) = (path("ledger.stream"), path("roster.json"), path("checkpoint.json"));
    let exported = program(&["export", "--format", "stream", "--database", &copy.url_text(), "--out", &file], &[]);
    assert_eq!(exported.status.code(), Some(0), "{}", String::from_utf8_lossy(&exported.stderr));
    assert!(std::fs::read(&file).unwrap() == stream(), "the very bytes of the library");
    std::fs::write(&roster, built().roster.text()).unwrap();
    let mut tip = lines(stream()).into_iter().skip(1).filter_map(|line| {
        let block: Value = serde_json::from_str(&line).ok()?;
        Some(serde_json::json!({"header": block.get("header")?, "seals": block.get("seals")?}))
    });
    std::fs::write(&checkpoint, tip.next_back().unwrap().to_string()).unwrap();

    let whole = ["audit", "--stream", &file, "--roster", &roster, "--checkpoint", &checkpoint, "--json"];
    let audited = program(&whole, &[]);
    assert_eq!(audited.status.code(), Some(0), "{}", String::from_utf8_lossy(&audited.stderr));
    let report: Value = serde_json::from_slice(&audited.stdout).unwrap();
    assert_eq!(report["entries"], built().done.entries());

    let piped = program(&["audit", "--stream", "-"], stream());
    let said = String::from_utf8(piped.stdout).unwrap();
    assert_eq!(piped.status.code(), Some(0), "{said}");
    assert!(said.contains("the ledger's own was taken") && said.contains(&built().roster.hash().to_string()), "{said}");

    let cut = program(&["audit", "--stream", "-", "--checkpoint", &checkpoint], &first_blocks(20));
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8(cut.stdout).unwrap().contains("AUDIT-CHECKPOINT-DIFFERS"));
}
