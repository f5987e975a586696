//! The monitor against a service of one's own, across a rotation of a member's key; and against servers that cheat, fail and forget.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use piaolian::chain::{Header, Roster, to_canonical};
use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::history::{EACH, Fake, History, NEVER, PLAIN, Plan, founders, roster, seals};
use crate::serve::consultant;
use crate::service::Service;
use crate::{err, files, out, piaolian, text};

/// A folder with a roster, a memory and room for evidence.
struct Desk {
    temp: tempfile::TempDir,
    roster: PathBuf,
}

/// What one look came to.
#[derive(Debug)]
struct Look {
    code: Option<i32>,
    events: Vec<Value>,
    err: String,
}

impl Look {
    fn events(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == name).collect()
    }

    /// The code of the one finding of a look that ended with 1.
    fn finding(&self) -> &str {
        let findings = self.events("finding");
        assert_eq!((self.code, findings.len()), (Some(1), 1), "{self:?}");
        findings[0]["code"].as_str().unwrap()
    }

    /// The evidence of a look that ended with 3.
    fn evidence(&self) -> (&str, PathBuf) {
        let [found] = self.events("evidence")[..] else { panic!("{self:?}") };
        assert_eq!((self.code, &found["code"]), (Some(3), &json!("EQUIVOCATION_PROVEN")), "{self:?}");
        (found["kind"].as_str().unwrap(), found["file"].as_str().unwrap().into())
    }

    fn heights(&self) -> Vec<u64> {
        self.events("checkpoint").iter().map(|event| event["sealed"]["height"].as_u64().unwrap()).collect()
    }
}

impl Desk {
    fn new() -> Self {
        Self::trusting(founders().text())
    }

    fn trusting(rosters: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let roster = temp.path().join("roster.txt");
        std::fs::write(&roster, rosters).unwrap();
        Self { temp, roster }
    }

    fn memory(&self) -> PathBuf {
        self.temp.path().join("monitor.memory")
    }

    fn arguments(&self, urls: &[&str]) -> Vec<String> {
        let [roster, memory, folder] = [&self.roster, &self.memory(), self.temp.path()].map(text);
        let of = ["--json", "--roster", &roster, "--memory", &memory, "--evidence", &folder];
        ["monitor"].iter().chain(urls).chain(&of).map(|&word| word.to_owned()).collect()
    }

    fn look(&self, urls: &[&str]) -> Look {
        let arguments = self.arguments(urls);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--once"]).collect();
        let output = piaolian(&arguments);
        let events = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Look { code: output.status.code(), events, err: err(&output) }
    }

    fn verify(&self, file: &Path) -> (Option<i32>, Value) {
        let output = piaolian(&["verify", "--json", "--roster", &text(&self.roster), &text(file)]);
        (output.status.code(), serde_json::from_str(&out(&output)).unwrap_or_default())
    }

    fn kept(&self) -> Vec<PathBuf> {
        files(self.temp.path(), "json")
    }
}

fn history(plan: Plan) -> Arc<History> {
    Arc::new(History::of(plan))
}

fn registered(service: &Service) {
    let (status, answer) = service.ask("POST", "/v1/merchants", Some("the-one-merchant"), &consultant()).unwrap();
    assert!(status == 201 || status == 200, "{answer}");
}

fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}{}", out(output), err(output));
}

#[test]
fn a_service_is_followed_across_a_rotation_with_the_first_roster_alone() {
    let temp = tempfile::tempdir().unwrap();
    let database = TestDatabase::empty();
    let service = Service::start(temp.path(), &database);
    let founding = std::fs::read_to_string(temp.path().join("keys/roster.json")).unwrap();
    let desk = Desk::trusting(&founding);
    let url = service.url.clone();
    let urls = [url.as_str()];
    let first = desk.look(&urls);
    assert_eq!((first.code, first.events("begin").len(), first.heights()), (Some(0), 1, vec![0]), "{first:?}");
    registered(&service);
    let second = desk.look(&urls);
    assert_eq!((second.code, second.events("begin").len(), second.heights()), (Some(0), 0, vec![1]), "{second:?}");
    assert_eq!(second.events("checkpoint")[0]["continues"], 0);

    let bureau = service.keep("bureau.key", &service.bureau);
    done(&service.asks(&["member", "rotate", "kingdee"], Some(&bureau)));
    done(&service.asks(&["merchant", "suspend", "M00000001", "--reason", "a block"], Some(&bureau)));
    done(&service.asks(&["merchant", "resume", "M00000001", "--reason", "a block"], Some(&bureau)));
    let third = desk.look(&urls);
    let named = third.events("roster");
    assert_eq!((third.code, named.len()), (Some(0), 1), "{third:?}");
    assert!(named[0]["from"].as_u64() <= third.heights().first().copied(), "{third:?}");
    // What was learned is remembered, and still checked.
    let fourth = desk.look(&urls);
    assert_eq!(
        (fourth.code, fourth.events("roster").len(), fourth.heights()),
        (Some(0), 0, third.heights()),
        "{fourth:?}"
    );
    service.stop();
    let gone = desk.look(&urls);
    assert_eq!((gone.code, gone.events("unreachable").len()), (Some(2), 3), "tried three times: {gone:?}");
    assert!(gone.err.contains("CLI-UNREACHABLE"), "{gone:?}");
    assert!(desk.kept().is_empty(), "no evidence of anything");
}

#[test]
fn a_rewritten_history_ends_in_evidence_that_anybody_can_check() {
    let honest = history(PLAIN);
    // Shorter, as long, longer; below, at and above what was seen.
    for (tip, forked_from) in [(8, 2), (8, 4), (4, 4), (4, 1)] {
        let desk = Desk::new();
        let server = Fake::showing(&honest, 4);
        assert_eq!(desk.look(&[&server.url]).code, Some(0));
        let before = std::fs::read(desk.memory()).unwrap();
        server.turn_to(&history(Plan { tip, forked_from, ..PLAIN }), usize::try_from(tip).unwrap());
        let look = desk.look(&[&server.url]);
        let (kind, file) = look.evidence();
        assert_eq!(kind, "same_height", "tip {tip}, fork at {forked_from}");
        let (code, verdict) = desk.verify(&file);
        assert_eq!((code, &verdict["code"]), (Some(0), &json!("EQUIVOCATION_PROVEN")), "{verdict}");
        assert_eq!(verdict["sealed_both"], json!(["auditor", "kingdee", "tax-bureau", "tencent"]));
        let told = piaolian(&["verify", "--roster", &text(&desk.roster), &text(&file)]);
        assert!(
            out(&told).contains("EQUIVOCATION_PROVEN  two different headers of one height are sealed"),
            "{}",
            out(&told)
        );
        // The fork is never taken in, and seeing it again makes the same file.
        assert_eq!(std::fs::read(desk.memory()).unwrap(), before);
        assert_eq!(desk.look(&[&server.url]).evidence().1, file);
        assert_eq!(desk.kept().len(), 1);

        let altered = desk.temp.path().join("altered");
        std::fs::write(&altered, std::fs::read_to_string(&file).unwrap().replace("same_height", "time")).unwrap();
        let (code, verdict) = desk.verify(&altered);
        assert_eq!((code, &verdict["code"], &verdict["field"]), (Some(1), &json!("EVIDENCE_BAD"), &json!("kind")));
    }
}

#[test]
fn a_fork_that_hides_a_rotation_is_found_at_the_header_that_names_it() {
    // The honest history rotates at 4; the other one never does, or does so later.
    let honest = history(Plan { rotated_from: 4, ..PLAIN });
    for rotated_from in [NEVER, 5] {
        let desk = Desk::new();
        let server = Fake::showing(&honest, 6);
        let first = desk.look(&[&server.url]);
        assert_eq!((first.code, first.events("roster").len()), (Some(0), 1), "{first:?}");
        server.turn_to(&history(Plan { tip: 8, forked_from: 3, rotated_from, ..PLAIN }), 8);
        let look = desk.look(&[&server.url]);
        let (kind, file) = look.evidence();
        assert_eq!((kind, desk.verify(&file).0), ("same_height", Some(0)));
    }
    // Evidence about headers after the rotation brings what whoever has the first roster alone needs.
    let desk = Desk::new();
    let server = Fake::showing(&honest, 6);
    assert_eq!(desk.look(&[&server.url]).code, Some(0));
    server.turn_to(&history(Plan { tip: 8, forked_from: 5, rotated_from: 4, ..PLAIN }), 8);
    let (_, file) = desk.look(&[&server.url]).evidence();
    let (code, verdict) = desk.verify(&file);
    assert_eq!((code, &verdict["sealed_both"][0]), (Some(0), &json!("bank")), "{verdict}");
}

#[test]
fn mirrors_are_held_against_each_other() {
    let (honest, forked) = (history(PLAIN), history(Plan { forked_from: 3, ..PLAIN }));
    let (one, other) = (Fake::showing(&honest, 6), Fake::showing(&honest, 4));
    let desk = Desk::new();
    let behind = desk.look(&[&one.url, &other.url]);
    assert_eq!((behind.code, behind.heights()), (Some(0), vec![6, 4]), "a mirror may be behind: {behind:?}");
    for (tip, of_one) in [(4, 6), (6, 6), (6, 4)] {
        let desk = Desk::new();
        one.turn_to(&honest, of_one);
        other.turn_to(&forked, tip);
        let (_, file) = desk.look(&[&one.url, &other.url]).evidence();
        assert_eq!(desk.verify(&file).0, Some(0), "{tip} {of_one}");
    }
    // One at a time, too: the memory is of all that were ever asked.
    let desk = Desk::new();
    assert_eq!(desk.look(&[&one.url]).code, Some(0));
    let (_, file) = desk.look(&[&other.url]).evidence();
    assert_eq!(desk.verify(&file).0, Some(0));
}

#[test]
fn mirrors_whose_rosters_have_parted_are_followed_to_where_they_did() {
    let (honest, forked) =
        (history(Plan { rotated_from: 4, ..PLAIN }), history(Plan { forked_from: 2, rotated_from: 5, ..PLAIN }));
    let (one, other) = (Fake::showing(&honest, 6), Fake::showing(&forked, 6));
    // The one header that names the honest roster is asked for; the honest blocks can't be read under the other roster at all.
    for (urls, parted_at) in [([one.url.as_str(), &other.url], 3), ([&other.url, &one.url], 2)] {
        let desk = Desk::new();
        let look = desk.look(&urls);
        let (kind, file) = look.evidence();
        let evidence: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let header = Header::from_text(evidence["first"]["header"].as_str().unwrap()).unwrap();
        assert_eq!((kind, header.height, desk.verify(&file).0), ("same_height", parted_at, Some(0)), "{look:?}");
    }
}

#[test]
fn what_is_only_suspicious_is_told_and_never_called_a_proof() {
    let honest = history(PLAIN);
    let server = Fake::showing(&honest, 4);
    let desk = Desk::new();
    assert_eq!(desk.look(&[&server.url]).code, Some(0));
    let memory = std::fs::read(desk.memory()).unwrap();
    let unchanged = || assert_eq!(std::fs::read(desk.memory()).unwrap(), memory);

    server.turn_to(&honest, 3);
    assert_eq!(desk.look(&[&server.url]).finding(), "MONITOR-ROLLBACK");
    unchanged();
    let of = Arc::clone(&honest);
    let few = move |path: &str| {
        let (status, body) = of.answer(6, path);
        let mut shown: Value = serde_json::from_str(&body).unwrap();
        if path == "/v1/checkpoint" {
            shown["seals"].as_array_mut().unwrap().truncate(2);
        }
        (status, shown.to_string())
    };
    server.turn(few);
    assert_eq!(desk.look(&[&server.url]).finding(), "MONITOR-UNSEALED");
    unchanged();
    for (path_of, answer, finding) in [
        ("/v1/checkpoint", (200, "{}"), "MONITOR-ANSWER"),
        ("/v1/checkpoint", (200, "<html>"), "MONITOR-ANSWER"),
        ("/v1/checkpoint", (403, "no"), "MONITOR-REFUSED"),
        ("/v1/blocks/4", (404, "{}"), "MONITOR-REFUSED"),
        ("/v1/proofs/consistency", (404, "{}"), "MONITOR-UNPROVEN"),
        ("/v1/proofs/consistency", (200, r#"{"proof":[]}"#), "MONITOR-UNPROVEN"),
        ("/v1/proofs/consistency", (200, "null"), "MONITOR-UNPROVEN"),
    ] {
        let of = Arc::clone(&honest);
        server.turn(
            move |path| {
                if path.starts_with(path_of) { (answer.0, answer.1.to_owned()) } else { of.answer(6, path) }
            },
        );
        assert_eq!(desk.look(&[&server.url]).finding(), finding, "{path_of} {answer:?}");
        unchanged();
    }
    // What was not proven is kept with both headers, and says of itself that it proves nothing.
    let kept = desk.kept();
    assert_eq!(kept.len(), 2, "without a proof, and with one that does not hold: {kept:?}");
    for file in kept {
        let (code, verdict) = desk.verify(&file);
        assert_eq!((code, &verdict["code"]), (Some(1), &json!("EVIDENCE_UNPROVEN")), "{verdict}");
    }
    // A server that comes round is believed again.
    server.turn_to(&honest, 6);
    assert_eq!((desk.look(&[&server.url]).code, desk.look(&[&server.url]).heights()), (Some(0), vec![6]));
}

#[test]
fn rosters_that_nobody_vouches_for_are_not_believed() {
    let honest = history(PLAIN);
    // Sealed by strangers, whose roster the server names.
    let strangers = roster(3, &["w", "x", "y", "z"]);
    let named = format!("[{},{}]", founders().text(), strangers.text());
    let of = Arc::clone(&honest);
    let usurped = move |path: &str| match path {
        "/v1/rosters" => (200, named.clone()),
        "/v1/checkpoint" => {
            let header = Header::from_text(&of.blocks[5].header).unwrap();
            let text = Header { members: strangers.hash(), ..header }.to_text().unwrap();
            (200, json!({"header": text, "seals": seals(&text, &["w", "x", "y", "z"])}).to_string())
        }
        path => of.answer(5, path),
    };
    let server = Fake::new(usurped);
    let desk = Desk::new();
    assert_eq!(desk.look(&[&server.url]).finding(), "MONITOR-ROSTER");
    assert!(!desk.memory().exists(), "nothing was believed, nothing is remembered");
    // The right chain, watched with another's roster.
    server.turn_to(&honest, 5);
    let desk = Desk::trusting(roster(0, &["w", "x", "y", "z"]).text());
    assert_eq!(desk.look(&[&server.url]).finding(), "MONITOR-UNSEALED");
}

#[test]
fn a_memory_that_was_cut_or_changed_is_refused_and_left_alone() {
    let desk = Desk::new();
    let honest = history(Plan { rotated_from: 3, ..PLAIN });
    let server = Fake::showing(&honest, 4);
    assert_eq!(desk.look(&[&server.url]).code, Some(0));
    let good = std::fs::read(desk.memory()).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(desk.memory(), bytes).unwrap();
        let look = desk.look(&[&server.url]);
        assert_eq!((look.code, look.events.len()), (Some(2), 0), "{what}: {look:?}");
        assert!(look.err.contains("MONITOR-MEMORY"), "{what}: {look:?}");
        assert_eq!(std::fs::read(desk.memory()).unwrap(), bytes, "{what}: left alone");
    };
    for length in [0, 1, good.len() / 2, good.len() - 66, good.len() - 65, good.len() - 1] {
        refused(&good[..length], &format!("cut at {length}"));
    }
    for place in (0..good.len()).step_by(good.len() / 12) {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        refused(&flipped, &format!("flipped at {place}"));
    }
    refused(&[&good[..], b"\n"].concat(), "longer");
    // Whoever writes a memory anew, sum and all, still has no seals.
    let (written, _) = std::str::from_utf8(&good).unwrap().split_once('\n').unwrap();
    let mut forged: Value = serde_json::from_str(written).unwrap();
    forged["views"][0]["header"] = json!(honest.blocks[2].header);
    let forged = to_canonical(&forged).unwrap();
    refused(format!("{forged}\n{}\n", piaolian::chain::keccak256(&forged)).as_bytes(), "forged");
    // Another chain's memory.
    std::fs::write(desk.memory(), &good).unwrap();
    let other: Roster = Roster::new("other".try_into().unwrap(), 0, founders().members().to_vec()).unwrap();
    std::fs::write(&desk.roster, other.text()).unwrap();
    refused(&good, "another chain");
    std::fs::write(&desk.roster, founders().text()).unwrap();
    assert_eq!(desk.look(&[&server.url]).code, Some(0), "the memory as it was written is taken");
}

#[test]
fn a_monitor_that_goes_on_waits_for_servers_and_ends_with_evidence() {
    let desk = Desk::new();
    let server = Fake::new(|_| (503, json!({"code": "STORE-BUSY"}).to_string()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_piaolian"))
        .args(desk.arguments(&[&server.url]))
        .args(["--interval", "100ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait_for = |event: &str| loop {
        let line = lines.next().unwrap_or_else(|| panic!("ended without {event}")).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        if told["event"] == event {
            return told;
        }
    };
    wait_for("unreachable");
    wait_for("unreachable");
    server.turn_to(&history(PLAIN), 4);
    assert_eq!(wait_for("checkpoint")["sealed"]["size"], 4 * EACH);
    server.turn_to(&history(PLAIN), 6);
    while wait_for("checkpoint")["sealed"]["height"] != 6 {}
    server.turn_to(&history(Plan { tip: 8, forked_from: 5, ..PLAIN }), 8);
    wait_for("evidence");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(desk.kept().len(), 1);
}

#[test]
fn what_can_not_be_followed_is_a_mistake_of_the_command_line() {
    let desk = Desk::new();
    for (urls, code) in [(&["ftp://x"][..], "CLI-URL"), (&["http://name:secret@x"], "CLI-URL")] {
        let look = desk.look(urls);
        assert_eq!(look.code, Some(2), "{look:?}");
        assert!(look.err.contains(code), "{look:?}");
    }
    let other = Roster::new("other".try_into().unwrap(), 0, founders().members().to_vec()).unwrap();
    let desk = Desk::trusting(&format!("[{},{}]", founders().text(), other.text()));
    let look = desk.look(&["http://127.0.0.1:1"]);
    assert!(look.err.contains("CLI-USAGE"), "{look:?}");
}
