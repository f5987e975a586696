//! The operator's key and certificate, and what they say about a file: a CMS signature of the baseline profile (CAdES-B-B,
//! ETSI EN 319 122-1), as PAdES wants it in a PDF.
//!
//! ECDSA over P-256 with the nonce of RFC 6979: the same file signed again has the same bytes. The proof of an invoice does not depend on
//! this signature; the receipt carries that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::der::{
    BIT_STRING, INTEGER, OBJECT_ID, OCTET_STRING, Read, SEQUENCE, SET, context, read, read_all, set, value,
};
use crate::base::{Code, Fault};

/// signedData, data, contentType, messageDigest of PKCS #7 and #9.
const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
const CONTENT_TYPE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04];
/// signing-certificate-v2 (RFC 5035): which certificate it was, so that it can't be exchanged.
const SIGNING_CERTIFICATE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x2F];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const ECDSA_WITH_SHA_256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];

/// Bytes of the longest signature in DER: two integers of 33 bytes.
const SIGNATURE_BYTES_MAX: usize = 72;

/// Who signs documents: a P-256 key and its certificate.
#[derive(Debug)]
pub struct DocumentSigner {
    key: SigningKey,
    /// The signer's own first, as they stood in the file.
    certificates: Vec<Vec<u8>>,
    /// Of the signer's own, as they stand there.
    issuer: Vec<u8>,
    serial: Vec<u8>,
}

impl DocumentSigner {
    /// Reads the key (PKCS #8, `PRIVATE KEY`) and the certificate (`CERTIFICATE`), both PEM. Certificates of issuers may follow the
    /// signer's own; they are put into the signature too.
    ///
    /// # Errors
    /// [`Code::RenderSigner`] when one can't be read, the key is not of P-256, or they don't belong together.
    pub fn from_pem(key: &str, certificates: &str) -> Result<Self, Fault> {
        let refused = |why: &str| Fault::new(Code::RenderSigner, "", why.to_owned());
        let no_key = "no PKCS #8 key of P-256 in PEM; `openssl pkcs8 -topk8 -nodes` makes one of what `openssl ecparam -genkey` wrote";
        let der = Zeroizing::new(pem(key, "PRIVATE KEY").into_iter().next().ok_or_else(|| refused(no_key))?);
        let key = SigningKey::from_pkcs8_der(&der).map_err(|e| refused(&format!("{no_key}: {e}")))?;
        let certificates = pem(certificates, "CERTIFICATE");
        let own = certificates.first().ok_or_else(|| refused("no certificate in PEM"))?;
        let parts = CertificateParts::of(own).ok_or_else(|| refused("the certificate can't be read"))?;
        if parts.public_key != key.verifying_key().to_sec1_point(false).as_bytes() {
            return Err(refused("the certificate is not that of the key"));
        }
        let (issuer, serial) = (parts.issuer.to_vec(), parts.serial.to_vec());
        Ok(Self { key, certificates, issuer, serial })
    }

    /// Bytes that [`Self::sign`] gives at most.
    pub(super) fn bytes_max(&self) -> usize {
        let attributes = self.attributes(&[0; 32]);
        self.message(&attributes, &[0; SIGNATURE_BYTES_MAX]).len()
    }

    /// The signature of what has this SHA-256.
    pub(super) fn sign(&self, digest: &[u8; 32]) -> Vec<u8> {
        let attributes = self.attributes(digest);
        // What is signed is the set itself, not the place that it has in the message (RFC 5652, 5.4).
        let signature: Signature = self.key.sign(&set(SET, attributes.clone()));
        self.message(&attributes, signature.to_der().as_bytes())
    }

    fn attributes(&self, digest: &[u8; 32]) -> Vec<Vec<u8>> {
        let attribute =
            |name: &[u8], content: &[u8]| value(SEQUENCE, &[&value(OBJECT_ID, &[name]), &value(SET, &[content])]);
        let own = self.certificates.first().map(Vec::as_slice).unwrap_or_default();
        // The directory name among the general names of the issuer, and the serial.
        let names = value(SEQUENCE, &[&value(context(4), &[&self.issuer])]);
        let issuer_serial = value(SEQUENCE, &[&names, &self.serial]);
        // SHA-256 is what the hash is by where none is named.
        let identified = value(SEQUENCE, &[&value(OCTET_STRING, &[&Sha256::digest(own)]), &issuer_serial]);
        let certificate = value(SEQUENCE, &[&value(SEQUENCE, &[&identified])]);
        vec![
            attribute(CONTENT_TYPE, &value(OBJECT_ID, &[DATA])),
            attribute(MESSAGE_DIGEST, &value(OCTET_STRING, &[digest])),
            attribute(SIGNING_CERTIFICATE, &certificate),
        ]
    }

    fn message(&self, attributes: &[Vec<u8>], signature: &[u8]) -> Vec<u8> {
        let version = value(INTEGER, &[&[1]]);
        let sha_256 = value(SEQUENCE, &[&value(OBJECT_ID, &[SHA_256])]);
        let signer = value(
            SEQUENCE,
            &[
                &version,
                &value(SEQUENCE, &[&self.issuer, &self.serial]),
                &sha_256,
                &set(context(0), attributes.to_vec()),
                &value(SEQUENCE, &[&value(OBJECT_ID, &[ECDSA_WITH_SHA_256])]),
                &value(OCTET_STRING, &[signature]),
            ],
        );
        let signed = value(
            SEQUENCE,
            &[
                &version,
                &value(SET, &[&sha_256]),
                &value(SEQUENCE, &[&value(OBJECT_ID, &[DATA])]),
                &set(context(0), self.certificates.clone()),
                &value(SET, &[&signer]),
            ],
        );
        value(SEQUENCE, &[&value(OBJECT_ID, &[SIGNED_DATA]), &value(context(0), &[&signed])])
    }
}

/// What a signature names of a certificate (RFC 5280, 4.1).
struct CertificateParts<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    public_key: &'a [u8],
}

impl<'a> CertificateParts<'a> {
    fn of(certificate: &'a [u8]) -> Option<Self> {
        let (outer, rest) = read(certificate).filter(|(outer, _)| outer.tag == SEQUENCE)?;
        let (signed, _) = read(outer.content).filter(|_| rest.is_empty())?;
        let mut parts = read_all(signed.content)?.into_iter().peekable();
        // The version is left out of the first version.
        parts.next_if(|part| part.tag == context(0));
        let serial = parts.next().filter(|part| part.tag == INTEGER)?;
        let mut sequence = || parts.next().filter(|part: &Read<'_>| part.tag == SEQUENCE);
        let (_algorithm, issuer, _validity, _subject, key) =
            (sequence()?, sequence()?, sequence()?, sequence()?, sequence()?);
        let bits = read_all(key.content)?.into_iter().nth(1).filter(|part| part.tag == BIT_STRING)?;
        // No bits are unused.
        let public_key = bits.content.strip_prefix(&[0])?;
        Some(Self { serial: serial.whole, issuer: issuer.whole, public_key })
    }
}

/// The contents of the PEM blocks of a kind; what can't be read is not among them.
fn pem(text: &str, kind: &str) -> Vec<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
    let blocks = text.split(begin.as_str()).skip(1).filter_map(|block| block.split_once(end.as_str()));
    let decoded = blocks.filter_map(|(block, _)| {
        let characters: String = block.split_whitespace().collect();
        STANDARD.decode(characters).ok()
    });
    decoded.collect()
}
