//! Durations as people write them: `500ms`, `5s`, `2m`, `1h`, `30d`.

use std::time::Duration;

/// Reads a whole number with its unit.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let split = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        "d" => number.checked_mul(24 * 3_600).map(Duration::from_secs),
        _ => None,
    }
}

/// Writes a duration in the largest unit up to hours of which it is a whole number.
pub(super) fn show(duration: Duration) -> String {
    let (ms, s) = (duration.as_millis(), duration.as_secs());
    if duration.is_zero() || !ms.is_multiple_of(1_000) {
        format!("{ms}ms")
    } else if !s.is_multiple_of(60) {
        format!("{s}s")
    } else if !s.is_multiple_of(3_600) {
        format!("{}m", s / 60)
    } else {
        format!("{}h", s / 3_600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        for (text, ms) in [
            ("1ms", 1),
            ("250ms", 250),
            ("0s", 0),
            ("90s", 90_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_short_and_can_be_read() {
        for text in ["0ms", "1ms", "1500ms", "90s", "2m", "61m", "1h", "24h"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        assert_eq!(show(Duration::from_secs(60)), "1m");
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "5 weeks",
            "99999999999999999999s",
            "18446744073709551615h",
            "18446744073709551615d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
