//! Finding dead workers and taking back what they held.

use std::time::Duration;

use gd_core::{AttemptOutcome, Wake, WorkerId};

use super::places::{Moved, moved};
use super::workers::ms;
use super::{Error, Store};

impl Store {
    /// Declares every worker dead that is: its lease is over, or its session is gone and it was silent for `silence`.
    ///
    /// # Errors
    /// When a statement fails; workers before it stay declared.
    pub async fn declare_dead_workers(&self, silence: Duration) -> Result<Vec<WorkerId>, Error> {
        let suspects =
            sqlx::query_file!("src/store/sql/suspect_workers.sql", ms(silence)).fetch_all(&self.sweeps).await?;
        let mut dead = Vec::new();
        for suspect in suspects {
            let worker = WorkerId(suspect.id);
            if self.declare_dead(worker, suspect.expired, silence).await? {
                dead.push(worker);
            }
        }
        Ok(dead)
    }

    async fn declare_dead(&self, worker: WorkerId, expired: bool, silence: Duration) -> Result<bool, Error> {
        let mut transaction = self.sweeps.begin().await?;
        if !expired {
            let free = sqlx::query_file_scalar!("src/store/sql/worker_lock_is_free.sql", worker.0)
                .fetch_one(&mut *transaction)
                .await?;
            if !free {
                return Ok(false);
            }
        }
        let silent = sqlx::query_file!("src/store/sql/lock_suspect.sql", worker.0, ms(silence))
            .fetch_optional(&mut *transaction)
            .await?;
        if silent.is_none() {
            return Ok(false);
        }
        sqlx::query_file!("src/store/sql/declare_dead.sql", worker.0).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Owners of executing instances that are not alive.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn orphan_owners(&self) -> Result<Vec<WorkerId>, Error> {
        let owners = sqlx::query_file_scalar!("src/store/sql/orphan_owners.sql").fetch_all(&self.sweeps).await?;
        Ok(owners.into_iter().map(WorkerId).collect())
    }

    /// Makes at most `rows_max` instances of a dead worker runnable again. Where each waits now comes back; fewer than
    /// `rows_max` mean that none is left, or that somebody holds the rest.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn take_back(&self, dead: WorkerId, rows_max: i64) -> Result<Vec<Moved>, Error> {
        let (outcome, wake) = (AttemptOutcome::Recovered.code(), Wake::Recovered.code());
        let rows = sqlx::query_file!("src/store/sql/take_back.sql", dead.0, rows_max, outcome, wake)
            .fetch_all(&self.sweeps)
            .await?;
        Ok(rows.into_iter().map(|row| moved!(row)).collect())
    }
}
