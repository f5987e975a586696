//! Equivocation evidence: two sealed headers of one chain that can't both be true, in a file that stands by itself.
//!
//! Whoever has the rosters can check it, with nobody's help (`fixtures/chain/README.md` section 14). What a server merely fails to
//! prove is no evidence: it is written in the same form, claims less, and never passes for more.

use serde::{Deserialize, Serialize};

use super::canonical::{Edition, FormatVersion, Object, objects, to_canonical};
use super::hash::{Hash, header_hash};
use super::header::Header;
use super::proof::{PROOF_HASHES_MAX, verify_consistency};
use super::roster::{MemberName, Roster};
use super::seal::Seal;
use super::verify::check_sealed;
use crate::base::ids::ChainId;
use crate::base::limits::{RECEIPT_BYTES_MAX, ROSTER_MEMBERS_MAX};
use crate::base::{Code, Fault};

/// Vouchers of one side: as many changes of the roster as decades bring.
pub const VOUCHERS_MAX: usize = 256;

/// What a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// The two headers can't both be true.
    Equivocation,
    /// Nobody has shown that the second header's tree continues the first one's.
    Unproven,
}

/// Why two sealed headers can't both be true; `first` is never the higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One height, two headers.
    SameHeight,
    /// Two headers that name the same header before them.
    SamePrev,
    /// Neighbours, and the second does not name the first as the header before it.
    Link,
    /// Neighbours, and the second is not of the roster that the first names for it.
    Members,
    /// As many entries, another root.
    SameSize,
    /// As many entries, other present states.
    State,
    /// Fewer entries at a greater height.
    Size,
    /// An earlier time at a greater height.
    Time,
    /// An older version at a greater height.
    Version,
    /// Only of [`Claim::Unproven`]: no consistency proof leads from the first tree to the second.
    NoConsistency,
}

impl Kind {
    /// All that prove something, the plainest first: of several that hold, a file names the first.
    const PROOFS: [Self; 9] = [
        Self::SameHeight,
        Self::SamePrev,
        Self::Link,
        Self::Members,
        Self::SameSize,
        Self::State,
        Self::Size,
        Self::Time,
        Self::Version,
    ];

    /// The word that stands in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameHeight => "same_height",
            Self::SamePrev => "same_prev",
            Self::Link => "link",
            Self::Members => "members",
            Self::SameSize => "same_size",
            Self::State => "state",
            Self::Size => "size",
            Self::Time => "time",
            Self::Version => "version",
            Self::NoConsistency => "no_consistency",
        }
    }

    /// The sentence for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::SameHeight => "two different headers of one height are sealed",
            Self::SamePrev => "two different sealed headers name the same header before them",
            Self::Link => "a sealed header does not name the sealed header just below it",
            Self::Members => "a sealed header is not of the roster that the sealed header just below it names",
            Self::SameSize => "two sealed headers have as many entries and different roots",
            Self::State => "two sealed headers have the same entries and different present states",
            Self::Size => "a sealed header has fewer entries than a sealed header below it",
            Self::Time => "a sealed header is earlier than a sealed header below it",
            Self::Version => "a sealed header is of an older version than a sealed header below it",
            Self::NoConsistency => "nobody has shown that the one sealed tree continues the other",
        }
    }

    /// Whether it holds of two different headers of one chain, `low` not above `high`.
    fn holds(self, low: &Side<'_>, high: &Side<'_>) -> bool {
        let (first, second) = (&low.header, &high.header);
        let above = second.height > first.height;
        let next = Some(second.height) == first.height.checked_add(1);
        let same_size = second.size == first.size;
        match self {
            Self::SameHeight => second.height == first.height,
            Self::SamePrev => second.prev == first.prev,
            Self::Link => next && second.prev != low.hash,
            Self::Members => next && second.members != first.next_members,
            Self::SameSize => same_size && second.root != first.root,
            Self::State => same_size && states_differ(first, second),
            Self::Size => above && second.size < first.size,
            Self::Time => above && second.time < first.time,
            Self::Version => above && first.v == Edition::Second && second.v == Edition::First,
            Self::NoConsistency => second.size > first.size,
        }
    }
}

/// Whether both have a root of the present states, and different ones.
fn states_differ(first: &Header, second: &Header) -> bool {
    first.state.is_some() && second.state.is_some() && first.state != second.state
}

/// A header with its hash.
struct Side<'a> {
    text: &'a str,
    header: Header,
    hash: Hash,
}

impl<'a> Side<'a> {
    fn of(text: &'a str, header: Header) -> Self {
        Self { text, header, hash: header_hash(text) }
    }
}

/// Two sides, the lower one first; of the same height, the one whose text comes first, so that one conflict makes one file.
fn in_order<'a>(one: Side<'a>, other: Side<'a>) -> (Side<'a>, Side<'a>, bool) {
    let swapped = (other.header.height, other.text) < (one.header.height, one.text);
    if swapped { (other, one, true) } else { (one, other, false) }
}

/// How a later roster is known: the sealed header just before its time names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    /// The roster's canonical text.
    pub roster: String,
    /// The canonical text of the header one below the roster's `from`.
    pub header: String,
    /// Seals on that header.
    #[serde(deserialize_with = "objects")]
    pub seals: Vec<Seal>,
}

impl Voucher {
    /// Checks it against rosters that are known already; gives the one that it adds.
    ///
    /// # Errors
    /// The verdict code of what does not hold, with its field: seals and form of the header, form of the roster; `ROSTER_UNKNOWN`
    /// when the header does not name this roster for its time.
    pub fn check(&self, chain: &ChainId, known: &[Roster]) -> Result<Roster, Fault> {
        let (header, _) = check_sealed(&self.header, &self.seals, known)?;
        let roster = Roster::from_text(&self.roster).map_err(|fault| fault.under("roster"))?;
        let unknown = |message: &str| Err(Fault::new(Code::VerdictRosterUnknown, "roster", message));
        if header.chain != *chain || roster.chain() != chain {
            return Err(Fault::new(
                Code::VerdictChainMismatch,
                "roster",
                "the roster or its header is of another chain",
            ));
        }
        if header.next_members != roster.hash() {
            return unknown("the header does not name this roster as the next one");
        }
        if Some(roster.from_height()) != header.height.checked_add(1) {
            return unknown("the roster does not count from the height after its header");
        }
        Ok(roster)
    }
}

/// A header, its seals, and how the rosters between are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedHeader {
    /// The header's canonical text.
    pub header: String,
    /// Seals on it.
    #[serde(deserialize_with = "objects")]
    pub seals: Vec<Seal>,
    /// Rosters that the reader may not have, each vouched for under those before it. Left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    pub vouchers: Vec<Voucher>,
}

impl SealedHeader {
    /// Checks header and seals under the known rosters and those that its vouchers add; gives the header and all the rosters.
    ///
    /// # Errors
    /// The verdict code of what does not hold, with its field.
    pub fn check(&self, chain: &ChainId, known: &[Roster]) -> Result<(Header, Vec<Roster>), Fault> {
        let mut rosters = known.to_vec();
        for (position, voucher) in self.vouchers.iter().enumerate() {
            let roster =
                voucher.check(chain, &rosters).map_err(|fault| fault.under(&format!("vouchers[{position}]")))?;
            if rosters.iter().all(|other| other.hash() != roster.hash()) {
                rosters.push(roster);
            }
        }
        let (header, _) = check_sealed(&self.header, &self.seals, &rosters)?;
        if header.chain != *chain {
            return Err(Fault::new(Code::VerdictChainMismatch, "header.chain", "the header is of another chain"));
        }
        Ok((header, rosters))
    }
}

/// An evidence file. That it can be read says nothing about whether it is true: [`verify_evidence`] does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Format version.
    pub v: FormatVersion,
    /// The chain.
    pub chain: ChainId,
    /// What it says.
    pub evidence: Claim,
    /// Why.
    pub kind: Kind,
    /// The header that is not the higher one.
    #[serde(deserialize_with = "object")]
    pub first: SealedHeader,
    /// The other.
    #[serde(deserialize_with = "object")]
    pub second: SealedHeader,
    /// Of [`Claim::Unproven`]: what the server gave for a consistency proof; left out when it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub consistency: Option<Vec<Hash>>,
}

fn object<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SealedHeader, D::Error> {
    Object::deserialize(deserializer).map(|Object(side)| side)
}

/// A member that may be left out, but not be null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Hash>>, D::Error> {
    Vec::deserialize(deserializer).map(Some)
}

/// Why these two sealed headers of one chain can't both be true; `None` if nothing in them says so. Texts MUST be those of the headers.
#[must_use]
pub fn contradiction(one: (&str, &Header), other: (&str, &Header)) -> Option<Kind> {
    let (low, high, _) = in_order(Side::of(one.0, one.1.clone()), Side::of(other.0, other.1.clone()));
    conflict(&low, &high)
}

fn conflict(low: &Side<'_>, high: &Side<'_>) -> Option<Kind> {
    if low.header.chain != high.header.chain || low.hash == high.hash {
        return None;
    }
    Kind::PROOFS.into_iter().find(|kind| kind.holds(low, high))
}

impl Evidence {
    /// The file about two sealed headers, if they contradict each other. Their seals are not looked at here.
    ///
    /// # Errors
    /// Those of [`Header::from_text`].
    pub fn of(one: SealedHeader, other: SealedHeader) -> Result<Option<Self>, Fault> {
        let (low, high) = (Header::from_text(&one.header)?, Header::from_text(&other.header)?);
        let chain = low.chain.clone();
        let (low, high, swapped) = in_order(Side::of(&one.header, low), Side::of(&other.header, high));
        let Some(kind) = conflict(&low, &high) else { return Ok(None) };
        let (first, second) = if swapped { (other, one) } else { (one, other) };
        Ok(Some(Self {
            v: FormatVersion,
            chain,
            evidence: Claim::Equivocation,
            kind,
            first,
            second,
            consistency: None,
        }))
    }

    /// The file about a consistency proof that a server owes: from the smaller tree to the larger one.
    pub fn unproven(chain: ChainId, first: SealedHeader, second: SealedHeader, consistency: Option<Vec<Hash>>) -> Self {
        let (evidence, kind) = (Claim::Unproven, Kind::NoConsistency);
        Self { v: FormatVersion, chain, evidence, kind, first, second, consistency }
    }

    /// Reads a file. Its JSON need not be canonical.
    ///
    /// # Errors
    /// [`Code::EvidenceBad`] when it is too large, no JSON, or not of this form.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let bad = |path: &str, message: String| Err(Fault::new(Code::EvidenceBad, path, message));
        if u64::try_from(json.len()).is_ok_and(|length| length > RECEIPT_BYTES_MAX) {
            return bad("", format!("evidence has at most {RECEIPT_BYTES_MAX} bytes"));
        }
        let evidence = match serde_json::from_slice::<Object<Self>>(json) {
            Err(e) => return bad("", format!("not evidence: {e}")),
            Ok(Object(evidence)) => evidence,
        };
        for (side, name) in [(&evidence.first, "first"), (&evidence.second, "second")] {
            if side.vouchers.len() > VOUCHERS_MAX {
                return bad(&format!("{name}.vouchers"), format!("at most {VOUCHERS_MAX} vouchers are read"));
            }
            let seals = side.vouchers.iter().map(|voucher| &voucher.seals).chain([&side.seals]);
            if seals.into_iter().any(|seals| seals.len() > ROSTER_MEMBERS_MAX) {
                return bad(name, format!("a header has at most {ROSTER_MEMBERS_MAX} seals"));
            }
        }
        if evidence.consistency.as_ref().is_some_and(|proof| proof.len() > PROOF_HASHES_MAX) {
            return bad("consistency", format!("a proof has at most {PROOF_HASHES_MAX} hashes"));
        }
        Ok(evidence)
    }

    /// The canonical text: the same conflict gives the same bytes.
    ///
    /// # Errors
    /// Those of [`to_canonical`].
    pub fn to_json(&self) -> Result<String, Fault> {
        to_canonical(self)
    }
}

/// What is found about an evidence file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceVerdict {
    /// [`Code::EquivocationProven`], [`Code::EvidenceUnproven`] or [`Code::EvidenceBad`].
    pub code: Code,
    /// Why, if the file could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// JSON path of what is wrong, `first.header...` leading into that text; empty when nothing is, or the whole.
    pub field: String,
    /// A sentence for people.
    pub message: String,
    /// What was checked and holds, in the order of the checks.
    pub covered: Vec<String>,
    /// Members whose one key has sealed both headers. Under one roster they hold more than a third of its power.
    pub sealed_both: Vec<MemberName>,
}

impl EvidenceVerdict {
    /// Whether two sealed headers are shown that can't both be true.
    pub fn is_proven(&self) -> bool {
        self.code == Code::EquivocationProven
    }
}

/// What no evidence shows, however good.
pub const EVIDENCE_NOT_COVERED: &[&str] = &[
    "which of the two headers is the true one, and who was shown which",
    "whether the members meant to, or their keys were stolen",
    "whether the rosters that were given are those of the consortium: the caller vouches for them",
];

/// Checks an evidence file as it comes, with rosters that the caller trusts.
#[must_use]
pub fn verify_evidence_json(json: &[u8], rosters: &[Roster]) -> EvidenceVerdict {
    match Evidence::from_json(json) {
        Ok(evidence) => verify_evidence(&evidence, rosters),
        Err(Fault { code, path, message }) => {
            EvidenceVerdict { code, kind: None, field: path, message, covered: Vec::new(), sealed_both: Vec::new() }
        }
    }
}

/// Checks an evidence file with rosters that the caller trusts.
#[must_use]
pub fn verify_evidence(evidence: &Evidence, rosters: &[Roster]) -> EvidenceVerdict {
    let mut covered = Vec::new();
    let kind = Some(evidence.kind);
    match check(evidence, rosters, &mut covered) {
        Ok((code, message, sealed_both)) => {
            EvidenceVerdict { code, kind, field: String::new(), message, covered, sealed_both }
        }
        Err(Fault { code: Code::EvidenceBad, path, message }) => {
            let code = Code::EvidenceBad;
            EvidenceVerdict { code, kind, field: path, message, covered, sealed_both: Vec::new() }
        }
        Err(Fault { code: why, path, message }) => {
            let (code, message) = (Code::EvidenceBad, format!("{why}: {message}"));
            EvidenceVerdict { code, kind, field: path, message, covered, sealed_both: Vec::new() }
        }
    }
}

fn check(
    evidence: &Evidence,
    rosters: &[Roster],
    covered: &mut Vec<String>,
) -> Result<(Code, String, Vec<MemberName>), Fault> {
    let bad = |field: &str, message: &str| Fault::new(Code::EvidenceBad, field, message);
    let one_side = |side: &SealedHeader, name: &str| side.check(&evidence.chain, rosters).map_err(|f| f.under(name));
    let (first, first_rosters) = one_side(&evidence.first, "first")?;
    covered.push(format!("the first header, of height {}, is sealed by a quorum of its roster", first.height));
    let (second, second_rosters) = one_side(&evidence.second, "second")?;
    covered.push(format!("the second header, of height {}, is sealed by a quorum of its roster", second.height));
    let both = sealed_both((&evidence.first, &first, &first_rosters), (&evidence.second, &second, &second_rosters));
    let (low, high) = (Side::of(&evidence.first.header, first), Side::of(&evidence.second.header, second));
    if low.hash == high.hash {
        return Err(bad("second.header", "the two headers are the same one"));
    }
    covered.push("the two headers are different ones of one chain".to_owned());
    if low.header.height > high.header.height {
        return Err(bad("first.header.height", "the first header is the higher one"));
    }
    if (evidence.kind == Kind::NoConsistency) != (evidence.evidence == Claim::Unproven) {
        return Err(bad("kind", "this kind does not go with what the file says"));
    }
    if !evidence.kind.holds(&low, &high) {
        return Err(bad("kind", &format!("the headers do not show that {}", evidence.kind.meaning())));
    }
    match evidence.evidence {
        Claim::Equivocation if evidence.consistency.is_some() => {
            Err(bad("consistency", "a proof of consistency has no place here"))
        }
        Claim::Equivocation => {
            covered.push(evidence.kind.meaning().to_owned());
            let who: Vec<&str> = both.iter().map(MemberName::as_str).collect();
            let who = if who.is_empty() { "nobody by the same key".to_owned() } else { who.join(", ") };
            let message = format!("{}; sealed both: {who}", evidence.kind.meaning());
            Ok((Code::EquivocationProven, message, both))
        }
        Claim::Unproven => {
            let (first, second) = (&low.header, &high.header);
            let proof = evidence.consistency.as_deref();
            if proof.is_some_and(|p| verify_consistency(first.size, second.size, &first.root, &second.root, p)) {
                return Err(bad("consistency", "the proof holds: the second tree continues the first"));
            }
            let gave = if proof.is_some() { "the proof in the file does not hold" } else { "the file has no proof" };
            let message = format!("{}: {gave}. That proves nothing yet", evidence.kind.meaning());
            Ok((Code::EvidenceUnproven, message, both))
        }
    }
}

/// Members whose key, the same under both rosters, has sealed both headers.
fn sealed_both(
    (one, first, ones): (&SealedHeader, &Header, &[Roster]),
    (other, second, others): (&SealedHeader, &Header, &[Roster]),
) -> Vec<MemberName> {
    let key_of = |rosters: &[Roster], header: &Header, name: &MemberName| {
        let roster = rosters.iter().find(|roster| roster.hash() == header.members)?;
        roster.member(name).map(|member| member.key)
    };
    let mut both: Vec<MemberName> = one.seals.iter().map(|seal| seal.member.clone()).collect();
    both.retain(|name| {
        other.seals.iter().any(|seal| seal.member == *name) && key_of(ones, first, name) == key_of(others, second, name)
    });
    both.sort();
    both
}

#[cfg(test)]
#[path = "evidence/tests.rs"]
mod tests;
