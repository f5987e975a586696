//! Floor 5: routes, wire types and the way from an error to a status.
//!
//! Promise: a handler extracts, calls one desk or one read, and answers. A caller's mistake is never a 5xx; every problem carries
//! a stable code, where it can a JSON path, and the request id that is in the log.
//!
//! Of several processes on one database, each answers reads; commands go to the one that leads (`forward`).
//!
//! *Invariant:* no rules and no SQL here.

mod checkpoint_header;
mod extract;
mod forward;
pub mod openapi;
mod problem;
mod routes;
mod trace;
pub mod wire;

use std::sync::{Arc, OnceLock};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, web};
use prometheus::Registry;

use crate::base::Fault;
use crate::chain::hash::keccak256;
use crate::render::{EDITION, Press};
use crate::sequencer::Leadership;
use crate::sequencer::desk::Desk;

pub use trace::HttpMetrics;

/// What the handlers share.
pub struct HttpState {
    /// The desks.
    pub desk: Arc<Desk>,
    /// Whether this process leads, or which one does.
    pub leadership: Leadership,
    /// Where this service can be reached from outside, without a slash at the end; stands in QR codes.
    pub public_url: String,
    /// All metrics of the process.
    pub registry: Registry,
    /// Counters of this room.
    pub metrics: HttpMetrics,
    press: OnceLock<Result<Arc<Press>, Fault>>,
    edition: String,
    client: OnceLock<Result<forward::Client, Fault>>,
}

impl HttpState {
    /// State over the desks.
    ///
    /// # Errors
    /// [`crate::base::Code::Internal`] when a metric's name is taken.
    pub fn new(desk: Arc<Desk>, leadership: Leadership, public_url: String, registry: Registry) -> Result<Self, Fault> {
        let metrics = HttpMetrics::register(&registry)?;
        let (press, client) = (OnceLock::new(), OnceLock::new());
        let edition = keccak256(&format!("{EDITION} {public_url}")).to_string().chars().take(16).collect();
        Ok(Self { desk, leadership, public_url, registry, metrics, press, edition, client })
    }

    /// The press, set up when first needed: a service that prints nothing need not pay for it.
    fn press(&self) -> Result<Arc<Press>, Fault> {
        self.press.get_or_init(|| Press::set_up().map(Arc::new)).clone()
    }

    /// Names all that a document's bytes follow from besides its receipt: the edition of the renderings, and the public address, which
    /// stands in the QR code.
    fn edition(&self) -> &str {
        &self.edition
    }
}

/// The application: the same for the program and for tests.
pub fn create_app(
    state: web::Data<HttpState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        // The last one wraps the others.
        .wrap(actix_web::middleware::from_fn(checkpoint_header::stamp))
        .wrap(actix_web::middleware::from_fn(forward::to_leader))
        .wrap(actix_web::middleware::from_fn(trace::observe))
        .configure(routes::configure)
        .default_service(web::to(routes::not_found))
}
