//! Commands: what a client asks for, already authenticated, parsed and (for `issue`) signed.

mod bodies;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::entry::Kind;
use crate::base::ids::{ChainId, IdempotencyKey};
use crate::base::{Code, Fault, Faults};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::chain::issuer::{Address, IssuerKey, IssuerSignature, eip191_hash, recover};
use crate::chain::recovery::recover_all;
use crate::chain::signing::sign_all;
use crate::invoice::Checked;

pub use bodies::{
    AnswerConfirmationBody, Answering, BlockName, ChangeRosterBody, ClaimBody, CloseDayBody, DiscardBody, HandOverBody,
    HeldBody, LockBody, MerchantBody, OpenConfirmationBody, PaymentBody, PledgeBody, RefundBody, RenewBody,
    RestoredBody, RevokeIssuerBody, RotateIssuerBody, RulesBody, Scoped, Side, StandingBody,
};

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
    /// A merchant reverses an invoice, wholly or in part.
    Reverse(Box<Reverse>),
    /// A company takes invoices into an expense claim.
    Lock(Keyed<LockBody>),
    /// It keeps them for longer.
    Renew(Keyed<RenewBody>),
    /// It gives them back.
    Unlock(Keyed<HeldBody>),
    /// It books them.
    Close(Keyed<HeldBody>),
    /// A seller pledges an invoice to a financier.
    Pledge(Keyed<PledgeBody>),
    /// The financier gives it back.
    Release(Keyed<HeldBody>),
    /// The financier was paid.
    Settle(Keyed<HeldBody>),
    /// A payer takes an invoice into a wallet.
    Claim(Keyed<ClaimBody>),
    /// It goes to another holder.
    HandOver(Keyed<HandOverBody>),
    /// It is thrown away.
    Discard(Keyed<DiscardBody>),
    /// A confirmation sheet for a red letter is opened.
    OpenConfirmation(Keyed<OpenConfirmationBody>),
    /// It is answered.
    AnswerConfirmation(Keyed<AnswerConfirmationBody>),
    /// The bureau takes a merchant's right to issue.
    SuspendMerchant(Keyed<StandingBody>),
    /// It gives the right back.
    ResumeMerchant(Keyed<StandingBody>),
    /// A merchant's issuer key is replaced.
    RotateIssuer(Keyed<RotateIssuerBody>),
    /// A merchant's issuer key must not sign any more.
    RevokeIssuer(Keyed<RevokeIssuerBody>),
    /// The members' roster changes.
    ChangeRoster(Keyed<ChangeRosterBody>),
    /// A merchant's day is summed up.
    CloseDay(Keyed<CloseDayBody>),
    /// The ledger goes on from an older copy.
    Restored(Keyed<RestoredBody>),
}

/// An idempotency key with its scope, and the request that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Whose key.
    pub scope: Cow<'a, str>,
    /// The key.
    pub key: &'a IdempotencyKey,
    /// keccak256 of the canonical request.
    pub request: &'a Hash,
}

impl Command {
    /// The kind of entry that it leads to.
    pub fn kind(&self) -> Kind {
        match self {
            Self::RegisterMerchant(_) => Kind::RegisterMerchant,
            Self::SetRules(_) => Kind::SetRules,
            Self::RecordPayment(_) => Kind::RecordPayment,
            Self::RecordRefund(_) => Kind::RecordRefund,
            Self::Issue(_) => Kind::Issue,
            Self::Reverse(_) => Kind::Reverse,
            Self::Lock(_) => Kind::Lock,
            Self::Renew(_) => Kind::Renew,
            Self::Unlock(_) => Kind::Unlock,
            Self::Close(_) => Kind::Close,
            Self::Pledge(_) => Kind::Pledge,
            Self::Release(_) => Kind::Release,
            Self::Settle(_) => Kind::Settle,
            Self::Claim(_) => Kind::Claim,
            Self::HandOver(_) => Kind::HandOver,
            Self::Discard(_) => Kind::Discard,
            Self::OpenConfirmation(_) => Kind::OpenConfirmation,
            Self::AnswerConfirmation(_) => Kind::AnswerConfirmation,
            Self::SuspendMerchant(_) => Kind::SuspendMerchant,
            Self::ResumeMerchant(_) => Kind::ResumeMerchant,
            Self::RotateIssuer(_) => Kind::RotateIssuer,
            Self::RevokeIssuer(_) => Kind::RevokeIssuer,
            Self::ChangeRoster(_) => Kind::ChangeRoster,
            Self::CloseDay(_) => Kind::CloseDay,
            Self::Restored(_) => Kind::Restored,
        }
    }

    /// The signed draft in it: a blue one to issue, or a red one to reverse.
    pub fn draft(&self) -> Option<&Checked> {
        match self {
            Self::Issue(issue) => Some(issue.draft()),
            Self::Reverse(reverse) => Some(reverse.red().draft()),
            Self::RegisterMerchant(_)
            | Self::SetRules(_)
            | Self::RecordPayment(_)
            | Self::RecordRefund(_)
            | Self::Lock(_)
            | Self::Renew(_)
            | Self::Unlock(_)
            | Self::Close(_)
            | Self::Pledge(_)
            | Self::Release(_)
            | Self::Settle(_)
            | Self::Claim(_)
            | Self::HandOver(_)
            | Self::Discard(_)
            | Self::OpenConfirmation(_)
            | Self::AnswerConfirmation(_)
            | Self::SuspendMerchant(_)
            | Self::ResumeMerchant(_)
            | Self::RotateIssuer(_)
            | Self::RevokeIssuer(_)
            | Self::ChangeRoster(_)
            | Self::CloseDay(_)
            | Self::Restored(_) => None,
        }
    }

    /// The caller's idempotency key; notices have none.
    pub fn asked(&self) -> Option<Asked<'_>> {
        match self {
            Self::RecordPayment(_) | Self::RecordRefund(_) => None,
            Self::Issue(issue) => Some(issue.asked()),
            Self::Reverse(reverse) => Some(reverse.red().asked()),
            Self::RegisterMerchant(command) => Some(command.asked()),
            Self::SetRules(command) => Some(command.asked()),
            Self::Lock(command) => Some(command.asked()),
            Self::Renew(command) => Some(command.asked()),
            Self::Unlock(command) | Self::Close(command) | Self::Release(command) | Self::Settle(command) => {
                Some(command.asked())
            }
            Self::Pledge(command) => Some(command.asked()),
            Self::Claim(command) => Some(command.asked()),
            Self::HandOver(command) => Some(command.asked()),
            Self::Discard(command) => Some(command.asked()),
            Self::OpenConfirmation(command) => Some(command.asked()),
            Self::AnswerConfirmation(command) => Some(command.asked()),
            Self::SuspendMerchant(command) | Self::ResumeMerchant(command) => Some(command.asked()),
            Self::RotateIssuer(command) => Some(command.asked()),
            Self::RevokeIssuer(command) => Some(command.asked()),
            Self::ChangeRoster(command) => Some(command.asked()),
            Self::CloseDay(command) => Some(command.asked()),
            Self::Restored(command) => Some(command.asked()),
        }
    }
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

impl<T: Scoped> Keyed<T> {
    /// The key with its scope and request.
    pub fn asked(&self) -> Asked<'_> {
        Asked { scope: Cow::Owned(self.body.scope()), key: &self.key, request: &self.request }
    }
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

/// A draft with a signature that nobody has verified yet.
#[derive(Debug, Clone)]
pub struct Unverified {
    /// What is said to be signed.
    pub unsigned: Unsigned,
    /// Who is said to have signed it.
    pub issuer: Address,
    /// The signature.
    pub signature: IssuerSignature,
}

impl Unverified {
    /// Verifies the signature.
    ///
    /// # Errors
    /// [`Code::LedgerIssuerSignatureBad`] when the signature is not the issuer's over this very text.
    pub fn verified(self) -> Result<Issue, Faults> {
        let signer = recover(&self.unsigned.text, &self.signature);
        self.settled(signer)
    }

    /// An issue, if whoever the signature was recovered to is the issuer.
    fn settled(self, signer: Result<Address, Fault>) -> Result<Issue, Faults> {
        let Self { unsigned, issuer, signature } = self;
        let bad = |why: String| Fault::new(Code::LedgerIssuerSignatureBad, "signature", why);
        let signer = signer.map_err(|fault| bad(fault.message))?;
        if signer != issuer {
            let (signer, issuer) = (signer.to_eip55(), issuer.to_eip55());
            return Err(bad(format!("signed by {signer}, the merchant's issuer is {issuer}")).into());
        }
        Ok(unsigned.with(issuer, signature))
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
        Unverified { unsigned: Unsigned::new(key, request, draft)?, issuer, signature }.verified()
    }

    /// Verifies signatures that were made outside, all together.
    pub fn signed_all(all: Vec<Unverified>) -> Vec<Result<Self, Faults>> {
        let work: Vec<(&str, &IssuerSignature)> =
            all.iter().map(|one| (one.unsigned.text.as_str(), &one.signature)).collect();
        let signers = recover_all(&work);
        all.into_iter().zip(signers).map(|(one, signer)| one.settled(signer)).collect()
    }

    /// The key with its scope, the merchant, and its request.
    pub fn asked(&self) -> Asked<'_> {
        Asked { scope: Cow::Borrowed(self.draft.merchant().as_str()), key: &self.key, request: &self.request }
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

/// `reverse`: a signed red draft and, where the invoice's holder had to agree, the confirmation sheet.
#[derive(Debug, Clone)]
pub struct Reverse {
    red: Issue,
    confirmation: Option<u64>,
}

impl Reverse {
    /// A reversal of the invoice that the red draft names.
    ///
    /// # Errors
    /// [`Code::LedgerNotRed`] for a blue draft.
    pub fn new(red: Issue, confirmation: Option<u64>) -> Result<Self, Fault> {
        if red.draft().red().is_none() {
            return Err(Fault::new(Code::LedgerNotRed, "draft", "a blue draft reverses nothing"));
        }
        Ok(Self { red, confirmation })
    }

    /// The signed red draft.
    pub fn red(&self) -> &Issue {
        &self.red
    }
    /// The entry that opened the sheet.
    pub fn confirmation(&self) -> Option<u64> {
        self.confirmation
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
