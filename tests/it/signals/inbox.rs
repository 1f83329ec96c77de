//! What stays in the inbox, and what does not get into it.

use gd_host::host::{Error, Signal, Target};
use gd_tests::TestHost;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn progress_consumes_exactly_what_the_step_was_handed() {
    let host = TestHost::with_probe().await;
    // A host reads inboxes a moment after it has claimed: a signal that gets in between is no latecomer.
    for _ in 0..10 {
        let notes = with_a_latecomer(&host).await;
        if notes[1]["awaited"] != json!([["go", 1]]) {
            continue;
        }
        for after in &notes[2..] {
            assert_eq!(after["awaited"], json!([]));
            assert_eq!(after["others"], json!([["other", 0], ["go", "late"]]), "another name and a latecomer survive");
        }
        return;
    }
    panic!("no signal came late in ten rounds");
}

/// What a step noted that was woken by one signal, and those after it, where another one came while it ran.
async fn with_a_latecomer(host: &TestHost) -> Vec<Value> {
    let plan = json!([{ "do": "await", "names": ["go"] }, { "do": "sleep", "ms": 1_500 }, { "do": "next" }, { "do": "requeue" }]);
    let id = host.plan(plan).await;
    host.settled(id).await;
    host.signal(id, "other", json!(0)).await;
    host.signal(id, "go", json!(1)).await;
    host.executing(id, 1).await;
    host.signal(id, "go", json!("late")).await;
    host.ended(id).await.notes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_gathered_by_awaiting_again() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "gather", "names": ["vote"], "count": 3 }, { "do": "next" }])).await;
    for n in 0..3 {
        host.signal(id, "vote", json!(n)).await;
    }
    let notes = host.ended(id).await.notes();
    let last = notes.len() - 1;
    assert_eq!(notes[last - 1]["awaited"], json!([["vote", 0], ["vote", 1], ["vote", 2]]));
    assert_eq!((&notes[last]["awaited"], &notes[last]["others"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn done_and_stop_take_the_whole_inbox_along() {
    let host = TestHost::with_probe().await;
    for end in [json!({ "do": "done", "value": 1 }), json!({ "do": "stop", "reason": "x" })] {
        let id = host.plan(json!([{ "do": "await", "names": ["go"] }, end])).await;
        host.settled(id).await;
        host.signal(id, "other", json!(0)).await;
        host.signal(id, "go", json!(1)).await;
        host.ended(id).await;
        assert!(host.inbox(id).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_signal_is_stored_once_also_after_it_was_consumed() {
    let host = TestHost::with_probe().await;
    let id = host
        .plan(json!([{ "do": "await", "names": ["go"] }, { "do": "next" }, { "do": "await", "names": ["go"] }]))
        .await;
    host.settled(id).await;
    let send = async |payload: &str, key: &str| {
        let signal = Signal { name: "go".into(), payload: payload.into(), dedup_key: Some(key.into()) };
        host.host.signal(host.tenant, Target::Id(id), signal).await.unwrap().duplicate
    };
    assert!(!send("1", "first").await);
    let parked = gd_tests::eventually("it is parked again", async || {
        let instance = host.get(id).await;
        (instance.visit == 3 && !instance.awaits.is_empty()).then_some(instance)
    })
    .await;
    assert!(host.inbox(id).await.is_empty(), "the first one was consumed");
    assert!(send("1", "first").await);
    assert!(host.inbox(id).await.is_empty());
    assert_eq!(host.get(id).await.claim, parked.claim, "a duplicate wakes nobody");
    assert!(!send("2", "second").await);
    assert_eq!(host.ended(id).await.notes()[3]["awaited"], json!([["go", 2]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn redeliveries_at_the_same_time_are_stored_once() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["never"] }])).await;
    host.settled(id).await;
    let send = || async {
        let signal = Signal { name: "go".into(), payload: vec![], dedup_key: Some("same".into()) };
        host.host.signal(host.tenant, Target::Id(id), signal).await.unwrap().duplicate
    };
    let answers = futures::future::join_all((0..16).map(|_| send())).await;
    assert_eq!(answers.iter().filter(|duplicate| !**duplicate).count(), 1);
    assert_eq!(host.inbox(id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_inbox_refuses_until_some_of_it_is_consumed() {
    let host = TestHost::with_probe_and(|_, limits| {
        limits.inbox_signals_max = 3;
        limits.inbox_bytes_max = 100;
    })
    .await;
    let id = host
        .plan(json!([{ "do": "await", "names": ["go"] }, { "do": "next" }, { "do": "await", "names": ["end"] }]))
        .await;
    host.settled(id).await;
    let first = Signal { name: "x".into(), payload: vec![b'1'], dedup_key: Some("first".into()) };
    host.host.signal(host.tenant, Target::Id(id), first.clone()).await.unwrap();
    host.signal(id, "x", json!(2)).await;
    let fat = host.try_signal(Target::Id(id), "x", json!("y".repeat(200))).await.unwrap_err();
    assert_eq!(fat.code(), "inbox-full", "100 bytes of payload are the limit");
    host.signal(id, "x", json!(3)).await;
    let full = host.try_signal(Target::Id(id), "go", json!(4)).await.unwrap_err();
    assert!(matches!(full, Error::InboxFull(full) if full == id), "{full}");
    assert!(host.host.signal(host.tenant, Target::Id(id), first).await.unwrap().duplicate, "known, so not too many");
    sqlx::query("delete from gd.signal where id = (select max(id) from gd.signal)")
        .execute(host.database.pool())
        .await
        .unwrap();
    host.signal(id, "go", json!(5)).await;
    gd_tests::eventually("go is consumed", async || (host.inbox(id).await.len() == 2).then_some(())).await;
    host.signal(id, "end", json!(6)).await;
    host.ended(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_cannot_be_stored_is_refused_with_its_code() {
    let host = TestHost::with_probe_and(|_, limits| limits.signal_bytes_max = 10).await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    let signal = |name: &str, bytes: usize, key: &str| Signal {
        name: name.into(),
        payload: vec![0; bytes],
        dedup_key: Some(key.into()),
    };
    for (signal, code) in [
        (signal("", 1, "k"), "invalid-name"),
        (signal("g\0o", 1, "k"), "invalid-name"),
        (signal(&"x".repeat(256), 1, "k"), "invalid-name"),
        (signal("go", 1, ""), "invalid-name"),
        (signal("go", 1, &"k".repeat(256)), "invalid-name"),
        (signal("go", 11, "k"), "payload-too-large"),
    ] {
        let refused = host.host.signal(host.tenant, Target::Id(id), signal).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
    assert!(host.inbox(id).await.is_empty());
}
