//! Red letters.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Json, KeyedJson, Query, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{
    CheckedReply, IssuedReply, ListReversalsQuery, ReversalDraftRequest, ReversalsReply, ReverseRequest,
};
use super::invoices::{checked_reply, reply_of};
use super::{cut_page, missing, page_items};
use crate::invoice::InvoiceId;
use crate::invoice::reversal::ReversalAsked;
use crate::sequencer::desk::{RedPage, ReverseAsked};

/// Reverse an invoice, wholly or in part (merchant): the red letter is an invoice with a number of its own, below zero. What is taken back
/// is free to be invoiced again. Where somebody holds the invoice, a confirmation sheet comes first.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/reversals", tag = "reversals", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number> of the blue invoice"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")
    ),
    request_body = ReverseRequest,
    responses(
        (status = 201, body = IssuedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "Nothing, or not so much, is left; or its holder must agree first", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 429, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn reverse_invoice(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<ReverseRequest>>,
) -> Result<HttpResponse, Problem> {
    let (merchant, invoice) = (caller.merchant()?, path_id(&path, "id")?);
    let ReverseRequest { reason, lines, confirmation, signature } = body;
    let asked = ReversalAsked { reason, lines };
    let asked = ReverseAsked { merchant, key, invoice, asked, confirmation, signature };
    let recorded = state.desk.reverse(asked).await?;
    let invoice = reply_of(&recorded.receipt.entry, &recorded.leaf, recorded.height, &state.public_url)?;
    Ok(HttpResponse::Created().json(IssuedReply { invoice, receipt: recorded.receipt, warnings: Vec::new() }))
}

/// What a reversal would be now, without recording it (merchant): the text that a merchant with its own key signs. It stays the same as
/// long as no other red letter of the invoice comes between.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/reversal-draft", tag = "reversals", security(("api_key" = [])),
    params(("id" = String, Path, description = "<code>-<number> of the blue invoice")),
    request_body = ReversalDraftRequest,
    responses(
        (status = 200, body = CheckedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply), (status = 409, body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn preview_reversal(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, Json(body)): Behind<Json<ReversalDraftRequest>>,
) -> Result<HttpResponse, Problem> {
    let (merchant, invoice) = (caller.merchant()?, path_id(&path, "id")?);
    checked_reply(state.desk.preview_reversal(&merchant, invoice, body.into()).await?)
}

/// What has been taken back of an invoice: per line, per tax rate and in all, and a page of its red letters, oldest first.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/reversals", tag = "reversals", security(("api_key" = [])),
    params(("id" = String, Path, description = "<code>-<number> of the blue invoice"), ListReversalsQuery),
    responses(
        (status = 200, body = ReversalsReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, body = ProblemReply), (status = 422, description = "It is a red letter itself", body = ProblemReply)
    )
)]
pub async fn list_reversals(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, Query(query)): Behind<Query<ListReversalsQuery>>,
) -> Result<HttpResponse, Problem> {
    let (id, items) = (path_id::<InvoiceId>(&path, "id")?, page_items(query.limit)?);
    let page = RedPage { after: query.after, limit: items.saturating_add(1) };
    let may_see = move |merchant: &_| Caller::may_see(&caller, merchant);
    let mut found = state.desk.reversals(id, page, may_see).await?.ok_or_else(|| missing("invoice"))?;
    let (red, next) = cut_page(found.red, items, |invoice| invoice.entry);
    found.red = red;
    Ok(HttpResponse::Ok().json(ReversalsReply::of(found, next)?))
}
