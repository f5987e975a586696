//! Numbers of a PDF, printed from scaled integers: no float decides a byte of the file.

use std::fmt::Write as _;

/// Micrometres in hundredths of a point (1/72 inch = 25,400/72 micrometres), to the nearest: at most 1.8 micrometres off.
pub(super) fn hundredths(micrometres: i32) -> i64 {
    let numerator = i64::from(micrometres).saturating_mul(2 * 7_200).saturating_add(25_400);
    numerator.div_euclid(2 * 25_400)
}

/// Writes a number of `decimals` decimal places, without zeros at its end: 12340 with three is `12.34`.
pub(super) fn push_decimal(out: &mut String, value: i64, decimals: u32) {
    let scale = 10u64.saturating_pow(decimals);
    let magnitude = value.unsigned_abs();
    if value < 0 {
        out.push('-');
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", magnitude.checked_div(scale).unwrap_or_default());
    let mut rest = magnitude.checked_rem(scale).unwrap_or_default();
    if rest == 0 {
        return;
    }
    out.push('.');
    let mut place = scale;
    while rest > 0 {
        place /= 10;
        let digit = rest.checked_div(place).unwrap_or_default();
        out.push(char::from(b'0'.saturating_add(u8::try_from(digit).unwrap_or_default())));
        rest = rest.checked_rem(place).unwrap_or_default();
    }
}

/// Writes a length or place in points, and a blank.
pub(super) fn push_points(out: &mut String, micrometres: i32) {
    push_decimal(out, hundredths(micrometres), 2);
    out.push(' ');
}

/// Micrometres in points, for libraries that take no other numbers; prints with two digits.
#[expect(clippy::float_arithmetic, clippy::disallowed_types, reason = "printpdf and pdf-writer take floats")]
pub(super) fn points(micrometres: i32) -> f32 {
    let value = hundredths(micrometres);
    let whole = i16::try_from(value.div_euclid(100)).unwrap_or(i16::MAX);
    let rest = i16::try_from(value.rem_euclid(100)).unwrap_or_default();
    f32::from(whole) + f32::from(rest) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(value: i64, decimals: u32) -> String {
        let mut out = String::new();
        push_decimal(&mut out, value, decimals);
        out
    }

    #[test]
    fn micrometres_become_the_nearest_hundredth_of_a_point() {
        for (micrometres, points) in [(25_400, 7_200), (210_000, 59_528), (140_000, 39_685), (-25_400, -7_200), (0, 0)]
        {
            assert_eq!(hundredths(micrometres), points);
        }
    }

    #[test]
    fn decimals_have_no_zeros_at_their_end() {
        for (value, decimals, text) in
            [(12_340, 3, "12.34"), (5, 2, "0.05"), (-50, 2, "-0.5"), (700, 2, "7"), (0, 4, "0"), (10_005, 4, "1.0005")]
        {
            assert_eq!(decimal(value, decimals), text);
        }
    }

    #[test]
    fn points_print_with_two_digits() {
        for (micrometres, printed) in [(25_400, "72"), (210_000, "595.28"), (140_000, "396.85"), (-12_345, "-34.99")] {
            assert_eq!(points(micrometres).to_string(), printed);
        }
    }
}
