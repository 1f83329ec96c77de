//! The loops that make instances go: each is `run(self, …)`, owns what it needs, and is reached through a cheap handle.

mod config;
mod desk;
mod events;
mod flusher;
mod gates;
mod gauges;
mod held;
mod incarnation;
mod input;
mod known;
mod launcher;
mod lease;
mod limiter;
mod lone;
mod maintenance;
mod notices;
mod picked;
mod picker;
mod queues;
mod reconcile;
mod recovery;
mod retention;
mod runner;
mod seats;
mod settled;
mod slots;
mod specs;
mod stalled;
mod supervise;
mod timeouts;
mod turns;
mod vacuum;
mod waits;
mod wake;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gd_core::{InstanceId, Lane, Limits, Version};
use tokio::runtime::Handle;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::store::{Error, Key, Moved, Place, Store};
use crate::telemetry;

use incarnation::Incarnations;
use launcher::Launcher;
use seats::Seats;
use settled::Settled;
use slots::Slots;
use wake::Wakes;

pub use config::{EngineConfig, Maintenance};
pub use queues::{InvalidQueues, Queues, Served};
pub use seats::Seat;
pub use settled::Watch;

/// How long giving rows back and retiring may take after the drain.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What the loops share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) sandbox: Sandbox,
    pub(crate) config: EngineConfig,
    pub(crate) limits: Limits,
    pub(crate) slots: Slots,
    pub(crate) wakes: Wakes,
    pub(crate) gates: gates::Gates,
    pub(crate) buckets: limiter::Buckets,
    pub(crate) settled: Settled,
    pub(crate) held: held::Held,
    pub(crate) notices: notices::Notices,
    pub(crate) events: events::Events,
    /// Read by whatever runs here; written by what must run alone.
    pub(crate) company: Arc<RwLock<()>>,
    /// Instances given back unfinished.
    pub(crate) released: AtomicU64,
    /// Instances claimed.
    pub(crate) claimed: AtomicU64,
    /// The picker has room, and knows of nothing in any lane.
    pub(crate) quiet: AtomicBool,
    /// Random, so that this engine's notices are told from those of others.
    pub(crate) nonce: u64,
    /// The database's random id, as it stands in idempotency keys.
    pub(crate) cluster: String,
    /// The threads of the engine's loops, which guests never keep waiting.
    pub(crate) threads: Handle,
}

impl Shared {
    /// Runs what a runner wants of the database on the engine's threads: a crowd of guests must not hold a connection for the time
    /// that they keep the runner waiting.
    async fn apart<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.threads.spawn(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Nobody aborts it, and a runtime that is shut down takes this task along.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Lanes that have work by what this host did: for itself, or for others where it does not run that queue.
    fn found(&self, lanes: Vec<Lane>) {
        for lane in lanes.iter().filter(|lane| !self.slots.serves(lane.queue)) {
            self.notices.leave(notices::Notice::Work(*lane));
        }
        self.wakes.lanes(lanes);
    }

    /// Where an instance waits by what this host did, from now or after a delay.
    fn waits_at(&self, place: Place, delay: Duration) {
        match place {
            Place::Lane(lane) if delay.is_zero() => self.found(vec![lane]),
            Place::Lane(lane) => self.wakes.lane_after(lane, delay),
            Place::Slot(key) => self.gates.look(key),
            Place::Tokens(bucket) => {
                if !self.slots.any() {
                    self.notices.leave(notices::Notice::Tokens);
                }
                self.buckets.look(bucket, delay);
            }
        }
    }

    /// Rows that were given up, by this host or by one that is gone: where they wait, and whose slots are free by it.
    fn given_back(&self, rows: Vec<Moved>) {
        for Moved { place, freed } in rows {
            freed.into_iter().for_each(|key| self.gates.look(key));
            self.waits_at(place, Duration::ZERO);
        }
    }
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    /// Places for what is claimed where it becomes runnable.
    seats: Seats,
    /// Ends claims, polls and sweeps.
    closing: CancellationToken,
    /// Ends every guest.
    interrupt: CancellationToken,
    /// Cancelled when a loop broke off.
    failed: CancellationToken,
    /// Ends the lease, last of all.
    leaving: CancellationToken,
    /// The loops that end with `closing`.
    loops: TaskTracker,
    /// The instances that run.
    runners: TaskTracker,
    /// Lease and flusher.
    last: TaskTracker,
}

impl Engine {
    /// Starts every loop that this host is to run. Work begins once the worker has its lease.
    ///
    /// # Errors
    /// When the database cannot say the numbers of the queues; nothing was started then.
    pub async fn start(
        store: Store,
        registry: Registry,
        sandbox: Sandbox,
        config: EngineConfig,
        limits: Limits,
    ) -> Result<Self, Error> {
        telemetry::metrics::install();
        let slots = Slots::of(&config, &store).await?;
        tracing::info!(queues = %config.queues, maintenance = ?config.maintenance, "scheduler.start");
        let cluster = store.cluster().simple().to_string();
        let shared = Arc::new(Shared {
            store,
            registry,
            sandbox,
            limits,
            wakes: Wakes::new(slots.clone()),
            slots,
            gates: gates::Gates::default(),
            buckets: limiter::Buckets::default(),
            settled: Settled::default(),
            held: held::Held::default(),
            notices: notices::Notices::default(),
            events: events::Events::default(),
            company: Arc::default(),
            released: AtomicU64::new(0),
            claimed: AtomicU64::new(0),
            quiet: AtomicBool::new(false),
            nonce: uuid::Uuid::new_v4().as_u64_pair().0,
            cluster,
            threads: Handle::current(),
            config,
        });
        let (closing, interrupt) = (CancellationToken::new(), CancellationToken::new());
        let runners = TaskTracker::new();
        let (lease, incarnations) = lease::Lease::new(shared.clone(), interrupt.clone());
        let (flusher, commits) = flusher::Flusher::new(shared.clone());
        let launcher = Launcher { shared: shared.clone(), commits, runners: runners.clone(), closing: closing.clone() };
        let runs = shared.slots.any().then_some(launcher);
        let engine = Self {
            shared: shared.clone(),
            seats: Seats::new(runs.clone(), incarnations.clone()),
            closing,
            interrupt,
            failed: CancellationToken::new(),
            leaving: CancellationToken::new(),
            loops: TaskTracker::new(),
            runners,
            last: TaskTracker::new(),
        };
        let (failed, closing) = (&engine.failed, &engine.closing);
        supervise::spawn(&engine.last, failed, "lease", lease.run(engine.leaving.clone()));
        supervise::spawn(&engine.last, failed, "flusher", flusher.run());
        if let Some(launcher) = runs {
            engine.run_work(incarnations.clone(), launcher);
        }
        if shared.config.maintenance == Maintenance::On {
            engine.run_maintenance();
        }
        let reconcile = reconcile::run(shared.clone(), incarnations, closing.clone());
        supervise::spawn(&engine.loops, failed, "gates", gates::run(shared.clone(), closing.clone()));
        supervise::spawn(&engine.loops, failed, "send", notices::send(shared.clone(), closing.clone()));
        supervise::spawn(&engine.loops, failed, "listen", notices::listen(shared.clone(), closing.clone()));
        supervise::spawn(&engine.loops, failed, "gauges", gauges::run(shared.clone(), closing.clone()));
        supervise::spawn(&engine.loops, failed, "reconcile", reconcile);
        Ok(engine)
    }

    /// The loops of a host that runs instances.
    fn run_work(&self, incarnations: Incarnations, launcher: Launcher) {
        let (shared, closing) = (&self.shared, &self.closing);
        let lone = lone::Lone {
            shared: shared.clone(),
            incarnations: incarnations.clone(),
            launcher: launcher.clone(),
            closing: closing.clone(),
        };
        let limiter = limiter::Limiter {
            shared: shared.clone(),
            incarnations: incarnations.clone(),
            launcher: launcher.clone(),
            closing: closing.clone(),
        };
        let picker = picker::Picker {
            shared: shared.clone(),
            incarnations,
            launcher,
            closing: closing.clone(),
            told: picked::Told::new(),
        };
        let stalled = stalled::run(shared.clone(), closing.clone());
        supervise::spawn(&self.loops, &self.failed, "picker", picker.run());
        supervise::spawn(&self.loops, &self.failed, "limiter", limiter.run());
        supervise::spawn(&self.loops, &self.failed, "lone", lone.run());
        supervise::spawn(&self.loops, &self.failed, "stalled", stalled);
    }

    /// The loops that look after the database for all hosts.
    fn run_maintenance(&self) {
        let (shared, closing) = (&self.shared, &self.closing);
        let recovery = recovery::run(shared.clone(), closing.clone());
        let timeouts = timeouts::run(shared.clone(), closing.clone());
        let maintenance = maintenance::run(shared.clone(), closing.clone());
        let retention = retention::run(shared.clone(), closing.clone());
        supervise::spawn(&self.loops, &self.failed, "recovery", recovery);
        supervise::spawn(&self.loops, &self.failed, "timeouts", timeouts);
        supervise::spawn(&self.loops, &self.failed, "maintenance", maintenance);
        supervise::spawn(&self.loops, &self.failed, "retention", retention);
        supervise::spawn(&self.loops, &self.failed, "vacuum", vacuum::run(shared.clone(), closing.clone()));
    }

    /// A seat for an instance of this queue, FSM and version that the caller's next statement may claim for this host; `None` where it had
    /// better wait in its lane.
    pub fn seat(&self, queue: i32, version: (i32, Version)) -> Option<Seat> {
        self.seats.take(queue, version)
    }

    /// A lane has work at once, for this host or another.
    pub fn wake(&self, lane: Lane) {
        self.shared.wakes.lane(lane);
        self.shared.notices.leave(notices::Notice::Work(lane));
    }

    /// A lane has work after a delay; other hosts find it by their scans.
    pub fn wake_after(&self, lane: Lane, delay: Duration) {
        match delay.is_zero() {
            true => self.wake(lane),
            false => self.shared.wakes.lane_after(lane, delay),
        }
    }

    /// An instance waits here, from now or after a delay, for this host or another.
    pub fn waits_at(&self, place: Place, delay: Duration) {
        match place {
            Place::Lane(lane) => self.wake_after(lane, delay),
            Place::Slot(key) => self.shared.gates.look(key),
            Place::Tokens(bucket) => {
                self.shared.notices.leave(notices::Notice::Tokens);
                self.shared.buckets.look(bucket, delay);
            }
        }
    }

    /// A slot of this concurrency key may be free.
    pub fn freed(&self, key: Key) {
        self.shared.gates.look(key);
    }

    /// A rate limit or a concurrency limit was set or removed: what waits for it may go on.
    pub fn limits_changed(&self) {
        self.shared.buckets.scan();
        self.shared.notices.leave(notices::Notice::Tokens);
    }

    /// Watches an instance from now on, wherever it runs. Look at the instance after this, not before.
    pub fn watch(&self, id: InstanceId) -> Watch {
        let watch = self.shared.settled.watch(id);
        self.shared.notices.leave(notices::Notice::Watch(id));
        watch
    }

    /// An operator has ended an instance: its guest stops, wherever it runs, and who waits for it learns of it.
    pub fn interrupt(&self, id: InstanceId) {
        self.shared.held.interrupt(id);
        self.shared.settled.announce(id);
        self.shared.notices.leave(notices::Notice::Interrupt(id));
    }

    /// Returns when a loop of the engine broke off, which is a bug: the host must stop then.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Stops: no more claims; running steps get `drain` to commit, then their guests are interrupted and the rows given back.
    /// Returns when nothing runs any more, or when a database that does not answer has held it up for too long: what is not
    /// given back then is taken by recovery.
    pub async fn stop(&self, drain: Duration) {
        let in_flight: u32 = self.shared.slots.loads().iter().map(|load| load.in_flight).sum();
        let released_before = self.shared.released.load(Ordering::Relaxed);
        self.closing.cancel();
        self.seats.close();
        self.loops.close();
        self.runners.close();
        let through = async {
            self.loops.wait().await;
            self.runners.wait().await;
        };
        if tokio::time::timeout(drain, through).await.is_err() {
            tracing::warn!(in_flight = self.runners.len(), "scheduler.drain: the time is over, guests are interrupted");
            self.interrupt.cancel();
        }
        let rest = async {
            self.loops.wait().await;
            self.runners.wait().await;
            self.leaving.cancel();
            self.last.close();
            self.last.wait().await;
        };
        if tokio::time::timeout(STOP_MAX, rest).await.is_err() {
            tracing::warn!("scheduler.drain: the database does not answer, recovery will take what is left");
        }
        let released = self.shared.released.load(Ordering::Relaxed) - released_before;
        tracing::info!(released, in_flight, "scheduler.drain: stopped");
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
