//! The demonstration: fictional merchants of Shenzhen and what their customers pay, from `fixtures/demo`.
//!
//! `merchants.json`: `{v, merchants: [{mchid, story, issue_on_payment, seller, payee?, reviewer?, drawer?}]}`.
//! `orders.json`: `{v, events: [...]}` in order of time; an event is
//! - `payment`: `{story, mchid, transaction, out_trade_no, openid, paid, at, order?}`, the order being a [`billing::Order`] whose `lines` may
//!   be given as `expand: {count, line}`: so many copies of the line, with `{n}` in its name replaced by 1, 2, 3, ...
//! - `repeat`: `{story, transaction, at}`: the notice of that payment once more,
//! - `refund`: `{story, transaction, refund, out_refund_no, fen, at}`.
//!
//! Promise: what a loader gives back refers to known merchants and earlier payments only, names each transaction once, and
//! refunds no more than was paid. That orders add up to what was paid is [`billing::bill`]'s to find.
//!
//! [`billing::Order`]: crate::parties::kingdee::billing::Order
//! [`billing::bill`]: crate::parties::kingdee::billing::bill

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::base::ids::{Provider, TransactionId};
use crate::base::limits::LINES_PER_INVOICE_MAX;
use crate::base::{Code, Fault, Secret, UnixMs};
use crate::invoice::{Fen, Seller};
use crate::parties::kingdee::billing::{Order, Paid};
use crate::parties::tencent::PROVIDER;
use crate::parties::tencent::sandbox::{SandboxPayment, SandboxRefund};

/// The merchants of the demonstration.
pub const MERCHANTS_JSON: &str = include_str!("../../fixtures/demo/merchants.json");
/// The events of the demonstration.
pub const ORDERS_JSON: &str = include_str!("../../fixtures/demo/orders.json");
/// The bureau's rules in the demonstration.
pub const RULES_JSON: &str = include_str!("../../fixtures/demo/rules.json");

/// A merchant of the demonstration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoMerchant {
    /// Its number at WeChat Pay.
    pub mchid: String,
    /// What it is there for.
    pub story: String,
    /// Whether an invoice is issued as soon as a payment is in.
    pub issue_on_payment: bool,
    /// As the bureau has registered it.
    pub seller: Seller,
    /// 收款人, where an order names none.
    #[serde(default)]
    pub payee: Option<String>,
    /// 复核, where an order names none.
    #[serde(default)]
    pub reviewer: Option<String>,
    /// 开票人, where an order names none.
    #[serde(default)]
    pub drawer: Option<String>,
}

/// Something that happens in the demonstration.
#[derive(Debug, Clone)]
pub enum DemoEvent {
    /// A payment and its notice.
    Payment(DemoPayment),
    /// The notice of an earlier payment once more.
    Repeat {
        /// What it is to show.
        story: String,
        /// When it is sent again.
        at: UnixMs,
        /// The payment, unchanged.
        payment: DemoPayment,
    },
    /// A refund and its notice.
    Refund(DemoRefund),
}

/// A payment of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoPayment {
    /// What it is to show.
    pub story: String,
    /// The merchant.
    pub mchid: String,
    /// WeChat Pay's id.
    pub transaction: TransactionId,
    /// The merchant's order number.
    pub out_trade_no: String,
    /// The payer.
    pub openid: Secret<String>,
    /// How much.
    pub paid: Fen,
    /// When.
    pub at: UnixMs,
    /// What was sold, when the merchant has lodged it beforehand.
    pub order: Option<Order>,
}

impl DemoPayment {
    /// The payment as the sandbox platform tells of it.
    pub fn notice(&self) -> SandboxPayment {
        SandboxPayment {
            notice_id: format!("EV-{}", self.transaction),
            mchid: self.mchid.clone(),
            transaction: self.transaction.to_string(),
            out_trade_no: self.out_trade_no.clone(),
            paid_fen: self.paid.get(),
            success_time: self.at,
            payer_openid: self.openid.clone(),
        }
    }

    /// The payment as the invoicing desk needs it.
    ///
    /// # Errors
    /// None in practice: the provider's name is a constant.
    pub fn paid(&self) -> Result<Paid, Fault> {
        let provider = Provider::try_from(PROVIDER)?;
        Ok(Paid { provider, transaction: self.transaction.clone(), paid: self.paid })
    }
}

/// A refund of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoRefund {
    /// What it is to show.
    pub story: String,
    /// The refund as the sandbox platform tells of it.
    pub notice: SandboxRefund,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MerchantsFile {
    v: u8,
    merchants: Vec<DemoMerchant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsFile {
    v: u8,
    events: Vec<WireEvent>,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
enum WireEvent {
    Payment {
        story: String,
        mchid: String,
        transaction: TransactionId,
        out_trade_no: String,
        openid: String,
        paid: Fen,
        at: String,
        #[serde(default)]
        order: Option<Map<String, Value>>,
    },
    Repeat {
        story: String,
        transaction: TransactionId,
        at: String,
    },
    Refund {
        story: String,
        transaction: TransactionId,
        refund: TransactionId,
        out_refund_no: String,
        fen: Fen,
        at: String,
    },
}

/// A line that stands for many.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expand {
    count: usize,
    line: Map<String, Value>,
}

/// Reads merchants.
///
/// # Errors
/// [`Code::DemoFixtureMalformed`].
pub fn merchants(text: &str) -> Result<Vec<DemoMerchant>, Fault> {
    let file: MerchantsFile = serde_json::from_str(text).map_err(|e| malformed("", e.to_string()))?;
    check_version(file.v)?;
    for (index, merchant) in file.merchants.iter().enumerate() {
        if file.merchants.iter().skip(index.saturating_add(1)).any(|other| other.mchid == merchant.mchid) {
            return Err(malformed(&format!("merchants[{index}].mchid"), "the mchid stands twice"));
        }
    }
    Ok(file.merchants)
}

/// Reads events. `merchants` are those that payments may go to.
///
/// # Errors
/// [`Code::DemoFixtureMalformed`], with the event's place.
pub fn events(text: &str, merchants: &[DemoMerchant]) -> Result<Vec<DemoEvent>, Fault> {
    let file: EventsFile = serde_json::from_str(text).map_err(|e| malformed("", e.to_string()))?;
    check_version(file.v)?;
    let mut payments = Payments { merchants, known: BTreeMap::new() };
    let numbered = file.events.into_iter().enumerate();
    numbered.map(|(index, wire)| payments.read(wire).map_err(|f| f.under(&format!("events[{index}]")))).collect()
}

/// The payments so far, and what is left of each after refunds.
struct Payments<'m> {
    merchants: &'m [DemoMerchant],
    known: BTreeMap<TransactionId, (DemoPayment, Fen)>,
}

impl Payments<'_> {
    fn read(&mut self, wire: WireEvent) -> Result<DemoEvent, Fault> {
        match wire {
            WireEvent::Payment { story, mchid, transaction, out_trade_no, openid, paid, at, order } => {
                let order = order.map(|order| read_order(order, &out_trade_no)).transpose()?;
                let (at, openid) = (instant(&at)?, Secret::new(openid));
                let payment = DemoPayment { story, mchid, transaction, out_trade_no, openid, paid, at, order };
                self.remember(&payment)?;
                Ok(DemoEvent::Payment(payment))
            }
            WireEvent::Repeat { story, transaction, at } => {
                let (payment, _left) = self.known(&transaction)?;
                Ok(DemoEvent::Repeat { story, at: instant(&at)?, payment: payment.clone() })
            }
            WireEvent::Refund { story, transaction, refund, out_refund_no, fen, at } => {
                let at = instant(&at)?;
                let (payment, left) = self.known(&transaction)?;
                if !fen.is_positive() || fen > *left {
                    return Err(malformed("fen", "a refund is above zero and at most what is left of the payment"));
                }
                *left = left.checked_sub(fen)?;
                let notice = SandboxRefund {
                    notice_id: format!("EV-{refund}"),
                    mchid: payment.mchid.clone(),
                    transaction: transaction.to_string(),
                    out_trade_no: payment.out_trade_no.clone(),
                    refund: refund.to_string(),
                    out_refund_no,
                    paid_fen: payment.paid.get(),
                    refund_fen: fen.get(),
                    success_time: at,
                };
                Ok(DemoEvent::Refund(DemoRefund { story, notice }))
            }
        }
    }

    fn remember(&mut self, payment: &DemoPayment) -> Result<(), Fault> {
        if !self.merchants.iter().any(|merchant| merchant.mchid == payment.mchid) {
            return Err(malformed("mchid", "no such merchant"));
        }
        if !payment.paid.is_positive() {
            return Err(malformed("paid", "a payment is above zero"));
        }
        match self.known.insert(payment.transaction.clone(), (payment.clone(), payment.paid)) {
            None => Ok(()),
            Some(_) => Err(malformed("transaction", "the transaction stands twice")),
        }
    }

    fn known(&mut self, transaction: &TransactionId) -> Result<&mut (DemoPayment, Fen), Fault> {
        self.known.get_mut(transaction).ok_or_else(|| malformed("transaction", "no such payment so far"))
    }
}

fn read_order(mut order: Map<String, Value>, out_trade_no: &str) -> Result<Order, Fault> {
    if let Some(expand) = order.remove("expand") {
        let expand: Expand = serde_json::from_value(expand).map_err(|e| malformed("order.expand", e.to_string()))?;
        if order.contains_key("lines") || !(1..=LINES_PER_INVOICE_MAX).contains(&expand.count) {
            let message = format!("expand stands instead of lines and makes 1 to {LINES_PER_INVOICE_MAX} of them");
            return Err(malformed("order.expand", message));
        }
        order.insert("lines".to_owned(), Value::Array((1..=expand.count).map(|n| copy_of(&expand.line, n)).collect()));
    }
    let order: Order = serde_json::from_value(Value::Object(order)).map_err(|e| malformed("order", e.to_string()))?;
    if order.out_trade_no != out_trade_no {
        return Err(malformed("order.out_trade_no", "the order has another number than the payment"));
    }
    Ok(order)
}

fn copy_of(line: &Map<String, Value>, n: usize) -> Value {
    let mut line = line.clone();
    if let Some(Value::String(name)) = line.get_mut("name") {
        *name = name.replace("{n}", &n.to_string());
    }
    Value::Object(line)
}

fn instant(text: &str) -> Result<UnixMs, Fault> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|e| malformed("at", e.to_string()))?;
    let ms = i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000));
    ms.map(UnixMs).map_err(|e| malformed("at", e.to_string()))
}

fn check_version(v: u8) -> Result<(), Fault> {
    if v == 1 { Ok(()) } else { Err(malformed("v", format!("version {v}; known is 1"))) }
}

fn malformed(path: &str, message: impl Into<String>) -> Fault {
    Fault::new(Code::DemoFixtureMalformed, path, message)
}

#[cfg(test)]
#[path = "sandbox_fixtures_tests.rs"]
mod tests;
