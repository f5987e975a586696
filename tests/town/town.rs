//! A town of service processes on one database: one keyring, one configuration, a port each. Ended when dropped, also by a panic.

#![allow(dead_code, reason = "each target that includes this uses its own part")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use piaolian::parties::tencent::sandbox::Platform;
use serde_json::{Value, json};

use crate::client::{Answer, Ask, Client};
use crate::run::{free_port, number, variable};

/// How long a process may take to be ready: a debug build on two busy cores.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Keeps tests apart: each measures what it does to its own processes.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has said so; it does not fail the next.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime for the client's side.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// How many processes a test runs: three unless `TEST_PROCESSES` says otherwise.
pub fn processes() -> usize {
    usize::try_from(number("TEST_PROCESSES", 3)).unwrap()
}

/// The seed of a test, printed so that a run can be repeated.
pub fn seed() -> u64 {
    crate::run::seed("TEST_SEED")
}

/// The program under test.
pub fn program() -> PathBuf {
    variable("TEST_PIAOLIAN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_piaolian")), PathBuf::from)
}

/// Runs a command of the program.
pub fn piaolian(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().unwrap()
}

/// Runs a command that must succeed; gives what it printed.
pub fn done(arguments: &[&str]) -> String {
    let output = piaolian(arguments);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// A registered merchant.
#[derive(Debug, Clone, Default)]
pub struct Merchant {
    pub mchid: String,
    pub key: String,
}

struct Process {
    config: PathBuf,
    log: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already, or stopped: SIGKILL ends that too.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(15).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            eprintln!("--- the end of {}:\n{}", self.log.display(), last.join("\n"));
        }
    }
}

/// The processes, and what they share.
pub struct Town {
    /// The database as audits and looks from outside reach it.
    pub database: String,
    processes: Vec<Process>,
    pub client: Client,
    pub platform: Arc<Platform>,
    pub bureau: String,
    /// Last: processes write and read there until they are dropped.
    folder: tempfile::TempDir,
}

impl Town {
    /// A database made ready, with nobody serving it yet.
    pub fn new(database: &str) -> Self {
        Self::beside(tempfile::tempdir().unwrap(), database)
    }

    /// The same with its files in a folder that is there already.
    pub fn beside(folder: tempfile::TempDir, database: &str) -> Self {
        let platform = Platform::generate(&[7; 16]).unwrap();
        std::fs::write(folder.path().join("platform.pem"), platform.public_key_pem().unwrap()).unwrap();
        std::fs::write(folder.path().join("api-v3.key"), platform.api_v3_key().expose()).unwrap();
        let client = Client::new();
        let mut town = Self {
            folder,
            database: database.to_owned(),
            processes: Vec::new(),
            client,
            platform: Arc::new(platform),
            bureau: String::new(),
        };
        let config = town.write_config("once", database, free_port(), "");
        done(&["keygen", "members", "--config", text(&config)]);
        done(&["migrate", "--config", text(&config)]);
        let printed = done(&["keygen", "api-key", "--config", text(&config), "--role", "bureau", "--label", "test"]);
        town.bureau = printed.lines().last().unwrap().to_owned();
        town
    }

    /// A database made ready and so many processes serving it.
    pub async fn serving(database: &str, processes: usize) -> Self {
        let mut town = Self::new(database);
        for _ in 0..processes {
            town.add(database, "").await;
        }
        town
    }

    fn write_config(&self, name: &str, database: &str, port: u16, more: &str) -> PathBuf {
        let at = |name: &str| self.folder.path().join(name);
        let mut toml = String::new();
        // One public address for all: an answer says the same whoever gives it.
        writeln!(toml, "database = {database:?}\nkeys = {:?}\nlisten = \"127.0.0.1:{port}\"", at("keys")).unwrap();
        writeln!(toml, "public_url = \"http://127.0.0.1:8080\"\n{more}\n[wechat]").unwrap();
        writeln!(toml, "api_v3_key_file = {:?}\n[wechat.platform_keys]", at("api-v3.key")).unwrap();
        writeln!(toml, "{:?} = {:?}", self.platform.serial(), at("platform.pem")).unwrap();
        let file = at(&format!("{name}.toml"));
        std::fs::write(&file, toml).unwrap();
        file
    }

    /// Adds a process; `more` are further lines of its configuration. Gives its place in the town.
    pub async fn add(&mut self, database: &str, more: &str) -> usize {
        let nth = self.place(database, more);
        self.start(nth);
        self.ready(nth).await;
        nth
    }

    /// The same without starting it.
    pub fn place(&mut self, database: &str, more: &str) -> usize {
        let nth = self.processes.len();
        let port = free_port();
        let config = self.write_config(&format!("process-{nth}"), database, port, more);
        let log = self.folder.path().join(format!("process-{nth}.log"));
        self.processes.push(Process { config, log, port, child: None });
        nth
    }

    /// Starts a process that does not run.
    pub fn start(&mut self, nth: usize) {
        self.start_in(nth, &[]);
    }

    /// The same with these variables in its environment.
    pub fn start_in(&mut self, nth: usize, environment: &[(&str, &str)]) {
        let process = &mut self.processes[nth];
        assert!(process.child.is_none(), "process {nth} runs already");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&process.log).unwrap();
        let child = Command::new(program())
            .args(["serve", "--config", text(&process.config)])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        process.child = Some(child);
    }

    /// Waits until a process takes commands.
    pub async fn ready(&mut self, nth: usize) {
        let until = Instant::now() + READY_WITHIN;
        while self.role(nth).await.is_none() {
            let ended = self.processes[nth].child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < until, "process {nth} is not ready; ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a process to end by itself; how it ended, or nothing if it goes on.
    pub async fn ended(&mut self, nth: usize, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            if let Some(ended) = self.processes[nth].child.as_mut().unwrap().try_wait().unwrap() {
                self.processes[nth].child = None;
                return Some(ended);
            }
            if Instant::now() > until {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What a process says it is, if it is ready: `leading`, `following`, or nothing where there is but one.
    pub async fn role(&self, nth: usize) -> Option<String> {
        let (base, ask) = (self.base(nth), Ask::get("/readyz"));
        let asked = self.client.ask(&base, &ask);
        // A process that was stopped takes the connection and says nothing.
        let answer = tokio::time::timeout(Duration::from_secs(2), asked).await.ok()?.ok()?;
        (answer.status == 200).then(|| answer.json()["role"].as_str().unwrap_or("leading").to_owned())
    }

    /// Who leads, once somebody does.
    pub async fn leader(&self) -> usize {
        let until = Instant::now() + READY_WITHIN;
        loop {
            for nth in self.running() {
                if self.role(nth).await.as_deref() == Some("leading") {
                    return nth;
                }
            }
            assert!(Instant::now() < until, "nobody leads");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The processes that run.
    pub fn running(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|nth| self.processes[*nth].child.is_some()).collect()
    }

    /// Where a process is.
    pub fn base(&self, nth: usize) -> String {
        format!("http://127.0.0.1:{}", self.processes[nth].port)
    }

    /// Where all processes are.
    pub fn bases(&self) -> Vec<String> {
        (0..self.processes.len()).map(|nth| self.base(nth)).collect()
    }

    /// Sends a signal, by name.
    pub fn signal(&self, nth: usize, signal: &str) {
        let pid = self.processes[nth].child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success(), "kill {signal} {pid}");
    }

    /// Ends a process as a power cut does.
    pub fn kill(&mut self, nth: usize) {
        let mut child = self.processes[nth].child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends all processes in order, the last first. Each must end well.
    pub fn stop(&mut self) {
        for nth in self.running().into_iter().rev() {
            self.signal(nth, "-TERM");
            let mut child = self.processes[nth].child.take().unwrap();
            let until = Instant::now() + READY_WITHIN;
            let ended = loop {
                if let Some(ended) = child.try_wait().unwrap() {
                    break ended;
                }
                if Instant::now() > until {
                    child.kill().unwrap();
                    panic!("process {nth} does not stop:\n{}", self.log(nth));
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            assert!(ended.success(), "process {nth} ended with {ended}:\n{}", self.log(nth));
        }
    }

    /// What a process has logged.
    pub fn log(&self, nth: usize) -> String {
        std::fs::read_to_string(&self.processes[nth].log).unwrap()
    }

    /// The folder that the processes' files are in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The roster's file.
    pub fn roster(&self) -> PathBuf {
        self.folder.path().join("keys/roster.json")
    }

    /// Asks one process until it answers with 2xx; what else it may say is checked by [`Client::settle`].
    pub async fn ask(&self, nth: usize, ask: &Ask) -> Answer {
        self.client.settle(&[self.base(nth)], ask).await
    }

    /// Registers a merchant that has a payment number, and makes it a key.
    pub async fn register(&self, nth: u64) -> Merchant {
        self.register_as(nth, &self.registration(nth)).await
    }

    /// The same by a request of one's own.
    pub async fn register_as(&self, nth: u64, registration: &Ask) -> Merchant {
        let mchid = (1_900_000_000 + nth).to_string();
        let answer = self.ask(0, registration).await;
        let id = &answer.json()["merchant"]["id"];
        let body = json!({"role": "merchant", "merchant": id, "label": "desk"});
        let key = self.ask(0, &Ask::post("/v1/api-keys").by(&self.bureau).json(&body)).await;
        Merchant { mchid, key: key.json()["secret"].as_str().unwrap().to_owned() }
    }

    /// The request that registers a merchant.
    pub fn registration(&self, nth: u64) -> Ask {
        self.registration_billed(nth, false)
    }

    /// The same for one whose payments become invoices by themselves, or not.
    pub fn registration_billed(&self, nth: u64, issue_on_payment: bool) -> Ask {
        let mut body = json!({
            "name": format!("深圳市票链样例第{nth}商行"), "taxpayer_id": format!("9144030000TEST{nth:04}"),
            "mchid": (1_900_000_000 + nth).to_string(),
        });
        if issue_on_payment {
            body["issue_on_payment"] = json!(true);
        }
        Ask::post("/v1/merchants").by(&self.bureau).once(&format!("register-{nth}")).json(&body)
    }

    /// Audits the ledger by the program; it must be clean. Gives the report.
    pub fn audit(&self) -> Value {
        audit(&self.database, &self.roster())
    }
}

/// Audits a ledger by the program; it must be clean. Gives the report.
pub fn audit(database: &str, roster: &Path) -> Value {
    let output = piaolian(&["audit", "--database", database, "--roster", text(roster), "--json"]);
    let printed = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}{error}"));
    assert!(output.status.success(), "{:#}{error}", report["findings"]);
    report
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
