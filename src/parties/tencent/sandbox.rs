//! The sandbox twin of WeChat Pay's platform: makes its own keys, and signs, encrypts and posts notices as the platform does.
//!
//! Nothing here reads a clock or draws randomness but the making of an RSA key: time and entropy come in a [`Stamp`], so that the
//! same call with the same stamp gives the same bytes (PKCS#1 v1.5 signatures are deterministic).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::notice::{NoticeHeaders, PROBE_PREFIX, RESOURCE_ALGORITHM, SIGNATURE_TYPE, resource_key, signed_text};
use super::pem;
use crate::base::{Code, Fault, Secret, UnixMs};
use crate::parties::aead::NONCE_BYTES;

/// WeChat Pay's gaps between deliveries in seconds: 15 repeats over 24 h 4 min (domain.md 3.4).
pub const RETRY_GAPS_S: [u64; 15] =
    [15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600];

/// How long the platform waits for an answer, in seconds (domain.md 3.4).
pub const ANSWER_WITHIN_S: u64 = 5;

/// When something is signed and with which random bytes. A stamp's entropy MUST NOT be used twice.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// The time of signing.
    pub at: UnixMs,
    /// Becomes the header's nonce (first 16 bytes) and the nonce of the encryption (next 9 bytes, as 12 characters).
    pub entropy: [u8; 25],
}

/// A payment that the sandbox is to tell of.
#[derive(Debug, Clone)]
pub struct SandboxPayment {
    /// The notice's id; the same in repeats.
    pub notice_id: String,
    /// Merchant number.
    pub mchid: String,
    /// WeChat Pay's id of the payment.
    pub transaction: String,
    /// The merchant's order number.
    pub out_trade_no: String,
    /// Fen.
    pub paid_fen: i64,
    /// When it succeeded.
    pub success_time: UnixMs,
    /// The payer.
    pub payer_openid: Secret<String>,
}

/// A refund that the sandbox is to tell of.
#[derive(Debug, Clone)]
pub struct SandboxRefund {
    /// The notice's id; the same in repeats.
    pub notice_id: String,
    /// Merchant number.
    pub mchid: String,
    /// The payment that is refunded.
    pub transaction: String,
    /// The merchant's order number.
    pub out_trade_no: String,
    /// WeChat Pay's id of the refund.
    pub refund: String,
    /// The merchant's refund number.
    pub out_refund_no: String,
    /// What was paid, in fen.
    pub paid_fen: i64,
    /// What is refunded, in fen.
    pub refund_fen: i64,
    /// When it succeeded.
    pub success_time: UnixMs,
}

/// Headers and body of a notice as they go over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNotice {
    /// The signature headers.
    pub headers: NoticeHeaders,
    /// The body; the signature is over these bytes.
    pub body: Vec<u8>,
}

/// Ways in which a notice can be no good. A receiver has to refuse every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// WeChat Pay's own probe: the signature begins with `WECHATPAY/SIGNTEST/`.
    Probe,
    /// The signature of other bytes.
    SignatureOfOtherBytes,
    /// One byte of the body changed after signing.
    BodyChanged,
    /// Another nonce than the signed one.
    NonceChanged,
    /// Another timestamp than the signed one, by one second.
    TimestampChanged,
    /// A serial that no configured key has.
    SerialUnknown,
    /// No signature header.
    SignatureMissing,
}

impl Forgery {
    /// Every way.
    pub const ALL: [Forgery; 7] = [
        Forgery::Probe,
        Forgery::SignatureOfOtherBytes,
        Forgery::BodyChanged,
        Forgery::NonceChanged,
        Forgery::TimestampChanged,
        Forgery::SerialUnknown,
        Forgery::SignatureMissing,
    ];
}

/// The platform's side: its RSA key and the API v3 key that it shares with the merchant's service.
pub struct Platform {
    key: RsaKeyPair,
    serial: String,
    api_v3_key: Secret<String>,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Platform {
    /// A platform with a new RSA key of 2048 bits; the API v3 key is the hex text of `entropy`.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`].
    pub fn generate(entropy: &[u8; 16]) -> Result<Self, Fault> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|e| unusable(format!("no RSA key was made: {e}")))?;
        Self::with_key(key, Secret::new(hex::encode(entropy)))
    }

    /// A platform with a known key: PEM of PKCS#8 (label `PRIVATE KEY`), and the API v3 key.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`].
    pub fn from_pkcs8_pem(private_key: &Secret<String>, api_v3_key: Secret<String>) -> Result<Self, Fault> {
        let der = pem::decode("PRIVATE KEY", private_key.expose())
            .ok_or_else(|| unusable("the platform's key is not in PEM armour of label PRIVATE KEY".to_owned()))?;
        let key = RsaKeyPair::from_pkcs8(&der).map_err(|e| unusable(format!("no RSA key in PKCS#8: {e}")))?;
        Self::with_key(key, api_v3_key)
    }

    fn with_key(key: RsaKeyPair, api_v3_key: Secret<String>) -> Result<Self, Fault> {
        resource_key(&api_v3_key)?;
        let fingerprint = digest(&SHA256, spki(&key)?.as_ref());
        let serial = format!("PUB_KEY_ID_{}", hex::encode_upper(fingerprint.as_ref().get(..16).unwrap_or_default()));
        Ok(Self { key, serial, api_v3_key })
    }

    /// The name of the key: `PUB_KEY_ID_` and the beginning of its fingerprint.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The API v3 key that the receiver needs for decryption.
    pub fn api_v3_key(&self) -> &Secret<String> {
        &self.api_v3_key
    }

    /// The public key as PEM, for the receiver.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`].
    pub fn public_key_pem(&self) -> Result<String, Fault> {
        Ok(pem::encode("PUBLIC KEY", spki(&self.key)?.as_ref()))
    }

    /// The private key as PEM of PKCS#8, so that a sandbox can keep its key over a restart.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`].
    pub fn private_key_pem(&self) -> Result<Secret<String>, Fault> {
        let der: Pkcs8V1Der<'static> =
            self.key.as_der().map_err(|e| unusable(format!("the RSA key can't be written: {e}")))?;
        Ok(Secret::new(pem::encode("PRIVATE KEY", der.as_ref())))
    }

    /// The notice of a payment.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`], [`Code::ClockOutOfRange`].
    pub fn payment(&self, payment: &SandboxPayment, stamp: &Stamp) -> Result<SignedNotice, Fault> {
        let resource = json!({
            "mchid": payment.mchid,
            "appid": "wx0000000000000000",
            "out_trade_no": payment.out_trade_no,
            "transaction_id": payment.transaction,
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": rfc3339(payment.success_time)?,
            "payer": {"openid": payment.payer_openid.expose()},
            "amount": {
                "total": payment.paid_fen, "payer_total": payment.paid_fen, "currency": "CNY", "payer_currency": "CNY",
            },
        });
        let event = Event {
            id: &payment.notice_id,
            at: payment.success_time,
            event_type: "TRANSACTION.SUCCESS",
            original_type: "transaction",
            summary: "支付成功",
        };
        self.event(&event, &resource, stamp)
    }

    /// The notice of a refund.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`], [`Code::ClockOutOfRange`].
    pub fn refund(&self, refund: &SandboxRefund, stamp: &Stamp) -> Result<SignedNotice, Fault> {
        let resource = json!({
            "mchid": refund.mchid,
            "transaction_id": refund.transaction,
            "out_trade_no": refund.out_trade_no,
            "refund_id": refund.refund,
            "out_refund_no": refund.out_refund_no,
            "refund_status": "SUCCESS",
            "success_time": rfc3339(refund.success_time)?,
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": refund.paid_fen, "refund": refund.refund_fen,
                "payer_total": refund.paid_fen, "payer_refund": refund.refund_fen,
            },
        });
        let event = Event {
            id: &refund.notice_id,
            at: refund.success_time,
            event_type: "REFUND.SUCCESS",
            original_type: "refund",
            summary: "退款成功",
        };
        self.event(&event, &resource, stamp)
    }

    /// The notice of any event: `resource` is encrypted into the envelope, the envelope is signed.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`], [`Code::ClockOutOfRange`].
    pub fn event(&self, event: &Event<'_>, resource: &Value, stamp: &Stamp) -> Result<SignedNotice, Fault> {
        let nonce = URL_SAFE_NO_PAD.encode(stamp.entropy.get(16..).unwrap_or_default());
        let nonce_bytes = <[u8; NONCE_BYTES]>::try_from(nonce.as_bytes())
            .map_err(|e| unusable(format!("the nonce is not of {NONCE_BYTES} bytes: {e}")))?;
        let mut ciphertext = resource.to_string().into_bytes();
        resource_key(&self.api_v3_key)?
            .seal(nonce_bytes, event.original_type.as_bytes(), &mut ciphertext)
            .map_err(|e| unusable(format!("the resource can't be encrypted: {e}")))?;
        let envelope = json!({
            "id": event.id,
            "create_time": rfc3339(event.at)?,
            "resource_type": "encrypt-resource",
            "event_type": event.event_type,
            "summary": event.summary,
            "resource": {
                "original_type": event.original_type,
                "algorithm": RESOURCE_ALGORITHM,
                "ciphertext": STANDARD.encode(ciphertext),
                "associated_data": event.original_type,
                "nonce": nonce,
            },
        });
        self.sign(envelope.to_string().into_bytes(), stamp)
    }

    /// Signs a body as it stands; a repeat of a notice is the same body signed at a later time.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`].
    pub fn sign(&self, body: Vec<u8>, stamp: &Stamp) -> Result<SignedNotice, Fault> {
        let timestamp = stamp.at.0.div_euclid(1000).to_string();
        let nonce = hex::encode_upper(stamp.entropy.get(..16).unwrap_or_default());
        let mut signature = vec![0u8; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &signed_text(&timestamp, &nonce, &body), &mut signature)
            .map_err(|e| unusable(format!("the notice can't be signed: {e}")))?;
        let headers = NoticeHeaders {
            serial: Some(self.serial.clone()),
            signature: Some(STANDARD.encode(signature)),
            timestamp: Some(timestamp),
            nonce: Some(nonce),
            signature_type: Some(SIGNATURE_TYPE.to_owned()),
        };
        Ok(SignedNotice { headers, body })
    }

    /// Spoils a good notice in one way.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`].
    pub fn forge(&self, good: &SignedNotice, forgery: Forgery, stamp: &Stamp) -> Result<SignedNotice, Fault> {
        let mut bad = good.clone();
        match forgery {
            Forgery::Probe => {
                let signature = bad.headers.signature.unwrap_or_default();
                bad.headers.signature = Some(format!("{PROBE_PREFIX}{signature}"));
            }
            Forgery::SignatureOfOtherBytes => {
                bad.headers.signature = self.sign(b"other bytes".to_vec(), stamp)?.headers.signature;
            }
            Forgery::BodyChanged => {
                if let Some(last) = bad.body.last_mut() {
                    *last ^= 1;
                }
            }
            Forgery::NonceChanged => bad.headers.nonce = Some("0".repeat(32)),
            Forgery::TimestampChanged => {
                bad.headers.timestamp = Some(stamp.at.0.div_euclid(1000).saturating_add(1).to_string());
            }
            Forgery::SerialUnknown => bad.headers.serial = Some("PUB_KEY_ID_0000".to_owned()),
            Forgery::SignatureMissing => bad.headers.signature = None,
        }
        Ok(bad)
    }

    /// Posts a body to a notify address as the platform does: signed anew for every delivery, waiting [`ANSWER_WITHIN_S`] for an
    /// answer, 200 and 204 are success, anything else is tried again after the next gap. Gives back the number of deliveries.
    ///
    /// `stamps` is asked once a delivery. WeChat Pay's plan is [`RETRY_GAPS_S`]; a demonstration may take a shorter one.
    ///
    /// # Errors
    /// [`Code::WechatNoticeUndelivered`] after the last gap; [`Code::WechatKeyUnusable`]; whatever `stamps` fails with.
    pub async fn deliver(
        &self,
        client: &reqwest::Client,
        notify_url: &str,
        body: &[u8],
        gaps: &[Duration],
        mut stamps: impl FnMut() -> Result<Stamp, Fault>,
    ) -> Result<usize, Fault> {
        let mut outcome = String::new();
        for delivery in 0..=gaps.len() {
            let notice = self.sign(body.to_vec(), &stamps()?)?;
            match post(client, notify_url, notice).await {
                Ok(200 | 204) => return Ok(delivery.saturating_add(1)),
                Ok(status) => outcome = format!("status {status}"),
                Err(error) => outcome = error.without_url().to_string(),
            }
            tracing::info!(delivery, outcome, "sandbox notice was not accepted at delivery {delivery}: {outcome}");
            if let Some(gap) = gaps.get(delivery) {
                tokio::time::sleep(*gap).await;
            }
        }
        Err(Fault::new(Code::WechatNoticeUndelivered, "", format!("not accepted, last: {outcome}")))
    }
}

/// What an event is called.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// The notice's id.
    pub id: &'e str,
    /// When it happened.
    pub at: UnixMs,
    /// For example `TRANSACTION.SUCCESS`.
    pub event_type: &'e str,
    /// What the resource was before encryption; also its associated data.
    pub original_type: &'e str,
    /// A word for people.
    pub summary: &'e str,
}

async fn post(client: &reqwest::Client, url: &str, notice: SignedNotice) -> Result<u16, reqwest::Error> {
    let mut request = client.post(url).timeout(Duration::from_secs(ANSWER_WITHIN_S));
    for (name, value) in notice.headers.pairs() {
        request = request.header(name, value);
    }
    let answer = request.header("Content-Type", "application/json").body(notice.body).send().await?;
    Ok(answer.status().as_u16())
}

fn unusable(message: String) -> Fault {
    Fault::new(Code::WechatKeyUnusable, "", message)
}

fn spki(key: &RsaKeyPair) -> Result<PublicKeyX509Der<'static>, Fault> {
    key.public_key().as_der().map_err(|e| unusable(format!("the RSA public key can't be written: {e}")))
}

/// RFC 3339 in Asia/Shanghai to the second, as WeChat Pay writes times.
fn rfc3339(at: UnixMs) -> Result<String, Fault> {
    let out_of_range = |what: String| Fault::new(Code::ClockOutOfRange, "", what);
    let offset = UtcOffset::from_hms(8, 0, 0).map_err(|e| out_of_range(e.to_string()))?;
    let instant =
        OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).map_err(|e| out_of_range(e.to_string()))?;
    instant
        .checked_to_offset(offset)
        .and_then(|local| local.format(&Rfc3339).ok())
        .ok_or_else(|| out_of_range(format!("{} ms can't be written as a date", at.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retry_plan_lasts_a_day_and_four_minutes() {
        assert_eq!(RETRY_GAPS_S.iter().sum::<u64>(), 24 * 3600 + 4 * 60);
    }

    #[test]
    fn times_are_written_as_wechat_writes_them() {
        assert_eq!(rfc3339(UnixMs(1_795_363_199_999)).unwrap(), "2026-11-22T23:59:59+08:00");
        assert_eq!(rfc3339(UnixMs(i64::MAX)).unwrap_err().code, Code::ClockOutOfRange);
    }
}
