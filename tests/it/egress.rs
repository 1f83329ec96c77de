//! Guests reach what an operator allowed, and nothing else.

use gd_tests::{Api, HostProcess, PaymentProvider, TestDatabase, TestHost, guest};
use serde_json::{Value, json};

/// Starts an invoice whose provider is at this address, and waits until it has ended or is parked.
async fn settled(api: &Api, invoice: &str, provider: &str) -> Value {
    let state = json!({
        "invoice": invoice, "customer": "Ada", "amount_cents": 500, "currency": "EUR",
        "provider_url": format!("http://{provider}"), "confirm_within_ms": 60_000,
    });
    let started = api.post("/v1/instances", json!({ "fsm": "billing", "state": state }).to_string()).await;
    assert_eq!(started.status, 201, "{started:?}");
    let id = started.json()["id"].as_str().expect("an id").to_owned();
    let waited = api.get(&format!("/v1/instances/{id}/wait?until=settled")).await;
    assert_eq!(waited.status, 200, "{waited:?}");
    waited.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_calls_out_is_not_taken_where_nothing_is_allowed() {
    let host = TestHost::bare().await;
    let error = host.host.deploy(host.tenant, guest("billing")).await.expect_err("nothing is allowed");
    assert_eq!(error.code(), "egress-not-granted", "{error}");
    assert_eq!(host.database.count("select count(*) from gd.version").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reaches_what_was_allowed_and_nothing_else() {
    let (allowed, other) = (PaymentProvider::start("allowed").await, PaymentProvider::start("other").await);
    let database = TestDatabase::migrated().await;
    let host = HostProcess::serve(database.url(), &["--allow-egress", allowed.address()]).await;
    let api = host.api();
    let deployed = api.post("/v1/deployments", guest("billing")).await;
    assert_eq!(deployed.status, 201, "{deployed:?}");

    let reached = settled(&api, "INV-1", allowed.address()).await;
    assert_eq!(reached["status"], "awaiting_signal", "{reached}");
    assert!(reached["state"]["charge_id"].is_string(), "{reached}");

    let denied = settled(&api, "INV-2", other.address()).await;
    assert_eq!(denied["status"], "failed", "{denied}");
    let message = denied["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("the host refused a request"), "{denied}");
    assert_eq!(other.calls().await, 0, "it never got there");
    assert_eq!(allowed.calls().await, 1);
}
