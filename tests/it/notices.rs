//! News between hosts of one database.

use std::time::Duration;

use gd_core::Status;
use gd_host::engine::EngineConfig;
use gd_tests::{TestHost, eventually};
use serde_json::json;
use tokio::time::Instant;

/// A host that would look at the database again in an hour.
fn deaf(config: &mut EngineConfig) {
    config.poll = (Duration::from_secs(3_600), Duration::from_secs(3_600));
}

async fn know_each_other(host: &TestHost) {
    let listening =
        "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'";
    eventually("both listen", async || (host.database.count(listening).await == 2).then_some(())).await;
    // A beat tells each of the other; it comes every 200 ms here.
    let beat = "select count(*) from gd.worker where not dead and beat_at > started_at + interval '400 ms'";
    eventually("both have beaten", async || (host.database.count(beat).await == 2).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_starts_another_runs_without_waiting_for_a_scan() {
    let idle = TestHost::with_probe_and(|config, _| deaf(config)).await;
    let busy = TestHost::on(idle.database.clone(), |config, _| {
        deaf(config);
        config.concurrency = 1;
    })
    .await;
    know_each_other(&idle).await;
    // Two for a host with one slot: one of them runs on the other.
    let first = busy.plan(json!([{ "do": "sleep", "ms": 3_000 }])).await;
    let second = busy.plan(json!([{ "do": "sleep", "ms": 3_000 }])).await;
    let began = Instant::now();
    eventually("both run at once", async || {
        let running = "select count(distinct owner) from gd.instance where status = 1";
        (busy.database.count(running).await == 2).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(busy.ended(first).await.status, busy.ended(second).await.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_interrupts_the_guest_on_whatever_host_it_runs() {
    let running = TestHost::with_probe_and(|config, _| config.concurrency = 1).await;
    let id = running.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 25_000 }])).await;
    running.executing(id, 1).await;
    let other = TestHost::on(running.database.clone(), |config, _| deaf(config)).await;
    know_each_other(&other).await;
    let waiting = tokio::spawn({
        let running = running.clone();
        async move { running.ended(id).await.status }
    });
    let began = Instant::now();
    other.host.cancel(other.tenant, id, None).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Status::Cancelled);
    other.host.shut_down().await;
    // The one slot of the host that ran it is free again.
    assert_eq!(running.run(json!([])).await.status, Status::Done);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
