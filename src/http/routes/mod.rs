//! The one list of routes.

pub(super) mod batch;
pub(super) mod chain;
pub(super) mod confirmations;
pub(super) mod days;
pub(super) mod documents;
mod glyphs;
pub(super) mod holds;
pub(super) mod invoices;
pub(super) mod keys;
pub(super) mod members;
pub(super) mod merchants;
pub(super) mod operations;
pub(super) mod payments;
pub(super) mod reversals;
pub(super) mod standing;
pub(super) mod state;
pub(super) mod stream;
pub(super) mod verify;
pub(super) mod wallet;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError as _, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::extract::Caller;
use super::openapi::ApiDoc;
use super::problem::Problem;
use super::wire::RecordedReply;
use crate::base::ids::MerchantId;
use crate::base::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use crate::base::{Code, Fault};
use crate::sequencer::desk::Recorded;

/// Mounts every route.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        // First, since routes are tried in this order and nearly all requests are for this one.
        .service(resource("/v1/invoices", "GET, POST").get(invoices::list_invoices).post(invoices::issue_invoice))
        .service(
            resource("/v1/merchants", "GET, POST").get(merchants::list_merchants).post(merchants::register_merchant),
        )
        .service(resource("/v1/merchants/{id}", "GET").get(merchants::get_merchant))
        .service(resource("/v1/rules", "GET").get(merchants::list_rules))
        .service(resource("/v1/rules/{scope}", "PUT").put(merchants::set_rules))
        .service(resource("/v1/api-keys", "GET, POST").get(keys::list_api_keys).post(keys::create_api_key))
        .service(resource("/v1/api-keys/{id}", "DELETE").delete(keys::revoke_api_key))
        .service(resource("/v1/orders", "POST").post(payments::take_order))
        .service(resource("/v1/payments", "GET").get(payments::list_payments))
        .service(resource("/v1/payments/{provider}/{transaction}", "GET").get(payments::get_payment))
        .service(resource("/v1/notices/wechat-pay", "POST").post(payments::receive_wechat_notice))
        .service(resource("/v1/drafts", "POST").post(invoices::check_draft))
        .service(resource("/v1/invoices/{id}", "GET").get(invoices::get_invoice))
        .service(resource("/v1/invoices/{id}/receipt", "GET").get(invoices::get_receipt))
        .service(resource("/v1/invoices/{id}/face.pdf", "GET").get(documents::get_face_pdf))
        .service(resource("/v1/invoices/{id}/face.ofd", "GET").get(documents::get_face_ofd))
        .service(resource("/v1/invoices/{id}/face.xml", "GET").get(documents::get_face_xml))
        .service(resource("/v1/invoices/{id}/preview.svg", "GET").get(documents::get_preview))
        .service(resource("/v1/invoices/{id}/qr.svg", "GET").get(documents::get_qr_svg))
        .service(resource("/v1/invoices/{id}/qr.png", "GET").get(documents::get_qr_png))
        .service(resource("/v1/invoices.zip", "GET").get(batch::get_batch))
        .service(
            resource("/v1/invoices/{id}/reversals", "GET, POST")
                .get(reversals::list_reversals)
                .post(reversals::reverse_invoice),
        )
        .service(resource("/v1/invoices/{id}/reversal-draft", "POST").post(reversals::preview_reversal))
        .service(resource("/v1/invoices/{id}/confirmations", "POST").post(confirmations::open_confirmation))
        .service(resource("/v1/confirmations", "GET").get(confirmations::list_confirmations))
        .service(resource("/v1/confirmations/{entry}", "GET").get(confirmations::get_confirmation))
        .service(resource("/v1/confirmations/{entry}/answers", "POST").post(confirmations::answer_confirmation))
        .service(resource("/v1/days", "GET").get(days::list_days))
        .service(resource("/v1/days/{date}/close", "POST").post(days::close_day))
        .service(resource("/v1/merchants/{id}/suspension", "POST").post(standing::suspend_merchant))
        .service(resource("/v1/merchants/{id}/resumption", "POST").post(standing::resume_merchant))
        .service(resource("/v1/merchants/{id}/issuer", "POST").post(standing::rotate_issuer))
        .service(resource("/v1/merchants/{id}/issuer-rotation", "GET").get(standing::get_issuer_rotation))
        .service(resource("/v1/merchants/{id}/issuer/revocation", "POST").post(standing::revoke_issuer))
        .service(resource("/v1/rosters", "GET").get(members::list_rosters))
        .service(resource("/v1/roster/changes", "POST").post(members::change_roster))
        .service(resource("/v1/roster/change-draft", "POST").post(members::preview_roster_change))
        .service(resource("/v1/operations/restored", "POST").post(members::record_restored))
        .service(resource("/v1/invoices/{id}/life", "GET").get(holds::get_life))
        .service(resource("/v1/invoices/{id}/pledge", "POST").post(holds::pledge_invoice))
        .service(resource("/v1/locks", "POST").post(holds::lock_invoices))
        .service(resource("/v1/locks/{fence}/renewals", "POST").post(holds::renew_lock))
        .service(resource("/v1/locks/{fence}/releases", "POST").post(holds::release_lock))
        .service(resource("/v1/locks/{fence}/bookings", "POST").post(holds::book_lock))
        .service(resource("/v1/pledges/{fence}/releases", "POST").post(holds::release_pledge))
        .service(resource("/v1/pledges/{fence}/settlements", "POST").post(holds::settle_pledge))
        .service(resource("/v1/commitments", "POST").post(holds::make_commitment))
        .service(resource("/v1/invoices/{id}/claim-link", "GET").get(wallet::get_claim_link))
        .service(
            resource("/v1/payments/{provider}/{transaction}/claim-link", "GET").get(wallet::get_payment_claim_link),
        )
        .service(resource("/v1/claims", "POST").post(wallet::claim_invoice))
        .service(resource("/v1/claims/hand-over", "POST").post(wallet::hand_over_invoice))
        .service(resource("/v1/claims/discard", "POST").post(wallet::discard_invoice))
        .service(resource("/claim", "GET").get(wallet::claim_page))
        .service(resource("/v1/checkpoint", "GET").get(chain::get_checkpoint))
        .service(resource("/v1/roster", "GET").get(members::get_roster))
        .service(resource("/v1/blocks", "GET").get(chain::list_blocks))
        .service(resource("/v1/blocks/{height}", "GET").get(chain::get_block))
        .service(resource("/v1/entries/{index}", "GET").get(chain::get_entry))
        .service(resource("/v1/state/{id}", "GET").get(state::get_state))
        .service(resource("/v1/stream", "GET").get(stream::get_stream))
        .service(resource("/v1/proofs/inclusion", "GET").get(chain::prove_inclusion))
        .service(resource("/v1/proofs/consistency", "GET").get(chain::prove_consistency))
        .service(resource("/verifier.html", "GET").get(verify::verifier))
        .service(resource("/verify", "GET").get(verify::form))
        .service(resource("/verify/scan", "GET").get(verify::scan))
        .service(resource("/dzswj/bers_ep_web/query_bill_detail", "POST").post(verify::query_bill_detail))
        .service(resource("/healthz", "GET").get(operations::health))
        .service(resource("/readyz", "GET").get(operations::ready))
        .service(resource("/metrics", "GET").get(operations::metrics))
        .service(resource("/docs/problems", "GET").get(operations::problems))
        .service(resource("/docs", "GET").get(operations::to_docs))
        .service(resource("/", "GET").get(operations::index))
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", ApiDoc::openapi()));
}

/// Whatever has no route.
pub(super) async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Fault::new(Code::HttpNotFound, "", "there is nothing here; /docs lists what there is").into())
}

/// A path with its methods: `allow` is what another method is told.
fn resource(path: &'static str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        let message = format!("{} is not taken here, {allow} is", request.method());
        let problem = Problem::from(Fault::new(Code::HttpMethodNotAllowed, "", message));
        let mut answer = problem.error_response();
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        answer
    }))
}

/// What a recorded command is answered with that has nothing more to say.
fn recorded_reply(recorded: Recorded) -> HttpResponse {
    let Recorded { receipt, height, .. } = recorded;
    HttpResponse::Created().json(RecordedReply { entry: receipt.index, block: height, receipt })
}

/// Whose records a list shows that is about one merchant: a merchant's own, otherwise the one that is asked for.
fn named_merchant(caller: &Caller, asked: Option<MerchantId>) -> Result<MerchantId, Problem> {
    let needed = || Fault::new(Code::HttpQueryMalformed, "merchant", "name a merchant");
    Ok(caller.scope(asked)?.ok_or_else(needed)?)
}

fn number_in(path: &str, name: &str) -> Result<u64, Problem> {
    path.parse().map_err(|e| Fault::new(Code::HttpQueryMalformed, name, format!("not a number: {e}")).into())
}

/// How many items a page has: what was asked for, within the limits.
fn page_items(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(items) if (1..=PAGE_ITEMS_MAX).contains(&items) => Ok(items),
        Some(_) => {
            let message = format!("a page has 1 to {PAGE_ITEMS_MAX} items");
            Err(Fault::new(Code::HttpQueryMalformed, "limit", message).into())
        }
    }
}

/// Cuts a page that was read with one item too many; the key of the last item kept leads to the next page.
fn cut_page<T>(mut items: Vec<T>, wanted: usize, key: impl Fn(&T) -> u64) -> (Vec<T>, Option<u64>) {
    let more = items.len() > wanted;
    items.truncate(wanted);
    let next = if more { items.last().map(key) } else { None };
    (items, next)
}

/// What is not there, or not for this caller to see: the same answer.
fn missing(what: &str) -> Problem {
    Fault::new(Code::HttpNotFound, "", format!("no such {what}, or none that this API key may see")).into()
}
