//! What wakes a parked instance.

use gd_core::Status;
use gd_host::host::Start;
use gd_tests::{TestHost, column};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_after_the_park_wakes() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    let parked = host.settled(id).await;
    assert_eq!((parked.status, parked.attempt, parked.visit), (Status::AwaitingSignal, 0, 1));
    assert_eq!((parked.awaits.as_slice(), parked.await_deadline_ms), (&["go".to_owned()][..], None));
    host.signal(id, "go", json!({ "n": 1 })).await;
    let notes = host.ended(id).await.notes();
    assert_eq!((&notes[1]["wake"], &notes[1]["awaited"]), (&json!("signal"), &json!([["go", { "n": 1 }]])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_arrived_while_the_parking_step_ran_still_wakes() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 1_500 }, { "do": "await", "names": ["go"] }])).await;
    host.executing(id, 0).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "wake"), json!(["start", "signal"]));
    assert_eq!(column(&notes, "awaited"), json!([[], [["go", 1]]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_the_parking_step_merely_saw_still_wakes() {
    let host = TestHost::with_probe().await;
    let plan = json!({ "plan": [{ "do": "next" }, { "do": "await", "names": ["go"] }] });
    let id = host.start(Start { delay_ms: 300, ..TestHost::probe(plan) }).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "others"), json!([[["go", 1]], [["go", 1]], []]));
    assert_eq!(notes[2]["awaited"], json!([["go", 1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_several_names_wakes_and_others_do_not() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["yes", "no"] }])).await;
    let parked = host.settled(id).await;
    host.signal(id, "maybe", json!(1)).await;
    let same = host.get(id).await;
    assert_eq!((same.status, same.claim), (Status::AwaitingSignal, parked.claim));
    host.signal(id, "no", json!(2)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(notes.len(), 2);
    assert_eq!((&notes[1]["awaited"], &notes[1]["others"]), (&json!([["no", 2]]), &json!([["maybe", 1]])));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_was_handed_does_not_wake_it_when_it_awaits_again() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let parked = gd_tests::eventually("it is parked again", async || {
        let instance = host.get(id).await;
        (instance.visit == 2 && instance.status == Status::AwaitingSignal).then_some(instance)
    })
    .await;
    assert_eq!(parked.notes()[1]["awaited"], json!([["go", 1]]));
    assert_eq!(host.inbox(id).await, ["go"], "awaiting consumes nothing");
    host.signal(id, "go", json!(2)).await;
    assert_eq!(host.ended(id).await.notes()[2]["awaited"], json!([["go", 1], ["go", 2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_listed_twice_is_awaited_once() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go", "go"] }])).await;
    assert_eq!(host.settled(id).await.awaits, ["go"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_a_wake_is_handed_the_same_signals() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "retry", "times": 1, "ms": 0 }])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "attempt"), json!([0, 0, 1]));
    assert_eq!(column(&notes, "awaited"), json!([[], [["go", 1]], [["go", 1]]]));
}
