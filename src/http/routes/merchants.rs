//! Merchants and issuing rules.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::HttpState;
use super::super::extract::{Behind, Caller, KeyedJson, Query, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{
    MerchantReply, RecordedReply, RegisterMerchantRequest, RegisteredReply, RulesReply, SetRulesRequest,
};
use super::{missing, page_items};
use crate::base::ids::MerchantId;
use crate::base::{Code, Fault, Faults};
use crate::invoice::Seller;
use crate::ledger::command::RulesBody;
use crate::ledger::entry::Entry;
use crate::ledger::record::RulesScope;
use crate::ledger::state::Reader as _;
use crate::sequencer::desk::{CustodyAsked, RegisterAsked};
use crate::store::Role;

/// Register a merchant (bureau).
#[utoipa::path(
    post, path = "/v1/merchants", tag = "merchants", security(("api_key" = [])),
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")),
    request_body = RegisterMerchantRequest,
    responses(
        (status = 201, body = RegisteredReply), (status = 400, body = ProblemReply), (status = 415, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn register_merchant(
    state: web::Data<HttpState>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<RegisterMerchantRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let RegisterMerchantRequest { name, taxpayer_id, address_phone, bank_account, mchid, issue_on_payment, issuer } =
        body;
    let asked = RegisterAsked {
        seller: Seller { name, taxpayer_id, address_phone, bank_account },
        mchid,
        issue_on_payment,
        custody: issuer.map_or(CustodyAsked::Kingdee, CustodyAsked::Own),
    };
    let recorded = state.desk.register_merchant(key, asked).await?;
    let id = Entry::parse(&recorded.receipt.entry)?.merchant;
    let id = id.ok_or_else(|| Fault::new(Code::Internal, "", "an entry without its merchant"))?;
    let found = state.desk.store().read(move |reader| Ok::<_, Faults>(reader.merchant(&id)?)).await;
    // It is registered: whatever keeps it from being read now, "nothing was done" would be a lie.
    let merchant = found.map_err(|faults| {
        tracing::warn!(%faults, "a registered merchant could not be read");
        let message = "it is registered, but can't be read now; ask again with the same idempotency key";
        Fault::new(Code::SeqOutcomeUnknown, "", message)
    })?;
    let merchant = merchant.ok_or_else(|| Fault::new(Code::Internal, "", "a sealed merchant is missing"))?;
    Ok(HttpResponse::Created().json(RegisteredReply { merchant: merchant.into(), receipt: recorded.receipt }))
}

/// Page of `GET /v1/merchants`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMerchantsQuery {
    /// Continue after this merchant id.
    #[param(value_type = Option<String>)]
    after: Option<MerchantId>,
    /// Items on the page, 1 to 200; 50 if left out.
    limit: Option<usize>,
}

/// List merchants in order of registration; a merchant sees itself.
#[utoipa::path(
    get, path = "/v1/merchants", tag = "merchants", security(("api_key" = [])), params(ListMerchantsQuery),
    responses((status = 200, body = Vec<MerchantReply>), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply))
)]
pub async fn list_merchants(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<ListMerchantsQuery>>,
) -> Result<HttpResponse, Problem> {
    let items = page_items(query.limit)?;
    let own = caller.scope(None)?;
    let found = state
        .desk
        .store()
        .view(move |reader| match own {
            Some(own) => Ok::<_, Faults>(reader.merchant(&own)?.into_iter().collect()),
            None => Ok(reader.merchants(query.after.as_ref(), items)?),
        })
        .await?;
    Ok(HttpResponse::Ok().json(found.into_iter().map(MerchantReply::from).collect::<Vec<_>>()))
}

/// One merchant.
#[utoipa::path(
    get, path = "/v1/merchants/{id}", tag = "merchants", security(("api_key" = [])),
    params(("id" = String, Path, description = "M and eight digits")),
    responses(
        (status = 200, body = MerchantReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn get_merchant(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: MerchantId = path_id(&path, "id")?;
    let found = state.desk.store().view(move |reader| Ok::<_, Faults>(reader.merchant(&id)?)).await?;
    let merchant = found.filter(|merchant| caller.may_see(&merchant.id)).ok_or_else(|| missing("merchant"))?;
    Ok(HttpResponse::Ok().json(MerchantReply::from(merchant)))
}

/// Set the issuing rules of a scope: `*` or a merchant's id (bureau).
#[utoipa::path(
    put, path = "/v1/rules/{scope}", tag = "merchants", security(("api_key" = [])),
    params(
        ("scope" = String, Path, description = "* for all merchants without rules of their own, or a merchant's id"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")
    ),
    request_body = SetRulesRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 415, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn set_rules(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<SetRulesRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let scope = RulesScope::try_from(path.into_inner())
        .map_err(|fault| Fault::new(Code::HttpQueryMalformed, "scope", fault.message))?;
    let in_rules =
        |fault: Fault| if matches!(fault.path.as_str(), "" | "scope") { fault } else { fault.under("rules") };
    let set = state.desk.set_rules(key, RulesBody { scope, rules: body.rules, from: None }).await;
    let recorded = set.map_err(|faults| Faults(faults.0.into_iter().map(in_rules).collect()))?;
    Ok(HttpResponse::Created().json(RecordedReply {
        entry: recorded.receipt.index,
        block: recorded.height,
        receipt: recorded.receipt,
    }))
}

/// All issuing rules in force. They are public among the users of the chain.
#[utoipa::path(
    get, path = "/v1/rules", tag = "merchants", security(("api_key" = [])),
    responses((status = 200, body = Vec<RulesReply>), (status = 401, body = ProblemReply))
)]
pub async fn list_rules(state: web::Data<HttpState>, caller: Caller) -> Result<HttpResponse, Problem> {
    let found = state.desk.store().view(|reader| Ok::<_, Faults>(reader.all_rules()?)).await?;
    let visible = found.into_iter().filter(|rules| match &rules.scope {
        RulesScope::All => true,
        RulesScope::Merchant(id) => caller.may_see(id),
    });
    Ok(HttpResponse::Ok().json(visible.map(RulesReply::from).collect::<Vec<_>>()))
}
