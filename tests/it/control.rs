//! What an operator does to an instance: cancel, pause, resume, and ask why it does not run.

use gd_core::{InstanceId, Status};
use gd_host::host::{Error, Start, Target};
use gd_tests::{TestHost, column, eventually};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Goes on once, then is busy for longer than any test.
fn busy() -> Value {
    json!([{ "do": "next" }, { "do": "sleep", "ms": 25_000 }])
}

async fn cancel(host: &TestHost, id: InstanceId) -> Result<(), Error> {
    host.host.cancel(host.tenant, id, Some("not wanted any more")).await
}

async fn word(host: &TestHost, id: InstanceId) -> &'static str {
    host.host.why(host.tenant, id).await.unwrap().reasons[0].word
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_step_is_interrupted_at_once_and_commits_nothing() {
    let host = TestHost::with_probe().await;
    let id = host.plan(busy()).await;
    host.executing(id, 1).await;
    let began = Instant::now();
    cancel(&host, id).await.unwrap();
    let cancelled = host.ended(id).await;
    assert_eq!(cancelled.status, Status::Cancelled);
    let error = cancelled.error.clone().unwrap();
    assert_eq!((error.kind.as_str(), error.message.as_str()), ("cancelled", "not wanted any more"));
    assert_eq!(host.outcomes(id).await, ["next", "cancelled"]);
    // The slot is free again long before the step would have ended.
    for _ in 0..20 {
        assert_eq!(host.run(json!([])).await.status, Status::Done);
    }
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert_eq!(host.outcomes(id).await, ["next", "cancelled"], "nothing came after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_lives_can_be_cancelled_and_keeps_its_inbox() {
    let host = TestHost::with_probe().await;
    let parked = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(parked).await;
    host.signal(parked, "other", json!(1)).await;
    let waiting = host.plan(json!([{ "do": "delay", "ms": 3_600_000 }])).await;
    eventually("it waits", async || (host.get(waiting).await.visit == 1).then_some(())).await;
    for (id, outcomes) in [(parked, ["await", "cancelled"]), (waiting, ["next", "cancelled"])] {
        cancel(&host, id).await.unwrap();
        assert_eq!(host.get(id).await.status, Status::Cancelled);
        assert_eq!(host.outcomes(id).await, outcomes);
    }
    assert_eq!(host.inbox(parked).await, ["other"]);
    let late = host.try_signal(Target::Id(parked), "go", json!(1)).await;
    assert!(matches!(late, Err(Error::NoTarget(_))), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_instance_frees_its_key_unless_its_scope_keeps_it() {
    let host = TestHost::with_probe().await;
    let start = |key: &str, on_cancelled| {
        let mut start: Start = TestHost::probe(json!({ "plan": [{ "do": "await", "names": ["go"] }] }));
        start.correlation_key = Some(key.to_owned());
        start.scope.on_cancelled = on_cancelled;
        start
    };
    let freed = host.start(start("a", false)).await;
    let kept = host.start(start("b", true)).await;
    cancel(&host, freed).await.unwrap();
    cancel(&host, kept).await.unwrap();
    assert!(host.try_start(start("a", false)).await.is_ok());
    let refused = host.try_start(start("b", true)).await;
    assert!(matches!(refused, Err(Error::Duplicate { holder, .. }) if holder == kept), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_not_controlled_any_more() {
    let host = TestHost::with_probe().await;
    let id = host.run(json!([])).await.id;
    for result in [
        cancel(&host, id).await,
        host.host.pause(host.tenant, id).await.map(drop),
        host.host.resume(host.tenant, id).await.map(drop),
    ] {
        assert!(matches!(result, Err(Error::Ended { status: Status::Done, .. })), "{result:?}");
    }
    assert_eq!(host.get(id).await.status, Status::Done);
    let nobody = InstanceId(i64::MAX);
    assert!(matches!(cancel(&host, nobody).await, Err(Error::NotFound(_))));
    assert!(matches!(host.host.pause(host.tenant, nobody).await, Err(Error::NotFound(_))));
    assert!(matches!(host.host.why(host.tenant, nobody).await, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_instance_commits_the_step_it_runs_and_no_more() {
    let host = TestHost::with_probe().await;
    let id =
        host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 1_500 }, { "do": "next" }, { "do": "next" }])).await;
    host.executing(id, 1).await;
    assert!(host.host.pause(host.tenant, id).await.unwrap().held);
    let stopped = eventually("the step commits", async || {
        let instance = host.get(id).await;
        (instance.visit == 2).then_some(instance)
    })
    .await;
    assert_eq!((stopped.status, stopped.held), (Status::Runnable, true), "it does not run on");
    assert_eq!(word(&host, id).await, "held");
    // Others pass it by.
    for _ in 0..5 {
        host.run(json!([])).await;
    }
    assert_eq!(host.get(id).await.visit, 2);
    assert!(!host.host.resume(host.tenant, id).await.unwrap().held);
    let probe = host.ended(id).await;
    assert_eq!(column(&probe.notes(), "visit"), json!([0, 1, 2, 3]));
    assert_eq!(host.outcomes(id).await, ["next", "next", "next", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_for_a_paused_instance_waits_until_it_is_resumed() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    for _ in 0..2 {
        assert_eq!(host.host.pause(host.tenant, id).await.unwrap().status, Status::AwaitingSignal, "twice is once");
    }
    host.signal(id, "go", json!(5)).await;
    host.run(json!([])).await;
    assert_eq!((host.get(id).await.status, word(&host, id).await), (Status::Runnable, "held"));
    host.host.resume(host.tenant, id).await.unwrap();
    let probe = host.ended(id).await;
    assert_eq!(probe.notes()[1]["awaited"], json!([["go", 5]]));
    assert_eq!(probe.notes()[1]["wake"], "signal");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_word_for_why_an_instance_does_not_run() {
    let host = TestHost::with_probe().await;
    let parked = host.plan(json!([{ "do": "await", "names": ["go", "no"], "timeout_ms": 3_600_000 }])).await;
    host.settled(parked).await;
    let why = host.host.why(host.tenant, parked).await.unwrap();
    assert_eq!(why.reasons[0].word, "awaiting-signal");
    assert!(why.reasons[0].sentence.contains("go or no; without one it goes on in 5"), "{why:?}");
    let busy = host.plan(busy()).await;
    host.executing(busy, 1).await;
    assert_eq!(word(&host, busy).await, "running");
    let late = host.plan(json!([{ "do": "delay", "ms": 3_600_000 }])).await;
    eventually("it is not due", async || (word(&host, late).await == "not-due").then_some(())).await;
    let failing = host.plan(json!([{ "do": "misdeed", "what": { "panic": "no luck" } }])).await;
    let why = eventually("it is retried", async || {
        let why = host.host.why(host.tenant, failing).await.unwrap();
        (why.reasons[0].word == "retrying").then_some(why)
    })
    .await;
    assert!(why.reasons[0].sentence.contains("attempt 0 of step \"run\" failed (trap: "), "{why:?}");
    assert!(why.reasons[0].sentence.contains("no luck"), "{why:?}");
    let done = host.run(json!([])).await.id;
    assert_eq!(word(&host, done).await, "ended");
    host.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_for_every_verb_of_control() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    let path = |verb: &str| format!("/v1/instances/{id}/{verb}");
    let paused = api.post(&path("pause"), "").await;
    assert_eq!(
        (paused.status, paused.json()),
        (200, json!({ "id": id.to_string(), "status": "awaiting_signal", "held": true }))
    );
    assert_eq!(api.get(&format!("/v1/instances/{id}")).await.json()["held"], json!(true));
    let why = api.get(&path("why")).await.json();
    assert_eq!((&why["word"], &why["hint"]), (&json!("held"), &json!(format!("gd-host resume {id}"))));
    assert_eq!(column(why["reasons"].as_array().unwrap(), "word"), json!(["held", "awaiting-signal"]));
    assert_eq!(api.post(&path("resume"), "").await.json()["held"], json!(false));
    let refused = api.post(&path("cancel"), r#"{"because":"x"}"#).await;
    assert_eq!(refused.problem(), (400, "invalid-json".into()));
    let cancelled = api.post(&path("cancel"), r#"{"reason":"a test"}"#).await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")));
    let again = api.post(&path("cancel"), "").await;
    assert_eq!(again.problem(), (409, "ended".into()));
    assert_eq!(again.json()["instance_status"], "cancelled");
    assert_eq!(api.post("/v1/instances/77/cancel", "").await.problem(), (404, "not_found".into()));
    let nodes = api.get("/v1/nodes").await.json();
    assert_eq!((&nodes["items"][0]["host"], &nodes["items"][0]["alive"]), (&json!("test"), &json!(true)));
}
