//! The one-shot form.

use gd_core::InstanceId;
use gd_host::host::Start;
use gd_tests::{TestHost, guest};
use serde_json::{Value, json};

async fn host() -> TestHost {
    let host = TestHost::bare().await;
    host.deploy(guest("chore")).await;
    host
}

async fn start(host: &TestHost, args: Value) -> InstanceId {
    let args = Some(args.to_string().into_bytes());
    host.start(Start { fsm: "chore".into(), state: args, ..Start::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_tried_until_it_succeeds() {
    let host = host().await;
    let id = start(&host, json!({ "fails": 2 })).await;
    assert_eq!(host.ended(id).await.result()["attempt"], 2);
    assert_eq!(host.outcomes(id).await, ["fault", "fault", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_attempts_are_bounded_whatever_makes_them_fail() {
    let host = host().await;
    for (args, kind) in [(json!({ "fails": 9 }), "error"), (json!({ "fails": 9, "panics": true }), "trap")] {
        let id = start(&host, args).await;
        let chore = host.ended(id).await;
        assert_eq!((chore.failure().0, chore.attempt), (kind, 2));
        assert!(chore.failure().1.contains("try 2"), "{:?}", chore.failure());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_fails_at_once() {
    let host = host().await;
    let id = start(&host, json!({ "cancel": true })).await;
    assert_eq!(host.ended(id).await.failure(), ("error", "nothing to do", None));
    assert_eq!(host.outcomes(id).await, ["fault"]);
}
