//! Claims work for the free slots and starts a runner for each instance it gets.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gd_core::{Lane, Room};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Shared;
use super::incarnation::{Incarnation, Incarnations, living};
use super::known::Known;
use super::launcher::Launcher;
use super::picked::Told;
use super::slots::Places;
use super::waits::Waits;
use crate::failpoint::{self, Failpoint};
use crate::store::{Claims, Error};

/// Lanes that one scan statement returns at most; a scan goes on behind the last.
const SCAN_LANES_MAX: i64 = 500;

/// Ends of batches that a busy host waits for before it claims. Chosen: a few milliseconds each, and none where nothing is committed.
const BATCHES_WAITED_MAX: u32 = 3;
/// Longest wait for one of them. Chosen: longer than a batch takes on a database nearby; one far away is not worth waiting for, since a
/// claim under way gathers places by itself.
const BATCH_WAIT_MAX: Duration = Duration::from_millis(20);
/// One place in so many is few, or hardly any. Chosen: the rest has work for longer than the batches that are waited for take.
const FEW: u32 = 4;
const HARDLY_ANY: u32 = 8;

/// Waits after a database that does not answer: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The claim loop.
pub(super) struct Picker {
    pub(super) shared: Arc<Shared>,
    pub(super) incarnations: Incarnations,
    pub(super) launcher: Launcher,
    pub(super) closing: CancellationToken,
    pub(super) told: Told,
}

impl Picker {
    pub(super) async fn run(mut self) {
        let mut known = Known::new(self.shared.config.poll);
        let waits = || Waits::new(BACKOFF.0, BACKOFF.1, self.shared.nonce);
        let mut wait = waits();
        while let Some(incarnation) = living(&mut self.incarnations, &self.closing).await {
            let asked = match self.find_work(&mut known, &incarnation).await {
                Ok(asked) => asked,
                Err(error) => {
                    tracing::warn!(%error, "no work can be looked for, trying again");
                    self.pause(wait.next()).await;
                    continue;
                }
            };
            if self.closing.is_cancelled() {
                return;
            }
            match self.claim(&mut known, &incarnation, asked).await {
                Ok(()) => wait = waits(),
                Err(error) => {
                    tracing::warn!(%error, "a claim failed; what it took is given back when it is found");
                    self.pause(wait.next()).await;
                }
            }
        }
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.closing.cancelled() => {}
        }
    }

    /// Returns with lanes to ask and a place taken for every row asked for; with nothing when this worker may not claim any more.
    async fn find_work(&self, known: &mut Known, incarnation: &Incarnation) -> Result<Vec<Asked>, Error> {
        let mut patience = BATCHES_WAITED_MAX;
        loop {
            let mut freed = pin!(self.shared.slots.freed());
            freed.as_mut().enable();
            if self.closing.is_cancelled() || incarnation.interrupt.is_cancelled() {
                return Ok(Vec::new());
            }
            // A busy host claims once for all places that a batch of commits gives back, not once for each.
            if self.waits_for_more(patience)
                && let Some(end) = self.launcher.commits.batch_end()
            {
                patience -= 1;
                tokio::select! {
                    () = end => tokio::task::yield_now().await,
                    () = tokio::time::sleep(BATCH_WAIT_MAX) => patience = 0,
                    () = self.closing.cancelled() => {}
                    () = incarnation.interrupt.cancelled() => {}
                }
                continue;
            }
            let room = self.shared.slots.room();
            let full = room.is_empty();
            let scans = !full && (self.shared.wakes.scan_wanted() || Instant::now() >= known.next_scan);
            if full || scans {
                self.shared.quiet.store(false, Ordering::Release);
            }
            if !full {
                for lane in self.shared.wakes.take() {
                    known.lanes.learn(lane);
                }
                if scans {
                    self.scan(known).await?;
                }
                let asked = self.ask(known, room);
                self.shared.quiet.store(known.lanes.is_empty(), Ordering::Release);
                if !asked.is_empty() {
                    return Ok(asked);
                }
            }
            tokio::select! {
                () = freed => {}
                () = self.shared.wakes.news(), if !full => {}
                () = tokio::time::sleep_until(known.next_scan), if !full => {}
                () = self.closing.cancelled() => {}
                () = incarnation.interrupt.cancelled() => {}
            }
        }
    }

    /// Whether the places that are free are too few to claim for at present. The first batch is waited for in any case where the host is
    /// busy, the next ones only while hardly any place is free.
    fn waits_for_more(&self, patience: u32) -> bool {
        let share = if patience == BATCHES_WAITED_MAX { FEW } else { HARDLY_ANY };
        patience > 0 && self.shared.slots.are_scarce(share)
    }

    /// Shares the room out among the lanes that are known to have work, and takes the places.
    fn ask(&self, known: &mut Known, room: Room) -> Vec<Asked> {
        let config = &self.shared.config;
        let shares = known.lanes.share(room, config.claim_rows_max, config.claim_lanes_max);
        let taken =
            shares.into_iter().map(|(lane, rows)| Asked { lane, places: self.shared.slots.try_take(lane.queue, rows) });
        taken.filter(|asked| asked.places.len() > 0).collect()
    }

    /// Looks at every lane of the database that has rows waiting.
    async fn scan(&self, known: &mut Known) -> Result<(), Error> {
        let mut after = Lane { tenant: i32::MIN, queue: i32::MIN, priority: i16::MIN };
        loop {
            let lanes = self.shared.store.scan_lanes(after, SCAN_LANES_MAX).await?;
            for (lane, due_in) in &lanes {
                if !self.shared.slots.serves(lane.queue) {
                    continue;
                }
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

    /// One claim for the places that were taken, and a runner for each row.
    async fn claim(&self, known: &mut Known, incarnation: &Incarnation, asked: Vec<Asked>) -> Result<(), Error> {
        if asked.is_empty() {
            return Ok(());
        }
        let Some(company) = self.launcher.company().await else { return Ok(()) };
        let shares: Vec<(Lane, u32)> = asked.iter().map(|asked| (asked.lane, asked.places.len())).collect();
        let claiming = self.shared.held.claiming();
        let began = Instant::now();
        let stalled = self.shared.registry.stalled();
        // Where this fails, the mark of the claim under way goes with it.
        let Claims { claimed, given, aside } = {
            let claim = self.shared.store.claim(incarnation.worker, &shares, &stalled);
            claim.instrument(tracing::debug_span!("claim", lanes = shares.len())).await?
        };
        self.shared.claimed.fetch_add(claimed.len() as u64, Ordering::Relaxed);
        known.claimed(&shares, &given);
        aside.into_iter().for_each(|key| self.shared.gates.look(key));
        self.told.claim(&self.shared.slots, incarnation.worker, &shares, &given, began.elapsed());
        failpoint::pass(Failpoint::AfterClaim);
        let mut places: HashMap<Lane, Places> = asked.into_iter().map(|asked| (asked.lane, asked.places)).collect();
        for claimed in claimed {
            // A lane gives no more than it was asked for.
            let Some(slot) = places.get_mut(&claimed.lane).and_then(Places::one) else { break };
            self.launcher.launch(incarnation, claimed, slot, company.clone());
        }
        drop(claiming);
        Ok(())
    }
}

/// A lane, and the places for what it is asked for.
struct Asked {
    lane: Lane,
    places: Places,
}
