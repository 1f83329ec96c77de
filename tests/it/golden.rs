//! Components of every version of the contract that was ever released.

use gd_core::Status;
use gd_host::host::Start;
use gd_tests::{TestHost, repository};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_package_version_0_1_0_loads_and_runs_for_ever() {
    let component = std::fs::read(repository().join("wit/golden/fsm-0.1.0.wasm")).unwrap();
    let host = TestHost::bare().await;
    let deployed = host.deploy(component).await;
    assert_eq!((&*deployed.fsm, deployed.warnings), ("order", vec![]));
    let lines =
        json!([{ "article": "A", "quantity": 4, "cents": 250 }, { "article": "B", "quantity": 7, "cents": 100 }]);
    let state = json!({ "order": 7, "customer": "Ada", "lines": lines }).to_string().into_bytes();
    let id = host.start(Start { fsm: "order".into(), state: Some(state), ..Start::default() }).await;
    let ended = host.ended(id).await;
    assert_eq!(ended.status, Status::Done);
    assert_eq!(ended.result(), json!({ "order": 7, "total_cents": 1_700, "parcels": 2 }));
    assert_eq!(host.outcomes(id).await, ["next", "next", "next", "next", "done"]);
    let empty = json!({ "order": 8, "customer": "Bob", "lines": [] }).to_string().into_bytes();
    let id = host.start(Start { fsm: "order".into(), state: Some(empty), ..Start::default() }).await;
    assert_eq!(host.ended(id).await.error.as_ref().and_then(|error| error.code.as_deref()), Some("empty-order"));
}
