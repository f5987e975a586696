//! A merchant's standing: suspended and resumed, its issuer key replaced and revoked.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, Caller, KeyedJson, Query, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{
    IssuerRotatedReply, IssuerRotationQuery, IssuerRotationReply, ReasonRequest, RecordedReply, RevokeIssuerRequest,
    RotateIssuerRequest,
};
use super::{missing, recorded_reply};
use crate::base::ids::MerchantId;
use crate::base::{Code, Fault};
use crate::ledger::command::{RevokeIssuerBody, RotateIssuerBody, StandingBody};
use crate::ledger::entry::Entry;
use crate::sequencer::desk::{OwnKey, RotationAsked};
use crate::store::Role;

/// Take a merchant's right to issue (bureau). It can still reverse what it has issued.
#[utoipa::path(
    post, path = "/v1/merchants/{id}/suspension", tag = "merchants", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "M and eight digits"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")
    ),
    request_body = ReasonRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "It is suspended already", body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 415, body = ProblemReply), (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn suspend_merchant(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<ReasonRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let body = StandingBody { merchant: path_id(&path, "id")?, reason: body.reason };
    Ok(recorded_reply(state.desk.suspend_merchant(key, body).await?))
}

/// Give a suspended merchant its right to issue back (bureau).
#[utoipa::path(
    post, path = "/v1/merchants/{id}/resumption", tag = "merchants", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "M and eight digits"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")
    ),
    request_body = ReasonRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "It is not suspended", body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 415, body = ProblemReply), (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn resume_merchant(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<ReasonRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let body = StandingBody { merchant: path_id(&path, "id")?, reason: body.reason };
    Ok(recorded_reply(state.desk.resume_merchant(key, body).await?))
}

/// A merchant as this caller may speak for it: its own, or any one by the bureau. Others' are answered like those that are not there.
fn spoken_for(caller: &Caller, path: &str) -> Result<(MerchantId, bool), Problem> {
    caller.require(&[Role::Merchant, Role::Bureau])?;
    let id: MerchantId = path_id(path, "id")?;
    match caller.may_see(&id) {
        true => Ok((id, caller.role() == Role::Bureau)),
        false => Err(missing("merchant")),
    }
}

/// Replace a merchant's issuer key (merchant; bureau once the key is revoked). `{}` for a merchant whose key is in custody: the service
/// makes a new one and signs with both. A merchant with its own key names the new one, signed with both. Earlier invoices stay valid;
/// drafts that the old key signed are refused from this entry on.
#[utoipa::path(
    post, path = "/v1/merchants/{id}/issuer", tag = "merchants", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "M and eight digits"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")
    ),
    request_body = RotateIssuerRequest,
    responses(
        (status = 201, body = IssuerRotatedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "The key is revoked, or the new one was used before", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn rotate_issuer(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<RotateIssuerRequest>>,
) -> Result<HttpResponse, Problem> {
    let (merchant, by_bureau) = spoken_for(&caller, &path)?;
    let RotateIssuerRequest { new, old_signature, new_signature } = body;
    let needed =
        |path: &str| Fault::new(Code::HttpShapeWrong, path, "a new key comes with its signature, and both or none");
    let own = match (new, new_signature) {
        (Some(new), Some(new_signature)) => Some(OwnKey { new, old_signature, new_signature }),
        (Some(_), None) => return Err(needed("new_signature").into()),
        (None, Some(_)) => return Err(needed("new").into()),
        (None, None) if old_signature.is_some() => return Err(needed("new").into()),
        (None, None) => None,
    };
    let recorded = state.desk.rotate_issuer(RotationAsked { key, merchant, by_bureau, own }).await?;
    let body: RotateIssuerBody = Entry::parse(&recorded.receipt.entry)?.body_as()?;
    Ok(HttpResponse::Created().json(IssuerRotatedReply {
        entry: recorded.receipt.index,
        block: recorded.height,
        issuer: body.new.to_eip55(),
        receipt: recorded.receipt,
    }))
}

/// The text that the old and the new key of a rotation sign (merchant; bureau).
#[utoipa::path(
    get, path = "/v1/merchants/{id}/issuer-rotation", tag = "merchants", security(("api_key" = [])),
    params(("id" = String, Path, description = "M and eight digits"), IssuerRotationQuery),
    responses(
        (status = 200, body = IssuerRotationReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 422, description = "It is the old key", body = ProblemReply)
    )
)]
pub async fn get_issuer_rotation(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, Query(query)): Behind<Query<IssuerRotationQuery>>,
) -> Result<HttpResponse, Problem> {
    let (merchant, _) = spoken_for(&caller, &path)?;
    let text = state.desk.rotation_text(merchant, query.new).await?;
    Ok(HttpResponse::Ok().json(IssuerRotationReply::from(text)))
}

/// Revoke a merchant's issuer key (bureau), for example when it was stolen: nothing that it signs counts from this entry on. The bureau
/// then installs another one.
#[utoipa::path(
    post, path = "/v1/merchants/{id}/issuer/revocation", tag = "merchants", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "M and eight digits"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")
    ),
    request_body = RevokeIssuerRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "Another key signs by now, or it is revoked already", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn revoke_issuer(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<RevokeIssuerRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let RevokeIssuerRequest { issuer, reason } = body;
    let body = RevokeIssuerBody { merchant: path_id(&path, "id")?, issuer, reason };
    Ok(recorded_reply(state.desk.revoke_issuer(key, body).await?))
}
