//! Grants tokens to those that wait for them: strictly in their order, as far as the bucket reaches and this host has places.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gd_core::{Due, Refill};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::incarnation::{Incarnation, Incarnations, living};
use super::launcher::Launcher;
use super::slots::Slot;
use super::waits::Waits;
use crate::store::{BucketKey, Claimed, Error, Grant, Locked, Round};
use crate::telemetry::metrics as names;

/// Time between scans for buckets that somebody waits for.
const SCAN: Duration = Duration::from_secs(1);
/// Buckets that one scan statement returns at most.
const SCAN_MAX: i64 = 500;
/// Buckets of one round at most.
const BUCKETS_MAX: usize = 100;
/// Rows of one bucket that one round grants at most. Chosen: as a claim.
const ROWS_MAX: i64 = 200;
/// When a bucket that another host grants from is looked at again, or one whose next row finds no place here.
const BUSY: Duration = Duration::from_millis(20);
/// Waits after a database that does not answer: first and longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Where word is left of buckets that somebody waits for. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Buckets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    due: Mutex<BTreeMap<BucketKey, Instant>>,
    scan: Mutex<bool>,
    notify: Notify,
}

impl Buckets {
    /// Somebody waits for tokens of this bucket, from now or after a delay.
    pub(super) fn look(&self, bucket: BucketKey, delay: Duration) {
        let due = Instant::now() + delay;
        self.with(|known| {
            let at = known.entry(bucket).or_insert(due);
            *at = due.min(*at);
        });
        self.0.notify.notify_one();
    }

    /// Any bucket may be waited for, and any limit may have changed.
    pub(super) fn scan(&self) {
        let now = Instant::now();
        self.with(|known| known.values_mut().for_each(|due| *due = now));
        *self.0.scan.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.notify.notify_one();
    }

    fn scan_wanted(&self) -> bool {
        std::mem::take(&mut *self.0.scan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, now: Instant) -> Vec<BucketKey> {
        self.with(|known| {
            let due = known.iter().filter(|(_, due)| **due <= now).map(|(bucket, _)| bucket.clone());
            let due: Vec<BucketKey> = due.take(BUCKETS_MAX).collect();
            due.iter().for_each(|bucket| {
                known.remove(bucket);
            });
            due
        })
    }

    fn next_due(&self) -> Option<Instant> {
        self.with(|known| known.values().min().copied())
    }

    fn with<R>(&self, act: impl FnOnce(&mut BTreeMap<BucketKey, Instant>) -> R) -> R {
        act(&mut self.0.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The loop of grants.
pub(super) struct Limiter {
    pub(super) shared: Arc<Shared>,
    pub(super) incarnations: Incarnations,
    pub(super) launcher: Launcher,
    pub(super) closing: CancellationToken,
}

impl Limiter {
    pub(super) async fn run(mut self) {
        let waits = || Waits::new(BACKOFF.0, BACKOFF.1, self.shared.nonce);
        let (mut wait, mut next_scan) = (waits(), Instant::now());
        while let Some(incarnation) = living(&mut self.incarnations, &self.closing).await {
            if self.closing.is_cancelled() {
                return;
            }
            let looked = self.look(&incarnation, &mut next_scan).await;
            match looked {
                Ok(()) => wait = waits(),
                Err(error) => {
                    tracing::warn!(%error, "rate_limit: no tokens are granted now");
                    next_scan = Instant::now();
                    tokio::select! {
                        () = tokio::time::sleep(wait.next()) => {}
                        () = self.closing.cancelled() => return,
                    }
                }
            }
        }
    }

    /// One look: waits until there is something to grant, and grants it.
    async fn look(&self, incarnation: &Incarnation, next_scan: &mut Instant) -> Result<(), Error> {
        let buckets = &self.shared.buckets;
        if buckets.scan_wanted() || Instant::now() >= *next_scan {
            *next_scan = Instant::now() + SCAN;
            self.scan().await?;
        }
        let due = buckets.take(Instant::now());
        if !due.is_empty() {
            return self.grant(incarnation, &due).await;
        }
        let wake = buckets.next_due().map_or(*next_scan, |due| due.min(*next_scan));
        tokio::select! {
            () = buckets.0.notify.notified() => {}
            () = tokio::time::sleep_until(wake) => {}
            () = self.closing.cancelled() => {}
            () = incarnation.interrupt.cancelled() => {}
        }
        Ok(())
    }

    async fn scan(&self) -> Result<(), Error> {
        let mut after = BucketKey { tenant: i32::MIN, key: String::new() };
        let known: Vec<BucketKey> = self.shared.buckets.with(|known| known.keys().cloned().collect());
        loop {
            let found = self.shared.store.scan_buckets(&after, SCAN_MAX).await?;
            let more = found.len() as i64 == SCAN_MAX;
            if let Some(last) = found.last() {
                after = last.clone();
            }
            // One that is known has its time.
            found.into_iter().filter(|bucket| known.binary_search(bucket).is_err()).for_each(|bucket| {
                self.shared.buckets.look(bucket, Duration::ZERO);
            });
            if !more {
                return Ok(());
            }
        }
    }

    async fn grant(&self, incarnation: &Incarnation, asked: &[BucketKey]) -> Result<(), Error> {
        let refills = self.shared.store.refills(asked).await?;
        let (mut buckets, mut limits) = (Vec::new(), Vec::new());
        for (bucket, refill) in asked.iter().zip(refills) {
            match refill {
                Some(refill) => {
                    buckets.push(bucket.clone());
                    limits.push(refill);
                }
                None => unknown(bucket),
            }
        }
        if buckets.is_empty() {
            return Ok(());
        }
        let Some(company) = self.launcher.company().await else { return Ok(()) };
        let claiming = self.shared.held.claiming();
        let (mut round, locked) = self
            .shared
            .store
            .begin_grants(incarnation.worker, &buckets, ROWS_MAX, &self.shared.registry.stalled())
            .await?;
        let mut plan = Plan::new(&self.shared, &buckets, &limits, locked);
        plan.decide();
        plan.find_slots(&mut round).await?;
        let granted = plan.carry_out(round, incarnation).await?;
        for claimed in granted {
            let Some(slot) = plan.place(&claimed) else { continue };
            self.launcher.launch(incarnation, claimed, slot, company.clone());
        }
        drop(claiming);
        plan.look_again();
        Ok(())
    }
}

/// What one round grants.
struct Plan<'a> {
    shared: &'a Shared,
    buckets: &'a [BucketKey],
    limits: &'a [Refill],
    locked: Vec<Locked>,
    /// Who gets tokens, and what: by bucket, in the order of `locked`.
    grants: Vec<Vec<(usize, Grant, Option<i16>)>>,
    /// Places for those that run here.
    places: HashMap<i64, Slot>,
    /// When each bucket is to be looked at again, from now.
    again: Vec<Option<Duration>>,
}

impl<'a> Plan<'a> {
    fn new(shared: &'a Shared, buckets: &'a [BucketKey], limits: &'a [Refill], locked: Vec<Locked>) -> Self {
        // Another host grants from what could not be locked.
        let again = vec![Some(BUSY); buckets.len()];
        Self { shared, buckets, limits, locked, grants: Vec::new(), places: HashMap::new(), again }
    }

    /// Fills the buckets and says who is granted, as far as there are places.
    fn decide(&mut self) {
        for locked in &mut self.locked {
            let refill = &self.limits[locked.place];
            locked.bucket = locked.bucket.filled(refill, locked.now_us);
            let weights: Vec<i32> = locked.waiting.iter().map(|waiting| waiting.weight).collect();
            let (count, _) = locked.bucket.grants(&weights);
            let count = count.min(ROWS_MAX as usize);
            let mut grants = Vec::with_capacity(count);
            for (at, waiting) in locked.waiting.iter().take(count).enumerate() {
                let lane = waiting.lane;
                let grant = if self.shared.slots.serves(lane.queue) && waiting.losses < gd_core::LOSSES_MAX {
                    match self.shared.slots.try_take(lane.queue, 1).one() {
                        Some(slot) => drop(self.places.insert(waiting.id, slot)),
                        // Tokens are for what can run.
                        None => break,
                    }
                    Grant::Run
                } else {
                    Grant::Pay
                };
                grants.push((at, grant, None));
            }
            let wanted = locked.waiting.len();
            if grants.len() < wanted {
                tracing::trace!(
                    bucket = self.buckets[locked.place].key,
                    wanted,
                    granted = grants.len(),
                    "rate_limit.throttled"
                );
                metrics::counter!(names::THROTTLED, "limit" => name(&self.buckets[locked.place]).to_owned())
                    .increment(1);
            }
            self.again[locked.place] = match locked.waiting.get(grants.len()) {
                None => None,
                Some(_) if grants.len() < count => Some(BUSY),
                Some(next) => {
                    let granted = locked.waiting.iter().take(grants.len());
                    let cost: i64 = granted.map(|waiting| i64::from(waiting.weight) * gd_core::MICROTOKENS).sum();
                    due_in(locked, refill, (cost, next.weight))
                }
            };
            self.grants.push(grants);
        }
    }

    /// Those that run under a key need a slot first; without one they wait for it, and pay nothing.
    async fn find_slots(&mut self, round: &mut Round) -> Result<(), Error> {
        let mut wanted: BTreeMap<(i32, &str), i32> = BTreeMap::new();
        for (locked, grants) in self.locked.iter().zip(&self.grants) {
            for (at, ..) in grants {
                let waiting = &locked.waiting[*at];
                if let Some(key) = &waiting.key {
                    *wanted.entry((waiting.lane.tenant, key)).or_default() += 1;
                }
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let asked: Vec<(i32, &str, i32)> =
            wanted.iter().map(|((tenant, key), count)| (*tenant, *key, *count)).collect();
        let free = round.free_slots(&asked).await?;
        let mut free: HashMap<(i32, &str), Vec<i16>> =
            asked.iter().map(|(tenant, key, _)| (*tenant, *key)).zip(free).collect();
        for (locked, grants) in self.locked.iter().zip(&mut self.grants) {
            for (at, grant, slot) in grants {
                let waiting = &locked.waiting[*at];
                let Some(key) = &waiting.key else { continue };
                *slot = free.get_mut(&(waiting.lane.tenant, key.as_str())).and_then(Vec::pop);
                if slot.is_none() {
                    *grant = Grant::Aside;
                    self.places.remove(&waiting.id);
                }
            }
        }
        Ok(())
    }

    /// Writes it all, and charges for what was written.
    async fn carry_out(&mut self, mut round: Round, incarnation: &Incarnation) -> Result<Vec<Claimed>, Error> {
        let mut all = Vec::new();
        for (locked, grants) in self.locked.iter().zip(&self.grants) {
            all.extend(grants.iter().map(|(at, grant, slot)| (locked.waiting[*at].id, *grant, *slot)));
        }
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let (granted, written) = round.grant(incarnation.worker, &all).await?;
        let mut charges = Vec::new();
        for (locked, grants) in self.locked.iter().zip(&self.grants) {
            let paid = grants.iter().filter(|(_, grant, _)| *grant != Grant::Aside);
            let paid = paid.map(|(at, ..)| &locked.waiting[*at]).filter(|waiting| written.contains(&waiting.id));
            let cost: i64 = paid.map(|waiting| i64::from(waiting.weight) * gd_core::MICROTOKENS).sum();
            if cost > 0 {
                let bucket = gd_core::Bucket { level: locked.bucket.level - cost, ..locked.bucket };
                charges.push((&self.buckets[locked.place], bucket));
            }
        }
        round.finish(&charges).await?;
        let paid = all.iter().filter(|(id, grant, _)| *grant != Grant::Aside && written.contains(id)).count();
        metrics::counter!(names::GRANTED).increment(paid as u64);
        granted.moved.into_iter().for_each(|moved| self.shared.waits_at(moved.place, Duration::ZERO));
        Ok(granted.claimed)
    }

    fn place(&mut self, claimed: &Claimed) -> Option<Slot> {
        self.places.remove(&claimed.id.0)
    }

    fn look_again(&self) {
        for (bucket, again) in self.buckets.iter().zip(&self.again) {
            if let Some(delay) = again {
                self.shared.buckets.look(bucket.clone(), *delay);
            }
        }
    }
}

/// How long until the first that was not granted can be; `None` where the next scan finds out.
fn due_in(locked: &Locked, refill: &Refill, (cost, weight): (i64, i32)) -> Option<Duration> {
    let bucket = gd_core::Bucket { level: locked.bucket.level - cost, ..locked.bucket };
    match bucket.due(refill, weight) {
        Due::Never | Due::Frozen => None,
        Due::Now => Some(Duration::ZERO),
        Due::At(at_us) => Some(Duration::from_micros(u64::try_from(at_us - locked.now_us).unwrap_or(0))),
    }
}

fn name(bucket: &BucketKey) -> &str {
    bucket.key.split(':').next().unwrap_or_default()
}

fn unknown(bucket: &BucketKey) {
    let name = name(bucket);
    metrics::counter!(names::UNKNOWN_LIMIT, "limit" => name.to_owned()).increment(1);
    tracing::debug!(
        tenant = bucket.tenant,
        name,
        bucket = bucket.key,
        "rate_limit.unknown: whoever draws from it waits until it is configured"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_looked_at_when_it_is_due_and_the_earliest_time_counts() {
        let (buckets, key) = (Buckets::default(), BucketKey { tenant: 1, key: "mail".into() });
        buckets.look(key.clone(), Duration::from_secs(60));
        assert!(buckets.take(Instant::now()).is_empty());
        buckets.look(key.clone(), Duration::ZERO);
        buckets.look(key.clone(), Duration::from_secs(60));
        assert_eq!(buckets.take(Instant::now()), [key]);
        assert!(buckets.next_due().is_none());
    }
}
