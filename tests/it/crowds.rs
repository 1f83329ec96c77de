//! A crowd of rows that cannot run is in nobody's way, and costs next to nothing to have.

use gd_tests::{Api, HostProcess, TestDatabase, release};
use serde_json::json;

/// Rows that cannot run.
const CROWD: i64 = 100_000;
/// Index entries of them that a host may read while it runs a few others. Measured: 7 to 15, and 200 more for a look at who gets tokens.
const READ_MAX: i64 = 1_000;
const READ: &str = "select sum(idx_tup_read)::bigint from pg_stat_user_indexes
    where indexrelname in ('instance_lane', 'instance_wants_tokens', 'instance_wants_slot', 'instance_suspect')";

/// A crowd like the first instance, with these columns instead.
async fn crowd(database: &TestDatabase, status: i16, column: &str, value: &str) {
    let columns = "tenant_id, fsm_id, queue_id, version, step, state";
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "insert into gd.instance ({columns}, status, {column})
         select {columns}, $1, {value} from gd.instance cross join generate_series(1, $2) where id = 1"
    )))
    .bind(status)
    .bind(CROWD)
    .execute(database.pool())
    .await
    .expect("the crowd can be there");
    database.execute("analyze gd.instance").await;
}

async fn start(api: &Api, body: serde_json::Value) -> String {
    let started = api.post("/v1/instances", body.to_string()).await;
    assert!(started.status < 300, "{started:?}");
    started.json()["id"].as_str().expect("it has an id").to_owned()
}

/// Runs a few instances behind such a crowd, and says how much of it was read meanwhile.
async fn read_behind(status: i16, column: &str, value: &str) -> i64 {
    let database = TestDatabase::migrated().await;
    let mut first = host(&database).await;
    assert!(first.api().post("/v1/deployments", release(1)).await.status < 300);
    start(&first.api(), json!({ "fsm": "probe", "state": { "plan": [{ "do": "await", "names": ["never"] }] } })).await;
    // What a session has read is told with its end, and a crowd that is not committed yet costs whoever looks meanwhile.
    assert_eq!(first.terminate().await.code(), Some(0), "{}", first.log());
    database.execute("insert into gd.rate_limit values (1, 'slow', 1, 3600000, 1)").await;
    crowd(&database, status, column, value).await;
    let before = database.count(READ).await;
    let mut second = host(&database).await;
    for _ in 0..5 {
        let free = start(&second.api(), json!({ "fsm": "probe", "priority": 1, "state": {} })).await;
        let ended = second.api().get(&format!("/v1/instances/{free}/wait?timeout_ms=20000")).await;
        assert_eq!(ended.json()["status"], json!("done"), "it is hidden by nobody");
    }
    assert_eq!(second.terminate().await.code(), Some(0), "{}", second.log());
    database.count(READ).await - before
}

async fn host(database: &TestDatabase) -> HostProcess {
    HostProcess::serve(database.url(), &["--drain-timeout", "200ms"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pck_16_rows_that_are_due_later_are_not_read() {
    let read = read_behind(0, "eligible_at", "now() + interval '1 d'").await;
    assert!(read < READ_MAX, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_wait_for_tokens_are_not_read() {
    let read = read_behind(5, "rate_limit", "'slow'").await;
    assert!(read < READ_MAX, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_wait_for_a_slot_are_not_read() {
    let read = read_behind(4, "concurrency_key", "'k'").await;
    assert!(read < READ_MAX, "{read}");
}
