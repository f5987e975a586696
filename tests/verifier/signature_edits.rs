//! Signatures whose numbers stand at the edges of what they may be.

use crate::dice::Dice;

const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// n - s, in hex.
pub fn negated(s: &str) -> String {
    let mut out = [0; 32];
    let mut bytes = [[0_u8; 32]; 2];
    hex::decode_to_slice(ORDER, &mut bytes[0]).unwrap();
    if hex::decode_to_slice(s, &mut bytes[1]).is_err() {
        return s.to_owned();
    }
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(bytes[0][at]) - i16::from(bytes[1][at]) - borrow;
        borrow = i16::from(difference < 0);
        out[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    hex::encode(out)
}

/// A signature's r or s at the edges of what they may be.
pub fn edged(signature: &str, dice: &mut Dice) -> String {
    if signature.len() < 128 || !signature.is_ascii() {
        return signature.to_owned();
    }
    let (r, rest) = signature.split_at(64);
    let (s, v) = rest.split_at(64);
    let edge = dice.one_of(&[
        "0".repeat(64),
        format!("{}1", "0".repeat(63)),
        ORDER.to_owned(),
        format!("{}0", ORDER.trim_end_matches('1')),
        "f".repeat(64),
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0".to_owned(),
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1".to_owned(),
    ]);
    match dice.below(4) {
        0 => format!("{edge}{s}{v}"),
        1 => format!("{r}{edge}{v}"),
        2 => format!("{r}{}{v}", negated(s)),
        _ => format!("{s}{r}{v}"),
    }
}
