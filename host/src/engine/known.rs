//! What the picker knows of the lanes, and when it looks at all of them again.

use std::time::Duration;

use gd_core::{Lane, Lanes};
use tokio::time::Instant;

pub(super) struct Known {
    pub(super) lanes: Lanes,
    pub(super) next_scan: Instant,
    interval: Duration,
    poll: (Duration, Duration),
}

impl Known {
    pub(super) fn new(poll: (Duration, Duration)) -> Self {
        Self { lanes: Lanes::default(), next_scan: Instant::now(), interval: poll.0, poll }
    }

    /// The next scan comes later while scans find nothing.
    pub(super) fn scanned(&mut self) {
        let (shortest, longest) = self.poll;
        self.interval = if self.lanes.is_empty() { (self.interval * 2).min(longest) } else { shortest };
        self.next_scan = Instant::now() + self.interval;
    }

    /// What each lane gave of what it was asked for: less says that it has no more, and any says that there is work again.
    pub(super) fn claimed(&mut self, shares: &[(Lane, u32)], given: &[u32]) {
        for ((lane, asked), given) in shares.iter().zip(given) {
            if given < asked {
                self.lanes.forget(*lane);
            }
        }
        if given.iter().any(|given| *given > 0) {
            self.interval = self.poll.0;
            self.next_scan = self.next_scan.min(Instant::now() + self.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: Lane = Lane { tenant: 1, queue: 1, priority: 0 };

    #[test]
    fn pck_12_scans_that_find_nothing_come_later_and_later_until_there_is_work() {
        let seconds = Duration::from_secs;
        let mut known = Known::new((seconds(1), seconds(5)));
        let mut intervals = Vec::new();
        for _ in 0..4 {
            known.scanned();
            intervals.push(known.interval);
        }
        assert_eq!(intervals, [2, 4, 5, 5].map(seconds));
        known.claimed(&[(LANE, 3)], &[0]);
        assert_eq!(known.interval, seconds(5), "an empty claim is no work");
        known.claimed(&[(LANE, 3)], &[1]);
        assert_eq!(known.interval, seconds(1));
        assert!(known.next_scan <= Instant::now() + seconds(1));
    }
}
