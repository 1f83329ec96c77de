//! The worker's own row and its session lock.

use std::time::Duration;

use gd_core::WorkerId;
use sqlx::PgConnection;

use super::{Error, Store};

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

    /// Renews the lease.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the worker was declared dead; else when the statement fails.
    pub async fn beat(connection: &mut PgConnection, worker: WorkerId, lease: Duration) -> Result<(), Error> {
        match sqlx::query_file!("src/store/sql/beat.sql", worker.0, ms(lease)).fetch_optional(connection).await? {
            Some(_) => Ok(()),
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
