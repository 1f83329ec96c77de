//! Keys with several slots, and slots whose holder is paused, cancelled, stopped or dead.

use std::sync::Arc;

use gd_core::{InstanceId, Status};
use gd_tests::{HostProcess, TestDatabase, TestHost, column, eventually, release};
use serde_json::{Value, json};

use super::aid::{declare_workers_dead, emitted, executes, metric, pause, resume, status};
use super::keys::{at_once, execute, under};
use crate::topology::five_beats;

fn busy() -> Value {
    json!([{ "do": "sleep", "ms": 25_000 }])
}

async fn of_key(host: &TestHost, ids: &[InstanceId], wanted: i64) -> Vec<InstanceId> {
    let mut found = Vec::new();
    for id in ids {
        let ended = host.get(*id).await.status.is_terminal();
        if !ended && status(host, *id).await == wanted {
            found.push(*id);
        }
    }
    found
}

async fn cancel(host: &TestHost, id: InstanceId) {
    host.host.cancel(host.tenant, id, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn gat_01_gat_06_as_many_run_as_there_are_slots_and_each_end_lets_one_more_run() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.key_limit values (1, 'gate', 2)").await;
    let ids = under(&host, &["gate"; 4], busy()).await;
    execute(&host, 2).await;
    cancel(&host, of_key(&host, &ids, 1).await[0]).await;
    execute(&host, 2).await;
    declare_workers_dead(&host).await;
    eventually("they are lost", async || {
        (host.database.count("select count(*) from gd.attempt where duration_us is null").await >= 3).then_some(())
    })
    .await;
    execute(&host, 2).await;
    assert_eq!(of_key(&host, &ids, 4).await.len(), 1, "no slot leaked with the worker");
}

#[tokio::test(flavor = "multi_thread")]
async fn gat_04_a_slot_comes_first_and_tokens_are_charged_with_both() {
    let host = TestHost::with_probe().await;
    host.database
        .execute(
            "insert into gd.key_limit values (1, 'gate', 5); insert into gd.rate_limit values (1, 'mail', 0, 1000, 3)",
        )
        .await;
    let spec = json!({ "under": "gate", "limit": "mail", "weight": 2, "plan": busy() });
    let ids = emitted(&host, vec![spec; 3]).await;
    execute(&host, 1).await;
    assert_eq!(host.database.count("select count(*) from gd.instance where slot is not null").await, 1);
    assert_eq!(host.database.count("select level from gd.bucket where key = 'mail'").await, 1_000_000);
    assert_eq!(of_key(&host, &ids, 5).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn gat_08_inl_04_a_step_that_goes_to_another_key_gets_its_slot_and_gives_it_back() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.key_limit values (1, 'gate', 2)").await;
    let hold = json!([{ "do": "under", "key": "gate" }, { "do": "sleep", "ms": 25_000 }]);
    let first = host.plan(hold.clone()).await;
    host.executing(first, 1).await;
    let probe = host.run(json!([{ "do": "under", "key": "gate" }, { "do": "next" }, { "do": "next" }])).await;
    assert_eq!(probe.status, Status::Done);
    assert_eq!(
        host.database.count("select count(*) from gd.instance where slot is not null").await,
        1,
        "all but the first's is free"
    );
    let second = host.plan(hold).await;
    host.executing(second, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gat_10_a_waiter_that_somebody_has_locked_is_passed_over() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.key_limit values (1, 'gate', 3)").await;
    let holders = under(&host, &["gate"; 3], busy()).await;
    execute(&host, 3).await;
    let waiters = under(&host, &["gate"; 3], json!([])).await;
    let mut lock = host.database.pool().begin().await.unwrap();
    sqlx::query("select from gd.instance where id = $1 for update")
        .bind(waiters[0].0)
        .execute(&mut *lock)
        .await
        .unwrap();
    for id in holders {
        cancel(&host, id).await;
    }
    host.ended(waiters[1]).await;
    host.ended(waiters[2]).await;
    lock.rollback().await.unwrap();
    host.ended(waiters[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gat_14_keys_of_one_name_have_slots_of_their_own() {
    let host = TestHost::with_probe().await;
    host.database.execute("insert into gd.key_limit values (1, 'gate', 2)").await;
    under(&host, &["gate:a", "gate:b", "gate:a", "gate:b", "gate:a", "gate:b"], busy()).await;
    execute(&host, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gat_16_never_more_run_than_a_key_has_slots_and_all_slots_are_free_in_the_end() {
    let database = Arc::new(TestDatabase::migrated().await);
    database.execute("insert into gd.key_limit values (1, 'gate', 3)").await;
    let mut dying = HostProcess::serve(database.url(), &["--concurrency", "12"]).await;
    assert!(dying.api().post("/v1/deployments", release(1)).await.status < 300);
    let host = TestHost::on(database, |_, _| ()).await;
    let plan = json!([{ "do": "sleep", "ms": 70 }, { "do": "requeue" }, { "do": "sleep", "ms": 70 }, { "do": "retry", "times": 1, "ms": 1 },
                      { "do": "sleep", "ms": 70 }, { "do": "next" }, { "do": "sleep", "ms": 70 }]);
    let ids = under(&host, &["gate"; 30], plan).await;
    let some = "select count(*) from gd.attempt";
    eventually("some have run", async || (host.database.count(some).await > 20).then_some(())).await;
    dying.kill().await;
    for id in ids {
        host.ended(id).await;
    }
    assert_eq!(at_once(&host, "gate").await, 3);
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_not_kept_for_an_instance_that_was_paused() {
    let host = TestHost::with_probe_and(|config, _| config.queues = "probes:4".parse().unwrap()).await;
    // The one that is most urgent waits in a queue that nobody runs: the slot stays reserved for it.
    let ids = emitted(
        &host,
        vec![json!({ "under": "k", "queue": "nobody's" }), json!({ "under": "k", "priority": 5, "queue": "nobody's" })],
    )
    .await;
    eventually("the slot is reserved", async || (status(&host, ids[0]).await == 0).then_some(())).await;
    pause(&host, ids[0]).await;
    eventually("the other has it", async || (status(&host, ids[1]).await == 0).then_some(())).await;
    resume(&host, ids[0]).await;
    cancel(&host, ids[1]).await;
    eventually("it has it again", async || (status(&host, ids[0]).await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_slot_can_be_paused_resumed_and_cancelled() {
    let host = TestHost::with_probe().await;
    let holder = under(&host, &["k"], busy()).await[0];
    execute(&host, 1).await;
    let ids = under(&host, &["k"; 3], json!([])).await;
    five_beats(&host).await;
    assert_eq!(of_key(&host, &ids, 4).await.len(), 3);
    pause(&host, ids[0]).await;
    cancel(&host, ids[1]).await;
    cancel(&host, holder).await;
    host.ended(ids[2]).await;
    five_beats(&host).await;
    assert_eq!((host.get(ids[0]).await.claim, status(&host, ids[0]).await), (0, 4));
    resume(&host, ids[0]).await;
    host.ended(ids[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_host_gives_back_what_held_a_slot_or_had_paid() {
    let database = Arc::new(TestDatabase::migrated().await);
    database.execute("insert into gd.rate_limit values (1, 'mail', 0, 1000, 2)").await;
    let mut stopping = HostProcess::serve(database.url(), &["--drain-timeout", "200ms"]).await;
    assert!(stopping.api().post("/v1/deployments", release(1)).await.status < 300);
    let plan =
        json!([{ "do": "emit", "start": [{ "under": "k", "plan": busy() }, { "limit": "mail", "plan": busy() }] }]);
    let body = json!({ "fsm": "probe", "state": { "plan": plan } }).to_string();
    assert!(stopping.api().post("/v1/instances", body).await.status < 300);
    let both = "select count(*) from gd.instance where status = 1 and (slot is not null or rate_limit is not null)";
    eventually("both run", async || (database.count(both).await == 2).then_some(())).await;
    assert_eq!(stopping.terminate().await.code(), Some(0), "{}", stopping.log());
    let back =
        "select count(*) from gd.instance where attempt = 0 and owner is null and slot is null and status in (4, 5)";
    assert_eq!(database.count(back).await, 2);
    let host = TestHost::on(database, |_, _| ()).await;
    execute(&host, 2).await;
    assert_eq!(host.database.count("select level from gd.bucket where key = 'mail'").await, 0, "it paid again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_time_and_again_runs_alone_with_its_slot_and_its_tokens() {
    let host = TestHost::with_probe().await;
    let api = host.serve(None).await;
    host.database.execute("insert into gd.rate_limit values (1, 'mail', 0, 1000, 5)").await;
    let plan = json!([{ "do": "sleep", "ms": 25_000, "until": 4 }]);
    for (spec, tokens) in [(json!({ "under": "k", "plan": plan }), 0), (json!({ "limit": "mail", "plan": plan }), 5)] {
        let id = emitted(&host, vec![spec]).await[0];
        let alone = metric(&api, "gd_lone_run_total").await;
        for attempt in 0..4 {
            executes(&host, id, attempt).await;
            declare_workers_dead(&host).await;
        }
        assert_eq!(column(&host.ended(id).await.notes(), "attempt"), json!([4]));
        assert!(metric(&api, "gd_lone_run_total").await >= alone + 2.0, "the last two were alone");
        assert_eq!(
            host.database.count("select coalesce(sum(5000000 - level), 0)::bigint from gd.bucket").await,
            tokens * 1_000_000
        );
        assert_eq!(host.database.count("select count(*) from gd.instance").await, 0);
    }
}
