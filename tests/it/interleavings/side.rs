//! One session: the store's own functions, to be played as parts.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{Bucket, Claim, InstanceId, Status, TenantId, WorkerId};
use gd_host::store::{
    BucketKey, Cancelled, Claimed, Commit, Delivered, Error, Grant, Held, Key, NewInstance, NewSignal, Started, Store,
    Verdict, flush,
};
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::oracle::ensure;
use super::stage::{LANE, SILENCE, limits, store};

const TENANT: TenantId = TenantId(1);

/// What a failed statement says; no check expects one.
pub(crate) type Done<T> = Result<T, String>;

/// A store, and the connection of a flusher. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Side {
    store: Store,
    flusher: Arc<Mutex<PgConnection>>,
}

impl Side {
    pub(crate) async fn new(url: &str) -> Self {
        let store = store(url).await;
        let mut flusher = store.flush_connection().await.expect("a connection is to be had");
        // How long a held lock lasts here is up to the order that is played, and a retry would be an order of its own.
        sqlx::raw_sql("set lock_timeout = 0").execute(&mut flusher).await.expect("a setting can be set");
        Self { store, flusher: Arc::new(Mutex::new(flusher)) }
    }

    /// Commits one attempt.
    pub(crate) fn flush(&self, worker: WorkerId, commit: Commit) -> impl Future<Output = Done<Verdict>> + Send + use<> {
        let flusher = self.flusher.clone();
        async move {
            let mut connection = flusher.lock_owned().await;
            let verdicts = flush(&mut connection, worker, &[&commit], &limits()).await;
            if verdicts.is_err() {
                // Sends the rollback, which else waits for the next flush.
                connection.ping().await.ok();
            }
            verdicts
                .map(|verdicts| verdicts.verdicts.into_iter().next().expect("one commit has one verdict"))
                .map_err(failed("flush"))
        }
    }

    /// Sends a signal.
    pub(crate) fn deliver(
        &self,
        id: InstanceId,
        name: &str,
        dedup_key: Option<&str>,
    ) -> impl Future<Output = Done<Option<Delivered>>> + Send + use<> {
        let store = self.store.clone();
        let signal = NewSignal { name: name.into(), payload: vec![], dedup_key: dedup_key.map(str::to_owned) };
        async move {
            let delivery =
                store.deliver(TENANT, id, &signal, &limits(), |_, _| None).await.map_err(failed("deliver"))?;
            Ok(delivery.map(|delivery| delivery.delivered))
        }
    }

    /// Sends the signal `go`, with which this worker claims what it wakes; `None` where it wakes nobody.
    pub(crate) fn deliver_for(
        &self,
        worker: WorkerId,
        id: InstanceId,
    ) -> impl Future<Output = Done<Option<Claimed>>> + Send + use<> {
        let store = self.store.clone();
        let signal = NewSignal { name: "go".into(), payload: vec![], dedup_key: None };
        async move {
            let delivery = store.deliver(TENANT, id, &signal, &limits(), |_, _| Some(worker)).await;
            let delivery = delivery.map_err(failed("deliver"))?.ok_or("nobody was there to deliver to")?;
            ensure(delivery.delivered == Delivered::Stored, "the delivery was refused")?;
            Ok(delivery.claimed.map(|claimed| *claimed))
        }
    }

    /// Wakes what is past its deadline, and says how many.
    pub(crate) fn wake_timeouts(&self) -> impl Future<Output = Done<usize>> + Send + use<> {
        let store = self.store.clone();
        async move { store.wake_timeouts(100).await.map(|lanes| lanes.len()).map_err(failed("wake_timeouts")) }
    }

    /// Claims whatever is due.
    pub(crate) fn claim(&self, worker: WorkerId) -> impl Future<Output = Done<Vec<Claimed>>> + Send + use<> {
        let store = self.store.clone();
        async move { store.claim(worker, &[(LANE, 100)], &[]).await.map(|claims| claims.claimed).map_err(failed("claim")) }
    }

    /// Claims one instance that only the lone run may have, and says how many such starts it has had.
    pub(crate) async fn claim_suspect(&self, worker: WorkerId) -> Done<Option<(Claimed, u32)>> {
        self.store.claim_suspect(worker, None, &[]).await.map_err(failed("claim_suspect"))
    }

    /// Ends an instance as an operator does.
    pub(crate) fn cancel(&self, id: InstanceId) -> impl Future<Output = Done<Option<Cancelled>>> + Send + use<> {
        let store = self.store.clone();
        async move { store.cancel(TENANT, id, "a test").await.map_err(failed("cancel")) }
    }

    /// The same, and gives the slot that it held to whoever waits for it, as an engine does at once.
    pub(crate) fn cancel_and_promote(
        &self,
        id: InstanceId,
    ) -> impl Future<Output = Done<Option<Cancelled>>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let cancelled = store.cancel(TENANT, id, "a test").await.map_err(failed("cancel"))?;
            if let Some(Cancelled::Now { freed: Some(key), .. }) = &cancelled {
                store.promote(std::slice::from_ref(key)).await.map_err(failed("promote"))?;
            }
            Ok(cancelled)
        }
    }

    /// Pauses an instance, and says how it stood then.
    pub(crate) fn pause_as_it_stands(
        &self,
        id: InstanceId,
    ) -> impl Future<Output = Done<Option<Status>>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let held = store.hold(TENANT, id).await.map_err(failed("hold"))?;
            Ok(held.map(|held| match held {
                Held::Live(status, _) | Held::EndedBefore(status) => status,
            }))
        }
    }

    /// Pauses an instance, and says whether it was there.
    pub(crate) fn pause(&self, id: InstanceId) -> impl Future<Output = Done<bool>> + Send + use<> {
        let store = self.store.clone();
        async move { store.hold(TENANT, id).await.map(|held| held.is_some()).map_err(failed("hold")) }
    }

    /// Gives one row back, and says how many went.
    pub(crate) fn release(
        &self,
        worker: WorkerId,
        id: InstanceId,
        claim: Claim,
    ) -> impl Future<Output = Done<usize>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let released = store.release(worker, &[(id, claim)]).await;
            released.map(|lanes| lanes.len()).map_err(failed("release"))
        }
    }

    /// One sweep of recovery: says who was declared dead, and how many rows were taken back.
    pub(crate) fn recover(&self) -> impl Future<Output = Done<(Vec<WorkerId>, usize)>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let dead = store.declare_dead_workers(SILENCE).await.map_err(failed("declare_dead_workers"))?;
            let mut taken = 0;
            for worker in &dead {
                taken += store.take_back(*worker, 100).await.map_err(failed("take_back"))?.len();
            }
            Ok((dead, taken))
        }
    }

    /// Declares dead whoever is silent, and leaves what they own.
    pub(crate) async fn declare_dead(&self) -> Done<usize> {
        let dead = self.store.declare_dead_workers(SILENCE).await.map_err(failed("declare_dead_workers"))?;
        Ok(dead.len())
    }

    /// Takes back what nobody alive owns, as every fifth sweep does.
    pub(crate) fn sweep_orphans(&self) -> impl Future<Output = Done<usize>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let mut taken = 0;
            for worker in store.orphan_owners().await.map_err(failed("orphan_owners"))? {
                taken += store.take_back(worker, 100).await.map_err(failed("take_back"))?.len();
            }
            Ok(taken)
        }
    }

    /// A clean stop: says how many rows it gave back.
    pub(crate) fn leave(&self, worker: WorkerId) -> impl Future<Output = Done<usize>> + Send + use<> {
        let store = self.store.clone();
        async move {
            store.retire_worker(worker).await.map_err(failed("retire_worker"))?;
            let left = store.owned_claims(worker).await.map_err(failed("owned_claims"))?;
            store.release(worker, &left).await.map(|released| released.len()).map_err(failed("release"))
        }
    }

    /// Renews a lease; false when it is lost.
    pub(crate) fn beat(&self, worker: WorkerId) -> impl Future<Output = Done<bool>> + Send + use<> {
        let connection = self.flusher.clone();
        async move {
            let mut connection = connection.lock_owned().await;
            match Store::beat(&mut connection, worker, Duration::from_secs(30)).await.map(drop) {
                Ok(()) => Ok(true),
                Err(Error::LeaseLost(_)) => Ok(false),
                Err(error) => Err(failed("beat")(error)),
            }
        }
    }

    /// Starts an instance.
    pub(crate) fn start(&self, new: NewInstance) -> impl Future<Output = Done<Started>> + Send + use<> {
        let store = self.store.clone();
        async move { store.start(TENANT, &new).await.map_err(failed("start")) }
    }

    /// Starts an instance without keys, which this worker claims at once; says whether it has.
    pub(crate) fn start_for(
        &self,
        worker: WorkerId,
        new: NewInstance,
    ) -> impl Future<Output = Done<bool>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let started = store.start_plain(TENANT, &new, || Some(worker)).await.map_err(failed("start_plain"))?;
            started.map(|started| started.claimed).ok_or_else(|| "nothing was started".into())
        }
    }

    /// Claims whatever is due, and gives free slots to what was put aside, as an engine does at once.
    pub(crate) fn claim_and_promote(
        &self,
        worker: WorkerId,
    ) -> impl Future<Output = Done<Vec<Claimed>>> + Send + use<> {
        let store = self.store.clone();
        async move {
            let claims = store.claim(worker, &[(LANE, 100)], &[]).await.map_err(failed("claim"))?;
            store.promote(&claims.aside).await.map_err(failed("promote"))?;
            Ok(claims.claimed)
        }
    }

    /// Gives free slots of these keys to what waits for them.
    pub(crate) async fn promote(&self, key: &str) -> Done<usize> {
        let keys = [Key { tenant: TENANT.0, key: key.into() }];
        self.store.promote(&keys).await.map(|moved| moved.len()).map_err(failed("promote"))
    }

    /// One round of grants from this bucket: all that it reaches for is paid.
    pub(crate) fn grant(&self, worker: WorkerId, bucket: &str) -> impl Future<Output = Done<usize>> + Send + use<> {
        let store = self.store.clone();
        let buckets = [BucketKey { tenant: TENANT.0, key: bucket.into() }];
        async move {
            let refills = store.refills(&buckets).await.map_err(failed("refills"))?;
            let [Some(refill)] = refills.as_slice() else { return Err("the limit is not there".into()) };
            let (mut round, locked) =
                store.begin_grants(worker, &buckets, 100, &[]).await.map_err(failed("begin_grants"))?;
            let Some(locked) = locked.first() else { return Ok(0) };
            let bucket = locked.bucket.filled(refill, locked.now_us);
            let weights: Vec<i32> = locked.waiting.iter().map(|waiting| waiting.weight).collect();
            let (count, _) = bucket.grants(&weights);
            let grants: Vec<_> =
                locked.waiting.iter().take(count).map(|waiting| (waiting.id, Grant::Pay, None)).collect();
            let (_, written) = round.grant(worker, &grants).await.map_err(failed("grant"))?;
            let level = bucket.level - written.len() as i64 * gd_core::MICROTOKENS;
            round.finish(&[(&buckets[0], Bucket { level, ..bucket })]).await.map_err(failed("finish"))?;
            Ok(written.len())
        }
    }

    /// Which of these commits went through, as an ambiguous flush asks.
    pub(crate) async fn committed(&self, worker: WorkerId, commit: &Commit) -> Done<bool> {
        let mut connection = self.flusher.lock().await;
        let committed = gd_host::store::committed_claims(&mut connection, worker, &[commit]).await;
        committed.map(|committed| committed.contains(&(commit.id, commit.claim))).map_err(failed("committed_claims"))
    }
}

/// What a part came to.
pub(crate) async fn played<T>(part: JoinHandle<Done<T>>) -> Done<T> {
    part.await.expect("no part panics")
}

fn failed(what: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{what} failed: {error}")
}
