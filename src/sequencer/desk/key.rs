//! API keys: made once, shown once, kept as a hash.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::Desk;
use crate::base::ids::MerchantId;
use crate::base::{Code, Fault, Faults, Secret, UnixMs, random};
use crate::chain::hash::{Hash, keccak256};
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
    /// [`Code::LedgerMerchantUnknown`] for a merchant that is not registered.
    pub async fn new_api_key(&self, role: Role, merchant: Option<MerchantId>, label: String) -> Result<NewKey, Faults> {
        if label.is_empty() || label.chars().count() > 100 || label.chars().any(char::is_control) {
            return Err(Fault::new(Code::HttpShapeWrong, "label", "a label is 1 to 100 characters").into());
        }
        match (role, &merchant) {
            (Role::Merchant, Some(id)) => {
                self.profile(id).await?;
            }
            (Role::Merchant, None) | (Role::Bureau | Role::Auditor, Some(_)) | (Role::Company, _) => {
                let message = "role 'merchant' names its merchant, the other roles none";
                return Err(Fault::new(Code::HttpShapeWrong, "merchant", message).into());
            }
            (Role::Bureau | Role::Auditor, None) => {}
        }
        let new = make_key(role, merchant, label, self.clock.now())?;
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
/// [`Code::Internal`] without randomness.
pub fn make_key(role: Role, merchant: Option<MerchantId>, label: String, now: UnixMs) -> Result<NewKey, Fault> {
    let secret = format!("pl_{}_{}", role.as_str(), hex::encode(random::bytes::<32>()?));
    let id = format!("key_{}", hex::encode(random::bytes::<8>()?));
    let key = ApiKey {
        id,
        key_hash: key_hash(&secret),
        role,
        merchant,
        label,
        created_at: now,
        revoked_at: None,
        company: None,
    };
    Ok(NewKey { key, secret: Secret::new(secret) })
}
