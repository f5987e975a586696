//! The kinds of entries.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What an entry records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in the entry and in the `entries` table.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A seller was admitted.
    RegisterMerchant = "register_merchant",
    /// Issuing rules were set.
    SetRules = "set_rules",
    /// A payment was recorded.
    RecordPayment = "record_payment",
    /// A refund was recorded.
    RecordRefund = "record_refund",
    /// An invoice was issued.
    Issue = "issue",
    /// A red invoice was issued, which reverses another wholly or in part.
    Reverse = "reverse",
    /// Invoices were taken into an expense claim.
    Lock = "lock",
    /// A lock was prolonged.
    Renew = "renew",
    /// Invoices were given back.
    Unlock = "unlock",
    /// Invoices were booked.
    Close = "close",
    /// An invoice was pledged to a financier.
    Pledge = "pledge",
    /// The financier gave it back.
    Release = "release",
    /// The financier was paid.
    Settle = "settle",
    /// An invoice was taken into a wallet.
    Claim = "claim",
    /// It went to another holder.
    HandOver = "hand_over",
    /// It was thrown away.
    Discard = "discard",
    /// A confirmation sheet was opened.
    OpenConfirmation = "open_confirmation",
    /// It was answered.
    AnswerConfirmation = "answer_confirmation",
    /// A merchant lost its right to issue.
    SuspendMerchant = "suspend_merchant",
    /// It got it back.
    ResumeMerchant = "resume_merchant",
    /// A merchant's issuer key was replaced.
    RotateIssuer = "rotate_issuer",
    /// A merchant's issuer key was revoked.
    RevokeIssuer = "revoke_issuer",
    /// The members' roster changed.
    ChangeRoster = "change_roster",
    /// A merchant's day was summed up.
    CloseDay = "close_day",
    /// The ledger went on from an older copy.
    Restored = "restored",
}
