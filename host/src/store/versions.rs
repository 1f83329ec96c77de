//! Deployed versions: storing, routing, loading, listing.

use gd_core::{TenantId, Version};
use serde_json::Value;

use super::{Error, HistoryLevel, Store};

/// Where a deploy ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The FSM's number in the database.
    pub fsm: i32,
    /// The version's number.
    pub version: Version,
    /// False when the same bytes were a version already.
    pub created: bool,
}

/// What a start needs to know.
#[derive(Clone, Debug)]
pub struct Route {
    /// The FSM's number in the database.
    pub fsm: i32,
    /// The version and what it says of itself; `None` when there is no such version.
    pub version: Option<(Version, Value)>,
}

/// One FSM of a list.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.fsm, and counts")]
pub struct FsmRow {
    pub fsm: String,
    pub routed_version: i32,
    pub versions: i64,
    pub live: i64,
    pub history: i16,
}

/// One version of an FSM.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.version, and what lives on it by step")]
pub struct VersionRow {
    pub routed_version: i32,
    pub history: i16,
    pub version: i32,
    pub digest: Vec<u8>,
    pub descriptor: Value,
    pub deployed_at_ms: i64,
    pub steps: Value,
}

impl FsmRow {
    /// How much its history keeps.
    pub fn history(&self) -> HistoryLevel {
        HistoryLevel::from_code(self.history).unwrap_or_default()
    }
}

impl VersionRow {
    /// How much the history of its FSM keeps.
    pub fn history(&self) -> HistoryLevel {
        HistoryLevel::from_code(self.history).unwrap_or_default()
    }
}

impl Store {
    /// Stores a component as the next version of its FSM and routes new instances to it; the same bytes again change nothing but the
    /// route. One transaction.
    ///
    /// # Errors
    /// When a statement fails: then nothing was stored.
    pub async fn deploy(
        &self,
        tenant: TenantId,
        fsm: &str,
        digest: &[u8; 32],
        bytes: &[u8],
        descriptor: &Value,
    ) -> Result<StoredVersion, Error> {
        let mut transaction = self.begin().await?;
        let fsm =
            sqlx::query_file_scalar!("src/store/sql/lock_fsm.sql", tenant.0, fsm).fetch_one(&mut *transaction).await?;
        let known = sqlx::query_file_scalar!("src/store/sql/find_version.sql", fsm, digest)
            .fetch_optional(&mut *transaction)
            .await?;
        let version = match known {
            Some(version) => version,
            None => {
                sqlx::query_file!("src/store/sql/store_component.sql", digest, bytes)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query_file_scalar!("src/store/sql/insert_version.sql", fsm, tenant.0, digest, descriptor)
                    .fetch_one(&mut *transaction)
                    .await?
            }
        };
        sqlx::query_file!("src/store/sql/route.sql", fsm, version).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(StoredVersion { fsm, version: Version(version), created: known.is_none() })
    }

    /// The version that a start takes: the one it names, else the routed one. `None` when there is no such FSM.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn find_route(&self, tenant: TenantId, fsm: &str, version: Option<i32>) -> Result<Option<Route>, Error> {
        let row = sqlx::query_file!("src/store/sql/find_route.sql", tenant.0, fsm, version)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| Route { fsm: row.fsm_id, version: row.version.map(Version).zip(row.descriptor) }))
    }

    /// The component of a version.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn load_version(&self, fsm: i32, version: Version) -> Result<Option<Vec<u8>>, Error> {
        let bytes = sqlx::query_file_scalar!("src/store/sql/load_version.sql", fsm, version.0);
        Ok(bytes.fetch_optional(&self.pool).await?)
    }

    /// Every FSM of a tenant, by name.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn list_fsms(&self, tenant: TenantId) -> Result<Vec<FsmRow>, Error> {
        Ok(sqlx::query_file_as!(FsmRow, "src/store/sql/list_fsms.sql", tenant.0).fetch_all(&self.pool).await?)
    }

    /// Every version of an FSM, oldest first; empty when there is no such FSM.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn list_versions(&self, tenant: TenantId, fsm: &str) -> Result<Vec<VersionRow>, Error> {
        let rows = sqlx::query_file_as!(VersionRow, "src/store/sql/list_versions.sql", tenant.0, fsm);
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
