//! What a handler takes out of a request: caller, idempotency key, JSON body, query. Each failure has its own code and path.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::HttpState;
use super::problem::Problem;
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::limits::BODY_BYTES_MAX;
use crate::base::stages::Stage;
use crate::base::{Code, Fault};
use crate::sequencer::desk::Principal;
use crate::store::Role;

/// Whoever holds the API key of the request.
#[derive(Debug, Clone)]
pub(super) struct Caller(Principal);

impl Caller {
    /// Lets only these roles pass.
    pub fn require(&self, roles: &[Role]) -> Result<&Self, Problem> {
        if roles.contains(&self.0.role) {
            return Ok(self);
        }
        let allowed = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" or ");
        let message = format!("this needs a key of role {allowed}; yours is of role {}", self.0.role.as_str());
        Err(Fault::new(Code::HttpRoleForbidden, "", message).into())
    }

    /// The merchant that the caller is.
    pub fn merchant(&self) -> Result<MerchantId, Problem> {
        self.require(&[Role::Merchant])?;
        self.0.merchant.clone().ok_or_else(|| Fault::new(Code::HttpRoleForbidden, "", "a key without merchant").into())
    }

    /// The company that the caller is, by its taxpayer id.
    pub fn company(&self) -> Result<String, Problem> {
        self.require(&[Role::Company])?;
        self.0.company.clone().ok_or_else(|| Fault::new(Code::HttpRoleForbidden, "", "a key without company").into())
    }

    /// What the caller may do.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Which merchant's records a list may show: a merchant sees its own, the others whatever they ask for.
    pub fn scope(&self, asked: Option<MerchantId>) -> Result<Option<MerchantId>, Problem> {
        match (self.0.role, &self.0.merchant, asked) {
            (Role::Merchant, Some(own), None) => Ok(Some(own.clone())),
            (Role::Merchant, Some(own), Some(asked)) if *own == asked => Ok(Some(asked)),
            (Role::Merchant, _, _) => {
                Err(Fault::new(Code::HttpRoleForbidden, "merchant", "a merchant sees only its own").into())
            }
            (Role::Company, _, _) => {
                let message = "a company's key sees only the invoices whose documents the company has";
                Err(Fault::new(Code::HttpRoleForbidden, "", message).into())
            }
            (Role::Bureau | Role::Auditor, _, asked) => Ok(asked),
        }
    }

    /// Whether a record of this merchant may be seen. One that may not is answered like one that is not there.
    pub fn may_see(&self, owner: &MerchantId) -> bool {
        match self.0.role {
            Role::Merchant => self.0.merchant.as_ref() == Some(owner),
            Role::Company => false,
            Role::Bureau | Role::Auditor => true,
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let secret = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::to_owned);
        let state = request.app_data::<web::Data<HttpState>>().cloned();
        Box::pin(async move {
            let Some(secret) = secret else {
                return Err(Fault::new(Code::HttpKeyMissing, "", "send Authorization: Bearer <API key>").into());
            };
            let state = state.ok_or_else(|| Fault::new(Code::Internal, "", "no state"))?;
            let principal = state.desk.authenticate(&secret).await?;
            principal
                .map(Self)
                .ok_or_else(|| Fault::new(Code::HttpKeyBad, "", "this API key is unknown or revoked").into())
        })
    }
}

/// What comes with a request, looked at only once its caller is known: a stranger's body is not read.
#[derive(Debug)]
pub(super) struct Behind<T>(pub Caller, pub T);

impl<T: FromRequest<Error = Problem> + 'static> FromRequest for Behind<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = Caller::extract(&request).await?;
            let rest = T::from_request(&request, &mut payload).await?;
            Ok(Self(caller, rest))
        })
    }
}

/// What comes with a request that may have no API key, for doors that take another proof. A key that is given must be a good one.
#[derive(Debug)]
pub(super) struct BehindMaybe<T>(pub Option<Caller>, pub T);

impl<T: FromRequest<Error = Problem> + 'static> FromRequest for BehindMaybe<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = match request.headers().contains_key(AUTHORIZATION) {
                true => Some(Caller::extract(&request).await?),
                false => None,
            };
            let rest = T::from_request(&request, &mut payload).await?;
            Ok(Self(caller, rest))
        })
    }
}

/// The `Idempotency-Key` header.
#[derive(Debug)]
pub(super) struct KeyHeader(pub IdempotencyKey);

impl FromRequest for KeyHeader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get("idempotency-key") else {
            let message = "send an Idempotency-Key header: the same key with the same body gives the same answer";
            return ready(Err(Fault::new(Code::HttpIdempotencyKeyMissing, "", message).into()));
        };
        let text = value.to_str().unwrap_or_default();
        ready(IdempotencyKey::try_from(text).map(Self).map_err(Problem::from))
    }
}

/// A JSON body of exactly this shape.
#[derive(Debug)]
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = media.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let mut payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(Fault::new(Code::HttpMediaType, "", "send Content-Type: application/json").into());
            }
            let body = read_body(&mut payload).await?;
            Stage::Parse.measure(|| parse_json(&body)).map(Self)
        })
    }
}

/// An idempotency key and a JSON body: what a command is made of.
#[derive(Debug)]
pub(super) struct KeyedJson<T>(pub IdempotencyKey, pub T);

impl<T: DeserializeOwned + 'static> FromRequest for KeyedJson<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = KeyHeader::from_request(request, payload).into_inner();
        let body = Json::from_request(request, payload);
        Box::pin(async move { Ok(Self(key?.0, body.await?.0)) })
    }
}

/// An idempotency key and a query string: what a command without a body is made of.
#[derive(Debug)]
pub(super) struct KeyedQuery<T>(pub IdempotencyKey, pub T);

impl<T: DeserializeOwned> FromRequest for KeyedQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = KeyHeader::from_request(request, payload).into_inner();
        let query = Query::from_request(request, payload).into_inner();
        ready(key.and_then(|KeyHeader(key)| Ok(Self(key, query?.0))))
    }
}

/// The raw bytes of a body: for what is signed as received.
#[derive(Debug)]
pub(super) struct Raw(pub Vec<u8>);

impl FromRequest for Raw {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut payload = payload.take();
        Box::pin(async move { read_body(&mut payload).await.map(Self) })
    }
}

/// How long a body may take: 2 MiB over a slow line, and no connection is held open by a trickle.
const BODY_WITHIN: Duration = Duration::from_secs(30);

async fn read_body(payload: &mut Payload) -> Result<Vec<u8>, Problem> {
    match tokio::time::timeout(BODY_WITHIN, read_whole(payload)).await {
        Ok(body) => body,
        Err(_elapsed) => Err(Fault::new(Code::HttpBodySlow, "", "the body did not come within 30 s").into()),
    }
}

async fn read_whole(payload: &mut Payload) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| Fault::new(Code::HttpJsonMalformed, "", format!("the body ended early: {e}")))?;
        if body.len().saturating_add(chunk.len()) > BODY_BYTES_MAX {
            let message = format!("a body is at most {BODY_BYTES_MAX} bytes");
            return Err(Fault::new(Code::HttpBodyTooLarge, "", message).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads JSON, naming the place of what does not fit.
///
/// Keeping track of the place costs half as much again as reading, so it is done only for a body that does not fit, in a second reading.
pub(super) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).or_else(|_misfit| parse_with_path(body))
}

fn parse_with_path<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = Some(error.path().to_string()).filter(|path| path != ".").unwrap_or_default();
        let cause = error.into_inner();
        // `null` where an enum is wanted counts as syntax with serde_json: whether the body is JSON, the whole of it tells.
        let is_json = cause.is_data() || serde_json::from_slice::<IgnoredAny>(body).is_ok();
        match is_json {
            true => Fault::new(Code::HttpShapeWrong, path, cause.to_string()),
            false => Fault::new(Code::HttpJsonMalformed, "", cause.to_string()),
        }
    })?;
    reader.end().map_err(|e| Fault::new(Code::HttpJsonMalformed, "", format!("after the document: {e}")))?;
    Ok(value)
}

/// A query string of exactly this shape.
#[derive(Debug)]
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        let malformed = |e: actix_web::error::QueryPayloadError| {
            Problem::from(Fault::new(Code::HttpQueryMalformed, "", e.to_string()))
        };
        ready(query.map(|query| Self(query.into_inner())).map_err(malformed))
    }
}

/// A path parameter as a domain type.
pub(super) fn path_id<T: for<'a> TryFrom<&'a str, Error = Fault>>(text: &str, name: &str) -> Result<T, Problem> {
    T::try_from(text).map_err(|fault| Fault::new(Code::HttpQueryMalformed, name, fault.message).into())
}
