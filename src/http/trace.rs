//! One line and one count a request: request id, route, status, time. No bodies, no query strings, no names.

use std::rc::Rc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::HttpState;
use crate::base::{Code, Fault, random};

/// The header that carries the request id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: Rc<str>;
}

/// The id of the request that is being handled; empty outside of one.
pub(super) fn request_id() -> String {
    CURRENT.try_with(|id| id.to_string()).unwrap_or_default()
}

/// Counters of this room.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    /// Makes the counters and registers them.
    ///
    /// # Errors
    /// [`Code::Internal`] when a name is taken.
    pub fn register(registry: &Registry) -> Result<Self, Fault> {
        let broken = |e: prometheus::Error| Fault::new(Code::Internal, "", format!("metrics: {e}"));
        let requests = Opts::new("piaolian_http_requests_total", "Requests by route, method and status");
        let seconds = HistogramOpts::new("piaolian_http_seconds", "Seconds per request by route and method")
            .buckets(vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0]);
        let metrics = Self {
            requests: IntCounterVec::new(requests, &["route", "method", "status"]).map_err(broken)?,
            seconds: HistogramVec::new(seconds, &["route", "method"]).map_err(broken)?,
        };
        registry.register(Box::new(metrics.requests.clone())).map_err(broken)?;
        registry.register(Box::new(metrics.seconds.clone())).map_err(broken)?;
        Ok(metrics)
    }
}

/// A caller's own request id is taken if it can do no harm in a log.
fn offered(request: &ServiceRequest) -> Option<Rc<str>> {
    let text = request.headers().get(&REQUEST_ID)?.to_str().ok()?;
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(harmless)).then(|| Rc::from(text))
}

fn new_id() -> Rc<str> {
    let mut digits = [0; 32];
    let written = random::bytes::<16>().ok().and_then(|bytes| hex::encode_to_slice(bytes, &mut digits).ok());
    let id = written.and_then(|()| std::str::from_utf8(&digits).ok());
    Rc::from(id.unwrap_or("unknown"))
}

/// A method as a label: one of its own only for methods that there are, since a caller can make up others without end.
fn label_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Middleware around every request.
pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let id = offered(&request).unwrap_or_else(new_id);
    let method = label_of(request.method());
    let state = request.app_data::<web::Data<HttpState>>().cloned();
    let mut response = CURRENT.scope(Rc::clone(&id), next.call(request)).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status();
    let took = started.elapsed();
    if let Some(state) = state {
        let metrics = &state.metrics;
        metrics.requests.with_label_values(&[route.as_str(), method, status.as_str()]).inc();
        metrics.seconds.with_label_values(&[route.as_str(), method]).observe(took.as_secs_f64());
    }
    let (id, status) = (&*id, status.as_u16());
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status >= 500 {
        tracing::warn!(request_id = id, method, route, status, took_us, "{method} {route} answered {status}");
    } else {
        tracing::info!(request_id = id, method, route, status, took_us, "{method} {route} answered {status}");
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}
