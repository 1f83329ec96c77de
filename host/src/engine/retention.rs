//! Lets go of what is over: ended instances with their history once they were kept for long enough, and idle token buckets.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::store::{Error, OverPartition, Sweep, Walked, WalkedBuckets};
use crate::telemetry::metrics as names;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// The table whose partitions hold instances, not history.
const FINISHED: &str = "finished";

/// Whether the rows of a span of time are deleted, or go with their partition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Delete,
    Leave,
}

/// What one walk over ended instances came to.
#[derive(Default)]
struct Walk {
    /// Instances that are over for good.
    over: usize,
    /// Instances that were passed over because their parent lives.
    spared: usize,
}

pub(super) async fn run(shared: Arc<Shared>, closing: CancellationToken) {
    let mut ticks = tokio::time::interval(shared.config.retention_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closing.cancelled() => return,
        }
        tokio::select! {
            swept = sweep(&shared) => {
                if let Err(error) = swept {
                    tracing::warn!(%error, "retention: this sweep broke off, the next one goes on");
                }
            }
            () = closing.cancelled() => return,
        }
    }
}

async fn sweep(shared: &Shared) -> Result<(), Error> {
    let Some(mut sweep) = shared.store.begin_sweep().await? else { return Ok(()) };
    let rows_max = shared.config.retention_batch;
    buckets(&mut sweep, rows_max).await?;
    let swept = match shared.config.retention {
        Some(kept) => finished(&mut sweep, kept, rows_max).await,
        None => Ok(()),
    };
    sweep.end().await;
    swept
}

async fn finished(sweep: &mut Sweep, kept: Duration, rows_max: u32) -> Result<(), Error> {
    let mut failed = Ok(());
    for partition in sweep.over_partitions(kept).await? {
        // One that somebody reads for long is no reason to keep the others.
        if let Err(error) = whole(sweep, &partition, rows_max).await {
            if error.is_connection() {
                return Err(error);
            }
            failed = Err(error);
        }
    }
    // What is kept for days goes with its day; what is kept for less is not to wait for that.
    if kept < DAY {
        let since = sweep.kept_since(kept).await?;
        walk(sweep, (0, since), rows_max, Rows::Delete).await?;
    }
    failed
}

/// Lets go of a partition: as a whole, unless it holds what is still needed.
async fn whole(sweep: &mut Sweep, partition: &OverPartition, rows_max: u32) -> Result<(), Error> {
    let day = (partition.began_us, partition.began_us + DAY_US);
    // One that is about to be detached was walked before, and is not seen any more.
    if partition.parent == FINISHED && partition.attached && !partition.pending {
        let Walk { over, spared } = walk(sweep, day, rows_max, Rows::Leave).await?;
        if spared > 0 {
            // Emptied of the rest, and dropped by a later sweep.
            return walk(sweep, day, rows_max, Rows::Delete).await.map(drop);
        }
        tell(over);
    }
    sweep.drop_partition(partition).await
}

/// Takes leave of the instances that ended in this span of time.
async fn walk(sweep: &mut Sweep, span: (i64, i64), rows_max: u32, rows: Rows) -> Result<Walk, Error> {
    let (mut walk, mut next) = (Walk::default(), Some(Walked::default()));
    while let Some(after) = next {
        let page = sweep.finished_page(span, after, rows_max).await?;
        next = page.next;
        walk.over += page.len();
        walk.spared += page.spared;
        if page.is_empty() {
            continue;
        }
        match rows {
            Rows::Leave => sweep.take_leave(&page).await?,
            Rows::Delete => {
                sweep.delete_finished(&page).await?;
                tell(page.len());
            }
        }
    }
    Ok(walk)
}

fn tell(count: usize) {
    if count > 0 {
        metrics::counter!(names::RETENTION_SWEPT).increment(count as u64);
        tracing::info!(count, "retention.swept");
    }
}

async fn buckets(sweep: &mut Sweep, rows_max: u32) -> Result<(), Error> {
    let mut next = Some(WalkedBuckets::default());
    while let Some(after) = next {
        let (swept, more) = sweep.sweep_buckets(after, rows_max).await?;
        if swept > 0 {
            tracing::debug!(swept, "retention: idle buckets");
        }
        next = more;
    }
    Ok(())
}
