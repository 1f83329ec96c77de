//! What becomes of an instance by what its steps answer.

use gd_core::Status;
use gd_tests::{TestHost, column};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_goes_on_opens_a_visit_with_a_new_key() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "next" }, { "do": "other" }])).await;
    let notes = probe.notes();
    assert_eq!(column(&notes, "step"), json!(["run", "run", "other"]));
    assert_eq!(column(&notes, "visit"), json!([0, 1, 2]));
    assert_eq!(column(&notes, "wake"), json!(["start", "next", "next"]));
    assert_eq!(probe.status, Status::Done);
    println!("{notes:#?}");
}
