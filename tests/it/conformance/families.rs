//! Parents and children whose workers die, come late or end at the same moment.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{InstanceId, Status};
use gd_tests::{HostProcess, TestDatabase, TestHost, column, eventually, release};
use serde_json::json;

use super::aid::{declare_workers_dead, living_children, number, status, when};
use crate::topology::five_beats;

const EVER: &str = "select (select count(*) from gd.instance where parent = $1) + (select count(*) from gd.finished where parent = $1)";

/// Waits until the parent waits for its children.
async fn joins(host: &TestHost, id: InstanceId) {
    when(host, id, |parent| parent.status == Status::AwaitingChildren).await;
}

/// Moves the claim, as if the instance had been given back and claimed again meanwhile.
async fn fence_off(host: &TestHost, id: InstanceId) {
    let moved = sqlx::query("update gd.instance set claim = claim + 10 where id = $1 and status = 1").bind(id.0);
    assert_eq!(moved.execute(host.database.pool()).await.unwrap().rows_affected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_05_a_child_that_lost_its_worker_counts_once() {
    let host = TestHost::with_probe().await;
    let lost = json!({ "plan": [{ "do": "sleep", "ms": 25_000, "until": 1 }] });
    let parked = json!({ "plan": [{ "do": "await", "names": ["go"] }] });
    let id = host.plan(json!([{ "do": "children", "of": [lost, parked] }])).await;
    joins(&host, id).await;
    let children = living_children(&host, id).await;
    host.settled(children[1]).await;
    host.executing(children[0], 0).await;
    declare_workers_dead(&host).await;
    host.ended(children[0]).await;
    assert_eq!(host.outcomes(children[0]).await, ["recovered", "done"]);
    assert_eq!(number(&host, "select pending::bigint from gd.instance where id = $1", id).await, 1);
    assert_eq!(host.get(id).await.status, Status::AwaitingChildren);
    host.signal(children[1], "go", json!(1)).await;
    assert_eq!(host.ended(id).await.notes()[1]["children"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_06_siblings_that_end_together_on_two_hosts_wake_their_parent_once() {
    let host = TestHost::with_probe().await;
    let other = TestHost::on(host.database.clone(), |_, _| ()).await;
    let round = json!({ "do": "children", "of": [{ "plan": [{ "do": "await", "names": ["go"] }] }, { "plan": [{ "do": "await", "names": ["go"] }] }] });
    let mut parents = Vec::new();
    for _ in 0..30 {
        parents.push(host.plan(json!([round])).await);
    }
    let mut siblings = Vec::new();
    for id in &parents {
        joins(&host, *id).await;
        for child in living_children(&host, *id).await {
            host.settled(child).await;
            siblings.push(child);
        }
    }
    let go = |(n, id): (usize, InstanceId)| {
        let from = if n % 2 == 0 { host.clone() } else { other.clone() };
        async move { from.signal(id, "go", json!(1)).await }
    };
    futures::future::join_all(siblings.into_iter().enumerate().map(go)).await;
    for id in parents {
        let notes = host.ended(id).await.notes();
        assert_eq!(column(&notes, "wake"), json!(["start", "join"]));
        assert_eq!(notes[1]["children"].as_array().unwrap().len(), 2);
    }
    other.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_08_a_late_fan_out_starts_nobody_and_consumes_nothing() {
    let host = TestHost::with_probe().await;
    let plan = json!([{ "do": "await", "names": ["go"] }, { "do": "sleep", "ms": 1_500 }, { "do": "children", "of": [{}, {}] }]);
    let id = host.plan(plan).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    host.executing(id, 1).await;
    fence_off(&host, id).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "awaited"), json!([[], [["go", 1]], []]), "it was handed again, and consumed once");
    assert_eq!((notes[2]["children"].as_array().unwrap().len(), number(&host, EVER, id).await), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_09_a_late_end_of_a_child_is_not_counted_and_leaves_its_inbox() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "children", "of": [{ "plan": [{ "do": "sleep", "ms": 700 }] }] }])).await;
    joins(&host, id).await;
    let child = living_children(&host, id).await[0];
    host.executing(child, 0).await;
    host.signal(child, "mail", json!(1)).await;
    fence_off(&host, child).await;
    // The late end comes within this time; the row is given back later.
    five_beats(&host).await;
    assert_eq!(number(&host, "select pending::bigint from gd.instance where id = $1", id).await, 1);
    assert_eq!((status(&host, child).await, host.inbox(child).await), (1, vec!["mail".to_owned()]));
    assert_eq!(host.ended(id).await.notes()[1]["children"].as_array().unwrap().len(), 1);
    assert_eq!(host.outcomes(child).await, ["done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_10_a_parent_whose_commit_is_under_way_is_taken_back_after_it_or_not_at_all() {
    let host = TestHost::with_probe().await;
    let slow = json!([{ "do": "sleep", "ms": 25_000, "until": 1 }, { "do": "children", "of": [{}, {}] }]);
    let (locked, free) = (host.plan(slow.clone()).await, host.plan(slow).await);
    host.executing(locked, 0).await;
    host.executing(free, 0).await;
    let mut commit = host.database.pool().begin().await.unwrap();
    sqlx::query("select from gd.instance where id = $1 for update").bind(locked.0).execute(&mut *commit).await.unwrap();
    declare_workers_dead(&host).await;
    assert_eq!(host.ended(free).await.notes()[1]["children"].as_array().unwrap().len(), 2);
    five_beats(&host).await;
    assert_eq!(status(&host, locked).await, 1, "nobody waits for it");
    commit.rollback().await.unwrap();
    assert_eq!(host.ended(locked).await.notes()[1]["children"].as_array().unwrap().len(), 2);
    assert_eq!(number(&host, EVER, locked).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sig_13_sig_30_a_fan_out_consumes_and_a_signal_meanwhile_is_seen_after_the_join() {
    let host = TestHost::with_probe().await;
    let child = json!({ "plan": [{ "do": "await", "names": ["end"] }] });
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "children", "of": [child] }])).await;
    host.settled(id).await;
    host.signal(id, "go", json!(1)).await;
    joins(&host, id).await;
    assert!(host.inbox(id).await.is_empty(), "consumed as by next");
    host.signal(id, "go", json!(2)).await;
    five_beats(&host).await;
    assert_eq!(host.get(id).await.status, Status::AwaitingChildren, "a signal is no reason to go on");
    host.signal(living_children(&host, id).await[0], "end", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!((&notes[2]["wake"], &notes[2]["others"]), (&json!("join"), &json!([["go", 2]])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_children_on_two_hosts_wake_their_parent_once() {
    let of_two = |config: &mut gd_host::engine::EngineConfig, _: &mut gd_core::Limits| {
        config.queues = "probes:2".parse().unwrap();
    };
    let host = TestHost::with_probe_and(of_two).await;
    let other = TestHost::on(host.database.clone(), of_two).await;
    let lanes: Vec<serde_json::Value> = (0..1_000).map(|n| json!({ "priority": n % 4 })).collect();
    let id = host.plan(json!([{ "do": "children", "of": lanes }])).await;
    eventually("the parent has ended", async || (host.get(id).await.status == Status::Done).then_some(())).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "wake"), json!(["start", "join"]));
    let indexes: Vec<u64> =
        notes[1]["children"].as_array().unwrap().iter().map(|child| child["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, (0..1_000).collect::<Vec<u64>>());
    assert_eq!(host.outcomes(id).await.len(), 2, "the step after the join ran once");
    let workers = number(&host, "select count(distinct worker) from gd.attempt where instance_id <> $1", id).await;
    assert_eq!(workers, 2, "both took part");
    other.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_whose_host_is_killed_joins_elsewhere_and_once() {
    let database = Arc::new(TestDatabase::migrated().await);
    let mut dying = HostProcess::serve(database.url(), &["--concurrency", "8"]).await;
    let api = dying.api();
    assert!(api.post("/v1/deployments", release(1)).await.status < 300);
    let child = json!({ "plan": [{ "do": "sleep", "ms": 60 }, { "do": "next" }, { "do": "sleep", "ms": 60 }] });
    let plan = json!([{ "do": "children", "of": vec![child; 40] }]);
    let mut ids: Vec<InstanceId> = Vec::new();
    for _ in 0..5 {
        let body = json!({ "fsm": "probe", "state": { "plan": plan } }).to_string();
        ids.push(api.post("/v1/instances", body).await.json()["id"].as_str().unwrap().parse().unwrap());
    }
    let some = "select count(*) from gd.finished";
    eventually("some have ended", async || (database.count(some).await > 20).then_some(())).await;
    dying.kill().await;
    let host = TestHost::on(database, |config, _| config.recovery_interval = Duration::from_millis(50)).await;
    for id in ids {
        let notes = host.ended(id).await.notes();
        assert_eq!(notes.last().unwrap()["children"].as_array().unwrap().len(), 40);
        assert_eq!(number(&host, EVER, id).await, 40);
        assert_eq!(host.outcomes(id).await.iter().filter(|outcome| **outcome == "done").count(), 1);
    }
}
