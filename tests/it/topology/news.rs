//! How hosts come to know of work, and what becomes of it when they do not.

use std::sync::Arc;
use std::time::Duration;

use gd_core::Status;
use gd_host::engine::{EngineConfig, Queues};
use gd_host::host::Start;
use gd_tests::wire::Wire;
use gd_tests::{TestDatabase, TestHost, eventually, guest};
use serde_json::json;
use tokio::time::Instant;

use super::{five_beats, in_queue};

/// Looks at all lanes every minute.
fn deaf(config: &mut EngineConfig) {
    config.poll = (Duration::from_secs(60), Duration::from_secs(60));
}

/// A host over a wire that looks at all lanes every minute.
pub(super) async fn over_a_wire(configure: impl FnOnce(&mut EngineConfig)) -> (Wire, TestHost) {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database, |config, _| {
        deaf(config);
        configure(config);
    })
    .await;
    host.deploy(guest("probe")).await;
    (wire, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn pok_01_pok_03_pok_05_starts_signals_and_freed_places_need_no_poll() {
    let (_wire, host) = over_a_wire(|config| config.concurrency = 1).await;
    let began = Instant::now();
    let parked = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(parked).await;
    host.signal(parked, "go", json!(1)).await;
    host.ended(parked).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(in_queue(&host, &format!("q{}", n % 3), json!([{ "do": "sleep", "ms": 50 }])).await);
    }
    for id in ids {
        host.ended(id).await;
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn pok_02_pck_06_a_start_in_the_future_makes_nobody_claim() {
    let (wire, host) = over_a_wire(|_| ()).await;
    host.run(json!([])).await;
    let before = wire.sent("claim");
    let id = host.start(Start { delay_ms: 3_600_000, ..TestHost::probe(json!({})) }).await;
    five_beats(&host).await;
    assert_eq!((wire.sent("claim") - before, host.get(id).await.claim), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn pok_06_pok_11_ten_starts_are_few_notices_sent_outside_of_the_starts() {
    let (wire, host) = over_a_wire(|config| config.queues = Queues::None).await;
    let other = TestHost::on(host.database.clone(), |config, _| deaf(config)).await;
    know_each_other(&host).await;
    let before = wire.sent("notify");
    let began = Instant::now();
    let started = futures::future::join_all((0..10).map(|_| host.plan(json!([])))).await;
    let pauses = u64::try_from(began.elapsed().as_millis() / 20).unwrap();
    for id in started {
        other.ended(id).await;
    }
    let sent = wire.sent("notify") - before;
    assert!((1..=2 + pauses).contains(&sent), "{sent} notices in {pauses} pauses");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn pok_08_pok_09_work_that_nobody_tells_of_is_found_by_the_next_look() {
    let host = TestHost::with_probe().await;
    let id = host.plan(json!([{ "do": "await", "names": ["go"] }])).await;
    host.settled(id).await;
    host.database.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'").await;
    host.database.execute("update gd.instance set status = 0, awaits = null, await_deadline = null").await;
    assert_eq!(host.ended(id).await.status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_is_met_by_a_host_without_that_queue_is_told_to_the_one_that_has_it() {
    let (_wire, keeper) = over_a_wire(|config| config.queues = Queues::None).await;
    let worker = TestHost::on(keeper.database.clone(), |config, _| {
        deaf(config);
        config.maintenance = gd_host::engine::Maintenance::Off;
    })
    .await;
    know_each_other(&keeper).await;
    let began = Instant::now();
    let id = keeper.plan(json!([{ "do": "await", "names": ["go"], "timeout_ms": 300 }])).await;
    assert_eq!(worker.ended(id).await.notes()[1]["wake"], "timeout");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

async fn know_each_other(host: &TestHost) {
    let listening =
        "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'";
    eventually("both listen", async || (host.database.count(listening).await == 2).then_some(())).await;
    let beat = "select count(*) from gd.worker where not dead and beat_at > started_at + interval '400 ms'";
    eventually("both have beaten", async || (host.database.count(beat).await == 2).then_some(())).await;
}
