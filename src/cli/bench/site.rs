//! One variant's service on a ledger of its own: made, peopled with merchants, served over HTTP, counted, taken apart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;

use crate::app::{self, Ingredients, ServerHandle, Service};
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId};
use crate::base::limits::{AMOUNT_FEN_MAX, CANONICAL_INTEGER_MAX};
use crate::base::{Code, Fault, Faults, Secret, SystemClock};
use crate::chain::roster::Roster;
use crate::cli::client::Target;
use crate::config::keyring::{self, Keyring};
use crate::invoice::{Fen, IssuingRules, Seller, TaxRate};
use crate::ledger::Entry;
use crate::ledger::command::RulesBody;
use crate::ledger::record::RulesScope;
use crate::sequencer;
use crate::sequencer::desk::{CustodyAsked, Desk, RegisterAsked};
use crate::store::{DatabaseUrl, Role, Store};

/// Merchants that the clients share.
const MERCHANTS: u64 = 20;

/// The chain of the bench.
const CHAIN: &str = "bench-sandbox";

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// One transaction a request.
    Naive,
    /// As in production: whatever waits is committed together.
    Ours,
}

impl Variant {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Ours => "ours",
        }
    }

    /// The variants differ in this and in nothing else. The naive one still goes through the queue, so its requests wait in
    /// order instead of fighting for the database's lock: the kind version of naive.
    fn sequencer(self) -> sequencer::Config {
        match self {
            Self::Naive => sequencer::Config { batch_commands_max: 1, ..sequencer::Config::default() },
            Self::Ours => sequencer::Config::default(),
        }
    }
}

/// The newest block, and how long the sequencer has worked so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tip {
    /// Its height.
    pub height: u64,
    /// Entries of the chain.
    pub size: u64,
    /// Time that batches took, execution to commit, waiting for the disk included.
    pub sequencer: Duration,
}

/// A running service.
pub struct Site {
    /// Which variant it is.
    pub variant: Variant,
    /// Where its clients connect.
    pub target: Target,
    /// API keys, one a merchant.
    pub keys: Vec<Secret<String>>,
    /// Entries that the set-up made.
    pub entries_before: u64,
    /// Invoices that clients were told of, over all cells.
    pub answered: u64,
    folder: PathBuf,
    store: Store,
    service: Service,
    server: ServerHandle,
    running: JoinHandle<std::io::Result<()>>,
}

impl Site {
    /// Makes ledger and keyring in a new folder, starts the service and registers merchants, rules and API keys.
    pub async fn open(folder: &Path, variant: Variant) -> Result<Self, Faults> {
        let folder = folder.join(variant.as_str());
        let keys = folder.join("keys");
        keyring::make(&keys, &ChainId::try_from(CHAIN)?)?;
        let url = DatabaseUrl::parse(&format!("sqlite:{}", folder.join("ledger.db").display()))?;
        Store::migrate(&url)?;
        let store = Store::open(&url, 4)?;
        let listener = app::listen("127.0.0.1:0")?;
        let address = listener.local_addr().map_err(|e| Fault::new(Code::Internal, "listen", e.to_string()))?;
        let public_url = format!("http://{address}");
        let service = Service::start(Ingredients {
            store: store.clone(),
            keyring: Keyring::load(&keys)?,
            notices: None,
            clock: Arc::new(SystemClock),
            public_url: public_url.clone(),
            advertise: String::new(),
            sequencer: variant.sequencer(),
        })
        .await?;
        let server = app::serve(service.state.clone(), listener, 0)?;
        let (handle, running) = (server.handle(), tokio::spawn(server));
        let keys = people(service.desk()).await?;
        let target = Target::parse(&public_url)?;
        let mut site = Self {
            variant,
            target,
            keys,
            entries_before: 0,
            answered: 0,
            folder,
            store,
            service,
            server: handle,
            running,
        };
        site.entries_before = site.tip()?.size;
        Ok(site)
    }

    /// The newest block.
    pub fn tip(&self) -> Result<Tip, Faults> {
        let block = self.store.read_blocking(|reader| Ok::<_, Faults>(reader.checkpoint()?))?;
        let block = block.ok_or_else(|| Fault::new(Code::Internal, "", "the ledger has no genesis block"))?;
        Ok(Tip { height: block.height, size: block.size, sequencer: self.sequencer_time() })
    }

    fn sequencer_time(&self) -> Duration {
        let families = self.service.state.registry.gather();
        let family = families.iter().find(|family| family.name() == "piaolian_batch_seconds");
        let seconds = family.and_then(|family| family.get_metric().first()).map(|metric| metric.get_histogram());
        seconds.and_then(|all| Duration::try_from_secs_f64(all.get_sample_sum()).ok()).unwrap_or_default()
    }

    /// What an audit needs: the ledger, and the roster that it must follow from.
    pub fn ledger(&self) -> (Store, Roster) {
        (self.store.clone(), self.service.roster.clone())
    }

    /// Holds the answers against the ledger, stops the service and gives the bytes of its ledger an invoice.
    ///
    /// # Errors
    /// [`Code::Internal`] when clients were told of another number of invoices than the ledger holds.
    pub async fn close(self) -> Result<u64, Faults> {
        let sealed = self.tip()?.size.saturating_sub(self.entries_before);
        let Self { variant, answered, folder, store, service, server, running, .. } = self;
        server.stop(true).await;
        if let Err(error) = running.await {
            tracing::error!(%error, "the server ended badly");
        }
        service.stop().await;
        // The last connection to leave brings the write-ahead log into the database and deletes it.
        drop(store);
        if sealed != answered {
            let message = format!("{}: {answered} answers 201, but {sealed} invoices in the ledger", variant.as_str());
            return Err(Fault::new(Code::Internal, "", message).into());
        }
        let bytes: u64 = ["ledger.db", "ledger.db-wal"]
            .iter()
            .filter_map(|name| std::fs::metadata(folder.join(name)).ok())
            .map(|file| file.len())
            .fold(0, u64::saturating_add);
        Ok(bytes.checked_div(sealed).unwrap_or(0))
    }
}

/// Rules that let the bench through without being empty, merchants in custody, and a key for each.
async fn people(desk: &Arc<Desk>) -> Result<Vec<Secret<String>>, Faults> {
    let rules = IssuingRules {
        per_invoice_cap: Some(Fen::new(AMOUNT_FEN_MAX)?),
        monthly_cap: Some(Fen::new(CANONICAL_INTEGER_MAX)?),
        rates: Some(vec![TaxRate::try_from(600)?, TaxRate::try_from(1300)?]),
        classification_prefixes: Some(vec!["1".to_owned(), "3".to_owned()]),
        ..IssuingRules::default()
    };
    desk.set_rules(IdempotencyKey::try_from("bench-rules")?, RulesBody { scope: RulesScope::All, rules }).await?;
    let mut keys = Vec::new();
    for number in 1..=MERCHANTS {
        let merchant = register(desk, number).await?;
        keys.push(desk.new_api_key(Role::Merchant, Some(merchant), "bench".to_owned()).await?.secret);
    }
    Ok(keys)
}

async fn register(desk: &Arc<Desk>, number: u64) -> Result<MerchantId, Faults> {
    let asked = RegisterAsked {
        seller: Seller {
            name: format!("深圳票链压测商户{number:02}有限公司"),
            taxpayer_id: format!("440300{number:09}"),
            address_phone: Some("深圳市南山区样例大道200号 0755-00000200".to_owned()),
            bank_account: Some("票链样例银行南山支行 0000000000000200".to_owned()),
        },
        mchid: None,
        issue_on_payment: false,
        custody: CustodyAsked::Kingdee,
    };
    let key = IdempotencyKey::try_from(format!("bench-merchant-{number}"))?;
    let recorded = desk.register_merchant(key, asked).await?;
    let merchant = Entry::parse(&recorded.receipt.entry)?.merchant;
    Ok(merchant.ok_or_else(|| Fault::new(Code::Internal, "", "an entry without its merchant"))?)
}
