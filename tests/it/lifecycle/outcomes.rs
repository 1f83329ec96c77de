//! The table of outcomes.

use gd_core::Status;
use gd_host::host::Start;
use gd_tests::{TestHost, column, eventually, guest};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn next_opens_a_visit_with_an_idempotency_key_of_its_own() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "next" }, { "do": "other" }])).await;
    let notes = probe.notes();
    assert_eq!(column(&notes, "step"), json!(["run", "run", "other"]));
    assert_eq!(column(&notes, "visit"), json!([0, 1, 2]));
    assert_eq!(column(&notes, "attempt"), json!([0, 0, 0]));
    assert_eq!(column(&notes, "wake"), json!(["start", "next", "next"]));
    let mut keys: Vec<String> = notes.iter().map(|note| note["key"].to_string()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 3, "{keys:?}");
    let history = host.history(probe.id).await;
    let told: Vec<_> = history.iter().map(|row| (row.visit, row.outcome.word(), row.to_step.as_deref())).collect();
    assert_eq!(told, [(0, "next", Some("run")), (1, "next", Some("other")), (2, "done", None)]);
    assert!(history.windows(2).all(|pair| pair[0].claim < pair[1].claim), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_keeps_visit_and_idempotency_key_and_counts_the_attempt() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "retry", "times": 2, "ms": 0 }, { "do": "next" }])).await;
    let notes = probe.notes();
    assert_eq!(column(&notes, "attempt"), json!([0, 1, 2, 0]));
    assert_eq!(column(&notes, "visit"), json!([0, 0, 0, 1]));
    assert_eq!(column(&notes, "faults"), json!([0, 0, 0, 0]));
    assert_eq!(column(&notes, "wake"), json!(["start", "retry", "retry", "next"]));
    assert_eq!((&notes[0]["key"], &notes[0]["key"]), (&notes[1]["key"], &notes[2]["key"]));
    assert_ne!(notes[2]["key"], notes[3]["key"]);
    assert_eq!(host.outcomes(probe.id).await, ["retry", "retry", "next", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_waits_as_long_as_it_asked_to() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "retry", "times": 1, "ms": 86_400_000 }])).await;
    let waiting = eventually("the retry is committed", async || {
        let instance = host.get(id).await;
        (instance.attempt == 1).then_some(instance)
    })
    .await;
    assert_eq!(waiting.status, Status::Runnable);
    assert_eq!(waiting.eligible_at_ms.unwrap() - waiting.updated_at_ms, 86_400_000);
    assert_eq!(host.ended_in_a_hurry(id).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_delayed_by_thirty_days_is_due_in_thirty_days() {
    let host = TestHost::with_probe().await;
    let days_30 = 30 * 24 * 60 * 60 * 1_000;
    let id = host.plan(json!([{ "do": "delay", "ms": days_30 }])).await;
    let waiting = eventually("the delay is committed", async || {
        let instance = host.get(id).await;
        (instance.visit == 1).then_some(instance)
    })
    .await;
    assert_eq!((waiting.status, waiting.attempt), (Status::Runnable, 0));
    assert_eq!(waiting.eligible_at_ms.unwrap() - waiting.updated_at_ms, days_30);
    assert_eq!(host.ended_in_a_hurry(id).await.notes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requeued_step_is_claimed_again() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "requeue" }])).await;
    assert_eq!(column(&probe.notes(), "visit"), json!([0, 1]));
    assert_eq!(column(&probe.notes(), "wake"), json!(["start", "next"]));
    let claims: Vec<i64> = host.history(probe.id).await.iter().map(|row| row.claim).collect();
    assert_eq!(claims, [1, 3], "the commit and the claim after it each moved it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_far_beyond_its_bound_goes_on_after_it() {
    let host = TestHost::with_probe().await;
    let probe = host.run(vec![json!({ "do": "next" }); 200].into()).await;
    let visits: Vec<i64> = (0..=200).collect();
    assert_eq!(column(&probe.notes(), "visit"), json!(visits));
}

#[tokio::test(flavor = "multi_thread")]
async fn done_keeps_the_step_and_the_state_from_before() {
    let host = TestHost::with_probe().await;
    let state = r#"{ "plan": [{"do":"done","value":{"big":12345678901234567890}}] }"#;
    let id = host.start(Start { state: Some(state.into()), ..TestHost::probe(json!({})) }).await;
    let probe = host.ended(id).await;
    assert_eq!((probe.status, probe.step.as_str(), probe.attempt, probe.visit), (Status::Done, "run", 0, 0));
    assert_eq!(String::from_utf8_lossy(&probe.0.state), state);
    assert_eq!(probe.result(), json!({ "big": 12_345_678_901_234_567_890_u64 }));
    assert!(probe.awaits.is_empty() && probe.error.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_fails_with_the_reason_of_the_step() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "stop", "reason": "too expensive", "code": "over-budget" }])).await;
    assert_eq!(probe.failure(), ("stop", "too expensive", Some("over-budget")));
    assert!(probe.0.result.is_none());
    let history = host.history(probe.id).await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].outcome.word(), "stop");
    assert_eq!(history[0].error.as_ref().unwrap().code.as_deref(), Some("over-budget"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_breaks_a_rule_fails_its_own_instance_at_once() {
    let host = TestHost::with_probe().await;
    let year = 366_u64 * 24 * 60 * 60 * 1_000;
    let mut running = Vec::new();
    for (acts, code) in [
        (json!([{ "do": "await", "names": [] }]), "nothing-awaited"),
        (json!([{ "do": "delay", "ms": year + 1 }]), "delay-too-long"),
        (json!([{ "do": "retry", "times": 1, "ms": year + 1 }]), "delay-too-long"),
        (json!([{ "do": "await", "names": ["go"], "timeout_ms": year + 1 }]), "delay-too-long"),
        (json!([{ "do": "pad", "bytes": 1 << 20 }, { "do": "next" }]), "state-too-large"),
        (json!([{ "do": "pad", "bytes": 1 << 20 }, { "do": "retry", "times": 1, "ms": 0 }]), "state-too-large"),
        (json!([{ "do": "swell", "bytes": 1 << 20 }]), "result-too-large"),
        (json!([{ "do": "zero_weight" }]), "zero-weight"),
        (json!([{ "do": "draw", "limit": "a:b" }]), "invalid-name"),
        (json!([{ "do": "under", "key": "" }]), "invalid-name"),
        (json!([{ "do": "children", "of": [{ "fsm": "nobody" }] }]), "unknown-fsm"),
        (json!([{ "do": "children", "of": [{}, { "step": "nowhere" }] }]), "unknown-step"),
        (json!([{ "do": "children", "of": [{}, { "weight": 0 }] }]), "zero-weight"),
    ] {
        running.push((host.plan(acts).await, code));
    }
    let neighbour = host.run(json!([{ "do": "next" }])).await;
    assert_eq!(neighbour.status, Status::Done);
    for (id, expected) in running {
        let probe = host.ended(id).await;
        let (kind, message, code) = probe.failure();
        assert_eq!((kind, code), ("invalid-outcome", Some(expected)), "{message}");
        assert_eq!((probe.attempt, host.outcomes(id).await), (0, vec!["fault"]), "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_database_takes_is_refused_before_the_commit() {
    let host = TestHost::bare().await;
    host.deploy(guest("liar")).await;
    for (state, expected) in [
        ("1", "unknown-step"),
        ("2", "invalid-name"),
        ("3", "invalid-name"),
        ("4", "too-many-names"),
        ("5", "invalid-name"),
    ] {
        let start = Start { fsm: "liar".into(), state: Some(state.into()), ..Start::default() };
        let id = host.start(start).await;
        let liar = host.ended(id).await;
        let (kind, message, code) = liar.failure();
        assert_eq!((kind, code), ("invalid-outcome", Some(expected)), "{state}: {message}");
    }
}
