//! Getting hold of a database that can be trusted, with connections set for what they are used for.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gd_core::TenantId;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::Error;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// The tenant that is there from the first migration on, and whose every instance is until others can be made.
pub const DEFAULT_TENANT: &str = "default";

/// Oldest major version of PostgreSQL that the statements were run on.
pub const SERVER_VERSION_MIN: i32 = 15;
/// How long a flush waits for a row that a stranger holds before it tries again. Measured: a stranger's lock of 4 s else
/// holds up everybody in the same batch for as long.
const FLUSH_LOCK_TIMEOUT_MS: u32 = 50;
/// How long a connection may take, so that a host says early that its database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was used more recently than this is used again without asking whether it still stands: the question is a round trip
/// for every statement.
const RESTED: Duration = Duration::from_secs(1);

/// The engine's own statements touch a few hundred rows by key. A plan that was made while the tables were empty is kept for as
/// long as the connection lives, so that the planner must not take what is best for an empty table.
const BY_INDEX: [(&str, &str); 3] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off")];

/// Lists are planned by what is asked for: their filters decide which index they need.
const BY_FILTER: [(&str, &str); 1] = [("plan_cache_mode", "auto")];

/// Connections for lists. Chosen: so few that no crowd of readers takes the server from those who work.
const LISTS_MAX: u32 = 2;

/// The database of one host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// For callers: every commit is durable when it returns.
    pub(super) pool: PgPool,
    /// For lists with filters, which are planned by what is asked for.
    pub(super) lists: PgPool,
    /// For recovery and release, so that no crowd of callers is ever before them.
    pub(super) sweeps: PgPool,
    /// For claims and wake-ups: a commit that a crash of the server forgets is found again by recovery.
    pub(super) claims: PgPool,
    pub(super) options: PgConnectOptions,
    address: String,
    cluster: uuid::Uuid,
    /// Numbers of queues that are known here.
    queues: Arc<Mutex<HashMap<String, i32>>>,
}

impl Store {
    /// Connects, and checks that server and schema are what this binary needs.
    ///
    /// # Errors
    /// Says what is wrong with the address, the server or the schema, and what to do.
    pub async fn connect(url: &str, connections_max: u32) -> Result<Self, Error> {
        let options = options(url)?;
        let address = address(&options);
        let unreachable = |source| Error::Unreachable { address: address.clone(), source };
        let mut first = options.connect().await.map_err(unreachable)?;
        check_server(&mut first).await?;
        check_schema(&mut first).await?;
        let cluster = sqlx::query_file_scalar!("src/store/sql/cluster_id.sql").fetch_one(&mut first).await?;
        first.close().await.ok();
        let pool = |options: PgConnectOptions, connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    let rested = meta.idle_for >= RESTED;
                    Box::pin(async move { Ok(!rested || connection.ping().await.is_ok()) })
                })
                .connect_lazy_with(options)
        };
        let durable = options.clone().options([("synchronous_commit", "on")]);
        let forgetful = options.clone().options([("synchronous_commit", "off")]).options(BY_INDEX);
        Ok(Self {
            pool: pool(durable.clone(), connections_max),
            lists: pool(durable.clone().options(BY_FILTER), LISTS_MAX.min(connections_max)),
            sweeps: pool(durable.options(BY_INDEX), 4),
            claims: pool(forgetful, 4),
            options,
            address,
            cluster,
            queues: Arc::default(),
        })
    }

    /// Where the database is, without a password.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The random id of this database.
    pub fn cluster(&self) -> uuid::Uuid {
        self.cluster
    }

    /// A connection of its own for the flush: durable commits, a short lock timeout, no pool in between.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn flush_connection(&self) -> Result<PgConnection, Error> {
        let lock_timeout = FLUSH_LOCK_TIMEOUT_MS.to_string();
        let settings = [("synchronous_commit", "on"), ("lock_timeout", &lock_timeout)];
        self.connection(&[settings.as_slice(), &BY_INDEX].concat()).await
    }

    /// A connection of its own for the worker's beats. Its death must be noticed by the server at once, since the session lock
    /// lives as long as the session does.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn beat_connection(&self) -> Result<PgConnection, Error> {
        let settings = [
            ("synchronous_commit", "off"),
            ("client_connection_check_interval", "500ms"),
            ("statement_timeout", "5s"),
            ("tcp_keepalives_idle", "3"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "3"),
        ];
        self.connection(&settings).await
    }

    /// A connection of its own for retention: what it removes and a crash of the server brings back is removed again.
    pub(super) async fn sweep_connection(&self, lock_timeout: &str) -> Result<PgConnection, Error> {
        let settings = [("synchronous_commit", "off"), ("lock_timeout", lock_timeout)];
        self.connection(&[settings.as_slice(), &BY_INDEX].concat()).await
    }

    async fn connection(&self, settings: &[(&str, &str)]) -> Result<PgConnection, Error> {
        let options = self.options.clone().options(settings.iter().copied());
        let unreachable = |source| Error::Unreachable { address: self.address.clone(), source };
        let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
        connected.map_err(|_| unreachable(sqlx::Error::PoolTimedOut))?.map_err(unreachable)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.pool.acquire().await?.ping().await?;
        Ok(())
    }

    /// The tenant of this name.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn find_tenant(&self, name: &str) -> Result<Option<TenantId>, Error> {
        let found = sqlx::query_file_scalar!("src/store/sql/find_tenant.sql", name).fetch_optional(&self.pool).await?;
        Ok(found.map(TenantId))
    }

    /// Makes the day partitions that are missing, and says how many were.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn make_partitions(&self, days: i32) -> Result<i32, Error> {
        Ok(sqlx::query_file_scalar!("src/store/sql/make_partitions.sql", days).fetch_one(&self.pool).await?)
    }

    /// The number of a queue, given on its first use. It never changes, and is remembered here.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn queue_number(&self, name: &str) -> Result<i32, Error> {
        let known = self.queues.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if let Some(number) = known {
            return Ok(number);
        }
        let number = self.intern_queue(name).await?;
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), number);
        Ok(number)
    }

    async fn intern_queue(&self, name: &str) -> Result<i32, Error> {
        Ok(sqlx::query_file_scalar!("src/store/sql/intern_queue.sql", name).fetch_one(&self.pool).await?)
    }

    /// Begins a transaction for a caller that may leave at any time. The driver forgets a BEGIN whose caller left before its answer, and
    /// would give the connection, with the transaction open, to somebody else, whose statement is then not committed.
    #[expect(clippy::disallowed_methods, reason = "it ends with the answer to one BEGIN")]
    pub(super) async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, Error> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        Ok(begun.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    /// Lets every pooled connection go.
    pub async fn close(&self) {
        self.pool.close().await;
        self.lists.close().await;
        self.sweeps.close().await;
        self.claims.close().await;
    }
}

/// Brings the schema of a database up to this binary's, and says its version.
///
/// # Errors
/// [`Error::Newer`] when a newer binary was there before; else what failed.
pub async fn migrate(url: &str) -> Result<i64, Error> {
    let options = options(url)?;
    let address = address(&options);
    let options = options.options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
    let mut connection = options.connect().await.map_err(|source| Error::Unreachable { address, source })?;
    check_server(&mut connection).await?;
    let known = newest_known();
    match applied(&mut connection).await? {
        found if found > known => return Err(Error::Newer { found, known }),
        // A migration takes as long as it takes.
        _ => MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(Error::Migrate)?,
    }
    connection.close().await.ok();
    Ok(known)
}

pub(super) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let bad = || Error::BadUrl(without_password(url));
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(bad());
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| bad())?;
    // Measured: custom plans cost 56 us a step in large batches, generic ones 12.
    // Nothing here runs for long enough to be worth compiling.
    // The path is pinned: a role named gd would else look for the migrator's table in the schema gd once that is there.
    // A host that is frozen in the middle of a transaction must not hold its locks, and no statement runs for ever.
    let settings = [
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
        ("search_path", "public"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("statement_timeout", "30s"),
    ];
    let options = options.application_name("gd-host").options(settings);
    Ok(options.log_slow_statements(tracing::log::LevelFilter::Debug, Duration::from_secs(1)))
}

pub(super) fn address(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    };
    format!("{place}:{}/{}", options.get_port(), options.get_database().unwrap_or_default())
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &url[..scheme], &url[at..]),
        _ => url.chars().take(80).collect(),
    }
}

async fn check_server(connection: &mut PgConnection) -> Result<(), Error> {
    let server = sqlx::query_file!("src/store/sql/check_server.sql").fetch_one(connection).await?;
    let found = server.server_version_num / 10_000;
    if found < SERVER_VERSION_MIN {
        return Err(Error::TooOld { found });
    }
    if server.synchronous_commit == "off" {
        return Err(Error::Unsafe { setting: "synchronous_commit" });
    }
    Ok(())
}

async fn check_schema(connection: &mut PgConnection) -> Result<(), Error> {
    let (found, needed) = (applied(connection).await?, newest_known());
    match found.cmp(&needed) {
        std::cmp::Ordering::Less => Err(Error::Behind { found, needed }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Error::Newer { found, known: needed }),
    }
}

pub(super) fn newest_known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The newest migration that was applied; 0 in a database that never saw one.
pub(super) async fn applied(connection: &mut PgConnection) -> Result<i64, Error> {
    // Not a checked statement: the table is the migrator's own and is made by its first run.
    let exists: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations where success")
        .fetch_one(connection)
        .await?)
}
