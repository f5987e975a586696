//! One line and one count a request: request id, route, status, time. No bodies, no query strings, no names.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::HttpState;
use crate::base::{Code, Fault, random};

/// The header that carries the request id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being handled; empty outside of one.
pub(super) fn request_id() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
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
fn offered(request: &ServiceRequest) -> Option<String> {
    let text = request.headers().get(&REQUEST_ID)?.to_str().ok()?;
    let harmless = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(harmless)).then(|| text.to_owned())
}

fn new_id() -> String {
    random::bytes::<16>().map_or_else(|_no_randomness| "unknown".to_owned(), hex::encode)
}

/// Middleware around every request.
pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let id = offered(&request).unwrap_or_else(new_id);
    // A label of its own only for methods that there are: a caller can make up others without end.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let state = request.app_data::<web::Data<HttpState>>().cloned();
    let mut response = CURRENT.scope(id.clone(), next.call(request)).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status().as_u16();
    let took = started.elapsed();
    if let Some(state) = state {
        let metrics = &state.metrics;
        metrics.requests.with_label_values(&[route.as_str(), method.as_str(), status.to_string().as_str()]).inc();
        metrics.seconds.with_label_values(&[route.as_str(), method.as_str()]).observe(took.as_secs_f64());
    }
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status >= 500 {
        tracing::warn!(request_id = id, method, route, status, took_us, "{method} {route} answered {status}");
    } else {
        tracing::info!(request_id = id, method, route, status, took_us, "{method} {route} answered {status}");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}
