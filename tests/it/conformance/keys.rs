//! Concurrency keys with one slot: who shares a key takes turns.

use gd_core::{InstanceId, Status};
use gd_tests::{TestHost, eventually};
use serde_json::{Value, json};

use super::aid::{claims, emitted, number, status};
use crate::topology::five_beats;

/// Attempts that took longer than 50 ms and were under way at the same time, at most: of instances whose last key began so.
pub(super) async fn at_once(host: &TestHost, key: &str) -> i64 {
    sqlx::query_scalar(
        "with a as materialized (
            select a.at, a.at - make_interval(secs => a.duration_us / 1e6) as began from gd.attempt a
            join gd.finished f on f.id = a.instance_id
            where f.concurrency_key like $1 || '%' and a.duration_us > 50000)
        select coalesce(max((select count(*) from a o where o.began <= a.began and a.began < o.at)), 0) from a",
    )
    .bind(key)
    .fetch_one(host.database.pool())
    .await
    .expect("the history can be read")
}

/// Probes under these keys that follow this plan.
pub(super) async fn under(host: &TestHost, keys: &[&str], plan: Value) -> Vec<InstanceId> {
    emitted(host, keys.iter().map(|key| json!({ "under": key, "plan": plan })).collect()).await
}

/// Waits until so many of the database's rows execute, and nobody else does for five beats.
pub(super) async fn execute(host: &TestHost, count: i64) {
    const EXECUTING: &str = "select count(*) from gd.instance where status = 1";
    eventually("as many execute as may", async || (host.database.count(EXECUTING).await == count).then_some(())).await;
    five_beats(host).await;
    assert_eq!(host.database.count(EXECUTING).await, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_01_con_02_gat_02_one_of_a_key_runs_and_the_others_wait_beside_it() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.key_limit values (1, 'gate', 2)").await;
    let ids =
        under(&host, &["k", "k", "k", "k2", "gate", "gate", "gate"], json!([{ "do": "sleep", "ms": 25_000 }])).await;
    execute(&host, 4).await;
    let aside = "select count(*) from gd.instance where status = 4";
    assert_eq!(host.database.count(aside).await, 3, "two of k, one of the gate");
    for id in &ids {
        host.host.cancel(host.tenant, *id, None).await.unwrap();
    }
    assert_eq!(host.run(json!([])).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_04_con_10_who_shares_a_key_never_runs_at_once_on_two_hosts() {
    let host = TestHost::with_probe().await;
    let other = TestHost::on(host.database.clone(), |_, _| ()).await;
    host.database.execute("insert into gd.rate_limit values (1, 'stripe', 1, 1000, 1)").await;
    let keys: Vec<&str> = ["serial", "stripe:1"].into_iter().cycle().take(16).collect();
    for id in
        under(&host, &keys, json!([{ "do": "sleep", "ms": 60 }, { "do": "next" }, { "do": "sleep", "ms": 60 }])).await
    {
        host.ended(id).await;
    }
    assert_eq!((at_once(&host, "serial").await, at_once(&host, "stripe").await), (1, 1));
    other.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn con_05_keys_do_not_wait_for_each_other() {
    let host = TestHost::with_probe().await;
    for id in under(&host, &["pair:a", "pair:b"], json!([{ "do": "sleep", "ms": 700 }])).await {
        host.ended(id).await;
    }
    assert_eq!(at_once(&host, "pair").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_06_con_09_the_schema_lets_nobody_execute_without_a_slot_of_its_own() {
    let host = TestHost::with_probe().await;
    let plain = host.plan(json!([{ "do": "sleep", "ms": 25_000 }])).await;
    let ids = under(&host, &[&plain.to_string(), "k", "k"], json!([{ "do": "sleep", "ms": 25_000 }])).await;
    execute(&host, 3).await;
    assert_eq!(status(&host, ids[0]).await, 1, "a key that reads as an id is a key");
    let waiting = if status(&host, ids[1]).await == 4 { ids[1] } else { ids[2] };
    for (slot, constraint) in [(Some(0), "instance_slot"), (None, "check constraint")] {
        let sql = "update gd.instance set status = 1, owner = 1, slot = $2::smallint where id = $1";
        let forced = sqlx::query(sql).bind(waiting.0).bind(slot).execute(host.database.pool()).await.unwrap_err();
        assert!(forced.to_string().contains(constraint), "{forced}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn con_08_a_slot_is_held_for_a_step_and_let_go_of_by_every_outcome() {
    let host = TestHost::with_probe().await;
    let wait = json!([{ "do": "await", "names": ["go"] }]);
    let retry = json!([{ "do": "retry", "times": 1, "ms": 3_600_000 }]);
    let delay = json!([{ "do": "delay", "ms": 3_600_000 }]);
    let fail = json!([{ "do": "fail", "message": "no", "retryable": true, "after_ms": 3_600_000 }]);
    let child = json!([{ "do": "children", "of": [{ "delay_ms": 3_600_000 }] }]);
    let specs = [&wait, &retry, &delay, &fail, &child].map(|plan| json!({ "under": "k", "plan": plan })).to_vec();
    for id in emitted(&host, specs).await {
        eventually("it has had its turn", async || (host.history(id).await.len() == 1).then_some(())).await;
        assert_ne!(status(&host, id).await, 1);
    }
    assert_eq!(host.database.count("select count(*) from gd.instance where slot is not null").await, 0);
    let ids = under(&host, &["k", "k"], json!([{ "do": "requeue" }, { "do": "requeue" }])).await;
    for id in &ids {
        host.ended(*id).await;
    }
    let turns: Vec<i64> =
        sqlx::query_scalar("select instance_id from gd.attempt where instance_id = any($1) order by at")
            .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
            .fetch_all(host.database.pool())
            .await
            .unwrap();
    assert!(turns.windows(2).filter(|pair| pair[0] != pair[1]).count() > 1, "they take turns step by step: {turns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn out_12_the_key_is_kept_let_go_of_or_changed() {
    let host = TestHost::with_probe().await;
    let key = async |plan: Value| {
        let id = emitted(&host, vec![json!({ "under": "first", "plan": plan })]).await[0];
        host.settled(id).await;
        let key: Option<String> = sqlx::query_scalar("select concurrency_key from gd.instance where id = $1")
            .bind(id.0)
            .fetch_one(host.database.pool())
            .await
            .unwrap();
        key
    };
    let park = json!({ "do": "await", "names": ["go"] });
    assert_eq!(key(json!([{ "do": "next" }, park])).await.as_deref(), Some("first"));
    assert_eq!(key(json!([{ "do": "under", "key": "second" }, park])).await.as_deref(), Some("second"));
    assert_eq!(key(json!([{ "do": "under", "key": null }, park])).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn inl_05_inl_06_a_chain_that_keeps_its_key_keeps_the_slot_and_one_that_takes_another_waits_for_it() {
    let host = TestHost::with_probe().await;
    let step = json!({ "do": "sleep", "ms": 150 });
    let next = json!({ "do": "next" });
    let chain = json!([step, next, step, next, step]);
    let ids = under(&host, &["chain", "chain"], chain).await;
    let (one, two) = (host.ended(ids[0]).await, host.ended(ids[1]).await);
    assert_eq!(at_once(&host, "chain").await, 1);
    let overlap = number(
        &host,
        "select count(*) from gd.attempt a, gd.attempt b where a.instance_id = $1 and b.instance_id <> a.instance_id
        and b.duration_us > 50000 and b.at > (select min(at) from gd.attempt where instance_id = $1)
        and b.at < (select max(at) from gd.attempt where instance_id = $1)",
        one.id,
    )
    .await;
    assert_eq!(overlap, 0, "the whole chain is one turn: {:?}", two.notes());
    let switched = host.run(json!([{ "do": "under", "key": "chain" }, { "do": "next" }])).await;
    assert_eq!(claims(&host, switched.id).await, [1, 3, 4], "claimed anew under the other key");
}
