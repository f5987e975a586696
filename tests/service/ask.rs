//! A request as a test puts it, and its answer.

use std::sync::OnceLock;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use piaolian::http::openapi;
use piaolian::parties::tencent::sandbox::SignedNotice;
use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// A notice as it goes over the wire.
    pub fn notice(notice: &SignedNotice) -> Self {
        let mut ask = Self::post("/v1/notices/wechat-pay").header("Content-Type", "application/json");
        ask.headers.extend(notice.headers.pairs().map(|(name, value)| (name, value.to_owned())));
        ask.body = notice.body.clone();
        ask
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn by(self, secret: &str) -> Self {
        self.header("Authorization", format!("Bearer {secret}"))
    }

    /// With this idempotency key.
    pub fn once(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    /// A body that is said to be JSON.
    pub fn raw(self, body: impl Into<Vec<u8>>) -> Self {
        let mut ask = self.header("Content-Type", "application/json");
        ask.body = body.into();
        ask
    }

    pub fn to_request(&self) -> TestRequest {
        let request = TestRequest::default().method(self.method.clone()).uri(&self.path);
        let request = self.headers.iter().fold(request, |request, header| request.insert_header(header.clone()));
        request.set_payload(self.body.clone())
    }

    /// The statuses that the OpenAPI document has for this request, if it knows the path and method.
    pub fn documented(&self) -> Option<Vec<u16>> {
        let path = self.path.split('?').next().unwrap();
        let (_, item) = document()["paths"].as_object().unwrap().iter().find(|(template, _)| fits(template, path))?;
        let responses = item.get(self.method.as_str().to_lowercase())?["responses"].as_object().unwrap();
        Some(responses.keys().map(|status| status.parse().unwrap()).collect())
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(a, b)| a.starts_with('{') || a == b)
}

/// The OpenAPI document, read once.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(&openapi::document()).unwrap())
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The stable code of a problem document, or the one that a refused notice carries in its message.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = if json["code"] == "FAIL" { &json["message"] } else { &json["code"] };
        code.as_str().unwrap().to_owned()
    }
}
