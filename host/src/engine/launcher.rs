//! Putting claimed instances on their way.

use std::sync::Arc;

use tokio::sync::OwnedRwLockReadGuard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::flusher::Commits;
use super::held::Hold;
use super::incarnation::Incarnation;
use super::runner::Runner;
use super::slots::Slot;
use crate::store::Claimed;

/// What it takes to run what was claimed. Cheap to clone; the flusher ends with the last one.
#[derive(Clone)]
pub(super) struct Launcher {
    pub(super) shared: Arc<Shared>,
    pub(super) commits: Commits,
    pub(super) runners: TaskTracker,
    pub(super) closing: CancellationToken,
}

/// Leave to run beside others: nothing runs alone while it lives.
pub(super) type Company = Arc<OwnedRwLockReadGuard<()>>;

impl Launcher {
    /// Waits while something runs alone. `None` when the host closes.
    pub(super) async fn company(&self) -> Option<Company> {
        tokio::select! {
            company = self.shared.company.clone().read_owned() => Some(Arc::new(company)),
            () = self.closing.cancelled() => None,
        }
    }

    /// Runs an instance in the place that was taken for it, when its turn comes. A claim that was given out twice is passed over.
    pub(super) fn launch(&self, incarnation: &Incarnation, claimed: Claimed, slot: Slot, company: Company) {
        let Some((mut runner, hold)) = self.runner(incarnation, &claimed) else { return };
        let running = async move {
            runner.run_in_turn(claimed, hold, &slot).await;
            drop((slot, company));
        };
        self.runners.spawn_on(running, self.shared.sandbox.threads());
    }

    /// A runner for an instance, which is held from now on. `None` where one has it under this very claim.
    pub(super) fn runner(&self, incarnation: &Incarnation, claimed: &Claimed) -> Option<(Runner, Hold)> {
        let interrupt = incarnation.interrupt.child_token();
        let hold = self.shared.held.hold(claimed.id, claimed.claim, interrupt.clone())?;
        let runner = Runner {
            shared: self.shared.clone(),
            incarnation: incarnation.clone(),
            interrupt,
            commits: self.commits.clone(),
            closing: self.closing.clone(),
        };
        Some((runner, hold))
    }
}
