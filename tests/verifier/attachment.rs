//! The command line in Node: exit codes, lines of JSON, and PDFs that carry a receipt, made with qpdf.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node::{command_line, root, run};

/// A valid receipt, one that is not, and the rosters, as files.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let golden = std::fs::read(root().join("fixtures/chain/receipts.json")).unwrap();
        let golden: Value = serde_json::from_slice(&golden).unwrap();
        let files = Self { folder: TempDir::new().unwrap() };
        let receipt = golden["cases"][0]["receipt"].as_str().unwrap();
        std::fs::write(files.path("receipt.json"), receipt).unwrap();
        std::fs::write(files.path("altered.json"), receipt.replace("19800", "19801")).unwrap();
        let rosters: Vec<&str> =
            golden["rosters"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        std::fs::write(files.path("rosters.json"), format!("[{}]\n", rosters.join(", "))).unwrap();
        std::fs::write(files.path("roster.json"), format!("{}\n", rosters[0])).unwrap();
        std::fs::write(files.path("plain.pdf"), PDF).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The code that `piaolian verify` gives a file.
    fn theirs(&self, name: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piaolian"));
        command.arg("verify").arg(self.path(name)).arg("--roster").arg(self.path("rosters.json")).arg("--json");
        let line: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        line["code"].as_str().unwrap().to_owned()
    }

    fn verify(&self, names: &[&str], options: &[&str]) -> Output {
        let paths = names.iter().map(|name| self.path(name));
        command_line().args(paths).arg("--roster").arg(self.path("rosters.json")).args(options).output().unwrap()
    }

    /// Verdict code, message and exit code of one file.
    fn verdict(&self, name: &str) -> (String, String, Option<i32>) {
        let output = self.verify(&[name], &["--json"]);
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |member: &str| line[member].as_str().unwrap().to_owned();
        (text("code"), text("message"), output.status.code())
    }

    /// `from` with a file attached, or changed otherwise by qpdf.
    fn qpdf(&self, options: &[&str], from: &str, to: &str) {
        run(Command::new("qpdf")
            .current_dir(self.folder.path())
            .args(["--warning-exit-0"])
            .args(options)
            .args([from, to]));
    }
}

/// One empty page, written by hand; qpdf mends the missing table.
const PDF: &str = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
    3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>\nendobj\ntrailer\n<< /Root 1 0 R /Size 4 >>\n%%EOF\n";

/// The receipt was found and is valid; the page, which is empty, is not what it makes. What pages must be is in tests/document_proof.rs.
const FOUND: (&str, Option<i32>) = ("FACE_DIFFERS", Some(1));
const MISSING: (&str, Option<i32>) = ("RECEIPT_MISSING", Some(1));

#[test]
fn a_receipt_in_a_pdf_is_found_however_the_pdf_is_written() {
    let files = Files::new();
    let attach = ["--add-attachment", "receipt.json", "--"];
    for (name, options) in [
        ("compressed", &[][..]),
        ("plain", &["--stream-data=uncompress", "--compress-streams=n"]),
        ("packed", &["--object-streams=generate"]),
        ("linear", &["--linearize"]),
    ] {
        files.qpdf(&[options, &attach].concat(), "plain.pdf", &format!("{name}-with.pdf"));
        let (code, message, exit) = files.verdict(&format!("{name}-with.pdf"));
        assert_eq!((code.as_str(), exit), FOUND, "{name}: {message}");
        assert_eq!(files.theirs(&format!("{name}-with.pdf")), "FACE_DIFFERS", "{name}");
    }
    let bytes = std::fs::read(files.path("packed-with.pdf")).unwrap();
    assert!(!bytes.windows(9).any(|window| window == b"/Filespec"), "its objects were to be in a stream");
}

#[test]
fn a_pdf_without_exactly_one_receipt_says_so() {
    let files = Files::new();
    files.qpdf(&["--add-attachment", "altered.json", "--"], "plain.pdf", "other.pdf");
    files.qpdf(&["--add-attachment", "receipt.json", "--"], "plain.pdf", "one.pdf");
    files.qpdf(
        &["--add-attachment", "altered.json", "--filename=receipt.json", "--key=second", "--"],
        "one.pdf",
        "two.pdf",
    );
    files.qpdf(&["--encrypt", "user", "owner", "256", "--"], "one.pdf", "closed.pdf");
    files.qpdf(&[], "plain.pdf", "mended.pdf");
    for (name, says) in [
        // Without a table of objects nobody finds anything in it for certain.
        ("plain", "can't be read"),
        ("mended", "carries no receipt"),
        ("other", "carries no receipt"),
        ("two", "more than one"),
        ("closed", "encrypted"),
    ] {
        let (code, message, exit) = files.verdict(&format!("{name}.pdf"));
        assert_eq!((code.as_str(), exit), MISSING, "{name}");
        assert!(message.contains(says), "{name}: {message}");
        assert_eq!(files.theirs(&format!("{name}.pdf")), "RECEIPT_MISSING", "{name}");
    }
    files.qpdf(&["--add-attachment", "altered.json", "--filename=receipt.json", "--"], "plain.pdf", "altered.pdf");
    assert_eq!(files.verdict("altered.pdf").0, "ISSUER_SIGNATURE_BAD");
}

#[test]
fn a_pdf_cut_anywhere_ends_in_a_verdict() {
    let files = Files::new();
    files.qpdf(&["--add-attachment", "receipt.json", "--"], "plain.pdf", "one.pdf");
    let bytes = std::fs::read(files.path("one.pdf")).unwrap();
    let names: Vec<String> = (5..bytes.len()).step_by(97).map(|length| format!("cut-{length}.pdf")).collect();
    for name in &names {
        let length: usize = name.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        std::fs::write(files.path(name), &bytes[..length]).unwrap();
    }
    let output = files.verify(&names.iter().map(String::as_str).collect::<Vec<_>>(), &["--json"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        (lines.lines().count(), output.status.code()),
        (names.len(), Some(1)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn lines_and_exit_codes_are_those_of_piaolian_verify() {
    let files = Files::new();
    let own = |names: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piaolian"));
        command.arg("verify").args(names.iter().map(|name| files.path(name)));
        command.arg("--roster").arg(files.path("rosters.json")).arg("--json").output().unwrap()
    };
    for names in
        [&["receipt.json"][..], &["altered.json"], &["receipt.json", "altered.json", "not-there.json", "rosters.json"]]
    {
        let (theirs, ours) = (own(names), files.verify(names, &["--json"]));
        assert_eq!(theirs.status.code(), ours.status.code(), "{names:?}");
        let lines = |output: &Output| -> Vec<Value> {
            let text = String::from_utf8(output.stdout.clone()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        for (mut theirs, mut ours) in lines(&theirs).into_iter().zip(lines(&ours)) {
            // The sentence of a failure is each program's own.
            (theirs["message"], ours["message"]) = (json!(""), json!(""));
            assert_eq!(theirs, ours);
        }
        assert_eq!(lines(&ours).len(), names.len());
    }
}

#[test]
fn what_cannot_be_used_is_exit_code_2() {
    let files = Files::new();
    let code = |output: Output| output.status.code();
    assert_eq!(code(files.verify(&["receipt.json", "not-there.json"], &[])), Some(2));
    assert_eq!(code(files.verify(&["receipt.json"], &["--hash", "01"])), Some(2));
    assert_eq!(code(files.verify(&[], &[])), Some(2));
    assert_eq!(code(files.verify(&["receipt.json"], &["--unknown"])), Some(2));
    let with =
        |roster: &Path| command_line().arg(files.path("receipt.json")).arg("--roster").arg(roster).output().unwrap();
    assert_eq!(code(with(&files.path("receipt.json"))), Some(2));
    assert_eq!(code(with(&files.path("roster.json"))), Some(0));
    let hash = format!("01{}", "ab".repeat(32));
    assert_eq!(code(files.verify(&["receipt.json"], &["--hash", &hash])), Some(1));
}
