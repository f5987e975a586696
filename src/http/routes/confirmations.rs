//! Confirmation sheets of red letters: opened and answered by the seller or the buyer's side.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, BehindMaybe, Caller, KeyedJson, Query, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{
    AnswerConfirmationRequest, ConfirmationOpenedReply, ConfirmationQuery, ConfirmationReply, ConfirmationsReply,
    ListConfirmationsQuery, OpenConfirmationRequest, Proof, RecordedReply,
};
use super::{cut_page, missing, named_merchant, number_in, page_items, recorded_reply};
use crate::base::{Code, Fault, Faults};
use crate::invoice::reversal::ReversalAsked;
use crate::ledger::command::{AnswerConfirmationBody, OpenConfirmationBody, Side};
use crate::sequencer::desk::Viewer;
use crate::store::{ConfirmationFilter, Role};

/// Who speaks: the merchant whose key it is, the company that holds the invoice, or without a key whoever has it in the wallet.
fn side_of(caller: Option<&Caller>, proof: Proof) -> Result<Side, Problem> {
    let Proof { salt, fence, holder } = proof;
    let beside =
        |path: &str| Fault::new(Code::HttpShapeWrong, path, "this does not go with this API key, or without one");
    let needed = |path: &str| Fault::new(Code::HttpShapeWrong, path, "this is needed here");
    match (caller.map(Caller::role), salt, holder) {
        (Some(Role::Merchant), None, None) if fence.is_none() => {
            Ok(Side::Seller { merchant: caller.ok_or_else(|| needed("holder"))?.merchant()? })
        }
        (Some(Role::Merchant), None, None) => Err(beside("fence").into()),
        (Some(Role::Company), Some(salt), None) => {
            let company = caller.ok_or_else(|| needed("holder"))?.company()?;
            Ok(Side::Buyer { holder: salt.commit(&company), fence })
        }
        (Some(Role::Company), None, None) => Err(needed("salt").into()),
        (None, None, Some(holder)) if fence.is_none() => Ok(Side::Buyer { holder: holder.commitment(), fence: None }),
        (None, None, Some(_)) => Err(beside("fence").into()),
        (None, None, None) => Err(needed("holder").into()),
        (Some(Role::Merchant) | None, Some(_), _) => Err(beside("salt").into()),
        (Some(Role::Merchant | Role::Company), _, Some(_)) => Err(beside("holder").into()),
        (Some(Role::Bureau | Role::Auditor), _, _) => {
            let message = "the seller and the buyer's side speak on a sheet, nobody else";
            Err(Fault::new(Code::HttpRoleForbidden, "", message).into())
        }
    }
}

/// Where a fault about who speaks stands in the request.
fn in_request(by: &Side) -> impl Fn(Faults) -> Problem + use<> {
    let proof = match by {
        Side::Seller { .. } => "",
        Side::Buyer { fence: Some(_), .. } => "fence",
        Side::Buyer { fence: None, .. } => "holder",
    };
    move |faults| {
        let placed = faults.0.into_iter().map(|mut fault| {
            if fault.path == "by" || fault.path == "holder" {
                fault.path = proof.to_owned();
            } else if fault.path == "by.fence" {
                fault.path = "fence".to_owned();
            }
            fault
        });
        Faults(placed.collect()).into()
    }
}

/// Open a confirmation sheet for a red letter: the seller with its API key; the company that holds the invoice with its key, salt and
/// fence; whoever has the invoice in the wallet without a key, with `holder`. The other side has 72 hours to answer. A seller whose
/// invoice nobody holds gets a sheet that needs no answer.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/confirmations", tag = "reversals", security((), ("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number> of the blue invoice"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")
    ),
    request_body = OpenConfirmationRequest,
    responses(
        (status = 201, body = ConfirmationOpenedReply), (status = 400, body = ProblemReply),
        (status = 401, body = ProblemReply), (status = 403, body = ProblemReply),
        (status = 404, description = "No such invoice, or not yours to speak about", body = ProblemReply),
        (status = 409, body = ProblemReply), (status = 413, body = ProblemReply), (status = 415, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn open_confirmation(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    BehindMaybe(caller, KeyedJson(key, body)): BehindMaybe<KeyedJson<OpenConfirmationRequest>>,
) -> Result<HttpResponse, Problem> {
    let invoice = path_id(&path, "id")?;
    let OpenConfirmationRequest { reason, lines, salt, fence, holder } = body;
    let by = side_of(caller.as_ref(), Proof { salt, fence, holder })?;
    if caller.is_some_and(|caller| caller.role() == Role::Company) && fence.is_none() {
        return Err(Fault::new(Code::HttpShapeWrong, "fence", "the fence of the hold is needed here").into());
    }
    let placed = in_request(&by);
    let body = OpenConfirmationBody { invoice, by, asked: ReversalAsked { reason, lines } };
    let recorded = state.desk.open_confirmation(key, body).await.map_err(placed)?;
    let entry = recorded.receipt.index;
    Ok(HttpResponse::Created().json(ConfirmationOpenedReply {
        confirmation: entry,
        entry,
        block: recorded.height,
        receipt: recorded.receipt,
    }))
}

/// Answer a confirmation sheet: the other side agrees or refuses, who opened it withdraws. Who answers proves itself as in opening one.
#[utoipa::path(
    post, path = "/v1/confirmations/{entry}/answers", tag = "reversals", security((), ("api_key" = [])),
    params(
        ("entry" = u64, Path, description = "The sheet's number: the entry that opened it"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")
    ),
    request_body = AnswerConfirmationRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply),
        (status = 404, description = "No such sheet, or not yours to answer", body = ProblemReply),
        (status = 409, body = ProblemReply), (status = 413, body = ProblemReply), (status = 415, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn answer_confirmation(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    BehindMaybe(caller, KeyedJson(key, body)): BehindMaybe<KeyedJson<AnswerConfirmationRequest>>,
) -> Result<HttpResponse, Problem> {
    let confirmation = number_in(&path, "entry")?;
    let AnswerConfirmationRequest { action, salt, fence, holder } = body;
    let by = side_of(caller.as_ref(), Proof { salt, fence, holder })?;
    let placed = in_request(&by);
    let body = AnswerConfirmationBody { confirmation, action, by };
    Ok(recorded_reply(state.desk.answer_confirmation(key, body).await.map_err(placed)?))
}

/// One confirmation sheet as it stands now: for its seller, the bureau and auditors; for its buyer's side with the commitment of who has
/// spoken on it, holds the invoice or has it in the wallet, with or without a company's key.
#[utoipa::path(
    get, path = "/v1/confirmations/{entry}", tag = "reversals", security((), ("api_key" = [])),
    params(("entry" = u64, Path, description = "The sheet's number"), ConfirmationQuery),
    responses(
        (status = 200, body = ConfirmationReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn get_confirmation(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    BehindMaybe(caller, Query(query)): BehindMaybe<Query<ConfirmationQuery>>,
) -> Result<HttpResponse, Problem> {
    let entry = number_in(&path, "entry")?;
    let viewer = match (caller.as_ref().map(Caller::role), query.holder) {
        (Some(Role::Bureau | Role::Auditor), _) => Viewer::Office,
        (Some(Role::Merchant), None) => Viewer::Seller(caller.ok_or_else(|| missing("sheet"))?.merchant()?),
        (Some(Role::Merchant | Role::Company) | None, Some(holder)) => Viewer::Buyer(holder),
        (Some(Role::Company) | None, None) => {
            let message = "the commitment of the buyer's side is needed here";
            return Err(Fault::new(Code::HttpQueryMalformed, "holder", message).into());
        }
    };
    let sheet = state.desk.sheet(entry, viewer).await?.ok_or_else(|| missing("confirmation sheet"))?;
    Ok(HttpResponse::Ok().json(ConfirmationReply::from(sheet)))
}

/// List a merchant's confirmation sheets, newest first.
#[utoipa::path(
    get, path = "/v1/confirmations", tag = "reversals", security(("api_key" = [])), params(ListConfirmationsQuery),
    responses(
        (status = 200, body = ConfirmationsReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply)
    )
)]
pub async fn list_confirmations(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<ListConfirmationsQuery>>,
) -> Result<HttpResponse, Problem> {
    let ListConfirmationsQuery { merchant, before, limit } = query;
    let items = page_items(limit)?;
    let merchant = named_merchant(&caller, merchant)?;
    let filter = ConfirmationFilter { merchant, before, limit: items.saturating_add(1) };
    let (found, next) = cut_page(state.desk.sheets(filter).await?, items, |sheet| sheet.sheet.entry);
    let confirmations = found.into_iter().map(ConfirmationReply::from).collect();
    Ok(HttpResponse::Ok().json(ConfirmationsReply { confirmations, next }))
}
