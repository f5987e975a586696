//! The header of a block: what the seals vouch for.

use serde::{Deserialize, Serialize};

use super::canonical::{Edition, Object, parse_canonical, to_canonical};
use super::hash::{Hash, header_hash};
use super::merkle::empty_root;
use super::present::empty_state_root;
use super::roster::{MemberName, Roster};
use crate::base::ids::ChainId;
use crate::base::{Code, Fault, UnixMs};

/// A header. Its text is stored; its hash is the hash of that text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Format version: the second has `state`.
    pub v: Edition,
    /// The chain.
    pub chain: ChainId,
    /// Position among the headers of the chain; 0 is genesis.
    pub height: u64,
    /// Hash of the header before; zeros in genesis.
    pub prev: Hash,
    /// Entries of the chain up to and with this block.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// Time of the block; never before the time of the header before.
    pub time: UnixMs,
    /// Hash of the roster whose seals count for this header.
    pub members: Hash,
    /// Hash of the roster whose seals count for the next header.
    pub next_members: Hash,
    /// Who proposed the block.
    pub proposer: MemberName,
    /// Root of the map of present states after this block ([`super::present`]); in headers of the second edition, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "stated")]
    pub state: Option<Hash>,
}

/// A member that may be left out, but not be null.
fn stated<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
    Hash::deserialize(deserializer).map(Some)
}

impl Header {
    /// The header that every chain begins with: no entries, nothing before it, the first roster.
    pub fn genesis(roster: &Roster, time: UnixMs, proposer: MemberName) -> Self {
        Self {
            v: Edition::Second,
            chain: roster.chain().clone(),
            height: 0,
            prev: Hash::ZERO,
            size: 0,
            root: empty_root(),
            time,
            members: roster.hash(),
            next_members: roster.hash(),
            proposer,
            state: Some(empty_state_root()),
        }
    }

    /// The canonical text.
    ///
    /// # Errors
    /// [`Code::ChainNumberRange`] for a number of 2^53 or more; [`Code::ChainHeaderMalformed`] when a rule for single headers is broken.
    pub fn to_text(&self) -> Result<String, Fault> {
        self.check()?;
        to_canonical(self)
    }

    /// Reads a header's canonical text.
    ///
    /// # Errors
    /// Those of [`parse_canonical`]; [`Code::ChainHeaderMalformed`] when a field or rule is broken.
    pub fn from_text(text: &str) -> Result<Self, Fault> {
        let Object(header): Object<Self> =
            serde_json::from_value(parse_canonical(text)?).map_err(|e| malformed("", format!("not a header: {e}")))?;
        header.check()?;
        Ok(header)
    }

    /// The hash of the canonical text. Where the text is at hand, [`header_hash`] of it is the same and cheaper.
    ///
    /// # Errors
    /// As [`Header::to_text`].
    pub fn hash(&self) -> Result<Hash, Fault> {
        self.to_text().map(|text| header_hash(&text))
    }

    /// Checks that this header may stand directly after `prev`. That its tree continues the other's, and that it is sealed, are
    /// other checks.
    ///
    /// # Errors
    /// [`Code::ChainHeaderBroken`] with the field that does not follow.
    pub fn follows(&self, prev: &Self) -> Result<(), Fault> {
        let prev_hash = prev.hash()?;
        let rules = [
            (self.chain == prev.chain, "chain", "the chain is another"),
            (Some(self.height) == prev.height.checked_add(1), "height", "the height is not the next one"),
            (self.prev == prev_hash, "prev", "the hash of the header before is another"),
            (self.time >= prev.time, "time", "the time is before that of the header before"),
            (self.size >= prev.size, "size", "there are fewer entries than before"),
            (self.size != prev.size || self.root == prev.root, "root", "the root is another though no entry came"),
            (self.state.is_some() || prev.state.is_none(), "v", "the version is older than that of the header before"),
            (
                self.size != prev.size || prev.state.is_none() || self.state == prev.state,
                "state",
                "the states are others though no entry came",
            ),
            (self.members == prev.next_members, "members", "the roster is not the one that the header before names"),
        ];
        rules
            .into_iter()
            .find(|(holds, ..)| !holds)
            .map_or(Ok(()), |(_, field, message)| Err(Fault::new(Code::ChainHeaderBroken, field, message)))
    }

    fn check(&self) -> Result<(), Fault> {
        let genesis = self.height == 0;
        let rules = [
            (self.time.0 >= 0, "time", "the time is before 1970"),
            (!genesis || self.size == 0, "size", "genesis has entries"),
            (!genesis || self.members == self.next_members, "next_members", "genesis changes the roster"),
            (
                genesis == (self.prev == Hash::ZERO),
                "prev",
                "zeros stand for the header before in genesis, and only there",
            ),
            (self.size > 0 || self.root == empty_root(), "root", "an empty tree has another root"),
            (
                self.state.is_some() == (self.v == Edition::Second),
                "state",
                "the root of the present states stands in version 2, and only there",
            ),
            (
                self.size > 0 || self.state.is_none_or(|state| state == empty_state_root()),
                "state",
                "without entries there are no states",
            ),
        ];
        rules
            .into_iter()
            .find(|(holds, ..)| !holds)
            .map_or(Ok(()), |(_, field, message)| Err(malformed(field, message)))
    }
}

fn malformed(path: &str, message: impl Into<String>) -> Fault {
    Fault::new(Code::ChainHeaderMalformed, path, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::chain::{Member, SealKey, keccak256};

    fn genesis() -> Header {
        let key = SealKey::from_secret(&Secret::new([1; 32])).unwrap().public();
        let member = Member { name: "a".try_into().unwrap(), power: 1, key };
        let roster = Roster::new("test".try_into().unwrap(), 0, vec![member.clone()]).unwrap();
        Header::genesis(&roster, UnixMs(1_000), member.name)
    }

    fn next() -> Header {
        let prev = genesis();
        Header { height: 1, prev: prev.hash().unwrap(), size: 3, root: keccak256("root"), ..prev }
    }

    #[test]
    fn text_goes_there_and_back() {
        for header in [genesis(), next()] {
            let text = header.to_text().unwrap();
            assert_eq!(Header::from_text(&text).unwrap(), header);
            assert_eq!(header.hash().unwrap(), header_hash(&text));
        }
        let unknown = genesis().to_text().unwrap().replace("}", r#","zzz":1}"#);
        assert_eq!(Header::from_text(&unknown).unwrap_err().code, Code::ChainHeaderMalformed);
        let version = genesis().to_text().unwrap().replace(r#""v":2"#, r#""v":3"#);
        assert_eq!(Header::from_text(&version).unwrap_err().code, Code::ChainHeaderMalformed);
    }

    #[test]
    fn an_array_of_the_fields_is_no_header() {
        let fields = serde_json::to_value(genesis()).unwrap();
        let keys =
            ["v", "chain", "height", "prev", "size", "root", "time", "members", "next_members", "proposer", "state"];
        let array = keys.map(|key| &fields[key]);
        let text = to_canonical(&array).unwrap();
        assert!(serde_json::from_str::<Header>(&text).is_ok(), "serde alone would take it");
        assert_eq!(Header::from_text(&text).unwrap_err().code, Code::ChainHeaderMalformed);
    }

    #[test]
    fn a_header_that_follows_is_accepted() {
        assert_eq!(next().follows(&genesis()), Ok(()));
        let old = Header { v: Edition::First, state: None, ..genesis() };
        let first = Header { v: Edition::First, state: None, prev: old.hash().unwrap(), ..next() };
        let second = Header { prev: old.hash().unwrap(), ..next() };
        assert_eq!((first.follows(&old), second.follows(&old)), (Ok(()), Ok(())));
    }

    #[test]
    fn each_broken_link_is_named() {
        let broken = [
            ("chain", Header { chain: "other".try_into().unwrap(), ..next() }),
            ("height", Header { height: 2, ..next() }),
            ("prev", Header { prev: keccak256("x"), ..next() }),
            ("time", Header { time: UnixMs(999), ..next() }),
            ("root", Header { size: 0, ..next() }),
            ("members", Header { members: keccak256("x"), ..next() }),
            ("v", Header { v: Edition::First, state: None, ..next() }),
        ];
        for (field, header) in broken {
            let fault = header.follows(&genesis()).unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (Code::ChainHeaderBroken, field));
        }
        let after = Header { height: 2, prev: next().hash().unwrap(), size: 2, ..next() };
        assert_eq!(after.follows(&next()).unwrap_err().path, "size");
        let idle = Header { height: 2, prev: next().hash().unwrap(), state: Some(keccak256("x")), ..next() };
        assert_eq!(idle.follows(&next()).unwrap_err().path, "state");
    }

    #[test]
    fn rules_for_single_headers_hold() {
        let broken = [
            ("time", Header { time: UnixMs(-1), ..next() }),
            ("size", Header { size: 1, ..genesis() }),
            ("next_members", Header { next_members: Hash::ZERO, ..genesis() }),
            ("prev", Header { prev: Hash::ZERO, ..next() }),
            ("prev", Header { prev: keccak256("x"), ..genesis() }),
            ("root", Header { size: 0, ..next() }),
            ("state", Header { state: None, ..next() }),
            ("state", Header { v: Edition::First, ..next() }),
            ("state", Header { state: Some(Hash::ZERO), ..genesis() }),
        ];
        for (field, header) in broken {
            let fault = header.to_text().unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (Code::ChainHeaderMalformed, field));
        }
        assert_eq!(Header { size: 1 << 53, ..next() }.to_text().unwrap_err().code, Code::ChainNumberRange);
    }
}
