//! What commands ask for: one struct a kind, as it stands in the entry's `body`. Whom an idempotency key belongs to follows from it.

use serde::{Deserialize, Serialize};

use super::BUREAU_SCOPE;
use crate::base::ids::{MerchantId, Provider, TransactionId};
use crate::base::{LegalDate, UnixMs};
use crate::chain::hash::Hash;
use crate::chain::issuer::{Address, IssuerSignature};
use crate::chain::roster_change::{Change, MemberSignature};
use crate::invoice::Seller;
use crate::invoice::draft::never_null;
use crate::invoice::money::Fen;
use crate::invoice::number::InvoiceId;
use crate::invoice::reversal::ReversalAsked;
use crate::invoice::rules::IssuingRules;
use crate::ledger::record::RulesScope;

/// Whose idempotency keys a body's command is counted under.
pub trait Scoped {
    /// A merchant's id, `tax-bureau`, or `h:` and a holder's commitment.
    fn scope(&self) -> String;
}

fn holder_scope(holder: &Hash) -> String {
    format!("h:{holder}")
}

macro_rules! scoped {
    ($($body:ident => |$it:ident| $scope:expr,)*) => {
        $(impl Scoped for $body {
            fn scope(&self) -> String {
                let $it = self;
                $scope
            }
        })*
    };
}

scoped! {
    MerchantBody => |_body| BUREAU_SCOPE.to_owned(),
    RulesBody => |_body| BUREAU_SCOPE.to_owned(),
    LockBody => |body| holder_scope(&body.holder),
    RenewBody => |body| holder_scope(&body.holder),
    HeldBody => |body| holder_scope(&body.holder),
    PledgeBody => |body| body.merchant.to_string(),
    ClaimBody => |body| holder_scope(&body.holder),
    HandOverBody => |body| holder_scope(&body.holder),
    DiscardBody => |body| holder_scope(&body.holder),
    OpenConfirmationBody => |body| body.by.scope(),
    AnswerConfirmationBody => |body| body.by.scope(),
    StandingBody => |_body| BUREAU_SCOPE.to_owned(),
    RotateIssuerBody => |body| match body.old_signature {
        Some(_) => body.merchant.to_string(),
        None => BUREAU_SCOPE.to_owned(),
    },
    RevokeIssuerBody => |_body| BUREAU_SCOPE.to_owned(),
    ChangeRosterBody => |_body| BUREAU_SCOPE.to_owned(),
    CloseDayBody => |body| body.merchant.to_string(),
    RestoredBody => |_body| BUREAU_SCOPE.to_owned(),
}

/// Body of `register_merchant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MerchantBody {
    /// As it will stand on every invoice.
    pub seller: Seller,
    /// WeChat Pay merchant number, if payments of that provider are to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mchid: Option<String>,
    /// Address of the key that will sign this merchant's drafts.
    pub issuer: Address,
    /// Whether a payment with a known order becomes an invoice by itself.
    pub issue_on_payment: bool,
}

/// Body of `set_rules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesBody {
    /// Whom they bind.
    pub scope: RulesScope,
    /// They replace the scope's rules as a whole.
    pub rules: IssuingRules,
    /// The height of the first block that they bind; left out, the block of this entry.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
}

/// Body of `record_payment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentBody {
    /// Who took it.
    pub provider: Provider,
    /// The provider's id.
    pub transaction: TransactionId,
    /// Who was paid.
    pub merchant: MerchantId,
    /// The merchant's order number.
    pub order: TransactionId,
    /// Fen.
    pub paid: Fen,
    /// Unix ms, by the provider.
    pub paid_at: UnixMs,
}

/// Body of `record_refund`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    /// Who gave it back.
    pub provider: Provider,
    /// The provider's id of the refund.
    pub refund: TransactionId,
    /// The payment.
    pub transaction: TransactionId,
    /// Fen.
    pub amount: Fen,
    /// Unix ms, by the provider.
    pub refunded_at: UnixMs,
}

/// Body of `lock`: all the invoices or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockBody {
    /// 1 to [`crate::ledger::life::BATCH_INVOICES_MAX`], each once.
    pub invoices: Vec<InvoiceId>,
    /// Commitment to the company.
    pub holder: Hash,
    /// How long the lock holds, in ms of block time.
    pub lease_ms: i64,
}

/// Body of `renew`: the lease ends `lease_ms` after this entry's block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewBody {
    /// As in [`LockBody`].
    pub invoices: Vec<InvoiceId>,
    /// Commitment to the company.
    pub holder: Hash,
    /// The fence of the lock.
    pub fence: u64,
    /// How long the lock holds from now, in ms of block time.
    pub lease_ms: i64,
}

/// Body of `unlock`, `close`, `release` and `settle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldBody {
    /// As in [`LockBody`].
    pub invoices: Vec<InvoiceId>,
    /// Commitment to the holder.
    pub holder: Hash,
    /// The fence of the hold.
    pub fence: u64,
}

/// Body of `pledge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PledgeBody {
    /// The seller.
    pub merchant: MerchantId,
    /// What is pledged; it draws on no payment.
    pub invoice: InvoiceId,
    /// Commitment to the financier.
    pub holder: Hash,
}

/// Body of `claim`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// What is claimed.
    pub invoice: InvoiceId,
    /// Commitment to the claimer.
    pub holder: Hash,
}

/// Body of `hand_over`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverBody {
    /// What is passed on.
    pub invoice: InvoiceId,
    /// Commitment to who has it.
    pub holder: Hash,
    /// Commitment to who gets it.
    pub to: Hash,
}

/// Body of `discard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscardBody {
    /// What is thrown away.
    pub invoice: InvoiceId,
    /// Commitment to who has it.
    pub holder: Hash,
}

/// Who speaks on a confirmation sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "side", rename_all = "snake_case", deny_unknown_fields)]
pub enum Side {
    /// The seller.
    Seller {
        /// Who that is.
        merchant: MerchantId,
    },
    /// Who holds the invoice, or has it in the wallet.
    Buyer {
        /// Commitment to it.
        holder: Hash,
        /// The fence of its hold; left out by the wallet's holder.
        #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
        fence: Option<u64>,
    },
}

impl Side {
    fn scope(&self) -> String {
        match self {
            Self::Seller { merchant } => merchant.to_string(),
            Self::Buyer { holder, .. } => holder_scope(holder),
        }
    }
}

/// Body of `open_confirmation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenConfirmationBody {
    /// The blue invoice.
    pub invoice: InvoiceId,
    /// Who opens it.
    pub by: Side,
    /// What is to be taken back.
    pub asked: ReversalAsked,
}

/// What is answered on a confirmation sheet (domain.md 1.13: 1 agree, 2 refuse, 3 withdraw).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answering {
    /// The other side agrees.
    Agree,
    /// The other side refuses.
    Refuse,
    /// Who opened it takes it back.
    Withdraw,
}

/// Body of `answer_confirmation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerConfirmationBody {
    /// The entry that opened the sheet.
    pub confirmation: u64,
    /// What is answered.
    pub action: Answering,
    /// Who answers.
    pub by: Side,
}

/// Body of `suspend_merchant` and `resume_merchant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingBody {
    /// Whose right to issue it is about.
    pub merchant: MerchantId,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Body of `rotate_issuer`; both sign [`crate::chain::issuer_rotation::rotation_text`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateIssuerBody {
    /// Whose key it is.
    pub merchant: MerchantId,
    /// The key that signs until now.
    pub old: Address,
    /// The key that signs from this entry on.
    pub new: Address,
    /// By the old key. Left out only by the bureau, once the old key is revoked.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub old_signature: Option<IssuerSignature>,
    /// By the new key.
    pub new_signature: IssuerSignature,
}

/// Body of `revoke_issuer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeIssuerBody {
    /// Whose key it is.
    pub merchant: MerchantId,
    /// The key, so that a rotation meanwhile is noticed.
    pub issuer: Address,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Body of `change_roster`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRosterBody {
    /// What changes.
    pub change: Change,
    /// The height of the first block that the new roster seals.
    pub from: u64,
    /// Canonical text of the new roster.
    pub roster: String,
    /// By a quorum of the old roster, a quorum of the new one, and each new key.
    pub signatures: Vec<MemberSignature>,
}

/// What `close_day` asks for. The entry's body has the day's figures too: execution finds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseDayBody {
    /// Whose day.
    pub merchant: MerchantId,
    /// A legal date that is over.
    pub date: LegalDate,
}

/// A block, by height and hash of its header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockName {
    /// Its height.
    pub height: u64,
    /// Hash of its header.
    pub hash: Hash,
}

/// Body of `restored`: the operator says that the ledger goes on from an older copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoredBody {
    /// Why, 1 to 200 characters.
    pub reason: String,
    /// The newest block that was remembered outside the database.
    pub remembered: BlockName,
    /// The block that the ledger goes on from.
    pub tip: BlockName,
}
