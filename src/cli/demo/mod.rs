//! `demo`: the whole flow on sandbox parties, told step by step, over real HTTP: bureau, payment notices, invoices, PDFs, receipts,
//! offline verification and an audit; then the service goes on, so that a person can open the verify links.

mod scene;
mod story;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::service::{make_folder_of, start_logging, wait_for_stop};
use super::{Done, audit};
use crate::app::{self, Ingredients, Service};
use crate::base::{Clock as _, Code, Fault, Faults, SystemClock};
use crate::config::keyring::Keyring;
use crate::parties::tencent::notice::NoticeVerifier;
use crate::sequencer;
use crate::sequencer::desk::{Bearer, make_key};
use crate::store::{DatabaseUrl, Store};

/// Arguments of `demo`.
#[derive(Args)]
#[command(after_help = "\
Everything is kept in one folder: ledger.db, keys/, pdf/, receipts/. Run it twice: every request
carries an idempotency key, so nothing is issued a second time. Delete the folder to start anew.
Bureau, Tencent and Kingdee are sandboxes.")]
pub struct DemoArgs {
    /// Folder for database, keys, PDFs and receipts
    #[arg(long, default_value = "piaolian-demo", value_name = "FOLDER")]
    dir: PathBuf,
    /// Database URL instead of ledger.db in the folder
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    /// Stop after the last step instead of going on serving
    #[arg(long)]
    once: bool,
}

/// Runs it.
pub fn demo(args: DemoArgs) -> Result<Done, Faults> {
    start_logging("error")?;
    app::block_on(run(args))
}

async fn run(args: DemoArgs) -> Result<Done, Faults> {
    let folder = &args.dir;
    println!("票链 piaolian demo: payment -> invoice -> block -> PDF -> verification, all parties are sandboxes\n");
    let url = args.database.clone().unwrap_or_else(|| format!("sqlite:{}", folder.join("ledger.db").display()));
    let url = DatabaseUrl::parse(&url)?;
    make_folder_of(&url)?;
    Store::migrate(&url)?;
    let store = Store::open(&url, 8)?;
    let platform = scene::platform(folder)?;
    let keyring = scene::keyring(folder)?;
    let bureau = make_key(Bearer::Bureau, "demo".to_owned(), SystemClock.now())?;
    store.write_blocking(|tx| Ok::<_, Faults>(tx.insert_api_key(&bureau.key)?))?;

    let listener = app::listen(&args.listen)?;
    let address = listener.local_addr().map_err(|e| Fault::new(Code::Internal, "listen", e.to_string()))?;
    let pem = platform.public_key_pem()?;
    let service = start(store.clone(), keyring, (platform.serial(), &pem), &platform, &address.to_string()).await?;
    let server = app::serve(service.state.clone(), listener, 0)?;
    let handle = server.handle();
    let running = tokio::spawn(server);

    let told = story::tell(&service, &platform, folder, &address.to_string(), bureau.secret.expose()).await;
    let done = match told {
        Ok(link) => finish(&store, &service, &args, &link).await,
        Err(faults) => Err(faults),
    };
    handle.stop(true).await;
    if let Err(error) = running.await {
        tracing::error!(%error, "the server ended badly");
    }
    service.stop().await;
    done
}

async fn start(
    store: Store,
    keyring: Keyring,
    platform_key: (&str, &str),
    platform: &crate::parties::tencent::sandbox::Platform,
    address: &str,
) -> Result<Service, Faults> {
    let notices = NoticeVerifier::new([platform_key], platform.api_v3_key())?;
    Service::start(Ingredients {
        store,
        keyring,
        notices: Some(notices),
        clock: Arc::new(SystemClock),
        public_url: format!("http://{address}"),
        advertise: String::new(),
        // A demonstration may be run again long after the last time.
        sequencer: sequencer::Config { clock_gap_max_days: 36_500, ..sequencer::Config::default() },
        close_days: true,
    })
    .await
}

/// Audits what was made, then serves on until told to stop.
async fn finish(store: &Store, service: &Service, args: &DemoArgs, link: &str) -> Result<Done, Faults> {
    println!("\n== Audit: every hash, signature, number, balance and projection derived again from the entries");
    let (store, trusted) = (store.clone(), service.roster.clone());
    let audited = tokio::task::spawn_blocking(move || audit::run(&store, &[trusted])).await;
    let report = audited.map_err(|e| Fault::new(Code::Internal, "", e.to_string()))??;
    audit::print(&report);
    if !report.is_clean() {
        return Ok(Done::No);
    }
    let folder = args.dir.display();
    println!("\nPDFs in {folder}/pdf, receipts in {folder}/receipts. Check them without the service:");
    println!("  piaolian verify {folder}/receipts/*.json --roster {folder}/keys/roster.json");
    if args.once {
        return Ok(Done::Well);
    }
    println!("\nA verify link and the documents:");
    println!("  {link}");
    println!("  {}/docs/", service.state.public_url);
    println!("\nStill serving; Ctrl-C ends it.");
    wait_for_stop().await?;
    Ok(Done::Well)
}
