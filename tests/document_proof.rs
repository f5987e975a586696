//! A file that proves itself: PDFs whose pages, code, fonts or attachments were changed after they were made, and PDFs that other
//! programs saved again; each has its verdict from `piaolian verify` and from the verifier in JavaScript.
//!
//! Needs qpdf, mutool (Debian: mupdf-tools), ghostscript, openssl, node, chromium, and READERS_PYTHON with pikepdf (tests/run.sh);
//! without them these tests fail. How many PDFs the table of a folder and of an archive has is 40 unless told:
//!
//!   DOCUMENT_PROOFS=500 cargo test --features faults --test document_proof many

#[cfg(test)]
#[path = "document_proof/browser.rs"]
mod browser;
#[cfg(test)]
#[path = "document_proof/bulk.rs"]
mod bulk;
#[cfg(test)]
#[path = "document_proof/edits.rs"]
mod edits;
#[cfg(test)]
#[path = "document_proof/resaved.rs"]
mod resaved;
#[cfg(test)]
#[path = "document_proof/tampered.rs"]
mod tampered;
#[cfg(test)]
#[path = "document_proof/world.rs"]
mod world;
