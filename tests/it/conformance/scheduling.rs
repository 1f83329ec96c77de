//! When a start is due.

use gd_core::{InstanceId, Scope};
use gd_host::host::{Error, Start};
use gd_tests::TestHost;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn sch_02_a_time_of_its_own_wins_over_a_schedule_and_that_over_a_delay() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let (year_2998, year_2999) = (32_440_608_000_000, 32_472_144_000_000);
    let (eligible, schedule) = ("2999-01-01T00:00:00Z", "2998-01-01T00:00:00Z");
    for (wish, expected) in [
        (json!({ "eligible_at": eligible, "schedule_at": schedule, "schedule_in_ms": 7_200_000 }), Ok(year_2999)),
        (json!({ "schedule_at": schedule, "schedule_in_ms": 7_200_000 }), Ok(year_2998)),
        (json!({ "schedule_in_ms": 7_200_000 }), Err(7_200_000)),
        (json!({}), Err(0)),
    ] {
        let mut body = json!({ "fsm": "probe", "state": { "plan": [{ "do": "sleep", "ms": 300 }] } });
        body.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let started = api.post("/v1/instances", body.to_string()).await.json();
        let id: InstanceId = started["id"].as_str().unwrap().parse().unwrap();
        let probe = host.get(id).await;
        let due = expected.unwrap_or_else(|delay| probe.created_at_ms + delay);
        assert_eq!(probe.eligible_at_ms, Some(due), "{wish}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sch_04_work_that_recurs_is_started_once_for_each_date() {
    let host = TestHost::with_probe().await;
    let report = |date: &str| Start {
        correlation_key: Some(format!("report:{date}")),
        scope: Scope { on_done: true, on_failed: true, on_cancelled: true },
        ..TestHost::probe(json!({ "plan": [] }))
    };
    let first = host.start(report("2026-03-01")).await;
    host.ended(first).await;
    let again = host.try_start(report("2026-03-01")).await;
    assert!(matches!(again, Err(Error::Duplicate { holder, .. }) if holder == first), "{again:?}");
    assert_ne!(host.start(report("2026-03-02")).await, first);
}
