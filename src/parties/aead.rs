//! AES-256-GCM with the tag behind the ciphertext, the one authenticated encryption that both partners use.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce. A (key, nonce) pair MUST NOT be used for two messages.
pub(super) const NONCE_BYTES: usize = NONCE_LEN;
/// Bytes of the tag behind a ciphertext.
pub(super) const TAG_BYTES: usize = 16;

/// A key ready for use; the library wipes it on drop and shows nothing of it in `Debug`.
#[derive(Debug)]
pub(super) struct AeadKey(LessSafeKey);

impl AeadKey {
    /// Takes 32 bytes.
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Result<Self, Unspecified> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?)))
    }

    /// Turns the plain text in `in_out` into ciphertext and tag.
    pub(super) fn seal(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), Unspecified> {
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), in_out)
    }

    /// Turns ciphertext and tag into the plain text, which lies in the returned front part of `in_out`.
    pub(super) fn open<'b>(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        in_out: &'b mut [u8],
    ) -> Result<&'b mut [u8], Unspecified> {
        self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), in_out)
    }
}
