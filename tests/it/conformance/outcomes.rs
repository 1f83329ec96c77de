//! What each outcome writes, column by column.

use std::sync::Arc;

use gd_core::Status;
use gd_host::host::{Start, Target};
use gd_tests::{HostProcess, TestDatabase, TestHost, column, eventually, guest};
use serde_json::json;

use super::aid::{Row, executes, pause, paused_after_the_step, row, when};

const LET_GO: Row = Row { owner: None, rate_limit: None, weight: 1 };

#[tokio::test(flavor = "multi_thread")]
async fn out_01_next_goes_to_the_step_and_counts_from_zero_again() {
    let host = TestHost::with_probe().await;
    let id = host
        .plan(json!([{ "do": "retry", "times": 3, "ms": 0 }, { "do": "sleep", "ms": 500 }, { "do": "other" }]))
        .await;
    executes(&host, id, 3).await;
    let probe = paused_after_the_step(&host, id).await;
    assert_eq!((probe.status, probe.step.as_str(), probe.attempt, probe.visit), (Status::Runnable, "other", 0, 1));
    assert_eq!(probe.eligible_at_ms, Some(probe.updated_at_ms), "due at once");
    assert!(probe.awaits.is_empty() && probe.await_deadline_ms.is_none());
    assert_eq!(probe.notes().len(), 4, "the new state");
    assert_eq!(row(&host, id).await, LET_GO);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_02_retry_keeps_the_step_and_what_it_awaits_and_counts_the_attempt() {
    let host = TestHost::with_probe().await;
    let id =
        host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "retry", "times": 1, "ms": 3_600_000 }])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    let probe = when(&host, id, |probe| probe.attempt == 1).await;
    assert_eq!((probe.status, probe.step.as_str(), probe.visit), (Status::Runnable, "run", 1));
    assert_eq!(probe.eligible_at_ms.unwrap() - probe.updated_at_ms, 3_600_000);
    assert_eq!((probe.awaits.as_slice(), probe.notes().len()), (&["go".to_owned()][..], 2));
    assert_eq!(row(&host, id).await, LET_GO);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_04_out_05_an_end_keeps_state_step_and_attempt() {
    let host = TestHost::with_probe().await;
    for (end, status) in [
        (json!({ "do": "done", "value": { "sum": 7 } }), Status::Done),
        (json!({ "do": "stop", "reason": "too late" }), Status::Failed),
    ] {
        let probe = host.run(json!([{ "do": "other" }, { "do": "retry", "times": 2, "ms": 0 }, end])).await;
        assert_eq!((probe.status, probe.step.as_str(), probe.attempt, probe.visit), (status, "other", 2, 1));
        let state = probe.state();
        assert_eq!(state["notes"].as_array().unwrap().len(), 3, "the last attempt's note is not written: {state}");
        assert!(probe.awaits.is_empty() && probe.await_deadline_ms.is_none() && probe.eligible_at_ms.is_none());
        match status {
            Status::Done => assert_eq!((probe.result(), &probe.error), (json!({ "sum": 7 }), &None)),
            _ => assert_eq!((probe.failure(), &probe.0.result), (("stop", "too late", None), &None)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn out_06_await_parks_at_the_next_step() {
    let host = TestHost::with_probe().await;
    let start = Start {
        step: Some("other".into()),
        ..TestHost::probe(json!({ "plan": [{ "do": "await", "names": ["a", "b"] }] }))
    };
    let id = host.start(start).await;
    let probe = host.settled(id).await;
    assert_eq!((probe.status, probe.step.as_str(), probe.attempt, probe.visit), (Status::AwaitingSignal, "run", 0, 1));
    assert_eq!((&probe.awaits[..], probe.await_deadline_ms), (&["a".to_owned(), "b".to_owned()][..], None));
    assert_eq!(probe.notes().len(), 1, "the new state");
    assert_eq!(row(&host, id).await, LET_GO);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_08_a_wake_up_enters_the_next_step_and_not_the_one_that_parked() {
    let host = TestHost::with_probe().await;
    let start = Start {
        step: Some("other".into()),
        ..TestHost::probe(json!({ "plan": [{ "do": "await", "names": ["go"] }] }))
    };
    let id = host.start(start).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    assert_eq!(column(&host.ended(id).await.notes(), "step"), json!(["other", "run"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn out_13_three_ticks_and_an_end_are_four_steps() {
    let host = TestHost::with_probe().await;
    let tick = json!({ "do": "requeue" });
    let probe = host.run(json!([tick, tick, tick, { "do": "done", "value": { "count": 3 } }])).await;
    assert_eq!(probe.result(), json!({ "count": 3 }));
    assert_eq!(host.outcomes(probe.id).await, ["next", "next", "next", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_14_an_outcome_is_written_whole_or_not_at_all() {
    let database = Arc::new(TestDatabase::migrated().await);
    // The second commit is the one that consumes the signal.
    let mut dying = HostProcess::serve_with_failpoint(database.url(), "before-commit:kill:2", &[]).await;
    let api = dying.api();
    assert!(api.post("/v1/deployments", guest("probe")).await.status < 300);
    let body = json!({ "fsm": "probe", "state": { "plan": [{ "do": "await", "names": ["go"] }, { "do": "next" }] } });
    let id = api.post("/v1/instances", body.to_string()).await.json()["id"].as_str().unwrap().to_owned();
    api.get(&format!("/v1/instances/{id}/wait?until=settled")).await;
    assert_eq!(api.post(&format!("/v1/instances/{id}/signals"), r#"{"name":"go"}"#).await.status, 202);
    dying.killed().await;
    let sessions =
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'gd-host'";
    eventually("its sessions are gone", async || (database.count(sessions).await == 0).then_some(())).await;
    for (sql, expected) in [
        ("select count(*) from gd.instance where visit = 1 and attempt = 0 and status = 1", 1),
        ("select count(*) from gd.signal", 1),
        ("select count(*) from gd.attempt", 1),
        ("select count(*) from gd.finished", 0),
    ] {
        assert_eq!(database.count(sql).await, expected, "{sql}: nothing of the second commit is there");
    }
    let host = TestHost::on(database, |_, _| ()).await;
    let probe = host.ended(id.parse().unwrap()).await;
    assert_eq!(column(&probe.notes(), "awaited"), json!([[], [["go", null]], []]), "handed again, and consumed once");
    assert_eq!(host.outcomes(probe.id).await, ["await", "recovered", "next", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_17_what_has_ended_does_not_change_any_more() {
    let host = TestHost::with_probe().await;
    let before = host.run(json!([{ "do": "next" }])).await;
    assert!(host.try_signal(Target::Id(before.id), "go", json!(1)).await.is_err());
    assert!(host.host.cancel(host.tenant, before.id, None).await.is_err());
    assert!(host.host.pause(host.tenant, before.id).await.is_err());
    assert!(host.host.resume(host.tenant, before.id).await.is_err());
    let after = host.get(before.id).await;
    assert_eq!(format!("{:?}", after.0), format!("{:?}", before.0));
    assert_eq!(host.history(before.id).await.last().unwrap().at_ms, after.updated_at_ms, "it ended then");
}

#[tokio::test(flavor = "multi_thread")]
async fn out_18_a_visit_has_one_idempotency_key_through_every_cause_of_another_attempt() {
    let host = TestHost::with_probe().await;
    let plan =
        json!([{ "do": "retry", "times": 1, "ms": 0 }, { "do": "sleep", "ms": 25_000, "until": 2 }, { "do": "next" }]);
    let id = host.plan(plan).await;
    executes(&host, id, 1).await;
    let first = host.get(id).await.notes();
    super::aid::declare_workers_dead(&host).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "attempt"), json!([0, 2, 0]));
    assert_eq!((&first[0]["key"], &notes[0]["key"]), (&notes[0]["key"], &notes[1]["key"]));
    assert_ne!(notes[1]["key"], notes[2]["key"], "the same step in another visit");
    let parked = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(parked).await;
    pause(&host, parked).await;
    assert_ne!(host.get(parked).await.notes()[0]["key"], notes[0]["key"], "another instance");
}
