//! Waits between tries: longer each time, up to a bound, and never the same on two hosts that lost the same database.

use std::time::Duration;

/// Waits between the tries of one thing.
pub(super) struct Waits {
    next: Duration,
    longest: Duration,
    random: u64,
}

impl Waits {
    /// From `first`, doubled up to `longest`, each shortened by up to a half; `seed` is this host's own.
    pub(super) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        // An xorshift never leaves zero.
        Self { next: first, longest, random: seed | 1 }
    }

    /// The wait before the next try.
    pub(super) fn next(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        let share = u32::try_from(self.random % 512).unwrap_or(0);
        wait - wait / 2 * share / 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_differ_between_hosts() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        let waits = |seed| {
            let mut waits = Waits::new(first, longest, seed);
            (0..8).map(|_| waits.next()).collect::<Vec<_>>()
        };
        let mut bound = first;
        for wait in waits(7) {
            assert!(wait <= bound && wait >= bound / 2, "{wait:?} of {bound:?}");
            bound = (bound * 2).min(longest);
        }
        assert_ne!(waits(7), waits(9));
    }
}
