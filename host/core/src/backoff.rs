//! How long a failed attempt waits before the next one.

/// Doubles from `base_ms` with every attempt, up to `cap_ms`; no jitter, so that a test and a reader can tell the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Milliseconds before the second attempt. Default 1,000.
    pub base_ms: u64,
    /// Longest wait in milliseconds. Default 300,000 (5 minutes).
    pub cap_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base_ms: 1_000, cap_ms: 300_000 }
    }
}

impl Backoff {
    /// Milliseconds to wait after the attempt with this number, counted from 0.
    pub fn delay_ms(&self, attempt: u32) -> u64 {
        let factor = 1u64.checked_shl(attempt).unwrap_or(u64::MAX);
        self.base_ms.saturating_mul(factor).min(self.cap_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_backoff_doubles_from_a_second_to_five_minutes() {
        for (attempt, expected) in
            [(0, 1_000), (1, 2_000), (3, 8_000), (8, 256_000), (9, 300_000), (20, 300_000), (u32::MAX, 300_000)]
        {
            assert_eq!(Backoff::default().delay_ms(attempt), expected, "attempt {attempt}");
        }
    }
}
