//! Limits by API: set, shown, overridden and removed.

use std::sync::Arc;

use gd_host::host::HostBuilder;
use gd_host::store::Limit;
use gd_tests::{TestDatabase, TestHost};
use serde_json::{Value, json};

/// What the API shows, without times.
async fn shown(api: &gd_tests::Api) -> Value {
    let mut page = api.get("/v1/limits").await.json();
    for item in page["items"].as_array_mut().unwrap() {
        assert!(item.as_object_mut().unwrap().remove("changed_at").is_some());
    }
    page["items"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_set_shown_changed_and_removed() {
    let host = TestHost::bare().await;
    let api = host.serve(None).await;
    assert_eq!(shown(&api).await, json!([]));
    let set = api.put("/v1/limits/mail", r#"{"kind":"rate","allowed":100,"period_ms":1000}"#).await;
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!((&set.json()["burst"], &set.json()["default"]), (&json!(100), &json!(false)));
    let frozen = api.put("/v1/limits/frozen", r#"{"kind":"rate","allowed":0,"period_ms":1000}"#).await;
    assert_eq!(frozen.json()["burst"], json!(1));
    let slots = api.put("/v1/limits/mail", r#"{"kind":"concurrency","slots":5}"#).await;
    assert_eq!(slots.json()["slots"], json!(5));
    let rate = |name: &str, allowed: u32, burst: u32| json!({ "name": name, "kind": "rate", "allowed": allowed, "period_ms": 1000, "burst": burst, "default": false });
    let concurrency = json!({ "name": "mail", "kind": "concurrency", "slots": 5, "default": false });
    assert_eq!(shown(&api).await, json!([rate("frozen", 0, 1), concurrency, rate("mail", 100, 100)]));
    let gone = api.call("DELETE", "/v1/limits/mail?kind=concurrency").await;
    assert_eq!((gone.status, gone.json()), (200, json!({ "name": "mail", "kind": "concurrency", "counts": null })));
    assert_eq!(shown(&api).await, json!([rate("frozen", 0, 1), rate("mail", 100, 100)]));
    assert_eq!(api.call("DELETE", "/v1/limits/mail?kind=concurrency").await.problem(), (404, "unknown-limit".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_to_what_it_was_keeps_the_time_of_its_change() {
    let host = TestHost::bare().await;
    let api = host.serve(None).await;
    let set = async |body: &'static str| api.put("/v1/limits/mail", body).await.json()["changed_at"].clone();
    for (first, other) in [
        (r#"{"kind":"rate","allowed":5,"period_ms":1000}"#, r#"{"kind":"rate","allowed":5,"period_ms":1001}"#),
        (r#"{"kind":"concurrency","slots":5}"#, r#"{"kind":"concurrency","slots":6}"#),
    ] {
        let at = set(first).await;
        host.database.execute("update gd.rate_limit set changed_at = changed_at - interval '1 h'").await;
        host.database.execute("update gd.key_limit set changed_at = changed_at - interval '1 h'").await;
        let kept = set(first).await;
        assert!(kept.as_str() < at.as_str(), "{kept} is after {at}");
        let moved = set(other).await;
        assert!(moved.as_str() >= at.as_str(), "{moved} is before {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_26_the_configuration_of_the_host_that_started_last_counts_unless_a_tenant_has_its_own() {
    let database = Arc::new(TestDatabase::migrated().await);
    let with = async |allowed| {
        let limit = Limit::Rate { allowed, period_ms: 1_000, burst: 10 };
        let builder = HostBuilder::new(database.url()).default_limit("mail", limit);
        builder.default_limit("tree", Limit::Concurrency { slots: 2 }).start().await.unwrap().shut_down().await;
    };
    let host = TestHost::on(database.clone(), |_, _| ()).await;
    let api = host.serve(None).await;
    for allowed in [5, 7] {
        with(allowed).await;
        let shown = shown(&api).await;
        assert_eq!((&shown[0]["allowed"], &shown[0]["default"]), (&json!(allowed), &json!(true)), "{shown}");
    }
    assert_eq!(
        api.call("DELETE", "/v1/limits/mail?kind=rate").await.problem(),
        (404, "unknown-limit".into()),
        "a default is not a tenant's to remove"
    );
    api.put("/v1/limits/mail", r#"{"kind":"rate","allowed":9,"period_ms":1000}"#).await;
    with(11).await;
    let own = shown(&api).await;
    assert_eq!((&own[0]["allowed"], &own[0]["default"], own.as_array().unwrap().len()), (&json!(9), &json!(false), 2));
    let gone = api.call("DELETE", "/v1/limits/mail?kind=rate").await.json();
    assert_eq!((&gone["counts"]["allowed"], &gone["counts"]["default"]), (&json!(11), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_cannot_be_is_refused_with_a_code() {
    let host = TestHost::bare().await;
    let api = host.serve(None).await;
    let long = "x".repeat(256);
    let rate = |allowed: u64, period: u64, burst: u64| {
        json!({ "kind": "rate", "allowed": allowed, "period_ms": period, "burst": burst }).to_string()
    };
    for (name, body, code) in [
        ("a:b", rate(1, 1, 1), "invalid-argument"),
        (long.as_str(), rate(1, 1, 1), "invalid-name"),
        ("a%00", rate(1, 1, 1), "invalid-name"),
        ("a", rate(1_000_000_001, 1, 1), "invalid-argument"),
        ("a", rate(u64::MAX, 1, 1), "invalid-json"),
        ("a", rate(1, 0, 1), "invalid-argument"),
        ("a", rate(1, u64::MAX, 1), "invalid-argument"),
        ("a", rate(1, 1, 0), "invalid-argument"),
        ("a", json!({ "kind": "concurrency", "slots": 0 }).to_string(), "invalid-argument"),
        ("a", json!({ "kind": "concurrency", "slots": 32_768 }).to_string(), "invalid-argument"),
        ("a", json!({ "kind": "concurrency", "allowed": 1 }).to_string(), "invalid-json"),
        ("a", json!({ "kind": "rate", "allowed": 1 }).to_string(), "invalid-json"),
        ("a", json!({ "kind": "weekly" }).to_string(), "invalid-json"),
    ] {
        let reply = api.put(&format!("/v1/limits/{name}"), body.clone()).await;
        assert_eq!(reply.problem(), (400, code.to_owned()), "{name} {body}: {}", reply.text);
    }
    for query in ["", "?kind=weekly"] {
        let reply = api.call("DELETE", &format!("/v1/limits/a{query}")).await;
        assert_eq!(reply.problem(), (400, "invalid-argument".to_owned()), "{query}");
    }
    assert_eq!(shown(&api).await, json!([]));
}
