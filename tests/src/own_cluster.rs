//! A Postgres of one test, to be crashed.

use std::sync::Arc;

use gd_dev_postgres::{Cluster, Options, StopMode};

use crate::TestDatabase;
use crate::paths::scratch;

/// The database in it.
const DATABASE: &str = "gd";

/// A cluster with the settings of a real one. Destroyed with this value.
#[derive(Debug)]
pub struct OwnCluster {
    options: Options,
    database: Arc<TestDatabase>,
}

impl OwnCluster {
    /// A new cluster in a new folder of this name, with a migrated database.
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, &[]).await
    }

    /// The same, with settings of the test's own.
    pub async fn start_with(name: &str, settings: &[(&str, &str)]) -> Self {
        let options = Options::new(scratch(name).join(".gd"));
        let options = settings.iter().fold(options, |options, (name, value)| options.with(name, value));
        let cluster = start(options.clone()).await;
        cluster.create_database(DATABASE).unwrap_or_else(|error| panic!("a database cannot be made: {error}"));
        let url = cluster.url(DATABASE);
        gd_host::store::migrate(&url).await.unwrap_or_else(|error| panic!("the migrations fail: {error}"));
        Self { options, database: Arc::new(TestDatabase::at(url)) }
    }

    /// Its database.
    pub fn database(&self) -> Arc<TestDatabase> {
        self.database.clone()
    }

    /// Crashes it, and returns once it has recovered from its log and takes connections again.
    pub async fn crash_and_recover(&self) {
        let dir = self.options.dir.clone();
        let crashing = tokio::task::spawn_blocking(move || {
            let running = Cluster::running(&dir).ok().flatten().expect("the cluster runs");
            running.stop(StopMode::Immediate).unwrap_or_else(|error| panic!("it does not stop: {error}"));
        });
        crashing.await.expect("the stop does not panic");
        start(self.options.clone()).await;
    }
}

impl Drop for OwnCluster {
    /// Best effort: the next run of the same test begins with it.
    fn drop(&mut self) {
        drop(Cluster::destroy(&self.options.dir));
    }
}

async fn start(options: Options) -> Cluster {
    let start = move || {
        let started = Cluster::start(&options, &mut |line| eprintln!("{line}"));
        started.unwrap_or_else(|error| panic!("the test's own Postgres does not start: {error}"))
    };
    tokio::task::spawn_blocking(start).await.expect("the start does not panic")
}
