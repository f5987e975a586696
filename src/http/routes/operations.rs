//! Health, readiness, metrics, documents and the first page.

use std::sync::Arc;

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use prometheus::TextEncoder;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::HttpState;
use super::super::problem::{Problem, ProblemReply};
use crate::base::{Code, Fault, Faults};
use crate::chain::header::Header;
use crate::render::{self, IndexPage};
use crate::sequencer::Role;
use crate::store::Reader;

/// Answer of `/healthz` and `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthReply {
    /// `ok`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// Height of the newest sealed block, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    /// `leading`: this process sequences; `following`: another one does, and commands are forwarded to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Where the leader is reached, while this process follows one that it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
    /// Outbox items that wait for delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    outbox_pending: Option<i64>,
    /// Outbox items that were given up: somebody must look.
    #[serde(skip_serializing_if = "Option::is_none")]
    outbox_dead: Option<i64>,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = HealthReply)))]
pub async fn health() -> HttpResponse {
    HttpResponse::Ok().json(HealthReply {
        status: "ok",
        version: VERSION,
        height: None,
        role: None,
        leader: None,
        outbox_pending: None,
        outbox_dead: None,
    })
}

/// The service can take commands: the database answers and is the one that was written last, the queue has room, the clock is right.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, body = HealthReply), (status = 503, body = ProblemReply))
)]
pub async fn ready(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    if state.desk.room() == 0 {
        return Err(Fault::new(
            Code::SeqBusy,
            "",
            "no command can be taken: the queue is full or the sequencer has ended",
        )
        .into());
    }
    let desk = state.leadership.is_leading().then(|| Arc::clone(&state.desk));
    let read = move |reader: &mut Reader<'_>| {
        // A process that follows forwards commands: whether they can be taken is the leader's to say.
        let trouble = desk.map_or(Ok(None), |desk| desk.trouble(reader))?;
        Ok::<_, Faults>((trouble, reader.checkpoint()?, reader.outbox_counts()?))
    };
    let (trouble, block, (pending, dead)) = state.desk.store().read(read).await?;
    if let Some(fault) = trouble {
        return Err(fault.into());
    }
    let (role, leader) = match state.leadership.role() {
        Role::Leading { .. } => ("leading", None),
        Role::Following { address } => ("following", address),
    };
    Ok(HttpResponse::Ok().json(HealthReply {
        status: "ok",
        version: VERSION,
        height: block.map(|block| block.height),
        role: Some(role),
        leader,
        outbox_pending: Some(pending),
        outbox_dead: Some(dead),
    }))
}

/// Counters for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, content_type = "text/plain", body = String))
)]
pub async fn metrics(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    let text = TextEncoder::new()
        .encode_to_string(&state.registry.gather())
        .map_err(|e| Fault::new(Code::Internal, "", format!("metrics: {e}")))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

/// All problem codes with their meanings, as plain text.
pub async fn problems() -> HttpResponse {
    let lines = Code::ALL.iter().map(|code| format!("{code}\n    {}\n", code.meaning())).collect::<String>();
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(lines)
}

/// `/docs` without the slash.
pub async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// The first page.
pub async fn index(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    let block = state.desk.store().view(|reader| reader.checkpoint()).await?;
    let time = block.as_ref().and_then(|block| Header::from_text(&block.header).ok()).map(|header| header.time);
    let chain = state.desk.chain();
    let page = render::index_page(&IndexPage {
        chain: chain.to_string(),
        sandbox: chain.is_sandbox(),
        version: VERSION.to_owned(),
        height: block.as_ref().map(|block| block.height.to_string()).unwrap_or_default(),
        entries: block.as_ref().map(|block| block.size.to_string()).unwrap_or_default(),
        time: time.map(|time| time.to_shanghai_text()).unwrap_or_default(),
        docs_path: "/docs/".to_owned(),
        form_path: "/verify".to_owned(),
        checkpoint_path: "/v1/checkpoint".to_owned(),
    })?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}
