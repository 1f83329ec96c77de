//! A host at its defaults that runs the machine `order`, and as many instances of it as one likes, all there at once.

use std::sync::Arc;

use gd_core::InstanceId;
use gd_host::engine::EngineConfig;
use gd_host::host::Start;
use gd_host::store::HistoryLevel;
use gd_tests::{TestDatabase, TestHost, eventually};
use sqlx::PgConnection;
use sqlx::pool::PoolConnection;
use sqlx::postgres::Postgres;

/// The machine: built once of `examples/order`, never built again, so that no figure moves with the compiler of guests.
pub(crate) const COMPONENT: &[u8] = include_bytes!("../../wit/golden/fsm-0.1.0.wasm");
/// Steps of one instance: four `next`, and the one that is done.
pub(crate) const STEPS: u32 = 5;

/// Copies of an ended instance, as it was at its start.
const SEED: &str = "
    with seeded as (
        insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state)
        select tenant_id, fsm_id, queue_id, version, 'receive', $2
        from gd.finished cross join generate_series(1, $3)
        where id = $1
        returning id
    )
    select min(id) from seeded";
/// Goes by the two small partial indexes.
const IDLE: &str = "
    select not exists (select from gd.instance where status = 1)
       and not exists (select from gd.instance where status = 0 and not held)";

/// A host with the machine deployed.
pub(crate) struct Orders {
    host: TestHost,
    /// Looks without reading a whole table beside the host, which would do some of its work for it.
    session: PoolConnection<Postgres>,
    /// An instance that has ended.
    model: InstanceId,
}

impl Orders {
    /// On this database.
    pub(crate) async fn on(database: Arc<TestDatabase>) -> Self {
        let host = TestHost::on(database, |engine, _| *engine = EngineConfig::default()).await;
        host.deploy(COMPONENT.to_vec()).await;
        let model = host.start(start(order(200))).await;
        host.ended(model).await;
        let mut session = host.database.pool().acquire().await.expect("a connection is free");
        sqlx::query("set enable_seqscan = off").execute(&mut *session).await.expect("it can be set");
        Self { host, session, model }
    }

    /// How much of the history is kept from now on.
    pub(crate) async fn keep(&self, history: HistoryLevel) {
        let set = self.host.host.set_history(self.host.tenant, "order", history).await;
        set.unwrap_or_else(|error| panic!("the level cannot be set: {error}"));
    }

    /// Runs so many instances to their end, and says how many bytes of log were written from the commit by which they are there.
    pub(crate) async fn run(&mut self, instances: u32, state: &str) -> i64 {
        let mut seeding = self.host.database.pool().begin().await.expect("a connection is free");
        let first: i64 = sqlx::query_scalar(SEED)
            .bind(self.model.0)
            .bind(state.as_bytes())
            .bind(i32::try_from(instances - 1).expect("a test's number is small"))
            .fetch_one(&mut *seeding)
            .await
            .expect("instances can be copied");
        let before = log_position(&mut seeding).await;
        seeding.commit().await.expect("the copies can be committed");
        // The last one comes in a batch of its own, which goes by the lane: with it the host learns that there is work.
        let last = self.host.host.start_many(self.host.tenant, vec![start(state.to_owned())]).await;
        let last = last.expect("the database answers").remove(0).expect("the start is accepted");
        self.host.ended(last.id).await;
        eventually("all have ended", async || self.is_idle().await.then_some(())).await;
        let bytes = log_position(&mut self.session).await - before;
        self.check(first, instances).await;
        bytes
    }

    /// Stops the host, so that the server has the counts of all of its sessions.
    pub(crate) async fn stop(self) -> Arc<TestDatabase> {
        let Self { host, session, .. } = self;
        host.host.shut_down().await;
        drop(session);
        host.database.clone()
    }

    async fn is_idle(&mut self) -> bool {
        sqlx::query_scalar(IDLE).fetch_one(&mut *self.session).await.expect("the rows can be read")
    }

    /// Every instance from `first` on is done: anything else would be another amount of work.
    async fn check(&mut self, first: i64, instances: u32) {
        let done: i64 = sqlx::query_scalar("select count(*) from gd.finished where id >= $1 and status = 10")
            .bind(first)
            .fetch_one(&mut *self.session)
            .await
            .expect("the rows can be read");
        assert_eq!(done, i64::from(instances), "instances that are done");
    }
}

/// Bytes of write-ahead log that were ever written.
async fn log_position(session: &mut PgConnection) -> i64 {
    let sql = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
    sqlx::query_scalar(sql).fetch_one(session).await.expect("the position can be read")
}

fn start(state: String) -> Start {
    Start { fsm: "order".into(), state: Some(state.into_bytes()), ..Start::default() }
}

/// An order as JSON of exactly so many bytes, 200 at least: with as many lines as fit, the rest in the customer's name.
pub(crate) fn order(bytes: usize) -> String {
    let line =
        |n: usize| format!(r#"{{"article":"SKU-{n:05}","quantity":{},"cents":{}}}"#, n % 7 + 1, 100 + n * 37 % 9_000);
    let document = |name: &str, lines: &[String]| {
        let lines = lines.join(",");
        format!(
            r#"{{"order":4711,"customer":"Ada{name}","lines":[{lines}],"total_cents":0,"units":0,"parcels":0,"shipped":false}}"#
        )
    };
    let mut lines = vec![line(1)];
    while document("", &lines).len() <= bytes {
        lines.push(line(lines.len() + 1));
    }
    lines.pop();
    let rest = bytes - document("", &lines).len();
    document(&"x".repeat(rest), &lines)
}
