//! Commands that reach a process which follows are carried to the one that leads, and its answer is relayed as it is.
//!
//! Promises: a command is carried out by the leader only, which also looks at the caller's key. While leadership changes hands, what
//! may be said twice (an idempotency key, a notice, an order) is said again for up to [`SAY_AGAIN_WITHIN`]; after that the caller is told
//! to come back, and whether nothing was done or nobody knows. A forwarded command is never forwarded again.

use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, ResponseError as _};
use tokio::sync::watch;

use super::extract::{Caller, Raw};
use super::problem::Problem;
use super::{HttpState, trace};
use crate::base::{Code, Fault};
use crate::sequencer::Role;

/// Says that a process has forwarded the command already.
const FORWARDED: &str = "piaolian-forwarded";

const REQUEST_ID: &str = "x-request-id";

/// How long a command is tried again while no leader takes it: longer than a hand-over takes.
const SAY_AGAIN_WITHIN: Duration = Duration::from_secs(4);

/// How long to wait for a leader before trying again.
const SAY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How long a leader may take to answer: longer than it waits for its database.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long connecting to a leader may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long an idle connection is kept: less than the leader keeps it.
const IDLE_WITHIN: Duration = Duration::from_secs(20);

/// Headers that belong to one connection (RFC 9110 7.6.1) or are made anew for each.
const NOT_RELAYED: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "piaolian-forwarded",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// The client that commands are carried with.
#[derive(Debug)]
pub(super) struct Client(reqwest::Client);

impl Client {
    fn new() -> Result<Self, Fault> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .pool_idle_timeout(IDLE_WITHIN)
            .build();
        client.map(Self).map_err(|e| Fault::new(Code::Internal, "", format!("no client to reach the leader: {e}")))
    }
}

/// What is posted but changes nothing.
const COMPUTING: [&str; 3] = ["/v1/drafts", "/v1/commitments", "/v1/roster/change-draft"];

/// Commands without an API key: notices are signed, and their signature is over the body; a claim's proof is in its body, and so is that
/// of a wallet's holder who speaks on a confirmation sheet.
fn has_its_proof_in_the_body(path: &str, headers: &HeaderMap) -> bool {
    let on_sheet = path.ends_with("/confirmations") || path.starts_with("/v1/confirmations/");
    path.starts_with("/v1/notices/")
        || path == "/v1/claims"
        || path.starts_with("/v1/claims/")
        || (on_sheet && !headers.contains_key("authorization"))
}

/// Whether only the leader may carry this out: everything under `/v1` that changes something.
pub(super) fn is_command(method: &Method, path: &str) -> bool {
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
    // A client on the way to the leader would resolve dot segments: the path that is judged must be the one that is carried.
    let dots = |part: &str| [".", ".."].contains(&part.to_ascii_lowercase().replace("%2e", ".").as_str());
    let plain = !path.split('/').any(dots);
    let computes = COMPUTING.contains(&path) || path.ends_with("/reversal-draft");
    changes && plain && path.starts_with("/v1/") && !computes
}

/// Whether saying it twice has the effect of once.
fn may_be_said_twice(path: &str, headers: &HeaderMap) -> bool {
    // A key for API keys would be taken for none.
    let keyed = headers.contains_key("idempotency-key") && !path.starts_with("/v1/api-keys");
    keyed || path.starts_with("/v1/notices/") || path == "/v1/orders"
}

/// Middleware around every request: commands go to the leader, everything else goes on.
pub(super) async fn to_leader<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let following = is_command(request.method(), request.path())
        .then(|| request.app_data::<web::Data<HttpState>>().cloned())
        .flatten()
        .filter(|state| !state.leadership.is_leading());
    match following {
        None => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Some(state) => Box::pin(forward(state, request, next)).await,
    }
}

async fn forward<B: MessageBody + 'static>(
    state: web::Data<HttpState>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let refuse = |request: ServiceRequest, problem: Problem| {
        Ok(request.into_response(problem.error_response()).map_into_right_body())
    };
    if request.headers().contains_key(FORWARDED) {
        return refuse(request, not_leading().into());
    }
    // As on the leader, a stranger's body is not read.
    if !has_its_proof_in_the_body(request.path(), request.headers())
        && let Err(problem) = request.extract::<Caller>().await
    {
        return refuse(request, problem);
    }
    let body = match request.extract::<Raw>().await {
        Ok(Raw(body)) => Bytes::from(body),
        Err(problem) => return refuse(request, problem),
    };
    let command = match Command::of(&request, body.clone()) {
        Ok(command) => command,
        Err(fault) => return refuse(request, fault.into()),
    };
    match command.carry(&state).await {
        // By now it is we who lead.
        Ok(Carried::Here) => {
            request.set_payload(Payload::from(body));
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Ok(Carried::Answered(answer)) => Ok(request.into_response(answer).map_into_right_body()),
        Err(fault) => refuse(request, fault.into()),
    }
}

fn not_leading() -> Fault {
    Fault::new(Code::SeqNotLeading, "", "no process that leads can be reached; nothing was done")
}

fn outcome_unknown() -> Fault {
    let message =
        "the leader was lost with the command in hand; ask again, with the same idempotency key where there is one";
    Fault::new(Code::SeqOutcomeUnknown, "", message)
}

/// What came of carrying a command.
enum Carried {
    /// The leader has answered.
    Answered(HttpResponse),
    /// This process leads now.
    Here,
}

/// What came of one try.
enum Tried {
    /// The leader has answered.
    Answered(HttpResponse),
    /// It has done nothing.
    NotDone,
    /// It may have done it.
    Unknown,
}

/// A command on its way to the leader.
struct Command {
    method: reqwest::Method,
    path_and_query: String,
    headers: reqwest::header::HeaderMap,
    body: Bytes,
    may_be_said_twice: bool,
}

impl Command {
    fn of(request: &ServiceRequest, body: Bytes) -> Result<Self, Fault> {
        let malformed = |what: String| Fault::new(Code::Internal, "", format!("can't be forwarded: {what}"));
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes());
        let mut headers = reqwest::header::HeaderMap::new();
        for (name, value) in request.headers() {
            if NOT_RELAYED.contains(&name.as_str()) {
                continue;
            }
            let name = reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes());
            let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes());
            headers.append(name.map_err(|e| malformed(e.to_string()))?, value.map_err(|e| malformed(e.to_string()))?);
        }
        headers.insert(FORWARDED, reqwest::header::HeaderValue::from_static("1"));
        // One id for both logs.
        if let Ok(id) = reqwest::header::HeaderValue::from_str(&trace::request_id()) {
            headers.insert(REQUEST_ID, id);
        }
        Ok(Self {
            method: method.map_err(|e| malformed(e.to_string()))?,
            path_and_query: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            headers,
            body,
            may_be_said_twice: may_be_said_twice(request.path(), request.headers()),
        })
    }

    /// Carries it to whoever leads, again if need be.
    async fn carry(&self, state: &HttpState) -> Result<Carried, Fault> {
        let started = Instant::now();
        let mut roles = state.leadership.watch();
        let mut unknown = false;
        loop {
            let role = roles.borrow_and_update().clone();
            match role {
                Role::Leading { .. } => return Ok(Carried::Here),
                Role::Following { address: None } => {}
                Role::Following { address: Some(address) } => match self.try_at(state, &address, &mut roles).await? {
                    Tried::Answered(answer) => return Ok(Carried::Answered(answer)),
                    Tried::NotDone => {}
                    Tried::Unknown if self.may_be_said_twice => unknown = true,
                    Tried::Unknown => return Err(outcome_unknown()),
                },
            }
            if started.elapsed() >= SAY_AGAIN_WITHIN {
                return Err(if unknown { outcome_unknown() } else { not_leading() });
            }
            // Whether it changes or not, the next round looks at it.
            match tokio::time::timeout(SAY_AGAIN_AFTER, roles.changed()).await {
                Ok(_changed) => {}
                Err(_nothing_new) => {}
            }
        }
    }

    /// One try. What may be said twice does not wait for the answer of a leader that is none any more.
    async fn try_at(
        &self,
        state: &HttpState,
        address: &str,
        roles: &mut watch::Receiver<Role>,
    ) -> Result<Tried, Fault> {
        let client = state.client.get_or_init(Client::new).as_ref().map_err(Clone::clone)?;
        let url = format!("{address}{}", self.path_and_query);
        let request = client.0.request(self.method.clone(), url).headers(self.headers.clone()).body(self.body.clone());
        let answer = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
        };
        let answer = tokio::select! {
            answer = answer => answer,
            () = leader_changes(roles, address), if self.may_be_said_twice => return Ok(Tried::Unknown),
        };
        match answer {
            Ok((status, _, body)) if says_not_done(status, &body) => Ok(Tried::NotDone),
            Ok((status, headers, body)) => relayed(status, &headers, body).map(Tried::Answered),
            Err(error) => {
                tracing::warn!(%error, leader = address, "a command could not be carried to the leader");
                Ok(if error.is_connect() { Tried::NotDone } else { Tried::Unknown })
            }
        }
    }
}

/// Ends when somebody else leads than the process at this address.
async fn leader_changes(roles: &mut watch::Receiver<Role>, address: &str) {
    let changed = roles.wait_for(|role| match role {
        Role::Leading { .. } | Role::Following { address: None } => true,
        Role::Following { address: Some(now) } => now != address,
    });
    if changed.await.is_err() {
        // Nobody watches the lease any more: what is under way is waited for.
        std::future::pending::<()>().await;
    }
}

/// Whether the process that was taken for the leader says that it has done nothing, being none or about to stop.
fn says_not_done(status: reqwest::StatusCode, body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let says = |code: Code| text.contains(&format!("\"{code}\""));
    status == reqwest::StatusCode::SERVICE_UNAVAILABLE && (says(Code::SeqNotLeading) || says(Code::SeqStopped))
}

fn relayed(
    status: reqwest::StatusCode,
    headers: &reqwest::header::HeaderMap,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let odd =
        |what: String| Fault::new(Code::SeqOutcomeUnknown, "", format!("the leader's answer can't be relayed: {what}"));
    let status = StatusCode::from_u16(status.as_u16()).map_err(|e| odd(e.to_string()))?;
    let mut answer = HttpResponse::build(status);
    for (name, value) in headers {
        if NOT_RELAYED.contains(&name.as_str()) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|e| odd(e.to_string()))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|e| odd(e.to_string()))?;
        answer.append_header((name, value));
    }
    Ok(answer.body(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_what_changes_something_under_v1() {
        for (method, path, expected) in [
            (Method::POST, "/v1/invoices", true),
            (Method::POST, "/v1/notices/wechat-pay", true),
            (Method::PUT, "/v1/rules/*", true),
            (Method::DELETE, "/v1/api-keys/key_1", true),
            (Method::PUT, "/v1/rules/%2A", true),
            (Method::POST, "/v1/x/../api-keys", false),
            (Method::POST, "/v1/x/%2E%2e/api-keys", false),
            (Method::POST, "/v1/drafts", false),
            (Method::POST, "/v1/invoices/1-2/reversal-draft", false),
            (Method::POST, "/v1/invoices/1-2/reversals", true),
            (Method::GET, "/v1/invoices", false),
            (Method::HEAD, "/v1/invoices", false),
            (Method::POST, "/dzswj/bers_ep_web/query_bill_detail", false),
        ] {
            assert_eq!(is_command(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn only_what_has_the_effect_of_once_is_said_twice() {
        let (none, mut keyed) = (HeaderMap::new(), HeaderMap::new());
        keyed.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_static("k1"));
        for (path, headers, expected) in [
            ("/v1/invoices", &keyed, true),
            ("/v1/invoices", &none, false),
            ("/v1/notices/wechat-pay", &none, true),
            ("/v1/orders", &none, true),
            ("/v1/api-keys", &keyed, false),
            ("/v1/api-keys/key_1", &none, false),
        ] {
            assert_eq!(may_be_said_twice(path, headers), expected, "{path}");
        }
    }

    #[test]
    fn an_answer_says_that_nothing_was_done_by_its_code() {
        let unavailable = reqwest::StatusCode::SERVICE_UNAVAILABLE;
        assert!(says_not_done(unavailable, br#"{"code":"SEQ-NOT-LEADING"}"#));
        assert!(says_not_done(unavailable, br#"{"code":"FAIL","message":"SEQ-STOPPED"}"#));
        assert!(!says_not_done(unavailable, br#"{"code":"SEQ-OUTCOME-UNKNOWN"}"#));
        assert!(!says_not_done(unavailable, br#"{"code":"SEQ-BUSY"}"#));
        assert!(!says_not_done(reqwest::StatusCode::CREATED, br#"{"code":"SEQ-NOT-LEADING"}"#));
    }
}
