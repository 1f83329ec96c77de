//! Claims work for the free slots and starts a runner for each instance it gets.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{Lane, Lanes};
use metrics::{Counter, Histogram};
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::flusher::Commits;
use super::incarnation::{Incarnation, Incarnations, living};
use super::runner::Runner;
use super::waits::Waits;
use super::{Shared, micros};
use crate::failpoint::{self, Failpoint};
use crate::store::Error;

/// Lanes that one scan statement returns at most; a scan goes on behind the last.
const SCAN_LANES_MAX: i64 = 500;

/// Waits after a database that does not answer: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The claim loop.
pub(super) struct Picker {
    pub(super) shared: Arc<Shared>,
    pub(super) incarnations: Incarnations,
    pub(super) commits: Commits,
    pub(super) runners: TaskTracker,
    pub(super) slots: Arc<Semaphore>,
    pub(super) closing: CancellationToken,
    pub(super) picked: Counter,
    pub(super) demand: Counter,
    pub(super) seconds: Histogram,
}

impl Picker {
    pub(super) async fn run(mut self) {
        let mut known = Known::new(self.shared.config.poll);
        let waits = || Waits::new(BACKOFF.0, BACKOFF.1, self.shared.nonce);
        let mut wait = waits();
        while let Some(incarnation) = living(&mut self.incarnations, &self.closing).await {
            let Some(slot) = self.free_slot().await else { return };
            if let Err(error) = self.find_work(&mut known, &incarnation).await {
                tracing::warn!(%error, "no work can be looked for, trying again");
                self.pause(wait.next()).await;
                continue;
            }
            if self.closing.is_cancelled() {
                return;
            }
            match self.claim(&mut known, &incarnation, slot).await {
                Ok(()) => wait = waits(),
                Err(error) => {
                    tracing::warn!(%error, "a claim failed; what it took is given back when it is found");
                    self.pause(wait.next()).await;
                }
            }
        }
    }

    async fn free_slot(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            slot = self.slots.clone().acquire_owned() => slot.ok(),
            () = self.closing.cancelled() => None,
        }
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.closing.cancelled() => {}
        }
    }

    /// Returns when a lane is known to have work, or when this worker may not claim any more.
    async fn find_work(&self, known: &mut Known, incarnation: &Incarnation) -> Result<(), Error> {
        loop {
            for lane in self.shared.wakes.take() {
                known.lanes.learn(lane);
            }
            if self.shared.wakes.scan_wanted() || Instant::now() >= known.next_scan {
                self.scan(known).await?;
            }
            if !known.lanes.is_empty() || self.closing.is_cancelled() || incarnation.interrupt.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                () = self.shared.wakes.news() => {}
                () = tokio::time::sleep_until(known.next_scan) => {}
                () = self.closing.cancelled() => {}
                () = incarnation.interrupt.cancelled() => {}
            }
        }
    }

    /// Looks at every lane of the database that has rows waiting.
    async fn scan(&self, known: &mut Known) -> Result<(), Error> {
        let mut after = Lane { tenant: i32::MIN, queue: i32::MIN, priority: i16::MIN };
        loop {
            let lanes = self.shared.store.scan_lanes(after, SCAN_LANES_MAX).await?;
            for (lane, due_in) in &lanes {
                if due_in.is_zero() {
                    known.lanes.learn(*lane);
                } else {
                    self.shared.wakes.lane_after(*lane, *due_in);
                }
            }
            match lanes.last() {
                Some((last, _)) if lanes.len() as i64 == SCAN_LANES_MAX => after = *last,
                Some(_) | None => break,
            }
        }
        known.scanned();
        Ok(())
    }

    /// Leave to run beside others: waits while something runs alone. `None` when the host closes.
    async fn company(&self) -> Option<Arc<OwnedRwLockReadGuard<()>>> {
        tokio::select! {
            company = self.shared.company.clone().read_owned() => Some(Arc::new(company)),
            () = self.closing.cancelled() => None,
        }
    }

    fn told(&self, count: usize, demand: u32, duration: Duration) {
        self.picked.increment(count as u64);
        self.demand.increment(u64::from(demand));
        self.seconds.record(duration);
        tracing::trace!(count, demand, duration_us = micros(duration), "pick.stop");
    }

    /// One claim for as many slots as are free, and a runner for each row.
    async fn claim(
        &self,
        known: &mut Known,
        incarnation: &Incarnation,
        slot: OwnedSemaphorePermit,
    ) -> Result<(), Error> {
        let config = &self.shared.config;
        let free = u32::try_from(self.slots.available_permits()).unwrap_or(u32::MAX);
        let rows_max = free.saturating_add(1).min(config.claim_rows_max);
        let shares = known.lanes.share(rows_max, config.claim_lanes_max);
        if shares.is_empty() {
            return Ok(());
        }
        let Some(company) = self.company().await else { return Ok(()) };
        let claiming = self.shared.held.claiming();
        let began = Instant::now();
        let stalled = self.shared.registry.stalled();
        // Where this fails, the mark of the claim under way goes with it.
        let (claimed, given) = {
            let claim = self.shared.store.claim(incarnation.worker, &shares, &stalled);
            claim.instrument(tracing::debug_span!("claim", demand = rows_max)).await?
        };
        for ((lane, asked), given) in shares.iter().zip(given) {
            if given < *asked {
                known.lanes.forget(*lane);
            }
        }
        self.told(claimed.len(), rows_max, began.elapsed());
        failpoint::pass(Failpoint::AfterClaim);
        let mut slots = Some(slot);
        for claimed in claimed {
            // Only this loop takes slots, so that what was free is still free.
            let slot = match slots.take() {
                Some(slot) => Ok(slot),
                None => self.slots.clone().try_acquire_owned(),
            };
            let Ok(slot) = slot else { break };
            let interrupt = incarnation.interrupt.child_token();
            let Some(hold) = self.shared.held.hold(claimed.id, claimed.claim, interrupt.clone()) else { continue };
            let company = company.clone();
            let runner = Runner {
                shared: self.shared.clone(),
                incarnation: incarnation.clone(),
                interrupt,
                commits: self.commits.clone(),
                closing: self.closing.clone(),
            };
            self.runners.spawn(async move {
                runner.run(claimed).await;
                drop((hold, slot, company));
            });
        }
        drop(claiming);
        Ok(())
    }
}

/// What the picker knows of the lanes.
struct Known {
    lanes: Lanes,
    next_scan: Instant,
    interval: Duration,
    poll: (Duration, Duration),
}

impl Known {
    fn new(poll: (Duration, Duration)) -> Self {
        Self { lanes: Lanes::default(), next_scan: Instant::now(), interval: poll.0, poll }
    }

    /// The next scan comes later while scans find nothing.
    fn scanned(&mut self) {
        let (shortest, longest) = self.poll;
        self.interval = if self.lanes.is_empty() { (self.interval * 2).min(longest) } else { shortest };
        self.next_scan = Instant::now() + self.interval;
    }
}
