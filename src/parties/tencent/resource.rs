//! What a decrypted resource says: the JSON of payments and refunds (domain.md 3.4), turned into domain types.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::notice::{PaymentNotice, RefundNotice};
use crate::base::ids::TransactionId;
use crate::base::limits::AMOUNT_FEN_MAX;
use crate::base::{Code, Fault, Secret, UnixMs};

#[derive(Deserialize)]
struct PaymentResource {
    mchid: String,
    transaction_id: String,
    out_trade_no: String,
    trade_state: String,
    success_time: String,
    amount: PaymentAmount,
    payer: Payer,
}

#[derive(Deserialize)]
struct PaymentAmount {
    total: i64,
    currency: String,
}

#[derive(Deserialize)]
struct Payer {
    openid: String,
}

#[derive(Deserialize)]
struct RefundResource {
    mchid: String,
    transaction_id: String,
    out_trade_no: String,
    refund_id: String,
    out_refund_no: String,
    refund_status: String,
    success_time: String,
    amount: RefundAmount,
}

#[derive(Deserialize)]
struct RefundAmount {
    total: i64,
    refund: i64,
    /// Refund notices carry no currency as documented; when one is there it has to be CNY.
    currency: Option<String>,
}

/// Reads the resource of `TRANSACTION.SUCCESS`.
pub(super) fn payment(id: String, create_time: UnixMs, plain: &[u8]) -> Result<PaymentNotice, Fault> {
    let wire: PaymentResource = serde_json::from_slice(plain).map_err(|e| malformed("", describe(&e)))?;
    if wire.trade_state != "SUCCESS" {
        let message = "the payment's trade_state is not SUCCESS";
        return Err(Fault::new(Code::WechatStateUnexpected, "trade_state", message));
    }
    check_currency(&wire.amount.currency)?;
    // The openid is checked but never quoted: it is personal.
    if !is_token(&wire.payer.openid, 128) {
        return Err(malformed("payer.openid", "the openid is not 1 to 128 printable ASCII characters"));
    }
    Ok(PaymentNotice {
        id,
        create_time,
        mchid: token(wire.mchid, "mchid")?,
        transaction: transaction(wire.transaction_id, "transaction_id")?,
        out_trade_no: token(wire.out_trade_no, "out_trade_no")?,
        paid_fen: amount(wire.amount.total, AMOUNT_FEN_MAX, "amount.total")?,
        success_time: success_time(&wire.success_time)?,
        payer_openid: Secret::new(wire.payer.openid),
    })
}

/// Reads the resource of `REFUND.SUCCESS`.
pub(super) fn refund(id: String, create_time: UnixMs, plain: &[u8]) -> Result<RefundNotice, Fault> {
    let wire: RefundResource = serde_json::from_slice(plain).map_err(|e| malformed("", describe(&e)))?;
    if wire.refund_status != "SUCCESS" {
        let message = "the refund's refund_status is not SUCCESS";
        return Err(Fault::new(Code::WechatStateUnexpected, "refund_status", message));
    }
    if let Some(currency) = &wire.amount.currency {
        check_currency(currency)?;
    }
    let paid_fen = amount(wire.amount.total, AMOUNT_FEN_MAX, "amount.total")?;
    Ok(RefundNotice {
        id,
        create_time,
        mchid: token(wire.mchid, "mchid")?,
        transaction: transaction(wire.transaction_id, "transaction_id")?,
        out_trade_no: token(wire.out_trade_no, "out_trade_no")?,
        refund: transaction(wire.refund_id, "refund_id")?,
        out_refund_no: token(wire.out_refund_no, "out_refund_no")?,
        refund_fen: amount(wire.amount.refund, paid_fen, "amount.refund")?,
        paid_fen,
        success_time: success_time(&wire.success_time)?,
    })
}

/// An instant of RFC 3339, such as `2026-11-22T12:00:00+08:00`.
pub(super) fn instant(text: &str) -> Option<UnixMs> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(UnixMs)
}

/// Whether a text is 1 to `longest` printable ASCII characters without spaces.
pub(super) fn is_token(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Place and kind of a JSON error without its text, which may quote personal content.
pub(super) fn describe(error: &serde_json::Error) -> String {
    format!("line {} column {}: {:?} error", error.line(), error.column(), error.classify())
}

fn malformed(path: &str, message: impl Into<String>) -> Fault {
    Fault::new(Code::WechatResourceMalformed, path, message)
}

fn token(text: String, path: &str) -> Result<String, Fault> {
    // WeChat Pay's own numbers and the merchant's have at most 32 characters, refund numbers 64.
    if is_token(&text, 64) { Ok(text) } else { Err(malformed(path, "not 1 to 64 printable ASCII characters")) }
}

fn transaction(text: String, path: &str) -> Result<TransactionId, Fault> {
    TransactionId::try_from(text).map_err(|fault| malformed(path, fault.message))
}

fn amount(fen: i64, at_most: i64, path: &str) -> Result<i64, Fault> {
    if (1..=at_most).contains(&fen) { Ok(fen) } else { Err(malformed(path, format!("not 1 to {at_most} fen"))) }
}

fn check_currency(currency: &str) -> Result<(), Fault> {
    if currency == "CNY" {
        return Ok(());
    }
    Err(Fault::new(Code::WechatCurrencyUnknown, "amount.currency", "the currency is not CNY"))
}

fn success_time(text: &str) -> Result<UnixMs, Fault> {
    instant(text).ok_or_else(|| malformed("success_time", "the time is not of RFC 3339"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment_json() -> serde_json::Value {
        serde_json::json!({
            "mchid": "1900000109", "transaction_id": "4200000001", "out_trade_no": "A-1", "trade_state": "SUCCESS",
            "success_time": "2026-11-22T12:00:00.250+08:00", "amount": {"total": 100, "currency": "CNY", "payer_total": 90},
            "payer": {"openid": "oSample"}, "a_field_of_tomorrow": [1]
        })
    }

    fn refund_json() -> serde_json::Value {
        serde_json::json!({
            "mchid": "1900000109", "transaction_id": "4200000001", "out_trade_no": "A-1", "refund_id": "5000000001",
            "out_refund_no": "R-1", "refund_status": "SUCCESS", "success_time": "2026-11-22T04:00:00Z",
            "amount": {"total": 100, "refund": 30}
        })
    }

    fn read_payment(json: &serde_json::Value) -> Result<PaymentNotice, Fault> {
        payment("n".into(), UnixMs(0), json.to_string().as_bytes())
    }

    fn read_refund(json: &serde_json::Value) -> Result<RefundNotice, Fault> {
        refund("n".into(), UnixMs(0), json.to_string().as_bytes())
    }

    #[test]
    fn a_payment_becomes_fen_and_unix_time() {
        let read = read_payment(&payment_json()).unwrap();
        assert_eq!((read.paid_fen, read.success_time), (100, UnixMs(1_795_320_000_250)));
        assert_eq!(read.payer_openid.expose(), "oSample");
    }

    #[test]
    fn an_openid_is_not_in_debug() {
        assert!(!format!("{:?}", read_payment(&payment_json()).unwrap()).contains("oSample"));
    }

    #[test]
    fn an_openid_is_not_in_a_fault() {
        let mut json = payment_json();
        json["payer"] = serde_json::json!("oSample");
        let fault = read_payment(&json).unwrap_err();
        assert_eq!(fault.code, Code::WechatResourceMalformed);
        assert!(!fault.to_string().contains("oSample"), "{fault}");
    }

    #[test]
    fn payments_that_do_not_say_what_they_must_are_refused_with_the_place() {
        for (pointer, value, code, path) in [
            ("/trade_state", serde_json::json!("NOTPAY"), Code::WechatStateUnexpected, "trade_state"),
            ("/amount/currency", serde_json::json!("USD"), Code::WechatCurrencyUnknown, "amount.currency"),
            ("/amount/total", serde_json::json!(0), Code::WechatResourceMalformed, "amount.total"),
            ("/amount/total", serde_json::json!(-1), Code::WechatResourceMalformed, "amount.total"),
            ("/amount/total", serde_json::json!(AMOUNT_FEN_MAX + 1), Code::WechatResourceMalformed, "amount.total"),
            ("/amount/total", serde_json::json!(1.5), Code::WechatResourceMalformed, ""),
            ("/amount/total", serde_json::json!("100"), Code::WechatResourceMalformed, ""),
            ("/transaction_id", serde_json::json!("a b"), Code::WechatResourceMalformed, "transaction_id"),
            ("/out_trade_no", serde_json::json!(""), Code::WechatResourceMalformed, "out_trade_no"),
            ("/mchid", serde_json::json!("商户"), Code::WechatResourceMalformed, "mchid"),
            ("/success_time", serde_json::json!("2026-11-22 12:00:00"), Code::WechatResourceMalformed, "success_time"),
            ("/payer/openid", serde_json::json!(""), Code::WechatResourceMalformed, "payer.openid"),
        ] {
            let mut json = payment_json();
            *json.pointer_mut(pointer).unwrap() = value;
            let fault = read_payment(&json).unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (code, path), "{pointer}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        let text = payment_json().to_string().replacen('{', "{\"mchid\":\"1900000110\",", 1);
        assert_eq!(payment("n".into(), UnixMs(0), text.as_bytes()).unwrap_err().code, Code::WechatResourceMalformed);
    }

    #[test]
    fn a_refund_is_read_without_a_currency() {
        let read = read_refund(&refund_json()).unwrap();
        assert_eq!((read.refund_fen, read.paid_fen, read.refund.as_str()), (30, 100, "5000000001"));
    }

    #[test]
    fn refunds_that_do_not_say_what_they_must_are_refused_with_the_place() {
        for (pointer, value, code, path) in [
            ("/refund_status", serde_json::json!("ABNORMAL"), Code::WechatStateUnexpected, "refund_status"),
            ("/amount/refund", serde_json::json!(101), Code::WechatResourceMalformed, "amount.refund"),
            ("/amount/refund", serde_json::json!(0), Code::WechatResourceMalformed, "amount.refund"),
            ("/refund_id", serde_json::json!("x".repeat(65)), Code::WechatResourceMalformed, "refund_id"),
        ] {
            let mut json = refund_json();
            *json.pointer_mut(pointer).unwrap() = value;
            let fault = read_refund(&json).unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (code, path), "{pointer}");
        }
        let mut json = refund_json();
        json["amount"]["currency"] = serde_json::json!("HKD");
        assert_eq!(read_refund(&json).unwrap_err().code, Code::WechatCurrencyUnknown);
    }
}
