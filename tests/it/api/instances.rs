//! Starts with every field, and lists in pages.

use gd_host::host::Start;
use gd_tests::TestHost;
use serde_json::json;

use super::served;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_every_field() {
    let (_host, api) = served().await;
    let body = json!({
        "fsm": "probe", "step": "other", "state": { "plan": [] }, "queue": "q", "priority": -3, "version": 1,
        "correlation_key": "k", "correlation_scope": ["live", "done"], "eligible_at": "2001-02-03T04:05:06Z",
        "schedule_at": "2999-01-01T00:00:00Z", "schedule_in_ms": 3_600_000,
    });
    let started = api.post("/v1/instances", body.to_string()).await;
    assert_eq!(started.status, 201, "{started:?}");
    let told = started.json();
    assert_eq!((&told["fsm"], &told["version"]), (&json!("probe"), &json!(1)));
    let id = told["id"].as_str().unwrap();
    let done = api.get(&format!("/v1/instances/{id}/wait")).await.json();
    assert_eq!((&done["status"], &done["queue"], &done["priority"]), (&json!("done"), &json!("q"), &json!(-3)));
    assert_eq!(
        api.post("/v1/instances", body.to_string()).await.problem(),
        (409, "duplicate".to_owned()),
        "the scope keeps it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_at_a_time_waits_for_it() {
    let (_host, api) = served().await;
    for at in ["eligible_at", "schedule_at"] {
        let started =
            api.post("/v1/instances", json!({ "fsm": "probe", at: "2999-01-01T00:00:00+01:00" }).to_string()).await;
        let id = started.json()["id"].as_str().unwrap().to_owned();
        let waiting = api.get(&format!("/v1/instances/{id}")).await.json();
        assert_eq!(waiting["status"], "runnable");
        assert!(waiting["eligible_at"].as_str().unwrap().starts_with("2998-12-31T23:00:00"), "{waiting}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_newest_first_and_comes_in_pages() {
    let (host, api) = served().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let plan = if n % 2 == 0 { json!([]) } else { json!([{ "do": "await", "names": ["go"] }]) };
        let id = host.plan(plan).await;
        host.settled(id).await;
        ids.push(id.to_string());
    }
    ids.reverse();
    let mut seen: Vec<String> = Vec::new();
    let mut path = "/v1/instances?limit=2".to_owned();
    loop {
        let page = api.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        assert!(items.iter().all(|item| item.get("state").is_none() && item.get("result").is_none()), "{page}");
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("/v1/instances?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ids, "what lives and what is over, each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_what_the_filters_ask_for() {
    let (host, api) = served().await;
    let key = |key: &str| Some(key.to_owned());
    let parks = json!({ "plan": [{ "do": "await", "names": ["go"] }] });
    let parked = host.start(Start { correlation_key: key("a/b&c"), queue: key("q"), ..TestHost::probe(parks) }).await;
    let done = host.start(Start { step: key("other"), ..TestHost::probe(json!({})) }).await;
    host.settled(parked).await;
    host.ended(done).await;
    for (query, expected) in [
        ("", 2),
        ("status=done", 1),
        ("status=awaiting_signal", 1),
        ("status=failed", 0),
        ("step=other", 1),
        ("queue=q", 1),
        ("queue=nobody", 0),
        ("key=a%2Fb%26c", 1),
        ("fsm=probe&version=1", 2),
        ("fsm=nobody", 0),
        ("version=2", 0),
        ("fsm=probe&status=done&step=run", 0),
    ] {
        let page = api.get(&format!("/v1/instances?{query}")).await.json();
        assert_eq!(page["items"].as_array().map(Vec::len), Some(expected), "{query}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_comes_in_pages_oldest_first() {
    let (host, api) = served().await;
    let probe = host.run(vec![json!({ "do": "next" }); 6].into()).await;
    let mut visits = Vec::new();
    let mut path = format!("/v1/instances/{}/history?limit=3", probe.id);
    loop {
        let page = api.get(&path).await.json();
        visits.extend(page["items"].as_array().unwrap().iter().map(|row| row["visit"].as_i64().unwrap()));
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("/v1/instances/{}/history?limit=3&cursor={cursor}", probe.id);
    }
    assert_eq!(visits, [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_the_instance_does() {
    let (host, api) = served().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    let path = format!("/v1/instances/{id}/wait?timeout_ms=30000");
    let (waited, ()) = tokio::join!(api.get(&path), host.signal(id, "go", json!(1)));
    assert_eq!((waited.status, &waited.json()["status"]), (200, &json!("done")));
}
