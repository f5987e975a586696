//! `verify` on many files of all kinds, and with a server that is asked about the present: an honest one and ones that cheat.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use piaolian::chain::Receipt;
use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::history::{Fake, History, INVOICE, PLAIN, Plan, founders};
use crate::serve::consultant;
use crate::service::Service;
use crate::{err, files, out, piaolian, text};

const RECEIPTS: u64 = 500;

/// A folder with a roster beside another for receipts.
struct Desk {
    temp: tempfile::TempDir,
    receipts: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let receipts = temp.path().join("receipts");
        std::fs::create_dir(&receipts).unwrap();
        std::fs::write(temp.path().join("roster"), founders().text()).unwrap();
        Self { temp, receipts }
    }

    fn keep(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let file = self.receipts.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        text(&file)
    }

    fn verify(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let roster = text(&self.temp.path().join("roster"));
        let output = piaolian(&[&["verify", "--roster", &roster], arguments].concat());
        (output.status.code(), out(&output), err(&output))
    }

    /// The one line about one file.
    fn line(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (code, told, err) = self.verify(&[&["--json"], arguments].concat());
        (code, serde_json::from_str(&told).unwrap_or_else(|e| panic!("{e}: {told}{err}")))
    }
}

fn lines(told: &str) -> Vec<Value> {
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes the receipts of a history, some of them spoiled; gives the verdicts that must come, in order of the files.
fn many(desk: &Desk) -> Vec<&'static str> {
    let history = History::of(Plan { tip: RECEIPTS.div_ceil(crate::history::EACH), ..PLAIN });
    let tip = history.blocks.len() - 1;
    let mut verdicts = Vec::new();
    for index in 0..RECEIPTS {
        let mut receipt = history.receipt(index, tip);
        let verdict = match index {
            17 => {
                receipt.entry = receipt.entry.replace("19800", "19801");
                "PROOF_BAD"
            }
            99 => {
                receipt.seals.truncate(2);
                "SEALS_BELOW_QUORUM"
            }
            100 => {
                receipt.index = 101;
                "INDEX_MISMATCH"
            }
            499 => {
                receipt.seals[1] = receipt.seals[0].clone();
                "SEAL_DUPLICATE"
            }
            _ => "VALID",
        };
        let bytes = if index == 300 { "not JSON".to_owned() } else { receipt.to_json().unwrap() };
        verdicts.push(if index == 300 { "RECEIPT_MALFORMED" } else { verdict });
        desk.keep(&format!("{:02}/{index:04}.json", index / 100), bytes);
    }
    verdicts
}

#[test]
fn a_folder_of_receipts_is_verified_in_order_and_the_bad_ones_are_named() {
    let desk = Desk::new();
    let expected = many(&desk);
    desk.keep("readme.txt", "not for verifying");
    let folder = text(&desk.receipts);
    let (code, told, summary) = desk.verify(&["--json", &folder]);
    let found = lines(&told);
    let codes: Vec<&str> = found.iter().map(|line| line["code"].as_str().unwrap()).collect();
    assert_eq!((code, codes), (Some(1), expected));
    for (index, line) in found.iter().enumerate() {
        assert!(line["file"].as_str().unwrap().ends_with(&format!("/{index:04}.json")), "{line}");
        assert_eq!(line["code"] == "VALID", line["sealed"]["power"] == 4 && line["index"] == index, "{line}");
        assert!(line["covered"].is_array() && line["not_covered"].is_array(), "{line}");
    }
    let counts = "500 files: 1 INDEX_MISMATCH, 1 PROOF_BAD, 1 RECEIPT_MALFORMED, 1 SEALS_BELOW_QUORUM, 1 SEAL_DUPLICATE, 495 VALID";
    assert!(summary.contains(&format!("{counts} (1 other files")), "{summary}");
    let (code, told, _) = desk.verify(&[&folder]);
    assert_eq!((code, told.lines().count()), (Some(1), 501));
    assert!(told.lines().last().unwrap().starts_with(counts), "{told}");

    // One that can't be read does not stop the others.
    std::os::unix::fs::symlink("/nowhere", desk.receipts.join("00/0000a.json")).unwrap();
    let (code, told, err) = desk.verify(&["--json", &folder]);
    assert_eq!((code, lines(&told).len()), (Some(2), 501));
    assert_eq!(lines(&told)[1]["code"], "CLI-FILE");
    assert!(err.contains("CLI-FILE") && err.contains("0000a.json"), "{err}");
}

#[test]
fn a_table_has_a_row_a_file_and_no_formula() {
    let desk = Desk::new();
    let history = History::of(PLAIN);
    let good = desk.keep("a.json", history.receipt(0, 6).to_json().unwrap());
    let mut altered = history.receipt(0, 6);
    altered.entry = altered.entry.replace("国贸", "国茂");
    let bad = desk.keep("b.json", altered.to_json().unwrap());
    let (code, told, _) = desk.verify(&["--format", "csv", &good, &bad]);
    assert_eq!(code, Some(1));
    let mut table = csv::Reader::from_reader(told.as_bytes());
    let columns = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let place = columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}: {columns:?}"));
        rows[row][place].to_owned()
    };
    assert_eq!((rows.len(), cell(0, "file"), cell(0, "verdict")), (2, good, "VALID".to_owned()));
    let (invoice, total) = (cell(0, "invoice"), cell(0, "total_fen"));
    assert_eq!((invoice.as_str(), total.as_str(), cell(0, "date").as_str()), (INVOICE, "19800", "2023-11-15"));
    assert_eq!((cell(0, "index"), cell(0, "seller")), ("0".to_owned(), "国贸餐厅".to_owned()));
    assert_eq!(cell(0, "buyer"), "'=HYPERLINK(\"x\"),个人", "no formula");
    assert_eq!(
        (cell(1, "verdict"), cell(1, "field")),
        ("ISSUER_SIGNATURE_BAD".to_owned(), "entry.signature".to_owned())
    );
    assert_eq!((cell(1, "invoice"), cell(1, "seller")), (String::new(), String::new()), "nobody's word");
}

/// The smallest PDF that carries a file.
fn pdf_carrying(name: &str, content: &str) -> Vec<u8> {
    let stream = format!("<</Type/EmbeddedFile/Length {}>>stream\n{content}\nendstream", content.len());
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles 3 0 R>>>>".to_owned(),
        "<</Type/Pages/Kids[]/Count 0>>".to_owned(),
        format!("<</Names[({name})4 0 R]>>"),
        format!("<</Type/Filespec/F({name})/UF({name})/EF<</F 5 0 R>>>>"),
        stream,
    ];
    let mut pdf = "%PDF-1.7\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (number, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{} 0 obj{object}endobj\n", number + 1));
    }
    let start = pdf.len();
    pdf.push_str(&format!("xref\n0 6\n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"));
    pdf.into_bytes()
}

#[test]
fn a_pdf_is_as_good_as_the_receipt_that_it_carries() {
    let desk = Desk::new();
    let receipt = History::of(PLAIN).receipt(0, 6).to_json().unwrap();
    // The receipt is valid; the PDF has no page that could be what it makes (tests/document_proof.rs has those that are).
    let carried = desk.keep("good.pdf", pdf_carrying("receipt.json", &receipt));
    let (code, line) = desk.line(&[&carried]);
    assert_eq!((code, &line["code"], &line["field"]), (Some(1), &json!("FACE_DIFFERS"), &json!("qr")), "{line}");
    assert_eq!((&line["index"], &line["sealed"]["power"]), (&json!(0), &json!(4)), "{line}");
    assert_eq!(line["face"], json!({"verdict": "differs"}), "{line}");
    let altered = desk.keep("altered.pdf", pdf_carrying("receipt.json", &receipt.replace("个人", "他人")));
    assert_eq!(desk.line(&[&altered]).1["code"], "ISSUER_SIGNATURE_BAD");
    for (name, bytes) in [
        ("none.pdf", pdf_carrying("invoice.xml", "<x/>")),
        ("cut.pdf", b"%PDF-1.7\n%%EOF".to_vec()),
        ("pdf.json", pdf_carrying("invoice.xml", "<x/>")),
    ] {
        let (code, line) = desk.line(&[&desk.keep(name, bytes)]);
        assert_eq!((code, &line["code"]), (Some(1), &json!("RECEIPT_MISSING")), "{name}: {line}");
    }
}

#[test]
fn what_is_said_tells_what_was_checked_and_what_was_not() {
    let desk = Desk::new();
    let file = desk.keep("receipt.json", History::of(PLAIN).receipt(4, 6).to_json().unwrap());
    let (code, told, _) = desk.verify(&[&file]);
    let sentence = "VALID  in the ledger at index 4, sealed by 4 of 4 (power) at 2023-11-15 06:13:26 CST; present state not checked";
    assert_eq!(code, Some(0));
    assert!(told.contains(sentence) && told.contains("not covered"), "{told}");
    let empty = desk.temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    for arguments in [&["--json", "--format", "csv", &file][..], &[&text(&empty)], &["--max-age", "1h", &file]] {
        assert_eq!(desk.verify(arguments).0, Some(2), "{arguments:?}");
    }
}

fn history(plan: Plan) -> Arc<History> {
    Arc::new(History::of(plan))
}

#[test]
fn the_present_state_is_proven_and_its_age_is_told() {
    let desk = Desk::new();
    let honest = history(Plan { reversed_from: 5, ..PLAIN });
    let file = desk.keep("receipt.json", honest.receipt(0, 2).to_json().unwrap());
    let server = Fake::showing(&honest, 4);
    let asked = ["--online", &server.url, &file];
    let (code, line) = desk.line(&asked);
    let present = &line["present"];
    assert_eq!(
        (code, &present["code"], &present["state"]["word"]),
        (Some(0), &json!("VALID"), &json!("open")),
        "{line}"
    );
    // The made-up chain is of 2023.
    assert_eq!((&present["height"], &present["stale"]), (&json!(4), &json!(true)), "{line}");
    let (_, told, _) = desk.verify(&asked);
    assert!(told.contains("present state as of block 4, WARNING: ") && told.contains("nothing reversed"), "{told}");
    let (_, line) = desk.line(&["--max-age", "20000d", "--online", &server.url, &file]);
    assert_eq!(line["present"]["stale"], false, "{line}");

    server.turn_to(&honest, 6);
    let (code, told, _) = desk.verify(&asked);
    assert_eq!(code, Some(0));
    assert!(told.contains(&format!("{INVOICE}: reversed in full")), "{told}");
    // Of what is no invoice nobody is asked.
    let payment = desk.keep("payment.json", honest.receipt(4, 3).to_json().unwrap());
    assert_eq!(desk.line(&["--online", "http://127.0.0.1:1", &payment]).0, Some(0));
}

#[test]
fn a_server_that_shows_another_history_leaves_evidence() {
    let desk = Desk::new();
    let (honest, forked) = (history(PLAIN), history(Plan { forked_from: 2, ..PLAIN }));
    let file = desk.keep("receipt.json", honest.receipt(0, 4).to_json().unwrap());
    let kept = text(desk.temp.path());
    let server = Fake::showing(&forked, 6);
    let (code, line) = desk.line(&["--online", &server.url, "--evidence", &kept, &file]);
    assert_eq!((code, &line["present"]["code"]), (Some(3), &json!("EQUIVOCATION_PROVEN")), "{line}");
    let evidence = line["present"]["evidence"].as_str().unwrap();
    assert_eq!(desk.line(&[evidence]).1["code"], "EQUIVOCATION_PROVEN");
    assert_eq!(files(desk.temp.path(), "json").len(), 1);
}

#[test]
fn an_answer_that_is_not_proven_is_no_answer() {
    let desk = Desk::new();
    let honest = history(PLAIN);
    let file = desk.keep("receipt.json", honest.receipt(0, 4).to_json().unwrap());
    let kept = text(desk.temp.path());
    let server = Fake::showing(&honest, 3);
    let asked = || desk.line(&["--online", &server.url, "--evidence", &kept, &file]);
    let refused = |code: &str| {
        let (exit, line) = asked();
        assert_eq!((exit, &line["code"], &line["present"]["code"]), (Some(1), &json!("VALID"), &json!(code)), "{line}");
    };
    refused("MONITOR-ROLLBACK");
    type Change = fn(&str, String) -> (u16, String);
    let changes: [(&str, Change); 6] = [
        ("STATE_PROOF_BAD", |_, body| (200, body.replace(r#"\"open\""#, r#"\"locked\""#))),
        ("SEALS_BELOW_QUORUM", |_, body| {
            let mut proof: Value = serde_json::from_str(&body).unwrap();
            proof["seals"].as_array_mut().unwrap().truncate(2);
            (200, proof.to_string())
        }),
        ("MONITOR-ANSWER", |_, _| (200, "[]".to_owned())),
        ("MONITOR-REFUSED", |_, _| (403, "{}".to_owned())),
        // Absence is no answer about an invoice that is there.
        ("LEAF_HASH_MISMATCH", |_, body| {
            let mut proof: Value = serde_json::from_str(&body).unwrap();
            proof["state"] = json!({"siblings": []});
            (200, proof.to_string())
        }),
        (
            "MONITOR-UNPROVEN",
            |path, body| if path.starts_with("/v1/proofs") { (404, "{}".to_owned()) } else { (200, body) },
        ),
    ];
    for (code, change) in changes {
        let of = Arc::clone(&honest);
        server.turn(move |path| match of.answer(6, path) {
            (200, body) if path.starts_with("/v1/state/") || code == "MONITOR-UNPROVEN" => change(path, body),
            other => other,
        });
        refused(code);
    }
    server.turn(|_| (503, "{}".to_owned()));
    let (exit, line) = asked();
    assert_eq!((exit, &line["present"]["code"]), (Some(2), &json!("CLI-UNREACHABLE")), "{line}");
}

fn invoice_of(service: &Service, folder: &Path) -> String {
    let (status, answer) = service.ask("POST", "/v1/merchants", Some("the-one-merchant"), &consultant()).unwrap();
    assert_eq!(status, 201, "{answer}");
    let key = service.key_of("merchant", "M00000001");
    let receipt = text(&folder.join("receipt.json"));
    let draft = format!("{}/fixtures/demo/draft.json", env!("CARGO_MANIFEST_DIR"));
    let issued = service.issue(&draft, &key, &["--receipt", &receipt]);
    assert_eq!(issued.status.code(), Some(0), "{}{}", out(&issued), err(&issued));
    receipt
}

#[test]
fn a_service_of_ones_own_shows_the_present_state() {
    let temp = tempfile::tempdir().unwrap();
    let database = TestDatabase::empty();
    let service = Service::start(temp.path(), &database);
    let receipt = invoice_of(&service, temp.path());
    let roster = text(&temp.path().join("keys/roster.json"));
    let asked = |word: &str| {
        let output = piaolian(&["verify", "--json", "--roster", &roster, "--online", &service.url, &receipt]);
        let line: Value = serde_json::from_str(&out(&output)).unwrap();
        let present = &line["present"];
        assert_eq!((output.status.code(), &present["state"]["word"]), (Some(0), &json!(word)), "{line}");
        assert_eq!(present["stale"], false, "{line}");
    };
    asked("open");
    let parsed = Receipt::from_json(&std::fs::read(&receipt).unwrap()).unwrap();
    let entry: Value = serde_json::from_str(&parsed.entry).unwrap();
    let id = format!("{}-{}", entry["code"].as_str().unwrap(), entry["number"].as_str().unwrap());
    let key = temp.path().join("M00000001.key");
    let reversed = service.asks(&["invoice", "reverse", &id, "--reason", "SALES_RETURN"], Some(&key));
    assert_eq!(reversed.status.code(), Some(0), "{}{}", out(&reversed), err(&reversed));
    asked("reversed");
    service.stop();
}
