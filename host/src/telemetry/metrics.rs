//! Every metric by name, in one table, and the text that Prometheus reads.
//!
//! Names begin with `gd_`. Labels never hold a payload, a state, a key or an id: their number is bounded by what was deployed.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds a step took, handler included; labels tenant, fsm, version, step, kind (the outcome, or the fault).
pub const STEP: &str = "gd_step_seconds";
/// Faults of guests; labels tenant, fsm, kind.
pub const GUEST_FAULT: &str = "gd_guest_fault_total";
/// Rows that claims took; label queue (`*` where all queues share one number of steps).
pub const PICKED: &str = "gd_pick_rows_total";
/// Rows that claims asked for; label queue, as above.
pub const PICK_DEMAND: &str = "gd_pick_demand_total";
/// Rows that were claimed by the start or the signal that made them runnable, without a claim; label queue, as above.
pub const SEATED: &str = "gd_pick_seated_total";
/// Seconds one claim took.
pub const PICK: &str = "gd_pick_seconds";
/// Instances that run on this host now; label queue, as above.
pub const IN_FLIGHT: &str = "gd_scheduler_in_flight";
/// Instances that this host has claimed ahead and that wait for their turn; label queue, as above.
pub const BUFFER: &str = "gd_scheduler_buffer";
/// Steps that may run at once on this host; label queue, as above.
pub const CONCURRENCY: &str = "gd_scheduler_concurrency";
/// Instances that a drain, or a host that could not run them, gave back unfinished.
pub const RELEASED: &str = "gd_scheduler_released_total";
/// Outcomes that came too late and changed nothing; label tenant.
pub const STALE: &str = "gd_outcome_stale_total";
/// Instances taken back from dead workers.
pub const REAPED: &str = "gd_recovery_reaped_total";
/// Awaits that timed out.
pub const AWAIT_TIMEOUT: &str = "gd_await_timeout_total";
/// Outcomes in one group commit.
pub const FLUSH_ROWS: &str = "gd_flush_rows";
/// Seconds one group commit took.
pub const FLUSH: &str = "gd_flush_seconds";
/// Group commits that were tried again, or in parts; label reason (connection, contention, data).
pub const FLUSH_RETRY: &str = "gd_flush_retry_total";
/// Outcomes whose commit went through although its answer was lost.
pub const AMBIGUOUS: &str = "gd_flush_ambiguous_total";
/// Versions that this host cannot load at present.
pub const STALLED: &str = "gd_version_stalled";
/// Leases that this process has lost.
pub const LEASE_LOST: &str = "gd_lease_lost_total";
/// Instances that were run alone, because their worker died under them time and again.
pub const LONE_RUN: &str = "gd_lone_run_total";
/// Deployments that were taken; label created (a new version, or the bytes of one that was there).
pub const DEPLOYED: &str = "gd_deploy_done_total";
/// Instances that got a slot of their concurrency key after they had to wait for it, other than from the one that let go of it.
pub const PROMOTED: &str = "gd_concurrency_promoted_total";
/// Concurrency keys that somebody waits for while all their slots are taken, as of the last sweep.
pub const CONTENDED: &str = "gd_concurrency_contended";
/// Instances that were granted tokens.
pub const GRANTED: &str = "gd_rate_limit_granted_total";
/// Rounds in which a bucket did not reach for all that wait for it; label limit.
pub const THROTTLED: &str = "gd_rate_limit_throttled_total";
/// Looks at a bucket whose limit nobody has configured; label limit.
pub const UNKNOWN_LIMIT: &str = "gd_rate_limit_unknown_total";
/// Instances that retention removed.
pub const RETENTION_SWEPT: &str = "gd_retention_swept_total";
/// Notices sent to other hosts.
pub const NOTICES: &str = "gd_notices_sent_total";

/// Upper bounds in seconds: from what a fresh instance costs to the longest step.
const SECONDS: [f64; 15] =
    [5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0];
/// Upper bounds of a group commit, in rows.
const ROWS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0];

static PROMETHEUS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Begins to count. Where an embedder has installed a recorder of its own, that one counts, and [`render`] has nothing.
pub fn install() {
    PROMETHEUS.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full(FLUSH_ROWS.into()), &ROWS))
            .ok()?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        describe();
        Some(handle)
    });
}

/// What was counted, in Prometheus' text format.
pub fn render() -> String {
    PROMETHEUS.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds what was observed since the last call into the buckets; without it, observations would pile up while nobody asks.
pub fn upkeep() {
    if let Some(handle) = PROMETHEUS.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}

/// Seconds, as metrics want them.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn describe() {
    describe_histogram!(STEP, Unit::Seconds, "time of one attempt of a step, handler included");
    describe_counter!(GUEST_FAULT, "faults of guests by kind");
    describe_counter!(PICKED, "instances that claims took");
    describe_counter!(PICK_DEMAND, "instances that claims asked for");
    describe_counter!(SEATED, "instances claimed by the start or the signal that made them runnable");
    describe_histogram!(PICK, Unit::Seconds, "time of one claim");
    describe_gauge!(IN_FLIGHT, "instances that run on this host");
    describe_gauge!(BUFFER, "instances claimed ahead that wait for their turn");
    describe_gauge!(CONCURRENCY, "steps that may run at once on this host");
    describe_counter!(RELEASED, "instances given back unfinished, their attempt not counted");
    describe_counter!(STALE, "outcomes that came too late and changed nothing");
    describe_counter!(REAPED, "instances taken back from dead workers");
    describe_counter!(AWAIT_TIMEOUT, "awaits that timed out");
    describe_histogram!(FLUSH_ROWS, "outcomes in one group commit");
    describe_histogram!(FLUSH, Unit::Seconds, "time of one group commit");
    describe_counter!(FLUSH_RETRY, "group commits that were tried again, by reason");
    describe_counter!(AMBIGUOUS, "outcomes committed although the answer was lost");
    describe_gauge!(STALLED, "versions that this host cannot load");
    describe_counter!(LEASE_LOST, "leases that this process has lost");
    describe_counter!(LONE_RUN, "instances run alone after their worker died under them time and again");
    describe_counter!(DEPLOYED, "deployments that were taken");
    describe_counter!(PROMOTED, "instances that got a slot of their concurrency key after waiting aside");
    describe_gauge!(CONTENDED, "concurrency keys that are waited for while all their slots are taken");
    describe_counter!(GRANTED, "instances that were granted tokens");
    describe_counter!(THROTTLED, "rounds in which a bucket did not reach for all that wait for it");
    describe_counter!(UNKNOWN_LIMIT, "looks at a bucket whose limit nobody has configured");
    describe_counter!(RETENTION_SWEPT, "ended instances that retention removed");
    describe_counter!(NOTICES, "notices sent to other hosts");
}
