//! Receiving WeChat Pay APIv3 notices: who sent it, is it fresh, what does it say.
//!
//! The checks run in the order of [`NoticeVerifier::open`], each with its own code, and nothing inside the envelope is looked
//! at before the signature over the exact body bytes holds. Unknown JSON fields are ignored here, and only here: the
//! partner adds fields when it likes.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{pem, resource};
use crate::base::ids::TransactionId;
use crate::base::limits::NOTICE_AGE_MS_MAX;
use crate::base::{Code, Fault, Secret, UnixMs};
use crate::parties::aead::{AeadKey, KEY_BYTES, NONCE_BYTES};

/// The one signature scheme of APIv3 with RSA keys (domain.md 3.5).
pub const SIGNATURE_TYPE: &str = "WECHATPAY2-SHA256-RSA2048";
/// What a probe's signature starts with: WeChat Pay sends such notices to see whether signatures are checked (domain.md 3.5).
pub const PROBE_PREFIX: &str = "WECHATPAY/SIGNTEST/";
/// The one algorithm of encrypted resources (domain.md 3.5).
pub const RESOURCE_ALGORITHM: &str = "AEAD_AES_256_GCM";

/// The headers of a notice that carry its signature. Absent ones are `None`; which of them must be there, the verifier decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeHeaders {
    /// `Wechatpay-Serial`: which platform key signed.
    #[serde(rename = "Wechatpay-Serial", skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// `Wechatpay-Signature`: base64 of the signature.
    #[serde(rename = "Wechatpay-Signature", skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// `Wechatpay-Timestamp`: unix seconds.
    #[serde(rename = "Wechatpay-Timestamp", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// `Wechatpay-Nonce`.
    #[serde(rename = "Wechatpay-Nonce", skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// `Wechatpay-Signature-Type`: may be absent, but when there it must be [`SIGNATURE_TYPE`].
    #[serde(rename = "Wechatpay-Signature-Type", skip_serializing_if = "Option::is_none")]
    pub signature_type: Option<String>,
}

impl NoticeHeaders {
    /// Names of the headers, in the order of the fields.
    pub const NAMES: [&'static str; 5] = [
        "Wechatpay-Serial",
        "Wechatpay-Signature",
        "Wechatpay-Timestamp",
        "Wechatpay-Nonce",
        "Wechatpay-Signature-Type",
    ];

    /// Reads the headers through a look-up by name, for whatever header map the caller has.
    pub fn from_lookup<'h>(lookup: impl Fn(&str) -> Option<&'h str>) -> Self {
        let [serial, signature, timestamp, nonce, signature_type] =
            Self::NAMES.map(|name| lookup(name).map(str::to_owned));
        Self { serial, signature, timestamp, nonce, signature_type }
    }

    /// Name and value of the headers that are there.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values = [&self.serial, &self.signature, &self.timestamp, &self.nonce, &self.signature_type];
        Self::NAMES.into_iter().zip(values).filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
    }
}

/// A notice that has been checked and decrypted.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A payment succeeded (`TRANSACTION.SUCCESS`).
    Payment(PaymentNotice),
    /// A refund succeeded (`REFUND.SUCCESS`).
    Refund(RefundNotice),
    /// Genuine, but of no concern here. To be answered with success so that it is not sent again.
    Ignored {
        /// The event's name, at most 64 printable ASCII characters.
        event_type: String,
    },
}

/// A payment that succeeded.
#[derive(Debug, Clone)]
pub struct PaymentNotice {
    /// The notice's id; the same in repeats.
    pub id: String,
    /// When the notice was made.
    pub create_time: UnixMs,
    /// The merchant's number at WeChat Pay.
    pub mchid: String,
    /// WeChat Pay's id of the payment: what makes repeats one payment.
    pub transaction: TransactionId,
    /// The merchant's own order number.
    pub out_trade_no: String,
    /// The order's amount in fen: 1 to [`crate::base::limits::AMOUNT_FEN_MAX`].
    pub paid_fen: i64,
    /// When the payment succeeded.
    pub success_time: UnixMs,
    /// The payer under the merchant's app. Personal: MUST NOT be logged.
    pub payer_openid: Secret<String>,
}

/// A refund that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundNotice {
    /// The notice's id; the same in repeats.
    pub id: String,
    /// When the notice was made.
    pub create_time: UnixMs,
    /// The merchant's number at WeChat Pay.
    pub mchid: String,
    /// The payment that is refunded.
    pub transaction: TransactionId,
    /// The merchant's own order number.
    pub out_trade_no: String,
    /// WeChat Pay's id of the refund: what makes repeats one refund.
    pub refund: TransactionId,
    /// The merchant's own refund number.
    pub out_refund_no: String,
    /// What is refunded, in fen: 1 to `paid_fen`.
    pub refund_fen: i64,
    /// The amount of the payment, in fen.
    pub paid_fen: i64,
    /// When the refund succeeded.
    pub success_time: UnixMs,
}

/// Opens notices with the platform's public keys and the merchant's API v3 key.
pub struct NoticeVerifier {
    keys: BTreeMap<String, ParsedPublicKey>,
    resource_key: AeadKey,
}

impl fmt::Debug for NoticeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoticeVerifier").field("serials", &self.keys.keys()).finish_non_exhaustive()
    }
}

/// The envelope around the encrypted resource (domain.md 3.4).
#[derive(Deserialize)]
struct Envelope {
    id: String,
    create_time: String,
    resource_type: String,
    event_type: String,
    resource: EncryptedResource,
}

#[derive(Deserialize)]
struct EncryptedResource {
    algorithm: String,
    ciphertext: String,
    /// May be empty or absent (domain.md 3.5).
    #[serde(default)]
    associated_data: String,
    nonce: String,
}

impl NoticeVerifier {
    /// A verifier that knows these platform keys: serial (certificate serial or `PUB_KEY_ID_...`) and PEM public key each.
    ///
    /// # Errors
    /// [`Code::WechatKeyUnusable`] when there is no key, a serial stands twice, a PEM text is no RSA key of 2048 bits or more,
    /// or the API v3 key is not 32 bytes.
    pub fn new<'k>(
        platform_keys: impl IntoIterator<Item = (&'k str, &'k str)>,
        api_v3_key: &Secret<String>,
    ) -> Result<Self, Fault> {
        let unusable = |what: String| Fault::new(Code::WechatKeyUnusable, "", what);
        let mut keys = BTreeMap::new();
        for (serial, text) in platform_keys {
            let der = pem::decode("PUBLIC KEY", text)
                .ok_or_else(|| unusable(format!("platform key '{serial}' is not in PEM armour of label PUBLIC KEY")))?;
            let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_slice())
                .map_err(|e| unusable(format!("platform key '{serial}' is no RSA public key: {e}")))?;
            if keys.insert(serial.to_owned(), key).is_some() {
                return Err(unusable(format!("platform key '{serial}' stands twice")));
            }
        }
        if keys.is_empty() {
            return Err(unusable("no platform key is configured".to_owned()));
        }
        let resource_key = resource_key(api_v3_key)?;
        Ok(Self { keys, resource_key })
    }

    /// Checks and opens one notice. `body` MUST be the bytes as received: the signature is over them.
    ///
    /// # Errors
    /// In the order of the checks: [`Code::WechatHeaderMissing`], [`Code::WechatTimestampBad`], [`Code::WechatSerialUnknown`],
    /// [`Code::WechatSignatureProbe`], [`Code::WechatSignatureBad`], [`Code::WechatEnvelopeMalformed`],
    /// [`Code::WechatAlgorithmUnknown`], [`Code::WechatDecryptFailed`], [`Code::WechatResourceMalformed`],
    /// [`Code::WechatStateUnexpected`], [`Code::WechatCurrencyUnknown`].
    pub fn open(&self, headers: &NoticeHeaders, body: &[u8], now: UnixMs) -> Result<Notice, Fault> {
        self.check_signature(headers, body, now)?;
        let envelope = read_envelope(body)?;
        if envelope.resource.algorithm != RESOURCE_ALGORITHM {
            let message = format!("the resource's algorithm is not {RESOURCE_ALGORITHM}");
            return Err(Fault::new(Code::WechatAlgorithmUnknown, "resource.algorithm", message));
        }
        let create_time = resource::instant(&envelope.create_time)
            .ok_or_else(|| malformed_envelope("create_time", "the time is not of RFC 3339"))?;
        let mut buffer = decode_ciphertext(&envelope.resource)?;
        let plain = self.decrypt(&envelope.resource, &mut buffer)?;
        match envelope.event_type.as_str() {
            "TRANSACTION.SUCCESS" => resource::payment(envelope.id, create_time, plain).map(Notice::Payment),
            "REFUND.SUCCESS" => resource::refund(envelope.id, create_time, plain).map(Notice::Refund),
            _ => Ok(Notice::Ignored { event_type: envelope.event_type }),
        }
    }

    fn check_signature(&self, headers: &NoticeHeaders, body: &[u8], now: UnixMs) -> Result<(), Fault> {
        let serial = required(&headers.serial, "Wechatpay-Serial")?;
        let signature = required(&headers.signature, "Wechatpay-Signature")?;
        let timestamp = required(&headers.timestamp, "Wechatpay-Timestamp")?;
        let nonce = required(&headers.nonce, "Wechatpay-Nonce")?;
        check_age(timestamp, now)?;
        let key = self.keys.get(serial).ok_or_else(|| {
            Fault::new(Code::WechatSerialUnknown, "Wechatpay-Serial", "no platform key with this serial is configured")
        })?;
        if signature.starts_with(PROBE_PREFIX) {
            let message = "a probe with a wrong signature";
            return Err(Fault::new(Code::WechatSignatureProbe, "Wechatpay-Signature", message));
        }
        if headers.signature_type.as_deref().is_some_and(|named| named != SIGNATURE_TYPE) {
            let message = format!("the signature is not of type {SIGNATURE_TYPE}");
            return Err(Fault::new(Code::WechatSignatureBad, "Wechatpay-Signature-Type", message));
        }
        let bad = |what: &str| Fault::new(Code::WechatSignatureBad, "Wechatpay-Signature", what);
        let signature = STANDARD.decode(signature).map_err(|e| bad(&format!("not base64: {e}")))?;
        key.verify_sig(&signed_text(timestamp, nonce, body), &signature)
            .map_err(|e| bad(&format!("the signature does not fit ({e})")))
    }

    fn decrypt<'b>(&self, resource: &EncryptedResource, buffer: &'b mut [u8]) -> Result<&'b [u8], Fault> {
        let failed = |what: String| Fault::new(Code::WechatDecryptFailed, "resource.ciphertext", what);
        let nonce = <[u8; NONCE_BYTES]>::try_from(resource.nonce.as_bytes())
            .map_err(|e| failed(format!("the nonce is not of {NONCE_BYTES} bytes: {e}")))?;
        let plain = self
            .resource_key
            .open(nonce, resource.associated_data.as_bytes(), buffer)
            .map_err(|e| failed(format!("ciphertext, nonce or associated data do not fit the API v3 key ({e})")))?;
        Ok(plain)
    }
}

/// What is signed: `TIMESTAMP\nNONCE\nBODY\n` (domain.md 3.5).
pub(super) fn signed_text(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    text
}

/// The AES key that an API v3 key is: its 32 bytes as they stand.
pub(super) fn resource_key(api_v3_key: &Secret<String>) -> Result<AeadKey, Fault> {
    let unusable = |what: String| Fault::new(Code::WechatKeyUnusable, "", what);
    let key = <&[u8; KEY_BYTES]>::try_from(api_v3_key.expose().as_bytes())
        .map_err(|e| unusable(format!("the API v3 key is not of {KEY_BYTES} bytes: {e}")))?;
    AeadKey::new(key).map_err(|e| unusable(format!("the API v3 key can't be used: {e}")))
}

fn required<'h>(value: &'h Option<String>, name: &str) -> Result<&'h str, Fault> {
    value
        .as_deref()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Fault::new(Code::WechatHeaderMissing, name, "the header is missing or empty"))
}

fn check_age(timestamp: &str, now: UnixMs) -> Result<(), Fault> {
    let bad = |what: &str| Fault::new(Code::WechatTimestampBad, "Wechatpay-Timestamp", what);
    if timestamp.is_empty() || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad("the timestamp is not a number of unix seconds"));
    }
    let at_ms = timestamp.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    let apart = at_ms.and_then(|at| at.checked_sub(now.0)).and_then(i64::checked_abs);
    match apart {
        Some(apart) if apart <= NOTICE_AGE_MS_MAX => Ok(()),
        Some(_) | None => Err(bad("the timestamp is more than five minutes away from now")),
    }
}

fn malformed_envelope(path: &str, message: &str) -> Fault {
    Fault::new(Code::WechatEnvelopeMalformed, path, message)
}

fn read_envelope(body: &[u8]) -> Result<Envelope, Fault> {
    // serde_json's messages name the place and the type, not the content of strings that are in the right place.
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|e| malformed_envelope("", &resource::describe(&e)))?;
    if !resource::is_token(&envelope.id, 64) {
        return Err(malformed_envelope("id", "the id is not 1 to 64 printable ASCII characters"));
    }
    if !resource::is_token(&envelope.event_type, 64) {
        return Err(malformed_envelope("event_type", "the event type is not 1 to 64 printable ASCII characters"));
    }
    if envelope.resource_type != "encrypt-resource" {
        return Err(malformed_envelope("resource_type", "the resource type is not encrypt-resource"));
    }
    Ok(envelope)
}

fn decode_ciphertext(resource: &EncryptedResource) -> Result<zeroize::Zeroizing<Vec<u8>>, Fault> {
    let bytes = STANDARD
        .decode(&resource.ciphertext)
        .map_err(|e| malformed_envelope("resource.ciphertext", &format!("not base64: {e}")))?;
    Ok(zeroize::Zeroizing::new(bytes))
}
