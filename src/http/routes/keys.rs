//! API keys.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Json};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{ApiKeyReply, NewApiKeyRequest};
use crate::base::Faults;
use crate::sequencer::desk::Bearer;
use crate::store::Role;

/// Make an API key (bureau). Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "keys", security(("api_key" = [])), request_body = NewApiKeyRequest,
    responses(
        (status = 201, body = ApiKeyReply), (status = 400, body = ProblemReply), (status = 415, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn create_api_key(
    state: web::Data<HttpState>,
    Behind(caller, Json(body)): Behind<Json<NewApiKeyRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let NewApiKeyRequest { role, merchant, company, label } = body;
    let new = state.desk.new_api_key(Bearer::of(role, merchant, company)?, label).await?;
    let secret = Some(new.secret.expose().clone());
    Ok(HttpResponse::Created().json(ApiKeyReply { secret, ..ApiKeyReply::from(new.key) }))
}

/// List API keys without their secrets; a merchant sees its own.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "keys", security(("api_key" = [])),
    responses((status = 200, body = Vec<ApiKeyReply>), (status = 401, body = ProblemReply), (status = 403, body = ProblemReply))
)]
pub async fn list_api_keys(state: web::Data<HttpState>, caller: Caller) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau, Role::Merchant])?;
    let merchant = caller.scope(None)?;
    let keys = state.desk.store().read(move |reader| Ok::<_, Faults>(reader.api_keys(merchant.as_ref())?)).await?;
    Ok(HttpResponse::Ok().json(keys.into_iter().map(ApiKeyReply::from).collect::<Vec<_>>()))
}

/// Revoke an API key (bureau).
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "keys", security(("api_key" = [])),
    params(("id" = String, Path, description = "The key's public id")),
    responses(
        (status = 204), (status = 401, body = ProblemReply), (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn revoke_api_key(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    state.desk.revoke_api_key(path.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}
