//! The operator's signature as pyHanko and poppler judge it, on files as they are and on files that were changed.

use std::process::Command;

use piaolian::render::DocumentSigner;
use serde_json::{Value, json};

use crate::documents::{kinds, press};
use crate::python::ask;

struct Signed {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
}

/// A document signed by a test operator, whose certificate a root of the test has signed.
fn signed() -> Signed {
    let folder = tempfile::tempdir().unwrap();
    ask("signature.py", &["make", folder.path().to_str().unwrap()], "");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let signer = DocumentSigner::from_pem(&read("signer.key"), &read("signer.pem")).unwrap();
    let (_, document) = kinds().swap_remove(1);
    let bytes = press().pdf_signed(&document, &signer).unwrap().bytes;
    assert!(bytes == press().pdf_signed(&document, &signer).unwrap().bytes, "signed again, other bytes");
    Signed { folder, bytes }
}

impl Signed {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn judged(&self, file: &str) -> Value {
        ask("signature.py", &["check", &self.path("root.pem"), file], "")[file].clone()
    }
}

#[test]
fn pyhanko_and_poppler_accept_the_signature_of_the_whole_file() {
    let signed = signed();
    let file = signed.write("signed.pdf", &signed.bytes);
    let expected = json!([{"intact": true, "valid": true, "trusted": true, "coverage": "ENTIRE_FILE", "modification": "NONE",
                           "digest": "sha256", "subfilter": "/ETSI.CAdES.detached", "profile": true}]);
    assert_eq!(signed.judged(&file), expected);
    // Poppler has no root of ours to trust, so it is asked about the signature alone.
    let output = Command::new("pdfsig").args(["-nocert", &file]).output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("Signature is Valid."), "{output}");
    assert!(output.contains("Total document signed"), "{output}");
    // What is signed keeps the rules of the archive as well.
    assert_eq!(ask("archive.py", &["check", &file], "")[&file], json!([]));
}

#[test]
fn a_signed_file_that_was_changed_is_noticed() {
    let signed = signed();
    for (nth, place) in [signed.bytes.len() / 3, signed.bytes.len() - 40].into_iter().enumerate() {
        let mut bytes = signed.bytes.clone();
        bytes[place] ^= 1;
        let file = signed.write(&format!("changed-{nth}.pdf"), &bytes);
        assert_ne!(signed.judged(&file)[0]["intact"], json!(true), "byte {place}");
    }
    let longer = [&signed.bytes[..], b"\n% more\n"].concat();
    let file = signed.write("longer.pdf", &longer);
    assert_ne!(signed.judged(&file)[0]["coverage"], json!("ENTIRE_FILE"));
}

#[test]
fn a_signer_of_another_root_is_not_trusted() {
    let (one, other) = (signed(), signed());
    let file = one.write("signed.pdf", &one.bytes);
    let judged = ask("signature.py", &["check", &other.path("root.pem"), &file], "")[&file][0].clone();
    assert_eq!((&judged["intact"], &judged["valid"], &judged["trusted"]), (&json!(true), &json!(true), &json!(false)));
}
