//! Commands: what a client asks for, already authenticated, parsed and (for `issue`) signed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::RulesScope;
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId, Provider, TransactionId};
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::chain::issuer::{Address, IssuerKey, IssuerSignature, eip191_hash, recover};
use crate::chain::signing::sign_all;
use crate::invoice::money::Fen;
use crate::invoice::rules::IssuingRules;
use crate::invoice::{Checked, Seller};

/// What the ledger can be asked to do.
#[derive(Debug, Clone)]
pub enum Command {
    /// The bureau admits a seller.
    RegisterMerchant(Keyed<MerchantBody>),
    /// The bureau sets issuing rules.
    SetRules(Keyed<RulesBody>),
    /// A payment notice.
    RecordPayment(PaymentBody),
    /// A refund notice.
    RecordRefund(RefundBody),
    /// A merchant issues an invoice.
    Issue(Box<Issue>),
}

/// A command that carries its caller's idempotency key.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    /// The caller's key.
    pub key: IdempotencyKey,
    /// keccak256 of the canonical request.
    pub request: Hash,
    /// What is asked for.
    pub body: T,
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

/// `issue`: a checked draft with its canonical text and the issuer's signature over it. Can't be made without either signing
/// or verifying, so execution need not verify again.
#[derive(Debug, Clone)]
pub struct Issue {
    key: IdempotencyKey,
    request: Hash,
    draft: Checked,
    text: String,
    issuer: Address,
    signature: IssuerSignature,
}

/// A checked draft with its canonical text, waiting for its signature.
#[derive(Debug, Clone)]
pub struct Unsigned {
    key: IdempotencyKey,
    request: Hash,
    draft: Checked,
    text: String,
}

impl Unsigned {
    /// Writes the draft's canonical text.
    ///
    /// # Errors
    /// A string that is not NFC, or a number outside the canonical range.
    pub fn new(key: IdempotencyKey, request: Hash, draft: Checked) -> Result<Self, Faults> {
        let text = canonical::to_canonical(&draft)?;
        Ok(Self { key, request, draft, text })
    }

    /// Signs it with a key in custody.
    pub fn sign(self, issuer: &IssuerKey) -> Issue {
        let signature = issuer.sign(&self.text);
        self.with(issuer.address(), signature)
    }

    fn with(self, issuer: Address, signature: IssuerSignature) -> Issue {
        let Self { key, request, draft, text } = self;
        Issue { key, request, draft, text, issuer, signature }
    }
}

impl Issue {
    /// Signs drafts, each with its key in custody, in order.
    pub fn sign_all(drafts: Vec<(Unsigned, Arc<IssuerKey>)>) -> Vec<Self> {
        let work: Vec<(&IssuerKey, Hash)> =
            drafts.iter().map(|(draft, key)| (key.as_ref(), eip191_hash(&draft.text))).collect();
        let signatures = sign_all(&work);
        drafts
            .into_iter()
            .zip(signatures)
            .map(|((draft, key), signature)| draft.with(key.address(), signature))
            .collect()
    }

    /// Takes a signature that the merchant made outside; verifies it.
    ///
    /// # Errors
    /// [`Code::LedgerIssuerSignatureBad`] when the signature is not the issuer's over this very text.
    pub fn signed(
        key: IdempotencyKey,
        request: Hash,
        draft: Checked,
        issuer: Address,
        signature: IssuerSignature,
    ) -> Result<Self, Faults> {
        let unsigned = Unsigned::new(key, request, draft)?;
        let bad = |why: String| Fault::new(Code::LedgerIssuerSignatureBad, "signature", why);
        let signer = recover(&unsigned.text, &signature).map_err(|fault| bad(fault.message))?;
        if signer != issuer {
            return Err(bad(format!(
                "signed by {}, the merchant's issuer is {}",
                signer.to_eip55(),
                issuer.to_eip55()
            ))
            .into());
        }
        Ok(unsigned.with(issuer, signature))
    }

    /// The caller's key.
    pub fn key(&self) -> &IdempotencyKey {
        &self.key
    }
    /// keccak256 of the canonical request.
    pub fn request(&self) -> &Hash {
        &self.request
    }
    /// The draft.
    pub fn draft(&self) -> &Checked {
        &self.draft
    }
    /// The draft's canonical text: what was signed.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Who signed.
    pub fn issuer(&self) -> &Address {
        &self.issuer
    }
    /// The signature.
    pub fn signature(&self) -> &IssuerSignature {
        &self.signature
    }
}

/// The idempotency scope of the bureau's commands.
pub const BUREAU_SCOPE: &str = "tax-bureau";

/// The fingerprint of a request: keccak256 of its canonical text, so that white space and field order do not matter.
///
/// # Errors
/// What [`canonical::to_canonical`] refuses, with the path.
pub fn request_hash(chain: &ChainId, kind: &str, request: &impl Serialize) -> Result<Hash, Fault> {
    #[derive(Serialize)]
    struct Fingerprint<'a, T> {
        chain: &'a ChainId,
        kind: &'a str,
        request: &'a T,
    }
    let text = canonical::to_canonical(&Fingerprint { chain, kind, request })?;
    Ok(crate::chain::hash::keccak256(text))
}
