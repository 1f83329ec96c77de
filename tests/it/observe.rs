//! What can be seen of attempts: their logs and the metrics.

use gd_core::Status;
use gd_tests::{TestHost, column};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_keeps_what_it_logged_and_printed() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let chat = |lines| json!({ "do": "chat", "lines": lines, "bytes": 3 });
    let panics = json!({ "do": "misdeed", "what": { "panic": "no luck" }, "until": 1 });
    let id = host.plan(json!([chat(2), { "do": "next" }, panics, { "do": "next" }, chat(1)])).await;
    assert_eq!(host.ended_in_a_hurry(id).await.status, Status::Done);
    let logs = api.get(&format!("/v1/instances/{id}/logs")).await.json();
    let items = logs["items"].as_array().unwrap();
    assert_eq!(column(items, "visit"), json!([0, 1, 2]), "the step that said nothing has no log");
    assert_eq!(column(items, "attempt"), json!([0, 0, 0]));
    let lines = items[0]["lines"].as_array().unwrap();
    assert_eq!(column(lines, "level"), json!(["info", "stdout", "stdout"]));
    assert_eq!((&lines[0]["fields"]["lines"], &lines[1]["message"]), (&json!("2"), &json!("xxx")));
    let panicked = items[1]["lines"].as_array().unwrap();
    assert!(panicked.iter().any(|line| line["message"].as_str().unwrap().contains("no luck")), "{panicked:?}");
    let page = api.get(&format!("/v1/instances/{id}/logs?limit=1")).await.json();
    let next = page["next"].as_str().unwrap();
    let rest = api.get(&format!("/v1/instances/{id}/logs?cursor={next}")).await.json();
    assert_eq!(rest["items"].as_array().unwrap(), &items[1..]);
    assert_eq!(api.get("/v1/instances/77/logs").await.problem(), (404, "not_found".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_over_its_limit_is_cut_with_a_mark_and_the_step_goes_on() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "chat", "lines": 2_000, "bytes": 100 }])).await;
    assert_eq!(host.ended(id).await.status, Status::Done);
    let logs = host.host.logs(host.tenant, id, -1, 10).await.unwrap();
    let lines: Vec<Value> = serde_json::from_slice(&logs[0].lines).unwrap();
    assert!(lines.len() <= 1_001 && logs[0].lines.len() < 200_000, "{} lines", lines.len());
    assert!(lines.last().unwrap()["message"].as_str().unwrap().contains("truncated"), "{:?}", lines.last());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let panics = json!({ "do": "misdeed", "what": { "panic": "no luck" }, "until": 1 });
    let id = host.plan(json!([{ "do": "next" }, panics, { "do": "await", "names": ["go"], "timeout_ms": 1 }])).await;
    host.ended_in_a_hurry(id).await;
    let metrics = api.get("/metrics").await;
    assert_eq!((metrics.status, metrics.content_type.as_str()), (200, "text/plain"));
    for line in [
        r#"gd_step_seconds_count{tenant="default",fsm="probe",version="1",step="run",kind="next"}"#,
        r#"gd_step_seconds_bucket{tenant="default",fsm="probe",version="1",step="run",kind="trap",le="0.1"}"#,
        r#"gd_guest_fault_total{tenant="default",fsm="probe",kind="trap"}"#,
        "gd_await_timeout_total ",
        "gd_flush_rows_bucket",
        "gd_flush_seconds_sum",
        "gd_pick_rows_total",
        "gd_pick_seated_total",
        "gd_scheduler_concurrency",
        r#"gd_deploy_done_total{created="true"}"#,
    ] {
        assert!(metrics.text.lines().any(|found| found.starts_with(line)), "{line} is not in\n{}", metrics.text);
    }
    assert!(!metrics.text.contains("no luck"), "a metric holds no message");
}
