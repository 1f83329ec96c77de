//! How much of its instances' attempts an FSM keeps.

use gd_core::Status;
use gd_host::store::HistoryLevel;
use gd_tests::{TestHost, eventually};
use serde_json::{Value, json};

/// One attempt that logs, a wait for a signal, and an end.
fn plan() -> Value {
    json!([{ "do": "chat", "lines": 1, "bytes": 3 }, { "do": "await", "names": ["go"] }])
}

async fn set(host: &TestHost, level: HistoryLevel) {
    host.host.set_history(host.tenant, "probe", level).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_is_off_keeps_nothing_and_the_instance_goes_its_way() {
    let host = TestHost::with_probe().await;
    set(&host, HistoryLevel::Off).await;
    let id = host.plan(plan()).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    assert_eq!(host.ended(id).await.status, Status::Done);
    let kept = "select (select count(*) from gd.attempt) + (select count(*) from gd.attempt_log) + (select count(*) from gd.attempt_input)";
    assert_eq!(host.database.count(kept).await, 0);
    set(&host, HistoryLevel::Transitions).await;
    host.run(json!([])).await;
    assert_eq!(host.database.count("select count(*) from gd.attempt").await, 1);
    assert_eq!(host.database.count("select count(*) from gd.attempt_input").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_history_keeps_what_each_attempt_was_handed() {
    let host = TestHost::with_probe().await;
    set(&host, HistoryLevel::Full).await;
    let id = host.plan(plan()).await;
    host.settled(id).await;
    host.signal(id, "other", json!(1)).await;
    host.signal(id, "go", json!({ "n": 7 })).await;
    host.ended(id).await;
    let attempts = host.database.count("select count(*) from gd.attempt").await;
    let inputs: Vec<Vec<u8>> = sqlx::query_scalar(
        "select i.input from gd.attempt a join gd.attempt_input i using (instance_id, claim) where instance_id = $1 order by claim",
    )
    .bind(id.0)
    .fetch_all(host.database.pool())
    .await
    .unwrap();
    assert_eq!(inputs.len() as i64, attempts, "one per attempt");
    let inputs: Vec<Value> = inputs.iter().map(|input| serde_json::from_slice(input).unwrap()).collect();
    let (first, last) = (&inputs[0], &inputs[inputs.len() - 1]);
    let state: Value = serde_json::from_str(first["state"].as_str().unwrap()).unwrap();
    assert_eq!(state, json!({ "plan": plan() }));
    assert_eq!((&first["step"], &first["wake"], &first["visit"]), (&json!("run"), &json!("start"), &json!(0)));
    assert!(first["idempotency_key"].as_str().unwrap().ends_with(&format!("-{id}-0")), "{first}");
    assert_eq!((&last["wake"], &last["awaited"][0]["name"]), (&json!("signal"), &json!("go")), "{last}");
    assert_eq!(last["awaited"][0]["payload"], json!("{\"n\":7}"));
    assert_eq!(last["others"][0]["name"], json!("other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_follows_within_seconds() {
    let host = TestHost::with_probe().await;
    host.run(json!([])).await;
    host.database.execute("update gd.fsm set history = 2").await;
    eventually("the level is followed", async || {
        host.run(json!([])).await;
        (host.database.count("select count(*) from gd.attempt_input").await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_is_set_and_shown_by_the_api() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    assert_eq!(api.get("/v1/fsms/probe").await.json()["history"], json!("transitions"));
    let set = api.post("/v1/fsms/probe/history", r#"{"level":"full"}"#).await;
    assert_eq!((set.status, set.json()), (200, json!({ "fsm": "probe", "history": "full" })));
    assert_eq!(api.get("/v1/fsms").await.json()["items"][0]["history"], json!("full"));
    let refused =
        async |fsm: &str, body: &'static str| api.post(&format!("/v1/fsms/{fsm}/history"), body).await.problem();
    assert_eq!(refused("nobody", r#"{"level":"off"}"#).await, (404, "unknown-fsm".to_owned()));
    assert_eq!(refused("probe", r#"{"level":"most"}"#).await, (400, "invalid-argument".to_owned()));
    assert_eq!(refused("probe", "{}").await, (400, "invalid-json".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_was_kept_is_read_and_one_that_was_not_is_refused() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let before = host.run(json!([])).await.id;
    set(&host, HistoryLevel::Full).await;
    let id = host.run(json!([])).await.id;
    let read = async |id, claim: &str| api.get(&format!("/v1/instances/{id}/history/{claim}/input")).await;
    let input = read(id, "1").await;
    assert_eq!((input.status, &input.json()["step"], &input.json()["wake"]), (200, &json!("run"), &json!("start")));
    assert_eq!(read(before, "1").await.problem(), (404, "no-input".to_owned()));
    assert_eq!(read(id, "7").await.problem(), (404, "no-input".to_owned()));
    assert_eq!(read(id, "x").await.problem(), (400, "invalid-argument".to_owned()));
    assert_eq!(read(gd_core::InstanceId(99), "1").await.problem(), (404, "not_found".to_owned()));
}
