//! What a claim takes, and in which order.

use gd_core::{InstanceId, Status, TenantId};
use gd_host::host::Start;
use gd_tests::{TestHost, guest};
use serde_json::json;

use super::aid::{number, row};
use super::keys::under;

#[tokio::test(flavor = "multi_thread")]
async fn pck_01_what_is_claimed_is_its_workers_and_starts_as_it_stood() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 25_000 }])).await;
    host.executing(id, 0).await;
    let probe = host.get(id).await;
    assert_eq!((probe.status, probe.step.as_str(), probe.attempt, probe.claim), (Status::Executing, "run", 0, 1));
    let owner = row(&host, id).await.owner.expect("somebody owns it");
    let leased = "select count(*) from gd.worker where id = $1 and not dead and expires_at > now()";
    assert_eq!(number(&host, leased, InstanceId(owner)).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_04_of_equally_urgent_ones_the_one_that_was_due_earlier_runs_first() {
    let host = TestHost::with_probe_and(|config, _| config.concurrency = 1).await;
    let blocker = host.plan(json!([{ "do": "sleep", "ms": 1_500 }])).await;
    host.executing(blocker, 0).await;
    let mut ids = Vec::new();
    for due_ms in [3_000, 1_000, 2_000] {
        let start = Start { due_ms: Some(due_ms), ..TestHost::probe(json!({})) };
        ids.push((due_ms, host.start(start).await));
    }
    let mut order = Vec::new();
    for (due_ms, id) in ids {
        host.ended(id).await;
        let at = "select (extract(epoch from max(at)) * 1000000)::bigint from gd.attempt where instance_id = $1";
        order.push((number(&host, at, id).await, due_ms));
    }
    order.sort_unstable();
    assert_eq!(order.into_iter().map(|(_, due_ms)| due_ms).collect::<Vec<_>>(), [1_000, 2_000, 3_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_14_many_that_share_a_key_hide_nobody_behind_them() {
    let host = TestHost::with_probe_and(|config, _| config.concurrency = 3).await;
    let ids = under(&host, &["k"; 10], json!([{ "do": "sleep", "ms": 25_000 }])).await;
    for _ in 0..5 {
        host.run(json!([])).await;
    }
    let claims = "select sum(claim)::bigint from gd.instance where id >= $1";
    assert_eq!(number(&host, claims, ids[0]).await, 1, "one of the ten was claimed, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_17_a_tenant_with_many_rows_does_not_hold_up_another() {
    let ours = TestHost::with_probe_and(|config, _| config.concurrency = 4).await;
    let other = "insert into gd.tenant (name) values ('other') returning id";
    let other: i32 = sqlx::query_scalar(other).fetch_one(ours.database.pool()).await.unwrap();
    let theirs = TestHost { tenant: TenantId(other), ..ours.clone() };
    theirs.deploy(guest("probe")).await;
    let many = json!([{ "do": "emit", "start": vec![json!({ "plan": [{ "do": "sleep", "ms": 100 }] }); 400] }]);
    ours.run(many).await;
    theirs.run(json!([])).await;
    let waiting = "select count(*) from gd.instance where status = 0";
    assert!(ours.database.count(waiting).await > 200, "the others are far from done");
}
