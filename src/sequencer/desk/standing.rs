//! The desk for a merchant's standing: suspended and resumed by the bureau, its issuer key replaced or revoked.

use serde::Serialize;

use super::{Desk, Profile, Recorded, not_reserved, unknown_merchant};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::{Code, Fault, Faults};
use crate::chain::issuer::{Address, IssuerSignature, eip191_hash};
use crate::chain::issuer_rotation::rotation_text;
use crate::ledger::command::{
    BUREAU_SCOPE, Command, Keyed, RevokeIssuerBody, RotateIssuerBody, StandingBody, request_hash,
};
use crate::ledger::state::Reader as _;
use crate::store::Reader;

/// A new issuer key that the merchant keeps itself.
#[derive(Debug, Clone, Serialize)]
pub struct OwnKey {
    /// Its address.
    pub new: Address,
    /// The old key's signature over the text of the rotation; left out where the old key is in custody, or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_signature: Option<IssuerSignature>,
    /// The new key's.
    pub new_signature: IssuerSignature,
}

/// A request to replace a merchant's issuer key.
#[derive(Debug, Clone)]
pub struct RotationAsked {
    /// The caller's key.
    pub key: IdempotencyKey,
    /// Whose issuer key.
    pub merchant: MerchantId,
    /// Whether the bureau asks, which it may once the old key is revoked.
    pub by_bureau: bool,
    /// The merchant's own new key; `None` has the service make one in custody.
    pub own: Option<OwnKey>,
}

/// What both keys of a rotation sign.
#[derive(Debug, Clone)]
pub struct RotationText {
    /// The key that signs until now.
    pub old: Address,
    /// The key that is to sign from then on.
    pub new: Address,
    /// The canonical text.
    pub text: String,
    /// Its EIP-191 hash, lower-case hex: what a wallet signs.
    pub digest: String,
}

/// What makes two requests for a rotation the same: a key that the service makes is another each time.
#[derive(Serialize)]
struct Fingerprint<'a> {
    merchant: &'a MerchantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<&'a OwnKey>,
}

impl Desk {
    /// Takes a merchant's right to issue.
    ///
    /// # Errors
    /// [`Code::LedgerMerchantUnknown`]; [`Code::LedgerStanding`]; [`Code::LedgerReasonLength`].
    pub async fn suspend_merchant(&self, key: IdempotencyKey, body: StandingBody) -> Result<Recorded, Faults> {
        let request = request_hash(&self.chain, "suspend_merchant", &body)?;
        let sealed = self.sequencer.submit(Command::SuspendMerchant(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }

    /// Gives it back.
    ///
    /// # Errors
    /// As [`Desk::suspend_merchant`].
    pub async fn resume_merchant(&self, key: IdempotencyKey, body: StandingBody) -> Result<Recorded, Faults> {
        let request = request_hash(&self.chain, "resume_merchant", &body)?;
        let sealed = self.sequencer.submit(Command::ResumeMerchant(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }

    /// Has a merchant's issuer key count no more.
    ///
    /// # Errors
    /// [`Code::LedgerMerchantUnknown`]; [`Code::LedgerIssuerOther`]; [`Code::LedgerIssuerRevoked`]; [`Code::LedgerReasonLength`].
    pub async fn revoke_issuer(&self, key: IdempotencyKey, body: RevokeIssuerBody) -> Result<Recorded, Faults> {
        let request = request_hash(&self.chain, "revoke_issuer", &body)?;
        let merchant = body.merchant.clone();
        let sealed = self.sequencer.submit(Command::RevokeIssuer(Keyed { key, request, body })).await?;
        self.forget_profile(&merchant);
        self.recorded(sealed).await
    }

    /// Replaces a merchant's issuer key.
    ///
    /// # Errors
    /// [`Code::LedgerMerchantUnknown`]; [`Code::LedgerIssuerRevoked`] for a merchant whose key is revoked, and
    /// [`Code::LedgerIssuerSignatureBad`] for the bureau where it is not; [`Code::HttpShapeWrong`] when signatures and custody do not go
    /// together; what execution refuses.
    pub async fn rotate_issuer(&self, asked: RotationAsked) -> Result<Recorded, Faults> {
        let RotationAsked { key, merchant, by_bureau, own } = asked;
        let scope = if by_bureau { BUREAU_SCOPE } else { merchant.as_str() };
        if !by_bureau {
            not_reserved(&key)?;
        }
        let fingerprint = Fingerprint { merchant: &merchant, own: own.as_ref() };
        let request = request_hash(&self.chain, "rotate_issuer", &fingerprint)?;
        // Before a key is made: asking again makes no other one.
        if let Some(before) = self.answered_before(scope, &key, request).await? {
            return Ok(before);
        }
        let profile = self.fresh_profile(&merchant).await?;
        may_rotate(&profile, by_bureau)?;
        let body = match own {
            Some(own) => self.to_own_key(&profile, by_bureau, own)?,
            None => self.to_new_custody_key(&profile, by_bureau).await?,
        };
        let sealed = self.sequencer.submit(Command::RotateIssuer(Keyed { key, request, body })).await;
        self.forget_profile(&merchant);
        self.recorded(sealed?).await
    }

    /// A rotation to a key that the merchant keeps. Where the old one is in custody, the service signs with it: the merchant has asked.
    fn to_own_key(&self, profile: &Profile, by_bureau: bool, own: OwnKey) -> Result<RotateIssuerBody, Faults> {
        let merchant = &profile.merchant;
        let OwnKey { new, old_signature, new_signature } = own;
        if merchant.issue_on_payment {
            let message = "this merchant's payments become invoices by themselves: its key is kept in custody";
            return Err(Fault::new(Code::LedgerOwnKeyOnPayment, "new", message).into());
        }
        let text = rotation_text(&self.chain, &merchant.id, &merchant.issuer, &new)?;
        let old_signature = match (by_bureau, old_signature, &profile.key) {
            (true, None, _) => None,
            (true, Some(_), _) => {
                let message = "the old key is revoked: it does not sign";
                return Err(Fault::new(Code::HttpShapeWrong, "old_signature", message).into());
            }
            (false, Some(signature), _) => Some(signature),
            (false, None, Some(old)) => Some(old.sign(&text)),
            (false, None, None) => {
                let message = "the old key signs too: GET /v1/merchants/{id}/issuer-rotation gives the text";
                return Err(Fault::new(Code::LedgerIssuerSignatureBad, "old_signature", message).into());
            }
        };
        Ok(RotateIssuerBody { merchant: merchant.id.clone(), old: merchant.issuer, new, old_signature, new_signature })
    }

    /// A rotation to a new key in custody: the service signs with both.
    async fn to_new_custody_key(&self, profile: &Profile, by_bureau: bool) -> Result<RotateIssuerBody, Faults> {
        let merchant = &profile.merchant;
        let Some(old_key) = &profile.key else {
            let message = "this merchant keeps its own key: name the new one, and sign with it";
            return Err(Fault::new(Code::HttpShapeWrong, "new", message).into());
        };
        let new_key = self.new_custody_key(&merchant.seller.taxpayer_id).await?;
        let (old, new) = (merchant.issuer, new_key.address());
        let text = rotation_text(&self.chain, &merchant.id, &old, &new)?;
        let old_signature = if by_bureau { None } else { Some(old_key.sign(&text)) };
        let new_signature = new_key.sign(&text);
        Ok(RotateIssuerBody { merchant: merchant.id.clone(), old, new, old_signature, new_signature })
    }

    /// The text that both keys of a rotation sign.
    ///
    /// # Errors
    /// [`Code::LedgerMerchantUnknown`]; [`Code::ChainRotationSame`].
    pub async fn rotation_text(&self, merchant: MerchantId, new: Address) -> Result<RotationText, Faults> {
        let wanted = merchant.clone();
        let known = self.store.read(move |reader: &mut Reader<'_>| Ok::<_, Faults>(reader.merchant(&wanted)?)).await?;
        let old = known.ok_or_else(|| unknown_merchant(&merchant))?.issuer;
        let text = rotation_text(&self.chain, &merchant, &old, &new)?;
        let digest = eip191_hash(&text).to_string();
        Ok(RotationText { old, new, text, digest })
    }
}

/// The merchant rotates a key that counts, the bureau replaces one that is revoked; execution says the same, but would say it after a key
/// was made.
fn may_rotate(profile: &Profile, by_bureau: bool) -> Result<(), Fault> {
    match (by_bureau, profile.merchant.issuer_revoked) {
        (false, None) | (true, Some(_)) => Ok(()),
        (false, Some(_)) => {
            let message = "the key is revoked: the bureau installs the new one";
            Err(Fault::new(Code::LedgerIssuerRevoked, "", message))
        }
        (true, None) => {
            let message = "the key is not revoked: the merchant replaces it, signing with the old one";
            Err(Fault::new(Code::LedgerIssuerSignatureBad, "old_signature", message))
        }
    }
}
