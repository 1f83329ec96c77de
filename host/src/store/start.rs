//! Inserting instances, with their correlation keys taken in the same statement.

use gd_core::{InstanceId, Scope, TenantId, Version};

use super::rows::millis;
use super::{Error, Store};

/// How often a start looks again when the holder of its key ends at the same moment.
const RACES_MAX: usize = 10;

/// An instance to be.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns of gd.instance")]
pub struct NewInstance {
    pub fsm: i32,
    pub version: Version,
    pub step: String,
    pub state: Vec<u8>,
    pub queue: i32,
    pub priority: i16,
    pub delay_ms: u64,
    /// Milliseconds since the Unix epoch at which it is due; wins over the delay.
    pub due_ms: Option<i64>,
    pub correlation_key: Option<String>,
    pub scope: Scope,
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is there.
    New(InstanceId),
    /// Its key is held by this instance.
    Duplicate(InstanceId),
}

impl Store {
    /// Starts one instance.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn start(&self, tenant: TenantId, new: &NewInstance) -> Result<Started, Error> {
        for _ in 0..RACES_MAX {
            if let Some(started) = self.try_start(tenant, new).await? {
                return Ok(started);
            }
            let key = new.correlation_key.as_deref().unwrap_or_default();
            if let Some(holder) = self.find_holder(tenant, key).await? {
                return Ok(Started::Duplicate(holder));
            }
        }
        Err(Error::Statement(sqlx::Error::RowNotFound))
    }

    /// `None` when the key's holder took or freed it within this statement.
    async fn try_start(&self, tenant: TenantId, new: &NewInstance) -> Result<Option<Started>, Error> {
        let keys: [Option<&str>; 1] = [new.correlation_key.as_deref()];
        let row = sqlx::query_file!(
            "src/store/sql/start.sql",
            tenant.0,
            &[new.fsm],
            &[new.version.0],
            &[new.step.as_str()] as _,
            &[new.state.as_slice()] as _,
            &[new.queue],
            &[new.priority],
            &[millis(new.delay_ms)],
            &keys as _,
            &[new.scope.bits()],
            &[new.due_ms] as _,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(match (row.started, row.holder) {
            (Some(id), _) => Some(Started::New(InstanceId(id))),
            (None, Some(holder)) => Some(Started::Duplicate(InstanceId(holder))),
            (None, None) => None,
        })
    }
}
