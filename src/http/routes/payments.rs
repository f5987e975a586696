//! Orders, payments and the partners' notices about them.

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Json, Query, Raw, path_id};
use super::super::openapi::OrderSchema;
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{ListPaymentsQuery, OrderReply, PaymentReply, PaymentsReply};
use super::{cut_page, missing, page_items};
use crate::base::Faults;
use crate::base::ids::{Provider, TransactionId};
use crate::ledger::state::Reader as _;
use crate::parties::kingdee::billing::Order;
use crate::parties::tencent::notice::NoticeHeaders;
use crate::store::PaymentFilter;

/// Tell what was bought under an order number (merchant). The same order again changes nothing.
#[utoipa::path(
    post, path = "/v1/orders", tag = "payments", security(("api_key" = [])), request_body = OrderSchema,
    responses(
        (status = 201, body = OrderReply), (status = 200, description = "It was there already", body = OrderReply),
        (status = 400, body = ProblemReply), (status = 415, body = ProblemReply), (status = 401, body = ProblemReply), (status = 403, body = ProblemReply),
        (status = 409, body = ProblemReply), (status = 413, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn take_order(
    state: web::Data<HttpState>,
    Behind(caller, Json(body)): Behind<Json<Order>>,
) -> Result<HttpResponse, Problem> {
    let merchant = caller.merchant()?;
    let new = state.desk.take_order(&merchant, &body).await?;
    let total = body.total()?;
    let reply = OrderReply { out_trade_no: body.out_trade_no, total };
    Ok(if new { HttpResponse::Created().json(reply) } else { HttpResponse::Ok().json(reply) })
}

/// List payments, newest first.
#[utoipa::path(
    get, path = "/v1/payments", tag = "payments", security(("api_key" = [])), params(ListPaymentsQuery),
    responses(
        (status = 200, body = PaymentsReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply)
    )
)]
pub async fn list_payments(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<ListPaymentsQuery>>,
) -> Result<HttpResponse, Problem> {
    let ListPaymentsQuery { merchant, open, awaiting, before, limit } = query;
    let items = page_items(limit)?;
    let (merchant, limit) = (caller.scope(merchant)?, items.saturating_add(1));
    let filter = PaymentFilter { merchant, open, awaiting, before, limit };
    let found = state.desk.store().view(move |reader| Ok::<_, Faults>(reader.payments(&filter)?)).await?;
    let (found, next) = cut_page(found, items, |payment| payment.entry);
    let payments = found.into_iter().map(PaymentReply::from).collect();
    Ok(HttpResponse::Ok().json(PaymentsReply { payments, next }))
}

/// One payment and what is left of it to invoice.
#[utoipa::path(
    get, path = "/v1/payments/{provider}/{transaction}", tag = "payments", security(("api_key" = [])),
    params(("provider" = String, Path), ("transaction" = String, Path)),
    responses(
        (status = 200, body = PaymentReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn get_payment(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let provider: Provider = path_id(&path.0, "provider")?;
    let transaction: TransactionId = path_id(&path.1, "transaction")?;
    let found =
        state.desk.store().view(move |reader| Ok::<_, Faults>(reader.payment(&provider, &transaction)?)).await?;
    let payment = found.filter(|payment| caller.may_see(&payment.merchant)).ok_or_else(|| missing("payment"))?;
    Ok(HttpResponse::Ok().json(PaymentReply::from(payment)))
}

/// WeChat Pay's own form of a refusal: anything but 200 or 204 is sent again.
#[derive(Serialize)]
struct NoticeRefusal {
    code: &'static str,
    message: String,
}

/// Where WeChat Pay sends its notices (APIv3: signed headers, encrypted resource).
#[utoipa::path(
    post, path = "/v1/notices/wechat-pay", tag = "payments",
    request_body(content = String, content_type = "application/json", description = "An APIv3 notice"),
    responses(
        (status = 204, description = "Taken, now or before"), (status = 400, description = "Not a notice"),
        (status = 401, description = "Signature or age refused"), (status = 404, description = "No partner configured"),
        (status = 409, description = "It contradicts what is recorded"), (status = 413, description = "Too large"),
        (status = 422, description = "Refused"),
        (status = 503, description = "Busy; send it again")
    )
)]
pub async fn receive_wechat_notice(
    state: web::Data<HttpState>,
    request: HttpRequest,
    body: Raw,
) -> Result<HttpResponse, Problem> {
    let headers = NoticeHeaders::from_lookup(|name| request.headers().get(name).and_then(|value| value.to_str().ok()));
    match state.desk.take_notice(&headers, &body.0).await {
        Ok(_outcome) => Ok(HttpResponse::NoContent().finish()),
        Err(faults) => {
            let code = faults.first().map_or("", |fault| fault.code.as_str());
            tracing::warn!(code, "a payment notice was refused");
            // The partner's protocol wants its own form; our code travels in the message, status and headers stay.
            let mut answer = actix_web::ResponseError::error_response(&Problem::from(faults));
            let refusal = NoticeRefusal { code: "FAIL", message: code.to_owned() };
            let body = serde_json::to_string(&refusal).unwrap_or_default();
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(answer.set_body(BoxBody::new(body)))
        }
    }
}
