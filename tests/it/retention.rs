//! What is over is kept for as long as it was said, and then goes with all that it left.

use std::sync::Arc;
use std::time::Duration;

use gd_host::store::Store;
use gd_tests::{HostProcess, TestDatabase, TestHost, eventually};
use serde_json::json;

/// A host that sweeps all the time.
async fn sweeping(database: &Arc<TestDatabase>, kept: Option<Duration>) -> TestHost {
    TestHost::on(database.clone(), |engine, _| {
        (engine.retention, engine.retention_interval, engine.retention_batch) = (kept, Duration::from_millis(50), 2);
    })
    .await
}

async fn database() -> Arc<TestDatabase> {
    let database = Arc::new(TestDatabase::migrated().await);
    database
        .execute(
            "create function ended(id bigint, status int, ended_at timestamptz, parent bigint default null, key text default null)
             returns void language sql as $$
                 insert into gd.finished (id, ended_at, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults,
                     visit, claim, correlation_key, step, state, parent)
                 values (id, ended_at, ended_at, 1, 1, 1, 1, status, 0, 0, 0, 0, 1, key, 'run', '', parent);
                 insert into gd.attempt (instance_id, claim, at, worker, visit, attempt, version, wake, outcome, step)
                 values (id, 1, ended_at, 1, 0, 0, 1, 0, 0, 'run');
                 insert into gd.attempt_log (instance_id, claim, at, lines) values (id, 1, ended_at, '[]');
                 insert into gd.attempt_input (instance_id, claim, at, input) values (id, 1, ended_at, '{}');
                 insert into gd.signal (target, name) values (id, 'late');
                 insert into gd.signal_dedup (target, dedup_key) values (id, 'd');
                 insert into gd.identity (tenant_id, key, holder, keeps) select 1, key, id, 7 where key is not null
             $$;
             create function lives(id bigint, parent bigint default null) returns void language sql as $$
                 insert into gd.instance (id, tenant_id, fsm_id, queue_id, version, step, parent, created_at, eligible_at, updated_at)
                 values (id, 1, 1, 1, 1, 'run', parent, '2001-01-01', now() + interval '1 d', '2001-01-01');
                 insert into gd.signal (target, name) values (id, 'go')
             $$;
             create function day(day text) returns void language plpgsql as $$
             declare base text; began timestamptz := (day || ' 00:00:00+00')::timestamptz;
             begin
                 foreach base in array array['finished', 'attempt', 'attempt_log', 'attempt_input'] loop
                     execute format('create table gd.%I partition of gd.%I for values from (%L) to (%L)',
                         base || '_' || day, base, began, began + interval '1 d');
                 end loop;
             end $$",
        )
        .await;
    database
}

/// Waits until a whole sweep has gone by: it begins with the buckets, so that of two buckets the second goes after the first sweep.
async fn swept(database: &TestDatabase) {
    for _ in 0..2 {
        database
            .execute("insert into gd.bucket (tenant_id, key, level, refilled_at) values (9, 'orphan', 0, now())")
            .await;
        gone(database, "select count(*) from gd.bucket where tenant_id = 9").await;
    }
}

async fn gone(database: &TestDatabase, count: &'static str) {
    eventually(count, async || (database.count(count).await == 0).then_some(())).await;
}

const EVERYTHING: &str = "select (select count(*) from gd.finished) + (select count(*) from gd.attempt) + (select count(*) from gd.attempt_log)
    + (select count(*) from gd.attempt_input)
    + (select count(*) from gd.signal) + (select count(*) from gd.signal_dedup) + (select count(*) from gd.identity)
    + (select count(*) from gd.child_outcome)";

#[tokio::test(flavor = "multi_thread")]
async fn gc_01_04_08_what_ended_before_the_time_goes_with_all_it_left_and_nothing_else_does() {
    let database = database().await;
    database
        .execute(
            "select ended(1, 10, now() - interval '61 s', key => 'a'), ended(2, 11, now() - interval '61 s', key => 'b'),
                 ended(5, 12, now() - interval '62 s'), ended(3, 10, now(), key => 'c'), lives(4);
             insert into gd.child_outcome (parent, round, index, child, fsm_id, status, state) values (1, 1, 0, 9, 1, 10, ''), (4, 1, 0, 9, 1, 10, '')",
        )
        .await;
    let _host = sweeping(&database, Some(Duration::from_secs(60))).await;
    gone(&database, "select count(*) from gd.finished where id in (1, 2, 5)").await;
    swept(&database).await;
    assert_eq!(database.count("select count(*) from gd.finished where id = 3").await, 1);
    assert_eq!(database.count("select count(*) from gd.instance where id = 4").await, 1);
    assert_eq!(database.count("select count(*) from gd.identity where key = 'c'").await, 1);
    assert_eq!(database.count("select sum(target)::bigint from gd.signal").await, 7, "the inboxes of 3 and 4");
    assert_eq!(database.count("select sum(target)::bigint from gd.signal_dedup").await, 3);
    assert_eq!(database.count("select sum(parent)::bigint from gd.child_outcome").await, 4);
    assert_eq!(database.count("select sum(instance_id)::bigint from gd.attempt").await, 3);
    assert_eq!(database.count("select sum(instance_id)::bigint from gd.attempt_log").await, 3);
    assert_eq!(database.count("select sum(instance_id)::bigint from gd.attempt_input").await, 3);
    assert_eq!(database.count("select count(*) from gd.identity").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_02_a_child_is_kept_while_its_parent_lives_and_goes_after_it() {
    let database = database().await;
    database
        .execute("select lives(1), ended(2, 10, now() - interval '62 s', parent => 1), ended(3, 10, now() - interval '61 s')")
        .await;
    let _host = sweeping(&database, Some(Duration::from_secs(60))).await;
    gone(&database, "select count(*) from gd.finished where id = 3").await;
    swept(&database).await;
    assert_eq!(database.count("select count(*) from gd.finished where id = 2").await, 1);
    assert_eq!(database.count("select count(*) from gd.signal where target = 2").await, 1);
    database.execute("delete from gd.instance; delete from gd.signal where target = 1; select ended(1, 10, now() - interval '61 s')").await;
    gone(&database, EVERYTHING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_04_children_of_a_parent_that_is_gone_have_none() {
    let database = database().await;
    database
        .execute(
            "select ended(1, 10, now() - interval '61 s'), lives(2, parent => 1), ended(3, 10, now(), parent => 1)",
        )
        .await;
    let _host = sweeping(&database, Some(Duration::from_secs(60))).await;
    gone(&database, "select count(*) from gd.finished where id = 1").await;
    assert_eq!(database.count("select count(*) from gd.instance where id = 2 and parent is null").await, 1);
    assert_eq!(database.count("select count(*) from gd.finished where id = 3 and parent is null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_05_what_is_swept_is_counted() {
    let database = database().await;
    database.execute("select ended(n, 10, now() - interval '2 h') from generate_series(1, 5) n").await;
    let host = HostProcess::serve(database.url(), &["--retention", "1h"]).await;
    gone(&database, "select count(*) from gd.finished").await;
    let swept = "gd_retention_swept_total 5";
    eventually("the metric tells", async || host.api().get("/metrics").await.text.contains(swept).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_06_without_retention_everything_stays() {
    let database = database().await;
    database.execute("select day('20010101'); select ended(1, 10, '2001-01-01 12:00:00+00'), ended(2, 10, now() - interval '2 h')").await;
    let _host = sweeping(&database, None).await;
    swept(&database).await;
    assert_eq!(database.count("select count(*) from gd.finished").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_are_over_go_as_a_whole() {
    let database = database().await;
    database
        .execute(
            "select day('20010101'), day('20010102'), day('20010103');
             select ended(n, 10, '2001-01-01 12:00:00+00', key => 'k' || n) from generate_series(1, 5) n;
             select ended(n, 10, '2001-01-02 00:00:00+00', key => 'k' || n) from generate_series(6, 7) n;
             alter table gd.attempt_log detach partition gd.attempt_log_20010103;
             select ended(8, 10, now() - interval '23 h')",
        )
        .await;
    let _host = sweeping(&database, Some(Duration::from_secs(24 * 60 * 60))).await;
    gone(&database, "select count(*) from pg_class where relname ~ '_200101..$'").await;
    assert_eq!(database.count(EVERYTHING).await, 6, "what is not over is all there");
    assert_eq!(database.count("select count(*) from gd.finished where id = 8").await, 1);
    assert_eq!(
        database.count("select gd.make_partitions(7)::bigint").await,
        0,
        "those of today and the days to come stand"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gc_02_a_day_that_holds_a_child_of_a_living_parent_is_emptied_of_the_rest() {
    let database = database().await;
    database
        .execute(
            "select day('20010101'); select lives(1), ended(2, 10, '2001-01-01 12:00:00+00', parent => 1);
             select ended(n, 10, '2001-01-01 11:00:00+00', key => 'k' || n) from generate_series(3, 7) n",
        )
        .await;
    let _host = sweeping(&database, Some(Duration::from_secs(24 * 60 * 60))).await;
    gone(&database, "select count(*) from gd.finished where id > 2").await;
    gone(&database, "select count(*) from gd.identity").await;
    swept(&database).await;
    assert_eq!(database.count("select count(*) from gd.finished where id = 2").await, 1);
    database.execute("delete from gd.instance").await;
    gone(&database, "select count(*) from pg_class where relname ~ '_20010101$'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_somebody_reads_is_dropped_later_and_nobody_waits_meanwhile() {
    let database = database().await;
    database.execute("select day('20010101'); select ended(1, 10, '2001-01-01 12:00:00+00')").await;
    let mut reader = database.pool().begin().await.unwrap();
    sqlx::query("select from gd.finished").execute(&mut *reader).await.unwrap();
    let host = sweeping(&database, Some(Duration::from_secs(24 * 60 * 60))).await;
    host.deploy(gd_tests::guest("probe")).await;
    eventually("it is about to be detached", async || {
        let pending = database.count("select count(*) from pg_inherits where inhdetachpending").await;
        (pending == 1).then_some(())
    })
    .await;
    for _ in 0..20 {
        host.run(json!([{ "do": "next" }])).await;
    }
    assert_eq!(database.count("select count(*) from pg_class where relname = 'finished_20010101'").await, 1);
    reader.rollback().await.unwrap();
    gone(&database, "select count(*) from pg_class where relname ~ '_20010101$'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn top_06_two_hosts_may_sweep_at_once() {
    let database = database().await;
    database
        .execute(
            "select day('20010101'); select ended(n, 10, '2001-01-01 12:00:00+00', key => 'k' || n) from generate_series(1, 50) n;
             select ended(n, 11, now() - interval '2 h', key => 'k' || n) from generate_series(51, 100) n",
        )
        .await;
    let kept = Some(Duration::from_secs(3_600));
    let _hosts = tokio::join!(sweeping(&database, kept), sweeping(&database, kept), sweeping(&database, kept));
    gone(&database, EVERYTHING).await;
    gone(&database, "select count(*) from pg_class where relname ~ '_20010101$'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_sweeps_at_a_time() {
    let database = TestDatabase::migrated().await;
    let store = Store::connect(database.url(), 2).await.unwrap();
    let first = store.begin_sweep().await.unwrap().unwrap();
    assert!(store.begin_sweep().await.unwrap().is_none());
    first.end().await;
    eventually("the next may", async || store.begin_sweep().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rat_20_buckets_that_are_full_again_or_nobodys_go() {
    let database = database().await;
    database
        .execute(
            "insert into gd.rate_limit (tenant_id, name, allowed, period_ms, burst, changed_at) values
                 (0, 'mail', 10, 1000, 50, now() - interval '1 h'), (1, 'frozen', 0, 1000, 5, now() - interval '1 h'),
                 (1, 'slow', 1, 1000, 5, now() - interval '1 h');
             insert into gd.bucket (tenant_id, key, level, refilled_at) values
                 (1, 'mail:idle', 0, now() - interval '6 s'), (1, 'nobody', 0, now()),
                 (1, 'slow:fresh', 0, now() + interval '1 h'), (1, 'frozen', 0, now() - interval '1 h')",
        )
        .await;
    let _host = sweeping(&database, None).await;
    swept(&database).await;
    let kept: Vec<String> =
        sqlx::query_scalar("select key from gd.bucket order by key").fetch_all(database.pool()).await.unwrap();
    assert_eq!(kept, ["frozen", "slow:fresh"]);
}
