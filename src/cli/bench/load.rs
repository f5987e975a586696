//! The load generator: so many clients, each with a connection of its own, each asking for the next invoice as soon as it has the
//! last one's whole answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::histogram::Histogram;
use super::wire::{IssueRequest, Wire};
use crate::base::{Code, Fault, Faults, Secret};

/// How often a load that runs to a number of entries is looked at.
pub const TICK: Duration = Duration::from_millis(50);

/// How long the first answer of a window may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The request body: five lines, about 1.5 KB.
pub fn draft() -> Value {
    let lines: Vec<Value> = [
        ("餐饮服务", "午市双人套餐", "3070401000000000000", "双人", "份", "2", "38.5", 7_700, 600),
        ("餐饮服务", "柠檬茶", "3070401000000000000", "大杯", "杯", "3", "6", 1_800, 600),
        ("住宿服务", "标准间房费", "3070402000000000000", "标准间", "间夜", "1", "368", 36_800, 600),
        ("会展服务", "会议室租用", "3040502020000000000", "20人间", "时", "4", "150", 60_000, 600),
        ("纸制文具及用品", "便签本", "1060105040000000000", "A5-100页", "包", "5", "23.8", 11_900, 1300),
    ]
    .into_iter()
    .map(|(category, name, classification, specification, unit, quantity, price, amount, rate)| {
        json!({
            "category": category, "name": name, "classification": classification, "specification": specification,
            "unit": unit, "quantity": quantity, "price": price, "amount": amount, "rate": rate,
        })
    })
    .collect();
    json!({"draft": {
        "buyer": {
            "kind": "organisation", "name": "深圳票链样例采购有限公司", "taxpayer_id": "440300999999999",
            "address_phone": "深圳市南山区样例大道100号 0755-00000100", "bank_account": "票链样例银行南山支行 0000000000000100",
        },
        "pricing": "inclusive", "lines": lines, "total": 118_200,
        "remark": "压测样例, 非真实交易", "payee": "张三", "reviewer": "李四", "drawer": "王五",
    }})
}

/// What all clients of a load share.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    counting: AtomicBool,
    answered: AtomicU64,
    took: Histogram,
    failed: Mutex<Option<Fault>>,
}

/// What was answered within a window.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Answers.
    pub answers: u64,
    /// How long the window was.
    pub lasted: Duration,
    /// Half of the answers came within this.
    pub p50_us: u64,
    /// 99 of 100 answers came within this.
    pub p99_us: u64,
}

/// Microseconds of a duration.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Window {
    /// So many in the window, by the second.
    pub fn a_second(&self, count: u64) -> u64 {
        count.saturating_mul(1_000_000).checked_div(micros(self.lasted).max(1)).unwrap_or(0)
    }

    /// So much in the window, by the answer.
    pub fn an_answer(&self, amount: u64) -> u64 {
        amount.checked_div(self.answers).unwrap_or(0)
    }

    /// Answers a second.
    pub fn rate(&self) -> u64 {
        self.a_second(self.answers)
    }
}

/// What a client asks next: the request's bytes and the status that is due.
pub trait Asking: Send + 'static {
    /// The next request.
    fn next(&mut self) -> (&[u8], u16);
}

impl Asking for IssueRequest {
    fn next(&mut self) -> (&[u8], u16) {
        (Self::next(self), 201)
    }
}

/// Clients at work.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Sets one client to work for each of these.
    pub fn start<A: Asking>(runtime: &Handle, address: SocketAddr, clients: impl IntoIterator<Item = A>) -> Self {
        let shared = Arc::new(Shared::default());
        let work = |asking| {
            let shared = Arc::clone(&shared);
            runtime.spawn(async move {
                if let Err(fault) = ask_on(address, asking, &shared).await {
                    shared.stop.store(true, Ordering::Relaxed);
                    shared.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
                }
            })
        };
        let clients = clients.into_iter().map(work).collect();
        Self { shared, clients }
    }

    /// Clients that issue, sharing these API keys.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn issue(runtime: &Handle, address: SocketAddr, keys: &[Secret<String>], clients: u64) -> Result<Self, Fault> {
        let body = draft().to_string();
        let seats = usize::try_from(clients).unwrap_or(usize::MAX);
        let prepared = keys.iter().cycle().take(seats);
        let prepared: Vec<IssueRequest> =
            prepared.map(|key| IssueRequest::prepare(address, key.expose(), &body)).collect::<Result<_, Fault>>()?;
        Ok(Self::start(runtime, address, prepared))
    }

    /// Lets them work for a while without counting.
    pub async fn warm_up(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Counts what is answered from now on, for as long; longer, when a busy machine has nothing answered by then.
    ///
    /// # Errors
    /// Why a client gave up: one answer other than what was due spoils the window. [`Code::Internal`] when there are no answers
    /// at all.
    pub async fn window(&self, lasting: Duration) -> Result<Window, Faults> {
        let Shared { took, counting, .. } = self.shared.as_ref();
        took.clear();
        counting.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        tokio::time::sleep(lasting).await;
        while took.count() == 0 && begun.elapsed() < ANSWER_WITHIN {
            self.check()?;
            tokio::time::sleep(TICK).await;
        }
        let lasted = begun.elapsed();
        counting.store(false, Ordering::Relaxed);
        self.check()?;
        let answers = took.count();
        if answers == 0 {
            return Err(Fault::new(Code::Internal, "", "not one request was answered within the window").into());
        }
        Ok(Window { answers, lasted, p50_us: took.quantile(50), p99_us: took.quantile(99) })
    }

    /// Whether all clients are still at work.
    ///
    /// # Errors
    /// Why one gave up.
    pub fn check(&self) -> Result<(), Faults> {
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Answers since the start, inside of windows and outside.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Lets everybody finish; gives the answers since the start.
    ///
    /// # Errors
    /// As [`Load::check`].
    pub async fn stop(self) -> Result<u64, Faults> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.map_err(|e| Fault::new(Code::Internal, "", format!("a client died: {e}")))?;
        }
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), |fault| Err(Faults::from(fault)))?;
        Ok(self.shared.answered.load(Ordering::Relaxed))
    }
}

async fn ask_on(address: SocketAddr, mut asking: impl Asking, shared: &Shared) -> Result<(), Fault> {
    let mut wire = Wire::open(address).await?;
    while !shared.stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        let (request, due) = asking.next();
        wire.ask(request, due).await?;
        shared.answered.fetch_add(1, Ordering::Relaxed);
        if shared.counting.load(Ordering::Relaxed) {
            shared.took.record(micros(sent.elapsed()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_large_as_the_bench_says() {
        let bytes = draft().to_string().len();
        assert!((1_300..1_700).contains(&bytes), "{bytes}");
    }

    #[test]
    fn only_the_window_is_divided_by() {
        let window = Window { answers: 4_000, lasted: Duration::from_secs(2), p50_us: 0, p99_us: 0 };
        assert_eq!((window.rate(), window.a_second(50), window.an_answer(1_600_000)), (2_000, 25, 400));
    }
}
