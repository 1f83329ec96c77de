//! The HTTP API, route by route.

mod batch;
mod instances;
mod limits;
mod payloads;
mod refusals;
mod routes;

use gd_tests::{Api, TestHost};
use serde_json::{Value, json};

/// A host with the probe deployed, and its API without a token.
async fn served() -> (TestHost, Api) {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    (host, api)
}

/// Starts a probe over HTTP.
async fn start(api: &Api, state: Value) -> String {
    let started = api.post("/v1/instances", json!({ "fsm": "probe", "state": state }).to_string()).await;
    assert_eq!(started.status, 201, "{started:?}");
    started.json()["id"].as_str().expect("an id is a string").to_owned()
}
