//! A sealed chain with invoices of several kinds, their PDFs, and the two verifiers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use piaolian::base::{Secret, UnixMs};
use piaolian::chain::{
    Edge, Edition, Hash, Header, IssuerKey, Member, Prover, Receipt, Roster, SealKey, TileId, Tiles, header_hash,
    keccak256, leaf_hash, to_canonical,
};
use piaolian::render::{Document, Press};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const SITE: &str = "https://fp.example.cn";
/// Entries that the golden files have; what the tests make up comes behind them.
const GOLDEN: usize = 27;
/// The one with three lines, a discount, an exempt line and every text.
pub const DINNER: usize = 6;
/// The one that follows it.
pub const MONITOR: usize = 8;
/// Red letters, the first for a part.
pub const RED: [usize; 2] = [22, 26];
/// Made up: 60 lines, which do not fit one page.
pub const LISTED: usize = GOLDEN;
/// Made up: texts that do not fit their places, characters that no font has.
pub const LONG: usize = GOLDEN + 1;
/// Made up: fully digital, on one page and with 60 lines.
pub const DIGITAL: [usize; 2] = [GOLDEN + 2, GOLDEN + 3];
/// Made up: the first of many plain ones.
pub const PLAIN: usize = GOLDEN + 4;

pub static PRESS: LazyLock<Press> = LazyLock::new(|| Press::set_up().unwrap());
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

#[derive(Default)]
struct Memory(BTreeMap<TileId, Vec<Hash>>);

impl Tiles for Memory {
    type Error = Infallible;

    fn tile(&self, id: TileId) -> Result<Option<Vec<Hash>>, Infallible> {
        Ok(self.0.get(&id).cloned())
    }
}

pub struct World {
    pub roster: Roster,
    entries: Vec<String>,
    header: String,
    seals: Vec<piaolian::chain::Seal>,
    tiles: Memory,
}

fn secret(name: &str) -> Secret<[u8; 32]> {
    Secret::new(*keccak256(name).as_bytes())
}

/// How many plain invoices there are.
#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
pub fn plenty() -> usize {
    std::env::var("DOCUMENT_PROOFS").map_or(40, |count| count.parse().unwrap())
}

/// An entry like another, with a draft of its own, signed again.
fn issued(like: &str, index: usize, change: impl FnOnce(&mut Value)) -> String {
    let mut entry: Value = serde_json::from_str(like).unwrap();
    entry["index"] = json!(index);
    entry["number"] = json!(format!("{:08}", 1_000 + index));
    entry["key"] = json!(format!("made-up-{index}"));
    change(&mut entry["draft"]);
    if entry["draft"]["document"] == "fully-digital" {
        entry["code"] = json!("269520000000");
    }
    let key = IssuerKey::from_secret(&secret("issuer")).unwrap();
    entry["issuer"] = json!(key.address());
    entry["signature"] = json!(key.sign(&to_canonical(&entry["draft"]).unwrap()));
    to_canonical(&entry).unwrap()
}

fn made_up(golden: &[String]) -> Vec<String> {
    let sixty_lines = |draft: &mut Value| {
        let line = draft["lines"][0].clone();
        let lines: Vec<Value> = (1..=60)
            .map(|nth| {
                let mut line = line.clone();
                line["name"] = json!(format!("菜品第{nth}号"));
                line
            })
            .collect();
        draft["lines"] = json!(lines);
        for sum in ["amount", "tax", "total"] {
            draft[sum] = json!(line[sum].as_i64().unwrap() * 60);
        }
    };
    let listed = issued(&golden[DINNER], LISTED, sixty_lines);
    let digital = issued(&golden[DINNER], DIGITAL[0], |draft| draft["document"] = json!("fully-digital"));
    let digital_listed = issued(&golden[DINNER], DIGITAL[1], |draft| {
        sixty_lines(draft);
        draft["document"] = json!("fully-digital");
        draft["remark"] = json!("备注文字，第一行\n".repeat(60).trim_end());
    });
    let long = issued(&golden[DINNER], LONG, |draft| {
        draft["buyer"]["name"] =
            json!(format!("深圳市{}有限公司 Ünïted (Asia) 株式会社 𠮷\u{1F35C}", "样例".repeat(20)));
        draft["remark"] = json!("备注文字，第一行\n".repeat(20).trim_end());
    });
    let plain = (0..plenty())
        .map(|nth| issued(&golden[MONITOR], PLAIN + nth, |draft| draft["remark"] = json!(format!("第{nth}张"))));
    [listed, long, digital, digital_listed].into_iter().chain(plain).collect()
}

impl World {
    fn new() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/chain/entries.json");
        let golden: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let golden = golden["entries"].as_array().unwrap().iter().take(GOLDEN);
        let mut entries: Vec<String> = golden.map(|entry| entry["text"].as_str().unwrap().to_owned()).collect();
        entries.extend(made_up(&entries));
        let names = ["kingdee", "tax-bureau", "tencent"];
        let key = |name: &str| SealKey::from_secret(&secret(name)).unwrap();
        let member = |name: &str| Member { name: name.try_into().unwrap(), power: 1, key: key(name).public() };
        let chain = "shenzhen-sandbox".try_into().unwrap();
        let roster = Roster::new(chain, 0, names.map(member).into()).unwrap();
        let mut edge = Edge::empty();
        let mut tiles = Memory::default();
        let leaves: Vec<Hash> = entries.iter().map(|text| leaf_hash(text)).collect();
        for tile in edge.append(&leaves).tiles {
            tiles.0.insert(tile.id, tile.hashes);
        }
        let genesis = Header::genesis(&roster, UnixMs(0), "tencent".try_into().unwrap());
        let time = UnixMs(1_795_363_300_000);
        let (prev, size, root) = (genesis.hash().unwrap(), edge.size(), edge.root());
        let header = Header { height: 1, prev, size, root, time, ..genesis }.to_text().unwrap();
        let seal = |name: &str| {
            key(name).seal(&name.try_into().unwrap(), roster.chain(), 1, 0, &header_hash(&header)).unwrap()
        };
        let seals = names.map(seal).into();
        Self { roster, entries, header, seals, tiles }
    }

    pub fn receipt(&self, index: usize) -> Receipt {
        let place = u64::try_from(index).unwrap();
        Receipt {
            v: Edition::First,
            chain: self.roster.chain().clone(),
            entry: self.entries[index].clone(),
            index: place,
            proof: Prover::new(&self.tiles, u64::try_from(self.entries.len()).unwrap()).inclusion(place).unwrap(),
            header: self.header.clone(),
            seals: self.seals.clone(),
            state: None,
        }
    }

    pub fn document(&self, index: usize) -> Document {
        Document::of(&self.receipt(index), SITE).unwrap()
    }

    /// The PDF of an invoice, as the service gives it.
    pub fn pdf(&self, index: usize) -> Vec<u8> {
        PRESS.pdf(&self.document(index)).unwrap().bytes
    }
}

/// A folder with the roster, and the two verifiers.
pub struct Desk {
    pub folder: TempDir,
}

/// What both verifiers say of a file: code and field, and the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub code: String,
    pub field: String,
    pub message: String,
}

impl Said {
    pub fn is(&self, code: &str, field: &str) -> bool {
        (self.code.as_str(), self.field.as_str()) == (code, field)
    }
}

impl Desk {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("roster"), WORLD.roster.text()).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn keep(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// `piaolian verify`.
    pub fn verify(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_piaolian"));
        command.current_dir(self.folder.path()).args(["verify", "--roster", "roster"]).args(arguments);
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn node(&self, arguments: &[&str]) -> Output {
        let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/verifier/cli.mjs");
        let mut command = Command::new("node");
        command.current_dir(self.folder.path()).arg(cli).args(["--roster", "roster"]).args(arguments);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// What `piaolian verify` says of each file.
    pub fn ours(&self, names: &[&str]) -> Vec<Said> {
        said(&self.verify(&[&["--json"], names].concat()))
    }

    /// What the verifier in JavaScript says of each file.
    pub fn theirs(&self, names: &[&str]) -> Vec<Said> {
        said(&self.node(&[&["--json"], names].concat()))
    }

    /// Runs another program in the folder; its exit code 3 is a warning of qpdf's.
    pub fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        let output = command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{program} {arguments:?}: {told}");
    }
}

fn said(output: &Output) -> Vec<Said> {
    let told = String::from_utf8(output.stdout.clone()).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |member: &str| line[member].as_str().unwrap().to_owned();
        Said { code: text("code"), field: text("field"), message: text("message") }
    };
    let lines: Vec<Said> = told.lines().map(line).collect();
    assert!(!lines.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    lines
}
