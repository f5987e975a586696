//! The tax classification code (税收分类编码, domain.md 1.10): a class and nine pairs of digits, each a level deeper.

/// Digits of a classification.
pub const DIGITS: usize = 19;

/// Whether `code` has the shape: class 1 to 6 (goods, labour, services, intangibles, real estate, not-taxed items), then nine
/// pairs, right-padded with zeros: below a level that is not given (`00`) there is no further one.
pub fn has_shape(code: &str) -> bool {
    let Some((class, levels)) = code.as_bytes().split_first() else { return false };
    if code.len() != DIGITS || !matches!(class, b'1'..=b'6') || !levels.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut given = levels.chunks(2).map(|pair| pair != b"00");
    // The first level that is not given ends the code: no later one may be given.
    given.by_ref().find(|g| !g);
    !given.any(|g| g)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_codes_have_the_shape() {
        for code in [
            "3010101020203000000",
            "3040201010000000000",
            "3070401000000000000",
            "1090418010000000000",
            "1010101000000000000",
            "6010000000000000000",
            "1010101010101010101",
        ] {
            assert!(has_shape(code), "{code}");
        }
    }

    #[test]
    fn other_codes_do_not() {
        for code in [
            "",
            "307040100000000000",
            "30704010000000000000",
            "0070401000000000000",
            "7070401000000000000",
            "30704010000000000x0",
            "3070401000000000001",
            "3000401000000000000",
            "3070001000000000000",
            "三070401000000000",
        ] {
            assert!(!has_shape(code), "{code}");
        }
    }
}
