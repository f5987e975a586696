//! The confirmation sheet of a red letter (红字确认单, domain.md 1.13): where the other side must agree first.

use serde::{Deserialize, Serialize};

use crate::base::UnixMs;
use crate::base::ids::MerchantId;
use crate::chain::hash::Hash;
use crate::invoice::reversal::ReversalAsked;

/// How long the other side may take: 72 hours (domain.md 1.13, state 07).
pub const ANSWER_MS_MAX: i64 = 72 * 60 * 60 * 1000;

macro_rules! sheet_states {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Where a sheet stands; the numbers are those of the fully digital e-invoice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum SheetState {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl SheetState {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The two digits in the database and on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

sheet_states! {
    /// No confirmation is needed.
    NotNeeded = "01",
    /// The seller opened it, the buyer's side has to answer.
    BuyerToConfirm = "02",
    /// The buyer's side opened it, the seller has to answer.
    SellerToConfirm = "03",
    /// Both agree.
    Confirmed = "04",
    /// Void: the buyer's side refused.
    BuyerRefused = "05",
    /// Void: the seller refused.
    SellerRefused = "06",
    /// Void: nobody answered within 72 hours.
    TimedOut = "07",
    /// Void: who opened it took it back.
    Withdrawn = "08",
    /// Void: who opened it took it back after the other side had agreed.
    WithdrawnAfterwards = "09",
}

impl SheetState {
    /// Reads the two digits.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text)
    }

    /// Whether a red letter may still come of it.
    pub fn is_live(self) -> bool {
        match self {
            Self::NotNeeded | Self::BuyerToConfirm | Self::SellerToConfirm | Self::Confirmed => true,
            Self::BuyerRefused | Self::SellerRefused | Self::TimedOut | Self::Withdrawn | Self::WithdrawnAfterwards => {
                false
            }
        }
    }
}

/// A confirmation sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The entry that opened it.
    pub entry: u64,
    /// Entry of the blue invoice.
    pub invoice: u64,
    /// The seller.
    pub merchant: MerchantId,
    /// Commitment to the buyer's side, where it has spoken; `None` while only the seller has.
    pub buyer: Option<Hash>,
    /// Whether the seller opened it.
    pub by_seller: bool,
    /// What is to be taken back.
    pub asked: ReversalAsked,
    /// Where it stands; 02 and 03 count as 07 once `until` is reached ([`Confirmation::state_at`]).
    pub state: SheetState,
    /// The fence of the hold under which it was opened or agreed to; 0 when nobody held the invoice.
    pub fence: u64,
    /// When it was opened, unix ms of block time.
    pub opened_at: UnixMs,
    /// Until when it may be answered, unix ms of block time.
    pub until: UnixMs,
    /// The entry of the red letter that came of it.
    pub red: Option<u64>,
}

impl Confirmation {
    /// Where it stands at a block time.
    pub fn state_at(&self, time: UnixMs) -> SheetState {
        match self.state {
            SheetState::BuyerToConfirm | SheetState::SellerToConfirm if time >= self.until => SheetState::TimedOut,
            SheetState::NotNeeded
            | SheetState::BuyerToConfirm
            | SheetState::SellerToConfirm
            | SheetState::Confirmed
            | SheetState::BuyerRefused
            | SheetState::SellerRefused
            | SheetState::TimedOut
            | SheetState::Withdrawn
            | SheetState::WithdrawnAfterwards => self.state,
        }
    }

    /// Whether a red letter may still come of it at a block time.
    pub fn is_live_at(&self, time: UnixMs) -> bool {
        self.red.is_none() && self.state_at(time).is_live()
    }
}
