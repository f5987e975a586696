//! Chains of plain JSON for the vectors that a second implementation is checked against: no document here is made by the types that the
//! verifier reads it with. Only rosters, keys, tree and canonical text are the program's own.

use std::collections::BTreeMap;

use piaolian::base::ids::ChainId;
use piaolian::chain::{
    Edge, Hash, IssuerKey, Member, Prover, Roster, header_hash, keccak256, leaf_hash, parse_canonical, to_canonical,
};
use serde_json::{Value, json};

use crate::map::{StateMap, key_of};
use crate::scene::{START, draft, issued, name, seal_key, secret};
use crate::tree::Memory;

/// A member for a time: name, power, and the name that its secret is the hash of.
pub type Seat = (&'static str, u64, &'static str);

/// What an entry is about; each makes one.
#[derive(Clone, Copy)]
pub enum Event {
    /// A payment: an entry without draft and without number.
    Pay,
    /// A blue invoice.
    Issue,
    /// A red invoice.
    Red,
    /// The invoice of this entry is in another state from here on.
    Turn(usize, &'static str),
}

/// A roster, and who sits in it with which key.
pub struct Term {
    pub seats: Vec<Seat>,
    pub roster: Roster,
}

#[derive(Default)]
pub struct Chain {
    pub id: &'static str,
    pub terms: Vec<Term>,
    pub entries: Vec<String>,
    /// Names of invoices by the index of their entry.
    pub invoices: BTreeMap<usize, String>,
    /// By height.
    pub headers: Vec<String>,
    /// The present states by height, those of version 1 too.
    pub maps: Vec<StateMap>,
    store: Memory,
}

/// The code of all invoices here: electronic ordinary invoices of Shenzhen, 2018, first batch.
pub const CODE: &str = "144031809110";

pub fn text(value: &Value) -> String {
    to_canonical(value).unwrap()
}

pub fn parsed(text: &str) -> Value {
    parse_canonical(text).unwrap()
}

/// A chain under rosters from these heights on, of these blocks after genesis: the version of the header, and the entries.
pub fn grow(id: &'static str, terms: &[(u64, &[Seat])], blocks: &[(u8, &[Event])]) -> Chain {
    let seated = |(from, seats): &(u64, &[Seat])| {
        let member =
            |(text, power, key): &Seat| Member { name: name(text), power: *power, key: seal_key(key).public() };
        let chain = ChainId::try_from(id).unwrap();
        Term { seats: seats.to_vec(), roster: Roster::new(chain, *from, seats.iter().map(member).collect()).unwrap() }
    };
    let mut chain = Chain { id, terms: terms.iter().map(seated).collect(), ..Chain::default() };
    let (mut edge, mut states) = (Edge::empty(), StateMap::default());
    let first = blocks.first().map_or(2, |(version, _)| *version);
    chain.push_header(first, &edge, &states);
    for (version, events) in blocks {
        for event in *events {
            let entry = chain.entry(*event, &mut states);
            chain.store.put(&edge.append(&[leaf_hash(&entry)]));
            chain.entries.push(entry);
        }
        chain.push_header(*version, &edge, &states);
    }
    chain
}

fn time_of(height: usize) -> i64 {
    START + 1_000 * i64::try_from(height).unwrap()
}

impl Chain {
    fn push_header(&mut self, version: u8, edge: &Edge, states: &StateMap) {
        let height = self.headers.len();
        let mut header = json!({
            "v": version, "chain": self.id, "height": height, "size": edge.size(), "root": edge.root(),
            "prev": self.headers.last().map_or(Hash::ZERO, |text| header_hash(text)), "time": time_of(height),
            "members": self.term(height).roster.hash(), "next_members": self.term(height + 1).roster.hash(),
            "proposer": self.term(height).seats[0].0,
        });
        if height == 0 {
            header["next_members"] = header["members"].clone();
        }
        if version == 2 {
            header["state"] = json!(states.root());
        }
        self.headers.push(text(&header));
        self.maps.push(states.clone());
    }

    fn entry(&mut self, event: Event, states: &mut StateMap) -> String {
        let (index, time) = (self.entries.len(), time_of(self.headers.len()));
        let plain = |kind: &str| {
            json!({"v": 2, "chain": self.id, "index": index, "kind": kind, "time": time, "merchant": "M00000001",
                   "seq": index + 1, "body": {"about": index}})
        };
        let mut entry = match event {
            Event::Pay => plain("record_payment"),
            Event::Turn(_, word) => plain(match word {
                "open" => "unlock",
                "locked" | "settled_locked" => "lock",
                "closed" => "close",
                "pledged" => "pledge",
                "settled" => "settle",
                _ => "claim",
            }),
            Event::Issue => self.invoice(index, time, "issue"),
            Event::Red => self.invoice(index, time, "reverse"),
        };
        entry.sort_all_objects();
        let written = text(&entry);
        if let Some(number) = entry["number"].as_str() {
            let invoice = format!("{CODE}-{number}");
            let word = if matches!(event, Event::Red) { "red" } else { "open" };
            states.put(key_of(&invoice), text(&state_value(&leaf_hash(&written), word, time)));
            self.invoices.insert(index, invoice);
        }
        if let Event::Turn(of, word) = event {
            let value = state_value(&self.leaf(of), word, time);
            states.put(key_of(&self.invoices[&of]), text(&value));
        }
        written
    }

    fn invoice(&self, index: usize, time: i64, kind: &str) -> Value {
        let mut draft = draft();
        draft["chain"] = json!(self.id);
        draft["lines"][0]["name"] = json!(format!("餐费 {index}"));
        if kind == "reverse" {
            draft["v"] = json!(2);
        }
        let mut entry = issued(u64::try_from(index).unwrap(), time, &draft, &issuer());
        let number = self.invoices.len() + 1;
        (entry["v"], entry["chain"], entry["kind"]) = (json!(2), json!(self.id), json!(kind));
        (entry["code"], entry["number"], entry["seq"]) = (json!(CODE), json!(format!("{number:08}")), json!(index + 1));
        entry
    }

    /// The roster and its keys at a height.
    pub fn term(&self, height: usize) -> &Term {
        let counts = |term: &&Term| term.roster.from_height() <= u64::try_from(height).unwrap();
        self.terms.iter().rev().find(counts).unwrap()
    }

    pub fn leaf(&self, index: usize) -> Hash {
        leaf_hash(&self.entries[index])
    }

    pub fn roster_texts(&self) -> Vec<String> {
        self.terms.iter().map(|term| term.roster.text().to_owned()).collect()
    }

    /// The receipt of an entry under the header of a height, sealed by everybody, with the present state if it is asked for.
    pub fn receipt(&self, index: usize, height: usize, stated: bool) -> Value {
        let header = &self.headers[height];
        let size = parsed(header)["size"].as_u64().unwrap();
        let mut receipt = json!({
            "v": 1, "chain": self.id, "entry": self.entries[index], "index": index, "header": header,
            "proof": Prover::new(&self.store, size).inclusion(u64::try_from(index).unwrap()).unwrap(),
            "seals": self.seals(header, 0),
        });
        if stated {
            (receipt["v"], receipt["state"]) = (json!(2), self.maps[height].path(&key_of(&self.invoices[&index])));
        }
        receipt
    }

    /// The proof of an invoice's state, or of its absence, under the header of a height.
    pub fn state_proof(&self, invoice: &str, height: usize) -> Value {
        let header = &self.headers[height];
        json!({
            "v": 1, "chain": self.id, "invoice": invoice, "header": header, "seals": self.seals(header, 0),
            "state": self.maps[height].path(&key_of(invoice)),
        })
    }

    /// Seals of the whole roster on a header's text, by the height that it says.
    pub fn seals(&self, header: &str, round: u32) -> Vec<Value> {
        let height = parsed(header)["height"].as_u64().unwrap();
        let seats = &self.term(usize::try_from(height).unwrap()).seats;
        seats.iter().map(|(member, _, key)| seal(header, member, key, round)).collect()
    }
}

/// The value of a state in the map, as the ledger writes it.
pub fn state_value(leaf: &Hash, word: &str, time: i64) -> Value {
    let mut value = json!({"v": 1, "leaf": leaf, "state": word});
    if word != "red" {
        value["left"] = json!(if word == "reversed" { 0 } else { 19_800 });
    }
    if word.ends_with("locked") {
        value["until"] = json!(time + 3_600_000);
    }
    value
}

/// The text of a member's vote for a header.
pub fn vote(header: &str, round: u32) -> String {
    let read = parsed(header);
    text(
        &json!({"v": 1, "chain": read["chain"], "height": read["height"], "round": round, "header": header_hash(header)}),
    )
}

/// A seal under a member's name with the key of this name.
pub fn seal(header: &str, member: &str, key: &str, round: u32) -> Value {
    json!({"member": member, "round": round, "signature": seal_key(key).sign(&vote(header, round)).unwrap()})
}

pub fn issuer() -> IssuerKey {
    IssuerKey::from_secret(&secret("M00000001")).unwrap()
}

/// All chains that the vectors are made of, and the lists of rosters that they are verified with.
pub struct World {
    /// Four members, of whom one rotates its key at height 5, and one is replaced at height 8 by a heavier one; headers of version 1 up to height 2.
    pub four: Chain,
    /// One member, who is a quorum.
    pub one: Chain,
    /// Three members: a quorum is all of them.
    pub three: Chain,
    /// Seven members with powers 5, 3, 2, 2, 1, 1, 1: ten of fifteen are exactly two thirds.
    pub seven: Chain,
}

/// The entry whose invoice the forgeries are about: issued in block 3, the first with present states; locked in block 4.
pub const INVOICE: usize = 5;
/// A block of the first roster with present states, and the one before the key is rotated.
pub const BEFORE: usize = 4;
/// The block with which the rotated key counts; the next has no entries.
pub const ROTATED: usize = 5;
/// The block in which the invoice was reversed.
pub const REVERSED: usize = 7;
/// The newest block, under the third roster.
pub const NEWEST: usize = 8;

pub fn world() -> World {
    use Event::{Issue, Pay, Red, Turn};
    let founders: &[Seat] = &[
        ("auditor", 1, "auditor"),
        ("kingdee", 1, "kingdee"),
        ("tax-bureau", 1, "tax-bureau"),
        ("tencent", 1, "tencent"),
    ];
    let rotated: &[Seat] = &[
        ("auditor", 1, "auditor"),
        ("kingdee", 1, "kingdee"),
        ("tax-bureau", 1, "tax-bureau"),
        ("tencent", 1, "tencent-2"),
    ];
    let heavier: &[Seat] =
        &[("bank", 2, "bank"), ("kingdee", 1, "kingdee"), ("tax-bureau", 1, "tax-bureau"), ("tencent", 1, "tencent-2")];
    let blocks: [(u8, &[Event]); 8] = [
        (1, &[Pay, Pay, Issue]),
        (1, &[Issue]),
        (2, &[Pay, Issue, Issue, Issue, Issue]),
        (2, &[Turn(INVOICE, "locked"), Turn(6, "pledged"), Issue]),
        (2, &[Turn(7, "closed"), Turn(6, "settled"), Turn(8, "pledged")]),
        (2, &[]),
        (
            2,
            &[
                Turn(INVOICE, "open"),
                Red,
                Turn(INVOICE, "reversed"),
                Turn(6, "settled_locked"),
                Turn(8, "settled"),
                Issue,
            ],
        ),
        (2, &[Turn(3, "locked"), Pay]),
    ];
    let short: [(u8, &[Event]); 2] = [(2, &[Pay, Issue]), (2, &[Issue, Turn(1, "closed"), Red])];
    let seven: &[Seat] = &[
        ("a", 5, "seven-a"),
        ("b", 3, "seven-b"),
        ("c", 2, "seven-c"),
        ("d", 2, "seven-d"),
        ("e", 1, "seven-e"),
        ("f", 1, "seven-f"),
        ("g", 1, "seven-g"),
    ];
    World {
        four: grow("shenzhen-sandbox", &[(0, founders), (5, rotated), (8, heavier)], &blocks),
        one: grow("one-sandbox", &[(0, &[("tax-bureau", 1, "tax-bureau")])], &short),
        three: grow("three-sandbox", &[(0, &founders[..3])], &short),
        seven: grow("seven-sandbox", &[(0, seven)], &short),
    }
}

impl World {
    pub fn rosters(&self) -> BTreeMap<&'static str, Vec<String>> {
        let four = self.four.roster_texts();
        BTreeMap::from([
            ("four", four.clone()),
            ("four, the first only", four[..1].to_vec()),
            ("one", self.one.roster_texts()),
            ("three", self.three.roster_texts()),
            ("seven", self.seven.roster_texts()),
            ("none", vec![]),
        ])
    }
}

/// Hashes that belong to nothing.
pub fn nothing(which: &str) -> Hash {
    keccak256(format!("nothing: {which}"))
}
