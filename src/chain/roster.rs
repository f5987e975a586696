//! The roster: the members' public keys and voting power, and from which height they count. All that a verifier has to trust.

use std::collections::BTreeSet;
use std::fmt;

use k256::ecdsa::VerifyingKey;
use serde::{Deserialize, Serialize};

use super::canonical::{FormatVersion, Object, objects, parse_canonical, to_canonical};
use super::hash::{Hash, lower_hex, roster_hash};
use crate::base::ids::ChainId;
use crate::base::limits::{CANONICAL_INTEGER_MAX, ROSTER_MEMBERS_MAX};
use crate::base::{Code, Fault};

/// Characters of a member's name, as many as a chain id may have.
const MEMBER_NAME_CHARS_MAX: usize = 40;

/// A member's name: 1 to 40 of a-z, 0-9 and '-', not beginning with '-'.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberName(String);

impl MemberName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MemberName {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        let fits = (1..=MEMBER_NAME_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-');
        if fits {
            Ok(Self(text))
        } else {
            Err(Fault::new(Code::IdMalformed, "", "a member's name is 1 to 40 of a-z, 0-9 and '-'"))
        }
    }
}

impl TryFrom<&str> for MemberName {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        Self::try_from(text.to_owned())
    }
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> String {
        name.0
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A member's public key, parsed. As text the compressed point in 66 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberKey(pub(super) VerifyingKey);

impl MemberKey {
    /// The compressed point: 33 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_sec1_point(true).as_bytes().to_vec()
    }

    /// Reads 66 lower-case hex digits.
    ///
    /// # Errors
    /// [`Code::ChainKeyMalformed`] when they are no compressed point of secp256k1: `02` or `03`, and an x of the curve.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || {
            Fault::new(Code::ChainKeyMalformed, "", "a key is a compressed secp256k1 point in 66 lower-case hex digits")
        };
        let bytes: [u8; 33] = lower_hex(text).ok_or_else(wrong)?;
        // The library reads a compact point too, `05` and x alone, which would be a second text for one key.
        if !matches!(bytes.first(), Some(0x02 | 0x03)) {
            return Err(wrong());
        }
        VerifyingKey::from_sec1_bytes(&bytes).ok().map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.to_sec1_point(true).as_bytes()))
    }
}

impl Serialize for MemberKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MemberKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One organisation that seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: MemberName,
    /// Its voting power, at least 1.
    pub power: u64,
    /// Its public key.
    pub key: MemberKey,
}

/// The form in which a roster stands in text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RosterText {
    v: FormatVersion,
    chain: ChainId,
    from: u64,
    #[serde(deserialize_with = "objects")]
    members: Vec<Member>,
}

/// A checked roster: 1 to 64 members, sorted by name, no name and no key twice, each with power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    inner: RosterText,
    text: String,
    hash: Hash,
}

impl Roster {
    /// The roster of these members, in any order.
    ///
    /// # Errors
    /// [`Code::ChainRosterMalformed`] when there are none or more than 64 of them, a name or key stands twice, or a power is 0 or
    /// too large.
    pub fn new(chain: ChainId, from: u64, mut members: Vec<Member>) -> Result<Self, Fault> {
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let inner = RosterText { v: FormatVersion, chain, from, members };
        inner.check()?;
        let text = to_canonical(&inner)?;
        let hash = roster_hash(&text);
        Ok(Self { inner, text, hash })
    }

    /// Reads a roster's canonical text.
    ///
    /// # Errors
    /// Those of [`parse_canonical`]; [`Code::ChainRosterMalformed`] when a field or rule is broken.
    pub fn from_text(text: &str) -> Result<Self, Fault> {
        let Object(inner): Object<RosterText> =
            serde_json::from_value(parse_canonical(text)?).map_err(|e| malformed("", e.to_string()))?;
        inner.check()?;
        Ok(Self { inner, text: text.to_owned(), hash: roster_hash(text) })
    }

    /// The canonical text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hash that headers name.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The chain on which it counts.
    pub fn chain(&self) -> &ChainId {
        &self.inner.chain
    }

    /// The height from which it counts.
    pub fn from_height(&self) -> u64 {
        self.inner.from
    }

    /// The members, sorted by name.
    pub fn members(&self) -> &[Member] {
        &self.inner.members
    }

    /// The member of this name.
    pub fn member(&self, name: &MemberName) -> Option<&Member> {
        self.inner.members.iter().find(|member| member.name == *name)
    }

    /// The whole voting power.
    pub fn total_power(&self) -> u128 {
        self.inner.members.iter().map(|member| u128::from(member.power)).sum()
    }

    /// Whether this much power is a quorum: strictly more than two thirds of the whole.
    pub fn quorum_reached(&self, power: u128) -> bool {
        power.saturating_mul(3) > self.total_power().saturating_mul(2)
    }
}

fn malformed(path: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault::new(Code::ChainRosterMalformed, path, message)
}

impl RosterText {
    fn check(&self) -> Result<(), Fault> {
        if self.members.is_empty() || self.members.len() > ROSTER_MEMBERS_MAX {
            return Err(malformed("members", format!("a roster has 1 to {ROSTER_MEMBERS_MAX} members")));
        }
        if !self.members.is_sorted_by(|a, b| a.name < b.name) {
            return Err(malformed("members", "the members are not sorted by name, or a name stands twice"));
        }
        let keys: BTreeSet<String> = self.members.iter().map(|member| member.key.to_string()).collect();
        if keys.len() != self.members.len() {
            return Err(malformed("members", "two members have the same key"));
        }
        let largest = CANONICAL_INTEGER_MAX.unsigned_abs();
        for (position, member) in self.members.iter().enumerate() {
            if !(1..=largest).contains(&member.power) {
                return Err(malformed(format!("members[{position}].power"), "the power is not between 1 and 2^53 - 1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::chain::SealKey;

    fn member(name: &str, power: u64, key: u8) -> Member {
        let key = SealKey::from_secret(&Secret::new([key; 32])).unwrap().public();
        Member { name: name.try_into().unwrap(), power, key }
    }

    fn roster(members: Vec<Member>) -> Result<Roster, Fault> {
        Roster::new("test".try_into().unwrap(), 0, members)
    }

    #[test]
    fn text_goes_there_and_back() {
        let made = roster(vec![member("b", 1, 1), member("a", 2, 2)]).unwrap();
        assert_eq!(made.members()[0].name.as_str(), "a");
        assert_eq!(Roster::from_text(made.text()).unwrap(), made);
        assert_eq!(made.hash(), roster_hash(made.text()));
    }

    #[test]
    fn broken_rules_are_refused() {
        let many = (0..65).map(|i| member(&format!("m{i:02}"), 1, i + 1)).collect::<Vec<_>>();
        assert!(roster(many[..64].to_vec()).is_ok());
        for bad in [
            vec![],
            many,
            vec![member("a", 1, 1), member("a", 1, 2)],
            vec![member("a", 1, 1), member("b", 1, 1)],
            vec![member("a", 0, 1)],
            vec![member("a", 1 << 53, 1)],
        ] {
            assert_eq!(roster(bad).unwrap_err().code, Code::ChainRosterMalformed);
        }
        let as_array = format!(r#"{{"chain":"test","from":0,"members":[["a",1,"{}"]],"v":1}}"#, member("a", 1, 1).key);
        assert_eq!(Roster::from_text(&as_array).unwrap_err().code, Code::ChainRosterMalformed);
        let unsorted = roster(vec![member("a", 1, 1), member("b", 1, 2)]).unwrap().text().replace(r#""a""#, r#""c""#);
        assert_eq!(Roster::from_text(&unsorted).unwrap_err().code, Code::ChainRosterMalformed);
    }

    #[test]
    fn quorum_is_strictly_more_than_two_thirds() {
        let three = roster(vec![member("a", 1, 1), member("b", 1, 2), member("c", 1, 3)]).unwrap();
        assert_eq!([2, 3].map(|power| three.quorum_reached(power)), [false, true]);
        let four = roster(vec![member("a", 1, 1), member("b", 1, 2), member("c", 1, 3), member("d", 1, 4)]).unwrap();
        assert_eq!([2, 3].map(|power| four.quorum_reached(power)), [false, true]);
        let heavy = roster((1..=64).map(|i| member(&format!("m{i:02}"), (1 << 53) - 1, i)).collect()).unwrap();
        assert!(heavy.quorum_reached(heavy.total_power()));
        assert!(!heavy.quorum_reached(heavy.total_power() * 2 / 3));
    }

    #[test]
    fn keys_that_are_no_points_are_refused() {
        for bad in ["", &"00".repeat(33), &format!("02{}", "ff".repeat(32)), &format!("04{}", "11".repeat(32))] {
            assert_eq!(MemberKey::parse(bad).unwrap_err().code, Code::ChainKeyMalformed, "{bad}");
        }
    }

    #[test]
    fn a_key_has_one_text() {
        let text = member("a", 1, 1).key.to_string();
        assert_eq!(MemberKey::parse(&text).unwrap().to_string(), text);
        let x = text.strip_prefix("02").or_else(|| text.strip_prefix("03")).unwrap();
        for bad in [format!("05{x}"), format!("00{x}"), text.to_uppercase()] {
            assert_eq!(MemberKey::parse(&bad).unwrap_err().code, Code::ChainKeyMalformed, "{bad}");
        }
    }
}
