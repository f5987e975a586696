//! One variant's service on a ledger of its own: made, peopled with merchants, served over HTTP, counted, taken apart.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::place::{Ground, Weight};
use super::rivals::{Kind, Parts, Rival};
use crate::app::{self, Ingredients, LocalMembers, ServerHandle, Service};
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId};
use crate::base::limits::{AMOUNT_FEN_MAX, CANONICAL_INTEGER_MAX};
use crate::base::{Clock, Code, Fault, Faults, Secret, SystemClock};
use crate::chain::roster::{MemberName, Roster};
use crate::config::keyring::{self, Keyring, PROPOSER};
use crate::http::HttpState;
use crate::invoice::{Fen, IssuingRules, Seller, TaxRate};
use crate::ledger::Entry;
use crate::ledger::command::RulesBody;
use crate::ledger::record::RulesScope;
use crate::parties::kingdee::custody::Custody;
use crate::parties::kingdee::erp::Erp;
use crate::parties::tencent::claim::ClaimTokens;
use crate::parties::tencent::wallet::Wallet;
use crate::sequencer::desk::{Bearer, CustodyAsked, Desk, Parties, RegisterAsked};
use crate::sequencer::{self, Engine, Leadership, LeadershipThread, LocalEngine, found_chain};
use crate::store::Store;

/// Merchants that the clients share.
const MERCHANTS: u64 = 20;

/// The chain of the bench.
const CHAIN: &str = "bench-sandbox";

/// Connections that the service reads with.
const READERS: u32 = 4;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As in production: whatever waits is committed together
    Ours,
    /// The ceiling: everything up to the signature, then an answer; nothing is stored
    Bare,
    /// As ours, but headers commit to no present states: what the map of states costs. Its ledger is good for nothing else
    Stateless,
    /// One transaction a request over a pool of connections, nothing kept in memory
    Naive,
    /// Our sequencer with batches of one: a naive service whose requests queue in order
    Queued,
    /// One insert of the text a request, in autocommit: no ledger
    Plain,
}

impl Variant {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bare => "bare",
            Self::Stateless => "stateless",
            Self::Naive => "naive",
            Self::Queued => "queued",
            Self::Plain => "plain",
        }
    }

    /// Whether it stores anything, so that it is another one on another database.
    pub fn stores(self) -> bool {
        match self {
            Self::Bare => false,
            Self::Ours | Self::Stateless | Self::Naive | Self::Queued | Self::Plain => true,
        }
    }

    /// Whether its ledger holds every invoice, and is what an audit wants.
    pub fn keeps_ledger(self) -> bool {
        match self {
            Self::Ours | Self::Naive | Self::Queued => true,
            Self::Bare | Self::Stateless | Self::Plain => false,
        }
    }
}

/// The newest block, and how long the sequencer has worked so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tip {
    /// Commits: blocks, or rows of the plain variant.
    pub commits: u64,
    /// Entries of the chain.
    pub size: u64,
    /// Time that batches took, execution to commit, waiting for the disk included.
    pub sequencer: Duration,
}

/// Who answers behind HTTP.
enum Behind {
    /// The service as it is.
    Service(Service),
    /// Something else behind the same desks, and the lease that it holds as the service does.
    Rival(Rival, Arc<HttpState>, LeadershipThread),
}

/// API keys of a peopled ledger.
#[derive(Clone)]
pub struct Keys {
    /// One a merchant.
    pub merchants: Vec<Secret<String>>,
    /// Reads everything.
    pub auditor: Secret<String>,
}

/// A running service.
pub struct Site {
    /// Which variant it is.
    pub variant: Variant,
    /// Where its clients connect.
    pub address: SocketAddr,
    /// Where its ledger is.
    pub ground: Ground,
    store: Store,
    roster: Roster,
    behind: Behind,
    server: ServerHandle,
    running: JoinHandle<std::io::Result<()>>,
}

impl Site {
    /// Makes a keyring in the ground's folder, starts the service and registers merchants, rules and API keys.
    pub async fn open(ground: Ground, variant: Variant) -> Result<(Self, Keys), Faults> {
        keyring::make(&ground.folder.join("keys"), &ChainId::try_from(CHAIN)?)?;
        let site = Self::start(ground, variant).await?;
        let keys = people(site.desk()).await?;
        Ok((site, keys))
    }

    /// Starts the service over a ledger that may have entries.
    pub async fn start(ground: Ground, variant: Variant) -> Result<Self, Faults> {
        let store = Store::open(&ground.url, READERS)?;
        let keyring = Keyring::load(&ground.folder.join("keys"))?;
        let roster = keyring.roster.clone();
        let listener = app::listen("127.0.0.1:0")?;
        let address = listener.local_addr().map_err(|e| Fault::new(Code::Internal, "listen", e.to_string()))?;
        let public_url = format!("http://{address}");
        let (behind, server) = match variant {
            Variant::Ours | Variant::Stateless | Variant::Queued => {
                let service = Service::start(ingredients(&store, keyring, public_url, variant)).await?;
                let server = app::serve(service.state.clone(), listener, 0)?;
                (Behind::Service(service), server)
            }
            Variant::Bare => rival(Kind::Bare, &ground, &store, keyring, public_url, listener)?,
            Variant::Naive => rival(Kind::Naive, &ground, &store, keyring, public_url, listener)?,
            Variant::Plain => rival(Kind::Plain, &ground, &store, keyring, public_url, listener)?,
        };
        let (handle, running) = (server.handle(), tokio::spawn(server));
        Ok(Self { variant, address, ground, store, roster, behind, server: handle, running })
    }

    fn desk(&self) -> &Arc<Desk> {
        match &self.behind {
            Behind::Service(service) => service.desk(),
            Behind::Rival(_, state, _) => &state.desk,
        }
    }

    /// The newest block.
    pub fn tip(&self) -> Result<Tip, Faults> {
        let block = self.store.read_blocking(|reader| Ok::<_, Faults>(reader.checkpoint()?))?;
        let block = block.ok_or_else(|| Fault::new(Code::Internal, "", "the ledger has no genesis block"))?;
        let (commits, sequencer) = match &self.behind {
            Behind::Service(service) => (block.height, sequencer_time(service)),
            Behind::Rival(rival, ..) => match self.variant {
                Variant::Plain => (rival.answered(), Duration::ZERO),
                Variant::Bare => (0, Duration::ZERO),
                Variant::Naive | Variant::Ours | Variant::Stateless | Variant::Queued => (block.height, Duration::ZERO),
            },
        };
        Ok(Tip { commits, size: block.size, sequencer })
    }

    /// Invoices that it answered, by its own count: in its ledger, or in what it has instead of one.
    pub fn invoices(&self) -> Result<u64, Faults> {
        match &self.behind {
            Behind::Rival(rival, ..) if !self.variant.keeps_ledger() => Ok(rival.answered()),
            // Rules and merchants are entries too.
            Behind::Rival(..) | Behind::Service(_) => Ok(self.tip()?.size.saturating_sub(MERCHANTS).saturating_sub(1)),
        }
    }

    /// What an audit needs: the ledger, and the roster that it must follow from.
    pub fn ledger(&self) -> (Store, Roster) {
        (self.store.clone(), self.roster.clone())
    }

    /// What the ledger weighs now.
    pub fn weigh(&mut self) -> Result<Weight, Faults> {
        self.ground.weigh()
    }

    /// Holds the answers against the ledger and stops the service. Gives the ground back.
    ///
    /// # Errors
    /// [`Code::Internal`] when clients were told of another number of invoices than there are.
    pub async fn close(self, answered: u64) -> Result<Ground, Faults> {
        let counted = self.invoices();
        let Self { variant, ground, store, behind, server, running, .. } = self;
        server.stop(true).await;
        if let Err(error) = running.await {
            tracing::error!(%error, "the server ended badly");
        }
        match behind {
            Behind::Service(service) => service.stop().await,
            Behind::Rival(rival, state, lease) => {
                drop(state);
                let ended = move || {
                    rival.join();
                    lease.stop();
                };
                let joined = tokio::task::spawn_blocking(ended).await;
                joined.map_err(|e| Fault::new(Code::Internal, "", format!("a rival ended badly: {e}")))?;
            }
        }
        // The last connection to leave brings SQLite's write-ahead log into the database and deletes it.
        drop(store);
        let counted = counted?;
        if counted != answered {
            let (variant, database) = (variant.as_str(), ground.database);
            let message = format!("{variant} on {database}: {answered} answers 201, but {counted} invoices are there");
            return Err(Fault::new(Code::Internal, "", message).into());
        }
        Ok(ground)
    }
}

fn ingredients(store: &Store, keyring: Keyring, public_url: String, variant: Variant) -> Ingredients {
    let sequencer = match variant {
        Variant::Queued => sequencer::Config { batch_commands_max: 1, ..sequencer::Config::default() },
        Variant::Stateless => sequencer::Config { commit_states: false, ..sequencer::Config::default() },
        Variant::Ours | Variant::Bare | Variant::Naive | Variant::Plain => sequencer::Config::default(),
    };
    Ingredients {
        store: store.clone(),
        keyring,
        notices: None,
        clock: Arc::new(SystemClock),
        public_url,
        advertise: String::new(),
        sequencer,
        // What is measured is what is asked for.
        close_days: false,
    }
}

/// The same desks and the same HTTP as the service has, over something else than its sequencer.
fn rival(
    kind: Kind,
    ground: &Ground,
    store: &Store,
    keyring: Keyring,
    public_url: String,
    listener: std::net::TcpListener,
) -> Result<(Behind, app::Server), Faults> {
    let Keyring { roster, seal_keys, custody, folder } = keyring;
    let keys = seal_keys.into_iter().map(|(_, key)| key);
    let engine = Arc::new(LocalEngine::new(keys, MemberName::try_from(PROPOSER)?));
    let members = Arc::new(LocalMembers::new(Arc::clone(&engine), folder));
    let engine: Arc<dyn Engine> = engine;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    found_chain(store, &roster, engine.as_ref(), clock.now())?;
    let parts = Parts { store: store.clone(), url: ground.url.clone(), clock: Arc::clone(&clock), engine };
    let (sequencer, rival) = Rival::start(kind, &parts)?;
    let parties = Parties {
        notices: None,
        custody: Custody::new(&custody)?,
        claims: ClaimTokens::new(&custody)?,
        wallet: Arc::new(Wallet::default()),
        erp: Arc::new(Erp::default()),
        members,
    };
    let desk = Arc::new(Desk::new(roster.chain().clone(), store.clone(), sequencer, clock, parties));
    let (leadership, lease) = Leadership::start(store.clone(), String::new())?;
    let state = Arc::new(HttpState::new(desk, leadership, public_url, prometheus::Registry::new())?);
    let server = app::serve(Arc::clone(&state).into(), listener, 0)?;
    Ok((Behind::Rival(rival, state, lease), server))
}

fn sequencer_time(service: &Service) -> Duration {
    let families = service.state.registry.gather();
    let family = families.iter().find(|family| family.name() == "piaolian_batch_seconds");
    let seconds = family.and_then(|family| family.get_metric().first()).map(|metric| metric.get_histogram());
    seconds.and_then(|all| Duration::try_from_secs_f64(all.get_sample_sum()).ok()).unwrap_or_default()
}

/// Rules that let the bench through without being empty, merchants in custody, and a key for each.
async fn people(desk: &Arc<Desk>) -> Result<Keys, Faults> {
    let rules = IssuingRules {
        per_invoice_cap: Some(Fen::new(AMOUNT_FEN_MAX)?),
        monthly_cap: Some(Fen::new(CANONICAL_INTEGER_MAX)?),
        rates: Some(vec![TaxRate::try_from(600)?, TaxRate::try_from(1300)?]),
        classification_prefixes: Some(vec!["1".to_owned(), "3".to_owned()]),
        ..IssuingRules::default()
    };
    desk.set_rules(IdempotencyKey::try_from("bench-rules")?, RulesBody { scope: RulesScope::All, rules, from: None })
        .await?;
    let mut merchants = Vec::new();
    for number in 1..=MERCHANTS {
        let merchant = register(desk, number).await?;
        merchants.push(desk.new_api_key(Bearer::Merchant(merchant), "bench".to_owned()).await?.secret);
    }
    let auditor = desk.new_api_key(Bearer::Auditor, "bench".to_owned()).await?.secret;
    Ok(Keys { merchants, auditor })
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
