//! The loops that make instances go: each is `run(self, …)`, owns what it needs, and is reached through a cheap handle.

mod config;
mod flusher;
mod held;
mod incarnation;
mod lease;
mod maintenance;
mod picker;
mod reconcile;
mod recovery;
mod runner;
mod settled;
mod timeouts;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use gd_core::Limits;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::store::Store;

pub use config::EngineConfig;
pub use settled::Settled;
pub use wake::Wakes;

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
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    /// Ends claims, polls and sweeps.
    closing: CancellationToken,
    /// Ends every guest.
    interrupt: CancellationToken,
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
        let shared = Arc::new(Shared {
            store,
            registry,
            sandbox,
            limits,
            wakes: Wakes::default(),
            settled: Settled::default(),
            held: held::Held::default(),
            config,
        });
        let engine = Self {
            shared: shared.clone(),
            closing: CancellationToken::new(),
            interrupt: CancellationToken::new(),
            leaving: CancellationToken::new(),
            loops: TaskTracker::new(),
            runners: TaskTracker::new(),
            last: TaskTracker::new(),
        };
        let (lease, incarnations) = lease::Lease::new(shared.clone(), engine.interrupt.clone());
        engine.last.spawn(lease.run(engine.leaving.clone()));
        let (flusher, commits) = flusher::Flusher::new(shared.clone());
        engine.last.spawn(flusher.run());
        let picker = picker::Picker {
            shared: shared.clone(),
            incarnations: incarnations.clone(),
            commits,
            runners: engine.runners.clone(),
            slots: Arc::new(Semaphore::new(shared.config.concurrency as usize)),
            closing: engine.closing.clone(),
        };
        engine.loops.spawn(picker.run());
        engine.loops.spawn(recovery::run(shared.clone(), engine.closing.clone()));
        engine.loops.spawn(timeouts::run(shared.clone(), engine.closing.clone()));
        engine.loops.spawn(reconcile::run(shared.clone(), incarnations, engine.closing.clone()));
        engine.loops.spawn(maintenance::run(shared, engine.closing.clone()));
        engine
    }

    /// Where news of work is left.
    pub fn wakes(&self) -> &Wakes {
        &self.shared.wakes
    }

    /// Where the end of an instance is waited for.
    pub fn settled(&self) -> &Settled {
        &self.shared.settled
    }

    /// Stops: no more claims; running steps get `drain` to commit, then their guests are interrupted and the rows given back.
    /// Returns when nothing runs any more.
    pub async fn stop(&self, drain: Duration) {
        self.closing.cancel();
        self.loops.close();
        self.loops.wait().await;
        self.runners.close();
        if tokio::time::timeout(drain, self.runners.wait()).await.is_err() {
            tracing::warn!(in_flight = self.runners.len(), "scheduler.drain: the time is over, guests are interrupted");
            self.interrupt.cancel();
            self.runners.wait().await;
        }
        self.leaving.cancel();
        self.last.close();
        self.last.wait().await;
    }
}
