//! A busy host makes the space of what went through it usable again by itself.

use gd_host::store::Store;
use gd_tests::{TestDatabase, TestHost, eventually};
use serde_json::json;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::topology::five_beats;

/// Dead rows with which the hosts of these tests vacuum.
const DEAD_ROWS: u32 = 160;

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_instances_have_littered_are_vacuumed_while_the_host_is_busy() {
    let host = TestHost::with_probe_and(|engine, _| engine.vacuum_dead_rows = DEAD_ROWS).await;
    eventually("a vacuum", async || {
        for _ in 0..DEAD_ROWS / 4 {
            host.run(json!([{ "do": "next" }])).await;
        }
        (vacuums(&host.database, "instance").await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_has_locked_is_passed_over() {
    let database = TestDatabase::migrated().await;
    let store = Store::connect(database.url(), 1).await.unwrap();
    let mut stranger = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("begin; lock table gd.instance in share mode").execute(&mut stranger).await.unwrap();
    store.vacuum(&["instance".into(), "signal".into()]).await.unwrap();
    assert_eq!((vacuums(&database, "instance").await, vacuums(&database, "signal").await), (0, 1));
    sqlx::raw_sql("commit").execute(&mut stranger).await.unwrap();
    store.vacuum(&["instance".into()]).await.unwrap();
    assert_eq!(vacuums(&database, "instance").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_else_vacuums_is_looked_at_again_soon() {
    let host = TestHost::with_probe_and(|engine, _| engine.vacuum_dead_rows = DEAD_ROWS).await;
    let mut other = PgConnection::connect(host.database.url()).await.unwrap();
    // The lock of a vacuum.
    sqlx::raw_sql("begin; lock table gd.instance in share update exclusive mode").execute(&mut other).await.unwrap();
    let dead = "select pg_stat_get_dead_tuples('gd.instance'::regclass)";
    eventually("litter that the server knows of", async || {
        litter(&host).await;
        (host.database.count(dead).await > DEAD_ROWS.into()).then_some(())
    })
    .await;
    // Looks of the host in the meantime.
    litter(&host).await;
    five_beats(&host).await;
    assert_eq!(vacuums(&host.database, "instance").await, 0);
    sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    eventually("a vacuum, in less than the minute for which others rest", async || {
        litter(&host).await;
        (vacuums(&host.database, "instance").await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_open_snapshot_keeps_is_not_vacuumed_over_and_over() {
    let host = TestHost::with_probe_and(|engine, _| engine.vacuum_dead_rows = DEAD_ROWS).await;
    let mut analyst = PgConnection::connect(host.database.url()).await.unwrap();
    let snapshot = "begin isolation level repeatable read; select count(*) from gd.instance";
    sqlx::raw_sql(snapshot).execute(&mut analyst).await.unwrap();
    eventually("a vacuum", async || {
        litter(&host).await;
        (vacuums(&host.database, "instance").await > 0).then_some(())
    })
    .await;
    for _ in 0..3 {
        litter(&host).await;
        five_beats(&host).await;
    }
    assert_eq!(vacuums(&host.database, "instance").await, 1, "dead rows that stay are left to a later minute");
}

/// Instances that leave enough dead rows behind for a host to look.
async fn litter(host: &TestHost) {
    for _ in 0..DEAD_ROWS / 4 {
        host.run(json!([{ "do": "next" }, { "do": "next" }])).await;
    }
}

/// How often somebody has asked for a vacuum of this table.
async fn vacuums(database: &TestDatabase, table: &str) -> i64 {
    let count = sqlx::query_scalar("select pg_stat_get_vacuum_count(('gd.' || $1)::regclass)").bind(table);
    count.fetch_one(database.pool()).await.unwrap()
}
