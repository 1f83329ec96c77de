//! Steps that take more than they are given.

use std::time::Duration;

use gd_core::Status;
use gd_tests::{Instance, TestHost};
use serde_json::{Value, json};

/// A host on which limits are met soon.
async fn strict() -> TestHost {
    TestHost::with_probe_and(|engine, _| {
        engine.step.cpu = Duration::from_millis(150);
        engine.step.wall = Duration::from_secs(2);
        engine.step.memory_bytes_max = 16 << 20;
    })
    .await
}

/// Runs a probe that does this on its first attempt alone; it is done, and its first fault is what is returned.
async fn fault_of(host: &TestHost, what: Value) -> (String, String) {
    let id = host.plan(json!([{ "do": "misdeed", "what": what, "until": 1 }])).await;
    assert_eq!(host.ended_in_a_hurry(id).await.status, Status::Done, "{what}");
    let error = host.history(id).await.remove(0).error.expect("the first attempt failed");
    (error.kind, error.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_computes_for_ever_is_ended_by_its_cpu_time() {
    let host = strict().await;
    let (kind, message) = fault_of(&host, json!("spin")).await;
    assert_eq!(kind, "timeout", "{message}");
    let spun = host.database.count("select max(cpu_us) from gd.attempt").await;
    assert!((150_000..1_500_000).contains(&spun), "{spun} us");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waits_in_a_host_call_is_ended_by_the_clock() {
    let (kind, message) = fault_of(&strict().await, json!("hang")).await;
    assert_eq!(kind, "timeout", "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_takes_all_memory_fails_at_the_second_time() {
    let host = strict().await;
    let id = host.plan(json!([{ "do": "misdeed", "what": "grow" }])).await;
    let probe = host.ended_in_a_hurry(id).await;
    assert_eq!((probe.failure().0, probe.attempt), ("memory-limit", 1));
    assert_eq!(host.outcomes(id).await, ["fault", "fault"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_overflow_is_a_trap_that_says_so() {
    let (kind, message) = fault_of(&strict().await, json!("recurse")).await;
    assert_eq!(kind, "trap");
    assert!(message.contains("recursion"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_ends_its_process_ends_its_attempt_alone() {
    let host = strict().await;
    let (kind, message) = fault_of(&host, json!({ "exit": 3 })).await;
    assert_eq!(kind, "trap", "{message}");
    assert_eq!(fault_of(&host, json!("abort")).await.0, "trap");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chatty_step_goes_on_and_its_log_is_cut() {
    let host = strict().await;
    let chat = json!([{ "do": "chat", "lines": 2_000, "bytes": 100 }, { "do": "chat", "lines": 1, "bytes": 1 << 20 }]);
    assert_eq!(host.run(chat).await.status, Status::Done);
    assert_eq!(fault_of(&host, json!("babble")).await.0, "timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_of_misbehaving_steps_notices_nothing() {
    let host = strict().await;
    let mut bad = Vec::new();
    for what in
        [json!("spin"), json!("grow"), json!("recurse"), json!("hang"), json!("babble"), json!({ "panic": "x" })]
    {
        bad.push(host.plan(json!([{ "do": "misdeed", "what": what, "until": 1 }])).await);
    }
    let good: Instance = host.run(vec![json!({ "do": "next" }); 20].into()).await;
    assert_eq!(good.notes().len(), 21);
    for id in bad {
        assert_eq!(host.ended_in_a_hurry(id).await.status, Status::Done);
    }
}
