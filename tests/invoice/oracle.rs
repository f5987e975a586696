//! The oracle in Python, and how random cases are run against it.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::Value;

pub struct Oracle {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start(script: &str) -> RefCell<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script);
        let mut process = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 must be there: without the oracle nothing is tested");
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        RefCell::new(Self { process, questions, answers })
    }

    pub fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions.as_mut().unwrap(), "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).expect("the oracle answers every question with one line of JSON")
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ended = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own knobs")]
fn knob(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

pub fn cases() -> u32 {
    u32::try_from(knob("ORACLE_CASES").unwrap_or(2_000)).unwrap()
}

pub fn run<S: Strategy>(name: &str, strategy: &S, cases: u32, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seed = knob("ORACLE_SEED")
        .unwrap_or_else(|| u64::from_le_bytes(piaolian::base::random::bytes().expect("the system gives randomness")));
    println!("{name}: {cases} cases, ORACLE_SEED={seed}");
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    match runner.run(strategy, test) {
        Ok(()) => (),
        Err(TestError::Fail(reason, _)) => panic!("{name}, ORACLE_SEED={seed}: {reason}"),
        Err(TestError::Abort(reason)) => panic!("{name}, ORACLE_SEED={seed}: given up: {reason}"),
    }
}
