//! Callers that wait for an instance.

use std::time::Duration;

use gd_core::{InstanceId, Status};
use gd_host::host::{Error, Until};
use gd_tests::{TestHost, eventually};
use serde_json::json;
use tokio::time::Instant;

async fn waited(host: &TestHost, id: InstanceId, until: Until, ms: u64) -> (bool, Status, u32) {
    let waited = host.host.wait(host.tenant, id, until, Duration::from_millis(ms)).await.expect("it exists");
    (waited.reached, waited.instance.summary.status, waited.instance.summary.attempt)
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_01_a_fresh_start_is_waited_for_to_its_result() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let id = host.plan(json!([{ "do": "done", "value": { "sum": 3 } }])).await;
    let answer = api.get(&format!("/v1/instances/{id}/wait?timeout_ms=3000")).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("done")));
    assert_eq!(answer.json()["result"], json!({ "sum": 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_02_who_waits_too_short_is_told_where_it_stands() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let id = host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 1_500 }])).await;
    host.executing(id, 1).await;
    let busy = api.get(&format!("/v1/instances/{id}/wait?timeout_ms=50")).await;
    let told = busy.json();
    assert_eq!((busy.status, &told["status"]), (202, &json!("executing")));
    assert_eq!((&told["step"], &told["attempt"]), (&json!("run"), &json!(0)));
    let done = api.get(&format!("/v1/instances/{id}/wait?timeout_ms=20000")).await;
    assert_eq!((done.status, &done.json()["status"]), (200, &json!("done")));
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_03_a_parked_instance_has_settled_and_not_ended() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    assert_eq!(waited(&host, id, Until::Settled, 20_000).await, (true, Status::AwaitingSignal, 0));
    assert_eq!(waited(&host, id, Until::Terminal, 50).await, (false, Status::AwaitingSignal, 0));
    let (done, ()) = tokio::join!(waited(&host, id, Until::Terminal, 20_000), host.signal(id, "go", json!(1)));
    assert_eq!(done, (true, Status::Done, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_04_an_unknown_id_is_not_waited_for() {
    let host = TestHost::with_probe().await;
    let began = Instant::now();
    let answer = host.host.wait(host.tenant, InstanceId(i64::MAX), Until::Terminal, Duration::from_secs(20)).await;
    assert!(matches!(answer, Err(Error::NotFound(_))), "{answer:?}");
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_05_awc_08_an_end_on_another_host_is_seen_also_where_nobody_listens() {
    let running = TestHost::with_probe().await;
    let asked = TestHost::on(running.database.clone(), |engine, _| {
        engine.poll = (Duration::from_secs(3_600), Duration::from_secs(3_600));
    })
    .await;
    for deaf in [false, true] {
        let id = running.plan(json!([{ "do": "await", "names": ["go"] }])).await;
        running.settled(id).await;
        let answer = tokio::spawn({
            let asked = asked.clone();
            async move {
                let answer = waited(&asked, id, Until::Terminal, 20_000).await;
                (answer, Instant::now())
            }
        });
        if deaf {
            let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                       where datname = current_database() and query ilike 'listen%'";
            eventually("the listeners are cut off", async || (running.database.count(cut).await > 0).then_some(()))
                .await;
        }
        running.signal(id, "go", json!(1)).await;
        let ended = eventually("it has ended", async || {
            let status = running.get(id).await.status;
            status.is_terminal().then(Instant::now)
        })
        .await;
        let (answer, at) = answer.await.unwrap();
        assert_eq!(answer, (true, Status::Done, 0));
        let late = at.saturating_duration_since(ended);
        assert!(late < Duration::from_secs(2), "{late:?} late");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_07_a_host_that_stops_answers_who_waits() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    let answer = tokio::spawn({
        let host = host.clone();
        async move { host.host.wait(host.tenant, id, Until::Terminal, Duration::from_secs(25)).await }
    });
    let began = Instant::now();
    host.host.shut_down().await;
    let answer = answer.await.expect("it does not panic");
    assert!(!answer.is_ok_and(|waited| waited.reached), "nothing has ended");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn awc_09_who_waits_for_its_next_attempt_is_busy_and_not_failed() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "fail", "message": "later", "after_ms": 3_600_000, "until": 1 }])).await;
    super::aid::when(&host, id, |probe| probe.attempt == 1).await;
    assert_eq!(waited(&host, id, Until::Settled, 50).await, (false, Status::Runnable, 1));
    assert_eq!(host.ended_in_a_hurry(id).await.status, Status::Done);
    let failed = host.run(json!([{ "do": "fail", "message": "now" }])).await.id;
    assert_eq!(waited(&host, failed, Until::Settled, 50).await, (true, Status::Failed, 0));
}
