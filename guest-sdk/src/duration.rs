//! Durations as one says them, and as the host counts them.

use std::time::Duration;

/// `n` milliseconds, the finest that the host keeps.
pub const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `n` seconds.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes.
pub const fn minutes(n: u64) -> Duration {
    seconds(n.saturating_mul(60))
}

/// `n` hours.
pub const fn hours(n: u64) -> Duration {
    minutes(n.saturating_mul(60))
}

/// `n` days of 24 hours. The host takes at most 366.
pub const fn days(n: u64) -> Duration {
    hours(n.saturating_mul(24))
}

/// Whole milliseconds, rounded up so that no wait becomes none.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_millisecond_counts_as_a_whole_one() {
        assert_eq!(whole_ms(Duration::ZERO), 0);
        assert_eq!(whole_ms(Duration::from_nanos(1)), 1);
        assert_eq!(whole_ms(millis(20)), 20);
        assert_eq!(whole_ms(days(30)), 2_592_000_000);
        assert_eq!(whole_ms(Duration::MAX), u64::MAX);
    }
}
