//! Instances under which their worker dies time and again.

use std::sync::Arc;

use gd_core::{LONE_STARTS_MAX, Status};
use gd_tests::{HostProcess, TestDatabase, TestHost, column, eventually};
use serde_json::json;

/// As if its worker had died under it so often, with so many of its starts recorded.
async fn lost(host: &TestHost, id: gd_core::InstanceId, losses: i32, lone_starts: i32) {
    let sql = "update gd.instance set losses = $2, lone_starts = $3 where id = $1";
    let changed = sqlx::query(sql).bind(id.0).bind(losses).bind(lone_starts).execute(host.database.pool()).await;
    assert_eq!(changed.unwrap().rows_affected(), 1);
}

async fn counts(host: &TestHost, id: gd_core::InstanceId) -> (i32, i32) {
    sqlx::query_as("select losses, lone_starts from gd.instance where id = $1")
        .bind(id.0)
        .fetch_one(host.database.pool())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lost_its_worker_three_times_is_run_alone_and_is_trusted_again_after_an_outcome() {
    let host = TestHost::with_probe().await;
    let neighbour = host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 1_500 }])).await;
    let suspect = host.plan(json!([{ "do": "delay", "ms": 1_500 }, { "do": "await", "names": ["go"] }])).await;
    host.executing(neighbour, 1).await;
    eventually("it waits", async || (host.get(suspect).await.visit == 1).then_some(())).await;
    lost(&host, suspect, 3, 2).await;
    assert_eq!(host.settled(suspect).await.status, Status::AwaitingSignal);
    assert_eq!(host.get(neighbour).await.status, Status::Done, "it ran once its neighbour was through");
    assert_eq!(counts(&host, suspect).await, (0, 0));
    host.signal(suspect, "go", json!(1)).await;
    host.ended(suspect).await;
    assert_eq!(host.outcomes(suspect).await, ["next", "await", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_between_lone_runs() {
    let host = TestHost::with_probe().await;
    let mut suspects = Vec::new();
    for _ in 0..2 {
        let id = host.plan(json!([{ "do": "delay", "ms": 500 }, { "do": "sleep", "ms": 300 }])).await;
        eventually("it waits", async || (host.get(id).await.visit == 1).then_some(())).await;
        lost(&host, id, 5, 0).await;
        suspects.push(id);
    }
    for _ in 0..10 {
        host.run(json!([{ "do": "next" }])).await;
    }
    for id in suspects {
        assert_eq!(host.ended(id).await.status, Status::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_after_the_last_that_it_had_alone_is_its_end() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "delay", "ms": 800 }])).await;
    eventually("it waits", async || (host.get(id).await.visit == 1).then_some(())).await;
    lost(&host, id, 23, LONE_STARTS_MAX.cast_signed()).await;
    let probe = host.ended(id).await;
    let (kind, message, _) = probe.failure();
    assert_eq!(kind, "crash-loop");
    assert!(message.contains("20 starts"), "{message}");
    assert_eq!(host.outcomes(id).await, ["next", "fault"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_kills_its_host_every_time_is_found_out_and_takes_nobody_along() {
    let database = Arc::new(TestDatabase::migrated().await);
    let mut dying = HostProcess::serve(database.url(), &[]).await;
    let api = dying.api();
    assert!(api.post("/v1/deployments", gd_tests::guest("probe")).await.status < 300);
    let start = async |api: &gd_tests::Api, plan: serde_json::Value| {
        let body = json!({ "fsm": "probe", "state": { "plan": plan } }).to_string();
        api.post("/v1/instances", body).await.json()["id"].as_str().unwrap().parse::<i64>().unwrap()
    };
    let killer = start(&api, json!([{ "do": "sleep", "ms": 25_000, "until": 4 }])).await;
    let losses = async || {
        let sql = "select losses, status from gd.instance where id = $1";
        sqlx::query_as::<_, (i32, i16)>(sql).bind(killer).fetch_one(database.pool()).await.unwrap()
    };
    for death in 0..3 {
        eventually("the killer runs", async || (losses().await == (death, 1)).then_some(())).await;
        dying.kill().await;
        dying = HostProcess::serve(database.url(), &[]).await;
    }
    eventually("it runs alone", async || (losses().await == (3, 1)).then_some(())).await;
    let recorded = "select lone_starts::bigint from gd.instance where losses = 3 and status = 1";
    assert_eq!(database.count(recorded).await, 1, "its start was recorded before it was made");
    let neighbour = start(&dying.api(), json!([])).await;
    // While it runs alone, nothing else is claimed on its host.
    let claimed = "select claim from gd.instance where id = (select max(id) from gd.instance)";
    assert_eq!(database.count(claimed).await, 0, "{neighbour}");
    dying.kill().await;
    let host = TestHost::on(database.clone(), |_, _| ()).await;
    let (killer, neighbour) = (gd_core::InstanceId(killer), gd_core::InstanceId(neighbour));
    assert_eq!(host.ended(neighbour).await.status, Status::Done);
    assert_eq!(host.outcomes(neighbour).await, ["done"], "the neighbour was not taken along");
    let probe = host.ended(killer).await;
    assert_eq!(column(&probe.notes(), "attempt"), json!([4]), "the fifth attempt does no harm, and ends it");
}
