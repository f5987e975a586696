//! Public verification: the page behind the QR code, its JSON, and the bureau's own back-end call (domain.md 1.4, 1.5).

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::HttpState;
use super::super::extract::{Json, Query};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::LifeReply;
use crate::base::{Code, Fault};
use crate::chain::verify::NOT_COVERED;
use crate::invoice::InvoiceId;
use crate::invoice::money::Fen;
use crate::ledger::claimed::{Claimed, fen_of};
use crate::ledger::entry::Entry;
use crate::ledger::life::LifeState;
use crate::render::{self, FormPage, SealLine, Shown, VerifyPage};
use crate::sequencer::desk::{Found, Present, Reversed, Verified};

/// What the QR code says.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScanQuery {
    /// Printed hash, 66 hex digits.
    hash: String,
    /// 8-digit number.
    bill_num: String,
    /// Tax-inclusive total, fen.
    total_amount: String,
}

/// Answer of `GET /verify/scan` as JSON.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanReply {
    /// Whether everything holds.
    valid: bool,
    /// `VALID`, `NOT_FOUND`, `HASH_DIFFERS`, `AMOUNT_DIFFERS` or a verdict code of the offline verifier.
    verdict: String,
    /// A sentence for people.
    message: String,
    /// The invoice, only if all that was asked for agrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<ScanInvoice>,
    /// How it stands at present: what this service says, beside what the receipt proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    life: Option<LifeReply>,
    /// What was checked and holds.
    covered: Vec<String>,
    /// What no receipt can show.
    not_covered: Vec<String>,
}

/// An invoice as the verify page shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanInvoice {
    seller_name: String,
    seller_taxpayer_id: String,
    buyer_name: String,
    code: String,
    number: String,
    check_code: String,
    hash: String,
    /// Legal date.
    date: String,
    /// Ex-tax sum, fen.
    amount: i64,
    /// Tax, fen.
    tax: i64,
    /// Tax-inclusive sum, fen.
    total: i64,
    /// Index of the entry.
    entry: u64,
    /// Height of its block.
    block: u64,
}

impl ScanQuery {
    fn claimed(&self) -> Result<Claimed, Fault> {
        Claimed::read(&self.hash, &self.bill_num, &self.total_amount)
    }
}

/// Code and sentence of an outcome.
fn outcome(verified: &Verified) -> (String, String) {
    let (code, sentence) = match verified {
        Verified::Found(found) => return (found.verdict.code.as_str().to_owned(), found.verdict.message.clone()),
        Verified::NoSuchNumber => ("NOT_FOUND", "no invoice of this chain has this number"),
        Verified::HashDiffers => ("HASH_DIFFERS", "an invoice has this number, but not this hash"),
        Verified::AmountDiffers => ("AMOUNT_DIFFERS", "the invoice of this number and hash has another total"),
    };
    (code.to_owned(), sentence.to_owned())
}

fn scan_invoice(found: &Found) -> Result<ScanInvoice, Fault> {
    let entry = Entry::parse(&found.entry.text)?;
    let issued = entry.issued().ok_or_else(|| Fault::new(Code::Internal, "", "the entry is no invoice"))?;
    Ok(ScanInvoice {
        seller_name: issued.draft.seller().name.clone(),
        seller_taxpayer_id: issued.draft.seller().taxpayer_id.clone(),
        buyer_name: issued.draft.buyer().name.clone(),
        code: issued.code.to_string(),
        number: issued.number.to_string(),
        check_code: found.entry.leaf.check_code(),
        hash: found.entry.leaf.printed(),
        date: issued.date.to_string(),
        amount: issued.draft.amount().get(),
        tax: issued.draft.tax().get(),
        total: issued.draft.total().get(),
        entry: entry.index,
        block: found.entry.height,
    })
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn scan_reply(verified: &Verified) -> Result<ScanReply, Fault> {
    let (verdict, message) = outcome(verified);
    let not_covered = strings(NOT_COVERED);
    Ok(match verified {
        Verified::Found(found) => ScanReply {
            valid: found.verdict.is_valid(),
            verdict,
            message,
            invoice: Some(scan_invoice(found)?),
            life: Some(LifeReply::without_holders(&found.present)),
            covered: found.verdict.covered.clone(),
            not_covered: strings(found.verdict.not_covered()),
        },
        Verified::NoSuchNumber | Verified::HashDiffers | Verified::AmountDiffers => {
            ScanReply { valid: false, verdict, message, invoice: None, life: None, covered: Vec::new(), not_covered }
        }
    })
}

/// Verify what a QR code says. HTML for a browser, JSON when asked for by `Accept: application/json`.
#[utoipa::path(
    get, path = "/verify/scan", tag = "verify", params(ScanQuery),
    responses((status = 200, description = "The verdict, also when it is a bad one", body = ScanReply), (status = 400, body = ProblemReply), (status = 429, body = ProblemReply))
)]
pub async fn scan(
    state: web::Data<HttpState>,
    request: HttpRequest,
    query: Query<ScanQuery>,
) -> Result<HttpResponse, Problem> {
    let wants_html = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let claimed = match query.0.claimed() {
        Ok(claimed) => claimed,
        Err(fault) if wants_html => return form_answer(&state, &query.0, &fault.message),
        Err(fault) => return Err(fault.into()),
    };
    let verified = state.desk.verify(claimed).await?;
    if wants_html {
        let page = render::verify_page(&page(&state, &query.0, &verified)?)?;
        return Ok(html(page));
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(scan_reply(&verified)?))
}

fn page(state: &HttpState, asked: &ScanQuery, verified: &Verified) -> Result<VerifyPage, Fault> {
    let reply = scan_reply(verified)?;
    let shown = match verified {
        Verified::Found(found) => Some(shown(found)?),
        Verified::NoSuchNumber | Verified::HashDiffers | Verified::AmountDiffers => None,
    };
    let verdict = match verified {
        Verified::Found(_) if reply.valid => render::Verdict::Valid,
        Verified::NoSuchNumber => render::Verdict::NotFound,
        Verified::Found(_) | Verified::HashDiffers | Verified::AmountDiffers => render::Verdict::Mismatch,
    };
    let chain = state.desk.chain();
    Ok(VerifyPage {
        chain: chain.to_string(),
        sandbox: chain.is_sandbox(),
        verdict,
        reason: if reply.valid { String::new() } else { reply.message },
        reason_code: if reply.valid { String::new() } else { reply.verdict },
        asked: vec![
            ("hash".to_owned(), asked.hash.clone()),
            ("bill_num".to_owned(), asked.bill_num.clone()),
            ("total_amount".to_owned(), asked.total_amount.clone()),
        ],
        shown,
        covered: reply.covered,
        not_covered: reply.not_covered,
        form_path: "/verify".to_owned(),
    })
}

/// How an invoice stands, as a person reads it.
/// The block whose header proves the state; empty where none does.
fn proven_at(found: &Found) -> String {
    let block = found.verdict.sealed.as_ref().filter(|_| found.verdict.state.is_some());
    block.map(|block| block.height.to_string()).unwrap_or_default()
}

fn in_words(present: &Present) -> String {
    if present.blue.is_some() {
        return "红字发票".to_owned();
    }
    let held = match present.life.state {
        LifeState::Open | LifeState::Settled => None,
        LifeState::Locked | LifeState::SettledLocked => Some("已锁定"),
        LifeState::Closed => Some("已入账"),
        LifeState::Pledged => Some("已质押"),
        LifeState::Reversed => None,
    };
    let reversed = match present.reversed {
        Reversed::Nothing => None,
        Reversed::Part => Some("部分红冲"),
        Reversed::All => Some("已全额红冲"),
    };
    match (held, reversed) {
        (None, None) => "有效".to_owned(),
        (held, reversed) => held.into_iter().chain(reversed).collect::<Vec<_>>().join("，"),
    }
}

fn shown(found: &Found) -> Result<Shown, Fault> {
    let entry = Entry::parse(&found.entry.text)?;
    let issued = entry.issued().ok_or_else(|| Fault::new(Code::Internal, "", "the entry is no invoice"))?;
    let draft = issued.draft;
    let seal = |seal: &crate::chain::seal::Seal| {
        let signature: String = hex::encode(seal.signature.0).chars().take(16).collect();
        SealLine { member: seal.member.to_string(), text: format!("round {}, {signature}…", seal.round) }
    };
    Ok(Shown {
        seller: draft.seller().name.clone(),
        seller_taxpayer_id: draft.seller().taxpayer_id.clone(),
        buyer: draft.buyer().name.clone(),
        total: format!("¥{}", draft.total().to_yuan()),
        amount: format!("¥{}", draft.amount().to_yuan()),
        tax: format!("¥{}", draft.tax().to_yuan()),
        date: issued.date.to_string(),
        state: in_words(&found.present),
        state_time: found.present.time.to_shanghai_text(),
        state_block: proven_at(found),
        blue: found.present.blue.map(|blue| blue.to_string()).unwrap_or_default(),
        code: issued.id().printed_code().unwrap_or_default(),
        number: issued.id().printed_number(),
        check_code: found.entry.leaf.check_code(),
        hash: found.entry.leaf.printed(),
        block_height: found.entry.height.to_string(),
        block_time: entry.time.to_shanghai_text(),
        entry_index: entry.index.to_string(),
        issuer: issued.issuer.to_eip55(),
        seals: found.receipt.seals.iter().map(seal).collect(),
    })
}

/// The offline verifier: one HTML file that needs nothing else, to be used here or saved.
pub async fn verifier() -> Result<HttpResponse, Problem> {
    let page = render::verifier_page()?;
    // Pages of other sites must not show it in a frame; what its own policy can't say in a file, the header says.
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/html; charset=utf-8")
        .body(page))
}

/// What the form sends: the amount in yuan, as it is printed.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FormQuery {
    /// Printed hash, 66 hex digits.
    #[serde(default)]
    hash: String,
    /// 8-digit number.
    #[serde(default)]
    bill_num: String,
    /// Tax-inclusive total, yuan.
    #[serde(default)]
    total_yuan: String,
}

/// The form to type an invoice in, and its answer.
#[utoipa::path(
    get, path = "/verify", tag = "verify", params(FormQuery),
    responses((status = 200, description = "An HTML page", content_type = "text/html", body = String), (status = 429, body = ProblemReply))
)]
pub async fn form(state: web::Data<HttpState>, query: Query<FormQuery>) -> Result<HttpResponse, Problem> {
    let FormQuery { hash, bill_num, total_yuan } = query.0;
    let empty = hash.is_empty() && bill_num.is_empty() && total_yuan.is_empty();
    let hash: String = hash.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let fen = fen_of(&total_yuan);
    let asked = ScanQuery {
        hash,
        bill_num: bill_num.trim().to_owned(),
        total_amount: fen.clone().unwrap_or_else(|| total_yuan.clone()),
    };
    if empty {
        return form_answer(&state, &asked, "");
    }
    match asked.claimed() {
        Err(fault) => form_answer(&state, &asked, &format!("{}: {}", fault.path, fault.message)),
        Ok(_) if fen.is_none() => form_answer(&state, &asked, "total_yuan: an amount such as 498.10"),
        Ok(claimed) => {
            let verified = state.desk.verify(claimed).await?;
            let page = render::verify_page(&page(&state, &asked, &verified)?)?;
            Ok(html(page))
        }
    }
}

/// A page with names on it: nobody in between keeps it.
fn html(page: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).content_type("text/html; charset=utf-8").body(page)
}

fn form_answer(state: &HttpState, asked: &ScanQuery, problem: &str) -> Result<HttpResponse, Problem> {
    let chain = state.desk.chain();
    let yuan = asked.total_amount.parse::<i64>().ok().and_then(|fen| Fen::new(fen).ok()).map(Fen::to_yuan);
    let page = render::form_page(&FormPage {
        chain: chain.to_string(),
        sandbox: chain.is_sandbox(),
        action: "/verify".to_owned(),
        hash: asked.hash.clone(),
        number: asked.bill_num.clone(),
        total_yuan: yuan.unwrap_or_else(|| asked.total_amount.clone()),
        problem: problem.to_owned(),
    })?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

/// Body of the bureau's own verification call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BillDetailRequest {
    tx_hash: String,
    bill_num: String,
    /// Fen; the page's clients send a string, some a number.
    #[schema(value_type = String)]
    total_amount: serde_json::Value,
}

/// Its answer: `retcode` 0 and the record, or why not.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillDetailReply {
    retcode: i64,
    retmsg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_record: Option<BillRecord>,
}

/// The record as the bureau's clients read it. The meanings of `status` and `invalid_mark` are not published (domain.md 1.5, 8): the
/// values here are our own.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillRecord {
    bill_code: String,
    bill_num: String,
    tx_hash: String,
    /// Unix seconds.
    time: i64,
    /// Ex-tax, fen.
    amount: i64,
    tax_amount: i64,
    total_amount: i64,
    seller_name: String,
    seller_taxpayer_id: String,
    buyer_name: String,
    /// 0 nobody holds it, 1 locked by an expense claim, 2 booked, 3 pledged, 4 settled by its financier.
    status: i64,
    /// 0 valid, 3 itself a red invoice, 7 reversed in part, 8 reversed in full (the numbers of a public system, domain.md 1.7).
    invalid_mark: i64,
}

fn status_of(present: &Present) -> i64 {
    match present.life.state {
        LifeState::Open | LifeState::Reversed => 0,
        LifeState::Locked | LifeState::SettledLocked => 1,
        LifeState::Closed => 2,
        LifeState::Pledged => 3,
        LifeState::Settled => 4,
    }
}

fn invalid_mark_of(present: &Present) -> i64 {
    match (present.blue, present.reversed) {
        (Some(_), _) => 3,
        (None, Reversed::Nothing) => 0,
        (None, Reversed::Part) => 7,
        (None, Reversed::All) => 8,
    }
}

/// The bureau's verification call (sandbox): `{tx_hash, bill_num, total_amount}`.
#[utoipa::path(
    post, path = "/dzswj/bers_ep_web/query_bill_detail", tag = "verify", request_body = BillDetailRequest,
    responses(
        (status = 200, body = BillDetailReply), (status = 400, body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 415, body = ProblemReply), (status = 429, body = ProblemReply)
    )
)]
pub async fn query_bill_detail(
    state: web::Data<HttpState>,
    body: Json<BillDetailRequest>,
) -> Result<HttpResponse, Problem> {
    let amount = &body.0.total_amount;
    let total_amount = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    let asked = ScanQuery { hash: body.0.tx_hash, bill_num: body.0.bill_num, total_amount };
    let verified = state.desk.verify(asked.claimed()?).await?;
    let reply = scan_reply(&verified)?;
    let (id, time, status, invalid_mark) = match &verified {
        Verified::Found(found) => {
            let time = Entry::parse(&found.entry.text)?.time.0.div_euclid(1000);
            let id = InvoiceId { code: found.invoice.code, number: found.invoice.number };
            (Some(id), time, status_of(&found.present), invalid_mark_of(&found.present))
        }
        Verified::NoSuchNumber | Verified::HashDiffers | Verified::AmountDiffers => (None, 0, 0, 0),
    };
    let record = reply.invoice.filter(|_| reply.valid).zip(id).map(|(invoice, id)| BillRecord {
        bill_code: id.printed_code().unwrap_or_default(),
        bill_num: id.printed_number(),
        tx_hash: invoice.hash,
        time,
        amount: invoice.amount,
        tax_amount: invoice.tax,
        total_amount: invoice.total,
        seller_name: invoice.seller_name,
        seller_taxpayer_id: invoice.seller_taxpayer_id,
        buyer_name: invoice.buyer_name,
        status,
        invalid_mark,
    });
    let (retcode, retmsg) = if record.is_some() { (0, "ok".to_owned()) } else { (1, reply.verdict) };
    Ok(HttpResponse::Ok().json(BillDetailReply { retcode, retmsg, bill_record: record }))
}
