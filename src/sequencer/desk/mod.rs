//! The desks: what a handler, a partner's notice or the outbox asks for becomes a command, checked and signed before it is queued.

mod confirmation;
mod day;
mod delivery;
mod hold;
mod holder;
mod issue;
mod key;
mod members;
mod payment;
mod present;
mod registry;
mod reversal;
mod standing;
mod verify;
mod wallet;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Sealed, Sequencer};
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId};
use crate::base::stages::Stage;
use crate::base::{Clock, Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::chain::issuer::IssuerKey;
use crate::chain::receipt::Receipt;
use crate::invoice::draft::{CheckPolicy, Severity};
use crate::ledger::record::{Merchant, RulesRecord};
use crate::ledger::state::{Reader as _, State};
use crate::parties::kingdee::custody::{Custody, KeyOwner};
use crate::parties::kingdee::erp::Erp;
use crate::parties::tencent::claim::ClaimTokens;
use crate::parties::tencent::notice::NoticeVerifier;
use crate::parties::tencent::wallet::Wallet;
use crate::store::{Reader, Store};

pub use confirmation::{Sheet, Viewer};
pub use hold::{Document, Ending, Held, LockAsked};
pub use holder::{Holder, Identity, Salt};
pub use issue::{IssueAsked, Preview};
pub use key::{Bearer, NewKey, Principal, make_key};
pub use members::{ChangeAsked, ChangePreview, Members, RosterChangeAsked};
pub use payment::NoticeOutcome;
pub use present::{Present, Reversed, Standing};
pub use registry::{CustodyAsked, RegisterAsked};
pub use reversal::{RedPage, Reversals, ReverseAsked};
pub use standing::{OwnKey, RotationAsked, RotationText};
pub use verify::{Found, Verified};
pub use wallet::{ClaimAsked, ClaimLink};

/// Official sample ids fail the check digit (domain.md 1.11): unless the bureau's rules say otherwise, it is a warning.
const POLICY: CheckPolicy = CheckPolicy { uscc_check_digit: Severity::Warn };

/// The partners that the desks talk to.
pub struct Parties {
    /// Opens payment notices; `None` when no payment partner is configured.
    pub notices: Option<NoticeVerifier>,
    /// Keeps merchants' issuer keys.
    pub custody: Custody,
    /// Makes and judges claim tokens.
    pub claims: ClaimTokens,
    /// The sandbox card wallet.
    pub wallet: Arc<Wallet>,
    /// The sandbox ERP.
    pub erp: Arc<Erp>,
    /// The members' seal keys that are at hand here.
    pub members: Arc<dyn Members>,
}

/// All desks over one ledger.
pub struct Desk {
    chain: ChainId,
    store: Store,
    sequencer: Sequencer,
    clock: Arc<dyn Clock>,
    parties: Parties,
    /// Merchants as they were read last. Another process may have changed one since: whatever is signed execution checks again, and
    /// what it says of a merchant that is not the recorded one any more has it read anew ([`Desk::renewed`]).
    profiles: RwLock<HashMap<MerchantId, Arc<Profile>>>,
    keys: key::KeyCache,
    wrong_totals: verify::WrongTotals,
}

/// A merchant and, if it is in custody, its key, opened once.
struct Profile {
    merchant: Merchant,
    key: Option<Arc<IssuerKey>>,
}

/// The rules that will bind a merchant in the next block.
fn rules_in_force(reader: &mut Reader<'_>, merchant: &MerchantId) -> Result<Option<Arc<RulesRecord>>, Faults> {
    let next = reader.checkpoint()?.map_or(0, |block| block.height.saturating_add(1));
    Ok(State::over(reader).rules_for(merchant, next)?)
}

/// A command's durable outcome, new or from before.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Whether this call made it.
    pub new: bool,
    /// Hash of the entry.
    pub leaf: Hash,
    /// The block it is in.
    pub height: u64,
    /// Entry, proof and sealed header.
    pub receipt: Receipt,
}

impl Desk {
    /// Desks over a store and a running sequencer.
    pub fn new(chain: ChainId, store: Store, sequencer: Sequencer, clock: Arc<dyn Clock>, parties: Parties) -> Self {
        Self {
            chain,
            store,
            sequencer,
            clock,
            parties,
            profiles: RwLock::new(HashMap::new()),
            keys: key::KeyCache::default(),
            wrong_totals: verify::WrongTotals::default(),
        }
    }

    /// The chain.
    pub fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The store, for reads.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// How many more commands are taken now.
    pub fn room(&self) -> usize {
        self.sequencer.room()
    }

    /// Why commands would be refused now although there is room for them.
    ///
    /// # Errors
    /// When the newest block can't be read.
    pub fn trouble(&self, reader: &mut Reader<'_>) -> Result<Option<Fault>, Faults> {
        self.sequencer.trouble(reader)
    }

    /// The sandbox partners.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// A merchant, as it was read last.
    async fn profile(&self, id: &MerchantId) -> Result<Arc<Profile>, Faults> {
        let known = self.profiles.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        match known {
            Some(profile) => Ok(profile),
            None => self.fresh_profile(id).await,
        }
    }

    /// What to try once more with, where a merchant's draft was refused for being signed as the merchant was before: the merchant as it
    /// is recorded now.
    ///
    /// # Errors
    /// The faults themselves where they have another reason, or the merchant has not changed.
    async fn renewed(&self, stale: &Profile, faults: Faults) -> Result<Arc<Profile>, Faults> {
        let code = faults.first().map(|fault| fault.code);
        let may_be_stale =
            [Code::LedgerSellerChanged, Code::LedgerIssuerRevoked, Code::LedgerIssuerSignatureBad].map(Some);
        if !may_be_stale.contains(&code) {
            return Err(faults);
        }
        let fresh = self.fresh_profile(&stale.merchant.id).await?;
        if fresh.merchant.issuer == stale.merchant.issuer { Err(faults) } else { Ok(fresh) }
    }

    /// Lets a merchant be read anew when it is needed next.
    fn forget_profile(&self, id: &MerchantId) {
        self.profiles.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    async fn fresh_profile(&self, id: &MerchantId) -> Result<Arc<Profile>, Faults> {
        let wanted = id.clone();
        let (merchant, sealed) = self
            .store
            .read(move |reader| {
                let Some(merchant) = reader.merchant(&wanted)? else { return Ok::<_, Faults>((None, None)) };
                let sealed = reader.custody_key(&merchant.issuer)?;
                Ok((Some(merchant), sealed))
            })
            .await?;
        let Some(merchant) = merchant else {
            return Err(unknown_merchant(id).into());
        };
        let key = sealed.map(|sealed| self.open_key(&merchant, &sealed)).transpose()?.map(Arc::new);
        let profile = Arc::new(Profile { merchant, key });
        self.profiles.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Arc::clone(&profile));
        Ok(profile)
    }

    fn open_key(&self, merchant: &Merchant, sealed: &[u8]) -> Result<IssuerKey, Fault> {
        let owner = self.key_owner(&merchant.seller.taxpayer_id, &merchant.issuer.to_string())?;
        IssuerKey::from_secret(&self.parties.custody.open(&owner, sealed)?)
    }

    fn key_owner(&self, taxpayer_id: &str, address: &str) -> Result<KeyOwner, Fault> {
        KeyOwner::new(self.chain.clone(), taxpayer_id, address)
    }

    /// The durable outcome of a sealed command, read back if it was said before.
    async fn recorded(&self, sealed: Sealed) -> Result<Recorded, Faults> {
        match sealed {
            Sealed::New(entry) => Ok(Stage::Reply.measure(|| {
                let (leaf, height) = (entry.leaf, entry.block.height);
                Recorded { new: true, leaf, height, receipt: entry.into_receipt() }
            })),
            // It is recorded: whatever keeps it from being read now, "nothing was done" would be a lie.
            Sealed::Before(index) => self.recorded_before(index).await.map_err(|faults| {
                tracing::warn!(entry.index = index, %faults, "a recorded answer could not be read");
                let message = "it is recorded, but can't be read now; ask again with the same idempotency key";
                Fault::new(Code::SeqOutcomeUnknown, "", message).into()
            }),
        }
    }

    async fn recorded_before(&self, index: u64) -> Result<Recorded, Faults> {
        let found = self.store.read(move |reader| Ok::<_, Faults>(reader.receipt(index)?)).await?;
        let (receipt, entry) =
            found.ok_or_else(|| Fault::new(Code::StoreCorrupt, "", format!("entry {index} is missing")))?;
        Ok(Recorded { new: false, leaf: entry.leaf, height: entry.height, receipt })
    }

    /// The first answer to a key, if the same request was answered before. For requests that would be refused today for
    /// reasons that did not hold then.
    async fn answered_before(
        &self,
        scope: &str,
        key: &IdempotencyKey,
        request: Hash,
    ) -> Result<Option<Recorded>, Faults> {
        let (scope, key) = (scope.to_owned(), key.to_string());
        let answer = self.store.read(move |reader| Ok::<_, Faults>(reader.answer(&scope, &key)?)).await?;
        match answer.filter(|answer| answer.request == request) {
            Some(answer) => self.recorded_before(answer.entry).await.map(Some),
            None => Ok(None),
        }
    }
}

fn unknown_merchant(id: &MerchantId) -> Fault {
    Fault::new(Code::LedgerMerchantUnknown, "merchant", format!("no merchant {id} is registered"))
}

/// How the service's own idempotency keys begin, so that nobody else's gets in their way: for invoices that come on payment, and for
/// days that it closes.
const ON_PAYMENT: &str = "on-payment:";
const ON_CLOSE: &str = "on-close:";

/// Refuses a merchant's idempotency key that could be one of the service's own.
fn not_reserved(key: &IdempotencyKey) -> Result<(), Fault> {
    match [ON_PAYMENT, ON_CLOSE].into_iter().find(|own| key.as_str().starts_with(own)) {
        None => Ok(()),
        Some(own) => {
            let message = format!("keys that begin with '{own}' are the service's own");
            Err(Fault::new(Code::LedgerKeyReserved, "", message))
        }
    }
}

/// The entry that answers a request which was made before, as one moment of the ledger shows it.
///
/// # Errors
/// [`Code::LedgerKeyReused`] where the key stands for another request.
fn said_before(
    reader: &mut Reader<'_>,
    scope: &str,
    key: &IdempotencyKey,
    request: &Hash,
) -> Result<Option<u64>, Faults> {
    match reader.answer(scope, key.as_str())? {
        None => Ok(None),
        Some(answer) if answer.request == *request => Ok(Some(answer.entry)),
        Some(_) => {
            let message = "this idempotency key was used before with another request; use a new key for a new request";
            Err(Fault::new(Code::LedgerKeyReused, "", message).into())
        }
    }
}
