//! Tells cargo that the embedded migrations changed; it sees only Rust files by itself.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
