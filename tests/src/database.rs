//! A database per test, copied from one that was migrated once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::PgPool;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use tokio::sync::OnceCell;

use crate::cluster::{cluster, connect, execute};
use crate::repository;

/// The advisory lock under which the template is made.
const TEMPLATE_LOCK: i64 = 0x6764_7465_7374;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database of one test; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Of a database in the cluster that all tests share.
    shared_name: Option<String>,
    url: String,
    pool: PgPool,
}

impl TestDatabase {
    /// A database with the newest schema and nothing in it.
    pub async fn migrated() -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        Self::create(Some(template)).await
    }

    /// A database without a schema.
    pub async fn empty() -> Self {
        Self::create(None).await
    }

    async fn create(template: Option<&str>) -> Self {
        let name = format!("gd_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = connect("postgres").await;
        let from = template.map(|template| format!("template {template}")).unwrap_or_default();
        execute(&mut admin, format!("create database {name} {from}")).await;
        let url = cluster().await.url(&name);
        let mut database = Self::at(url);
        database.shared_name = Some(name);
        database
    }

    /// A database that goes with its cluster.
    pub(crate) fn at(url: String) -> Self {
        let pool = PgPoolOptions::new().max_connections(20).connect_lazy(&url).expect("the cluster's URL is one");
        Self { shared_name: None, url, pool }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections for looking at it, and for meddling.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// One number out of it.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement.
    pub async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

impl Drop for TestDatabase {
    /// Best effort: what is left is dropped by the next run.
    fn drop(&mut self) {
        let Some(name) = &self.shared_name else { return };
        let sql = format!("drop database if exists {name} with (force)");
        let dropping = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async { execute(&mut connect("postgres").await, sql).await });
        });
        drop(dropping.join());
    }
}

/// The migrated database that others are copied from. Its name tells the migrations, so that it is made once for each schema.
async fn template() -> String {
    let name = format!("gd_template_{:016x}", migrations());
    let mut admin = connect("postgres").await;
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.expect("a lock is given");
    drop_leftovers(&mut admin).await;
    let exists = sqlx::query("select from pg_database where datname = $1").bind(&name).fetch_optional(&mut admin).await;
    if exists.expect("the catalogue can be read").is_none() {
        let unfinished = format!("{name}_new");
        execute(&mut admin, format!("drop database if exists {unfinished} with (force)")).await;
        execute(&mut admin, format!("create database {unfinished}")).await;
        let migrated = gd_host::store::migrate(&cluster().await.url(&unfinished)).await;
        migrated.unwrap_or_else(|error| panic!("the migrations fail: {error}"));
        execute(&mut admin, format!("alter database {unfinished} rename to {name}")).await;
    }
    name
}

/// Drops the databases of test processes that are gone.
async fn drop_leftovers(admin: &mut PgConnection) {
    let names: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname ~ '^gd_test_[0-9]+_'")
            .fetch_all(&mut *admin)
            .await
            .expect("the catalogue can be read");
    for name in names {
        let pid = name.split('_').nth(2).unwrap_or_default();
        if !PathBuf::from(format!("/proc/{pid}")).exists() && PathBuf::from("/proc/self").exists() {
            execute(admin, format!("drop database if exists {name} with (force)")).await;
        }
    }
}

fn migrations() -> u64 {
    let folder = repository().join("migrations");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).hash(&mut hasher);
    }
    hasher.finish()
}
