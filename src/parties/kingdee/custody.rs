//! Issuer keys at rest: a merchant's secp256k1 secret under AES-256-GCM with the custody master key.
//!
//! Sealed form: version byte `01`, 12 bytes of nonce, ciphertext and tag. Associated data:
//! `piaolian-custody-v1|<chain>|<taxpayer id>|<address>`, so that a sealed key put into another merchant's row does not open.

use zeroize::{Zeroize as _, Zeroizing};

use crate::base::ids::ChainId;
use crate::base::{Code, Fault, Secret};
use crate::invoice::taxpayer;
use crate::parties::aead::{AeadKey, KEY_BYTES, NONCE_BYTES, TAG_BYTES};

/// Bytes of a secp256k1 secret.
pub const SECRET_BYTES: usize = 32;
/// Bytes of a nonce.
pub const SEAL_NONCE_BYTES: usize = NONCE_BYTES;
/// Bytes of a sealed secret.
pub const SEALED_BYTES: usize = 1 + NONCE_BYTES + SECRET_BYTES + TAG_BYTES;

/// The version of the sealed form.
const VERSION: u8 = 1;

/// Whose key it is. Part of what is authenticated.
#[derive(Debug, Clone)]
pub struct KeyOwner {
    chain: ChainId,
    taxpayer_id: String,
    address: String,
}

impl KeyOwner {
    /// The key of a seller on a chain, named by its address: 40 lower-case hex characters. The seller is named by taxpayer id,
    /// since the key is made before the ledger gives the merchant its own id.
    ///
    /// # Errors
    /// [`Code::CustodyAddressMalformed`]; [`Code::InvTaxpayerIdShape`].
    pub fn new(chain: ChainId, taxpayer_id: &str, address: &str) -> Result<Self, Fault> {
        if !taxpayer::has_shape(taxpayer_id) {
            return Err(Fault::new(Code::InvTaxpayerIdShape, "taxpayer_id", "not of the form of a taxpayer id"));
        }
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if address.len() != 40 || !address.bytes().all(lower_hex) {
            let message = "an issuer address is 40 lower-case hex characters";
            return Err(Fault::new(Code::CustodyAddressMalformed, "", message));
        }
        Ok(Self { chain, taxpayer_id: taxpayer_id.to_owned(), address: address.to_owned() })
    }

    /// None of the parts can hold a '|', so different owners never give the same text.
    fn associated_data(&self) -> String {
        format!("piaolian-custody-v1|{}|{}|{}", self.chain, self.taxpayer_id, self.address)
    }
}

/// Seals and opens with one master key.
#[derive(Debug)]
pub struct Custody(AeadKey);

impl Custody {
    /// Custody under a master key.
    ///
    /// # Errors
    /// [`Code::CustodyKeyUnusable`].
    pub fn new(master: &Secret<[u8; KEY_BYTES]>) -> Result<Self, Fault> {
        let key = AeadKey::new(master.expose());
        Ok(Self(
            key.map_err(|e| Fault::new(Code::CustodyKeyUnusable, "", format!("the master key can't be used: {e}")))?,
        ))
    }

    /// Seals a secret. `nonce` MUST be random and MUST NOT be used twice under one master key.
    ///
    /// # Errors
    /// [`Code::CustodyKeyUnusable`].
    pub fn seal(
        &self,
        owner: &KeyOwner,
        secret: &Secret<[u8; SECRET_BYTES]>,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, Fault> {
        // Room for the tag from the start: growing would leave a copy of the secret behind in freed memory.
        let mut buffer = Vec::with_capacity(SECRET_BYTES + TAG_BYTES);
        buffer.extend_from_slice(secret.expose());
        if let Err(e) = self.0.seal(nonce, owner.associated_data().as_bytes(), &mut buffer) {
            buffer.zeroize();
            return Err(Fault::new(Code::CustodyKeyUnusable, "", format!("the issuer key can't be sealed: {e}")));
        }
        let mut sealed = Vec::with_capacity(SEALED_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&buffer);
        Ok(sealed)
    }

    /// Opens a sealed secret for its owner.
    ///
    /// # Errors
    /// [`Code::CustodyVersionUnknown`]; [`Code::CustodySealBroken`] when a byte is changed, missing or too many, or when it was
    /// sealed for another owner or under another master key.
    pub fn open(&self, owner: &KeyOwner, sealed: &[u8]) -> Result<Secret<[u8; SECRET_BYTES]>, Fault> {
        let broken = |what: String| Fault::new(Code::CustodySealBroken, "", what);
        let (version, rest) =
            sealed.split_first().ok_or_else(|| broken("a sealed issuer key of no bytes".to_owned()))?;
        if *version != VERSION {
            let message = format!("a sealed issuer key of version {version}; known is {VERSION}");
            return Err(Fault::new(Code::CustodyVersionUnknown, "", message));
        }
        if sealed.len() != SEALED_BYTES {
            return Err(broken(format!("a sealed issuer key of {} bytes instead of {SEALED_BYTES}", sealed.len())));
        }
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(|| broken("a sealed issuer key without a nonce".to_owned()))?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let plain = self
            .0
            .open(*nonce, owner.associated_data().as_bytes(), &mut buffer)
            .map_err(|e| broken(format!("the issuer key {} can't be opened ({e})", owner.address)))?;
        let secret = <[u8; SECRET_BYTES]>::try_from(&*plain).map_err(|e| broken(format!("not a secret: {e}")))?;
        Ok(Secret::new(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "00112233445566778899aabbccddeeff00112233";

    fn custody(byte: u8) -> Custody {
        Custody::new(&Secret::new([byte; 32])).unwrap()
    }

    fn owner(chain: &str, merchant: u64, address: &str) -> KeyOwner {
        let taxpayer_id = format!("91440300MA5EEF1N0{merchant}");
        KeyOwner::new(ChainId::try_from(chain).unwrap(), &taxpayer_id, address).unwrap()
    }

    fn home() -> KeyOwner {
        owner("shenzhen-sandbox", 1, ADDRESS)
    }

    fn sealed() -> Vec<u8> {
        custody(7).seal(&home(), &Secret::new([0x42; 32]), [9; 12]).unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        assert_eq!(custody(7).open(&home(), &sealed()).unwrap().expose(), &[0x42; 32]);
    }

    #[test]
    fn the_sealed_form_is_fixed() {
        // Computed with Python's cryptography: AESGCM(b"\x07"*32).encrypt(b"\x09"*12, b"\x42"*32, aad).
        assert_eq!(
            hex::encode(sealed()),
            "0109090909090909090909090965c7c6d6fcb28323e220897aa4a8e19d96f221b176acb5822dec04e4973643381a694efab0972a824031cdbe5a639e38"
        );
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let good = sealed();
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[place] ^= 1 << bit;
                let expected = if place == 0 { Code::CustodyVersionUnknown } else { Code::CustodySealBroken };
                assert_eq!(custody(7).open(&home(), &bad).unwrap_err().code, expected, "byte {place} bit {bit}");
            }
        }
    }

    #[test]
    fn missing_and_surplus_bytes_are_found() {
        let good = sealed();
        for length in 0..good.len() {
            assert_eq!(custody(7).open(&home(), &good[..length]).unwrap_err().code, Code::CustodySealBroken);
        }
        let longer = [good, vec![0]].concat();
        assert_eq!(custody(7).open(&home(), &longer).unwrap_err().code, Code::CustodySealBroken);
    }

    #[test]
    fn another_owner_does_not_open() {
        let other_address = ADDRESS.replace('0', "1");
        for other in [
            owner("shenzhen-sandbox", 2, ADDRESS),
            owner("shenzhen-production", 1, ADDRESS),
            owner("shenzhen-sandbox", 1, &other_address),
        ] {
            assert_eq!(custody(7).open(&other, &sealed()).unwrap_err().code, Code::CustodySealBroken);
        }
    }

    #[test]
    fn another_master_key_does_not_open() {
        assert_eq!(custody(8).open(&home(), &sealed()).unwrap_err().code, Code::CustodySealBroken);
    }

    #[test]
    fn addresses_of_another_form_are_refused() {
        let chain = ChainId::try_from("shenzhen-sandbox").unwrap();
        for bad in
            ["", "0x00112233445566778899aabbccddeeff001122", &ADDRESS.to_uppercase(), ADDRESS.trim_start_matches("00")]
        {
            let fault = KeyOwner::new(chain.clone(), "91440300MA5EEF1N0R", bad).unwrap_err();
            assert_eq!(fault.code, Code::CustodyAddressMalformed, "{bad}");
        }
    }

    #[test]
    fn owners_without_a_taxpayer_id_are_refused() {
        let chain = ChainId::try_from("shenzhen-sandbox").unwrap();
        for bad in ["", "M00000001", "91440300MA5EEF1N0|"] {
            assert_eq!(KeyOwner::new(chain.clone(), bad, ADDRESS).unwrap_err().code, Code::InvTaxpayerIdShape, "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let text = format!("{:?}", custody(7)).to_lowercase();
        assert!(!text.contains("0707") && !text.contains("7, 7"), "{text}");
    }
}
