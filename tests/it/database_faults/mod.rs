//! A database that answers too late, too little or not at all: everything still ends, and once.
//!
//! A host whose clock is wrong has no test here: no decision reads it. Clippy keeps the host from `SystemTime::now` and
//! `jiff::Timestamp::now`, delays and deadlines are computed in the statements, and waits are counted by the monotonic clock.

mod answers;
mod outages;
mod restart;

use std::sync::Arc;

use gd_core::{InstanceId, Status};
use gd_tests::wire::Wire;
use gd_tests::{Instance, TestDatabase, TestHost, column, eventually};
use serde_json::{Value, json};

/// A host with the probe, whose database is at the other end of a wire.
async fn wired() -> (Wire, TestHost) {
    let database = Arc::new(TestDatabase::migrated().await);
    let wire = Wire::to(database.url()).await;
    let host = TestHost::through(&wire, database, |_, _| ()).await;
    host.deploy(gd_tests::guest("probe")).await;
    (wire, host)
}

/// A plan of so many rounds, each with a step in place, one that lets others go first, and one that waits a moment: three visits.
fn rounds(count: usize) -> Value {
    let round = [json!({ "do": "next" }), json!({ "do": "requeue" }), json!({ "do": "delay", "ms": 20 })];
    json!(vec![round; count].concat())
}

/// Waits until the instance is done, whatever the database does meanwhile, and holds what is left of it to one linear chain: each
/// visit up to `last` was committed once, under a claim of its own.
async fn ends_once(host: &TestHost, id: InstanceId, last: i64) {
    let probe = eventually("the instance ends", async || {
        let read = host.host.get(host.tenant, id).await.ok().map(Instance)?;
        read.status.is_terminal().then_some(read)
    })
    .await;
    assert_eq!(probe.status, Status::Done, "{:?}", probe.error);
    let visits: Vec<i64> = (0..=last).collect();
    assert_eq!(column(&probe.notes(), "visit"), json!(visits), "instance {id} went through each visit once");
    let history = host.history(id).await;
    assert!(history.windows(2).all(|pair| pair[0].claim < pair[1].claim), "{history:#?}");
    let committed: Vec<i64> =
        history.iter().filter(|row| row.outcome.word() != "recovered").map(|row| row.visit).collect();
    assert_eq!(committed, visits, "instance {id} was committed once in each visit");
    let results = sqlx::query_scalar("select count(*) from gd.finished where id = $1").bind(id.0);
    let results: i64 = results.fetch_one(host.database.pool()).await.unwrap();
    assert_eq!(results, 1, "instance {id} has one result");
}

/// Nothing that belongs together was written in part.
async fn nothing_half_applied(database: &TestDatabase) {
    for half in [
        "select count(*) from gd.attempt a left join gd.instance i on i.id = a.instance_id left join gd.finished f on f.id = a.instance_id \
         where a.claim >= coalesce(i.claim, f.claim, 0)",
        "select count(*) from gd.finished f where not exists \
         (select from gd.attempt a where a.instance_id = f.id and a.claim = f.claim - 1)",
        "select count(*) from gd.instance i join gd.finished f on f.id = i.id",
        "select count(*) from gd.signal s where not exists (select from gd.instance i where i.id = s.target)",
    ] {
        assert_eq!(database.count(half).await, 0, "{half}");
    }
}
