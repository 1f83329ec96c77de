//! Whom a signal reaches, and who holds a key.

use gd_core::{InstanceId, Scope, TenantId};
use gd_host::host::{Error, Start, Target};
use gd_tests::TestHost;
use serde_json::{Value, json};

fn keyed(key: &str, plan: Value) -> Start {
    Start { correlation_key: Some(key.into()), ..TestHost::probe(json!({ "plan": plan })) }
}

fn key(key: &str) -> Target {
    Target::Key(key.into())
}

fn parks() -> Value {
    json!([{ "do": "await", "names": ["go"] }])
}

async fn refused(host: &TestHost, target: Target) -> &'static str {
    host.try_signal(target, "go", json!(1)).await.unwrap_err().code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_by_key_reaches_the_holder() {
    let host = TestHost::with_probe().await;
    let id = host.start(keyed("order:1", parks())).await;
    host.settled(id).await;
    host.try_signal(key("order:1"), "go", json!(5)).await.unwrap();
    assert_eq!(host.ended(id).await.notes()[1]["awaited"], json!([["go", 5]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ended_missing_or_foreign_is_a_target() {
    let host = TestHost::with_probe().await;
    let id = host.start(keyed("order:1", parks())).await;
    host.settled(id).await;
    let foreign: i32 = sqlx::query_scalar("insert into gd.tenant (name) values ('other') returning id")
        .fetch_one(host.database.pool())
        .await
        .unwrap();
    let other = TestHost { tenant: TenantId(foreign), ..host.clone() };
    assert_eq!(refused(&other, Target::Id(id)).await, "no_target");
    assert_eq!(refused(&other, key("order:1")).await, "no_target");
    assert!(matches!(other.host.get(other.tenant, id).await, Err(Error::NotFound(_))));
    assert!(matches!(other.host.history(other.tenant, id, -1, 10).await, Err(Error::NotFound(_))));
    assert_eq!(refused(&host, Target::Id(InstanceId(id.0 + 1_000_000))).await, "no_target");
    assert_eq!(refused(&host, Target::Id(InstanceId(-1))).await, "no_target");
    assert_eq!(refused(&host, key("order:2")).await, "no_target");
    host.signal(id, "go", json!(1)).await;
    host.ended(id).await;
    assert_eq!(refused(&host, Target::Id(id)).await, "no_target");
    assert_eq!(refused(&host, key("order:1")).await, "no_target");
    assert_eq!(host.database.count("select count(*) from gd.signal").await, 0);
    assert_eq!(host.database.count("select count(*) from gd.signal_dedup").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_of_a_taken_key_names_the_holder() {
    let host = TestHost::with_probe().await;
    let id = host.start(keyed("order:1", parks())).await;
    let Err(Error::Duplicate { holder, .. }) = host.try_start(keyed("order:1", parks())).await else {
        panic!("a second one was started");
    };
    assert_eq!(holder, id);
    host.start(keyed("order:2", parks())).await;
    host.signal(id, "go", json!(1)).await;
    host.ended(id).await;
    assert_ne!(host.start(keyed("order:1", parks())).await, id, "an end frees the key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_kept_beyond_the_ends_of_its_scope_alone() {
    let host = TestHost::with_probe().await;
    let done = json!([]);
    let failed = json!([{ "do": "stop", "reason": "x" }]);
    for (plan, scope, kept) in [
        (&done, Scope { on_done: true, ..Scope::default() }, true),
        (&failed, Scope { on_done: true, ..Scope::default() }, false),
        (&failed, Scope { on_failed: true, ..Scope::default() }, true),
        (&done, Scope { on_failed: true, on_cancelled: true, ..Scope::default() }, false),
    ] {
        let name = format!("{plan} {scope:?}");
        let id = host.start(Start { scope, ..keyed(&name, plan.clone()) }).await;
        host.ended(id).await;
        assert_eq!(refused(&host, key(&name)).await, "no_target");
        let again = host.try_start(keyed(&name, done.clone())).await;
        assert_eq!(again.is_err(), kept, "{name}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_starts_of_one_key_at_the_same_time_one_wins() {
    let host = TestHost::with_probe().await;
    for round in 0..10 {
        let name = format!("order:{round}");
        let starts = (0..8).map(|_| host.try_start(keyed(&name, parks())));
        let answers = futures::future::join_all(starts).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "{won:?}");
        for answer in lost {
            let Err(Error::Duplicate { holder, .. }) = answer else { panic!("{answer:?}") };
            assert_eq!(holder, *won[0].as_ref().unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_race_the_end_of_the_holder_never_fail_otherwise() {
    let host = TestHost::with_probe().await;
    let run = async || {
        let mut started = 0;
        for _ in 0..40 {
            match host.try_start(keyed("hot", json!([]))).await {
                Ok(_) => started += 1,
                Err(Error::Duplicate { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        started
    };
    let started: i64 = futures::future::join_all((0..4).map(|_| run())).await.iter().sum();
    let count = async || host.database.count("select count(*) from gd.finished").await;
    gd_tests::eventually("all have ended", async || (count().await == started).then_some(())).await;
    assert_eq!(host.database.count("select count(*) from gd.identity").await, 0);
}
