//! The Python side: independent implementations, run as they are, and what they say about us.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use piaolian::base::Secret;
use piaolian::chain::{IssuerKey, eip191_hash, recover};
use serde_json::{Value, json};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs a script of `tests/oracle` and returns what it prints; fails when it, or what it imports, fails.
pub fn python(script: &str, arguments: &[&Path], input: &str) -> String {
    let program = environment("ORACLE_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let mut child = Command::new(&program)
        .arg(root().join("tests/oracle").join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} (from ORACLE_PYTHON, else python3) does not start: {e}"));
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.as_bytes().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(
        output.status.success(),
        "{program} tests/oracle/{script} failed; it needs tests/oracle/requirements.txt:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    written.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn addresses_hashes_and_signatures_are_those_of_eth_account() {
    let texts = ["", "{}", r#"{"name":"餐费","v":1}"#, "é\u{1f600}", &"x".repeat(1000)];
    let mut secrets = vec![[0; 32]; 3];
    secrets[0][31] = 1;
    secrets[1].fill(0x7f);
    // The largest key: one less than the order of the curve.
    hex::decode_to_slice("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", &mut secrets[2]).unwrap();
    secrets.extend((1..20_u8).map(|i| *piaolian::chain::keccak256([i]).as_bytes()));
    let (mut questions, mut ours) = (Vec::new(), Vec::new());
    for secret in secrets {
        let key = IssuerKey::from_secret(&Secret::new(secret)).unwrap();
        for text in texts {
            let signature = key.sign(text);
            assert_eq!(recover(text, &signature).unwrap(), key.address());
            questions.push(json!({"secret": hex::encode(secret), "text": text}));
            ours.push(json!({
                "address": key.address().to_eip55(),
                "eip191": eip191_hash(text),
                "signature": signature,
            }));
        }
    }
    let answer = python("ethereum.py", &[], &serde_json::to_string(&questions).unwrap());
    assert_eq!(serde_json::from_str::<Vec<Value>>(&answer).unwrap(), ours);
}

#[test]
fn a_second_implementation_agrees_with_every_golden_file() {
    let said = python("chain.py", &[&root().join("fixtures/chain")], "");
    assert!(said.ends_with("all agree\n"), "{said}");
}
