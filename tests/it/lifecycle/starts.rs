//! What a start may ask for.

use gd_core::{InstanceId, Status};
use gd_host::host::Start;
use gd_tests::TestHost;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_wishes_takes_the_word_of_the_fsm() {
    let host = TestHost::with_probe().await;
    let id = host.start(Start { fsm: "probe".into(), ..Start::default() }).await;
    let probe = host.ended(id).await;
    assert_eq!((probe.queue.as_str(), probe.step.as_str(), probe.priority, probe.version), ("probes", "run", 0, 1));
    assert_eq!(probe.state(), json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_gets_what_it_asks_for() {
    let host = TestHost::with_probe().await;
    let wishes = Start {
        step: Some("other".into()),
        queue: Some("slow lane".into()),
        priority: -7,
        correlation_key: Some("order:1".into()),
        version: Some(1),
        ..TestHost::probe(json!({}))
    };
    let id = host.start(wishes).await;
    let probe = host.ended(id).await;
    assert_eq!((probe.queue.as_str(), probe.priority), ("slow lane", -7));
    assert_eq!(probe.notes()[0]["step"], "other");
    assert_eq!(probe.notes()[0]["correlation_key"], "order:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_the_future_waits() {
    let host = TestHost::with_probe().await;
    let id = host.start(Start { delay_ms: 3_600_000, ..TestHost::probe(json!({})) }).await;
    let probe = host.get(id).await;
    assert_eq!((probe.status, probe.claim), (Status::Runnable, 0));
    assert_eq!(probe.eligible_at_ms.unwrap() - probe.created_at_ms, 3_600_000);
    let soon = host.start(Start { delay_ms: 200, ..TestHost::probe(json!({})) }).await;
    let soon = host.ended(soon).await;
    let began = soon.notes()[0]["now_ms"].as_i64().unwrap();
    assert!((200..2_000).contains(&(began - soon.created_at_ms)), "{soon:?}");
    assert_eq!(host.get(id).await.claim, 0, "it still waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lower_priority_number_runs_first() {
    let host = TestHost::with_probe_and(|engine, _| engine.concurrency = 1).await;
    let blocker = host.plan(json!([{ "do": "sleep", "ms": 1_500 }])).await;
    host.executing(blocker, 0).await;
    let mut waiting: Vec<(i16, InstanceId)> = Vec::new();
    for priority in [5, -5, 0] {
        waiting.push((priority, host.start(Start { priority, ..TestHost::probe(json!({})) }).await));
    }
    let mut order = Vec::new();
    for (priority, id) in waiting {
        host.ended(id).await;
        order.push((host.history(id).await[0].at_ms, priority));
    }
    order.sort();
    assert_eq!(order.iter().map(|(_, priority)| *priority).collect::<Vec<_>>(), [-5, 0, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_be_kept_is_refused_with_its_code() {
    let host = TestHost::with_probe_and(|_, limits| limits.payload_bytes_max = 100).await;
    let probe = || TestHost::probe(json!({}));
    let long = || "x".repeat(256);
    for (start, code) in [
        (Start { fsm: "nobody".into(), ..Start::default() }, "unknown-fsm"),
        (Start { fsm: "pro\0be".into(), ..Start::default() }, "invalid-name"),
        (Start { fsm: String::new(), ..Start::default() }, "invalid-name"),
        (Start { version: Some(2), ..probe() }, "unknown-version"),
        (Start { version: Some(-1), ..probe() }, "unknown-version"),
        (Start { step: Some("nowhere".into()), ..probe() }, "unknown-step"),
        (Start { step: Some(long()), ..probe() }, "invalid-name"),
        (Start { queue: Some("q\u{1}".into()), ..probe() }, "invalid-name"),
        (Start { correlation_key: Some(long()), ..probe() }, "invalid-name"),
        (Start { correlation_key: Some("k\0".into()), ..probe() }, "invalid-name"),
        (Start { state: Some(vec![b' '; 101]), ..probe() }, "payload-too-large"),
        (Start { delay_ms: 366 * 24 * 3_600_000 + 1, ..probe() }, "invalid-argument"),
    ] {
        let refused = host.try_start(start.clone()).await.expect_err(code);
        assert_eq!(refused.code(), code, "{start:?}: {refused}");
    }
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 0);
    assert_eq!(host.database.count("select count(*) from gd.identity").await, 0);
}
