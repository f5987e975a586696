//! Floor 7: puts everything together: store, engine, sequencer, desks, outbox and HTTP, and takes it apart again in order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use actix_web::dev::{Server, ServerHandle};
use actix_web::{HttpServer, web};
use futures_util::future::BoxFuture;
use prometheus::Registry;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::base::{Clock, Code, Fault, Faults, UnixMs};
use crate::chain::roster::{MemberKey, MemberName, Roster};
use crate::chain::roster_change::MemberSignature;
use crate::config::keyring::{Keyring, PROPOSER, add_seal_key};
use crate::http::{HttpState, create_app};
use crate::notify::{Outbox, Recipient};
use crate::parties::kingdee::custody::Custody;
use crate::parties::kingdee::erp::Erp;
use crate::parties::tencent::claim::ClaimTokens;
use crate::parties::tencent::notice::NoticeVerifier;
use crate::parties::tencent::wallet::Wallet;
use crate::sequencer::desk::{Desk, Members, Parties};
use crate::sequencer::{
    self, End, Engine, Guard, Leadership, LeadershipThread, LocalEngine, MEMORY_FILE, Memory, Sequencer,
    SequencerMetrics, SequencerThread, TOPIC_BILL, TOPIC_BILL_ORDER, TOPIC_ERP, TOPIC_WALLET, TOPIC_WALLET_REMOVE,
    found_chain,
};
use crate::store::Store;

/// What a service is made of.
pub struct Ingredients {
    /// A migrated database.
    pub store: Store,
    /// The members' keys and the custody key.
    pub keyring: Keyring,
    /// Opens payment notices, if a partner is configured.
    pub notices: Option<NoticeVerifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the service can be reached from outside.
    pub public_url: String,
    /// Where the other processes on the same database reach this one, `http://host:port`; empty when there are none.
    pub advertise: String,
    /// The sequencer's limits.
    pub sequencer: sequencer::Config,
    /// Whether the service closes merchants' days by itself once they are over.
    pub close_days: bool,
}

/// How often the service looks for days that are over.
const CLOSE_DAYS_EVERY: Duration = Duration::from_secs(60);

/// A running service.
pub struct Service {
    /// What the handlers share.
    pub state: web::Data<HttpState>,
    /// The roster in force.
    pub roster: Roster,
    stop: watch::Sender<bool>,
    outbox: JoinHandle<()>,
    closer: Option<JoinHandle<()>>,
    thread: SequencerThread,
    lease: LeadershipThread,
}

/// One way of telling a desk about an outbox item.
type Telling = fn(Arc<Desk>, u64) -> BoxFuture<'static, Result<(), Faults>>;

/// A recipient that is one of the desk's own doors.
struct DeskDoor {
    desk: Arc<Desk>,
    tell: Telling,
}

impl Recipient for DeskDoor {
    fn deliver(&self, entry: u64) -> BoxFuture<'_, Result<(), Faults>> {
        (self.tell)(Arc::clone(&self.desk), entry)
    }
}

fn recipients(desk: &Arc<Desk>) -> BTreeMap<&'static str, Arc<dyn Recipient>> {
    let doors: [(&'static str, Telling); 5] = [
        (TOPIC_BILL, |desk, entry| Box::pin(async move { desk.bill_payment(entry).await })),
        (TOPIC_BILL_ORDER, |desk, entry| Box::pin(async move { desk.bill_payment(entry).await })),
        (TOPIC_WALLET, |desk, entry| Box::pin(async move { desk.insert_card(entry).await })),
        (TOPIC_WALLET_REMOVE, |desk, entry| Box::pin(async move { desk.remove_card(entry).await })),
        (TOPIC_ERP, |desk, entry| Box::pin(async move { desk.push_to_erp(entry).await })),
    ];
    let door = |(topic, tell)| {
        let recipient: Arc<dyn Recipient> = Arc::new(DeskDoor { desk: Arc::clone(desk), tell });
        (topic, recipient)
    };
    doors.into_iter().map(door).collect()
}

/// The members' keys of the local engine and of the keyring that it was loaded from.
pub(crate) struct LocalMembers {
    engine: Arc<LocalEngine>,
    folder: PathBuf,
}

impl LocalMembers {
    /// The keys of an engine, and the folder that new ones go to.
    pub(crate) fn new(engine: Arc<LocalEngine>, folder: PathBuf) -> Self {
        Self { engine, folder }
    }
}

impl Members for LocalMembers {
    fn new_key(&self, member: &MemberName) -> Result<MemberKey, Fault> {
        // Durable first: a key that seals must not be lost.
        let key = add_seal_key(&self.folder, member)?;
        let public = key.public();
        self.engine.add_key(key);
        Ok(public)
    }

    fn sign(&self, old: &Roster, new: &Roster, text: &str) -> Result<Vec<MemberSignature>, Fault> {
        self.engine.sign_statement(old, new, text)
    }

    fn can_seal(&self, roster: &Roster) -> Result<(), Fault> {
        self.engine.can_seal(roster)
    }
}

/// Closes finished days from time to time while this process leads, until told to stop. Two that believe to lead for a moment do no harm:
/// a day is closed once.
async fn close_days(desk: Arc<Desk>, leadership: Leadership, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if leadership.is_leading() {
            match desk.close_finished_days().await {
                Ok(0) => {}
                Ok(days) => tracing::info!(days, "closed days that were over"),
                Err(faults) => tracing::warn!(%faults, "days that are over could not be closed; trying again later"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(CLOSE_DAYS_EVERY) => {}
            changed = stop.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

impl Service {
    /// Starts everything but the HTTP server. Founds the chain if the database is empty; leads from the start if no other process
    /// does.
    ///
    /// # Errors
    /// A keyring that does not fit the ledger; whatever a part refuses to start with.
    pub async fn start(ingredients: Ingredients) -> Result<Self, Faults> {
        let Ingredients { store, keyring, notices, clock, public_url, advertise, sequencer, close_days: closes } =
            ingredients;
        let Keyring { roster, seal_keys, custody, folder } = keyring;
        let proposer = MemberName::try_from(PROPOSER)?;
        let engine = Arc::new(LocalEngine::new(seal_keys.into_iter().map(|(_, key)| key), proposer));
        let members = Arc::new(LocalMembers::new(Arc::clone(&engine), folder.clone()));
        let engine: Arc<dyn Engine> = engine;
        let memory = found(&store, &roster, engine.as_ref(), clock.now(), &folder.join(MEMORY_FILE))?;
        let guard = Arc::new(Guard::new(Arc::clone(&clock), sequencer.clock_gap_max_days, memory));
        if let Some(fault) = store.read_blocking(|reader| guard.trouble(reader))? {
            tracing::error!(%fault, "as it stands, commands will be refused");
        }
        let (leadership, lease) = Leadership::start(store.clone(), advertise)?;
        let registry = Registry::new();
        let metrics = Arc::new(SequencerMetrics::register(&registry)?);
        let wake = Arc::new(Notify::new());
        let ring = Arc::clone(&wake);
        let on_commit = Arc::new(move || ring.notify_one());
        let (queue, thread) =
            Sequencer::start(sequencer, store.clone(), guard, engine, metrics, leadership.clone(), on_commit)?;
        let parties = Parties {
            notices,
            custody: Custody::new(&custody)?,
            claims: ClaimTokens::new(&custody)?,
            wallet: Arc::new(Wallet::default()),
            erp: Arc::new(Erp::default()),
            members,
        };
        let desk = Arc::new(Desk::new(roster.chain().clone(), store.clone(), queue, Arc::clone(&clock), parties));
        let (stop, stopped) = watch::channel(false);
        let closing = || tokio::spawn(close_days(Arc::clone(&desk), leadership.clone(), stopped.clone()));
        let closer = closes.then(closing);
        let leader = leadership.clone();
        let outbox = Outbox::new(store, clock, recipients(&desk), wake, Arc::new(move || leader.is_leading()));
        let outbox = tokio::spawn(outbox.run(stopped));
        let state = web::Data::new(HttpState::new(desk, leadership, public_url, registry)?);
        Ok(Self { state, roster, stop, outbox, closer, thread, lease })
    }

    /// The desks.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.state.desk
    }

    /// Stops in order: the outbox finishes what is under way, the sequencer finishes its queue, the lease is given back.
    pub async fn stop(self) {
        let Self { state, stop, outbox, closer, thread, lease, .. } = self;
        if stop.send(true).is_err() {
            tracing::debug!("the outbox had stopped already");
        }
        if let Err(error) = outbox.await {
            tracing::error!(%error, "the outbox ended badly");
        }
        if let Some(closer) = closer
            && let Err(error) = closer.await
        {
            tracing::error!(%error, "the closing of days ended badly");
        }
        // The desk holds the queue's sender: the thread ends when the last clone is gone.
        drop(state);
        let ended = tokio::task::spawn_blocking(move || {
            thread.join();
            lease.stop();
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "waiting for the sequencer ended badly");
        }
    }
}

/// Founds the chain in an empty database, and gives the memory of its end: as it is there, or a new one.
///
/// # Errors
/// [`Code::SeqRestored`] when the database is empty, but the keyring has sealed a chain: it would seal a second one.
fn found(store: &Store, roster: &Roster, engine: &dyn Engine, now: UnixMs, file: &Path) -> Result<Memory, Faults> {
    let end = || store.read_blocking(|reader| Ok::<_, Faults>(reader.checkpoint()?.as_ref().map(End::from)));
    let known = Memory::find(file)?;
    if let (Some(memory), None) = (&known, end()?) {
        let (height, file) = (memory.last().height, file.display());
        let message = format!(
            "the database is empty, but this keyring has sealed a chain up to block {height}; put the database back that holds it, or \
             make a new keyring for a new chain; if that chain is of no worth, remove {file}"
        );
        return Err(Fault::new(Code::SeqRestored, "", message).into());
    }
    if found_chain(store, roster, engine, now)? {
        tracing::info!(chain = %roster.chain(), "founded a new chain");
    }
    match (known, end()?) {
        (Some(memory), _) => Ok(memory),
        (None, Some(end)) => {
            let file_shown = file.display();
            tracing::info!(file = %file_shown, height = end.height, "there is no memory of the chain's end; made one that begins here");
            Ok(Memory::make(file, end)?)
        }
        (None, None) => Err(Fault::new(Code::Internal, "", "a founded chain has no newest block").into()),
    }
}

/// An HTTP server that listens already. Runs until its handle is told to stop.
///
/// # Errors
/// [`Code::ConfigInvalid`] when the address can't be listened on.
pub fn serve(state: web::Data<HttpState>, listener: std::net::TcpListener, workers: usize) -> Result<Server, Fault> {
    let cannot = |e: std::io::Error| Fault::new(Code::ConfigInvalid, "listen", format!("can't listen: {e}"));
    let mut server = HttpServer::new(move || create_app(state.clone()))
        .disable_signals()
        .backlog(4096)
        // A kept connection that says nothing for a minute is closed; a body has a deadline of its own (http::extract).
        .keep_alive(std::time::Duration::from_secs(60))
        .client_request_timeout(std::time::Duration::from_secs(15))
        .shutdown_timeout(10);
    if workers > 0 {
        server = server.workers(workers);
    }
    Ok(server.listen(listener).map_err(cannot)?.run())
}

/// Listens on an address; port 0 takes a free one.
///
/// # Errors
/// [`Code::ConfigInvalid`] naming `listen`.
pub fn listen(address: &str) -> Result<std::net::TcpListener, Fault> {
    std::net::TcpListener::bind(address)
        .map_err(|e| Fault::new(Code::ConfigInvalid, "listen", format!("can't listen on {address}: {e}")))
}

/// Runs a future on the runtime that the server needs.
///
/// # Errors
/// The future's own.
pub fn block_on<T>(work: impl Future<Output = Result<T, Faults>>) -> Result<T, Faults> {
    actix_web::rt::System::new().block_on(work)
}
