//! Chains of steps on one claim.

use gd_core::Status;
use gd_host::host::Start;
use gd_tests::{TestHost, column};
use serde_json::{Value, json};

use super::aid::claims;

#[tokio::test(flavor = "multi_thread")]
async fn inl_01_a_chain_runs_on_one_claim_in_one_worker() {
    let host = TestHost::with_probe().await;
    let other = TestHost::on(host.database.clone(), |_, _| ()).await;
    let probe = host.run(json!([{ "do": "next" }, { "do": "other" }])).await;
    // A claim moves the number once, and each commit once.
    assert_eq!(claims(&host, probe.id).await, [1, 2, 3]);
    let history = host.history(probe.id).await;
    assert!(history.iter().all(|row| row.worker == history[0].worker), "{history:?}");
    assert_eq!(column(&probe.notes(), "step"), json!(["run", "run", "other"]));
    assert_eq!(probe.status, Status::Done);
    other.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inl_02_a_step_may_have_its_successor_claimed_anew() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "requeue" }, { "do": "next" }])).await;
    assert_eq!(claims(&host, probe.id).await, [1, 3, 4], "one claim between the first two, none after");
}

#[tokio::test(flavor = "multi_thread")]
async fn inl_08_a_chain_that_lost_its_claim_ends() {
    let host = TestHost::with_probe().await;
    let plan =
        json!([{ "do": "next" }, { "do": "sleep", "ms": 1_500, "until": 1 }, { "do": "next" }, { "do": "next" }]);
    let id = host.plan(plan).await;
    host.executing(id, 1).await;
    host.database.execute("update gd.worker set dead = true").await;
    let probe = host.ended(id).await;
    assert_eq!(column(&probe.notes(), "visit"), json!([0, 1, 2, 3]), "one linear chain");
    assert_eq!(host.outcomes(id).await, ["next", "recovered", "next", "next", "done"]);
    let history = host.history(id).await;
    assert!(history[2..].iter().all(|row| row.worker != history[1].worker), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inl_09_every_step_of_a_chain_sees_the_inbox_as_it_is_then() {
    let host = TestHost::with_probe().await;
    // A chain goes on for a second at most.
    let id = host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 700 }, { "do": "next" }])).await;
    host.executing(id, 1).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "others"), json!([[], [], [["go", 1]]]));
    assert_eq!(claims(&host, id).await, [1, 2, 3], "it was one chain");
}

#[tokio::test(flavor = "multi_thread")]
async fn inl_10_a_chain_is_bounded_and_urgent_work_cuts_in() {
    let host = TestHost::with_probe_and(|engine, _| {
        engine.concurrency = 1;
        engine.run_ahead.steps_max = 4;
    })
    .await;
    let step = [json!({ "do": "sleep", "ms": 20 }), json!({ "do": "next" })];
    let chain: Value = vec![step; 60].concat().into();
    let id = host.plan(chain).await;
    host.executing(id, 1).await;
    let urgent = host.start(Start { priority: -1, ..TestHost::probe(json!({ "plan": [] })) }).await;
    assert_eq!(host.ended(urgent).await.status, Status::Done);
    assert!(host.get(id).await.visit < 60, "the chain is not through yet");
    host.ended(id).await;
    let claims = claims(&host, id).await;
    let chains: Vec<&[i64]> = claims.chunk_by(|one, next| next - one == 1).collect();
    assert!(chains.iter().all(|chain| chain.len() <= 4), "{chains:?}");
}
