//! Asking over HTTP, and what a caller may be told when something has gone wrong.

#![allow(dead_code, reason = "each target that includes this uses its own part")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use piaolian::base::{Clock as _, Secret, SystemClock, UnixMs};
use piaolian::parties::tencent::sandbox::{Platform, SandboxPayment, SandboxRefund, SignedNotice, Stamp};
use serde_json::{Value, json};

/// How long a caller goes on asking. Far above what any fault of these tests lasts.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// A request that can be asked again.
#[derive(Debug, Clone)]
pub struct Ask {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Ask {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub fn put(path: impl Into<String>) -> Self {
        Self::new("PUT", path)
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// With an API key.
    pub fn by(mut self, secret: &str) -> Self {
        self.headers.push(("authorization", format!("Bearer {secret}")));
        self
    }

    /// With an idempotency key.
    pub fn once(mut self, key: &str) -> Self {
        self.headers.push(("idempotency-key", key.to_owned()));
        self
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.headers.push(("content-type", "application/json".to_owned()));
        self.body = body.to_string().into_bytes();
        self
    }

    /// The request in HTTP/1.1, for a connection that is kept.
    pub fn on_the_wire(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            writeln!(head, "{name}: {value}\r").unwrap();
        }
        writeln!(head, "content-length: {}\r\n\r", self.body.len()).unwrap();
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Told to come back: the only other thing that a caller may hear of a fault that is not its own.
    pub fn is_later(&self) -> bool {
        self.status == 503 && self.header("retry-after").is_some()
    }
}

/// A client with connections that it keeps.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    /// Whether a process may end a connection without an answer: only one that is killed does.
    hangups: bool,
    /// How often callers were told to come back, by code; shared by clones.
    later: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Client {
    pub fn new() -> Self {
        // Longer than anything here may take, short enough to name the request that hangs.
        let inner = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { inner, hangups: false, later: Arc::default() }
    }

    /// The same among processes that are killed.
    pub fn among_the_dying(&self) -> Self {
        Self { hangups: true, ..self.clone() }
    }

    /// How often callers were told to come back, by code, since it was asked last.
    pub fn told_to_come_back(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.later.lock().unwrap())
    }

    /// Asks once. An error is a connection that ended without an answer.
    pub async fn ask(&self, base: &str, ask: &Ask) -> Result<Answer, reqwest::Error> {
        let url = format!("{base}{}", ask.path);
        let mut request = self.inner.request(ask.method.parse().unwrap(), url).body(ask.body.clone());
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await?;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()));
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        Ok(Answer { status, headers, body: answer.bytes().await?.to_vec() })
    }

    /// Asks one process after the other until one answers with 2xx. Until then each may say 503 with Retry-After, nothing else.
    pub async fn settle(&self, bases: &[String], ask: &Ask) -> Answer {
        let until = Instant::now() + SETTLED_WITHIN;
        for base in bases.iter().cycle() {
            let said = match self.ask(base, ask).await {
                Ok(answer) if answer.is_done() => return answer,
                Ok(answer) => {
                    let text = format!("{} {}: {} {}", ask.method, ask.path, answer.status, answer.json());
                    assert!(answer.is_later(), "neither done nor told to come back: {text}");
                    let code = answer.json()["code"].as_str().unwrap().to_owned();
                    *self.later.lock().unwrap().entry(code).or_default() += 1;
                    text
                }
                Err(error) => {
                    let text = format!("{} {}: {error:?}", ask.method, ask.path);
                    assert!(self.hangups, "a connection ended without an answer: {text}");
                    text
                }
            };
            assert!(Instant::now() < until, "never answered; last: {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("there is at least one process")
    }
}

/// Numbers from a seed, the same everywhere (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(u64::try_from(from.len()).unwrap())).unwrap()]
    }
}

/// A draft of one line.
pub fn draft(fen: i64, transaction: Option<&str>) -> Value {
    let line = json!({"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "amount": fen, "rate": 600});
    let mut draft = json!({
        "buyer": {"kind": "individual", "name": "个人"}, "pricing": "inclusive", "lines": [line], "total": fen,
    });
    if let Some(transaction) = transaction {
        draft["payment"] = json!({"provider": "wechat-pay", "transaction": transaction});
    }
    draft
}

/// The request for an invoice.
pub fn issue(api_key: &str, key: &str, draft: &Value) -> Ask {
    Ask::post("/v1/invoices").by(api_key).once(key).json(&json!({"draft": draft}))
}

/// When payments of tests were made.
const PAID_AT: UnixMs = UnixMs(1_793_500_000_000);

fn stamp() -> Stamp {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut entropy = [7; 25];
    let next = NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    entropy[..8].copy_from_slice(&next);
    entropy[16..24].copy_from_slice(&next);
    Stamp { at: SystemClock.now(), entropy }
}

fn noticed(signed: SignedNotice) -> Ask {
    let mut ask = Ask::post("/v1/notices/wechat-pay");
    ask.headers = signed.headers.pairs().map(|(name, value)| (name, value.to_owned())).collect();
    ask.headers.push(("content-type", "application/json".to_owned()));
    ask.body = signed.body;
    ask
}

/// The notice of a payment, signed now. The same transaction again is the same payment in a new envelope.
pub fn notice(platform: &Platform, mchid: &str, transaction: &str, order: &str, fen: i64) -> Ask {
    let payment = SandboxPayment {
        notice_id: format!("EV-{transaction}"),
        mchid: mchid.to_owned(),
        transaction: transaction.to_owned(),
        out_trade_no: order.to_owned(),
        paid_fen: fen,
        success_time: PAID_AT,
        payer_openid: Secret::new("oSamplePayer".to_owned()),
    };
    noticed(platform.payment(&payment, &stamp()).unwrap())
}

/// The notice that a whole payment was paid back.
pub fn refund_notice(platform: &Platform, mchid: &str, transaction: &str, order: &str, fen: i64) -> Ask {
    let part = Part { refund: format!("5{transaction}"), paid_fen: fen, refund_fen: fen };
    refund_part_notice(platform, mchid, transaction, order, part)
}

/// What of a payment is paid back.
pub struct Part {
    /// WeChat Pay's id of the refund.
    pub refund: String,
    pub paid_fen: i64,
    pub refund_fen: i64,
}

/// The notice that part of a payment was paid back.
pub fn refund_part_notice(platform: &Platform, mchid: &str, transaction: &str, order: &str, part: Part) -> Ask {
    let Part { refund, paid_fen, refund_fen } = part;
    let refund = SandboxRefund {
        notice_id: format!("EV-back-{refund}"),
        mchid: mchid.to_owned(),
        transaction: transaction.to_owned(),
        out_trade_no: order.to_owned(),
        out_refund_no: format!("back-{refund}"),
        refund,
        paid_fen,
        refund_fen,
        success_time: PAID_AT,
    };
    noticed(platform.refund(&refund, &stamp()).unwrap())
}
