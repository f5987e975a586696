//! `serve`, `migrate`, `keygen`: running a service and what it needs beforehand.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::Done;
use crate::app::{self, Ingredients, Service};
use crate::base::ids::{ChainId, MerchantId};
use crate::base::step::arm_steps;
use crate::base::{Clock as _, Code, Fault, Faults, SystemClock};
use crate::config::{Config, keyring};
use crate::ledger::state::Reader as _;
use crate::sequencer;
use crate::sequencer::desk::{Bearer, NewKey, make_key};
use crate::store::{DatabaseUrl, Role, Store, at_disk_failure};

/// The chain that a keyring is made for unless another is named.
const DEFAULT_CHAIN: &str = "shenzhen-sandbox";

/// Arguments of `serve`.
#[derive(Args)]
#[command(after_help = "\
Configuration, lowest first: built-in defaults, --config FILE (TOML), environment PIAOLIAN_*,
options of this command.
Keys: database, read_database, keys, listen, advertise, public_url, workers, reader_connections,
batch_commands_max, queue_commands_max, clock_gap_max_days, close_days, log, wechat.api_v3_key_file, wechat.platform_keys.<serial>

Example:
  piaolian serve --migrate              database, keyring and a first API key of role bureau are made if missing

Several processes on one PostgreSQL: all take commands and answer reads, one of them sequences. The
others forward commands to it, and one of them takes its place within seconds when it stops or dies.
They share one keyring (copy the folder) and one database, made once:
  piaolian keygen members
  piaolian migrate --database postgres://piaolian@db1/ledger
  piaolian serve --database postgres://piaolian@db1/ledger --listen 10.0.0.1:8080
  piaolian serve --database postgres://piaolian@db1/ledger --listen 10.0.0.2:8080
  piaolian serve --database postgres://piaolian@db1/ledger --listen 10.0.0.3:8080
Where a process listens on 0.0.0.0, --advertise says where the others reach it:
  piaolian serve ... --listen 0.0.0.0:8080 --advertise http://10.0.0.1:8080
GET /readyz says which one leads.

A replica (PostgreSQL streaming replication) takes the reads off the primary:
  piaolian serve --database postgres://piaolian@db1/ledger --read-url postgres://piaolian@db2/ledger
It may lag: each answer names the block that it stands at (header Piaolian-Checkpoint). While the
replica can't be reached, reads go to the primary.")]
pub struct ServeArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, instead of the configured one
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Replica of the database that reads go to
    #[arg(long, value_name = "URL")]
    read_url: Option<String>,
    /// Address to listen on, instead of the configured one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where other processes on the same database reach this one; http://ADDRESS of --listen if left out
    #[arg(long, value_name = "URL")]
    advertise: Option<String>,
    /// Make database and keyring if they are missing, and bring the schema up to date
    #[arg(long)]
    migrate: bool,
}

/// Arguments of `migrate`.
#[derive(Args)]
pub struct MigrateArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, instead of the configured one
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Arguments of `keygen`.
#[derive(Args)]
pub struct KeygenArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    what: KeygenWhat,
}

#[derive(Subcommand)]
enum KeygenWhat {
    /// Make the members' seal keys, the custody key and the roster of a new chain
    Members {
        /// Id of the chain, 1 to 40 of a-z, 0-9 and '-'; one that ends in -production prints no sample mark
        #[arg(long, default_value = DEFAULT_CHAIN)]
        chain: String,
    },
    /// Make an API key in the database and print its secret, once
    ApiKey {
        /// What the key may do
        #[arg(long, value_enum)]
        role: RoleArg,
        /// Whose it is, for role merchant
        #[arg(long)]
        merchant: Option<String>,
        /// Taxpayer id of whose it is, for role company
        #[arg(long)]
        company: Option<String>,
        /// What people call it
        #[arg(long)]
        label: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleArg {
    /// Issues and reads its own
    Merchant,
    /// Locks and books invoices that it holds, or lends on them
    Company,
    /// Registers merchants, sets rules, makes keys, reads everything
    Bureau,
    /// Reads everything, changes nothing
    Auditor,
}

/// Starts logging to standard error, one JSON object a line.
pub fn start_logging(directives: &str) -> Result<(), Fault> {
    let filter = EnvFilter::try_new(directives)
        .map_err(|e| Fault::new(Code::ConfigInvalid, "log", format!("not log directives: {e}")))?;
    let logging = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    logging.try_init().map_err(|e| Fault::new(Code::Internal, "", format!("logging can't start: {e}")))
}

/// Makes the folder of an embedded database's file.
pub fn make_folder_of(url: &DatabaseUrl) -> Result<(), Fault> {
    let folder = url.file().and_then(std::path::Path::parent);
    match folder.filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|e| Fault::new(Code::CliFile, folder.display().to_string(), e.to_string())),
        None => Ok(()),
    }
}

/// Runs `serve`.
pub fn serve(args: ServeArgs) -> Result<Done, Faults> {
    arm_steps();
    at_disk_failure(stop_at_disk_failure);
    let mut config = Config::load(args.config.as_deref())?;
    config.database = args.database.unwrap_or(config.database);
    config.listen = args.listen.unwrap_or(config.listen);
    config.read_database = args.read_url.or(config.read_database);
    config.advertise = args.advertise.or(config.advertise);
    config.check()?;
    start_logging(&config.log)?;
    let url = DatabaseUrl::parse(&config.database)?;
    if args.migrate {
        make_folder_of(&url)?;
        Store::migrate(&url)?;
        if !config.keys.join("roster.json").exists() {
            keyring::make(&config.keys, &ChainId::try_from(DEFAULT_CHAIN)?)?;
            println!("made a keyring in {}: back it up, it is the chain", config.keys.display());
        }
    }
    let mut store = Store::open(&url, config.reader_connections)?;
    if let Some(replica) = &config.read_database {
        store = store.with_replica(&DatabaseUrl::parse(replica)?, config.reader_connections)?;
    }
    if args.migrate && store.read_blocking(|reader| reader.api_keys(None))?.is_empty() {
        let new = make_key(Bearer::Bureau, "first key".to_owned(), SystemClock.now())?;
        print_key(&store, &new)?;
    }
    app::block_on(run(config, store))
}

async fn run(config: Config, store: Store) -> Result<Done, Faults> {
    let listener = app::listen(&config.listen)?;
    let address = listener.local_addr().map_err(|e| Fault::new(Code::Internal, "listen", e.to_string()))?;
    let service = Service::start(Ingredients {
        store,
        keyring: keyring::Keyring::load(&config.keys)?,
        notices: config.notice_verifier()?,
        clock: Arc::new(SystemClock),
        public_url: config.public_url.clone(),
        advertise: config.advertise.clone().unwrap_or_else(|| format!("http://{address}")),
        sequencer: sequencer::Config {
            batch_commands_max: config.batch_commands_max,
            queue_commands_max: config.queue_commands_max,
            clock_gap_max_days: config.clock_gap_max_days,
            ..sequencer::Config::default()
        },
        close_days: config.close_days,
    })
    .await?;
    let chain = service.desk().chain().to_string();
    let server = app::serve(service.state.clone(), listener, config.workers)?;
    let handle = server.handle();
    let running = tokio::spawn(server);
    println!("piaolian serves chain {chain} on http://{} (docs: /docs/)", config.listen);
    wait_for_stop().await?;
    tracing::info!("stopping: requests under way are finished");
    handle.stop(true).await;
    if let Err(error) = running.await {
        tracing::error!(%error, "the server ended badly");
    }
    service.stop().await;
    Ok(Done::Well)
}

/// What a service that has met a failing disk ends with: EX_IOERR of sysexits.
const DISK_FAILED: i32 = 74;

/// The one place where a failing disk ends the process: nobody is answered any more, nothing is written, closed or rolled back. What
/// is durable is for the next process to read.
fn stop_at_disk_failure(said: &str) {
    tracing::error!(said, exit = DISK_FAILED, "STORE-FAILING: the disk has failed under the ledger; stopping at once");
    std::process::exit(DISK_FAILED);
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn wait_for_stop() -> Result<(), Fault> {
    use tokio::signal::unix::{SignalKind, signal};
    let cannot = |e: std::io::Error| Fault::new(Code::Internal, "", format!("no signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Runs `migrate`.
pub fn migrate(args: MigrateArgs) -> Result<Done, Faults> {
    let config = Config::load(args.config.as_deref())?;
    let url = DatabaseUrl::parse(args.database.as_ref().unwrap_or(&config.database))?;
    make_folder_of(&url)?;
    let run = Store::migrate(&url)?;
    match run.is_empty() {
        true => println!("{} is up to date", url),
        false => println!("{}: ran {}", url, run.join(", ")),
    }
    Ok(Done::Well)
}

/// Runs `keygen`.
pub fn keygen(args: KeygenArgs) -> Result<Done, Faults> {
    let config = Config::load(args.config.as_deref())?;
    match args.what {
        KeygenWhat::Members { chain } => {
            let roster = keyring::make(&config.keys, &ChainId::try_from(chain)?)?;
            println!("made the keys of {} members in {}", roster.members().len(), config.keys.display());
            println!("roster.json is public: give it to whoever verifies. The .key files are not; back them up.");
        }
        KeygenWhat::ApiKey { role, merchant, company, label } => {
            let store = Store::open(&DatabaseUrl::parse(&config.database)?, 1)?;
            let role = match role {
                RoleArg::Merchant => Role::Merchant,
                RoleArg::Company => Role::Company,
                RoleArg::Bureau => Role::Bureau,
                RoleArg::Auditor => Role::Auditor,
            };
            let merchant = merchant.map(MerchantId::try_from).transpose()?;
            let bearer = Bearer::of(role, merchant, company)
                .map_err(|fault| Fault::new(Code::CliUsage, format!("--{}", fault.path), fault.message))?;
            if let Bearer::Merchant(id) = &bearer
                && store.read_blocking(|reader| reader.merchant(id))?.is_none()
            {
                let message = format!("no merchant {id} is registered");
                return Err(Fault::new(Code::LedgerMerchantUnknown, "--merchant", message).into());
            }
            let new = make_key(bearer, label, SystemClock.now())?;
            print_key(&store, &new)?;
        }
    }
    Ok(Done::Well)
}

fn print_key(store: &Store, new: &NewKey) -> Result<(), Faults> {
    store.write_blocking(|tx| Ok::<_, Faults>(tx.insert_api_key(&new.key)?))?;
    println!("API key {} of role {} (shown only now):", new.key.id, new.key.role.as_str());
    println!("{}", new.secret.expose());
    Ok(())
}
