//! What keeps the database in shape: partitions made ahead, rows of dead workers removed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::telemetry::metrics as names;

/// Time between rounds.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Days for which partitions are made ahead: a week without any host is survived.
const PARTITION_DAYS: i32 = 7;
/// How long the row of a dead worker is kept, for whoever reads the history.
const DEAD_WORKER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Time between looks at what the gauges show.
const GAUGES: Duration = Duration::from_secs(1);

/// Keeps gauges and histograms up to date.
pub(super) async fn gauges(shared: Arc<Shared>, closing: CancellationToken) {
    metrics::gauge!(names::CONCURRENCY).set(f64::from(shared.config.concurrency));
    let in_flight = metrics::gauge!(names::IN_FLIGHT);
    loop {
        tokio::select! {
            () = tokio::time::sleep(GAUGES) => {}
            () = closing.cancelled() => return,
        }
        in_flight.set(f64::from(u32::try_from(shared.held.len()).unwrap_or(u32::MAX)));
        names::upkeep();
    }
}

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
