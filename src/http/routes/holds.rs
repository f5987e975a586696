//! Expense claims and pledges: who holds an invoice, and how it stands.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Json, KeyedJson, Query, path_id};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{
    CommitmentReply, CommitmentRequest, EndHoldRequest, HeldReply, LifeQuery, LifeReply, LockRequest, PledgeRequest,
    RecordedReply, RenewRequest,
};
use super::{missing, number_in, recorded_reply};
use crate::base::ids::IdempotencyKey;
use crate::base::secret::constant_time_eq;
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::invoice::InvoiceId;
use crate::ledger::command::{HeldBody, PledgeBody, RenewBody};
use crate::sequencer::desk::{Document, Ending, Held, LockAsked, Recorded};
use crate::store::Role;

/// The lease of a lock that does not ask for another: 30 days, within which an expense claim is decided.
const LEASE_MS_DEFAULT: i64 = 30 * 86_400_000;

fn held_reply(held: Held) -> HttpResponse {
    let Held { recorded: Recorded { receipt, height, .. }, fence, lease_until } = held;
    HttpResponse::Created().json(HeldReply { entry: receipt.index, fence, lease_until, block: height, receipt })
}

/// Lock invoices for an expense claim (company): all of them or none. Only who has the documents can: each is named with the hash printed
/// on it, and a wrong hash is answered like a number that is not there. While the lock holds nobody else can lock, pledge or claim
/// them. The ledger knows you by keccak256(05 || salt || taxpayer id) only.
#[utoipa::path(
    post, path = "/v1/locks", tag = "holds", security(("api_key" = [])),
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")),
    request_body = LockRequest,
    responses(
        (status = 201, body = HeldReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "Somebody else holds one of them", body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 415, body = ProblemReply), (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn lock_invoices(
    state: web::Data<HttpState>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<LockRequest>>,
) -> Result<HttpResponse, Problem> {
    let company = caller.company()?;
    let LockRequest { invoices, salt, lease_ms } = body;
    let asked = LockAsked {
        documents: invoices.into_iter().map(|named| Document { id: named.id, hash: named.hash.0 }).collect(),
        holder: salt.commit(&company),
        lease_ms: lease_ms.unwrap_or(LEASE_MS_DEFAULT),
    };
    Ok(held_reply(state.desk.lock(key, asked).await?))
}

/// Keep a lock for longer (company): its lease ends `lease_ms` from now. The fence stays.
#[utoipa::path(
    post, path = "/v1/locks/{fence}/renewals", tag = "holds", security(("api_key" = [])),
    params(
        ("fence" = u64, Path, description = "The lock's fence"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again")
    ),
    request_body = RenewRequest,
    responses(
        (status = 201, body = HeldReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "Not yours, or not any more", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn renew_lock(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<RenewRequest>>,
) -> Result<HttpResponse, Problem> {
    let company = caller.company()?;
    let RenewRequest { invoices, salt, lease_ms } = body;
    let body = RenewBody {
        invoices,
        holder: salt.commit(&company),
        fence: number_in(&path, "fence")?,
        lease_ms: lease_ms.unwrap_or(LEASE_MS_DEFAULT),
    };
    Ok(held_reply(state.desk.renew(key, body).await?))
}

/// The four ways for a hold to end have one shape.
async fn end_hold(
    state: &HttpState,
    caller: &Caller,
    fence: &str,
    (key, body): (IdempotencyKey, EndHoldRequest),
    ending: Ending,
) -> Result<HttpResponse, Problem> {
    let company = caller.company()?;
    let EndHoldRequest { invoices, salt } = body;
    let body = HeldBody { invoices, holder: salt.commit(&company), fence: number_in(fence, "fence")? };
    Ok(recorded_reply(state.desk.end_hold(key, ending, body).await?))
}

/// Give locked invoices back (company), for example when the expense claim is refused. Others can lock them again.
#[utoipa::path(
    post, path = "/v1/locks/{fence}/releases", tag = "holds", security(("api_key" = [])),
    params(
        ("fence" = u64, Path, description = "The lock's fence"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again")
    ),
    request_body = EndHoldRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "Not yours, or not any more", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn release_lock(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<EndHoldRequest>>,
) -> Result<HttpResponse, Problem> {
    end_hold(&state, &caller, &path, (key, body), Ending::Unlock).await
}

/// Book locked invoices (company). That is final: they are never locked again, by nobody.
#[utoipa::path(
    post, path = "/v1/locks/{fence}/bookings", tag = "holds", security(("api_key" = [])),
    params(
        ("fence" = u64, Path, description = "The lock's fence"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again")
    ),
    request_body = EndHoldRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "Not yours, or not any more", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn book_lock(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<EndHoldRequest>>,
) -> Result<HttpResponse, Problem> {
    end_hold(&state, &caller, &path, (key, body), Ending::Close).await
}

/// Pledge an invoice that is not paid for to a financier (merchant). It can't be locked, and not pledged again, until the financier
/// releases or settles it.
#[utoipa::path(
    post, path = "/v1/invoices/{id}/pledge", tag = "holds", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again")
    ),
    request_body = PledgeRequest,
    responses(
        (status = 201, body = HeldReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply), (status = 409, body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn pledge_invoice(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<PledgeRequest>>,
) -> Result<HttpResponse, Problem> {
    let merchant = caller.merchant()?;
    let body = PledgeBody { merchant, invoice: path_id(&path, "id")?, holder: body.financier };
    // The invoice stands in the path here.
    let in_path = |fault: Fault| match fault.path.as_str() {
        "invoice" => Fault { path: "id".to_owned(), ..fault },
        "merchant" => Fault { path: String::new(), ..fault },
        _ => fault,
    };
    let held = state.desk.pledge(key, body).await;
    Ok(held_reply(held.map_err(|faults| Faults(faults.0.into_iter().map(in_path).collect()))?))
}

/// Give a pledged invoice back unpaid (company, as the financier). The seller can pledge it again.
#[utoipa::path(
    post, path = "/v1/pledges/{fence}/releases", tag = "holds", security(("api_key" = [])),
    params(
        ("fence" = u64, Path, description = "The pledge's fence"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again")
    ),
    request_body = EndHoldRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "Not yours, or not any more", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn release_pledge(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<EndHoldRequest>>,
) -> Result<HttpResponse, Problem> {
    end_hold(&state, &caller, &path, (key, body), Ending::Release).await
}

/// Settle a pledged invoice (company, as the financier): it was paid. It can be locked by the buyer now and never be pledged again.
#[utoipa::path(
    post, path = "/v1/pledges/{fence}/settlements", tag = "holds", security(("api_key" = [])),
    params(
        ("fence" = u64, Path, description = "The pledge's fence"),
        ("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again")
    ),
    request_body = EndHoldRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "Not yours, or not any more", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn settle_pledge(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<EndHoldRequest>>,
) -> Result<HttpResponse, Problem> {
    end_hold(&state, &caller, &path, (key, body), Ending::Settle).await
}

/// Compute a commitment (any key): what a financier gives to a seller, or a new wallet holder to the old one. Nothing is stored, and
/// you can do without: keccak256 over the byte 05, the 32 bytes of your salt, and your id (a company's taxpayer id) as UTF-8.
#[utoipa::path(
    post, path = "/v1/commitments", tag = "holds", security(("api_key" = [])), request_body = CommitmentRequest,
    responses(
        (status = 200, body = CommitmentReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply)
    )
)]
pub async fn make_commitment(
    Behind(caller, Json(body)): Behind<Json<CommitmentRequest>>,
) -> Result<HttpResponse, Problem> {
    let CommitmentRequest { salt, id } = body;
    let commitment = match id {
        Some(id) => salt.commit(id.expose()),
        None if caller.role() == Role::Company => salt.commit(&caller.company()?),
        None => {
            return Err(Fault::new(Code::HttpShapeWrong, "id", "whose commitment? only a company leaves it out").into());
        }
    };
    Ok(HttpResponse::Ok().json(CommitmentReply { commitment }))
}

/// How an invoice stands at present: held by somebody or not, in a wallet, reversed. Never by whom. For its merchant, bureau and
/// auditor; for a company that shows by `hash` that it has the document.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/life", tag = "holds", security(("api_key" = [])),
    params(("id" = String, Path, description = "<code>-<number>"), LifeQuery),
    responses(
        (status = 200, body = LifeReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn get_life(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, Query(query)): Behind<Query<LifeQuery>>,
) -> Result<HttpResponse, Problem> {
    let id: InvoiceId = path_id(&path, "id")?;
    let malformed = |why: String| Problem::from(Fault::new(Code::HttpQueryMalformed, "hash", why));
    let hash = query.hash.as_deref().map(Hash::parse_printed).transpose();
    let hash = hash.map_err(|fault| malformed(format!("66 hex digits: {}", fault.message)))?;
    let role = caller.role();
    if role == Role::Company && hash.is_none() {
        return Err(malformed("a company names the hash printed on the invoice".to_owned()));
    }
    let has_document = move |leaf: &Hash| hash.is_some_and(|hash| constant_time_eq(hash.as_bytes(), leaf.as_bytes()));
    let standing = state
        .desk
        .standing(id, move |invoice, leaf| {
            caller.may_see(&invoice.merchant) || (role == Role::Company && has_document(leaf))
        })
        .await?;
    let present = standing.ok_or_else(|| missing("invoice"))?.present;
    Ok(HttpResponse::Ok().json(match role {
        Role::Bureau | Role::Auditor => LifeReply::with_holders(&present),
        Role::Merchant | Role::Company => LifeReply::without_holders(&present),
    }))
}
