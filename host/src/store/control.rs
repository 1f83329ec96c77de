//! What an operator does to one instance: end it, hold it, let it go on.

use gd_core::{AttemptOutcome, InstanceId, Lane, Scope, Status, TenantId};

use super::signals::lock_target;
use super::{Error, Store, rows};

/// What became of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It has ended by it.
    Now,
    /// It had ended before, so.
    EndedBefore(Status),
}

/// Where an instance is that was held or let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It lives, and stands so in this lane.
    Live(Status, Lane),
    /// It had ended before, so.
    EndedBefore(Status),
}

impl Store {
    /// Ends an instance of this tenant at once, whatever it does. `None` when there is none.
    ///
    /// # Errors
    /// When a statement fails: then nothing happened, unless the error is one of the connection.
    pub async fn cancel(&self, tenant: TenantId, id: InstanceId, reason: &str) -> Result<Option<Cancelled>, Error> {
        let mut transaction = self.begin().await?;
        if !lock_target(&mut transaction, tenant, id).await? {
            drop(transaction);
            return Ok(self.read_status(tenant, id).await?.map(Cancelled::EndedBefore));
        }
        let cancelled = Status::Cancelled;
        sqlx::query_file!(
            "src/store/sql/cancel.sql",
            tenant.0,
            id.0,
            reason,
            cancelled.code(),
            Scope::bit_of(cancelled),
            AttemptOutcome::Cancelled.code(),
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some(Cancelled::Now))
    }

    /// Holds a live instance of this tenant. `None` when there is none.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn hold(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Held>, Error> {
        self.set_held(tenant, id, true).await
    }

    /// Lets a held instance of this tenant go on. `None` when there is none.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn let_go(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Held>, Error> {
        self.set_held(tenant, id, false).await
    }

    async fn set_held(&self, tenant: TenantId, id: InstanceId, held: bool) -> Result<Option<Held>, Error> {
        let row =
            sqlx::query_file!("src/store/sql/set_held.sql", tenant.0, id.0, held).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(self.read_status(tenant, id).await?.map(Held::EndedBefore)) };
        let lane = rows::lane(row.tenant_id, row.queue_id, row.priority);
        Ok(Some(Held::Live(rows::status("instance", id.0, row.status)?, lane)))
    }
}
