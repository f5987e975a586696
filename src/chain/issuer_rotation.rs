//! The statement with which a merchant's issuer key hands over to another: signed, as drafts are, as an EIP-191 personal message.
//!
//! A draft has no member `statement` and this has no `document`, so that neither passes for the other though one key signs both.

use serde::Serialize;

use super::canonical::{FormatVersion, to_canonical};
use super::issuer::{Address, IssuerSignature, recover};
use crate::base::ids::{ChainId, MerchantId};
use crate::base::{Code, Fault};

#[derive(Serialize)]
struct Rotation<'a> {
    v: FormatVersion,
    chain: &'a ChainId,
    statement: &'static str,
    merchant: &'a MerchantId,
    old: &'a Address,
    new: &'a Address,
}

/// The canonical text that both keys sign with [`super::IssuerKey::sign`]: from this on, `new` signs the drafts of `merchant`.
///
/// # Errors
/// [`Code::ChainRotationSame`] at `new` when the keys are the same.
pub fn rotation_text(chain: &ChainId, merchant: &MerchantId, old: &Address, new: &Address) -> Result<String, Fault> {
    if old == new {
        return Err(Fault::new(Code::ChainRotationSame, "new", "the new key is the old one"));
    }
    to_canonical(&Rotation { v: FormatVersion, chain, statement: "rotate_issuer", merchant, old, new })
}

/// Checks one signature on a text of [`rotation_text`]. `field` is where the signature stands in what the caller sent.
///
/// # Errors
/// [`Code::ChainRotationSignatureBad`] at `field` when the signature is not `signer`'s over this text, or not in the one form
/// that counts (v 27 or 28, low s).
pub fn check_rotation_signature(
    text: &str,
    signer: &Address,
    signature: &IssuerSignature,
    field: &str,
) -> Result<(), Fault> {
    let bad = |message: String| Fault::new(Code::ChainRotationSignatureBad, field, message);
    let found = recover(text, signature).map_err(|fault| bad(fault.message))?;
    if found == *signer {
        return Ok(());
    }
    Err(bad(format!("this is a signature by {}, or on another text, not by {}", found.to_eip55(), signer.to_eip55())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::chain::IssuerKey;

    fn key(byte: u8) -> IssuerKey {
        IssuerKey::from_secret(&Secret::new([byte; 32])).unwrap()
    }

    fn text(merchant: u64, old: u8, new: u8) -> Result<String, Fault> {
        let (chain, merchant) = (ChainId::try_from("test").unwrap(), MerchantId::nth(merchant).unwrap());
        rotation_text(&chain, &merchant, &key(old).address(), &key(new).address())
    }

    #[test]
    fn the_text_names_chain_merchant_and_both_keys() {
        let (old, new) = (key(1).address(), key(2).address());
        let expected = format!(
            r#"{{"chain":"test","merchant":"M00000007","new":"{new}","old":"{old}","statement":"rotate_issuer","v":1}}"#
        );
        assert_eq!(text(7, 1, 2).unwrap(), expected);
        let same = text(7, 1, 1).unwrap_err();
        assert_eq!((same.code, same.path.as_str()), (Code::ChainRotationSame, "new"));
    }

    #[test]
    fn a_signature_counts_for_its_own_text_and_key_only() {
        let asked = text(7, 1, 2).unwrap();
        for signer in [1, 2] {
            let signature = key(signer).sign(&asked);
            assert_eq!(check_rotation_signature(&asked, &key(signer).address(), &signature, "x"), Ok(()));
            for other in [text(8, 1, 2), text(7, 2, 1), text(7, 1, 3)] {
                let refused = check_rotation_signature(&other.unwrap(), &key(signer).address(), &signature, "x");
                assert_eq!(refused.unwrap_err().code, Code::ChainRotationSignatureBad);
            }
            let stranger = check_rotation_signature(&asked, &key(3).address(), &signature, "new_signature");
            assert_eq!(stranger.unwrap_err().path, "new_signature");
        }
    }

    #[test]
    fn a_signature_in_another_form_is_refused() {
        let asked = text(7, 1, 2).unwrap();
        let mut signature = key(1).sign(&asked);
        signature.0[64] -= 27;
        let refused = check_rotation_signature(&asked, &key(1).address(), &signature, "x").unwrap_err();
        assert_eq!(refused.code, Code::ChainRotationSignatureBad);
    }
}
