//! From a fault to an answer: RFC 9457 problem documents. The only place that knows status codes.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::trace;
use crate::base::{Class, Code, Fault, Faults};

/// Seconds after which trying again makes sense: a full queue empties in well under one.
const RETRY_AFTER_S: &str = "1";

/// The same for a full disk, which somebody has to make room on.
const RETRY_AFTER_FULL_S: &str = "10";

/// An answer that says what is wrong.
#[derive(Debug, Clone)]
pub struct Problem(Faults);

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemFault {
    /// Stable code.
    pub code: String,
    /// JSON path into the request; empty when the whole is meant.
    pub path: String,
    /// A sentence for people.
    pub message: String,
}

/// A problem document (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemReply {
    /// A URI reference that names the kind of problem: `/docs/problems#<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, in one sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here.
    pub detail: String,
    /// Stable code of the first fault.
    pub code: String,
    /// All faults, in the order of the request.
    pub errors: Vec<ProblemFault>,
    /// Names this request in the log.
    pub request_id: String,
}

impl Problem {
    fn first(&self) -> (Code, &str) {
        self.0.first().map_or((Code::Internal, ""), |fault| (fault.code, fault.message.as_str()))
    }
}

impl<T: Into<Faults>> From<T> for Problem {
    fn from(faults: T) -> Self {
        Self(faults.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The status of a class of trouble.
fn status_of(class: Class) -> StatusCode {
    match class {
        Class::Malformed => StatusCode::BAD_REQUEST,
        Class::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Unauthenticated => StatusCode::UNAUTHORIZED,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::Missing => StatusCode::NOT_FOUND,
        Class::Method => StatusCode::METHOD_NOT_ALLOWED,
        Class::Slow => StatusCode::REQUEST_TIMEOUT,
        Class::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        Class::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Class::Full => StatusCode::INSUFFICIENT_STORAGE,
        Class::Corrupt | Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status_of(self.first().0.class())
    }

    fn error_response(&self) -> HttpResponse {
        let (code, message) = self.first();
        let status = self.status_code();
        let request_id = trace::request_id();
        let hidden = status == StatusCode::INTERNAL_SERVER_ERROR;
        if hidden {
            tracing::error!(request_id, code = code.as_str(), cause = %self.0, "a request failed on our side");
        }
        // The cause of our own failures goes to the log, not to the caller.
        let detail = if hidden { code.meaning().to_owned() } else { message.to_owned() };
        let errors = if hidden { Vec::new() } else { self.0.0.iter().map(ProblemFault::from).collect() };
        let mut answer = HttpResponse::build(status);
        match code.class() {
            Class::Busy => {
                answer.insert_header((RETRY_AFTER, RETRY_AFTER_S));
            }
            Class::Full => {
                answer.insert_header((RETRY_AFTER, RETRY_AFTER_FULL_S));
            }
            Class::Unauthenticated => {
                answer.insert_header((WWW_AUTHENTICATE, "Bearer"));
            }
            Class::Malformed
            | Class::Refused
            | Class::Conflict
            | Class::Forbidden
            | Class::Missing
            | Class::Method
            | Class::Slow
            | Class::MediaType
            | Class::TooLarge
            | Class::Exhausted
            | Class::Corrupt
            | Class::Internal => {}
        }
        answer.content_type("application/problem+json").json(ProblemReply {
            kind: format!("/docs/problems#{code}"),
            title: code.meaning().to_owned(),
            status: status.as_u16(),
            detail,
            code: code.as_str().to_owned(),
            errors,
            request_id,
        })
    }
}

impl From<&Fault> for ProblemFault {
    fn from(fault: &Fault) -> Self {
        Self { code: fault.code.as_str().to_owned(), path: fault.path.clone(), message: fault.message.clone() }
    }
}
