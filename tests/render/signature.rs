//! The operator's signature, as poppler sees it. Needs poppler-utils (pdfsig) and openssl, which makes the key.

use std::path::Path;
use std::process::Command;

use piaolian::base::Code;
use piaolian::render::DocumentSigner;

use super::archive::{document, on_disk};
use super::{path, press, run};

/// Key and certificate, PEM.
struct Pair {
    key: String,
    certificate: String,
}

fn pair() -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args(["-subj", "/C=CN/O=Piaolian Test/CN=Piaolian Documents", "-keyout", path(&file("key"))])
        .args(["-addext", "keyUsage=critical,digitalSignature,nonRepudiation", "-out", path(&file("certificate"))])
        .output()
        .unwrap_or_else(|e| panic!("openssl must be installed: {e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    Pair { key: text("key"), certificate: text("certificate") }
}

fn pdfsig(pdf: &Path) -> String {
    // Whose certificate it is, poppler can't know: only the signature is asked for.
    let output = Command::new("pdfsig").args(["-nocert", path(pdf)]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_signed_document_is_valid_as_a_whole_and_repeats() {
    let Pair { key, certificate } = pair();
    let signer = DocumentSigner::from_pem(&key, &certificate).unwrap();
    let signed = press().pdf_signed(&document(), &signer).unwrap();
    let again = DocumentSigner::from_pem(&key, &certificate).unwrap();
    assert!(signed == press().pdf_signed(&document(), &again).unwrap(), "RFC 6979");
    let file = on_disk(&signed.bytes);
    let said = pdfsig(&file.pdf);
    for words in ["Signature is Valid.", "Total document signed", "ETSI.CAdES.detached", "Hash Algorithm: SHA-256"] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    assert!(run("qpdf", &["--check", path(&file.pdf)]).contains("No syntax or stream encoding errors found"));
    assert!(run("pdfdetach", &["-list", path(&file.pdf)]).contains("receipt.json"));
}

#[test]
fn a_changed_byte_anywhere_breaks_the_signature() {
    let Pair { key, certificate } = pair();
    let signer = DocumentSigner::from_pem(&key, &certificate).unwrap();
    let bytes = press().pdf_signed(&document(), &signer).unwrap().bytes;
    let title = bytes.windows(5).position(|window| window == b"zh-CN").unwrap();
    for at in [title, bytes.len() - 3] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let said = pdfsig(&on_disk(&changed).pdf);
        assert!(!said.contains("Signature is Valid."), "byte {at}: {said}");
    }
}

#[test]
fn only_the_signature_tells_a_signed_document_from_the_other() {
    let Pair { key, certificate } = pair();
    let signer = DocumentSigner::from_pem(&key, &certificate).unwrap();
    let text = |bytes: &[u8]| run("pdftotext", &["-raw", path(&on_disk(bytes).pdf), "-"]);
    let (signed, plain) = (press().pdf_signed(&document(), &signer).unwrap(), press().pdf(&document()).unwrap());
    assert_eq!(text(&signed.bytes), text(&plain.bytes));
    assert!(signed.bytes.len() - plain.bytes.len() < 4_000);
}

#[test]
fn keys_and_certificates_that_do_not_fit_are_refused() {
    let (one, other) = (pair(), pair());
    let refused = |key: &str, certificate: &str| DocumentSigner::from_pem(key, certificate).unwrap_err().code;
    assert_eq!(refused(&one.key, &other.certificate), Code::RenderSigner);
    assert_eq!(refused(&one.certificate, &one.certificate), Code::RenderSigner);
    assert_eq!(refused(&one.key, ""), Code::RenderSigner);
    assert_eq!(refused(&one.key, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"), Code::RenderSigner);
    assert!(DocumentSigner::from_pem(&one.key, &format!("{}{}", one.certificate, other.certificate)).is_ok());
}
