//! The program as a person runs it: the demonstration from payment to scanned QR code, then verify, audit, export, keygen and
//! migrate on what it left. One long test for the demonstration, since each step stands on the one before.

#![cfg(feature = "server")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect has failed"
)]

#[cfg(test)]
#[path = "database/mod.rs"]
mod database;
#[cfg(test)]
#[path = "cli/history.rs"]
mod history;
#[cfg(test)]
#[path = "cli/life.rs"]
mod life;
#[cfg(test)]
#[path = "cli/monitor.rs"]
mod monitor;
#[cfg(test)]
#[path = "cli/outbox.rs"]
mod outbox;
#[cfg(test)]
#[path = "cli/serve.rs"]
mod serve;
#[cfg(test)]
#[path = "cli/service.rs"]
mod service;
#[cfg(test)]
#[path = "cli/verify.rs"]
mod verify;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use piaolian::chain::hash::leaf_hash;
use piaolian::chain::receipt::Receipt;
use piaolian::ledger::life::table;
use serde_json::Value;

use crate::database::{Kind, TestDatabase, bench_place, kind};

fn piaolian(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_piaolian")).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A demonstration that goes on serving; ended when dropped.
struct Demo {
    child: Child,
    told: String,
    /// Kept open: a program whose output nobody takes would end with a broken pipe.
    _output: BufReader<ChildStdout>,
}

impl Demo {
    fn run(arguments: &[String]) -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_piaolian")).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        while !told.contains("Still serving") {
            let read = output.read_line(&mut told).unwrap();
            assert!(read > 0, "the demonstration ended early:\n{told}");
        }
        Self { child, told, _output: output }
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "SIGTERM ends the service in order");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill; after a failed assertion there is.
        let _ = self.child.kill();
    }
}

/// What zbar reads from the first page of a PDF at 150 dpi.
fn scan(pdf: &Path) -> String {
    let image = pdf.with_extension("scan");
    let drawn = Command::new("pdftoppm")
        .args(["-r", "150", "-f", "1", "-l", "1", "-singlefile", "-png"])
        .args([pdf, &image])
        .status();
    assert!(drawn.expect("pdftoppm (Debian: poppler-utils)").success());
    let read = Command::new("zbarimg").args(["-q", "--raw"]).arg(image.with_extension("scan.png")).output();
    let read = read.expect("zbarimg (Debian: zbar-tools)");
    out(&read).trim().to_owned()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    found.sort();
    found
}

fn get_json(url: &str) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        answer.json().await.unwrap()
    })
}

#[test]
fn the_demonstration_ends_in_invoices_whose_scanned_codes_verify() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("demo");
    let mut arguments = ["demo", "--listen", "127.0.0.1:0", "--dir", &text(&folder)].map(str::to_owned).to_vec();
    // Unless told otherwise the ledger is in the folder.
    let server = (kind() == Kind::Postgres).then(TestDatabase::empty);
    let database =
        server.as_ref().map_or(format!("sqlite:{}", text(&folder.join("ledger.db"))), TestDatabase::url_text);
    if server.is_some() {
        arguments.extend(["--database".to_owned(), database.clone()]);
    }
    let demo = Demo::run(&arguments);
    assert!(demo.told.contains("CLEAN"), "{}", demo.told);
    let pdfs = files(&folder.join("pdf"), "pdf");
    assert_eq!(pdfs.len(), 28);
    for pdf in &pdfs {
        let url = scan(pdf);
        assert!(url.starts_with("http://127.0.0.1:"), "{}: zbar read '{url}'", pdf.display());
        let answer = get_json(&url);
        assert_eq!((&answer["valid"], &answer["verdict"]), (&Value::from(true), &Value::from("VALID")), "{url}");
        let wrong = url.replace("total_amount=", "total_amount=1");
        assert_eq!(get_json(&wrong)["verdict"], "AMOUNT_DIFFERS");
    }
    demo.stop();
    receipts_verify(&folder);
    assert_eq!(folder.join("ledger.db").exists(), server.is_none());
    a_second_run_issues_nothing_twice(&folder, &arguments);
    the_ledger_audits_and_exports(&folder, &database);
}

fn receipts_verify(folder: &Path) {
    let roster = text(&folder.join("keys/roster.json"));
    let receipts: Vec<String> = files(&folder.join("receipts"), "json").iter().map(|path| text(path)).collect();
    let mut arguments = vec!["verify", "--roster", &roster];
    arguments.extend(receipts.iter().map(String::as_str));
    let all = piaolian(&arguments);
    assert_eq!(all.status.code(), Some(0), "{}", out(&all));

    let changed = folder.join("changed.json");
    std::fs::write(&changed, std::fs::read_to_string(&receipts[0]).unwrap().replace("餐费", "茶费")).unwrap();
    let forged = piaolian(&["verify", "--json", "--roster", &roster, &text(&changed)]);
    assert_eq!(forged.status.code(), Some(1));
    let verdict: Value = serde_json::from_str(&out(&forged)).unwrap();
    assert_eq!(verdict["code"], "ISSUER_SIGNATURE_BAD");

    let missing = piaolian(&["verify", "--roster", &roster, "/nowhere.json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(err(&missing).contains("CLI-FILE"), "{}", err(&missing));
}

fn a_second_run_issues_nothing_twice(folder: &Path, arguments: &[String]) {
    let before = files(&folder.join("receipts"), "json");
    let bytes: Vec<Vec<u8>> = before.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--once"]).collect();
    let again = piaolian(&arguments);
    assert_eq!(again.status.code(), Some(0), "{}{}", out(&again), err(&again));
    assert_eq!(files(&folder.join("receipts"), "json"), before);
    for (path, bytes) in before.iter().zip(bytes) {
        assert_eq!(std::fs::read(path).unwrap(), bytes, "{}", path.display());
    }
}

fn the_ledger_audits_and_exports(folder: &Path, database: &str) {
    let roster = text(&folder.join("keys/roster.json"));
    let audit = piaolian(&["audit", "--json", "--database", database, "--roster", &roster]);
    assert_eq!(audit.status.code(), Some(0), "{}", out(&audit));
    let report: Value = serde_json::from_str(&out(&audit)).unwrap();
    assert_eq!((&report["invoices"], &report["signatures"]), (&Value::from(28), &Value::from(28)));

    let lines = folder.join("entries.jsonl");
    let export = piaolian(&["export", "--format", "jsonl", "--out", &text(&lines), "--database", database]);
    assert_eq!(export.status.code(), Some(0), "{}", err(&export));
    let lines = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(Value::from(lines.lines().count()), report["entries"]);
    for file in files(&folder.join("receipts"), "json") {
        let receipt = Receipt::from_json(&std::fs::read(&file).unwrap()).unwrap();
        let line = lines.lines().nth(usize::try_from(receipt.index).unwrap()).unwrap();
        assert_eq!(leaf_hash(line), leaf_hash(&receipt.entry), "{}", file.display());
    }

    let csv = folder.join("invoices.csv");
    let arguments = ["export", "--format", "csv", "--bom", "--out", &text(&csv), "--database", database];
    assert_eq!(piaolian(&arguments).status.code(), Some(0));
    let csv_bytes = std::fs::read(&csv).unwrap();
    assert!(csv_bytes.starts_with(&[0xef, 0xbb, 0xbf]));
    let mut rows = csv::Reader::from_reader(&csv_bytes[3..]);
    let totals: i64 = rows
        .deserialize::<std::collections::HashMap<String, String>>()
        .fold(0, |sum, row| sum + row.unwrap()["total_fen"].parse::<i64>().unwrap());
    let receipts = files(&folder.join("receipts"), "json").into_iter().map(|file| std::fs::read(file).unwrap());
    let of_receipts: i64 = receipts
        .map(|bytes| {
            let entry: Value = serde_json::from_str(&Receipt::from_json(&bytes).unwrap().entry).unwrap();
            entry["draft"]["total"].as_i64().unwrap()
        })
        .sum();
    assert_eq!(totals, of_receipts);
    // A file that is there is never overwritten.
    assert_eq!(piaolian(&arguments).status.code(), Some(2));
}

#[test]
fn a_service_needs_a_migrated_database_and_says_so() {
    let database = TestDatabase::absent();
    let absent = piaolian(&["audit", "--database", &database.url_text()]);
    assert_eq!(absent.status.code(), Some(2));
    let code = match database.kind() {
        Kind::Sqlite => "STORE-URL",
        Kind::Postgres => "STORE-UNREACHABLE",
    };
    assert!(err(&absent).contains(code), "{}", err(&absent));
    let empty = TestDatabase::empty();
    let database = empty.url_text();
    let migrated = piaolian(&["migrate", "--database", &database]);
    assert_eq!(migrated.status.code(), Some(0), "{}", err(&migrated));
    assert!(out(&piaolian(&["migrate", "--database", &database])).contains("up to date"));
    // Migrated, but no chain was founded in it: nothing to audit, and that is said.
    assert_eq!(piaolian(&["audit", "--database", &database]).status.code(), Some(1));
}

#[test]
fn the_bench_measures_every_variant_and_growth_and_its_counts_agree() {
    let temp = tempfile::tempdir().unwrap();
    let (folder, place) = (text(temp.path()), bench_place());
    let place = ["--dir", &folder, "--database", &place];
    let compared = piaolian(&[&["bench", "--quick", "--clients", "8", "--audit", "--json"][..], &place].concat());
    assert_eq!(compared.status.code(), Some(0), "{}", err(&compared));
    let report: Value = serde_json::from_str(&out(&compared)).unwrap();
    for variant in ["ours", "naive", "bare", "plain"] {
        assert!(report.to_string().contains(variant), "{variant}: {report:#}");
    }
    let grown = piaolian(&[&["bench", "--grow", "1500", "--seconds", "1", "--repeats", "1"][..], &place].concat());
    assert_eq!(grown.status.code(), Some(0), "{}", err(&grown));
    assert!(out(&grown).contains("start at"), "{}", out(&grown));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "the bench leaves nothing behind");
}

#[test]
fn an_unknown_configuration_key_stops_the_start_and_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("piaolian.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:0\"\n").unwrap();
    let refused = piaolian(&["serve", "--config", &text(&file)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("CONFIG-INVALID") && err(&refused).contains("lisen"), "{}", err(&refused));
}

#[test]
fn a_keyring_is_made_once() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("piaolian.toml");
    std::fs::write(&file, format!("keys = {:?}\n", text(&temp.path().join("keys")))).unwrap();
    let made = piaolian(&["keygen", "members", "--config", &text(&file)]);
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let again = piaolian(&["keygen", "members", "--config", &text(&file)]);
    assert_eq!(again.status.code(), Some(2));
    assert!(err(&again).contains("CONFIG-FILE"), "{}", err(&again));
}

#[test]
fn help_teaches_and_is_no_mistake() {
    let help = piaolian(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let first = ["serve", "demo", "issue", "verify", "audit", "export", "keygen", "migrate", "bench", "First steps"];
    let then = ["invoice", "confirmation", "hold", "wallet", "merchant", "rules", "day", "member", "rosters", "states"];
    for word in [&first[..], &then, &["restored", "outbox", "copy", "monitor"]].concat() {
        assert!(out(&help).contains(word), "{word}");
    }
    assert_eq!(piaolian(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn the_readme_has_the_table_of_states_as_the_code_gives_it() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, behind) = readme.split_once("<!-- states -->\n").expect("a marker before the table");
    let (in_readme, _) = behind.split_once("<!-- /states -->").expect("a marker behind it");
    assert_eq!(in_readme, table(), "print it again: piaolian states");
    let printed = piaolian(&["states"]);
    assert_eq!(printed.status.code(), Some(0));
    assert!(out(&printed).starts_with(&table()), "{}", out(&printed));
}
