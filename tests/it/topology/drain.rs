//! Stopping with instances at hand.

use gd_tests::{HostProcess, TestDatabase, TestHost, eventually, release};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn drn_01_a_stopping_host_ends_what_runs_and_gives_back_what_waits_for_its_turn() {
    let database = TestDatabase::migrated().await;
    let mut host = HostProcess::serve(database.url(), &["--concurrency", "1", "--prefetch", "5"]).await;
    assert!(host.api().post("/v1/deployments", release(1)).await.status < 300);
    let body = json!({ "fsm": "probe", "state": { "plan": [{ "do": "sleep", "ms": 1_500 }] } }).to_string();
    for _ in 0..4 {
        assert!(host.api().post("/v1/instances", body.clone()).await.status < 300);
    }
    let claimed = "select count(*) from gd.instance where status = 1";
    eventually("all are claimed", async || (database.count(claimed).await == 4).then_some(())).await;
    assert_eq!(host.terminate().await.code(), Some(0), "{}", host.log());
    assert_eq!(database.count("select count(*) from gd.finished where status = 10").await, 1);
    assert_eq!(database.count("select count(*) from gd.instance where status = 0 and attempt = 0").await, 3);
    assert_eq!(database.count("select count(*) from gd.attempt").await, 1, "nothing else was run");
    let log = host.log();
    let told = log.lines().find(|line| line.contains("scheduler.drain: stopped")).unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains(r#""released":3"#) && told.contains(r#""in_flight":1"#), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lse_04_what_waits_for_its_turn_is_covered_by_the_lease() {
    let host = TestHost::with_probe_and(|config, _| {
        config.concurrency = 1;
        config.prefetch = 5;
        config.lease = std::time::Duration::from_secs(1);
    })
    .await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(host.plan(json!([{ "do": "sleep", "ms": 600 }])).await);
    }
    for id in ids {
        host.ended(id).await;
        assert_eq!(host.outcomes(id).await, ["done"]);
    }
}
