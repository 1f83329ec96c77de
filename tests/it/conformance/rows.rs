//! What a start makes of its wishes.

use gd_core::Status;
use gd_host::host::Start;
use gd_tests::{TestHost, guest};
use serde_json::json;

use super::aid::{Row, row};

#[tokio::test(flavor = "multi_thread")]
async fn row_01_a_start_without_wishes_has_the_defaults() {
    let host = TestHost::with_probe_and(|engine, _| engine.concurrency = 1).await;
    host.deploy(guest("liar")).await;
    let busy = host.plan(json!([{ "do": "sleep", "ms": 25_000 }])).await;
    host.executing(busy, 0).await;
    let id = host.start(Start { fsm: "liar".into(), ..Start::default() }).await;
    let liar = host.get(id).await;
    assert_eq!((liar.status, liar.attempt, liar.visit, liar.claim), (Status::Runnable, 0, 0, 0));
    assert_eq!((liar.queue.as_str(), liar.priority, liar.version, liar.step.as_str()), ("default", 0, 1, "only"));
    assert_eq!((liar.state(), liar.eligible_at_ms), (json!({}), Some(liar.created_at_ms)));
    assert_eq!(row(&host, id).await, Row { owner: None, rate_limit: None, weight: 1 });
    host.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_05_a_start_without_a_key_is_an_execution_of_its_own() {
    let host = TestHost::with_probe().await;
    let (first, second) = (host.plan(json!([])).await, host.plan(json!([])).await);
    assert_ne!(first, second);
    for id in [first, second] {
        assert_eq!(host.ended(id).await.id, id);
        assert_eq!(host.outcomes(id).await, ["done"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_06_args_are_the_state_unless_a_state_is_given() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let (state, args) = (json!({ "pad": "state" }), json!({ "pad": "args" }));
    for (body, expected) in [
        (json!({ "fsm": "probe", "args": args }), &args),
        (json!({ "fsm": "probe", "args": args, "state": state }), &state),
    ] {
        let id = api.post("/v1/instances", body.to_string()).await.json()["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(&host.ended(id).await.state(), expected, "{body}");
    }
}
