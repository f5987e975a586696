//! What an invoice is handed over as: its face as PDF and OFD, its data as XML, its QR code, previews of its pages.
//!
//! Each is a function of the stored receipt and of the service's public address. The entity tag names leaf, form and edition, so that it
//! stays the same as long as the bytes do.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, ETag, EntityTag, Header as _, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Query};
use super::super::problem::{Problem, ProblemReply};
use super::invoices::read_invoice;
use crate::base::{Code, Fault};
use crate::chain::hash::Hash;
use crate::render::{self, Document};

/// Pixels a module of the QR code as PNG: about 300 px in all, sharp on a phone.
const QR_MODULE_PX: usize = 6;

/// Only for the caller's own cache. What a document shows never changes, how it looks seldom.
const CACHED: &str = "private, max-age=86400";

/// What an invoice is handed over as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The face as PDF.
    Pdf,
    /// The face as OFD.
    Ofd,
    /// The data as XML.
    Xml,
    /// The receipt.
    Receipt,
    /// The QR code as SVG.
    QrSvg,
    /// The QR code as PNG.
    QrPng,
    /// A page as SVG, counted from 1.
    Preview(usize),
}

impl Form {
    /// Ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Form::Pdf => "pdf",
            Form::Ofd => "ofd",
            Form::Xml => "xml",
            Form::Receipt => "json",
            Form::QrSvg | Form::Preview(_) => "svg",
            Form::QrPng => "png",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Form::Pdf => "application/pdf",
            Form::Ofd => "application/ofd",
            Form::Xml => "application/xml",
            Form::Receipt => "application/json",
            Form::QrSvg | Form::Preview(_) => "image/svg+xml",
            Form::QrPng => "image/png",
        }
    }

    /// What tells this form from the others in an entity tag.
    fn tag(self) -> String {
        match self {
            Form::Pdf | Form::Ofd | Form::Xml | Form::Receipt => self.ending().to_owned(),
            Form::QrSvg => "qr.svg".to_owned(),
            Form::QrPng => "qr.png".to_owned(),
            Form::Preview(page) => format!("{page}.svg"),
        }
    }

    /// The bytes. Takes up to some milliseconds of pure computing: not on a thread that answers requests.
    ///
    /// # Errors
    /// Those of the renderings.
    pub fn drawn(self, state: &HttpState, document: &Document) -> Result<Vec<u8>, Fault> {
        let told = |rendered: render::Rendered| {
            if !rendered.missing.is_empty() {
                let invoice = format!("{}-{}", document.face.code, document.face.number);
                let characters = rendered.missing.len();
                tracing::warn!(invoice.id = invoice, characters, "a face has characters that no font has");
            }
            rendered.bytes
        };
        match self {
            Form::Pdf => state.press()?.pdf(document).map(told),
            Form::Ofd => state.press()?.ofd(document).map(told),
            Form::Xml => Ok(document.xml.clone().into_bytes()),
            Form::Receipt => Ok(document.receipt.clone().into_bytes()),
            Form::QrSvg => render::svg(&document.face.qr_text).map(String::into_bytes),
            Form::QrPng => render::png(&document.face.qr_text, QR_MODULE_PX),
            Form::Preview(page) => state.press()?.page_svg(document, page).map(String::into_bytes),
        }
    }
}

fn entity_tag(leaf: &Hash, form: Form, edition: &str) -> EntityTag {
    EntityTag::new_strong(format!("{leaf}-{}-{edition}", form.tag()))
}

/// Whether the caller has it already (RFC 9110, 13.1.2). A header that can't be read is as none.
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_unreadable) => false,
    }
}

/// How a browser shows it, and under which name it saves it: an ASCII one, and the title of the document for those who know RFC 6266.
fn disposition(document: &Document, path: &str, ending: &str) -> String {
    let title = format!("{}-{path}.{ending}", document.face.kind.title());
    let encoded: String = title
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("inline; filename=\"{path}.{ending}\"; filename*=UTF-8''{encoded}")
}

async fn hand_over(
    request: &HttpRequest,
    state: web::Data<HttpState>,
    caller: &Caller,
    path: &str,
    form: Form,
) -> Result<HttpResponse, Problem> {
    let (receipt, entry) = read_invoice(&state, caller, path).await?;
    let tag = entity_tag(&entry.leaf, form, state.edition());
    if is_known(request, &tag) {
        let answer =
            HttpResponse::NotModified().insert_header(ETag(tag)).insert_header((CACHE_CONTROL, CACHED)).finish();
        return Ok(answer);
    }
    let drawn = web::block(move || {
        let document = Document::of(&receipt, &state.public_url)?;
        form.drawn(&state, &document).map(|bytes| (bytes, document))
    });
    let (bytes, document) = drawn.await.map_err(|e| Fault::new(Code::Internal, "", e.to_string()))??;
    Ok(HttpResponse::Ok()
        .insert_header(ETag(tag))
        .insert_header((CONTENT_DISPOSITION, disposition(&document, path, form.ending())))
        .insert_header((CACHE_CONTROL, CACHED))
        .content_type(form.media_type())
        .body(bytes))
}

/// The face of an invoice as PDF (PDF/A-3u), with receipt and data in it: the same bytes each time.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/face.pdf", tag = "invoices", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has")
    ),
    responses(
        (status = 200, content_type = "application/pdf", body = Vec<u8>), (status = 304, description = "As the caller has it"),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_face_pdf(
    request: HttpRequest,
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    hand_over(&request, state, &caller, &path, Form::Pdf).await
}

/// The face of an invoice as OFD (GB/T 33190), with receipt and data in it: the same bytes each time.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/face.ofd", tag = "invoices", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has")
    ),
    responses(
        (status = 200, content_type = "application/ofd", body = Vec<u8>), (status = 304, description = "As the caller has it"),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_face_ofd(
    request: HttpRequest,
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    hand_over(&request, state, &caller, &path, Form::Ofd).await
}

/// The data of an invoice as XML: what PDF and OFD carry.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/face.xml", tag = "invoices", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has")
    ),
    responses(
        (status = 200, content_type = "application/xml", body = String), (status = 304, description = "As the caller has it"),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_face_xml(
    request: HttpRequest,
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    hand_over(&request, state, &caller, &path, Form::Xml).await
}

/// The QR code of an invoice as SVG.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/qr.svg", tag = "invoices", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has")
    ),
    responses(
        (status = 200, content_type = "image/svg+xml", body = String), (status = 304, description = "As the caller has it"),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_qr_svg(
    request: HttpRequest,
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    hand_over(&request, state, &caller, &path, Form::QrSvg).await
}

/// The QR code of an invoice as PNG.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/qr.png", tag = "invoices", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has")
    ),
    responses(
        (status = 200, content_type = "image/png", body = Vec<u8>), (status = 304, description = "As the caller has it"),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_qr_png(
    request: HttpRequest,
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    hand_over(&request, state, &caller, &path, Form::QrPng).await
}

/// Query of `GET /v1/invoices/{id}/preview.svg`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// Which page, from 1; the first if left out.
    page: Option<usize>,
}

/// A page of an invoice's face as SVG, glyphs as outlines: to be shown on pages.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/preview.svg", tag = "invoices", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "<code>-<number>"), PreviewQuery,
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has")
    ),
    responses(
        (status = 200, content_type = "image/svg+xml", body = String), (status = 304, description = "As the caller has it"),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, description = "No such invoice, or no such page", body = ProblemReply)
    )
)]
pub async fn get_preview(
    request: HttpRequest,
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<PreviewQuery>>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    hand_over(&request, state, &caller, &path, Form::Preview(query.page.unwrap_or(1))).await
}
