//! What keeps an instance aside is said in words: slots, tokens, children.

use gd_core::{InstanceId, Reason, Status};
use gd_host::host::Start;
use gd_tests::{TestHost, eventually};
use serde_json::{Value, json};

/// The first reason, once it has this word.
async fn reason(host: &TestHost, id: InstanceId, word: &str) -> Reason {
    eventually(&format!("the word is {word}"), async || {
        let why = host.host.why(host.tenant, id).await.unwrap();
        why.reasons.into_iter().next().filter(|reason| reason.word == word)
    })
    .await
}

fn says(reason: &Reason, part: &str) {
    assert!(reason.sentence.contains(part), "{reason:?}");
}

/// Holds a slot of the key for longer than any test.
fn holds(key: &str) -> Value {
    json!([{ "do": "under", "key": key }, { "do": "sleep", "ms": 25_000 }])
}

/// Draws from the limit once.
fn draws(limit: &str, weight: u32) -> Value {
    json!([{ "do": "draw", "limit": limit, "weight": weight }])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_slot_is_told_the_key_the_holders_and_the_place() {
    let host = TestHost::with_probe().await;
    let holder = host.plan(holds("shop:7")).await;
    host.executing(holder, 1).await;
    let first = host.plan(json!([{ "do": "under", "key": "shop:7" }])).await;
    let told = reason(&host, first, "waiting-for-slot").await;
    says(&told, &format!("\"shop:7\" has 1 slot: instance {holder} holds one; nothing waits before it"));
    assert_eq!(told.hint, Some(format!("gd-host why {holder}")));
    let second = host.plan(json!([{ "do": "under", "key": "shop:7" }])).await;
    says(&reason(&host, second, "waiting-for-slot").await, "1 instance waits before it");
    assert_eq!(host.get(first).await.status, Status::Runnable);
    let api = host.serve(None).await;
    let listed = api.get("/v1/instances?status=runnable").await.json();
    let ids: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(second.to_string()), &json!(first.to_string())], "runnable to whoever asks");
    host.host.cancel(host.tenant, holder, None).await.unwrap();
    assert_eq!(host.ended(second).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_slot_and_no_turn_yet_is_told_so() {
    let host = TestHost::with_probe_and(|config, _| config.queues = "probes:4".parse().unwrap()).await;
    let start = TestHost::probe(json!({ "plan": [] }));
    let start = Start { queue: Some("elsewhere".into()), concurrency_key: Some("k".into()), ..start };
    let unserved = host.start(start).await;
    says(&reason(&host, unserved, "slot-reserved").await, "\"k\" is reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_tokens_is_told_the_limit_and_when_it_is_due() {
    let host = TestHost::with_probe().await;
    let limit =
        "insert into gd.rate_limit (tenant_id, name, allowed, period_ms, burst) values (0, 'mail', 1, 3600000, 2)";
    host.database.execute(limit).await;
    assert_eq!(host.run(draws("mail", 2)).await.status, Status::Done);
    let first = host.plan(draws("mail", 1)).await;
    let told = reason(&host, first, "waiting-for-tokens").await;
    says(&told, "it waits for 1 token of \"mail\" (1 per 60 min, at most 2 at once); nothing waits before it");
    says(&told, "in about 59 min");
    let second = host.plan(draws("mail", 2)).await;
    let told = reason(&host, second, "waiting-for-tokens").await;
    says(&told, "1 instance waits before it; it gets them in about 2 h 59 min");
    let listed = host.serve(None).await.get("/v1/instances?status=runnable").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_nobody_set_has_a_word_and_the_instance_runs_once_it_is_set() {
    let host = TestHost::with_probe().await;
    let id = host.plan(draws("stripe", 1)).await;
    let told = reason(&host, id, "unknown-limit").await;
    says(&told, "\"stripe\"");
    assert!(told.hint.as_ref().unwrap().starts_with("gd-host limit set stripe"), "{told:?}");
    let limit =
        "insert into gd.rate_limit (tenant_id, name, allowed, period_ms, burst) values (0, 'stripe', 5, 1000, 5)";
    host.database.execute(limit).await;
    assert_eq!(host.ended(id).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_no_bucket_holds_has_a_word_and_so_has_who_is_behind_it() {
    let host = TestHost::with_probe().await;
    let limit = "insert into gd.rate_limit (tenant_id, name, allowed, period_ms, burst) values (0, 'mail', 5, 1000, 5)";
    host.database.execute(limit).await;
    let fat = host.plan(draws("mail", 6)).await;
    says(&reason(&host, fat, "weight-over-burst").await, "never holds more than 5");
    let behind = host.plan(draws("mail", 1)).await;
    let told = reason(&host, behind, "waiting-for-tokens").await;
    says(&told, &format!("instance {fat} before it asks for more"));
    assert_eq!(told.hint, Some(format!("gd-host why {fat}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_is_told_how_many_children_it_waits_for() {
    let host = TestHost::with_probe().await;
    let parked = json!({ "plan": [{ "do": "await", "names": ["go"] }] });
    let parent = host.plan(json!([{ "do": "children", "of": [parked, { "plan": [] }, parked] }])).await;
    let told = eventually("one child has ended", async || {
        let told = reason(&host, parent, "awaiting-children").await;
        told.sentence.contains("2 of 3 children have not yet").then_some(told)
    })
    .await;
    assert_eq!(told.hint, Some(format!("gd-host tree {parent}")));
    assert_eq!(host.host.pause(host.tenant, parent).await.unwrap().status, Status::AwaitingChildren);
    assert_eq!(reason(&host, parent, "held").await.word, "held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_is_kept_also_where_no_limit_asks_for_it() {
    let host = TestHost::with_probe().await;
    for _ in 0..2 {
        let id = host.start(Start { weight: Some(5), ..TestHost::probe(json!({ "plan": [] })) }).await;
        assert_eq!(host.ended(id).await.weight, 5);
    }
}
