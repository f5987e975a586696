//! The Python side.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What a program of `tests/readers` answers; fails when it, or what it imports, fails.
pub fn ask(script: &str, arguments: &[&str], input: &str) -> Value {
    let program = environment("READERS_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let mut child = Command::new(&program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers").join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} (from READERS_PYTHON, else python3) does not start: {e}"));
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.as_bytes().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(
        output.status.success(),
        "{program} tests/readers/{script} failed; it needs tests/readers/requirements.txt:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    written.unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
