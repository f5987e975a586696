//! A small chain for tests and golden files: seven entries, four headers, a roster of three and one of four.

use piaolian::base::ids::ChainId;
use piaolian::base::{Secret, UnixMs};
use piaolian::chain::{
    Edge, Edition, Hash, Header, IssuerKey, Member, MemberName, Prover, Receipt, Roster, Seal, SealKey, header_hash,
    keccak256, leaf_hash, to_canonical,
};
use serde_json::{Value, json};

use crate::tree::Memory;

pub const CHAIN: &str = "shenzhen-sandbox";

pub fn chain() -> ChainId {
    CHAIN.try_into().unwrap()
}

/// Secrets of golden files are hashes of names, so that everybody can make them.
pub fn secret(name: &str) -> Secret<[u8; 32]> {
    Secret::new(*keccak256(name).as_bytes())
}

pub fn name(text: &str) -> MemberName {
    text.try_into().unwrap()
}

pub fn seal_key(member: &str) -> SealKey {
    SealKey::from_secret(&secret(member)).unwrap()
}

pub fn issuer() -> IssuerKey {
    IssuerKey::from_secret(&secret("M00000001")).unwrap()
}

pub fn roster(from: u64, members: &[(&str, u64)]) -> Roster {
    let member = |(text, power): &(&str, u64)| Member { name: name(text), power: *power, key: seal_key(text).public() };
    Roster::new(chain(), from, members.iter().map(member).collect()).unwrap()
}

pub fn draft() -> Value {
    json!({
        "v": 1, "chain": CHAIN, "document": "blockchain-ordinary", "merchant": "M00000001",
        "seller": {"name": "深圳市南山区\"国贸\"旋转餐厅有限公司", "taxpayer_id": "91440300MA5XXXXX1A"},
        "buyer": {"kind": "individual", "name": "个人"},
        "pricing": "inclusive",
        "lines": [{"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "unit": "餐",
                   "quantity": "1", "price": "198", "rate": 600, "amount": 18679, "tax": 1121, "total": 19800}],
        "amount": 18679, "tax": 1121, "total": 19800,
    })
}

/// An entry of kind `issue` with the draft signed by `key`.
pub fn issued(index: u64, time: i64, draft: &Value, key: &IssuerKey) -> Value {
    json!({
        "v": 1, "chain": CHAIN, "index": index, "kind": "issue", "time": time, "merchant": "M00000001", "key": "order-1",
        "request": keccak256("request"), "code": "144031800110", "number": format!("{index:08}"), "date": "2018-08-10",
        "draft": draft, "issuer": key.address(), "signature": key.sign(&to_canonical(draft).unwrap()),
    })
}

fn entry(index: u64, time: i64) -> String {
    let value = match index % 3 {
        2 => issued(index, time, &draft(), &issuer()),
        _ => json!({"v": 1, "chain": CHAIN, "index": index, "kind": "record_payment", "time": time, "paid": 19800,
                    "transaction": format!("42000000{index}")}),
    };
    to_canonical(&value).unwrap()
}

pub struct Scene {
    pub rosters: Vec<Roster>,
    pub entries: Vec<String>,
    /// The headers' texts, by height.
    pub headers: Vec<String>,
    store: Memory,
}

/// 2018-08-10T02:00:00Z: the day of the first blockchain e-invoice, in a restaurant in Shenzhen.
pub const START: i64 = 1_533_866_400_000;

pub fn scene() -> Scene {
    let rosters = vec![
        roster(0, &[("tax-bureau", 2), ("tencent", 1), ("kingdee", 1)]),
        roster(3, &[("tax-bureau", 1), ("tencent", 1), ("kingdee", 1), ("auditor", 1)]),
    ];
    let mut scene = Scene { rosters, entries: vec![], headers: vec![], store: Memory::default() };
    let mut edge = Edge::empty();
    let genesis = Header {
        v: Edition::First,
        state: None,
        ..Header::genesis(&scene.rosters[0], UnixMs(START), name("tax-bureau"))
    };
    scene.headers.push(genesis.to_text().unwrap());
    let mut prev = genesis;
    for (height, count) in [(1, 3), (2, 1), (3, 3)] {
        let time = START + 1_000 * i64::try_from(height).unwrap();
        let fresh: Vec<String> = (edge.size()..edge.size() + count).map(|index| entry(index, time)).collect();
        scene.store.put(&edge.append(&fresh.iter().map(|text| leaf_hash(text)).collect::<Vec<_>>()));
        scene.entries.extend(fresh);
        let next_members = scene.rosters[usize::from(height >= 2)].hash();
        let header = Header {
            height,
            prev: prev.hash().unwrap(),
            size: edge.size(),
            root: edge.root(),
            time: UnixMs(time),
            members: prev.next_members,
            next_members,
            proposer: name("kingdee"),
            ..prev.clone()
        };
        header.follows(&prev).unwrap();
        scene.headers.push(header.to_text().unwrap());
        prev = header;
    }
    scene
}

/// Seals of these members on a header's text.
pub fn seals(header: &str, round: u32, members: &[&str]) -> Vec<Seal> {
    let parsed = Header::from_text(header).unwrap();
    let hash = header_hash(header);
    members
        .iter()
        .map(|member| seal_key(member).seal(&name(member), &chain(), parsed.height, round, &hash).unwrap())
        .collect()
}

impl Scene {
    /// The receipt of an entry under the header of this height, sealed by all of its roster.
    pub fn receipt(&self, index: u64, height: usize) -> Receipt {
        let header = self.headers[height].clone();
        let size = Header::from_text(&header).unwrap().size;
        let members: Vec<&str> =
            self.rosters[usize::from(height > 2)].members().iter().map(|m| m.name.as_str()).collect();
        Receipt {
            v: Edition::First,
            state: None,
            chain: chain(),
            entry: self.entries[usize::try_from(index).unwrap()].clone(),
            index,
            proof: Prover::new(&self.store, size).inclusion(index).unwrap(),
            seals: seals(&header, 0, &members),
            header,
        }
    }

    pub fn leaf(&self, index: usize) -> Hash {
        leaf_hash(&self.entries[index])
    }
}
