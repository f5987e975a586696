//! Present states, proven: public, since a proof is worth most to whoever does not trust us.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::HttpState;
use super::super::extract::{Query, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::missing;
use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::invoice::InvoiceId;

/// Query of `GET /v1/state/{id}`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StateQuery {
    /// The printed hash of the invoice, 66 hex digits: who holds an invoice in hand has it.
    hash: Option<String>,
}

/// Prove the present state of an invoice as of the newest block, or that its number was never issued. An invoice's state is shown to whoever
/// knows its printed hash; that there is none, to anybody.
#[utoipa::path(
    get, path = "/v1/state/{id}", tag = "chain",
    params(("id" = String, Path, description = "<code>-<number>"), StateQuery),
    responses(
        (status = 200, body = super::super::openapi::StateProofSchema), (status = 400, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn get_state(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    query: Query<StateQuery>,
) -> Result<HttpResponse, Problem> {
    let id: InvoiceId = path_id(&path, "id")?;
    let malformed = |fault: Fault| Fault::new(Code::HttpQueryMalformed, "hash", fault.message);
    let hash = query.0.hash.as_deref().map(Hash::parse_printed).transpose().map_err(malformed)?;
    let found = state.desk.state_proof(id, hash).await?;
    let proof = found.ok_or_else(|| missing("invoice of this hash"))?.to_json()?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).content_type("application/json").body(proof))
}
