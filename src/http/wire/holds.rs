//! Holds of invoices, and how an invoice stands.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::openapi::ReceiptSchema;
use crate::base::{Code, Fault, UnixMs};
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::invoice::draft::never_null;
use crate::invoice::number::InvoiceId;
use crate::ledger::life::{LifeState, WalletState};
use crate::sequencer::desk::{Identity, Present, Reversed, Salt};

/// A hash as it is printed on an invoice: 66 lower-case hex digits.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct PrintedHash(pub Hash);

impl TryFrom<String> for PrintedHash {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        let hash = Hash::parse_printed(&text);
        hash.map(Self)
            .map_err(|fault| Fault::new(Code::HttpShapeWrong, "", format!("66 hex digits: {}", fault.message)))
    }
}

/// An invoice as its document names it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRequest {
    /// `<code>-<number>`.
    #[schema(value_type = String)]
    pub id: InvoiceId,
    /// The hash printed on it, 66 hex digits: who locks an invoice has it.
    #[schema(value_type = String)]
    pub hash: PrintedHash,
}

/// Body of `POST /v1/locks`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockRequest {
    /// 1 to 100, each once; all are locked or none.
    pub invoices: Vec<DocumentRequest>,
    /// 64 hex digits, random and your secret. The ledger gets keccak256(05 || salt || your taxpayer id): keep the salt, or you can't go
    /// on with the lock.
    #[schema(value_type = String)]
    pub salt: Salt,
    /// How long the lock holds in ms, 60,000 to 31,536,000,000; 30 days if left out.
    #[serde(default, deserialize_with = "never_null")]
    pub lease_ms: Option<i64>,
}

/// Body of `POST /v1/locks/{fence}/renewals`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// 1 to 100 of the lock's invoices, each once.
    #[schema(value_type = Vec<String>)]
    pub invoices: Vec<InvoiceId>,
    /// The salt of the lock.
    #[schema(value_type = String)]
    pub salt: Salt,
    /// How long the lock holds from now in ms; 30 days if left out.
    #[serde(default, deserialize_with = "never_null")]
    pub lease_ms: Option<i64>,
}

/// Body of the requests that end a hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndHoldRequest {
    /// 1 to 100 of the hold's invoices, each once.
    #[schema(value_type = Vec<String>)]
    pub invoices: Vec<InvoiceId>,
    /// The salt of the hold.
    #[schema(value_type = String)]
    pub salt: Salt,
}

/// Body of `POST /v1/invoices/{id}/pledge`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PledgeRequest {
    /// The financier's commitment, 64 hex digits: see `POST /v1/commitments`.
    #[schema(value_type = String)]
    pub financier: Hash,
}

/// Body of `POST /v1/commitments`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitmentRequest {
    /// 64 hex digits, random and your secret.
    #[schema(value_type = String)]
    pub salt: Salt,
    /// Whose commitment, 1 to 128 characters; a company leaves it out and gets that of its taxpayer id.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub id: Option<Identity>,
}

/// Answer of `POST /v1/commitments`.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommitmentReply {
    /// keccak256(05 || 32 bytes of the salt || id as UTF-8), 64 hex digits.
    #[schema(value_type = String)]
    pub commitment: Hash,
}

/// A hold that was taken or prolonged.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldReply {
    /// Index of the entry.
    pub entry: u64,
    /// Name it whenever you go on with this hold: who comes with an older one is refused.
    pub fence: u64,
    /// When a lock ends by itself, unix ms of block time; a pledge does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub lease_until: Option<UnixMs>,
    /// Height of its block.
    pub block: u64,
    /// The entry's receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}

/// Query of `GET /v1/invoices/{id}/life`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LifeQuery {
    /// The hash printed on the invoice, 66 hex digits: needed from a company, which sees only what it has.
    pub hash: Option<String>,
}

/// How an invoice stands at present. This is the word of the service: no receipt proves it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LifeReply {
    /// When it stands so, unix ms of block time.
    #[schema(value_type = i64)]
    pub time: UnixMs,
    /// `open`, `locked`, `closed` (booked), `pledged`, `settled`, `settled_locked`, `reversed`; `red` of a red invoice, which has no
    /// life of its own.
    pub state: &'static str,
    /// What red letters have taken back: `nothing`, `part` or `all`.
    pub reversed: &'static str,
    /// The fencing token of the present hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
    /// When the lock ends by itself, unix ms of block time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub lease_until: Option<UnixMs>,
    /// `unclaimed`, `claimed` or `discarded`.
    #[schema(value_type = String)]
    pub wallet: WalletState,
    /// The live confirmation sheet: the entry that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<u64>,
    /// Of a red invoice the blue one, `<code>-<number>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub blue: Option<InvoiceId>,
    /// Commitment to who holds it (bureau and auditor only).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub holder: Option<Hash>,
    /// Commitment to whose wallet it is in (bureau and auditor only).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub wallet_holder: Option<Hash>,
}

impl LifeReply {
    /// Without a word about who holds it.
    pub fn without_holders(present: &Present) -> Self {
        let held = match present.life.state {
            LifeState::Locked | LifeState::SettledLocked | LifeState::Closed | LifeState::Pledged => true,
            LifeState::Open | LifeState::Settled | LifeState::Reversed => false,
        };
        Self {
            time: present.time,
            state: if present.blue.is_some() { "red" } else { present.life.state.as_str() },
            reversed: match present.reversed {
                Reversed::Nothing => "nothing",
                Reversed::Part => "part",
                Reversed::All => "all",
            },
            fence: held.then_some(present.life.fence),
            lease_until: present.life.lease_until,
            wallet: present.life.wallet,
            confirmation: present.confirmation,
            blue: present.blue,
            holder: None,
            wallet_holder: None,
        }
    }

    /// With the commitments.
    pub fn with_holders(present: &Present) -> Self {
        let Present { life, .. } = present;
        Self { holder: life.holder, wallet_holder: life.wallet_holder, ..Self::without_holders(present) }
    }
}
