//! Drafts and invoices.

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Json, KeyedJson, Query, path_id};
use super::super::problem::{Problem, ProblemFault, ProblemReply};
use super::super::wire::{
    CheckDraftRequest, CheckedReply, InvoiceReply, InvoiceSummary, InvoicesReply, IssueInvoiceRequest, IssuedReply,
    LifeReply, ListInvoicesQuery,
};
use super::{cut_page, glyphs, missing, page_items};
use crate::base::ids::{Provider, TransactionId};
use crate::base::stages::Stage;
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::chain::receipt::Receipt;
use crate::invoice::{InvoiceId, capital};
use crate::ledger::entry::{Gist, IssuedOutline};
use crate::render::verify_url;
use crate::sequencer::desk::{IssueAsked, Preview, Standing};
use crate::store::{InvoiceFilter, StoredEntry};

/// What stands beside the draft in a request, or in no request at all.
const BESIDE_DRAFT: [&str; 5] = ["signature", "merchant", "seller", "issuer", "chain"];

/// The path of a fault of the draft as it is in the request: the draft stands inside the body.
fn one_in_draft(fault: Fault) -> Fault {
    let first = fault.path.split(['.', '[']).next().unwrap_or_default();
    if first.is_empty() || BESIDE_DRAFT.contains(&first) { fault } else { fault.under("draft") }
}

fn in_draft(faults: Faults) -> Problem {
    Faults(faults.0.into_iter().map(one_in_draft).collect()).into()
}

/// The invoice of an entry as answered.
pub(super) fn reply_of(entry: &str, leaf: &Hash, height: u64, public_url: &str) -> Result<InvoiceReply, Fault> {
    let issued = IssuedOutline::read(entry)?;
    let Gist { total, red } = issued.gist()?;
    Ok(InvoiceReply {
        id: issued.id().to_string(),
        code: issued.code.to_string(),
        number: issued.number.to_string(),
        document: issued.code.document().as_str().to_owned(),
        check_code: leaf.check_code(),
        hash: leaf.printed(),
        date: issued.date,
        time: issued.time,
        entry: issued.index,
        block: height,
        issuer: issued.issuer.to_eip55(),
        reverses: red.map(|red| red.of().to_string()),
        capital: capital(total),
        verify_url: verify_url(public_url, leaf, &issued.number, total.get()),
        draft: issued.draft.to_owned(),
        life: None,
    })
}

/// Check a draft without issuing it: all faults at once, or the text that a merchant with its own key signs (merchant).
#[utoipa::path(
    post, path = "/v1/drafts", tag = "invoices", security(("api_key" = [])), request_body = CheckDraftRequest,
    responses(
        (status = 200, body = CheckedReply), (status = 400, body = ProblemReply), (status = 415, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 413, body = ProblemReply), (status = 422, body = ProblemReply)
    )
)]
pub async fn check_draft(
    state: web::Data<HttpState>,
    Behind(caller, Json(body)): Behind<Json<CheckDraftRequest>>,
) -> Result<HttpResponse, Problem> {
    let merchant = caller.merchant()?;
    let mut preview = state.desk.preview(&merchant, &body.draft).await.map_err(in_draft)?;
    preview.warnings.extend(glyphs::of_seller(&state, &preview.checked)?);
    preview.warnings.extend(glyphs::of_draft(&state, &body.draft)?);
    checked_reply(preview)
}

/// What would be signed, as answered.
pub(super) fn checked_reply(preview: Preview) -> Result<HttpResponse, Problem> {
    let checked =
        serde_json::to_value(&preview.checked).map_err(|e| Fault::new(Code::Internal, "checked", e.to_string()))?;
    Ok(HttpResponse::Ok().json(CheckedReply {
        checked,
        text: preview.text,
        digest: preview.digest,
        issuer: preview.issuer.to_eip55(),
        warnings: preview.warnings.into_iter().map(one_in_draft).map(|fault| ProblemFault::from(&fault)).collect(),
    }))
}

/// Issue an invoice (merchant): checked, signed, numbered, sealed and durable when this answers.
#[utoipa::path(
    post, path = "/v1/invoices", tag = "invoices", security(("api_key" = [])),
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: the same answer again; other body: 422")),
    request_body = IssueInvoiceRequest,
    responses(
        (status = 201, body = IssuedReply), (status = 400, body = ProblemReply), (status = 415, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 422, body = ProblemReply), (status = 429, description = "A cap is used up", body = ProblemReply),
        (status = 503, description = "Busy, or the outcome is unknown: ask again with the same key after Retry-After", body = ProblemReply)
    )
)]
pub async fn issue_invoice(
    state: web::Data<HttpState>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<IssueInvoiceRequest>>,
) -> Result<HttpResponse, Problem> {
    let merchant = caller.merchant()?;
    let IssueInvoiceRequest { draft, signature } = body;
    // Before anything is recorded: whoever gets an error here must not have an invoice.
    let boxes = glyphs::of_draft(&state, &draft)?;
    let asked = IssueAsked { merchant, key, draft, signature };
    let (recorded, mut warnings) = state.desk.issue(asked).await.map_err(in_draft)?;
    Stage::Reply.measure(|| {
        warnings.extend(glyphs::of_recorded_seller(&state, &recorded.receipt.entry)?);
        warnings.extend(boxes);
        let invoice = reply_of(&recorded.receipt.entry, &recorded.leaf, recorded.height, &state.public_url)?;
        Ok(HttpResponse::Created().json(IssuedReply {
            invoice,
            receipt: recorded.receipt,
            warnings: warnings.into_iter().map(one_in_draft).map(|fault| ProblemFault::from(&fault)).collect(),
        }))
    })
}

/// List invoices, newest first.
#[utoipa::path(
    get, path = "/v1/invoices", tag = "invoices", security(("api_key" = [])), params(ListInvoicesQuery),
    responses(
        (status = 200, body = InvoicesReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply)
    )
)]
pub async fn list_invoices(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<ListInvoicesQuery>>,
) -> Result<HttpResponse, Problem> {
    let ListInvoicesQuery { merchant, from, to, number, buyer, payment, before, limit } = query;
    if buyer.as_ref().is_some_and(|buyer| buyer.chars().any(char::is_control)) {
        return Err(Fault::new(Code::HttpQueryMalformed, "buyer", "a name has no control characters").into());
    }
    let items = page_items(limit)?;
    let filter = InvoiceFilter {
        merchant: caller.scope(merchant)?,
        from: from.map(|date| date.to_string()),
        to: to.map(|date| date.to_string()),
        number,
        buyer,
        payment: payment.as_deref().map(payment_of).transpose()?,
        before,
        limit: items.saturating_add(1),
    };
    let found = state.desk.store().view(move |reader| Ok::<_, Faults>(reader.invoices(&filter)?)).await?;
    let (found, next) = cut_page(found, items, |invoice| invoice.entry);
    let invoices = found.into_iter().map(InvoiceSummary::from).collect();
    Ok(HttpResponse::Ok().json(InvoicesReply { invoices, next }))
}

fn payment_of(text: &str) -> Result<(Provider, TransactionId), Problem> {
    let malformed = || Fault::new(Code::HttpQueryMalformed, "payment", "a payment is <provider>/<transaction>");
    let (provider, transaction) = text.split_once('/').ok_or_else(malformed)?;
    Ok((path_id(provider, "payment")?, path_id(transaction, "payment")?))
}

/// Reads an invoice with its receipt, if the caller may see it.
pub(super) async fn read_invoice(
    state: &HttpState,
    caller: &Caller,
    path: &str,
) -> Result<(Receipt, StoredEntry), Problem> {
    let id: InvoiceId = path_id(path, "id")?;
    let caller = caller.clone();
    let found = state
        .desk
        .store()
        .view(move |reader| {
            let invoice = reader.invoice(&id)?.filter(|invoice| caller.may_see(&invoice.merchant));
            let Some(invoice) = invoice else { return Ok::<_, Faults>(None) };
            Ok(reader.receipt(invoice.entry)?)
        })
        .await?;
    found.ok_or_else(|| missing("invoice"))
}

/// One invoice, and how it stands at present.
#[utoipa::path(
    get, path = "/v1/invoices/{id}", tag = "invoices", security(("api_key" = [])),
    params(("id" = String, Path, description = "<code>-<number>")),
    responses((status = 200, body = InvoiceReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 404, body = ProblemReply))
)]
pub async fn get_invoice(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: InvoiceId = path_id(&path, "id")?;
    let standing = state.desk.standing(id, move |invoice, _leaf| caller.may_see(&invoice.merchant)).await?;
    let Standing { entry, present } = standing.ok_or_else(|| missing("invoice"))?;
    let invoice = reply_of(&entry.text, &entry.leaf, entry.height, &state.public_url)?;
    let life = Some(LifeReply::without_holders(&present));
    Ok(HttpResponse::Ok().json(InvoiceReply { life, ..invoice }))
}

/// Query of `GET /v1/invoices/{id}/receipt`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReceiptQuery {
    /// Whether the present state is to be in it, against the newest block. Without, the receipt is the same for ever.
    #[serde(default)]
    state: bool,
}

/// The receipt of an invoice: give it to anyone, they can verify it offline.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/receipt", tag = "invoices", security(("api_key" = [])),
    params(("id" = String, Path, description = "<code>-<number>"), ReceiptQuery),
    responses(
        (status = 200, body = super::super::openapi::ReceiptSchema), (status = 400, body = ProblemReply),
        (status = 401, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_receipt(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<ReceiptQuery>>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    if query.state {
        let id: InvoiceId = path_id(&path, "id")?;
        let found = state.desk.present_receipt(id, move |invoice| caller.may_see(&invoice.merchant)).await?;
        let receipt = found.ok_or_else(|| missing("invoice"))?.to_json()?;
        // Another block, another receipt.
        let answer = HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .content_type("application/json")
            .body(receipt);
        return Ok(answer);
    }
    let (receipt, entry) = read_invoice(&state, &caller, &path).await?;
    let etag = format!("\"{}\"", entry.leaf);
    Ok(HttpResponse::Ok().insert_header((ETAG, etag)).content_type("application/json").body(receipt.to_json()?))
}
