//! Who signed many texts, at once: the two inversions of a recovery are shared by the batch (Montgomery's trick), as in
//! [`super::signing`]. Nothing here is secret.

use k256::ecdsa::VerifyingKey;
use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::ff::{BatchInverter, PrimeField};
use k256::elliptic_curve::ops::{MulByGeneratorVartime, Reduce};
use k256::elliptic_curve::point::DecompressPoint;
use k256::elliptic_curve::subtle::Choice;
use k256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};

use super::issuer::{Address, IssuerSignature, eip191_hash, recover, split};
use crate::base::Fault;

/// What a recovery computes with: r, s, the hash, and the nonce point.
struct Parts {
    r: Scalar,
    s: Scalar,
    z: Scalar,
    point: ProjectivePoint,
}

/// `None` where [`recover`] is to say what is wrong.
fn parts(text: &str, signature: &IssuerSignature) -> Option<Parts> {
    let (rs, y_is_odd) = split(signature).ok()?;
    let (r, s) = rs.split_scalars();
    let point: Option<AffinePoint> = AffinePoint::decompress(&r.to_repr(), Choice::from(u8::from(y_is_odd))).into();
    let z = <Scalar as Reduce<FieldBytes>>::reduce(&eip191_hash(text).0.into());
    Some(Parts { r: *r, s: *s, z, point: ProjectivePoint::from(point?) })
}

/// Who signed each text: what [`recover`] gives for each, in the order of the work.
#[expect(clippy::arithmetic_side_effects, reason = "modulo the order of the curve: nothing overflows")]
pub fn recover_all(work: &[(&str, &IssuerSignature)]) -> Vec<Result<Address, Fault>> {
    let all: Vec<Option<Parts>> = work.iter().map(|(text, signature)| parts(text, signature)).collect();
    let mut inverses: Vec<Scalar> = all.iter().flatten().map(|parts| parts.r).collect();
    let mut scratch = inverses.clone();
    BatchInverter::invert_with_external_scratch(&mut inverses, &mut scratch);
    let points = all.iter().flatten().zip(&inverses).map(|(Parts { s, z, point, .. }, inverse)| {
        ProjectivePoint::mul_by_generator_and_mul_add_vartime(&-(*inverse * *z), &(*inverse * *s), point)
    });
    let points: Vec<ProjectivePoint> = points.collect();
    let points: Vec<AffinePoint> = ProjectivePoint::batch_normalize(points.as_slice());
    let mut points = points.into_iter();
    let signers = work.iter().zip(&all).map(|((text, signature), parts)| {
        let point = parts.as_ref().and_then(|_| points.next());
        match point.and_then(|point| VerifyingKey::from_affine(point).ok()) {
            Some(key) => Ok(Address::of(&key)),
            None => recover(text, signature),
        }
    });
    signers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::chain::{IssuerKey, keccak256};

    #[test]
    fn a_batch_says_of_each_what_it_says_of_one() {
        let key = |n: usize| IssuerKey::from_secret(&Secret::new(keccak256(format!("key {n}")).0)).unwrap();
        let mut work: Vec<(String, IssuerSignature)> = (0..200)
            .map(|n| {
                let text = format!("text {n}");
                let signature = key(n % 7).sign(&text);
                (text, signature)
            })
            .collect();
        // Every byte of a signature in turn is another, and so are texts: other signers, no signer, or a form that is refused.
        for (n, (text, IssuerSignature(bytes))) in work.iter_mut().enumerate().skip(60) {
            match n {
                60..125 => bytes[n - 60] ^= 1,
                125 => bytes[..32].fill(0),
                126 => bytes[32..64].fill(0xff),
                127 => bytes[..32].fill(0xff),
                128..140 => text.push('x'),
                _ => {}
            }
        }
        for size in [0, 1, 2, 3, 32, 200] {
            let work: Vec<(&str, &IssuerSignature)> =
                work.iter().rev().take(size).map(|(text, signature)| (text.as_str(), signature)).collect();
            let expected: Vec<_> = work.iter().map(|(text, signature)| recover(text, signature)).collect();
            assert_eq!(recover_all(&work), expected);
        }
        let refused = work.iter().filter(|(text, signature)| recover(text, signature).is_err()).count();
        assert!((10..120).contains(&refused), "{refused}");
    }
}
