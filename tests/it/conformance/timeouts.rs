//! Awaits that end by the clock.

use gd_core::Status;
use gd_tests::{TestHost, column};
use serde_json::json;

use super::aid::{pause, resume, when};

#[tokio::test(flavor = "multi_thread")]
async fn tmo_04_a_timeout_hands_over_what_has_arrived() {
    let host = TestHost::with_probe().await;
    let names = json!(["a", "b"]);
    let plan = json!([{ "do": "await", "names": names }, { "do": "await", "names": names, "timeout_ms": 200 }, { "do": "next" }]);
    let id = host.plan(plan).await;
    host.settled(id).await;
    host.signal(id, "a", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "wake"), json!(["start", "signal", "timeout", "next"]));
    assert_eq!(column(&notes, "awaited"), json!([[], [["a", 1]], [["a", 1]], []]), "and it is consumed by progress");
}

#[tokio::test(flavor = "multi_thread")]
async fn tmo_05_a_signal_between_the_timeout_and_the_claim_is_seen() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 100 }, { "do": "next" }])).await;
    host.settled(id).await;
    pause(&host, id).await;
    when(&host, id, |probe| probe.status == Status::Runnable).await;
    host.signal(id, "go", json!(1)).await;
    resume(&host, id).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(notes[1]["awaited"], json!([["go", 1]]));
    assert_eq!((notes.len(), &notes[2]["awaited"]), (3, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn tmo_06_an_await_without_a_timeout_has_no_deadline_left_of_the_one_before() {
    let host = TestHost::with_probe().await;
    let id = host
        .plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 50 }, { "do": "await", "names": ["go"] }]))
        .await;
    let parked = when(&host, id, |probe| probe.visit == 2 && probe.status == Status::AwaitingSignal).await;
    assert_eq!(parked.await_deadline_ms, None);
    assert_eq!(column(&parked.notes(), "wake"), json!(["start", "timeout"]));
}
