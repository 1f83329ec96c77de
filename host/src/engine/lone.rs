//! Runs what has taken its worker down time and again: alone, with its start recorded first.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedRwLockWriteGuard;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Shared;
use super::incarnation::{Incarnation, Incarnations, living};
use super::launcher::Launcher;
use crate::store::Error;

/// Time between looks, and the least rest between two lone runs.
const INTERVAL: Duration = Duration::from_secs(1);

/// The loop of lone runs.
pub(super) struct Lone {
    pub(super) shared: Arc<Shared>,
    pub(super) incarnations: Incarnations,
    pub(super) launcher: Launcher,
    pub(super) closing: CancellationToken,
}

impl Lone {
    pub(super) async fn run(mut self) {
        let mut rest = INTERVAL;
        while let Some(incarnation) = living(&mut self.incarnations, &self.closing).await {
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = self.closing.cancelled() => return,
            }
            let began = Instant::now();
            if let Err(error) = self.look(&incarnation).await {
                tracing::warn!(%error, "lone run: instances that are to run alone cannot be looked at now");
            }
            // What runs alone stops everybody else here: they get at least as much time as it took.
            rest = began.elapsed().max(INTERVAL);
        }
    }

    async fn look(&self, incarnation: &Incarnation) -> Result<(), Error> {
        let (stalled, queues) = (self.shared.registry.stalled(), self.shared.slots.served());
        if !self.shared.store.has_suspect(queues.as_deref(), &stalled).await? {
            return Ok(());
        }
        let Some(alone) = self.alone(incarnation).await else { return Ok(()) };
        let claiming = self.shared.held.claiming();
        let claimed = self.shared.store.claim_suspect(incarnation.worker, queues.as_deref(), &stalled).await?;
        let Some((claimed, lone_starts)) = claimed else { return Ok(()) };
        let runner = self.launcher.runner(incarnation, &claimed);
        drop(claiming);
        let Some((mut runner, hold)) = runner else { return Ok(()) };
        tracing::warn!(instance = %claimed.id, lone_starts, "lone run: its worker died under it time and again");
        metrics::counter!(crate::telemetry::metrics::LONE_RUN).increment(1);
        let running = async move { runner.run_alone(claimed, hold, lone_starts).await };
        let running = AbortOnDropHandle::new(self.shared.sandbox.threads().spawn(running));
        // Where it panicked, the row is found as owned and not held.
        drop(running.await);
        drop(alone);
        Ok(())
    }

    /// Waits until nothing runs here, and keeps it so while the guard lives.
    async fn alone(&self, incarnation: &Incarnation) -> Option<OwnedRwLockWriteGuard<()>> {
        tokio::select! {
            alone = self.shared.company.clone().write_owned() => Some(alone),
            () = self.closing.cancelled() => None,
            () = incarnation.interrupt.cancelled() => None,
        }
    }
}
