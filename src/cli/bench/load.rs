//! The load generator: so many clients, each with a connection of its own, each asking for the next invoice as soon as it has the
//! last one's whole answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::machine::Cpu;
use super::site::{Site, Tip};
use super::table::Figures;
use crate::base::{Code, Fault, Faults, random};
use crate::cli::client::{Call, Connection, Target};

/// How one cell of the table is measured.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Clients at once.
    pub clients: u64,
    /// Load before the window, so that caches, connections and the write-ahead log are in their stride.
    pub warm_up: Duration,
    /// The window: what ends in it counts.
    pub window: Duration,
}

/// An answered request.
#[derive(Debug, Clone, Copy)]
struct Sample {
    done: Instant,
    took: Duration,
}

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

/// Measures one cell.
///
/// # Errors
/// [`Code::CliUnreachable`], [`Code::CliRefused`]: a single answer other than 201 spoils the cell.
pub async fn measure(runtime: &Handle, site: &mut Site, plan: Measure) -> Result<Figures<u64>, Faults> {
    let body = Bytes::from(draft().to_string());
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients: Vec<JoinHandle<Result<Vec<Sample>, Fault>>> = Vec::new();
    let seats = usize::try_from(plan.clients).unwrap_or(usize::MAX);
    for secret in site.keys.iter().cycle().take(seats) {
        let (target, key) = (site.target.clone(), secret.expose().clone());
        clients.push(runtime.spawn(ask_on(target, key, body.clone(), Arc::clone(&stop))));
    }
    tokio::time::sleep(plan.warm_up).await;
    let (before, cpu) = (site.tip()?, Cpu::now());
    let begun = Instant::now();
    tokio::time::sleep(plan.window).await;
    let ended = Instant::now();
    let (after, cpu) = (site.tip()?, Cpu::now().since(cpu));
    stop.store(true, Ordering::Relaxed);
    let mut took_us = Vec::new();
    for client in clients {
        let samples = client.await.map_err(|e| Fault::new(Code::Internal, "", format!("a client died: {e}")))??;
        site.answered = site.answered.saturating_add(u64::try_from(samples.len()).unwrap_or(u64::MAX));
        let counted = samples.iter().filter(|sample| (begun..ended).contains(&sample.done));
        took_us.extend(counted.map(|sample| u64::try_from(sample.took.as_micros()).unwrap_or(u64::MAX)));
    }
    if took_us.is_empty() {
        return Err(Fault::new(Code::Internal, "", "not one invoice was answered within the window").into());
    }
    Ok(figures(took_us, (before, after), cpu, ended.duration_since(begun)))
}

async fn ask_on(target: Target, key: String, body: Bytes, stop: Arc<AtomicBool>) -> Result<Vec<Sample>, Fault> {
    // Opened here, so that the connection's own task runs among the clients and not on the service's threads.
    let mut connection = Connection::open(&target).await?;
    let mut samples = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        // Random, as callers in production make theirs: the worst that an index can be given.
        let idempotency_key = hex::encode(random::bytes::<16>()?);
        let call =
            Call { method: "POST", path: "/v1/invoices", key: Some(&key), idempotency_key: Some(&idempotency_key) };
        let sent = Instant::now();
        let answer = connection.send(call, body.clone()).await?;
        let done = Instant::now();
        if answer.status != StatusCode::CREATED {
            let status = answer.status;
            answer.json()?;
            return Err(Fault::new(Code::CliRefused, "", format!("{status} where 201 was due")));
        }
        samples.push(Sample { done, took: done.duration_since(sent) });
    }
    Ok(samples)
}

fn figures(mut took_us: Vec<u64>, (before, after): (Tip, Tip), cpu: Cpu, window: Duration) -> Figures<u64> {
    took_us.sort_unstable();
    let invoices = u64::try_from(took_us.len()).unwrap_or(u64::MAX);
    let window_us = u64::try_from(window.as_micros()).unwrap_or(u64::MAX).max(1);
    let a_second = |count: u64| count.saturating_mul(1_000_000).checked_div(window_us).unwrap_or(0);
    let an_invoice = |us: u64| us.checked_div(invoices).unwrap_or(0);
    let percent = |us: u64| us.saturating_mul(100).checked_div(window_us).unwrap_or(0);
    let sequencer = after.sequencer.saturating_sub(before.sequencer);
    Figures {
        invoices_per_second: a_second(invoices),
        p50_us: quantile(&took_us, 50),
        p99_us: quantile(&took_us, 99),
        commits_per_second: a_second(after.height.saturating_sub(before.height)),
        cpu_us_per_invoice: an_invoice(cpu.total_us()),
        cpu_http_us_per_invoice: an_invoice(cpu.http_us),
        cpu_sequencer_us_per_invoice: an_invoice(cpu.sequencer_us),
        cpu_clients_us_per_invoice: an_invoice(cpu.clients_us),
        cores_busy_percent: percent(cpu.total_us()),
        sequencer_busy_percent: percent(u64::try_from(sequencer.as_micros()).unwrap_or(u64::MAX)),
        sequencer_cpu_percent: percent(cpu.sequencer_us),
    }
}

/// The smallest value that `percent` of all values do not exceed; 0 of nothing.
fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 99), quantile(&hundred, 100)), (50, 99, 100));
        assert_eq!((quantile(&[7], 50), quantile(&[7], 99), quantile(&[], 50)), (7, 7, 0));
    }

    #[test]
    fn the_request_is_as_large_as_the_bench_says() {
        let bytes = draft().to_string().len();
        assert!((1_300..1_700).contains(&bytes), "{bytes}");
    }

    #[test]
    fn only_the_window_is_divided_by() {
        let tip = |height, ms| Tip { height, size: 0, sequencer: Duration::from_millis(ms) };
        let cpu = Cpu { clients_us: 400_000, sequencer_us: 200_000, http_us: 1_000_000 };
        let figures = figures(vec![3_000; 4_000], (tip(10, 500), tip(60, 2_000)), cpu, Duration::from_secs(2));
        assert_eq!((figures.invoices_per_second, figures.commits_per_second), (2_000, 25));
        assert_eq!((figures.cpu_us_per_invoice, figures.cores_busy_percent), (400, 80));
        assert_eq!((figures.sequencer_busy_percent, figures.sequencer_cpu_percent), (75, 10));
    }
}
