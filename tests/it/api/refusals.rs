//! What is refused, and how.

use gd_tests::{Api, TestHost, guest};
use serde_json::json;

use super::{served, start};

async fn refused(api: &Api, path: &str, body: &str, expected: (u16, &str)) {
    let reply = api.post(path, body).await;
    assert_eq!(reply.problem(), (expected.0, expected.1.to_owned()), "{path} {body}: {}", reply.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_wrong_is_refused_with_a_code() {
    let (host, api) = served().await;
    let long = "x".repeat(256);
    for (body, status, code) in [
        (String::new(), 400, "invalid-json"),
        ("{".into(), 400, "invalid-json"),
        ("[]".into(), 400, "invalid-json"),
        ("{}".into(), 400, "invalid-json"),
        (json!({ "fsm": 7 }).to_string(), 400, "invalid-json"),
        (json!({ "fsm": "probe", "colour": "red" }).to_string(), 400, "invalid-json"),
        (json!({ "fsm": "nobody" }).to_string(), 404, "unknown-fsm"),
        (json!({ "fsm": "" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "pro\u{0}be" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": long }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "probe", "version": 9 }).to_string(), 404, "unknown-version"),
        (json!({ "fsm": "probe", "step": "nowhere" }).to_string(), 400, "unknown-step"),
        (json!({ "fsm": "probe", "queue": "a\nb" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "probe", "correlation_key": "" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "probe", "priority": 40_000 }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "eligible_at": "tomorrow" }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "eligible_at": "-009998-01-01T00:00:00Z" }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "schedule_in_ms": -1 }).to_string(), 400, "invalid-json"),
        (json!({ "fsm": "probe", "schedule_in_ms": u64::MAX }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "state": { "base64": "?" } }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "correlation_scope": ["done"] }).to_string(), 400, "invalid-scope"),
        (json!({ "fsm": "probe", "correlation_scope": 7 }).to_string(), 400, "invalid-scope"),
        (json!({ "fsm": "probe", "concurrency_key": "" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "probe", "concurrency_key": 7 }).to_string(), 400, "invalid-json"),
        (json!({ "fsm": "probe", "rate_limit": "" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "probe", "rate_limit": "mail:" }).to_string(), 400, "invalid-name"),
        (json!({ "fsm": "probe", "rate_limit": { "name": "a:b" } }).to_string(), 400, "invalid-argument"),
        (
            json!({ "fsm": "probe", "rate_limit": { "name": "a", "partition": "\u{0}" } }).to_string(),
            400,
            "invalid-name",
        ),
        (json!({ "fsm": "probe", "rate_limit": { "name": "a", "colour": "red" } }).to_string(), 400, "invalid-json"),
        (
            json!({ "fsm": "probe", "rate_limit": { "name": "a", "partition": "x".repeat(254) } }).to_string(),
            400,
            "invalid-name",
        ),
        (json!({ "fsm": "probe", "rate_limit": "a", "weight": 0 }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "rate_limit": "a", "weight": -1 }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "rate_limit": "a", "weight": 1_000_000_001 }).to_string(), 400, "invalid-argument"),
        (json!({ "fsm": "probe", "state": "x".repeat(1 << 20) }).to_string(), 413, "payload-too-large"),
        ("x".repeat(3 << 20), 413, "payload-too-large"),
        ("x".repeat(60 << 20), 413, "payload-too-large"),
    ] {
        let shown = body.chars().take(100).collect::<String>();
        let reply = api.post("/v1/instances", body).await;
        assert_eq!(reply.problem(), (status, code.to_owned()), "{shown}: {}", reply.text);
    }
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_never_given_out_is_not_found() {
    let (_host, api) = served().await;
    for id in ["1", "-1", "0", "abc", "1e3", "9223372036854775808", "%00", "1%20", "%F0%9F%A6%80"] {
        for path in ["", "/history", "/wait"] {
            let reply = api.get(&format!("/v1/instances/{id}{path}")).await;
            assert_eq!(reply.problem(), (404, "not_found".to_owned()), "{id}{path}");
        }
        let reply = api.post(&format!("/v1/instances/{id}/signals"), r#"{"name":"go"}"#).await;
        assert_eq!(reply.problem().0, 404, "{id}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_is_wrong_is_refused_with_a_code() {
    let (_host, api) = served().await;
    let id = start(&api, json!({ "plan": [{ "do": "await", "names": ["go"] }] })).await;
    let path = format!("/v1/instances/{id}/signals");
    refused(&api, &path, "", (400, "invalid-json")).await;
    refused(&api, &path, "{}", (400, "invalid-json")).await;
    refused(&api, &path, r#"{"name":"go","correlation_key":"k"}"#, (400, "invalid-json")).await;
    refused(&api, &path, r#"{"name":""}"#, (400, "invalid-name")).await;
    refused(&api, &path, r#"{"name":"g\u0000"}"#, (400, "invalid-name")).await;
    refused(&api, &path, r#"{"name":"go","dedup_key":""}"#, (400, "invalid-name")).await;
    let fat = json!({ "name": "go", "payload": "x".repeat(300 << 10) }).to_string();
    refused(&api, &path, &fat, (413, "payload-too-large")).await;
    refused(&api, "/v1/signals", r#"{"name":"go"}"#, (400, "invalid-json")).await;
    refused(&api, "/v1/signals", r#"{"name":"go","correlation_key":"nobody"}"#, (404, "no_target")).await;
    refused(&api, "/v1/signals", r#"{"name":"go","correlation_key":"\u0000"}"#, (400, "invalid-name")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_is_wrong_is_refused_with_a_code() {
    let host = TestHost::bare().await;
    let api = host.serve(None).await;
    for (component, status, code) in [
        (b"hello".to_vec(), 422, "invalid-component"),
        (b"\0asm\x01\0\0\0".to_vec(), 422, "invalid-component"),
        (vec![0; (16 << 20) + 1], 413, "component-too-large"),
        (guest("billing"), 422, "egress-not-granted"),
    ] {
        let reply = api.post("/v1/deployments", component).await;
        assert_eq!(reply.problem(), (status, code.to_owned()), "{}", reply.text);
        assert!(reply.json()["hint"].as_str().is_some(), "{}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_wrong_is_refused_with_a_code() {
    let (_host, api) = served().await;
    let id = start(&api, json!({})).await;
    let instance = format!("/v1/instances/{id}");
    for path in [
        "/v1/instances?limit=x".to_owned(),
        "/v1/instances?limit=-1".to_owned(),
        "/v1/instances?colour=red".to_owned(),
        "/v1/instances?status=asleep".to_owned(),
        "/v1/instances?cursor=%00".to_owned(),
        "/v1/instances?version=99999999999".to_owned(),
        "/v1/instances?key=%00".to_owned(),
        "/v1/instances?fsm=%00".to_owned(),
        "/v1/instances?queue=%00".to_owned(),
        "/v1/instances?step=%00".to_owned(),
        format!("{instance}/history?cursor=abc"),
        format!("{instance}/history?colour=red"),
        format!("{instance}/wait?until=sunrise"),
        format!("{instance}/wait?timeout_ms=-1"),
    ] {
        let reply = api.get(&path).await;
        let (status, code) = reply.problem();
        assert_eq!(status, 400, "{path}: {}", reply.text);
        assert!(["invalid-argument", "invalid-name"].contains(&code.as_str()), "{path}: {code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_route_or_no_method_is_a_problem_too() {
    let (_host, api) = served().await;
    assert_eq!(api.get("/").await.problem(), (404, "not_found".to_owned()));
    assert_eq!(api.get("/v1/nothing").await.problem(), (404, "not_found".to_owned()));
    assert_eq!(api.get("/v1/fsms/nobody").await.problem(), (404, "unknown-fsm".to_owned()));
    assert_eq!(api.get("/v1/fsms/%00").await.problem(), (400, "invalid-name".to_owned()));
    assert_eq!(api.call("DELETE", "/v1/instances").await.problem().0, 405);
    assert_eq!(api.call("PUT", "/v1/fsms").await.problem().0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_wants_the_token_that_was_set() {
    let host = TestHost::with_probe().await;
    let api = host.serve(Some("secret")).await;
    let id = host.plan(json!([])).await;
    host.ended(id).await;
    for client in [api.clone(), api.clone().with_token("wrong"), api.clone().with_token("")] {
        for path in [
            "/v1/fsms",
            "/v1/fsms/probe",
            "/v1/instances",
            "/v1/instances/1",
            "/v1/instances/1/history",
            "/v1/instances/1/children",
            "/v1/instances/1/wait",
        ] {
            assert_eq!(client.get(path).await.problem(), (401, "unauthorized".to_owned()), "{path}");
        }
        for path in ["/v1/deployments", "/v1/instances", "/v1/signals", "/v1/instances/1/signals"] {
            assert_eq!(client.post(path, "{}").await.problem(), (401, "unauthorized".to_owned()), "{path}");
        }
    }
    assert_eq!(api.with_token("secret").get(&format!("/v1/instances/{id}")).await.status, 200);
}
