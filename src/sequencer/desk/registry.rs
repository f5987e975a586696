//! The bureau's desk: merchants and issuing rules.

use serde::{Deserialize, Serialize};

use super::{Desk, POLICY, Recorded};
use crate::base::ids::IdempotencyKey;
use crate::base::{Code, Fault, Faults, Secret, random};
use crate::chain::issuer::{Address, IssuerKey};
use crate::invoice::draft::Seller;
use crate::ledger::command::{BUREAU_SCOPE, Command, Keyed, MerchantBody, RulesBody, request_hash};

/// Who is to keep the merchant's issuer key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustodyAsked {
    /// Kingdee makes and keeps it.
    Kingdee,
    /// The merchant keeps it; this is its address.
    Own(Address),
}

/// A request to register a merchant.
#[derive(Debug, Clone, Serialize)]
pub struct RegisterAsked {
    /// As it will stand on invoices.
    pub seller: Seller,
    /// WeChat Pay merchant number.
    pub mchid: Option<String>,
    /// Whether payments become invoices by themselves.
    pub issue_on_payment: bool,
    /// Who keeps the issuer key.
    pub custody: CustodyAsked,
}

impl Desk {
    /// Registers a merchant.
    ///
    /// # Errors
    /// The seller's faults; [`crate::base::Code::LedgerMerchantExists`]; what execution refuses.
    pub async fn register_merchant(&self, key: IdempotencyKey, asked: RegisterAsked) -> Result<Recorded, Faults> {
        // Before anything is kept for it: a seller that execution would refuse needs no key.
        asked.seller.check(&POLICY)?;
        if asked.issue_on_payment && matches!(asked.custody, CustodyAsked::Own(_)) {
            let message = "with a key of its own the merchant signs each invoice itself: none can come by itself";
            return Err(Fault::new(Code::LedgerOwnKeyOnPayment, "issue_on_payment", message).into());
        }
        let request = request_hash(&self.chain, "register_merchant", &Fingerprint::of(&asked))?;
        if let Some(before) = self.answered_before(BUREAU_SCOPE, &key, request).await? {
            return Ok(before);
        }
        let issuer = match asked.custody {
            CustodyAsked::Own(address) => address,
            CustodyAsked::Kingdee => self.new_custody_key(&asked.seller.taxpayer_id).await?.address(),
        };
        let body =
            MerchantBody { seller: asked.seller, mchid: asked.mchid, issuer, issue_on_payment: asked.issue_on_payment };
        let sealed = self.sequencer.submit(Command::RegisterMerchant(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }

    /// Makes a key and keeps it sealed before the ledger learns of its address: a crash in between leaves a key without a
    /// merchant, never a merchant without its key.
    pub(super) async fn new_custody_key(&self, taxpayer_id: &str) -> Result<IssuerKey, Faults> {
        let secret = Secret::new(random::bytes::<32>()?);
        let key = IssuerKey::from_secret(&secret)?;
        let address = key.address();
        let owner = self.key_owner(taxpayer_id, &address.to_string())?;
        let sealed = self.parties.custody.seal(&owner, &secret, random::bytes()?)?;
        let now = self.clock.now();
        self.store.write(move |tx| Ok::<_, Faults>(tx.insert_custody_key(&address, &sealed, now)?)).await?;
        Ok(key)
    }

    /// Sets issuing rules.
    ///
    /// # Errors
    /// The rules' faults; what execution refuses.
    pub async fn set_rules(&self, key: IdempotencyKey, body: RulesBody) -> Result<Recorded, Faults> {
        let request = request_hash(&self.chain, "set_rules", &body)?;
        let sealed = self.sequencer.submit(Command::SetRules(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }
}

/// What makes two registrations the same request: absent fields are left out, as canonical text wants it.
#[derive(Serialize)]
struct Fingerprint<'a> {
    seller: &'a Seller,
    #[serde(skip_serializing_if = "Option::is_none")]
    mchid: Option<&'a str>,
    issue_on_payment: bool,
    custody: &'a CustodyAsked,
}

impl<'a> Fingerprint<'a> {
    fn of(asked: &'a RegisterAsked) -> Self {
        Self {
            seller: &asked.seller,
            mchid: asked.mchid.as_deref(),
            issue_on_payment: asked.issue_on_payment,
            custody: &asked.custody,
        }
    }
}
