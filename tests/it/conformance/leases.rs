//! Who owns what, for how long, and what becomes of it then.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{InstanceId, Status};
use gd_tests::wire::Wire;
use gd_tests::{HostProcess, TestDatabase, TestHost, eventually, guest};
use serde_json::json;
use tokio::time::Instant;

use super::aid::{declare_workers_dead, metric, paused_after_the_step, resume, row};

#[tokio::test(flavor = "multi_thread")]
async fn lse_01_what_is_taken_back_is_as_it_was_but_for_the_attempt() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "sleep", "ms": 25_000, "until": 1 }])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    host.executing(id, 1).await;
    let before = host.get(id).await;
    declare_workers_dead(&host).await;
    let after = paused_after_the_step(&host, id).await;
    assert_eq!((after.status, after.attempt, after.visit), (Status::Runnable, 1, 1));
    assert_eq!((&after.step, after.state()), (&before.step, before.state()));
    assert_eq!((&after.awaits, after.eligible_at_ms), (&before.awaits, before.eligible_at_ms));
    assert_eq!(after.awaits, ["go"]);
    assert_eq!((row(&host, id).await.owner, host.inbox(id).await), (None, vec!["go".to_owned()]));
    resume(&host, id).await;
    assert_eq!(host.ended(id).await.notes()[1]["awaited"], json!([["go", 1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lse_02_lse_04_who_beats_loses_nothing_however_long_its_work_waits() {
    let lease = |engine: &mut gd_host::engine::EngineConfig| {
        engine.lease = Duration::from_secs(2);
        engine.beat = Duration::from_millis(100);
    };
    let host = TestHost::with_probe_and(|engine, _| {
        lease(engine);
        engine.concurrency = 1;
    })
    .await;
    // It looks for dead workers ten times a second, and takes its share of the work: together they need longer than a lease.
    let watcher = TestHost::on(host.database.clone(), |engine, _| {
        lease(engine);
        engine.concurrency = 1;
    })
    .await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(host.plan(json!([{ "do": "sleep", "ms": 800 }])).await);
    }
    for id in ids {
        assert_eq!(host.ended(id).await.attempt, 0);
        assert_eq!(host.outcomes(id).await, ["done"]);
    }
    watcher.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lse_06_a_late_outcome_is_told_and_nothing_else() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 1_500 }, { "do": "await", "names": ["end"] }])).await;
    host.executing(id, 0).await;
    let stale = r#"gd_outcome_stale_total{tenant="default"}"#;
    let before = metric(&api, stale).await;
    // As if it had been given back and claimed again by this worker meanwhile.
    let moved = sqlx::query("update gd.instance set claim = claim + 10 where id = $1").bind(id.0);
    moved.execute(host.database.pool()).await.unwrap();
    eventually("the late outcome is counted", async || (metric(&api, stale).await > before).then_some(())).await;
    host.settled(id).await;
    assert_eq!(host.outcomes(id).await, ["await"], "the late one left no trace");
}

#[tokio::test(flavor = "multi_thread")]
async fn lse_12_was_12_a_guest_whose_lease_is_lost_is_interrupted() {
    let host = TestHost::with_probe_and(|engine, _| engine.concurrency = 1).await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 25_000, "until": 1 }])).await;
    host.executing(id, 0).await;
    let began = Instant::now();
    declare_workers_dead(&host).await;
    // The host has one slot: the second attempt runs once the first has let go of it.
    assert_eq!(host.ended(id).await.status, Status::Done);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert_eq!(host.outcomes(id).await, ["recovered", "done"], "no outcome of the first was attempted");
}

#[tokio::test(flavor = "multi_thread")]
async fn lse_13_a_sweep_is_bounded_and_what_it_took_back_runs_at_once() {
    let database = Arc::new(TestDatabase::migrated().await);
    let mut dying = HostProcess::serve(database.url(), &[]).await;
    let api = dying.api();
    assert!(api.post("/v1/deployments", guest("probe")).await.status < 300);
    let body =
        json!({ "fsm": "probe", "state": { "plan": [{ "do": "sleep", "ms": 25_000, "until": 1 }] } }).to_string();
    let mut ids: Vec<InstanceId> = Vec::new();
    for _ in 0..5 {
        ids.push(api.post("/v1/instances", body.clone()).await.json()["id"].as_str().unwrap().parse().unwrap());
    }
    let executing = "select count(*) from gd.instance where status = 1";
    eventually("all run", async || (database.count(executing).await == 5).then_some(())).await;
    dying.kill().await;
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database.clone(), |engine, _| {
        engine.recovery_rows_max = 2;
        // Its polls would come too late: what recovery takes back is announced.
        engine.poll = (Duration::from_secs(3_600), Duration::from_secs(3_600));
    })
    .await;
    for id in ids {
        assert_eq!(host.ended(id).await.attempt, 1);
        assert_eq!(host.outcomes(id).await, ["recovered", "done"]);
    }
    assert!(wire.sent("take_back") >= 3, "5 rows, at most 2 at a time: {}", wire.sent("take_back"));
}
