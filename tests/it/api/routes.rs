//! Every route with what it answers when all is well.

use gd_tests::{TestHost, guest, release};
use serde_json::json;

use super::{served, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_says_which_version_it_became() {
    let host = TestHost::bare().await;
    let api = host.serve(None).await;
    let first = api.post("/v1/deployments", guest("probe")).await;
    assert_eq!((first.status, first.content_type.as_str()), (201, "application/json"));
    let told = first.json();
    assert_eq!((&told["fsm"], &told["version"], &told["created"]), (&json!("probe"), &json!(1), &json!(true)));
    let digest = told["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    assert!(told["imports"].as_array().unwrap().contains(&json!("gd:fsm/log@0.1.0")), "{told}");
    assert!(told["warnings"].is_array());
    let again = api.post("/v1/deployments", guest("probe")).await;
    assert_eq!((again.status, &again.json()["created"]), (200, &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fsms_show_their_versions_and_what_lives_on_them() {
    let (host, api) = served().await;
    for _ in 0..2 {
        let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
        host.settled(id).await;
    }
    host.deploy(release(2)).await;
    let fsms = api.get("/v1/fsms").await.json();
    assert_eq!(
        fsms,
        json!({ "items": [{ "fsm": "probe", "routed_version": 2, "versions": 2, "live": 2, "history": "transitions" }], "next": null })
    );
    let probe = api.get("/v1/fsms/probe").await.json();
    assert_eq!(
        (&probe["fsm"], &probe["routed_version"], &probe["running"]),
        (&json!("probe"), &json!(2), &json!("pin"))
    );
    let first = &probe["versions"][0];
    assert_eq!((&first["version"], &first["live"], &first["steps"]), (&json!(1), &json!(2), &json!({ "run": 2 })));
    assert_eq!(
        (&first["form"], &first["initial_step"], &first["state_version"]),
        (&json!("machine"), &json!("run"), &json!(1))
    );
    assert_eq!((&probe["versions"][1]["live"], &probe["versions"][1]["steps"]), (&json!(0), &json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_started_watched_signalled_and_read() {
    let (_host, api) = served().await;
    let id = start(&api, json!({ "plan": [{ "do": "await", "names": ["go"], "timeout_ms": 3_600_000 }] })).await;
    let busy = api.get(&format!("/v1/instances/{id}/wait?timeout_ms=1")).await;
    assert_eq!(busy.status, 202, "{busy:?}");
    let parked = api.get(&format!("/v1/instances/{id}/wait?until=settled")).await;
    assert_eq!(parked.status, 200);
    let parked = parked.json();
    assert_eq!((&parked["status"], &parked["awaits"]), (&json!("awaiting_signal"), &json!(["go"])));
    assert!(parked["await_deadline"].as_str().unwrap().ends_with('Z'), "{parked}");
    let path = format!("/v1/instances/{id}/signals");
    let body = json!({ "name": "go", "payload": { "n": 1 }, "dedup_key": "k" }).to_string();
    let sent = api.post(&path, body.clone()).await;
    assert_eq!((sent.status, sent.json()), (202, json!({ "accepted": true, "duplicate": false })));
    let done = api.get(&format!("/v1/instances/{id}/wait")).await;
    assert_eq!((done.status, &done.json()["status"]), (200, &json!("done")));
    let read = api.get(&format!("/v1/instances/{id}")).await.json();
    assert_eq!(read, done.json());
    for field in
        ["id", "fsm", "version", "status", "step", "attempt", "faults", "visit", "claim", "queue", "priority", "state"]
    {
        assert!(!read[field].is_null(), "{field} of {read}");
    }
    assert_eq!(read["result"]["notes"][1]["awaited"], json!([["go", { "n": 1 }]]));
    assert_eq!(
        (&read["error"], &read["correlation_key"], &read["eligible_at"]),
        (&json!(null), &json!(null), &json!(null))
    );
    let history = api.get(&format!("/v1/instances/{id}/history")).await.json();
    assert_eq!(history["next"], json!(null));
    let told: Vec<_> = history["items"].as_array().unwrap().iter().map(|row| (&row["wake"], &row["outcome"])).collect();
    assert_eq!(told, [(&json!("start"), &json!("await")), (&json!("signal"), &json!("done"))]);
    let row = &history["items"][0];
    for field in ["claim", "visit", "attempt", "step", "version", "to_step", "duration_us", "cpu_us", "worker", "at"] {
        assert!(!row[field].is_null(), "{field} of {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_by_key_goes_to_the_holder() {
    let (host, api) = served().await;
    let plan = json!({ "plan": [{ "do": "await", "names": ["go"] }] });
    let body = json!({ "fsm": "probe", "args": plan, "correlation_key": "order:1" }).to_string();
    let id = api.post("/v1/instances", body.clone()).await.json()["id"].as_str().unwrap().to_owned();
    let duplicate = api.post("/v1/instances", body).await;
    assert_eq!(duplicate.problem(), (409, "duplicate".to_owned()));
    assert_eq!(duplicate.json()["id"], json!(id));
    host.settled(id.parse().unwrap()).await;
    let go = json!({ "correlation_key": "order:1", "name": "go" }).to_string();
    assert_eq!(api.post("/v1/signals", go.clone()).await.status, 202);
    assert_eq!(
        api.get(&format!("/v1/instances/{id}/wait")).await.json()["result"]["notes"][1]["awaited"],
        json!([["go", null]])
    );
    assert_eq!(api.post("/v1/signals", go).await.problem(), (404, "no_target".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_no_token_and_readiness_means_the_database() {
    let host = TestHost::bare().await;
    let api = host.serve(Some("secret")).await;
    let health = api.get("/healthz").await;
    assert_eq!((health.status, health.text.as_str()), (200, "ok"));
    assert_eq!(api.get("/readyz").await.status, 200);
    host.host.shut_down().await;
    assert_eq!(api.get("/healthz").await.status, 200);
    assert_eq!(api.get("/readyz").await.status, 503);
}
