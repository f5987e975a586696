//! A small HTTP/1.1 client over one kept connection, for commands that talk to a service on plain HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::base::{Code, Fault};

/// Where a service is.
#[derive(Debug, Clone)]
pub struct Target {
    authority: String,
    prefix: String,
}

impl Target {
    /// Reads `http://host:port[/prefix]`.
    ///
    /// # Errors
    /// [`Code::CliUrl`].
    pub fn parse(url: &str) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault::new(Code::CliUrl, url, why);
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            wrong("only http:// is spoken here; run the command beside the service, or through a TLS proxy")
        })?;
        let (host, prefix) = rest.split_once('/').map_or((rest, ""), |(host, prefix)| (host, prefix));
        if host.is_empty() {
            return Err(wrong("a URL is http://host:port"));
        }
        let authority = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        Ok(Self { authority, prefix })
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, if the status is 2xx.
    ///
    /// # Errors
    /// [`Code::CliRefused`] with the service's own code and sentence.
    pub fn json(self) -> Result<Value, Fault> {
        let value: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        if self.status.is_success() {
            return Ok(value);
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = format!("{}: {} {}", self.status, text("code"), text("detail"));
        Err(Fault::new(Code::CliRefused, "", message))
    }
}

/// One kept connection.
pub struct Connection {
    target: Target,
    sender: SendRequest<Full<Bytes>>,
}

/// A request: method, path, API key, idempotency key, body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    /// `GET` where left empty.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// API key.
    pub key: Option<&'a str>,
    /// Idempotency key.
    pub idempotency_key: Option<&'a str>,
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CliUnreachable, "", format!("the service can't be reached: {error}"))
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`Code::CliUnreachable`].
    pub async fn open(target: &Target) -> Result<Self, Fault> {
        let stream = TcpStream::connect(&target.authority).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a client connection ended");
            }
        });
        Ok(Self { target: target.clone(), sender })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`Code::CliUnreachable`].
    pub async fn send(&mut self, call: Call<'_>, body: Bytes) -> Result<Answer, Fault> {
        let method = if call.method.is_empty() { "GET" } else { call.method };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.target.prefix, call.path))
            .header("host", &self.target.authority)
            .header("accept", "application/json");
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(key) = call.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(body)).map_err(broken)?;
        self.sender.ready().await.map_err(broken)?;
        let answer = self.sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(broken)?.to_bytes();
        Ok(Answer { status, body })
    }
}

/// Sends JSON over a connection of its own.
///
/// # Errors
/// [`Code::CliUnreachable`]; [`Code::CliRefused`].
pub async fn post(target: &Target, call: Call<'_>, body: &impl Serialize) -> Result<Value, Fault> {
    let body = serde_json::to_vec(body).map_err(|e| Fault::new(Code::Internal, "", e.to_string()))?;
    let method = if call.method.is_empty() { "POST" } else { call.method };
    Connection::open(target).await?.send(Call { method, ..call }, body.into()).await?.json()
}

/// Gets JSON over a connection of its own.
///
/// # Errors
/// [`Code::CliUnreachable`]; [`Code::CliRefused`].
pub async fn get(target: &Target, path: &str, key: Option<&str>) -> Result<Value, Fault> {
    get_bytes(target, path, key).await?.json()
}

/// Gets an answer as it is.
///
/// # Errors
/// [`Code::CliUnreachable`].
pub async fn get_bytes(target: &Target, path: &str, key: Option<&str>) -> Result<Answer, Fault> {
    Connection::open(target).await?.send(Call { path, key, ..Call::default() }, Bytes::new()).await
}
