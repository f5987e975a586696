//! What a verifier says: one stable code, the place, what was covered and what was not.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::{Code, UnixMs};

macro_rules! verdicts {
    ($($name:ident => $code:ident,)*) => {
        /// What the verifier found first. [`VerdictCode::Valid`] when it found nothing wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum VerdictCode {
            /// Everything in [`Verdict::covered`] was checked and holds.
            Valid,
            $(#[doc = concat!("See [`Code::", stringify!($code), "`].")] $name,)*
        }

        impl VerdictCode {
            /// Every verdict.
            pub const ALL: &'static [Self] = &[Self::Valid, $(Self::$name,)*];

            /// The code of the trouble; `None` for [`VerdictCode::Valid`].
            pub fn code(self) -> Option<Code> {
                match self {
                    Self::Valid => None,
                    $(Self::$name => Some(Code::$code),)*
                }
            }
        }
    };
}

verdicts! {
    ReceiptMalformed => VerdictReceiptMalformed,
    EntryNotCanonical => VerdictEntryNotCanonical,
    EntryMalformed => VerdictEntryMalformed,
    HeaderNotCanonical => VerdictHeaderNotCanonical,
    HeaderMalformed => VerdictHeaderMalformed,
    ChainMismatch => VerdictChainMismatch,
    IndexMismatch => VerdictIndexMismatch,
    LeafHashMismatch => VerdictLeafHashMismatch,
    TimeMismatch => VerdictTimeMismatch,
    DraftMalformed => VerdictDraftMalformed,
    IssuerSignatureBad => VerdictIssuerSignatureBad,
    ProofBad => VerdictProofBad,
    StateUncommitted => VerdictStateUncommitted,
    StateMalformed => VerdictStateMalformed,
    StateLeafMismatch => VerdictStateLeafMismatch,
    StateProofBad => VerdictStateProofBad,
    RosterUnknown => VerdictRosterUnknown,
    RosterSuperseded => VerdictRosterSuperseded,
    SealStranger => VerdictSealStranger,
    SealDuplicate => VerdictSealDuplicate,
    SealRoundMismatch => VerdictSealRoundMismatch,
    SealBad => VerdictSealBad,
    SealsBelowQuorum => VerdictSealsBelowQuorum,
}

impl VerdictCode {
    /// The verdict as it stands in JSON and on the page.
    pub fn as_str(self) -> &'static str {
        self.code().map_or("VALID", Code::as_str)
    }
}

impl fmt::Display for VerdictCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for VerdictCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the header that was read says of itself. True when the verdict is that everything holds; a claim otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// Height of the block.
    pub height: u64,
    /// Its time, unix ms.
    pub time: UnixMs,
    /// Entries of the chain up to and with it.
    pub size: u64,
    /// Voting power of those who sealed; only when their seals hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<u128>,
    /// Voting power of the whole roster; only when the seals hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u128>,
}

/// What the map of present states says of an invoice as of the header's block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateSaid {
    /// `<code>-<number>`.
    pub invoice: String,
    /// One of the eight words of [`crate::chain::present::StateWord`], or `absent`: no such number was issued.
    pub word: &'static str,
    /// What red letters have not taken back, in fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    /// Until when a lock holds, unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMs>,
}

/// What the verifier says of one receipt or state proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The first thing that is wrong, or that nothing is.
    pub code: VerdictCode,
    /// The receipt's index, if the receipt could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// JSON path of what is wrong, `entry...` and `header...` leading into those texts; empty when valid or when the whole is meant.
    pub field: String,
    /// A sentence for people.
    pub message: String,
    /// What was checked and holds, in plain words and in the order of the checks.
    pub covered: Vec<String>,
    /// The header, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
    /// The present state, where the document has one and its path holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSaid>,
}

/// What no document can show, however valid: to be said wherever a verdict is shown. What a receipt without state leaves open comes first.
pub const NOT_COVERED: &[&str] = &[
    "whether the entry was reversed, locked or booked later: ask the chain",
    "whether the goods or services were delivered and the stated facts are true",
    "whether the rosters that were given are those of the consortium: the caller vouches for them",
];

/// The same where the present state was shown.
const NOT_COVERED_WITH_STATE: &[&str] = &[
    "whether the invoice was reversed, locked or booked after the header's block",
    "whether the goods or services were delivered and the stated facts are true",
    "whether the rosters that were given are those of the consortium: the caller vouches for them",
];

impl Verdict {
    /// What this document leaves open, in plain words.
    pub fn not_covered(&self) -> &'static [&'static str] {
        if self.state.is_some() { NOT_COVERED_WITH_STATE } else { NOT_COVERED }
    }

    /// Whether everything holds.
    pub fn is_valid(&self) -> bool {
        self.code == VerdictCode::Valid
    }
}

/// A check that failed.
pub(super) struct Failure {
    pub code: VerdictCode,
    pub field: String,
    pub message: String,
}

pub(super) fn failure(code: VerdictCode, field: impl Into<String>, message: impl Into<String>) -> Failure {
    Failure { code, field: field.into(), message: message.into() }
}

pub(super) fn require(holds: bool, code: VerdictCode, field: &str, message: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(failure(code, field, message)) }
}
