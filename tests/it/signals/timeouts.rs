//! Awaits that end by the clock.

use gd_core::Status;
use gd_tests::{TestHost, column, eventually};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_wakes_within_a_second_and_keeps_the_attempt() {
    let host = TestHost::with_probe_and(|engine, _| {
        // The product's own interval is what the promise is about.
        engine.timeout_interval = gd_host::engine::EngineConfig::default().timeout_interval;
    })
    .await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 400 }])).await;
    let parked = host.settled(id).await;
    let deadline = parked.await_deadline_ms.expect("it has a deadline");
    assert_eq!(deadline - parked.updated_at_ms, 400);
    let notes = host.ended(id).await.notes();
    assert_eq!(
        (&notes[1]["wake"], &notes[1]["attempt"], &notes[1]["awaited"]),
        (&json!("timeout"), &json!(0), &json!([]))
    );
    let late = notes[1]["now_ms"].as_i64().unwrap() - deadline;
    assert!((0..1_000).contains(&late), "{late} ms late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_before_the_deadline_ends_the_deadline() {
    let host = TestHost::with_probe().await;
    let plan = json!([{ "do": "await", "names": ["go"], "timeout_ms": 60_000 }, { "do": "await", "names": ["end"] }]);
    let id = host.plan(plan).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let parked = eventually("it is parked again", async || {
        let instance = host.get(id).await;
        (instance.visit == 2 && instance.status == Status::AwaitingSignal).then_some(instance)
    })
    .await;
    assert_eq!(parked.await_deadline_ms, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_woken_by_the_clock_may_await_again() {
    let host = TestHost::with_probe().await;
    let wait = json!({ "do": "await", "names": ["go"], "timeout_ms": 50 });
    let id = host.plan(json!([wait, wait, { "do": "await", "names": ["go"] }])).await;
    let parked = eventually("the third await", async || {
        let instance = host.get(id).await;
        (instance.visit == 3 && instance.status == Status::AwaitingSignal).then_some(instance)
    })
    .await;
    assert_eq!(column(&parked.notes(), "wake"), json!(["start", "timeout", "timeout"]));
    host.signal(id, "go", json!(1)).await;
    assert_eq!(host.ended(id).await.notes()[3]["wake"], "signal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_keeps_other_signals() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 300 }])).await;
    host.settled(id).await;
    host.signal(id, "other", json!(1)).await;
    assert_eq!(host.ended(id).await.notes()[1]["others"], json!([["other", 1]]));
}
