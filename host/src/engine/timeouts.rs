//! Wakes parked instances whose deadline has passed.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::telemetry::metrics as names;

/// Instances that one statement wakes at most.
const ROWS_MAX: i64 = 1_000;

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut ticks = tokio::time::interval(shared.config.timeout_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closing.cancelled() => return,
        }
        match shared.store.wake_timeouts(ROWS_MAX).await {
            Ok(lanes) if lanes.is_empty() => {}
            Ok(lanes) => {
                metrics::counter!(names::AWAIT_TIMEOUT).increment(lanes.len() as u64);
                tracing::debug!(count = lanes.len(), "await.timeout");
                if lanes.len() as i64 == ROWS_MAX {
                    ticks.reset_immediately();
                }
                shared.found(lanes);
            }
            Err(error) => tracing::warn!(%error, "await.timeout: deadlines cannot be looked at now"),
        }
    }
}
