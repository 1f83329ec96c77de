//! The loops that make instances go: each is `run(self, …)`, owns what it needs, and is reached through a cheap handle.

mod config;
mod events;
mod flusher;
mod held;
mod incarnation;
mod lease;
mod lone;
mod maintenance;
mod notices;
mod picker;
mod reconcile;
mod recovery;
mod runner;
mod settled;
mod stalled;
mod supervise;
mod timeouts;
mod waits;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use gd_core::{InstanceId, Lane, Limits};
use tokio::sync::{RwLock, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::store::Store;
use crate::telemetry;

use settled::Settled;
use wake::Wakes;

pub use config::EngineConfig;
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
    pub(crate) wakes: Wakes,
    pub(crate) settled: Settled,
    pub(crate) held: held::Held,
    pub(crate) notices: notices::Notices,
    pub(crate) events: events::Events,
    /// Read by whatever runs here; written by what must run alone.
    pub(crate) company: Arc<RwLock<()>>,
    /// Random, so that this engine's notices are told from those of others.
    pub(crate) nonce: u64,
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
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
    /// Starts every loop. Work begins once the worker has its lease.
    pub fn start(store: Store, registry: Registry, sandbox: Sandbox, config: EngineConfig, limits: Limits) -> Self {
        telemetry::metrics::install();
        let shared = Arc::new(Shared {
            store,
            registry,
            sandbox,
            limits,
            wakes: Wakes::default(),
            settled: Settled::default(),
            held: held::Held::default(),
            notices: notices::Notices::default(),
            events: events::Events::default(),
            company: Arc::default(),
            nonce: uuid::Uuid::new_v4().as_u64_pair().0,
            config,
        });
        let engine = Self {
            shared: shared.clone(),
            closing: CancellationToken::new(),
            interrupt: CancellationToken::new(),
            failed: CancellationToken::new(),
            leaving: CancellationToken::new(),
            loops: TaskTracker::new(),
            runners: TaskTracker::new(),
            last: TaskTracker::new(),
        };
        let (lease, incarnations) = lease::Lease::new(shared.clone(), engine.interrupt.clone());
        let (flusher, commits) = flusher::Flusher::new(shared.clone());
        let (failed, closing) = (&engine.failed, &engine.closing);
        supervise::spawn(&engine.last, failed, "lease", lease.run(engine.leaving.clone()));
        supervise::spawn(&engine.last, failed, "flusher", flusher.run());
        let lone = lone::Lone {
            shared: shared.clone(),
            incarnations: incarnations.clone(),
            commits: commits.clone(),
            closing: closing.clone(),
        };
        let picker = picker::Picker {
            shared: shared.clone(),
            incarnations: incarnations.clone(),
            commits,
            runners: engine.runners.clone(),
            slots: Arc::new(Semaphore::new(shared.config.concurrency as usize)),
            closing: engine.closing.clone(),
            picked: metrics::counter!(telemetry::metrics::PICKED),
            demand: metrics::counter!(telemetry::metrics::PICK_DEMAND),
            seconds: metrics::histogram!(telemetry::metrics::PICK),
        };
        let recovery = recovery::run(shared.clone(), closing.clone());
        let timeouts = timeouts::run(shared.clone(), closing.clone());
        let reconcile = reconcile::run(shared.clone(), incarnations, closing.clone());
        let send = notices::send(shared.clone(), closing.clone());
        let listen = notices::listen(shared.clone(), closing.clone());
        let gauges = maintenance::gauges(shared.clone(), closing.clone());
        let stalled = stalled::run(shared.clone(), closing.clone());
        let maintenance = maintenance::run(shared, closing.clone());
        supervise::spawn(&engine.loops, failed, "picker", picker.run());
        supervise::spawn(&engine.loops, failed, "lone", lone.run());
        supervise::spawn(&engine.loops, failed, "send", send);
        supervise::spawn(&engine.loops, failed, "listen", listen);
        supervise::spawn(&engine.loops, failed, "gauges", gauges);
        supervise::spawn(&engine.loops, failed, "stalled", stalled);
        supervise::spawn(&engine.loops, failed, "recovery", recovery);
        supervise::spawn(&engine.loops, failed, "timeouts", timeouts);
        supervise::spawn(&engine.loops, failed, "reconcile", reconcile);
        supervise::spawn(&engine.loops, failed, "maintenance", maintenance);
        engine
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
        self.closing.cancel();
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
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
