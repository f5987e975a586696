//! The second verifier, plain JavaScript in `templates/verifier`, against the vectors in `fixtures/chain`, against @noble's hashes and
//! curves, against this program on random and mutated documents, and as a page in a browser.
//!
//! Needs node 18 or later, npm, chromium and qpdf (Debian: nodejs, npm, chromium, qpdf); without them these tests fail. npm puts exact
//! versions of two packages into `target/verifier`. What is random comes from `VERIFIER_SEED` (printed; another each run only if you
//! say so); `VERIFIER_CASES` is how many documents both verifiers are asked about, 3,000 unless told:
//!
//!   VERIFIER_CASES=100000 cargo test --features faults --test verifier both -- --nocapture

#[cfg(test)]
#[path = "verifier/attachment.rs"]
mod attachment;
#[cfg(test)]
#[path = "verifier/byte_edits.rs"]
mod byte_edits;
#[cfg(test)]
#[path = "verifier/case.rs"]
mod case;
#[cfg(test)]
#[path = "verifier/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "verifier/differential.rs"]
mod differential;
#[cfg(test)]
#[path = "verifier/edits.rs"]
mod edits;
#[cfg(test)]
#[path = "verifier/entry_edits.rs"]
mod entry_edits;
#[cfg(test)]
#[path = "verifier/library.rs"]
mod library;
#[cfg(test)]
#[path = "verifier/node.rs"]
mod node;
#[cfg(test)]
#[path = "verifier/page.rs"]
mod page;
#[cfg(test)]
#[path = "verifier/signature_edits.rs"]
mod signature_edits;
#[cfg(test)]
#[path = "verifier/state_edits.rs"]
mod state_edits;
#[cfg(test)]
#[path = "verifier/text_edits.rs"]
mod text_edits;
#[cfg(test)]
#[path = "verifier/trees.rs"]
mod trees;
#[cfg(test)]
#[path = "verifier/vectors.rs"]
mod vectors;
#[cfg(test)]
#[path = "verifier/world.rs"]
mod world;
