//! What keeps the database in shape: partitions made ahead, rows of dead workers removed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;

/// Time between rounds.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Days for which partitions are made ahead: a week without any host is survived.
const PARTITION_DAYS: i32 = 7;
/// How long the row of a dead worker is kept, for whoever reads the history.
const DEAD_WORKER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closing.cancelled() => return,
        }
        if let Err(error) = shared.store.make_partitions(PARTITION_DAYS).await {
            tracing::error!(%error, "maintenance: partitions cannot be made; commits fail once those that stand are used up");
        }
        if let Err(error) = shared.store.forget_workers(DEAD_WORKER_AGE).await {
            tracing::warn!(%error, "maintenance: dead workers are not removed now");
        }
    }
}
