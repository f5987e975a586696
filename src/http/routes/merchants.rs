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
use super::{missing, page_items, recorded_reply};
use crate::base::ids::MerchantId;
use crate::base::{Code, Fault, Faults};
use crate::invoice::Seller;
use crate::ledger::command::{MerchantBody, RulesBody};
use crate::ledger::entry::Entry;
use crate::ledger::record::{Merchant, RulesScope};
use crate::ledger::state::Reader as _;
use crate::sequencer::desk::{CustodyAsked, Recorded, RegisterAsked};
use crate::store::{Reader, Role};

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
    Ok(HttpResponse::Created().json(RegisteredReply { merchant: registered(&recorded)?, receipt: recorded.receipt }))
}

/// The merchant as its entry registered it, whatever became of it since: asking again gives the same answer.
fn registered(recorded: &Recorded) -> Result<MerchantReply, Fault> {
    let entry = Entry::parse(&recorded.receipt.entry)?;
    let MerchantBody { seller, mchid, issuer, issue_on_payment } = entry.body_as()?;
    let id = entry.merchant.ok_or_else(|| Fault::new(Code::Internal, "", "an entry without its merchant"))?;
    let (suspended, issuer_revoked) = (None, None);
    let merchant =
        Merchant { id, seller, mchid, issuer, issue_on_payment, suspended, issuer_revoked, entry: entry.index };
    Ok(merchant.into())
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
    responses(
        (status = 200, body = Vec<MerchantReply>), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply)
    )
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
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "The height is past", body = ProblemReply), (status = 413, body = ProblemReply),
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
    let beside = |fault: &Fault| matches!(fault.path.as_str(), "" | "scope" | "from");
    let in_rules = |fault: Fault| if beside(&fault) { fault } else { fault.under("rules") };
    let set = state.desk.set_rules(key, RulesBody { scope, rules: body.rules, from: body.from }).await;
    let recorded = set.map_err(|faults| Faults(faults.0.into_iter().map(in_rules).collect()))?;
    Ok(recorded_reply(recorded))
}

/// All issuing rules that are in force or announced. They are public among the users of the chain.
#[utoipa::path(
    get, path = "/v1/rules", tag = "merchants", security(("api_key" = [])),
    responses((status = 200, body = Vec<RulesReply>), (status = 401, body = ProblemReply))
)]
pub async fn list_rules(state: web::Data<HttpState>, caller: Caller) -> Result<HttpResponse, Problem> {
    let read = |reader: &mut Reader<'_>| Ok::<_, Faults>((reader.checkpoint()?, reader.all_rules()?));
    let (tip, found) = state.desk.store().view(read).await?;
    let visible = found.into_iter().filter(|rules| match &rules.scope {
        RulesScope::All => true,
        RulesScope::Merchant(id) => caller.may_see(id),
    });
    let next = tip.map_or(0, |block| block.height.saturating_add(1));
    Ok(HttpResponse::Ok().json(RulesReply::at(visible.collect(), next)))
}
