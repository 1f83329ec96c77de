//! Durations as people write them on a command line: a whole number and a unit.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// Neither a number nor a unit, or a unit that does not exist.
    #[error("write a whole number and one of the units ms, s, m, h, d, such as 250ms, 30s, 5m, 2h or 7d")]
    Shape,
    /// More milliseconds than 64 bits hold.
    #[error("too long; the longest duration is 36500d")]
    TooLong,
}

const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);

/// Reads `250ms`, `30s`, `5m`, `2h` or `7d`. At most 36500d, so that no sum with a time of day overflows.
pub(crate) fn parse(text: &str) -> Result<Duration, ParseError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(ParseError::Shape),
    };
    if number.is_empty() {
        return Err(ParseError::Shape);
    }
    let number: u64 = number.parse().map_err(|_| ParseError::TooLong)?;
    let duration = number.checked_mul(unit_ms).map(Duration::from_millis).ok_or(ParseError::TooLong)?;
    if duration > LONGEST { Err(ParseError::TooLong) } else { Ok(duration) }
}

/// Writes a duration in the largest unit that divides it, so that `parse` reads the same back; below 1 ms it is `0ms`.
pub(crate) fn format(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, unit_ms)| ms > 0 && ms.is_multiple_of(*unit_ms)) {
        Some((unit, unit_ms)) => format!("{}{unit}", ms / unit_ms),
        None => format!("{ms}ms"),
    }
}

/// A measured time for a table cell: three significant places at most, `812us`, `1.2ms`, `3.4s`, `95s`.
pub(crate) fn measured(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..10_000 => format!("{:.1}ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{}ms", us / 1_000),
        1_000_000..10_000_000 => format!("{:.1}s", us as f64 / 1e6),
        _ => format!("{}s", us / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_make_a_duration() {
        let check = |text: &str, ms: u64| assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        check("250ms", 250);
        check("30s", 30_000);
        check("5m", 300_000);
        check("2h", 7_200_000);
        check("7d", 604_800_000);
        check("0s", 0);
        check("36500d", 36_500 * 86_400_000);
    }

    #[test]
    fn anything_else_is_refused() {
        let check = |text: &str, error: ParseError| assert_eq!(parse(text), Err(error), "{text}");
        for text in ["", "30", "s", "-5s", "+5s", "1.5h", "5 m", "5M", "5m30s", "5min", "٣s"] {
            check(text, ParseError::Shape);
        }
        check("36501d", ParseError::TooLong);
        check("18446744073709551615d", ParseError::TooLong);
        check("99999999999999999999ms", ParseError::TooLong);
    }

    #[test]
    fn a_written_duration_reads_back() {
        for text in ["250ms", "30s", "5m", "2h", "7d", "90s", "0ms"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn a_measured_time_is_short() {
        let check = |us: u64, expected: &str| assert_eq!(measured(us), expected);
        check(812, "812us");
        check(1_249, "1.2ms");
        check(54_321, "54ms");
        check(3_400_000, "3.4s");
        check(95_000_000, "95s");
    }
}
