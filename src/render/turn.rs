//! Sines, cosines and ellipses in whole numbers: the same on every machine, which a library's floats need not be.

/// One, in what [`turn`] gives.
pub(super) const TURN_ONE: i64 = 10_000;

/// A whole turn in thousandths of a degree.
const WHOLE: i64 = 360_000;

/// Scale of the series: nine decimals.
const SCALE: i64 = 1_000_000_000;

/// Half of a turn is pi: 180,000 thousandths of a degree, in [`SCALE`].
const PI: i64 = 3_141_592_654;

/// Cosine and sine of an angle in thousandths of a degree, in units of 1/[`TURN_ONE`], to the nearest.
pub(super) fn turn(thousandths: i32) -> (i64, i64) {
    let angle = i64::from(thousandths).rem_euclid(WHOLE);
    (sine((angle + WHOLE / 4).rem_euclid(WHOLE)), sine(angle))
}

/// Sine of an angle from 0 to below a whole turn.
fn sine(angle: i64) -> i64 {
    // The second half is the first below zero, and a half is the same from both ends: what is left is 0 to 90 degrees.
    let (angle, sign) = if angle >= WHOLE / 2 { (angle - WHOLE / 2, -1) } else { (angle, 1) };
    let angle = angle.min(WHOLE / 2 - angle);
    let radians = angle * PI / (WHOLE / 2);
    let square = radians * radians / SCALE;
    // x - x^3/3! + x^5/5! - ...: after x^13 the rest is below 10^-9.
    let (mut term, mut sum) = (radians, radians);
    for step in 1..=6 {
        term = -(term * square / SCALE) / (2 * step * (2 * step + 1));
        sum += term;
    }
    let unit = SCALE / TURN_ONE;
    sign * ((sum + unit / 2) / unit)
}

/// How far the handles of a cubic curve reach that is a quarter of a circle, in units of 1/[`TURN_ONE`] of the radius.
const HANDLE: i64 = 5_523;

/// How far the handle of a quarter of an ellipse reaches.
pub(super) fn handle(radius: i32) -> i32 {
    i32::try_from(i64::from(radius).saturating_mul(HANDLE).div_euclid(TURN_ONE)).unwrap_or(radius)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_of_known_sines() {
        for (angle, cosine, sine) in [
            (0, 10_000, 0),
            (30_000, 8_660, 5_000),
            (90_000, 0, 10_000),
            (180_000, -10_000, 0),
            (-27_000, 8_910, -4_540),
            (225_000, -7_071, -7_071),
            (359_999, 10_000, 0),
        ] {
            assert_eq!(turn(angle), (cosine, sine), "{angle}");
        }
    }

    #[test]
    fn squares_add_up_to_one() {
        for angle in (-360_000..360_000).step_by(777) {
            let (cosine, sine) = turn(angle);
            let off = cosine * cosine + sine * sine - TURN_ONE * TURN_ONE;
            assert!(off.abs() < 3 * TURN_ONE / 2, "{angle}: {off}");
        }
    }
}
