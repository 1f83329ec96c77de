//! What the checks play on: a database, a wire per session, and rows as a check needs them.

use std::time::Duration;

use gd_core::{Claim, Descriptor, Form, InstanceId, Lane, Limits, Scope, SignalId, StepInfo, Version, Wake, WorkerId};
use gd_host::store::{NewInstance, Store};
use gd_tests::TestDatabase;
use gd_tests::orders::Orders;
use gd_tests::wire::{Rewrite, Wire};
use sqlx::PgPool;

use super::side::Side;

/// Where every instance of a check waits.
pub(crate) const LANE: Lane = Lane { tenant: 1, queue: 1, priority: 0 };
/// Silence after which a worker counts as dead here.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

/// Statements of a commit that change nothing for others: what they touch is guarded by the row that the transaction holds, or its own.
pub(crate) const OWN_AFFAIRS: [&str; 5] = ["begin", "consume_signals", "record_attempts", "record_logs", "read_inbox"];

/// As few partitions as a test needs that is run around midnight: planning is what takes the time here.
const TWO_PARTITIONS: &str = "do $$ declare name text; begin
    for name in select inhrelid::regclass::text from pg_inherits join pg_class on pg_class.oid = inhrelid
        where relkind = 'r' and inhparent in ('gd.attempt'::regclass, 'gd.finished'::regclass)
        and right(relname, 8) not in (to_char(now() at time zone 'utc', 'YYYYMMDD'), to_char(now() at time zone 'utc' + interval '1 d', 'YYYYMMDD'))
    loop execute 'drop table ' || name; end loop;
end $$";

/// A database of its own, and two or three sessions that reach it over wires.
pub(crate) struct Stage {
    database: TestDatabase,
    wires: Vec<Wire>,
    pub(crate) sides: Vec<Side>,
    /// Past all wires, for what a check does before and after.
    pub(crate) house: Side,
}

/// An instance that a worker is at, and the worker.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) id: InstanceId,
    pub(crate) worker: WorkerId,
    pub(crate) claim: Claim,
    /// Signals that its attempt was handed.
    pub(crate) handed: Vec<SignalId>,
}

/// A row as the checks look at it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) status: i16,
    pub(crate) owner: Option<i64>,
    pub(crate) claim: i64,
    pub(crate) attempt: i32,
    pub(crate) visit: i64,
    pub(crate) wake: i16,
    pub(crate) state: Vec<u8>,
}

impl Stage {
    /// Three sessions whose statements have this defect, if one is given. The house's are whole.
    pub(crate) async fn new(defect: Option<&Rewrite>) -> Self {
        let database = TestDatabase::migrated().await;
        database.execute(TWO_PARTITIONS).await;
        let (mut wires, mut sides) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let wire = Wire::to(database.url()).await;
            defect.into_iter().for_each(|defect| wire.rewrite(defect.clone()));
            sides.push(Side::new(wire.url()).await);
            wires.push(wire);
        }
        let house = Side::new(database.url()).await;
        Self { database, wires, sides, house }
    }

    /// How many statements had the defect.
    pub(crate) fn rewritten(&self) -> u64 {
        self.wires.iter().map(Wire::rewritten).sum()
    }

    /// Every order of parts of so many sides.
    pub(crate) fn orders(&self, sides: usize) -> Orders {
        Orders::new(self.pool(), &self.wires.iter().take(sides).collect::<Vec<_>>())
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Removes every row of the round before.
    pub(crate) async fn clear(&self) {
        self.database
            .execute(
                "delete from gd.instance; delete from gd.child_outcome; delete from gd.signal; delete from gd.signal_dedup; delete from gd.identity; \
                 delete from gd.worker; delete from gd.attempt; delete from gd.finished",
            )
            .await;
    }

    /// A worker that lives and has just beaten.
    pub(crate) async fn worker(&self) -> WorkerId {
        self.worker_silent_for("0 s").await
    }

    /// A worker whose last beat is this long ago; its lease is not over.
    pub(crate) async fn worker_silent_for(&self, silence: &str) -> WorkerId {
        let sql = "insert into gd.worker (id, host, beat_at, expires_at) \
                   select coalesce(max(id), 100) + 1, 'test', now() - $1::interval, now() + interval '1 h' from gd.worker returning id";
        WorkerId(self.scalar(sqlx::query_scalar(sql).bind(silence)).await)
    }

    /// An instance that a living worker executes, with a signal `go` in its inbox for each that its attempt was handed.
    pub(crate) async fn executing(&self, handed: usize) -> Held {
        let worker = self.worker().await;
        self.executed_by(worker, handed).await
    }

    /// The same of this worker.
    pub(crate) async fn executed_by(&self, worker: WorkerId, handed: usize) -> Held {
        let sql = "insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state, status, owner, claim, awaits) \
                   values (1, 1, 1, 1, 'run', 'old', 1, $1, 5, $2) returning id";
        let awaits = (handed > 0).then(|| vec!["go".to_owned()]);
        let id = InstanceId(self.scalar(sqlx::query_scalar(sql).bind(worker.0).bind(awaits)).await);
        let mut signals = Vec::new();
        for _ in 0..handed {
            let sql = "insert into gd.signal (target, name, received_at) values ($1, 'go', 'epoch') returning id";
            signals.push(SignalId(self.scalar(sqlx::query_scalar(sql).bind(id.0)).await));
        }
        Held { id, worker, claim: Claim(5), handed: signals }
    }

    /// An instance that is parked for the signal `go`, and whose deadline, if it has one, is over.
    pub(crate) async fn parked(&self, deadline: Option<&str>) -> InstanceId {
        let sql = "insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, status, claim, awaits, await_deadline, wake) \
                   values (1, 1, 1, 1, 'run', 2, 5, '{go}', now() - $1::interval, $2) returning id";
        InstanceId(self.scalar(sqlx::query_scalar(sql).bind(deadline).bind(Wake::Signal.code())).await)
    }

    /// An instance that is due.
    pub(crate) async fn runnable(&self) -> InstanceId {
        let sql = "insert into gd.instance (tenant_id, fsm_id, queue_id, version, step, state) \
                   values (1, 1, 1, 1, 'run', 'old') returning id";
        InstanceId(self.scalar(sqlx::query_scalar(sql)).await)
    }

    /// What this worker gets when it claims one instance past all wires.
    pub(crate) async fn claimed_by(&self, worker: WorkerId) -> Result<Held, String> {
        self.claimed_by_side(&self.house, worker).await
    }

    /// The same through this side.
    pub(crate) async fn claimed_by_side(&self, side: &Side, worker: WorkerId) -> Result<Held, String> {
        let claimed = side.claim(worker).await?;
        let [claimed] = claimed.as_slice() else { return Err(format!("{} instances were claimed", claimed.len())) };
        Ok(Held { id: claimed.id, worker, claim: claimed.claim, handed: claimed.inbox.handed() })
    }

    /// A start with the key `k`, which is free after the end or kept beyond a good one.
    pub(crate) fn keyed(&self, kept: Scope) -> NewInstance {
        NewInstance {
            fsm: 1,
            version: Version(1),
            step: if kept.on_done { "kept".into() } else { "run".into() },
            state: b"old".to_vec(),
            queue: LANE.queue,
            priority: LANE.priority,
            delay_ms: 0,
            due_ms: None,
            correlation_key: Some("k".into()),
            scope: kept,
            shared_key: false,
            concurrency_key: None,
            rate_limit: None,
            weight: 1,
            parent: None,
        }
    }

    /// A start without a key, of an FSM to whose version callers are routed.
    pub(crate) async fn plain(&self) -> NewInstance {
        let sql = "insert into gd.fsm (id, tenant_id, name, routed_version) overriding system value values (1, 1, 'staged', 1) \
                   on conflict (id) do update set routed_version = 1 returning id::bigint";
        self.scalar(sqlx::query_scalar(sql)).await;
        NewInstance { correlation_key: None, ..self.keyed(Scope::default()) }
    }

    /// The row of a live instance.
    pub(crate) async fn row(&self, id: InstanceId) -> Option<Row> {
        let sql = "select status, owner, claim, attempt, visit, wake, state from gd.instance where id = $1";
        sqlx::query_as(sql).bind(id.0).fetch_optional(self.pool()).await.expect("a row can be read")
    }

    /// Ids of the signals in an inbox.
    pub(crate) async fn inbox(&self, id: InstanceId) -> Vec<SignalId> {
        let sql = "select id from gd.signal where target = $1 order by id";
        let ids: Vec<i64> = sqlx::query_scalar(sql).bind(id.0).fetch_all(self.pool()).await.expect("it can be read");
        ids.into_iter().map(SignalId).collect()
    }

    /// Claims and outcomes in the history of an instance.
    pub(crate) async fn history(&self, id: InstanceId) -> Vec<(i64, i16)> {
        let sql = "select claim, outcome from gd.attempt where instance_id = $1 order by claim, outcome";
        sqlx::query_as(sql).bind(id.0).fetch_all(self.pool()).await.expect("the history can be read")
    }

    /// One number.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.database.count(sql).await
    }

    async fn scalar(
        &self,
        query: sqlx::query::QueryScalar<'_, sqlx::Postgres, i64, sqlx::postgres::PgArguments>,
    ) -> i64 {
        query.fetch_one(self.pool()).await.unwrap_or_else(|error| panic!("a row cannot be made: {error}"))
    }
}

/// A machine with one step.
pub(crate) fn machine() -> Descriptor {
    Descriptor {
        fsm: "staged".into(),
        form: Form::Machine,
        initial_step: "run".into(),
        steps: vec![StepInfo { name: "run".into(), next: vec![], awaits: vec![] }],
        queue: None,
        state_version: 1,
        migrates_from: vec![],
        has_handle: false,
        max_attempts: 20,
        backoff: gd_core::Backoff::default(),
        state_content_type: "application/json".into(),
        state_schema: None,
        sdk: "none".into(),
    }
}

/// A store for one session, with as few connections as it needs.
pub(crate) async fn store(url: &str) -> Store {
    Store::connect(url, 2).await.unwrap_or_else(|error| panic!("the store does not connect: {error}"))
}

/// Limits that nothing here meets.
pub(crate) fn limits() -> Limits {
    Limits::default()
}
