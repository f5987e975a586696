//! Many documents at once, as a ZIP archive that is sent while it is made: one piece of it is in memory at a time.

use std::collections::VecDeque;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::HttpState;
use super::super::extract::{Behind, Query};
use super::super::problem::{Problem, ProblemReply};
use super::cut_page;
use super::documents::Form;
use crate::base::ids::MerchantId;
use crate::base::limits::BATCH_DOCUMENTS_MAX;
use crate::base::{Code, Fault, Faults, LegalDate};
use crate::chain::receipt::Receipt;
use crate::export::{Archive, InvoiceCsv, Leaf};
use crate::ledger::record::Invoice;
use crate::render::Document;
use crate::store::{InvoiceFilter, Reader, StoredEntry};

/// Entries that are read at a time while the index is made: a two-thousand-line one has under 2 MiB.
const INDEX_PIECE: usize = 32;

/// Documents that are drawn for one piece.
const PIECE: usize = 8;

/// Where the next batch begins.
const NEXT: &str = "piaolian-next";

/// What the invoices of a batch are handed over as.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchKind {
    /// The face as PDF.
    Pdf,
    /// The face as OFD.
    Ofd,
    /// The data as XML.
    Xml,
    /// The receipt.
    Receipt,
}

impl BatchKind {
    fn form(self) -> Form {
        match self {
            BatchKind::Pdf => Form::Pdf,
            BatchKind::Ofd => Form::Ofd,
            BatchKind::Xml => Form::Xml,
            BatchKind::Receipt => Form::Receipt,
        }
    }
}

/// Query of `GET /v1/invoices.zip`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchQuery {
    /// `pdf`, `ofd`, `xml` or `receipt`.
    #[param(inline)]
    kind: BatchKind,
    /// Only this merchant's (auditor and bureau; a merchant gets its own).
    #[param(value_type = Option<String>)]
    merchant: Option<MerchantId>,
    /// From this legal date on.
    #[param(value_type = Option<String>)]
    from: Option<LegalDate>,
    /// Up to and including this legal date.
    #[param(value_type = Option<String>)]
    to: Option<LegalDate>,
    /// Continue after a batch: its `Piaolian-Next`.
    before: Option<u64>,
    /// Documents in the archive, 1 to 1,000; 1,000 if left out.
    limit: Option<usize>,
}

/// Many invoices as a ZIP archive, newest first: `index.csv` with a row for each, then a file for each, named `<code>-<number>`.
///
/// An archive whose making fails half-way ends without its directory, and the connection with it: no reader takes it for a short one.
#[utoipa::path(
    get, path = "/v1/invoices.zip", tag = "invoices", security(("api_key" = [])), params(BatchQuery),
    responses(
        (status = 200, content_type = "application/zip", body = Vec<u8>,
         headers(("Piaolian-Next" = u64, description = "Where there are more: what to ask for next as `before`"))),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 403, body = ProblemReply)
    )
)]
pub async fn get_batch(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<BatchQuery>>,
) -> Result<HttpResponse, Problem> {
    let BatchQuery { kind, merchant, from, to, before, limit } = query;
    let documents = limit.unwrap_or(BATCH_DOCUMENTS_MAX);
    if !(1..=BATCH_DOCUMENTS_MAX).contains(&documents) {
        let message = format!("a batch has 1 to {BATCH_DOCUMENTS_MAX} documents");
        return Err(Fault::new(Code::HttpQueryMalformed, "limit", message).into());
    }
    let filter = InvoiceFilter {
        merchant: caller.scope(merchant)?,
        from: from.map(|date| date.to_string()),
        to: to.map(|date| date.to_string()),
        before,
        limit: documents.saturating_add(1),
        ..InvoiceFilter::default()
    };
    let found = state.desk.store().view(move |reader| Ok::<_, Faults>(reader.invoices(&filter)?)).await?;
    let (invoices, next) = cut_page(found, documents, |invoice| invoice.entry);
    // Before anything is sent: what fails here can still be said.
    let index = index(&state, &invoices).await?;
    let mut archive = Archive::default();
    let first = archive.file("index.csv", &index)?;
    let mut answer = HttpResponse::Ok();
    if let Some(next) = next {
        answer.insert_header((NEXT, next.to_string()));
    }
    let form = kind.form();
    let rest = Rest { state, form, archive, waiting: invoices.into() };
    let pieces = try_unfold((first, Some(rest)), |(ready, rest)| async move {
        if !ready.is_empty() {
            return Ok(Some((Bytes::from(ready), (Vec::new(), rest))));
        }
        let Some(rest) = rest else { return Ok(None) };
        let (piece, rest) = rest.next_piece().await.map_err(|faults| {
            tracing::error!(cause = %faults, "a batch of documents ends early");
            std::io::Error::other(faults.to_string())
        })?;
        Ok::<_, std::io::Error>(Some((Bytes::from(piece), (Vec::new(), rest))))
    });
    Ok(answer
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"invoices-{}.zip\"", form.ending())))
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("application/zip")
        .streaming(pieces))
}

/// One row for each invoice, with a byte order mark, since spreadsheets are what opens it.
async fn index(state: &HttpState, invoices: &[Invoice]) -> Result<Vec<u8>, Faults> {
    let mut bytes = Vec::new();
    let mut csv = InvoiceCsv::begin(&mut bytes, true)?;
    for piece in invoices.chunks(INDEX_PIECE) {
        let wanted: Vec<u64> = piece.iter().map(|invoice| invoice.entry).collect();
        let read = move |reader: &mut Reader<'_>| {
            let entries: Result<Vec<_>, _> = wanted.iter().map(|entry| reader.entry(*entry)).collect();
            Ok::<_, Faults>(entries?)
        };
        for (entry, invoice) in state.desk.store().view(read).await?.into_iter().zip(piece) {
            let StoredEntry { leaf, height, text, .. } = entry.ok_or_else(|| lost(invoice.entry))?;
            csv.write(Leaf { hash: &leaf, height, text: &text })?;
        }
    }
    csv.finish()?;
    Ok(bytes)
}

fn lost(entry: u64) -> Fault {
    Fault::new(Code::StoreCorrupt, "entries", format!("entry {entry} of an invoice is missing"))
}

/// What is still to be made.
struct Rest {
    state: web::Data<HttpState>,
    form: Form,
    archive: Archive,
    waiting: VecDeque<Invoice>,
}

impl Rest {
    /// Some more documents, or, behind the last, the archive's directory.
    async fn next_piece(self) -> Result<(Vec<u8>, Option<Self>), Faults> {
        let Self { state, form, mut archive, mut waiting } = self;
        let now: Vec<Invoice> = waiting.drain(..waiting.len().min(PIECE)).collect();
        if now.is_empty() {
            return Ok((archive.finish()?, None));
        }
        let wanted: Vec<u64> = now.iter().map(|invoice| invoice.entry).collect();
        let read = move |reader: &mut Reader<'_>| {
            let receipts: Result<Vec<_>, _> = wanted.iter().map(|entry| reader.receipt(*entry)).collect();
            Ok::<_, Faults>(receipts?)
        };
        let found = state.desk.store().view(read).await?;
        let drawing = web::block(move || {
            let mut piece = Vec::new();
            for (invoice, receipt) in now.iter().zip(found) {
                let (receipt, _): (Receipt, StoredEntry) = receipt.ok_or_else(|| lost(invoice.entry))?;
                let document = Document::of(&receipt, &state.public_url)?;
                let name = format!("{}.{}", invoice.id(), form.ending());
                piece.extend(archive.file(&name, &form.drawn(&state, &document)?)?);
            }
            Ok::<_, Fault>((piece, Self { state, form, archive, waiting }))
        });
        let (piece, rest) = drawing.await.map_err(|e| Fault::new(Code::Internal, "", e.to_string()))??;
        Ok((piece, Some(rest)))
    }
}
