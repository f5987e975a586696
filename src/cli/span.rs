//! Spans of time as people write and read them.

use std::time::Duration;

/// Reads `500ms`, `10s`, `5m`, `1h` or `2d`, for clap.
///
/// # Errors
/// What a span looks like.
pub fn span(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
    let unit_ms = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let ms = number.parse::<u64>().ok().zip(unit_ms).and_then(|(number, unit)| number.checked_mul(unit));
    ms.map(Duration::from_millis).ok_or_else(|| "a span is a number and ms, s, m, h or d: 10s, 1h".to_owned())
}

/// A number of milliseconds in the largest unit that it fills: `3 hours`.
pub fn in_words(ms: i64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let of = |(unit_ms, name): (i64, &str)| {
        let count = ms.checked_div(unit_ms).filter(|count| *count > 0)?;
        Some(format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
    };
    units.into_iter().find_map(of).unwrap_or_else(|| "less than a second".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_said() {
        for (text, ms) in [("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000), ("2d", 172_800_000)] {
            assert_eq!(span(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "10", "s", "-1s", "1.5s", "1 s", "99999999999999999999s", "9999999999999999d", "1H", "１s"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        let said = [-5, 0, 999, 1_000, 59_999, 60_000, 7_200_000, 172_800_000].map(in_words);
        assert_eq!(said[..3], ["less than a second"; 3]);
        assert_eq!(said[3..], ["1 second", "59 seconds", "1 minute", "2 hours", "2 days"]);
    }
}
