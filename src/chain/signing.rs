//! Many signatures at once: the two inversions of a signature, a third of its cost, are shared by the batch (Montgomery's trick).
//!
//! The same bytes as one after the other with k256: RFC 6979 nonces, low s. What this way can't decide (a nonce point that gives r or s
//! zero, or an x at or above the order; chance 2^-127) goes through k256's own. Everything that a nonce could be told from is wiped;
//! only constant-time operations touch it.

use k256::ecdsa::{Signature, SigningKey};
use k256::elliptic_curve::ff::{BatchInverter, PrimeField};
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::elliptic_curve::scalar::IsHigh;
use k256::elliptic_curve::{BatchNormalize, Curve};
use k256::sha2::Sha256;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar, Secp256k1, U256};
use rfc6979::KGenerator;
use zeroize::Zeroizing;

use super::hash::{Hash, keccak256};
use super::issuer::{IssuerKey, IssuerSignature};
use super::roster::MemberName;
use super::seal::{Seal, SealKey, SealSignature, vote_text};
use crate::base::Fault;
use crate::base::ids::ChainId;

/// A signature, and the parity of its nonce point's y, from which the signer's key can be recovered.
pub(super) type Signed = (Signature, bool);

/// Signs each hash (of [`super::eip191_hash`]) with the key beside it: byte for byte what [`IssuerKey::sign_hash`] gives, in the order of
/// the work. From about eight on a third faster.
pub fn sign_all(work: &[(&IssuerKey, Hash)]) -> Vec<IssuerSignature> {
    let work: Vec<(&SigningKey, Hash)> = work.iter().map(|(key, hash)| (key.key(), *hash)).collect();
    sign_batch(&work).into_iter().map(IssuerSignature::from).collect()
}

/// Seals a header with the keys of several members: byte for byte what [`SealKey::seal`] gives each, in the order of the keys.
///
/// # Errors
/// [`crate::base::Code::ChainNumberRange`] when the height is 2^53 or more.
pub fn seal_all(
    keys: &[(&MemberName, &SealKey)],
    chain: &ChainId,
    height: u64,
    round: u32,
    header: &Hash,
) -> Result<Vec<Seal>, Fault> {
    let vote = keccak256(vote_text(chain, height, round, header)?);
    let work: Vec<(&SigningKey, Hash)> = keys.iter().map(|(_, key)| (key.key(), vote)).collect();
    let signed = keys.iter().zip(sign_batch(&work));
    Ok(signed
        .map(|((member, _), (signature, _))| Seal {
            member: (*member).clone(),
            round,
            signature: SealSignature(signature.to_bytes().into()),
        })
        .collect())
}

/// Signs a hash with k256's own code.
pub(super) fn sign_one(key: &SigningKey, hash: &Hash) -> Signed {
    let (signature, recovery) = key.sign_prehash_recoverable(hash.as_bytes());
    (signature, recovery.is_y_odd())
}

fn sign_batch(work: &[(&SigningKey, Hash)]) -> Vec<Signed> {
    if let [(key, hash)] = work {
        return vec![sign_one(key, hash)];
    }
    let nonces: Zeroizing<Vec<Scalar>> = Zeroizing::new(work.iter().map(|(key, hash)| nonce(key, hash)).collect());
    let points: Zeroizing<Vec<ProjectivePoint>> =
        Zeroizing::new(nonces.iter().map(ProjectivePoint::mul_by_generator).collect());
    let points: Vec<AffinePoint> = ProjectivePoint::batch_normalize(points.as_slice());
    let (mut inverses, mut scratch) = (nonces.clone(), nonces);
    BatchInverter::invert_with_external_scratch(&mut inverses, &mut scratch);
    let parts = work.iter().zip(points.iter().zip(inverses.iter()));
    parts
        .map(|((key, hash), (point, inverse))| {
            put_together(key, hash, point, inverse).unwrap_or_else(|| sign_one(key, hash))
        })
        .collect()
}

/// The nonce of RFC 6979 for a key and a hash, with SHA-256, as k256 makes it. Never zero and below the order; the zero of a nonce
/// that was neither would have no inverse and lead to s = 0, so to k256's own.
fn nonce(key: &SigningKey, hash: &Hash) -> Scalar {
    let secret = Zeroizing::new(key.to_bytes());
    let mut bytes = Zeroizing::new(FieldBytes::default());
    KGenerator::<Sha256, U256>::new(&secret, hash.as_bytes(), b"", &Secp256k1::ORDER).fill_next_k(&mut bytes);
    Option::from(Scalar::from_repr(*bytes)).unwrap_or(Scalar::ZERO)
}

/// s = (z + r d) / k, normalised to its lower half; `None` where this way does not decide.
#[expect(clippy::arithmetic_side_effects, reason = "modulo the order of the curve: nothing overflows")]
fn put_together(key: &SigningKey, hash: &Hash, point: &AffinePoint, inverse: &Scalar) -> Option<Signed> {
    let x = point.x();
    // None when x is at or above the order.
    let r: Scalar = Option::from(Scalar::from_repr(x))?;
    let z = <Scalar as Reduce<FieldBytes>>::reduce(&hash.0.into());
    let s = *inverse * (z + r * **key.as_nonzero_scalar());
    // None when r or s is zero.
    let signature = Signature::from_scalars(r, s).ok()?;
    Some((signature.normalize_s(), bool::from(point.y_is_odd() ^ s.is_high())))
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::ops::Invert;
    use k256::elliptic_curve::point::DecompressPoint;
    use k256::elliptic_curve::subtle::Choice;
    use serde_json::Value;

    use super::*;
    use crate::base::Secret;

    /// Every run the same keys and hashes, and no pattern in them.
    fn random(what: &str, n: usize) -> [u8; 32] {
        keccak256(format!("{what} {n}")).0
    }

    fn issuer(secret: [u8; 32]) -> IssuerKey {
        IssuerKey::from_secret(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn batches_of_every_size_give_the_bytes_of_k256() {
        // 2,460 signatures, nearly as many hashes, 640 keys: within a batch keys repeat and, now and then, a key and a hash.
        let keys: Vec<IssuerKey> = (0..640).map(|n| issuer(random("key", n))).collect();
        let mut hashes = (0..).map(|n| Hash(random("hash", n)));
        let mut begun = 0;
        for size in [0, 1, 2, 3, 4, 5, 8, 17, 31, 32, 33, 64, 100, 127, 257, 300, 300, 300, 300, 300, 276] {
            let mut work: Vec<(&IssuerKey, Hash)> =
                keys.iter().cycle().skip(begun).zip(hashes.by_ref()).take(size).collect();
            if let [first, .., last] = work.as_mut_slice() {
                *last = *first;
            }
            let expected: Vec<IssuerSignature> =
                work.iter().map(|(key, hash)| sign_one(key.key(), hash).into()).collect();
            assert_eq!(sign_all(&work), expected, "{size}");
            begun += size;
        }
        assert_eq!(begun, 2_460);
    }

    #[test]
    fn hashes_and_keys_at_the_ends_of_their_range_give_the_bytes_of_k256() {
        let order: [u8; 32] = Secp256k1::ORDER.to_be_bytes().into();
        let near = |last: u8| {
            let mut bytes = order;
            bytes[31] = last;
            bytes
        };
        let mut one = [0; 32];
        one[31] = 1;
        let keys = [one, near(order[31] - 1)].map(issuer);
        let hashes = [[0; 32], one, near(order[31] - 1), order, near(order[31] + 1), [0xff; 32]].map(Hash);
        let work: Vec<(&IssuerKey, Hash)> =
            keys.iter().flat_map(|key| hashes.iter().map(move |hash| (key, *hash))).collect();
        let expected: Vec<IssuerSignature> = work.iter().map(|(key, hash)| key.sign_hash(*hash)).collect();
        assert_eq!(sign_all(&work), expected);
    }

    #[test]
    fn the_golden_signatures_come_out_of_a_batch() {
        let golden: Value = serde_json::from_str(include_str!("../../fixtures/chain/issuer.json")).unwrap();
        let signed = golden["signed"].as_array().unwrap();
        let secret = |one: &Value| <[u8; 32]>::try_from(hex::decode(one["secret"].as_str().unwrap()).unwrap()).unwrap();
        let keys: Vec<IssuerKey> = signed.iter().map(|one| issuer(secret(one))).collect();
        let hashes = signed.iter().map(|one| one["eip191_hash"].as_str().unwrap().parse::<Hash>().unwrap());
        let work: Vec<(&IssuerKey, Hash)> = keys.iter().zip(hashes).collect();
        let signatures: Vec<String> = sign_all(&work).iter().map(ToString::to_string).collect();
        let expected: Vec<&str> = signed.iter().map(|one| one["signature"].as_str().unwrap()).collect();
        assert!(work.len() > 1);
        assert_eq!(signatures, expected);
    }

    #[test]
    fn sealing_together_is_sealing_one_by_one() {
        let chain = "test".try_into().unwrap();
        let header = keccak256("header");
        let key = |n| SealKey::from_secret(&Secret::new(random("member", n))).unwrap();
        let keys: Vec<(MemberName, SealKey)> =
            (0..4).map(|n| (format!("member-{n}").as_str().try_into().unwrap(), key(n))).collect();
        let pairs: Vec<(&MemberName, &SealKey)> = keys.iter().map(|(member, key)| (member, key)).collect();
        for count in 0..=4 {
            let expected: Vec<Seal> =
                keys[..count].iter().map(|(member, key)| key.seal(member, &chain, 7, 2, &header).unwrap()).collect();
            assert_eq!(seal_all(&pairs[..count], &chain, 7, 2, &header).unwrap(), expected);
        }
        assert_eq!(
            seal_all(&pairs, &chain, 1 << 53, 0, &header).unwrap_err().code,
            crate::base::Code::ChainNumberRange
        );
    }

    #[test]
    fn what_a_batch_cannot_decide_is_left_to_k256() {
        let (key, hash) = (issuer(random("key", 1)), Hash(random("hash", 1)));
        let nonce = nonce(key.key(), &hash);
        let point = AffinePoint::from(ProjectivePoint::mul_by_generator(&nonce));
        let inverse = Invert::invert(&nonce).unwrap();
        let decided = |point: &AffinePoint, inverse: &Scalar| put_together(key.key(), &hash, point, inverse);
        assert_eq!(decided(&point, &inverse), Some(sign_one(key.key(), &hash)));
        assert_eq!(decided(&point, &Scalar::ZERO), None, "s is zero");
        assert_eq!(decided(&AffinePoint::IDENTITY, &inverse), None, "r is zero");
        // The first point whose x is the order or above.
        let mut x: [u8; 32] = Secp256k1::ORDER.to_be_bytes().into();
        let reduced = loop {
            if let Some(point) = Option::<AffinePoint>::from(AffinePoint::decompress(&x.into(), Choice::from(0))) {
                break point;
            }
            x[31] += 1;
        };
        assert_eq!(decided(&reduced, &inverse), None, "x is not below the order");
    }
}
