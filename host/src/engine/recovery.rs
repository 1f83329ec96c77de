//! Takes back what dead workers held, so that it goes on here or elsewhere within seconds.

use std::sync::Arc;

use gd_core::WorkerId;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::store::Error;
use crate::telemetry::metrics as names;

/// Every how many sweeps rows are looked for that no living worker owns. There should be none but those that a stranger's lock
/// hid from the sweep before.
const ORPHANS_EVERY: u32 = 5;

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut ticks = tokio::time::interval_at(Instant::now(), shared.config.recovery_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweep = 0u32;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closing.cancelled() => return,
        }
        let orphans = sweep.is_multiple_of(ORPHANS_EVERY);
        sweep = sweep.wrapping_add(1);
        if let Err(error) = recover(&shared, orphans).await {
            tracing::warn!(%error, "recovery: this sweep failed");
        }
    }
}

async fn recover(shared: &Shared, orphans: bool) -> Result<(), Error> {
    let mut dead = shared.store.declare_dead_workers(shared.config.silence).await?;
    if orphans {
        dead.extend(shared.store.orphan_owners().await?);
    }
    for worker in dead {
        take_back(shared, worker).await?;
    }
    Ok(())
}

async fn take_back(shared: &Shared, worker: WorkerId) -> Result<(), Error> {
    let rows_max = shared.config.recovery_rows_max;
    let mut count = 0;
    loop {
        let rows = shared.store.take_back(worker, rows_max).await?;
        count += rows.len();
        let more = rows.len() as i64 == rows_max;
        shared.given_back(rows);
        if !more {
            break;
        }
    }
    metrics::counter!(names::REAPED).increment(count as u64);
    tracing::info!(%worker, count, "recovery.reaped");
    Ok(())
}
