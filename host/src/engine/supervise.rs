//! Loops that must not end by themselves: when one does, the host says so and stops.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Raises the alarm when it is dropped before its loop came to its end: by a panic.
struct Alarm {
    name: &'static str,
    failed: CancellationToken,
    over: bool,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.over {
            tracing::error!(name = self.name, "a loop of the engine broke off; the host stops, others take over");
            self.failed.cancel();
        }
    }
}

/// Spawns a loop that is watched.
pub(super) fn spawn(
    tracker: &TaskTracker,
    failed: &CancellationToken,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let alarm = Alarm { name, failed: failed.clone(), over: false };
    tracker.spawn(async move {
        // Moved in whole: a capture of its one field would drop the alarm outside.
        let mut alarm = alarm;
        work.await;
        alarm.over = true;
    });
}
