//! Outcomes that break a rule: found before the commit, a failure of their own instance alone.

use gd_core::Status;
use gd_host::host::Target;
use gd_tests::{TestHost, guest};
use serde_json::json;
use tokio::time::Instant;

use super::aid::{handled, liar};

/// A host with the component whose outcomes are wrong.
async fn lied_to() -> TestHost {
    let host = TestHost::bare().await;
    host.deploy(guest("liar")).await;
    host
}

/// Runs the `liar` with this state, and gives the code of the rule that it broke.
async fn broken(host: &TestHost, state: &str) -> String {
    let id = host.start(liar(state)).await;
    let liar = host.ended(id).await;
    assert_eq!((liar.failure().0, liar.attempt), ("invalid-outcome", 0), "{state}");
    assert_eq!(host.outcomes(id).await, ["fault"], "{state}");
    liar.failure().2.expect("a rule has a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn val_04_one_name_is_a_set_of_one() {
    let host = TestHost::with_probe().await;
    for (names, kept) in [(json!(["go"]), vec!["go"]), (json!(["b", "a", "b"]), vec!["b", "a"])] {
        let id = host.plan(json!([{ "do": "await", "names": names }])).await;
        assert_eq!(host.settled(id).await.awaits, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn val_05_val_14_a_step_that_is_not_declared_is_refused_before_the_commit() {
    let host = lied_to().await;
    assert_eq!(broken(&host, "1").await, "unknown-step", "next");
    assert_eq!(broken(&host, "6").await, "invalid-name", "await without a next step");
    assert_eq!(broken(&host, "7").await, "unknown-step", "await");
}

#[tokio::test(flavor = "multi_thread")]
async fn val_06_a_weight_is_at_least_one() {
    let host = TestHost::with_probe().await;
    assert_eq!(host.run(json!([{ "do": "zero_weight" }])).await.failure().2, Some("zero-weight"));
    assert_eq!(host.run(json!([{ "do": "next" }])).await.status, Status::Done, "1 without a word");
    host.deploy(guest("liar")).await;
    let id = host.start(liar("9")).await;
    let weighed = host.ended(id).await;
    assert_eq!((weighed.status, weighed.0.result.as_deref()), (Status::Done, Some(&b"weighed"[..])), "50");
    assert_eq!(host.outcomes(id).await, ["next", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn val_08_an_outcome_of_an_unknown_shape_is_a_failure_of_its_step() {
    let host = lied_to().await;
    assert_eq!(broken(&host, "8").await, "unknown-extra");
    host.deploy(guest("probe")).await;
    let id = host.start(handled(json!([{ "do": "zero_weight" }]), json!([{ "do": "done", "value": "saved" }]))).await;
    assert_eq!(host.ended(id).await.result(), json!("saved"), "the handler is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn val_09_an_invalid_outcome_of_the_handler_is_final_and_says_which_rule() {
    let host = TestHost::with_probe().await;
    let fails = json!([{ "do": "fail", "message": "broken" }]);
    for (answer, rule) in [
        (json!({ "do": "await", "names": [] }), "at least one signal name"),
        (json!({ "do": "zero_weight" }), "weight"),
        (json!({ "do": "swell", "bytes": 2 << 20 }), "limit"),
    ] {
        let id = host.start(handled(fails.clone(), json!([answer]))).await;
        let probe = host.ended(id).await;
        let (_, message, _) = probe.failure();
        assert!(message.contains("broken") && message.contains(rule), "{message}");
        assert_eq!((probe.attempt, host.outcomes(id).await), (0, vec!["fault"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn val_02_val_10_a_result_that_cannot_be_kept_fails_at_once() {
    let host = TestHost::with_probe().await;
    let began = Instant::now();
    let swells = json!([{ "do": "swell", "bytes": 2 << 20 }]);
    let probe = host.run(swells.clone()).await;
    assert_eq!((probe.failure().2, probe.attempt), (Some("result-too-large"), 0));
    let id = host.start(handled(swells, json!([{ "do": "done", "value": "small" }]))).await;
    assert_eq!(host.ended(id).await.result(), json!("small"), "the handler is asked");
    assert!(began.elapsed().as_secs() < 10, "no lease is waited for: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn val_13_a_nul_is_cleaned_from_errors_and_refused_in_names() {
    let host = TestHost::with_probe().await;
    let texts = [
        (json!({ "do": "stop", "reason": "a\0b", "code": "c\0d" }), "stop"),
        (json!({ "do": "fail", "message": "a\0b", "code": "c\0d" }), "error"),
        (json!({ "do": "await", "names": ["a\0b"] }), "invalid-outcome"),
    ];
    for (act, kind) in texts {
        let probe = host.run(json!([act])).await;
        let (found, message, code) = probe.failure();
        assert_eq!(found, kind, "{message}");
        assert!(!message.contains('\0') && code.is_some_and(|code| !code.contains('\0')), "{message:?} {code:?}");
    }
    let panics = json!([{ "do": "misdeed", "what": { "panic": "a\0b" } }]);
    let id = host.plan(panics).await;
    assert!(!host.ended_in_a_hurry(id).await.failure().1.contains('\0'));
    let parked = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(parked).await;
    for (target, name) in [(Target::Id(parked), "g\0o"), (Target::Key("k\0".into()), "go")] {
        assert_eq!(host.try_signal(target, name, json!(1)).await.unwrap_err().code(), "invalid-name");
    }
    let mut keyed = TestHost::probe(json!({}));
    keyed.correlation_key = Some("k\0".into());
    assert_eq!(host.try_start(keyed).await.unwrap_err().code(), "invalid-name");
}
