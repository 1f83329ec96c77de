//! What a step writes to the write-ahead log, and whether it leaves the indexes alone.

use gd_tests::{OwnCluster, TestDatabase, eventually};

use crate::ALONE;
use crate::bounds::{HEAP_ONLY_SHARE_MIN, LOG_BYTES_PER_STEP};
use crate::figures::Figures;
use crate::orders::{Orders, STEPS, order};

/// Of one round. Enough that what the host writes beside its work is lost in it.
const INSTANCES: u32 = 2_000;
/// With which the same work writes the same log: no pages because of a checkpoint, no vacuum, nothing for logical decoding.
const SETTINGS: [(&str, &str); 5] = [
    ("full_page_writes", "off"),
    ("fsync", "off"),
    ("autovacuum", "off"),
    ("wal_level", "replica"),
    ("checkpoint_timeout", "1h"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_step_writes_little_log_and_is_a_heap_only_update() {
    let _alone = ALONE.lock().await;
    let cluster = OwnCluster::start_with("guard-wal", &SETTINGS).await;
    let mut orders = Orders::on(cluster.database()).await;
    let mut figures = Figures::default();
    for (state_bytes, history, max) in LOG_BYTES_PER_STEP {
        orders.keep(history).await;
        let bytes = orders.run(INSTANCES, &order(state_bytes)).await;
        let what = format!("bytes of log per step, {state_bytes} B of state, history {}", history.word());
        figures.at_most(&what, bytes as f64 / f64::from(INSTANCES * STEPS), max);
    }
    let share = heap_only_share(&*orders.stop().await).await;
    figures.at_least("share of heap-only updates", share, HEAP_ONLY_SHARE_MIN);
    figures.hold();
}

/// A session hands in what it has counted when it ends, at the latest.
async fn heap_only_share(database: &TestDatabase) -> f64 {
    let sessions = "select count(*) from pg_stat_activity where application_name = 'gd-host'";
    eventually("the host's sessions have ended", async || (database.count(sessions).await == 0).then_some(())).await;
    let share = "select n_tup_hot_upd / n_tup_upd::float8 from pg_stat_user_tables
                 where schemaname = 'gd' and relname = 'instance'";
    sqlx::query_scalar(share).fetch_one(database.pool()).await.expect("the counts can be read")
}
