//! The real binary, killed or frozen at each place where a commit can be cut off.

use std::sync::Arc;

use gd_core::{InstanceId, Status};
use gd_tests::{Api, HostProcess, TestDatabase, TestHost, column, eventually, guest};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Ten instances of three steps.
const INSTANCES: usize = 10;

async fn start_all(api: &Api) -> Vec<InstanceId> {
    let plan = json!([{ "do": "next" }, { "do": "sleep", "ms": 30 }, { "do": "requeue" }]);
    let mut ids = Vec::new();
    for _ in 0..INSTANCES {
        let body = json!({ "fsm": "probe", "state": { "plan": plan } }).to_string();
        // The host may die while it answers.
        if let Ok(id) = tokio::spawn(post(api.clone(), body)).await {
            ids.push(id);
        }
    }
    ids
}

async fn post(api: Api, body: String) -> InstanceId {
    api.post("/v1/instances", body).await.json()["id"].as_str().unwrap().parse().unwrap()
}

/// Every instance that the database accepted ends once, along one chain of visits, with one commit for each of them.
async fn ends_exactly_once(host: &TestHost) {
    let ids: Vec<i64> = sqlx::query_scalar("select id from gd.instance union select id from gd.finished order by id")
        .fetch_all(host.database.pool())
        .await
        .unwrap();
    assert!(!ids.is_empty());
    for id in ids.into_iter().map(InstanceId) {
        let probe = host.ended(id).await;
        assert_eq!(probe.status, Status::Done);
        assert_eq!(column(&probe.notes(), "visit"), json!([0, 1, 2]));
        let history = host.history(id).await;
        assert!(history.windows(2).all(|pair| pair[0].claim < pair[1].claim), "{history:?}");
        let committed = history.iter().filter(|row| row.outcome.word() != "recovered");
        assert_eq!(committed.map(|row| row.visit).collect::<Vec<_>>(), [0, 1, 2], "{history:?}");
    }
    assert_eq!(host.database.count("select count(*) from gd.instance").await, 0);
}

async fn deployed(failpoint: &str) -> (Arc<TestDatabase>, HostProcess) {
    let database = Arc::new(TestDatabase::migrated().await);
    let host = HostProcess::serve_with_failpoint(database.url(), failpoint, &["--lease", "3s"]).await;
    assert!(host.api().post("/v1/deployments", guest("probe")).await.status < 300);
    (database, host)
}

/// Killed when it passes the place for the first or second time; another host goes on.
async fn killed_at(place: &str) {
    let failpoint = format!("{place}:kill:2");
    let (database, mut dying) = deployed(&failpoint).await;
    start_all(&dying.api()).await;
    dying.killed().await;
    let host = TestHost::on(database, |_, _| ()).await;
    ends_exactly_once(&host).await;
}

/// Frozen for longer than its lease while another host goes on, then thawed: what it still sends changes nothing.
async fn frozen_at(place: &str) {
    let failpoint = format!("{place}:freeze:2");
    let (database, frozen) = deployed(&failpoint).await;
    let starting = tokio::spawn({
        let api = frozen.api();
        async move { start_all(&api).await }
    });
    frozen.frozen().await;
    let expired = "select count(*) from gd.worker where expires_at < now()";
    eventually("its lease is over", async || (database.count(expired).await > 0).then_some(())).await;
    let host = TestHost::on(database.clone(), |_, _| ()).await;
    let left = "select count(*) from gd.instance";
    eventually("the other host ends everything", async || (database.count(left).await == 0).then_some(())).await;
    let before: Vec<Value> = finished(&database).await;
    frozen.signal(Signal::CONT);
    let two = "select count(*) from gd.worker where not dead";
    eventually("it takes a new lease", async || (database.count(two).await == 2).then_some(())).await;
    starting.await.unwrap();
    eventually("nothing is left", async || (database.count(left).await == 0).then_some(())).await;
    let after = finished(&database).await;
    assert!(before.iter().all(|row| after.contains(row)), "what had ended has changed");
    ends_exactly_once(&host).await;
}

async fn finished(database: &TestDatabase) -> Vec<Value> {
    let sql = "select to_jsonb(f) || jsonb_build_object('history', (select jsonb_agg(a order by a.claim) from gd.attempt a where a.instance_id = f.id)) from gd.finished f order by id";
    sqlx::query_scalar(sql).fetch_all(database.pool()).await.unwrap()
}

macro_rules! places {
    ($($killed:ident $frozen:ident $place:literal;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $killed() {
                killed_at($place).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn $frozen() {
                frozen_at($place).await;
            }
        )+
    };
}

places! {
    a_host_killed_after_a_claim_loses_nothing a_host_frozen_after_a_claim_changes_nothing_later "after-claim";
    a_host_killed_after_a_step_repeats_it_and_no_commit a_host_frozen_after_a_step_changes_nothing_later "after-step";
    a_host_killed_before_a_commit_repeats_the_steps a_host_frozen_before_a_commit_changes_nothing_later "before-commit";
    a_host_killed_after_a_commit_repeats_none_of_it a_host_frozen_after_a_commit_changes_nothing_later "after-commit";
}
