//! News of work: which lanes may have some, now or soon.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gd_core::Lane;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::slots::Slots;

/// Delays are rounded up to this, so that a million delayed rows of a lane are a few entries.
const GRAIN: Duration = Duration::from_millis(10);
/// What is due later is found by the poll.
const HORIZON: Duration = Duration::from_secs(5);

/// Where whoever makes an instance runnable leaves word. Cheap to clone. Never needed for correctness: a poll finds all work.
/// What this host does not run is passed over.
#[derive(Clone)]
pub(crate) struct Wakes(Arc<Inner>);

struct Inner {
    slots: Slots,
    news: Mutex<News>,
    notify: Notify,
}

#[derive(Default)]
struct News {
    now: BTreeSet<Lane>,
    due: BTreeSet<(Instant, Lane)>,
    began: Option<Instant>,
    scan: bool,
}

impl Wakes {
    pub(super) fn new(slots: Slots) -> Self {
        Self(Arc::new(Inner { slots, news: Mutex::default(), notify: Notify::new() }))
    }

    /// A lane has work at once.
    pub(super) fn lane(&self, lane: Lane) {
        self.lanes([lane]);
    }

    /// Several lanes have work at once.
    pub(super) fn lanes(&self, lanes: impl IntoIterator<Item = Lane>) {
        let served = lanes.into_iter().filter(|lane| self.0.slots.serves(lane.queue));
        self.with(|news| news.now.extend(served));
        self.0.notify.notify_one();
    }

    /// A lane has work after a delay.
    pub(super) fn lane_after(&self, lane: Lane, delay: Duration) {
        if delay.is_zero() {
            return self.lane(lane);
        }
        if delay > HORIZON || !self.0.slots.serves(lane.queue) {
            return;
        }
        self.with(|news| news.later(lane, Instant::now() + delay));
        self.0.notify.notify_one();
    }

    /// Any lane may have work: the next look is a scan.
    pub(super) fn look(&self) {
        self.with(|news| news.scan = true);
        self.0.notify.notify_one();
    }

    /// Whether there is news that nobody has taken yet.
    pub(super) fn any(&self) -> bool {
        self.with(|news| {
            news.scan || !news.now.is_empty() || news.due.first().is_some_and(|(due, _)| *due <= Instant::now())
        })
    }

    /// Whether somebody asked for a scan since the last call.
    pub(super) fn scan_wanted(&self) -> bool {
        self.with(|news| std::mem::take(&mut news.scan))
    }

    /// Lanes that have work by now.
    pub(super) fn take(&self) -> BTreeSet<Lane> {
        self.with(|news| news.take(Instant::now()))
    }

    /// Waits until a lane has work, or is told of.
    pub(super) async fn news(&self) {
        let due = self.with(|news| news.due.first().map(|&(due, _)| due));
        match due {
            None => self.0.notify.notified().await,
            Some(due) => {
                tokio::select! {
                    () = self.0.notify.notified() => {}
                    () = tokio::time::sleep_until(due) => {}
                }
            }
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut News) -> R) -> R {
        act(&mut self.0.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl News {
    fn later(&mut self, lane: Lane, due: Instant) {
        let due = self.rounded(due);
        self.due.insert((due, lane));
    }

    fn take(&mut self, now: Instant) -> BTreeSet<Lane> {
        while let Some(&(due, lane)) = self.due.first() {
            if due > now {
                break;
            }
            self.due.pop_first();
            self.now.insert(lane);
        }
        std::mem::take(&mut self.now)
    }

    /// The next full grain after `due`; never earlier, or the claim would find nothing yet.
    fn rounded(&mut self, due: Instant) -> Instant {
        let began = *self.began.get_or_insert(due);
        let since = due.saturating_duration_since(began).as_nanos() / GRAIN.as_nanos() + 1;
        began + GRAIN.saturating_mul(u32::try_from(since).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: Lane = Lane { tenant: 1, queue: 1, priority: 0 };

    #[test]
    fn a_delayed_lane_is_told_of_once_it_is_due_and_never_before() {
        let (mut news, start) = (News::default(), Instant::now());
        let due = start + Duration::from_millis(200);
        news.later(LANE, due);
        assert!(news.take(due).is_empty());
        assert_eq!(news.take(due + GRAIN).len(), 1);
        assert!(news.take(due + GRAIN).is_empty());
    }

    #[test]
    fn a_million_delays_of_a_lane_are_a_few_entries() {
        let (mut news, start) = (News::default(), Instant::now());
        for n in 0..1_000_000 {
            news.later(LANE, start + Duration::from_micros(n * 4));
        }
        assert!(news.due.len() <= 401, "{}", news.due.len());
    }
}
