//! Delivering a signal: stored, deduplicated, and its target woken, in one commit.

use gd_core::{InstanceId, Lane, Limits, TenantId, Wake};
use sqlx::PgConnection;

use super::{Error, Store, rows};

/// A signal on its way to one instance.
#[derive(Clone, Debug)]
pub struct NewSignal {
    /// What an await names.
    pub name: String,
    /// Opaque bytes.
    pub payload: Vec<u8>,
    /// The same key again is the same signal.
    pub dedup_key: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is in the inbox.
    Stored,
    /// Its key was seen before: nothing was stored.
    Duplicate,
    /// The inbox has no room for it.
    InboxFull,
}

/// Locks a live instance of this tenant until the transaction ends. False when there is none.
pub(super) async fn lock_target(
    connection: &mut PgConnection,
    tenant: TenantId,
    target: InstanceId,
) -> Result<bool, Error> {
    let locked =
        sqlx::query_file!("src/store/sql/lock_target.sql", tenant.0, target.0).fetch_optional(connection).await?;
    Ok(locked.is_some())
}

impl Store {
    /// Who holds a correlation key; of those who share it, the newest that lives.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn find_holder(&self, tenant: TenantId, key: &str) -> Result<Option<InstanceId>, Error> {
        let holder =
            sqlx::query_file_scalar!("src/store/sql/find_holder.sql", tenant.0, key).fetch_one(&self.pool).await?;
        Ok(holder.map(InstanceId))
    }

    /// Delivers a signal to an instance of this tenant; `None` when there is no such live instance. Also says where its target
    /// waits: a claim that came by meanwhile has passed over the locked row, whatever became of the signal.
    ///
    /// # Errors
    /// When a statement fails: then nothing was stored, unless the error is one of the connection.
    pub async fn deliver(
        &self,
        tenant: TenantId,
        target: InstanceId,
        signal: &NewSignal,
        limits: &Limits,
    ) -> Result<Option<(Delivered, Lane)>, Error> {
        let mut transaction = self.begin().await?;
        if !lock_target(&mut transaction, tenant, target).await? {
            return Ok(None);
        }
        let row = sqlx::query_file!(
            "src/store/sql/store_signal.sql",
            target.0,
            signal.name,
            signal.payload,
            signal.dedup_key,
            i64::try_from(limits.inbox_signals_max).unwrap_or(i64::MAX),
            i64::try_from(limits.inbox_bytes_max).unwrap_or(i64::MAX),
            Wake::Signal.code(),
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let delivered = match (row.duplicate, row.room) {
            (true, _) => Delivered::Duplicate,
            (false, false) => Delivered::InboxFull,
            (false, true) => Delivered::Stored,
        };
        Ok(Some((delivered, rows::lane(row.tenant_id, row.queue_id, row.priority))))
    }
}
