//! Which rows are claimed, and in which order they run.

use std::time::Duration;

use gd_core::InstanceId;
use gd_host::host::Start;
use gd_tests::{TestHost, eventually};
use serde_json::json;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::news::over_a_wire;
use super::{five_beats, in_queue};

/// How many instances are claimed.
const CLAIMED: &str = "select count(*) from gd.instance where status = 1";

fn sleep(ms: u64) -> serde_json::Value {
    json!([{ "do": "sleep", "ms": ms }])
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_02_pck_08_a_queue_runs_its_own_number_of_steps_whatever_the_others_do() {
    let host = TestHost::with_probe_and(|config, _| config.queues = "a:2,b:1".parse().unwrap()).await;
    for _ in 0..6 {
        in_queue(&host, "a", sleep(25_000)).await;
    }
    eventually("a is full", async || (host.database.count(CLAIMED).await == 2).then_some(())).await;
    let b = in_queue(&host, "b", json!([])).await;
    host.ended(b).await;
    five_beats(&host).await;
    assert_eq!(host.database.count(CLAIMED).await, 2, "a has two, whatever waits");
    assert_eq!(host.database.count("select count(*) from gd.attempt").await, 1, "b alone has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_05_what_goes_next_stands_behind_what_waited_before_it() {
    let host = TestHost::with_probe_and(|config, _| config.concurrency = 1).await;
    let first = host.plan(json!([{ "do": "sleep", "ms": 1_500 }, { "do": "requeue" }])).await;
    host.executing(first, 0).await;
    let second = host.plan(json!([])).await;
    host.ended(first).await;
    let ends = async |id| host.history(id).await.last().unwrap().at_ms;
    host.ended(second).await;
    assert!(ends(second).await <= ends(first).await);
    assert_eq!(host.outcomes(first).await, ["next", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_09_few_free_places_are_not_worth_a_claim() {
    let host = TestHost::with_probe_and(|config, _| {
        config.concurrency = 4;
        config.min_demand = 3;
        config.poll = (Duration::from_secs(3_600), Duration::from_secs(3_600));
    })
    .await;
    // There at once: an idle host claims all four together.
    let starts = vec![TestHost::probe(json!({ "plan": sleep(25_000) })); 4];
    let started = host.host.start_many(host.tenant, starts).await.unwrap();
    let long: Vec<InstanceId> = started.into_iter().map(|started| started.unwrap().id).collect();
    eventually("all run", async || (host.database.count(CLAIMED).await == 4).then_some(())).await;
    let waiting = host.plan(json!([])).await;
    for id in &long[..2] {
        host.host.cancel(host.tenant, *id, None).await.unwrap();
    }
    five_beats(&host).await;
    assert_eq!(host.get(waiting).await.claim, 0, "two free places are too few");
    host.host.cancel(host.tenant, long[2], None).await.unwrap();
    host.ended(waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_10_rows_are_claimed_ahead_and_run_in_the_order_of_their_urgency() {
    let host = TestHost::with_probe_and(|config, _| {
        config.concurrency = 1;
        config.prefetch = 4;
    })
    .await;
    let blocker = host.plan(sleep(1_500)).await;
    host.executing(blocker, 0).await;
    let mut waiting: Vec<(i16, InstanceId)> = Vec::new();
    for (claimed, priority) in (2..).zip([5, -5, 0, 5]) {
        waiting.push((priority, host.start(Start { priority, ..TestHost::probe(json!({})) }).await));
        eventually("it is claimed", async || (host.database.count(CLAIMED).await == claimed).then_some(())).await;
    }
    let too_many = host.start(Start { priority: -9, ..TestHost::probe(json!({})) }).await;
    five_beats(&host).await;
    assert_eq!(host.get(too_many).await.claim, 0, "one runs, four are at hand, and no more");
    let mut order = Vec::new();
    for (n, (priority, id)) in waiting.into_iter().enumerate() {
        host.ended(id).await;
        order.push((host.history(id).await[0].at_ms, priority, n));
    }
    order.sort();
    assert_eq!(order.iter().map(|(_, priority, _)| *priority).collect::<Vec<_>>(), [-5, 0, 5, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_to_its_lane_while_a_claim_for_others_is_under_way() {
    // A claim that takes one place leaves enough for others.
    let (wire, host) = over_a_wire(|config| config.claim_rows_max = 1).await;
    host.run(json!([])).await;
    let mut stranger = PgConnection::connect(host.database.url()).await.unwrap();
    // Whoever claims wants the worker's row: the claim, and a start that claims as well.
    sqlx::raw_sql("begin; select id from gd.worker for update").execute(&mut stranger).await.unwrap();
    let claims = wire.sent("claim");
    let first = host.host.start_many(host.tenant, vec![TestHost::probe(json!({ "plan": [] }))]).await.unwrap();
    let first = first.into_iter().next().unwrap().unwrap().id;
    eventually("a claim is under way", async || (wire.sent("claim") > claims).then_some(())).await;
    let second = tokio::time::timeout(Duration::from_secs(3), host.plan(json!([]))).await;
    let second = second.expect("a start that does not claim waits for nobody");
    assert_eq!((host.get(first).await.claim, host.get(second).await.claim), (0, 0));
    sqlx::raw_sql("rollback").execute(&mut stranger).await.unwrap();
    host.ended(first).await;
    host.ended(second).await;
}
