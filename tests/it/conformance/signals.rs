//! The inbox: what wakes, what is handed over, what is consumed.

use gd_core::Status;
use gd_host::host::{Signal, Start, Target};
use gd_tests::TestHost;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::aid::{pause, resume, when};

#[tokio::test(flavor = "multi_thread")]
async fn sig_02_a_woken_instance_awaits_the_same_until_its_step_goes_on() {
    let host = TestHost::with_probe().await;
    let id = host
        .plan(
            json!([{ "do": "await", "names": ["go", "stop"] }, { "do": "next" }, { "do": "await", "names": ["end"] }]),
        )
        .await;
    host.settled(id).await;
    pause(&host, id).await;
    host.signal(id, "go", json!(1)).await;
    let woken = host.get(id).await;
    assert_eq!((woken.status, &woken.awaits[..]), (Status::Runnable, &["go".to_owned(), "stop".to_owned()][..]));
    assert_eq!(host.inbox(id).await, ["go"]);
    resume(&host, id).await;
    let parked = when(&host, id, |probe| probe.visit == 3 && probe.status == Status::AwaitingSignal).await;
    assert_eq!(parked.awaits, ["end"]);
    assert!(host.inbox(id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sig_08_a_step_that_awaits_the_same_names_again_parks_and_then_gets_all() {
    let host = TestHost::with_probe().await;
    let waits = json!({ "do": "await", "names": ["a", "b"] });
    let id = host.plan(json!([waits, waits])).await;
    host.settled(id).await;
    host.signal(id, "a", json!(1)).await;
    let parked = when(&host, id, |probe| probe.visit == 2 && probe.status == Status::AwaitingSignal).await;
    for _ in 0..5 {
        host.run(json!([{ "do": "requeue" }])).await;
    }
    assert_eq!(host.get(id).await.claim, parked.claim, "it does not spin");
    host.signal(id, "b", json!(2)).await;
    assert_eq!(host.ended(id).await.notes()[2]["awaited"], json!([["a", 1], ["b", 2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sig_14_a_deduplication_key_counts_once_and_none_counts_always() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["never"] }])).await;
    host.settled(id).await;
    for (key, duplicate) in [(Some("k1"), false), (Some("k1"), true), (None, false), (None, false)] {
        let signal = Signal { name: "go".into(), payload: b"1".to_vec(), dedup_key: key.map(str::to_owned) };
        let sent = host.host.signal(host.tenant, Target::Id(id), signal).await.unwrap();
        assert_eq!(sent.duplicate, duplicate, "{key:?}");
    }
    assert_eq!(host.inbox(id).await, ["go", "go", "go"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sig_21_the_next_holder_of_a_key_is_the_target() {
    let host = TestHost::with_probe().await;
    let start = || Start {
        correlation_key: Some("order:1".into()),
        ..TestHost::probe(json!({ "plan": [{ "do": "await", "names": ["go"] }] }))
    };
    let to_key = async |payload| host.try_signal(Target::Key("order:1".into()), "go", json!(payload)).await;
    for round in 1..=2 {
        let id = host.start(start()).await;
        host.settled(id).await;
        to_key(round).await.unwrap();
        assert_eq!(host.ended(id).await.notes()[1]["awaited"], json!([["go", round]]));
        assert_eq!(to_key(0).await.unwrap_err().code(), "no_target");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sig_24_sig_26_the_inbox_is_in_the_order_of_acceptance_and_all_that_was_awaited_is_consumed() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go", "come"] }, { "do": "next" }])).await;
    host.settled(id).await;
    pause(&host, id).await;
    for (n, name) in ["x", "go", "y", "come", "x", "go"].into_iter().enumerate() {
        host.signal(id, name, json!(n)).await;
    }
    resume(&host, id).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(notes[1]["awaited"], json!([["go", 1], ["come", 3], ["go", 5]]));
    let others = json!([["x", 0], ["y", 2], ["x", 4]]);
    assert_eq!(notes[1]["others"], others);
    assert_eq!((&notes[2]["awaited"], &notes[2]["others"]), (&json!([]), &others));
}

#[tokio::test(flavor = "multi_thread")]
async fn sig_28_a_claim_passes_the_lock_that_the_insert_of_a_signal_holds() {
    let host = TestHost::with_probe().await;
    let id = host
        .start(Start {
            delay_ms: 500,
            ..TestHost::probe(json!({ "plan": [{ "do": "next" }, { "do": "await", "names": ["go"] }] }))
        })
        .await;
    let mut inserting = PgConnection::connect(host.database.url()).await.unwrap();
    let lock = format!("begin; select from gd.instance where id = {id} for key share");
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut inserting).await.unwrap();
    assert_eq!(host.settled(id).await.visit, 2, "claimed, and committed twice");
    sqlx::raw_sql("rollback").execute(&mut inserting).await.unwrap();
}
