//! Notices of WeChat Pay: headers and body as they come, a body under a good signature, and the inside of one that was decrypted.
//!
//! Input: `h`, headers as JSON, a line feed and the body; `b` and a body that is to be signed; `p` or `r` and the inside of a payment or of
//! a refund. The decoder's sources are taken as they are: as part of the service they would bring actix-web and two databases with them.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::base;
use serde_json::Value;

use crate::base::limits::AMOUNT_FEN_MAX;
use crate::base::{Fault, Secret, UnixMs};
use crate::parties::tencent::notice::{Notice, NoticeHeaders, NoticeVerifier, PaymentNotice, RefundNotice};

#[path = "../../../src/parties"]
#[allow(dead_code, reason = "what the sandbox twin and Kingdee's room use of them")]
mod parties {
    mod aead;
    pub mod tencent {
        pub mod notice;
        mod pem;
        mod resource;

        use super::super::{Fault, PaymentNotice, RefundNotice, UnixMs};

        pub fn payment(plain: &[u8]) -> Result<PaymentNotice, Fault> {
            resource::payment("id".to_owned(), UnixMs(0), plain)
        }

        pub fn refund(plain: &[u8]) -> Result<RefundNotice, Fault> {
            resource::refund("id".to_owned(), UnixMs(0), plain)
        }
    }
}

/// The time of the golden notices.
const NOW: UnixMs = UnixMs(1_795_320_001_500);

struct Scene {
    serial: String,
    verifier: NoticeVerifier,
    key: RsaKeyPair,
    /// Bodies that the platform has signed.
    signed: BTreeSet<String>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let golden: Value = serde_json::from_str(include_str!("../../../fixtures/parties/wechat/notices.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let serial = text(&golden["serial"]);
    let public = include_str!("../../../fixtures/parties/wechat/test-platform-key.pub.pem");
    let private = include_str!("../../../fixtures/parties/wechat/test-platform-key.pem");
    let der = STANDARD.decode(private.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let verifier = NoticeVerifier::new([(serial.as_str(), public)], &Secret::new(text(&golden["api_v3_key"]))).unwrap();
    // A signature under which something was refused only later is a good one too.
    let good = |notice: &&Value| {
        let code = notice["code"].as_str().unwrap_or_default();
        !["HEADER", "TIMESTAMP", "SERIAL", "SIGNATURE"].iter().any(|early| code.starts_with(&format!("WECHAT-{early}")))
    };
    let signed =
        golden["notices"].as_array().unwrap().iter().filter(good).map(|notice| text(&notice["body"])).collect();
    Scene { serial, verifier, key: RsaKeyPair::from_pkcs8(&der).unwrap(), signed }
});

fn as_it_comes(input: &[u8]) {
    let cut = input.iter().position(|&byte| byte == b'\n').unwrap_or(input.len());
    let (headers, body) = (&input[..cut], input.get(cut + 1..).unwrap_or_default());
    let Ok(headers) = serde_json::from_slice::<NoticeHeaders>(headers) else { return };
    let again = NoticeHeaders::from_lookup(|name| headers.pairs().find(|pair| pair.0 == name).map(|pair| pair.1));
    assert_eq!(again, headers);
    if SCENE.verifier.open(&headers, body, NOW).is_ok() {
        assert!(SCENE.signed.iter().any(|known| known.as_bytes() == body), "a forged notice");
    }
}

fn under_a_good_signature(body: &[u8]) {
    let (timestamp, nonce) = ("1795320000".to_owned(), "0".to_owned());
    let text = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
    let mut signature = vec![0; SCENE.key.public_modulus_len()];
    SCENE.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &text, &mut signature).unwrap();
    let headers = NoticeHeaders {
        serial: Some(SCENE.serial.clone()),
        signature: Some(STANDARD.encode(signature)),
        timestamp: Some(timestamp),
        nonce: Some(nonce),
        signature_type: None,
    };
    match SCENE.verifier.open(&headers, body, NOW) {
        Ok(Notice::Payment(payment)) => check_payment(&payment),
        Ok(Notice::Refund(refund)) => check_refund(&refund),
        Ok(Notice::Ignored { event_type }) => assert!(event_type.len() <= 64 && event_type.is_ascii()),
        Err(fault) => assert!(!fault.code.as_str().starts_with("WECHAT-SIGNATURE"), "{fault}"),
    }
}

fn check_payment(payment: &PaymentNotice) {
    assert!((1..=AMOUNT_FEN_MAX).contains(&payment.paid_fen));
    assert!(!payment.mchid.is_empty() && !payment.out_trade_no.is_empty());
    assert!(!payment.payer_openid.expose().is_empty());
}

fn check_refund(refund: &RefundNotice) {
    assert!((1..=AMOUNT_FEN_MAX).contains(&refund.paid_fen) && (1..=refund.paid_fen).contains(&refund.refund_fen));
}

/// An openid is personal: no refusal quotes it.
fn check_silence(plain: &[u8], fault: &Fault) {
    let Ok(value) = serde_json::from_slice::<Value>(plain) else { return };
    if let Some(openid) = value["payer"]["openid"].as_str().filter(|openid| openid.len() > 8) {
        assert!(!fault.to_string().contains(openid));
    }
}

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'h', rest)) => as_it_comes(rest),
        Some((b'b', body)) => under_a_good_signature(body),
        Some((b'p', plain)) => match parties::tencent::payment(plain) {
            Ok(payment) => check_payment(&payment),
            Err(fault) => check_silence(plain, &fault),
        },
        Some((b'r', plain)) => match parties::tencent::refund(plain) {
            Ok(refund) => check_refund(&refund),
            Err(fault) => check_silence(plain, &fault),
        },
        Some(_) | None => (),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
