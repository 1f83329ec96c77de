//! Children: what a parent starts, waits for and reads.

use std::sync::Arc;
use std::time::Duration;

use gd_core::Status;
use gd_tests::{HostProcess, TestDatabase, TestHost, column, eventually, guest, release};
use serde_json::json;

use super::aid::{Row, handled, living_children, number, row, when};
use crate::topology::five_beats;

const PENDING: &str = "select pending::bigint from gd.instance where id = $1";

#[tokio::test(flavor = "multi_thread")]
async fn out_09_a_parent_parks_with_its_children_in_one_commit() {
    let host = TestHost::with_probe().await;
    let later = json!({ "delay_ms": 3_600_000 });
    let id =
        host.plan(json!([{ "do": "retry", "times": 1, "ms": 0 }, { "do": "children", "of": [later, later] }])).await;
    let parent = when(&host, id, |parent| parent.status == Status::AwaitingChildren).await;
    assert_eq!((parent.step.as_str(), parent.attempt, parent.visit, parent.notes().len()), ("run", 0, 1, 2));
    assert!(parent.awaits.is_empty());
    assert_eq!(row(&host, id).await, Row { owner: None, rate_limit: None, weight: 1 });
    assert_eq!(number(&host, PENDING, id).await, 2);
    let children = living_children(&host, id).await;
    assert_eq!(children.len(), 2);
    for child in children {
        let child = host.get(child).await;
        assert_eq!((child.status, child.claim, child.attempt), (Status::Runnable, 0, 0));
    }
    host.database.execute("update gd.instance set eligible_at = now() where status = 0").await;
    assert_eq!(host.ended(id).await.notes()[2]["children"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_01_chd_18_the_step_after_runs_once_with_all_children_and_they_stay() {
    let host = TestHost::with_probe().await;
    let probe = host.run(json!([{ "do": "children", "of": [{}, {}, {}, {}] }])).await;
    let notes = probe.notes();
    assert_eq!(column(&notes, "wake"), json!(["start", "join"]));
    let children = notes[1]["children"].as_array().unwrap();
    assert!(children.iter().all(|child| child["status"].as_str().unwrap().ends_with("Done")), "{children:?}");
    assert_eq!(column(children, "index"), json!([0, 1, 2, 3]));
    for child in children {
        let id = child["id"].as_str().unwrap().parse().unwrap();
        let child = host.get(id).await;
        assert_eq!((child.status, child.notes()[0]["parent"].as_str()), (Status::Done, Some(&*probe.id.to_string())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_02_chd_12_children_are_listed_in_their_order_with_what_they_left_also_those_of_earlier_rounds() {
    let host = TestHost::with_probe().await;
    let first = json!([{ "plan": [{ "do": "pad", "bytes": 100 }, { "do": "next" }, { "do": "done", "value": { "value": 7 } }] },
                       { "plan": [{ "do": "stop", "reason": "no" }] }]);
    let second = json!([{ "fsm": "probe", "plan": [{ "do": "done", "value": { "value": 8 } }] }]);
    let probe = host.run(json!([{ "do": "children", "of": first }, { "do": "children", "of": second }])).await;
    let notes = probe.notes();
    let rounds: Vec<Vec<(u64, u64, String)>> = notes
        .iter()
        .map(|note| note["children"].as_array().cloned().unwrap_or_default())
        .map(|children| {
            let child = |child: &serde_json::Value| {
                let status = child["status"].as_str().unwrap().rsplit("::").next().unwrap().to_owned();
                (child["round"].as_u64().unwrap(), child["index"].as_u64().unwrap(), status)
            };
            children.iter().map(child).collect()
        })
        .collect();
    let first = vec![(1, 0, "Done".to_owned()), (1, 1, "Failed".to_owned())];
    assert_eq!(rounds, [vec![], first.clone(), [first, vec![(2, 0, "Done".to_owned())]].concat()]);
    let children = notes[2]["children"].as_array().unwrap();
    assert_eq!(column(children, "value"), json!([7, null, 8]));
    assert_eq!(column(children, "error"), json!([null, "no", null]));
    assert_eq!(column(children, "fsm"), json!(["probe", "probe", "probe"]));
    assert!(children[0]["state_bytes"].as_u64().unwrap() > 100, "its last committed state: {children:?}");
    let left = number(&host, "select count(*) from gd.child_outcome where parent = $1", probe.id).await;
    assert_eq!(left, 0, "what was left for the parent goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_04_no_child_is_there_before_its_parent_has_parked() {
    let database = Arc::new(TestDatabase::migrated().await);
    let mut dying = HostProcess::serve_with_failpoint(database.url(), "before-commit:kill:1", &[]).await;
    let api = dying.api();
    assert!(api.post("/v1/deployments", guest("probe")).await.status < 300);
    let body = json!({ "fsm": "probe", "state": { "plan": [{ "do": "children", "of": [{}, {}, {}] }] } });
    let id = api.post("/v1/instances", body.to_string()).await.json()["id"].as_str().unwrap().parse().unwrap();
    dying.killed().await;
    let idle =
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'gd-host'";
    eventually("its sessions are gone", async || (database.count(idle).await == 0).then_some(())).await;
    assert_eq!(database.count("select count(*) from gd.instance where parent is not null").await, 0);
    let host = TestHost::on(database, |_, _| ()).await;
    assert_eq!(host.ended(id).await.notes()[1]["children"].as_array().unwrap().len(), 3);
    assert_eq!(host.database.count("select count(*) from gd.finished where parent is not null").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_13_a_grandparent_waits_for_the_whole() {
    let host = TestHost::with_probe().await;
    let grandchild = json!({ "plan": [{ "do": "sleep", "ms": 300 }, { "do": "next" }] });
    let child = json!({ "plan": [{ "do": "children", "of": [grandchild, grandchild] }] });
    let probe = host.run(json!([{ "do": "children", "of": [child, child] }])).await;
    assert_eq!(host.database.count("select count(*) from gd.finished where depth = 2").await, 4);
    let late = number(&host, "select count(*) from gd.attempt a, (select max(at) as at from gd.attempt where instance_id = $1) p where a.at > p.at", probe.id).await;
    assert_eq!(late, 0, "everything else was before");
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_14_pok_04_children_in_other_queues_run_there_and_wake_their_parent_without_a_poll() {
    let deaf = |queues: &str| {
        let queues = queues.parse().unwrap();
        move |config: &mut gd_host::engine::EngineConfig, _: &mut gd_core::Limits| {
            config.queues = queues;
            config.poll = (Duration::from_secs(60), Duration::from_secs(60));
        }
    };
    let here = TestHost::with_probe_and(deaf("probes:4")).await;
    let there = TestHost::on(here.database.clone(), deaf("there:4,yonder:4")).await;
    five_beats(&here).await;
    let began = tokio::time::Instant::now();
    let id = here.plan(json!([{ "do": "children", "of": [{ "queue": "there" }, { "queue": "yonder" }, {}] }])).await;
    let notes = here.ended(id).await.notes();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let mut workers = Vec::new();
    for child in notes[1]["children"].as_array().unwrap() {
        workers.push(here.history(child["id"].as_str().unwrap().parse().unwrap()).await[0].worker);
    }
    let own = here.history(id).await;
    assert!(own[0].worker == own[1].worker && workers[2] == own[0].worker, "the parent's queue is here");
    assert!(workers[0] == workers[1] && workers[0] != own[0].worker, "the others' is there");
    there.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_16_an_end_of_the_parent_leaves_its_children_alone() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "children", "of": [{ "plan": [{ "do": "await", "names": ["go"] }] }] }])).await;
    when(&host, id, |parent| parent.status == Status::AwaitingChildren).await;
    let child = living_children(&host, id).await[0];
    host.settled(child).await;
    host.host.cancel(host.tenant, id, None).await.unwrap();
    host.signal(child, "go", json!(1)).await;
    assert_eq!(host.ended(child).await.status, Status::Done);
    assert_eq!(number(&host, "select count(*) from gd.child_outcome where parent = $1", id).await, 0);
    assert_eq!(host.get(id).await.status, Status::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn chd_20_val_12_children_that_cannot_be_started_are_an_invalid_outcome_and_none_is_there() {
    let host = TestHost::with_probe_and(|_, limits| {
        limits.children_max = 3;
        limits.depth_max = 1;
    })
    .await;
    let good = json!({ "delay_ms": 3_600_000 });
    for (children, part) in [
        (json!([good, good, good, good]), "3"),
        (json!([good, { "fsm": "nobody" }]), "nobody"),
        (json!([good, { "step": "nowhere" }]), "nowhere"),
        (json!([good, { "pad": 2 << 20 }]), "bytes"),
        (json!([good, { "weight": 0 }]), "weight"),
        (json!([{ "plan": [{ "do": "children", "of": [good] }] }]), "ancestors"),
    ] {
        let before = host.database.count("select count(*) from gd.instance").await;
        let plan = json!([{ "do": "children", "of": children }]);
        let neighbour = host.plan(json!([{ "do": "next" }])).await;
        let id = host.start(handled(plan, json!([{ "do": "next" }]))).await;
        let mut probe = host.ended(id).await;
        if part == "ancestors" {
            let child = probe.notes()[1]["children"][0]["id"].as_str().unwrap().parse().unwrap();
            probe = host.ended(child).await;
            assert!(probe.failure().1.contains(part), "{:?}", probe.failure());
            continue;
        }
        let fault = probe.notes()[0]["fault"].as_str().unwrap().to_owned();
        assert!(fault.contains(part), "{part}: {fault}");
        assert_eq!(host.outcomes(neighbour).await.len() + host.ended(neighbour).await.notes().len(), 4);
        assert_eq!(host.database.count("select count(*) from gd.instance").await, before, "{part}: no child is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ver_05_a_child_takes_the_version_that_is_routed_when_it_is_started() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }, { "do": "children", "of": [{}] }])).await;
    host.settled(id).await;
    host.deploy(release(2)).await;
    host.signal(id, "go", json!(1)).await;
    let notes = host.ended(id).await.notes();
    assert_eq!(column(&notes, "version"), json!([1, 1, 1]));
    let child = notes[2]["children"][0]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(host.get(child).await.notes()[0]["version"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_whose_key_is_taken_is_listed_with_the_holder_and_not_waited_for() {
    let host = TestHost::with_probe().await;
    let parked = json!({ "key": "k", "plan": [{ "do": "await", "names": ["go"] }] });
    let holder = super::aid::emitted(&host, vec![parked.clone()]).await[0];
    host.settled(holder).await;
    let probe = host.run(json!([{ "do": "children", "of": [parked] }, { "do": "children", "of": [{ "key": "n" }, { "key": "n" }, { "key": "k" }] }])).await;
    let notes = probe.notes();
    assert_eq!(notes[1]["children"][0]["id"], holder.to_string());
    assert!(notes[1]["children"][0]["status"].as_str().unwrap().ends_with("Duplicate"));
    let second = &notes[2]["children"].as_array().unwrap()[1..];
    let ends: Vec<bool> = second.iter().map(|child| child["status"].as_str().unwrap().ends_with("Duplicate")).collect();
    assert_eq!(ends, [false, true, true], "{second:?}");
    assert_eq!((&second[1]["id"], &second[2]["id"]), (&second[0]["id"], &json!(holder.to_string())));
    assert_eq!(host.get(holder).await.status, Status::AwaitingSignal);
}
