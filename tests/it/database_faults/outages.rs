//! A database that is away for a while, and connections that are all taken.

use std::time::Duration;

use gd_tests::{Api, eventually};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::Instant;

use super::{ends_once, nothing_half_applied, rounds, wired};

/// Longer than a worker of a test may be silent, so that its lease is lost.
const OUTAGE: Duration = Duration::from_secs(3);

/// Every kind of request says that the database is away.
async fn all_refused(api: &Api, id: &str) {
    let start = json!({ "fsm": "probe", "state": { "plan": [] } }).to_string();
    let signal = json!({ "name": "go", "payload": 1 }).to_string();
    let (get, signals) = (format!("/v1/instances/{id}"), format!("/v1/instances/{id}/signals"));
    for reply in [api.get(&get).await, api.post("/v1/instances", start).await, api.post(&signals, signal).await] {
        assert_eq!(reply.problem(), (503, "database-unavailable".to_owned()), "{reply:?}");
        assert!(reply.json()["hint"].as_str().unwrap().contains("goes on trying"), "{reply:?}");
    }
    assert_eq!(api.get("/readyz").await.status, 503);
    assert_eq!(api.get("/healthz").await.status, 200, "the process itself is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_away_is_taken_up_again_without_help() {
    let (wire, host) = wired().await;
    let api = host.serve(None).await;
    let waiting = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    let timed = host.plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 1_000 }])).await;
    let mut busy = Vec::new();
    for _ in 0..20 {
        busy.push(host.plan(rounds(40)).await);
    }
    let progress = "select count(*) from gd.attempt";
    eventually("they are under way", async || (host.database.count(progress).await > 100).then_some(())).await;
    wire.sever();
    let severed = Instant::now();
    // What the server has been sent before may still be carried out.
    let idle =
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'gd-host'";
    eventually("the server notices", async || (host.database.count(idle).await == 0).then_some(())).await;
    nothing_half_applied(&host.database).await;
    let done = host.database.count(progress).await;
    while severed.elapsed() < OUTAGE {
        all_refused(&api, &waiting.to_string()).await;
    }
    assert_eq!(host.database.count(progress).await, done, "nothing is written meanwhile");
    wire.heal();
    let healed = Instant::now();
    eventually("it is ready", async || (api.get("/readyz").await.status == 200).then_some(())).await;
    assert!(healed.elapsed() < Duration::from_secs(5), "{:?}", healed.elapsed());
    host.signal(waiting, "go", json!(1)).await;
    ends_once(&host, waiting, 1).await;
    ends_once(&host, timed, 1).await;
    for id in busy {
        ends_once(&host, id, 120).await;
    }
    nothing_half_applied(&host.database).await;
    println!("everything was over {:?} after the end of the outage", healed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_take_every_connection_do_not_stop_the_engine() {
    let (_wire, host) = wired().await;
    let api = host.serve(None).await;
    let popular = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(popular).await;
    let busy = host.plan(rounds(100)).await;
    let mut stranger = PgConnection::connect(host.database.url()).await.unwrap();
    let lock = format!("begin; select from gd.instance where id = {popular} for no key update");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut stranger).await.unwrap();
    let signals = format!("/v1/instances/{popular}/signals");
    let crowd = tokio::spawn({
        let (api, body) = (api.clone(), json!({ "name": "go", "payload": 1 }).to_string());
        async move { futures::future::join_all((0..20).map(|_| api.post(&signals, body.clone()))).await }
    });
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("sixteen callers wait", async || (host.database.count(waiting).await == 16).then_some(())).await;
    let done = async || host.database.count("select count(*) from gd.attempt").await;
    let before = done().await;
    let began = Instant::now();
    let refused = api.get(&format!("/v1/instances/{popular}")).await;
    assert_eq!(refused.problem(), (503, "database-unavailable".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(7), "refused in time: {:?}", began.elapsed());
    assert!(done().await > before + 20, "the engine goes on: {before}, {}", done().await);
    assert_eq!(host.database.count(waiting).await, 16, "all the while");
    sqlx::raw_sql("commit").execute(&mut stranger).await.unwrap();
    let replies: Vec<u16> = crowd.await.unwrap().iter().map(|reply| reply.status).collect();
    assert!(replies.iter().filter(|status| **status == 202).count() >= 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|status| **status == 503).count(), 4, "{replies:?}");
    ends_once(&host, busy, 300).await;
    ends_once(&host, popular, 1).await;
    assert_eq!(api.get("/readyz").await.status, 200);
}
