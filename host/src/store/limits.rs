//! Rate limits and concurrency limits by name: a tenant's own, and the defaults of every tenant without one.

use gd_core::TenantId;

use super::{Error, Store};

/// The tenant that stands for every tenant without a limit of its own by that name.
pub const EVERY_TENANT: TenantId = TenantId(0);

/// What a name limits, and to how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A token bucket.
    Rate {
        /// Tokens per period, 0 to 1,000,000,000.
        allowed: u32,
        /// The period in milliseconds, from 1.
        period_ms: u64,
        /// Tokens that a full bucket holds, 1 to 1,000,000,000.
        burst: u32,
    },
    /// Slots of every concurrency key by that name, from 1.
    Concurrency {
        /// How many instances may hold one key at once.
        slots: u16,
    },
}

/// Which of the two limits that a name may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// [`Limit::Rate`].
    Rate,
    /// [`Limit::Concurrency`].
    Concurrency,
}

impl Limit {
    /// Which kind it is of.
    pub fn kind(&self) -> LimitKind {
        match self {
            Self::Rate { .. } => LimitKind::Rate,
            Self::Concurrency { .. } => LimitKind::Concurrency,
        }
    }
}

impl LimitKind {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
        }
    }
}

/// A limit that counts for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub limit: Limit,
    /// A default of every tenant; else the tenant's own.
    pub default: bool,
    /// Since when, in milliseconds since the Unix epoch.
    pub changed_at_ms: i64,
}

impl Store {
    /// The limits that count for a tenant, by name: its own before the defaults.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn list_limits(&self, tenant: TenantId) -> Result<Vec<LimitRow>, Error> {
        let rows = sqlx::query_file!("src/store/sql/list_limits.sql", tenant.0).fetch_all(&self.pool).await?;
        let row = rows.into_iter().map(|row| LimitRow {
            limit: match row.slots {
                Some(slots) => Limit::Concurrency { slots: slots.unsigned_abs() },
                None => Limit::Rate {
                    allowed: tokens(row.allowed),
                    period_ms: row.period_ms.unwrap_or_default().unsigned_abs(),
                    burst: tokens(row.burst),
                },
            },
            name: row.name,
            default: row.tenant_id == EVERY_TENANT.0,
            changed_at_ms: row.changed_at_ms,
        });
        Ok(row.collect())
    }

    /// Sets a limit, and says whether that changed anything. A limit earns at its new rate from the change on; one that is set to what it
    /// was keeps the time of its last change.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn set_limit(&self, tenant: TenantId, name: &str, limit: Limit) -> Result<bool, Error> {
        let done = match limit {
            Limit::Rate { allowed, period_ms, burst } => sqlx::query_file!(
                "src/store/sql/set_rate_limit.sql",
                tenant.0,
                name,
                i64::from(allowed),
                super::rows::millis(period_ms),
                i64::from(burst),
            ),
            Limit::Concurrency { slots } => sqlx::query_file!(
                "src/store/sql/set_key_limit.sql",
                tenant.0,
                name,
                i16::try_from(slots).unwrap_or(i16::MAX),
            ),
        };
        Ok(done.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// Removes a tenant's own limit; false when it has none.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn remove_limit(&self, tenant: TenantId, name: &str, kind: LimitKind) -> Result<bool, Error> {
        let done = match kind {
            LimitKind::Rate => sqlx::query_file!("src/store/sql/remove_rate_limit.sql", tenant.0, name),
            LimitKind::Concurrency => sqlx::query_file!("src/store/sql/remove_key_limit.sql", tenant.0, name),
        };
        Ok(done.execute(&self.pool).await?.rows_affected() > 0)
    }
}

/// The schema keeps it within 0 and 1,000,000,000.
fn tokens(column: Option<i64>) -> u32 {
    u32::try_from(column.unwrap_or_default()).unwrap_or_default()
}
