//! Steps that fail, and the handler that is asked about it.

use gd_core::{InstanceId, Status};
use gd_tests::{Instance, TestHost, column, eventually};
use serde_json::{Value, json};

/// Starts a probe with this plan, and this one for its handler.
async fn handled(host: &TestHost, plan: Value, on_fault: Value) -> Instance {
    let id = host.start(TestHost::probe(json!({ "plan": plan, "on_fault": on_fault }))).await;
    host.ended_in_a_hurry(id).await
}

/// Kinds and messages of the errors in the history.
async fn errors(host: &TestHost, id: InstanceId) -> Vec<(String, String)> {
    let history = host.history(id).await;
    history.into_iter().filter_map(|row| row.error).map(|error| (error.kind, error.message)).collect()
}

fn panics(text: &str, until: Option<u32>) -> Value {
    json!({ "do": "misdeed", "what": { "panic": text }, "until": until })
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_panic_the_step_runs_again_from_the_old_state_in_fresh_memory() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "next" }, panics("the moon is in the wrong house", Some(1))])).await;
    let probe = host.ended_in_a_hurry(id).await;
    let notes = probe.notes();
    assert_eq!(column(&notes, "visit"), json!([0, 1]), "what the panicked attempt noted is gone");
    assert_eq!(column(&notes, "attempt"), json!([0, 1]));
    assert_eq!(column(&notes, "faults"), json!([0, 1]));
    assert_eq!(column(&notes, "memory"), json!([1, 1]), "no memory outlives an attempt");
    assert_eq!(host.outcomes(id).await, ["next", "fault", "done"]);
    let errors = errors(&host, id).await;
    assert_eq!(errors[0].0, "trap");
    assert!(errors[0].1.contains("the moon is in the wrong house"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fifth_trap_in_a_row_fails_the_instance_and_keeps_its_inbox() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, panics("always", None)])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let probe = host.ended_in_a_hurry(id).await;
    let (kind, message, _) = probe.failure();
    assert!(kind == "trap" && message.contains("always"), "{kind}: {message}");
    assert_eq!((probe.attempt, probe.visit), (4, 1));
    assert_eq!(host.outcomes(id).await, ["await", "fault", "fault", "fault", "fault", "fault"]);
    assert_eq!(host.inbox(id).await, ["go"], "an operator's retry still sees it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_faults_ends_with_any_outcome() {
    let host = TestHost::with_probe().await;
    let plan = json!([panics("x", Some(4)), { "do": "next" }, panics("y", Some(4))]);
    let id = host.plan(plan).await;
    assert_eq!(host.ended_in_a_hurry(id).await.status, Status::Done);
    assert_eq!(errors(&host, id).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_retried_after_the_backoff() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([panics("x", Some(1))])).await;
    let waiting = eventually("the fault is committed", async || {
        let instance = host.get(id).await;
        (instance.attempt == 1 && instance.status == Status::Runnable).then_some(instance)
    })
    .await;
    assert_eq!(waiting.eligible_at_ms.unwrap() - waiting.updated_at_ms, 1_000);
    assert_eq!(waiting.faults, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_machine_is_final_unless_it_says_otherwise() {
    let host = TestHost::with_probe().await;
    let fail = |more: Value| {
        let mut act = json!({ "do": "fail", "message": "no stock", "code": "no-stock" });
        act.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([act])
    };
    let id = host.plan(fail(json!({}))).await;
    assert_eq!(host.ended(id).await.failure(), ("error", "no stock", Some("no-stock")));
    assert_eq!(host.outcomes(id).await, ["fault"]);

    let id = host.plan(fail(json!({ "retryable": true, "until": 3 }))).await;
    let probe = host.ended_in_a_hurry(id).await;
    assert_eq!(column(&probe.notes(), "attempt"), json!([3]));
    assert_eq!(host.outcomes(id).await, ["fault", "fault", "fault", "done"]);

    let id = host.plan(fail(json!({ "after_ms": 1, "until": 1 }))).await;
    assert_eq!(host.ended(id).await.status, Status::Done, "its own delay wins over the backoff");

    let id = host.plan(fail(json!({ "after_ms": 0 }))).await;
    assert_eq!(host.ended(id).await.attempt, 19, "a retryable error has 20 tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_decides_with_the_state_from_before_the_step() {
    let host = TestHost::with_probe().await;
    let plan = json!([{ "do": "await", "names": ["go"] }, { "do": "pad", "bytes": 10 }, panics("oh no", None)]);
    let id = host.start(TestHost::probe(json!({ "plan": plan, "on_fault": [{ "do": "next" }] }))).await;
    host.settled(id).await;
    host.signal(id, "go", json!(7)).await;
    let probe = host.ended(id).await;
    let notes = probe.notes();
    assert_eq!(notes.len(), 3, "the panicked step's own note is gone: {notes:#?}");
    assert!(notes[1]["fault"].as_str().unwrap().contains("oh no"), "{notes:#?}");
    assert_eq!((&notes[1]["faults"], &notes[1]["memory"]), (&json!(1), &json!(1)));
    assert_eq!((&notes[1]["awaited"], &notes[1]["others"]), (&json!([]), &json!([])));
    assert_eq!(notes[2]["others"], json!([["go", 7]]), "a handler consumes nothing");
    assert_eq!(host.outcomes(id).await, ["await", "next", "done"]);
    assert_eq!(errors(&host, id).await[0].0, "trap", "the history shows what was handled");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_is_a_handlers_to_give() {
    let host = TestHost::with_probe().await;
    let fails = json!([{ "do": "fail", "message": "broken", "until": 1 }]);
    let done = handled(&host, fails.clone(), json!([{ "do": "done", "value": "saved" }])).await;
    assert_eq!(done.result(), json!("saved"));
    let stopped = handled(&host, fails.clone(), json!([{ "do": "stop", "reason": "given up" }])).await;
    assert_eq!(stopped.failure(), ("stop", "given up", None));
    let retried = handled(&host, fails, json!([{ "do": "retry", "times": 1, "ms": 0 }])).await;
    assert_eq!(column(&retried.notes(), "attempt"), json!([0, 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_too_leaves_both_messages() {
    let host = TestHost::with_probe().await;
    let fails = json!([{ "do": "fail", "message": "the first trouble" }]);
    let probe = handled(&host, fails.clone(), json!([panics("the second trouble", None)])).await;
    let (kind, message, _) = probe.failure();
    assert_eq!(kind, "error");
    assert!(message.contains("the first trouble") && message.contains("the second trouble"), "{message}");
    let probe = handled(&host, fails, json!([{ "do": "await", "names": [] }])).await;
    assert!(probe.failure().1.contains("the first trouble"), "{:?}", probe.failure());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_woken_step_that_fails_is_handed_its_signals_again() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, panics("x", Some(2))])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let probe = host.ended_in_a_hurry(id).await;
    let last = probe.notes().pop().unwrap();
    assert_eq!((&last["attempt"], &last["awaited"]), (&json!(2), &json!([["go", 1]])));
    assert_eq!(host.outcomes(id).await, ["await", "fault", "fault", "done"], "and it does not spin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_read_waits_for_a_rollback_and_then_fails() {
    let host = TestHost::with_probe().await;
    let id = host.start(TestHost::probe(json!({ "plan": "not a list" }))).await;
    eventually("the first try is over", async || (host.get(id).await.attempt == 1).then_some(())).await;
    assert_eq!(errors(&host, id).await[0].0, "state-decode");
    let saved = host.start(TestHost::probe(json!({ "plan": 7 }))).await;
    eventually("the first try is over", async || (host.get(saved).await.attempt >= 1).then_some(())).await;
    sqlx::query("update gd.instance set state = '{}' where id = $1")
        .bind(saved.0)
        .execute(host.database.pool())
        .await
        .unwrap();
    assert_eq!(host.ended_in_a_hurry(saved).await.status, Status::Done);
    let probe = host.ended_in_a_hurry(id).await;
    assert_eq!((probe.failure().0, probe.attempt), ("state-decode", 19));
}
