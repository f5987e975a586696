//! Chains made from a seed: rosters that change, headers of both versions, invoices in all states. Documents of plain JSON out of them.

use piaolian::base::Secret;
use piaolian::base::ids::ChainId;
use piaolian::chain::merkle::empty_root;
use piaolian::chain::{
    Hash, IssuerKey, Member, MemberName, Roster, SealKey, empty_state_root, header_hash, keccak256, leaf_hash,
    to_canonical,
};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::trees::{StateMap, inclusion, state_key, state_path, state_root, tree_root};

pub const WORDS: [&str; 8] = ["open", "locked", "closed", "pledged", "settled", "settled_locked", "reversed", "red"];

pub fn name(text: &str) -> MemberName {
    text.try_into().unwrap()
}

/// A member with its key.
#[derive(Clone)]
pub struct Seat {
    pub name: String,
    pub key: SealKey,
}

/// A roster, from its height on.
pub struct Term {
    pub roster: Roster,
    pub seats: Vec<Seat>,
}

/// A block: its header, how many entries there are, how the invoices stand.
pub struct Block {
    pub header: String,
    pub size: usize,
    pub states: StateMap,
}

pub struct World {
    pub id: String,
    pub terms: Vec<Term>,
    pub issuer: IssuerKey,
    pub entries: Vec<String>,
    pub blocks: Vec<Block>,
}

pub fn text(value: &Value) -> String {
    to_canonical(value).unwrap()
}

pub fn seal_key(dice: &mut Dice) -> SealKey {
    SealKey::from_secret(&Secret::new(dice.bytes32())).unwrap()
}

pub fn issuer_key(dice: &mut Dice) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new(dice.bytes32())).unwrap()
}

/// Rosters of these numbers of members, from heights 0, 3, 5 on. The second has a new key for the first member of the first.
fn terms(id: &str, sizes: &[usize], dice: &mut Dice) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for (nth, size) in sizes.iter().enumerate() {
        let seat = |at: usize, dice: &mut Dice| Seat { name: format!("member-{at}"), key: seal_key(dice) };
        let before = terms.last().map(|term| term.seats.clone()).unwrap_or_default();
        let seats: Vec<Seat> =
            (0..*size).map(|at| before.get(at).filter(|_| at > 0).cloned().unwrap_or_else(|| seat(at, dice))).collect();
        let uneven = dice.chance(50);
        let members = seats.iter().map(|seat| Member {
            name: name(&seat.name),
            power: if uneven { dice.next() % 5 + 1 } else { 1 },
            key: seat.key.public(),
        });
        let from = [0, 3, 5][nth];
        let roster = Roster::new(ChainId::try_from(id).unwrap(), from, members.collect()).unwrap();
        terms.push(Term { roster, seats });
    }
    terms
}

impl World {
    pub fn new(nth: usize, dice: &mut Dice) -> Self {
        let id = format!("chain-{nth}");
        let sizes: &[usize] = [&[3, 4, 3][..], &[1, 3], &[7], &[4, 4]][nth % 4];
        let terms = terms(&id, sizes, dice);
        let mut world = Self { id, terms, issuer: issuer_key(dice), entries: Vec::new(), blocks: Vec::new() };
        // From which height on headers are of version 2: from the beginning, from the middle, never.
        let turn = [0, 3, 0, 2, 99][nth % 5];
        let mut states = StateMap::new();
        for height in 0..7 {
            for _ in 0..if height == 0 { 0 } else { dice.below(6) } {
                world.append(height, &mut states, dice);
            }
            world.seal_off(height, height >= turn, &states, dice);
        }
        world
    }

    pub fn time(height: usize) -> i64 {
        1_533_866_400_000 + 1_000 * i64::try_from(height).unwrap()
    }

    fn append(&mut self, height: usize, states: &mut StateMap, dice: &mut Dice) {
        let index = self.entries.len();
        let v = if dice.chance(50) { 2 } else { 1 };
        let common = json!({"v": v, "chain": self.id, "index": index, "time": Self::time(height)});
        let (code, number) = ("144031800110".to_owned(), format!("{:08}", index + dice.below(2) * 30_000_000));
        let mut entry = common;
        if dice.chance(25) {
            entry["kind"] = json!("record_payment");
            entry["paid"] = json!(dice.next() % 1_000_000);
        } else {
            let draft = self.draft(&code, dice);
            entry["kind"] = json!(if draft["v"] == 1 { "issue" } else { "reverse" });
            entry["signature"] = json!(self.issuer.sign(&text(&draft)).to_string());
            entry["issuer"] = json!(self.issuer.address().to_string());
            entry["draft"] = draft;
            entry["code"] = json!(code);
            entry["number"] = json!(number);
            entry["date"] = json!("2018-08-10");
        }
        let entry = text(&entry);
        // Some others change their state meanwhile.
        for value in states.values_mut() {
            if dice.chance(30) {
                let read: Value = serde_json::from_str(value).unwrap();
                *value = state_value(read["leaf"].as_str().unwrap(), dice);
            }
        }
        if entry.contains("\"draft\"") {
            states.insert(state_key(&code, &number), state_value(&leaf_hash(&entry).to_string(), dice));
        }
        self.entries.push(entry);
    }

    fn draft(&self, code: &str, dice: &mut Dice) -> Value {
        let names = ["餐费", "Café", "票\u{20000}", "😀 \"x\" \\ \u{7f}\u{2028}", "line\nfeed\u{1}"];
        let (amount, tax) = (dice.next() % 100_000, dice.next() % 6_000);
        let mut draft = json!({
            "v": 1, "chain": self.id, "document": "blockchain-ordinary", "seller": {"name": dice.one_of(&names)},
            "buyer": {"kind": "individual", "name": dice.one_of(&names)}, "amount": amount, "tax": tax, "total": amount + tax,
            "lines": [{"name": dice.one_of(&names), "rate": 600, "ﷺ": 1, "😀": true}],
        });
        if dice.chance(25) {
            draft["v"] = json!(2);
            draft["red"] = json!({"code": code, "number": dice.digits(8)});
        }
        draft
    }

    fn seal_off(&mut self, height: usize, second: bool, states: &StateMap, dice: &mut Dice) {
        let prev = self.blocks.last().map_or(Hash::ZERO, |block| header_hash(&block.header));
        let leaves: Vec<Hash> = self.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let term = self.term(height);
        let mut header = json!({
            "v": 1, "chain": self.id, "height": height, "prev": prev.to_string(), "size": leaves.len(),
            "root": tree_root(&leaves).to_string(), "time": Self::time(height), "members": term.roster.hash().to_string(),
            "next_members": self.term(height + 1).roster.hash().to_string(), "proposer": dice.one_of(&term.seats).name,
        });
        if second {
            header["v"] = json!(2);
            header["state"] = json!(state_root(states).to_string());
        }
        assert!(!leaves.is_empty() || (tree_root(&leaves) == empty_root() && state_root(states) == empty_state_root()));
        self.blocks.push(Block { header: text(&header), size: leaves.len(), states: states.clone() });
    }

    /// The roster in force at a height.
    pub fn term(&self, height: usize) -> &Term {
        let height = u64::try_from(height).unwrap();
        self.terms.iter().rev().find(|term| term.roster.from_height() <= height).unwrap()
    }

    /// Seals on a header by members that are a quorum, or by all of them.
    pub fn seals(&self, header: &str, dice: &mut Dice) -> Value {
        let read: Value = serde_json::from_str(header).unwrap();
        let height = read["height"].as_u64().unwrap_or(0);
        let term = self.term(usize::try_from(height.min(99)).unwrap());
        let mut seats = term.seats.clone();
        dice.shuffle(&mut seats);
        let round = if dice.chance(80) { 0 } else { u32::try_from(dice.below(5)).unwrap() };
        let power = |seat: &Seat| u128::from(term.roster.member(&name(&seat.name)).unwrap().power);
        let (all, mut sum) = (dice.chance(50), 0);
        let needed: Vec<Seat> = seats
            .into_iter()
            .take_while(|seat| {
                let enough = !all && term.roster.quorum_reached(sum);
                sum += power(seat);
                !enough
            })
            .collect();
        let sealed = needed.iter().map(|seat| self.seal(&seat.name, &seat.key, header, round));
        Value::Array(sealed.collect())
    }

    /// A seal under a name with a key, on whatever text claims to be a header.
    pub fn seal(&self, member: &str, key: &SealKey, header: &str, round: u32) -> Value {
        let read: Value = serde_json::from_str(header).unwrap();
        let height = read["height"].as_u64().unwrap_or(0).min(1 << 52);
        let chain =
            ChainId::try_from(read["chain"].as_str().unwrap_or(&self.id)).unwrap_or(ChainId::try_from("x").unwrap());
        let seal = key.seal(&name(member), &chain, height, round, &header_hash(header)).unwrap();
        json!({"member": member, "round": round, "signature": seal.signature.to_string()})
    }

    /// The receipt of an entry under a header that covers it; with its state if asked for and there is one.
    pub fn receipt(&self, index: usize, height: usize, with_state: bool, dice: &mut Dice) -> Value {
        let block = &self.blocks[height];
        let leaves: Vec<Hash> = self.entries[..block.size].iter().map(|entry| leaf_hash(entry)).collect();
        let mut receipt = json!({
            "v": 1, "chain": self.id, "entry": self.entries[index], "index": index, "header": block.header,
            "proof": texts(&inclusion(&leaves, index)), "seals": self.seals(&block.header, dice),
        });
        let entry: Value = serde_json::from_str(&self.entries[index]).unwrap();
        if let (true, Some(code), Some(number)) = (with_state, entry["code"].as_str(), entry["number"].as_str()) {
            let key = state_key(code, number);
            receipt["v"] = json!(2);
            receipt["state"] =
                json!({"siblings": siblings(&state_path(&block.states, &key).0), "value": block.states[&key]});
        }
        receipt
    }

    /// A state proof at a height: of an invoice that is there, or of a number that is not.
    pub fn state_proof(&self, height: usize, dice: &mut Dice) -> Value {
        let block = &self.blocks[height];
        let keys: Vec<String> = block.states.keys().map(|key| hex::encode(&key[..10])).collect();
        let digits = match (dice.below(4), keys.is_empty()) {
            (0 | 1, false) => dice.one_of(&keys),
            (2, false) => format!("{}{}", dice.one_of(&keys).split_at(17).0, dice.digits(3)),
            _ => dice.digits(20),
        };
        let (code, number) = digits.split_at(12);
        let key = state_key(code, number);
        let (path, end) = state_path(&block.states, &key);
        let mut state = json!({"siblings": siblings(&path)});
        match end {
            Some((found, value)) if found == key => state["value"] = json!(value),
            Some((other, value)) => {
                state["other"] = json!({"key": Hash(other).to_string(), "value": keccak256(&value).to_string()});
            }
            None => {}
        }
        json!({
            "v": 1, "chain": self.id, "invoice": format!("{code}-{number}"), "header": block.header,
            "seals": self.seals(&block.header, dice), "state": state,
        })
    }

    /// The texts of all its rosters.
    pub fn rosters(&self) -> Vec<String> {
        self.terms.iter().map(|term| term.roster.text().to_owned()).collect()
    }
}

pub fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}

/// As they stand in documents: the placeholder is the empty string.
pub fn siblings(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| if *hash == empty_state_root() { String::new() } else { hash.to_string() }).collect()
}

/// A state's text for the entry with this leaf hash.
pub fn state_value(leaf: &str, dice: &mut Dice) -> String {
    let word = dice.one_of(&WORDS);
    let mut value = json!({"v": 1, "leaf": leaf, "state": word});
    if word != "red" {
        value["left"] = json!(dice.next() % 100_000);
    }
    if word.ends_with("locked") && dice.chance(80) {
        value["until"] = json!(World::time(9) + i64::try_from(dice.below(1000)).unwrap());
    }
    text(&value)
}
