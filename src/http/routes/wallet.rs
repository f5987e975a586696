//! Claim links, and the open doors for whoever has one: claim, hand over, discard.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Caller, KeyedJson, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{ClaimLinkReply, ClaimRequest, DiscardRequest, HandOverRequest, RecordedReply};
use super::{missing, recorded_reply};
use crate::base::{Fault, Faults};
use crate::ledger::command::{DiscardBody, HandOverBody};
use crate::render::{self, ClaimPage};
use crate::sequencer::desk::{ClaimAsked, ClaimLink};

fn link_reply(state: &HttpState, link: &ClaimLink) -> HttpResponse {
    let (name, value) = link.claimable.in_query();
    let token = link.token.expose().clone();
    let url = format!("{}/claim?{name}={value}&token={token}", state.public_url);
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(ClaimLinkReply { url, token })
}

/// The claim link of an invoice (merchant). Give it to the payer and nobody else: whoever has it can claim, once.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/claim-link", tag = "wallet", security(("api_key" = [])),
    params(("id" = String, Path, description = "<code>-<number>")),
    responses(
        (status = 200, body = ClaimLinkReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply), (status = 422, body = ProblemReply)
    )
)]
pub async fn get_claim_link(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let merchant = caller.merchant()?;
    let link = state.desk.claim_link(&merchant, path_id(&path, "id")?).await?;
    Ok(link_reply(&state, &link.ok_or_else(|| missing("invoice"))?))
}

/// The claim link of a payment (merchant): for every invoice of it, also one that is not there yet, so that it can be shown when the
/// payment is made.
#[utoipa::path(
    get, path = "/v1/payments/{provider}/{transaction}/claim-link", tag = "wallet", security(("api_key" = [])),
    params(("provider" = String, Path), ("transaction" = String, Path)),
    responses(
        (status = 200, body = ClaimLinkReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_payment_claim_link(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let merchant = caller.merchant()?;
    let (provider, transaction) = (path_id(&path.0, "provider")?, path_id(&path.1, "transaction")?);
    let link = state.desk.claim_link_of_payment(&merchant, provider, transaction).await?;
    Ok(link_reply(&state, &link.ok_or_else(|| missing("payment"))?))
}

/// Claim an invoice (no API key: whoever has the token). It works once; a wrong token and an invoice that is not there are answered alike.
#[utoipa::path(
    post, path = "/v1/claims", tag = "wallet",
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")),
    request_body = ClaimRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 403, body = ProblemReply),
        (status = 409, body = ProblemReply), (status = 413, body = ProblemReply), (status = 415, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn claim_invoice(
    state: web::Data<HttpState>,
    KeyedJson(key, body): KeyedJson<ClaimRequest>,
) -> Result<HttpResponse, Problem> {
    let ClaimRequest { invoice, token, holder } = body;
    let asked = ClaimAsked { invoice, token: token.0, holder: holder.commitment() };
    Ok(recorded_reply(state.desk.claim(key, asked).await?))
}

/// Pass a claimed invoice on (no API key: whoever has it in the wallet). The new holder makes its commitment itself.
#[utoipa::path(
    post, path = "/v1/claims/hand-over", tag = "wallet",
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")),
    request_body = HandOverRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply),
        (status = 409, description = "Not in your wallet, or held by somebody", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn hand_over_invoice(
    state: web::Data<HttpState>,
    KeyedJson(key, body): KeyedJson<HandOverRequest>,
) -> Result<HttpResponse, Problem> {
    let HandOverRequest { invoice, holder, to } = body;
    let body = HandOverBody { invoice, holder: holder.commitment(), to: to.commitment };
    let in_to =
        |fault: Fault| if fault.path == "to" { Fault { path: "to.commitment".to_owned(), ..fault } } else { fault };
    let recorded = state.desk.hand_over(key, body).await;
    Ok(recorded_reply(recorded.map_err(|faults| Faults(faults.0.into_iter().map(in_to).collect()))?))
}

/// Throw a claimed invoice away (no API key: whoever has it in the wallet). That is final; the invoice stays valid.
#[utoipa::path(
    post, path = "/v1/claims/discard", tag = "wallet",
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")),
    request_body = DiscardRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply),
        (status = 409, description = "Not in your wallet, or held by somebody", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn discard_invoice(
    state: web::Data<HttpState>,
    KeyedJson(key, body): KeyedJson<DiscardRequest>,
) -> Result<HttpResponse, Problem> {
    let DiscardRequest { invoice, holder } = body;
    let body = DiscardBody { invoice, holder: holder.commitment() };
    Ok(recorded_reply(state.desk.discard(key, body).await?))
}

/// Where a claim link leads in a browser: how to claim. The same page whatever the link says, so that it tells nothing.
#[utoipa::path(
    get, path = "/claim", tag = "wallet",
    responses((status = 200, description = "An HTML page", content_type = "text/html", body = String))
)]
pub async fn claim_page(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    let chain = state.desk.chain();
    let page = render::claim_page(&ClaimPage { chain: chain.to_string(), sandbox: chain.is_sandbox() })?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(page))
}
