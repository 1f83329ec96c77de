//! Many starts with one request.

use gd_tests::{Api, TestHost};
use serde_json::{Value, json};

use super::served;

/// A probe that stays where it is until somebody sends it `go`.
fn waits(key: Option<&str>) -> Value {
    json!({ "fsm": "probe", "state": { "plan": [{ "do": "await", "names": ["go"] }] }, "correlation_key": key })
}

async fn batch(api: &Api, entries: &Value) -> Value {
    let reply = api.post("/v1/instances/batch", entries.to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_of_a_batch_is_told_what_became_of_it() {
    let (host, api) = served().await;
    let first = host
        .start(gd_host::host::Start {
            correlation_key: Some("k7".into()),
            ..TestHost::probe(waits(None)["state"].clone())
        })
        .await;
    let entries = json!([waits(Some("k7")), waits(Some("k8")), waits(Some("k8")), { "fsm": "nobody" }, { "fsm": 7 }, waits(None), { "fsm": "probe", "weight": 0 }]);
    let told = batch(&api, &entries).await;
    assert_eq!(told["started"], json!(2), "{told}");
    let items = told["items"].as_array().unwrap();
    let indexes: Vec<u64> = items.iter().map(|item| item["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [0, 1, 2, 3, 4, 5, 6]);
    let codes: Vec<Option<&str>> = items.iter().map(|item| item["error"]["code"].as_str()).collect();
    let expected = [
        Some("duplicate"),
        None,
        Some("duplicate"),
        Some("unknown-fsm"),
        Some("invalid-json"),
        None,
        Some("invalid-argument"),
    ];
    assert_eq!(codes, expected, "{told}");
    assert_eq!(items[0]["error"]["holder"], json!(first.to_string()));
    assert_eq!(items[2]["error"]["holder"], items[1]["id"]);
    assert_eq!((&items[1]["fsm"], &items[1]["version"]), (&json!("probe"), &json!(1)));
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 3);
    // What was started is run at once.
    for index in [1, 5] {
        let id = items[index]["id"].as_str().unwrap();
        let parked = api.get(&format!("/v1/instances/{id}/wait?until=settled")).await;
        assert_eq!((parked.status, &parked.json()["status"]), (200, &json!("awaiting_signal")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_lines() {
    let (host, api) = served().await;
    let lines = format!("{}\n\n{{\n{}", waits(Some("a")), waits(Some("b")));
    let reply = api.post_as("/v1/instances/batch", "application/x-ndjson; charset=utf-8", lines).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let told = reply.json();
    assert_eq!((&told["started"], &told["items"][1]["error"]["code"]), (&json!(2), &json!("invalid-json")), "{told}");
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 2);
    let nothing = api.post_as("/v1/instances/batch", "application/x-ndjson", "\n").await.json();
    assert_eq!(nothing, json!({ "started": 0, "items": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_08_ten_thousand_entries_go_in_with_one_request_and_no_more() {
    let (host, api) = served().await;
    let later = json!({ "fsm": "probe", "schedule_in_ms": 3_600_000 });
    let mut entries = vec![later; 10_000];
    let told = batch(&api, &json!(entries)).await;
    assert_eq!((&told["started"], told["items"].as_array().unwrap().len()), (&json!(10_000), 10_000));
    assert_eq!(host.database.count("select count(distinct id) from gd.instance").await, 10_000);
    entries.push(json!({ "fsm": "probe" }));
    let reply = api.post("/v1/instances/batch", json!(entries).to_string()).await;
    assert_eq!(reply.problem(), (413, "payload-too-large".to_owned()));
    let lines = "{}\n".repeat(10_001);
    let reply = api.post_as("/v1/instances/batch", "application/x-ndjson", lines).await;
    assert_eq!(reply.problem(), (413, "payload-too-large".to_owned()));
    for body in ["", "{}", "[", "[1] 2"] {
        assert_eq!(api.post("/v1/instances/batch", body).await.problem(), (400, "invalid-json".to_owned()), "{body:?}");
    }
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn idn_08_a_shared_key_is_no_guard_and_a_signal_by_it_goes_to_the_newest_that_lives() {
    let (_host, api) = served().await;
    let mut shared = waits(Some("k"));
    shared["correlation_scope"] = json!([]);
    let told = batch(&api, &json!([shared, shared])).await;
    assert_eq!(told["started"], json!(2), "{told}");
    let id = |at: usize| told["items"][at]["id"].as_str().unwrap().to_owned();
    let newest = id(0).parse::<u64>().unwrap().max(id(1).parse().unwrap()).to_string();
    let oldest = if newest == id(0) { id(1) } else { id(0) };
    let go = json!({ "correlation_key": "k", "name": "go" }).to_string();
    for id in [newest, oldest] {
        assert_eq!(api.post("/v1/signals", go.clone()).await.status, 202);
        assert_eq!(api.get(&format!("/v1/instances/{id}/wait")).await.json()["status"], "done", "{id}");
    }
    assert_eq!(api.post("/v1/signals", go).await.problem(), (404, "no_target".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_holder_is_before_those_who_share_its_key() {
    let (_host, api) = served().await;
    let unique = batch(&api, &json!([waits(Some("k"))])).await["items"][0]["id"].as_str().unwrap().to_owned();
    let mut shared = waits(Some("k"));
    shared["correlation_scope"] = json!([]);
    assert_eq!(batch(&api, &json!([shared])).await["started"], json!(1));
    let go = json!({ "correlation_key": "k", "name": "go" }).to_string();
    assert_eq!(api.post("/v1/signals", go).await.status, 202);
    assert_eq!(api.get(&format!("/v1/instances/{unique}/wait")).await.json()["status"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_start_asks_for_is_shown() {
    let (_host, api) = served().await;
    let start = json!({ "fsm": "probe", "schedule_in_ms": 3_600_000, "concurrency_key": "tree:7", "weight": 3 });
    let id = batch(&api, &json!([start])).await["items"][0]["id"].as_str().unwrap().to_owned();
    let shown = api.get(&format!("/v1/instances/{id}")).await.json();
    let listed = api.get("/v1/instances").await.json()["items"][0].clone();
    for shown in [shown, listed] {
        assert_eq!((&shown["concurrency_key"], &shown["weight"]), (&json!("tree:7"), &json!(3)), "{shown}");
        assert_eq!((&shown["rate_limit"], &shown["parent"]), (&json!(null), &json!(null)), "{shown}");
    }
}
