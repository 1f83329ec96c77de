//! Reads the write-ahead log while the run goes on, in slices, so that Postgres has little of it to keep.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::fold::Fold;
use super::told::Told;

/// Time between two looks once everything is read.
const LOOK: Duration = Duration::from_secs(1);
/// Lines of one slice, and the rest of its last transaction.
const SLICE: i32 = 5_000;
/// How often the database may refuse to go on, once the faults are over, before that is a finding.
const TRIES: u32 = 20;
const SLOT: &str = "soak";
/// Keeps the log from here on. Durable: it outlives a crash of Postgres.
const BEGIN: &str = "select pg_create_logical_replication_slot($1, 'test_decoding')";
/// Whole transactions in the order of their commits, as far as they are safe on disk. It leaves them where they are: an answer that
/// nobody gets would else be a gap. Empty only where everything was read, for each transaction has its BEGIN and COMMIT here.
const READ: &str = "
    select (lsn - '0/0')::bigint as position, lsn::text, data
    from pg_logical_slot_peek_changes($1, null, $2, 'include-timestamp', 'on', 'skip-empty-xacts', 'on')
    where data like 'BEGIN%' or data like 'COMMIT%' or data like 'table gd.instance:%' or data like 'table gd.bucket:%'
        or data like 'table gd.signal:%'";
/// Lets go of what was read. A crash may undo it: then it is read again, and known by its position.
const FORGET: &str = "select pg_replication_slot_advance($1, $2::pg_lsn)";

/// The log and what it says. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Log {
    pool: PgPool,
    fold: Arc<Mutex<Fold>>,
}

#[derive(sqlx::FromRow)]
struct Entry {
    position: i64,
    lsn: String,
    data: String,
}

impl Log {
    /// Everything that is committed from now on will be read.
    ///
    /// # Errors
    /// When Postgres cannot: `test_decoding` is in its package of additional modules, `wal_level` must be `logical`.
    pub(crate) async fn begin(pool: &PgPool) -> anyhow::Result<Self> {
        let begun = sqlx::query(BEGIN).bind(SLOT).execute(pool).await;
        begun.context("reading the log takes wal_level = logical and the module test_decoding (postgresql-contrib)")?;
        Ok(Self { pool: pool.clone(), fold: Arc::default() })
    }

    /// Reads until it is told that it is enough. While the database is away there is nothing to read.
    pub(crate) async fn run(self, enough: CancellationToken) {
        while !enough.is_cancelled() {
            if matches!(self.slice().await, Ok(true)) {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = enough.cancelled() => {}
            }
        }
    }

    /// Reads to the end, and says what it all comes to. Nobody else may be reading any more.
    ///
    /// # Errors
    /// When the database does not let it, or a line is not understood.
    pub(crate) async fn finish(&self) -> anyhow::Result<Told> {
        let mut refused = 0;
        loop {
            match self.slice().await {
                Ok(true) => {}
                Ok(false) => return Ok(self.fold().told()),
                Err(error) if refused >= TRIES => return Err(error.context("reading the log to its end")),
                Err(_) => {
                    refused += 1;
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Reads one slice; whether there was anything.
    async fn slice(&self) -> anyhow::Result<bool> {
        let entries: Vec<Entry> = sqlx::query_as(READ).bind(SLOT).bind(SLICE).fetch_all(&self.pool).await?;
        let Some(last) = entries.last().map(|entry| entry.lsn.clone()) else { return Ok(false) };
        // Parsing is work, and the program has clients to play meanwhile.
        tokio::task::block_in_place(|| {
            let mut fold = self.fold();
            entries.iter().try_for_each(|entry| fold.read(entry.position.unsigned_abs(), &entry.data))
        })?;
        sqlx::query(FORGET).bind(SLOT).bind(last).execute(&self.pool).await?;
        Ok(true)
    }

    fn fold(&self) -> std::sync::MutexGuard<'_, Fold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
