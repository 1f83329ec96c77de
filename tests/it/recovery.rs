//! Hosts that die, freeze, stop or lose their lease, and what becomes of the instances they ran.

use std::sync::Arc;

use gd_core::{InstanceId, Status};
use gd_host::host::Start;
use gd_tests::{Api, HostProcess, TestDatabase, TestHost, column, eventually, release};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Goes on once, then is busy for longer than any test on its first attempt.
fn busy_once() -> Value {
    json!([{ "do": "next" }, { "do": "sleep", "ms": 25_000, "until": 1 }])
}

/// Deploys the probe over HTTP and starts so many instances of this plan.
async fn start_all(api: &Api, plan: &Value, count: usize) -> Vec<InstanceId> {
    assert!(api.post("/v1/deployments", release(1)).await.status < 300);
    let mut ids = Vec::new();
    for _ in 0..count {
        let body = json!({ "fsm": "probe", "state": { "plan": plan } }).to_string();
        ids.push(api.post("/v1/instances", body).await.json()["id"].as_str().unwrap().parse().unwrap());
    }
    ids
}

async fn all_executing(database: &TestDatabase, visit_1: i64) {
    let sql = "select count(*) from gd.instance where status = 1 and visit = 1";
    eventually("all steps run", async || (database.count(sql).await == visit_1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_host_ran_goes_on_elsewhere_within_seconds() {
    let database = Arc::new(TestDatabase::migrated().await);
    let mut dying = HostProcess::serve(database.url(), &[]).await;
    let ids = start_all(&dying.api(), &busy_once(), 5).await;
    all_executing(&database, 5).await;
    dying.kill().await;
    let killed = Instant::now();
    let host = TestHost::on(database, |_, _| ()).await;
    for id in ids {
        let probe = host.ended(id).await;
        let notes = probe.notes();
        assert_eq!(column(&notes, "visit"), json!([0, 1]));
        assert_eq!(column(&notes, "attempt"), json!([0, 1]));
        assert_eq!(column(&notes, "faults"), json!([0, 0]), "nobody's fault");
        assert_eq!(notes[1]["wake"], "recovered");
        assert_eq!(host.outcomes(id).await, ["next", "recovered", "done"]);
        let history = host.history(id).await;
        assert_eq!((history[0].worker, history[1].attempt), (history[1].worker, 0), "the dead one's attempt");
        assert_ne!(history[1].worker, history[2].worker);
    }
    assert!(killed.elapsed().as_secs() < 10, "{:?}", killed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_host_gives_back_what_it_ran_with_the_attempt_unchanged() {
    let database = TestDatabase::migrated().await;
    let mut stopping = HostProcess::serve(database.url(), &["--drain-timeout", "200ms"]).await;
    let ids = start_all(&stopping.api(), &busy_once(), 3).await;
    all_executing(&database, 3).await;
    let status = stopping.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", stopping.log());
    let given_back = "select count(*) from gd.instance where status = 0 and owner is null and attempt = 0 and visit = 1 and eligible_at <= now()";
    assert_eq!(database.count(given_back).await, ids.len() as i64);
    assert_eq!(database.count("select count(*) from gd.attempt").await, ids.len() as i64, "the first steps alone");
    assert_eq!(database.count("select count(*) from gd.worker where not dead").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_host_lets_short_steps_commit_and_takes_no_more() {
    let database = TestDatabase::migrated().await;
    let mut stopping = HostProcess::serve(database.url(), &["--concurrency", "1"]).await;
    let plan = json!([{ "do": "next" }, { "do": "sleep", "ms": 700 }]);
    let ids = start_all(&stopping.api(), &plan, 2).await;
    all_executing(&database, 1).await;
    assert_eq!(stopping.terminate().await.code(), Some(0), "{}", stopping.log());
    assert_eq!(database.count("select count(*) from gd.finished where status = 10").await, 1);
    assert_eq!(database.count("select count(*) from gd.instance where status = 0 and claim = 0").await, 1, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_declared_dead_commits_nothing_and_takes_a_new_lease() {
    let host = TestHost::with_probe().await;
    let id = host.plan(busy_once()).await;
    host.executing(id, 1).await;
    host.database.execute("update gd.worker set dead = true").await;
    let probe = host.ended(id).await;
    assert_eq!(column(&probe.notes(), "wake"), json!(["start", "recovered"]));
    assert_eq!(host.outcomes(id).await, ["next", "recovered", "done"]);
    let history = host.history(id).await;
    assert_ne!(history[1].worker, history[2].worker);
    assert_eq!(host.database.count("select count(*) from gd.worker where not dead").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_host_that_comes_back_changes_nothing_that_was_taken_from_it() {
    let database = Arc::new(TestDatabase::migrated().await);
    let frozen = HostProcess::serve(database.url(), &[]).await;
    let plan = json!([{ "do": "next" }, { "do": "sleep", "ms": 1_000, "until": 1 }]);
    let id = start_all(&frozen.api(), &plan, 1).await[0];
    all_executing(&database, 1).await;
    frozen.signal(Signal::STOP);
    database.execute("update gd.worker set expires_at = now() - interval '1 s'").await;
    let host = TestHost::on(database.clone(), |_, _| ()).await;
    let probe = host.ended(id).await;
    assert_eq!(host.outcomes(id).await, ["next", "recovered", "done"]);
    frozen.signal(Signal::CONT);
    let two = "select count(*) from gd.worker where not dead";
    eventually("it has a new lease", async || (database.count(two).await == 2).then_some(())).await;
    let after = host.get(id).await;
    assert_eq!((after.claim, after.status), (probe.claim, Status::Done));
    assert_eq!(host.outcomes(id).await, ["next", "recovered", "done"]);
    host.host.shut_down().await;
    let body = json!({ "fsm": "probe", "state": { "plan": [] } }).to_string();
    let next = frozen.api().post("/v1/instances", body).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        frozen.api().get(&format!("/v1/instances/{next}/wait")).await.json()["status"],
        "done",
        "it works again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_one_database_run_everything_once() {
    let first = TestHost::with_probe().await;
    let second = TestHost::on(first.database.clone(), |_, _| ()).await;
    let mut ids = Vec::new();
    for n in 0..100 {
        let host = if n % 2 == 0 { &first } else { &second };
        ids.push(host.plan(json!([{ "do": "next" }, { "do": "requeue" }, { "do": "next" }])).await);
    }
    for id in ids {
        let probe = first.ended(id).await;
        assert_eq!(column(&probe.notes(), "visit"), json!([0, 1, 2, 3]));
        assert_eq!(first.outcomes(id).await, ["next", "next", "next", "done"]);
    }
    assert_eq!(first.database.count("select count(distinct worker) from gd.attempt").await, 2, "both took part");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_wakes_what_it_was_signalled_for_by_another() {
    let first = TestHost::with_probe().await;
    let id = first.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    first.settled(id).await;
    let second = TestHost::on(first.database.clone(), |_, _| ()).await;
    first.host.shut_down().await;
    second.signal(id, "go", json!(1)).await;
    assert_eq!(second.ended(id).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_cost_time_and_nothing_else() {
    let host = TestHost::with_probe().await;
    let chain = json!(vec![json!({ "do": "requeue" }); 10]);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(host.plan(chain.clone()).await);
    }
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    for _ in 0..10 {
        ticks.tick().await;
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = current_database() and application_name = 'gd-host'";
        sqlx::query(sql).execute(host.database.pool()).await.unwrap();
    }
    let visits: Vec<i64> = (0..=10).collect();
    for id in ids {
        let notes = eventually("it ends", async || {
            let read = host.host.get(host.tenant, id).await.ok().map(gd_tests::Instance)?;
            read.status.is_terminal().then(|| read.notes())
        })
        .await;
        assert_eq!(column(&notes, "visit"), json!(visits), "one linear chain");
        let outcomes = host.outcomes(id).await;
        let committed = outcomes.iter().filter(|outcome| **outcome != "recovered").count();
        assert_eq!(committed, 11, "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_killed_under_load_lose_nothing_and_repeat_no_commit() {
    let database = Arc::new(TestDatabase::migrated().await);
    let chain = json!(vec![[json!({ "do": "next" }), json!({ "do": "requeue" })]; 15].concat());
    let mut ids = Vec::new();
    for round in 1..=3 {
        let mut dying = HostProcess::serve(database.url(), &[]).await;
        ids.extend(start_all(&dying.api(), &chain, 15).await);
        let progress = async || database.count("select count(*) from gd.attempt").await;
        eventually("it is under way", async || (progress().await > round * 100).then_some(())).await;
        dying.kill().await;
    }
    let host = TestHost::on(database, |_, _| ()).await;
    let visits: Vec<i64> = (0..=30).collect();
    for id in ids {
        let probe = host.ended(id).await;
        assert_eq!(column(&probe.notes(), "visit"), json!(visits), "one linear chain");
        let history = host.history(id).await;
        assert!(history.windows(2).all(|pair| pair[0].claim < pair[1].claim), "{history:?}");
        let committed: Vec<i64> =
            history.iter().filter(|row| row.outcome.word() != "recovered").map(|row| row.visit).collect();
        assert_eq!(committed, visits);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_does_not_hold_a_stopping_host_up() {
    let database = TestDatabase::migrated().await;
    let mut stopping = HostProcess::serve(database.url(), &[]).await;
    let id = start_all(&stopping.api(), &json!([{ "do": "await", "names": ["go"] }]), 1).await[0];
    let api = stopping.api();
    api.get(&format!("/v1/instances/{id}/wait?until=settled")).await;
    // The answer may be cut off, so that nobody looks at it.
    let poll = tokio::spawn(async move { api.get(&format!("/v1/instances/{id}/wait?timeout_ms=60000")).await });
    let began = Instant::now();
    assert_eq!(stopping.terminate().await.code(), Some(0), "{}", stopping.log());
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    poll.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_loaded_costs_no_attempt_and_resumes_when_it_can() {
    let first = TestHost::with_probe().await;
    let id = first.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    first.settled(id).await;
    first.host.shut_down().await;
    first
        .database
        .execute("create table kept as select * from gd.component; update gd.component set bytes = 'x'")
        .await;
    let second = TestHost::on(first.database.clone(), |_, _| ()).await;
    second.signal(id, "go", json!(1)).await;
    let given_back = "select count(*) from gd.instance where claim > 3 and status = 0 and attempt = 0 and faults = 0";
    eventually("it is given back", async || (second.database.count(given_back).await == 1).then_some(())).await;
    eventually("it says why it is not claimed", async || {
        let why = second.host.why(second.tenant, id).await.unwrap();
        (why.reasons[0].word == "version-not-loaded").then_some(())
    })
    .await;
    let claim = second.get(id).await.claim;
    let other = second.deploy(release(2)).await;
    let start = Start { version: Some(other.version.0), ..TestHost::probe(json!({ "plan": [] })) };
    for _ in 0..5 {
        let passed = second.start(start.clone()).await;
        assert_eq!(second.ended(passed).await.status, Status::Done, "others pass it by");
    }
    let again = second.get(id).await.claim - claim;
    assert!(again <= 2, "claimed and given back by a claim that was on its way at most, and not again: {again}");
    second.database.execute("update gd.component c set bytes = k.bytes from kept k where k.digest = c.digest").await;
    let probe = second.ended(id).await;
    assert_eq!(probe.notes()[1]["awaited"], json!([["go", 1]]));
    assert_eq!(second.outcomes(id).await, ["await", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_of_an_earlier_claim_of_the_same_worker_changes_nothing() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 1_500 }, { "do": "next" }])).await;
    host.executing(id, 1).await;
    // As if it had been given back and claimed again by this worker meanwhile.
    let moved: i64 = sqlx::query_scalar("update gd.instance set claim = claim + 10 where id = $1 returning claim")
        .bind(id.0)
        .fetch_one(host.database.pool())
        .await
        .unwrap();
    let probe = host.ended(id).await;
    assert_eq!(column(&probe.notes(), "visit"), json!([0, 1, 2]));
    let history = host.history(id).await;
    let claims: Vec<i64> = history.iter().map(|row| row.claim).collect();
    assert!(claims.len() == 3 && claims[1] > moved, "{claims:?} beside {moved}");
}
