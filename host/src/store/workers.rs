//! The worker's own row and its session lock.

use std::time::Duration;

use gd_core::WorkerId;
use sqlx::PgConnection;

use super::{Error, Store};

/// One incarnation of a host's engine.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.worker; what is more is said")]
pub struct WorkerRow {
    pub worker: WorkerId,
    pub host: String,
    /// Not declared dead, and its lease is not over.
    pub alive: bool,
    pub started_at_ms: i64,
    pub beat_at_ms: i64,
    /// Milliseconds since its last beat, by the database's clock.
    pub silent_ms: i64,
    /// Instances that it executes.
    pub holds: i64,
}

impl Store {
    /// Makes the row of a new incarnation on the connection that will beat for it, and takes its session lock.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the id is taken; else when a statement fails.
    pub async fn register_worker(
        connection: &mut PgConnection,
        worker: WorkerId,
        host: &str,
        lease: Duration,
    ) -> Result<(), Error> {
        if !Self::take_worker_lock(connection, worker).await? {
            return Err(Error::LeaseLost(worker.0));
        }
        sqlx::query_file!("src/store/sql/register_worker.sql", worker.0, host, ms(lease)).execute(connection).await?;
        Ok(())
    }

    /// Takes the session lock again, on a new connection. False when the old session still lives.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn take_worker_lock(connection: &mut PgConnection, worker: WorkerId) -> Result<bool, Error> {
        Ok(sqlx::query_file_scalar!("src/store/sql/take_worker_lock.sql", worker.0).fetch_one(connection).await?)
    }

    /// Renews the lease, and says whether other workers live.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the worker was declared dead; else when the statement fails.
    pub async fn beat(connection: &mut PgConnection, worker: WorkerId, lease: Duration) -> Result<bool, Error> {
        match sqlx::query_file_scalar!("src/store/sql/beat.sql", worker.0, ms(lease)).fetch_optional(connection).await?
        {
            Some(others) => Ok(others),
            None => Err(Error::LeaseLost(worker.0)),
        }
    }

    /// Ends an incarnation that holds nothing any more.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn retire_worker(&self, worker: WorkerId) -> Result<(), Error> {
        sqlx::query_file!("src/store/sql/retire_worker.sql", worker.0).execute(&self.sweeps).await?;
        Ok(())
    }

    /// Every incarnation that is known, the youngest first, at most 1,000.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn list_workers(&self) -> Result<Vec<WorkerRow>, Error> {
        let rows = sqlx::query_file!("src/store/sql/list_workers.sql").fetch_all(&self.pool).await?;
        let row = rows.into_iter().map(|row| WorkerRow {
            worker: WorkerId(row.id),
            host: row.host,
            alive: !row.dead && !row.expired,
            started_at_ms: row.started_at_ms,
            beat_at_ms: row.beat_at_ms,
            silent_ms: row.silent_ms,
            holds: row.holds,
        });
        Ok(row.collect())
    }

    /// Removes the rows of workers that are dead for longer than `age` and hold nothing.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn forget_workers(&self, age: Duration) -> Result<u64, Error> {
        let forgotten = sqlx::query_file!("src/store/sql/forget_workers.sql", ms(age)).execute(&self.sweeps).await?;
        Ok(forgotten.rows_affected())
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a lease are far below 2^52")]
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_millis() as f64
}
