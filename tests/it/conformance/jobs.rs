//! The one-shot form: a bounded number of tries.

use gd_core::{Backoff, InstanceId};
use gd_host::host::Start;
use gd_tests::{TestHost, guest};
use serde_json::{Value, json};

use super::aid::when;

async fn host() -> TestHost {
    let host = TestHost::with_probe_and(|_, limits| limits.payload_bytes_max = 200).await;
    host.deploy(guest("chore")).await;
    host
}

fn chore(args: &Value) -> Start {
    Start { fsm: "chore".into(), state: Some(args.to_string().into_bytes()), ..Start::default() }
}

async fn start(host: &TestHost, args: Value) -> InstanceId {
    host.start(chore(&args)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn job_01_job_02_what_a_job_returns_is_the_result() {
    let host = host().await;
    let id = start(&host, json!({ "n": 21 })).await;
    let chore = host.ended(id).await;
    assert_eq!((&chore.result()["doubled"], &chore.result()["attempt"]), (&json!(42), &json!(0)));
    assert_eq!((chore.attempt, host.outcomes(id).await), (0, vec!["done"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn job_04_job_06_a_job_has_so_many_tries_and_keeps_the_last_error() {
    let host = host().await;
    for (args, kind) in [(json!({ "fails": 9 }), "error"), (json!({ "fails": 9, "panics": true }), "trap")] {
        let id = start(&host, args).await;
        let chore = host.ended(id).await;
        assert_eq!((chore.failure().0, chore.attempt), (kind, 2));
        assert!(chore.failure().1.contains("try 2"), "{:?}", chore.failure());
        assert_eq!(host.outcomes(id).await, ["fault", "fault", "fault"], "three executions");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn job_05_a_cancelled_job_fails_at_once() {
    let host = host().await;
    let id = start(&host, json!({ "cancel": true })).await;
    let chore = host.ended(id).await;
    assert_eq!((chore.failure().1, chore.attempt), ("nothing to do", 0));
    assert_eq!(host.outcomes(id).await, ["fault"]);
}

#[test]
fn job_08_twenty_tries_wait_for_an_hour_in_all() {
    let backoff = Backoff::default();
    for (attempt, delay_ms) in [(0, 1_000), (1, 2_000), (3, 8_000), (20, 300_000)] {
        assert_eq!(backoff.delay_ms(attempt), delay_ms);
    }
    let waited: u64 = (0..19).map(|attempt| backoff.delay_ms(attempt)).sum();
    assert_eq!(waited, 3_511_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn job_10_a_result_that_breaks_a_rule_fails_a_job_without_another_try() {
    let host = TestHost::with_probe_and(|_, limits| limits.payload_bytes_max = 20).await;
    host.deploy(guest("chore")).await;
    let id = start(&host, json!({})).await;
    let chore = host.ended(id).await;
    assert_eq!((chore.failure().0, chore.failure().2), ("invalid-outcome", Some("result-too-large")));
    assert_eq!((chore.attempt, host.outcomes(id).await), (0, vec!["fault"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn job_12_the_death_of_its_worker_is_one_of_a_jobs_tries() {
    let host = host().await;
    let id = host.start(Start { delay_ms: 3_600_000, ..chore(&json!({ "fails": 9 })) }).await;
    // As if a worker had claimed it and was gone.
    let orphaned = "update gd.instance set status = 1, owner = -1, claim = claim + 1 where id = $1";
    sqlx::query(orphaned).bind(id.0).execute(host.database.pool()).await.unwrap();
    when(&host, id, |chore| chore.attempt == 1).await;
    let chore = host.ended_in_a_hurry(id).await;
    assert_eq!((chore.attempt, host.outcomes(id).await), (2, vec!["recovered", "fault", "fault"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn job_09_job_13_a_jobs_own_tries_and_waits_are_honoured() {
    let host = host().await;
    let id = start(&host, json!({ "fails": 9 })).await;
    let chore = host.ended(id).await;
    assert_eq!(chore.attempt, 2, "3 tries of its own instead of 20");
    let at: Vec<i64> = host.history(id).await.iter().map(|row| row.at_ms).collect();
    for (pair, wait) in at.windows(2).zip([10, 20]) {
        let waited = pair[1] - pair[0];
        assert!((wait..1_000).contains(&waited), "{waited} ms instead of {wait}");
    }
}
