//! A service of one's own, as an operator starts it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::database::TestDatabase;
use crate::{err, out, piaolian, text};

/// `piaolian serve --migrate` on a folder of its own; ended when dropped.
pub struct Service {
    pub folder: PathBuf,
    config: String,
    pub url: String,
    child: Child,
    pub bureau: String,
    /// Kept open: a program whose output nobody takes would end with a broken pipe.
    _output: BufReader<ChildStdout>,
}

impl Service {
    pub fn start(folder: &Path, database: &TestDatabase) -> Self {
        // Bound and let go again: the address has to stand in the configuration before the service runs.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}");
        let config = folder.join("piaolian.toml");
        let toml = format!(
            "database = {:?}\nkeys = {:?}\nlisten = \"{free}\"\npublic_url = \"{url}\"\nlog = \"debug\"\n",
            database.url_text(),
            text(&folder.join("keys"))
        );
        std::fs::write(&config, toml).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_piaolian"))
            .args(["serve", "--migrate", "--config", &text(&config)])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log.jsonl")).unwrap())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        while !told.contains("piaolian serves chain") {
            let read = output.read_line(&mut told).unwrap();
            assert!(read > 0, "the service ended early:\n{told}{}", logged(folder));
        }
        let mut lines = told.lines().skip_while(|line| !line.contains("of role bureau"));
        let bureau = lines.nth(1).unwrap_or_else(|| panic!("no first key in:\n{told}")).to_owned();
        let service = Self { folder: folder.to_owned(), config: text(&config), url, child, bureau, _output: output };
        service.wait_until_ready();
        service
    }

    fn wait_until_ready(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.ask("GET", "/readyz", None, &Value::Null).is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < until, "not ready:\n{}", logged(&self.folder));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Status and body; nothing if nobody answers. As the bureau if there is an idempotency key.
    pub fn ask(&self, method: &str, path: &str, once: Option<&str>, body: &Value) -> Option<(u16, Value)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method.parse().unwrap(), format!("{}{path}", self.url));
            if let Some(once) = once {
                request = request.bearer_auth(&self.bureau).header("idempotency-key", once).json(body);
            }
            let answer = request.send().await.ok()?;
            Some((answer.status().as_u16(), answer.json().await.unwrap_or_default()))
        })
    }

    /// An API key made beside the service: role, and whose.
    pub fn keygen(&self, role: &str, whose: &str) -> Output {
        let of = ["keygen", "api-key", "--config", &self.config, "--role", role, &format!("--{role}"), whose];
        piaolian(&[&of[..], &["--label", "cli"]].concat())
    }

    /// A file with an API key made beside the service.
    pub fn key_of(&self, role: &str, whose: &str) -> PathBuf {
        let made = self.keygen(role, whose);
        assert_eq!(made.status.code(), Some(0), "{}", err(&made));
        self.keep(&format!("{whose}.key"), out(&made).lines().last().unwrap())
    }

    /// A file in the service's folder.
    pub fn keep(&self, name: &str, content: &str) -> PathBuf {
        let file = self.folder.join(name);
        std::fs::write(&file, format!("{content}\n")).unwrap();
        file
    }

    /// A command that asks this service.
    pub fn asks(&self, arguments: &[&str], key_file: Option<&Path>) -> Output {
        let key_file = key_file.map(text);
        let by: Vec<&str> = key_file.iter().flat_map(|file| ["--key-file", file]).collect();
        piaolian(&[arguments, &["--url", &self.url], &by].concat())
    }

    pub fn issue(&self, draft: &str, key_file: &Path, more: &[&str]) -> Output {
        let of = ["issue", draft, "--url", &self.url, "--key-file", &text(key_file)];
        piaolian(&[&of[..], more].concat())
    }

    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "SIGTERM ends the service in order");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill; after a failed assertion there is.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn logged(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log.jsonl")).unwrap()
}
