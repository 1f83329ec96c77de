//! The Postgres that all tests of a run share.

use std::sync::OnceLock;

use gd_dev_postgres::{Cluster, Options};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::paths::target;

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// The cluster, started by whichever test comes first, and left running for the next run.
pub(crate) async fn cluster() -> &'static Cluster {
    let start = || {
        let options = Options::new(target().join("test-postgres")).with("fsync", "off").with("max_connections", "400");
        let started = Cluster::start(&options, &mut |line| eprintln!("{line}"));
        started.unwrap_or_else(|error| panic!("the tests' Postgres does not start: {error}"))
    };
    tokio::task::spawn_blocking(move || CLUSTER.get_or_init(start)).await.expect("the start does not panic")
}

/// A connection to a database of the cluster.
pub(crate) async fn connect(database: &str) -> PgConnection {
    let url = cluster().await.url(database);
    PgConnection::connect(&url).await.unwrap_or_else(|error| panic!("{database} cannot be reached: {error}"))
}

/// Runs a statement whose text was put together here, of names that were made here.
pub(crate) async fn execute(connection: &mut PgConnection, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
