//! Rate limits and concurrency limits, as callers set them.

use gd_core::TenantId;

use super::{Error, Host, names};
use crate::store::{Limit, LimitKind, LimitRow};

/// Tokens of a limit at most: far above any rate that means something, and what the schema takes.
const TOKENS_MAX: u32 = 1_000_000_000;
/// Longest period: a year.
const PERIOD_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1_000;
/// Most slots of one key: what the schema takes.
const SLOTS_MAX: u16 = i16::MAX.unsigned_abs();

impl Host {
    /// The limits that count for a tenant, by name: its own before the defaults.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn limits(&self, tenant: TenantId) -> Result<Vec<LimitRow>, Error> {
        Ok(self.0.store.list_limits(tenant).await?)
    }

    /// Sets a limit of this tenant. It counts from now on: nothing is earned for the time before.
    ///
    /// # Errors
    /// Says what is wrong with its name or its numbers.
    pub async fn set_limit(&self, tenant: TenantId, name: &str, limit: Limit) -> Result<LimitRow, Error> {
        check_limit(name, &limit)?;
        if self.0.store.set_limit(tenant, name, limit).await? {
            self.0.engine.limits_changed();
        }
        let set = self.counting(tenant, name, limit.kind()).await?;
        set.ok_or_else(|| Error::UnknownLimit { name: name.to_owned(), kind: limit.kind(), default: false })
    }

    /// Removes a limit of this tenant, and says which default counts instead, if there is one.
    ///
    /// # Errors
    /// [`Error::UnknownLimit`] when the tenant has none of its own.
    pub async fn remove_limit(&self, tenant: TenantId, name: &str, kind: LimitKind) -> Result<Option<LimitRow>, Error> {
        names::check("limit's name", name)?;
        let removed = self.0.store.remove_limit(tenant, name, kind).await?;
        let counts = self.counting(tenant, name, kind).await?;
        if !removed {
            return Err(Error::UnknownLimit { name: name.to_owned(), kind, default: counts.is_some() });
        }
        self.0.engine.limits_changed();
        Ok(counts)
    }

    async fn counting(&self, tenant: TenantId, name: &str, kind: LimitKind) -> Result<Option<LimitRow>, Error> {
        let limits = self.0.store.list_limits(tenant).await?;
        Ok(limits.into_iter().find(|row| row.name == name && row.limit.kind() == kind))
    }
}

/// Whether a limit can be kept.
///
/// # Errors
/// Says what is wrong with its name or its numbers.
pub fn check_limit(name: &str, limit: &Limit) -> Result<(), Error> {
    names::check("limit's name", name)?;
    let refused = |why: String| Err(Error::InvalidArgument(format!("the limit {name:?} cannot be: {why}")));
    if name.contains(':') {
        return refused("its name holds a ':', which separates a name from what is limited apart".into());
    }
    match *limit {
        Limit::Rate { allowed, .. } if allowed > TOKENS_MAX => {
            refused(format!("allowed is {allowed}, not in 0..={TOKENS_MAX}"))
        }
        Limit::Rate { period_ms, .. } if !(1..=PERIOD_MS_MAX).contains(&period_ms) => {
            refused(format!("period_ms is {period_ms}, not in 1..={PERIOD_MS_MAX}"))
        }
        Limit::Rate { burst, .. } if !(1..=TOKENS_MAX).contains(&burst) => {
            refused(format!("burst is {burst}, not in 1..={TOKENS_MAX}"))
        }
        Limit::Concurrency { slots } if !(1..=SLOTS_MAX).contains(&slots) => {
            refused(format!("slots is {slots}, not in 1..={SLOTS_MAX}"))
        }
        Limit::Rate { .. } | Limit::Concurrency { .. } => Ok(()),
    }
}
