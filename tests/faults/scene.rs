//! A ledger on SQLite in a folder of its own, one process that serves it, and the history of what its callers were told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};

use crate::callers::Caller;
use crate::choices::COMPANIES;
use crate::client::Ask;
use crate::company::Company;
use crate::history::{History, Report};
use crate::ledger::Ledger;
use crate::operation::{Operation, Parties};
use crate::town::{Merchant, Town};

/// How long a restarted process may take to its first answer.
pub const BACK_WITHIN: Duration = Duration::from_secs(5);

/// How long what is in the outbox may stay there once the service runs again.
const DELIVERED_WITHIN: Duration = Duration::from_secs(30);

pub struct Scene {
    pub town: Town,
    pub parties: Arc<Parties>,
    pub history: Arc<History>,
    /// What was done and nobody was told of, so far, found at restarts.
    pub unheard: usize,
    /// Restart to first answer, the longest so far.
    pub longest: Duration,
    /// What each start of the process has in its environment.
    environment: Vec<(String, String)>,
}

impl Scene {
    /// Two merchants, one of them with invoices on payment, and some companies.
    pub async fn start(environment: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: Vec<(String, String)> = environment.iter().map(own).collect();
        let folder = tempfile::Builder::new().prefix("piaolian-faults-").tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let mut town = Town::beside(folder, &database);
        town.place(&database, "");
        let mut scene = Self {
            parties: Arc::new(Parties {
                platform: Arc::clone(&town.platform),
                merchant: Merchant::default(),
                billed: Merchant::default(),
                companies: Vec::new(),
            }),
            town,
            history: Arc::default(),
            unheard: 0,
            longest: Duration::ZERO,
            environment,
        };
        scene.restart(&[]).await;
        let merchant = scene.town.register(1).await;
        let billed = scene.town.register_as(2, &scene.town.registration_billed(2, true)).await;
        let mut companies = Vec::new();
        for nth in 0..COMPANIES {
            companies.push(Company::admit(&scene.town, nth).await);
        }
        let platform = Arc::clone(&scene.town.platform);
        scene.parties = Arc::new(Parties { platform, merchant, billed, companies });
        scene.history = Arc::new(History::after(&scene.ledger()));
        scene
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::read(&self.town.database)
    }

    /// Somebody who asks.
    pub fn caller(&self) -> Caller {
        Caller {
            client: self.town.client.clone(),
            base: self.town.base(0),
            parties: Arc::clone(&self.parties),
            history: Arc::clone(&self.history),
        }
    }

    /// Starts the process, which does not run, and waits for its first answer; `more` is for this start only.
    pub async fn restart(&mut self, more: &[(&str, &str)]) {
        let environment: Vec<(&str, &str)> = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(more.iter().copied())
            .collect();
        let started = Instant::now();
        self.town.start_in(0, &environment);
        self.town.ready(0).await;
        let took = started.elapsed();
        assert!(took < BACK_WITHIN, "{took:?} from the restart to the first answer");
        self.longest = self.longest.max(took);
        self.unheard += self.history.done_unheard(&self.ledger());
    }

    /// Asks again for everything that nobody knows about, at once, until it is known.
    pub async fn settle(&self) {
        let caller = self.caller();
        let unsettled = self.history.unsettled();
        let again = unsettled.iter().map(|operation| caller.insist(operation));
        stream::iter(again).buffer_unordered(8).collect::<Vec<_>>().await;
    }

    /// Audits the ledger while it is served, and holds the history against it.
    pub fn check(&self) -> Report {
        self.town.audit();
        let report = self.history.check(&self.ledger());
        report.holds();
        report
    }

    /// Waits until the outbox is empty, with nothing given up, and every payment of an order has its invoice.
    pub async fn delivered(&self) {
        let until = Instant::now() + DELIVERED_WITHIN;
        loop {
            let ready = self.town.ask(0, &Ask::get("/readyz")).await.json();
            assert_eq!(ready["outbox_dead"], 0, "given up: {ready}");
            if ready["outbox_pending"] == 0 {
                break;
            }
            assert!(Instant::now() < until, "items are stuck in the outbox: {ready}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ledger = self.ledger();
        let (names, billed) = (ledger.by_name(), ledger.billed());
        for attempt in self.history.attempts() {
            if let Operation::Pay(pay) = &*attempt.operation
                && pay.billed
                && names.contains_key(pay.transaction.as_str())
            {
                assert!(billed.contains(pay.transaction.as_str()), "no invoice came of {pay:?}");
            }
        }
    }
}
