//! Many outcomes in one commit.

use std::sync::Arc;
use std::time::Duration;

use gd_core::{InstanceId, Status};
use gd_tests::wire::Wire;
use gd_tests::{TestDatabase, TestHost, guest};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::aid::{claims, when};

/// A host on a slow wire, so that what ends at the same time is committed together.
async fn slow() -> (Wire, TestHost) {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database, |engine, _| engine.concurrency = 128).await;
    host.deploy(guest("probe")).await;
    wire.delay(Duration::from_millis(10));
    (wire, host)
}

/// Starts so many probes that all run at the same time, and then end their first step so.
async fn at_once(host: &TestHost, count: usize, act: impl Fn(usize) -> Value) -> Vec<InstanceId> {
    let start = |n| host.plan(json!([{ "do": "sleep", "ms": 1_500 }, act(n), { "do": "await", "names": ["end"] }]));
    futures::future::join_all((0..count).map(start)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn fls_01_every_outcome_of_a_mixed_batch_is_written_as_if_it_were_alone() {
    let (wire, host) = slow().await;
    let acts = [
        json!({ "do": "delay", "ms": 3_600_000 }),
        json!({ "do": "retry", "times": 1, "ms": 3_600_000 }),
        json!({ "do": "done", "value": "well" }),
        json!({ "do": "stop", "reason": "ill" }),
    ];
    let flushes = wire.sent("lock_claimed");
    let ids = at_once(&host, 40, |n| acts[n % 4].clone()).await;
    for (n, id) in ids.into_iter().enumerate() {
        let probe = when(&host, id, |probe| probe.claim == 2).await;
        match n % 4 {
            0 => assert_eq!((probe.status, probe.visit, probe.attempt), (Status::Runnable, 1, 0)),
            1 => assert_eq!((probe.status, probe.visit, probe.attempt), (Status::Runnable, 0, 1)),
            2 => assert_eq!(probe.result(), json!("well")),
            _ => assert_eq!(probe.failure(), ("stop", "ill", None)),
        }
        assert_eq!(host.history(id).await.len(), 1);
    }
    let flushes = wire.sent("lock_claimed") - flushes;
    assert!(flushes < 20, "40 outcomes went into {flushes} batches");
}

#[tokio::test(flavor = "multi_thread")]
async fn fls_02_one_that_lost_its_claim_is_left_out_of_its_batch() {
    let (_wire, host) = slow().await;
    let ids = at_once(&host, 10, |_| json!({ "do": "next" })).await;
    when(&host, ids[3], |probe| probe.status == Status::Executing).await;
    let moved = sqlx::query("update gd.instance set claim = claim + 10 where id = $1").bind(ids[3].0);
    moved.execute(host.database.pool()).await.unwrap();
    for (n, id) in ids.into_iter().enumerate() {
        host.settled(id).await;
        let claims = claims(&host, id).await;
        assert_eq!(claims.len(), 2, "{claims:?}");
        assert_eq!(claims[0] > 10, n == 3, "{n}: {claims:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fls_07_one_that_cannot_be_stored_fails_alone() {
    let (_wire, host) = slow().await;
    let refuse = "create function refuse() returns trigger language plpgsql as $$ begin \
                  if octet_length(new.state) > 5000 then raise exception 'no room' using errcode = '22000'; end if; \
                  return new; end $$; \
                  create trigger refuse before update on gd.instance for each row execute function refuse()";
    host.database.execute(refuse).await;
    let pad = |n| json!({ "do": "pad", "bytes": if n == 41 { 6_000 } else { 10 } });
    let start = |n| host.plan(json!([{ "do": "sleep", "ms": 1_500 }, pad(n), { "do": "requeue" }]));
    let began = Instant::now();
    let ids = futures::future::join_all((0..100).map(start)).await;
    for (n, id) in ids.into_iter().enumerate() {
        let probe = host.ended(id).await;
        if n == 41 {
            assert_eq!((probe.failure().0, probe.failure().2), ("invalid-outcome", Some("unstorable")));
        } else {
            assert_eq!(probe.status, Status::Done, "{:?}", probe.error);
            assert_eq!(host.outcomes(id).await, ["next", "done"]);
        }
    }
    assert!(began.elapsed().as_secs() < 20, "no lease was waited for: {:?}", began.elapsed());
}
