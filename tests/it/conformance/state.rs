//! States, results and payloads as they are stored, and the schema that stores them.

use gd_tests::{TestDatabase, TestHost};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;

#[tokio::test(flavor = "multi_thread")]
async fn sta_02_sta_03_every_way_to_write_one_stores_an_object_and_not_its_text() {
    let host = TestHost::with_probe().await;
    let stored = async |sql: &'static str| -> Value {
        let bytes: Vec<u8> = sqlx::query_scalar(sql).fetch_one(host.database.pool()).await.unwrap();
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{sql}: {error}"))
    };
    let plan = json!([{ "do": "await", "names": ["never"] }, { "do": "await", "names": ["never"] }]);
    let id = host.plan(plan).await;
    host.settled(id).await;
    let state = stored("select state from gd.instance").await;
    assert!(state.is_object(), "an outcome's state: {state}");
    host.signal(id, "other", json!({ "n": 1 })).await;
    assert_eq!(stored("select payload from gd.signal").await, json!({ "n": 1 }));
    host.host.cancel(host.tenant, id, None).await.unwrap();
    let mut start = TestHost::probe(json!({ "plan": [], "pad": "x" }));
    start.delay_ms = 3_600_000;
    let late = host.start(start).await;
    assert_eq!(stored("select state from gd.instance").await, json!({ "plan": [], "pad": "x" }));
    host.host.cancel(host.tenant, late, None).await.unwrap();
    host.run(json!([{ "do": "done", "value": { "a": { "b": [1, "2"] } } }])).await;
    assert_eq!(stored("select result from gd.finished where status = 10").await, json!({ "a": { "b": [1, "2"] } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn mig_01_a_migration_is_applied_once_and_recorded() {
    let database = TestDatabase::empty().await;
    let applied = async || -> Vec<(i64, String)> {
        sqlx::query_as("select version, installed_on::text from _sqlx_migrations order by version")
            .fetch_all(database.pool())
            .await
            .unwrap()
    };
    // An older host has been here.
    let all = Migrator::new(gd_tests::repository().join("migrations")).await.unwrap();
    all.run_to(4, database.pool()).await.unwrap();
    let older = applied().await;
    assert_eq!(older.len(), 4);
    gd_host::store::migrate(database.url()).await.unwrap();
    let whole = applied().await;
    assert_eq!((&whole[..4], whole.len()), (&older[..], all.iter().count()), "what was missing, and nothing again");
    gd_host::store::migrate(database.url()).await.unwrap();
    assert_eq!(applied().await, whole, "a second run applies nothing");
}
