//! Deliveries, parks and deadlines that happen at the same time: no wake-up is ever lost.

use gd_core::{InstanceId, Status};
use gd_tests::{TestHost, eventually};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// The statements of a delivery, to be sent one at a time.
const LOCK_TARGET: &str = include_str!("../../host/src/store/sql/lock_target.sql");
const STORE_SIGNAL: &str = include_str!("../../host/src/store/sql/store_signal.sql");

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

/// A delivery whose transaction is held open.
struct Delivery(PgConnection);

impl Delivery {
    async fn lock(host: &TestHost, id: InstanceId) -> Self {
        let mut session = PgConnection::connect(host.database.url()).await.unwrap();
        sqlx::raw_sql("begin").execute(&mut session).await.unwrap();
        let locked =
            sqlx::query(LOCK_TARGET).bind(host.tenant.0).bind(id.0).fetch_optional(&mut session).await.unwrap();
        assert!(locked.is_some());
        Self(session)
    }

    async fn store(&mut self, id: InstanceId) {
        let statement = sqlx::query(STORE_SIGNAL).bind(id.0).bind("go").bind(&b"1"[..]).bind(None::<String>);
        let stored = statement.bind(1_000_i64).bind(1_000_000_i64).bind(gd_core::Wake::Signal.code());
        stored.fetch_one(&mut self.0).await.unwrap();
    }

    async fn commit(mut self) {
        sqlx::raw_sql("commit").execute(&mut self.0).await.unwrap();
    }
}

/// Waits until the flush has run into the lock.
async fn blocked(host: &TestHost) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("the commit waits for the delivery", async || (host.database.count(sql).await > 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_park_that_waits_for_a_delivery_sees_its_signal() {
    let host = TestHost::with_probe().await;
    for stored_before_the_park in [true, false] {
        let id = host.plan(json!([{ "do": "sleep", "ms": 200 }, { "do": "await", "names": ["go"] }])).await;
        host.executing(id, 0).await;
        let mut delivery = Delivery::lock(&host, id).await;
        if stored_before_the_park {
            delivery.store(id).await;
            blocked(&host).await;
        } else {
            blocked(&host).await;
            delivery.store(id).await;
        }
        delivery.commit().await;
        assert_eq!(host.ended(id).await.notes()[1]["awaited"], json!([["go", 1]]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_waits_for_the_end_of_its_target_finds_nobody() {
    let host = TestHost::with_probe().await;
    let mut answers = [0, 0];
    for _ in 0..100 {
        let id = host.plan(json!([{ "do": "next" }])).await;
        let sent = host.try_signal(id_target(id), "go", json!(1)).await;
        answers[usize::from(sent.is_ok())] += 1;
        host.ended(id).await;
        assert!(host.inbox(id).await.is_empty(), "an accepted signal goes with its target: {sent:?}");
    }
    println!("refused and accepted: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_lock_on_one_instance_holds_up_no_other() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "sleep", "ms": 200 }, { "do": "next" }])).await;
    host.executing(id, 0).await;
    let delivery = Delivery::lock(&host, id).await;
    blocked(&host).await;
    for _ in 0..5 {
        host.run(json!([{ "do": "next" }, { "do": "next" }])).await;
    }
    assert_eq!(host.get(id).await.status, Status::Executing, "it is locked all the while");
    delivery.commit().await;
    host.ended(id).await;
}

fn id_target(id: InstanceId) -> gd_host::host::Target {
    gd_host::host::Target::Id(id)
}
