//! What is counted, under which names, and what never is.

use gd_host::host::Start;
use gd_tests::{Api, TestHost, guest, patched};
use serde_json::json;

use super::aid::{declare_workers_dead, metric};

/// A host, and its API.
async fn counted() -> (TestHost, Api) {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    (host, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn tel_01_every_step_that_was_run_is_counted_once_by_its_kind() {
    let (host, api) = counted().await;
    // A machine of a name that no other test has: all hosts of a process count together.
    host.deploy(patched(&guest("probe"), "probe", "tel01")).await;
    for (plan, count) in [(json!([{ "do": "next" }]), 3), (json!([{ "do": "zero_weight" }]), 2)] {
        for _ in 0..count {
            let start = TestHost::probe(json!({ "plan": plan }));
            let id = host.start(Start { fsm: "tel01".into(), ..start }).await;
            host.ended(id).await;
        }
    }
    for (kind, expected) in [("next", 3.0), ("done", 3.0), ("invalid-outcome", 2.0)] {
        let labels = format!(r#"{{tenant="default",fsm="tel01",version="1",step="run",kind="{kind}"}}"#);
        assert_eq!(metric(&api, &format!("gd_step_seconds_count{labels}")).await, expected, "{kind}");
        let took = metric(&api, &format!("gd_step_seconds_sum{labels}")).await;
        assert!(took > 0.0 && took < 30.0, "{kind}: {took} s");
    }
    assert_eq!(metric(&api, r#"gd_step_seconds_count{tenant="default",fsm="tel01""#).await, 8.0, "and nothing else");
    assert_eq!(metric(&api, r#"gd_guest_fault_total{tenant="default",fsm="tel01","#).await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tel_02_tel_03_claims_say_what_they_asked_for_and_got_and_a_host_how_full_it_is() {
    let (host, api) = counted().await;
    let names = ["gd_pick_rows_total", "gd_pick_demand_total", "gd_pick_seconds_count"];
    let mut before = Vec::new();
    for name in names {
        before.push(metric(&api, name).await);
    }
    let id = host.plan(json!([{ "do": "sleep", "ms": 1_500 }])).await;
    host.executing(id, 0).await;
    assert!(metric(&api, "gd_scheduler_in_flight").await >= 0.0);
    assert!(metric(&api, "gd_scheduler_concurrency").await >= 1.0);
    host.ended(id).await;
    for (name, before) in names.into_iter().zip(before) {
        assert!(metric(&api, name).await >= before + 1.0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tel_04_tel_06_what_is_taken_back_given_back_or_woken_by_the_clock_is_counted() {
    let (host, api) = counted().await;
    let (reaped, timeouts) = ("gd_recovery_reaped_total", "gd_await_timeout_total");
    let (released, lost) = ("gd_scheduler_released_total", "gd_lease_lost_total");
    let before = (metric(&api, reaped).await, metric(&api, timeouts).await, metric(&api, lost).await);
    let id = host
        .plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 1 }, { "do": "sleep", "ms": 25_000, "until": 1 }]))
        .await;
    host.executing(id, 1).await;
    declare_workers_dead(&host).await;
    host.ended(id).await;
    assert!(metric(&api, timeouts).await >= before.1 + 1.0);
    assert!(metric(&api, reaped).await >= before.0 + 1.0);
    assert!(metric(&api, lost).await >= before.2 + 1.0);
    let before = metric(&api, released).await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 25_000 }])).await;
    host.executing(id, 0).await;
    host.host.shut_down().await;
    assert!(metric(&api, released).await >= before + 1.0, "the drain gave it back");
}

#[tokio::test(flavor = "multi_thread")]
async fn tel_07_no_metric_holds_a_payload_a_state_a_key_or_an_id() {
    let (host, api) = counted().await;
    let mut start = TestHost::probe(
        json!({ "plan": [{ "do": "await", "names": ["go"] }, { "do": "fail", "message": "sesame-error" }], "pad": "sesame-state" }),
    );
    start.correlation_key = Some("sesame-key".into());
    let id = host.start(start).await;
    host.settled(id).await;
    host.signal(id, "go", json!("sesame-payload")).await;
    host.ended(id).await;
    let text = api.get("/metrics").await.text;
    assert!(text.contains("gd_step_seconds_count") && !text.contains("sesame"), "{text}");
    assert!(!text.contains("instance="), "{text}");
    for line in text.lines().filter(|line| line.contains("fsm=\"")) {
        assert!(line.contains("tenant=\""), "{line}");
    }
}
