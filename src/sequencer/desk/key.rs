//! API keys: made once, shown once, kept as a hash.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::Desk;
use crate::base::ids::MerchantId;
use crate::base::{Code, Fault, Faults, Secret, UnixMs, random};
use crate::chain::hash::{Hash, keccak256};
use crate::invoice::taxpayer;
use crate::store::{ApiKey, Role};

/// How long a looked-up key is believed, so that a request costs no query: also how long a key revoked by another process
/// still works.
const BELIEVED_MS: i64 = 5_000;

/// Keys remembered at most; above it the memory starts anew.
const REMEMBERED_MAX: usize = 10_000;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Public id of the key, for logs.
    pub key_id: String,
    /// What it may do.
    pub role: Role,
    /// Whose it is, for role `merchant`.
    pub merchant: Option<MerchantId>,
    /// Taxpayer id of the company whose it is, for role `company`.
    pub company: Option<String>,
}

/// Whom a new key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    /// A merchant: issues, pledges and reverses its own.
    Merchant(MerchantId),
    /// A company that books invoices or lends on them, by its taxpayer id. It need not be a merchant here.
    Company(String),
    /// The bureau.
    Bureau,
    /// An auditor.
    Auditor,
}

impl Bearer {
    /// What its key may do.
    pub fn role(&self) -> Role {
        match self {
            Self::Merchant(_) => Role::Merchant,
            Self::Company(_) => Role::Company,
            Self::Bureau => Role::Bureau,
            Self::Auditor => Role::Auditor,
        }
    }

    /// Whom a role with these names beside it means.
    ///
    /// # Errors
    /// [`Code::HttpShapeWrong`] when the role needs a name that is not there, or has one that it does not need; paths `merchant`
    /// and `company`.
    pub fn of(role: Role, merchant: Option<MerchantId>, company: Option<String>) -> Result<Self, Fault> {
        let misfit = |path: &str| {
            let message = "role 'merchant' names its merchant, role 'company' its company, the other roles neither";
            Fault::new(Code::HttpShapeWrong, path, message)
        };
        match (role, merchant, company) {
            (Role::Merchant, Some(merchant), None) => Ok(Self::Merchant(merchant)),
            (Role::Company, None, Some(company)) => Ok(Self::Company(company)),
            (Role::Bureau, None, None) => Ok(Self::Bureau),
            (Role::Auditor, None, None) => Ok(Self::Auditor),
            (Role::Merchant, None, _) | (Role::Company | Role::Bureau | Role::Auditor, Some(_), _) => {
                Err(misfit("merchant"))
            }
            (Role::Company, None, None) | (Role::Merchant | Role::Bureau | Role::Auditor, _, Some(_)) => {
                Err(misfit("company"))
            }
        }
    }
}

/// A key as its maker sees it, once.
#[derive(Debug)]
pub struct NewKey {
    /// What was stored.
    pub key: ApiKey,
    /// The secret: shown once, never stored.
    pub secret: Secret<String>,
}

/// Keys that were found in use, until they are to be looked up again.
#[derive(Debug, Default)]
pub(super) struct KeyCache(RwLock<HashMap<Hash, (UnixMs, Option<Principal>)>>);

/// The stored form of a secret. The secret has 256 random bits, so one hash is enough: there is nothing to guess.
fn key_hash(secret: &str) -> Hash {
    keccak256(format!("piaolian-api-key-v1|{secret}"))
}

impl Desk {
    /// Who a secret belongs to; `None` when it is unknown or revoked.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Principal>, Faults> {
        let hash = key_hash(secret);
        let now = self.clock.now();
        let known = self.keys.0.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        if let Some((until, principal)) = known
            && now < until
        {
            return Ok(principal);
        }
        let found = self.store.read(move |reader| Ok::<_, Faults>(reader.api_key(&hash)?)).await?;
        let principal = found.filter(|key| key.revoked_at.is_none()).map(|key| Principal {
            key_id: key.id,
            role: key.role,
            merchant: key.merchant,
            company: key.company,
        });
        if principal.is_none() {
            // Not remembered: wrong secrets cost a query each and must not push right ones out.
            return Ok(None);
        }
        let until = UnixMs(now.0.saturating_add(BELIEVED_MS));
        let mut keys = self.keys.0.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= REMEMBERED_MAX {
            keys.clear();
        }
        keys.insert(hash, (until, principal.clone()));
        Ok(principal)
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// [`Code::LedgerMerchantUnknown`] for a merchant that is not registered; [`Code::InvTaxpayerIdShape`] for a company without a
    /// taxpayer id.
    pub async fn new_api_key(&self, bearer: Bearer, label: String) -> Result<NewKey, Faults> {
        if label.is_empty() || label.chars().count() > 100 || label.chars().any(char::is_control) {
            return Err(Fault::new(Code::HttpShapeWrong, "label", "a label is 1 to 100 characters").into());
        }
        if let Bearer::Merchant(id) = &bearer {
            self.profile(id).await?;
        }
        let new = make_key(bearer, label, self.clock.now())?;
        let row = new.key.clone();
        self.store.write(move |tx| Ok::<_, Faults>(tx.insert_api_key(&row)?)).await?;
        self.keys.0.write().unwrap_or_else(PoisonError::into_inner).remove(&new.key.key_hash);
        Ok(new)
    }

    /// Revokes an API key; it stops working here at once.
    ///
    /// # Errors
    /// [`Code::HttpNotFound`] when there is none to revoke.
    pub async fn revoke_api_key(&self, id: String) -> Result<(), Faults> {
        // Nothing else is an id, and a database need not be asked for what it may not even take (PostgreSQL: no zero bytes).
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Fault::new(Code::HttpNotFound, "id", "no such key is in use").into());
        }
        let now = self.clock.now();
        let done = self.store.write(move |tx| Ok::<_, Faults>(tx.revoke_api_key(&id, now)?)).await?;
        self.keys.0.write().unwrap_or_else(PoisonError::into_inner).clear();
        if done { Ok(()) } else { Err(Fault::new(Code::HttpNotFound, "id", "no such key is in use").into()) }
    }
}

/// A new key with a random secret.
///
/// # Errors
/// [`Code::InvTaxpayerIdShape`] for a company, which its holds are bound to, without a taxpayer id; [`Code::Internal`] without
/// randomness.
pub fn make_key(bearer: Bearer, label: String, now: UnixMs) -> Result<NewKey, Fault> {
    let role = bearer.role();
    let (merchant, company) = match bearer {
        Bearer::Merchant(merchant) => (Some(merchant), None),
        Bearer::Company(company) if taxpayer::has_shape(&company) => (None, Some(company)),
        Bearer::Company(_) => {
            let message = "a taxpayer id is 15 to 20 digits and capital letters";
            return Err(Fault::new(Code::InvTaxpayerIdShape, "company", message));
        }
        Bearer::Bureau | Bearer::Auditor => (None, None),
    };
    let secret = format!("pl_{}_{}", role.as_str(), hex::encode(random::bytes::<32>()?));
    let id = format!("key_{}", hex::encode(random::bytes::<8>()?));
    let key_hash = key_hash(&secret);
    let key = ApiKey { id, key_hash, role, merchant, company, label, created_at: now, revoked_at: None };
    Ok(NewKey { key, secret: Secret::new(secret) })
}
