//! Whole hosts whose instances are signalled, park and meet their deadlines at the same time.

use gd_core::{InstanceId, Status};
use gd_tests::{TestHost, eventually};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// Parks twice, with a commit of another kind between and before.
fn two_parks() -> Value {
    let park = json!({ "do": "gather", "names": ["go"], "count": 1 });
    json!([park, { "do": "next" }, park, { "do": "requeue" }])
}

/// How many signals the steps of this probe went on with.
fn consumed(notes: &[Value]) -> usize {
    let handed = |note: &Value| note["awaited"].as_array().map_or(0, Vec::len);
    // A gather that found enough is followed by a step of the next visit; one that parked again consumed nothing.
    notes.windows(2).filter(|pair| handed(&pair[1]) == 0).map(|pair| handed(&pair[0])).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_wake_up_is_lost_between_hundreds_of_parks_and_deliveries() {
    let host = TestHost::with_probe().await;
    let race = async |lane: usize| {
        for round in 0..40 {
            let id = host.plan(two_parks()).await;
            // Deliveries at every point of the instance's short life: at once, or after so many looks at it.
            for _ in 0..(lane + round) % 8 {
                host.get(id).await;
            }
            let (first, second) = tokio::join!(
                host.try_signal(id_target(id), "go", json!(1)),
                host.try_signal(id_target(id), "go", json!(2))
            );
            first.unwrap();
            // The first may have been enough for one park only, never for both: nobody ends with one signal.
            let both_before_the_first_park = second.is_ok();
            assert!(both_before_the_first_park);
            let stuck = eventually("it goes on", async || {
                let instance = host.get(id).await;
                if instance.status == Status::AwaitingSignal && host.inbox(id).await.is_empty() {
                    // Both were handed to the first park.
                    host.signal(id, "go", json!(3)).await;
                }
                instance.status.is_terminal().then_some(instance)
            })
            .await;
            let notes = stuck.notes();
            assert!((2..=3).contains(&consumed(&notes)), "{notes:#?}");
        }
    };
    futures::future::join_all((0..8).map(race)).await;
    assert_eq!(host.database.count("select count(*) from gd.finished where status = 10").await, 320);
    assert_eq!(host.database.count("select count(*) from gd.signal").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_races_the_deadline_is_handed_over_once() {
    let host =
        TestHost::with_probe_and(|engine, _| engine.timeout_interval = std::time::Duration::from_millis(1)).await;
    let race = async |lane: u64| {
        for round in 0..15 {
            let patience = 1 + (lane + round) % 7;
            let plan = json!([
                { "do": "await", "names": ["go"], "timeout_ms": patience },
                { "do": "gather", "names": ["go"], "count": 1 }
            ]);
            let id = host.plan(plan).await;
            for _ in 0..round % 5 {
                host.get(id).await;
            }
            host.signal(id, "go", json!(7)).await;
            let notes = host.ended(id).await.notes();
            let last = notes.last().unwrap();
            assert_eq!(last["awaited"], json!([["go", 7]]), "{notes:#?}");
        }
    };
    futures::future::join_all((0..8).map(race)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_lock_on_one_instance_holds_up_no_other() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 1_500 }, { "do": "next" }])).await;
    host.executing(id, 0).await;
    let mut stranger = PgConnection::connect(host.database.url()).await.unwrap();
    let locking = format!("begin; select from gd.instance where id = {id} for no key update");
    sqlx::raw_sql(sqlx::AssertSqlSafe(locking)).execute(&mut stranger).await.unwrap();
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("the commit waits for the stranger", async || (host.database.count(sql).await > 0).then_some(())).await;
    for _ in 0..5 {
        host.run(json!([{ "do": "next" }, { "do": "next" }])).await;
    }
    assert_eq!(host.get(id).await.status, Status::Executing, "it is locked all the while");
    sqlx::raw_sql("commit").execute(&mut stranger).await.unwrap();
    host.ended(id).await;
}

fn id_target(id: InstanceId) -> gd_host::host::Target {
    gd_host::host::Target::Id(id)
}
