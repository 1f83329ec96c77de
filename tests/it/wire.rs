//! The wire of the tests does what it is told and nothing else: every check that goes over it leans on this.

use std::sync::Arc;
use std::time::Duration;

use gd_tests::wire::{Bell, CutAt, Rewrite, Stand, Wire};
use gd_tests::{TestDatabase, eventually};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::Instant;

/// A database with one number in it, and a wire to it.
async fn counter() -> (TestDatabase, Wire) {
    let database = TestDatabase::empty().await;
    database.execute("create table counter (n bigint not null); insert into counter values (0)").await;
    let wire = Wire::to(database.url()).await;
    (database, wire)
}

fn pool(wire: &Wire) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect_lazy(wire.url()).unwrap()
}

async fn add(pool: &PgPool, n: i64) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("update counter set n = n + $1").bind(n).execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn count(database: &TestDatabase) -> i64 {
    database.count("select n from counter").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wire_that_is_told_nothing_changes_nothing() {
    let (database, wire) = counter().await;
    let pool = pool(&wire);
    for n in 1..=10 {
        add(&pool, n).await.unwrap();
    }
    assert_eq!(count(&database).await, 55);
    let long = "x".repeat(5_000_000);
    let back: String = sqlx::query_scalar("select $1::text").bind(&long).fetch_one(&pool).await.unwrap();
    assert!(back == long, "five megabytes there and back");
    let refused = sqlx::query("select nothing from nowhere").fetch_one(&pool).await.unwrap_err();
    assert!(refused.as_database_error().is_some(), "{refused}");
    sqlx::raw_sql("select 1; select 2").execute(&pool).await.unwrap();
    add(&pool, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_cut_before_or_after_its_commit() {
    let (database, wire) = counter().await;
    let pool = pool(&wire);
    for (at, written) in [(CutAt::BeforeCommit, 0), (CutAt::AfterCommit, 100)] {
        let (before, cut) = (count(&database).await, wire.cut(at, None, 1));
        add(&pool, 1).await.unwrap();
        assert!(!cut.is_done());
        add(&pool, 100).await.unwrap_err();
        cut.done().await;
        add(&pool, 10).await.unwrap();
        assert_eq!(count(&database).await - before, 11 + written, "{at:?}");
    }
    let cut = wire.cut(CutAt::AfterCommit, None, 0);
    sqlx::query("update counter set n = 7").execute(&pool).await.unwrap_err();
    assert!(cut.is_done(), "a statement outside of a transaction ends one");
    assert_eq!(count(&database).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_severed_wire_takes_nobody_until_it_is_healed() {
    let (_database, wire) = counter().await;
    let mut session = PgConnection::connect(wire.url()).await.unwrap();
    wire.sever();
    session.ping().await.unwrap_err();
    PgConnection::connect(wire.url()).await.unwrap_err();
    eventually("nothing stands", async || (wire.connections() == 0).then_some(())).await;
    wire.heal();
    PgConnection::connect(wire.url()).await.unwrap().ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marked_statement_is_rewritten_and_a_piece_that_is_missing_is_told() {
    let (database, wire) = counter().await;
    wire.rewrite(Rewrite { marker: "n + $1".into(), pieces: vec![("n + $1".into(), "n - 1".into())] });
    let pool = pool(&wire);
    add(&pool, 100).await.unwrap();
    assert_eq!((count(&database).await, wire.rewritten()), (-1, 1), "the parameter is sent and not used");
    wire.rewrite(Rewrite { marker: "set n = 5".into(), pieces: vec![("n = 6".into(), "n = 7".into())] });
    sqlx::raw_sql("update counter set n = 5").execute(&pool).await.unwrap();
    wire.rewrite(Rewrite { marker: "set n = 8".into(), pieces: vec![("set".into(), "sett".into())] });
    sqlx::query("update counter set n = 8").execute(&pool).await.unwrap_err();
    let problems = wire.problems();
    assert!(problems.len() == 2 && problems[1].contains("42601"), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_holds_every_request_and_tells_who_waits_in_the_server() {
    let (database, wire) = counter().await;
    let bell = Bell::default();
    let (gate, pool) = (wire.gate(&bell), pool(&wire));
    let adding = tokio::spawn(async move { add(&pool, 1).await });
    let held = async |name: &str| {
        eventually(name, async || (gate.stand() == Stand::Held(name.into())).then_some(())).await;
        assert_eq!(gate.release().as_deref(), Some(name));
    };
    held("begin").await;
    let mut stranger = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("begin; update counter set n = 10").execute(&mut stranger).await.unwrap();
    held("update").await;
    let Stand::Running(_, pid) = gate.stand() else { panic!("{:?}", gate.stand()) };
    eventually("it waits for the stranger", async || {
        let sql = "select cardinality(pg_blocking_pids($1)) > 0";
        sqlx::query_scalar::<_, bool>(sql).bind(pid).fetch_one(database.pool()).await.unwrap().then_some(())
    })
    .await;
    sqlx::raw_sql("commit").execute(&mut stranger).await.unwrap();
    eventually("it is let go", async || (gate.stand() == Stand::Held("commit".into())).then_some(())).await;
    assert_eq!(count(&database).await, 10);
    gate.release();
    adding.await.unwrap().unwrap();
    assert_eq!((count(&database).await, gate.stand()), (11, Stand::Idle));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_outside_of_a_transaction_is_held_before_its_commit_too() {
    let (database, wire) = counter().await;
    let (bell, pool) = (Arc::default(), pool(&wire));
    let gate = wire.gate(&bell);
    let writing = tokio::spawn(async move { sqlx::query("update counter set n = 3").execute(&pool).await });
    for (name, seen) in [("update", 0), ("update: commit", 0)] {
        eventually(name, async || (gate.stand() == Stand::Held(name.into())).then_some(())).await;
        assert_eq!(count(&database).await, seen);
        gate.release();
    }
    writing.await.unwrap().unwrap();
    assert_eq!(count(&database).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_slow_wire_takes_its_time() {
    let (database, wire) = counter().await;
    let pool = pool(&wire);
    add(&pool, 1).await.unwrap();
    wire.delay(Duration::from_millis(30));
    let began = Instant::now();
    add(&pool, 1).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(90), "begin, update, commit: {:?}", began.elapsed());
    assert_eq!(count(&database).await, 2);
}
