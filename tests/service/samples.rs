//! What tests issue, order and pay.

use piaolian::base::{Secret, UnixMs};
use piaolian::parties::tencent::sandbox::{SandboxPayment, SandboxRefund};
use serde_json::{Value, json};

/// 2026-11-22, noon in Shenzhen.
pub const NOON: UnixMs = UnixMs(1_795_320_000_000);

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// The payer of every payment that does not say otherwise.
pub const PAYER: &str = "oSamplePayer";

/// A restaurant of the demonstration; issues on payment.
pub const RESTAURANT: &str = "1900000101";

/// A shop of the demonstration; issues on payment.
pub const SHOP: &str = "1900000102";

/// A consultant of the demonstration; issues by hand.
pub const CONSULTANT: &str = "1900000104";

/// One line at 6 %.
pub fn line(fen: i64) -> Value {
    json!({"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "amount": fen, "rate": 600})
}

/// A draft of one line for an individual.
pub fn draft(fen: i64) -> Value {
    json!({"buyer": {"kind": "individual", "name": "个人"}, "pricing": "inclusive", "lines": [line(fen)], "total": fen})
}

/// A draft against a payment.
pub fn draft_for(transaction: &str, fen: i64) -> Value {
    changed(draft(fen), "/payment", payment_ref(transaction))
}

pub fn payment_ref(transaction: &str) -> Value {
    json!({"provider": "wechat-pay", "transaction": transaction})
}

/// An order of one line.
pub fn order(number: &str, fen: i64) -> Value {
    json!({"out_trade_no": number, "pricing": "inclusive", "lines": [line(fen)]})
}

/// The same with another value at a JSON pointer; the last name is added if it is not there.
pub fn changed(mut json: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let place = json.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(index) => place[index] = value,
        Err(_) => place[name] = value,
    }
    json
}

/// The same without what stands at a JSON pointer.
pub fn without(mut json: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    json
}

/// A payment to a merchant number, for an order.
pub fn payment(mchid: &str, transaction: &str, order: &str, fen: i64) -> SandboxPayment {
    SandboxPayment {
        notice_id: format!("EV-{transaction}"),
        mchid: mchid.to_owned(),
        transaction: transaction.to_owned(),
        out_trade_no: order.to_owned(),
        paid_fen: fen,
        success_time: NOON,
        payer_openid: Secret::new(PAYER.to_owned()),
    }
}

/// A refund of a payment.
pub fn refund(payment: &SandboxPayment, refund: &str, fen: i64) -> SandboxRefund {
    SandboxRefund {
        notice_id: format!("EV-{refund}"),
        mchid: payment.mchid.clone(),
        transaction: payment.transaction.clone(),
        out_trade_no: payment.out_trade_no.clone(),
        refund: refund.to_owned(),
        out_refund_no: format!("R-{refund}"),
        paid_fen: payment.paid_fen,
        refund_fen: fen,
        success_time: NOON,
    }
}
