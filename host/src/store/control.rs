//! What an operator does to one instance: end it, hold it, let it go on.

use gd_core::{AttemptOutcome, InstanceId, Lane, Scope, Status, TenantId};

use super::places::{Key, Place, moved};
use super::{Error, Store, flush, rows};

/// What became of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It has ended by it.
    Now {
        /// A key whose slot is free by it.
        freed: Option<Key>,
        /// Where its parent waits, if this was the last child that it waited for.
        parent: Option<Lane>,
    },
    /// It had ended before, so.
    EndedBefore(Status),
}

/// Where an instance is that was held or let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It lives, and stands so; and where it waits once it is runnable.
    Live(Status, Place),
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
        let row = sqlx::query_file!("src/store/sql/read_parent.sql", tenant.0, id.0)
            .fetch_optional(&mut *transaction)
            .await?;
        // In the order of their ids, as a flush locks: no parent is younger than its child.
        let family: Vec<i64> = row.iter().filter_map(|row| row.parent).chain(row.as_ref().map(|_| id.0)).collect();
        let locked = flush::lock(&mut transaction, &family).await?;
        if !locked.contains_key(&id.0) {
            drop(transaction);
            return Ok(self.read_status(tenant, id).await?.map(Cancelled::EndedBefore));
        }
        let cancelled = Status::Cancelled;
        let row = sqlx::query_file!(
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
        let lane = |((tenant, queue), priority)| Lane { tenant, queue, priority };
        Ok(Some(Cancelled::Now {
            freed: row.freed_key.map(|key| Key { tenant: tenant.0, key }),
            parent: row.parent_tenant_id.zip(row.parent_queue_id).zip(row.parent_priority).map(lane),
        }))
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
        let status = rows::status("instance", id.0, row.status)?;
        let moved = moved!(row);
        Ok(Some(Held::Live(status, moved.place)))
    }
}
