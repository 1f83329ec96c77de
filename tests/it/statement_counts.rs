//! How many statements each thing costs: constant, whatever there is to do.

use std::sync::Arc;
use std::time::Duration;

use gd_host::host::Start;
use gd_tests::wire::{Rewrite, Wire, statement};
use gd_tests::{TestDatabase, TestHost, eventually, guest};
use serde_json::json;

/// A host that polls, beats and sweeps at its leisure, over a wire.
async fn host() -> (Wire, TestHost) {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database, |config, _| {
        config.poll = (Duration::from_secs(3_600), Duration::from_secs(3_600));
        config.concurrency = 64;
    })
    .await;
    host.deploy(guest("probe")).await;
    (wire, host)
}

/// What was sent of each of these since the count before.
fn since(wire: &Wire, names: &[&str], before: &[u64]) -> Vec<u64> {
    names.iter().zip(before).map(|(name, before)| wire.sent(name) - before).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_one_statement_and_a_signal_two_and_an_idle_host_claims_with_them() {
    let (wire, host) = host().await;
    let parked = host.plan(json!([{ "do": "gather", "names": ["go"], "count": 3 }])).await;
    host.settled(parked).await;
    let names =
        ["claim", "find_route", "start", "start_plain", "lock_target", "store_signal", "find_holder", "intern_queue"];
    let before: Vec<u64> = names.iter().map(|name| wire.sent(name)).collect();
    for _ in 0..10 {
        host.run(json!([])).await;
    }
    assert_eq!(since(&wire, &names, &before), [0, 0, 0, 10, 0, 0, 0, 0]);
    let before: Vec<u64> = names.iter().map(|name| wire.sent(name)).collect();
    for at in 0..10 {
        let key = Some(format!("key {at}"));
        let id = host.start(Start { correlation_key: key, ..TestHost::probe(json!({ "plan": [] })) }).await;
        host.ended(id).await;
    }
    assert_eq!(since(&wire, &names[1..], &before[1..]), [10, 10, 0, 0, 0, 0, 0]);
    let before: Vec<u64> = names.iter().map(|name| wire.sent(name)).collect();
    for _ in 0..2 {
        host.signal(parked, "go", json!(1)).await;
        host.settled(parked).await;
    }
    assert_eq!(since(&wire, &names, &before), [0, 0, 0, 0, 2, 2, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_is_as_many_statements_for_one_instance_as_for_many() {
    let (wire, host) = host().await;
    let flush = [
        "commit_plain",
        "lock_claimed",
        "commit_moves",
        "commit_ends",
        "consume_signals",
        "record_attempts",
        "record_logs",
        "read_inbox",
    ];
    let before: Vec<u64> = flush.iter().map(|name| wire.sent(name)).collect();
    host.run(json!([{ "do": "next" }, { "do": "next" }])).await;
    // Two commits that run on, one that ends: a statement each.
    assert_eq!(since(&wire, &flush, &before), [3, 0, 0, 0, 0, 0, 0, 0]);
    let before: Vec<u64> = flush.iter().map(|name| wire.sent(name)).collect();
    host.run(json!([{ "do": "requeue" }, { "do": "next" }])).await;
    // What goes back to its lane is written with everything that others may want of it locked.
    assert_eq!(since(&wire, &flush, &before), [2, 1, 1, 0, 0, 1, 0, 0]);
    let before: Vec<u64> = flush.iter().map(|name| wire.sent(name)).collect();
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(host.plan(json!([{ "do": "next" }, { "do": "sleep", "ms": 300 }, { "do": "next" }])).await);
    }
    for id in ids {
        host.ended(id).await;
    }
    let counts = since(&wire, &flush, &before);
    let (flushes, parts) = (counts[0], &counts[1..]);
    assert!(flushes < 150, "150 commits went into {flushes} flushes");
    for (name, count) in flush[1..].iter().zip(parts) {
        assert!(*count <= flushes, "{name} was sent {count} times in {flushes} flushes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_one_statement_however_many_lanes_and_rows_where_nobody_has_mail() {
    let (wire, host) = host().await;
    let names = ["claim", "read_inbox", "release"];
    let before: Vec<u64> = names.iter().map(|name| wire.sent(name)).collect();
    // All due at the same time, in three lanes: claimed together.
    let mut ids = Vec::new();
    for n in 0..45_i16 {
        let start = TestHost::probe(json!({ "plan": [] }));
        ids.push(host.start(gd_host::host::Start { priority: n % 3, delay_ms: 1_500, ..start }).await);
    }
    for id in ids {
        host.ended(id).await;
    }
    let counts = since(&wire, &names, &before);
    assert!(counts[0] < 45, "{counts:?}");
    assert_eq!(&counts[1..], [0, 0], "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_host_claims_once_for_a_batch_of_commits() {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database, |config, _| config.concurrency = 64).await;
    host.deploy(guest("probe")).await;
    let plan = json!({ "plan": [{ "do": "next" }, { "do": "next" }] });
    host.start(gd_host::host::Start { delay_ms: 86_400_000, ..TestHost::probe(plan) }).await;
    let (claims, flushes) = (wire.sent("claim"), wire.sent("commit_plain"));
    host.database
        .execute(
            "insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state)
             select tenant_id, fsm_id, queue_id, version, step, state from gd.instance cross join generate_series(1, 3000)",
        )
        .await;
    let ended = "select count(*) from gd.finished";
    eventually("all have ended", async || (host.database.count(ended).await == 3_000).then_some(())).await;
    let (claims, flushes) = (wire.sent("claim") - claims, wire.sent("commit_plain") - flushes);
    // And a few at the beginning and the end, where the host is not busy.
    assert!(claims <= flushes + 10, "{claims} claims beside {flushes} batches");
}

/// As a database far away, or one that is stuck: a commit that goes on takes five seconds.
const SLOW_COMMIT: (&str, &str) = ("from moved\nunion all", "from moved cross join pg_sleep(5)\nunion all");

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_waits_for_no_batch_that_takes_long() {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let (piece, with) = SLOW_COMMIT;
    let pieces = vec![(piece.to_owned(), with.to_owned())];
    wire.rewrite(Rewrite { marker: statement("commit_plain").trim().to_owned(), pieces });
    let host = TestHost::through(&wire, database, |config, _| config.concurrency = 4).await;
    host.deploy(guest("probe")).await;
    for _ in 0..2 {
        let asleep = host.plan(json!([{ "do": "sleep", "ms": 20_000 }])).await;
        host.executing(asleep, 0).await;
    }
    let committing = host.plan(json!([{ "do": "next" }])).await;
    eventually("its commit is under way", async || (wire.sent("commit_plain") > 0).then_some(())).await;
    // The last place of four, for which a busy host would rather wait until there are more.
    let last = host.plan(json!([])).await;
    host.executing(last, 0).await;
    assert_eq!(host.get(committing).await.claim, 1, "its commit is under way still");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_host_asks_for_no_work() {
    let (wire, host) = host().await;
    host.run(json!([])).await;
    let names = ["claim", "scan_lanes", "lock_claimed", "commit_plain"];
    let before: Vec<u64> = names.iter().map(|name| wire.sent(name)).collect();
    let beats = wire.sent("beat");
    eventually("ten beats", async || (wire.sent("beat") >= beats + 10).then_some(())).await;
    assert_eq!(since(&wire, &names, &before), [0, 0, 0, 0]);
}
