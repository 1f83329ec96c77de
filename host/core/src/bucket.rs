//! Token buckets in whole numbers: what was earned, who may draw, and when the next one can.

/// Parts of a token in which a bucket counts.
pub const MICROTOKENS: i64 = 1_000_000;

/// How a bucket fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    /// Tokens per period; 0 never fills.
    pub allowed: i64,
    /// Milliseconds, at least 1.
    pub period_ms: i64,
    /// Tokens that it holds at most, at least 1.
    pub burst: i64,
    /// When it was configured so, in microseconds: nothing is earned at this rate for the time before.
    pub since_us: i64,
}

/// What a bucket holds, at one moment. The moment is the last up to which it was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Millionths of a token.
    pub level: i64,
    /// Microseconds, by the database's clock.
    pub at_us: i64,
}

/// When the first that waits can draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nobody waits.
    Never,
    /// It can now: more were waiting than were looked at.
    Now,
    /// At this time, in microseconds.
    At(i64),
    /// Not under this limit: it asks for more than the bucket ever holds, or the bucket does not fill.
    Frozen,
}

impl Bucket {
    /// A bucket that nobody has drawn from.
    pub fn full(refill: &Refill, now_us: i64) -> Self {
        Self { level: refill.burst.saturating_mul(MICROTOKENS), at_us: now_us }
    }

    /// Fills up to `now_us`. A clock that was set back earns nothing, and what is earned is never earned twice: the moment moves only
    /// as far as it was paid out, rounded up.
    pub fn filled(self, refill: &Refill, now_us: i64) -> Self {
        let full = refill.burst.saturating_mul(MICROTOKENS);
        let level = self.level.min(full);
        let from = self.at_us.max(refill.since_us);
        let elapsed = i128::from(now_us.saturating_sub(from).max(0));
        let gain = elapsed * i128::from(refill.allowed) * 1_000 / i128::from(refill.period_ms.max(1));
        if i128::from(level) + gain >= i128::from(full) {
            return Self { level: full, at_us: from.max(now_us) };
        }
        // Below the rest of the bucket, so that it fits.
        let gain = i64::try_from(gain).unwrap_or(i64::MAX);
        Self { level: level.saturating_add(gain), at_us: from.saturating_add(time_for(gain, refill).unwrap_or(0)) }
    }

    /// How many of those that wait may draw, given their weights in their order: all up to the first that does not fit, which blocks
    /// this bucket and no other. Also says what they cost.
    pub fn grants(self, weights: &[i32]) -> (usize, i64) {
        let mut cost = 0;
        for (count, weight) in weights.iter().enumerate() {
            let more = i64::from(*weight) * MICROTOKENS;
            if cost + more > self.level {
                return (count, cost);
            }
            cost += more;
        }
        (weights.len(), cost)
    }

    /// When the first that waits can draw; `weight` is its own.
    pub fn due(self, refill: &Refill, weight: i32) -> Due {
        let asked = i64::from(weight) * MICROTOKENS;
        if asked <= self.level {
            return Due::Now;
        }
        if asked > refill.burst.saturating_mul(MICROTOKENS) {
            return Due::Frozen;
        }
        time_for(asked - self.level, refill).map_or(Due::Frozen, |us| Due::At(self.at_us.saturating_add(us)))
    }
}

/// Microseconds in which so much is earned, rounded up; `None` when it never is.
fn time_for(micro: i64, refill: &Refill) -> Option<i64> {
    if refill.allowed <= 0 {
        return if micro == 0 { Some(0) } else { None };
    }
    let per = i128::from(refill.allowed) * 1_000;
    let us = (i128::from(micro) * i128::from(refill.period_ms) + per - 1) / per;
    i64::try_from(us).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn refill(allowed: i64, period_ms: i64, burst: i64) -> Refill {
        Refill { allowed, period_ms, burst, since_us: 0 }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let limit = refill(100, 1_000, 5);
        let bucket = Bucket::full(&limit, 0);
        assert_eq!(bucket.grants(&[1; 10]), (5, 5 * MICROTOKENS));
        let empty = Bucket { level: 0, at_us: 0 };
        assert_eq!(empty.filled(&limit, SECOND / 100).level, MICROTOKENS);
        assert_eq!(empty.filled(&limit, SECOND).level, 5 * MICROTOKENS, "never more than the burst");
        assert_eq!(empty.due(&limit, 2), Due::At(SECOND / 50));
    }

    #[test]
    fn the_first_that_does_not_fit_blocks_those_behind_it() {
        let bucket = Bucket { level: 5 * MICROTOKENS, at_us: 0 };
        assert_eq!(bucket.grants(&[2, 4, 1]), (1, 2 * MICROTOKENS));
    }

    #[test]
    fn more_than_the_bucket_ever_holds_is_never_due() {
        let limit = refill(100, 1_000, 5);
        assert_eq!(Bucket::full(&limit, 0).due(&limit, 6), Due::Frozen);
        let closed = refill(0, 1_000, 5);
        assert_eq!(Bucket { level: 0, at_us: 0 }.due(&closed, 1), Due::Frozen);
        assert_eq!(Bucket { level: 0, at_us: 0 }.filled(&closed, 100 * SECOND).level, 0);
    }

    #[test]
    fn a_clock_that_is_set_back_earns_nothing_and_a_new_rate_nothing_for_the_time_before_it() {
        let limit = refill(10, 1_000, 100);
        let bucket = Bucket { level: 0, at_us: 10 * SECOND };
        assert_eq!(bucket.filled(&limit, 4 * SECOND), bucket);
        let changed = Refill { since_us: 12 * SECOND, ..limit };
        assert_eq!(bucket.filled(&changed, 13 * SECOND).level, 10 * MICROTOKENS);
    }

    proptest! {
        /// However often a bucket is looked at, it never pays out more than its rate and burst allow, and loses less than a
        /// millionth of a token at each look.
        #[test]
        fn looking_often_earns_as_much_as_looking_once(
            steps in prop::collection::vec(0i64..50_000, 1..200),
            allowed in 1i64..5_000, period_ms in 1i64..100_000, burst in 1i64..50,
        ) {
            let limit = refill(allowed, period_ms, burst);
            let (mut bucket, mut now, mut drawn) = (Bucket { level: 0, at_us: 0 }, 0, 0i128);
            for step in steps {
                now += step;
                bucket = bucket.filled(&limit, now);
                let (_, cost) = bucket.grants(&[1, 1, 1]);
                bucket.level -= cost;
                drawn += i128::from(cost);
                let earned = i128::from(now) * i128::from(allowed) * 1_000 / i128::from(period_ms);
                prop_assert!(drawn + i128::from(bucket.level) <= earned + 1);
                prop_assert!(bucket.level <= burst * MICROTOKENS && bucket.level >= 0);
            }
        }

        /// At the time that is told the first that waits can draw, and not before.
        #[test]
        fn what_is_due_can_be_drawn(level in 0i64..5_000_000, weight in 1i32..8, allowed in 1i64..5_000, period_ms in 1i64..100_000) {
            let limit = refill(allowed, period_ms, 8);
            let bucket = Bucket { level, at_us: 0 };
            if let Due::At(due) = bucket.due(&limit, weight) {
                prop_assert_eq!(bucket.filled(&limit, due).grants(&[weight]).0, 1);
                prop_assert_eq!(bucket.filled(&limit, due - 1).grants(&[weight]).0, 0);
            }
        }
    }
}
