//! The Postgres of the run: its own cluster, as safe as a real one, that is crashed now and then.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use gd_dev_postgres::{Cluster, Options, StopMode};
use sqlx::postgres::{PgPool, PgPoolOptions};

const DATABASE: &str = "soak";
/// A second witness for the promise of unique keys: the hosts look at gd.identity, this index at the instances themselves.
const REFEREE: &str = "create unique index soak_one_live_holder on gd.instance (tenant_id, correlation_key)";

/// A running cluster with a migrated database.
pub(crate) struct Postgres {
    options: Options,
    cluster: Cluster,
    /// For looking at it, past the wires and the hosts.
    pub(crate) pool: PgPool,
}

impl Postgres {
    /// Makes it anew in this folder.
    pub(crate) async fn start(dir: &Path) -> anyhow::Result<Self> {
        let options = Options::new(dir).with("fsync", "on").with("synchronous_commit", "on");
        let cluster = start(options.clone()).await?;
        cluster.create_database(DATABASE)?;
        let url = cluster.url(DATABASE);
        gd_host::store::migrate(&url).await.context("migrating the database")?;
        let pool =
            PgPoolOptions::new().max_connections(6).acquire_timeout(Duration::from_secs(10)).connect_lazy(&url)?;
        sqlx::raw_sql(REFEREE).execute(&pool).await.context("making the referee's index")?;
        Ok(Self { options, cluster, pool })
    }

    /// Where it is, over its socket.
    pub(crate) fn url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// Crashes it: nothing is written out, every connection breaks.
    pub(crate) async fn crash(&mut self) -> anyhow::Result<()> {
        // A short task that takes the value along would leave nothing to stop if it were dropped halfway.
        tokio::task::block_in_place(|| self.cluster.stop(StopMode::Immediate)).context("crashing Postgres")
    }

    /// Starts it after a crash.
    pub(crate) async fn revive(&mut self) -> anyhow::Result<()> {
        self.cluster = start(self.options.clone()).await?;
        Ok(())
    }

    /// Ends some backends of the hosts, and says how many.
    pub(crate) async fn end_backends(&self, choose: impl FnOnce(&mut Vec<i32>)) -> anyhow::Result<usize> {
        let sql = "select pid from pg_stat_activity where datname = current_database() and application_name = 'gd-host' order by pid";
        let mut pids: Vec<i32> = sqlx::query_scalar(sql).fetch_all(&self.pool).await?;
        choose(&mut pids);
        let sql = "select count(*) from unnest($1::int[]) pid where pg_terminate_backend(pid)";
        let ended: i64 = sqlx::query_scalar(sql).bind(&pids).fetch_one(&self.pool).await?;
        Ok(usize::try_from(ended).unwrap_or_default())
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.cluster.log_file()).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.cluster.stop(StopMode::Fast) {
            eprintln!("the Postgres of the soak still runs: {error}");
        }
    }
}

async fn start(options: Options) -> anyhow::Result<Cluster> {
    let starting = tokio::task::spawn_blocking(move || Cluster::start(&options, &mut |_| ()));
    starting.await.context("the start of Postgres broke off")?.context("starting Postgres")
}
