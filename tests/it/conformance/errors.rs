//! Steps that fail, workers that die, and the handler.

use gd_core::Status;
use gd_host::host::Start;
use gd_tests::{TestHost, column};
use serde_json::{Value, json};

use super::aid::{declare_workers_dead, executes, handled, when};

fn fails() -> Value {
    json!({ "do": "fail", "message": "boom" })
}

#[tokio::test(flavor = "multi_thread")]
async fn err_01_a_handler_tries_again_until_it_gives_up() {
    let host = TestHost::with_probe().await;
    let on_fault = json!([{ "do": "again", "until": 2, "ms": 0 }, { "do": "stop", "reason": "gave up" }]);
    let id = host.start(handled(json!([fails()]), on_fault)).await;
    let probe = host.ended(id).await;
    assert_eq!((probe.failure(), probe.attempt), (("stop", "gave up", None), 2));
    assert_eq!(host.outcomes(id).await, ["retry", "retry", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn err_02_an_error_that_nobody_handles_fails_a_machine_at_once() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([fails()])).await;
    assert_eq!((probe.failure(), probe.attempt), (("error", "boom", None), 0));
    assert_eq!(host.outcomes(probe.id).await, ["fault"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn err_04_a_handler_sees_where_the_step_stood_and_no_signals() {
    let host = TestHost::with_probe().await;
    let plan = json!([{ "do": "await", "names": ["go"] }, { "do": "retry", "times": 1, "ms": 0 }, fails()]);
    let id =
        host.start(Start { step: Some("other".into()), ..handled(plan, json!([{ "do": "done", "value": 1 }])) }).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    host.signal(id, "more", json!(2)).await;
    let probe = host.ended(id).await;
    assert_eq!((probe.result(), probe.attempt), (json!(1), 1));
    // What the handler itself noted is in an outcome that goes on.
    let plan = json!([{ "do": "await", "names": ["go"] }, { "do": "retry", "times": 1, "ms": 0 }, fails()]);
    let id = host.start(handled(plan, json!([{ "do": "other" }]))).await;
    let parked = host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    let seen = notes.iter().find(|note| !note["fault"].is_null()).expect("the handler noted");
    for (field, expected) in [
        ("step", json!("run")),
        ("version", json!(parked.version)),
        ("visit", json!(1)),
        ("attempt", json!(1)),
        ("awaited", json!([])),
        ("others", json!([])),
    ] {
        assert_eq!(seen[field], expected, "{field}");
    }
    assert_eq!(notes.len(), 4, "the state from before the step that failed: {notes:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn err_05_a_handlers_next_consumes_nothing() {
    let host = TestHost::with_probe().await;
    let id = host
        .start(handled(
            json!([{ "do": "await", "names": ["go"] }, fails()]),
            json!([{ "do": "next" }, { "do": "await", "names": ["end"] }]),
        ))
        .await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    when(&host, id, |probe| probe.status == Status::AwaitingSignal && probe.visit == 3).await;
    assert_eq!(host.inbox(id).await, ["go"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn err_06_after_a_handlers_retry_the_step_is_handed_the_same_signals() {
    let host = TestHost::with_probe().await;
    let again = json!([{ "do": "again", "until": 1, "ms": 0 }]);
    let plan = json!([{ "do": "await", "names": ["go"] }, { "do": "fail", "message": "boom", "until": 1 }]);
    let id = host.start(handled(plan, again)).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!((&notes[1]["attempt"], &notes[1]["awaited"]), (&json!(1), &json!([["go", 1]])), "{notes:#?}");
    assert_eq!(host.outcomes(id).await, ["await", "retry", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn err_08_a_handler_is_not_asked_about_the_death_of_a_worker() {
    let host = TestHost::with_probe().await;
    let plan = json!([{ "do": "sleep", "ms": 25_000, "until": 1 }]);
    let id = host.start(handled(plan, json!([{ "do": "stop", "reason": "handled" }]))).await;
    host.executing(id, 0).await;
    declare_workers_dead(&host).await;
    let probe = host.ended(id).await;
    assert_eq!(probe.status, Status::Done, "{:?}", probe.error);
    assert_eq!((column(&probe.notes(), "attempt"), column(&probe.notes(), "faults")), (json!([1]), json!([0])));
    assert_eq!(host.outcomes(id).await, ["recovered", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn err_09_three_causes_count_attempts_each_in_its_own_way() {
    let host = TestHost::with_probe().await;
    let plan = json!([
        { "do": "retry", "times": 1, "ms": 0 },
        { "do": "sleep", "ms": 25_000, "until": 2 },
        { "do": "fail", "message": "boom", "until": 3 },
        { "do": "await", "names": ["end"] },
    ]);
    let id = host.start(handled(plan, json!([{ "do": "again", "until": 3, "ms": 0 }]))).await;
    executes(&host, id, 1).await;
    declare_workers_dead(&host).await;
    host.settled(id).await;
    let history = host.history(id).await;
    let told: Vec<_> = history.iter().map(|row| (row.attempt, row.outcome.word(), row.error.is_some())).collect();
    assert_eq!(told, [(0, "retry", false), (1, "recovered", false), (2, "retry", true), (3, "await", false)]);
    let caught =
        handled(json!([{ "do": "retry", "times": 2, "ms": 0 }, fails()]), json!([{ "do": "done", "value": 1 }]));
    let id = host.start(caught).await;
    assert_eq!(host.ended(id).await.attempt, 2, "a caught failure counts as its handler's outcome says");
}

#[tokio::test(flavor = "multi_thread")]
async fn err_14_a_handler_that_awaits_what_is_there_already_does_not_spin() {
    let host = TestHost::with_probe().await;
    let waits = json!({ "do": "await", "names": ["go"] });
    let id = host.start(handled(json!([waits, fails()]), json!([waits]))).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let parked = when(&host, id, |probe| probe.status == Status::AwaitingSignal && probe.visit == 2).await;
    for _ in 0..5 {
        host.run(json!([{ "do": "requeue" }])).await;
    }
    assert_eq!(host.get(id).await.claim, parked.claim, "what the failed step was handed wakes nobody");
    assert_eq!(host.inbox(id).await, ["go"]);
    host.signal(id, "go", json!(2)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(notes.last().unwrap()["awaited"], json!([["go", 1], ["go", 2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn err_16_a_step_that_the_component_does_not_know_is_a_failure_with_a_long_budget() {
    let host = TestHost::with_probe().await;
    let lost = async |on_fault: Value| {
        let id = host.start(Start { delay_ms: 3_600_000, ..handled(json!([]), on_fault) }).await;
        let moved = sqlx::query("update gd.instance set step = 'gone' where id = $1").bind(id.0);
        moved.execute(host.database.pool()).await.unwrap();
        host.ended_in_a_hurry(id).await
    };
    let probe = lost(json!([])).await;
    assert_eq!((probe.failure().0, probe.attempt), ("unknown-step", 19));
    assert!(probe.failure().1.contains("gone"), "{:?}", probe.failure());
    assert_eq!(
        lost(json!([{ "do": "done", "value": "saved" }])).await.result(),
        json!("saved"),
        "the handler is asked"
    );
}
