//! A chain made up in memory, sealed with keys that the test has, and a server that shows whatever it is told to: what an operator who
//! cheats could show.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use piaolian::base::ids::ChainId;
use piaolian::base::{Secret, UnixMs};
use piaolian::chain::{
    Edge, Edition, Hash, Header, IssuerKey, Member, Prover, Receipt, Roster, Seal, SealKey, TileId, Tiles,
    empty_state_root, header_hash, keccak256, leaf_hash, to_canonical,
};
use serde_json::{Value, json};

pub const CHAIN: &str = "made-up";
/// The one invoice of every history: entry 0.
pub const INVOICE: &str = "144032609110-00000001";
/// Entries in each block.
pub const EACH: u64 = 3;
const START: i64 = 1_700_000_000_000;

fn chain() -> ChainId {
    CHAIN.try_into().unwrap()
}

fn secret(name: &str) -> Secret<[u8; 32]> {
    Secret::new(*keccak256(name).as_bytes())
}

fn seal_key(name: &str) -> SealKey {
    SealKey::from_secret(&secret(name)).unwrap()
}

pub fn roster(from: u64, names: &[&str]) -> Roster {
    let member = |name: &&str| Member { name: (*name).try_into().unwrap(), power: 1, key: seal_key(name).public() };
    Roster::new(chain(), from, names.iter().map(member).collect()).unwrap()
}

pub fn founders() -> Roster {
    roster(0, &["auditor", "kingdee", "tax-bureau", "tencent"])
}

pub fn seals(header: &str, names: &[&str]) -> Vec<Seal> {
    let (hash, height) = (header_hash(header), Header::from_text(header).unwrap().height);
    let seal = |name: &&str| seal_key(name).seal(&(*name).try_into().unwrap(), &chain(), height, 0, &hash).unwrap();
    names.iter().map(seal).collect()
}

#[derive(Default)]
struct Memory(BTreeMap<TileId, Vec<Hash>>);

impl Tiles for Memory {
    type Error = Infallible;

    fn tile(&self, id: TileId) -> Result<Option<Vec<Hash>>, Infallible> {
        Ok(self.0.get(&id).cloned())
    }
}

/// What a history is like. Two that agree up to a height are one history up to there.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Height of the newest block.
    pub tip: u64,
    /// From which height on the entries are others than those of a plan without.
    pub forked_from: u64,
    /// From which height on the auditor's seat is a bank's.
    pub rotated_from: u64,
    /// From which height on the invoice is reversed.
    pub reversed_from: u64,
}

/// A height that no history here reaches.
pub const NEVER: u64 = 1_000_000;

pub const PLAIN: Plan = Plan { tip: 6, forked_from: NEVER, rotated_from: NEVER, reversed_from: NEVER };

pub struct Block {
    pub header: String,
    pub seals: Vec<Seal>,
}

pub struct History {
    pub rosters: Vec<Roster>,
    pub entries: Vec<String>,
    pub blocks: Vec<Block>,
    store: Memory,
}

fn payment(index: u64, time: i64, salt: &str) -> String {
    to_canonical(&json!({
        "v": 2, "chain": CHAIN, "index": index, "kind": "record_payment", "time": time, "paid": 19_800, "transaction": format!("42{index}{salt}"),
    }))
    .unwrap()
}

fn invoice(time: i64) -> String {
    let draft = json!({
        "v": 1, "chain": CHAIN, "seller": {"name": "国贸餐厅"}, "buyer": {"name": "=HYPERLINK(\"x\"),个人"}, "total": 19_800,
    });
    let key = IssuerKey::from_secret(&secret("issuer")).unwrap();
    let (code, number) = INVOICE.split_once('-').unwrap();
    to_canonical(&json!({
        "v": 2, "chain": CHAIN, "index": 0, "kind": "issue", "time": time, "code": code, "number": number, "date": "2023-11-15",
        "issuer": key.address(), "signature": key.sign(&to_canonical(&draft).unwrap()), "draft": draft,
    }))
    .unwrap()
}

/// A map with one leaf is that leaf (section 12 of the formats).
fn state_root(value: &str) -> Hash {
    let mut key = [0; 32];
    hex::decode_to_slice(INVOICE.replace('-', ""), &mut key[..10]).unwrap();
    keccak256([&b"JMT::LeafNode"[..], &key, keccak256(value).as_bytes()].concat())
}

impl History {
    pub fn of(plan: Plan) -> Self {
        let first = founders();
        let second = roster(plan.rotated_from, &["bank", "kingdee", "tax-bureau", "tencent"]);
        let in_force = |height: u64| if height >= plan.rotated_from { &second } else { &first };
        let mut edge = Edge::empty();
        let mut prev = Header::genesis(&first, UnixMs(START), "tencent".try_into().unwrap());
        let mut history = Self { rosters: vec![], entries: vec![], blocks: vec![], store: Memory::default() };
        history.push(&prev, &first);
        for height in 1..=plan.tip {
            let time = START + 1_000 * i64::try_from(height).unwrap();
            let salt = if height >= plan.forked_from { "forked" } else { "" };
            let entry = |index| if index == 0 { invoice(time) } else { payment(index, time, salt) };
            let fresh: Vec<String> = (edge.size()..edge.size() + EACH).map(entry).collect();
            let leaves: Vec<Hash> = fresh.iter().map(|text| leaf_hash(text)).collect();
            for tile in edge.append(&leaves).tiles {
                history.store.0.insert(tile.id, tile.hashes);
            }
            history.entries.extend(fresh);
            let header = Header {
                height,
                prev: prev.hash().unwrap(),
                size: edge.size(),
                root: edge.root(),
                time: UnixMs(time),
                members: in_force(height).hash(),
                next_members: in_force(height + 1).hash(),
                state: Some(state_root(&history.state(height >= plan.reversed_from))),
                ..prev.clone()
            };
            header.follows(&prev).unwrap();
            history.push(&header, in_force(height));
            prev = header;
        }
        history.rosters.push(first);
        if plan.rotated_from <= plan.tip + 1 {
            history.rosters.push(second);
        }
        history
    }

    fn push(&mut self, header: &Header, roster: &Roster) {
        let header = header.to_text().unwrap();
        let names: Vec<&str> = roster.members().iter().map(|member| member.name.as_str()).collect();
        self.blocks.push(Block { seals: seals(&header, &names), header });
    }

    fn state(&self, reversed: bool) -> String {
        let (left, state) = if reversed { (0, "reversed") } else { (19_800, "open") };
        let leaf = leaf_hash(&self.entries[0]);
        to_canonical(&json!({"leaf": leaf, "left": left, "state": state, "v": 1})).unwrap()
    }

    pub fn size(&self, height: usize) -> u64 {
        Header::from_text(&self.blocks[height].header).unwrap().size
    }

    pub fn shown(&self, height: usize) -> Value {
        let Block { header, seals } = &self.blocks[height];
        let parsed = Header::from_text(header).unwrap();
        json!({"height": height, "hash": header_hash(header), "size": parsed.size, "header": header, "seals": seals})
    }

    pub fn receipt(&self, index: u64, height: usize) -> Receipt {
        let Block { header, seals } = &self.blocks[height];
        Receipt {
            v: Edition::First,
            chain: chain(),
            entry: self.entries[usize::try_from(index).unwrap()].clone(),
            index,
            proof: Prover::new(&self.store, self.size(height)).inclusion(index).unwrap(),
            header: header.clone(),
            seals: seals.clone(),
            state: None,
        }
    }

    /// What an honest server with the blocks up to `tip` answers.
    pub fn answer(&self, tip: usize, path: &str) -> (u16, String) {
        let missing = || (404, json!({"code": "HTTP-NOT-FOUND", "detail": "no such thing"}).to_string());
        let found = |value: Value| (200, value.to_string());
        if path == "/v1/checkpoint" {
            return found(self.shown(tip));
        }
        if path == "/v1/rosters" {
            let texts: Vec<&str> = self.rosters.iter().map(Roster::text).collect();
            return (200, format!("[{}]", texts.join(",")));
        }
        if let Some(height) = path.strip_prefix("/v1/blocks/") {
            let height: usize = height.parse().unwrap();
            return if height <= tip { found(self.shown(height)) } else { missing() };
        }
        if let Some(query) = path.strip_prefix("/v1/proofs/consistency?from=") {
            let (from, to) = query.split_once("&to=").unwrap();
            let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
            if from > to || to > self.size(tip) {
                return (400, json!({"code": "HTTP-QUERY-MALFORMED", "detail": "out of range"}).to_string());
            }
            return found(json!({"proof": Prover::new(&self.store, to).consistency(from).unwrap()}));
        }
        match path.split_once("?hash=") {
            Some((state, hash)) if state == format!("/v1/state/{INVOICE}") => {
                assert_eq!(hash, leaf_hash(&self.entries[0]).printed());
                let Block { header, seals } = &self.blocks[tip];
                let committed = Header::from_text(header).unwrap().state;
                let reversed = committed == Some(state_root(&self.state(true)));
                assert!(
                    reversed
                        || committed == Some(state_root(&self.state(false)))
                        || committed == Some(empty_state_root())
                );
                let state = json!({"siblings": [], "value": self.state(reversed)});
                found(
                    json!({"v": 1, "chain": CHAIN, "invoice": INVOICE, "header": header, "seals": seals, "state": state}),
                )
            }
            _ => missing(),
        }
    }
}

type Answers = Box<dyn Fn(&str) -> (u16, String) + Send>;

/// A server that answers as it is told.
pub struct Fake {
    pub url: String,
    answers: Arc<Mutex<Answers>>,
}

impl Fake {
    pub fn new(answers: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Arc<Mutex<Answers>> = Arc::new(Mutex::new(Box::new(answers)));
        let of_thread = Arc::clone(&answers);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(request)) = lines.next() else { continue };
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let path = request.split(' ').nth(1).unwrap().to_owned();
                let (status, body) = of_thread.lock().unwrap()(&path);
                let length = body.len();
                let _gone = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { url, answers }
    }

    /// One that shows the blocks of a history up to a height.
    pub fn showing(history: &Arc<History>, tip: usize) -> Self {
        let history = Arc::clone(history);
        Self::new(move |path| history.answer(tip, path))
    }

    /// From now on it answers otherwise.
    pub fn turn(&self, answers: impl Fn(&str) -> (u16, String) + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    pub fn turn_to(&self, history: &Arc<History>, tip: usize) {
        let history = Arc::clone(history);
        self.turn(move |path| history.answer(tip, path));
    }
}
