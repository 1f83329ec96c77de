//! Moving live instances to another version of their FSM.

use gd_core::{Lane, TenantId, Version, Wake};

use super::{Error, Store, rows};

/// Who is to be moved where.
#[derive(Clone, Debug)]
pub struct Adopt<'a> {
    /// Whose instances.
    pub tenant: TenantId,
    /// The FSM's number in the database.
    pub fsm: i32,
    /// The version that takes over.
    pub version: Version,
    /// The versions that are left.
    pub from: &'a [i32],
    /// Steps at which an instance may stand: those that the version has.
    pub steps: &'a [String],
    /// Instances that one call moves at most.
    pub rows_max: i64,
}

impl Store {
    /// Moves instances that are runnable or parked. One entry per instance: the lane that it is in.
    ///
    /// # Errors
    /// When the statement fails: then none was moved, unless the error is one of the connection.
    pub async fn adopt_version(&self, adopt: &Adopt<'_>) -> Result<Vec<Lane>, Error> {
        let rows = sqlx::query_file!(
            "src/store/sql/adopt_version.sql",
            adopt.tenant.0,
            adopt.fsm,
            adopt.version.0,
            adopt.from,
            adopt.steps,
            Wake::Retry.code(),
            adopt.rows_max,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| rows::lane(row.tenant_id, row.queue_id, row.priority)).collect())
    }
}
